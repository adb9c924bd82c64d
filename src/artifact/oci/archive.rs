//! Images in one file: the layout as a tar, with or without what `docker load` asks for besides. Streamed: a blob is never
//! in memory because of it.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::blob::{Images, Piece, read_error};
use super::layout::{self, INDEX, MARK, place};
use super::open::CONTAINERD_NAME;
use super::{Image, ImageSet, Reference, docker_archive};
use crate::artifact::tar::{Directory, FILE_MODE, Tar};
use crate::error::{Error, Result};
use crate::fs::{self, unwritable};

/// Writes images as an OCI archive, whole or not at all.
///
/// # Errors
/// [`Error::Unwritable`] for the file, [`Error::Rejected`] for a blob that is not what its digest says.
pub fn write_oci(set: &ImageSet, name: Option<&str>, path: &Path) -> Result<()> {
    let images = Images::of(set);
    let index = layout::index(images, layout::named(name))?;
    let files = [(INDEX, index), (MARK, layout::mark()?)];
    let contents = Contents::of(images, files.into())?;
    whole(path, |file| contents.write(file))
}

/// Writes an image as a Docker archive, whole or not at all: `docker load` gives it these tags. It is an OCI archive at the
/// same time, so that its manifest is not lost.
///
/// # Errors
/// Those of [`write_oci`].
pub fn write_docker(image: &Image, tags: &[Reference], path: &Path) -> Result<()> {
    let contents = docker_contents(image, tags)?;
    whole(path, |file| contents.write(file))
}

/// Writes a Docker archive into a pipe, as [`write_docker`] does into a file.
///
/// # Errors
/// The pipe's, and [`Error::Rejected`] for a blob that is not what its digest says.
pub fn stream_docker(image: &Image, tags: &[Reference], pipe: &mut dyn Write) -> Result<()> {
    let written = docker_contents(image, tags)?.write(pipe);
    written.map_err(|error| read_error(error).unwrap_or_else(Error::from))
}

fn docker_contents<'a>(image: &'a Image, tags: &[Reference]) -> Result<Contents<'a>> {
    let images = Images::single(image);
    let first = tags.first().map(Reference::to_string);
    let mut annotations = layout::named(first.as_deref());
    annotations.extend(first.map(|name| (CONTAINERD_NAME.to_owned(), name)));
    let index = layout::index(images, annotations)?;
    let manifest = docker_archive::manifest(image, tags)?;
    let files = [
        (INDEX, index),
        (docker_archive::MANIFEST, manifest),
        (MARK, layout::mark()?),
    ];
    Contents::of(images, files.into())
}

fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let swept = fs::sweep(parent.unwrap_or_else(|| Path::new(".")));
    swept
        .and_then(|()| fs::write_atomic(path, FILE_MODE, write))
        .map_err(|error| read_error(error).unwrap_or_else(|cause| unwritable(path, cause)))
}

/// What is in an archive.
struct Contents<'a> {
    pieces: BTreeMap<String, Piece<'a>>,
    files: BTreeMap<&'static str, Vec<u8>>,
}

impl<'a> Contents<'a> {
    fn of(images: Images<'a>, files: BTreeMap<&'static str, Vec<u8>>) -> Result<Self> {
        let pieces = images.pieces()?.into_iter();
        Ok(Self {
            pieces: pieces
                .map(|(digest, piece)| (place(digest), piece))
                .collect(),
            files,
        })
    }

    /// Writes all names in their order. Times are 1970's: they are no part of an image.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut tar = Tar::new(BufWriter::with_capacity(1 << 16, out), 0);
        tar.directory("blobs", Directory::default())?;
        tar.directory("blobs/sha256", Directory::default())?;
        for (name, piece) in &self.pieces {
            let mut content = piece.open().map_err(io::Error::other)?;
            tar.file(name, FILE_MODE, piece.descriptor().size, &mut content)?;
        }
        for (name, content) in &self.files {
            tar.file(name, FILE_MODE, content.len() as u64, &mut &**content)?;
        }
        tar.finish()?.flush()
    }
}

#[cfg(test)]
mod tests;
