//! The configuration: `slsbuild.toml`, `[workspace.metadata.slsbuild]` and `[package.metadata.slsbuild]`, one schema, read
//! into what was written and where. What it means together with flags and environment is decided in `settings`.

mod cargo_lambda;
mod checks;
mod document;
mod keys;
mod load;
mod read;
mod schema;
mod table;
mod values;

pub use cargo_lambda::CargoLambda;
pub use checks::name as refuse_bad_name;
pub use load::{FILE, Loaded, Member, WorkspaceManifests, load};
pub use read::{ManifestSections, parse, parse_manifest};
pub use schema::schema;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Allocator, Optimize, Panic};
use crate::artifact::oci::media_type::Compression;
use crate::binary::Strip;
use crate::target::Arch;

/// Where a value stands. `Display` is `FILE:LINE:COLUMN`, which editors open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it is shown.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// All that the project's files say. Empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `slsbuild.toml` or the workspace's section first, then the packages' by their names.
    pub sections: Vec<Section>,
}

impl Config {
    /// Whether functions are named, so that none is looked for.
    pub fn declares_functions(&self) -> bool {
        self.sections
            .iter()
            .any(|section| section.declares_functions)
    }
}

/// One file's, or one manifest's, section.
#[derive(Clone, Debug)]
pub struct Section {
    /// The file, as it is shown.
    pub file: PathBuf,
    /// The directory that its paths are relative to.
    pub directory: PathBuf,
    /// The package whose section it is, if it is one's own.
    pub package: Option<String>,
    /// What holds for every function that does not say otherwise.
    pub defaults: Keys,
    /// The functions, in the order of the file.
    pub functions: Vec<FunctionTable>,
    /// Whether there is a `[functions]` table, which turns discovery off.
    pub declares_functions: bool,
}

/// `[functions.NAME]`.
#[derive(Clone, Debug)]
pub struct FunctionTable {
    /// Its name.
    pub name: Located<String>,
    /// `package`: the Rust package that holds its binary.
    pub package: Option<Located<String>>,
    /// `bin`: the binary's name, where it is not the only one of its package or not the package's name.
    pub bin: Option<Located<String>>,
    /// `go`: the directory of a Go main package.
    pub go: Option<Located<String>>,
    /// `binary`: a file that is built already.
    pub binary: Option<Located<String>>,
    /// `kind`.
    pub kind: Option<Located<Kind>>,
    /// `internal`: of an extension, that it is started by a wrapper from the function's own zip.
    pub internal: Option<Located<bool>>,
    /// Everything that may stand in `[defaults]` too.
    pub keys: Keys,
}

/// What a table makes, and what Lambda makes of its zip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A function: its `bootstrap` is started.
    #[default]
    Function,
    /// A layer whose `extensions/` are started before the function.
    Extension,
    /// A layer of files, which functions find under `/opt`.
    Layer,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Function, Self::Extension, Self::Layer];

    /// As the report tells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Extension => "extension",
            Self::Layer => "layer",
        }
    }
}

/// Who runs an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// AWS Lambda.
    #[default]
    Lambda,
    /// Google Cloud Run.
    CloudRun,
    /// AWS Fargate, or another ECS.
    Fargate,
    /// Anything that runs images.
    Container,
    /// AWS App Runner.
    AppRunner,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 5] = [
        Self::Lambda,
        Self::CloudRun,
        Self::Fargate,
        Self::Container,
        Self::AppRunner,
    ];

    /// As users type it and reports tell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::CloudRun => "cloud-run",
            Self::Fargate => "fargate",
            Self::Container => "container",
            Self::AppRunner => "app-runner",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The keys that may stand in `[defaults]` and in a function's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// `platform = "cloud-run"`.
    pub platform: Option<Located<Platform>>,
    /// `arch = ["arm64", "amd64"]`, never empty.
    pub arch: Option<Located<Vec<Arch>>>,
    /// `runtime = "provided.al2023"`.
    pub runtime: Option<Located<String>>,
    /// `features = ["postgres"]`.
    pub features: Option<Located<Vec<String>>>,
    /// `all-features = true`.
    pub all_features: Option<Located<bool>>,
    /// `no-default-features = true`.
    pub no_default_features: Option<Located<bool>>,
    /// `include = ["templates/**", { from = "a", to = "b" }]`.
    pub include: Option<Located<Vec<Located<Include>>>>,
    /// `layers = ["telemetry"]`: functions of kind layer or extension whose zips the function is deployed with.
    pub layers: Option<Located<Vec<Located<String>>>>,
    /// `extensions = ["profiler"]`: internal extensions that go into the function's own zip.
    pub extensions: Option<Located<Vec<Located<String>>>>,
    /// `budget.zip`, in bytes.
    pub budget_zip: Option<Located<u64>>,
    /// `budget.unzipped`, in bytes.
    pub budget_unzipped: Option<Located<u64>>,
    /// `budget.image`, in bytes.
    pub budget_image: Option<Located<u64>>,
    /// `profile = "release"`.
    pub profile: Option<Located<String>>,
    /// `optimize = "speed"`.
    pub optimize: Option<Located<Optimize>>,
    /// `panic = "abort"`.
    pub panic: Option<Located<Panic>>,
    /// `strip = "symbols"`.
    pub strip: Option<Located<Strip>>,
    /// `target-cpu = "neoverse-n1"`.
    pub target_cpu: Option<Located<String>>,
    /// `allocator = "system"`.
    pub allocator: Option<Located<Allocator>>,
    /// `runtime-archive = false`.
    pub runtime_archive: Option<Located<bool>>,
    /// `pgo.events = ["events/"]`.
    pub pgo_events: Option<Located<Vec<String>>>,
    /// `pgo.repeat = 50`.
    pub pgo_repeat: Option<Located<u32>>,
    /// `pgo.profile = "orders.profdata"`.
    pub pgo_profile: Option<Located<String>>,
    /// `tags = ["netgo"]`, more build tags for go.
    pub tags: Option<Located<Vec<String>>>,
    /// `ldflags = "-X main.version=1"`, more linker flags for go.
    pub ldflags: Option<Located<String>>,
    /// `env.KEY = "value"`: the function's own variables, where it is run here and where its deployment is written.
    pub env: Option<Located<BTreeMap<String, String>>>,
    /// `image.…`: what an image is made of.
    pub image: ImageKeys,
}

/// The keys of the table `image`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageKeys {
    /// `image.base = "distroless"`.
    pub base: Option<Located<String>>,
    /// `image.compression = "gzip"`.
    pub compression: Option<Located<Compression>>,
    /// `image.user = "65532"`.
    pub user: Option<Located<String>>,
    /// `image.workdir = "/app"`.
    pub workdir: Option<Located<String>>,
    /// `image.port = 8080`.
    pub port: Option<Located<Vec<u16>>>,
    /// `image.entrypoint = ["/app/api", "--verbose"]`.
    pub entrypoint: Option<Located<Vec<String>>>,
    /// `image.cmd = ["serve"]`.
    pub cmd: Option<Located<Vec<String>>>,
    /// `image.tag = ["latest"]`.
    pub tag: Option<Located<Vec<String>>>,
    /// `image.label.KEY = "value"`.
    pub label: Option<Located<BTreeMap<String, String>>>,
    /// `image.annotation.KEY = "value"`.
    pub annotation: Option<Located<BTreeMap<String, String>>>,
    /// `image.allow = ["cloud-run/port"]`: rules whose errors are warnings.
    pub allow: Option<Located<Vec<String>>>,
}

/// One entry of `include`. `Display` is the form of `--include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Include {
    /// `"PATH[:TO]"`, as `--include` takes it.
    Path(String),
    /// `{ from = "PATH", to = "TO" }`.
    FromTo {
        /// A file, directory or glob.
        from: String,
        /// Its place in the artifact.
        to: String,
    },
}

impl fmt::Display for Include {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::FromTo { from, to } => write!(f, "{from}:{to}"),
        }
    }
}

#[cfg(test)]
mod tests;
