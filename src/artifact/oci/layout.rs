//! The image layout: a directory that holds images as files named after their digests.
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::blob::{Images, Piece, read_error};
use super::media_type::OCI_INDEX;
use super::{Descriptor, Digest, ImageSet, Index, canonical};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs::{self, Aside, unwritable};

/// The file that says that a directory is a layout.
pub(super) const MARK: &str = "oci-layout";
/// The file that says which images are in it.
pub(super) const INDEX: &str = "index.json";
/// The annotation by which an image of a layout is chosen.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

const FILE: u32 = 0o644;
const DIRECTORY: u32 = 0o755;

/// Where a blob is in a layout.
pub(super) fn place(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// The content of the file that marks a layout.
pub(super) fn mark() -> Result<Vec<u8>> {
    canonical(&json!({"imageLayoutVersion": "1.0.0"}))
}

/// The content of the file that names a layout's one image, or index over several.
pub(super) fn index(images: Images<'_>, annotations: BTreeMap<String, String>) -> Result<Vec<u8>> {
    let single = images.images.first().filter(|_| images.index.is_none());
    let top = images.index.or(single.map(|image| &image.manifest));
    let top = top.map(|top| Descriptor {
        platform: single.map(|image| image.platform.clone()),
        annotations,
        ..top.descriptor.clone()
    });
    canonical(&Index {
        schema_version: 2,
        media_type: Some(OCI_INDEX.to_owned()),
        manifests: top.into_iter().collect(),
        annotations: BTreeMap::new(),
        other: Map::new(),
    })
}

/// The annotation that gives an image its name in a layout.
pub(super) fn named(name: Option<&str>) -> BTreeMap<String, String> {
    let pair = name.map(|name| (REF_NAME.to_owned(), name.to_owned()));
    pair.into_iter().collect()
}

/// Makes `path` the layout of these images: written aside and exchanged at once with the layout that was there, whose blobs
/// are taken over where they are the right ones. The images get `name`, if there is one.
///
/// # Errors
/// [`Error::Usage`] when `path` is something else than a layout and not empty, [`Error::Unwritable`] when it cannot be
/// written, [`Error::Rejected`] for a blob that is not what its digest says; `path` is as it was.
pub fn write(set: &ImageSet, name: Option<&str>, path: &Path) -> Result<()> {
    refuse_what_is_no_layout(path)?;
    let images = Images::of(set);
    let pieces = images.pieces()?;
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or_else(|| Path::new("."));
    let prepared = fs::create_dir_all(parent).and_then(|()| fs::sweep(parent));
    let aside = prepared.and_then(|()| Aside::beside(path));
    let aside = aside.map_err(|cause| unwritable(path, cause))?;
    let writer = Writer {
        root: aside.path().to_owned(),
        old: path.to_owned(),
    };
    writer.directories()?;
    for (digest, piece) in pieces {
        writer.piece(digest, piece)?;
    }
    writer.file(MARK, &mark()?)?;
    writer.file(INDEX, &index(images, named(name))?)?;
    aside.replace(path).map_err(|cause| unwritable(path, cause))
}

/// A directory of the user's is never taken away for a layout.
fn refuse_what_is_no_layout(path: &Path) -> Result<()> {
    let Ok(facts) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    let is_ours = facts.is_dir() && (path.join(MARK).is_file() || is_empty());
    if is_ours {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!(
            "`{}` is no image layout, and is not replaced by one",
            fs::from_here(path).display()
        ),
        hint: Some("choose another directory: --out-dir DIR".to_owned()),
    })
}

/// A layout that is being written.
struct Writer {
    root: PathBuf,
    /// The layout that it will replace, whose path is the one that errors name.
    old: PathBuf,
}

impl Writer {
    fn directories(&self) -> Result<()> {
        for name in ["blobs", "blobs/sha256"] {
            let path = self.root.join(name);
            fs::create_dir(&path)
                .and_then(|()| fs::set_mode(&path, DIRECTORY))
                .map_err(|cause| self.unwritable(cause))?;
        }
        Ok(())
    }

    fn piece(&self, digest: Digest, piece: Piece<'_>) -> Result<()> {
        let name = place(digest);
        if self.is_taken_over(&name, digest, piece.descriptor().size) {
            return Ok(());
        }
        self.copy(&name, &mut *piece.open()?)
    }

    fn file(&self, name: &str, content: &[u8]) -> Result<()> {
        self.copy(name, &mut &*content)
    }

    /// Links a blob of the old layout, which is read once more: it is only as good as its content. The old name is gone as
    /// soon as the layout is exchanged.
    fn is_taken_over(&self, name: &str, digest: Digest, size: u64) -> bool {
        let old = self.old.join(name);
        let is_same = fs::symlink_metadata(&old).is_ok_and(|facts| {
            facts.is_file() && facts.len() == size && fs::has_mode(&facts, FILE)
        });
        let content = || fs::File::open(&old).and_then(Sha256::of_reader).ok();
        is_same
            && content().map(Digest) == Some(digest)
            && fs_err::hard_link(&old, self.root.join(name)).is_ok()
    }

    /// Nothing is flushed to the disk here: a blob that a power failure cut is found by its digest.
    fn copy(&self, name: &str, content: &mut dyn io::Read) -> Result<()> {
        let path = self.root.join(name);
        let copied = fs::File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| io::copy(content, &mut file))
            .and_then(|_| fs::set_mode(&path, FILE));
        match copied.map_err(read_error) {
            Ok(()) => Ok(()),
            Err(Ok(error)) => Err(error),
            Err(Err(cause)) => Err(self.unwritable(cause)),
        }
    }

    /// The system's own words: the path aside says nothing to the user.
    fn unwritable(&self, cause: io::Error) -> Error {
        let words = cause.to_string();
        let cause = match words.rsplit_once("`: ") {
            Some((_, words)) => io::Error::new(cause.kind(), words.to_owned()),
            None => cause,
        };
        unwritable(&self.old, cause)
    }
}

#[cfg(test)]
pub(super) mod tests;
