//! Google Cloud Run: <https://cloud.google.com/run/docs/container-contract> (2026-11).

use super::{APP, PORT};
use crate::artifact::oci::media_type::Compression;
use crate::platform::image::Facts;
use crate::target::Arch;

/// An index must hold linux/amd64, and may hold others; layers in zstd are taken
/// (<https://cloud.google.com/run/docs/deploying#images>, 2026-11).
pub(in crate::platform) const FACTS: Facts = Facts {
    name: "cloud-run",
    title: "Cloud Run",
    base: "distroless",
    default_arches: &[Arch::Amd64],
    arches: &Arch::ALL,
    required_arch: Some(Arch::Amd64),
    index: true,
    compressions: &[Compression::Gzip, Compression::Zstd],
    port: Some(PORT),
    workdir: APP,
    notes: &[],
};
