//! `slsbuild dir`: the same function as `zip`'s, unpacked in a directory for the tools that zip it themselves.

use std::time::Instant;

use super::given;
use super::make::{self, Telling};
use crate::cli::{DirArgs, Format};
use crate::error::Result;
use crate::plan::{Output, Plan, wishes};
use crate::project::Project;
use crate::project::graph::Touch;
use crate::settings::{Asked, Settings};
use crate::ui::Ui;

/// Builds every chosen function for every target and writes its files.
///
/// # Errors
/// With the exit code of whatever failed; a directory of ours stays as it was.
pub fn dir(arguments: &DirArgs, format: Format, ui: Ui) -> Result<()> {
    let started = Instant::now();
    given::refuse_of_other_language(&arguments.zip, &arguments.functions)?;
    let settings = Settings::resolve(&arguments.zip.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let wishes = if arguments.functions.is_empty() {
        wishes::asked(&project, &settings, &Asked::from(&arguments.zip), ui)?
    } else {
        wishes::configured(&project, &settings, &arguments.functions, ui)?
    };
    let wishes = wishes::zips(wishes, &arguments.functions, ui)?;
    let output = Output::flat(&project, &settings)?.unpacked()?;
    let plan = Plan::new(&wishes, &project, &output, &settings, Touch::Files, ui)?;
    plan.say_notes(ui);
    make::make(plan, Telling::Each, format, started, ui)
}
