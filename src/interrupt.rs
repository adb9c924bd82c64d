//! What is done when slsbuild is interrupted: children are ended, temporary files removed. The signals themselves are
//! `main.rs`'s.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fs;

/// What has to be done when slsbuild is interrupted.
#[derive(Debug, PartialEq, Eq)]
enum Cleanup {
    /// A child in our own process group, which gets SIGINT.
    Interrupt(u32),
    /// A process group of its own, which gets SIGKILL.
    KillGroup(u32),
    /// A temporary file or directory.
    Remove(PathBuf),
}

static CLEANUPS: Mutex<BTreeMap<u64, Cleanup>> = Mutex::new(BTreeMap::new());

fn cleanups() -> MutexGuard<'static, BTreeMap<u64, Cleanup>> {
    CLEANUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A cleanup that stays registered until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Registration(u64);

impl Drop for Registration {
    fn drop(&mut self) {
        cleanups().remove(&self.0);
    }
}

fn register(cleanup: Cleanup) -> Registration {
    insert(&mut cleanups(), cleanup)
}

fn insert(cleanups: &mut BTreeMap<u64, Cleanup>, cleanup: Cleanup) -> Registration {
    let key = cleanups.last_key_value().map_or(0, |(key, _)| key + 1);
    cleanups.insert(key, cleanup);
    Registration(key)
}

/// Starts a child in our own process group, to which an interrupt is passed on as long as the registration lives.
///
/// An interrupt waits until the child is registered: there is no moment at which it would be forgotten.
pub fn spawn(command: &mut Command) -> io::Result<(Child, Registration)> {
    let mut cleanups = cleanups();
    let child = command.spawn()?;
    let registration = insert(&mut cleanups, Cleanup::Interrupt(child.id()));
    Ok((child, registration))
}

/// Removes a file or directory when slsbuild is interrupted, as long as the registration lives.
pub fn remove_on_interrupt(path: &Path) -> Registration {
    register(Cleanup::Remove(path.to_owned()))
}

/// Starts a child that leads a process group of its own, which is killed when slsbuild is interrupted.
///
/// An interrupt waits until the child is registered: there is no moment at which it would be forgotten.
#[cfg(unix)]
pub fn spawn_group(command: &mut Command) -> io::Result<(Child, Registration)> {
    use std::os::unix::process::CommandExt as _;
    let mut cleanups = cleanups();
    let child = command.process_group(0).spawn()?;
    let registration = insert(&mut cleanups, Cleanup::KillGroup(child.id()));
    Ok((child, registration))
}

/// Ends the children and removes the temporary files of this process. Called by `main` on SIGINT and SIGTERM, right before it
/// exits: any thread that ends or begins a registration after this waits for that exit.
pub fn clean_up() {
    let mut cleanups = cleanups();
    // Newest first: a directory is removed only after the process that uses it was ended.
    for (_, cleanup) in std::mem::take(&mut *cleanups).into_iter().rev() {
        match cleanup {
            Cleanup::Interrupt(child) => signal(child, false),
            Cleanup::KillGroup(leader) => signal(leader, true),
            Cleanup::Remove(path) if path.is_dir() => drop(fs::remove_tree(&path)),
            Cleanup::Remove(path) => drop(fs::remove_file(path)),
        }
    }
    // Never unlocked: a thread that waits for a child we just ended would otherwise report that as the child's failure,
    // and might exit with its code before the interrupt's.
    std::mem::forget(cleanups);
}

#[cfg(unix)]
fn signal(process: u32, group: bool) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else {
        return;
    };
    let _ = if group {
        kill_process_group(pid, Signal::KILL)
    } else {
        kill_process(pid, Signal::INT)
    };
}

#[cfg(not(unix))]
fn signal(_process: u32, _group: bool) {}

/// Kills a whole process group.
pub fn kill_group(leader: u32) {
    signal(leader, true);
}
