//! `slsbuild image`: from a crate, a Go package or a ready binary to container images, on disk and in registries.

mod base;
mod compose;
mod deliver;
mod describe;
mod git;
mod layout;
mod lint;
mod source;

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::anyhow;

use super::given;
use super::make;
use super::pack::{self, Parts};
use crate::artifact::oci::media_type::Compression;
use crate::check::Allowed;
use crate::cli::{Format, ImageArgs};
use crate::error::Result;
use crate::fs;
use crate::plan::{Group, Output, Plan, Step, wishes};
use crate::platform::image::Asked as AskedOfPlatform;
use crate::project::Project;
use crate::project::graph::Touch;
use crate::report::{Artifact, Report, human};
use crate::settings::{Asked, Settings};
use crate::target::Arch;
use crate::threads;
use crate::ui::Ui;
use base::{Base, Bases};
use compose::Composed;
use deliver::{Delivery, Made};
use layout::Laid;
use source::Sources;

/// Builds an image of every chosen function, and takes it where it is to go.
///
/// # Errors
/// With the exit code of whatever failed. A name in a registry stands for a whole image, or for what it stood for before.
pub fn image(arguments: &ImageArgs, format: Format, ui: Ui) -> Result<()> {
    let started = Instant::now();
    given::refuse_of_other_language(&arguments.zip, &arguments.functions)?;
    let settings = Settings::resolve_image(arguments)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let asked = Asked::from(&arguments.zip);
    let wishes = wishes::planned(&project, &settings, &arguments.functions, &asked, ui)?;
    let wishes = wishes::images(wishes, &arguments.functions)?;
    let output = Output::flat(&project, &settings)?.images()?;
    let mut plan = Plan::new(&wishes, &project, &output, &settings, Touch::Files, ui)?;
    refuse(&plan)?;
    let delivery = Delivery::new(arguments, &plan)?;
    let mut sources = Sources::new(arguments, &settings, &project, delivery.repository(), ui)?;
    let commit = if arguments.label_git {
        git::annotations(&project.directory, ui)?
    } else {
        BTreeMap::new()
    };
    let grounds = grounds(&plan, &mut sources, &commit, ui)?;
    plan.say_notes(ui);
    pack::prepare(&plan)?;
    let composed = compose(&mut plan, &grounds, ui)?;
    let (mut artifacts, mut failed) = (Vec::new(), None);
    for made in Made::all(composed, &output)? {
        match taken(&made, &delivery, &sources, (format, started), ui) {
            Ok(artifact) => artifacts.push(artifact),
            // What came before is where it was to go, and is told of.
            Err(error) => {
                failed = Some((made.name().to_owned(), error));
                break;
            }
        }
    }
    let report = Report {
        findings: failed.iter().map(make::finding).collect(),
        ..Report::new(artifacts)
    };
    report.save(&plan.root)?;
    if format == Format::Json {
        ui.result_bytes(report.json()?.as_bytes())?;
    }
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Holds an image against the rules, takes it where it is to go, and says so.
fn taken(
    made: &Made<'_>,
    delivery: &Delivery,
    sources: &Sources,
    (format, started): (Format, Instant),
    ui: Ui,
) -> Result<Artifact> {
    let near = if delivery.needs_blobs() {
        sources.at_hand(&made.set)?
    } else {
        sources.nearby(&made.set)
    };
    let findings = lint::lint(made, &near, sources, ui)?;
    let delivered = delivery.deliver(made, &near, sources, ui)?;
    let artifact = describe::describe(made, &delivered, findings);
    human::image(&artifact, made.previous_size(), started.elapsed(), ui);
    if format == Format::Human {
        delivered
            .results()
            .iter()
            .try_for_each(|line| ui.result(line))?;
    }
    Ok(artifact)
}

/// Refuses what a platform cannot run, and says what its users should know.
fn refuse(plan: &Plan) -> Result<()> {
    let steps: Vec<&Step> = plan.steps().collect();
    for step in &steps {
        let of_function = steps
            .iter()
            .filter(|other| other.function.name == step.function.name);
        let arches: Vec<Arch> = of_function.map(|other| other.target.arch).collect();
        let said = &step.packing.image;
        Allowed::parse(&said.allow)?;
        step.platform.refuse(&AskedOfPlatform {
            arches: &arches,
            compression: said.compression.unwrap_or(Compression::Gzip),
            index: false,
            port: said.ports.first().copied(),
            workdir: said.workdir.as_deref(),
            user: said.user.as_deref(),
            entrypoint: (!said.entrypoint.is_empty()).then_some(&said.entrypoint),
        })?;
    }
    Ok(())
}

/// The base of each step and what goes where on it, before anything is compiled.
fn grounds(
    plan: &Plan,
    sources: &mut Sources,
    commit: &BTreeMap<String, String>,
    ui: Ui,
) -> Result<Vec<(Base, Laid)>> {
    let mut said: Vec<&str> = Vec::new();
    let mut bases = Bases::new(sources, ui);
    plan.steps()
        .map(|step| {
            let facts = step.platform.facts();
            for note in facts.notes {
                if !said.contains(note) {
                    said.push(note);
                    ui.note(note);
                }
            }
            let name = step.packing.image.base.as_deref().unwrap_or(facts.base);
            let base = bases.get(name, step.target.arch)?;
            let laid = layout::lay(step, &base, commit)?;
            Ok((base, laid))
        })
        .collect()
}

/// Compiles everything, and packs each binary.
fn compose<'a>(
    plan: &'a mut Plan,
    grounds: &[(Base, Laid)],
    ui: Ui,
) -> Result<Vec<(&'a Step, Composed)>> {
    let scratch = fs::Aside::beside(&plan.root.join("compiled"))?;
    let mut binaries = make::compile(plan, scratch.path(), ui)?;
    let mut parts = Vec::new();
    for group in &plan.groups {
        for step in group.steps() {
            let key = (step.function.name.clone(), step.target);
            let binary = binaries
                .remove(&key)
                .ok_or_else(|| anyhow!("`{}` was not compiled", key.0))?;
            parts.push(Parts {
                group,
                step,
                binary: binary.path?,
                extensions: Vec::new(),
                layers: 0,
                compile: binary.elapsed,
            });
        }
    }
    let progress = ui.bar("Packing", parts.len());
    let pairs: Vec<(&Parts<'_>, &(Base, Laid))> = parts.iter().zip(grounds).collect();
    let composed = threads::map(&pairs, |(one, (base, laid))| {
        let composed = compose::compose(one, base, laid, ui);
        progress.step();
        composed
    });
    let steps = plan.groups.iter().flat_map(Group::steps);
    steps
        .zip(composed)
        .map(|(step, made)| Ok((step, made?)))
        .collect()
}
