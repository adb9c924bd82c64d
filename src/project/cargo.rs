//! What cargo says is there: the workspace, its packages and their binaries, from `cargo metadata --no-deps`.
//! Choosing among them is `select.rs`'s.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand};

use super::CargoOptions;
use crate::error::{Error, Result};
use crate::process::Command;
use crate::ui::Ui;

/// The manifest that cargo would use: the one asked for, or the nearest above the current directory.
///
/// # Errors
/// [`Error::Usage`] when the one asked for is no file, [`Error::NoManifest`] when there is none.
pub(super) fn find_manifest(asked: Option<&Path>) -> Result<PathBuf> {
    let directory = std::env::current_dir().context("the current directory is gone")?;
    match asked {
        // As cargo prints it: without it, it would be no member's.
        Some(path) if path.is_file() => Ok(super::lexical(&directory.join(path))),
        Some(path) => Err(Error::Usage {
            message: format!(
                "`{}` is no file, so it cannot be the manifest",
                path.display()
            ),
            hint: Some("name a Cargo.toml: --manifest-path PATH/Cargo.toml".to_owned()),
        }),
        None => directory
            .ancestors()
            .map(|ancestor| ancestor.join("Cargo.toml"))
            .find(|manifest| manifest.is_file())
            .ok_or(Error::NoManifest { directory }),
    }
}

/// Runs `cargo metadata --no-deps`. Cargo's own words are shown once, and only when it fails.
///
/// # Errors
/// [`Error::Metadata`] when cargo refuses the manifest, [`Error::ToolMissing`] when there is no cargo.
pub(super) fn metadata(manifest: &Path, options: &CargoOptions, ui: Ui) -> Result<Metadata> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    run_metadata(&mut command, manifest, options, ui)
}

/// Runs `cargo metadata` with the whole dependency graph of `triple`. This may fetch: cargo's progress is its own.
///
/// # Errors
/// As for [`metadata`].
pub(super) fn graph(
    manifest: &Path,
    options: &CargoOptions,
    triple: &str,
    ui: Ui,
) -> Result<Metadata> {
    let mut command = Command::new("cargo");
    command
        .args([
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            triple,
        ])
        .args(options.features.flags());
    run_metadata(&mut command, manifest, options, ui)
}

fn run_metadata(
    command: &mut Command,
    manifest: &Path,
    options: &CargoOptions,
    ui: Ui,
) -> Result<Metadata> {
    command
        .arg("--manifest-path")
        .arg(manifest)
        .args(options.network.flags());
    // `cargo metadata` has no --target-dir.
    if let Some(directory) = &options.target_dir {
        command.env("CARGO_TARGET_DIR", directory);
    }
    ui.command(&command);
    let output = command.output().map_err(|error| cargo_missing(&error))?;
    if !output.status.success() {
        return Err(Error::Metadata {
            manifest: manifest.to_owned(),
            output: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap_or_default();
    MetadataCommand::parse(line).map_err(|error| Error::ToolMissing {
        message: format!("`cargo` is no cargo that we know: `cargo metadata` printed what is no metadata: {error}"),
        hint: "see which program it is, and which version: command -v cargo; cargo --version"
            .to_owned(),
    })
}

/// The failure to start cargo, as the user can mend it.
pub fn cargo_missing(error: &std::io::Error) -> Error {
    Error::ToolMissing {
        message: format!("`cargo` cannot be started: {error}"),
        hint: "install Rust with rustup, then see that it is on PATH: cargo --version".to_owned(),
    }
}
