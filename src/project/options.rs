//! What the user tells cargo through us: which packages and binaries, profile, features, network. The names and
//! meanings are cargo's. Beside it, what the user wants of the compiled code.

use std::path::PathBuf;

/// What cargo is told: selection, profile, features and network.
#[derive(Clone, Debug, Default)]
pub struct CargoOptions {
    /// The manifest, if not the nearest one above the current directory.
    pub manifest_path: Option<PathBuf>,
    /// Packages to choose binaries from; empty: as cargo chooses.
    pub packages: Vec<String>,
    /// Binaries to build; empty: as cargo chooses.
    pub binaries: Vec<String>,
    /// The target directory, if not cargo's own choice.
    pub target_dir: Option<PathBuf>,
    /// The profile's name.
    pub profile: String,
    /// Features to activate.
    pub features: Features,
    /// How far cargo may go.
    pub network: Network,
    /// What can be built is built, also when something fails.
    pub keep_going: bool,
    /// Number of parallel jobs, as the user wrote it.
    pub jobs: Option<String>,
    /// More arguments for `cargo build`.
    pub extra: Vec<String>,
}

/// Features to activate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Features by name (`name`, `package/name`).
    pub names: Vec<String>,
    /// All of them.
    pub all: bool,
    /// Without `default`.
    pub no_default: bool,
}

impl Features {
    /// The flags that tell cargo the same.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if !self.names.is_empty() {
            flags.extend(["--features".to_owned(), self.names.join(",")]);
        }
        flags.extend(self.all.then(|| "--all-features".to_owned()));
        flags.extend(self.no_default.then(|| "--no-default-features".to_owned()));
        flags
    }
}

/// How far cargo may go: the lock file and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Cargo.lock must be up to date.
    pub locked: bool,
    /// The network is not touched.
    pub offline: bool,
}

impl Network {
    /// The flags that tell cargo the same.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        self.locked
            .then_some("--locked")
            .into_iter()
            .chain(self.offline.then_some("--offline"))
    }
}

/// What the optimizer aims at, where the crate's own profile does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimize {
    /// opt-level z.
    Size,
    /// opt-level s.
    Balanced,
    /// opt-level 3.
    Speed,
}

/// What a panic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panic {
    /// The stack unwinds: one bad request does not end the others.
    Unwind,
    /// The process aborts.
    Abort,
}

/// The allocator of static binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// That of the runtime archive.
    Dlmalloc,
    /// musl's own.
    System,
}
