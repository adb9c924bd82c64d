//! Platforms that run any container: what each demands of an image. This file is whatever runs containers without rules of its
//! own; the others have a file each.

pub(super) mod app_runner;
pub(super) mod cloud_run;
pub(super) mod fargate;

use crate::artifact::oci::media_type::Compression;
use crate::platform::image::Facts;
use crate::target::Arch;

/// Where a program lies in an image, and its working directory.
pub(super) const APP: &str = "/app";
/// The port that platforms send requests to where nothing else is configured.
pub(super) const PORT: u16 = 8080;

/// What runs containers: Kubernetes, podman, Docker.
pub(super) const FACTS: Facts = Facts {
    name: "container",
    title: "a container engine",
    base: "distroless",
    default_arches: &[Arch::Amd64],
    arches: &Arch::ALL,
    required_arch: None,
    index: true,
    compressions: &[Compression::Gzip, Compression::Zstd],
    port: Some(PORT),
    workdir: APP,
    notes: &[],
};
