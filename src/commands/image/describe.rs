//! What is reported of an image: its facts, where it is now, and what one does with it next.

use std::path::{Path, PathBuf};

use super::deliver::Made;
use crate::artifact::oci::Reference;
use crate::check;
use crate::finding::Finding;
use crate::process::quote;
use crate::project::Source;
use crate::project::config::Platform;
use crate::registry::Pushed;
use crate::report::{Artifact, File, Next, Timings};

/// Where an image was taken.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Its layout, as it opens from here.
    pub(super) path: Option<PathBuf>,
    /// Other files and directories that it was written into.
    pub(super) files: Vec<PathBuf>,
    /// The names that an engine has it under.
    pub(super) loaded: Vec<Reference>,
    /// The repository, the tags, and what pushing it took.
    pub(super) pushed: Option<(Reference, Vec<String>, Pushed)>,
}

impl Delivered {
    /// What stdout shows of it: what was pushed, else where it is.
    pub(super) fn results(&self) -> Vec<String> {
        let paths = self.path.iter().chain(&self.files);
        let paths = paths.map(|path| path.display().to_string());
        let loaded = self.loaded.iter().map(Reference::to_string);
        paths.chain(loaded).chain(self.reference()).collect()
    }

    /// The reference of what was pushed: `REPOSITORY@DIGEST`.
    fn reference(&self) -> Option<String> {
        let (repository, _, pushed) = self.pushed.as_ref()?;
        Some(repository.with_digest(pushed.digest).to_string())
    }
}

/// The report of an image.
pub(super) fn describe(made: &Made<'_>, delivered: &Delivered, findings: Vec<Finding>) -> Artifact {
    let top = made.set.top().map(|top| top.descriptor.digest);
    let first = made.steps.first();
    let platform = first.map_or(Platform::Container, |step| step.platform);
    let arch = match made.steps.as_slice() {
        [step] => step.target.arch.name(),
        _ => "multi",
    };
    let size = made.composed.iter().map(super::Composed::size).max();
    let budget = first.map(|step| step.packing.budget).unwrap_or_default();
    let mut toolchain = std::collections::BTreeMap::new();
    for composed in &made.composed {
        toolchain.extend(composed.toolchain.clone());
    }
    let path = delivered
        .path
        .clone()
        .or_else(|| delivered.files.first().cloned());
    Artifact {
        name: made.name().to_owned(),
        platform: platform.name().to_owned(),
        kind: "image".to_owned(),
        arch: arch.to_owned(),
        target: target(made),
        size: size.unwrap_or_default(),
        uncompressed_size: None,
        sha256: top
            .map(crate::artifact::oci::Digest::hex)
            .unwrap_or_default(),
        code_sha256: None,
        digest: top.map(|digest| digest.to_string()),
        pushed: delivered.reference().into_iter().collect(),
        runtime: None,
        handler: None,
        files: files(made),
        limits: Vec::new(),
        budget: check::image_budget_use(budget, size.unwrap_or_default()),
        findings: [made.findings(), findings].concat(),
        toolchain,
        timings: timings(made),
        next: next(made, platform, path.as_deref(), delivered),
        path,
    }
}

/// The triple of Rust code, where there is one image.
fn target(made: &Made<'_>) -> Option<String> {
    match made.steps.as_slice() {
        [step] => match step.function.source {
            Source::Rust(_) => Some(step.target.triple().to_owned()),
            Source::Go(_) | Source::Ready(_) | Source::Files => None,
        },
        _ => None,
    }
}

/// The layers, by their digests: those of the base first.
fn files(made: &Made<'_>) -> Vec<File> {
    let images = made.set.images.iter();
    let layers = images.flat_map(|image| &image.layers);
    layers
        .map(|layer| File {
            name: layer.descriptor.digest.to_string(),
            size: layer.descriptor.size,
            compressed_size: layer.descriptor.size,
        })
        .collect()
}

/// The longest of its architectures, which are made at the same time.
fn timings(made: &Made<'_>) -> Timings {
    let all = || made.composed.iter().map(|composed| &composed.timings);
    Timings {
        compile_ms: all().map(|one| one.compile_ms).max().unwrap_or_default(),
        pack_ms: all().map(|one| one.pack_ms).max().unwrap_or_default(),
        fresh: all().all(|one| one.fresh),
    }
}

/// What one does with an image next.
fn next(
    made: &Made<'_>,
    platform: Platform,
    path: Option<&Path>,
    delivered: &Delivered,
) -> Vec<Next> {
    let line = |verb: &str, command: String| Next {
        verb: verb.to_owned(),
        command,
    };
    let name = quote(made.name().as_ref());
    let mut next = Vec::new();
    if let (Platform::Lambda, Some(path)) = (platform, path) {
        next.push(line(
            "run",
            format!("slsbuild invoke {}", quote(path.as_os_str())),
        ));
    }
    match (delivered.reference(), platform, path) {
        (Some(reference), Platform::Lambda, _) => {
            let arch = made
                .steps
                .first()
                .map_or("arm64", |step| step.target.arch.lambda_name());
            next.push(line(
                "deploy",
                format!("aws lambda update-function-code --function-name {name} --architectures {arch} --image-uri {reference}"),
            ));
        }
        (Some(reference), Platform::CloudRun, _) => next.push(line(
            "deploy",
            format!("gcloud run deploy {name} --image {reference}"),
        )),
        (Some(reference), Platform::Container, _) => {
            next.push(line(
                "run",
                format!("podman run --rm -p 8080:8080 {reference}"),
            ));
        }
        (None, _, Some(path)) => next.push(line(
            "push",
            format!(
                "slsbuild push {} HOST/REPOSITORY:TAG",
                quote(path.as_os_str())
            ),
        )),
        (Some(_), Platform::Fargate | Platform::AppRunner, _) | (None, _, None) => {}
    }
    next
}
