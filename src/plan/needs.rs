//! What a machine must have so that wishes can be built: gathered whole, where a plan fails of the first thing that is
//! missing. `slsbuild doctor` shows it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::toolchain::{CPlan, Linker};
use super::{Wish, alike, cargo};
use crate::error::Result;
use crate::project::cargo_config;
use crate::project::graph::{self, CPackage, Touch};
use crate::project::{Project, Source, Workspace};
use crate::settings::{Pgo, Settings};
use crate::target::{Arch, Target};
use crate::ui::Ui;

/// What wishes need of the machine.
#[derive(Debug, Default)]
pub struct Needs {
    /// Each target that Rust code is compiled for.
    pub targets: Vec<TargetNeeds>,
    /// The Go functions: name, and directory of the main package.
    pub go: Vec<(String, PathBuf)>,
    /// The functions that are trained, whose binaries must run here.
    pub trained: Vec<String>,
    /// Every arch that something is made for.
    pub arches: BTreeSet<Arch>,
}

/// What one target needs.
#[derive(Debug)]
pub struct TargetNeeds {
    /// The target.
    pub target: Target,
    /// The Rust functions that are compiled for it.
    pub functions: Vec<String>,
    /// Who links, or why nobody does.
    pub linker: Result<Linker>,
    /// Packages that compile C; `None` where that is not known yet.
    pub c_packages: Option<Vec<CPackage>>,
    /// Who compiles it.
    pub c_compiler: CPlan,
}

impl Needs {
    /// Gathers what is needed for the wanted among `wishes`. Touches nothing.
    ///
    /// # Errors
    /// For a project that cannot be meant; never for a tool that is missing.
    pub fn of(wishes: &[Wish], project: &Project, settings: &Settings, ui: Ui) -> Result<Self> {
        let mut needs = Self::default();
        for wish in wishes.iter().filter(|wish| wish.wanted) {
            let targets = wish.settings.targets.iter();
            needs.arches.extend(targets.map(|target| target.arch));
            let name = &wish.function.name;
            match &wish.function.source {
                Source::Go(directory) => needs.go.push((name.clone(), directory.clone())),
                Source::Rust(_) => {
                    let trains = matches!(wish.settings.compile.pgo, Some(Pgo::Train { .. }));
                    needs.trained.extend(trains.then(|| name.clone()));
                }
                Source::Ready(_) | Source::Files => {}
            }
        }
        if let Some(workspace) = &project.workspace {
            for members in alike(wishes) {
                needs.add_group(&members, workspace, settings, ui)?;
            }
        }
        Ok(needs)
    }

    fn add_group(
        &mut self,
        members: &[(usize, &Wish)],
        workspace: &Workspace,
        settings: &Settings,
        ui: Ui,
    ) -> Result<()> {
        let Some((_, first)) = members.first() else {
            return Ok(());
        };
        let binaries: Vec<_> = cargo::binaries(members).collect();
        let mut options = first.settings.compile.cargo(settings);
        let together = cargo::packages(&binaries);
        options.features.names = workspace.qualified(&options.features.names, &together);
        let wanted: Vec<(usize, &Wish)> = members
            .iter()
            .filter(|(_, wish)| wish.wanted)
            .copied()
            .collect();
        for target in cargo::targets(&wanted) {
            let touch = Touch::Nothing;
            let c_packages = graph::c_packages(workspace, &binaries, &options, target, touch, ui)?;
            let functions = wanted
                .iter()
                .filter(|(_, wish)| wish.settings.targets.contains(&target))
                .map(|(_, wish)| wish.function.name.clone());
            self.add(
                target,
                functions.collect(),
                c_packages,
                &workspace.rustc.host,
            )?;
        }
        Ok(())
    }

    /// Adds what a group needs of a target to what the groups before it do.
    fn add(
        &mut self,
        target: Target,
        functions: Vec<String>,
        c_packages: Option<Vec<CPackage>>,
        host: &str,
    ) -> Result<()> {
        if let Some(known) = self.targets.iter_mut().find(|one| one.target == target) {
            known.functions.extend(functions);
            known.c_packages = match (known.c_packages.take(), c_packages) {
                (Some(mut all), Some(more)) => {
                    all.extend(more);
                    all.sort();
                    all.dedup();
                    Some(all)
                }
                // What is known to be needed is needed, whatever else may be.
                (Some(some), None) | (None, Some(some)) if !some.is_empty() => Some(some),
                _ => None,
            };
            known.c_compiler = CPlan::of(known.c_packages.clone(), target, host);
            return Ok(());
        }
        let users = cargo_config::target(target)?.linker;
        self.targets.push(TargetNeeds {
            target,
            functions,
            linker: Linker::choose(target, users, host),
            c_compiler: CPlan::of(c_packages.clone(), target, host),
            c_packages,
        });
        Ok(())
    }
}
