//! AWS Fargate, and Amazon ECS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html> (2026-11).

use super::{APP, PORT};
use crate::artifact::oci::media_type::Compression;
use crate::platform::image::Facts;
use crate::target::Arch;

/// Both architectures, alone or in an index; layers in zstd start faster
/// (<https://aws.amazon.com/blogs/containers/reducing-aws-fargate-startup-times-with-zstd-compressed-container-images/>, 2026-11).
pub(in crate::platform) const FACTS: Facts = Facts {
    name: "fargate",
    title: "Fargate",
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
