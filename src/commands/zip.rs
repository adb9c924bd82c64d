//! `slsbuild zip`: from a crate to Lambda zips.

use std::time::Instant;

use super::{pack, train};
use crate::build;
use crate::cli::{BuildArgs, Format};
use crate::error::Result;
use crate::plan::Plan;
use crate::project::Project;
use crate::project::graph::Touch;
use crate::report::{Report, human};
use crate::settings::Settings;
use crate::ui::Ui;

/// Builds every chosen function for every target and writes the zips.
///
/// # Errors
/// With the exit code of whatever failed; earlier artifacts stay as they are.
pub fn zip(arguments: &BuildArgs, format: Format, ui: Ui) -> Result<()> {
    let started = Instant::now();
    let settings = Settings::resolve(arguments)?;
    let project = Project::load(&settings.cargo, ui)?;
    let plan = Plan::new(project, &settings, Touch::Files, ui)?;
    plan.say_notes(ui);
    pack::prepare(&plan)?;

    let plan = train::guided(plan, ui)?;
    let compiled = build::compile(&plan, ui)?;
    let mut artifacts = Vec::new();
    for (step, binary) in plan.steps.iter().zip(&compiled.binaries) {
        let packed = pack::pack(&plan, step, binary, compiled.elapsed, ui)?;
        human::artifact(
            &packed.artifact,
            packed.previous_size,
            started.elapsed(),
            ui,
        );
        artifacts.push(packed.artifact);
    }

    let report = Report::new(artifacts);
    report.save(&plan.root)?;
    match format {
        Format::Json => ui.result_bytes(report.json()?.as_bytes()),
        Format::Human => report
            .artifacts
            .iter()
            .try_for_each(|artifact| ui.result(artifact.path.display())),
    }
}
