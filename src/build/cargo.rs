//! The one call of `cargo build`: its arguments and environment (pure), and running it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::Value;

use super::{messages, toolchain};
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::{CPlan, CargoPlan, Guidance, Linker, Round, Step, TargetPlan};
use crate::process::Command;
use crate::project::cargo::cargo_missing;
use crate::project::{Features, RustBinary};
use crate::ui::{Ui, Verbosity};

/// One call of cargo, and what it builds.
#[derive(Debug)]
pub struct Call<'a> {
    /// The call.
    pub command: Command,
    /// The steps whose binaries it builds.
    steps: Vec<(&'a Step, &'a RustBinary)>,
}

/// What a call is made of.
struct Parts<'a> {
    flags: Vec<String>,
    round: &'a Round,
    binaries: Vec<&'a RustBinary>,
    targets: Vec<&'a TargetPlan>,
}

/// The calls that build all of the plan: one, unless targets have different rustflags or functions, or binaries of two
/// packages have one name. Cargo takes rustflags from one source, so only the environment of a call of their own lets
/// each target have all of its flags, the user's and ours; and it puts binaries of one name into one file.
pub fn calls(plan: &CargoPlan, verbosity: Verbosity) -> Vec<Call<'_>> {
    let mut calls: Vec<Parts<'_>> = Vec::new();
    for target in &plan.targets {
        let flags = rustflags(plan, target);
        for round in &plan.rounds {
            let binaries = plan.wanted(round, target.target);
            if binaries.is_empty() {
                continue;
            }
            let alike = |call: &&mut Parts<'_>| {
                call.flags == flags && call.round == round && call.binaries == binaries
            };
            match calls.iter_mut().find(alike) {
                Some(call) => call.targets.push(target),
                None => calls.push(Parts {
                    flags: flags.clone(),
                    round,
                    binaries,
                    targets: vec![target],
                }),
            }
        }
    }
    let call = |parts: &Parts<'_>| Call {
        command: command(plan, parts, verbosity),
        steps: rust_steps(plan)
            .filter(|(step, binary)| {
                let is_for = |target: &&TargetPlan| target.target == step.target;
                parts.targets.iter().any(is_for) && parts.binaries.contains(binary)
            })
            .collect(),
    };
    calls.iter().map(call).collect()
}

fn rust_steps(plan: &CargoPlan) -> impl Iterator<Item = (&Step, &RustBinary)> {
    let steps = plan.steps.iter();
    steps.filter_map(|step| Some((step, step.function.binary()?)))
}

fn command(plan: &CargoPlan, parts: &Parts<'_>, verbosity: Verbosity) -> Command {
    let mut command = Command::new("cargo");
    command.args(["build", "--message-format", "json-render-diagnostics"]);
    match verbosity {
        Verbosity::Quiet => {
            command.arg("--quiet");
        }
        Verbosity::Normal | Verbosity::Verbose => {}
        Verbosity::VeryVerbose => {
            command.arg("--verbose");
        }
    }
    command
        .arg("--manifest-path")
        .arg(&plan.manifest)
        .args(["--profile", &plan.profile.name]);
    add_selection(parts, &mut command);
    for (key, value) in &plan.profile.set {
        command.args([
            "--config".to_owned(),
            format!("profile.{}.{key}={value}", plan.profile.name),
        ]);
    }
    add_toolchain(plan, &parts.targets, &mut command);
    add_rustflags(&parts.flags, &mut command);
    let features = Features {
        names: parts.round.features.clone(),
        ..plan.cargo.features.clone()
    };
    command
        .args(features.flags())
        .args(plan.cargo.network.flags());
    command.args(plan.cargo.keep_going.then_some("--keep-going"));
    if let Some(jobs) = &plan.cargo.jobs {
        command.args(["--jobs", jobs]);
    }
    if let Some(directory) = &plan.cargo.target_dir {
        command.arg("--target-dir").arg(directory);
    }
    command.args(&plan.cargo.extra);
    command
}

/// All packages of the round, so that their features unify alike whichever binaries are wanted.
fn add_selection(parts: &Parts<'_>, command: &mut Command) {
    let mut binaries: Vec<&str> = parts.binaries.iter().map(|one| one.name.as_str()).collect();
    binaries.sort_unstable();
    let packages = parts.round.binaries.iter();
    let packages: BTreeSet<&str> = packages.map(|one| one.package.as_str()).collect();
    command.args(packages.into_iter().flat_map(|name| ["--package", name]));
    command.args(binaries.into_iter().flat_map(|name| ["--bin", name]));
    command.args(
        parts
            .targets
            .iter()
            .flat_map(|target| ["--target", target.target.triple()]),
    );
}

/// Linker and C compiler of each target.
fn add_toolchain(plan: &CargoPlan, targets: &[&TargetPlan], command: &mut Command) {
    for target in targets {
        let triple = target.target.triple();
        if let Some(linker) = linker(plan, target) {
            let value = Value::String(linker.to_string_lossy().into_owned());
            command.args([
                "--config".to_owned(),
                format!("target.{triple}.linker={value}"),
            ]);
        }
        let tools = toolchain::directory(plan, target.target);
        let suffix = triple.replace('-', "_");
        match &target.c_compiler {
            CPlan::NotNeeded | CPlan::Unknown | CPlan::User(_) => {}
            CPlan::Found(_) => {
                command
                    .env(format!("CC_{suffix}"), tools.join("cc"))
                    .env(format!("AR_{suffix}"), tools.join("ar"));
                command.env(format!("CXX_{suffix}"), tools.join("c++"));
            }
            CPlan::Missing(_) => {
                command
                    .env(format!("CC_{suffix}"), tools.join("cc"))
                    .env(format!("CXX_{suffix}"), tools.join("c++"));
            }
        }
    }
}

/// The linker that cargo is told, if it is not to be its own choice.
fn linker(plan: &CargoPlan, target: &TargetPlan) -> Option<OsString> {
    match &target.linker {
        Linker::RustLld => Some("rust-lld".into()),
        Linker::Gcc(gcc) => Some(gcc.clone().into()),
        Linker::Zig(_) => Some(
            toolchain::directory(plan, target.target)
                .join("linker")
                .into(),
        ),
        Linker::User(_) | Linker::Native => None,
    }
}

/// Hands cargo all rustflags in the environment, where they suppress every other source.
pub(super) fn add_rustflags(flags: &[String], command: &mut Command) {
    if flags.iter().any(|flag| flag.contains(char::is_whitespace)) {
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    } else {
        // The same, as a line that people can read.
        command
            .env("RUSTFLAGS", flags.join(" "))
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
}

/// The user's rustflags for a target, then ours.
fn rustflags(plan: &CargoPlan, target: &TargetPlan) -> Vec<String> {
    let mut flags = target.user_flags.clone();
    for (from, to) in &plan.remapped {
        flags.push(remap(from, to));
    }
    if target.linker == Linker::RustLld {
        flags.extend([
            "-L".to_owned(),
            format!(
                "native={}",
                toolchain::search_directory(plan, target).display()
            ),
        ]);
    }
    flags.extend(target.cpu.flag());
    let option = plan.llvm_option(target);
    flags.extend(option.map(|option| format!("-Cllvm-args={option}")));
    match &target.guidance {
        Guidance::None => {}
        Guidance::Count => flags.push("-Cprofile-generate".to_owned()),
        Guidance::Profile(profile) => {
            flags.push(format!("-Cprofile-use={}", profile.path.display()));
        }
    }
    flags
}

/// The rustflag by which no path below `from` reaches a binary.
pub(super) fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// Runs cargo and finds the binary of each step, in their order: an error for a step whose binary could not be built,
/// where the others are to be kept. A binary that another call overwrites is taken aside, into `scratch`.
///
/// # Errors
/// [`Error::CargoFailed`] when cargo fails, [`Error::ToolMissing`] when it failed for want of a C compiler.
pub(super) fn run(plan: &CargoPlan, scratch: &Path, ui: Ui) -> Result<Vec<Result<PathBuf>>> {
    let mut found: Vec<(&Step, Result<PathBuf>)> = Vec::new();
    for call in &calls(plan, ui.verbosity()) {
        let (messages, succeeded) = run_one(&call.command, ui)?;
        let failure = || {
            let wanted = toolchain::wanted_c_compiler(plan, &messages.scripts);
            wanted.unwrap_or(Error::CargoFailed)
        };
        if !succeeded && !plan.cargo.keep_going {
            return Err(failure());
        }
        for (step, binary) in &call.steps {
            let executable = match executable(plan, step, binary, &messages) {
                Some(path) => undisturbed(plan, step, binary, path, scratch),
                None if succeeded => Err(not_built(step, binary)),
                None => Err(failure()),
            };
            found.push((step, executable));
        }
    }
    found.sort_by_key(|(step, _)| {
        let same = |other: &Step| std::ptr::eq(other, *step);
        plan.steps.iter().position(same)
    });
    Ok(found
        .into_iter()
        .map(|(_, executable)| executable)
        .collect())
}

/// Runs one call: what cargo said, and whether it succeeded.
fn run_one(command: &Command, ui: Ui) -> Result<(messages::Messages, bool)> {
    ui.command(command);
    let mut running = command
        .spawn_streaming()
        .map_err(|error| cargo_missing(&error))?;
    let stdout = running.take_stdout().context("cargo has no stdout")?;
    let messages = messages::read(BufReader::new(stdout))?;
    let status = running.wait().context("cargo was not waited for")?;
    Ok((messages, status.success()))
}

/// The file that cargo named for a step in this very run: one of an earlier run is never taken.
fn executable<'a>(
    plan: &CargoPlan,
    step: &Step,
    binary: &RustBinary,
    messages: &'a messages::Messages,
) -> Option<&'a Path> {
    let is_it = |executable: &&messages::Executable| {
        executable.package == binary.package_id
            && executable.binary == binary.name
            && is_for(
                &executable.path,
                &plan.target_directory,
                step.target.triple(),
            )
    };
    let found = messages.executables.iter().find(is_it)?;
    Some(&found.path)
}

/// The binary where no other call of cargo overwrites it. It is a copy, since a hard link is only another name for what a
/// linker may write anew in its place.
fn undisturbed(
    plan: &CargoPlan,
    step: &Step,
    binary: &RustBinary,
    executable: &Path,
    scratch: &Path,
) -> Result<PathBuf> {
    if !plan
        .overwritten
        .contains(&(binary.name.clone(), step.target))
    {
        return Ok(executable.to_owned());
    }
    let kept = scratch.join(format!("{}-{}", step.function.name, step.target.triple()));
    fs::copy(executable, &kept)?;
    Ok(kept)
}

fn not_built(step: &Step, binary: &RustBinary) -> Error {
    Error::Project {
        message: format!(
            "cargo succeeded and built no binary `{}` for {}",
            binary.name,
            step.target.triple()
        ),
        hint: Some("see what cargo does: slsbuild zip -vv".to_owned()),
    }
}

/// Whether cargo put an executable into the directory of `triple`, the first below its target directory.
fn is_for(executable: &Path, target_directory: &Path, triple: &str) -> bool {
    executable
        .strip_prefix(target_directory)
        .is_ok_and(|inner| inner.starts_with(triple))
}
