//! Crates that compile C: zig from its Python wheel, and the promised error where there is none.

use crate::support::{
    fixture, oracle, path_with, scrub, slsbuild, std_is_installed, zig_directory,
};

#[test]
fn ring_is_compiled_by_zig_and_answers() {
    let Some(zig) = zig_directory() else { return };
    let mut command = slsbuild();
    command
        .current_dir(fixture("uses-c"))
        .env("PATH", path_with(&zig));
    command.args([
        "zip", "--locked", "--quiet", "--format", "json", "--arch", "arm64",
    ]);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifact = &report["artifacts"][0];
    assert_eq!(artifact["toolchain"]["c_compiler"], "zig");
    assert_eq!(artifact["findings"], serde_json::json!([]));

    if cfg!(not(target_arch = "aarch64")) && oracle("qemu-aarch64-static").is_none() {
        return;
    }
    let mut invoke = slsbuild();
    invoke.args([
        "invoke",
        artifact["path"].as_str().unwrap(),
        "--timeout",
        "60",
        "--event",
        "\"abc\"",
    ]);
    let output = invoke.output().unwrap();
    // SHA-256 of the five bytes `"abc"`.
    let expected = "\"6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25\"";
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A directory for PATH without zig, Python and cross compilers: only what cargo needs to link build scripts.
pub(crate) fn tools_without_a_c_compiler() -> tempfile::TempDir {
    let tools = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in [
        "cargo", "rustc", "rustup", "cc", "sh", "dirname", "ld", "as",
    ] {
        let found = std::env::split_paths(&path)
            .map(|directory| directory.join(tool))
            .find(|file| file.is_file());
        if let Some(found) = found {
            std::os::unix::fs::symlink(found, tools.path().join(tool)).unwrap();
        }
    }
    tools
}

#[test]
fn without_a_c_compiler_the_crate_and_the_command_are_named() {
    let tools = tools_without_a_c_compiler();
    let target = tempfile::tempdir().unwrap();
    let mut command = slsbuild();
    command
        .current_dir(fixture("uses-c"))
        .env("PATH", tools.path())
        .env("CARGO_TARGET_DIR", target.path());
    command.args(["zip", "--locked", "--arch", "arm64"]);
    let outcome = scrub(&crate::support::outcome(&mut command));
    let ours: Vec<&str> = outcome
        .lines()
        .filter(|line| {
            ["exit code", "warning: `ring", "hint:", "error: `"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    insta::assert_snapshot!(ours.join("\n"));
}

#[test]
fn a_gnu_binary_is_linked_by_zig_against_the_runtimes_glibc() {
    let Some(zig) = zig_directory() else { return };
    let orders = crate::support::Crate::binary("orders");
    let source = "fn main() { println!(\"{:?}\", std::thread::spawn(|| std::env::args().count()).join()); }\n";
    let orders = orders.file("src/main.rs", source);
    let build = |more: &str| {
        let arguments = format!("zip --target aarch64-unknown-linux-gnu --format json -q {more}");
        let output = orders
            .slsbuild(&arguments)
            .env("PATH", path_with(&zig))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let path = orders
            .path()
            .join(report["artifacts"][0]["path"].as_str().unwrap());
        slsbuild::binary::inspect(&crate::zip::entry(&path, "bootstrap")).unwrap()
    };
    if !std_is_installed("aarch64-unknown-linux-gnu") {
        return;
    }
    for (runtime, newest) in [("provided.al2023", (2, 34)), ("provided.al2", (2, 26))] {
        let facts = build(&format!("--runtime {runtime}"));
        let found = facts.glibc.unwrap();
        assert!(
            (found.major, found.minor) <= newest,
            "{found:?} is newer than {runtime}'s"
        );
    }
}
