//! What `docker save` writes and `docker load` reads: a tar whose `manifest.json` says which files are an image.
//! <https://github.com/moby/moby/blob/v29.0.0/image/tarexport/tarexport.go>

use std::io::Read as _;

use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::layout::place;
use super::media_type::{self, Compression, Family};
use super::store::Store;
use super::{
    Blob, Config, Descriptor, Digest, Document, Image, ImageSet, MOST_DOCUMENT, Manifest,
    Reference, canonical,
};
use crate::digest::Sha256;
use crate::error::{Error, Names, Result};

/// The file that says which files are an image.
pub(super) const MANIFEST: &str = "manifest.json";

/// An image of the archive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// The file for an image whose blobs lie where a layout has them.
pub(super) fn manifest(image: &Image, tags: &[Reference]) -> Result<Vec<u8>> {
    let layers = image.layers.iter();
    canonical(&[Entry {
        config: place(image.config.descriptor.digest),
        repo_tags: Some(tags.iter().map(Reference::to_string).collect()),
        layers: layers.map(|layer| place(layer.descriptor.digest)).collect(),
    }])
}

/// Reads an archive without a layout in it. Its layers are usually not compressed, and there is no manifest: one is made.
pub(super) fn read(store: &Store, name: Option<&str>) -> Result<ImageSet> {
    let bytes = store.read(MANIFEST, MOST_DOCUMENT)?;
    let entries: Vec<Entry> = Document::from_bytes("", bytes).read(&store.named(MANIFEST))?;
    let entry = chosen(store, &entries, name)?;
    let config = store.read(&entry.config, MOST_DOCUMENT)?;
    let config = Document::from_bytes(Family::Docker.config(), config);
    let read = Config::read(&config, &store.named(&entry.config))?;
    let ids = read.diff_ids();
    if ids.len() != entry.layers.len() {
        let (layers, ids) = (entry.layers.len(), ids.len());
        let cause = format!("it has {layers} layers, and its configuration names {ids}");
        return Err(store.refused(&cause));
    }
    let layers = entry.layers.iter().zip(ids);
    let layers = layers
        .map(|(name, id)| layer(store, name, id))
        .collect::<Result<Vec<Blob>>>()?;
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(Family::Docker.manifest().to_owned()),
        config: config.descriptor.clone(),
        layers: layers.iter().map(|blob| blob.descriptor.clone()).collect(),
        annotations: std::collections::BTreeMap::new(),
        other: Map::new(),
    };
    Ok(ImageSet::single(Image {
        platform: read.platform(),
        manifest: Document::new(media_type::DOCKER_MANIFEST, &manifest)?,
        config,
        layers,
    }))
}

fn chosen<'a>(store: &Store, entries: &'a [Entry], name: Option<&str>) -> Result<&'a Entry> {
    let tags = |entry: &'a Entry| entry.repo_tags.iter().flatten().map(String::as_str);
    let is_meant = |entry: &&Entry| {
        name.is_none_or(|name| entry.repo_tags.iter().flatten().any(|tag| tag == name))
    };
    let mut meant = entries.iter().filter(is_meant);
    let names: Vec<String> = entries
        .iter()
        .flat_map(tags)
        .map(|tag| tag.escape_debug().to_string())
        .collect();
    let cause = match (meant.next(), meant.next()) {
        (Some(entry), None) => return Ok(entry),
        (Some(_), Some(_)) => "several images are meant",
        (None, _) if entries.is_empty() => "there is no image in it",
        (None, _) => "no image in it has this name",
    };
    Err(Error::Usage {
        message: store.refused(cause).to_string(),
        hint: (!names.is_empty()).then(|| format!("name one of {}", Names(&names))),
    })
}

/// A layer. One that is not compressed has the digest that the configuration names; it is verified when it is read.
fn layer(store: &Store, name: &str, id: Digest) -> Result<Blob> {
    let Some((source, size)) = store.find(name)? else {
        let cause = format!("layer `{}` is missing in it", name.escape_debug());
        return Err(store.refused(&cause));
    };
    let descriptor =
        |compression, digest| Descriptor::new(Family::Docker.layer(compression), digest, size);
    // Only its place is needed to read it; its digest is not known yet.
    let raw = Blob {
        descriptor: descriptor(Compression::None, id),
        source,
    };
    let compression = compression(&raw)?;
    if compression == Compression::None {
        return Ok(raw);
    }
    let digest = Digest(Sha256::of_reader(raw.open_unverified()?)?);
    Ok(Blob {
        descriptor: descriptor(compression, digest),
        ..raw
    })
}

/// How a layer is compressed, by its first bytes.
fn compression(layer: &Blob) -> Result<Compression> {
    let mut magic = Vec::new();
    layer.open_unverified()?.take(4).read_to_end(&mut magic)?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    })
}
