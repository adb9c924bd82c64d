//! What cargo builds: functions that are compiled alike, in one call wherever that is possible.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::anyhow;

use super::pgo::Everyone;
use super::step::{Output, Packing};
use super::toolchain::Surroundings;
use super::{PgoPlan, ProfilePlan, Round, Step, TargetPlan, Wish, profile};
use crate::artifact::deflate::Level;
use crate::error::Result;
use crate::platform::lambda::Runtime;
use crate::project::cargo_config::{self, Profile};
use crate::project::graph::Touch;
use crate::project::toolchain::Rustc;
use crate::project::{CargoOptions, RustBinary, Workspace};
use crate::settings::Settings;
use crate::target::Target;
use crate::ui::Ui;

/// What cargo builds: functions of one workspace that are compiled alike.
#[derive(Clone, Debug)]
pub struct CargoPlan {
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
    /// The binaries of all functions that are compiled alike, wanted or not, as cargo can build them.
    pub rounds: Vec<Round>,
    /// One step per function and target; cargo is called once for all of them wherever that is possible.
    pub steps: Vec<Step>,
    /// The binaries that more than one call writes, of this plan or another one, by name and target: each is taken aside
    /// before the next call. That calls of other profiles write elsewhere is not looked at.
    pub overwritten: BTreeSet<(String, Target)>,
    /// The Lambda runtime that gnu binaries must run on.
    pub runtime: Runtime,
    /// How the optimizer learns, if it does.
    pub pgo: Option<PgoPlan>,
    /// Cargo's target directory.
    pub target_directory: PathBuf,
    /// The directory of what the build needs beside cargo's own files.
    pub root: PathBuf,
    /// The directory of what is kept between projects.
    pub cache: PathBuf,
}

impl CargoPlan {
    pub(super) fn new(
        members: &[(usize, &Wish)],
        everyone: Everyone<'_>,
        workspace: &Workspace,
        output: &Output,
        settings: &Settings,
        touch: Touch,
        ui: Ui,
    ) -> Result<Self> {
        let [(_, first), ..] = members else {
            return Err(anyhow!("a plan of no functions").into());
        };
        let compile = &first.settings.compile;
        let mut cargo = compile.cargo(settings);
        let together = packages(&binaries(members).collect::<Vec<_>>());
        cargo.features.names = workspace.qualified(&cargo.features.names, &together);
        let profile = cargo_config::profile(&cargo.profile, &workspace.root)?;
        let wanted: Vec<(usize, &Wish)> = members
            .iter()
            .filter(|(_, wish)| wish.wanted)
            .copied()
            .collect();
        // Before the targets, whose dependency graph may have to be downloaded.
        let steps = steps(&wanted, &profile, output, settings)?;
        let targets = targets(&wanted);
        let pgo = PgoPlan::new(&wanted, &targets, &workspace.rustc, compile, everyone)?;
        let profile = ProfilePlan::new(&profile, compile);
        for binary in binaries(&wanted) {
            workspace.refuse_missing_features(binary, &cargo)?;
        }
        let binaries: Vec<&RustBinary> = binaries(members).collect();
        let surroundings = Surroundings {
            workspace,
            binaries: &binaries,
            cargo: &cargo,
            compile,
            compact: profile.is_compact(),
            touch,
        };
        let planned = |target: &Target| {
            let plan = TargetPlan::new(*target, &surroundings, ui);
            plan.map_err(|error| first.settings.blame("target-cpu", error))
        };
        Ok(Self {
            targets: targets.iter().map(planned).collect::<Result<_>>()?,
            steps,
            remapped: remapped(workspace),
            rounds: Round::all(&binaries, &cargo.features.names, workspace),
            overwritten: BTreeSet::new(),
            profile,
            runtime: compile.runtime,
            pgo,
            target_directory: workspace.target_directory.clone(),
            root: workspace.output_root(),
            cache: settings.cache.clone(),
            manifest: workspace.manifest.clone(),
            rustc: workspace.rustc.clone(),
            cargo,
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

    /// The binaries of a round that are wanted for a target, each once.
    pub fn wanted(&self, round: &Round, target: Target) -> Vec<&RustBinary> {
        let mut wanted: Vec<&RustBinary> = Vec::new();
        let steps = self.steps.iter().filter(|step| step.target == target);
        for binary in steps.filter_map(|step| step.function.binary()) {
            if round.binaries.contains(binary) && !wanted.contains(&binary) {
                wanted.push(binary);
            }
        }
        wanted
    }

    /// The binaries that calls of cargo write, by name and target: each as often as it is written.
    pub(super) fn written(&self) -> impl Iterator<Item = (String, Target)> {
        self.rounds.iter().flat_map(move |round| {
            let targets = self.targets.iter().map(|plan| plan.target);
            targets.flat_map(move |target| {
                let wanted = self.wanted(round, target).into_iter();
                wanted.map(move |binary| (binary.name.clone(), target))
            })
        })
    }

    /// How a target is compiled and linked.
    pub fn target(&self, target: Target) -> Option<&TargetPlan> {
        self.targets.iter().find(|plan| plan.target == target)
    }
}

pub(super) fn binaries<'a>(members: &[(usize, &'a Wish)]) -> impl Iterator<Item = &'a RustBinary> {
    members
        .iter()
        .filter_map(|(_, wish)| wish.function.binary())
}

/// The names of the packages that binaries lie in, each once.
pub(super) fn packages(binaries: &[&RustBinary]) -> Vec<String> {
    let names: BTreeSet<&str> = binaries
        .iter()
        .map(|binary| binary.package.as_str())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The targets of all wishes, each once, in the order asked for.
pub(super) fn targets(wanted: &[(usize, &Wish)]) -> Vec<Target> {
    let mut targets = Vec::new();
    for target in wanted.iter().flat_map(|(_, wish)| &wish.settings.targets) {
        if !targets.contains(target) {
            targets.push(*target);
        }
    }
    targets
}

fn steps(
    wanted: &[(usize, &Wish)],
    profile: &Profile,
    output: &Output,
    settings: &Settings,
) -> Result<Vec<Step>> {
    let level = if profile.is_release {
        Level::Release
    } else {
        Level::Development
    };
    let mut steps = Vec::new();
    for (order, wish) in wanted {
        let own = &wish.settings;
        let strip = own.strip.unwrap_or_else(|| profile::strip_of(profile));
        let packing = Packing::new(wish, strip, level, settings);
        steps.extend(Step::all((*order, wish), &own.targets, output, &packing)?);
    }
    Ok(steps)
}

/// Every directory of this machine that rustc may write into the binary. Where several match a path, rustc takes the
/// last: the target directory lies in the workspace, which may lie in cargo's home.
fn remapped(workspace: &Workspace) -> Vec<(PathBuf, String)> {
    let mut prefixes = Vec::new();
    prefixes.extend(cargo_config::cargo_home().map(|home| (home, "/cargo".to_owned())));
    prefixes.push((workspace.root.clone(), "/project".to_owned()));
    prefixes.push((workspace.target_directory.clone(), "/target".to_owned()));
    let rustc = &workspace.rustc;
    // Std's panic messages name its sources where `rust-src` is installed, and this prefix where it is not.
    let library = rustc
        .commit
        .as_ref()
        .map_or_else(|| "/rustc".to_owned(), |commit| format!("/rustc/{commit}"));
    prefixes.push((rustc.library_sources(), library));
    prefixes
}
