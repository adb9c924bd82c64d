//! A directory that is whole or absent: filled aside, under a locked temporary name, and exchanged with the old one in one
//! step of the file system.

use std::io;
use std::path::Path;

use tempfile::TempDir;

use super::{File, TEMPORARY_SUFFIX, remove, rename, set_mode, without_path};
use crate::interrupt::{self, Registration};

/// An empty directory beside the one that it will replace. Dropped, it is gone from the disk.
#[derive(Debug)]
pub struct Aside {
    directory: TempDir,
    registration: Registration,
    /// [`super::sweep`] leaves the directory alone as long as this lives.
    _lock: File,
}

impl Aside {
    /// Makes the directory in the parent of `path`, which exists.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let parent = path.parent().unwrap_or_else(|| Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        loop {
            let mut builder = tempfile::Builder::new();
            builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX);
            let directory = builder.tempdir_in(parent).map_err(without_path)?;
            let registration = interrupt::remove_on_interrupt(directory.path());
            // Another run's sweep may take the directory before the lock is held.
            let Ok(lock) = File::open(directory.path()) else {
                continue;
            };
            lock.file().lock()?;
            if directory.path().exists() {
                return Ok(Self {
                    directory,
                    registration,
                    _lock: lock,
                });
            }
        }
    }

    /// The directory to be filled.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives the directory the name `path`, for everyone to enter. What had the name before is removed: at any moment it
    /// stands for the old content or the new one, wherever the file system can exchange two names (Linux, macOS);
    /// elsewhere there is a moment without any.
    ///
    /// # Errors
    /// When it cannot be renamed; `path` is as it was.
    pub fn replace(self, path: &Path) -> io::Result<()> {
        set_mode(self.path(), 0o755)?;
        // An interrupt removes what is registered, file by file: it must not be at it when this gets its name.
        drop(self.registration);
        exchange(self.directory.path(), path)?;
        // Now the temporary name stands for the old content, if there was any.
        let old = self.directory.keep();
        match remove(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Exchanges a directory with what has the name `path`, or gives it that name where nothing has it.
fn exchange(directory: &Path, path: &Path) -> io::Result<()> {
    match swap(directory, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match rename(directory, path) {
            // Another run was faster.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => swap(directory, path),
            renamed => renamed,
        },
        swapped => swapped,
    }
}

fn swap(directory: &Path, path: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, directory, CWD, path, RenameFlags::EXCHANGE) {
            // This file system cannot (NFS, some of FUSE).
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            swapped => return Ok(swapped?),
        }
    }
    by_two_renames(directory, path)
}

/// What has the name `path` gets a temporary one first, which a sweep removes should this be the end.
fn by_two_renames(directory: &Path, path: &Path) -> io::Result<()> {
    let mut old = directory.as_os_str().to_owned();
    old.push(TEMPORARY_SUFFIX);
    let old = Path::new(&old);
    rename(path, old)?;
    if let Err(error) = rename(directory, path) {
        rename(old, path)?;
        return Err(error);
    }
    rename(old, directory)
}

#[cfg(test)]
mod tests {
    use super::super::{create_dir, metadata, read, read_dir, sweep, write_if_changed};
    use super::*;

    fn filled(path: &Path, content: &str) -> Aside {
        let aside = Aside::beside(path).unwrap();
        write_if_changed(&aside.path().join("file"), 0o644, content.as_bytes()).unwrap();
        aside
    }

    #[test]
    fn a_directory_is_exchanged_whole_and_nothing_stays_beside_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("dir");
        filled(&path, "old").replace(&path).unwrap();
        drop(filled(&path, "given up"));
        assert_eq!(read(path.join("file")).unwrap(), b"old");
        filled(&path, "new").replace(&path).unwrap();
        assert_eq!(read(path.join("file")).unwrap(), b"new");
        assert!(super::super::has_mode(&metadata(&path).unwrap(), 0o755));
        assert_eq!(read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_goes() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("dir");
        write_if_changed(&path, 0o644, b"file").unwrap();
        filled(&path, "new").replace(&path).unwrap();
        assert_eq!(read(path.join("file")).unwrap(), b"new");
        assert_eq!(read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_renames_do_the_same_where_names_cannot_be_exchanged() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("dir");
        filled(&path, "old").replace(&path).unwrap();
        let aside = filled(&path, "new");
        by_two_renames(aside.path(), &path).unwrap();
        assert_eq!(read(path.join("file")).unwrap(), b"new");
        assert_eq!(read(aside.path().join("file")).unwrap(), b"old");
    }

    #[test]
    fn writers_at_once_leave_one_of_theirs() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("dir");
        let rounds = || {
            for _ in 0..50 {
                sweep(parent.path()).unwrap();
                filled(&path, "whole").replace(&path).unwrap();
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(rounds))));
        assert_eq!(read(path.join("file")).unwrap(), b"whole");
        assert_eq!(read_dir(parent.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_sweep_takes_the_directory_of_a_dead_writer_and_spares_a_live_one() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(".dir.dead.slsbuild-tmp");
        create_dir(&dead).unwrap();
        write_if_changed(&dead.join("file"), 0o644, b"half").unwrap();
        let live = filled(&parent.path().join("dir"), "half");
        sweep(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(live.path().join("file").exists());
    }
}
