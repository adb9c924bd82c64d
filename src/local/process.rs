//! The process of a function: a group of its own under an unprivileged user, watched, and ended with all its members.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Instant;

use super::exchange::Notice;
use super::failure::{Ending, Failure};
use super::sandbox;
use crate::error::Result;
use crate::interrupt::{self, Registration};

/// A process that is not reaped yet. Dropped, it is ended.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    watcher: Option<JoinHandle<()>>,
    registration: Option<Registration>,
}

impl Process {
    /// Starts the process, whose end will be a notice.
    pub(super) fn start(command: &mut Command, notices: Sender<Notice>) -> io::Result<Self> {
        let (child, registration) = spawn(command)?;
        let mut process = Self {
            child,
            watcher: None,
            registration: Some(registration),
        };
        process.watcher = Some(watch(process.id(), notices)?);
        Ok(process)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process and its group, if it has not ended by itself, and says how it ended.
    pub(super) fn end(mut self) -> Ending {
        self.reap()
    }

    fn reap(&mut self) -> Ending {
        // The leader is not reaped yet, so its id still names this group, and nobody else's.
        if self.registration.is_some() {
            let _ = self.child.kill();
            interrupt::kill_group(self.child.id());
        }
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
        let ending = self.child.wait().map_or(Ending::Exit(0), Ending::from);
        self.registration = None;
        ending
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reap();
    }
}

#[cfg(unix)]
fn spawn(command: &mut Command) -> io::Result<(Child, Registration)> {
    use std::os::unix::process::CommandExt as _;
    if sandbox::is_root() {
        command
            .gid(sandbox::UNPRIVILEGED)
            .uid(sandbox::UNPRIVILEGED);
    }
    interrupt::spawn_group(command)
}

#[cfg(not(unix))]
fn spawn(command: &mut Command) -> io::Result<(Child, Registration)> {
    let child = command.spawn()?;
    let registration = interrupt::kill_group_on_interrupt(child.id());
    Ok((child, registration))
}

/// Tells of the process's end without reaping it.
fn watch(process: u32, notices: Sender<Notice>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("watcher".to_owned())
        .spawn(move || {
            wait_unreaped(process);
            let _ = notices.send(Notice::Ended { at: Instant::now() });
        })
}

#[cfg(unix)]
fn wait_unreaped(process: u32) {
    use rustix::io::Errno;
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return;
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR)) {}
}

#[cfg(not(unix))]
fn wait_unreaped(_process: u32) {}

/// A bootstrap that the kernel does not start is the function's failure; anything else is ours.
pub(super) fn unstartable(error: io::Error) -> Result<Failure> {
    let cause = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::ExecutableFileBusy => "text file busy",
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
