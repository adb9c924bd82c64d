//! What is there: the user's project, as functions to build. Reads manifests, cargo's configuration and the
//! installed toolchain; changes nothing.

pub mod cargo;
pub mod cargo_config;
pub mod config;
mod features;
pub mod go;
pub mod graph;
pub mod include;
pub mod options;
mod select;
pub mod toolchain;

use std::path::PathBuf;

use anyhow::anyhow;
use cargo_metadata::PackageId;

pub use options::{Allocator, CargoOptions, Features, Network, Optimize, Panic};
use toolchain::Rustc;

use crate::error::{Error, Result};
use crate::ui::Ui;

/// One deployable unit: a Rust binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, which is its binary's.
    pub name: String,
    /// The name of the package that holds it.
    pub package: String,
    /// The package as cargo's messages name it.
    pub package_id: PackageId,
    /// The package's directory: includes are relative to it.
    pub directory: PathBuf,
    /// Features without which cargo does not build the binary.
    pub required_features: Vec<String>,
}

/// A cargo workspace and the functions chosen from it.
#[derive(Clone, Debug)]
pub struct Project {
    /// The manifest that was asked for, or found.
    pub manifest: PathBuf,
    /// The workspace's root directory: the outer bound of includes.
    pub workspace_root: PathBuf,
    /// Cargo's target directory.
    pub target_directory: PathBuf,
    /// The manifests of all members, which decide the dependency graph together with the lock file.
    pub member_manifests: Vec<PathBuf>,
    /// The compiler that cargo uses here.
    pub rustc: Rustc,
    /// The functions to build, in the order chosen.
    pub functions: Vec<Function>,
}

impl Project {
    /// Loads the workspace and chooses the functions.
    ///
    /// # Errors
    /// When there is no manifest, cargo refuses it, or it does not hold what was asked for.
    pub fn load(options: &CargoOptions, ui: Ui) -> Result<Self> {
        let manifest = cargo::find_manifest(options.manifest_path.as_deref())?;
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
            workspace_root: metadata.workspace_root.clone().into_std_path_buf(),
            target_directory: metadata.target_directory.clone().into_std_path_buf(),
            member_manifests: metadata
                .workspace_packages()
                .into_iter()
                .map(|package| package.manifest_path.clone().into_std_path_buf())
                .collect(),
            functions: select::functions(&metadata, &manifest, options)?,
            manifest,
            rustc,
        })
    }

    /// The directory below which all our files lie.
    pub fn output_root(&self) -> PathBuf {
        self.target_directory.join("slsbuild")
    }
}
