//! Facts that need the whole dependency graph: which packages compile C. Cached by the digest of all that decides
//! the graph, so that a build with nothing to do does not pay for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, PackageId};
use serde::{Deserialize, Serialize};

use super::{CargoOptions, RustBinary, Workspace, cargo};
use crate::digest::Sha256;
use crate::error::Result;
use crate::fs;
use crate::target::Target;
use crate::ui::{Ui, Verbosity};

/// Build dependencies with which a package compiles C. A `links` key alone proves nothing.
const C_BUILD_DEPENDENCIES: [&str; 2] = ["cc", "cmake"];
/// A lock file beyond this size is refused.
const MAX_FILE: u64 = 64 << 20;

/// A package that probably compiles C for the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CPackage {
    /// Its name and version, `ring 0.17.14`.
    pub name: String,
    /// Its id in cargo's messages.
    pub id: String,
}

/// What is kept on disk.
#[derive(Serialize, Deserialize)]
struct Cached {
    key: String,
    packages: Vec<CPackage>,
}

/// Whether the cache may be written, or nothing at all (`slsbuild plan`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Files may be written.
    Files,
    /// Nothing is touched: where there is no lock file yet, the graph stays unknown.
    Nothing,
}

/// The packages of the functions' graph that probably compile C for `target`; `None` where that cannot be known without
/// touching anything, because there is no lock file yet or the dependencies are not downloaded.
///
/// # Errors
/// When cargo cannot resolve the graph.
pub fn c_packages(
    workspace: &Workspace,
    binaries: &[&RustBinary],
    options: &CargoOptions,
    target: Target,
    touch: Touch,
    ui: Ui,
) -> Result<Option<Vec<CPackage>>> {
    let lock = workspace.root.join("Cargo.lock");
    if touch == Touch::Nothing && !lock.is_file() {
        return Ok(None);
    }
    let cache = cache_file(workspace, binaries, options, target);
    let key = key(workspace, binaries, options, target)?;
    if let Some(cached) = fs::read_bounded(&cache, MAX_FILE)
        .ok()
        .and_then(|text| parse(&text))
        && Some(&cached.key) == key.as_ref()
    {
        return Ok(Some(cached.packages));
    }
    let metadata = match touch {
        Touch::Files => cargo::graph(&workspace.manifest, options, target.triple(), ui)?,
        Touch::Nothing => {
            let mut offline = options.clone();
            offline.network.offline = true;
            // Without this a stale lock file would be written anew.
            offline.network.locked = true;
            let quiet = Ui::new(Verbosity::Quiet);
            match cargo::graph(&workspace.manifest, &offline, target.triple(), quiet) {
                Ok(metadata) => metadata,
                Err(_) => return Ok(None),
            }
        }
    };
    let packages = find(&metadata, binaries);
    if touch == Touch::Files {
        let key = self::key(workspace, binaries, options, target)?.unwrap_or_default();
        let text = serde_json::to_vec(&Cached {
            key,
            packages: packages.clone(),
        })
        .context("the graph has no JSON")?;
        fs::create_dir_all(workspace.output_root())?;
        fs::write_if_changed(&cache, 0o644, &text)?;
    }
    Ok(Some(packages))
}

fn parse(text: &[u8]) -> Option<Cached> {
    serde_json::from_slice(text).ok()
}

/// One file for each target and set of features and packages.
fn cache_file(
    workspace: &Workspace,
    binaries: &[&RustBinary],
    options: &CargoOptions,
    target: Target,
) -> PathBuf {
    let mut name = Sha256::of(asked(binaries, options, target).as_bytes()).to_string();
    name.truncate(16);
    let file = format!("graph-{}-{name}.json", target.triple());
    workspace.output_root().join(file)
}

/// What the graph is asked for.
fn asked(binaries: &[&RustBinary], options: &CargoOptions, target: Target) -> String {
    let mut asked = format!("{} {:?}", target.triple(), options.features.flags());
    for binary in binaries {
        let _ = write!(asked, " {}", binary.package_id.repr);
    }
    asked
}

/// A digest of all that decides the graph, or `None` while there is no lock file.
fn key(
    workspace: &Workspace,
    binaries: &[&RustBinary],
    options: &CargoOptions,
    target: Target,
) -> Result<Option<String>> {
    let lock = workspace.root.join("Cargo.lock");
    if !lock.is_file() {
        return Ok(None);
    }
    let mut decided_by = asked(binaries, options, target);
    let root_manifest = workspace.root.join("Cargo.toml");
    for file in [&lock, &root_manifest]
        .into_iter()
        .chain(workspace.members.iter().map(|member| &member.manifest))
    {
        let _ = write!(
            decided_by,
            " {}",
            Sha256::of(&fs::read_bounded(file, MAX_FILE)?)
        );
    }
    Ok(Some(Sha256::of(decided_by.as_bytes()).to_string()))
}

/// Packages that the functions reach through normal dependencies and that have a C build dependency. What is reached
/// through a build dependency is compiled for the host.
fn find(metadata: &Metadata, binaries: &[&RustBinary]) -> Vec<CPackage> {
    let Some(resolve) = &metadata.resolve else {
        return Vec::new();
    };
    let names: BTreeMap<&PackageId, String> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, format!("{} {}", package.name, package.version)))
        .collect();
    // By the package's own name: a dependency may be renamed.
    let is_c_builder = |id: &PackageId| {
        names
            .get(id)
            .and_then(|name| name.split(' ').next())
            .is_some_and(|name| C_BUILD_DEPENDENCIES.contains(&name))
    };
    let mut open: Vec<&PackageId> = binaries.iter().map(|binary| &binary.package_id).collect();
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let Some(node) = resolve.nodes.iter().find(|node| node.id == *id) else {
            continue;
        };
        for dependency in &node.deps {
            let has = |kind| dependency.dep_kinds.iter().any(|edge| edge.kind == kind);
            if has(DependencyKind::Normal) {
                open.push(&dependency.pkg);
            }
            if has(DependencyKind::Build) && is_c_builder(&dependency.pkg) {
                let name = names.get(id).cloned().unwrap_or_else(|| id.repr.clone());
                found.insert(CPackage {
                    name,
                    id: id.repr.clone(),
                });
            }
        }
    }
    found.into_iter().collect()
}
