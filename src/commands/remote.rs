//! Images in registries, for the verbs that read them: documents come through the cache, and so do blobs that are wanted here.

use serde_json::Value;

use crate::artifact::oci::{
    Descriptor, Digest, Document, ImageSet, MOST_DOCUMENT, Reference, Source, media_type,
};
use crate::error::Result;
use crate::fs;
use crate::registry::{BlobCache, Client, Which};
use crate::ui::Ui;

/// Registries, and what is kept of them.
#[derive(Debug)]
pub(super) struct Remote {
    /// Who asks.
    pub(super) client: Client,
    /// What was fetched before.
    pub(super) cache: BlobCache,
    /// Who is told.
    pub(super) ui: Ui,
}

impl Remote {
    /// All images that a name stands for, their layers where they are.
    ///
    /// # Errors
    /// When the registry has none, cannot be reached, or has what is no image.
    pub(super) fn set(&self, reference: &Reference) -> Result<ImageSet> {
        let top = self.client.resolve(reference)?;
        self.cache
            .images(&self.client, reference, &top, Which::Runnable)
    }

    /// A manifest or an index by its digest alone: from the cache, else from the registry.
    ///
    /// # Errors
    /// When the registry does not have it.
    pub(super) fn pinned(&self, reference: &Reference, digest: Digest) -> Result<Document> {
        let kept = fs::read_bounded(&self.cache.path(digest), MOST_DOCUMENT).ok();
        if let Some(bytes) = kept.filter(|bytes| Digest::of(bytes) == digest) {
            return Ok(Document::from_bytes(&said_type(&bytes), bytes));
        }
        let document = self.client.resolve(&reference.with_digest(digest))?;
        self.cache.keep(&document)?;
        Ok(document)
    }

    /// What a descriptor describes: from the cache, else from the registry.
    ///
    /// # Errors
    /// When the registry does not have it.
    pub(super) fn described(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Document> {
        self.cache.document(&self.client, reference, descriptor)
    }

    /// The same images with every blob on this machine.
    ///
    /// # Errors
    /// When one cannot be had.
    pub(super) fn at_hand(&self, set: &ImageSet) -> Result<ImageSet> {
        let mut set = set.clone();
        let progress = self.ui.bar("Fetching", set.images.len());
        for image in &mut set.images {
            self.cache.bring(&self.client, image)?;
            progress.step();
        }
        Ok(set)
    }

    /// The same images, with those blobs in files that were fetched before and that `take` says, by where they come from.
    pub(super) fn nearby(&self, set: &ImageSet, take: impl Fn(&Reference) -> bool) -> ImageSet {
        let mut set = set.clone();
        for layer in set.images.iter_mut().flat_map(|image| &mut image.layers) {
            let Source::Registry(from) = &layer.source else {
                continue;
            };
            if take(from)
                && let Some(path) = self.cache.get(&layer.descriptor)
            {
                layer.source = Source::File(path);
            }
        }
        set
    }
}

/// The type that a document says it has; one of OCI's where it says none.
fn said_type(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let said = value.get("mediaType").and_then(Value::as_str);
    let plain = if value.get("manifests").is_some() {
        media_type::OCI_INDEX
    } else {
        media_type::OCI_MANIFEST
    };
    said.unwrap_or(plain).to_owned()
}
