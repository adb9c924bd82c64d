//! The cargo workspace: what `cargo metadata` and the installed toolchain tell of it.

use std::path::PathBuf;

use anyhow::anyhow;
use cargo_metadata::{Metadata, PackageId};

use super::config::{Member, WorkspaceManifests};
use super::toolchain::Rustc;
use super::{CargoOptions, RustBinary, cargo, select};
use crate::error::{Error, Result};
use crate::ui::Ui;

/// A cargo workspace.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The manifest that was asked for, or found.
    pub manifest: PathBuf,
    /// Its root directory.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target_directory: PathBuf,
    /// The packages and manifests of all members.
    pub members: Vec<Member>,
    /// The compiler that cargo uses here.
    pub rustc: Rustc,
    pub(super) metadata: Metadata,
}

impl Workspace {
    /// Loads the workspace of a manifest.
    ///
    /// # Errors
    /// When cargo refuses the manifest, or there is no cargo or rustc.
    pub fn load(manifest: PathBuf, options: &CargoOptions, ui: Ui) -> Result<Self> {
        let (metadata, rustc) = std::thread::scope(|scope| {
            let rustc = scope.spawn(|| Rustc::probe(ui));
            let metadata = cargo::metadata(&manifest, options, ui);
            let rustc = rustc
                .join()
                .unwrap_or_else(|_| Err(anyhow!("`rustc` was not waited for").into()));
            // Without rustc cargo fails as well, and says less.
            let rustc = rustc?;
            Ok::<_, Error>((metadata?, rustc))
        })?;
        Ok(Self {
            manifest,
            root: metadata.workspace_root.clone().into_std_path_buf(),
            target_directory: metadata.target_directory.clone().into_std_path_buf(),
            members: metadata
                .workspace_packages()
                .into_iter()
                .map(|package| Member {
                    package: package.name.to_string(),
                    manifest: package.manifest_path.clone().into_std_path_buf(),
                })
                .collect(),
            rustc,
            metadata,
        })
    }

    /// The manifests whose sections are read.
    pub fn manifests(&self) -> WorkspaceManifests {
        WorkspaceManifests {
            root: self.root.join("Cargo.toml"),
            members: self.members.clone(),
        }
    }

    /// The binaries that are functions: those asked for, else as cargo chooses.
    ///
    /// # Errors
    /// When the workspace does not hold what was asked for.
    pub fn select(&self, options: &CargoOptions) -> Result<Vec<RustBinary>> {
        select::functions(&self.metadata, &self.manifest, options)
    }

    /// The binary that a function's table means: `bin` of `package`, each where it is given; else the only binary there,
    /// the one of the function's or the package's name, or `default-run`.
    ///
    /// # Errors
    /// [`Error::Project`] when there is none, or one of several could be meant.
    pub fn binary(
        &self,
        package: Option<&str>,
        bin: Option<&str>,
        function: &str,
    ) -> Result<RustBinary> {
        select::of_table(&self.metadata, package, bin, function)
    }

    /// Whether a package has a binary of a name, a function or not.
    pub fn has_binary(&self, package: &PackageId, name: &str) -> bool {
        let mut packages = self.metadata.packages.iter();
        let of_id = packages.find(|one| one.id == *package);
        of_id.is_some_and(|one| {
            let mut targets = one.targets.iter();
            targets.any(|target| target.is_bin() && target.name == name)
        })
    }

    /// Features as cargo takes them for several packages: a bare name means each of them that has it.
    pub fn qualified(&self, features: &[String], packages: &[String]) -> Vec<String> {
        let has = |package: &str, feature: &str| {
            let mut members = self.metadata.workspace_packages().into_iter();
            members.any(|one| one.name == package && one.features.contains_key(feature))
        };
        let mut qualified = Vec::new();
        for feature in features {
            let owners: Vec<&String> = packages
                .iter()
                .filter(|package| has(package, feature))
                .collect();
            if packages.len() < 2 || feature.contains('/') || owners.is_empty() {
                qualified.push(feature.clone());
            } else {
                qualified.extend(owners.iter().map(|owner| format!("{owner}/{feature}")));
            }
        }
        qualified
    }

    /// Refuses a binary whose required features are not activated: cargo itself would skip it and succeed.
    ///
    /// # Errors
    /// [`Error::Project`] that names them.
    pub fn refuse_missing_features(
        &self,
        binary: &RustBinary,
        options: &CargoOptions,
    ) -> Result<()> {
        super::features::refuse_missing(&self.metadata, binary, options)
    }

    /// The directory below which all our files lie.
    pub fn output_root(&self) -> PathBuf {
        self.target_directory.join("slsbuild")
    }
}
