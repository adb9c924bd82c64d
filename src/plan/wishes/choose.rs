//! Which of the functions that there are a call asks for: by their names, by `--package` and `--bin`, and what those need.

use std::collections::BTreeSet;

use crate::error::{Error, Names, Result, did_you_mean};
use crate::plan::{Wish, companions};
use crate::project::{CargoOptions, Function, Project, RustBinary};

/// The names that are chosen where `--package` or `--bin` is given: of those asked for, or of all, the functions that are
/// built from such a binary.
pub(super) fn narrowed(
    wishes: &[Wish],
    cargo: &CargoOptions,
    names: &[String],
) -> Result<Vec<String>> {
    if cargo.packages.is_empty() && cargo.binaries.is_empty() {
        return Ok(names.to_owned());
    }
    let meant = |binary: &RustBinary| {
        let mut specs = cargo.packages.iter();
        (cargo.packages.is_empty() || specs.any(|spec| is_of(binary, spec)))
            && (cargo.binaries.is_empty() || cargo.binaries.contains(&binary.name))
    };
    let functions = || wishes.iter().map(|wish| &wish.function);
    let chosen: Vec<String> = functions()
        .filter(|function| function.binary().is_some_and(meant))
        .filter(|function| names.is_empty() || names.contains(&function.name))
        .map(|function| function.name.clone())
        .collect();
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let package = cargo
        .packages
        .iter()
        .map(|spec| format!("--package {spec}"));
    let bin = cargo.binaries.iter().map(|name| format!("--bin {name}"));
    let flags = package.chain(bin).collect::<Vec<_>>().join(" ");
    let known: Vec<&String> = functions().map(|function| &function.name).collect();
    Err(Error::Project {
        message: format!(
            "`{flags}` means no function that is asked for; the configuration names {}",
            Names(&known)
        ),
        hint: Some(format!(
            "name a function: slsbuild build NAME; a binary that is none: slsbuild zip {flags}"
        )),
    })
}

/// Whether a package id specification (`name`, `name@version`, or cargo's full id) means a binary's package.
fn is_of(binary: &RustBinary, spec: &str) -> bool {
    let id = &binary.package_id.repr;
    match spec.split_once('@') {
        Some((name, version)) if !spec.contains('#') => {
            // An id ends with `#version` or `#name@version`.
            binary.package == name && id.rsplit(['#', '@']).next() == Some(version)
        }
        _ => binary.package == spec || id == spec,
    }
}

/// Refuses a binary that was found and whose artifact would be that of another function, there or on a file system that
/// does not tell upper from lower case.
pub(super) fn refuse_taken(project: &Project, others: &[Wish], function: &Function) -> Result<()> {
    let is_twin = |other: &&Wish| other.function.name.eq_ignore_ascii_case(&function.name);
    let Some(other) = others.iter().find(is_twin) else {
        return Ok(());
    };
    let (name, taken) = (&function.name, &other.function.name);
    let package = |function: &Function| match function.binary() {
        Some(binary) => format!(" of package `{}`", binary.package),
        None => String::new(),
    };
    let mut tables = project
        .config
        .sections
        .iter()
        .flat_map(|one| &one.functions);
    let table = tables.find(|table| table.name.value == *taken);
    let (what, hint) = match table {
        Some(table) => (
            format!("function `{taken}` of `{}`", table.name.place),
            format!("build the function: slsbuild build {taken}; or rename it there"),
        ),
        None => (
            format!("binary `{taken}`{}", package(&other.function)),
            format!("build one: slsbuild zip --bin {name}"),
        ),
    };
    Err(Error::Project {
        message: format!(
            "binary `{name}`{} and {what} would write one artifact",
            package(function)
        ),
        hint: Some(hint),
    })
}

/// Marks the functions of these names, or all, and what they need.
pub(super) fn choose(wishes: &mut [Wish], names: &[String]) -> Result<()> {
    let known: Vec<&str> = wishes
        .iter()
        .map(|wish| wish.function.name.as_str())
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::Project {
            message: format!("there is no function `{unknown}`, but {}", Names(&known)),
            hint: did_you_mean(unknown, &known),
        });
    }
    let mut open: Vec<String> = names.to_owned();
    if open.is_empty() {
        open = known.into_iter().map(str::to_owned).collect();
    }
    let mut wanted = BTreeSet::new();
    while let Some(name) = open.pop() {
        let wish = wishes.iter().find(|wish| wish.function.name == name);
        if let Some(wish) = wish
            && wanted.insert(name)
        {
            let needed = wish.settings.layers.iter().chain(&wish.settings.extensions);
            open.extend(needed.map(|located| located.value.clone()));
        }
    }
    for wish in &mut *wishes {
        let name = &wish.function.name;
        wish.wanted = wanted.contains(name);
        wish.companion = wish.wanted && !names.is_empty() && !names.contains(name);
    }
    companions::refuse_bad_ready(wishes)
}
