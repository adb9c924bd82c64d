//! `slsbuild invoke --layer`: functions with real extensions beside them, good ones and ones that misbehave.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use insta::assert_snapshot;
use slsbuild::target::Arch;

use crate::check::Zip;
use crate::invoke::{MOODS, build, filters};
use crate::support::{oracle, outcome, slsbuild};

static EXTENSION: LazyLock<PathBuf> = LazyLock::new(|| build("extension", Arch::host().unwrap()));

/// The extension's layer, under a name.
fn layer(directory: &Path, name: &str, binary: &Path) -> PathBuf {
    let zip = Zip::new().with(
        &format!("extensions/{name}"),
        0o755,
        fs_err::read(binary).unwrap(),
    );
    written(directory, &format!("{name}.zip"), zip)
}

fn written(directory: &Path, name: &str, zip: Zip) -> PathBuf {
    let path = directory.join(name);
    fs_err::write(&path, zip.build()).unwrap();
    path
}

fn invoke(artifact: &Path, layers: &[&Path], timeout: &str) -> Command {
    let mut command = slsbuild();
    command.arg("invoke").arg(artifact).stdin(Stdio::null());
    for layer in layers {
        command.arg("--layer").arg(layer);
    }
    command.args(["--timeout", timeout]);
    command
}

#[test]
fn an_extension_registers_hears_of_the_event_and_of_the_end() {
    let _filters = filters();
    for arch in Arch::ALL {
        if Some(arch) != Arch::host() && oracle(&format!("qemu-{}-static", arch.cpu())).is_none() {
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        let layer = layer(directory.path(), "telemetry", &build("extension", arch));
        let mut command = invoke(&build("echo", arch), &[&layer], "60");
        command.args(["--event", r#"{"order":7}"#]);
        assert_snapshot!("extension_and_echo", outcome(&mut command));
    }
}

#[test]
fn an_extension_that_misbehaves_is_named() {
    let _filters = filters();
    let directory = tempfile::tempdir().unwrap();
    let layer = layer(directory.path(), "telemetry", &EXTENSION);
    let mut shown = String::new();
    for (mood, timeout) in [
        ("exit-early", "60"),
        ("never-register", "1"),
        ("crash", "60"),
        ("error", "60"),
        ("linger", "1"),
        ("stay", "60"),
    ] {
        let mut command = invoke(&MOODS, &[&layer], timeout);
        command.args(["--env", &format!("EXTENSION_MOOD={mood}")]);
        // Whether the function answers before its extension dies is a race.
        let outcome = outcome(&mut command).replace("{}--- stderr", "--- stderr");
        let _ = writeln!(shown, "=== {mood}\n{outcome}");
    }
    assert_snapshot!(shown);
}

#[test]
fn what_lambda_cannot_start_beside_a_function_fails_it() {
    let _filters = filters();
    let directory = tempfile::tempdir().unwrap();
    let with = |name: &str, mode: u32, content: &[u8]| {
        let zip = Zip::new().with(&format!("extensions/{name}"), mode, content);
        let layer = written(directory.path(), &format!("{name}.zip"), zip);
        outcome(&mut invoke(&MOODS, &[&layer], "60"))
    };
    assert_snapshot!(
        [
            with("not-executable", 0o644, b"#!/bin/sh\n"),
            with("no-program", 0o755, b"words"),
            with("ends", 0o755, b"#!/bin/sh\nexit 0\n"),
        ]
        .join("\n")
    );
}

#[test]
fn layers_lie_in_their_order_under_the_sandbox() {
    let directory = tempfile::tempdir().unwrap();
    let bootstrap: &[u8] = b"#!/bin/sh\nwhich-layer >&2\nexec \"$LAMBDA_TASK_ROOT/moods\"\n";
    let function = Zip::new().with("moods", 0o755, fs_err::read(&*MOODS).unwrap());
    let function = written(directory.path(), "orders.zip", function);
    let first = Zip::new().with("bootstrap", 0o755, bootstrap).with(
        "bin/which-layer",
        0o755,
        "#!/bin/sh\necho first\n",
    );
    let first = written(directory.path(), "first.zip", first);
    let second = Zip::new().with(
        "bin/which-layer",
        0o755,
        "#!/bin/sh\necho second, with lib in $LD_LIBRARY_PATH\n",
    );
    let second = written(directory.path(), "second.zip", second);
    let mut command = invoke(&function, &[&first, &second], "60");
    let output = command.args(["--event", "[1]"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.stdout, b"[1]", "{stderr}");
    let line = stderr.lines().next().unwrap();
    assert!(
        line.starts_with("second, with lib in ") && line.ends_with("/opt/lib"),
        "{stderr}"
    );
    assert!(!line.ends_with(":/opt/lib"), "{stderr}");
}

#[test]
fn an_extension_for_another_arch_than_its_function_is_refused_as_lambda_refuses_it() {
    let [host, foreign] = match Arch::host().unwrap() {
        Arch::Amd64 => [Arch::Amd64, Arch::Arm64],
        Arch::Arm64 => [Arch::Arm64, Arch::Amd64],
    };
    if oracle(&format!("qemu-{}-static", foreign.cpu())).is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let layer = layer(directory.path(), "telemetry", &build("extension", foreign));
    let shown = outcome(&mut invoke(&build("echo", host), &[&layer], "60"));
    assert!(shown.starts_with("exit code: 7"), "{shown}");
    let cause = format!("exec format error: it is for {foreign}, and the function for {host}");
    assert!(shown.contains(&cause), "{shown}");
}
