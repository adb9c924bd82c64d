//! `slsbuild build` on `fixtures/shop`: Rust and Go functions, a ready binary, an extension and a layer, for both arches,
//! all run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use slsbuild::target::Arch;

use crate::init::accepted;
use crate::invoke::build;
use crate::support::{
    cache, fixture, installed, oracle, outcome, path_with, scrub, slsbuild, std_is_installed,
};

/// A copy of the shop that was built once for all tests of this room, and the report of it.
struct Shop {
    directory: PathBuf,
    report: Value,
}

/// The shop, or `None` where go is not installed.
fn shop() -> Option<&'static Shop> {
    static SHOP: OnceLock<Option<Shop>> = OnceLock::new();
    SHOP.get_or_init(|| {
        oracle("go")?;
        let installed = ["aarch64-unknown-linux-musl", "x86_64-unknown-linux-musl"];
        installed
            .iter()
            .all(|triple| std_is_installed(triple))
            .then_some(())?;
        // The target directory stays from run to run: its dependencies take minutes.
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shop");
        copy(&fixture("shop"), &directory);
        for arch in Arch::ALL {
            let ready = directory.join(format!("dist/legacy-{arch}"));
            fs_err::create_dir_all(ready.parent().unwrap()).unwrap();
            fs_err::copy(build("raw", arch), ready).unwrap();
        }
        let output = in_shop(&directory, "build --format json").output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words}");
        let report = serde_json::from_slice(&output.stdout).unwrap();
        Some(Shop { directory, report })
    })
    .as_ref()
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let relative = entry.path().strip_prefix(from).unwrap();
        if relative.starts_with("target") || relative.starts_with("dist") {
            continue;
        }
        let target = to.join(relative);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(target).unwrap();
        } else if fs_err::read(&target).ok() != Some(fs_err::read(entry.path()).unwrap()) {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

fn in_shop(directory: &Path, arguments: &str) -> Command {
    let mut command = slsbuild();
    command
        .current_dir(directory)
        .env_remove("CARGO_TARGET_DIR")
        .args(arguments.split_whitespace());
    command
}

impl Shop {
    fn artifacts(&self) -> &[Value] {
        self.report["artifacts"].as_array().unwrap()
    }

    fn zip(&self, name: &str, arch: Arch) -> PathBuf {
        let is_it = |artifact: &&Value| artifact["name"] == name && artifact["arch"] == arch.name();
        let artifact = self.artifacts().iter().find(is_it).unwrap();
        self.directory.join(artifact["path"].as_str().unwrap())
    }

    fn run(&self, arguments: &str) -> Value {
        let output = in_shop(&self.directory, arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn everything_is_made_for_both_arches() {
    let Some(shop) = shop() else { return };
    let lines: Vec<String> = shop
        .artifacts()
        .iter()
        .map(|artifact| {
            let text = |key: &str| artifact[key].as_str().unwrap_or("-").to_owned();
            let files: Vec<&str> = artifact["files"]
                .as_array()
                .unwrap()
                .iter()
                .map(|file| file["name"].as_str().unwrap())
                .collect();
            format!(
                "{} {} {} {} {} {}",
                text("name"),
                text("kind"),
                text("arch"),
                text("target"),
                text("path"),
                files.join(",")
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn nothing_is_made_again_when_nothing_changed() {
    let Some(shop) = shop() else { return };
    let again = shop.run("build --format json");
    let digests = |report: &Value| -> Vec<(Value, Value)> {
        let artifacts = report["artifacts"].as_array().unwrap().iter();
        artifacts
            .map(|artifact| (artifact["name"].clone(), artifact["sha256"].clone()))
            .collect()
    };
    assert_eq!(digests(&again), digests(&shop.report));
    for artifact in again["artifacts"].as_array().unwrap() {
        assert_eq!(artifact["timings"]["fresh"], true, "{}", artifact["name"]);
    }
}

#[test]
fn a_function_has_the_same_bytes_alone_and_with_the_others() {
    let Some(shop) = shop() else { return };
    // `telemetry` brings features of shared dependencies that `hello` alone would not.
    let out = tempfile::tempdir().unwrap();
    let arguments = format!(
        "build hello --arch amd64 --format json --out-dir {}",
        out.path().display()
    );
    let alone = shop.run(&arguments);
    let artifacts = alone["artifacts"].as_array().unwrap();
    assert_eq!(artifacts.len(), 1);
    let whole = fs_err::read(shop.zip("hello", Arch::Amd64)).unwrap();
    let path = out.path().join("hello/lambda/amd64/bootstrap.zip");
    assert!(fs_err::read(path).unwrap() == whole);
}

#[test]
fn a_function_brings_the_layers_that_it_names() {
    let Some(shop) = shop() else { return };
    let plan = shop.run("plan invoices --format json");
    let names: Vec<&str> = plan["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|artifact| artifact["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["invoices", "invoices", "rates", "rates"]);
}

#[test]
fn cargo_is_called_once_for_each_set_of_features_and_flags() {
    let Some(shop) = shop() else { return };
    let plan = shop.run("plan --format json");
    let groups: Vec<Value> = plan["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let calls = group["commands"].as_array().map_or(0, Vec::len);
            json!({ "builder": group["builder"], "functions": group["functions"], "calls": calls })
        })
        .collect();
    // The arches have different rustflags, so each is a call of its own.
    insta::assert_snapshot!(serde_json::to_string_pretty(&groups).unwrap());
}

/// What each function is sent and answers.
fn conversations() -> [(&'static str, Value, Value); 6] {
    // One red pixel and one blue one, as PNG.
    const PIXELS: &str = "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR42mP4zwAE/wEHAAH/PX2MSQAAAABJRU5ErkJggg==";
    [
        (
            "orders",
            json!({ "order": 7 }),
            json!({
                "order": 7,
                "store": "postgres",
                "template": "Thank you for your order.",
                "authority": "the authority of this shop",
            }),
        ),
        (
            "invoices",
            json!({ "cents": [3, 4] }),
            json!({ "cents": 7 }),
        ),
        (
            "hello",
            json!({ "name": "shop" }),
            json!({ "greeting": "hello, shop" }),
        ),
        (
            "receipt",
            json!([{ "name": "tea", "cents": 300, "count": 2 }]),
            json!({ "text": "2 x tea\n", "cents": 600, "version": "7" }),
        ),
        (
            "thumbnail",
            json!({ "image": PIXELS, "width": 1 }),
            json!({ "width": 1, "height": 1 }),
        ),
        ("legacy", json!({ "a": 1 }), json!({ "a": 1 })),
    ]
}

#[test]
fn every_function_answers_on_both_arches() {
    let Some(shop) = shop() else { return };
    for arch in Arch::ALL {
        if Some(arch) != Arch::host() && oracle(&format!("qemu-{}-static", arch.cpu())).is_none() {
            continue;
        }
        for (name, event, expected) in conversations() {
            let output = slsbuild()
                .arg("invoke")
                .arg(shop.zip(name, arch))
                .args(["--timeout", "60", "--event", &event.to_string()])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} {arch}: {words}");
            let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
            if name == "thumbnail" {
                let image = answer.as_object_mut().unwrap().remove("image").unwrap();
                assert!(image.as_str().unwrap().starts_with("iVBOR"));
            }
            assert_eq!(answer, expected, "{name} {arch}");
        }
    }
}

#[test]
fn the_extension_registers_beside_a_function_and_its_layer() {
    let Some(shop) = shop() else { return };
    let host = Arch::host().unwrap();
    let mut command = slsbuild();
    command
        .arg("invoke")
        .arg(shop.zip("orders", host))
        .arg("--layer")
        .arg(shop.zip("telemetry", host))
        .arg("--layer")
        .arg(shop.zip("rates", host))
        .args(["--event", r#"{"order":7}"#, "--timeout", "60"])
        .stdin(Stdio::null());
    let shown = scrub(&outcome(&mut command));
    for line in [
        "exit code: 0",
        "EXTENSION\tName: telemetry\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
        "telemetry: an event",
        "telemetry: spindown",
    ] {
        assert!(shown.contains(line), "{line} is missing in {shown}");
    }
}

#[test]
fn what_is_made_passes_the_check() {
    let Some(shop) = shop() else { return };
    for artifact in shop.artifacts() {
        let kind = artifact["kind"].as_str().unwrap();
        let mut command = slsbuild();
        command
            .args(["check", "--kind", kind])
            .arg(shop.directory.join(artifact["path"].as_str().unwrap()));
        let shown = outcome(&mut command);
        assert!(shown.starts_with("exit code: 0"), "{shown}");
    }
}

/// Where a tool keeps what it downloads, which the home directory of `sam` has not.
fn homes() -> Vec<(String, String)> {
    let home = std::env::var("HOME").unwrap();
    let of = |name: &str, default: &str| {
        let value = std::env::var(name).unwrap_or_else(|_| format!("{home}/{default}"));
        (name.to_owned(), value)
    };
    let go = |name: &str| {
        let output = Command::new("go").args(["env", name]).output().unwrap();
        let value = String::from_utf8(output.stdout).unwrap();
        (name.to_owned(), value.trim().to_owned())
    };
    vec![
        of("CARGO_HOME", ".cargo"),
        of("RUSTUP_HOME", ".rustup"),
        go("GOCACHE"),
        go("GOMODCACHE"),
        go("GOPATH"),
    ]
}

#[test]
fn sam_build_ends_with_what_our_zips_hold() {
    let Some(shop) = shop() else { return };
    let Some(sam) = installed("SLSBUILD_TEST_SAM", "sam") else {
        return;
    };
    if oracle("make").is_none() {
        return;
    }
    for file in ["template.yaml", "Makefile", "samconfig.toml"] {
        let _ = fs_err::remove_file(shop.directory.join(file));
    }
    let written = outcome(&mut in_shop(&shop.directory, "init sam --write"));
    assert!(written.starts_with("exit code: 0"), "{written}");
    let ours = Path::new(env!("CARGO_BIN_EXE_slsbuild")).parent().unwrap();
    let mut build = crate::init::sam(&shop.directory, &sam);
    build
        .arg("build")
        .envs(homes())
        .env_remove("CARGO_TARGET_DIR")
        .env("SLSBUILD_CACHE_DIR", cache())
        .env("PATH", path_with(ours));
    accepted(&mut build);
    for (name, entry, built) in [
        ("orders", "bootstrap", "OrdersFunction/bootstrap"),
        ("orders", "certs/ca.pem", "OrdersFunction/certs/ca.pem"),
        ("receipt", "bootstrap", "ReceiptFunction/bootstrap"),
        ("legacy", "bootstrap", "LegacyFunction/bootstrap"),
        (
            "telemetry",
            "extensions/telemetry",
            "TelemetryLayer/extensions/telemetry",
        ),
        ("rates", "tax/rates.json", "RatesLayer/tax/rates.json"),
    ] {
        let zip = crate::zip::entry(&shop.zip(name, Arch::Arm64), entry);
        let sams = fs_err::read(shop.directory.join(".aws-sam/build").join(built)).unwrap();
        assert!(sams == zip, "{built} is not what the zip of `{name}` holds");
    }
}
