//! Settings: what the flags and the environment mean, decided once. No later room sees a flag.

use std::path::PathBuf;

use crate::artifact::zip::DosTime;
use crate::binary::Strip;
use crate::cli::{self, BuildArgs, CargoArgs};
use crate::error::{Error, Names, Result, did_you_mean};
use crate::platform::lambda::Runtime;
use crate::project::{Allocator, CargoOptions, Features, Network, Optimize, Panic};
use crate::target::{Arch, Target};

/// Where the optimizer learns how the function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pgo {
    /// From events that the function is run with first.
    Train {
        /// Files and directories of events, as the user wrote them.
        events: Vec<PathBuf>,
        /// How often each is run.
        repeat: u32,
        /// Variables of the function's environment, as `KEY=VALUE`.
        environment: Vec<String>,
        /// Where the profile is kept, if the user wants it.
        out: Option<PathBuf>,
    },
    /// From a profile that was made before.
    Use(PathBuf),
}

/// Everything that decides what is built and where it is put.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The targets, without repetition, in the order asked for.
    pub targets: Vec<Target>,
    /// The Lambda runtime that the artifact must run on.
    pub runtime: Runtime,
    /// What the optimizer aims at, if the user said it on this call.
    pub optimize: Option<Optimize>,
    /// What a panic does, if the user said it on this call.
    pub panic: Option<Panic>,
    /// What is stripped, if the user said it on this call.
    pub strip: Option<Strip>,
    /// The CPU to compile for, if the user said it on this call.
    pub target_cpu: Option<String>,
    /// The allocator of static binaries.
    pub allocator: Allocator,
    /// Whether the runtime archive is linked into static binaries.
    pub runtime_archive: bool,
    /// Where the optimizer learns how the function runs, if it is to.
    pub pgo: Option<Pgo>,
    /// The directory of what is kept between projects.
    pub cache: PathBuf,
    /// Includes as the user wrote them.
    pub includes: Vec<String>,
    /// The time that every entry of an artifact carries.
    pub modified: DosTime,
    /// The flat output directory, if one is asked for.
    pub out_dir: Option<PathBuf>,
    /// What cargo is told.
    pub cargo: CargoOptions,
}

impl Settings {
    /// Decides what the flags of a building verb mean.
    ///
    /// # Errors
    /// [`Error::Usage`] for a value that slsbuild does not know, [`Error::Rejected`] for an arch that Lambda does not run.
    pub fn resolve(arguments: &BuildArgs) -> Result<Self> {
        Ok(Self {
            targets: targets(&arches(arguments), &arguments.target)?,
            runtime: Runtime::parse(&arguments.runtime)?,
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
            target_cpu: target_cpu(arguments.target_cpu.as_deref())?,
            allocator: match arguments.allocator {
                cli::Allocator::Dlmalloc => Allocator::Dlmalloc,
                cli::Allocator::System => Allocator::System,
            },
            runtime_archive: arguments.runtime_archive == cli::Switch::On,
            pgo: pgo(arguments)?,
            cache: cache_directory()?,
            includes: arguments.include.clone(),
            modified: source_date_epoch()?,
            out_dir: arguments.out_dir.clone(),
            cargo: cargo_options(&arguments.cargo)?,
        })
    }
}

/// A CPU by its name: `native` would be another one on every machine.
fn target_cpu(name: Option<&str>) -> Result<Option<String>> {
    match name {
        Some("native") => Err(Error::Usage {
            message: "`--target-cpu native` is another CPU on every machine".to_owned(),
            hint: Some("name it: rustc --print target-cpus".to_owned()),
        }),
        Some("") | None => Ok(None),
        Some(name) => Ok(Some(name.to_owned())),
    }
}

fn pgo(arguments: &BuildArgs) -> Result<Option<Pgo>> {
    let is_variable = |text: &&String| text.find('=').is_some_and(|equals| equals > 0);
    if let Some(text) = arguments.pgo_env.iter().find(|text| !is_variable(text)) {
        return Err(Error::Usage {
            message: format!("`--pgo-env {text}` is not of the form `KEY=VALUE`"),
            hint: Some("slsbuild zip --pgo EVENTS --pgo-env KEY=VALUE".to_owned()),
        });
    }
    if !arguments.pgo.is_empty() {
        return Ok(Some(Pgo::Train {
            events: arguments.pgo.clone(),
            repeat: arguments.pgo_repeat,
            environment: arguments.pgo_env.clone(),
            out: arguments.pgo_out.clone(),
        }));
    }
    Ok(arguments.pgo_profile.clone().map(Pgo::Use))
}

/// Where slsbuild keeps what every project can use: `SLSBUILD_CACHE_DIR`, else the user's cache directory
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
fn cache_directory() -> Result<PathBuf> {
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
    let separators = |c: char| c == ',' || c.is_whitespace();
    let names = arguments
        .features
        .iter()
        .flat_map(|list| list.split(separators));
    Ok(CargoOptions {
        manifest_path: arguments.manifest_path.clone(),
        packages: arguments.package.clone(),
        binaries: arguments.bin.clone(),
        target_dir: arguments.target_dir.clone(),
        profile: arguments.profile.clone(),
        features: Features {
            names: names
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            all: arguments.all_features,
            no_default: arguments.no_default_features,
        },
        network: Network {
            locked: arguments.locked || arguments.frozen,
            offline: arguments.offline || arguments.frozen,
        },
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

/// `--arch`, else the environment's: a flag of either kind beats it.
fn arches(arguments: &BuildArgs) -> Vec<String> {
    if !arguments.arch.is_empty() || !arguments.target.is_empty() {
        return arguments.arch.clone();
    }
    let list = std::env::var("SLSBUILD_ARCH").unwrap_or_default();
    list.split(',')
        .map(str::trim)
        .filter(|arch| !arch.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The targets of `--arch` or `--target`, else of `SLSBUILD_ARCH`; Lambda's arm64 when none is given.
fn targets(arches: &[String], triples: &[String]) -> Result<Vec<Target>> {
    let asked: Vec<Target> = if triples.is_empty() {
        arches
            .iter()
            .map(|arch| parse_arch(arch).map(Target::musl))
            .collect::<Result<_>>()?
    } else {
        triples
            .iter()
            .map(|triple| parse_triple(triple))
            .collect::<Result<_>>()?
    };
    let mut targets = Vec::new();
    for target in asked {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.is_empty() {
        targets.push(Target::musl(Arch::Arm64));
    }
    Ok(targets)
}

/// The arch that a user typed: one of ours, `host`, or a name from elsewhere that means one of ours.
///
/// # Errors
/// [`Error::Usage`] for a name that means none.
pub fn parse_arch(name: &str) -> Result<Arch> {
    if let Some(arch) = Arch::from_name(name) {
        return Ok(arch);
    }
    match name {
        "host" => Arch::host().ok_or_else(|| Error::Usage {
            message: format!(
                "arch `host` is `{}` here, which Lambda does not run",
                std::env::consts::ARCH
            ),
            hint: Some("name one: --arch arm64".to_owned()),
        }),
        other => Err(Error::Usage {
            message: format!(
                "unknown arch `{other}`: slsbuild builds for `arm64`, `amd64` and `host`"
            ),
            hint: Some(
                did_you_mean(other, &["arm64", "amd64", "host"])
                    .unwrap_or_else(|| "--arch arm64".to_owned()),
            ),
        }),
    }
}

fn parse_triple(triple: &str) -> Result<Target> {
    Target::from_triple(triple).ok_or_else(|| {
        let known = Target::ALL.map(Target::triple);
        Error::Usage {
            message: format!(
                "unknown target `{triple}`: slsbuild builds for {}",
                Names(&known)
            ),
            hint: Some(
                did_you_mean(triple, &known)
                    .unwrap_or_else(|| format!("--target {}", Target::musl(Arch::Arm64))),
            ),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(list: &[&str]) -> Vec<String> {
        list.iter().map(|item| (*item).to_owned()).collect()
    }

    #[test]
    fn the_default_is_lambdas_arm64() {
        assert_eq!(targets(&[], &[]).unwrap(), [Target::musl(Arch::Arm64)]);
    }

    #[test]
    fn an_arch_asked_for_twice_is_built_once() {
        let both = [Target::musl(Arch::Amd64), Target::musl(Arch::Arm64)];
        assert_eq!(
            targets(&owned(&["amd64", "arm64", "x86_64"]), &[]).unwrap(),
            both
        );
    }

    #[test]
    fn an_unknown_arch_is_a_usage_error_with_the_known_ones() {
        let error = targets(&owned(&["armv7"]), &[]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "unknown arch `armv7`: slsbuild builds for `arm64`, `amd64` and `host`"
        );
    }

    #[test]
    fn a_triple_is_one_of_four() {
        assert_eq!(
            targets(&[], &owned(&["aarch64-unknown-linux-gnu"])).unwrap()[0].directory(),
            "arm64-gnu"
        );
        let error = targets(&[], &owned(&["aarch64-linux-musl"])).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
