//! What every building verb does once it has a plan: train, compile, pack, report. One artifact that fails does not lose
//! the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::layout;
use super::pack::{self, Packed, Parts};
use super::train;
use crate::build;
use crate::cli::Format;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::fs;
use crate::plan::{Form, Group, Plan, Step};
use crate::project::config::Kind;
use crate::report::{Artifact, Report, human};
use crate::target::Target;
use crate::threads;
use crate::ui::Ui;

/// How much is said of each artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// All facts of each.
    Each,
    /// One table of all.
    Table,
}

/// What came out of one step.
struct Outcome<'a> {
    step: &'a Step,
    packed: Result<Packed>,
}

/// A binary that was compiled, and how long that took.
pub(super) struct Binary {
    /// Where it is, if the function has one.
    pub(super) path: Result<Option<PathBuf>>,
    /// How long its whole group took.
    pub(super) elapsed: Duration,
}

/// Makes all artifacts of a plan and says so.
///
/// # Errors
/// With the exit code of the first thing that failed; every artifact that could be made is there.
pub fn make(
    mut plan: Plan,
    telling: Telling,
    format: Format,
    started: Instant,
    ui: Ui,
) -> Result<()> {
    pack::prepare(&plan)?;
    let scratch = fs::Aside::beside(&plan.root.join("compiled"))?;
    let binaries = compile(&mut plan, scratch.path(), ui)?;
    let mut outcomes = pack_all(&plan, binaries, ui);
    // An internal extension is here only if it failed, which others then fail of.
    outcomes.sort_by_key(|outcome| (!outcome.step.function.internal, outcome.step.order));

    let mut made = Vec::new();
    let mut failures = Vec::new();
    let mut stale = Vec::new();
    for Outcome { step, packed } in outcomes {
        match packed.and_then(|packed| layout::write(step, ui).map(|()| packed)) {
            Ok(packed) => made.push(packed),
            Err(error) => {
                failures.push((step.function.name.clone(), error));
                let is_old = step.form == Form::Zip && step.artifact.exists();
                stale.extend(is_old.then(|| fs::from_here(&step.artifact)));
            }
        }
    }
    tell(&made, telling, started.elapsed(), ui);
    for path in stale {
        ui.note(format_args!(
            "`{}` is still that of an earlier build",
            path.display()
        ));
    }
    failures.append(&mut plan.failures);
    let report = Report {
        findings: failures.iter().map(finding).collect(),
        ..Report::new(made.into_iter().map(|packed| packed.artifact).collect())
    };
    report.save(&plan.root)?;
    show(&report.artifacts, &report, format, ui)?;
    verdict(failures, ui)
}

/// Compiles group after group: the binary of each step, by the name of its function and its target.
///
/// # Errors
/// When a compiler fails and the others are not to be kept.
pub(super) fn compile(
    plan: &mut Plan,
    scratch: &Path,
    ui: Ui,
) -> Result<BTreeMap<(String, Target), Binary>> {
    let keep_going = plan.keep_going;
    let mut binaries = BTreeMap::new();
    for group in &mut plan.groups {
        let compiled =
            guide(group, ui).and_then(|()| build::compile(group, scratch, keep_going, ui));
        let (paths, elapsed) = match compiled {
            Ok(compiled) => (compiled.binaries, compiled.elapsed),
            Err(error) if keep_going => (fail_all(group.steps(), error), Duration::ZERO),
            Err(error) => return Err(error),
        };
        for (step, path) in group.steps().iter().zip(paths) {
            let key = (step.function.name.clone(), step.target);
            binaries.insert(key, Binary { path, elapsed });
        }
    }
    Ok(binaries)
}

/// Lets the optimizer learn, where it is to.
fn guide(group: &mut Group, ui: Ui) -> Result<()> {
    if let Group::Cargo(plan) = group {
        **plan = train::guided((**plan).clone(), ui)?;
    }
    Ok(())
}

/// The error of a whole group: told of the function that it is about, else of the first one, and of the others that they
/// went with it.
fn fail_all(steps: &[Step], error: Error) -> Vec<Result<Option<PathBuf>>> {
    let is_about = |step: &Step| matches!(&error, Error::FunctionFailed { function, .. } if *function == step.function.name);
    let about = steps.iter().position(is_about).unwrap_or(0);
    let of = steps.get(about).map(|step| step.function.name.clone());
    let (of, cause, code) = (of.unwrap_or_default(), error.one_line(), error.exit_code());
    let mut error = Some(error);
    let of_step = |index: usize| {
        let own = error.take_if(|_| index == about);
        Err(own.unwrap_or_else(|| Error::NotBuilt {
            of: of.clone(),
            cause: cause.clone(),
            code,
        }))
    };
    (0..steps.len()).map(of_step).collect()
}

/// Packs every step: layers and extensions first, since functions count them.
fn pack_all(
    plan: &Plan,
    mut binaries: BTreeMap<(String, Target), Binary>,
    ui: Ui,
) -> Vec<Outcome<'_>> {
    let internal: BTreeMap<(String, Target), PathBuf> = plan
        .groups
        .iter()
        .flat_map(Group::steps)
        .filter(|step| step.function.internal)
        .filter_map(|step| {
            let key = (step.function.name.clone(), step.target);
            let path = binaries.get(&key)?.path.as_ref().ok()?.clone()?;
            Some((key, path))
        })
        .collect();
    let mut outcomes = failed_internal(plan, &mut binaries);
    for is_function in [false, true] {
        let mut parts = Vec::new();
        for group in &plan.groups {
            for step in group.steps() {
                if step.function.internal || (step.function.kind == Kind::Function) != is_function {
                    continue;
                }
                let key = (step.function.name.clone(), step.target);
                let Some(Binary { path, elapsed }) = binaries.remove(&key) else {
                    continue;
                };
                let one = path.and_then(|binary| {
                    Ok(Parts {
                        group,
                        step,
                        binary,
                        extensions: extensions(step, &internal)?,
                        layers: layers(step, &outcomes),
                        compile: elapsed,
                    })
                });
                match one {
                    Ok(one) => parts.push(one),
                    Err(error) => outcomes.push(Outcome {
                        step,
                        packed: Err(error),
                    }),
                }
            }
        }
        outcomes.extend(in_parallel(&parts, ui));
    }
    outcomes
}

/// The internal extensions that were not built: they have no artifact, and why they failed is said all the same.
fn failed_internal<'a>(
    plan: &'a Plan,
    binaries: &mut BTreeMap<(String, Target), Binary>,
) -> Vec<Outcome<'a>> {
    let steps = plan.groups.iter().flat_map(Group::steps);
    let internal = steps.filter(|step| step.function.internal);
    internal
        .filter_map(|step| {
            let binary = binaries.remove(&(step.function.name.clone(), step.target))?;
            let error = binary.path.err()?;
            Some(Outcome {
                step,
                packed: Err(error),
            })
        })
        .collect()
}

/// The binaries of the internal extensions that a step packs.
fn extensions(
    step: &Step,
    internal: &BTreeMap<(String, Target), PathBuf>,
) -> Result<Vec<(String, PathBuf)>> {
    let names = step.packing.extensions.iter();
    names
        .map(|name| {
            let of_arch = internal
                .iter()
                .find(|((other, target), _)| other == name && target.arch == step.target.arch);
            let (_, path) = of_arch.ok_or_else(|| Error::Project {
                message: format!(
                    "extension `{name}` of `{}` was not built for {}",
                    step.function.name, step.target.arch
                ),
                hint: None,
            })?;
            Ok((name.clone(), path.clone()))
        })
        .collect()
}

/// What the layers of a step hold together, in bytes.
fn layers(step: &Step, outcomes: &[Outcome<'_>]) -> u64 {
    outcomes
        .iter()
        .filter(|outcome| {
            let other = outcome.step;
            step.packing.layers.contains(&other.function.name)
                && other.target.arch == step.target.arch
        })
        .filter_map(|outcome| outcome.packed.as_ref().ok()?.artifact.uncompressed_size)
        .fold(0, u64::saturating_add)
}

fn in_parallel<'a>(parts: &[Parts<'a>], ui: Ui) -> Vec<Outcome<'a>> {
    let progress = ui.bar("Packing", parts.len());
    threads::map(parts, |one| {
        let packed = pack::pack(one, ui);
        progress.step();
        Outcome {
            step: one.step,
            packed,
        }
    })
}

fn tell(made: &[Packed], telling: Telling, elapsed: Duration, ui: Ui) {
    match telling {
        Telling::Each => {
            for packed in made {
                human::artifact(&packed.artifact, packed.previous_size, elapsed, ui);
            }
        }
        Telling::Table => {
            let rows: Vec<(&Artifact, Option<u64>)> = made
                .iter()
                .map(|packed| (&packed.artifact, packed.previous_size))
                .collect();
            human::table(&rows, elapsed, ui);
        }
    }
}

fn show(artifacts: &[Artifact], report: &Report, format: Format, ui: Ui) -> Result<()> {
    match format {
        Format::Json => ui.result_bytes(report.json()?.as_bytes()),
        Format::Human => artifacts
            .iter()
            .filter_map(|artifact| artifact.path.as_deref())
            .try_for_each(|path| ui.result(path.display())),
    }
}

/// A failure as the report tells it.
pub(super) fn finding((function, error): &(String, Error)) -> Finding {
    let finding = Finding::error(
        "build/failed",
        format!("`{function}`: {}", error.one_line()),
    );
    match error.hint() {
        Some(hint) => finding.with_hint(hint),
        None => finding,
    }
}

/// One failure is told as it is, several one by one.
fn verdict(mut failures: Vec<(String, Error)>, ui: Ui) -> Result<()> {
    if failures.len() <= 1 {
        return failures.pop().map_or(Ok(()), |(_, error)| Err(error));
    }
    let code = failures.first().map_or(1, |(_, error)| error.exit_code());
    for (name, error) in &failures {
        if let Some(words) = error.preface() {
            ui.words(words);
        }
        ui.error(
            format_args!("`{name}`: {}", error.one_line()),
            error.hint().as_deref(),
        );
    }
    Err(Error::Several {
        count: failures.len(),
        code,
    })
}
