//! An image against the rules of its platform and the user's budget, before it goes anywhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deliver::Made;
use super::source::Sources;
use crate::artifact::oci::{Digest, ImageSet};
use crate::artifact::zip::EntrySize;
use crate::check::{self, Allowed, ImageSubject};
use crate::commands::pack;
use crate::digest::Sha256;
use crate::error::Result;
use crate::finding::Finding;
use crate::fs;
use crate::project::config::Platform;
use crate::target::Arch;
use crate::ui::Ui;

/// What the rules found in an image, beside its layers: it is the same while the image is.
const VERDICT: &str = "verdict.json";
/// A verdict beyond this size is not ours.
const MOST: u64 = 4 << 20;

#[derive(Serialize, Deserialize)]
struct Verdict {
    key: String,
    findings: Vec<Finding>,
}

/// What the rules find. `set` has the blobs that are at hand: a push looks at its own layers and at those of a base that is known.
///
/// # Errors
/// [`crate::error::Error::Rejected`] or [`crate::error::Error::Findings`] when a rule or a budget refuses the image.
pub(super) fn lint(
    made: &Made<'_>,
    set: &ImageSet,
    sources: &Sources,
    ui: Ui,
) -> Result<Vec<Finding>> {
    refuse_excess(made)?;
    let Some(step) = made.steps.first() else {
        return Ok(Vec::new());
    };
    let allow = &step.packing.image.allow;
    let layers = set.images.iter().flat_map(|image| &image.layers);
    let mut known = sources
        .facts
        .load(layers.map(|layer| layer.descriptor.digest));
    for composed in &made.composed {
        let own = composed.facts.iter();
        known.extend(own.filter_map(|facts| Some((facts.digest?, Arc::new(facts.clone())))));
    }
    let read = set.images.iter().flat_map(|image| &image.layers);
    let read = read.filter(|layer| {
        layer.source.path().is_some() || known.contains_key(&layer.descriptor.digest)
    });
    let key = key(made, step.platform, allow, read.count());
    let path = step.directory.join(VERDICT);
    if let Some(findings) = kept(&path, &key) {
        return check::refuse_errors(made.name(), findings, ui);
    }
    let arches: Vec<Arch> = made.steps.iter().map(|step| step.target.arch).collect();
    let allowed = Allowed::parse(allow)?;
    let subject = ImageSubject {
        name: Path::new(made.name()),
        platform: step.platform,
        arches: &arches,
        allowed: &allowed,
    };
    let findings = check::lint_image(subject, set, &mut known)?;
    let own = own_layers(made);
    known.retain(|digest, _| !own.contains(digest));
    sources.facts.save(&known)?;
    let verdict = Verdict { key, findings };
    let text = serde_json::to_vec(&verdict).map_err(anyhow::Error::from)?;
    fs::write_if_changed(&path, 0o644, &text).map_err(|cause| fs::unwritable(&path, cause))?;
    check::refuse_errors(made.name(), verdict.findings, ui)
}

/// A digest of all that a verdict depends on.
fn key(made: &Made<'_>, platform: Platform, allow: &[String], read: usize) -> String {
    let mut text = format!("{} {platform} {allow:?} {read}\n", pack::this_program());
    for document in made
        .set
        .index
        .iter()
        .chain(made.set.images.iter().map(|image| &image.manifest))
    {
        let _ = writeln!(text, "{}", document.descriptor.digest);
    }
    Sha256::of(text.as_bytes()).to_string()
}

fn kept(path: &Path, key: &str) -> Option<Vec<Finding>> {
    let text = fs::read_bounded(path, MOST).ok()?;
    let verdict: Verdict = serde_json::from_slice(&text).ok()?;
    (verdict.key == key).then_some(verdict.findings)
}

/// The layers of ours, which change too often to be kept in the cache.
fn own_layers(made: &Made<'_>) -> BTreeSet<Digest> {
    let own = made.composed.iter().flat_map(|composed| {
        let layers = composed.image.layers.iter().rev();
        layers.take(composed.own)
    });
    own.map(|layer| layer.descriptor.digest).collect()
}

/// Refuses an image over its budget.
fn refuse_excess(made: &Made<'_>) -> Result<()> {
    for (step, composed) in made.steps.iter().zip(&made.composed) {
        let layers = composed.image.layers.iter().map(|layer| EntrySize {
            name: layer.descriptor.digest.hex().chars().take(12).collect(),
            size: layer.descriptor.size,
            compressed: layer.descriptor.size,
        });
        let layers: Vec<EntrySize> = layers.collect();
        check::image_budget(made.name(), step.packing.budget, &layers)?;
    }
    Ok(())
}
