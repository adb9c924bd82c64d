//! Finding files below a directory without leaving the project: links are followed and checked, order is by name,
//! and what cannot be packed is refused where it is met.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use walkdir::{DirEntry, WalkDir};

use super::Refusal;
use super::request::Pattern;
use crate::error::{Result, did_you_mean};
use crate::fs;

/// The most names that one include looks at. Links to directories full of links multiply without a loop.
const VISIT_LIMIT: usize = 1 << 20;

/// A file that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// Its path below where the search began, divided by `/`; empty for the beginning itself.
    pub(super) relative: String,
    /// Its size.
    pub(super) size: u64,
    /// Whether its owner may execute it.
    pub(super) executable: bool,
}

/// The directories that includes are relative to and confined in, free of links.
#[derive(Debug)]
pub(super) struct Bounds {
    base: PathBuf,
    root: PathBuf,
}

impl Bounds {
    /// The bounds of a package in a workspace. A package may lie outside its workspace's directory.
    pub(super) fn new(base: &Path, root: &Path) -> Result<Self> {
        let real = |path: &Path| {
            path.canonicalize()
                .with_context(|| format!("failed to find `{}`", path.display()))
        };
        Ok(Self {
            base: real(base)?,
            root: real(root)?,
        })
    }

    /// The package's directory.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// The path of `path` below the package's directory, divided by `/`.
    pub(super) fn below_base(&self, path: &Path) -> Option<String> {
        slashed(path.strip_prefix(&self.base).ok()?)
    }

    /// `path` as a message names it.
    pub(super) fn shown(&self, path: &Path) -> String {
        let short = path.strip_prefix(&self.base).unwrap_or(path);
        let short = if short.as_os_str().is_empty() {
            path
        } else {
            short
        };
        short.to_string_lossy().escape_debug().to_string()
    }

    /// The file at `start`, or all files below it.
    pub(super) fn files_at(&self, start: &Path) -> Result<Vec<Found>, Refusal> {
        self.check_start(start)?;
        self.walk(start, None)
    }

    /// The files below `start` that `pattern` matches.
    pub(super) fn files_matching(
        &self,
        start: &Path,
        pattern: &Pattern,
    ) -> Result<Vec<Found>, Refusal> {
        self.check_start(start)?;
        self.walk(start, Some(pattern))
    }

    fn walk(&self, start: &Path, pattern: Option<&Pattern>) -> Result<Vec<Found>, Refusal> {
        let depth = pattern.and_then(Pattern::depth).unwrap_or(usize::MAX);
        let relative = |path: &Path| path.strip_prefix(start).unwrap_or(path).to_owned();
        let reaches = |path: &Path| pattern.is_none_or(|pattern| pattern.reaches(&relative(path)));
        let wanted = |path: &Path| {
            pattern.is_none_or(|pattern| path != start && pattern.matches(&relative(path)))
        };
        let mut found = Vec::new();
        let walk = WalkDir::new(start)
            .follow_links(true)
            .sort_by_file_name()
            .max_depth(depth);
        for (visited, entry) in walk
            .into_iter()
            .filter_entry(|entry| reaches(entry.path()))
            .enumerate()
        {
            if visited == VISIT_LIMIT {
                return Err(Refusal::new(format!(
                    "it leads to more than {VISIT_LIMIT} names"
                )));
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => match error.path() {
                    Some(path) if !reaches(path) => continue,
                    Some(path) if is_dangling(path) && !wanted(path) => continue,
                    // A directory where only files are asked for.
                    Some(_) if error.loop_ancestor().is_some() && error.depth() >= depth => {
                        continue;
                    }
                    _ => return Err(self.unwalkable(&error)),
                },
            };
            let directory = entry.file_type().is_dir();
            let leads_nowhere = if directory {
                entry.depth() >= depth
            } else {
                !wanted(entry.path())
            };
            if leads_nowhere {
                continue;
            }
            if entry.path_is_symlink() {
                self.check_link(entry.path())?;
            }
            if !directory {
                found.push(self.file(&entry, &relative(entry.path()))?);
            }
        }
        Ok(found)
    }

    /// Describes a file, refusing what no writer could read.
    fn file(&self, entry: &DirEntry, relative: &Path) -> Result<Found, Refusal> {
        let path = entry.path();
        let shown = self.shown(path);
        let Some(relative) = slashed(relative) else {
            return Err(Refusal::new(format!("the name `{shown}` is not UTF-8")));
        };
        if !entry.file_type().is_file() {
            return Err(Refusal::new(format!("`{shown}` is not a regular file")));
        }
        let unreadable = |error: std::io::Error| {
            Refusal::new(format!("`{shown}` cannot be read: {}", plain(&error)))
        };
        let metadata = fs::File::open(path)
            .and_then(|file| file.metadata())
            .map_err(unreadable)?;
        Ok(Found {
            path: path.to_owned(),
            relative,
            size: metadata.len(),
            executable: is_executable(&metadata),
        })
    }

    /// Checks that a search may begin at `start`: that it is there, and inside.
    fn check_start(&self, start: &Path) -> Result<(), Refusal> {
        if !self.holds(start) {
            return Err(self.outside("it lies"));
        }
        // From the outermost name on, so that a message names the first that is wrong.
        let mut names: Vec<&Path> = start.ancestors().collect();
        names.reverse();
        for name in names {
            match fs::symlink_metadata(name) {
                Ok(metadata) if metadata.is_symlink() => self.check_link(name)?,
                Ok(_) => {}
                Err(error) => return Err(self.missing(name, &error)),
            }
        }
        Ok(())
    }

    /// Checks that a link leads to something inside.
    fn check_link(&self, link: &Path) -> Result<(), Refusal> {
        match link.canonicalize() {
            Ok(target) if self.holds(&target) => Ok(()),
            Ok(target) => Err(self.outside(&format!(
                "the link `{}` leads to `{}`,",
                self.shown(link),
                target.display()
            ))),
            Err(error) => Err(self.broken_link(link, &error)),
        }
    }

    fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.root) || path.starts_with(&self.base)
    }

    fn outside(&self, subject: &str) -> Refusal {
        let root = self.root.display();
        Refusal::new(format!("{subject} outside the workspace `{root}`"))
            .with_hint("copy it into the workspace: includes reach anywhere inside, not beyond")
    }

    fn missing(&self, name: &Path, error: &std::io::Error) -> Refusal {
        let shown = self.shown(name);
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
            return Refusal::new(format!("`{shown}` cannot be read: {}", plain(error)));
        }
        let neighbours: Vec<String> = name
            .parent()
            .and_then(|parent| fs::read_dir(parent).ok())
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let mut neighbours: Vec<&str> = neighbours.iter().map(String::as_str).collect();
        neighbours.sort_unstable();
        let wrong = name.file_name().unwrap_or_default().to_string_lossy();
        Refusal {
            cause: format!("`{shown}` does not exist"),
            hint: did_you_mean(&wrong, &neighbours),
        }
    }

    fn broken_link(&self, link: &Path, error: &std::io::Error) -> Refusal {
        let target = link.read_link().unwrap_or_default();
        Refusal::new(format!(
            "the link `{}` to `{}` leads nowhere: {}",
            self.shown(link),
            target.display(),
            plain(error)
        ))
    }

    fn unwalkable(&self, error: &walkdir::Error) -> Refusal {
        let path = error.path().unwrap_or(&self.base);
        if let Some(ancestor) = error.loop_ancestor() {
            return Refusal::new(format!(
                "the link `{}` leads back to `{}`, which holds it",
                self.shown(path),
                self.shown(ancestor)
            ));
        }
        let unknown = std::io::Error::other("it cannot be walked");
        let cause = error.io_error().unwrap_or(&unknown);
        if is_dangling(path) {
            return self.broken_link(path, cause);
        }
        Refusal::new(format!(
            "`{}` cannot be read: {}",
            self.shown(path),
            plain(cause)
        ))
    }
}

/// An operating system's words alone: the errors of `crate::fs` name the path, which the message does already.
fn plain(error: &std::io::Error) -> String {
    let text = match error.raw_os_error() {
        Some(code) => std::io::Error::from_raw_os_error(code).to_string(),
        None => error.kind().to_string(),
    };
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn is_dangling(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

fn slashed(relative: &Path) -> Option<String> {
    let components: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Some(components?.join("/"))
}

#[cfg(unix)]
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &std::fs::Metadata) -> bool {
    false
}
