//! Bases: a layout on disk, a tag that is locked, and what a base that cannot be used gets.

use std::path::Path;

use serde_json::{Value, json};
use slsbuild::digest::Sha256;

use super::{documents, made, ready};
use crate::registry::real::{Registry, With};
use crate::support::Crate;

/// A file of a layer: its name, mode and content.
type File<'a> = (&'a str, u32, &'a [u8]);

/// Writes a layout with one amd64 image of these layers, each with the directories of its files.
pub(super) fn layout(path: &Path, layers: &[&[File<'_>]], config: &Value) {
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    for (number, files) in layers.iter().enumerate() {
        let tar = tar(files);
        diff_ids.push(format!("sha256:{}", Sha256::of(&tar)));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &tar).unwrap();
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        descriptors.push(blob(path, layer, &gzip.finish().unwrap()));
        history.push(json!({ "created_by": format!("layer {number}") }));
    }
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids }, "history": history,
    });
    let config = blob(
        path,
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let manifest_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": descriptors });
    let manifest = blob(path, manifest_type, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs_err::write(path.join("index.json"), index.to_string()).unwrap();
    fs_err::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn tar(files: &[File<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut directories: Vec<&str> = Vec::new();
    let mut add = |name: &str, kind, mode, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_mtime(0);
        builder.append_data(&mut header, name, content).unwrap();
    };
    for (name, mode, content) in files {
        for (at, _) in name.match_indices('/') {
            let directory = &name[..at];
            if !directories.contains(&directory) {
                directories.push(directory);
                add(
                    &format!("{directory}/"),
                    tar::EntryType::Directory,
                    0o755,
                    b"",
                );
            }
        }
        add(name, tar::EntryType::Regular, *mode, content);
    }
    builder.into_inner().unwrap()
}

/// Writes a blob; gives its descriptor.
fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Sha256::of(bytes).to_string();
    let directory = layout.join("blobs/sha256");
    fs_err::create_dir_all(&directory).unwrap();
    fs_err::write(directory.join(&digest), bytes).unwrap();
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() })
}

/// Pushes a base with this file in it.
fn push_base(directory: &Crate, host: &str, content: &str) {
    let path = directory.path().join("base");
    let _ = fs_err::remove_dir_all(&path);
    let config = json!({ "User": "65532", "Healthcheck": { "Test": ["NONE"] } });
    layout(
        &path,
        &[&[("etc/content", 0o644, content.as_bytes())]],
        &config,
    );
    made(directory, &format!("push base {host}/base:1"));
}

fn base_digest(layout: &Path) -> String {
    let (manifest, _) = documents(layout);
    manifest["annotations"]["org.opencontainers.image.base.digest"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_tag_is_asked_for_once_and_then_locked() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let directory = ready();
    let host = registry.host.clone();
    push_base(&directory, &host, "one");
    let image = format!("image --binary bin/server --base {host}/base:1 --output oci-layout=out");
    let out = directory.path().join("out");
    let cache = tempfile::tempdir().unwrap();
    let run = |more: &str| {
        let mut command = directory.slsbuild(&format!("{image} {more}"));
        let output = command
            .env("SLSBUILD_CACHE_DIR", cache.path())
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };

    let (code, words) = run("");
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("is locked in slsbuild.lock"), "{words}");
    let first = base_digest(&out);
    let (_, config) = documents(&out);
    assert_eq!(
        config["config"]["Healthcheck"],
        json!({ "Test": ["NONE"] }),
        "what is not known is kept"
    );

    // The tag moves; the lock does not.
    push_base(&directory, &host, "two");
    assert_eq!(run("").0, Some(0));
    assert_eq!(base_digest(&out), first);
    assert_eq!(run("--offline").0, Some(0), "what was fetched is enough");

    let (code, words) = run("--update-base");
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("is another image now"), "{words}");
    assert_ne!(base_digest(&out), first);

    // Another machine has the lock and no cache.
    fs_err::remove_dir_all(cache.path()).unwrap();
    let (code, words) = run("--offline");
    assert_eq!(code, Some(6), "{words}");
    assert_eq!(run("").0, Some(0));
}

#[test]
fn a_base_that_was_changed_on_disk_or_in_the_lock_is_refused() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let directory = ready();
    let host = registry.host.clone();
    push_base(&directory, &host, "one");
    let image = format!("image --binary bin/server --base {host}/base:1 --output oci-layout=out");
    made(&directory, &image);
    let lock = directory.path().join("slsbuild.lock");
    let text = fs_err::read_to_string(&lock).unwrap();

    // A digest that the registry does not have.
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = lines.last_mut().unwrap();
    let (start, digest) = last.rsplit_once(':').unwrap();
    *last = format!(
        "{start}:{}",
        digest.replace(|c: char| c.is_ascii_digit(), "0")
    );
    fs_err::write(&lock, lines.join("\n")).unwrap();
    let answer = directory.outcome(&image);
    assert!(answer.starts_with("exit code: 6\n"), "{answer}");

    fs_err::write(&lock, "version = 7\n").unwrap();
    let answer = directory.outcome(&image);
    assert!(answer.starts_with("exit code: 3\n"), "{answer}");
    assert!(answer.contains("slsbuild.lock"), "{answer}");

    // A layout whose layer is not what its digest says.
    fs_err::write(&lock, text).unwrap();
    let base = directory.path().join("base/blobs/sha256");
    for entry in fs_err::read_dir(base).unwrap() {
        let path = entry.unwrap().path();
        let mut content = fs_err::read(&path).unwrap();
        if content.starts_with(&[0x1f, 0x8b]) {
            let end = content.len() - 1;
            content[end] ^= 1;
            fs_err::write(&path, content).unwrap();
        }
    }
    let answer =
        directory.outcome("image --binary bin/server --base base --output oci-layout=other");
    assert!(answer.starts_with("exit code: 5\n"), "{answer}");
    assert!(!directory.path().join("other").exists(), "no half layout");
}

#[test]
fn a_base_without_the_wanted_platform_lists_what_it_has() {
    let directory = ready();
    let path = directory.path().join("base");
    layout(&path, &[&[("etc/content", 0o644, b"x")]], &json!({}));
    directory.write(
        "arm/server",
        &crate::tiny_elf::TinyElf::new(object::elf::EM_AARCH64).build(),
    );
    let answer = directory.outcome("image --binary arm/server --base base");
    insta::assert_snapshot!(answer);
}
