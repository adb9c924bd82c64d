//! Rules about the parts of an image: that they are what the manifest and the configuration say, in types that belong together.

use serde_json::Value;

use super::shown;
use crate::artifact::oci::media_type::{self, Compression, Family};
use crate::artifact::oci::rootfs::{LayerFacts, LayerFault};
use crate::artifact::oci::{Digest, Manifest};
use crate::finding::Finding;
use crate::platform::image::{ImageFacts, ImagePlatform, Layer};

pub(super) fn lint(platform: ImagePlatform, image: &ImageFacts) -> Vec<Finding> {
    let unreadable = |message: String| {
        let finding = Finding::error("container/document", message);
        vec![finding.with_hint(
            "the image is broken: build it again, or copy it again from where it is whole",
        )]
    };
    let manifest = match &image.manifest {
        Ok(manifest) => manifest,
        Err(cause) => return unreadable(shown(cause)),
    };
    if !image.config.is_object() {
        return unreadable(
            "the image's configuration cannot be read: it is no JSON object".to_owned(),
        );
    }
    let mut findings = Vec::from_iter(lint_family(image, manifest));
    for (index, layer) in image.layers.iter().enumerate() {
        let name = name(index, layer);
        findings.extend(lint_type(&name, layer));
        findings.extend(lint_compression(platform, &name, layer));
        if let Some(facts) = &layer.facts {
            findings.extend(lint_blob(&name, layer, facts));
        }
    }
    findings.extend(lint_diff_ids(image));
    if platform == ImagePlatform::Lambda {
        findings.extend(lint_history(image));
    }
    findings
}

/// A layer's name in messages.
pub(super) fn name(index: usize, layer: &Layer) -> String {
    let digest = layer.descriptor.digest.hex();
    format!(
        "layer {} (`{}`)",
        index + 1,
        digest.get(..12).unwrap_or(&digest)
    )
}

/// Some registries and Lambda refuse an image of both families.
fn lint_family(image: &ImageFacts, manifest: &Manifest) -> Option<Finding> {
    let family = Family::of(&image.manifest_type);
    let other = match family {
        Family::Oci => Family::Docker,
        Family::Docker => Family::Oci,
    };
    let types = [
        manifest.media_type.as_deref(),
        Some(manifest.config.media_type.as_str()),
    ];
    let layers = manifest
        .layers
        .iter()
        .map(|layer| layer.media_type.as_str());
    let of_other = |media_type: &str| {
        let compressions = [Compression::None, Compression::Gzip, Compression::Zstd];
        media_type == other.manifest()
            || media_type == other.config()
            || compressions
                .iter()
                .any(|one| media_type == other.layer(*one))
    };
    let mut types = types.into_iter().flatten().chain(layers);
    let mixed = types.find(|media_type| of_other(media_type))?;
    let message = format!(
        "the manifest is `{}`, and a part of it is `{mixed}`: media types of OCI and Docker are mixed",
        shown(&image.manifest_type)
    );
    Some(
        Finding::error("container/media-family", message).with_hint(
            "slsbuild image writes one family; skopeo copy --format oci converts an image",
        ),
    )
}

fn lint_type(name: &str, layer: &Layer) -> Option<Finding> {
    let media_type = &layer.descriptor.media_type;
    let Some(said) = media_type::compression(media_type) else {
        let message = format!("{name} is `{}`, which is no layer", shown(media_type));
        return Some(
            Finding::error("container/media-type", message)
                .with_hint("slsbuild image writes layers that every engine knows"),
        );
    };
    let real = layer.facts.as_ref()?.compression?;
    if said == real {
        return None;
    }
    let message = format!(
        "{name} says `{media_type}`, and is compressed with {}",
        real.name()
    );
    Some(
        Finding::error("container/media-type", message)
            .with_hint("slsbuild image writes the type that fits; skopeo copy repairs an image"),
    )
}

/// What the platform does not unpack.
fn lint_compression(platform: ImagePlatform, name: &str, layer: &Layer) -> Option<Finding> {
    let real = layer.facts.as_ref().and_then(|facts| facts.compression);
    let said = media_type::compression(&layer.descriptor.media_type);
    let compression = real.or(said)?;
    let title = platform.facts().title;
    if compression == Compression::Zstd && !platform.facts().compressions.contains(&compression) {
        let message = format!("{name} is compressed with zstd, which {title} is not known to take");
        return Some(
            Finding::error(&format!("{platform}/zstd"), message)
                .with_hint("--compression gzip, or skopeo copy --dest-compress-format gzip"),
        );
    }
    if compression != Compression::None || platform != ImagePlatform::Lambda {
        return None;
    }
    // Docker's family has no such type, and Lambda refuses it; about OCI's the sources do not agree:
    // https://github.com/aspect-build/rules_aws/pull/145, https://github.com/bazel-contrib/rules_oci/issues/645 (2026-11).
    let finding = if layer.descriptor.media_type == media_type::DOCKER_LAYER {
        let message = format!(
            "{name} is not compressed: Lambda refuses such layers (UnsupportedImageLayerDetected)"
        );
        Finding::error("lambda/uncompressed", message)
    } else {
        let message = format!("{name} is not compressed: Lambda has refused such layers");
        Finding::warning("lambda/uncompressed", message)
    };
    Some(finding.with_hint("--compression gzip, or skopeo copy --dest-compress-format gzip"))
}

/// That a blob is what its descriptor says, and can be unpacked.
fn lint_blob(name: &str, layer: &Layer, facts: &LayerFacts) -> Option<Finding> {
    let said = &layer.descriptor;
    let again = "the image is broken: build it again, or copy it again from where it is whole";
    match &facts.fault {
        Some(LayerFault::Size) => {
            let message = format!(
                "{name} has {} bytes, and the manifest says {}",
                facts.size, said.size
            );
            return Some(Finding::error("container/blob-size", message).with_hint(again));
        }
        Some(LayerFault::Excessive(cause)) => {
            let message = format!("{name} unpacks to {}: it is no honest layer", shown(cause));
            return Some(
                Finding::error("container/bomb", message)
                    .with_hint("do not unpack it, and ask where it comes from"),
            );
        }
        Some(LayerFault::Damaged(_)) | None => {}
    }
    if let Some(digest) = facts.digest.filter(|digest| *digest != said.digest) {
        let message = format!("{name} is really `{digest}`: its bytes are not those of its digest");
        return Some(Finding::error("container/blob-digest", message).with_hint(again));
    }
    let Some(LayerFault::Damaged(cause)) = &facts.fault else {
        return None;
    };
    let message = format!("{name} cannot be unpacked: {}", shown(cause));
    Some(Finding::error("container/layer", message).with_hint(again))
}

fn lint_diff_ids(image: &ImageFacts) -> Option<Finding> {
    let ids = image.config.pointer("/rootfs/diff_ids");
    let ids: Vec<&Value> = ids
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let hint = "slsbuild image writes the digests of what the layers unpack to";
    let wrong = |message: String| Finding::error("container/diff-id", message).with_hint(hint);
    if ids.len() != image.layers.len() {
        return Some(wrong(format!(
            "the image has {} layers, and its configuration has {} diff_ids",
            image.layers.len(),
            ids.len()
        )));
    }
    let layers = image.layers.iter().enumerate();
    layers.zip(ids).find_map(|((index, layer), said)| {
        let facts = layer.facts.as_ref()?;
        let real: Digest = facts
            .diff_id
            .filter(|_| facts.digest == Some(layer.descriptor.digest))?;
        let is_right = said.as_str().is_some_and(|said| said == real.to_string());
        (!is_right).then(|| {
            wrong(format!(
                "{} unpacks to `{real}`, and the configuration says `{}`",
                name(index, layer),
                shown(said.as_str().unwrap_or("nothing"))
            ))
        })
    })
}

/// Lambda wants an entry of the history for each layer.
/// <https://github.com/bazel-contrib/rules_oci/pull/654> (2026-11)
fn lint_history(image: &ImageFacts) -> Option<Finding> {
    let history = image.config.get("history").and_then(Value::as_array);
    let is_layer = |entry: &&Value| entry.get("empty_layer") != Some(&Value::Bool(true));
    let entries = history.into_iter().flatten().filter(is_layer).count();
    if entries == image.layers.len() {
        return None;
    }
    let message = format!(
        "the image has {} layers, and its history tells of {entries}: Lambda wants one entry for each",
        image.layers.len()
    );
    Some(
        Finding::error("lambda/history", message)
            .with_hint("slsbuild image completes the history of a base"),
    )
}
