//! The bytes of blobs, wherever they are on this machine, verified while they are read.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::anyhow;

use super::{Blob, Descriptor, Digest, Document, Image, ImageSet, Index, Source};
use crate::digest::Hashing;
use crate::error::{Error, Result};
use crate::fs;

impl Blob {
    /// Opens the bytes. Whoever reads them to their end gets an error instead of the end when they are not those of the
    /// descriptor; [`read_error`] tells such an error from one of the writer's.
    ///
    /// # Errors
    /// When the file cannot be opened; [`Error::Unexpected`] for a blob that is only in a registry.
    pub fn open(&self) -> Result<Verified<'_>> {
        Ok(Verified {
            bytes: self.open_unverified()?,
            place: self.source.path(),
            expected: &self.descriptor,
            hashing: Some(Hashing::default()),
            read: 0,
        })
    }

    /// Opens the bytes that are there, whatever they are.
    pub(super) fn open_unverified(&self) -> Result<Box<dyn Read + '_>> {
        Ok(match &self.source {
            Source::Bytes(bytes) => Box::new(&bytes[..]),
            Source::File(path) => Box::new(fs::File::open(path)?),
            Source::Part(path, offset) => {
                let mut file = fs::File::open(path)?;
                file.seek(SeekFrom::Start(*offset))?;
                Box::new(file.take(self.descriptor.size))
            }
            Source::Registry(reference) => {
                let digest = self.descriptor.digest;
                return Err(anyhow!("blob {digest} is still in `{}`", reference.name()).into());
            }
        })
    }
}

impl Source {
    /// The file that the bytes are in.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Part(path, _) => Some(path),
            Self::Bytes(_) | Self::Registry(_) => None,
        }
    }
}

/// The bytes of a blob, whose end is only told when they were the right ones.
pub struct Verified<'a> {
    bytes: Box<dyn Read + 'a>,
    place: Option<&'a Path>,
    expected: &'a Descriptor,
    /// `None` after the end.
    hashing: Option<Hashing>,
    read: u64,
}

impl Verified<'_> {
    fn wrong(&self, cause: &str) -> io::Error {
        let digest = self.expected.digest;
        let place = self.place.map(|path| format!(" in `{}`", path.display()));
        io::Error::other(Error::Rejected {
            message: format!("blob `{digest}`{} {cause}", place.unwrap_or_default()),
            hint: None,
        })
    }
}

impl Read for Verified<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match self.bytes.read(buffer) {
            // The reader tries again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(io::Error::other(Error::from(error))),
            Ok(read) => read,
        };
        let Some(hashing) = &mut self.hashing else {
            return Ok(read);
        };
        hashing.update(&buffer[..read]);
        self.read = self.read.saturating_add(read as u64);
        let size = self.expected.size;
        if self.read > size {
            return Err(self.wrong(&format!("has more than its {size} bytes")));
        }
        if read > 0 {
            return Ok(read);
        }
        if self.read < size {
            let cause = format!("ends after {} of {size} bytes", self.read);
            return Err(self.wrong(&cause));
        }
        let found = self.hashing.take().map(Hashing::finish);
        if found.map(Digest) != Some(self.expected.digest) {
            return Err(self.wrong("has another content than its digest says"));
        }
        Ok(0)
    }
}

/// The failure to read behind an error of copying; what is none of reading is the writer's.
///
/// # Errors
/// The writer's error as it was.
pub fn read_error(error: io::Error) -> Result<Error, io::Error> {
    error.downcast::<Error>()
}

/// What a layout holds under its digest: a document that is at hand, or a blob.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    Document(&'a Document),
    Blob(&'a Blob),
}

impl<'a> Piece<'a> {
    pub(super) fn descriptor(self) -> &'a Descriptor {
        match self {
            Self::Document(document) => &document.descriptor,
            Self::Blob(blob) => &blob.descriptor,
        }
    }

    pub(super) fn open(self) -> Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Self::Document(document) => Box::new(&document.bytes[..]),
            Self::Blob(blob) => Box::new(blob.open()?),
        })
    }
}

/// Images that are written together, and the index over them if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Images<'a> {
    pub(super) index: Option<&'a Document>,
    pub(super) images: &'a [Image],
}

impl<'a> Images<'a> {
    pub(super) fn of(set: &'a ImageSet) -> Self {
        Self {
            index: set.index.as_ref(),
            images: &set.images,
        }
    }

    pub(super) fn single(image: &'a Image) -> Self {
        Self {
            index: None,
            images: std::slice::from_ref(image),
        }
    }

    /// All that the images are made of, each piece once, sorted by its digest.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when the index names an image that is not there.
    pub(super) fn pieces(self) -> Result<BTreeMap<Digest, Piece<'a>>> {
        let images = self.images.iter().flat_map(|image| {
            let documents = [&image.manifest, &image.config].map(Piece::Document);
            let layers = image.layers.iter().map(Piece::Blob);
            documents.into_iter().chain(layers)
        });
        let pieces: BTreeMap<Digest, Piece<'_>> = images
            .chain(self.index.map(Piece::Document))
            .map(|piece| (piece.descriptor().digest, piece))
            .collect();
        let index = self.index.map(|index| index.read::<Index>("the index"));
        let named = index.transpose()?.map(|index| index.manifests);
        let missing = |named: &Descriptor| !pieces.contains_key(&named.digest);
        if let Some(missing) = named.into_iter().flatten().find(missing) {
            return Err(anyhow!("image {} of the index is not at hand", missing.digest).into());
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(source: Source, content: &[u8]) -> Blob {
        Blob {
            descriptor: Descriptor::of("x", content),
            source,
        }
    }

    fn read(blob: &Blob) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut reader = blob.open().map_err(|error| error.one_line())?;
        match reader.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(read_error(error).unwrap().to_string()),
        }
    }

    #[test]
    fn bytes_are_the_same_wherever_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write_if_changed(&path, 0o644, b"before content after").unwrap();
        let part = |size: &[u8]| blob(Source::Part(path.clone(), 7), size);
        assert_eq!(read(&part(b"content")).unwrap(), b"content");
        let all = b"before content after";
        assert_eq!(read(&blob(Source::File(path.clone()), all)).unwrap(), all);
        assert_eq!(
            read(&blob(Source::Bytes(b"x".to_vec()), b"x")).unwrap(),
            b"x"
        );
        assert_eq!(read(&blob(Source::Bytes(Vec::new()), b"")).unwrap(), b"");
    }

    #[test]
    fn bytes_that_are_not_the_descriptors_have_no_end() {
        let digest = Digest::of(b"content");
        for (bytes, cause) in [
            (&b"contend"[..], "has another content than its digest says"),
            (b"cont", "ends after 4 of 7 bytes"),
            (b"contents", "has more than its 7 bytes"),
        ] {
            let blob = blob(Source::Bytes(bytes.to_vec()), b"content");
            assert_eq!(read(&blob), Err(format!("blob `{digest}` {cause}")));
        }
        let reference = "localhost/a".parse().unwrap();
        let error = read(&blob(Source::Registry(reference), b"")).unwrap_err();
        assert!(error.ends_with("is still in `localhost/a`"), "{error}");
    }
}
