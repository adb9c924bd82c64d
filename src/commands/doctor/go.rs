//! The check of go, which Go functions are built with: that it is there, and new enough for their modules.

use std::path::Path;

use super::check::{self, Check, Need, Tool};
use super::{Patient, names};
use crate::process::{Command, find_on_path};
use crate::project::go;

/// What brings Go.
const GET_GO: &str = "install Go: https://go.dev/dl";

/// The check of go.
pub(super) fn go(patient: &Patient) -> Check {
    let functions = &patient.needs.go;
    let need = if functions.is_empty() {
        Need::Useful("Go functions".to_owned())
    } else {
        let listed: Vec<String> = functions.iter().map(|(name, _)| name.clone()).collect();
        Need::Needed(names(&listed))
    };
    let wanted = functions
        .iter()
        .filter_map(|(name, directory)| Some((name, required(directory)?)))
        .max_by_key(|(_, version)| numbers(version));
    let (mut tool, fetches) = installed();
    let mut hint = GET_GO.to_owned();
    if let (Some((name, wanted)), Some(version)) = (wanted, &tool.version)
        && numbers(version) < numbers(&wanted)
        && (!fetches || patient.offline)
    {
        tool.problem = Some(format!(
            "go.mod of `{name}` wants go {wanted}, and this one does not fetch it"
        ));
        hint = format!("install Go {wanted} or newer: https://go.dev/dl");
    }
    Check::new("go", need, tool, &hint)
}

/// The go on PATH, and whether it fetches a newer one where a module wants it
/// (<https://go.dev/doc/toolchain>, 2026-11).
fn installed() -> (Tool, bool) {
    let Some(path) = find_on_path("go") else {
        return (Tool::default(), false);
    };
    let mut command = Command::new(&path);
    // At the root, where no go.mod asks for another version than the one that is installed.
    command
        .args(["env", "GOVERSION", "GOTOOLCHAIN"])
        .directory("/");
    let path = Some(path.display().to_string());
    let (version, problem, fetches) = match check::ask(command) {
        Err(problem) => (None, Some(problem), false),
        Ok(words) => {
            let mut lines = words.lines();
            let version = lines.next().and_then(|line| line.strip_prefix("go"));
            let toolchain = lines.next().unwrap_or_default();
            let fetches = toolchain.ends_with("auto") || toolchain.ends_with("path");
            match version {
                Some(version) => (Some(version.to_owned()), None, fetches),
                None => (None, Some("it does not say its version".to_owned()), false),
            }
        }
    };
    (
        Tool {
            path,
            version,
            problem,
        },
        fetches,
    )
}

/// The version that the nearest go.mod above a directory asks for.
fn required(directory: &Path) -> Option<String> {
    go::module_line(&go::module_around(directory), "go")
}

/// A version's numbers: `1.26.8`, of `1.27rc1` those before the letters.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map_while(|part| {
            let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(numbers("1.9") < numbers("1.26.1"));
        assert!(numbers("1.27rc1") > numbers("1.26.8"));
        assert!(numbers("").is_empty());
    }
}
