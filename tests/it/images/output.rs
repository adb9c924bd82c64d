//! What a user sees of `slsbuild check IMAGE`.

use std::fmt::Write as _;

use serde_json::json;
use slsbuild::artifact::oci::ImageSet;
use slsbuild::artifact::oci::media_type::{Compression, Family};

use super::builder::{Parts, index, own, write};
use crate::support::{Crate, oracle, scrub};

/// A directory with these layouts in it.
fn layouts(sets: &[(&str, ImageSet)]) -> Crate {
    let directory = Crate::empty();
    for (name, set) in sets {
        write(set, &directory.path().join(name));
    }
    directory
}

fn broken() -> Parts {
    let mut entries = own("amd64");
    entries.push(("data/prices", 0o600, b"x".to_vec()));
    Parts::server_of("amd64", &entries, Family::Oci, Compression::Zstd)
        .config("/config/WorkingDir", json!(""))
}

#[test]
fn images_are_checked_for_their_platform() {
    let both = index(
        vec![
            Parts::server("arm64").image(),
            Parts::server("amd64").image(),
        ],
        None,
    );
    let directory = layouts(&[
        ("function", Parts::function("arm64").set()),
        ("server", both),
        ("broken", broken().set()),
    ]);
    let mut all = String::new();
    for arguments in [
        "function",
        "function --for lambda --arch arm64",
        "server --for cloud-run",
        "server --for lambda",
        "broken --for lambda",
        "broken --for lambda --allow lambda/zstd --allow lambda/parent-directory",
        "broken --for lambda --allow lambda/history --quiet",
        "function server --format json --quiet",
    ] {
        let outcome = directory.outcome(&format!("check {arguments}"));
        let _ = writeln!(all, "$ slsbuild check {arguments}\n{outcome}");
    }
    insta::with_settings!({filters => vec![("`[0-9a-f]{12}`", "`[digest]`")]}, {
        insta::assert_snapshot!(all);
    });
}

#[test]
fn what_cannot_be_checked_is_said_before_anything_is() {
    let directory = layouts(&[("server", Parts::server("amd64").set())])
        .file("x.zip", "PK\u{3}\u{4}")
        .file("torn/index.json", "{\"schemaVersion\": 2, \"manifests\": [");
    let mut all = String::new();
    for arguments in [
        "server --for cloudrun",
        "server --allow lambda/histroy",
        "server --kind layer",
        "server --arch riscv",
        "x.zip --for cloud-run",
        "missing",
        "dir.v1/missing.zip",
        "127.0.0.1:1/orders:7 --for lambda",
        "torn",
    ] {
        let outcome = directory.outcome(&format!("check {arguments}"));
        let _ = writeln!(all, "$ slsbuild check {arguments}\n{outcome}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_image_of_another_tool_passes() {
    let Some(skopeo) = oracle("skopeo") else {
        return;
    };
    let directory = layouts(&[("server", Parts::server("amd64").set())]);
    let copied = std::process::Command::new(skopeo)
        .current_dir(directory.path())
        .args(["copy", "--quiet", "--format", "oci"])
        .args(["--insecure-policy", "oci:server", "oci:copy:latest"])
        .status()
        .unwrap();
    assert!(copied.success(), "skopeo takes our own image");
    let outcome = directory.outcome("check copy --for fargate");
    assert!(
        outcome.starts_with("exit code: 0\n--- stdout\ncopy\n"),
        "{outcome}"
    );
}

#[test]
fn hostile_layouts_end_with_a_verdict() {
    let directory = layouts(&[("image", Parts::function("arm64").set())]);
    let blobs = directory.path().join("image/blobs/sha256");
    let mut files: Vec<_> = fs_err::read_dir(blobs)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.push(directory.path().join("image/index.json"));
    files.sort();
    for file in files {
        let whole = fs_err::read(&file).unwrap();
        for at in (0..whole.len()).step_by(1 + whole.len() / 5) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            for bytes in [&flipped[..], &whole[..at]] {
                fs_err::write(&file, bytes).unwrap();
                let output = directory
                    .slsbuild("check image --for lambda")
                    .output()
                    .unwrap();
                let code = output.status.code();
                let stderr = scrub(&String::from_utf8_lossy(&output.stderr));
                assert!(matches!(code, Some(0 | 5)), "{code:?}: {stderr}");
                assert!(!stderr.contains("panicked"), "{stderr}");
            }
        }
        fs_err::write(&file, &whole).unwrap();
    }
    let again = directory.outcome("check image --for lambda");
    assert!(again.starts_with("exit code: 0"), "{again}");
}
