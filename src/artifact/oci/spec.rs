//! What an image is to be, and the image that comes of it: layers and changes of the configuration, on a base or on nothing.

use std::collections::BTreeMap;

use anyhow::anyhow;
use serde_json::Map;

use super::media_type::{Compression, Family, OCI_LAYER};
use super::rootfs::{Bounds, LayerFacts, read_layer};
use super::{
    Blob, Config, ConfigEdits, Descriptor, Digest, Document, Image, ImageSet, Index, Manifest,
    Platform, Source, compress, rfc3339,
};
use crate::artifact::FileTree;
use crate::artifact::tar::{self, Directory};
use crate::error::{Error, Result};

/// A layer that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// Its files, whose names are relative to the image's root.
    pub tree: FileTree,
    /// Directories beside those that the files imply, or with another mode or owner.
    pub directories: BTreeMap<String, Directory>,
    /// What the image's history says of it.
    pub created_by: String,
}

/// An image that is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSpec {
    /// Its layers above the base, the lowest first.
    pub layers: Vec<Layer>,
    /// What changes in the base's configuration.
    pub config: ConfigEdits,
    /// Notes on its manifest. Those of the base are not taken over: they are the base's.
    pub annotations: BTreeMap<String, String>,
}

/// How an image is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// How its new layers are compressed.
    pub compression: Compression,
    /// Its time and that of its new files, in seconds since 1970.
    pub epoch: u64,
}

impl ImageSpec {
    /// Packs the layers and puts them on a base, or on nothing for `platform`. Media types are of the base's family.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a base whose configuration cannot be read or does not fit its layers, [`Error::Project`] for a
    /// directory that is a file, and when a file cannot be read.
    pub fn assemble(
        self,
        base: Option<&Image>,
        platform: &Platform,
        packing: &Packing,
    ) -> Result<Image> {
        let assembled = self.assemble_with_facts(base, platform, packing);
        assembled.map(|(image, _)| image)
    }

    /// [`Self::assemble`], with what the new layers hold, the lowest first: it is known while they are written, and need not be
    /// read out of them again.
    ///
    /// # Errors
    /// As for [`Self::assemble`].
    pub fn assemble_with_facts(
        self,
        base: Option<&Image>,
        platform: &Platform,
        packing: &Packing,
    ) -> Result<(Image, Vec<LayerFacts>)> {
        let mut known = Vec::new();
        let created = rfc3339(packing.epoch)?;
        let family = base.map_or(Family::Oci, |base| {
            Family::of(&base.manifest.descriptor.media_type)
        });
        let mut config = match base {
            None => Config::scratch(platform),
            Some(base) => base_config(base)?,
        };
        config.complete_history(&created);
        config.edit(&self.config);
        config.set_created(&created);
        let mut layers = base.map(|base| base.layers.clone()).unwrap_or_default();
        for layer in self.layers {
            let (blob, facts) = pack(layer.tree, &layer.directories, family, packing)?;
            let diff_id = facts
                .diff_id
                .ok_or_else(|| anyhow!("a layer of ours is no tar"))?;
            config.add_layer(diff_id, &created, &layer.created_by);
            layers.push(blob);
            known.push(facts);
        }
        let platform = base.map_or(platform, |base| &base.platform).clone();
        let config = config.document(family)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(family.manifest().to_owned()),
            config: config.descriptor.clone(),
            layers: layers.iter().map(|blob| blob.descriptor.clone()).collect(),
            annotations: self.annotations,
            other: Map::new(),
        };
        let image = Image {
            platform,
            manifest: Document::new(family.manifest(), &manifest)?,
            config,
            layers,
        };
        Ok((image, known))
    }
}

/// The configuration of a base, which names one layer for each that the base has.
fn base_config(base: &Image) -> Result<Config> {
    let name = format!("the base {}", base.manifest.descriptor.digest);
    let config = Config::read(&base.config, &name)?;
    let (named, there) = (config.diff_ids().len(), base.layers.len());
    if named == there {
        return Ok(config);
    }
    Err(Error::Rejected {
        message: format!(
            "`{name}` has {there} layers, and its configuration names {named}: it is no image that runs"
        ),
        hint: Some("choose another base: --base distroless".to_owned()),
    })
}

/// A layer as it is pushed, and what it holds.
fn pack(
    tree: FileTree,
    directories: &BTreeMap<String, Directory>,
    family: Family,
    packing: &Packing,
) -> Result<(Blob, LayerFacts)> {
    let bytes = tar::write(tree, directories, packing.epoch)?;
    // Its digest is found out, not held against.
    let plain = Blob {
        descriptor: Descriptor::new(OCI_LAYER, Digest::of(&[]), bytes.len() as u64),
        source: Source::Bytes(bytes),
    };
    let facts = read_layer(&plain, &mut Bounds::default())?;
    let Source::Bytes(bytes) = plain.source else {
        return Err(anyhow!("a layer that is not at hand").into());
    };
    let bytes = compress(bytes, packing.compression)?;
    let blob = Blob {
        descriptor: Descriptor::of(family.layer(packing.compression), &bytes),
        source: Source::Bytes(bytes),
    };
    let facts = LayerFacts {
        size: blob.descriptor.size,
        digest: Some(blob.descriptor.digest),
        compression: Some(packing.compression),
        ..facts
    };
    Ok((blob, facts))
}

/// One name for images of several platforms, sorted by system, CPU and variant.
///
/// # Errors
/// [`Error::Unexpected`] when two of them are for one platform: the caller built one of them twice.
pub fn index(
    mut images: Vec<Image>,
    annotations: BTreeMap<String, String>,
    family: Family,
) -> Result<ImageSet> {
    let key = |image: &Image| {
        let platform = &image.platform;
        let first = (platform.os.clone(), platform.architecture.clone());
        (first, platform.variant.clone(), platform.os_version.clone())
    };
    images.sort_by_cached_key(key);
    if let Some(twice) = images
        .windows(2)
        .find(|pair| key(&pair[0]) == key(&pair[1]))
    {
        return Err(anyhow!("two images of one index are for `{}`", twice[0].platform).into());
    }
    let manifests = images.iter().map(|image| Descriptor {
        platform: Some(image.platform.clone()),
        ..image.manifest.descriptor.clone()
    });
    let index = Index {
        schema_version: 2,
        media_type: Some(family.index().to_owned()),
        manifests: manifests.collect(),
        annotations,
        other: Map::new(),
    };
    Ok(ImageSet {
        index: Some(Document::new(family.index(), &index)?),
        images,
    })
}

#[cfg(test)]
mod tests;
