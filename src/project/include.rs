//! `--include`: from what the user wrote to named files, checked before cargo starts. Reads no content: writers do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{self, Include};
use crate::artifact::name;
use crate::error::{Error, Result};

mod request;
mod walk;

use request::{Place, Request};
use walk::{Bounds, Found};

/// The name at an artifact's root that belongs to the function's own binary.
const ENTRY_POINT: &str = "bootstrap";

/// One include that the user asked for, and the line of a file that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What is asked for.
    pub include: Include,
    /// Where, if a file asks for it.
    pub place: Option<config::Place>,
}

impl Wanted {
    /// An include as a flag says it.
    pub fn of_flag(text: &str) -> Self {
        Self {
            include: Include::Path(text.to_owned()),
            place: None,
        }
    }
}

/// What places of includes are relative to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within<'a> {
    /// The artifact's root.
    Artifact,
    /// An image's working directory, an absolute path. A place may be absolute too, and names are relative to the image's root.
    Image(&'a str),
}

impl Within<'_> {
    /// The name of a file in the artifact, from the place that was asked for.
    fn name(self, place: String) -> String {
        let Self::Image(directory) = self else {
            return place;
        };
        if let Some(absolute) = place.strip_prefix('/') {
            return absolute.to_owned();
        }
        match directory.trim_matches('/') {
            "" => place,
            directory => format!("{directory}/{place}"),
        }
    }
}

/// A file of the project that goes into the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Its name in the artifact.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// Whether its owner may execute it; never where files have no mode.
    pub executable: bool,
}

/// Why an include cannot be packed, before the include is named.
#[derive(Debug)]
struct Refusal {
    cause: String,
    hint: Option<String>,
}

impl Refusal {
    fn new(cause: impl Into<String>) -> Self {
        Self {
            cause: cause.into(),
            hint: None,
        }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn of(self, wanted: &Wanted) -> Error {
        Error::Include {
            place: wanted.place.as_ref().map(config::Place::to_string),
            include: wanted.include.to_string().escape_debug().to_string(),
            cause: self.cause,
            hint: self.hint,
        }
    }
}

/// Finds the files that `includes` name, sorted by their names in the artifact.
///
/// Each include is `PATH`, `GLOB`, `FROM:TO` or a pair of the two, relative to `base`, the package's directory; none reaches beyond
/// `root`, the workspace's. A path or glob keeps its path below `base` as its name. With `:TO` a file is named
/// `TO`, or lies in it where `TO` ends with `/` or is `.`; the content of a directory, and what a glob matches
/// (named from its first component with a wildcard on), lies in `TO`.
///
/// Directories are taken whole, with hidden files; an empty directory inside has no name to keep, as in git. Globs
/// match files only: `*` stays inside a component, `**` spans several, and as in a shell neither matches a hidden
/// name, which a component with a leading dot does. A path that exists is never read as a glob. Links are followed
/// as far as they stay inside.
pub fn resolve(
    includes: &[Wanted],
    base: &Path,
    root: &Path,
    within: Within<'_>,
) -> Result<Vec<Included>> {
    let bounds = Bounds::new(base, root)?;
    let mut taken: BTreeMap<String, (Included, &Wanted)> = BTreeMap::new();
    for include in includes {
        let files =
            find(&include.include, &bounds, within).map_err(|refusal| refusal.of(include))?;
        for file in files {
            match taken.get(&file.name) {
                Some((other, _)) if other.path != file.path => {
                    return Err(two_sources(&file, other, &bounds).of(include));
                }
                _ => taken.insert(file.name.clone(), (file, include)),
            };
        }
    }
    for (name, (file, include)) in &taken {
        if let Some((other, _)) = name::ancestors(name).find_map(|parent| taken.get(parent)) {
            return Err(below_a_file(file, other, &bounds).of(include));
        }
    }
    Ok(taken.into_values().map(|(file, _)| file).collect())
}

/// The files of one include, named.
fn find(include: &Include, bounds: &Bounds, within: Within<'_>) -> Result<Vec<Included>, Refusal> {
    let request = Request::new(include, bounds.base(), within)?;
    let include = include.to_string();
    let found = match &request.pattern {
        None => bounds.files_at(&request.start).map_err(|refusal| {
            if name::has_drive(&include) && refusal.hint.is_none() {
                // `a:b` reads as a Windows path here; the user may have meant FROM:TO.
                return refusal.with_hint(format!("for a file of one letter write `./{include}`"));
            }
            refusal
        })?,
        Some(pattern) => bounds.files_matching(&request.start, pattern)?,
    };
    if request.must_be_directory && found.iter().any(|file| file.relative.is_empty()) {
        return Err(Refusal::new("it is a file, not a directory"));
    }
    if found.is_empty() {
        return Err(nothing(&request));
    }
    found
        .into_iter()
        .map(|file| named(file, &request, bounds, within))
        .collect()
}

fn nothing(request: &Request) -> Refusal {
    match &request.pattern {
        None => Refusal::new("the directory holds no files"),
        Some(pattern) if pattern.depth().is_none() => Refusal::new("no file matches"),
        Some(_) => Refusal::new("no file matches")
            .with_hint("`*` stays inside one directory and matches files; `**/*` reaches deeper"),
    }
}

/// Gives a file its name in the artifact.
fn named(
    file: Found,
    request: &Request,
    bounds: &Bounds,
    within: Within<'_>,
) -> Result<Included, Refusal> {
    let place = match &request.place {
        Place::SamePath => bounds.below_base(&file.path).ok_or_else(|| {
            let leaf = request.leaf();
            Refusal::new("its name in the artifact would lie outside the artifact").with_hint(
                format!("name its place: --include '{}:{leaf}'", request.from),
            )
        })?,
        Place::Name(to) if file.relative.is_empty() => to.clone(),
        Place::Name(to) => below(to, &file.relative),
        Place::Directory(to) => {
            let relative = match file.relative.as_str() {
                "" => request.leaf(),
                relative => relative.to_owned(),
            };
            below(to, &relative)
        }
    };
    let name = within.name(place);
    name::check(&name).map_err(|cause| {
        Refusal::new(format!(
            "`{}` cannot be a name in an artifact: {cause}",
            name.escape_debug()
        ))
    })?;
    if within == Within::Artifact && name.split('/').next() == Some(ENTRY_POINT) {
        return Err(Refusal::new(format!(
            "`{ENTRY_POINT}` at the root of the artifact is the function's own binary"
        ))
        .with_hint(format!(
            "give it another name: --include '{}:TO'",
            request.from
        )));
    }
    Ok(Included {
        name,
        path: file.path,
        size: file.size,
        executable: file.executable,
    })
}

fn below(directory: &str, name: &str) -> String {
    match directory {
        "" => name.to_owned(),
        directory => format!("{}/{name}", directory.trim_end_matches('/')),
    }
}

fn two_sources(file: &Included, other: &Included, bounds: &Bounds) -> Refusal {
    Refusal::new(format!(
        "`{}` has two sources: `{}` and `{}`",
        file.name,
        bounds.shown(&other.path),
        bounds.shown(&file.path)
    ))
    .with_hint("give one of them another name with FROM:TO")
}

fn below_a_file(file: &Included, other: &Included, bounds: &Bounds) -> Refusal {
    Refusal::new(format!(
        "`{}` from `{}` needs a directory where `{}` from `{}` is a file",
        file.name,
        bounds.shown(&file.path),
        other.name,
        bounds.shown(&other.path)
    ))
    .with_hint("give one of them another name with FROM:TO")
}

#[cfg(test)]
mod tests;
