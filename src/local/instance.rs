//! One execution environment: the process of a function and those of its extensions, from their init phase (`start.rs`) over any
//! number of events to their end (`end.rs`).
//! Nothing that it started outlives it.

mod end;
mod outcome;
mod start;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

pub use outcome::{Init, Outcome};

use super::cpu::CpuClock;
use super::environment::Configuration;
use super::exchange::{Answer, Notice};
use super::extensions::{Companions, ShutdownReason};
use super::failure::{ExtensionFault, Failure};
use super::invocation::Invocation;
use super::logs::{Logging, Logs};
use super::memory;
use super::process::Process;
use super::sandbox::Sandbox;
use super::server::Server;
use crate::error::Result;

/// What Lambda grants the init phase before it ends it, and starts it once more within the function's own timeout.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html> (2026-11).
pub const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How often a running process's memory is looked at: its peak is lost to us when it dies.
const MEMORY_INTERVAL: Duration = Duration::from_millis(20);

/// A function's process and the Runtime API it talks to.
#[derive(Debug)]
pub struct Instance {
    configuration: Configuration,
    logging: Logging,
    sender: Sender<Notice>,
    notices: Receiver<Notice>,
    server: Server,
    process: Option<Process>,
    companions: Companions,
    /// When the first process of the init phase was started.
    began: Option<Instant>,
    /// What extensions will be told at their end.
    reason: ShutdownReason,
    clock: Option<CpuClock>,
    logs: Option<Logs>,
    kept_log: Vec<String>,
    peak_kib: u64,
    sandbox: Sandbox,
}

impl Instance {
    /// An instance whose process is not started yet.
    pub fn new(sandbox: Sandbox, configuration: Configuration, logging: Logging) -> Result<Self> {
        let (sender, notices) = channel();
        Ok(Self {
            server: Server::start(sender.clone(), &configuration.name)?,
            configuration,
            logging,
            sender,
            notices,
            process: None,
            companions: Companions::default(),
            began: None,
            reason: ShutdownReason::default(),
            clock: None,
            logs: None,
            kept_log: Vec::new(),
            peak_kib: 0,
            sandbox,
        })
    }

    /// Starts the process, after its extensions, and waits until all of them ask for their first event.
    ///
    /// Lambda ends an init phase after ten seconds and repeats it within the timeout; here it runs once, for as long as the
    /// longer of the two.
    pub fn init(&mut self) -> Result<Init> {
        let limit = INIT_LIMIT.max(self.configuration.timeout);
        self.began = None;
        self.reason = ShutdownReason::default();
        let (at, failure) = match self.start(limit)? {
            Ok(at) => (at, None),
            Err((at, failure)) => {
                if self.reason != ShutdownReason::Timeout {
                    self.reason = ShutdownReason::Failure;
                }
                (at, Some(failure))
            }
        };
        self.catch_up();
        if let Logging::Printed(ui) = self.logging {
            for line in self.server.extensions().lines() {
                ui.log(line);
            }
        }
        Ok(Init {
            duration: self
                .began
                .map_or(Duration::ZERO, |began| at.saturating_duration_since(began)),
            failure,
        })
    }

    /// Ends the process and starts it anew, with a Runtime API that has seen nothing yet.
    pub fn restart(&mut self) -> Result<Init> {
        self.end();
        (self.sender, self.notices) = channel();
        self.server = Server::start(self.sender.clone(), &self.configuration.name)?;
        self.peak_kib = 0;
        self.init()
    }

    /// Hands one event to the process and waits for what becomes of it.
    pub fn invoke(&mut self, invocation: Invocation) -> Outcome {
        let timeout = invocation.timeout;
        let request_id = invocation.request_id.clone();
        let cpu_before = self.cpu();
        let started = Instant::now();
        let deadline = started + timeout;
        self.server.queue(invocation);
        let answer = loop {
            match self.wait(deadline) {
                Some(Notice::Answered {
                    request_id: id,
                    answer,
                    ..
                }) if id == request_id => break answer,
                Some(Notice::Ended { at }) => {
                    self.reason = ShutdownReason::Failure;
                    let failure = Failure::Exited(self.end_function());
                    return Outcome::failed(failure, at.duration_since(started));
                }
                Some(notice) => {
                    if let Some(failure) = self.setback(notice) {
                        self.reason = ShutdownReason::Failure;
                        self.end_function();
                        return Outcome::failed(failure, started.elapsed());
                    }
                }
                None => {
                    self.server.abandon(&request_id);
                    self.reason = ShutdownReason::Timeout;
                    self.end_function();
                    return Outcome::failed(Failure::TimedOut(timeout), timeout);
                }
            }
        };
        let (response, failure) = match answer {
            Answer::Response { body, error } => (Some(body), error.map(Failure::Function)),
            Answer::Error(error) => (None, Some(Failure::Function(error))),
            Answer::TooLarge { size, limit } => (None, Some(Failure::TooLarge { size, limit })),
        };
        let mut outcome = self.settle(started, deadline);
        outcome.cpu = self
            .cpu()
            .zip(cpu_before)
            .map(|(after, before)| after.saturating_sub(before));
        self.catch_up();
        outcome.response = response;
        outcome.failure = failure.or(outcome.failure);
        outcome
    }

    /// An event is over when the process and the extensions ask for the next one: what they do between is billed.
    fn settle(&mut self, started: Instant, deadline: Instant) -> Outcome {
        let mut outcome = Outcome::answered();
        let mut polled = None;
        let over = loop {
            let ready = polled.and_then(|at| self.server.extensions().ready_since(at));
            if let Some(at) = ready {
                break at;
            }
            match self.wait(deadline) {
                Some(Notice::Ended { at }) => {
                    self.reason = ShutdownReason::Failure;
                    outcome.ended = Some(self.end_function());
                    break at;
                }
                Some(Notice::Polled { at }) => polled = Some(at),
                Some(Notice::Answered { .. } | Notice::InitFailed(_)) => break Instant::now(),
                Some(notice) => {
                    outcome.failure = self.setback(notice);
                    if outcome.failure.is_some() {
                        self.reason = ShutdownReason::Failure;
                        self.end_function();
                        break Instant::now();
                    }
                }
                None => {
                    outcome.lingered = polled.is_none();
                    outcome.lingering_extension =
                        self.server.extensions().busy().filter(|_| polled.is_some());
                    self.reason = ShutdownReason::Timeout;
                    self.end_function();
                    break deadline;
                }
            }
        };
        outcome.duration = over.duration_since(started);
        outcome
    }

    /// What a notice about an extension means for its environment: nothing, or its end.
    fn setback(&mut self, notice: Notice) -> Option<Failure> {
        match notice {
            Notice::ExtensionFailed { name, fault } => Some(Failure::Extension { name, fault }),
            Notice::ExtensionEnded { name } => {
                let fault = ExtensionFault::Crashed(self.companions.ended(&name));
                Some(Failure::Extension { name, fault })
            }
            Notice::TelemetryAsked => {
                if let Logging::Printed(ui) = self.logging {
                    ui.note(
                        "an extension subscribed to logs or telemetry, which are not sent here",
                    );
                }
                None
            }
            Notice::ExtensionMoved { .. }
            | Notice::Polled { .. }
            | Notice::Answered { .. }
            | Notice::InitFailed(_)
            | Notice::Ended { .. } => None,
        }
    }

    /// The most memory that the process used so far, in MB (of 2^20 bytes, as Lambda's), rounded up.
    pub fn peak_mb(&self) -> u64 {
        self.peak_kib.div_ceil(1024)
    }

    /// The most memory that the process used so far, in KiB.
    pub fn peak_kib(&self) -> u64 {
        self.peak_kib
    }

    /// The CPU time that the process has used so far; `None` when it does not run or the system does not say it.
    pub fn cpu(&self) -> Option<Duration> {
        self.clock.and_then(CpuClock::now)
    }

    /// The artifact that runs.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The next notice, or `None` at the deadline.
    fn wait(&mut self, deadline: Instant) -> Option<Notice> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let notice = self.notices.recv_timeout(left.min(MEMORY_INTERVAL));
            self.look_at_memory();
            match notice {
                Ok(notice) => return Some(notice),
                Err(RecvTimeoutError::Timeout) if !left.is_zero() => {}
                Err(_) => return None,
            }
        }
    }

    /// What Lambda counts is what the function and its extensions use together.
    fn look_at_memory(&mut self) {
        if let Some(peak) = self
            .process
            .as_ref()
            .and_then(|process| memory::peak_kib(process.id()))
        {
            self.peak_kib = self.peak_kib.max(peak + self.companions.peak_kib());
        }
    }

    fn catch_up(&self) {
        if let Some(logs) = &self.logs {
            logs.catch_up();
        }
    }
}
