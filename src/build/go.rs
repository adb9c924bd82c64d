//! The call of `go build` for one function and arch: its arguments and environment (pure), and running it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;
use crate::plan::GoPlan;
use crate::process::Command;
use crate::project::go::{self, GoOptions, GoPackage};
use crate::target::Arch;
use crate::threads;
use crate::ui::{Ui, Verbosity};

/// One binary to be built.
#[derive(Clone, Copy, Debug)]
pub struct GoBuild<'a> {
    /// The function's name, for messages.
    pub function: &'a str,
    /// Its main package.
    pub package: &'a GoPackage,
    /// What go is told.
    pub options: &'a GoOptions,
    /// The arch.
    pub arch: Arch,
    /// What the CPU must at least be, as the variable and value that tell go, where the user did not.
    pub level: Option<(&'static str, &'static str)>,
    /// How many programs go runs at once; none: as many as there are CPUs.
    pub jobs: Option<usize>,
    /// The binary, as an absolute path whose directory exists.
    pub output: &'a Path,
}

/// The binary of each step of a plan, each with its place among `outputs`.
fn builds<'a>(plan: &'a GoPlan, outputs: &'a [PathBuf]) -> impl Iterator<Item = GoBuild<'a>> {
    let steps = plan.steps.iter().zip(&plan.packages).zip(outputs);
    steps.map(|((step, (package, options)), output)| GoBuild {
        function: &step.function.name,
        package,
        options,
        arch: step.target.arch,
        jobs: share(options, plan.steps.len()),
        level: GoPlan::default_level(package, step),
        output,
    })
}

/// The commands that build all of a plan, for people to read and paste: where the binary lies meanwhile differs from run
/// to run, so in them it lies in the module.
pub fn commands(plan: &GoPlan, verbosity: Verbosity) -> Vec<Command> {
    let outputs = vec![PathBuf::from("bootstrap"); plan.steps.len()];
    let builds = builds(plan, &outputs);
    builds.map(|build| command(build, verbosity)).collect()
}

/// Builds every step of a plan below `scratch`, several at once: the binary of each.
pub(super) fn run_all(
    plan: &GoPlan,
    scratch: &Path,
    keep_going: bool,
    ui: Ui,
) -> Result<Vec<Result<PathBuf>>> {
    let mut outputs = Vec::new();
    for index in 0..plan.steps.len() {
        let directory = scratch.join(index.to_string());
        fs::create_dir(&directory)?;
        outputs.push(directory.join("bootstrap"));
    }
    let builds: Vec<GoBuild<'_>> = builds(plan, &outputs).collect();
    let results = threads::map(&builds, |build| run(*build, ui));
    if keep_going {
        return Ok(results);
    }
    let built = results.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(built.into_iter().map(Ok).collect())
}

/// The share of one of several builds, of which as many run at once as [`threads::map`] runs.
fn share(options: &GoOptions, builds: usize) -> Option<usize> {
    let at_once = threads::at_once(builds);
    options.jobs.map(|jobs| (jobs / at_once).max(1))
}

/// The command that builds it, in the module's directory.
pub fn command(build: GoBuild<'_>, verbosity: Verbosity) -> Command {
    let mut command = prepared(build);
    if verbosity == Verbosity::VeryVerbose {
        command.arg("-v");
    }
    command
        .arg("-o")
        .arg(build.output)
        .arg(&build.package.import_path);
    command
}

/// Builds the binary. What an earlier run left in its place is removed first, so that only this run's can be found there.
///
/// # Errors
/// [`Error::GoFailed`] when go fails, [`Error::ToolMissing`] when it failed at a package whose code without cgo does not
/// compile.
pub fn run(build: GoBuild<'_>, ui: Ui) -> Result<PathBuf> {
    match fs::remove_file(build.output) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            let path = build.output.to_owned();
            return Err(Error::Unwritable { path, cause });
        }
        _ => {}
    }
    let command = command(build, ui.verbosity());
    ui.command(&command);
    let status = command.status().map_err(go::go_missing)?;
    if !status.success() {
        return Err(wanted_cgo(build).unwrap_or_else(|| Error::GoFailed {
            function: build.function.to_owned(),
        }));
    }
    // `-n` or `-o` in GOFLAGS make go succeed without it.
    let facts = fs::metadata(build.output);
    if !facts.is_ok_and(|facts| facts.is_file() && facts.len() > 0) {
        return Err(Error::Project {
            message: format!(
                "go succeeded and built no binary `{}` for {}",
                build.function, build.arch
            ),
            hint: Some("see what is set: go env GOFLAGS".to_owned()),
        });
    }
    Ok(build.output.to_owned())
}

/// The failure for the first package that does not compile without its cgo code, if there is one.
fn wanted_cgo(build: GoBuild<'_>) -> Option<Error> {
    build.package.without_cgo.iter().find_map(|package| {
        let mut command = prepared(build);
        command.args(["-o", "/dev/null"]).arg(&package.import_path);
        let words = command.output().ok()?.stderr;
        // The package itself, not one that it imports.
        let heading = format!("# {}", package.import_path);
        let mut lines = words.split(|byte| *byte == b'\n');
        lines
            .any(|line| line == heading.as_bytes())
            .then(|| package.missing())
    })
}

/// `go build` with the environment and the flags that every package is built with.
fn prepared(build: GoBuild<'_>) -> Command {
    let mut command = go::command(build.options, build.arch, false);
    command
        .directory(&build.package.module_root)
        // No path and no commit of this machine: the same sources give the same bytes everywhere.
        .args(["build", "-trimpath", "-buildvcs=false"])
        .args(build.package.go.build_flags(build.options));
    if let Some(jobs) = build.jobs {
        command.arg(format!("-p={jobs}"));
    }
    if let Some((name, value)) = build.level {
        command.env(name, value);
    }
    command
}

#[cfg(test)]
mod tests;
