//! What an artifact was made from, as a digest: while that is unchanged, nothing is made again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Parts;
use crate::artifact::zip::ZipSettings;
use crate::digest::Sha256;
use crate::error::Result;
use crate::fs;
use crate::report::digests::Digests;

/// A digest of everything that decides the artifact's bytes and what is reported of it.
pub(super) fn fingerprint(
    parts: &Parts<'_>,
    settings: &ZipSettings<'_>,
    toolchain: &BTreeMap<String, String>,
    digests: &mut Digests,
) -> Result<String> {
    let step = parts.step;
    let binary = parts.binary.as_ref().map(|path| digests.of(path));
    let mut text = format!(
        "slsbuild {} {:?} binary {:?} {:?} {settings:?} {:?} {:?} {:?} layers {} {toolchain:?}\n",
        this_program(),
        step.function.kind,
        binary.transpose()?,
        step.packing.strip,
        step.packing.runtime,
        step.packing.budget,
        step.target,
        parts.layers,
    );
    for (name, path) in &parts.extensions {
        let _ = writeln!(text, "extension {name:?} {}", digests.of(path)?);
    }
    for include in &step.includes {
        let digest = digests.of(&include.path)?;
        let _ = writeln!(text, "{:?} {} {digest}", include.name, include.executable);
    }
    Ok(Sha256::of(text.as_bytes()).to_string())
}

/// This very build of slsbuild: one of the same version may pack or judge differently while it is developed.
pub(in crate::commands) fn this_program() -> String {
    let facts = std::env::current_exe().and_then(fs::metadata).ok();
    let modified = facts.as_ref().and_then(|facts| facts.modified().ok());
    format!(
        "{} {:?} {modified:?}",
        env!("CARGO_PKG_VERSION"),
        facts.map(|facts| facts.len())
    )
}
