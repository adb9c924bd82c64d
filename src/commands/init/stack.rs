//! What a deployment has to know of each artifact: its file, its names in the tools' languages, and how it is configured.
//! Nothing of any tool's syntax.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::plan::{Output, Wish};
use crate::platform::lambda::Runtime;
use crate::project::Project;
use crate::project::config::Kind;
use crate::target::{Libc, Target};

/// The longest name of a function. <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html> (2026-11)
const LONGEST_NAME: usize = 64;

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
        let mut stack = Self {
            name: project_name(&project.directory),
            functions: Vec::new(),
            layers: Vec::new(),
        };
        let mut ids = Taken::default();
        let (mut of_functions, mut of_layers) = (Names::default(), Names::default());
        let deployed = wishes
            .iter()
            .filter(|wish| wish.wanted && !wish.function.internal);
        for wish in deployed {
            let (units, names, suffix) = match wish.function.kind {
                Kind::Function => (&mut stack.functions, &mut of_functions, "Function"),
                Kind::Extension | Kind::Layer => (&mut stack.layers, &mut of_layers, "Layer"),
            };
            let name = &wish.function.name;
            let targets = wish.targets()?;
            let Some((target, others)) = targets.split_first() else {
                return Err(Error::Project {
                    message: format!("`{name}` is built for no arch"),
                    hint: Some("name one: --arch arm64".to_owned()),
                });
            };
            units.push(Unit {
                id: ids.id(name, suffix),
                label: names.labels.label(name),
                deployed: names.deployed.name(name),
                target: *target,
                others: others.to_owned(),
                runtime: wish.settings.compile.runtime,
                artifact: shown(&output.artifact(&wish.function, *target), project),
                layers: wish
                    .settings
                    .layers
                    .iter()
                    .map(|layer| layer.value.clone())
                    .collect(),
                environment: wish.settings.environment.clone(),
                name: name.clone(),
            });
        }
        Ok(stack)
    }

    /// Every artifact, layers first.
    pub(super) fn units(&self) -> impl Iterator<Item = &Unit> {
        self.layers.iter().chain(&self.functions)
    }

    /// The layers of a function.
    pub(super) fn layers_of(&self, unit: &Unit) -> Vec<&Unit> {
        let named = unit.layers.iter();
        named
            .filter_map(|name| self.layers.iter().find(|layer| layer.name == *name))
            .collect()
    }
}

impl Unit {
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

/// The names of one kind.
#[derive(Debug, Default)]
struct Names {
    labels: Taken,
    deployed: Taken,
}

/// Names that are given away. Every name is made of another one, and gets a number where that makes two alike.
#[derive(Debug, Default)]
struct Taken(BTreeSet<String>);

impl Taken {
    /// `order-api` as `OrderApiFunction`.
    fn id(&mut self, name: &str, suffix: &str) -> String {
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let mut id: String = words
            .flat_map(|word| {
                let (first, rest) = word.split_at(word.len().min(1));
                [first.to_ascii_uppercase(), rest.to_owned()]
            })
            .collect();
        if id.starts_with(|c: char| c.is_ascii_digit()) {
            id.insert(0, 'N');
        }
        self.unique(&format!("{id}{suffix}"), "")
    }

    /// `order-api` as `order_api`.
    fn label(&mut self, name: &str) -> String {
        let legal = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        let mut label: String = name.chars().map(legal).collect();
        if !label.starts_with(|c: char| c.is_ascii_alphabetic()) {
            label.insert_str(0, "n_");
        }
        self.unique(&label, "_")
    }

    /// `order.api` as `order-api`.
    fn name(&mut self, name: &str) -> String {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let legal = |c: char| if is_legal(c) { c } else { '-' };
        // With room for a number.
        let name: String = name.chars().map(legal).take(LONGEST_NAME - 6).collect();
        self.unique(&name, "-")
    }

    fn unique(&mut self, name: &str, separator: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        // Tools of Windows do not tell upper from lower case everywhere.
        while !self.0.insert(unique.to_ascii_lowercase()) {
            unique = format!("{name}{separator}{number}");
            number += 1;
        }
        unique
    }
}

/// The name of a project's directory, as far as it is one.
fn project_name(directory: &Path) -> String {
    let own = directory.file_name().unwrap_or_default().to_string_lossy();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name: String = own.chars().filter(|c| legal(*c)).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let name = if name.is_empty() { "functions" } else { name };
    name.to_owned()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_names_of_other_languages() {
        let mut ids = Taken::default();
        assert_eq!(ids.id("order-api", "Function"), "OrderApiFunction");
        assert_eq!(ids.id("order_api", "Function"), "OrderApiFunction2");
        assert_eq!(ids.id("2fa", "Function"), "N2faFunction");
        assert_eq!(ids.id("ü", "Layer"), "Layer");
        let mut labels = Taken::default();
        assert_eq!(labels.label("Order.api"), "order_api");
        assert_eq!(labels.label("order-api"), "order_api_2");
        assert_eq!(labels.label("_x"), "n__x");
        assert_eq!(Taken::default().name("order.api"), "order-api");
        assert_eq!(project_name(Path::new("/home/2. my_shop-1")), "myshop-1");
        assert_eq!(project_name(Path::new("/")), "functions");
    }

    proptest! {
        #[test]
        fn every_name_is_legal_and_no_two_are_one(names in prop::collection::vec(".{1,80}", 0..8)) {
            let (mut ids, mut labels, mut deployed) = (Taken::default(), Taken::default(), Taken::default());
            let mut seen = BTreeSet::new();
            for name in names {
                let id = ids.id(&name, "Function");
                prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()));
                prop_assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(seen.insert(("id", id)));
                let label = labels.label(&name);
                prop_assert!(label.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(label.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()));
                prop_assert!(seen.insert(("label", label)));
                let name = deployed.name(&name);
                prop_assert!((1..=LONGEST_NAME).contains(&name.len()), "{name}");
                prop_assert!(seen.insert(("name", name)));
            }
        }
    }
}
