//! A container image as a function: its files below a directory, and what of them is started with which arguments, as Lambda reads
//! an image's configuration (<https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#images-parms>, 2026-11).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::program::Program;
use super::{UNPRIVILEGED, is_root};
use crate::artifact::oci::{Choice, Image, ImageSet, open, rootfs};
use crate::error::{Error, Result};
use crate::fs;
use crate::platform::image::{ImageFacts, KnownLayers};
use crate::platform::lambda::image::TASK_ROOT;
use crate::process::find_on_path;
use crate::target::Arch;

/// The most bytes that an image's files may have to be unpacked for a run.
const MOST_UNPACKED: u64 = 512 << 20;
/// Lambda's words where there is nothing to start.
const NO_ENTRYPOINT: &str = "the image has no entrypoint";
/// Where Lambda looks for extensions in an image.
const EXTENSIONS: &str = "opt/extensions/";
/// What changes its root directory for one process without being a container engine: util-linux 2.36 and later.
const CHANGES_ROOT: &str = "unshare";

/// What is run of an image.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// What is started.
    pub(super) program: Program,
    /// The directory that stands for the working directory.
    pub(super) workdir: PathBuf,
    /// How the image is run beside what every function gets.
    pub(super) run: ImageRun,
}

/// What an image says of its own run.
#[derive(Debug)]
pub(in crate::local) struct ImageRun {
    /// The arguments of the program.
    arguments: Vec<OsString>,
    /// The environment of its configuration.
    environment: BTreeMap<String, String>,
    /// What the function is told as its handler.
    handler: Option<String>,
    /// How the root directory is changed, where it is.
    root: Option<Root>,
    /// What the function is told as its task root, where it has a root directory of its own.
    pub(in crate::local) told_task: Option<&'static Path>,
    /// What differs from Lambda.
    pub(in crate::local) notes: Vec<String>,
}

/// The image's files as the root directory of its process.
#[derive(Debug)]
struct Root {
    tool: PathBuf,
    directory: PathBuf,
    has_proc: bool,
    workdir: String,
    program: String,
}

impl ImageRun {
    /// What is executed instead of a program, and whether that becomes the function's user by itself.
    pub(in crate::local) fn command(
        &self,
        (program, mut arguments): (OsString, Vec<OsString>),
    ) -> (OsString, Vec<OsString>) {
        let Some(root) = &self.root else {
            arguments.extend(self.arguments.clone());
            return (program, arguments);
        };
        let proc = root.has_proc.then(|| "--mount-proc".into());
        let mut arguments: Vec<OsString> = proc.into_iter().collect();
        arguments.extend([
            format!("--root={}", root.directory.display()).into(),
            format!("--wd={}", root.workdir).into(),
            format!("--setgid={UNPRIVILEGED}").into(),
            format!("--setuid={UNPRIVILEGED}").into(),
            "--".into(),
            root.program.clone().into(),
        ]);
        arguments.extend(self.arguments.clone());
        (root.tool.clone().into(), arguments)
    }

    /// Whether what is executed must stay root, since it changes its root directory before it becomes the function's user.
    pub(in crate::local) fn stays_root(&self) -> bool {
        self.root.is_some()
    }

    /// The function's variables: Lambda's and the user's over the image's, except for what depends on the image's own files.
    pub(in crate::local) fn variables(
        &self,
        mut of_lambda: BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        const OF_THE_IMAGE: [&str; 4] = ["LANG", "LD_LIBRARY_PATH", "PATH", "TZ"];
        for (name, value) in &self.environment {
            let wins = self.root.is_some() && OF_THE_IMAGE.contains(&name.as_str());
            if wins || !of_lambda.contains_key(name) {
                of_lambda.insert(name.clone(), value.clone());
            }
        }
        if let Some(handler) = &self.handler {
            of_lambda.insert("_HANDLER".to_owned(), handler.clone());
        }
        of_lambda
    }
}

/// Unpacks the image for this machine's architecture, or else one that an emulator runs, into the empty directory `to`.
///
/// # Errors
/// [`Error::Rejected`] for what is no image, or a broken or a large one, or for another system.
pub(super) fn unpack(artifact: &Path, to: &Path) -> Result<Unpacked> {
    let set = open(artifact, Choice::default())?;
    let image = choose(artifact, &set)?;
    let facts = ImageFacts::read(image, &mut KnownLayers::new())?;
    let hint = || {
        let artifact = crate::process::quote(artifact.as_os_str());
        Some(format!(
            "to see why: slsbuild check --for lambda {artifact}"
        ))
    };
    if !facts.is_complete() {
        return Err(Error::Rejected {
            message: format!(
                "`{}` has a layer that cannot be unpacked",
                artifact.display()
            ),
            hint: hint(),
        });
    }
    rootfs::unpack(&image.layers, &facts.rootfs, to, MOST_UNPACKED)?;
    make_system_directories(to)?;
    // Of Lambda's script and what it starts, the latter.
    let started = facts.programs.last();
    let name = started.map_or(NO_ENTRYPOINT, |program| program.name.as_str());
    let found = started.and_then(|program| program.found.as_ref());
    let program = match found {
        Some(found) => Program::of(to.join(found.path.trim_start_matches('/')), name)?,
        None => Program::missing(
            to.to_owned(),
            &format!("fork/exec {name}: no such file or directory"),
        ),
    };
    let root = found.and_then(|found| root(to, &facts, &program, &found.path));
    Ok(Unpacked {
        workdir: directory(to, &facts),
        run: run(&facts, root, found.is_some()),
        program,
    })
}

/// The image that is run: this machine's, or the first that is for an architecture which platforms run.
fn choose<'a>(artifact: &Path, set: &'a ImageSet) -> Result<&'a Image> {
    let arch = |image: &Image| {
        let is_linux = image.platform.os == "linux";
        Arch::from_name(&image.platform.architecture).filter(|_| is_linux)
    };
    let native = set.images.iter().find(|image| arch(image) == Arch::host());
    let other = || set.images.iter().find(|image| arch(image).is_some());
    native.or_else(other).ok_or_else(|| {
        let platforms: Vec<String> = set.platforms().map(ToString::to_string).collect();
        Error::Rejected {
            message: format!(
                "`{}` is for {}, which cannot be run here",
                artifact.display(),
                platforms.join(", ").escape_debug()
            ),
            hint: Some("slsbuild image --for lambda --arch host builds one".to_owned()),
        }
    })
}

/// How the root directory is changed: by root alone, and for programs of this machine, since an emulator lies outside.
fn root(to: &Path, facts: &ImageFacts, program: &Program, path: &str) -> Option<Root> {
    let is_usable = is_root() && program.emulator().is_none();
    let workdir = told_workdir(facts);
    let tool = find_on_path(CHANGES_ROOT).filter(|_| is_usable)?;
    make_devices(to);
    Some(Root {
        has_proc: may_mount(&tool),
        tool,
        directory: to.to_owned(),
        workdir: workdir.to_owned(),
        program: path.to_owned(),
    })
}

/// The working directory as the function sees it; the root where the image does not have it.
fn told_workdir(facts: &ImageFacts) -> &str {
    let workdir = facts.word("WorkingDir");
    let found = facts.rootfs.resolve(workdir);
    let is_there = found.is_some_and(|found| found.node.kind == rootfs::NodeKind::Directory);
    if workdir.starts_with('/') && is_there {
        workdir
    } else {
        "/"
    }
}

/// The working directory, or the image's root where it has none.
fn directory(to: &Path, facts: &ImageFacts) -> PathBuf {
    let resolved = facts.rootfs.resolve(told_workdir(facts));
    let path = resolved.map(|resolved| to.join(resolved.path));
    path.filter(|path| path.is_dir())
        .unwrap_or_else(|| to.to_owned())
}

fn run(facts: &ImageFacts, root: Option<Root>, is_there: bool) -> ImageRun {
    let command = facts.command();
    let arguments = command.get(1..).unwrap_or_default();
    let (arguments, handler) = if facts.starts_lambda_script() {
        (&[][..], arguments.first())
    } else {
        (arguments, None)
    };
    let variables = facts.words("Env").into_iter();
    let variables = variables.filter_map(|variable| variable.split_once('='));
    let mut notes = Vec::new();
    if root.is_none() && is_there {
        notes.push("the program runs without a root directory of its own: absolute paths lead into this machine, as the image's own do not (slsbuild as root gives it one, with `unshare`)".to_owned());
    }
    if told_workdir(facts) == "/" && facts.word("WorkingDir") != "/" {
        notes.push("the image does not have its working directory, and Lambda starts none without (Runtime.InvalidWorkingDir): here it is `/`".to_owned());
    }
    if facts
        .rootfs
        .nodes()
        .any(|(path, _)| path.starts_with(EXTENSIONS))
    {
        notes.push(
            "the image has extensions in `/opt/extensions`, which are not started here".to_owned(),
        );
    }
    ImageRun {
        arguments: arguments.iter().map(OsString::from).collect(),
        environment: variables
            .filter(|(name, value)| {
                !name.is_empty() && !name.contains('\0') && !value.contains('\0')
            })
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        handler: handler.map(|handler| (*handler).to_owned()),
        told_task: root.is_some().then(|| Path::new(TASK_ROOT)),
        root,
        notes,
    }
}

/// The directories that every process may count on, also where the image has none: the one that Lambda lets a function write into,
/// and the system's.
fn make_system_directories(to: &Path) -> Result<()> {
    for name in ["tmp", "proc", "dev"] {
        if fs::symlink_metadata(to.join(name)).is_err() {
            fs::create_dir(to.join(name))?;
        }
    }
    Ok(())
}

/// The devices that programs open; where the disk or the rights do not allow them, there are none, and few miss them.
#[cfg(target_os = "linux")]
fn make_devices(to: &Path) {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    // Their numbers: https://www.kernel.org/doc/html/latest/admin-guide/devices.html
    for (name, number) in [("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)] {
        let path = to.join("dev").join(name);
        let made = mknodat(
            CWD,
            &path,
            FileType::CharacterDevice,
            Mode::empty(),
            makedev(1, number),
        );
        if made.is_ok() {
            let _ = fs::set_mode(&path, 0o666);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn make_devices(_to: &Path) {}

/// Whether a process may get mounts of its own, which containers often forbid.
fn may_mount(tool: &Path) -> bool {
    let mut probe = std::process::Command::new(tool);
    probe.args(["--mount", "true"]).env("PATH", "/usr/bin:/bin");
    let probe = probe
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
