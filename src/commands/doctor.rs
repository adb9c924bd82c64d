//! `slsbuild doctor`: which tools are there, where, in which version; which of them this project misses, and the command
//! that gets each. What single checks look at is in the files below this one.

mod check;
mod go;
mod rust;

use serde_json::{Value, json};

use self::check::{Check, Need, Status, Tool};
use crate::cli::{Format, PlanArgs};
use crate::error::{Error, Names, Result};
use crate::plan::{Needs, wishes};
use crate::project::toolchain::{self, Rustc};
use crate::project::{Project, config};
use crate::settings::{Asked, Settings};
use crate::target::{Arch, Target};
use crate::ui::Ui;

/// How many names a check lists.
const MOST_NAMES: usize = 3;

/// Looks at the machine with the project's eyes.
///
/// # Errors
/// [`Error::ToolMissing`] when the project cannot be built with what is there, and for a project that cannot be meant.
/// Never for a tool that is broken.
pub fn doctor(arguments: &PlanArgs, format: Format, ui: Ui) -> Result<()> {
    let patient = Patient::examine(arguments, ui)?;
    let mut checks = rust::toolchain(&patient);
    checks.extend(rust::targets(&patient));
    checks.push(go::go(&patient));
    checks.extend(emulators(&patient.needs));
    match format {
        Format::Human => ui.result(human(&checks))?,
        Format::Json => ui.result(format_args!("{:#}", document(&checks)))?,
    }
    verdict(&checks)
}

/// What the checks are held against.
struct Patient {
    /// The rustc that cargo uses here, or why there is none.
    rustc: Result<Rustc>,
    cargo: Tool,
    /// What Rust is needed for, if it is.
    rust: Option<String>,
    /// The targets that are looked at.
    targets: Vec<Target>,
    needs: Needs,
    /// Whether the network is off.
    offline: bool,
}

impl Patient {
    fn examine(arguments: &PlanArgs, ui: Ui) -> Result<Self> {
        let settings = Settings::resolve(&arguments.zip.build)?;
        let mut patient = Self {
            rustc: Rustc::probe(ui),
            cargo: Tool::on_path("cargo", &["--version"]),
            rust: None,
            targets: Vec::new(),
            needs: Needs::default(),
            offline: settings.cargo.network.offline,
        };
        match Project::load(&settings.cargo, settings.config.as_deref(), ui) {
            Ok(project) => patient.needs = needs(&project, &settings, arguments, ui)?,
            // Only a cargo workspace asks for tools while it is looked at.
            Err(Error::ToolMissing { message, .. }) => {
                if patient.rustc.is_ok() && patient.cargo.works() {
                    patient.cargo.problem = Some(message);
                }
                patient.only_read(&settings)?;
            }
            Err(Error::Metadata { .. }) if !patient.cargo.works() => {
                patient.only_read(&settings)?;
            }
            Err(error) => return Err(error),
        }
        let functions = patient.needs.targets.iter();
        let functions: Vec<String> = functions.flat_map(|one| one.functions.clone()).collect();
        if !functions.is_empty() {
            patient.rust = Some(names(&functions));
        }
        patient.targets = targets(&patient.needs, &settings);
        Ok(patient)
    }

    /// What can be said of a cargo workspace without cargo: that it needs it; and of Go functions, whatever there is.
    fn only_read(&mut self, settings: &Settings) -> Result<()> {
        self.rust = Some("this cargo workspace".to_owned());
        let here = std::env::current_dir()?;
        let loaded = config::load(settings.config.as_deref(), &here, None)?;
        for section in loaded.config.sections {
            for table in section.functions {
                if let Some(go) = table.go {
                    let directory = section.directory.join(go.value);
                    self.needs.go.push((table.name.value, directory));
                }
            }
        }
        Ok(())
    }
}

/// What the project needs; nothing where there is none and none is asked for.
fn needs(project: &Project, settings: &Settings, arguments: &PlanArgs, ui: Ui) -> Result<Needs> {
    let asked = Asked::from(&arguments.zip);
    let cargo = &settings.cargo;
    let is_named = asked != Asked::Rust
        || !arguments.functions.is_empty()
        || !cargo.packages.is_empty()
        || !cargo.binaries.is_empty();
    if project.workspace.is_none() && !project.config.declares_functions() && !is_named {
        return Ok(Needs::default());
    }
    let wishes = wishes::planned(project, settings, &arguments.functions, &asked, ui)?;
    Needs::of(&wishes, project, settings, ui)
}

/// The targets that Rust is compiled for, or those it would be.
fn targets(needs: &Needs, settings: &Settings) -> Vec<Target> {
    if !needs.targets.is_empty() {
        return needs.targets.iter().map(|one| one.target).collect();
    }
    match settings.overrides.targets.as_slice() {
        [] => vec![Target::musl(Arch::Arm64)],
        asked => asked.to_owned(),
    }
}

/// What runs artifacts of another arch than this machine's; a build needs it only for training.
fn emulators(needs: &Needs) -> Vec<Check> {
    let foreign = Arch::ALL
        .into_iter()
        .filter(|arch| Arch::host() != Some(*arch));
    foreign
        .map(|arch| {
            let trained = &needs.trained;
            let need = if trained.is_empty() || !needs.arches.contains(&arch) {
                Need::Useful(format!("invoke, bench and training of {arch} functions"))
            } else {
                Need::Needed(format!("the training of {}", names(trained)))
            };
            let found = toolchain::find_emulator(arch);
            let hint = found.as_ref().err().and_then(Error::hint);
            let tool =
                found.map_or_else(|_| Tool::default(), |path| Tool::at(&path, &["--version"]));
            let hint =
                hint.unwrap_or_else(|| "apt-get install --reinstall qemu-user-static".to_owned());
            Check::new(format!("qemu-{}", arch.cpu()), need, tool, &hint)
        })
        .collect()
}

/// Names as a list that stays short.
fn names(all: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in all {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    if unique.len() <= MOST_NAMES {
        return unique.join(", ");
    }
    let more = unique.len() - MOST_NAMES;
    unique.truncate(MOST_NAMES);
    format!("{} and {more} more", unique.join(", "))
}

fn human(checks: &[Check]) -> String {
    let widths = checks.iter().map(|check| check.title().chars().count());
    let width = widths.max().unwrap_or_default();
    let lines: Vec<String> = checks.iter().map(|check| check.line(width)).collect();
    lines.join("\n")
}

fn document(checks: &[Check]) -> Value {
    json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "slsbuild": env!("CARGO_PKG_VERSION"),
        "ready": missing(checks).is_empty(),
        "checks": checks,
    })
}

fn missing(checks: &[Check]) -> Vec<&Check> {
    let missing = checks.iter();
    missing
        .filter(|check| check.status == Status::Missing)
        .collect()
}

fn verdict(checks: &[Check]) -> Result<()> {
    let missing = missing(checks);
    let Some(first) = missing.first() else {
        return Ok(());
    };
    let names: Vec<&str> = missing.iter().map(|check| check.name.as_str()).collect();
    Err(Error::ToolMissing {
        message: format!(
            "this project cannot be built here without {}",
            Names(&names)
        ),
        hint: first.hint.clone().unwrap_or_default(),
    })
}
