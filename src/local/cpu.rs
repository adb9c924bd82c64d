//! How much CPU time a process has used: user and system, in nanoseconds, of all its threads, also those that have ended.
//! Through qemu, the emulator's own is in it.

#[cfg(target_os = "linux")]
use nix::{time::ClockId, unistd::Pid};
use std::time::Duration;

/// The CPU clock of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct CpuClock {
    #[cfg(target_os = "linux")]
    id: ClockId,
}

#[cfg(target_os = "linux")]
impl CpuClock {
    /// The clock of a process that runs; `None` when there is none.
    pub(super) fn of(process: u32) -> Option<Self> {
        let process = Pid::from_raw(i32::try_from(process).ok()?);
        let id = nix::time::clock_getcpuclockid(process).ok()?;
        Some(Self { id })
    }

    /// What the process has used so far; `None` when it is gone.
    pub(super) fn now(self) -> Option<Duration> {
        self.id.now().ok().map(Duration::from)
    }
}

#[cfg(not(target_os = "linux"))]
impl CpuClock {
    pub(super) fn of(_process: u32) -> Option<Self> {
        None
    }

    pub(super) fn now(self) -> Option<Duration> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_advances_the_clock() {
        let clock = CpuClock::of(std::process::id()).unwrap();
        let before = clock.now().unwrap();
        let mut sum = 0_u64;
        for n in 0..100_000 {
            sum = std::hint::black_box(sum.wrapping_add(n));
        }
        assert!(clock.now().unwrap() > before, "{sum}");
    }

    #[test]
    fn no_process_has_no_clock() {
        assert!(CpuClock::of(u32::MAX).is_none());
    }
}
