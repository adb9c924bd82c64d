//! AWS App Runner: <https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html> (2026-11).

use super::{APP, PORT};
use crate::artifact::oci::media_type::Compression;
use crate::platform::image::Facts;
use crate::target::Arch;

/// One image for amd64. Nothing says that it takes an index or zstd.
pub(in crate::platform) const FACTS: Facts = Facts {
    name: "app-runner",
    title: "App Runner",
    base: "distroless",
    default_arches: &[Arch::Amd64],
    arches: &[Arch::Amd64],
    required_arch: Some(Arch::Amd64),
    index: false,
    compressions: &[Compression::Gzip],
    port: Some(PORT),
    workdir: APP,
    // <https://docs.aws.amazon.com/apprunner/latest/dg/apprunner-availability-change.html> (2026-11)
    notes: &[
        "App Runner takes no new customers since 2026-04-30; AWS recommends ECS Express Mode instead: --for fargate",
    ],
};
