//! Which binaries become functions: chosen as cargo chooses, and, where cargo would build several, those that
//! are Lambda functions. Pure: it only reads metadata.

use std::collections::BTreeSet;
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, Package};

use super::{CargoOptions, RustBinary};
use crate::error::{Error, Names, Result, did_you_mean};

/// Crates that speak Lambda's Runtime API for a function. A package that depends on one, directly or through
/// packages of its workspace, holds Lambda functions.
const RUNTIME_CRATES: [&str; 6] = [
    "lambda_runtime",
    "lambda_http",
    "lambda-web",
    "poem-lambda",
    "warp_lambda",
    "axum-aws-lambda",
];

/// Who asks for a binary: hints are in the asker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// Flags.
    CommandLine,
    /// A function's table.
    Table,
}

impl Asker {
    /// How this very binary is asked for.
    fn asks(self, package: &str, bin: &str) -> String {
        match self {
            Self::CommandLine => format!("slsbuild zip --package {package} --bin {bin}"),
            Self::Table => format!("package = \"{package}\" and bin = \"{bin}\""),
        }
    }

    /// How another name is given.
    fn instead(self, key: &str, names: &[&str]) -> Option<String> {
        match self {
            Self::CommandLine => None,
            Self::Table => names.first().map(|name| format!("{key} = \"{name}\"")),
        }
    }
}

/// Chooses the functions to build.
///
/// # Errors
/// [`Error::Project`] when what was asked for is not there or is there twice.
pub(super) fn functions(
    metadata: &Metadata,
    manifest: &Path,
    options: &CargoOptions,
) -> Result<Vec<RustBinary>> {
    let asker = Asker::CommandLine;
    let packages = packages(metadata, manifest, &options.packages, asker)?;
    let candidates: Vec<RustBinary> = packages
        .iter()
        .flat_map(|package| binaries(package))
        .collect();
    let chosen = if options.binaries.is_empty() {
        discover(metadata, &packages, candidates)?
    } else {
        named(metadata, &candidates, &options.binaries, asker)?
    };
    refuse_twins(&chosen, asker)?;
    Ok(chosen)
}

/// The binary that a function's table means.
///
/// # Errors
/// [`Error::Project`] when there is none, or one of several could be meant.
pub(super) fn of_table(
    metadata: &Metadata,
    package: Option<&str>,
    bin: Option<&str>,
    function: &str,
) -> Result<RustBinary> {
    let specs: Vec<String> = package.map(str::to_owned).into_iter().collect();
    let packages = match package {
        Some(_) => packages(metadata, Path::new(""), &specs, Asker::Table)?,
        None => metadata.workspace_packages(),
    };
    let candidates: Vec<RustBinary> = packages
        .iter()
        .flat_map(|package| binaries(package))
        .collect();
    if let Some(bin) = bin {
        let names = [bin.to_owned()];
        let chosen = named(metadata, &candidates, &names, Asker::Table)?;
        refuse_twins(&chosen, Asker::Table)?;
        return chosen
            .into_iter()
            .next()
            .ok_or_else(|| no_binary(metadata, &candidates, bin, Asker::Table));
    }
    let wanted = [
        Some(function),
        package,
        packages.first().and_then(|one| one.default_run.as_deref()),
    ];
    let of_name = |name: &str| candidates.iter().find(|binary| binary.name == name);
    let found = match candidates.as_slice() {
        [only] => Some(only),
        _ => wanted.into_iter().flatten().find_map(of_name),
    };
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = candidates
            .iter()
            .map(|binary| binary.name.as_str())
            .collect();
        let shown = package.unwrap_or(function);
        Error::Project {
            message: if names.is_empty() {
                format!("package `{shown}` has no binary, only a library")
            } else {
                format!("package `{shown}` has several binaries: {}", Names(&names))
            },
            hint: names
                .first()
                .map(|name| format!("say which one: bin = \"{name}\"")),
        }
    })
}

/// The packages that cargo would choose from.
fn packages<'a>(
    metadata: &'a Metadata,
    manifest: &Path,
    specs: &[String],
    asker: Asker,
) -> Result<Vec<&'a Package>> {
    let members = metadata.workspace_packages();
    if specs.is_empty() {
        let current = members
            .iter()
            .find(|package| package.manifest_path.as_std_path() == manifest);
        return Ok(match current {
            Some(package) => vec![package],
            // Cargo tells the default members since 1.71; an older one has them all.
            None if metadata.workspace_default_members.is_missing() => members,
            None => metadata.workspace_default_packages(),
        });
    }
    let mut found: Vec<&Package> = Vec::new();
    for spec in specs {
        let matching = members
            .iter()
            .find(|package| matches(spec, package))
            .ok_or_else(|| {
                let names: Vec<&str> = members
                    .iter()
                    .map(|package| package.name.as_str())
                    .collect();
                Error::Project {
                    message: format!(
                        "package `{spec}` is not in the workspace, which has {}",
                        Names(&names)
                    ),
                    hint: did_you_mean(spec, &names).or_else(|| asker.instead("package", &names)),
                }
            })?;
        if !found.iter().any(|package| package.id == matching.id) {
            found.push(matching);
        }
    }
    Ok(found)
}

/// Whether a package id specification (`name`, `name@version`, or cargo's full id) means a package.
fn matches(spec: &str, package: &Package) -> bool {
    match spec.split_once('@') {
        Some((name, version)) if !spec.contains('#') => {
            package.name.as_str() == name && package.version.to_string() == version
        }
        _ => package.name.as_str() == spec || package.id.repr == spec,
    }
}

fn binaries(package: &Package) -> Vec<RustBinary> {
    let binaries = package.targets.iter().filter(|target| target.is_bin());
    binaries
        .map(|target| RustBinary {
            name: target.name.clone(),
            package: package.name.to_string(),
            package_id: package.id.clone(),
            version: package.version.to_string(),
            directory: package
                .manifest_path
                .parent()
                .map(|path| path.as_std_path().to_owned())
                .unwrap_or_default(),
            required_features: target.required_features.clone(),
        })
        .collect()
}

/// The functions among `candidates` when no binary was named.
fn discover(
    metadata: &Metadata,
    packages: &[&Package],
    candidates: Vec<RustBinary>,
) -> Result<Vec<RustBinary>> {
    if candidates.is_empty() {
        let names: Vec<&str> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        let (noun, verb) = if names.len() == 1 {
            ("package", "has")
        } else {
            ("packages", "have")
        };
        return Err(Error::Project {
            message: format!("{noun} {} {verb} no binary, only a library", Names(&names)),
            hint: Some(
                "add a src/main.rs, or choose another package: slsbuild zip --package NAME"
                    .to_owned(),
            ),
        });
    }
    if candidates.len() == 1 {
        return Ok(candidates);
    }
    if let [package] = packages
        && let Some(default) = &package.default_run
    {
        return Ok(candidates
            .into_iter()
            .filter(|function| function.name == *default)
            .collect());
    }
    let all = candidates.clone();
    let names: Vec<String> = candidates
        .iter()
        .map(|function| function.name.clone())
        .collect();
    let functions: Vec<RustBinary> = candidates
        .into_iter()
        .filter(|function| is_lambda_function(metadata, function))
        .collect();
    if functions.is_empty() {
        refuse_twins(&all, Asker::CommandLine)?;
        return Err(Error::Project {
            message: format!(
                "several binaries, and none depends on a Lambda runtime crate: {}",
                Names(&names)
            ),
            hint: names
                .first()
                .map(|name| format!("name one: slsbuild zip --bin {name}")),
        });
    }
    Ok(functions)
}

/// Whether a function's package depends on a Lambda runtime crate, directly or through packages of its workspace.
fn is_lambda_function(metadata: &Metadata, function: &RustBinary) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![&function.package_id];
    while let Some(id) = open.pop() {
        let Some(package) = metadata.packages.iter().find(|package| package.id == *id) else {
            continue;
        };
        if !seen.insert(id) {
            continue;
        }
        for dependency in package
            .dependencies
            .iter()
            .filter(|edge| edge.kind == DependencyKind::Normal)
        {
            if RUNTIME_CRATES.contains(&dependency.name.as_str()) {
                return true;
            }
            let local = dependency.path.as_ref().map(|path| path.join("Cargo.toml"));
            open.extend(
                metadata
                    .packages
                    .iter()
                    .filter(|package| Some(&package.manifest_path) == local.as_ref())
                    .map(|p| &p.id),
            );
        }
    }
    false
}

/// The functions of the binaries that the user named.
fn named(
    metadata: &Metadata,
    candidates: &[RustBinary],
    names: &[String],
    asker: Asker,
) -> Result<Vec<RustBinary>> {
    let mut chosen: Vec<RustBinary> = Vec::new();
    for name in names {
        let matching: Vec<&RustBinary> = candidates
            .iter()
            .filter(|function| function.name == *name)
            .collect();
        if matching.is_empty() {
            return Err(no_binary(metadata, candidates, name, asker));
        }
        let new = matching
            .into_iter()
            .filter(|function| !chosen.contains(function))
            .cloned()
            .collect::<Vec<_>>();
        chosen.extend(new);
    }
    Ok(chosen)
}

fn no_binary(metadata: &Metadata, candidates: &[RustBinary], name: &str, asker: Asker) -> Error {
    let elsewhere = metadata.workspace_packages().into_iter().find(|package| {
        package
            .targets
            .iter()
            .any(|target| target.is_bin() && target.name == name)
    });
    let names: Vec<&str> = candidates
        .iter()
        .map(|function| function.name.as_str())
        .collect();
    Error::Project {
        message: if names.is_empty() {
            format!("no binary `{name}`: there is no binary at all")
        } else {
            format!("no binary `{name}`: there is {}", Names(&names))
        },
        hint: elsewhere
            .map(|package| {
                let question = asker.asks(&package.name, name);
                format!("it is in another package: {question}")
            })
            .or_else(|| did_you_mean(name, &names))
            .or_else(|| asker.instead("bin", &names)),
    }
}

/// Two functions of one name would write one artifact.
fn refuse_twins(functions: &[RustBinary], asker: Asker) -> Result<()> {
    for (index, function) in functions.iter().enumerate() {
        if let Some(twin) = functions[..index]
            .iter()
            .find(|earlier| earlier.name == function.name)
        {
            return Err(Error::Project {
                message: format!(
                    "binary `{}` is in two packages, `{}` and `{}`, which would write one artifact",
                    function.name, twin.package, function.package
                ),
                hint: Some(format!(
                    "choose one: {}",
                    asker.asks(&twin.package, &function.name)
                )),
            });
        }
    }
    Ok(())
}
