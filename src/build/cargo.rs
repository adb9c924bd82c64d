//! The one call of `cargo build`: its arguments and environment (pure), and running it.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use toml::Value;

use super::{messages, toolchain};
use crate::error::{Error, Result};
use crate::plan::{CPlan, Guidance, Linker, Plan, TargetPlan};
use crate::process::Command;
use crate::project::cargo::cargo_missing;
use crate::ui::{Ui, Verbosity};

/// The commands that build all of the plan: one, unless targets have different rustflags. Cargo takes rustflags from one
/// source, so only the environment of a call of their own lets each target have all of its flags, the user's and ours.
pub fn commands(plan: &Plan, verbosity: Verbosity) -> Vec<Command> {
    let mut groups: Vec<(Vec<String>, Vec<&TargetPlan>)> = Vec::new();
    for target in &plan.targets {
        let flags = rustflags(plan, target);
        match groups.iter_mut().find(|(others, _)| *others == flags) {
            Some((_, targets)) => targets.push(target),
            None => groups.push((flags, vec![target])),
        }
    }
    groups
        .iter()
        .map(|(flags, targets)| command(plan, targets, flags, verbosity))
        .collect()
}

fn command(
    plan: &Plan,
    targets: &[&TargetPlan],
    rustflags: &[String],
    verbosity: Verbosity,
) -> Command {
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
    add_selection(plan, targets, &mut command);
    for (key, value) in &plan.profile.set {
        command.args([
            "--config".to_owned(),
            format!("profile.{}.{key}={value}", plan.profile.name),
        ]);
    }
    add_toolchain(plan, targets, &mut command);
    add_rustflags(rustflags, &mut command);
    command
        .args(plan.cargo.features.flags())
        .args(plan.cargo.network.flags());
    if let Some(jobs) = &plan.cargo.jobs {
        command.args(["--jobs", jobs]);
    }
    if let Some(directory) = &plan.cargo.target_dir {
        command.arg("--target-dir").arg(directory);
    }
    command.args(&plan.cargo.extra);
    command
}

fn add_selection(plan: &Plan, targets: &[&TargetPlan], command: &mut Command) {
    let mut packages: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| step.function.package.as_str())
        .collect();
    let mut binaries: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| step.function.name.as_str())
        .collect();
    for names in [&mut packages, &mut binaries] {
        names.sort_unstable();
        names.dedup();
    }
    command.args(packages.into_iter().flat_map(|name| ["--package", name]));
    command.args(binaries.into_iter().flat_map(|name| ["--bin", name]));
    command.args(
        targets
            .iter()
            .flat_map(|target| ["--target", target.target.triple()]),
    );
}

/// Linker and C compiler of each target.
fn add_toolchain(plan: &Plan, targets: &[&TargetPlan], command: &mut Command) {
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
fn linker(plan: &Plan, target: &TargetPlan) -> Option<OsString> {
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
fn rustflags(plan: &Plan, target: &TargetPlan) -> Vec<String> {
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

/// Runs cargo and finds the binary of each step.
///
/// # Errors
/// [`Error::CargoFailed`] when cargo fails, [`Error::ToolMissing`] when it failed for want of a C compiler.
pub(super) fn run(plan: &Plan, ui: Ui) -> Result<Vec<PathBuf>> {
    let mut executables = Vec::new();
    for command in commands(plan, ui.verbosity()) {
        ui.command(&command);
        let mut running = command
            .spawn_streaming()
            .map_err(|error| cargo_missing(&error))?;
        let stdout = running.take_stdout().context("cargo has no stdout")?;
        let messages = messages::read(BufReader::new(stdout))?;
        if !running
            .wait()
            .context("cargo was not waited for")?
            .success()
        {
            let wanted = toolchain::wanted_c_compiler(plan, &messages.scripts);
            return Err(wanted.unwrap_or(Error::CargoFailed));
        }
        executables.extend(messages.executables);
    }
    let mut binaries = Vec::new();
    for step in &plan.steps {
        let (name, triple) = (&step.function.name, step.target.triple());
        let built = executables.iter().find(|executable| {
            executable.package == step.function.package_id
                && executable.binary == *name
                && is_for(&executable.path, &plan.target_directory, triple)
        });
        let missing = || Error::Project {
            message: format!("cargo succeeded and built no binary `{name}` for {triple}"),
            hint: Some("see what cargo does: slsbuild zip -vv".to_owned()),
        };
        binaries.push(built.ok_or_else(missing)?.path.clone());
    }
    Ok(binaries)
}

/// Whether cargo put an executable into the directory of `triple`, the first below its target directory.
fn is_for(executable: &Path, target_directory: &Path, triple: &str) -> bool {
    executable
        .strip_prefix(target_directory)
        .is_ok_and(|inner| inner.starts_with(triple))
}
