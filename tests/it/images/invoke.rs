//! `slsbuild invoke IMAGE`: the function of an image, as Lambda would start it.

use std::fmt::Write as _;

use serde_json::json;
use slsbuild::artifact::oci::media_type::{Compression, Family};
use slsbuild::target::Arch;

use super::builder::{Entry, Layer, Parts, index, write};
use crate::invoke::{MOODS, filters};
use crate::support::{Crate, skipped};

fn host() -> &'static str {
    Arch::host().unwrap().name()
}

fn with_program(parts: Parts, path: &[&'static str], family: Family) -> Parts {
    let moods = fs_err::read(&*MOODS).unwrap();
    let (program, directories) = path.split_last().unwrap();
    let mut entries: Vec<Entry> = directories
        .iter()
        .map(|name| (*name, 0o755, Vec::new()))
        .collect();
    entries.push((program, 0o755, moods));
    parts.last(|layer| *layer = Layer::new(&entries, family, Compression::Gzip))
}

/// A function on a stand-in of Lambda's base.
fn on_lambdas_base() -> Parts {
    let path = ["var/", "var/runtime/", "var/runtime/bootstrap"];
    with_program(Parts::function(host()), &path, Family::Docker)
}

/// A function that is the entrypoint itself.
fn on_its_own() -> Parts {
    let path = ["var/", "var/task/", "var/task/bootstrap"];
    with_program(Parts::server(host()), &path, Family::Oci)
        .config("/config/Entrypoint", json!(["/var/task/bootstrap"]))
        .config("/config/WorkingDir", json!("/var/task"))
        .config(
            "/config/Env",
            json!(["MOOD=image", "AWS_REGION=image", "PATH=/image"]),
        )
}

fn invoke(parts: Parts, arguments: &str) -> String {
    let directory = Crate::empty();
    write(&parts.set(), &directory.path().join("orders"));
    directory.outcome(&format!("invoke orders --timeout 60 {arguments}"))
}

#[test]
fn an_image_is_invoked_in_both_forms() {
    let _filters = filters();
    for parts in [on_lambdas_base(), on_its_own()] {
        let outcome = invoke(parts, "--event {\"order\":7} --quiet");
        assert!(
            outcome.starts_with("exit code: 0\n--- stdout\n{\"order\":7}--- "),
            "{outcome}"
        );
    }
}

#[test]
fn a_function_in_an_image_sees_the_images_variables_below_lambdas() {
    let shown = |parts| invoke(parts, "--event \"environment\" --env OWN=1");
    let on_base = shown(on_lambdas_base());
    assert!(on_base.contains("_HANDLER=orders"), "{on_base}");
    let own = shown(on_its_own());
    assert!(own.contains("MOOD=image") && own.contains("OWN=1"), "{own}");
    assert!(own.contains("AWS_REGION=us-east-1"), "{own}");
    if rustix::process::geteuid().is_root() {
        assert!(own.contains("LAMBDA_TASK_ROOT=/var/task"), "{own}");
        assert!(own.contains("PATH=/image"), "{own}");
    } else {
        skipped("only root gives an image a root directory of its own");
    }
}

#[test]
fn an_image_is_run_as_nobody_who_may_write_into_tmp_alone() {
    let written = invoke(on_its_own(), "--event \"write\"");
    let identity = invoke(on_its_own(), "--event \"identity\"");
    assert!(written.contains("{\"written\":false}"), "{written}");
    assert!(
        identity.contains("65534") || !rustix::process::geteuid().is_root(),
        "{identity}"
    );
}

#[test]
fn the_image_for_this_machine_is_chosen() {
    let other = Parts::function(match host() {
        "arm64" => "amd64",
        _ => "arm64",
    });
    let set = index(vec![other.image(), on_lambdas_base().image()], None);
    let directory = Crate::empty();
    write(&set, &directory.path().join("orders"));
    let outcome = directory.outcome("invoke orders --event 1 --timeout 60 --quiet");
    assert!(
        outcome.starts_with("exit code: 0\n--- stdout\n1--- "),
        "{outcome}"
    );
}

#[test]
fn what_cannot_be_run_of_an_image_is_said() {
    let _filters = filters();
    let nothing = on_its_own().config("/config/Entrypoint", json!(["/var/task/orders"]));
    let elsewhere = on_its_own().config("/config/WorkingDir", json!("/data"));
    let broken = on_its_own().last(|layer| {
        let half = layer.blob.len() / 2;
        layer.blob.truncate(half);
    });
    let mut all = String::new();
    for (case, parts, flags) in [
        ("a program that is not there", nothing, ""),
        (
            "a working directory that is not there",
            elsewhere,
            "--event 1",
        ),
        ("a broken layer", broken, ""),
        ("a layer beside an image", on_its_own(), "--layer orders"),
    ] {
        let _ = writeln!(all, "# {case}\n{}", invoke(parts, flags));
    }
    // Who is not root is told of that too.
    let lines = all.split_inclusive('\n');
    let same = lines.filter(|line| !line.contains("without a root directory of its own"));
    insta::assert_snapshot!(same.collect::<String>());
}
