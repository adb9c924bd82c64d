//! Profile-guided optimization: the events that each function is trained with, or the profile that is used. All that can be
//! refused is refused here, before the first of two builds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Wish;
use crate::error::{Error, Names, Result};
use crate::fs;
use crate::process::quote;
use crate::project::toolchain::{Rustc, find_emulator};
use crate::settings::{Compile, Pgo};
use crate::target::{Arch, Target};

/// The files of a directory of events that are looked at; more is a mistake of the path.
const MOST_EVENTS: usize = 10_000;
/// An indexed profile of LLVM's begins so (`InstrProfData.inc`: `\xfflprofi\x81`).
const MAGIC: [u8; 8] = *b"\xfflprofi\x81";
/// A profile beyond this size is refused unread.
pub const MOST_PROFILE: u64 = 1 << 30;

/// How the optimizer learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PgoPlan {
    /// Each function is run with events first.
    Train(Training),
    /// A profile is there.
    Use(PathBuf),
}

/// The training of every function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Training {
    /// The functions.
    pub trainees: Vec<Trainee>,
    /// How often each event is run.
    pub repeat: u32,
    /// Variables of every function's environment, as `KEY=VALUE`; they win over its own.
    pub environment: Vec<String>,
    /// Where the profile is kept, if the user wants it.
    pub out: Option<PathBuf>,
    /// The tool that merges raw profiles.
    pub profdata: PathBuf,
}

/// A function that is trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trainee {
    /// Its name.
    pub function: String,
    /// The events that it is run with.
    pub events: Vec<PathBuf>,
    /// Its own variables.
    pub environment: BTreeMap<String, String>,
}

/// All Rust functions, in groups of those that are compiled alike: what is asked of one call holds over all its plans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Everyone<'a>(pub(super) &'a [Vec<(usize, &'a Wish)>]);

impl<'a> Everyone<'a> {
    /// The functions of each group that are wanted.
    fn groups(self) -> impl Iterator<Item = impl Iterator<Item = &'a Wish>> {
        let wanted = |group: &'a Vec<(usize, &'a Wish)>| {
            group
                .iter()
                .map(|(_, wish)| *wish)
                .filter(|wish| wish.wanted)
        };
        self.0.iter().map(wanted)
    }

    /// The targets of all functions that learn in one way.
    fn targets(self, pgo: &Pgo) -> BTreeSet<Target> {
        let alike = |wish: &&Wish| wish.settings.compile.pgo.as_ref() == Some(pgo);
        let wishes = self.groups().flatten().filter(alike);
        wishes
            .flat_map(|wish| wish.settings.targets.iter().copied())
            .collect()
    }

    /// Two functions that are not compiled alike, if there are.
    fn unlike(self) -> Option<(&'a str, &'a str)> {
        let mut firsts = self.groups().filter_map(|mut group| group.next());
        let (one, other) = firsts.next().zip(firsts.next())?;
        Some((&one.function.name, &other.function.name))
    }
}

impl PgoPlan {
    pub(super) fn new(
        wanted: &[(usize, &Wish)],
        targets: &[Target],
        rustc: &Rustc,
        compile: &Compile,
        everyone: Everyone<'_>,
    ) -> Result<Option<Self>> {
        let Some(pgo) = &compile.pgo else {
            return Ok(None);
        };
        refuse_what_is_for_several(pgo, everyone)?;
        match pgo {
            Pgo::Use(profile) => {
                refuse_what_is_no_profile(profile)?;
                Ok(Some(Self::Use(profile.clone())))
            }
            Pgo::Train {
                events,
                own,
                repeat,
                environment,
                out,
            } => Ok(Some(Self::Train(Training {
                profdata: able_to_train(targets, rustc, out.as_deref())?,
                trainees: wanted
                    .iter()
                    .map(|(_, wish)| {
                        let function = wish.function.name.clone();
                        let is_only = *own || everyone.groups().flatten().count() == 1;
                        Ok(Trainee {
                            events: events_of(&function, events, is_only)?,
                            environment: wish.settings.environment.clone(),
                            function,
                        })
                    })
                    .collect::<Result<_>>()?,
                repeat: *repeat,
                environment: environment.clone(),
                out: out.clone(),
            }))),
        }
    }
}

/// Refuses one profile for code that is compiled in several ways.
fn refuse_what_is_for_several(pgo: &Pgo, everyone: Everyone<'_>) -> Result<()> {
    let (flag, path) = match pgo {
        Pgo::Train { out, .. } => ("--pgo-out", out.as_deref()),
        Pgo::Use(profile) => ("--pgo-profile", Some(profile.as_path())),
    };
    let Some(path) = path else {
        return Ok(());
    };
    let targets = everyone.targets(pgo);
    if targets.len() > 1 {
        return Err(Error::Usage {
            message: format!(
                "`{flag} {}` is for one arch, and this builds for {}: what was learned on one misleads on another",
                path.display(),
                targets.len()
            ),
            hint: Some("build one arch at a time: --arch arm64".to_owned()),
        });
    }
    match (pgo, everyone.unlike()) {
        (Pgo::Train { events, .. }, Some((one, other))) => {
            let events = events.first().map(|events| quote(events.as_os_str()));
            let events = events.unwrap_or_else(|| "EVENTS".to_owned());
            Err(Error::Usage {
                message: format!(
                    "`{flag} {}` is for functions that are compiled alike, and `{one}` and `{other}` are not: each would overwrite the other's profile",
                    path.display()
                ),
                hint: Some(format!(
                    "keep one at a time: slsbuild build {one} --pgo {events} --pgo-out {one}.profdata"
                )),
            })
        }
        (Pgo::Train { .. } | Pgo::Use(_), _) => Ok(()),
    }
}

/// That the functions can be run here and their profile be kept; gives the tool that makes it.
fn able_to_train(targets: &[Target], rustc: &Rustc, out: Option<&Path>) -> Result<PathBuf> {
    for target in targets {
        if Arch::host() != Some(target.arch) {
            find_emulator(target.arch)?;
        }
    }
    if let Some(out) = out {
        refuse_what_holds_no_file(out)?;
    }
    profdata(rustc)
}

fn refuse_what_holds_no_file(out: &Path) -> Result<()> {
    let directory = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let (cause, hint) = match directory {
        _ if out.is_dir() => (
            "is a directory",
            "name a file in it: --pgo-out DIR/function.profdata".to_owned(),
        ),
        Some(directory) if !directory.is_dir() => (
            "lies in a directory that does not exist",
            format!("mkdir -p {}", quote(directory.as_os_str())),
        ),
        _ => return Ok(()),
    };
    Err(Error::Project {
        message: format!("`--pgo-out {}` {cause}", out.display()),
        hint: Some(hint),
    })
}

/// The tool that merges profiles: of the very LLVM that rustc has, since another may write another version.
fn profdata(rustc: &Rustc) -> Result<PathBuf> {
    rustc
        .llvm_tool("llvm-profdata")
        .ok_or_else(|| Error::ToolMissing {
            message:
                "`llvm-profdata` is not installed, which makes a profile of what training showed"
                    .to_owned(),
            hint: "rustup component add llvm-tools".to_owned(),
        })
}

fn refuse_what_is_no_profile(path: &Path) -> Result<()> {
    use std::io::Read as _;
    let refused = |cause: String| Error::Project {
        message: format!("profile `{}` {cause}", path.display()),
        hint: Some("make one: slsbuild zip --pgo EVENTS --pgo-out FILE".to_owned()),
    };
    let mut file = match fs::File::open(path) {
        Ok(file) if file.metadata()?.is_file() => file,
        Ok(_) => return Err(refused("is not a file".to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(refused("does not exist".to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let mut start = Vec::new();
    file.by_ref().take(8).read_to_end(&mut start)?;
    if start != MAGIC {
        return Err(refused("is no profile of LLVM's".to_owned()));
    }
    if file.metadata()?.len() > MOST_PROFILE {
        return Err(refused("is larger than 1 GiB".to_owned()));
    }
    Ok(())
}

/// The events of one function: those of the directory of its name where there is one, else all, if it is the only function.
fn events_of(function: &str, paths: &[PathBuf], is_only: bool) -> Result<Vec<PathBuf>> {
    let mut events = Vec::new();
    for path in paths {
        let own = path.join(function);
        if own.is_dir() {
            events.extend(files_in(&own)?);
        } else if path.is_dir() && is_only {
            events.extend(files_in(path)?);
        } else if path.is_file() && is_only {
            events.push(path.clone());
        } else if !path.exists() {
            return Err(Error::Project {
                message: format!(
                    "`{}` does not exist: it should hold events for training",
                    path.display()
                ),
                hint: Some(
                    "put one event a file into a directory: slsbuild zip --pgo events/".to_owned(),
                ),
            });
        }
    }
    if events.is_empty() {
        let shown: Vec<_> = paths.iter().map(|path| path.display()).collect();
        let place = Names(&shown);
        return Err(Error::Project {
            message: if is_only {
                format!("there is no event in {place}")
            } else {
                format!("there is no event for function `{function}` in {place}")
            },
            hint: Some(format!(
                "put one event a file into a directory; with several functions, into one of each function's name: {}/",
                paths
                    .first()
                    .cloned()
                    .unwrap_or_default()
                    .join(function)
                    .display()
            )),
        });
    }
    Ok(events)
}

/// The files of a directory that are not hidden, by name.
fn files_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
        if files.len() > MOST_EVENTS {
            return Err(Error::Project {
                message: format!(
                    "`{}` holds more than {MOST_EVENTS} files: it should hold events for training",
                    directory.display()
                ),
                hint: Some("put one event a file into a directory of their own: slsbuild zip --pgo events/".to_owned()),
            });
        }
    }
    files.sort();
    Ok(files)
}
