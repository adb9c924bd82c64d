//! What is deployed as one unit, and where its code comes from.

use std::path::PathBuf;

use cargo_metadata::PackageId;

use super::config::Kind;

/// One deployable unit: a function, an extension or a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name: what the configuration calls it, else its binary's or its Go package's.
    pub name: String,
    /// What it is deployed as.
    pub kind: Kind,
    /// Of an extension, that it goes into functions' own zips and has no artifact of its own.
    pub internal: bool,
    /// Where its code comes from.
    pub source: Source,
    /// The directory that its includes are relative to.
    pub directory: PathBuf,
    /// The directory that no include reaches beyond.
    pub bounds: PathBuf,
}

/// Where a unit's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A binary of the cargo workspace.
    Rust(RustBinary),
    /// The directory of a Go main package.
    Go(PathBuf),
    /// A file that is built already; `{arch}` in its path stands for the arch.
    Ready(PathBuf),
    /// Nowhere: it has no code, only includes.
    Files,
}

/// A binary of a cargo workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RustBinary {
    /// Its name.
    pub name: String,
    /// The name of the package that holds it.
    pub package: String,
    /// The package as cargo's messages name it.
    pub package_id: PackageId,
    /// The package's version.
    pub version: String,
    /// The package's directory.
    pub directory: PathBuf,
    /// Features without which cargo does not build it.
    pub required_features: Vec<String>,
}

impl Function {
    /// A binary of the workspace at `root` as a function of its name.
    pub fn of_binary(binary: RustBinary, root: PathBuf) -> Self {
        Self {
            name: binary.name.clone(),
            kind: Kind::Function,
            internal: false,
            directory: binary.directory.clone(),
            bounds: root,
            source: Source::Rust(binary),
        }
    }

    /// Its version, where its source says one.
    pub fn version(&self) -> Option<&str> {
        self.binary().map(|binary| binary.version.as_str())
    }

    /// The Rust binary that it is built from, if it is.
    pub fn binary(&self) -> Option<&RustBinary> {
        match &self.source {
            Source::Rust(binary) => Some(binary),
            Source::Go(_) | Source::Ready(_) | Source::Files => None,
        }
    }
}
