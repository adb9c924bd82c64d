//! `slsbuild image`, as users run it: what it prints, what lies on disk, and what real engines and registries make of that.

mod base;
mod delivery;
mod engine;
mod reproducible;
mod usage;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Crate, fixture, slsbuild};

/// `fixtures/server`, built for amd64 once: images of it are made without a compiler.
fn server() -> &'static Path {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| program("server", "amd64"))
}

/// `fixtures/raw`, a function without a runtime crate.
fn raw() -> &'static Path {
    static RAW: OnceLock<PathBuf> = OnceLock::new();
    RAW.get_or_init(|| program("raw", "amd64"))
}

fn program(name: &str, arch: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("program-{name}-{arch}"));
    let output = slsbuild()
        .args(["dir", "--arch", arch, "--manifest-path"])
        .arg(fixture(name).join("Cargo.toml"))
        .arg("--out-dir")
        .arg(&directory)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    directory.join("bootstrap")
}

/// A directory with `bin/server`, an asset, and nothing else: what is built already.
fn ready() -> Crate {
    let directory = Crate::empty().file("assets/page.html", "<p>hello</p>\n");
    directory.write("bin/server", &fs_err::read(server()).unwrap());
    directory
}

/// What a run printed on stdout, which ended well.
fn made(directory: &Crate, arguments: &str) -> Vec<String> {
    let output = directory.slsbuild(arguments).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {words}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(str::to_owned).collect()
}

/// A JSON document of a layout, by its digest.
fn blob(layout: &Path, digest: &str) -> serde_json::Value {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let path = layout.join("blobs/sha256").join(hex);
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

/// The manifest and the config of a layout's only image.
fn documents(layout: &Path) -> (serde_json::Value, serde_json::Value) {
    let index: serde_json::Value =
        serde_json::from_slice(&fs_err::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = blob(layout, index["manifests"][0]["digest"].as_str().unwrap());
    let config = blob(layout, manifest["config"]["digest"].as_str().unwrap());
    (manifest, config)
}
