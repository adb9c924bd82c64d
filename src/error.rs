//! Every failure that the outside world can cause, with its exit code and its hint. Matched without `_`:
//! a new variant does not compile until both are answered. Printing is `ui.rs`'s, exiting `main.rs`'s.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use thiserror::Error;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. `Display` is one line: the object in backticks, then the cause.
#[derive(Debug, Error)]
pub enum Error {
    /// Flags that contradict each other or name nothing.
    #[error("{message}")]
    Usage {
        /// The whole line.
        message: String,
        /// A command or a value that works.
        hint: Option<String>,
    },
    /// No manifest in this directory or above it.
    #[error("no `Cargo.toml` in `{}` or any directory above it", .directory.display())]
    NoManifest {
        /// Where the search began.
        directory: PathBuf,
    },
    /// `cargo metadata` refused the project; its own words come before ours.
    #[error("`cargo metadata` refused `{}`", .manifest.display())]
    Metadata {
        /// The manifest asked for.
        manifest: PathBuf,
        /// Cargo's own words, over several lines.
        output: String,
    },
    /// `go` refused a package or its module; its own words come before ours.
    #[error("`go list` refused `{}`", .place.display())]
    GoList {
        /// The directory asked for.
        place: PathBuf,
        /// Go's own words, over several lines.
        output: String,
        /// What to do instead.
        hint: String,
    },
    /// What a configuration file says cannot be meant.
    #[error("`{place}`: {message}")]
    Config {
        /// `FILE:LINE:COLUMN`.
        place: String,
        /// What is wrong there.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// The project does not hold what was asked for.
    #[error("{message}")]
    Project {
        /// The whole line.
        message: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// An include that cannot be packed.
    #[error("{}include `{include}`: {cause}", At(.place.as_deref()))]
    Include {
        /// `FILE:LINE:COLUMN`, where a file names it.
        place: Option<String>,
        /// The include as the user wrote it.
        include: String,
        /// Why it cannot be packed.
        cause: String,
        /// What to do instead.
        hint: Option<String>,
    },
    /// A program, target or component that is not installed.
    #[error("{message}")]
    ToolMissing {
        /// The whole line.
        message: String,
        /// The command that installs it.
        hint: String,
    },
    /// The runtime archive, which cargo could not build; its words come before ours.
    #[error("the runtime archive for `{target}` cannot be built: {cause}")]
    RuntimeArchive {
        /// The target.
        target: String,
        /// Why, as far as we know it.
        cause: &'static str,
        /// Cargo's own words, over several lines.
        output: String,
        /// What to do instead.
        hint: String,
    },
    /// The artifact, or a file given as one, is rejected by a limit or a rule.
    #[error("{message}")]
    Rejected {
        /// The whole line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Rules or limits found errors, which were printed one by one.
    #[error("`{artifact}` has {count} {}", if *.count == 1 { "error" } else { "errors" })]
    Findings {
        /// The artifact that was checked.
        artifact: String,
        /// How many findings are errors.
        count: usize,
    },
    /// A registry that refuses, that cannot be reached, or whose answer cannot be trusted.
    #[error("`{reference}`: {cause}")]
    Registry {
        /// What was asked for: `HOST/REPOSITORY:TAG`.
        reference: String,
        /// What was done there, and what came of it; without secrets.
        cause: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The invoked function answered with an error, died, or did not answer.
    #[error("function `{function}` failed{}: {kind}{}{}", On(.event.as_deref()), if .cause.is_empty() { "" } else { ": " }, .cause)]
    FunctionFailed {
        /// The function's name.
        function: String,
        /// The event that it failed on, where there was more than one.
        event: Option<String>,
        /// The error type, as Lambda or the function names it.
        kind: String,
        /// The error message.
        cause: String,
        /// What to look at, when the cause does not say it.
        hint: Option<String>,
    },
    /// Cargo ran and failed; its diagnostics are on the terminal already.
    #[error("`cargo build` failed")]
    CargoFailed,
    /// Nothing of its own: what failed is told of another function that it is built together with.
    #[error("not built, since `{of}` and it are built together: {cause}")]
    NotBuilt {
        /// The function that the failure is told of.
        of: String,
        /// The failure in one line.
        cause: String,
        /// The failure's exit code.
        code: u8,
    },
    /// Several artifacts could not be made; each failure was printed.
    #[error("{count} artifacts could not be made")]
    Several {
        /// How many.
        count: usize,
        /// The exit code of the first.
        code: u8,
    },
    /// Go ran and failed; its diagnostics are on the terminal already.
    #[error("`go build` failed for `{function}`")]
    GoFailed {
        /// The function.
        function: String,
    },
    /// The user or the system ended the run.
    #[error("interrupted")]
    Interrupted,
    /// A directory or file that cannot be written: no rights, no room, a file in its place.
    #[error("`{}` cannot be written: {cause}", .path.display())]
    Unwritable {
        /// The directory or file.
        path: PathBuf,
        /// Why, in the system's words.
        cause: std::io::Error,
    },
    /// Anything else: an unreadable file.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

/// The place in a message about what a file says.
struct At<'a>(Option<&'a str>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, "`{place}`: "))
    }
}

/// The event in a message about a failure.
struct On<'a>(Option<&'a str>);

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |event| write!(f, " on event `{event}`"))
    }
}

impl Error {
    /// The exit code that the failure ends the program with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unexpected(_) | Self::Unwritable { .. } => 1,
            Self::Usage { .. } => 2,
            Self::NoManifest { .. }
            | Self::Metadata { .. }
            | Self::GoList { .. }
            | Self::Config { .. }
            | Self::Project { .. }
            | Self::Include { .. } => 3,
            Self::ToolMissing { .. } | Self::RuntimeArchive { .. } => 4,
            Self::Rejected { .. } | Self::Findings { .. } => 5,
            Self::Registry { .. } => 6,
            Self::FunctionFailed { .. } => 7,
            Self::CargoFailed | Self::GoFailed { .. } => 101,
            Self::NotBuilt { code, .. } | Self::Several { code, .. } => *code,
            Self::Interrupted => 130,
        }
    }

    /// What the user can do, with a command to paste where one exists.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoManifest { .. } => {
                Some("name one: slsbuild zip --manifest-path PATH/Cargo.toml".to_owned())
            }
            Self::ToolMissing { hint, .. }
            | Self::RuntimeArchive { hint, .. }
            | Self::GoList { hint, .. } => Some(hint.clone()),
            Self::Usage { hint, .. }
            | Self::Config { hint, .. }
            | Self::Project { hint, .. }
            | Self::Include { hint, .. }
            | Self::Rejected { hint, .. }
            | Self::Registry { hint, .. }
            | Self::FunctionFailed { hint, .. } => hint.clone(),
            Self::Metadata { manifest, .. } => Some(format!(
                "cargo says why above; ask it alone: cargo metadata --format-version 1 --manifest-path {}",
                manifest.display()
            )),
            Self::CargoFailed => Some(
                "cargo says why above; to see the command that failed: slsbuild zip -v".to_owned(),
            ),
            Self::GoFailed { .. } => Some(
                "go says why above; to see the command that failed: slsbuild zip -v".to_owned(),
            ),
            Self::Unwritable { .. } => {
                Some("make room there, or choose another directory: --out-dir DIR, or SLSBUILD_CACHE_DIR=DIR for the cache".to_owned())
            }
            Self::Findings { .. }
            | Self::NotBuilt { .. }
            | Self::Several { .. }
            | Self::Interrupted
            | Self::Unexpected(_) => None,
        }
    }

    /// Another program's words over several lines, which are said before the message.
    pub fn preface(&self) -> Option<&str> {
        match self {
            Self::Metadata { output, .. }
            | Self::GoList { output, .. }
            | Self::RuntimeArchive { output, .. } => Some(output),
            Self::Usage { .. }
            | Self::NoManifest { .. }
            | Self::Config { .. }
            | Self::Project { .. }
            | Self::Include { .. }
            | Self::ToolMissing { .. }
            | Self::Rejected { .. }
            | Self::Findings { .. }
            | Self::Registry { .. }
            | Self::FunctionFailed { .. }
            | Self::CargoFailed
            | Self::NotBuilt { .. }
            | Self::Several { .. }
            | Self::GoFailed { .. }
            | Self::Interrupted
            | Self::Unwritable { .. }
            | Self::Unexpected(_) => None,
        }
    }

    /// The message with all its causes on one line, as the user sees it.
    pub fn one_line(&self) -> String {
        let mut line = self.to_string();
        if let Self::Unexpected(error) = self {
            for cause in error.chain().skip(1).map(ToString::to_string) {
                // fs-err and io errors repeat each other's words; a cause is said once.
                if !line.contains(&cause) {
                    let _ = write!(line, ": {cause}");
                }
            }
        }
        line.replace('\n', " ")
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Unexpected(error.into())
    }
}

/// The nearest of `candidates` to a misspelt `name`, as a sentence for a hint.
pub fn did_you_mean(name: &str, candidates: &[&str]) -> Option<String> {
    // Longer ones are no slip of a finger, and their distance is a long walk.
    const LONGEST: usize = 128;
    if name.len() > LONGEST {
        return None;
    }
    let distance = |candidate: &str| edit_distance(&name.to_lowercase(), &candidate.to_lowercase());
    let (best, nearest) = candidates
        .iter()
        .map(|candidate| (distance(candidate), candidate))
        .min()?;
    let near = best <= 1 + name.chars().count() / 4;
    near.then(|| format!("did you mean `{nearest}`?"))
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// Names for a message: `` `a`, `b` and `c` ``.
#[derive(Debug)]
pub struct Names<'a, S>(pub &'a [S]);

impl<S: fmt::Display> fmt::Display for Names<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(f, "{separator}`{name}`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near() {
        assert_eq!(
            did_you_mean("ordres", &["orders", "billing"]).unwrap(),
            "did you mean `orders`?"
        );
        assert_eq!(did_you_mean("thumbnail", &["orders"]), None);
        assert_eq!(did_you_mean("x", &[]), None);
    }

    #[test]
    fn names_are_listed_as_a_sentence() {
        assert_eq!(Names(&["a"]).to_string(), "`a`");
        assert_eq!(Names(&["a", "b", "c"]).to_string(), "`a`, `b` and `c`");
    }

    #[test]
    fn an_unexpected_error_says_its_causes_once_on_one_line() {
        let io = std::io::Error::other("no space left\non device");
        let error = Error::from(anyhow::Error::from(io).context("failed to write `x`"));
        assert_eq!(
            error.one_line(),
            "failed to write `x`: no space left on device"
        );
        assert_eq!(error.exit_code(), 1);
    }
}
