//! One execution environment: the process of a function, from its init phase over any number of events to its end.
//! Nothing that it started outlives it.

use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::cpu::CpuClock;
use super::environment::Configuration;
use super::exchange::{Answer, Notice};
use super::failure::{Ending, Failure};
use super::invocation::Invocation;
use super::logs::{Logging, Logs};
use super::memory;
use super::process::{Process, unstartable};
use super::sandbox::Sandbox;
use super::server::Server;
use crate::error::Result;
use crate::ui::Ui;

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
    clock: Option<CpuClock>,
    logs: Option<Logs>,
    kept_log: Vec<String>,
    peak_kib: u64,
    sandbox: Sandbox,
}

/// How the init phase went.
#[derive(Debug)]
pub struct Init {
    /// From right before the process's exec to its first `/next`, or to its failure.
    pub duration: Duration,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What became of one event.
#[derive(Debug)]
pub struct Outcome {
    /// The response. A stream that failed has one too, as far as it came.
    pub response: Option<Vec<u8>>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// From the event to the next `/next`, or to the failure.
    pub duration: Duration,
    /// The CPU time of the process for it, user and system; `None` when it ended.
    pub cpu: Option<Duration>,
    /// How the process ended after it answered, instead of asking for its next event.
    pub ended: Option<Ending>,
    /// It answered, and neither asked again nor ended before its time was over.
    pub lingered: bool,
}

impl Instance {
    /// An instance whose process is not started yet.
    pub fn new(sandbox: Sandbox, configuration: Configuration, logging: Logging) -> Result<Self> {
        let (sender, notices) = channel();
        Ok(Self {
            server: Server::start(sender.clone())?,
            configuration,
            logging,
            sender,
            notices,
            process: None,
            clock: None,
            logs: None,
            kept_log: Vec::new(),
            peak_kib: 0,
            sandbox,
        })
    }

    /// Starts the process and waits until it asks for its first event.
    ///
    /// Lambda ends an init phase after ten seconds and repeats it within the timeout; here it runs once, for as long as the
    /// longer of the two.
    pub fn init(&mut self) -> Result<Init> {
        let limit = INIT_LIMIT.max(self.configuration.timeout);
        let started = match self.start()? {
            Ok(started) => started,
            Err(failure) => {
                return Ok(Init {
                    duration: Duration::ZERO,
                    failure: Some(failure),
                });
            }
        };
        let (at, failure) = match self.wait(started + limit) {
            // Nothing can be answered before it was asked: only `Polled` comes here.
            Some(Notice::Polled { at } | Notice::Answered { at, .. }) => (at, None),
            Some(Notice::InitFailed(error)) => (Instant::now(), Some(Failure::Function(error))),
            Some(Notice::Ended { at }) => (at, Some(Failure::NeverPolled(self.end()))),
            None => {
                self.end();
                (started + limit, Some(Failure::InitTimedOut(limit)))
            }
        };
        self.catch_up();
        Ok(Init {
            duration: at.duration_since(started),
            failure,
        })
    }

    /// Ends the process and starts it anew, with a Runtime API that has seen nothing yet.
    pub fn restart(&mut self) -> Result<Init> {
        self.end();
        (self.sender, self.notices) = channel();
        self.server = Server::start(self.sender.clone())?;
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
        let outcome = |failure, duration| Outcome {
            response: None,
            failure: Some(failure),
            duration,
            cpu: None,
            ended: None,
            lingered: false,
        };
        let answer = loop {
            match self.wait(deadline) {
                Some(Notice::Answered {
                    request_id: id,
                    answer,
                    ..
                }) if id == request_id => break answer,
                Some(Notice::Ended { at }) => {
                    return outcome(Failure::Exited(self.end()), at.duration_since(started));
                }
                Some(_) => {}
                None => {
                    self.server.abandon(&request_id);
                    self.end();
                    return outcome(Failure::TimedOut(timeout), timeout);
                }
            }
        };
        let (response, failure) = match answer {
            Answer::Response { body, error } => (Some(body), error.map(Failure::Function)),
            Answer::Error(error) => (None, Some(Failure::Function(error))),
            Answer::TooLarge { size, limit } => (None, Some(Failure::TooLarge { size, limit })),
        };
        let (duration, ended, lingered) = self.settle(started, deadline);
        let cpu = self
            .cpu()
            .zip(cpu_before)
            .map(|(after, before)| after.saturating_sub(before));
        self.catch_up();
        Outcome {
            response,
            failure,
            duration,
            cpu,
            ended,
            lingered,
        }
    }

    /// An event is over when the process asks for the next one: what it does between is billed.
    fn settle(&mut self, started: Instant, deadline: Instant) -> (Duration, Option<Ending>, bool) {
        match self.wait(deadline) {
            Some(Notice::Ended { at }) => (at.duration_since(started), Some(self.end()), false),
            Some(Notice::Polled { at }) => (at.duration_since(started), None, false),
            Some(Notice::Answered { .. } | Notice::InitFailed(_)) => {
                (started.elapsed(), None, false)
            }
            None => {
                self.end();
                (deadline.duration_since(started), None, true)
            }
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

    /// Takes the Runtime API away and lets the process end by itself within a time, as one does whose runtime gives up when it
    /// cannot ask for events.
    pub fn retire(&mut self, within: Duration) -> Ending {
        self.server.stop();
        let deadline = Instant::now() + within;
        while let Some(notice) = self.wait(deadline) {
            if matches!(notice, Notice::Ended { .. }) {
                break;
            }
        }
        self.end()
    }

    /// Ends the process with all that it started, and takes the rest of its log.
    pub fn end(&mut self) -> Ending {
        self.look_at_memory();
        self.clock = None;
        let ending = self.process.take().map(Process::end);
        if let Some(mut logs) = self.logs.take() {
            self.kept_log = logs.finish();
        }
        ending.unwrap_or(Ending::Exit(0))
    }

    /// Ends the process and prints the last lines of its log, which may say why it failed, unless they were printed before.
    pub fn end_saying(&mut self, ui: Ui) {
        self.end();
        for line in &self.kept_log {
            ui.words(line);
        }
    }

    /// Starts the process and says when: an error that Lambda would report is the inner one.
    fn start(&mut self) -> Result<Result<Instant, Failure>> {
        let (program, arguments) = match self.sandbox.command() {
            Ok(command) => command,
            Err(failure) => return Ok(Err(failure)),
        };
        let (logs, output) = Logs::start(self.logging)?;
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(
                self.configuration
                    .variables(self.sandbox.task(), self.server.address()),
            )
            .current_dir(self.sandbox.task())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let at = Instant::now();
        let started = Process::start(&mut command, self.sender.clone());
        // The command holds the writing end of the pipe.
        drop(command);
        let process = match started {
            Ok(process) => process,
            Err(error) => return unstartable(error).map(Err),
        };
        self.clock = CpuClock::of(process.id());
        self.process = Some(process);
        self.logs = Some(logs);
        self.look_at_memory();
        Ok(Ok(at))
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

    fn look_at_memory(&mut self) {
        if let Some(peak) = self
            .process
            .as_ref()
            .and_then(|process| memory::peak_kib(process.id()))
        {
            self.peak_kib = self.peak_kib.max(peak);
        }
    }

    fn catch_up(&self) {
        if let Some(logs) = &self.logs {
            logs.catch_up();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}
