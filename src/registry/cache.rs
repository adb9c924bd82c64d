//! Blobs that were fetched before, by their digests, below slsbuild's cache directory: `blobs/sha256/HEX`. What is there is
//! whole, since it appears by rename once it was verified.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::blob::check_bytes;
use super::client::Client;
use super::fault::Fault;
use super::reply::from_io;
use crate::artifact::oci::{Descriptor, Digest, Document, MOST_DOCUMENT, Reference, media_type};
use crate::error::Result;
use crate::fs;

/// Blobs on this machine.
#[derive(Clone, Debug)]
pub struct BlobCache {
    directory: PathBuf,
}

impl BlobCache {
    /// The blobs below slsbuild's cache directory, which need not be there yet.
    pub fn new(cache: &Path) -> Self {
        Self {
            directory: cache.join("blobs/sha256"),
        }
    }

    /// Where a blob is, or would be.
    pub fn path(&self, digest: Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }

    /// The file of a blob, if it is here with the size that is declared.
    pub fn get(&self, descriptor: &Descriptor) -> Option<PathBuf> {
        let path = self.path(descriptor.digest);
        let facts = fs::metadata(&path).ok()?;
        (facts.is_file() && facts.len() == descriptor.size).then_some(path)
    }

    /// The file of a blob, which is fetched if it is not here.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`] when it cannot be fetched; [`crate::error::Error::Unwritable`] when there is no room.
    pub fn fetch(
        &self,
        client: &Client,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<PathBuf> {
        if let Some(path) = self.get(descriptor) {
            return Ok(path);
        }
        let path = self.path(descriptor.digest);
        self.make_directory()?;
        client.persist(reference, |attempt| {
            let mut blob = client.open_blob(reference, descriptor)?;
            let mut failed = None;
            let written = fs::write_atomic(&path, 0o644, |file| {
                let mut buffer = vec![0; 64 << 10];
                loop {
                    let count = match blob.read(&mut buffer) {
                        Ok(count) => count,
                        Err(error) => {
                            failed = Some(from_io(error));
                            return Err(ErrorKind::Other.into());
                        }
                    };
                    if count == 0 {
                        return Ok(());
                    }
                    attempt.moved();
                    file.write_all(&buffer[..count])?;
                }
            });
            match (failed, written) {
                (Some(fault), _) => Err(fault),
                (None, Err(cause)) => Err(Fault::Other(fs::unwritable(&path, cause))),
                (None, Ok(())) => Ok(()),
            }
        })?;
        Ok(path)
    }

    /// A manifest, an index or a config, which is fetched if it is not here. One that lies here is read only if it still has
    /// its digest.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub fn document(
        &self,
        client: &Client,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<Document> {
        if let Some(document) = self.read(descriptor) {
            return Ok(document);
        }
        let kind = &descriptor.media_type;
        let document = if media_type::is_index(kind) || media_type::is_manifest(kind) {
            client.manifest(reference, descriptor)?
        } else {
            client.config(reference, descriptor)?
        };
        self.keep(&document)?;
        Ok(document)
    }

    /// A document that lies here, with its digest verified.
    pub fn read(&self, descriptor: &Descriptor) -> Option<Document> {
        let path = self.get(descriptor)?;
        let bytes = fs::read_bounded(&path, MOST_DOCUMENT).ok()?;
        check_bytes(&bytes, descriptor, "").ok()?;
        Some(Document {
            descriptor: descriptor.clone(),
            bytes,
        })
    }

    /// Keeps a document, such as the one that a tag was resolved to.
    ///
    /// # Errors
    /// [`crate::error::Error::Unwritable`].
    pub fn keep(&self, document: &Document) -> Result<()> {
        self.make_directory()?;
        let path = self.path(document.descriptor.digest);
        let written = fs::write_if_changed(&path, 0o644, &document.bytes);
        written.map_err(|cause| fs::unwritable(&path, cause))
    }

    fn make_directory(&self) -> Result<()> {
        let made = fs::create_dir_all(&self.directory).and_then(|()| fs::sweep(&self.directory));
        made.map_err(|cause| fs::unwritable(&self.directory, cause))
    }
}
