//! `slsbuild check` of layers and extensions: what a user sees of good ones, and of each way in which one is broken.

use object::elf;

use crate::check::{Zip, arm64, assert_shown, function, shown};
use crate::tiny_elf::TinyElf;

/// A layer with one extension.
fn extension(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    Zip::new()
        .with(&format!("extensions/{name}"), mode, content)
        .build()
}

#[test]
fn good_extensions_and_layers_pass() {
    let elf = arm64().build();
    let linked = Zip::new()
        .with("telemetry/main", 0o755, &elf)
        .link("extensions/telemetry", "/opt/telemetry/main")
        .link("task", "/var/task/data")
        .build();
    let both = Zip::new()
        .with("bootstrap", 0o755, "#!/bin/sh\n")
        .with("extensions/adapter", 0o755, &elf)
        .build();
    let cases = [
        ("a static binary", extension("telemetry", 0o755, &elf)),
        ("a script", extension("telemetry.sh", 0o755, b"#!/bin/sh\n")),
        ("a link into the layer, and one out of it", linked),
        ("a bootstrap beside an extension is a function's", both),
    ];
    assert_shown("extension_good", &shown(&cases, &[]));
    let layer = Zip::new()
        .with("lib/libpq.so.5", 0o644, "a library")
        .build();
    let cases = [
        ("a library", layer),
        ("an extension", extension("telemetry", 0o755, &elf)),
    ];
    assert_shown("layer_good", &shown(&cases, &["--kind", "layer"]));
}

#[test]
fn an_extension_must_be_what_lambda_starts() {
    let elf = arm64().build();
    let many = (0..11).fold(Zip::new(), |zip, n| {
        zip.with(&format!("extensions/e{n:02}"), 0o755, &elf)
    });
    let mixed = Zip::new()
        .with("extensions/a", 0o755, &elf)
        .with("extensions/b", 0o755, TinyElf::new(elf::EM_X86_64).build())
        .build();
    let dynamic = TinyElf {
        needed: vec!["libssl.so.3", "libc.so.6"],
        ..TinyElf::dynamic(elf::EM_AARCH64, &["GLIBC_2.39"])
    };
    let cases = [
        ("not executable", extension("telemetry", 0o644, &elf)),
        (
            "a stray file",
            extension(".DS_Store", 0o644, b"\0\0\0\x01Bud1"),
        ),
        (
            "a name that no header carries",
            extension("télémétrie", 0o755, &elf),
        ),
        ("more than Lambda starts", many.build()),
        ("two architectures", mixed),
        (
            "a newer glibc",
            extension("telemetry", 0o755, &dynamic.build()),
        ),
        ("a circle", Zip::new().link("extensions/a", "a").build()),
    ];
    assert_shown("extension_broken", &shown(&cases, &[]));
}

#[test]
fn a_kind_that_was_asked_for_is_held_against_its_rules() {
    let elf = arm64().build();
    let deeper = Zip::new()
        .with("layer/extensions/telemetry", 0o755, &elf)
        .build();
    let cases = [
        ("a function", function(&arm64())),
        ("in a directory", deeper),
        ("an empty zip", Zip::new().build()),
    ];
    assert_shown("extension_asked", &shown(&cases, &["--kind", "extension"]));
    let empty = Zip::new().directory("lib", 0o755).build();
    let cases = [
        ("directories only", empty),
        ("an empty zip", Zip::new().build()),
    ];
    assert_shown("layer_empty", &shown(&cases, &["--kind", "layer"]));
    let cases = [("an extension", extension("telemetry", 0o755, &elf))];
    assert_shown("function_asked", &shown(&cases, &["--kind", "function"]));
}

#[test]
fn the_kind_stands_in_the_report() {
    let elf = arm64().build();
    let cases = [("an extension", extension("telemetry", 0o755, &elf))];
    let shown = shown(&cases, &["--format", "json"]);
    assert!(
        shown.contains(
            "\"platform\": \"lambda\",\n      \"kind\": \"extension\",\n      \"arch\": \"arm64\""
        ),
        "{shown}"
    );
}
