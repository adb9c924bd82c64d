//! `slsbuild dir`: the function of `zip` as files, in a directory of ours or of the user's.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use object::elf;
use slsbuild::digest::Sha256;

use crate::support::{Crate, cache, fixture, outcome, slsbuild};
use crate::tiny_elf::TinyElf;

/// A project with a program that is built already, so that no compiler runs.
fn shop() -> Crate {
    let configuration = "[functions.orders]\nbinary = \"dist/orders\"\ninclude = [\"templates\"]\n\n[functions.billing]\nbinary = \"dist/orders\"\n";
    let shop = Crate::empty()
        .file("slsbuild.toml", configuration)
        .file("templates/mail.html", "<p>")
        .file("templates/deep/footer.html", "<hr>");
    shop.write("dist/orders", &TinyElf::new(elf::EM_X86_64).build());
    shop
}

/// Where the directory of `orders` is.
const OURS: &str = ".slsbuild/orders/lambda/amd64/dir";

fn report(shop: &Crate, arguments: &str) -> serde_json::Value {
    let output = shop
        .slsbuild(&format!("{arguments} --format json -q"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["artifacts"][0].clone()
}

/// The digest as the documentation of the report says, made by other means.
fn listing_digest(root: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(root).min_depth(1) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(root).unwrap().to_str().unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        lines.push(if entry.file_type().is_dir() {
            (format!("{name}/"), format!("{mode:04o} -"))
        } else {
            let content = Sha256::of(&fs_err::read(entry.path()).unwrap());
            (name.to_owned(), format!("{mode:04o} {content}"))
        });
    }
    lines.sort();
    let lines = lines.into_iter();
    let lines: Vec<String> = lines
        .map(|(name, facts)| format!("{facts} {name}\n"))
        .collect();
    Sha256::of(lines.concat().as_bytes()).to_string()
}

fn modified(path: &Path) -> SystemTime {
    fs_err::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn the_function_lies_unpacked_whatever_the_umask() {
    let shop = shop();
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 077; exec \"$0\" \"$@\""])
        .args([env!("CARGO_BIN_EXE_slsbuild"), "dir", "orders"])
        .env("SLSBUILD_CACHE_DIR", cache())
        .env("NO_COLOR", "1")
        .current_dir(shop.path());
    insta::assert_snapshot!("dir", shop.scrub(&outcome(&mut command)));
    insta::assert_snapshot!("dir_files", shop.files(".slsbuild"));
    let ours = shop.path().join(OURS);
    for directory in ["", "templates", "templates/deep"] {
        use std::os::unix::fs::PermissionsExt as _;
        let facts = fs_err::metadata(ours.join(directory)).unwrap();
        assert_eq!(facts.permissions().mode() & 0o777, 0o755, "{directory}");
        let since = facts
            .modified()
            .unwrap()
            .duration_since(SystemTime::UNIX_EPOCH);
        assert_eq!(since.unwrap(), Duration::from_secs(315_532_800));
    }
}

#[test]
fn the_report_of_a_directory() {
    let shop = shop();
    let mut command = shop.slsbuild("dir orders --format json -q");
    insta::assert_snapshot!("dir_report", shop.scrub(&outcome(&mut command)));
}

#[test]
fn two_projects_and_both_forms_have_one_digest() {
    let (one, other) = (shop(), shop());
    let first = report(&one, "dir orders");
    let second = report(&other, "dir orders --out-dir out");
    assert_eq!(first["sha256"], second["sha256"]);
    assert_eq!(first["sha256"], listing_digest(&one.path().join(OURS)));
    assert_eq!(first["sha256"], listing_digest(&other.path().join("out")));
}

#[test]
fn a_directory_and_a_zip_of_one_function_do_not_disturb_each_other() {
    let shop = shop();
    let is_fresh = |arguments: &str| report(&shop, arguments)["timings"]["fresh"] == true;
    let (dir, zip) = ("dir orders", "build orders");
    assert!(!is_fresh(dir));
    assert!(!is_fresh(zip));
    assert!(is_fresh(dir) && is_fresh(zip));
    let bootstrap = shop.path().join(OURS).join("bootstrap");
    let zipped = shop
        .path()
        .join(".slsbuild/orders/lambda/amd64/bootstrap.zip");
    assert_eq!(
        fs_err::read(&bootstrap).unwrap(),
        crate::zip::entry(&zipped, "bootstrap")
    );

    for path in ["templates/mail.html", "more"] {
        fs_err::write(shop.path().join(OURS).join(path), "changed").unwrap();
        assert!(!is_fresh(dir), "`{path}` is not what was written");
        assert!(is_fresh(dir));
    }
    assert!(!shop.path().join(OURS).join("more").exists());
}

#[test]
fn a_directory_of_the_users_keeps_what_is_not_ours_and_loses_what_was() {
    let shop = shop()
        .file("out/own.txt", "own")
        .file("out/templates/own.html", "own");
    report(&shop, "dir orders --out-dir out");
    let bootstrap = shop.path().join("out/bootstrap");
    let before = modified(&bootstrap);
    assert_eq!(
        shop.files("out"),
        "755 bootstrap\n644 own.txt\n644 templates/deep/footer.html\n644 templates/mail.html\n644 templates/own.html\n"
    );

    // Another directory between, so that both are remembered.
    report(&shop, "dir orders --out-dir elsewhere");
    fs_err::remove_dir_all(shop.path().join("templates/deep")).unwrap();
    let again = report(&shop, "dir orders --out-dir out");
    assert_eq!(again["timings"]["fresh"], false);
    assert_eq!(
        shop.files("out"),
        "755 bootstrap\n644 own.txt\n644 templates/mail.html\n644 templates/own.html\n"
    );
    assert!(!shop.path().join("out/templates/deep").exists());
    assert_eq!(modified(&bootstrap), before);
    assert_eq!(
        report(&shop, "dir orders --out-dir out")["timings"]["fresh"],
        true
    );
    // The other one still holds what is no longer part, although all that is part is there.
    assert_eq!(
        report(&shop, "dir orders --out-dir elsewhere")["timings"]["fresh"],
        false
    );
    assert!(!shop.path().join("elsewhere/templates/deep").exists());
}

#[test]
fn the_users_own_files_are_neither_written_over_nor_removed() {
    let shop = shop()
        .file("bootstrap", "#!/bin/sh\nautoreconf -i\n")
        .file("foreign/templates/mail.html", "<b>")
        .file("same/templates/mail.html", "<p>");
    let before = modified(&shop.path().join("templates/mail.html"));
    let mut shown = String::new();
    for arguments in [
        "dir billing --include templates --out-dir .",
        "dir --binary dist/orders --include templates:x --out-dir .",
        "dir orders --out-dir foreign",
    ] {
        let _ = writeln!(shown, "$ slsbuild {arguments}\n{}", shop.outcome(arguments));
    }
    std::os::unix::fs::symlink(shop.path(), shop.path().join("here")).unwrap();
    let arguments = "dir billing --include templates --out-dir here";
    let _ = writeln!(shown, "$ slsbuild {arguments}\n{}", shop.outcome(arguments));
    shop.write("ready/bootstrap", &TinyElf::new(elf::EM_X86_64).build());
    let arguments = "dir --binary ready/bootstrap --out-dir ready";
    let _ = writeln!(shown, "$ slsbuild {arguments}\n{}", shop.outcome(arguments));
    insta::assert_snapshot!("dir_over_own_files", shown);
    let read = |path: &str| fs_err::read_to_string(shop.path().join(path)).unwrap();
    assert_eq!(read("foreign/templates/mail.html"), "<b>");
    assert!(!shop.path().join("foreign/bootstrap").exists());
    assert_eq!(read("bootstrap"), "#!/bin/sh\nautoreconf -i\n");
    assert_eq!(modified(&shop.path().join("templates/mail.html")), before);

    // What holds the same stays when it is no longer part of the function.
    report(&shop, "dir orders --out-dir same");
    report(&shop, "dir billing --out-dir same");
    assert_eq!(
        shop.files("same"),
        "755 bootstrap\n644 templates/mail.html\n"
    );
    // A compiled program is what an earlier build left.
    let other = TinyElf::new(elf::EM_AARCH64).build();
    shop.write("compiled/bootstrap", &other);
    report(&shop, "dir billing --out-dir compiled");
    assert_ne!(
        fs_err::read(shop.path().join("compiled/bootstrap")).unwrap(),
        other
    );
}

#[test]
fn another_function_in_the_same_directory_takes_its_place() {
    let shop = shop().file("out/own.txt", "own");
    report(&shop, "dir orders --out-dir out");
    report(&shop, "dir billing --out-dir ./templates/../out");
    assert_eq!(shop.files("out"), "755 bootstrap\n644 own.txt\n");
    assert!(!shop.path().join("out/templates").exists());
    report(&shop, "dir orders --out-dir out");
    assert_eq!(
        report(&shop, "dir orders --out-dir out")["timings"]["fresh"],
        true
    );
}

#[test]
fn a_kill_leaves_the_old_directory_or_the_new_one() {
    // Two files that belong together, with a large one between them.
    let shop = shop();
    let write = |seed: u32| {
        shop.write("templates/a.txt", seed.to_string().as_bytes());
        shop.write(
            "templates/m.bin",
            &vec![u8::try_from(seed).unwrap(); 8 << 20],
        );
        shop.write("templates/z.txt", seed.to_string().as_bytes());
    };
    write(0);
    report(&shop, "dir orders");
    write(1);
    let started = Instant::now();
    report(&shop, "dir orders");
    let whole = started.elapsed();

    let (mut landed, mut seed) = (0, 2);
    while landed < 20 {
        assert!(seed < 120, "only {landed} of {seed} kills landed");
        write(seed);
        let mut command = shop.slsbuild("dir orders -q");
        command.stdout(std::process::Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(seed % 20) / 20.0));
        landed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        seed += 1;
        let read = |name: &str| {
            fs_err::read_to_string(shop.path().join(OURS).join("templates").join(name)).unwrap()
        };
        assert_eq!(read("a.txt"), read("z.txt"));
        let middle = fs_err::read(shop.path().join(OURS).join("templates/m.bin")).unwrap();
        assert_eq!(middle.len(), 8 << 20);
        assert_eq!(middle[0].to_string(), read("a.txt"));
    }
    report(&shop, "dir orders");
    let directory = shop.path().join(OURS);
    let beside = fs_err::read_dir(directory.parent().unwrap()).unwrap();
    let left = beside.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().ends_with(".slsbuild-tmp")
    });
    assert_eq!(left.count(), 0, "what killed runs left was not swept");
}

#[test]
fn two_runs_at_once_both_succeed() {
    let shop = shop();
    for _ in 0..10 {
        let _ = fs_err::remove_dir_all(shop.path().join(".slsbuild"));
        let run = || {
            let mut command = shop.slsbuild("dir orders -q");
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        };
        let mut both = [run(), run()];
        assert!(both.iter_mut().all(|child| child.wait().unwrap().success()));
    }
}

#[test]
fn the_layer_of_a_function_does_not_come_into_its_directory() {
    let shop = shop()
        .file(
            "slsbuild.toml",
            "[functions.orders]\nbinary = \"dist/orders\"\nlayers = [\"texts\"]\n\n[functions.texts]\nkind = \"layer\"\narch = [\"amd64\"]\ninclude = [\"templates\"]\n",
        );
    let outcome = shop.outcome("dir orders --out-dir out -q");
    assert!(
        outcome.starts_with("exit code: 0\n--- stdout\nout\n.slsbuild/texts/lambda/amd64/dir\n"),
        "{outcome}"
    );
    assert_eq!(shop.files("out"), "755 bootstrap\n");
}

#[test]
fn a_directory_that_cannot_be_written_or_meant() {
    let shop = shop()
        .file("file", "")
        .file("blocked/bootstrap/x", "")
        .file("templates/out/x", "");
    insta::assert_snapshot!(
        [
            "dir orders --out-dir file",
            "dir orders --out-dir blocked",
            "dir orders --out-dir templates/out",
            "dir orders billing --out-dir out",
            "dir ordres --out-dir out",
            "dir orders --bin orders",
            "dir orders --layout cargo-lambda --target-dir target",
        ]
        .map(|arguments| format!("$ slsbuild {arguments}\n{}", shop.outcome(arguments)))
        .join("\n")
    );
}

#[test]
fn a_directory_is_invoked_as_it_is() {
    let out = tempfile::tempdir().unwrap();
    let mut command = slsbuild();
    command
        .current_dir(fixture("raw"))
        .args(["dir", "--locked", "--quiet", "--arch", "host", "--out-dir"])
        .arg(out.path());
    assert!(command.status().unwrap().success());
    let mut command = slsbuild();
    command
        .args(["invoke", "--quiet", "--event", "{\"to\":\"Zoë\"}"])
        .arg(out.path());
    assert_eq!(
        outcome(&mut command),
        "exit code: 0\n--- stdout\n{\"to\":\"Zoë\"}--- stderr\n"
    );
}

#[test]
fn an_internal_extension_is_held_against_the_rules_too() {
    let shop = Crate::empty().file(
        "slsbuild.toml",
        "[functions.orders]\nbinary = \"dist/orders\"\nextensions = [\"wrapper\"]\n\n[functions.wrapper]\nkind = \"extension\"\ninternal = true\nbinary = \"dist/wrapper\"\n",
    );
    shop.write("dist/orders", &TinyElf::new(elf::EM_X86_64).build());
    shop.write(
        "dist/wrapper",
        &TinyElf::dynamic(elf::EM_X86_64, &["GLIBC_2.38"]).build(),
    );
    insta::assert_snapshot!(
        "dir_internal_extension",
        shop.outcome("dir orders --out-dir out")
    );
}

#[test]
fn a_name_that_is_no_directory_is_refused_before_anything_is_written() {
    let shop = shop();
    shop.write("dist/tools", &TinyElf::new(elf::EM_X86_64).build());
    let mut shown = String::new();
    for arguments in [
        "dir --binary dist/tools",
        "zip --binary dist/tools --name ../..",
        "zip --binary dist/tools --name report.json",
        "zip --binary dist/tools --name=",
        "zip --name orders",
    ] {
        let _ = writeln!(shown, "$ slsbuild {arguments}\n{}", shop.outcome(arguments));
    }
    insta::assert_snapshot!("dir_bad_names", shown);
    assert!(!shop.path().join(".slsbuild").exists());
}

#[test]
fn a_ready_binary_is_for_its_own_arch_whatever_is_asked_of_all() {
    let shop = shop();
    shop.write("dist/mail", &TinyElf::new(elf::EM_AARCH64).build());
    let configuration = "[functions.orders]\nbinary = \"dist/orders\"\n\n[functions.mail]\nbinary = \"dist/mail\"\n";
    let shop = shop.file("slsbuild.toml", configuration);
    let mut shown = String::new();
    for arguments in ["plan --arch amd64", "build mail --arch amd64"] {
        let _ = writeln!(shown, "$ slsbuild {arguments}\n{}", shop.outcome(arguments));
    }
    // What its own table says is about this very file.
    let shop = shop.file(
        "slsbuild.toml",
        &format!("{configuration}arch = [\"amd64\"]\n"),
    );
    let _ = writeln!(shown, "# in its own table\n{}", shop.outcome("plan"));
    insta::assert_snapshot!("ready_of_another_arch", shown);
}

#[test]
fn what_is_not_rust_has_one_target_for_each_arch() {
    let shop = Crate::empty()
        .file(
            "slsbuild.toml",
            "[functions.orders]\nbinary = \"dist/orders-{arch}\"\n\n[functions.texts]\nkind = \"layer\"\ninclude = [\"texts\"]\n",
        )
        .file("texts/a.txt", "a");
    shop.write("dist/orders-amd64", &TinyElf::new(elf::EM_X86_64).build());
    let planned =
        shop.outcome("plan --target x86_64-unknown-linux-gnu --target x86_64-unknown-linux-musl");
    assert!(
        planned.contains("orders/lambda/amd64/bootstrap.zip"),
        "{planned}"
    );
    assert!(
        planned.contains("texts/lambda/amd64/layer.zip"),
        "{planned}"
    );
    assert!(!planned.contains("-gnu"), "{planned}");
    assert_eq!(planned.matches("bootstrap.zip").count(), 1, "{planned}");
}

#[test]
fn the_plan_of_build_goes_where_build_writes() {
    let shop = shop();
    let planned = shop.outcome("plan --out-dir dist/zips --target x86_64-unknown-linux-gnu");
    for name in ["orders", "billing"] {
        let path = format!("dist/zips/{name}/lambda/amd64/bootstrap.zip");
        assert!(planned.contains(&path), "{planned}");
    }
}
