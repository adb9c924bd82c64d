//! One check: a tool, where it was found, and whether this project can be built without it. Also how a tool is asked,
//! which may be broken in every way.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use serde::Serialize;

use crate::process::{Command, find_on_path};

/// How long a tool may take to say its version. rustup may fetch a toolchain first.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// It is there and runs.
    Ok,
    /// This project cannot be built without it.
    Missing,
    /// It is not there, and this project is built without it.
    Optional,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Optional => "optional",
        }
    }
}

/// What a tool is for.
#[derive(Clone, Debug)]
pub(super) enum Need {
    /// This project cannot be built without it.
    Needed(String),
    /// It helps, or other projects need it.
    Useful(String),
}

/// A tool as it was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Tool {
    /// Where it is, or the words that start it.
    pub(super) path: Option<String>,
    /// Its version, where it says one.
    pub(super) version: Option<String>,
    /// Why it is of no use.
    pub(super) problem: Option<String>,
}

/// A check, as `--format json` shows it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) status: Status,
    pub(super) version: Option<String>,
    pub(super) path: Option<String>,
    pub(super) needed_for: String,
    pub(super) problem: Option<String>,
    pub(super) hint: Option<String>,
}

impl Check {
    /// The check of a tool; `hint` is the command that gets it.
    pub(super) fn new(name: impl Into<String>, need: Need, tool: Tool, hint: &str) -> Self {
        let works = tool.works();
        let (needed_for, absent) = match need {
            Need::Needed(what) => (what, Status::Missing),
            Need::Useful(what) => (what, Status::Optional),
        };
        Self {
            name: name.into(),
            status: if works { Status::Ok } else { absent },
            version: tool.version,
            path: tool.path,
            needed_for,
            problem: tool.problem,
            hint: (!works).then(|| hint.to_owned()),
        }
    }

    /// The name, with the version where there is one.
    pub(super) fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    /// The line for people, with titles of this width.
    pub(super) fn line(&self, width: usize) -> String {
        let mut line = format!("{:<8}  {:<width$}", self.status.name(), self.title());
        for part in [self.path.as_ref(), self.problem.as_ref()]
            .into_iter()
            .flatten()
        {
            line = format!("{line}  {part}");
        }
        if self.status != Status::Ok {
            line = format!("{line}  (for {})", self.needed_for);
        }
        if let Some(hint) = &self.hint {
            line = format!("{line}  hint: {hint}");
        }
        line.trim_end().replace('\n', " ")
    }
}

impl Tool {
    /// Whether it is there and runs.
    pub(super) fn works(&self) -> bool {
        self.path.is_some() && self.problem.is_none()
    }

    /// The program that PATH leads to, asked for its version by these arguments.
    pub(super) fn on_path(program: &str, arguments: &[&str]) -> Self {
        find_on_path(program).map_or_else(Self::default, |path| Self::at(&path, arguments))
    }

    /// The program in this file, asked for its version by these arguments.
    pub(super) fn at(path: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(path);
        command.args(arguments);
        Self::asked(path.display().to_string(), command)
    }

    /// A program that is shown as `path` and says its version when `command` is run.
    pub(super) fn asked(path: String, command: Command) -> Self {
        let (version, problem) = match ask(command) {
            Ok(words) => (version_in(&words), None),
            Err(problem) => (None, Some(problem)),
        };
        Self {
            path: Some(path),
            version,
            problem,
        }
    }
}

/// What a tool says, or why it says nothing.
pub(super) fn ask(command: Command) -> Result<String, String> {
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || drop(sender.send(command.output())));
    match answer.recv_timeout(PATIENCE) {
        Err(_) => Err(format!("it did not answer in {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(format!("it cannot be started: {error}")),
        Ok(Ok(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ok(output)) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            let mut lines = words.lines().map(str::trim);
            let first = lines.find(|line| !line.is_empty());
            let cause = first.unwrap_or("it says nothing").to_owned();
            Err(format!("it does not run ({}): {cause}", output.status))
        }
    }
}

/// The first word that looks like a version: `1.95.0` of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn version_in(words: &str) -> Option<String> {
    let is_version =
        |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    words
        .split_whitespace()
        .map(|word| word.trim_end_matches([',', ')', ':']))
        .find(is_version)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        let version = |words: &str| version_in(words).unwrap_or_default();
        assert_eq!(version("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), "1.95.0");
        assert_eq!(version("0.17.1\n"), "0.17.1");
        assert_eq!(version("LLD 22.1.2 (/checkout, git abc)"), "22.1.2");
        assert_eq!(
            version("qemu-aarch64 version 7.2.22 (Debian 1:7.2)"),
            "7.2.22"
        );
        let llvm = "LLVM (http://llvm.org/):\n  LLVM version 22.1.2-rust-1.95.0-stable\n";
        assert_eq!(version(llvm), "22.1.2-rust-1.95.0-stable");
        assert_eq!(version_in("nothing 4 you"), None);
    }

    #[test]
    fn a_broken_tool_has_a_reason() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo >&2; echo no licence >&2; exit 3"]);
        assert_eq!(
            ask(command).unwrap_err(),
            "it does not run (exit status: 3): no licence"
        );
        assert!(
            ask(Command::new("/no/such/tool"))
                .unwrap_err()
                .starts_with("it cannot be started")
        );
    }
}
