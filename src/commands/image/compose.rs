//! One step's binary into an image for one architecture: inspect, strip, lay out, pack. What was packed before and has not
//! changed is taken from disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::layout::Laid;
use crate::artifact::oci::rootfs::LayerFacts;
use crate::artifact::oci::{self, Blob, Descriptor, Document, Image, Source};
use crate::binary;
use crate::commands::pack::{self, Parts};
use crate::digest::Sha256;
use crate::error::Result;
use crate::finding::Finding;
use crate::fs;
use crate::report::Timings;
use crate::report::digests::{Digests, Known};
use crate::ui::Ui;

/// Where the layers of ours lie beside an image: an image that is only pushed has no layout, and is pushed from here.
const LAYERS: &str = "layers";
/// What they were made from.
const RECORD: &str = "record-image.json";
/// A record beyond this size is not one of ours.
const MOST_RECORD: u64 = 16 << 20;

/// An image for one architecture, whose own layers are on disk.
#[derive(Debug)]
pub(super) struct Composed {
    /// The image.
    pub(super) image: Image,
    /// How many of its layers are ours: the uppermost.
    pub(super) own: usize,
    /// What its own layers hold, the lowest first.
    pub(super) facts: Vec<LayerFacts>,
    /// What the rules found in the binary.
    pub(super) findings: Vec<Finding>,
    /// What it was made with.
    pub(super) toolchain: BTreeMap<String, String>,
    /// How long it took.
    pub(super) timings: Timings,
    /// The size of its own layers in the run before, in bytes.
    pub(super) previous_size: Option<u64>,
}

impl Composed {
    /// The size of all layers as they are pushed, in bytes.
    pub(super) fn size(&self) -> u64 {
        sum(self.image.layers.iter().map(|layer| layer.descriptor.size))
    }

    /// The size of its own layers as they are pushed, in bytes.
    pub(super) fn own_size(&self) -> u64 {
        let own = self.image.layers.iter().rev().take(self.own);
        sum(own.map(|layer| layer.descriptor.size))
    }
}

fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

/// What an image was made from, and what it is.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    fingerprint: String,
    manifest: Kept,
    config: Kept,
    /// The layers of ours, the lowest first.
    own: Vec<Descriptor>,
    /// What they hold.
    facts: Vec<LayerFacts>,
    findings: Vec<Finding>,
    known: Vec<Known>,
}

/// A document as its type and its text.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    media_type: String,
    text: String,
}

impl Kept {
    fn new(document: &Document) -> Self {
        Self {
            media_type: document.descriptor.media_type.clone(),
            text: String::from_utf8_lossy(&document.bytes).into_owned(),
        }
    }

    fn document(&self) -> Document {
        Document::from_bytes(&self.media_type, self.text.clone().into_bytes())
    }
}

impl Record {
    fn load(path: &Path) -> Option<Self> {
        let text = fs::read_bounded(path, MOST_RECORD).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The image that it speaks of, if the layers are on disk as they were.
    fn image(&self, base: &Base, layers: &Path) -> Option<Image> {
        let on_disk = |layer: &Descriptor| {
            let path = layers.join(layer.digest.hex());
            let is_whole = fs::metadata(&path).is_ok_and(|facts| facts.len() == layer.size);
            is_whole.then(|| Blob {
                descriptor: layer.clone(),
                source: Source::File(path),
            })
        };
        let own: Vec<Blob> = self.own.iter().map(on_disk).collect::<Option<_>>()?;
        Some(Image {
            platform: base.platform.clone(),
            manifest: self.manifest.document(),
            config: self.config.document(),
            layers: base.layers().iter().cloned().chain(own).collect(),
        })
    }
}

/// Makes one image, unless its layers on disk are the same already.
///
/// # Errors
/// When a rule refuses the binary, or something cannot be read or written.
pub(super) fn compose(parts: &Parts<'_>, base: &Base, laid: &Laid, ui: Ui) -> Result<Composed> {
    let started = Instant::now();
    let step = parts.step;
    let toolchain = pack::toolchain(parts.group, step);
    let (layers, of_record) = (step.directory.join(LAYERS), step.directory.join(RECORD));
    let record = Record::load(&of_record);
    let previous_size = record
        .as_ref()
        .map(|record| sum(record.own.iter().map(|layer| layer.size)));
    let mut digests = Digests::new(record.as_ref().map_or(&[], |record| &record.known));
    let fingerprint = fingerprint(parts, laid, base, &toolchain, &mut digests)?;
    let composed = |image, facts: Vec<LayerFacts>, findings, fresh| Composed {
        image,
        own: facts.len(),
        facts,
        findings,
        toolchain: toolchain.clone(),
        timings: pack::timings(parts.compile, started, fresh),
        previous_size,
    };
    if let Some(record) = record.filter(|record| record.fingerprint == fingerprint)
        && let Some(image) = record.image(base, &layers)
    {
        return Ok(composed(image, record.facts, record.findings, true));
    }
    let (image, facts, findings) = packed(parts, laid.clone(), base, ui)?;
    let (image, own) = kept(image, base, &layers)?;
    let record = Record {
        fingerprint,
        manifest: Kept::new(&image.manifest),
        config: Kept::new(&image.config),
        own,
        facts,
        findings,
        known: digests.known(),
    };
    let text = serde_json::to_vec(&record).map_err(anyhow::Error::from)?;
    fs::write_if_changed(&of_record, 0o644, &text)?;
    Ok(composed(image, record.facts, record.findings, false))
}

/// A digest of everything that decides the image.
fn fingerprint(
    parts: &Parts<'_>,
    laid: &Laid,
    base: &Base,
    toolchain: &BTreeMap<String, String>,
    digests: &mut Digests,
) -> Result<String> {
    let step = parts.step;
    let binary = parts.binary.as_ref().map(|path| digests.of(path));
    let mut text = format!(
        "slsbuild {} {:?} {:?} {:?} {} {laid:?} {} {toolchain:?}\n",
        pack::this_program(),
        binary.transpose()?,
        step.packing.strip,
        step.target,
        step.platform,
        base.digest()
            .map(|digest| digest.to_string())
            .unwrap_or_default(),
    );
    for include in &step.includes {
        let digest = digests.of(&include.path)?;
        let _ = writeln!(text, "{:?} {} {digest}", include.name, include.executable);
    }
    Ok(Sha256::of(text.as_bytes()).to_string())
}

/// Strips and packs, in memory.
fn packed(
    parts: &Parts<'_>,
    laid: Laid,
    base: &Base,
    ui: Ui,
) -> Result<(Image, Vec<LayerFacts>, Vec<Finding>)> {
    let step = parts.step;
    let mut findings = Vec::new();
    let stripped = match &parts.binary {
        Some(path) => Some(program(parts, path, &laid, &mut findings, ui)?),
        None => None,
    };
    let packing = laid.packing;
    let spec = laid.spec(stripped, &step.includes)?;
    let assembled = spec.assemble_with_facts(base.image.as_ref(), &base.platform, &packing)?;
    let (image, facts) = assembled;
    Ok((image, facts, findings))
}

/// The stripped binary; the unstripped one stays beside the image.
fn program(
    parts: &Parts<'_>,
    path: &Path,
    laid: &Laid,
    findings: &mut Vec<Finding>,
    ui: Ui,
) -> Result<Vec<u8>> {
    let bytes = fs::read(path)?;
    pack::keep_unstripped(parts.step, &bytes)?;
    if laid.on_lambdas_base {
        return pack::inspected(parts, &bytes, findings, ui);
    }
    binary::strip(&bytes, parts.step.packing.strip)
}

/// The image with its own layers on disk, and nothing beside them there.
fn kept(mut image: Image, base: &Base, layers: &Path) -> Result<(Image, Vec<Descriptor>)> {
    fs::create_dir_all(layers).map_err(|cause| fs::unwritable(layers, cause))?;
    fs::sweep(layers)?;
    let mut own = Vec::new();
    for layer in image.layers.iter_mut().skip(base.layers().len()) {
        let path = layers.join(layer.descriptor.digest.hex());
        if let Source::Bytes(bytes) = &layer.source {
            fs::write_atomic(&path, 0o644, |file| file.write_all(bytes))
                .map_err(|cause| fs::unwritable(&path, cause))?;
        }
        layer.source = Source::File(path);
        own.push(layer.descriptor.clone());
    }
    for entry in fs::read_dir(layers)? {
        let path: PathBuf = entry?.path();
        let is_own = |layer: &Descriptor| {
            path.file_name()
                .is_some_and(|name| *name == *layer.digest.hex())
        };
        if !own.iter().any(is_own) {
            let _ = fs::remove_file(&path);
        }
    }
    Ok((image, own))
}

/// Images of one function under one name, sorted.
///
/// # Errors
/// When two are for one platform.
pub(super) fn index(
    images: Vec<Image>,
    annotations: BTreeMap<String, String>,
) -> Result<oci::ImageSet> {
    let family = images
        .first()
        .map(|image| image.manifest.descriptor.media_type.as_str());
    let family = oci::media_type::Family::of(family.unwrap_or_default());
    oci::index(images, annotations, family)
}
