//! Profiles of LLVM's: merging what instrumented runs wrote, and asking a profile which functions it knows. Both through the
//! `llvm-profdata` that belongs to rustc.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs;
use crate::interrupt;
use crate::plan::{CargoPlan, GuidingProfile, MOST_PROFILE};
use crate::process::Command;
use crate::ui::Ui;

/// Merges raw profiles into the profile that guides a build.
///
/// # Errors
/// When the tool fails: it wrote none, or of another version.
pub fn merge(plan: &CargoPlan, profdata: &Path, raw: &[PathBuf], ui: Ui) -> Result<GuidingProfile> {
    let directory = directory(plan);
    fs::create_dir_all(&directory)?;
    let merged = tempfile::Builder::new()
        .suffix(".profdata")
        .tempfile_in(&directory)?;
    let _registration = interrupt::remove_on_interrupt(merged.path());
    let mut command = Command::new(profdata);
    command
        .args(["merge", "--failure-mode=any", "-o"])
        .arg(merged.path())
        .args(raw);
    run(&command, ui)?.map_err(|cause| Error::Project {
        message: format!("what training showed cannot be merged: {cause}"),
        hint: Some("see the command: slsbuild zip --pgo EVENTS -v".to_owned()),
    })?;
    adopt(plan, merged.path())
}

/// Takes a profile into our directory, under its digest.
///
/// # Errors
/// When it cannot be read or written.
pub fn adopt(plan: &CargoPlan, profile: &Path) -> Result<GuidingProfile> {
    let content = fs::read_bounded(profile, MOST_PROFILE)?;
    let sha256 = Sha256::of(&content);
    let path = directory(plan).join(format!("{sha256}.profdata"));
    fs::create_dir_all(directory(plan))?;
    fs::write_if_changed(&path, 0o644, &content)?;
    Ok(GuidingProfile {
        path,
        sha256,
        functions: None,
    })
}

/// The functions that a profile knows, by their symbols; `None` where the tool to ask with is not installed.
///
/// # Errors
/// [`Error::Project`] when this toolchain cannot read the profile.
pub fn functions(
    plan: &CargoPlan,
    profile: &Path,
    shown: &Path,
    ui: Ui,
) -> Result<Option<BTreeSet<String>>> {
    let Some(profdata) = plan.rustc.llvm_tool("llvm-profdata") else {
        return Ok(None);
    };
    let mut command = Command::new(profdata);
    command.args(["show", "--all-functions"]).arg(profile);
    let text = run(&command, ui)?.map_err(|cause| Error::Project {
        message: format!(
            "profile `{}` cannot be read by rustc {}: {cause}",
            shown.display(),
            plan.rustc.version
        ),
        hint: Some(
            "make one with this toolchain: slsbuild zip --pgo EVENTS --pgo-out FILE".to_owned(),
        ),
    })?;
    Ok(Some(
        text.lines()
            .filter_map(function)
            .map(str::to_owned)
            .collect(),
    ))
}

/// Runs `llvm-profdata`: what it printed, or why it failed.
fn run(command: &Command, ui: Ui) -> Result<Result<String, String>> {
    ui.command(command);
    let output = command
        .output()
        .context("`llvm-profdata` cannot be started")?;
    Ok(if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(last_line(&output.stderr))
    })
}

/// The function that a line of `llvm-profdata show` opens: two spaces, its name, a colon. The name of one that is local to its
/// file has the file before it, and a semicolon between.
fn function(line: &str) -> Option<&str> {
    let name = line.strip_prefix("  ")?.strip_suffix(':')?;
    if name.starts_with(' ') {
        return None;
    }
    Some(name.rsplit_once(';').map_or(name, |(_, name)| name))
}

/// LLVM's tools say the cause on their last line, behind their own name.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    let line = line.unwrap_or("it says nothing");
    line.rsplit_once("error: ")
        .map_or(line, |(_, cause)| cause)
        .to_owned()
}

fn directory(plan: &CargoPlan) -> PathBuf {
    plan.root.join("pgo")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_from_their_counters() {
        let text = "Counters:\n  main:\n    Hash: 0x1\n    Counters: 3\n    Function count: 1\n  echo.cgu.0;_ZN4echo:\nInstrumentation level: IR\n";
        let names: Vec<&str> = text.lines().filter_map(function).collect();
        assert_eq!(names, ["main", "_ZN4echo"]);
    }
}
