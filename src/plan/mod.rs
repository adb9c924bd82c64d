//! The plan: pure data that says what will be built, with which toolchain, into which files. Everything that can fail
//! without cargo has failed once a plan exists. `slsbuild plan` prints it, `build/` runs it.

mod notes;
mod pgo;
mod profile;
mod runtime;
mod toolchain;

use std::path::{Path, PathBuf};

use crate::artifact::deflate::Level;
use crate::artifact::zip::DosTime;
use crate::binary::Strip;
use crate::error::{Error, Result};
use crate::platform::lambda::{self, Runtime};
use crate::project::cargo_config;
use crate::project::graph::Touch;
use crate::project::include::{self, Included};
use crate::project::toolchain::Rustc;
use crate::project::{CargoOptions, Function, Project};
use crate::settings::Settings;
use crate::target::Target;
use crate::ui::Ui;

pub use pgo::{MOST_PROFILE, PgoPlan, Training};
pub use profile::ProfilePlan;
pub use runtime::{Archive, Reason, RuntimePlan};
pub use toolchain::{CPlan, Cpu, Guidance, GuidingProfile, Linker, TargetPlan};

/// What will be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The manifest that cargo is given.
    pub manifest: PathBuf,
    /// What cargo is told.
    pub cargo: CargoOptions,
    /// The compiler.
    pub rustc: Rustc,
    /// How each target is compiled and linked.
    pub targets: Vec<TargetPlan>,
    /// The profile, with what slsbuild adds to it.
    pub profile: ProfilePlan,
    /// Path prefixes of this machine, and what stands in the binary instead.
    pub remapped: Vec<(PathBuf, String)>,
    /// One step per function and target; cargo is called once for all of them.
    pub steps: Vec<Step>,
    /// What is stripped from each binary.
    pub strip: Strip,
    /// How hard artifacts are compressed.
    pub level: Level,
    /// The time that every entry of an artifact carries.
    pub modified: DosTime,
    /// The Lambda runtime that the artifacts must run on.
    pub runtime: Runtime,
    /// How the optimizer learns, if it does.
    pub pgo: Option<PgoPlan>,
    /// Cargo's target directory.
    pub target_directory: PathBuf,
    /// The directory below which all our files of this project lie.
    pub root: PathBuf,
    /// The directory of what is kept between projects.
    pub cache: PathBuf,
}

/// One artifact to be made.
#[derive(Clone, Debug)]
pub struct Step {
    /// The function.
    pub function: Function,
    /// The target it is built for.
    pub target: Target,
    /// What is packed beside the binary.
    pub includes: Vec<Included>,
    /// The directory of the artifact's own files.
    pub directory: PathBuf,
    /// The zip.
    pub artifact: PathBuf,
}

impl Plan {
    /// Decides what will be done. Reads the machine and the project, changes nothing.
    ///
    /// # Errors
    /// For everything that can be known to fail before cargo runs.
    pub fn new(project: Project, settings: &Settings, touch: Touch, ui: Ui) -> Result<Self> {
        let profile = cargo_config::profile(&settings.cargo.profile, &project.workspace_root)?;
        // Before the targets, whose dependency graph may have to be downloaded.
        let steps = steps(&project, settings)?;
        let pgo = PgoPlan::new(&project, settings)?;
        let profile_plan = ProfilePlan::new(&profile, settings);
        let compact = profile_plan.is_compact();
        let rustc = project.rustc.clone();
        let targets = settings
            .targets
            .iter()
            .map(|target| TargetPlan::new(*target, &project, settings, compact, touch, ui))
            .collect::<Result<_>>()?;
        Ok(Self {
            targets,
            steps,
            remapped: remapped(&project, &rustc),
            strip: settings
                .strip
                .unwrap_or_else(|| profile::strip_of(&profile)),
            level: if profile.is_release {
                Level::Release
            } else {
                Level::Development
            },
            profile: profile_plan,
            modified: settings.modified,
            runtime: settings.runtime,
            pgo,
            target_directory: project.target_directory.clone(),
            root: project.output_root(),
            cache: settings.cache.clone(),
            manifest: project.manifest,
            cargo: settings.cargo.clone(),
            rustc,
        })
    }

    /// The option that a target's LLVM is given, if it knows it.
    pub fn llvm_option(&self, target: &TargetPlan) -> Option<&'static str> {
        let option = self.profile.llvm_option(target.target.arch)?;
        let name = option.split('=').next().unwrap_or(option);
        // LLVM refuses an option that is given twice; the user's wins.
        let is_the_users = target.user_flags.iter().any(|flag| flag.contains(name));
        (self.rustc.knows_llvm_options && !is_the_users).then_some(option)
    }

    /// How a target is compiled and linked.
    pub fn target(&self, target: Target) -> Option<&TargetPlan> {
        self.targets.iter().find(|plan| plan.target == target)
    }
}

fn steps(project: &Project, settings: &Settings) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for function in &project.functions {
        let includes = include::resolve(
            &settings.includes,
            &function.directory,
            &project.workspace_root,
        )?;
        refuse_own_output(&includes, &project.output_root())?;
        lambda::refuse_unzipped_excess(0, &includes)?;
        for target in &settings.targets {
            let parts = [function.name.as_str(), "lambda", target.directory()];
            let directory = parts
                .iter()
                .fold(project.output_root(), |path, part| path.join(part));
            steps.push(Step {
                function: function.clone(),
                target: *target,
                includes: includes.clone(),
                artifact: settings
                    .out_dir
                    .as_ref()
                    .unwrap_or(&directory)
                    .join("bootstrap.zip"),
                directory,
            });
        }
    }
    match &settings.out_dir {
        Some(directory) if steps.len() > 1 => Err(Error::Usage {
            message: format!(
                "`--out-dir {}` is for one artifact, and this makes {}",
                directory.display(),
                steps.len()
            ),
            hint: Some("choose one function and one arch: --bin NAME --arch arm64".to_owned()),
        }),
        _ => Ok(steps),
    }
}

/// An artifact that held earlier artifacts would differ on every run.
fn refuse_own_output(includes: &[Included], root: &Path) -> Result<()> {
    match includes
        .iter()
        .find(|include| include.path.starts_with(root))
    {
        None => Ok(()),
        Some(include) => Err(Error::Include {
            include: include.name.clone(),
            cause: "it is slsbuild's own output".to_owned(),
            hint: Some("include what the function reads, not the target directory".to_owned()),
        }),
    }
}

/// Every directory of this machine that rustc may write into the binary. Where several match a path, rustc takes the
/// last: the target directory lies in the workspace, which may lie in cargo's home.
fn remapped(project: &Project, rustc: &Rustc) -> Vec<(PathBuf, String)> {
    let mut prefixes = Vec::new();
    prefixes.extend(cargo_config::cargo_home().map(|home| (home, "/cargo".to_owned())));
    prefixes.push((project.workspace_root.clone(), "/project".to_owned()));
    prefixes.push((project.target_directory.clone(), "/target".to_owned()));
    // Std's panic messages name its sources where `rust-src` is installed, and this prefix where it is not.
    let library = rustc
        .commit
        .as_ref()
        .map_or_else(|| "/rustc".to_owned(), |commit| format!("/rustc/{commit}"));
    prefixes.push((rustc.library_sources(), library));
    prefixes
}
