//! Container images as data: the words of the OCI image specification (<https://github.com/opencontainers/image-spec>, 1.1),
//! read from outside with care and written with the same bytes everywhere. An image whose blobs are not at hand knows where
//! they are; nothing here talks to a registry.

pub mod archive;
mod blob;
mod builtin;
mod compress;
mod config;
mod docker_archive;
mod document;
pub mod layout;
pub mod media_type;
mod open;
mod reference;
pub mod rootfs;
mod set;
mod spec;
mod store;

pub use blob::{Verified, read_error};
pub use builtin::builtin;
pub use compress::compress;
pub use config::{Config, ConfigEdits, rfc3339};
pub use document::{
    Descriptor, Digest, Document, Index, MOST_DOCUMENT, Manifest, Platform, canonical,
};
pub use open::{Choice, open};
pub use reference::{Pin, Reference, check_tag};
pub use set::{Blob, Image, ImageSet, Source};
pub use spec::{ImageSpec, Layer, Packing, index};
