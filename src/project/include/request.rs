//! What one `--include` asks for: where to begin, which names to take, and where they go. Touches the disk only
//! to learn whether a name with wildcard characters exists.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::{Include, Refusal, Within};
use crate::artifact::name;
use crate::fs;
use crate::project::lexical;

/// One include, read.
#[derive(Debug)]
pub(super) struct Request {
    /// The source as the user wrote it.
    pub(super) from: String,
    /// The file or directory to begin at, which no link was resolved in.
    pub(super) start: PathBuf,
    /// What to take below it, where the source is a glob.
    pub(super) pattern: Option<Pattern>,
    /// Where it goes.
    pub(super) place: Place,
    /// Whether the source was written with a `/` at its end.
    pub(super) must_be_directory: bool,
}

/// Where files go in the artifact.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where they lie in the package.
    SamePath,
    /// A file: to this name. Several: below it.
    Name(String),
    /// Below this directory; the artifact's root when empty, the image's when `/`.
    Directory(String),
}

impl Request {
    /// Reads `PATH`, `GLOB` or `FROM:TO`, or takes the pair that it is.
    pub(super) fn new(include: &Include, base: &Path, within: Within<'_>) -> Result<Self, Refusal> {
        match include {
            Include::Path(text) => Self::parse(text, base, within),
            Include::FromTo { from, to } => Self::between(from, place(to, within)?, base),
        }
    }

    fn parse(include: &str, base: &Path, within: Within<'_>) -> Result<Self, Refusal> {
        // The colon of a Windows drive divides nothing.
        let after_drive = if name::has_drive(include) { 2 } else { 0 };
        let colon = include
            .get(after_drive..)
            .and_then(|rest| rest.find(':'))
            .and_then(|at| include.split_at_checked(after_drive + at));
        let (from, place) = match colon {
            None => (include, Place::SamePath),
            Some((from, to)) => (from, place(to.strip_prefix(':').unwrap_or(to), within)?),
        };
        Self::between(from, place, base)
    }

    fn between(from: &str, place: Place, base: &Path) -> Result<Self, Refusal> {
        if from.is_empty() {
            return Err(Refusal::new("it names no source").with_hint("write PATH, GLOB or FROM:TO"));
        }
        let whole = lexical(&base.join(from));
        let has_wildcard = |text: &str| text.contains(['*', '?', '[', '{']);
        let (start, pattern) = if has_wildcard(from) && fs::symlink_metadata(&whole).is_err() {
            let wildcard = from.split('/').take_while(|part| !has_wildcard(part));
            let literal: usize = wildcard.map(|part| part.len() + 1).sum();
            let (prefix, rest) = from.split_at_checked(literal).unwrap_or(("", from));
            (lexical(&base.join(prefix)), Some(Pattern::new(rest)?))
        } else {
            (whole, None)
        };
        Ok(Self {
            from: from.to_owned(),
            start,
            pattern,
            place,
            must_be_directory: from.ends_with('/'),
        })
    }

    /// The last component of the source: what a hint proposes as a name.
    pub(super) fn leaf(&self) -> String {
        let leaf = self.start.file_name().unwrap_or_default();
        leaf.to_string_lossy().into_owned()
    }
}

fn place(to: &str, within: Within<'_>) -> Result<Place, Refusal> {
    if to.is_empty() {
        return Err(Refusal::new("it names no place after `:`")
            .with_hint("`.` is the root of the artifact: FROM:."));
    }
    let mut text = to;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || trimmed == "." {
        return Ok(Place::Directory(String::new()));
    }
    if text == "/" && within != Within::Artifact {
        return Ok(Place::Directory(text.to_owned()));
    }
    let relative = match within {
        Within::Artifact => trimmed,
        Within::Image(_) => trimmed.strip_prefix('/').unwrap_or(trimmed),
    };
    name::check(relative).map_err(|cause| {
        Refusal::new(format!(
            "`{}` cannot be a place in an artifact: {cause}",
            to.escape_debug()
        ))
        .with_hint(match within {
            Within::Artifact => "places are relative to the root of the artifact",
            Within::Image(_) => "places are absolute, or relative to the image's working directory",
        })
    })?;
    let name = trimmed.to_owned();
    Ok(if text.ends_with('/') {
        Place::Directory(name)
    } else {
        Place::Name(name)
    })
}

/// The part of a glob that holds wildcards, relative to the directory its literal part names.
#[derive(Debug)]
pub(super) struct Pattern {
    glob: GlobMatcher,
    /// One pattern per component, where the text tells how many a match has.
    levels: Option<Vec<GlobMatcher>>,
    /// The components that open with a dot: all that hidden names are matched by.
    dotted: Vec<GlobMatcher>,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, Refusal> {
        if text.split('/').any(|component| component == "..") {
            return Err(Refusal::new("`..` cannot follow a wildcard"));
        }
        // Alternatives may hold `/`: their components are not those of the text.
        let uncounted = text.contains("**") || text.contains('{');
        let levels = if uncounted {
            None
        } else {
            Some(text.split('/').map(compile).collect::<Result<_, _>>()?)
        };
        let dotted = text
            .split('/')
            .filter(|component| component.starts_with('.'))
            .filter_map(|component| compile(component).ok())
            .collect();
        Ok(Self {
            glob: compile(text)?,
            levels,
            dotted,
        })
    }

    /// Whether the file is one of those asked for.
    pub(super) fn matches(&self, relative: &Path) -> bool {
        self.glob.is_match(relative) && self.shows(relative)
    }

    /// Whether the path may be part of a match.
    pub(super) fn reaches(&self, relative: &Path) -> bool {
        let begins = self.levels.as_ref().is_none_or(|levels| {
            relative
                .iter()
                .zip(levels)
                .all(|(component, glob)| glob.is_match(component))
        });
        begins && self.shows(relative)
    }

    /// How many components a match has, where they are counted.
    pub(super) fn depth(&self) -> Option<usize> {
        self.levels.as_ref().map(Vec::len)
    }

    /// Whether no component is hidden but those that the pattern names with their dot.
    fn shows(&self, relative: &Path) -> bool {
        relative.iter().all(|component| {
            !component.as_encoded_bytes().starts_with(b".")
                || self.dotted.iter().any(|glob| glob.is_match(component))
        })
    }
}

fn compile(text: &str) -> Result<GlobMatcher, Refusal> {
    GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| Refusal::new(format!("it is no valid pattern: {}", error.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(include: &str) -> Request {
        Request::parse(include, Path::new("/base"), Within::Artifact).unwrap()
    }

    #[test]
    fn sources_and_places() {
        let name = |text: &str| Place::Name(text.to_owned());
        let directory = |text: &str| Place::Directory(text.to_owned());
        for (include, from, place) in [
            ("a/b", "a/b", Place::SamePath),
            ("a:b", "a:b", Place::SamePath),
            ("./a:b", "./a", name("b")),
            ("ab:c/d", "ab", name("c/d")),
            ("ab:c/", "ab", directory("c")),
            ("ab:.", "ab", directory("")),
            ("ab:./", "ab", directory("")),
            ("ab:./c", "ab", name("c")),
            ("C:\\x:y", "C:\\x", name("y")),
        ] {
            let request = parse(include);
            assert_eq!(
                (request.from.as_str(), request.place),
                (from, place),
                "{include}"
            );
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for include in [
            "",
            ":x",
            "ab:",
            "ab:/x",
            "ab:../x",
            "ab:x/../..",
            "ab:x//",
            "*/../x",
            "ab:c:d",
            "[",
            "ab:\\x",
        ] {
            assert!(
                Request::parse(include, Path::new("/base"), Within::Artifact).is_err(),
                "{include}"
            );
        }
    }

    #[test]
    fn a_glob_begins_at_its_literal_part() {
        for (include, start) in [
            ("*.txt", "/base"),
            ("assets/img/*.png", "/base/assets/img"),
            ("../shared/**/*.json:s", "/shared"),
            ("./a/../b/x?", "/base/b"),
        ] {
            let request = parse(include);
            assert_eq!(request.start, Path::new(start), "{include}");
            assert!(request.pattern.is_some(), "{include}");
        }
    }

    #[test]
    fn wildcards_follow_the_shell() {
        for (pattern, path, expected) in [
            ("*", "a", true),
            ("*", "a/b", false),
            ("*", ".a", false),
            ("**", "a/b", true),
            ("**/*.json", "a.json", true),
            ("**/*.json", "x/y/a.json", true),
            ("**/*.json", ".git/a.json", false),
            ("**/.env", "x/.env", true),
            ("**/.env", ".git/.env", false),
            (".*", ".a", true),
            ("{a,b/c}", "b/c", true),
            ("[ab]", "b", true),
            ("A", "a", false),
        ] {
            let compiled = Pattern::new(pattern).unwrap();
            assert_eq!(
                compiled.matches(Path::new(path)),
                expected,
                "{pattern} {path}"
            );
        }
    }
}
