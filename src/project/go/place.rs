//! What `--go` names: one directory of a module that holds one main package. Everything else is refused with the main
//! packages that there are.

use std::path::{Path, PathBuf};

use super::list::{self, Listing};
use super::{Asked, GoEnvironment, GoOptions, command, flags};
use crate::error::{Error, Names, Result};
use crate::fs;
use crate::process::quote;
use crate::target::Arch;
use crate::ui::Ui;

/// How many main packages a message lists.
const MOST_LISTED: usize = 10;

/// The directory before the `...` of a pattern, if `place` is one.
pub(super) fn pattern(place: &Path) -> Option<&Path> {
    place
        .ancestors()
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().contains("..."))
        })
        .last()
        .map(|path| path.parent().unwrap_or(Path::new("")))
}

/// The failure for a pattern: what it could have named.
pub(super) fn is_pattern(place: &Path, before: &Path, options: &GoOptions, ui: Ui) -> Error {
    let before = if before.as_os_str().is_empty() {
        Path::new(".")
    } else {
        before
    };
    let mains = directory(before)
        .and_then(|directory| {
            let go = GoEnvironment::read(&directory, options, ui)?;
            let asked = Asked {
                place: before,
                directory: &directory,
                go: &go,
                options,
                ui,
            };
            mains(asked, &directory)
        })
        .unwrap_or_default();
    Error::Project {
        message: format!(
            "`{}` is a pattern, and a function is one package{}",
            from_here(place),
            listed(&mains, ": it holds")
        ),
        hint: Some(choose(&mains)),
    }
}

/// The directory that `place` names, without symlinks.
///
/// # Errors
/// [`Error::Project`] when it is no directory.
pub(super) fn directory(place: &Path) -> Result<PathBuf> {
    let (cause, hint) = match fs::metadata(place) {
        Ok(facts) if facts.is_dir() => return Ok(fs_err::canonicalize(place)?),
        Ok(_) => {
            let parent = place.parent().unwrap_or(Path::new(""));
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            (
                "is a file, and a main package is a directory",
                format!("name its directory: --go {}", quote(parent.as_os_str())),
            )
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (
            "does not exist",
            "name the directory of a main package: --go ./cmd/NAME".to_owned(),
        ),
        Err(error) => return Err(error.into()),
    };
    Err(Error::Project {
        message: format!("`{}` {cause}", from_here(place)),
        hint: Some(hint),
    })
}

/// The root of the module that go found above the directory.
///
/// # Errors
/// [`Error::Project`] when there is none.
pub(super) fn module_root(place: &Path, go: &GoEnvironment) -> Result<PathBuf> {
    let Some(root) = go.module_file.as_deref().and_then(Path::parent) else {
        return Err(Error::Project {
            message: format!(
                "no `go.mod` in `{}` or any directory above it",
                from_here(place)
            ),
            hint: Some(format!(
                "make it a module: cd {} && go mod init NAME && go mod tidy",
                quote(place.as_os_str())
            )),
        });
    };
    Ok(fs_err::canonicalize(root)?)
}

/// The main package's import path.
///
/// # Errors
/// [`Error::Project`] when it is no main package.
pub(super) fn main(asked: Asked<'_>, listing: &Listing, module_root: &Path) -> Result<String> {
    let main = &listing.main;
    let nothing = main
        .error
        .as_ref()
        .is_some_and(|error| error.err.starts_with("no Go files in"));
    let is_library = !main.name.is_empty() && main.name != "main";
    if !nothing && !is_library {
        return Ok(main.import_path.clone());
    }
    let what = if nothing {
        "holds no Go files".to_owned()
    } else {
        format!("is package `{}`, not a main package", main.name)
    };
    let mains = mains(asked, module_root)?;
    let found = if mains.is_empty() {
        ", and its module has no main package".to_owned()
    } else {
        listed(&mains, "; its module's main packages are")
    };
    Err(Error::Project {
        message: format!("`{}` {what}{found}", from_here(asked.place)),
        hint: Some(choose(&mains)),
    })
}

/// The directories of the main packages below a directory, as `--go` takes them.
fn mains(asked: Asked<'_>, directory: &Path) -> Result<Vec<String>> {
    // Which arch is nothing to a list of names; cgo, so that main packages with it are found too.
    let mut command = command(asked.options, Arch::Arm64, true);
    command
        .args(["list", "-e", "-find", "-json=Name,Dir"])
        .arg(flags::tags_flag(asked.go, asked.options))
        .arg("./...");
    let packages = list::run(&mut command, directory, asked)?;
    let mut mains: Vec<String> = packages
        .iter()
        .filter(|package| package.name == "main")
        .map(|package| from_here(Path::new(&package.dir)))
        .collect();
    mains.sort_unstable();
    Ok(mains)
}

/// `before` and the names, or nothing where there are none.
fn listed(mains: &[String], before: &str) -> String {
    match mains {
        [] => String::new(),
        _ if mains.len() > MOST_LISTED => {
            let more = mains.len() - MOST_LISTED;
            let shown = &mains[..MOST_LISTED];
            format!(
                "{before} {} and {more} more",
                Names(shown).to_string().replace(" and ", ", ")
            )
        }
        _ => format!("{before} {}", Names(mains)),
    }
}

fn choose(mains: &[String]) -> String {
    match mains.first() {
        Some(first) => format!("name one: --go {}", quote(first.as_ref())),
        None => {
            "a function's package is called main: write `package main` and `func main()`".to_owned()
        }
    }
}

/// A directory as `--go` takes it from here: `./cmd/x` below the current one, absolute elsewhere.
pub(super) fn from_here(directory: &Path) -> String {
    let path = fs::from_here(directory);
    if path.as_os_str().is_empty() {
        ".".to_owned()
    } else if path.is_absolute() {
        path.display().to_string()
    } else {
        format!("./{}", path.display())
    }
}

/// A directory as a shell takes it from here.
pub(super) fn quoted(directory: &Path) -> String {
    quote(from_here(directory).as_ref())
}
