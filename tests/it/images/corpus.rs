//! One image per rule, which breaks only that rule.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use serde_json::json;
use slsbuild::artifact::oci::media_type::{
    self, Compression, DOCKER_LAYER_GZIP, Family, OCI_LAYER,
};
use slsbuild::artifact::oci::{Descriptor, Digest, Document, ImageSet};
use slsbuild::check::{Allowed, ImageSubject, lint_image};
use slsbuild::finding::{Finding, Severity};
use slsbuild::platform::RULES;
use slsbuild::platform::image::{ImagePlatform, KnownLayers};
use slsbuild::target::Arch;
use tar::Header;

use super::builder::{Entry, Layer, Parts, index, machine, own, program};
use crate::tiny_elf::TinyElf;

use ImagePlatform::{AppRunner, CloudRun, Container, Fargate, Lambda};

/// A rule, the platform that has it, and an image that breaks it.
type Case = (&'static str, ImagePlatform, ImageSet);

fn findings(platform: ImagePlatform, set: &ImageSet, arches: &[Arch]) -> Vec<Finding> {
    let subject = ImageSubject {
        name: Path::new("image"),
        platform,
        arches,
        allowed: &Allowed::default(),
    };
    lint_image(subject, set, &mut KnownLayers::new()).unwrap()
}

/// What is said of every image for a platform.
const ALWAYS: [&str; 2] = ["cloud-run/contract", "app-runner/closed"];

fn errors(platform: ImagePlatform, set: &ImageSet) -> Vec<Finding> {
    let mut findings = findings(platform, set, &[]);
    findings.retain(|finding| !ALWAYS.contains(&finding.rule.as_str()));
    findings
}

fn server(own: &[Entry]) -> Parts {
    Parts::server_of("amd64", own, Family::Oci, Compression::Gzip)
}

fn with(name: &'static str, mode: u32, content: &[u8]) -> Parts {
    let mut entries = own("amd64");
    entries.push((name, mode, content.to_vec()));
    server(&entries)
}

fn with_program(mode: u32, content: Vec<u8>) -> Parts {
    server(&[("app/", 0o755, Vec::new()), ("app/orders", mode, content)])
}

/// A layer of zeros, packed as tight as gzip packs.
fn zeros(count: u64) -> Layer {
    let mut header = Header::new_gnu();
    header.set_path("zeros").unwrap();
    header.set_mode(0o644);
    header.set_size(count);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.resize(archive.len() + usize::try_from(count).unwrap() + 1024, 0);
    let mut gzip = GzEncoder::new(Vec::new(), Level::best());
    std::io::copy(&mut &archive[..], &mut gzip).unwrap();
    let blob = gzip.finish().unwrap();
    Layer {
        diff_id: Digest::of(&archive),
        descriptor: Descriptor::of(media_type::OCI_LAYER_GZIP, &blob),
        blob,
    }
}

/// A server whose layer is said to be of this type.
fn typed(media_type: &str) -> Parts {
    let change = |layer: &mut Layer| media_type.clone_into(&mut layer.descriptor.media_type);
    Parts::server("amd64").last(change)
}

/// What holds for every image.
fn of_parts() -> Vec<Case> {
    let good = || Parts::server("amd64");
    let mut no_config = good().set();
    no_config.images[0].config = Document::from_bytes(media_type::OCI_CONFIG, b"[]".to_vec());
    let mut other_size = good().set();
    other_size.images[0].layers[1].descriptor.size += 1;
    let other_digest = good().last(|layer| layer.descriptor.digest = Digest::of(b"other"));
    let cut = good().last(|layer| {
        layer.blob.truncate(layer.blob.len() - 9);
        layer.descriptor = Descriptor::of(media_type::OCI_LAYER_GZIP, &layer.blob);
    });
    let diff_ids = json!([Digest::of(b"one"), Digest::of(b"two")]);
    let family = typed(DOCKER_LAYER_GZIP);
    let plain = typed(OCI_LAYER);
    vec![
        ("container/no-image", Container, index(Vec::new(), None)),
        ("container/document", Container, no_config),
        ("container/blob-size", Container, other_size),
        ("container/blob-digest", Container, other_digest.set()),
        (
            "container/diff-id",
            Container,
            good().config("/rootfs/diff_ids", diff_ids).set(),
        ),
        ("container/layer", Container, cut.set()),
        (
            "container/bomb",
            Container,
            good().layer(zeros(300 << 20)).set(),
        ),
        (
            "container/entry-name",
            Container,
            with("../etc/cron", 0o644, b"x").set(),
        ),
        (
            "container/entry-name",
            Lambda,
            with("/etc/cron", 0o644, b"x").set(),
        ),
        (
            "container/duplicate-entry",
            Container,
            with("app/orders", 0o755, &program("amd64")).set(),
        ),
        ("container/media-type", Lambda, plain.set()),
        ("container/media-family", Lambda, family.set()),
    ]
}

/// What holds for what an image starts.
fn of_programs() -> Vec<Case> {
    let good = || Parts::server("amd64");
    let dynamic = TinyElf::dynamic(machine("amd64"), &["GLIBC_2.34"]).build();
    let nothing = good().config("/config/Entrypoint", json!(null));
    let mistyped = good().config("/config/Entrypoint", json!(["/app/order"]));
    let relative = good().config("/config/WorkingDir", json!("app"));
    let other = with_program(0o755, program("arm64"));
    let script = with_program(0o755, b"#!/bin/sh\n".to_vec());
    vec![
        ("container/entrypoint", Container, nothing.set()),
        ("container/entrypoint", Lambda, mistyped.set()),
        (
            "container/entrypoint-mode",
            Container,
            with_program(0o644, program("amd64")).set(),
        ),
        (
            "container/entrypoint-mode",
            Lambda,
            with_program(0o744, program("amd64")).set(),
        ),
        (
            "container/program",
            Container,
            with_program(0o755, b"text".to_vec()).set(),
        ),
        (
            "container/interpreter",
            Container,
            with_program(0o755, dynamic).set(),
        ),
        ("container/interpreter", Lambda, script.set()),
        ("container/workdir", Container, relative.set()),
        ("container/arch", Container, other.set()),
        (
            "container/arch",
            Container,
            good().config("/architecture", json!("arm64")).set(),
        ),
        (
            "container/arch",
            Container,
            good().config("/os", json!("windows")).set(),
        ),
    ]
}

/// A server for Lambda whose own layer is this one.
fn with_own(family: Family, compression: Compression) -> Parts {
    let layer = Layer::new(&own("amd64"), family, compression);
    let parts = Parts::server_of("amd64", &own("amd64"), family, Compression::Gzip);
    parts.last(|own| *own = layer)
}

fn of_lambdas_form() -> Vec<Case> {
    let good = || Parts::server("amd64");
    let both = index(vec![good().image(), Parts::server("arm64").image()], None);
    let attestation = json!({
        "mediaType": media_type::OCI_MANIFEST, "digest": Digest::of(b"statement"), "size": 9,
        "platform": {"architecture": "unknown", "os": "unknown"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    });
    let attested = index(vec![good().image()], Some(attestation));
    let short = good().config("/history", json!([{"created_by": "base"}]));
    let none = good().config("/history", json!(null));
    let plain = |family| with_own(family, Compression::None).set();
    vec![
        ("lambda/index", Lambda, both),
        ("lambda/index", Lambda, attested),
        ("lambda/history", Lambda, short.set()),
        ("lambda/history", Lambda, none.set()),
        ("lambda/uncompressed", Lambda, plain(Family::Docker)),
        ("lambda/uncompressed", Lambda, plain(Family::Oci)),
        (
            "lambda/zstd",
            Lambda,
            with_own(Family::Oci, Compression::Zstd).set(),
        ),
    ]
}

fn of_lambdas_start() -> Vec<Case> {
    let server = |pointer, value| Parts::server("amd64").config(pointer, value).set();
    let function = || Parts::function("arm64");
    let linked = with("app/linked", 0, b"orders");
    let linked = linked.config("/config/Entrypoint", json!(["/app/linked"]));
    let no_bootstrap = function().last(|layer| {
        let kept = [("var/", 0o755, Vec::new())];
        *layer = Layer::new(&kept, Family::Docker, Compression::Gzip);
    });
    let cmd = |cmd| function().config("/config/Cmd", cmd).set();
    vec![
        (
            "lambda/workdir",
            Lambda,
            server("/config/WorkingDir", json!("")),
        ),
        (
            "lambda/workdir",
            Lambda,
            server("/config/WorkingDir", json!("/data")),
        ),
        (
            "lambda/entrypoint",
            Lambda,
            server("/config/Entrypoint", json!(["orders"])),
        ),
        ("lambda/entrypoint-link", Lambda, linked.set()),
        ("lambda/cmd", Lambda, cmd(json!(null))),
        ("lambda/cmd", Lambda, cmd(json!(["a", "b"]))),
        ("lambda/runtime-bootstrap", Lambda, no_bootstrap.set()),
    ]
}

fn of_lambdas_files() -> Vec<Case> {
    let closed: [Entry; 2] = [
        ("app/", 0o700, Vec::new()),
        ("app/orders", 0o755, program("amd64")),
    ];
    // Each lies below what is suspicious of itself; together they are more than 10 GiB.
    let layer = zeros(255 << 20);
    let large = (0..41).fold(Parts::server("amd64"), |parts, _| {
        parts.layer(layer.clone())
    });
    let orphan = |name| with(name, 0o644, b"x").set();
    vec![
        ("lambda/parent-directory", Lambda, orphan("data/file")),
        ("lambda/parent-directory", Lambda, orphan("etc/file")),
        (
            "lambda/unreadable",
            Lambda,
            with("app/key", 0o600, b"x").set(),
        ),
        ("lambda/unreadable", Lambda, server(&closed).set()),
        ("lambda/image-size", Lambda, large.set()),
    ]
}

fn of_servers() -> Vec<Case> {
    let good = || Parts::server("amd64");
    let no_port = || {
        let parts = good().config("/config/Env", json!(null));
        parts.config("/config/ExposedPorts", json!({"9000/tcp": {}}))
    };
    let nowhere = no_port().config("/config/ExposedPorts", json!(null));
    let arm64 = || Parts::server("arm64").set();
    let both = index(vec![good().image(), Parts::server("arm64").image()], None);
    let zstd = Layer::new(&own("amd64"), Family::Oci, Compression::Zstd);
    vec![
        ("cloud-run/amd64", CloudRun, arm64()),
        ("cloud-run/port", CloudRun, no_port().set()),
        ("cloud-run/port", CloudRun, nowhere.set()),
        ("app-runner/amd64", AppRunner, arm64()),
        ("app-runner/index", AppRunner, both),
        (
            "app-runner/zstd",
            AppRunner,
            good().last(|layer| *layer = zstd).set(),
        ),
        ("app-runner/port", AppRunner, no_port().set()),
    ]
}

static CORPUS: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let parts = [
        of_parts(),
        of_programs(),
        of_lambdas_form(),
        of_lambdas_start(),
        of_lambdas_files(),
        of_servers(),
    ];
    parts.concat()
});

#[test]
fn good_images_break_no_rule() {
    for arch in ["amd64", "arm64"] {
        for platform in [Lambda, Fargate, Container] {
            assert_eq!(
                findings(platform, &Parts::server(arch).set(), &[]),
                [],
                "{platform}"
            );
        }
        assert_eq!(findings(Lambda, &Parts::function(arch).set(), &[]), []);
    }
    let both = index(
        vec![
            Parts::server("arm64").image(),
            Parts::server("amd64").image(),
        ],
        None,
    );
    assert_eq!(findings(Container, &both, &[Arch::Arm64]), []);
    for (platform, rule) in [(CloudRun, ALWAYS[0]), (AppRunner, ALWAYS[1])] {
        let found = findings(platform, &Parts::server("amd64").set(), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].rule.as_str(), found[0].severity),
            (rule, Severity::Note)
        );
    }
    assert_eq!(errors(CloudRun, &both), []);
    let zstd = Parts::server_of("amd64", &own("amd64"), Family::Oci, Compression::Zstd).set();
    for platform in [Container, Fargate, CloudRun] {
        assert_eq!(errors(platform, &zstd), [], "{platform}");
    }
}

#[test]
fn each_image_of_the_corpus_breaks_its_rule_and_no_other() {
    let mut shown = String::new();
    for (rule, platform, set) in &*CORPUS {
        let found = errors(*platform, set);
        let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, [*rule], "{platform}: {found:#?}");
        let Finding {
            severity,
            message,
            hint,
            ..
        } = &found[0];
        let hint = hint.as_deref().unwrap();
        let _ = writeln!(shown, "{severity:?} [{rule}] {message}\n    {hint}");
    }
    let digest = regex::Regex::new("[0-9a-f]{64}|`[0-9a-f]{12}`").unwrap();
    insta::assert_snapshot!(digest.replace_all(&shown, "[digest]"));
}

#[test]
fn the_corpus_has_an_image_for_every_rule() {
    let broken: BTreeSet<&str> = CORPUS.iter().map(|case| case.0).chain(ALWAYS).collect();
    let rules = RULES.iter().filter(|rule| rule.is_about_images);
    let rules: BTreeSet<&str> = rules.map(|rule| rule.id).collect();
    assert_eq!(broken, rules);
}

#[test]
fn an_image_must_be_for_the_arch_that_is_asked_for() {
    let found = findings(Container, &Parts::server("amd64").set(), &[Arch::Arm64]);
    let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["container/arch"]);
}

#[test]
fn layers_in_a_registry_are_left_out_and_known_ones_are_not_read_again() {
    use slsbuild::artifact::oci::{Reference, Source};
    let whole = Parts::function("arm64").set();
    let subject = ImageSubject {
        name: Path::new("image"),
        platform: Lambda,
        arches: &[Arch::Arm64],
        allowed: &Allowed::default(),
    };
    let mut known = KnownLayers::new();
    lint_image(subject, &whole, &mut known).unwrap();
    assert_eq!(known.len(), 5);
    let mut remote = whole;
    let reference: Reference = "registry.example/base:1".parse().unwrap();
    for layer in &mut remote.images[0].layers[..4] {
        layer.source = Source::Registry(reference.clone());
    }
    let found = lint_image(subject, &remote, &mut KnownLayers::new()).unwrap();
    let rules: Vec<&str> = found.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, [""; 0], "what is not known is no fault");
    assert_eq!(lint_image(subject, &remote, &mut known).unwrap(), []);
}

/// Values where none of their kind is expected.
const ODD: [&str; 9] = [
    "null",
    "7",
    "\"x\"",
    "\"../../x\\u0000\"",
    "[]",
    "{}",
    "[null, 7, {}]",
    "[\"/lambda-entrypoint.sh\", \"\"]",
    "{\"a/b/c\": 7, \"\": []}",
];

#[test]
fn a_configuration_of_any_shape_has_a_verdict() {
    let places = [
        "/architecture",
        "/os",
        "/config",
        "/config/Entrypoint",
        "/config/Env",
        "/config/ExposedPorts",
        "/config/User",
        "/config/WorkingDir",
        "/rootfs",
        "/rootfs/diff_ids",
        "/history",
    ];
    for place in places {
        for odd in ODD {
            let value: serde_json::Value = serde_json::from_str(odd).unwrap();
            let mut image = Parts::server("amd64").image();
            let mut config: serde_json::Value = image.config.read("config").unwrap();
            *config.pointer_mut(place).unwrap() = value;
            image.config = Document::new(media_type::OCI_CONFIG, &config).unwrap();
            let set = ImageSet::single(image);
            for platform in ImagePlatform::ALL {
                for finding in findings(platform, &set, &[Arch::Amd64]) {
                    assert!(!finding.message.contains(char::is_control), "{finding:?}");
                    assert!(
                        RULES.iter().any(|rule| rule.id == finding.rule),
                        "{finding:?}"
                    );
                }
            }
        }
    }
}
