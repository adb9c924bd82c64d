//! The media types of images, in the two families that registries hold: OCI's and Docker's. A new layer takes the family of its
//! base, since some registries and Lambda refuse an image that mixes them.

use serde::{Deserialize, Serialize};

/// An image for one platform, OCI.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Images for several platforms, OCI.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An image's configuration, OCI.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as it is, OCI.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer in gzip, OCI.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer in zstd, OCI.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// An image for one platform, Docker.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Images for several platforms, Docker.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// An image's configuration, Docker.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// A layer as it is, Docker.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
/// A layer in gzip, Docker.
pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// A layer in zstd, under Docker's name.
pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";

/// All that a registry may answer a request for a manifest with: one that is not asked for is converted, or refused
/// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html>, 2026-11).
pub const MANIFESTS: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// In gzip.
    Gzip,
    /// In zstd.
    Zstd,
}

impl Compression {
    /// What users type and messages say.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Whether a document of this type holds images for several platforms.
pub fn is_index(media_type: &str) -> bool {
    matches!(media_type, OCI_INDEX | DOCKER_INDEX)
}

/// Whether a document of this type is an image for one platform.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, OCI_MANIFEST | DOCKER_MANIFEST)
}

/// How a layer of this type is compressed; `None` for what is no layer that can be read.
pub fn compression(media_type: &str) -> Option<Compression> {
    match media_type {
        OCI_LAYER | DOCKER_LAYER => Some(Compression::None),
        OCI_LAYER_GZIP | DOCKER_LAYER_GZIP => Some(Compression::Gzip),
        OCI_LAYER_ZSTD | DOCKER_LAYER_ZSTD => Some(Compression::Zstd),
        _ => None,
    }
}

/// The media types that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OCI's.
    Oci,
    /// Docker's, schema 2.
    Docker,
}

impl Family {
    /// The family of a manifest or an index.
    pub fn of(media_type: &str) -> Self {
        match media_type {
            DOCKER_MANIFEST | DOCKER_INDEX => Self::Docker,
            _ => Self::Oci,
        }
    }

    /// The type of a manifest.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Oci => OCI_MANIFEST,
            Self::Docker => DOCKER_MANIFEST,
        }
    }

    /// The type of an index.
    pub fn index(self) -> &'static str {
        match self {
            Self::Oci => OCI_INDEX,
            Self::Docker => DOCKER_INDEX,
        }
    }

    /// The type of a config.
    pub fn config(self) -> &'static str {
        match self {
            Self::Oci => OCI_CONFIG,
            Self::Docker => DOCKER_CONFIG,
        }
    }

    /// The type of a layer.
    pub fn layer(self, compression: Compression) -> &'static str {
        match (self, compression) {
            (Self::Oci, Compression::None) => OCI_LAYER,
            (Self::Oci, Compression::Gzip) => OCI_LAYER_GZIP,
            (Self::Oci, Compression::Zstd) => OCI_LAYER_ZSTD,
            (Self::Docker, Compression::None) => DOCKER_LAYER,
            (Self::Docker, Compression::Gzip) => DOCKER_LAYER_GZIP,
            (Self::Docker, Compression::Zstd) => DOCKER_LAYER_ZSTD,
        }
    }
}
