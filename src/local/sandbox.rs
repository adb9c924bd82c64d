//! The directories that stand for `/var/task` and `/opt`: the artifact's own files and its layers', read-only, private to the
//! user the function runs as. And what is started out of them.

mod content;
mod image;
mod layers;
mod program;

mod tree;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use content::Content;
use image::ImageRun;
use program::Program;

use super::failure::Failure;
use super::invocation::random;
use crate::artifact::archive::Archive;
use crate::error::{Error, Result};
use crate::fs;
use crate::interrupt::{self, Registration};
use crate::target::Arch;

/// The user a function runs as when slsbuild runs as root, who would ignore read-only modes: `nobody`.
pub(super) const UNPRIVILEGED: u32 = 65_534;
/// Lambda's words where there is nothing to start.
const NO_BOOTSTRAP: &str = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
/// A raw binary larger than this is refused unread: with debug info, four times what Lambda allows unzipped.
const BINARY_LIMIT: u64 = 1 << 30;

/// An unpacked artifact. Dropped, it is gone from the disk.
#[derive(Debug)]
pub struct Sandbox {
    root: PathBuf,
    task: PathBuf,
    opt: Option<PathBuf>,
    bootstrap: Program,
    extensions: Vec<(String, Program)>,
    image: Option<ImageRun>,
    _registration: Registration,
}

impl Sandbox {
    /// Unpacks a zip, copies a directory with a `bootstrap`, or takes a binary as the only file of one.
    pub fn new(artifact: &Path) -> Result<Self> {
        Self::with_layers(artifact, &[])
    }

    /// Unpacks a zip or an image, or takes a binary as the only file of one, and unpacks layers into an `opt` beside it, in their order.
    ///
    /// # Errors
    /// When an archive is none, or would be unpacked beyond its directory or the bound, or there are more layers than Lambda
    /// takes.
    pub fn with_layers(artifact: &Path, layers: &[PathBuf]) -> Result<Self> {
        linux_only()?;
        let content = Content::of(artifact)?;
        let (root, registration) = private_directory()?;
        let task = root.join("task");
        let mut sandbox = Self {
            bootstrap: Program::missing(task.join("bootstrap"), NO_BOOTSTRAP),
            extensions: Vec::new(),
            image: None,
            opt: None,
            _registration: registration,
            root,
            task,
        };
        if matches!(content, Content::Image) {
            return sandbox.with_image(artifact, layers);
        }
        fs::create_dir(&sandbox.task)?;
        match content {
            Content::Image => {}
            Content::Zip => Archive::open(artifact)?.unpack(&sandbox.task)?,
            Content::Directory => tree::copy(artifact, &sandbox.task)?,
            Content::Binary => {
                let bootstrap = sandbox.task.join("bootstrap");
                fs::copy(artifact, &bootstrap)?;
                fs::set_mode(&bootstrap, 0o755)?;
            }
        }
        if !layers.is_empty() {
            let opt = sandbox.root.join("opt");
            layers::unpack(layers, &opt, &sandbox.root.join("layer"))?;
            sandbox.extensions = layers::extensions(&opt)?;
            sandbox.opt = Some(opt);
        }
        sandbox.bootstrap = sandbox.find_bootstrap()?;
        make_read_only(&sandbox.task)?;
        sandbox.opt.as_deref().map(make_read_only).transpose()?;
        Ok(sandbox)
    }

    /// Unpacks an image, which brings what a zip's layers would bring.
    fn with_image(mut self, artifact: &Path, layers: &[PathBuf]) -> Result<Self> {
        if !layers.is_empty() {
            return Err(Error::Usage {
                message: "`--layer` is for a zip: Lambda gives an image no layers".to_owned(),
                hint: Some(
                    "put the extension into the image: --include FILE:/opt/extensions/NAME"
                        .to_owned(),
                ),
            });
        }
        let rootfs = self.root.join("rootfs");
        fs::create_dir(&rootfs)?;
        let unpacked = image::unpack(artifact, &rootfs)?;
        make_read_only(&rootfs)?;
        if rootfs.join("tmp").is_dir() {
            fs::set_mode(&rootfs.join("tmp"), 0o1777)?;
        }
        self.task = unpacked.workdir;
        self.bootstrap = unpacked.program;
        self.image = Some(unpacked.run);
        Ok(self)
    }

    /// What is run of an image, if it is one.
    pub(super) fn image(&self) -> Option<&ImageRun> {
        self.image.as_ref()
    }

    /// What differs from Lambda.
    pub fn notes(&self) -> &[String] {
        self.image.as_ref().map_or(&[], |image| &image.notes)
    }

    /// What Lambda starts: the function's `bootstrap`, or else a layer's.
    fn find_bootstrap(&self) -> Result<Program> {
        let own = self.task.join("bootstrap");
        let shared = self.opt.as_ref().map(|opt| opt.join("bootstrap"));
        match shared {
            _ if own.exists() => Program::of(own, "/var/task/bootstrap"),
            Some(shared) if shared.exists() => Program::of(shared, "/opt/bootstrap"),
            _ => Ok(Program::missing(own, NO_BOOTSTRAP)),
        }
    }

    /// The directory that stands for `/var/task`.
    pub fn task(&self) -> &Path {
        &self.task
    }

    /// A new directory beside the task root, which the function may write into.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn writable_directory(&self, name: &str) -> Result<PathBuf> {
        let directory = self.root.join(name);
        fs::create_dir(&directory)?;
        #[cfg(unix)]
        if is_root() {
            fs_err::os::unix::fs::chown(&directory, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
        }
        fs::set_mode(&directory, 0o700)?;
        Ok(directory)
    }

    /// The directory that stands for `/opt`, where there are layers.
    pub fn opt(&self) -> Option<&Path> {
        self.opt.as_deref()
    }

    /// The emulator that runs the bootstrap, where this machine does not.
    pub fn emulator(&self) -> Option<&Path> {
        self.bootstrap.emulator()
    }

    /// The arch of the bootstrap, unless it is a script.
    pub fn arch(&self) -> Option<Arch> {
        self.bootstrap.arch()
    }

    /// The extensions of the layers, by their names.
    pub(super) fn extensions(&self) -> &[(String, Program)] {
        &self.extensions
    }

    /// The program and its arguments, or why Lambda could not start this function.
    pub(super) fn command(&self) -> Result<(OsString, Vec<OsString>), Failure> {
        let command = self
            .bootstrap
            .command()
            .map_err(Failure::InvalidEntrypoint)?;
        Ok(match &self.image {
            Some(image) => image.command(command),
            None => command,
        })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = fs::remove_tree(&self.root);
    }
}

fn linux_only() -> Result<()> {
    if cfg!(target_os = "linux") {
        return Ok(());
    }
    Err(Error::ToolMissing {
        message: "a Lambda function is a Linux program, which this system does not run".to_owned(),
        hint: "run `slsbuild invoke` in a Linux machine or container".to_owned(),
    })
}

#[cfg(unix)]
fn is_executable(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    facts.permissions().mode() & 0o001 != 0
}

#[cfg(not(unix))]
fn is_executable(_facts: &std::fs::Metadata) -> bool {
    true
}

/// Whether this process may, and so must, become somebody else before it runs a function.
pub(super) fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    return false;
}

/// A new directory that only the function's user can enter.
fn private_directory() -> Result<(PathBuf, Registration)> {
    let parent = reachable_parent()?;
    let root = parent.join(format!("slsbuild-{:016x}{:016x}", random(), random()));
    let registration = interrupt::remove_on_interrupt(&root);
    fs::create_dir(&root)?;
    if is_root() {
        #[cfg(unix)]
        fs_err::os::unix::fs::chown(&root, None, Some(UNPRIVILEGED))?;
        fs::set_mode(&root, 0o750)?;
    } else {
        fs::set_mode(&root, 0o700)?;
    }
    Ok((root, registration))
}

/// The first temporary directory that the function's user can get into: root's own may lie under `/root`.
fn reachable_parent() -> Result<PathBuf> {
    let preferred = std::env::temp_dir();
    // The function is told its task root, so that has to be absolute.
    let preferred = std::path::absolute(&preferred).unwrap_or(preferred);
    let candidates = [preferred.clone(), "/tmp".into(), "/var/tmp".into()];
    candidates
        .into_iter()
        .find(|directory| directory.is_dir() && (!is_root() || anyone_may_enter(directory)))
        .ok_or_else(|| Error::Usage {
            message: format!(
                "`{}` cannot be entered by the unprivileged user that the function runs as",
                preferred.display()
            ),
            hint: Some(
                "name a directory that everyone may enter: TMPDIR=/srv/tmp slsbuild invoke …"
                    .to_owned(),
            ),
        })
}

fn anyone_may_enter(directory: &Path) -> bool {
    directory
        .ancestors()
        .all(|ancestor| fs::metadata(ancestor).is_ok_and(|facts| is_executable(&facts)))
}

/// Takes every write permission away, as on Lambda, where `/var/task` is mounted read-only.
fn make_read_only(task: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(task).contents_first(true) {
        let entry = entry.map_err(std::io::Error::from)?;
        let facts = entry.metadata().map_err(std::io::Error::from)?;
        if facts.is_dir() || (facts.is_file() && is_executable(&facts)) {
            fs::set_mode(entry.path(), 0o555)?;
        } else if facts.is_file() {
            fs::set_mode(entry.path(), 0o444)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_root_is_read_only_and_goes_with_the_sandbox() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        fs::write_if_changed(&script, 0o644, b"#!/bin/sh\n").unwrap();
        let sandbox = Sandbox::new(&script).unwrap();
        let root = sandbox.root.clone();
        for (path, mode) in [
            (sandbox.task.clone(), 0o555),
            (sandbox.task.join("bootstrap"), 0o555),
        ] {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                mode
            );
        }
        assert_eq!(sandbox.arch(), None);
        drop(sandbox);
        assert!(!root.exists());
    }

    #[test]
    fn what_is_no_artifact_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let text = directory.path().join("text");
        fs::write_if_changed(&text, 0o644, b"text").unwrap();
        assert_eq!(Sandbox::new(&text).unwrap_err().exit_code(), 5);
        assert_eq!(Sandbox::new(directory.path()).unwrap_err().exit_code(), 2);
        assert_eq!(
            Sandbox::new(&directory.path().join("absent"))
                .unwrap_err()
                .exit_code(),
            2
        );
    }
}
