//! Settings: what the flags, the environment and the configuration mean, decided once: no later room that builds sees a flag.
//! What holds for a whole run is here, what holds for one function is `function.rs`'s, single values are `values.rs`'s.

mod function;
mod image;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::artifact::zip::DosTime;
use crate::binary::Strip;
use crate::cli::{self, BuildArgs, CargoArgs, ImageArgs, ZipArgs};
use crate::error::{Error, Result};
use crate::project::config::Platform;
use crate::project::{Allocator, CargoOptions, Features, Network, Optimize, Panic};
use crate::target::Target;

pub use function::{Budget, Compile, FunctionSettings, Layer, Origin, PGO_REPEAT, Pgo};
pub use image::{ImageOverrides, ImageSettings};
pub use values::parse_arch;

/// What holds for a whole run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What flags and environment say of every function.
    pub overrides: Overrides,
    /// The configuration file that was asked for, absolute.
    pub config: Option<PathBuf>,
    /// The directory of what is kept between projects.
    pub cache: PathBuf,
    /// The time that every entry of a zip carries.
    pub modified: DosTime,
    /// The time that an image carries, in seconds since 1970: that of `SOURCE_DATE_EPOCH`, else 0.
    pub epoch: u64,
    /// The output directory, if one is asked for.
    pub out_dir: Option<PathBuf>,
    /// Whose layout the artifacts are written in.
    pub layout: Layout,
    /// What cargo is told; its profile and features are each function's own.
    pub cargo: CargoOptions,
}

/// Whose layout the artifacts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Our own.
    Slsbuild,
    /// cargo-lambda's beside it.
    CargoLambda,
}

/// What `zip` is asked to build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Binaries of the cargo workspace.
    Rust,
    /// The Go main package in a directory, under this name if one is given.
    Go(PathBuf, Option<String>),
    /// A binary that is there, under this name if one is given.
    Binary(PathBuf, Option<String>),
}

impl From<&ZipArgs> for Asked {
    fn from(arguments: &ZipArgs) -> Self {
        match (&arguments.go, &arguments.binary) {
            (Some(go), _) => Self::Go(go.clone(), arguments.name.clone()),
            (None, Some(binary)) => Self::Binary(binary.clone(), arguments.name.clone()),
            (None, None) => Self::Rust,
        }
    }
}

/// What flags and environment say of every function of this call: it beats what files say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The targets; empty: nothing is said.
    pub targets: Vec<Target>,
    /// The Lambda runtime's name.
    pub runtime: Option<String>,
    /// Cargo's profile.
    pub profile: Option<String>,
    /// Cargo's features.
    pub features: Features,
    /// What the optimizer aims at.
    pub optimize: Option<Optimize>,
    /// What a panic does.
    pub panic: Option<Panic>,
    /// What is stripped.
    pub strip: Option<Strip>,
    /// The CPU to compile for.
    pub target_cpu: Option<String>,
    /// The allocator of static binaries.
    pub allocator: Option<Allocator>,
    /// Whether the runtime archive is linked.
    pub runtime_archive: Option<bool>,
    /// Where the optimizer learns.
    pub pgo: Option<Pgo>,
    /// Build tags for go.
    pub tags: Option<Vec<String>>,
    /// Linker flags for go.
    pub ldflags: Option<String>,
    /// Includes as they were typed; empty: nothing is said.
    pub includes: Vec<String>,
    /// What is said of images.
    pub image: ImageOverrides,
    /// Who runs it, where nothing is said.
    pub usual_platform: Platform,
    /// The keys that a variable of the environment said.
    pub from_environment: BTreeSet<&'static str>,
}

impl Overrides {
    /// Where the value of a key that is said came from.
    pub fn origin(&self, key: &str) -> Origin {
        if self.from_environment.contains(key) {
            Origin::Environment
        } else {
            Origin::Flag
        }
    }
}

impl Settings {
    /// Decides what the flags of a building verb mean.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value that slsbuild does not know, [`Error::Rejected`] for an arch that Lambda does not run.
    pub fn resolve(arguments: &BuildArgs) -> Result<Self> {
        Ok(Self {
            overrides: overrides(arguments)?,
            config: given_path(arguments.config.as_deref())
                .map(std::path::absolute)
                .transpose()?,
            cache: cache_directory()?,
            modified: source_date_epoch()?,
            epoch: epoch()?,
            out_dir: given_path(arguments.out_dir.as_deref()).map(Path::to_owned),
            layout: match arguments.layout {
                None | Some(cli::Layout::Slsbuild) => Layout::Slsbuild,
                Some(cli::Layout::CargoLambda) => Layout::CargoLambda,
            },
            cargo: cargo_options(&arguments.cargo)?,
        })
    }

    /// The same of the flags of `image`.
    ///
    /// # Errors
    /// As for [`Self::resolve`], and for values of images that cannot be meant.
    pub fn resolve_image(arguments: &ImageArgs) -> Result<Self> {
        let mut settings = Self::resolve(&arguments.zip.build)?;
        settings.overrides.image = ImageOverrides::resolve(arguments)?;
        settings.overrides.usual_platform = Platform::Container;
        Ok(settings)
    }
}

/// The time of `SOURCE_DATE_EPOCH` in seconds, else 0; [`source_date_epoch`] has refused what is no time.
fn epoch() -> Result<u64> {
    let value = std::env::var("SOURCE_DATE_EPOCH").unwrap_or_default();
    match value.as_str() {
        "" => Ok(0),
        seconds => seconds.parse().map_err(|_| Error::Usage {
            message: format!("`SOURCE_DATE_EPOCH={seconds}` is no number of seconds since 1970"),
            hint: Some("SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) slsbuild image".to_owned()),
        }),
    }
}

/// A text that says something: an empty variable of the environment is one that is not set.
fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// The same for a path.
fn given_path(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}

fn overrides(arguments: &BuildArgs) -> Result<Overrides> {
    let arches = values::arches(&arguments.arch, &arguments.target);
    let mut overrides = Overrides {
        targets: values::targets(&arches, &arguments.target)?,
        runtime: given(arguments.runtime.as_ref()),
        profile: given(arguments.cargo.profile.as_ref()),
        features: features(&arguments.cargo),
        optimize: arguments.optimize.map(|aim| match aim {
            cli::Optimize::Size => Optimize::Size,
            cli::Optimize::Balanced => Optimize::Balanced,
            cli::Optimize::Speed => Optimize::Speed,
        }),
        panic: arguments.panic.map(|panic| match panic {
            cli::Panic::Unwind => Panic::Unwind,
            cli::Panic::Abort => Panic::Abort,
        }),
        strip: arguments.strip.map(|strip| match strip {
            cli::Strip::Symbols => Strip::Symbols,
            cli::Strip::Debuginfo => Strip::Debuginfo,
            cli::Strip::None => Strip::None,
        }),
        target_cpu: values::target_cpu(arguments.target_cpu.as_deref())?,
        allocator: arguments.allocator.map(|allocator| match allocator {
            cli::Allocator::Dlmalloc => Allocator::Dlmalloc,
            cli::Allocator::System => Allocator::System,
        }),
        runtime_archive: arguments
            .runtime_archive
            .map(|switch| switch == cli::Switch::On),
        pgo: values::pgo(arguments)?,
        tags: Some(arguments.tags.clone()).filter(|tags| tags.iter().any(|tag| !tag.is_empty())),
        ldflags: arguments.ldflags.clone().filter(|flags| !flags.is_empty()),
        includes: arguments.include.clone(),
        image: ImageOverrides::default(),
        usual_platform: Platform::Lambda,
        from_environment: BTreeSet::new(),
    };
    overrides.from_environment = from_environment(arguments);
    Ok(overrides)
}

/// The keys of settings that a variable said, as clap tells them by its own names.
fn from_environment(arguments: &BuildArgs) -> BTreeSet<&'static str> {
    const KEYS: [(&str, &str); 14] = [
        ("runtime", "runtime"),
        ("optimize", "optimize"),
        ("panic", "panic"),
        ("strip", "strip"),
        ("target_cpu", "target-cpu"),
        ("allocator", "allocator"),
        ("runtime_archive", "runtime-archive"),
        ("profile", "profile"),
        ("features", "features"),
        ("tags", "tags"),
        ("ldflags", "ldflags"),
        ("platform", "platform"),
        ("base", "image.base"),
        ("compression", "image.compression"),
    ];
    let said = |id: &str| arguments.from_environment.iter().any(|said| said == id);
    let keys = KEYS.iter().filter(|(id, _)| said(id)).map(|(_, key)| *key);
    let by_arch = arguments.arch.is_empty() && arguments.target.is_empty();
    keys.chain(by_arch.then_some("arch")).collect()
}

fn features(arguments: &CargoArgs) -> Features {
    let separators = |c: char| c == ',' || c.is_whitespace();
    let names = arguments
        .features
        .iter()
        .flat_map(|list| list.split(separators));
    Features {
        names: names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        all: arguments.all_features,
        no_default: arguments.no_default_features,
    }
}

/// Where slsbuild keeps what every project can use: `SLSBUILD_CACHE_DIR`, else the user's cache directory
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
///
/// # Errors
/// [`Error::Usage`] where there is no such directory.
pub fn cache_directory() -> Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let chosen = variable("SLSBUILD_CACHE_DIR")
        // A relative one is to be ignored, says the specification.
        .or_else(|| {
            Some(
                variable("XDG_CACHE_HOME")
                    .filter(|path| path.is_absolute())?
                    .join("slsbuild"),
            )
        })
        .or_else(|| Some(std::env::home_dir()?.join(".cache").join("slsbuild")))
        .ok_or_else(|| Error::Usage {
            message: "there is no home directory to keep a cache in".to_owned(),
            hint: Some("name one: SLSBUILD_CACHE_DIR=/var/cache/slsbuild slsbuild zip".to_owned()),
        })?;
    Ok(std::path::absolute(chosen)?)
}

fn cargo_options(arguments: &CargoArgs) -> Result<CargoOptions> {
    refuse_contradictions(&arguments.extra)?;
    Ok(CargoOptions {
        manifest_path: arguments.manifest_path.clone(),
        packages: arguments.package.clone(),
        binaries: arguments.bin.clone(),
        target_dir: arguments.target_dir.clone(),
        profile: String::new(),
        features: Features::default(),
        network: Network {
            locked: arguments.locked || arguments.frozen,
            offline: arguments.offline || arguments.frozen,
        },
        keep_going: arguments.keep_going,
        jobs: arguments.jobs.clone(),
        extra: arguments.extra.clone(),
    })
}

/// Refuses arguments for cargo that would make the plan, and the report, say what is not so.
fn refuse_contradictions(extra: &[String]) -> Result<()> {
    const OURS: [&str; 9] = [
        "--target",
        "--target-dir",
        "--profile",
        "--release",
        "--manifest-path",
        "--package",
        "--bin",
        "--features",
        "--message-format",
    ];
    for argument in extra {
        let flag = argument.split('=').next().unwrap_or_default();
        let (cause, hint) = if argument.contains("rustflags") {
            (
                "would have no effect: slsbuild hands cargo all rustflags together",
                "put them into .cargo/config.toml, or into the environment: RUSTFLAGS='…' slsbuild zip",
            )
        } else if argument.contains("profile.") {
            (
                "would change the profile behind the plan",
                "set it in Cargo.toml, or for one run: CARGO_PROFILE_RELEASE_LTO=false slsbuild zip",
            )
        } else if OURS.contains(&flag) {
            (
                "is a flag of slsbuild's own",
                "put it before the `--`; see slsbuild zip --help",
            )
        } else {
            continue;
        };
        return Err(Error::Usage {
            message: format!("`{argument}` among cargo's arguments {cause}"),
            hint: Some(hint.to_owned()),
        });
    }
    Ok(())
}

/// The time of `SOURCE_DATE_EPOCH` (<https://reproducible-builds.org/specs/source-date-epoch/>), or the default.
fn source_date_epoch() -> Result<DosTime> {
    let value =
        std::env::var_os("SOURCE_DATE_EPOCH").map(|value| value.to_string_lossy().into_owned());
    DosTime::from_source_date_epoch(value.as_deref().filter(|value| !value.is_empty()))
}
