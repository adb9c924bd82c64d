//! Small images made of bytes, and clients in a hurry.

use std::time::Duration;

use serde_json::json;
use slsbuild::artifact::oci::{
    Blob, Descriptor, Document, Image, ImageSet, Platform, Reference, Source, media_type,
};
use slsbuild::registry::{Client, Options, Patience, Places, Secret};
use slsbuild::ui::{Ui, Verbosity};

/// An image whose layers are these bytes.
pub(crate) fn image(architecture: &str, layers: &[&[u8]]) -> Image {
    let blobs = layers.iter().map(|bytes| Blob {
        descriptor: Descriptor::of(media_type::OCI_LAYER_GZIP, bytes),
        source: Source::Bytes(bytes.to_vec()),
    });
    from_blobs(architecture, blobs.collect())
}

/// An image whose layers are somewhere.
pub(crate) fn from_blobs(architecture: &str, layers: Vec<Blob>) -> Image {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.descriptor.digest.to_string())
        .collect();
    let config = Document::new(
        media_type::OCI_CONFIG,
        &json!({"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}),
    )
    .unwrap();
    let descriptors: Vec<&Descriptor> = layers.iter().map(|layer| &layer.descriptor).collect();
    let manifest = Document::new(
        media_type::OCI_MANIFEST,
        &json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": config.descriptor, "layers": descriptors}),
    )
    .unwrap();
    Image {
        platform: Platform::linux(architecture),
        manifest,
        config,
        layers,
    }
}

/// One image of two layers.
pub(crate) fn single() -> ImageSet {
    ImageSet::single(image("amd64", &[b"the lower layer", b"the upper layer"]))
}

/// An index over images of two architectures.
pub(crate) fn multi() -> ImageSet {
    let images = vec![
        image("amd64", &[b"shared", b"for amd64"]),
        image("arm64", &[b"shared", b"for arm64"]),
    ];
    let descriptors: Vec<Descriptor> = images
        .iter()
        .map(|image| Descriptor {
            platform: Some(image.platform.clone()),
            ..image.manifest.descriptor.clone()
        })
        .collect();
    let index = Document::new(
        media_type::OCI_INDEX,
        &json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": descriptors}),
    )
    .unwrap();
    ImageSet {
        index: Some(index),
        images,
    }
}

/// The same image, with its layers in a registry.
pub(crate) fn remote(images: &ImageSet, from: &Reference) -> ImageSet {
    let mut images = images.clone();
    for image in &mut images.images {
        for layer in &mut image.layers {
            layer.source = Source::Registry(from.clone());
        }
    }
    images
}

/// Options of a client that waits for nothing and knows nobody.
pub(crate) fn hasty() -> Options {
    Options {
        places: Places::default(),
        patience: Patience {
            silence: Duration::from_millis(600),
            document: Duration::from_millis(1200),
            helper: Duration::from_secs(2),
            attempts: 4,
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(100),
            give_up: Duration::from_millis(2500),
        },
        ..Options::new(Ui::new(Verbosity::Quiet))
    }
}

pub(crate) fn client() -> Client {
    Client::new(hasty())
}

/// A client with a name and a password for a host.
pub(crate) fn known(host: &str, user: &str, password: &str) -> Client {
    Client::new(Options {
        push_host: Some(host.to_owned()),
        places: Places {
            username: Some(user.to_owned()),
            password: Some(Secret::new(password)),
            ..Places::default()
        },
        ..hasty()
    })
}

pub(crate) fn reference(host: &str, name: &str) -> Reference {
    format!("{host}/{name}").parse().unwrap()
}
