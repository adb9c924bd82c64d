//! The processes of external extensions: started before the function, ended after it.

use std::io::PipeWriter;
use std::process::{Command, Stdio};
use std::sync::mpsc::Sender;
use std::time::Instant;

use super::Registry;
use crate::error::Result;
use crate::local::environment::Variables;
use crate::local::exchange::Notice;
use crate::local::failure::{Ending, ExtensionFault, Failure};
use crate::local::memory;
use crate::local::process::{INTERVAL, Process, User, unstartable};
use crate::local::sandbox::Sandbox;
use crate::platform::lambda::MOST_EXTENSIONS;
use crate::target::Arch;

/// Why Lambda could not start an extension that is for another arch than its function; here an emulator would run it.
fn of_another_arch(extension: Option<Arch>, function: Option<Arch>) -> Option<String> {
    let (extension, function) = (extension?, function?);
    (extension != function).then(|| {
        format!("exec format error: it is for {extension}, and the function for {function}")
    })
}

/// The processes of external extensions that run. Dropped, they are ended.
#[derive(Debug, Default)]
pub(in crate::local) struct Companions {
    processes: Vec<(String, Process)>,
}

impl Companions {
    /// Starts each extension of the layers. An error that Lambda would report is the inner one.
    pub(in crate::local) fn start(
        &mut self,
        sandbox: &Sandbox,
        registry: &Registry,
        variables: &Variables,
        output: &PipeWriter,
        notices: &Sender<Notice>,
    ) -> Result<Result<(), Failure>> {
        for (name, _) in sandbox.extensions() {
            registry.expect(name);
        }
        for (number, (name, program)) in sandbox.extensions().iter().enumerate() {
            let started = if number < MOST_EXTENSIONS {
                let foreign = of_another_arch(program.arch(), sandbox.arch());
                match foreign.map_or_else(|| program.command(), Err) {
                    Ok((program, arguments)) => {
                        let mut command = Command::new(program);
                        command
                            .args(arguments)
                            .env_clear()
                            .envs(variables)
                            .current_dir(sandbox.task())
                            .stdin(Stdio::null())
                            .stdout(output.try_clone()?)
                            .stderr(output.try_clone()?);
                        spawn(&mut command, name, notices)?
                    }
                    Err(cause) => Err(cause),
                }
            } else {
                Err(format!("Lambda starts {MOST_EXTENSIONS} extensions"))
            };
            match started {
                Ok(process) => self.processes.push((name.clone(), process)),
                Err(cause) => {
                    registry.launch_failed(name, launch_error(number, &cause));
                    return Ok(Err(Failure::Extension {
                        name: name.clone(),
                        fault: ExtensionFault::Launch(cause),
                    }));
                }
            }
        }
        Ok(Ok(()))
    }

    pub(in crate::local) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Takes note of an extension whose process has ended, and says how it did.
    pub(in crate::local) fn ended(&mut self, name: &str) -> Ending {
        let index = self.processes.iter().position(|(one, _)| one == name);
        index.map_or(Ending::Exit(0), |index| {
            self.processes.remove(index).1.end()
        })
    }

    /// Lets those end by themselves that were told of the end, until the deadline, and ends all others. Gives the names of those
    /// that did not.
    pub(in crate::local) fn end(&mut self, registry: &Registry, deadline: Instant) -> Vec<String> {
        let (told, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.processes)
            .into_iter()
            .partition(|(name, _)| registry.expects_shutdown(name));
        drop(others);
        // One that asks for another event after the last one has nothing left to do: so does every one on `lambda-extension`.
        let is_running =
            |(name, process): &&(String, Process)| !process.has_ended() && registry.is_busy(name);
        while told.iter().any(|one| is_running(&one)) && Instant::now() < deadline {
            std::thread::sleep(INTERVAL);
        }
        told.iter()
            .filter(is_running)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The most memory that they used together, in KiB.
    pub(in crate::local) fn peak_kib(&self) -> u64 {
        self.processes
            .iter()
            .filter_map(|(_, process)| memory::peak_kib(process.id()))
            .sum()
    }
}

fn spawn(
    command: &mut Command,
    name: &str,
    notices: &Sender<Notice>,
) -> Result<Result<Process, String>> {
    let ended = Notice::ExtensionEnded {
        name: name.to_owned(),
    };
    match Process::start(command, User::Given, notices.clone(), |_| ended) {
        Ok(process) => Ok(Ok(process)),
        Err(error) => unstartable(error, &format!("/opt/extensions/{name}")).map(Err),
    }
}

/// The error type of Lambda's line about an extension that does not start.
fn launch_error(number: usize, cause: &str) -> &'static str {
    if number >= MOST_EXTENSIONS {
        "TooManyExtensions"
    } else if cause.ends_with("permission denied") {
        "PermissionDenied"
    } else {
        "UnknownError"
    }
}
