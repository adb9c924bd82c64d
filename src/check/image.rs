//! Images against the rules of a platform, as data.

use std::path::Path;

use super::{Allowed, Checked, allow};
use crate::artifact::oci::ImageSet;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::platform::image::{ImageFacts, ImagePlatform, KnownLayers, Subject, image_limits, lint};
use crate::target::Arch;

/// What is checked, and how.
#[derive(Clone, Copy, Debug)]
pub struct ImageSubject<'a> {
    /// Its path or its name.
    pub name: &'a Path,
    /// Whose rules it is held against.
    pub platform: ImagePlatform,
    /// The architectures that it must be for; empty where nothing was said.
    pub arches: &'a [Arch],
    /// The rules that are allowed to be broken.
    pub allowed: &'a Allowed,
}

/// Holds an image, or an index over several, against a platform's rules and limits. `set` is the error instead where it could not
/// be opened for what it is, which is a finding too. Facts of layers are taken from `known` and added to it.
///
/// # Errors
/// Only when a file of it cannot be read.
pub fn image(
    subject: ImageSubject<'_>,
    set: Result<ImageSet>,
    known: &mut KnownLayers,
) -> Result<Checked> {
    let set = match set {
        Ok(set) => set,
        Err(Error::Rejected { message, hint }) => return Ok(unreadable(subject, message, hint)),
        Err(error) => return Err(error),
    };
    let images = read(&set, known)?;
    let findings = findings(subject, &set, &images);
    let arches: Vec<Option<Arch>> = set
        .platforms()
        .map(|platform| Arch::from_name(&platform.architecture))
        .collect();
    Ok(Checked {
        path: subject.name.to_owned(),
        platform: subject.platform.name(),
        kind: "image",
        arch: match arches.as_slice() {
            [arch] => arch.map(Arch::name),
            [] => None,
            _ => Some("multi"),
        },
        size: size(&set),
        uncompressed_size: Some(images.iter().map(ImageFacts::unpacked).sum()),
        sha256: set.top().map(|top| top.descriptor.digest.hex()),
        code_sha256: None,
        limits: image_limits(subject.platform, &images),
        findings,
    })
}

/// What the rules find in an image that is to be pushed. Layers that are in a registry, and not in `known`, are left out.
///
/// # Errors
/// Only when a file of it cannot be read.
pub fn lint_image(
    subject: ImageSubject<'_>,
    set: &ImageSet,
    known: &mut KnownLayers,
) -> Result<Vec<Finding>> {
    let images = read(set, known)?;
    Ok(findings(subject, set, &images))
}

fn read(set: &ImageSet, known: &mut KnownLayers) -> Result<Vec<ImageFacts>> {
    let images = set.images.iter();
    images.map(|image| ImageFacts::read(image, known)).collect()
}

fn findings(subject: ImageSubject<'_>, set: &ImageSet, images: &[ImageFacts]) -> Vec<Finding> {
    let mut findings = lint(
        subject.platform,
        Subject {
            index: set.index.as_ref(),
            images,
            arches: subject.arches,
        },
    );
    allow(&mut findings, subject.allowed);
    findings
}

/// The bytes that are pushed: every document and every blob once.
fn size(set: &ImageSet) -> u64 {
    let mut parts = std::collections::BTreeMap::new();
    let documents = set
        .images
        .iter()
        .flat_map(|image| [&image.manifest, &image.config]);
    for document in set.index.iter().chain(documents) {
        parts.insert(document.descriptor.digest, document.descriptor.size);
    }
    for layer in set.images.iter().flat_map(|image| &image.layers) {
        parts.insert(layer.descriptor.digest, layer.descriptor.size);
    }
    parts
        .values()
        .fold(0, |sum, size| sum.saturating_add(*size))
}

fn unreadable(subject: ImageSubject<'_>, message: String, hint: Option<String>) -> Checked {
    let finding = Finding::error("container/document", message);
    let hint = hint.unwrap_or_else(|| "slsbuild image makes one".to_owned());
    let mut findings = [finding.with_hint(hint)];
    allow(&mut findings, subject.allowed);
    Checked {
        path: subject.name.to_owned(),
        platform: subject.platform.name(),
        kind: "image",
        arch: None,
        size: 0,
        uncompressed_size: None,
        sha256: None,
        code_sha256: None,
        limits: Vec::new(),
        findings: findings.to_vec(),
    }
}
