//! Trying again: what is worth it is `fault.rs`'s to say; here is how often, after how long, and when a registry is given up.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::client::Client;
use super::fault::Fault;

/// How long is slept at once, so that a pause ends soon after all work was given up.
const NAP: Duration = Duration::from_millis(20);

/// One of several attempts.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    /// When something small must be done.
    pub(super) deadline: Instant,
    began: Instant,
    moved: Cell<Instant>,
    stop: &'a AtomicBool,
}

impl Attempt<'_> {
    /// Notes that bytes go on to flow.
    pub(super) fn moved(&self) {
        self.moved.set(Instant::now());
    }

    /// Whether all work was given up.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Nothing but this work can fail.
pub(super) static ALONE: AtomicBool = AtomicBool::new(false);

/// Does `work` until it succeeds, or fails for good, or the registry was bad for too long.
pub(super) fn persist<T>(
    client: &Client,
    host: &str,
    stop: &AtomicBool,
    mut work: impl FnMut(&Attempt<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let patience = client.patience();
    let mut bad_since = Instant::now();
    let mut pause = patience.first_pause;
    for number in 1.. {
        let began = Instant::now();
        // An attempt at something small must not outlive the time after which the registry is given up.
        let left = (patience.give_up + patience.silence)
            .saturating_sub(began.saturating_duration_since(bad_since));
        let attempt = Attempt {
            deadline: began + patience.document.min(left),
            began,
            moved: Cell::new(began),
            stop,
        };
        if attempt.is_stopped() {
            return Err(Fault::Stopped);
        }
        let fault = match work(&attempt) {
            Err(fault) => fault,
            done => return done,
        };
        // As long as bytes flow, a registry is not bad.
        let flowed = attempt.moved.get().duration_since(attempt.began);
        if number == 1 || flowed > patience.silence {
            bad_since = attempt.moved.get();
        }
        let was_reached = client.registry(host).is_reached();
        if number >= patience.attempts || !fault.is_temporary(was_reached) {
            return Err(fault);
        }
        let wait = fault.retry_after().unwrap_or_else(|| jittered(pause));
        // One that wants to be left alone for longer is left alone.
        if wait > patience.longest_pause || bad_since.elapsed() + wait > patience.give_up {
            return Err(fault);
        }
        let said = client.said(&fault);
        let ui = client.options().ui;
        ui.status(
            "Retrying",
            format_args!("`{host}` in {:.0} s: {said}", wait.as_secs_f32()),
        );
        sleep(wait, stop)?;
        pause *= 3;
    }
    Err(Fault::Stopped)
}

fn sleep(wait: Duration, stop: &AtomicBool) -> Result<(), Fault> {
    let until = Instant::now() + wait;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Fault::Stopped);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(NAP));
    }
}

/// A tenth more or less, so that those who were refused together do not come back together.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    // The standard library's only source of randomness.
    let random = RandomState::new().hash_one(0_u8) % 201;
    let percent = f64::from(u32::try_from(random).unwrap_or(100)) / 1000.0 + 0.9;
    pause.mul_f64(percent)
}
