//! What is printed, and what bad input gets.

use super::{documents, made, ready};
use crate::support::{Crate, fixture, outcome, scrub, slsbuild};

/// The snapshot of a run, with digests and shares of sizes away.
fn shown(directory: &Crate, arguments: &str) -> String {
    directory.outcome(arguments)
}

#[test]
fn a_crate_becomes_an_image_without_network() {
    let directory = tempfile::tempdir().unwrap();
    let run = || {
        outcome(
            slsbuild()
                .current_dir(directory.path())
                .args([
                    "image",
                    "--for",
                    "cloud-run",
                    "--base",
                    "builtin",
                    "--out-dir",
                    "out",
                    "--manifest-path",
                ])
                .arg(fixture("server").join("Cargo.toml")),
        )
    };
    let first = run();
    assert!(
        first.starts_with("exit code: 0\n--- stdout\nout/image\n"),
        "{first}"
    );
    // The second one finds all of it.
    insta::assert_snapshot!(scrub(&run()));
    let (manifest, config) = documents(&directory.path().join("out/image"));
    insta::assert_json_snapshot!(manifest["annotations"]);
    insta::assert_json_snapshot!(config["config"]);
}

#[test]
fn the_report_is_complete() {
    let directory = ready();
    let report = made(
        &directory,
        "image --binary bin/server --base builtin --format json",
    );
    insta::assert_snapshot!(directory.scrub(&report.join("\n")));
}

#[test]
fn the_config_says_what_is_asked_for() {
    let directory = ready();
    made(
        &directory,
        "image --binary bin/server --base builtin --env A=1 --env B=x=y --label team=shop --annotation a.b=c --user 1000 --workdir /srv --port 9000 --port 9001 --entrypoint /app/server --entrypoint --fast --cmd [\"a\",\"b\"] --include assets --include assets/page.html:/etc/page.html --output oci-layout=out",
    );
    let layout = directory.path().join("out");
    let (manifest, config) = documents(&layout);
    insta::assert_json_snapshot!("asked_config", config["config"]);
    assert_eq!(manifest["annotations"]["a.b"], "c");
    let created_by = |entry: &serde_json::Value| entry["created_by"].as_str().unwrap().to_owned();
    let history: Vec<String> = config["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(created_by)
        .collect();
    assert_eq!(
        history[2..],
        ["slsbuild: included files", "slsbuild: the program"]
    );
    let files = manifest["layers"][2]["digest"].as_str().unwrap();
    let path = layout
        .join("blobs/sha256")
        .join(files.strip_prefix("sha256:").unwrap());
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(
        fs_err::File::open(path).unwrap(),
    ));
    let names = tar.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        format!(
            "{:o} {} {} {} {}",
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            entry.path().unwrap().display()
        )
    });
    insta::assert_snapshot!("asked_files", names.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_configuration_says_the_same() {
    let table = "[functions.api]\nbinary = \"bin/server\"\nplatform = \"cloud-run\"\ninclude = [\"assets\"]\nenv = { A = \"1\" }\n[functions.api.image]\nbase = \"builtin\"\nport = 9000\nuser = \"1000\"\nlabel = { team = \"shop\" }\nallow = [\"cloud-run/contract\"]\n";
    let directory = ready().file("slsbuild.toml", table);
    insta::assert_snapshot!("configured", shown(&directory, "config"));
    made(&directory, "image --env B=2");
    let layout = directory.path().join(".slsbuild/api/cloud-run/amd64/image");
    let (_, config) = documents(&layout);
    insta::assert_json_snapshot!("configured_config", config["config"]);
    // A zip of it is no artifact that its platform runs.
    insta::assert_snapshot!("configured_zip", shown(&directory, "build"));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_built() {
    let directory = ready();
    let cases = [
        "--for cloudrun",
        "--for cloud-run --arch arm64",
        "--for app-runner --compression zstd",
        "--for lambda --compression zstd",
        "--for lambda --port 8080",
        "--base nothing/here@sha256:12",
        "--base ./missing",
        "--base bin/server",
        "--base gcr.io/distroless/static-debian13:nonroot --offline",
        "--push http://gcr.io/x",
        "--push gcr.io/X",
        "--push gcr.io/x@sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "--output tar=x",
        "--output docker-archive=",
        "--tag -x --base builtin",
        "--workdir srv --base builtin",
        "--env A --base builtin",
        "--cmd [1] --base builtin",
        "--port 0 --base builtin",
        "--include assets:/app/server/x --base builtin",
        "--include bin/server:/app/server --base builtin",
        "--allow cloud-run/contrat --base builtin",
        "--layout cargo-lambda --base builtin",
    ];
    let answers = cases.map(|case| {
        let answer = shown(&directory, &format!("image --binary bin/server {case}"));
        assert!(!answer.starts_with("exit code: 0\n"), "{case}: {answer}");
        format!("$ slsbuild image --binary bin/server {case}\n{answer}")
    });
    insta::assert_snapshot!(answers.join("\n"));
    assert!(
        !directory.path().join(".slsbuild/server").exists(),
        "nothing was written"
    );
}

#[test]
fn a_budget_holds_for_an_image() {
    let table = "[functions.api]\nbinary = \"bin/server\"\nplatform = \"container\"\nbudget.image = \"100 kB\"\nimage.base = \"builtin\"\n";
    let directory = ready().file("slsbuild.toml", table);
    let answer = shown(&directory, "image");
    assert!(answer.starts_with("exit code: 5\n"), "{answer}");
    assert!(answer.contains("over its budget.image"), "{answer}");
    assert!(
        !directory
            .path()
            .join(".slsbuild/api/container/amd64/image")
            .exists()
    );
}

#[test]
fn the_commit_is_named_only_where_it_is_asked_for() {
    let directory = ready();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
        let mut command = std::process::Command::new("git");
        let output = command
            .args(identity)
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let image = "image --binary bin/server --base builtin --output oci-layout=out";
    let refused = shown(&directory, &format!("{image} --label-git"));
    assert!(refused.starts_with("exit code: 3\n"), "{refused}");
    git(&["init", "--quiet"]);
    git(&[
        "remote",
        "add",
        "origin",
        "https://me:secret@example.com/team/shop.git",
    ]);
    git(&["add", "assets"]);
    git(&["commit", "--quiet", "--message", "one"]);
    let annotations = |arguments: &str| {
        made(&directory, arguments);
        documents(&directory.path().join("out")).0["annotations"].clone()
    };
    let name = |key: &str| format!("org.opencontainers.image.{key}");
    assert!(annotations(image)[name("revision")].is_null());
    let named = annotations(&format!("{image} --label-git"));
    assert_eq!(named[name("revision")], git(&["rev-parse", "HEAD"]));
    assert_eq!(named[name("source")], "https://example.com/team/shop.git");
}
