//! Images in registries, and several of them at once.

use serde_json::Value;

use super::{made, program, ready};
use crate::registry::real::{Registry, With};
use crate::support::{Crate, installed, oracle};

fn run(program: &std::path::Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
    String::from_utf8(output.stdout).unwrap()
}

/// A server for both architectures.
fn both() -> Crate {
    let directory = ready();
    for arch in ["amd64", "arm64"] {
        directory.write(
            &format!("bin/api-{arch}"),
            &fs_err::read(program("server", arch)).unwrap(),
        );
    }
    directory
}

#[test]
fn an_index_is_pushed_and_foreign_tools_take_it() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let directory = both();
    let name = format!("{}/team/api", registry.host);
    let image = format!(
        "image --binary bin/api-{{arch}} --name api --arch arm64,amd64 --for cloud-run --base builtin --push {name}:v7 --tag latest --format json"
    );
    let lines = made(&directory, &image);
    let report: Value = serde_json::from_str(&lines.join("\n")).unwrap();
    let artifact = &report["artifacts"][0];
    assert_eq!(
        (artifact["arch"].as_str(), artifact["path"].is_null()),
        (Some("multi"), true)
    );
    let pushed = artifact["pushed"][0].as_str().unwrap().to_owned();
    assert_eq!(
        pushed,
        format!("{name}@{}", artifact["digest"].as_str().unwrap())
    );

    // The same, once more, and from another directory: nothing is sent, and the digest is the same.
    assert_eq!(
        made(&directory, &image.replace(" --format json", "")),
        std::slice::from_ref(&pushed)
    );
    assert_eq!(
        made(&both(), &image.replace(" --format json", "")),
        std::slice::from_ref(&pushed)
    );

    foreign_tools_take(&directory, &name, &pushed);
}

/// skopeo, crane and podman read an index over both architectures.
fn foreign_tools_take(directory: &Crate, name: &str, pushed: &str) {
    if let Some(skopeo) = oracle("skopeo") {
        for tag in ["v7", "latest"] {
            let raw = run(
                &skopeo,
                &[
                    "inspect",
                    "--raw",
                    "--tls-verify=false",
                    &format!("docker://{name}:{tag}"),
                ],
            );
            let index: Value = serde_json::from_str(&raw).unwrap();
            let arches: Vec<&str> = index["manifests"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["platform"]["architecture"].as_str().unwrap())
                .collect();
            assert_eq!(arches, ["amd64", "arm64"]);
        }
        let copy = format!("oci:{}:copy", directory.path().join("copy").display());
        run(
            &skopeo,
            &[
                "copy",
                "--all",
                "--preserve-digests",
                "--src-tls-verify=false",
                &format!("docker://{pushed}"),
                &copy,
            ],
        );
    }
    if let Some(crane) = installed("SLSBUILD_TEST_GO_TOOLS", "crane") {
        run(
            &crane.join("crane"),
            &["validate", "--insecure", "--remote", pushed],
        );
    }
    if let Some(podman) = oracle("podman") {
        run(&podman, &["pull", "--quiet", "--tls-verify=false", pushed]);
        run(&podman, &["rmi", "--force", pushed]);
    }
}

#[test]
fn lambda_gets_a_tag_for_each_architecture() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let directory = both();
    let name = format!("{}/orders", registry.host);
    let lines = made(
        &directory,
        &format!(
            "image --binary bin/api-{{arch}} --name orders --arch arm64,amd64 --for lambda --base builtin --push {name}:1.4"
        ),
    );
    assert_eq!(lines.len(), 2);
    for (arch, line) in ["arm64", "amd64"].iter().zip(&lines) {
        assert!(line.starts_with(&format!("{name}@sha256:")), "{line}");
        if let Some(skopeo) = oracle("skopeo") {
            let raw = run(
                &skopeo,
                &[
                    "inspect",
                    "--raw",
                    "--tls-verify=false",
                    &format!("docker://{name}:1.4-{arch}"),
                ],
            );
            let manifest: Value = serde_json::from_str(&raw).unwrap();
            assert!(
                manifest["layers"].is_array(),
                "Lambda takes no index: {raw}"
            );
        }
    }
}

#[test]
fn several_functions_go_below_the_repository() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let table = "[defaults]\nplatform = \"container\"\n[functions.api]\nbinary = \"bin/server\"\nimage.base = \"builtin\"\n[functions.worker]\nbinary = \"bin/server\"\nimage = { base = \"builtin\", tag = [\"w1\"] }\n";
    let directory = ready().file("slsbuild.toml", table);
    let lines = made(&directory, &format!("image --push {}/shop", registry.host));
    let names: Vec<&str> = lines
        .iter()
        .map(|line| line.split('@').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            format!("{}/shop/api", registry.host),
            format!("{}/shop/worker", registry.host)
        ]
    );
    let some = made(
        &directory,
        &format!("image worker --push {}/only", registry.host),
    );
    assert!(
        some[0].starts_with(&format!("{}/only@", registry.host)),
        "{some:?}"
    );
    let refused = directory.outcome("image --output oci-archive=all.tar");
    assert!(refused.starts_with("exit code: 2\n"), "{refused}");
}

#[test]
fn a_layout_is_pushed_as_it_is() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let directory = ready();
    let layout = made(&directory, "image --binary bin/server --base builtin");
    let name = format!("{}/later", registry.host);
    let pushed = made(&directory, &format!("push {} {name}:1", layout[0]));
    let direct = made(
        &directory,
        &format!("image --binary bin/server --base builtin --push {name}:2"),
    );
    assert_eq!(pushed, direct);
}
