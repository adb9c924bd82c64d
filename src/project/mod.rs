//! What is there: the user's project, as functions to build. Reads manifests, the configuration, cargo's own
//! configuration and the installed toolchain; changes nothing.

pub mod cargo;
pub mod cargo_config;
pub mod config;
mod features;
mod function;
pub mod go;
pub mod graph;
pub mod include;
pub mod lock;
pub mod options;
mod select;
pub mod toolchain;
mod workspace;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::ui::Ui;

use config::{CargoLambda, Config};
pub use function::{Function, RustBinary, Source};
pub use options::{Allocator, CargoOptions, Features, Network, Optimize, Panic};
pub use workspace::Workspace;

/// The output directory of a project without a cargo workspace.
pub const OUTPUT_BESIDE: &str = ".slsbuild";

/// The user's project.
#[derive(Clone, Debug)]
pub struct Project {
    /// What its files say.
    pub config: Config,
    /// What packages say to cargo-lambda, by their names, where there is no section of ours at all.
    pub cargo_lambda: BTreeMap<String, CargoLambda>,
    /// The cargo workspace, if there is one.
    pub workspace: Option<Workspace>,
    /// Its directory: of `slsbuild.toml`, else the workspace's, else the Go module's, else the current one.
    pub directory: PathBuf,
}

impl Project {
    /// Loads what is there. `config` is the configuration file that was asked for.
    ///
    /// # Errors
    /// When cargo refuses the manifest, or a file says what cannot be meant.
    pub fn load(options: &CargoOptions, config: Option<&Path>, ui: Ui) -> Result<Self> {
        let here = std::env::current_dir()?;
        let manifest = match cargo::find_manifest(options.manifest_path.as_deref()) {
            Ok(manifest) => Some(manifest),
            Err(Error::NoManifest { .. }) => None,
            Err(error) => return Err(error),
        };
        let start = match (&options.manifest_path, &manifest) {
            (Some(_), Some(manifest)) => manifest.parent().unwrap_or(&here).to_owned(),
            _ => here.clone(),
        };
        let workspace = manifest
            .map(|manifest| Workspace::load(manifest, options, ui))
            .transpose()?;
        let loaded = config::load(
            config,
            &start,
            workspace.as_ref().map(Workspace::manifests).as_ref(),
        )?;
        let file = loaded.file.as_deref().and_then(Path::parent);
        let root = workspace.as_ref().map(|workspace| workspace.root.as_path());
        Ok(Self {
            directory: file
                .or(root)
                .map_or_else(|| go::module_around(&here), Path::to_owned),
            config: loaded.config,
            cargo_lambda: loaded.cargo_lambda,
            workspace,
        })
    }

    /// The cargo workspace.
    ///
    /// # Errors
    /// [`Error::NoManifest`] when there is none.
    pub fn workspace(&self) -> Result<&Workspace> {
        self.workspace.as_ref().ok_or_else(|| Error::NoManifest {
            directory: self.directory.clone(),
        })
    }

    /// The directory below which all our files lie: in cargo's target directory, else beside the project.
    pub fn output_root(&self) -> PathBuf {
        match &self.workspace {
            Some(workspace) => workspace.output_root(),
            None => self.directory.join(OUTPUT_BESIDE),
        }
    }
}

/// A path with `.` and `..` resolved in the text alone, as cargo does with `--manifest-path`: the same on every machine,
/// whatever is a link.
pub fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
