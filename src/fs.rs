//! Files: whole or absent. Writes go to a locked temporary file beside their destination and appear by rename;
//! what a killed run left is swept by the next. Everything else is `fs_err`, whose errors name the path.

mod aside;

use std::ffi::OsStr;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use aside::Aside;
pub use fs_err::{
    File, canonicalize, copy, create_dir, create_dir_all, metadata, read, read_dir, read_to_string,
    remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink_metadata,
};

use crate::error::Error;
use crate::interrupt;

/// Suffix of the temporary files and directories that [`write_atomic`] and [`Aside`] make and [`sweep`] removes.
const TEMPORARY_SUFFIX: &str = ".slsbuild-tmp";

/// Writes a file so that at any moment `path` holds either its old content or the whole new one.
///
/// The temporary file is locked while it is written: [`sweep`] leaves it alone as long as its writer lives.
pub fn write_atomic(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut temporary = locked_temporary(directory, path.file_name().unwrap_or_default(), mode)?;
    let cleanup = interrupt::remove_on_interrupt(temporary.path());
    write(temporary.as_file_mut())?;
    temporary.as_file().sync_data()?;
    temporary.persist(path).map_err(|error| error.error)?;
    drop(cleanup);
    Ok(())
}

/// [`write_atomic`] of bytes that are already there, which leaves a file that holds them already untouched.
pub fn write_if_changed(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    if read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    write_atomic(path, mode, |file| file.write_all(content))
}

/// [`write_atomic`] of a file that must not be there yet.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when it is.
pub fn write_new(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or_else(|| Path::new("."));
    let mut temporary = locked_temporary(directory, path.file_name().unwrap_or_default(), mode)?;
    let cleanup = interrupt::remove_on_interrupt(temporary.path());
    temporary.as_file_mut().write_all(content)?;
    temporary.as_file().sync_data()?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| error.error)?;
    drop(cleanup);
    Ok(())
}

/// Makes `path` a symbolic link to `target`, unless it is one already; a copy where there are no such links.
pub fn link_if_changed(target: &Path, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        if fs_err::read_link(path).is_ok_and(|old| old == target) {
            return Ok(());
        }
        // Made aside and renamed: another run may read through it at this moment.
        let directory = path.parent().unwrap_or_else(|| Path::new("."));
        let mut aside = tempfile::Builder::new();
        let made = aside.suffix(TEMPORARY_SUFFIX).make_in(directory, |path| {
            fs_err::os::unix::fs::symlink(target, path)
        })?;
        made.into_temp_path()
            .persist(path)
            .map_err(|error| error.error)
    }
    #[cfg(not(unix))]
    copy(target, path).map(drop)
}

/// Waits until nobody else has the lock of a file, which is made where it is not; held until it is dropped.
pub fn lock(path: &Path) -> io::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.file().lock()?;
    Ok(file)
}

/// Shows that files can be made in `directory`, by making one and removing it.
pub fn probe_writable(directory: &Path) -> io::Result<()> {
    locked_temporary(directory, OsStr::new("probe"), 0o600).map(drop)
}

/// Removes the temporary files and directories in `directory` whose writer is gone.
pub fn sweep(directory: &Path) -> io::Result<()> {
    for entry in read_dir(directory)? {
        let path = entry?.path();
        if !path
            .file_name()
            .and_then(OsStr::to_str)
            .is_some_and(|name| name.ends_with(TEMPORARY_SUFFIX))
        {
            continue;
        }
        if let Ok(file) = File::open(&path)
            && file.file().try_lock().is_ok()
            && let Err(error) = remove(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Removes a file, or a directory with all that is in it.
fn remove(path: &Path) -> io::Result<()> {
    if symlink_metadata(path)?.is_dir() {
        remove_tree(path)
    } else {
        remove_file(path)
    }
}

/// A path as it opens from the current directory: relative below it, absolute elsewhere.
pub fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
        .to_owned()
}

/// The error for a path that cannot be written, as it opens from here.
pub fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::Unwritable {
        path: from_here(path),
        cause,
    }
}

/// Reads a file from outside, refusing one of more than `limit` bytes.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?
        .take(limit + 1)
        .read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|read| read > limit) {
        let message = format!("`{}` is larger than {limit} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// Removes a directory tree, also one whose directories were made read-only.
pub fn remove_tree(root: &Path) -> io::Result<()> {
    // Something may still put files in while it is taken away (an unpacking that was interrupted): it is tried again.
    const ATTEMPTS: usize = 3;
    let mut last = Ok(());
    for _ in 0..ATTEMPTS {
        for entry in walkdir::WalkDir::new(root).into_iter().flatten() {
            if entry.file_type().is_dir() {
                let _ = set_mode(entry.path(), 0o700);
            }
        }
        last = remove_dir_all(root);
        if last.is_ok() || !root.exists() {
            return Ok(());
        }
    }
    last
}

/// A temporary file in `directory` that this process holds the lock of.
fn locked_temporary(
    directory: &Path,
    name: &OsStr,
    mode: u32,
) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!(".{}.", name.to_string_lossy());
    loop {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(TEMPORARY_SUFFIX);
        let file = builder.tempfile_in(directory).map_err(without_path)?;
        file.as_file().lock()?;
        // Another run's sweep may have taken the file between its creation and the lock.
        if file.path().exists() {
            set_mode(file.path(), mode)?;
            return Ok(file);
        }
    }
}

/// The system's own words: `tempfile` adds the temporary file's name, which says nothing to the user.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path ") {
        Some((cause, _)) => io::Error::new(error.kind(), cause.to_owned()),
        None => error,
    }
}

/// Sets a file's mode whatever the umask says; a no-op where files have no mode.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Whether a file's mode is this one; always so where files have no mode.
pub fn has_mode(facts: &std::fs::Metadata, mode: u32) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        facts.permissions().mode() & 0o7777 == mode
    }
    #[cfg(not(unix))]
    {
        let _ = (facts, mode);
        true
    }
}

/// Sets when a file or directory was modified, as `ls -l` tells it.
pub fn set_modified(path: &Path, time: SystemTime) -> io::Result<()> {
    File::open(path)?.file().set_modified(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("artifact");
        write_atomic(&path, 0o644, |file| file.write_all(b"old")).unwrap();
        let failed = write_atomic(&path, 0o644, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("stopped"))
        });
        assert!(failed.unwrap_err().to_string().contains("stopped"));
        assert_eq!(read(&path).unwrap(), b"old");
        assert_eq!(read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_takes_the_place_of_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("template.yaml");
        write_new(&path, 0o644, b"ours").unwrap();
        let refused = write_new(&path, 0o644, b"other").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(&path).unwrap(), b"ours");
        assert_eq!(read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_sweep_takes_what_a_dead_writer_left_and_spares_a_live_one() {
        let directory = tempfile::tempdir().unwrap();
        let dead = directory.path().join(".artifact.dead.slsbuild-tmp");
        write_if_changed(&dead, 0o644, b"half").unwrap();
        let live = locked_temporary(directory.path(), OsStr::new("artifact"), 0o644).unwrap();
        sweep(directory.path()).unwrap();
        assert!(!dead.exists());
        assert!(live.path().exists());
    }

    #[test]
    fn writers_and_sweepers_of_one_directory_do_not_hinder_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("artifact");
        let rounds = || {
            for _ in 0..200 {
                sweep(directory.path()).unwrap();
                write_atomic(&path, 0o644, |file| file.write_all(b"whole")).unwrap();
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(rounds))));
        assert_eq!(read(&path).unwrap(), b"whole");
        assert_eq!(read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_over_the_bound_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        write_if_changed(&path, 0o644, &[0; 11]).unwrap();
        assert_eq!(read_bounded(&path, 11).unwrap().len(), 11);
        assert_eq!(
            read_bounded(&path, 10).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
