//! Images that are at hand or known of: what is written, pushed or checked.

use std::path::PathBuf;

use super::media_type::Family;
use super::{Descriptor, Document, Platform, Reference};

/// Where a blob's bytes are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Here.
    Bytes(Vec<u8>),
    /// All of a file.
    File(PathBuf),
    /// A part of a file, from this offset on: as many bytes as the descriptor says.
    Part(PathBuf, u64),
    /// A repository of a registry.
    Registry(Reference),
}

/// A layer, or whatever else a manifest names beside its config.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// What it is.
    pub descriptor: Descriptor,
    /// Where its bytes are.
    pub source: Source,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// What it runs on, as an index or its own config tells it.
    pub platform: Platform,
    /// Its manifest.
    pub manifest: Document,
    /// Its config.
    pub config: Document,
    /// Its layers, the lowest first.
    pub layers: Vec<Blob>,
}

/// What one name in a registry, or one layout, stands for: an image, or an index over several.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSet {
    /// The index, if there is one.
    pub index: Option<Document>,
    /// The images in the index's order; without an index exactly one.
    pub images: Vec<Image>,
}

impl ImageSet {
    /// One image without an index.
    pub fn single(image: Image) -> Self {
        Self {
            index: None,
            images: vec![image],
        }
    }

    /// The document that a name stands for: the index, or else the image's manifest.
    pub fn top(&self) -> Option<&Document> {
        let manifest = || self.images.first().map(|image| &image.manifest);
        self.index.as_ref().or_else(manifest)
    }

    /// The media types that the images are of.
    pub fn family(&self) -> Family {
        self.top()
            .map_or(Family::Oci, |top| Family::of(&top.descriptor.media_type))
    }

    /// What the images run on.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.images.iter().map(|image| &image.platform)
    }
}
