//! What images stand on: from the name that was asked for to an image for each architecture, by the lock where there is one.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::Sources;
use crate::artifact::oci::{Blob, Choice, Digest, Image, Platform, Reference, builtin, open};
use crate::error::{Error, Names, Result};
use crate::fs;
use crate::platform::image::{self, BASE_NAMES};
use crate::target::Arch;
use crate::ui::Ui;

/// The base of an image for one architecture.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// Its image; none where the base is nothing at all.
    pub(super) image: Option<Image>,
    /// What it runs on.
    pub(super) platform: Platform,
    /// Its name in a registry, if it has one.
    pub(super) name: Option<String>,
}

impl Base {
    /// Its layers, the lowest first.
    pub(super) fn layers(&self) -> &[Blob] {
        self.image.as_ref().map_or(&[], |image| &image.layers)
    }

    /// The digest of its manifest.
    pub(super) fn digest(&self) -> Option<Digest> {
        let image = self.image.as_ref()?;
        Some(image.manifest.descriptor.digest)
    }
}

/// The bases of a run, each asked for once.
#[derive(Debug)]
pub(super) struct Bases<'a> {
    sources: &'a mut Sources,
    known: BTreeMap<(String, Arch), Base>,
    ui: Ui,
}

impl<'a> Bases<'a> {
    pub(super) fn new(sources: &'a mut Sources, ui: Ui) -> Self {
        Self {
            sources,
            known: BTreeMap::new(),
            ui,
        }
    }

    /// The base of that name for an architecture.
    ///
    /// # Errors
    /// When it is none, cannot be had, or is not for that architecture.
    pub(super) fn get(&mut self, name: &str, arch: Arch) -> Result<Base> {
        let key = (name.to_owned(), arch);
        if let Some(base) = self.known.get(&key) {
            return Ok(base.clone());
        }
        let base = self.find(name, arch)?;
        self.known.insert(key, base.clone());
        Ok(base)
    }

    fn find(&mut self, name: &str, arch: Arch) -> Result<Base> {
        let platform = Platform::linux(arch.name());
        let of = |image, name| Base {
            image,
            platform: platform.clone(),
            name,
        };
        match read(name)? {
            Asked::Known(image::Base::Scratch) => Ok(of(None, None)),
            Asked::Known(image::Base::Builtin) => Ok(of(Some(builtin(&platform)?), None)),
            Asked::Known(image::Base::Reference(reference)) => {
                if let Some(note) = image::base_note(&reference) {
                    self.ui.note(note);
                }
                let image = self.sources.base(&reference, &platform)?;
                Ok(of(Some(image), Some(reference.to_string())))
            }
            Asked::Layout(path) => {
                let set = open(path, Choice::default())?;
                let image = pick(set.images, &platform, name)?;
                Ok(of(Some(image), None))
            }
        }
    }
}

/// What a base's name means.
enum Asked<'a> {
    Known(image::Base),
    Layout(&'a Path),
}

/// A name of ours, what lies on disk, or else a reference.
fn read(name: &str) -> Result<Asked<'_>> {
    if let Some(base) = image::Base::named(name) {
        return Ok(Asked::Known(base));
    }
    let path = Path::new(name);
    if fs::metadata(path).is_ok() {
        return Ok(Asked::Layout(path));
    }
    let reference: Reference = name.parse().map_err(|cause| Error::Usage {
        message: format!("base `{name}` is neither on disk nor a reference: {cause}"),
        hint: Some(format!("bases with a name are {}", Names(&BASE_NAMES))),
    })?;
    Ok(Asked::Known(image::Base::Reference(reference)))
}

/// The image for a platform. Where an image says no more than its architecture, a variant of it is the same.
pub(super) fn pick(images: Vec<Image>, platform: &Platform, name: &str) -> Result<Image> {
    let there: Vec<String> = images
        .iter()
        .map(|image| image.platform.to_string())
        .collect();
    let is_it = |image: &Image| is_for(&image.platform, platform);
    images
        .into_iter()
        .find(is_it)
        .ok_or_else(|| missing(name, platform, &there))
}

/// Whether an image for one platform runs on another.
pub(super) fn is_for(image: &Platform, wanted: &Platform) -> bool {
    image.os == wanted.os && image.architecture == wanted.architecture
}

/// The error of a base without the wanted platform.
pub(super) fn missing(name: &str, platform: &Platform, there: &[String]) -> Error {
    Error::Rejected {
        message: format!(
            "base `{name}` has no image for {platform}: it has {}",
            Names(there)
        ),
        hint: Some(match there.first().and_then(|one| one.split('/').nth(1)) {
            Some(arch) if Arch::from_name(arch).is_some() => {
                format!("--arch {arch}, or another base: --base distroless")
            }
            Some(_) | None => "--base distroless".to_owned(),
        }),
    }
}
