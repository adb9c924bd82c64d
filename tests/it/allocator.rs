//! The runtime archive in real binaries: it is there, it serves Rust and C alike, and what a program brings itself wins.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Crate, cache, fixture, oracle, outcome, path_with, slsbuild, zig_directory};

/// What `fixtures/mixed` answers when every allocation was served rightly.
fn right() -> Value {
    json!({
        "caller_frees": "right",
        "canonical": "/proc",
        "address": "127.0.0.1:80",
        "rows": [2000, 499_000],
        "sum": 361_126_560,
    })
}

/// Builds `fixtures/mixed` for an arch, quickly, and gives its report.
fn mixed(zig: &Path, arch: &str, flags: &[&str]) -> Value {
    let mut command = slsbuild();
    command
        .current_dir(fixture("mixed"))
        .env("PATH", path_with(zig))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .args([
            "zip", "--locked", "--quiet", "--format", "json", "--arch", arch,
        ])
        .args(flags);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["artifacts"][0].clone()
}

fn answer(artifact: &Value) -> Value {
    let mut invoke = slsbuild();
    invoke.current_dir(fixture("mixed")).args([
        "invoke",
        artifact["path"].as_str().unwrap(),
        "--timeout",
        "60",
    ]);
    let output = invoke.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

const VERSION: &str = "slsbuild-runtime 1.2.0 (dlmalloc 0.2.14)";

#[test]
fn rust_and_c_and_many_threads_share_one_allocator() {
    let Some(zig) = zig_directory() else { return };
    let artifact = mixed(&zig, "host", &[]);
    assert_eq!(artifact["toolchain"]["runtime_archive"], VERSION);
    assert_eq!(artifact["findings"], json!([]));
    assert_eq!(answer(&artifact), right());

    // The user's own allocator serves Rust, and ours C: the same answer.
    let own = mixed(&zig, "host", &["--features", "own-allocator"]);
    assert_eq!(own["findings"], json!([]));
    assert_eq!(answer(&own), right());

    let system = mixed(&zig, "host", &["--allocator", "system"]);
    let memory_only = "slsbuild-runtime 1.2.0 (memory functions only)";
    assert_eq!(system["toolchain"]["runtime_archive"], memory_only);
    assert_eq!(answer(&system), right());

    let off = mixed(&zig, "host", &["--runtime-archive", "off"]);
    assert_eq!(off["toolchain"]["runtime_archive"], Value::Null);
    assert_eq!(answer(&off), right());
}

#[test]
fn the_other_arch_is_served_as_well() {
    let Some(zig) = zig_directory() else { return };
    let (arch, emulator) = if cfg!(target_arch = "aarch64") {
        ("amd64", "qemu-x86_64-static")
    } else {
        ("arm64", "qemu-aarch64-static")
    };
    if oracle(emulator).is_none() {
        return;
    }
    let artifact = mixed(&zig, arch, &[]);
    assert_eq!(artifact["findings"], json!([]));
    assert_eq!(answer(&artifact), right());
}

/// The symbols of the unstripped binary: address by name.
fn symbol(krate: &Crate, function: &str, arch: &str, name: &str) -> Option<u64> {
    use object::{Object as _, ObjectSymbol as _};
    let path = format!("target/slsbuild/{function}/lambda/{arch}/bootstrap.unstripped");
    let bytes = fs_err::read(krate.path().join(path)).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let found = file
        .symbols()
        .find(|symbol| symbol.is_definition() && symbol.name() == Ok(name));
    found.map(|symbol| symbol.address())
}

#[test]
fn the_archive_is_in_beside_every_source_of_rustflags() {
    // A library and two binaries: each gets the archive once.
    let main = "fn main() { println!(\"{:?}\", orders::sorted()); }\n";
    let library = "pub fn sorted() -> Vec<String> { let mut all: Vec<String> = std::env::args().collect(); all.sort(); all }\n";
    let orders = Crate::binary("orders")
        .file("src/lib.rs", library)
        .file("src/main.rs", main)
        .file("src/bin/billing.rs", main);
    let proven = |how: &str| {
        for (function, arch) in [
            ("orders", "arm64"),
            ("orders", "amd64"),
            ("billing", "arm64"),
            ("billing", "amd64"),
        ] {
            for name in ["malloc", "memcmp"] {
                let ours = symbol(&orders, function, arch, &format!("slsbuild_{name}"));
                assert!(
                    ours.is_some(),
                    "{how}, {function}, {arch}: no slsbuild_{name}"
                );
                let linked = symbol(&orders, function, arch, name);
                assert_eq!(linked, ours, "{how}, {function}, {arch}: {name}");
            }
        }
    };
    let both = "zip --arch arm64,amd64 --bin orders --bin billing";
    let built = |command: &mut Command| {
        let shown = outcome(command);
        assert!(shown.starts_with("exit code: 0"), "{shown}");
        assert!(!shown.contains("warning"), "{shown}");
    };
    built(&mut orders.slsbuild(both));
    proven("no rustflags");
    built(orders.slsbuild(both).env("RUSTFLAGS", "--cfg first"));
    proven("RUSTFLAGS");
    let encoded = "--cfg\u{1f}name=\"two words\"";
    built(
        orders
            .slsbuild(both)
            .env("CARGO_ENCODED_RUSTFLAGS", encoded),
    );
    proven("CARGO_ENCODED_RUSTFLAGS");
    for table in [
        "build",
        "target.'cfg(target_env = \"musl\")'",
        "target.aarch64-unknown-linux-musl",
    ] {
        let config = format!("[{table}]\nrustflags = [\"--cfg\", \"of_a_file\"]\n");
        orders.write(".cargo/config.toml", config.as_bytes());
        built(&mut orders.slsbuild(both));
        proven(table);
    }
}

#[test]
fn an_archive_that_cannot_be_seen_or_does_not_win_is_said() {
    // A linker that strips leaves nothing to tell by.
    let orders = Crate::binary("orders");
    let stripped = outcome(orders.slsbuild("zip").env("RUSTFLAGS", "-C link-arg=-s"));
    insta::assert_snapshot!("no_symbols", orders.scrub(&stripped));

    // A search directory of the user's own is looked into first: where it has a libc, that wins, and it is noticed.
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let sysroot = String::from_utf8(sysroot.stdout).unwrap();
    let libc =
        Path::new(sysroot.trim()).join("lib/rustlib/aarch64-unknown-linux-musl/lib/self-contained");
    let flags = format!("-L native={}", libc.display());
    let first = Crate::binary("orders");
    let shown = outcome(first.slsbuild("zip").env("RUSTFLAGS", &flags));
    let shown = first.scrub(&shown.replace(sysroot.trim(), "[sysroot]"));
    insta::assert_snapshot!("musl_first", shown);
}

#[test]
fn the_archive_is_the_same_from_every_cache() {
    let orders = Crate::binary("orders");
    let archive = |cache: &Path| {
        let shown = outcome(orders.slsbuild("zip").env("SLSBUILD_CACHE_DIR", cache));
        assert!(shown.starts_with("exit code: 0"), "{shown}");
        let mut found: Vec<_> = walkdir::WalkDir::new(cache)
            .into_iter()
            .map(Result::unwrap)
            .filter(|entry| entry.file_name() == "libslsbuild_runtime.a")
            .map(|entry| fs_err::read(entry.path()).unwrap())
            .collect();
        assert_eq!(found.len(), 1, "{}", cache.display());
        found.remove(0)
    };
    let elsewhere = Crate::empty();
    let spaced = elsewhere.path().join("a cache with spaces");
    let short = elsewhere.path().join("c");
    assert_ne!(short, cache());
    let first = archive(&spaced);
    assert_eq!(first, archive(&short));

    // The configuration of a project is for the project: neither profiles nor sources of its own reach the archive.
    let config = "[profile.release.package.\"*\"]\nopt-level = 0\n[profile.release]\ndebug = true\n\
        [source.crates-io]\nreplace-with = \"vendored-sources\"\n[source.vendored-sources]\ndirectory = \"vendor\"\n";
    fs_err::create_dir_all(orders.path().join("vendor")).unwrap();
    orders.write(".cargo/config.toml", config.as_bytes());
    assert_eq!(first, archive(&elsewhere.path().join("configured")));

    // One that was damaged is built again.
    for entry in walkdir::WalkDir::new(&short)
        .into_iter()
        .map(Result::unwrap)
    {
        if entry.file_name() == "libslsbuild_runtime.a" {
            fs_err::write(entry.path(), b"!<arch>\ndamaged").unwrap();
        }
    }
    assert_eq!(first, archive(&short));
}

#[test]
fn several_runs_at_once_build_the_archive_once() {
    let cache = Crate::empty();
    let crates: Vec<Crate> = (0..4).map(|_| Crate::binary("orders")).collect();
    let running: Vec<_> = crates
        .iter()
        .map(|orders| {
            let mut command = orders.slsbuild("zip");
            command
                .env("SLSBUILD_CACHE_DIR", cache.path())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut built = 0;
    for child in running {
        let output = child.wait_with_output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{shown}");
        built += shown.matches("Building the runtime archive").count();
    }
    assert_eq!(built, 1);
}

#[test]
fn offline_with_a_cold_cache_says_what_fetches_it_and_what_leaves_it_out() {
    let orders = Crate::binary("orders");
    let empty = Crate::empty();
    let run = |flags: &str| {
        let mut command = orders.slsbuild(flags);
        command
            .env("CARGO_HOME", empty.path().join("cargo home"))
            .env("SLSBUILD_CACHE_DIR", empty.path().join("cache"));
        orders.scrub(&outcome(&mut command).replace(empty.path().to_str().unwrap(), "[empty]"))
    };
    insta::assert_snapshot!("offline_cold", run("zip --offline"));
    for without in ["--allocator system", "--runtime-archive off"] {
        let shown = run(&format!("zip --offline {without}"));
        assert!(shown.starts_with("exit code: 0"), "{without}: {shown}");
    }
}
