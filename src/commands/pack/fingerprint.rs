//! What an artifact was made from, as a digest: while that is unchanged, nothing is made again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Content, Parts};
use crate::artifact::zip::ZipSettings;
use crate::digest::Sha256;
use crate::error::Result;
use crate::fs;

/// A digest of everything that decides the artifact's bytes and what is reported of it.
pub(super) fn fingerprint(
    parts: &Parts<'_>,
    content: &Content,
    settings: &ZipSettings<'_>,
    toolchain: &BTreeMap<String, String>,
) -> Result<String> {
    let step = parts.step;
    let digest = |bytes: &Vec<u8>| Sha256::of(bytes).to_string();
    let mut text = format!(
        "slsbuild {} {:?} binary {:?} {:?} {settings:?} {:?} {:?} {:?} layers {} {toolchain:?}\n",
        this_program(),
        step.function.kind,
        content.binary.as_ref().map(digest),
        step.packing.strip,
        step.packing.runtime,
        step.packing.budget,
        step.target,
        parts.layers,
    );
    for (name, bytes) in &content.extensions {
        let _ = writeln!(text, "extension {name:?} {}", digest(bytes));
    }
    for include in &step.includes {
        let digest = Sha256::of_reader(fs::File::open(&include.path)?)?;
        let _ = writeln!(text, "{:?} {} {digest}", include.name, include.executable);
    }
    Ok(Sha256::of(text.as_bytes()).to_string())
}

/// This very build of slsbuild: one of the same version may pack or judge differently while it is developed.
fn this_program() -> String {
    let facts = std::env::current_exe().and_then(fs::metadata).ok();
    let modified = facts.as_ref().and_then(|facts| facts.modified().ok());
    format!(
        "{} {:?} {modified:?}",
        env!("CARGO_PKG_VERSION"),
        facts.map(|facts| facts.len())
    )
}
