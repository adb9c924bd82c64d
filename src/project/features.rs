//! Which features a build activates, and whether a binary has those that it requires. Pure: it only reads metadata.

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, Package};

use super::{CargoOptions, RustBinary};
use crate::error::{Error, Names, Result};

/// Cargo itself skips a binary whose features are missing, and succeeds.
pub(super) fn refuse_missing(
    metadata: &Metadata,
    function: &RustBinary,
    options: &CargoOptions,
) -> Result<()> {
    if function.required_features.is_empty() {
        return Ok(());
    }
    let Some(package) = metadata
        .packages
        .iter()
        .find(|package| package.id == function.package_id)
    else {
        return Ok(());
    };
    let active = active_features(package, options);
    let missing: Vec<&str> = function
        .required_features
        .iter()
        .map(String::as_str)
        .filter(|name| !active.contains(*name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let noun = if missing.len() == 1 {
        "feature"
    } else {
        "features"
    };
    Err(Error::Project {
        message: format!(
            "binary `{}` needs the {noun} {}, not activated",
            function.name,
            Names(&missing)
        ),
        hint: Some(format!(
            "slsbuild zip --bin {} --features {}",
            function.name,
            missing.join(",")
        )),
    })
}

/// The features of a package that the options activate, with all that these activate in turn.
fn active_features(package: &Package, options: &CargoOptions) -> BTreeSet<String> {
    let features = &options.features;
    let own_prefix = format!("{}/", package.name);
    let mut open: Vec<String> = features
        .names
        .iter()
        .map(|name| name.strip_prefix(&own_prefix).unwrap_or(name).to_owned())
        .collect();
    if features.all {
        open.extend(package.features.keys().cloned());
    } else if !features.no_default {
        open.push("default".to_owned());
    }
    let mut active = BTreeSet::new();
    while let Some(name) = open.pop() {
        open.extend(
            package
                .features
                .get(&name)
                .into_iter()
                .flatten()
                .filter(|next| !active.contains(*next))
                .cloned(),
        );
        active.insert(name);
    }
    active
}
