//! What a deployment has to know of each artifact: its file, its names in the tools' languages, and how it is configured.
//! Nothing of any tool's syntax.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::names::{Names, Taken, project_name};
use crate::error::{Error, Result};
use crate::plan::{Output, Wish};
use crate::platform::lambda::Runtime;
use crate::project::Project;
use crate::project::config::Kind;
use crate::target::{Arch, Libc, Target};

/// Everything that is deployed.
#[derive(Debug)]
pub(super) struct Stack {
    /// The project's name, of letters, digits and `-`, with a letter first.
    pub(super) name: String,
    pub(super) functions: Vec<Unit>,
    /// Layers of files, and extensions.
    pub(super) layers: Vec<Unit>,
}

/// One artifact.
#[derive(Debug)]
pub(super) struct Unit {
    /// Its name here.
    pub(super) name: String,
    /// Letters and digits, unique among all: `OrdersFunction`.
    pub(super) id: String,
    /// Lower case, digits and `_`, unique among its kind: `orders`.
    pub(super) label: String,
    /// Its name at Lambda, unique among its kind.
    pub(super) deployed: String,
    /// What it is deployed for, of all that it is built for.
    pub(super) target: Target,
    /// What else it is built for.
    pub(super) others: Vec<Target>,
    pub(super) runtime: Runtime,
    /// The artifact: relative to the project's directory where it is part of it, with `/` everywhere.
    pub(super) artifact: String,
    /// The names of its layers.
    layers: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
}

impl Stack {
    pub(super) fn new(wishes: &[Wish], project: &Project, output: &Output) -> Result<Self> {
        let deployed = |is_function: bool| {
            wishes.iter().filter(move |wish| {
                let function = &wish.function;
                let fits = (function.kind == Kind::Function) == is_function;
                wish.wanted && !function.internal && fits
            })
        };
        let mut stack = Self {
            name: project_name(&project.directory),
            functions: Vec::new(),
            layers: Vec::new(),
        };
        let mut ids = Taken::default();
        let mut names = Names::default();
        for wish in deployed(true) {
            let name = &wish.function.name;
            stack.functions.push(Unit {
                id: ids.id(name, "Function"),
                label: names.labels.label(name),
                deployed: names.deployed.name(name),
                ..Unit::new(wish, None, project, output)?
            });
        }
        let mut names = Names::default();
        for wish in deployed(false) {
            let arches = stack.arches_with(&wish.function.name);
            for arch in &arches {
                // Only one of several needs a name of its own.
                let name = match (&wish.function.name, arch) {
                    (name, Some(arch)) if arches.len() > 1 => format!("{name}-{arch}"),
                    (name, _) => name.clone(),
                };
                stack.layers.push(Unit {
                    id: ids.id(&name, "Layer"),
                    label: names.labels.label(&name),
                    deployed: names.deployed.name(&name),
                    ..Unit::new(wish, *arch, project, output)?
                });
            }
        }
        Ok(stack)
    }

    /// The arches of the functions that have a layer; none in particular where no function has it.
    fn arches_with(&self, layer: &str) -> Vec<Option<Arch>> {
        let mut arches = Vec::new();
        for function in &self.functions {
            let arch = Some(function.target.arch);
            let has = function.layers.iter().any(|name| name == layer);
            if has && !arches.contains(&arch) {
                arches.push(arch);
            }
        }
        if arches.is_empty() {
            arches.push(None);
        }
        arches
    }

    /// Every artifact, layers first.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.layers.iter().chain(&self.functions)
    }

    /// The layers of a function.
    pub(super) fn layers_of(&self, unit: &Unit) -> Vec<&Unit> {
        let named = unit.layers.iter();
        named
            .filter_map(|name| {
                let mut fitting = self.layers.iter().filter(|layer| layer.name == *name);
                let first = fitting.clone().next();
                let same = fitting.find(|layer| layer.target.arch == unit.target.arch);
                same.or(first)
            })
            .collect()
    }
}

impl Unit {
    /// What a wish makes for `arch`, or for the first that it is built for; not named yet.
    fn new(wish: &Wish, arch: Option<Arch>, project: &Project, output: &Output) -> Result<Self> {
        let name = wish.function.name.clone();
        let targets = wish.targets()?;
        let wanted = targets.iter().find(|target| Some(target.arch) == arch);
        let Some(target) = wanted.or(targets.first()).copied() else {
            return Err(Error::Project {
                message: format!("`{name}` is built for no arch"),
                hint: Some("name one: --arch arm64".to_owned()),
            });
        };
        let layers = wish.settings.layers.iter();
        Ok(Self {
            id: String::new(),
            label: String::new(),
            deployed: String::new(),
            others: targets
                .into_iter()
                .filter(|other| *other != target)
                .collect(),
            target,
            runtime: wish.settings.compile.runtime,
            artifact: shown(&output.artifact(&wish.function, target)?, project),
            layers: layers.map(|layer| layer.value.clone()).collect(),
            environment: wish.settings.environment.clone(),
            name,
        })
    }

    /// The arch as Lambda's API names it.
    pub(super) fn arch(&self) -> &'static str {
        self.target.arch.lambda_name()
    }

    /// The flag that asks slsbuild for its target.
    pub(super) fn flag(&self) -> String {
        match self.target.libc {
            Libc::Musl => format!("--arch {}", self.target.arch),
            Libc::Gnu => format!("--target {}", self.target),
        }
    }

    /// A remark on what else it is built for, without any comment sign.
    pub(super) fn remark(&self) -> Option<String> {
        let others: Vec<&str> = self.others.iter().map(|other| other.directory()).collect();
        (!others.is_empty()).then(|| format!("Built for {} too.", others.join(" and ")))
    }
}

/// A path as the files name it: they lie in the project's directory.
fn shown(path: &Path, project: &Project) -> String {
    let root = project.workspace.as_ref().map(|workspace| &workspace.root);
    let around = root.filter(|root| path.starts_with(root) && project.directory.starts_with(root));
    let relative = match (path.strip_prefix(&project.directory), around) {
        (Ok(below), _) => below.to_owned(),
        // Of a member's own project, whose artifacts lie in the workspace's target directory.
        (Err(_), Some(root)) => {
            let below = |path: &Path| path.strip_prefix(root).map(Path::to_owned);
            let steps = below(&project.directory).map_or(0, |path| path.components().count());
            let up: PathBuf = std::iter::repeat_n("..", steps).collect();
            up.join(below(path).unwrap_or_default())
        }
        (Err(_), None) => path.to_owned(),
    };
    relative
        .to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/")
}
