//! What the user's cargo configuration says about a build: rustflags and linker of each target, and the profile
//! keys that the user set. Files, environment and manifest, in cargo's own order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cargo_config2::{Config, Walk};
use toml::{Table, Value};

use crate::error::{Error, Names, Result, did_you_mean};
use crate::fs;
use crate::target::Target;

/// A manifest or configuration file beyond this size is refused.
const MAX_FILE: u64 = 16 << 20;

/// The profile keys that slsbuild sets where the user does not.
const KEYS: [&str; 6] = [
    "opt-level",
    "lto",
    "codegen-units",
    "panic",
    "strip",
    "debug",
];

/// What the user configured for one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetConfig {
    /// The rustflags that cargo would use: from exactly one of its four sources.
    pub rustflags: Vec<String>,
    /// The linker that the user chose, in configuration, environment or rustflags.
    pub linker: Option<String>,
}

/// Reads what the user configured for a target.
///
/// # Errors
/// When a configuration file cannot be read.
pub fn target(target: Target) -> Result<TargetConfig> {
    let context = "cargo's configuration cannot be read";
    let config = Config::load().context(context)?;
    let resolved = config.target(target.triple()).context(context)?;
    let rustflags = resolved
        .rustflags
        .map(|flags| flags.flags)
        .unwrap_or_default();
    let linker = resolved
        .linker
        .map(|linker| linker.display().to_string())
        .or_else(|| codegen_option(&rustflags, "linker"));
    Ok(TargetConfig { rustflags, linker })
}

/// What rustflags say of a codegen option, by `-C name=…` in any spelling; the last one counts.
pub fn codegen_option(rustflags: &[String], name: &str) -> Option<String> {
    let mut options = Vec::new();
    let mut flags = rustflags.iter().map(String::as_str);
    while let Some(flag) = flags.next() {
        if flag == "-C" || flag == "--codegen" {
            options.extend(flags.next());
        } else {
            options.extend(
                flag.strip_prefix("-C")
                    .or_else(|| flag.strip_prefix("--codegen=")),
            );
        }
    }
    // rustc takes `target_cpu` for `target-cpu`.
    let of_that_name = |option: &str| {
        let (own, value) = option.split_once('=')?;
        (own.replace('_', "-") == name).then(|| value.to_owned())
    };
    options.into_iter().filter_map(of_that_name).next_back()
}

/// Cargo's home, where the sources of dependencies lie.
pub fn cargo_home() -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()?.join(".cargo"),
    };
    std::path::absolute(home).ok()
}

/// A profile as the user defined it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Whether it is `release` or inherits from it.
    pub is_release: bool,
    /// The keys that the user set, here or in a profile it inherits from, of those that slsbuild would set.
    pub keys: BTreeMap<&'static str, Value>,
}

/// Reads the profile `name`.
///
/// # Errors
/// [`Error::Project`] when no such profile is defined.
pub fn profile(name: &str, workspace_root: &Path) -> Result<Profile> {
    let directory = std::env::current_dir().context("the current directory is gone")?;
    let mut sources: Vec<Table> = Vec::new();
    // Cargo's order: environment, configuration from the innermost directory outwards, manifest.
    for file in Walk::new(&directory) {
        sources.extend(profiles(&file)?);
    }
    sources.extend(profiles(&workspace_root.join("Cargo.toml"))?);
    resolve(name, &sources, |variable| std::env::var(variable).ok())
}

/// The `[profile]` table of a TOML file, if it has one.
fn profiles(file: &Path) -> Result<Option<Table>> {
    let bytes = fs::read_bounded(file, MAX_FILE)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut table: Table = text
        .trim_start_matches('\u{feff}')
        .parse()
        .with_context(|| format!("`{}` is no TOML", file.display()))?;
    Ok(match table.remove("profile") {
        Some(Value::Table(profiles)) => Some(profiles),
        _ => None,
    })
}

fn resolve(
    name: &str,
    sources: &[Table],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Profile> {
    let lookup = |profile: &str, key: &str| -> Option<Value> {
        let variable = format!("CARGO_PROFILE_{profile}_{key}")
            .replace('-', "_")
            .to_uppercase();
        environment(&variable)
            .map(|text| text.parse::<Value>().unwrap_or(Value::String(text)))
            .or_else(|| {
                sources
                    .iter()
                    .find_map(|source| source.get(profile)?.as_table()?.get(key))
                    .cloned()
            })
    };
    let mut keys = BTreeMap::new();
    let mut current = name.to_owned();
    // Cargo refuses cycles; the bound only keeps us from following one.
    for _ in 0..16 {
        for key in KEYS {
            if let Some(value) = lookup(&current, key) {
                keys.entry(key).or_insert(value);
            }
        }
        current = match (current.as_str(), lookup(&current, "inherits")) {
            ("release", _) | ("bench", None) => {
                return Ok(Profile {
                    name: name.to_owned(),
                    is_release: true,
                    keys,
                });
            }
            ("dev" | "test", _) => {
                return Ok(Profile {
                    name: name.to_owned(),
                    is_release: false,
                    keys,
                });
            }
            (_, Some(Value::String(parent))) => parent,
            _ => break,
        };
    }
    Err(undefined(name, sources))
}

fn undefined(name: &str, sources: &[Table]) -> Error {
    let mut known: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.keys().map(String::as_str))
        .collect();
    known.extend(["release", "dev"]);
    known.sort_unstable();
    known.dedup();
    Error::Project {
        message: format!(
            "profile `{name}` is not defined; there is {}",
            Names(&known)
        ),
        hint: did_you_mean(name, &known)
            .or_else(|| Some("slsbuild zip --profile release".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn a_custom_profile_has_the_keys_of_those_it_inherits_from() {
        let manifest = table(
            "[release]\nlto = true\npanic = 'abort'\n[lambda]\ninherits = 'release'\nlto = 'thin'",
        );
        let profile = resolve("lambda", &[manifest], |_| None).unwrap();
        assert!(profile.is_release);
        assert_eq!(profile.keys["lto"], Value::String("thin".to_owned()));
        assert_eq!(profile.keys["panic"], Value::String("abort".to_owned()));
        assert!(!profile.keys.contains_key("strip"));
    }

    #[test]
    fn the_environment_beats_configuration_which_beats_the_manifest() {
        let sources = [
            table("[release]\nopt-level = 2"),
            table("[release]\nopt-level = 1\ndebug = 1"),
        ];
        let from_files = resolve("release", &sources, |_| None).unwrap();
        assert_eq!(from_files.keys["opt-level"], Value::Integer(2));
        assert_eq!(from_files.keys["debug"], Value::Integer(1));
        let environment =
            |name: &str| (name == "CARGO_PROFILE_RELEASE_OPT_LEVEL").then(|| "s".to_owned());
        let from_environment = resolve("release", &sources, environment).unwrap();
        assert_eq!(
            from_environment.keys["opt-level"],
            Value::String("s".to_owned())
        );
    }

    #[test]
    fn an_undefined_profile_is_named_before_cargo_runs() {
        let manifest = table("[lambda]\ninherits = 'release'");
        let error = resolve("lamda", &[manifest], |_| None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "profile `lamda` is not defined; there is `dev`, `lambda` and `release`"
        );
        assert_eq!(error.hint().unwrap(), "did you mean `lambda`?");
        let cycle = table("[a]\ninherits = 'b'\n[b]\ninherits = 'a'");
        assert!(resolve("a", &[cycle], |_| None).is_err());
    }

    #[test]
    fn a_linker_in_rustflags_is_found_in_every_spelling() {
        let flags = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|flag| (*flag).to_owned()).collect();
            codegen_option(&list, "linker")
        };
        assert_eq!(flags(&["-C", "linker=clang"]).unwrap(), "clang");
        assert_eq!(
            flags(&["-Clinker=clang", "-Copt-level=3"]).unwrap(),
            "clang"
        );
        assert_eq!(flags(&["-C", "link-arg=-s"]), None);
        assert_eq!(flags(&["-C", "linker=a", "-Clinker=b"]).unwrap(), "b");
        assert_eq!(
            flags(&["-Clinker=b", "--codegen", "linker=a"]).unwrap(),
            "a"
        );
        let cpu = ["-Ctarget_cpu=znver3".to_owned()];
        assert_eq!(codegen_option(&cpu, "target-cpu").unwrap(), "znver3");
    }
}
