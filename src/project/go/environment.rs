//! The go that is on PATH, as it is set up in the user's directory: `go env`, and the two files behind `go env -w`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

use super::{GoOptions, flags, list};
use crate::error::{Error, Result};
use crate::fs;
use crate::process::Command;
use crate::target::Arch;
use crate::ui::Ui;

/// The largest file of go's settings that is read.
const MOST_SETTINGS: u64 = 1024 * 1024;

/// What go is, and what the user made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoEnvironment {
    /// Its version in this directory, `go1.26.8`: go.mod or GOTOOLCHAIN may ask for another than the one on PATH.
    pub version: String,
    /// `GOFLAGS`, split as go splits it.
    pub flags: Vec<String>,
    /// The go.mod above the directory, if there is one.
    pub module_file: Option<PathBuf>,
    /// `GOAMD64`, where the user set it.
    pub amd64_level: Option<String>,
    /// `GOARM64`, where the user set it.
    pub arm64_level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Printed {
    goversion: String,
    goflags: String,
    gomod: String,
    goenv: PathBuf,
    goroot: PathBuf,
}

impl GoEnvironment {
    /// Asks go itself.
    ///
    /// # Errors
    /// [`Error::ToolMissing`] when there is none, or none that is new enough for the module.
    pub(super) fn read(directory: &Path, options: &GoOptions, ui: Ui) -> Result<Self> {
        let mut command = Command::new("go");
        command
            .args(["env", "-json"])
            .args(["GOVERSION", "GOFLAGS", "GOMOD", "GOENV", "GOROOT"])
            .directory(directory);
        if options.offline {
            command.env("GOPROXY", "off");
        }
        ui.command(&command);
        let output = command.output().map_err(go_missing)?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(list::refused(directory, directory, &words));
        }
        let printed: Printed = serde_json::from_slice(&output.stdout)
            .context("`go env` printed what is no JSON of its settings")?;
        let files = [printed.goenv, printed.goroot.join("go.env")];
        let existing = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_file());
        Ok(Self {
            version: printed.goversion,
            // Where go could not split them it says so itself, in the next call.
            flags: flags::split(&printed.goflags).unwrap_or_default(),
            module_file: existing(printed.gomod),
            amd64_level: set_by_user("GOAMD64", &files),
            arm64_level: set_by_user("GOARM64", &files),
        })
    }

    /// The `-tags` and `-ldflags` of a build: ours, those of `GOFLAGS` and the options', merged.
    pub fn build_flags(&self, options: &GoOptions) -> Vec<String> {
        flags::build_flags(self, options)
    }

    /// What the CPU must at least be, where the user says it: the variable and its value.
    pub fn level(&self, arch: Arch) -> Option<(&'static str, &str)> {
        match arch {
            Arch::Amd64 => Some(("GOAMD64", self.amd64_level.as_deref()?)),
            Arch::Arm64 => Some(("GOARM64", self.arm64_level.as_deref()?)),
        }
    }
}

/// A setting as the user made it. `go env NAME` would tell the default just the same.
fn set_by_user(name: &str, files: &[PathBuf]) -> Option<String> {
    let of_shell = std::env::var(name).ok();
    of_shell.filter(|value| !value.is_empty()).or_else(|| {
        files.iter().find_map(|file| {
            let text = String::from_utf8(fs::read_bounded(file, MOST_SETTINGS).ok()?).ok()?;
            setting(&text, name)
        })
    })
}

/// A setting in a file of lines `NAME=value`.
fn setting(text: &str, name: &str) -> Option<String> {
    let mut values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
    values
        .next()
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

/// The failure to start go, as the user can mend it.
pub fn go_missing(error: std::io::Error) -> Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return anyhow::Error::from(error)
            .context("`go` cannot be started")
            .into();
    }
    Error::ToolMissing {
        message: format!("`go` cannot be started: {error}"),
        hint: "install Go (https://go.dev/dl), then see that it is on PATH: go version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_from_the_file_behind_go_env_w() {
        let text = "GOAMD64X=v9\n# GOAMD64=v4\nGOAMD64=v2\nGOARM64=\n";
        assert_eq!(setting(text, "GOAMD64").as_deref(), Some("v2"));
        assert_eq!(setting(text, "GOARM64"), None);
        assert_eq!(setting("", "GOARM64"), None);
    }

    #[test]
    fn no_go_is_a_missing_tool() {
        let error = go_missing(std::io::ErrorKind::NotFound.into());
        assert_eq!(error.exit_code(), 4);
        let error = go_missing(std::io::ErrorKind::PermissionDenied.into());
        assert_eq!(error.exit_code(), 1);
    }
}
