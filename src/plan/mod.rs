//! The plan: pure data that says what will be built, with which toolchain, into which files. Everything that can fail
//! without a compiler has failed once a plan exists. `slsbuild plan` prints it, `build/` runs it.

mod cargo;
mod companions;
mod go;
mod layout;
mod needs;
mod notes;
mod pgo;
mod profile;
mod ready;
mod rounds;
mod runtime;
mod step;
mod toolchain;
pub mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::project::graph::Touch;
use crate::project::{Function, Project, Source};
use crate::settings::{FunctionSettings, Settings};
use crate::target::Target;
use crate::ui::Ui;

pub use cargo::CargoPlan;
pub use go::GoPlan;
pub use layout::CargoLambdaFiles;
pub use needs::{Needs, TargetNeeds};
pub use pgo::{MOST_PROFILE, PgoPlan, Trainee, Training};
pub use profile::ProfilePlan;
pub use ready::ReadyPlan;
pub use rounds::Round;
pub use runtime::{Archive, Reason, RuntimePlan};
pub use step::{Form, Output, Packing, Step};
pub use toolchain::{CPlan, Cpu, Guidance, GuidingProfile, Linker, TargetPlan};

/// A function to be built, and what holds for it.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The function.
    pub function: Function,
    /// What holds for it.
    pub settings: FunctionSettings,
    /// Whether its artifact is wanted; else it only decides how the others are compiled.
    pub wanted: bool,
    /// Whether it is wanted only since another one needs it.
    pub companion: bool,
}

/// What will be done.
#[derive(Debug)]
pub struct Plan {
    /// Functions that are compiled together.
    pub groups: Vec<Group>,
    /// The directory below which the artifacts and the report lie.
    pub root: PathBuf,
    /// Whether what can be built is built, also when something fails.
    pub keep_going: bool,
    /// Whether this call asks for profile-guided code.
    pub guided: bool,
    /// Functions that cannot be built, where the others are to be.
    pub failures: Vec<(String, Error)>,
}

/// Functions that are compiled together.
#[derive(Clone, Debug)]
pub enum Group {
    /// By cargo, in one call wherever that is possible.
    Cargo(Box<CargoPlan>),
    /// By go, in one call each.
    Go(GoPlan),
    /// By nobody: the binaries are there, or there are none.
    Ready(ReadyPlan),
}

impl Group {
    /// The artifacts that it makes.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::Cargo(plan) => &plan.steps,
            Self::Go(plan) => &plan.steps,
            Self::Ready(plan) => &plan.steps,
        }
    }
}

impl Plan {
    /// Decides what will be done. Reads the machine and the project, changes nothing.
    ///
    /// # Errors
    /// For everything that can be known to fail before a compiler runs; with `--keep-going`, only when that is everything.
    pub fn new(
        wishes: &[Wish],
        project: &Project,
        output: &Output,
        settings: &Settings,
        touch: Touch,
        ui: Ui,
    ) -> Result<Self> {
        let plan = |wishes: &[Wish]| Self::whole(wishes, project, output, settings, touch, ui);
        match plan(wishes) {
            Err(error) if settings.cargo.keep_going => sifted(wishes, error, plan),
            planned => planned,
        }
    }

    /// A plan of all wishes, or the first reason why there is none.
    fn whole(
        wishes: &[Wish],
        project: &Project,
        output: &Output,
        settings: &Settings,
        touch: Touch,
        ui: Ui,
    ) -> Result<Self> {
        let mut groups = Vec::new();
        if let Some(workspace) = &project.workspace {
            let alike = alike(wishes);
            let everyone = pgo::Everyone(&alike);
            for members in &alike {
                let plan =
                    CargoPlan::new(members, everyone, workspace, output, settings, touch, ui)?;
                groups.push(Group::Cargo(Box::new(plan)));
            }
            mark_overwritten(&mut groups);
        }
        let go = GoPlan::new(wishes, output, settings, ui)?;
        groups.extend((!go.steps.is_empty()).then_some(Group::Go(go)));
        let ready = ReadyPlan::new(wishes, output, settings)?;
        groups.extend((!ready.steps.is_empty()).then_some(Group::Ready(ready)));
        let plan = Self {
            groups,
            root: output.root.clone(),
            keep_going: settings.cargo.keep_going,
            guided: settings.overrides.pgo.is_some(),
            failures: Vec::new(),
        };
        let asked = plan.steps().filter(|step| !step.companion);
        output.refuse_several(asked.count())?;
        layout::refuse_shared(&plan.steps().collect::<Vec<_>>())?;
        Ok(plan)
    }

    /// Every artifact that is made.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        let steps = self.groups.iter().flat_map(Group::steps);
        steps.filter(|step| !step.function.internal)
    }

    /// Says what the user did not ask for and should know.
    pub fn say_notes(&self, ui: Ui) {
        for group in &self.groups {
            match group {
                Group::Cargo(plan) => plan.say_notes(ui),
                Group::Go(plan) => plan.say_notes(self.guided, ui),
                Group::Ready(plan) => plan.notes.iter().for_each(|note| ui.note(note)),
            }
        }
    }
}

/// The plan of those wishes that can be built, each tried alone. `error` is why there is none of all.
fn sifted(wishes: &[Wish], error: Error, plan: impl Fn(&[Wish]) -> Result<Plan>) -> Result<Plan> {
    let mut failures = Vec::new();
    let mut kept = wishes.to_vec();
    for (index, wish) in wishes.iter().enumerate().filter(|(_, wish)| wish.wanted) {
        let mut alone = wishes.to_vec();
        for (other, wish) in alone.iter_mut().enumerate() {
            wish.wanted = other == index;
        }
        if let Err(error) = plan(&alone) {
            kept[index].wanted = false;
            failures.push((wish.function.name.clone(), error));
        }
    }
    // What fails only together, or leaves nothing, fails as it did.
    if failures.is_empty() || kept.iter().all(|wish| !wish.wanted) {
        return Err(error);
    }
    Ok(Plan {
        failures,
        ..plan(&kept)?
    })
}

/// Tells each plan which binaries more than one call of cargo writes, over all plans: cargo puts binaries of one name,
/// whatever their package and features, into one file.
fn mark_overwritten(groups: &mut [Group]) {
    let mut times: BTreeMap<(String, Target), usize> = BTreeMap::new();
    for group in &*groups {
        if let Group::Cargo(plan) = group {
            for file in plan.written() {
                *times.entry(file).or_default() += 1;
            }
        }
    }
    times.retain(|_, times| *times > 1);
    let overwritten: BTreeSet<_> = times.into_keys().collect();
    for group in groups {
        if let Group::Cargo(plan) = group {
            plan.overwritten.clone_from(&overwritten);
        }
    }
}

/// The Rust functions, together where they are compiled alike and one of them is wanted. Which functions are wanted does
/// not decide who is together: features unify among the packages of a call, and a function must have the same bytes
/// whether it is built alone or with the others.
fn alike(wishes: &[Wish]) -> Vec<Vec<(usize, &Wish)>> {
    let mut groups: Vec<Vec<(usize, &Wish)>> = Vec::new();
    for (order, wish) in wishes.iter().enumerate() {
        if !matches!(wish.function.source, Source::Rust(_)) {
            continue;
        }
        let group = groups.iter_mut().find(|group| {
            let mut others = group.iter();
            others.all(|(_, other)| other.settings.compile == wish.settings.compile)
        });
        match group {
            Some(group) => group.push((order, wish)),
            None => groups.push(vec![(order, wish)]),
        }
    }
    groups.retain(|group| group.iter().any(|(_, wish)| wish.wanted));
    groups
}
