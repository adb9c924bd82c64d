//! The rules for images: this file those about an index and about what the platform runs at all, `blobs.rs` those about the parts of
//! one image and what is said of them, `files.rs` about what the layers hold, `start.rs` about what is started.
//! Every rule is in `platform/rules.rs`, with what it says and where the platform says so.

mod blobs;
mod files;
mod start;

use serde_json::Value;

use super::{ImageFacts, ImagePlatform};
use crate::artifact::oci::Document;
use crate::finding::{Finding, Severity};
use crate::platform::lambda::LimitUse;
use crate::platform::lambda::image::UNPACKED_IMAGE_LIMIT;
use crate::target::Arch;
use crate::units::used_percent;

/// More findings than this are counted and not shown.
const MOST_FINDINGS: usize = 30;

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The index, if there is one.
    pub index: Option<&'a Document>,
    /// The images that were read.
    pub images: &'a [ImageFacts],
    /// The architectures that it must be for; empty where nothing was said.
    pub arches: &'a [Arch],
}

/// Holds an image, or an index over several, against the rules of a platform.
pub fn lint(platform: ImagePlatform, subject: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::from_iter(lint_index(platform, subject));
    findings.extend(lint_arches(platform, subject));
    let is_one_of_several = subject.index.is_some() && subject.images.len() > 1;
    for image in subject.images {
        let mut found = blobs::lint(platform, image);
        found.extend(files::lint(platform, image));
        found.extend(start::lint(platform, image));
        if is_one_of_several {
            for finding in &mut found {
                finding.message = format!(
                    "{}: {}",
                    shown(&image.platform.to_string()),
                    finding.message
                );
            }
        }
        findings.extend(found);
    }
    findings.extend(lint_contract(platform));
    bounded(findings)
}

/// How much of the platform's limits an image uses.
pub fn image_limits(platform: ImagePlatform, images: &[ImageFacts]) -> Vec<LimitUse> {
    let largest = images.iter().map(ImageFacts::unpacked).max();
    match (platform, largest) {
        (ImagePlatform::Lambda, Some(value)) => vec![LimitUse {
            name: "unpacked".to_owned(),
            value,
            limit: UNPACKED_IMAGE_LIMIT,
            used_percent: used_percent(value, UNPACKED_IMAGE_LIMIT),
            source: "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
                .to_owned(),
        }],
        _ => Vec::new(),
    }
}

fn lint_index(platform: ImagePlatform, subject: Subject<'_>) -> Option<Finding> {
    if subject.images.is_empty() {
        let finding = Finding::error("container/no-image", "the index holds no image");
        return Some(finding.with_hint("build one: slsbuild image"));
    }
    let index = subject.index.filter(|_| !platform.facts().index)?;
    let title = platform.facts().title;
    let takes = match platform {
        ImagePlatform::Lambda => {
            "Lambda takes a single manifest (media type not supported)".to_owned()
        }
        _ => format!("{title} is only known to take a single manifest"),
    };
    let (what, hint) = if has_attestation(index) {
        (
            "it is an index, because it holds an attestation beside the image".to_owned(),
            "docker buildx build --provenance=false --sbom=false, or slsbuild image".to_owned(),
        )
    } else {
        (
            format!("it is an index over {} images", subject.images.len()),
            format!(
                "push one image per architecture, each under its own tag: slsbuild image --for {platform}"
            ),
        )
    };
    let finding = Finding::error(&format!("{platform}/index"), format!("{what}: {takes}"));
    Some(finding.with_hint(hint))
}

/// Whether an index holds what `BuildKit` adds beside an image
/// (<https://docs.docker.com/build/metadata/attestations/attestation-storage/>, 2026-11).
fn has_attestation(index: &Document) -> bool {
    let Ok(index) = index.read::<Value>("the index") else {
        return false;
    };
    let manifests = index.get("manifests").and_then(Value::as_array);
    manifests.into_iter().flatten().any(|manifest| {
        let kind = manifest.pointer("/annotations/vnd.docker.reference.type");
        kind.is_some_and(|kind| kind == "attestation-manifest")
    })
}

/// Whether the images are for what the platform runs and for what was asked.
fn lint_arches(platform: ImagePlatform, subject: Subject<'_>) -> Vec<Finding> {
    let has = |arch: Arch| {
        let mut platforms = subject.images.iter().map(|image| &image.platform);
        platforms.any(|platform| platform.os == "linux" && platform.architecture == arch.name())
    };
    let title = platform.facts().title;
    let held = subject
        .images
        .iter()
        .map(|image| shown(&image.platform.to_string()));
    let held = held.collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    if subject.images.is_empty() {
        return findings;
    }
    if let Some(required) = platform.facts().required_arch.filter(|arch| !has(*arch)) {
        let message = format!("it is for {held}, and {title} runs linux/{required}");
        findings.push(
            Finding::error(&format!("{platform}/{required}"), message)
                .with_hint(format!("slsbuild image --for {platform} --arch {required}")),
        );
    } else if let Some(absent) = subject.arches.iter().find(|arch| !has(**arch)) {
        let message = format!("it is for {held}, and not for linux/{absent}");
        findings.push(
            Finding::error("container/arch", message)
                .with_hint(format!("slsbuild image --arch {absent}")),
        );
    }
    findings
}

/// What no image can show, and everybody who deploys one should know.
fn lint_contract(platform: ImagePlatform) -> Option<Finding> {
    match platform {
        ImagePlatform::CloudRun => Some(Finding::note(
            "cloud-run/contract",
            "Cloud Run's contract: the server listens on 0.0.0.0:$PORT within 4 minutes, and what it writes is in memory and lost with the instance",
        )),
        ImagePlatform::AppRunner => Some(Finding::note(
            "app-runner/closed",
            "App Runner takes no new customers since 2026-04-30; AWS recommends ECS Express Mode instead: --for fargate",
        )),
        ImagePlatform::Lambda | ImagePlatform::Fargate | ImagePlatform::Container => None,
    }
}

/// The findings that a reader looks at: a hostile image may break a rule in each of ten thousand layers.
fn bounded(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() <= MOST_FINDINGS {
        return findings;
    }
    let more = findings.split_off(MOST_FINDINGS);
    let message = format!("{} more findings are not shown", more.len());
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    findings.push(if more.iter().any(is_error) {
        Finding::error("container/more", message)
    } else {
        Finding::warning("container/more", message)
    });
    findings
}

/// Text from outside for a message: without control characters, and not endless.
fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
