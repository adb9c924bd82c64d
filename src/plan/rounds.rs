//! Rounds: which of the binaries that are compiled alike one call of cargo can build. `cargo build --package A --package B
//! --bin X` builds the `X` of each package that has one, all into one file; so a package that holds a name which is
//! meant of another is not in that call.

use crate::project::{RustBinary, Workspace};

/// What one call of cargo can build: its packages and their features do not depend on which binaries are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// The binaries whose packages' features unify, wanted or not.
    pub binaries: Vec<RustBinary>,
    /// The features of those packages, as cargo takes them.
    pub features: Vec<String>,
}

impl Round {
    /// As few rounds as the order of the binaries gives; `features` are those of all their packages.
    pub(super) fn all(
        binaries: &[&RustBinary],
        features: &[String],
        workspace: &Workspace,
    ) -> Vec<Self> {
        let has =
            |package: &RustBinary, name: &str| workspace.has_binary(&package.package_id, name);
        let mut lists: Vec<Vec<&RustBinary>> = Vec::new();
        for &binary in binaries {
            if lists.iter().any(|list| list.contains(&binary)) {
                continue;
            }
            match lists.iter_mut().find(|list| fits(binary, list, has)) {
                Some(list) => list.push(binary),
                None => lists.push(vec![binary]),
            }
        }
        let round = |list: Vec<&RustBinary>| Self {
            features: features_of(&list, binaries, features),
            binaries: list.into_iter().cloned().collect(),
        };
        lists.into_iter().map(round).collect()
    }
}

/// Whether each name that is then meant still means one binary only.
fn fits(
    binary: &RustBinary,
    list: &[&RustBinary],
    has: impl Fn(&RustBinary, &str) -> bool,
) -> bool {
    let means_one = |name: &str, package: &RustBinary, other: &RustBinary| {
        package.package_id == other.package_id || !has(other, name)
    };
    list.iter().all(|other| {
        means_one(&binary.name, binary, other) && means_one(&other.name, other, binary)
    })
}

/// Cargo refuses a feature of a package that is not in its call.
fn features_of(list: &[&RustBinary], all: &[&RustBinary], features: &[String]) -> Vec<String> {
    let is_of = |binaries: &[&RustBinary], owner: &str| {
        let mut packages = binaries.iter().map(|binary| binary.package.as_str());
        packages.any(|package| package == owner)
    };
    let elsewhere = |feature: &&String| {
        let owner = feature.split_once('/').map(|(owner, _)| owner);
        owner.is_some_and(|owner| is_of(all, owner) && !is_of(list, owner))
    };
    let own = features.iter().filter(|feature| !elsewhere(feature));
    own.cloned().collect()
}
