//! `slsbuild zip`: from a crate, a Go package or a ready binary to Lambda zips.

use std::time::Instant;

use super::given;
use super::make::{self, Telling};
use crate::cli::{Format, ZipArgs};
use crate::error::Result;
use crate::plan::{Output, Plan, wishes};
use crate::project::Project;
use crate::project::graph::Touch;
use crate::settings::{Asked, Settings};
use crate::ui::Ui;

/// Builds every chosen function for every target and writes the zips.
///
/// # Errors
/// With the exit code of whatever failed; earlier artifacts stay as they are.
pub fn zip(arguments: &ZipArgs, format: Format, ui: Ui) -> Result<()> {
    let started = Instant::now();
    given::refuse_of_other_language(arguments, &[])?;
    let settings = Settings::resolve(&arguments.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let wishes = wishes::asked(&project, &settings, &Asked::from(arguments), ui)?;
    let output = Output::flat(&project, &settings)?;
    let plan = Plan::new(&wishes, &project, &output, &settings, Touch::Files, ui)?;
    plan.say_notes(ui);
    make::make(plan, Telling::Each, format, started, ui)
}
