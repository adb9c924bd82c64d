//! The process of a function: a group of its own under an unprivileged user, watched, and ended with all its members.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::exchange::Notice;
use super::failure::Ending;
use super::sandbox;
use crate::error::Result;
use crate::interrupt::{self, Registration};

/// How often it is looked whether a process that was asked to end has ended.
pub(super) const INTERVAL: Duration = Duration::from_millis(1);

/// How a process comes to run as the function's user when slsbuild runs as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// It is started as that user.
    Given,
    /// It becomes that user itself, when it has done what only root may do.
    BecomesIt,
}

/// A process that is not reaped yet. Dropped, it is ended.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    watcher: Option<JoinHandle<()>>,
    registration: Option<Registration>,
}

impl Process {
    /// Starts the process, whose end will be the notice that `ended` makes of the time.
    pub(super) fn start(
        command: &mut Command,
        user: User,
        notices: Sender<Notice>,
        ended: impl FnOnce(Instant) -> Notice + Send + 'static,
    ) -> io::Result<Self> {
        let (child, registration) = spawn(command, user)?;
        let mut process = Self {
            child,
            watcher: None,
            registration: Some(registration),
        };
        process.watcher = Some(watch(process.id(), notices, ended)?);
        Ok(process)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.watcher.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks the process to end, and waits for that as long as `patience`.
    pub(super) fn terminate(&self, patience: Duration) {
        terminate(self.id());
        let deadline = Instant::now() + patience;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(INTERVAL);
        }
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
fn spawn(command: &mut Command, user: User) -> io::Result<(Child, Registration)> {
    use std::os::unix::process::CommandExt as _;
    if sandbox::is_root() && user == User::Given {
        command
            .gid(sandbox::UNPRIVILEGED)
            .uid(sandbox::UNPRIVILEGED);
    }
    interrupt::spawn_group(command)
}

#[cfg(not(unix))]
fn spawn(command: &mut Command, _user: User) -> io::Result<(Child, Registration)> {
    let child = command.spawn()?;
    let registration = interrupt::kill_group_on_interrupt(child.id());
    Ok((child, registration))
}

/// Tells of the process's end without reaping it.
fn watch(
    process: u32,
    notices: Sender<Notice>,
    ended: impl FnOnce(Instant) -> Notice + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("watcher".to_owned())
        .spawn(move || {
            wait_unreaped(process);
            let _ = notices.send(ended(Instant::now()));
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

#[cfg(unix)]
fn terminate(process: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(_process: u32) {}

/// Why a file, which lies at `shown` on Lambda, was not started. What is not the file's failure is ours.
pub(super) fn unstartable(error: io::Error, shown: &str) -> Result<String> {
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
    Ok(format!("fork/exec {shown}: {cause}"))
}
