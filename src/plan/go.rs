//! What go builds: one binary for each function and arch.

use super::step::{Output, Packing};
use super::{Step, Wish};
use crate::artifact::deflate::Level;
use crate::binary::Strip;
use crate::error::Result;
use crate::platform::Machine;
use crate::project::Source;
use crate::project::go::{self, GoOptions, GoPackage};
use crate::settings::Settings;
use crate::target::Arch;
use crate::threads;
use crate::ui::Ui;

/// The Go functions that are built.
#[derive(Clone, Debug, Default)]
pub struct GoPlan {
    /// The artifacts.
    pub steps: Vec<Step>,
    /// The main package of each step, and what go is told of it.
    pub packages: Vec<(GoPackage, GoOptions)>,
}

impl GoPlan {
    pub(super) fn new(
        wishes: &[Wish],
        output: &Output,
        settings: &Settings,
        ui: Ui,
    ) -> Result<Self> {
        let wanted: Vec<(usize, &Wish)> = wishes
            .iter()
            .enumerate()
            .filter(|(_, wish)| wish.wanted && matches!(wish.function.source, Source::Go(_)))
            .collect();
        let found = threads::map(&wanted, |(_, wish)| package(wish, settings, ui));
        let mut plan = Self::default();
        for ((order, wish), found) in wanted.into_iter().zip(found) {
            let (package, options) = found?;
            // go leaves the symbols out by itself (`-s -w`).
            let strip = wish.settings.strip.unwrap_or(Strip::None);
            let packing = Packing::new(wish, strip, Level::Release, settings);
            let targets = wish.static_targets();
            let steps = Step::all((order, wish), &targets, output, &packing)?;
            let packages = steps.iter().map(|_| (package.clone(), options.clone()));
            plan.packages.extend(packages);
            plan.steps.extend(steps);
        }
        Ok(plan)
    }

    /// Says what the user did not ask for and should know.
    pub fn say_notes(&self, guided: bool, ui: Ui) {
        let mut said: Vec<&str> = Vec::new();
        for (step, (package, _)) in self.steps.iter().zip(&self.packages) {
            if said.contains(&step.function.name.as_str()) {
                continue;
            }
            said.push(&step.function.name);
            for package in &package.without_cgo {
                ui.note(package.note());
            }
            if guided {
                ui.note(package.pgo_note(&step.function.name));
            }
        }
    }

    /// What the CPU must at least be, as the variable and value that tell go: the user's own, else the platform's.
    pub fn level<'a>(package: &'a GoPackage, step: &Step) -> (&'static str, &'a str) {
        let arch = step.target.arch;
        let own = package.go.level(arch);
        own.unwrap_or_else(|| Machine::of(step.platform).go_level(arch))
    }

    /// The same where the user says nothing, and go must be told.
    pub fn default_level(package: &GoPackage, step: &Step) -> Option<(&'static str, &'static str)> {
        let arch = step.target.arch;
        let own = package.go.level(arch);
        own.is_none()
            .then(|| Machine::of(step.platform).go_level(arch))
    }
}

/// A number of jobs as cargo takes it (<https://doc.rust-lang.org/cargo/commands/cargo-build.html#miscellaneous-options>,
/// 2026-11): a negative one is that many fewer than there are CPUs, `default` is as if nothing were said.
fn jobs(text: &str) -> Option<usize> {
    let number: isize = text.trim().parse().ok()?;
    if number > 0 {
        return usize::try_from(number).ok();
    }
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    (number < 0).then(|| all.saturating_sub(number.unsigned_abs()).max(1))
}

fn package(wish: &Wish, settings: &Settings, ui: Ui) -> Result<(GoPackage, GoOptions)> {
    let options = GoOptions {
        tags: wish.settings.go_tags.clone(),
        ldflags: wish.settings.go_ldflags.clone(),
        offline: settings.cargo.network.offline,
        jobs: settings.cargo.jobs.as_deref().and_then(jobs),
    };
    let mut arches: Vec<Arch> = Vec::new();
    for target in &wish.settings.targets {
        if !arches.contains(&target.arch) {
            arches.push(target.arch);
        }
    }
    let Source::Go(directory) = &wish.function.source else {
        return Err(anyhow::anyhow!("`{}` is no Go function", wish.function.name).into());
    };
    let package = go::load(directory, &options, &arches, ui);
    let package = package.map_err(|error| wish.settings.blame("go", error))?;
    Ok((package, options))
}
