//! The same artifact once more, where cargo-lambda puts it.

use crate::artifact::archive::Archive;
use crate::error::Result;
use crate::fs;
use crate::plan::{CargoLambdaFiles, Step};
use crate::ui::Ui;

/// Writes the zip of a step, and the program in it, into cargo-lambda's layout, if that is asked for. A file that holds these
/// bytes already stays untouched, so that tools that look at its time do not deploy it again.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn write(step: &Step, ui: Ui) -> Result<()> {
    let Some(files) = &step.also else {
        return Ok(());
    };
    let zip = fs::read(&step.artifact)?;
    let program = program(step, files)?;
    for (path, mode, content) in [(&files.program, 0o755, program), (&files.zip, 0o644, zip)] {
        fs::write_if_changed(path, mode, &content)
            .and_then(|()| fs::set_mode(path, mode))
            .map_err(|cause| fs::unwritable(path, cause))?;
    }
    ui.status(
        "Copied",
        format_args!(
            "`{}` to `{}` and `{}`, where cargo-lambda puts it",
            step.function.name,
            fs::from_here(&files.program).display(),
            fs::from_here(&files.zip).display()
        ),
    );
    Ok(())
}

/// The program as it stands in the zip, stripped.
fn program(step: &Step, files: &CargoLambdaFiles) -> Result<Vec<u8>> {
    let mut archive = Archive::open(&step.artifact)?;
    let mut entries = archive.entries().iter();
    let index = entries.position(|entry| entry.name == files.entry);
    let index = index.ok_or_else(|| {
        anyhow::anyhow!(
            "`{}` holds no `{}`",
            fs::from_here(&step.artifact).display(),
            files.entry
        )
    })?;
    archive.read(index)
}
