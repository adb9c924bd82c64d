//! Whole images of a registry: their documents are read, through the cache, and their layers stay where they are until someone
//! needs them here.

use std::collections::BTreeMap;

use super::cache::BlobCache;
use super::client::Client;
use crate::artifact::oci::{
    Blob, Config, Descriptor, Document, Image, ImageSet, Index, Manifest, Platform, Reference,
    Source, media_type,
};
use crate::error::{Error, Result};
use crate::threads;

/// How many blobs are fetched at once.
const AT_ONCE: usize = 4;
/// The most that one index may name: several times the platforms that there are, with an attestation for each.
const MOST_IMAGES: usize = 256;
/// What an attestation's platform says in both parts.
const UNKNOWN: &str = "unknown";

/// Which images of an index are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that run on something.
    Runnable,
    /// Attestations too, which an index names beside its images.
    All,
}

impl BlobCache {
    /// The image or images that a document of a registry stands for, which [`Client::resolve`] gave. Documents that are not
    /// here are fetched; each layer's source is the registry.
    ///
    /// # Errors
    /// [`Error::Registry`] when one cannot be fetched, [`Error::Rejected`] when it cannot be read.
    pub fn images(
        &self,
        client: &Client,
        reference: &Reference,
        top: &Document,
        which: Which,
    ) -> Result<ImageSet> {
        self.keep(top)?;
        let name = reference.with_digest(top.descriptor.digest).to_string();
        if !top.is_index() {
            let image = self.image(client, reference, top.clone(), None)?;
            return Ok(ImageSet::single(image));
        }
        let index: Index = top.read(&name)?;
        if index.manifests.len() > MOST_IMAGES {
            return Err(Error::Rejected {
                message: format!("`{name}` names more than {MOST_IMAGES} images"),
                hint: None,
            });
        }
        let wanted: Vec<Descriptor> = index
            .manifests
            .into_iter()
            .filter(|part| media_type::is_manifest(&part.media_type))
            .filter(|part| which == Which::All || is_runnable(part))
            .collect();
        let images = threads::map_on(AT_ONCE, &wanted, |part| {
            let manifest = self.document(client, reference, part)?;
            self.image(client, reference, manifest, part.platform.clone())
        });
        Ok(ImageSet {
            index: Some(top.clone()),
            images: images.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Fetches the layers of an image that are in a registry: their sources are files of the cache then.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub fn bring(&self, client: &Client, image: &mut Image) -> Result<()> {
        // A layer that is there twice is fetched once.
        let mut far: BTreeMap<_, (Reference, Descriptor)> = BTreeMap::new();
        for layer in &image.layers {
            if let Source::Registry(from) = &layer.source {
                let digest = layer.descriptor.digest;
                far.insert(digest, (from.clone(), layer.descriptor.clone()));
            }
        }
        let far: Vec<(Reference, Descriptor)> = far.into_values().collect();
        let fetched = threads::map_on(AT_ONCE, &far, |(from, descriptor)| {
            self.fetch(client, from, descriptor)
        });
        fetched.into_iter().collect::<Result<Vec<_>>>()?;
        for layer in &mut image.layers {
            if let Source::Registry(_) = layer.source {
                layer.source = Source::File(self.path(layer.descriptor.digest));
            }
        }
        Ok(())
    }

    /// An image from its manifest, for the platform that an index says, or else its own configuration.
    ///
    /// # Errors
    /// As [`Self::images`].
    pub fn image(
        &self,
        client: &Client,
        reference: &Reference,
        manifest: Document,
        platform: Option<Platform>,
    ) -> Result<Image> {
        let name = reference
            .with_digest(manifest.descriptor.digest)
            .to_string();
        let kind = &manifest.descriptor.media_type;
        if !media_type::is_manifest(kind) {
            return Err(Error::Rejected {
                message: format!(
                    "`{name}` is no image: its type is `{}`",
                    kind.escape_debug()
                ),
                hint: None,
            });
        }
        let content: Manifest = manifest.read(&name)?;
        let config = self.document(client, reference, &content.config)?;
        let own = || Config::read(&config, &name).map(|config| config.platform());
        let platform = platform.map_or_else(own, Ok)?;
        let layers = content.layers.into_iter().map(|descriptor| Blob {
            source: Source::Registry(reference.clone()),
            descriptor,
        });
        Ok(Image {
            platform,
            layers: layers.collect(),
            manifest,
            config,
        })
    }
}

fn is_runnable(part: &Descriptor) -> bool {
    let is_unknown =
        |platform: &Platform| platform.os == UNKNOWN && platform.architecture == UNKNOWN;
    !part.platform.as_ref().is_some_and(is_unknown)
}
