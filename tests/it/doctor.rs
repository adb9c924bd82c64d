//! `slsbuild doctor` on machines that lack something: directories for PATH that hold only some tools.

use std::path::Path;

use crate::support::{Crate, oracle, zig_directory};

/// A directory for PATH with these programs only.
fn machine(programs: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in programs {
        let mut places = std::env::split_paths(&path).map(|one| one.join(program));
        let found = places.find(|file| file.is_file()).unwrap();
        std::os::unix::fs::symlink(found, directory.path().join(program)).unwrap();
    }
    directory
}

const RUST: [&str; 4] = ["cargo", "rustc", "rustup", "cc"];

/// What doctor says with `path` as PATH: without versions, paths of this machine, padding, and the checks whose outcome is
/// another on every machine.
fn diagnosis(project: &Crate, path: &Path, arguments: &str) -> String {
    let mut command = project.slsbuild(&format!("doctor {arguments}"));
    let outcome = crate::support::outcome(command.env("PATH", path));
    let outcome = outcome.replace(path.to_str().unwrap(), "[tools]");
    let filters = [
        (r"(?m)^.*\b(llvm-tools|qemu-\w+) .*\n", ""),
        (r" /\S+/lib/rustlib/", " [sysroot]/lib/rustlib/"),
        (r"rustlib/\S+-gnu/bin", "rustlib/[host]/bin"),
        (r"\b\d+\.\d+(\.\d+)?\b\S*", "[version]"),
        (r"\S+/bin/python3 -m", "[zig]/python3 -m"),
        (r"  +", "  "),
    ];
    filters
        .iter()
        .fold(project.scrub(&outcome), |text, (pattern, replacement)| {
            let pattern = regex::Regex::new(pattern).unwrap();
            pattern.replace_all(&text, *replacement).into_owned()
        })
}

/// A function whose dependency compiles C, as far as the names in its graph tell.
fn with_c() -> Crate {
    let manifest = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
    };
    let orders = Crate::empty()
        .file(
            "Cargo.toml",
            &manifest(
                "orders",
                "[dependencies]\nvendored = { path = \"vendored\" }\n",
            ),
        )
        .file("src/main.rs", "fn main() {}\n")
        .file(
            "vendored/Cargo.toml",
            &manifest(
                "vendored",
                "[build-dependencies]\ncc = { path = \"../cc\" }\n",
            ),
        )
        .file("vendored/src/lib.rs", "")
        .file("vendored/build.rs", "fn main() {}\n")
        .file("cc/Cargo.toml", &manifest("cc", ""))
        .file("cc/src/lib.rs", "");
    let mut lock = std::process::Command::new("cargo");
    lock.args(["generate-lockfile", "--offline"])
        .current_dir(orders.path());
    assert!(lock.output().unwrap().status.success());
    orders
}

fn with_go(version: &str) -> Crate {
    Crate::empty()
        .file(
            "slsbuild.toml",
            "[functions.thumbnail]\ngo = \"cmd/thumbnail\"\n",
        )
        .file("go.mod", &format!("module shop\n\ngo {version}\n"))
        .file("cmd/thumbnail/main.go", "package main\n\nfunc main() {}\n")
}

#[test]
fn a_project_that_has_all_it_needs_is_ready() {
    let tools = machine(&RUST);
    let orders = Crate::binary("orders");
    insta::assert_snapshot!(diagnosis(
        &orders,
        tools.path(),
        "--target x86_64-unknown-linux-musl"
    ));
}

#[test]
fn without_rustc_a_crate_cannot_be_built() {
    let tools = machine(&["cargo"]);
    insta::assert_snapshot!(diagnosis(&Crate::binary("orders"), tools.path(), ""));
}

#[test]
fn a_crate_that_compiles_c_wants_a_compiler() {
    let tools = machine(&RUST);
    insta::assert_snapshot!(diagnosis(&with_c(), tools.path(), ""));
}

#[test]
fn zig_is_found_in_its_wheel() {
    let Some(zig) = zig_directory() else { return };
    let tools = machine(&RUST);
    let project = with_c();
    let path = std::env::join_paths([zig.as_path(), tools.path()]).unwrap();
    let output = project
        .slsbuild("doctor --format json")
        .env("PATH", path)
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks = document["checks"].as_array().unwrap().iter();
    let check = checks
        .find(|check| check["name"].as_str().unwrap().starts_with("C compiler"))
        .unwrap();
    assert_eq!(check["status"], "ok");
    assert_eq!(check["needed_for"], "the C of vendored 0.1.0");
    assert!(
        check["path"]
            .as_str()
            .unwrap()
            .ends_with("python3 -m ziglang")
    );
    assert_eq!(document["ready"], true);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_go_function_wants_go() {
    let tools = machine(&RUST);
    insta::assert_snapshot!(diagnosis(&with_go("1.26"), tools.path(), ""));
}

#[test]
fn a_go_that_is_too_old_for_the_module_is_no_go() {
    if oracle("go").is_none() {
        return;
    }
    let tools = machine(&["go"]);
    let project = with_go("1.99");
    let diagnose = |toolchain: &str| {
        let mut command = project.slsbuild("doctor");
        command
            .env("PATH", tools.path())
            .env("GOTOOLCHAIN", toolchain);
        let output = command.output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        (
            output.status.code(),
            lines
                .lines()
                .find(|line| line.contains("  go "))
                .unwrap()
                .to_owned(),
        )
    };
    let (code, line) = diagnose("local");
    assert_eq!(code, Some(4));
    assert!(
        line.starts_with("missing ") && line.contains("go.mod of `thumbnail` wants go 1.99"),
        "{line}"
    );
    let (code, line) = diagnose("auto");
    assert_eq!(code, Some(0), "{line}");
}

#[test]
fn without_a_project_nothing_is_needed() {
    let tools = machine(&RUST);
    insta::assert_snapshot!(diagnosis(&Crate::empty(), tools.path(), ""));
    let nothing = machine(&[]);
    insta::assert_snapshot!(diagnosis(&Crate::empty(), nothing.path(), ""));
}

#[test]
fn training_for_another_arch_wants_an_emulator() {
    let (foreign, check) = if cfg!(target_arch = "aarch64") {
        ("amd64", "qemu-x86_64")
    } else {
        ("arm64", "qemu-aarch64")
    };
    let tools = machine(&RUST);
    let orders = Crate::binary("orders").file("events/one.json", "{}");
    let status = |arguments: &str| {
        let mut command = orders.slsbuild(&format!(
            "doctor --format json --arch {foreign} {arguments}"
        ));
        let output = command.env("PATH", tools.path()).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut checks = document["checks"].as_array().unwrap().iter();
        checks.find(|one| one["name"] == check).unwrap()["status"].clone()
    };
    assert_eq!(status(""), "optional");
    assert_eq!(status("--pgo events"), "missing");
}

#[test]
fn a_gnu_target_wants_a_linker() {
    let foreign = if cfg!(target_arch = "aarch64") {
        "x86_64"
    } else {
        "aarch64"
    };
    let tools = machine(&RUST);
    let arguments = format!("--target {foreign}-unknown-linux-gnu");
    let told = diagnosis(&Crate::binary("orders"), tools.path(), &arguments);
    let line = format!(
        "missing  linker for {foreign}-unknown-linux-gnu  (for orders)  hint: pip install ziglang"
    );
    assert!(
        told.starts_with("exit code: 4\n") && told.contains(&line),
        "{told}"
    );
}

#[test]
fn broken_tools_are_told_and_break_nothing() {
    let project = with_c();
    let tools = machine(&["sh"]);
    for tool in ["cargo", "rustc", "rustup", "zig", "cc", "go"] {
        let broken = project.script(&format!("broken/{tool}"), "echo out of order >&2; exit 1");
        std::os::unix::fs::symlink(broken, tools.path().join(tool)).unwrap();
    }
    insta::assert_snapshot!(diagnosis(&project, tools.path(), ""));
}

#[test]
fn the_json_is_whole_and_says_the_same() {
    let tools = machine(&["cargo"]);
    let project = Crate::binary("orders");
    let mut command = project.slsbuild("doctor --format json");
    let output = command.env("PATH", tools.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["ready"], false);
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["checks", "ready", "schema_version", "slsbuild"]);
    let rustc = &document["checks"][0];
    insta::assert_json_snapshot!(rustc);
}
