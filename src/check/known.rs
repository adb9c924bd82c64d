//! Facts of layers on disk, by the digests of their blobs: the layers of a base are read once, and a push can hold its own layers
//! together with them against the rules, without the base's blobs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::artifact::oci::Digest;
use crate::artifact::oci::rootfs::LayerFacts;
use crate::error::Result;
use crate::fs;
use crate::platform::image::KnownLayers;

/// The form of the facts: another one has a directory of its own.
const FORM: &str = "layers-1";
/// More than the facts of the largest layer that is read.
const MOST_FACTS: u64 = 256 << 20;

/// The facts of layers that were read before.
#[derive(Clone, Debug)]
pub struct LayerCache {
    directory: PathBuf,
}

impl LayerCache {
    /// The facts below slsbuild's cache directory.
    pub fn new(cache: &Path) -> Self {
        Self {
            directory: cache.join(FORM),
        }
    }

    /// The facts of these layers, as far as they are known. A file that cannot be read is as good as none.
    pub fn load(&self, layers: impl IntoIterator<Item = Digest>) -> KnownLayers {
        let read = |digest: Digest| {
            let text = fs::read_bounded(&self.path(digest), MOST_FACTS).ok()?;
            let facts: LayerFacts = serde_json::from_slice(&text).ok()?;
            let is_of_it = facts.digest == Some(digest) && facts.fault.is_none();
            is_of_it.then(|| (digest, Arc::new(facts)))
        };
        layers.into_iter().filter_map(read).collect()
    }

    /// Keeps the facts of layers.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self, known: &KnownLayers) -> Result<()> {
        fs::create_dir_all(&self.directory)?;
        for (digest, facts) in known.iter().filter(|(_, facts)| facts.fault.is_none()) {
            let path = self.path(*digest);
            if fs::symlink_metadata(&path).is_err() {
                let text = serde_json::to_vec(facts.as_ref()).context("facts have no JSON form")?;
                fs::write_if_changed(&path, 0o644, &text)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.directory.join(format!("{}.json", digest.hex()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::oci::media_type::OCI_LAYER;
    use crate::artifact::oci::rootfs::{Bounds, read_layer};
    use crate::artifact::oci::{Blob, Descriptor, Source};

    #[test]
    fn facts_are_kept_for_the_layer_they_are_of() {
        let bytes = vec![0; 1024];
        let blob = Blob {
            descriptor: Descriptor::of(OCI_LAYER, &bytes),
            source: Source::Bytes(bytes),
        };
        let digest = blob.descriptor.digest;
        let facts = read_layer(&blob, &mut Bounds::default()).unwrap();
        let known = KnownLayers::from([(digest, Arc::new(facts))]);
        let directory = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(directory.path());
        assert_eq!(cache.load([digest]), KnownLayers::new());
        cache.save(&known).unwrap();
        assert_eq!(cache.load([digest, Digest::of(b"other")]), known);
        let other = Digest::of(b"other");
        fs::copy(cache.path(digest), cache.path(other)).unwrap();
        assert_eq!(
            cache.load([other]),
            KnownLayers::new(),
            "facts of another layer"
        );
        fs::write_if_changed(&cache.path(digest), 0o644, b"{").unwrap();
        assert_eq!(cache.load([digest]), KnownLayers::new());
    }
}
