//! Functions that no compiler is needed for: binaries that are there, and layers of files.

use std::path::{Path, PathBuf};

use super::step::{Output, Packing, refuse_bad_name};
use super::{Step, Wish};
use crate::artifact::deflate::Level;
use crate::binary::{self, Strip};
use crate::error::{Error, Names, Result};
use crate::fs;
use crate::project::Source;
use crate::settings::{Origin, Settings};
use crate::target::{Arch, Target};

/// A binary beyond this size is refused unread: more than Lambda unpacks, debug info counted in.
const MOST_BINARY: u64 = 2 << 30;
/// What stands for the arch in a binary's path.
const PLACEHOLDER: &str = "{arch}";

/// Functions that no compiler is needed for.
#[derive(Clone, Debug, Default)]
pub struct ReadyPlan {
    /// The artifacts.
    pub steps: Vec<Step>,
    /// The binary of each step, if it has one.
    pub binaries: Vec<Option<PathBuf>>,
    /// What the user did not ask for and should know.
    pub notes: Vec<String>,
}

impl ReadyPlan {
    pub(super) fn new(wishes: &[Wish], output: &Output, settings: &Settings) -> Result<Self> {
        let mut plan = Self::default();
        let asked = wishes.iter().filter(|wish| wish.wanted && !wish.companion);
        let of_several = asked.count() > 1;
        for (order, wish) in wishes.iter().enumerate().filter(|(_, wish)| wish.wanted) {
            let binaries: Vec<(Target, Option<PathBuf>)> = match &wish.function.source {
                Source::Rust(_) | Source::Go(_) => continue,
                Source::Files => {
                    let targets = wish.static_targets().into_iter();
                    targets.map(|target| (target, None)).collect()
                }
                Source::Ready(path) => {
                    refuse_bad_name(&wish.function)?;
                    let found = binaries(wish, path, of_several || wish.companion);
                    let found = found.map_err(|error| wish.settings.blame("binary", error))?;
                    plan.notes.extend(note(wish, path, &found));
                    let found = found.into_iter();
                    found.map(|(target, path)| (target, Some(path))).collect()
                }
            };
            // What is ready stays as it is, unless the user says otherwise.
            let strip = wish.settings.strip.unwrap_or(Strip::None);
            let packing = Packing::new(wish, strip, Level::Release, settings);
            let (targets, binaries): (Vec<Target>, Vec<_>) = binaries.into_iter().unzip();
            plan.steps
                .extend(Step::all((order, wish), &targets, output, &packing)?);
            plan.binaries.extend(binaries);
        }
        Ok(plan)
    }
}

impl Wish {
    /// What an artifact is made for, each once: of a binary that is there, the arch that its file says.
    ///
    /// # Errors
    /// When such a binary cannot be read, or is for another arch than the one that its table says.
    pub fn targets(&self) -> Result<Vec<Target>> {
        match &self.function.source {
            Source::Ready(path) => {
                let found = binaries(self, path, true)?.into_iter();
                Ok(found.map(|(target, _)| target).collect())
            }
            Source::Rust(_) => Ok(self.settings.targets.clone()),
            Source::Go(_) | Source::Files => Ok(self.static_targets()),
        }
    }

    /// The targets of what is not Rust, which has no C library to choose: the static one of each arch, once.
    pub(super) fn static_targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        for target in &self.settings.targets {
            let target = Target::musl(target.arch);
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }
}

/// The note on a binary that is packed for its own arch, though another one is asked of all.
fn note(wish: &Wish, path: &Path, found: &[(Target, PathBuf)]) -> Option<String> {
    let own = found.first()?.0.arch;
    let mut asked = wish.settings.targets.iter();
    let is_of_all = matches!(
        wish.settings.origins.get("arch"),
        Some(Origin::Flag | Origin::Environment)
    );
    if !is_of_all || asked.any(|target| target.arch == own) {
        return None;
    }
    Some(format!(
        "`{}` is for {own} whatever is asked for, since `{}` is built already",
        wish.function.name,
        fs::from_here(path).display()
    ))
}

/// The binaries of a wish: one for each arch where the path has a place for it, else the one of its own arch. Where
/// `of_several` functions are asked for together, what a flag says of all is no statement about this very file.
fn binaries(wish: &Wish, path: &Path, of_several: bool) -> Result<Vec<(Target, PathBuf)>> {
    let text = path.to_string_lossy();
    if text.contains(PLACEHOLDER) {
        let targets = wish.static_targets().into_iter();
        return targets
            .map(|target| {
                let path = PathBuf::from(text.replace(PLACEHOLDER, target.arch.name()));
                match arch_of(&path)? {
                    arch if arch == target.arch => Ok((target, path)),
                    arch => Err(other_arch(&path, arch, &[target.arch])),
                }
            })
            .collect();
    }
    let arch = arch_of(path)?;
    let asked: Vec<Arch> = wish
        .settings
        .targets
        .iter()
        .map(|target| target.arch)
        .collect();
    // What is built in, or holds for all, is no statement about this very file.
    let is_said = match wish.settings.origins.get("arch") {
        Some(Origin::Function(_)) => true,
        Some(Origin::Flag | Origin::Environment) => !of_several,
        Some(Origin::Defaults(_)) | None => false,
    };
    if is_said && asked != [arch] {
        return Err(wish.settings.blame("arch", other_arch(path, arch, &asked)));
    }
    Ok(vec![(Target::musl(arch), path.to_owned())])
}

fn other_arch(path: &Path, arch: Arch, asked: &[Arch]) -> Error {
    let names: Vec<&str> = asked.iter().map(|arch| arch.name()).collect();
    let shown = fs::from_here(path);
    Error::Rejected {
        message: format!(
            "`{}` is for {arch}, and {} is asked for",
            shown.display(),
            Names(&names)
        ),
        hint: Some(format!(
            "name a file for each arch by `{PLACEHOLDER}` in its path, or say --arch {arch}"
        )),
    }
}

fn arch_of(path: &Path) -> Result<Arch> {
    let shown = fs::from_here(path).display().to_string();
    let refused = |cause: &str| Error::Project {
        message: format!("binary `{shown}` {cause}"),
        hint: Some("name a Linux program: slsbuild zip --binary PATH".to_owned()),
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(refused("does not exist"));
        }
        Err(error) => return Err(error.into()),
        Ok(facts) if !facts.is_file() => return Err(refused("is no file")),
        Ok(_) => {}
    }
    let bytes = fs::read_bounded(path, MOST_BINARY)?;
    let facts = binary::inspect_named(&format!("`{shown}`"), &bytes)?;
    facts
        .arch
        .ok_or_else(|| refused("is for an architecture that Lambda does not run"))
}
