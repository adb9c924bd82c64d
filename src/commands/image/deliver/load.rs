//! Images into docker, or else podman, on this machine: as the archive that `docker save` makes. A docker whose daemon does not
//! run is no reason to give up.

use std::path::Path;

use crate::artifact::oci::{Image, ImageSet, Reference, archive};
use crate::error::{Error, Result};
use crate::process::{self, Command};
use crate::target::Arch;
use crate::ui::Ui;

/// The engines, in the order that they are tried in.
const ENGINES: [&str; 2] = ["docker", "podman"];

/// Loads the image for this machine, or the only one, under these names: into the first engine that takes it.
///
/// # Errors
/// When there is no engine, or none takes the image.
pub(super) fn load(set: &ImageSet, names: &[Reference], ui: Ui) -> Result<()> {
    let image = fitting(set).ok_or_else(|| anyhow::anyhow!("an image set without an image"))?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("image.tar");
    archive::write_docker(image, names, &file)?;
    let mut refused = Vec::new();
    for name in ENGINES {
        let Some(program) = process::find_on_path(name) else {
            continue;
        };
        match run(&program, &file, ui)? {
            None => {
                ui.status("Loaded", format_args!("into {name}"));
                return Ok(());
            }
            Some(words) => refused.push((name, words)),
        }
    }
    Err(no_engine(&refused, ui))
}

/// The error of an image that nobody took, with what the engines said.
fn no_engine(refused: &[(&str, String)], ui: Ui) -> Error {
    let Some((last, _)) = refused.last() else {
        return Error::ToolMissing {
            message: format!(
                "neither {} is on PATH, and one of them is to load the image",
                ENGINES.map(|name| format!("`{name}`")).join(" nor ")
            ),
            hint: "write it for another machine instead: --output docker-archive=image.tar"
                .to_owned(),
        };
    };
    let hint = format!("see whether {last} runs: {last} info");
    for (_, words) in refused {
        ui.words(words);
    }
    let names: Vec<String> = refused
        .iter()
        .map(|(name, _)| format!("{name} load"))
        .collect();
    Error::Rejected {
        message: format!("{} failed", crate::error::Names(&names)),
        hint: Some(hint),
    }
}

/// The image for this machine's architecture, else the first.
fn fitting(set: &ImageSet) -> Option<&Image> {
    let here = Arch::host().map(Arch::name);
    let is_here = |image: &&Image| Some(image.platform.architecture.as_str()) == here;
    set.images.iter().find(is_here).or(set.images.first())
}

/// Runs an engine; what it said where it failed.
fn run(program: &Path, file: &Path, ui: Ui) -> Result<Option<String>> {
    let mut command = Command::new(program);
    command.args(["load", "--input"]).arg(file);
    ui.command(&command);
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    Ok((!output.status.success()).then(|| words.trim_end().to_owned()))
}
