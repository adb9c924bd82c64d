//! `slsbuild build`: every function that the configuration names, or some of them, in as few calls of the compilers as
//! possible.

use std::time::Instant;

use super::make::{self, Telling};
use crate::cli::{BuildAllArgs, Format};
use crate::error::Result;
use crate::plan::{Output, Plan, wishes};
use crate::project::Project;
use crate::project::graph::Touch;
use crate::settings::Settings;
use crate::ui::Ui;

/// Builds the functions and writes their artifacts.
///
/// # Errors
/// With the exit code of the first thing that failed.
pub fn build(arguments: &BuildAllArgs, format: Format, ui: Ui) -> Result<()> {
    let started = Instant::now();
    let settings = Settings::resolve(&arguments.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let wishes = wishes::configured(&project, &settings, &arguments.functions, ui)?;
    let wishes = wishes::zips(wishes, &arguments.functions, ui)?;
    let output = Output::tree(&project, &settings)?;
    let plan = Plan::new(&wishes, &project, &output, &settings, Touch::Files, ui)?;
    plan.say_notes(ui);
    make::make(plan, Telling::Table, format, started, ui)
}
