//! How an environment starts: its extensions, then the function, then all of them ask for their first event.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Instance;
use crate::error::Result;
use crate::local::cpu::CpuClock;
use crate::local::exchange::Notice;
use crate::local::extensions::ShutdownReason;
use crate::local::failure::{ExtensionFault, Failure};
use crate::local::logs::Logs;
use crate::local::process::{Process, User, unstartable};

/// When the environment was ready, or when and why it failed.
type Readiness = Result<Instant, (Instant, Failure)>;

impl Instance {
    /// Starts all processes and waits until they ask for their first events. `self.began` is when the first one was started.
    pub(super) fn start(&mut self, limit: Duration) -> Result<Readiness> {
        let (logs, output) = Logs::start(self.logging)?;
        self.logs = Some(logs);
        if !self.sandbox.extensions().is_empty() {
            let began = *self.began.insert(Instant::now());
            let variables = self.configuration.extension_variables(
                self.sandbox.task(),
                self.sandbox.opt(),
                self.server.address(),
            );
            let started = self.companions.start(
                &self.sandbox,
                self.server.extensions(),
                &variables,
                &output,
                &self.sender,
            )?;
            if let Err(failure) = started {
                return Ok(Err((Instant::now(), failure)));
            }
            if let Err(failure) = self.await_registrations(began + limit, limit) {
                return Ok(Err(failure));
            }
        }
        match self.start_function(output)? {
            Err(failure) => Ok(Err((self.began.unwrap_or_else(Instant::now), failure))),
            Ok(started) => {
                let began = *self.began.get_or_insert(started);
                Ok(self.await_readiness(began + limit, limit))
            }
        }
    }

    /// Starts the function's process and says when: an error that Lambda would report is the inner one.
    fn start_function(&mut self, output: std::io::PipeWriter) -> Result<Result<Instant, Failure>> {
        let (program, arguments) = match self.sandbox.command() {
            Ok(command) => command,
            Err(failure) => return Ok(Err(failure)),
        };
        let (image, task) = (self.sandbox.image(), self.sandbox.task());
        let told_task = image.and_then(|image| image.told_task);
        let variables = self.configuration.variables(
            told_task.unwrap_or(task),
            self.sandbox.opt(),
            self.server.address(),
        );
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(match image {
                Some(image) => image.variables(variables),
                None => variables,
            })
            .current_dir(task)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let user = match image {
            Some(image) if image.stays_root() => User::BecomesIt,
            Some(_) | None => User::Given,
        };
        let at = Instant::now();
        let started = Process::start(&mut command, user, self.sender.clone(), |at| {
            Notice::Ended { at }
        });
        // The command holds the writing end of the pipe.
        drop(command);
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                let cause = unstartable(error, "/var/task/bootstrap")?;
                return Ok(Err(Failure::InvalidEntrypoint(cause)));
            }
        };
        self.clock = CpuClock::of(process.id());
        self.process = Some(process);
        self.look_at_memory();
        Ok(Ok(at))
    }

    /// Lambda starts the function when every extension has registered.
    fn await_registrations(
        &mut self,
        deadline: Instant,
        limit: Duration,
    ) -> Result<(), (Instant, Failure)> {
        while let Some(name) = self.server.extensions().unregistered() {
            let Some(notice) = self.wait(deadline) else {
                self.reason = ShutdownReason::Timeout;
                let fault = ExtensionFault::Slow(limit);
                return Err((deadline, Failure::Extension { name, fault }));
            };
            if let Some(failure) = self.setback(notice) {
                return Err((Instant::now(), failure));
            }
        }
        Ok(())
    }

    fn await_readiness(&mut self, deadline: Instant, limit: Duration) -> Readiness {
        let mut polled = None;
        loop {
            let ready = polled.and_then(|at| self.server.extensions().ready_since(at));
            if let Some(at) = ready {
                return Ok(at);
            }
            match self.wait(deadline) {
                // Nothing can be answered before it was asked: only `Polled` comes here.
                Some(Notice::Polled { at } | Notice::Answered { at, .. }) => polled = Some(at),
                Some(Notice::InitFailed(error)) => {
                    return Err((Instant::now(), Failure::Function(error)));
                }
                Some(Notice::Ended { at }) => {
                    return Err((at, Failure::NeverPolled(self.end_function())));
                }
                Some(notice) => {
                    if let Some(failure) = self.setback(notice) {
                        return Err((Instant::now(), failure));
                    }
                }
                None => {
                    self.reason = ShutdownReason::Timeout;
                    let busy = self.server.extensions().busy();
                    let failure = match busy.filter(|_| polled.is_some()) {
                        Some(name) => Failure::Extension {
                            name,
                            fault: ExtensionFault::Slow(limit),
                        },
                        None => Failure::InitTimedOut(limit),
                    };
                    self.end_function();
                    return Err((deadline, failure));
                }
            }
        }
    }
}
