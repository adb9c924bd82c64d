//! One execution environment: the process of a function, from its init phase over any number of events to its end.
//! Nothing that it started outlives it.

use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::environment::Configuration;
use super::exchange::{Answer, Notice};
use super::failure::{Ending, Failure};
use super::invocation::Invocation;
use super::logs::Logs;
use super::memory;
use super::process::Process;
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
    ui: Ui,
    sender: Sender<Notice>,
    notices: Receiver<Notice>,
    server: Server,
    process: Option<Process>,
    logs: Option<Logs>,
    peak_mb: u64,
    sandbox: Sandbox,
}

/// How the init phase went.
#[derive(Debug)]
pub struct Init {
    /// From the process's start to its first `/next`, or to its failure.
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
    /// How the process ended after it answered, instead of asking for its next event.
    pub ended: Option<Ending>,
    /// It answered, and neither asked again nor ended before its time was over.
    pub lingered: bool,
}

impl Instance {
    /// An instance whose process is not started yet.
    pub fn new(sandbox: Sandbox, configuration: Configuration, ui: Ui) -> Result<Self> {
        let (sender, notices) = channel();
        Ok(Self {
            server: Server::start(sender.clone())?,
            configuration,
            ui,
            sender,
            notices,
            process: None,
            logs: None,
            peak_mb: 0,
            sandbox,
        })
    }

    /// Starts the process and waits until it asks for its first event.
    ///
    /// Lambda ends an init phase after ten seconds and repeats it within the timeout; here it runs once, for as long as the
    /// longer of the two.
    pub fn init(&mut self) -> Result<Init> {
        let started = Instant::now();
        let limit = INIT_LIMIT.max(self.configuration.timeout);
        if let Err(failure) = self.start()? {
            return Ok(Init {
                duration: started.elapsed(),
                failure: Some(failure),
            });
        }
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

    /// Hands one event to the process and waits for what becomes of it.
    pub fn invoke(&mut self, invocation: Invocation) -> Outcome {
        let timeout = invocation.timeout;
        let request_id = invocation.request_id.clone();
        let started = Instant::now();
        let deadline = started + timeout;
        self.server.queue(invocation);
        let outcome = |failure, duration| Outcome {
            response: None,
            failure: Some(failure),
            duration,
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
        self.catch_up();
        Outcome {
            response,
            failure,
            duration,
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

    /// The most memory that the process used so far, in MB.
    pub fn peak_mb(&self) -> u64 {
        self.peak_mb
    }

    /// The artifact that runs.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// How the function is configured.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
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

    /// Ends the process with all that it started, and prints the rest of its log.
    pub fn end(&mut self) -> Ending {
        self.look_at_memory();
        let ending = self.process.take().map(Process::end);
        if let Some(mut logs) = self.logs.take() {
            logs.finish();
        }
        ending.unwrap_or(Ending::Exit(0))
    }

    /// Starts the process: an error that Lambda would report is the inner one.
    fn start(&mut self) -> Result<Result<(), Failure>> {
        let (program, arguments) = match self.sandbox.command() {
            Ok(command) => command,
            Err(failure) => return Ok(Err(failure)),
        };
        let (logs, output) = Logs::start(self.ui)?;
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
        let started = Process::start(&mut command, self.sender.clone());
        // The command holds the writing end of the pipe.
        drop(command);
        match started {
            Ok(process) => self.process = Some(process),
            Err(error) => return unstartable(error).map(Err),
        }
        self.logs = Some(logs);
        self.look_at_memory();
        Ok(Ok(()))
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
            .and_then(|process| memory::peak_mb(process.id()))
        {
            self.peak_mb = self.peak_mb.max(peak);
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

/// A bootstrap that the kernel does not start is the function's failure; anything else is ours.
fn unstartable(error: std::io::Error) -> Result<Failure> {
    let cause = match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory",
        std::io::ErrorKind::PermissionDenied => "permission denied",
        std::io::ErrorKind::ExecutableFileBusy => "text file busy",
        _ => {
            return Err(anyhow::Error::from(error)
                .context("the function's process cannot be started")
                .into());
        }
    };
    Ok(Failure::InvalidEntrypoint(format!(
        "fork/exec /var/task/bootstrap: {cause}"
    )))
}
