//! Images on disk, of any tool: a layout in a directory or in a tar, or what `docker save` writes. Documents are read and
//! verified at once; blobs stay where they are until someone reads them.

use std::collections::BTreeSet;
use std::path::Path;

use super::layout::{INDEX, MARK, REF_NAME, place};
use super::media_type::{self, DOCKER_CONFIG, OCI_CONFIG, OCI_INDEX};
use super::store::Store;
use super::{
    Blob, Config, Descriptor, Digest, Document, Image, ImageSet, Index, MOST_DOCUMENT, Manifest,
    docker_archive,
};
use crate::error::{Error, Names, Result};

/// The most that one index may name: several times the platforms that there are, with an attestation for each.
const MOST_IMAGES: usize = 256;
/// The most that all documents of a layout may take together.
const MOST_DOCUMENTS: u64 = 64 << 20;
/// The name that containerd and Docker give an image in a layout.
pub(super) const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What is wanted of the images on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The name of the one that is meant, where a layout holds several.
    pub name: Option<&'a str>,
    /// Whether attestations are wanted, which an index names beside its images.
    pub attestations: bool,
}

/// Opens a layout directory, an OCI archive or a Docker archive.
///
/// # Errors
/// [`Error::Usage`] when nothing is there or the choice is not clear; [`Error::Rejected`] for what is something else, and for
/// an image with a part that is missing or not what its digest says.
pub fn open(path: &Path, choice: Choice<'_>) -> Result<ImageSet> {
    let store = Store::open(path)?;
    let has = |name: &str| Ok::<_, Error>(store.find(name)?.is_some());
    // Docker 25 and later write both forms into one archive: the layout has the documents as they were pulled.
    if has(INDEX)? && (has(MARK)? || !has(docker_archive::MANIFEST)?) {
        let left = MOST_DOCUMENTS;
        return Layout { store, left }.images(choice);
    }
    if store.is_archive() && has(docker_archive::MANIFEST)? {
        return docker_archive::read(&store, choice.name);
    }
    Err(store.refused(if store.is_archive() {
        "it is a tar without `index.json` and `manifest.json`: neither an OCI nor a Docker archive"
    } else {
        "it is a directory without `index.json`: no image layout"
    }))
}

/// A layout that is being read.
struct Layout {
    store: Store,
    /// How many bytes of documents may still be read.
    left: u64,
}

impl Layout {
    fn images(&mut self, choice: Choice<'_>) -> Result<ImageSet> {
        let bytes = self.store.read(INDEX, MOST_DOCUMENT)?;
        let root = Document::from_bytes(OCI_INDEX, bytes);
        let index = self.index(&root, INDEX)?;
        let top = self.chosen(&index, choice.name)?;
        let Some(top) = top else {
            let images = self.of_index(&index, choice)?;
            return Ok(ImageSet {
                index: Some(root),
                images,
            });
        };
        if !media_type::is_index(&top.media_type) {
            return Ok(ImageSet::single(self.image(&top)?));
        }
        let document = self.document(&top)?;
        let index = self.index(&document, &top.digest.to_string())?;
        let images = self.of_index(&index, choice)?;
        Ok(ImageSet {
            index: Some(document),
            images,
        })
    }

    /// The image or index that is meant; `None` when the file that names them is itself the index over images for several
    /// platforms.
    fn chosen(&self, index: &Index, name: Option<&str>) -> Result<Option<Descriptor>> {
        let names: BTreeSet<&str> = index.manifests.iter().flat_map(names).collect();
        let is_meant = |image: &&Descriptor| name.is_none_or(|name| names_of(image, name));
        let meant: Vec<&Descriptor> = index.manifests.iter().filter(is_meant).collect();
        let digests: BTreeSet<Digest> = meant.iter().map(|image| image.digest).collect();
        match (meant.first(), digests.len()) {
            (Some(image), 1) => Ok(Some((*image).clone())),
            (Some(_), _) if name.is_none() && names.is_empty() => Ok(None),
            (Some(_), count) => Err(self.unclear(&format!("{count} images are meant"), &names)),
            (None, _) => match name {
                None => Err(self.store.refused("there is no image in it")),
                Some(name) => {
                    let cause = format!("no image in it has the name `{}`", name.escape_debug());
                    Err(self.unclear(&cause, &names))
                }
            },
        }
    }

    fn unclear(&self, cause: &str, names: &BTreeSet<&str>) -> Error {
        let names: Vec<String> = names
            .iter()
            .map(|name| name.escape_debug().to_string())
            .collect();
        let message = self.store.refused(cause).to_string();
        let hint = (!names.is_empty()).then(|| format!("name one of {}", Names(&names)));
        Error::Usage { message, hint }
    }

    /// The images of an index, without its attestations unless they are wanted.
    fn of_index(&mut self, index: &Index, choice: Choice<'_>) -> Result<Vec<Image>> {
        let count = index.manifests.len();
        if count > MOST_IMAGES {
            let cause = format!("its index names {count} images, more than {MOST_IMAGES}");
            return Err(self.store.refused(&cause));
        }
        let wanted = |image: &&Descriptor| choice.attestations || !is_attestation(image);
        let images: Result<Vec<Image>> = index
            .manifests
            .iter()
            .filter(wanted)
            .map(|descriptor| self.image(descriptor))
            .collect();
        match images {
            Ok(images) if images.is_empty() => Err(self.store.refused("there is no image in it")),
            images => images,
        }
    }

    fn index(&self, document: &Document, name: &str) -> Result<Index> {
        let index: Index = document.read(&self.store.named(name))?;
        let said = index.media_type.as_deref();
        self.check_kind(
            name,
            &document.descriptor,
            said,
            index.other.contains_key("layers"),
        )?;
        Ok(index)
    }

    fn image(&mut self, descriptor: &Descriptor) -> Result<Image> {
        let name = descriptor.digest.to_string();
        if !media_type::is_manifest(&descriptor.media_type) {
            let kind = descriptor.media_type.escape_debug();
            return Err(self
                .store
                .refused(&format!("`{name}` is no image: its type is `{kind}`")));
        }
        let document = self.document(descriptor)?;
        let manifest: Manifest = document.read(&self.store.named(&name))?;
        let said = manifest.media_type.as_deref();
        self.check_kind(
            &name,
            descriptor,
            said,
            manifest.other.contains_key("manifests"),
        )?;
        if ![OCI_CONFIG, DOCKER_CONFIG].contains(&manifest.config.media_type.as_str()) {
            let kind = manifest.config.media_type.escape_debug();
            let cause = format!("`{name}` is no image: its configuration's type is `{kind}`");
            return Err(self.store.refused(&cause));
        }
        let config = self.document(&manifest.config)?;
        let own = Config::read(&config, &self.store.named(&name))?.platform();
        let layers = manifest.layers.into_iter().map(|layer| self.blob(layer));
        Ok(Image {
            platform: descriptor.platform.clone().unwrap_or(own),
            layers: layers.collect::<Result<_>>()?,
            manifest: document,
            config,
        })
    }

    /// A document says what it is at most twice, and the same each time: one that two readers take for two things would be
    /// checked as the one and run as the other
    /// (<https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh>).
    fn check_kind(
        &self,
        name: &str,
        descriptor: &Descriptor,
        said: Option<&str>,
        is_both: bool,
    ) -> Result<()> {
        let is_same = said.is_none_or(|said| said == descriptor.media_type);
        if is_same && !is_both {
            return Ok(());
        }
        let cause = format!("`{name}` says of itself that it is something else");
        Err(self.store.refused(&cause))
    }

    /// Reads and verifies a document.
    fn document(&mut self, descriptor: &Descriptor) -> Result<Document> {
        let Descriptor { digest, size, .. } = *descriptor;
        self.left = self.left.checked_sub(size).ok_or_else(|| {
            let cause = format!("its documents have more than {MOST_DOCUMENTS} bytes");
            self.store.refused(&cause)
        })?;
        let bytes = self.store.read(&place(digest), MOST_DOCUMENT)?;
        let document = Document::from_bytes(&descriptor.media_type, bytes);
        if (document.descriptor.digest, document.descriptor.size) != (digest, size) {
            let cause = format!("`{digest}` is not what its digest and size say");
            return Err(self.store.refused(&cause));
        }
        Ok(document)
    }

    /// Finds a blob, without reading it.
    fn blob(&self, descriptor: Descriptor) -> Result<Blob> {
        let Descriptor { digest, size, .. } = descriptor;
        match self.store.find(&place(digest))? {
            Some((source, found)) if found == size => Ok(Blob { descriptor, source }),
            Some((_, found)) => {
                let cause = format!("blob `{digest}` has {found} bytes instead of {size}");
                Err(self.store.refused(&cause))
            }
            None => Err(self
                .store
                .refused(&format!("blob `{digest}` is missing in it"))),
        }
    }
}

/// The names that an image has in a layout.
fn names(image: &Descriptor) -> impl Iterator<Item = &str> {
    [REF_NAME, CONTAINERD_NAME]
        .into_iter()
        .filter_map(|key| image.annotations.get(key))
        .map(String::as_str)
}

fn names_of(image: &Descriptor, name: &str) -> bool {
    names(image).any(|other| other == name)
}

/// Whether a manifest says something of an image instead of being one, as Docker's builds write them
/// (<https://github.com/moby/buildkit/blob/v0.26.0/docs/attestations/attestation-storage.md>).
fn is_attestation(image: &Descriptor) -> bool {
    let unknown =
        |platform: &super::Platform| platform.architecture == "unknown" && platform.os == "unknown";
    image.platform.as_ref().is_some_and(unknown)
}

#[cfg(test)]
mod tests;
