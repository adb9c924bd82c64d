//! Profile-guided optimization, before the build proper: the functions are built so that they count what they do, run with the
//! user's events, and what they counted becomes the profile that the plan then builds with. Shared by the verbs that build.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::build::{self, profile};
use crate::error::{Error, Result};
use crate::fs;
use crate::interrupt;
use crate::local::{Configuration, Ending, Event, Failure, Instance, Invocation, Logging, Sandbox};
use crate::plan::{
    CargoPlan, Guidance, GuidingProfile, MOST_PROFILE, PgoPlan, Step, Trainee, Training,
};
use crate::target::{Arch, Target};
use crate::ui::Ui;

/// How long one event may take in training: counting, and an emulator, make it slow.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a function may take to end, once its Runtime API is gone.
const FAREWELL: Duration = Duration::from_secs(10);
/// The memory that a function is told it has.
const MEMORY_MB: u32 = 1024;

/// The plan with the profile that it builds with, made first where it is to be.
///
/// # Errors
/// [`Error::FunctionFailed`] when a function fails on an event, and whatever building it fails of.
pub fn guided(mut plan: CargoPlan, ui: Ui) -> Result<CargoPlan> {
    let profiles = match &plan.pgo {
        None => return Ok(plan),
        Some(PgoPlan::Use(path)) => {
            let mut profile = profile::adopt(&plan, path)?;
            // Whether this toolchain can read it is known before the build.
            profile.functions = profile::functions(&plan, &profile.path, path, ui)?;
            if profile.functions.is_none() {
                ui.note("whether the profile fits is not looked at: that needs llvm-profdata (rustup component add llvm-tools)");
            }
            plan.targets
                .iter()
                .map(|target| (target.target, profile.clone()))
                .collect()
        }
        Some(PgoPlan::Train(training)) => train(&plan, training, ui)?,
    };
    for target in &mut plan.targets {
        if let Some(profile) = profiles.get(&target.target) {
            target.guidance = Guidance::Profile(profile.clone());
        }
    }
    Ok(plan)
}

/// Builds, runs and merges; one profile for each target, of all its functions.
fn train(
    plan: &CargoPlan,
    training: &Training,
    ui: Ui,
) -> Result<BTreeMap<Target, GuidingProfile>> {
    let counting = counting(plan);
    let scratch = tempfile::tempdir()?;
    let _registration = interrupt::remove_on_interrupt(scratch.path());
    let binaries = build::compile_rust(&counting, scratch.path(), ui)?;
    let mut raw: BTreeMap<Target, Vec<PathBuf>> = BTreeMap::new();
    for (step, binary) in plan.steps.iter().zip(binaries) {
        let profiles = run(step, &binary?, training, ui)?;
        for content in profiles {
            let files = raw.entry(step.target).or_default();
            let path = scratch
                .path()
                .join(format!("{}-{}.profraw", step.target, files.len()));
            fs::write_if_changed(&path, 0o644, &content)?;
            files.push(path);
        }
    }
    let mut profiles = BTreeMap::new();
    for (target, raw) in raw {
        let profile = profile::merge(plan, &training.profdata, &raw, ui)?;
        if let Some(out) = &training.out {
            keep(&profile, out)?;
        }
        profiles.insert(target, profile);
    }
    Ok(profiles)
}

/// The same plan, with binaries that count, in a target directory of its own: the user's stays as it is.
fn counting(plan: &CargoPlan) -> CargoPlan {
    let directory = plan.root.join("pgo").join("target");
    let mut counting = plan.clone();
    counting.cargo.target_dir = Some(directory.clone());
    counting.target_directory = directory;
    for target in &mut counting.targets {
        target.guidance = Guidance::Count;
    }
    counting
}

/// Runs one function with its events and gives what it counted.
fn run(step: &Step, binary: &Path, training: &Training, ui: Ui) -> Result<Vec<Vec<u8>>> {
    let name = &step.function.name;
    let mut trainees = training.trainees.iter();
    let trainee = trainees
        .find(|trainee| trainee.function == *name)
        .with_context(|| format!("`{name}` has no training"))?;
    let events = &trainee.events;
    say(step, events.len(), training.repeat, ui);
    let sandbox = Sandbox::new(binary)?;
    let profiles = sandbox.writable_directory("profiles")?;
    let configuration = configuration(trainee, &training.environment, &profiles)?;
    let arn = configuration.arn();
    let mut instance = Instance::new(sandbox, configuration, Logging::Kept)?;
    if let Some(failure) = instance.init()?.failure {
        return Err(failed(step, &mut instance, &failure, None, ui));
    }
    for path in events {
        let event = read(path, ui)?;
        for _ in 0..training.repeat {
            let invocation = Invocation::new(event.clone(), TIMEOUT, arn.clone());
            if let Some(failure) = instance.invoke(invocation).failure {
                return Err(failed(step, &mut instance, &failure, Some(path), ui));
            }
        }
    }
    let ending = instance.retire(FAREWELL);
    collect(name, ending, &profiles)
}

fn say(step: &Step, events: usize, repeat: u32, ui: Ui) {
    let count = match events {
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    ui.status(
        "Training",
        format_args!("`{}` with {count} x {repeat} ...", step.function.name),
    );
    if Arch::host() != Some(step.target.arch) {
        ui.note(format_args!(
            "`{}` runs through an emulator here, which takes its time",
            step.target
        ));
    }
}

/// How a function is configured in training: as its own table says, and over that as this call does.
fn configuration(
    trainee: &Trainee,
    environment: &[String],
    profiles: &Path,
) -> Result<Configuration> {
    let mut configuration = Configuration {
        name: trainee.function.clone(),
        memory_mb: MEMORY_MB,
        timeout: TIMEOUT,
        environment: BTreeMap::new(),
    };
    let own = trainee.environment.iter();
    let own = own.map(|(key, value)| format!("{key}={value}"));
    for variable in own.chain(environment.iter().cloned()) {
        configuration.variable(&variable)?;
    }
    let pattern = profiles.join("%p.profraw").display().to_string();
    configuration
        .environment
        .insert("LLVM_PROFILE_FILE".to_owned(), pattern);
    Ok(configuration)
}

fn read(path: &Path, ui: Ui) -> Result<Vec<u8>> {
    let event = Event::from_file(path)?;
    if !event.is_json {
        ui.note(format_args!(
            "event `{}` is no JSON: it is passed as it is",
            path.display()
        ));
    }
    Ok(event.bytes)
}

/// Prints the end of the function's log, which may say why it failed, and words the failure.
fn failed(
    step: &Step,
    instance: &mut Instance,
    failure: &Failure,
    event: Option<&Path>,
    ui: Ui,
) -> Error {
    instance.end_saying(ui);
    let hint = failure.hint(None).unwrap_or_else(|| {
        "it failed in training; variables of its environment are passed by --pgo-env KEY=VALUE"
            .to_owned()
    });
    let event = event.map(|path| path.display().to_string());
    failure.error(&step.function.name, event, Some(hint))
}

/// What the function's processes wrote when they ended.
fn collect(function: &str, ending: Ending, directory: &Path) -> Result<Vec<Vec<u8>>> {
    let (mut contents, mut left) = (Vec::new(), MOST_PROFILE);
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // The function may have put anything there: links and pipes are not followed.
        let is_profile = path.extension().is_some_and(|ending| ending == "profraw")
            && fs::symlink_metadata(&path)?.is_file();
        if is_profile {
            let content = fs::read_bounded(&path, left)?;
            left -= content.len() as u64;
            contents.extend((!content.is_empty()).then_some(content));
        }
    }
    if contents.is_empty() {
        return Err(Error::FunctionFailed {
            function: function.to_owned(),
            event: None,
            kind: "no profile".to_owned(),
            cause: format!(
                "when its Runtime API was gone it did not end by itself ({ending}), so what it counted is lost"
            ),
            hint: Some(
                "return from `main` when the Runtime API cannot be reached, as lambda_runtime does; a panic that aborts loses it too"
                    .to_owned(),
            ),
        });
    }
    Ok(contents)
}

fn keep(profile: &GuidingProfile, out: &Path) -> Result<()> {
    let content = fs::read(&profile.path)?;
    fs::write_if_changed(out, 0o644, &content).map_err(|cause| Error::Unwritable {
        path: out.to_owned(),
        cause,
    })
}
