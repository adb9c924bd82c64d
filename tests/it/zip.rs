//! `slsbuild zip` on real crates: what it prints, what it writes, and that the result answers.

use std::process::{Command, Stdio};

use crate::support::{Crate, fixture, oracle, outcome, scrub, slsbuild};

#[test]
fn the_happy_path() {
    let orders = Crate::binary("orders")
        .file("templates/mail.html", "<p>")
        .file("conf/ca.pem", "pem");
    let first = orders
        .outcome("zip --arch arm64,amd64 --include templates --include conf/ca.pem:certs/ca.pem");
    let ours = first
        .lines()
        .filter(|line| !line.contains("Compiling") && !line.contains("`release` profile"));
    insta::assert_snapshot!("happy_path", ours.collect::<Vec<_>>().join("\n"));
    insta::assert_snapshot!("happy_path_files", orders.files("target/slsbuild"));
}

#[test]
fn the_json_report() {
    let orders = Crate::binary("orders");
    let output = orders
        .slsbuild("zip --arch amd64 --format json --quiet")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    insta::assert_snapshot!(
        "json_report",
        orders.scrub(&String::from_utf8(output.stdout).unwrap())
    );
}

#[test]
fn the_plan_touches_nothing() {
    let orders = Crate::binary("orders").file(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"orders\"\nversion = \"0.1.0\"\n",
    );
    let before = orders.files(".");
    let plan = orders.outcome("plan --arch arm64,amd64 --optimize size");
    let remaps = regex::Regex::new(r"--remap-path-prefix=\S+ ").unwrap();
    insta::assert_snapshot!("plan", remaps.replace_all(&plan, ""));
    assert_eq!(orders.files("."), before);
}

#[test]
fn nothing_is_packed_again_when_nothing_changed() {
    let orders = Crate::binary("orders").file("data.txt", "one");
    let build = "zip --arch amd64 --include data.txt --format json -q";
    let run = || -> (bool, String) {
        let output = orders.slsbuild(build).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let artifact = &report["artifacts"][0];
        (
            artifact["timings"]["fresh"].as_bool().unwrap(),
            artifact["sha256"].as_str().unwrap().to_owned(),
        )
    };
    let zip = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip");
    let (fresh, first) = run();
    assert!(!fresh);
    assert_eq!(run(), (true, first.clone()));

    orders.write("data.txt", b"two");
    let (fresh, second) = run();
    assert!(
        !fresh && second != first,
        "an include that changed makes another zip"
    );

    fs_err::write(&zip, b"broken").unwrap();
    assert_eq!(
        run(),
        (false, second.clone()),
        "a zip that is not the one recorded is made again"
    );

    fs_err::remove_file(&zip).unwrap();
    assert_eq!(run(), (false, second));
}

#[test]
fn the_users_profile_wins_and_is_named() {
    let orders = Crate::binary("orders")
        .manifest("[profile.release]\nopt-level = 1\nlto = \"thin\"\nstrip = false");
    let outcome = orders.outcome("zip --arch amd64");
    assert!(
        outcome.contains(
            "note: profile `release` keeps its own `opt-level = 1` and `lto = \"thin\"`\n"
        ),
        "{outcome}"
    );
    let zip = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip");
    let facts = slsbuild::binary::inspect(&entry(&zip, "bootstrap")).unwrap();
    assert!(
        facts.symbols,
        "`strip = false` of the profile keeps the symbols"
    );
}

#[test]
fn flags_of_every_source_reach_the_compiler() {
    let source = "fn main() { println!(\"{}{}\", cfg!(from_config), cfg!(from_environment)); }\n";
    let config = "[build]\nrustflags = [\"--cfg\", \"from_config\"]\n";
    let orders = Crate::binary("orders")
        .file("src/main.rs", source)
        .file(".cargo/config.toml", config);
    let binary = orders
        .path()
        .join("target/x86_64-unknown-linux-musl/release/orders");
    let say = |environment: Option<&str>, config_argument: &str| {
        let mut command = orders.slsbuild("zip --arch amd64 -q");
        command.args(config_argument.split_whitespace());
        if let Some(flags) = environment {
            command.env("RUSTFLAGS", flags);
        }
        assert!(command.status().unwrap().success());
        String::from_utf8(Command::new(&binary).output().unwrap().stdout).unwrap()
    };
    if cfg!(not(target_arch = "x86_64")) {
        return crate::support::skipped("the binary is for amd64");
    }
    assert_eq!(say(None, ""), "truefalse\n", "build.rustflags is kept");
    // Cargo takes one source only: the environment suppresses the configuration.
    assert_eq!(say(Some("--cfg from_environment"), ""), "falsetrue\n");

    orders.write(".cargo/config.toml", format!("{config}[target.x86_64-unknown-linux-musl]\nrustflags = [\"--cfg\", \"from_environment\"]\n").as_bytes());
    assert_eq!(
        say(None, ""),
        "falsetrue\n",
        "target.*.rustflags suppresses build.rustflags"
    );
    assert_eq!(
        say(None, "--arch arm64"),
        "falsetrue\n",
        "also beside a target without flags of its own"
    );
}

#[test]
fn every_target_of_one_build_has_all_of_its_flags() {
    // Which flags arrived stands in the binary itself, so that no arch has to run.
    let source = "#[used]\nstatic MARK: [u8; 11] = if cfg!(common) { *b\"MARK-common\" } else if cfg!(own) { *b\"MARK-own---\" } else { *b\"MARK-none--\" };\nfn main() { println!(\"{:p}\", &raw const MARK); }\n";
    let config = "[build]\nrustflags = [\"--cfg\", \"common\"]\n[target.aarch64-unknown-linux-musl]\nrustflags = [\"--cfg\", \"own\"]\n";
    let orders = Crate::binary("orders")
        .file("src/main.rs", source)
        .file(".cargo/config.toml", config);
    let marks = |flags: Option<&str>| {
        let mut command = orders.slsbuild("zip --arch amd64,arm64 -q");
        if let Some(flags) = flags {
            command.env("RUSTFLAGS", flags);
        }
        assert!(command.status().unwrap().success());
        ["amd64", "arm64"].map(|arch| {
            let zip = orders.path().join(format!(
                "target/slsbuild/orders/lambda/{arch}/bootstrap.zip"
            ));
            let binary = entry(&zip, "bootstrap");
            let at = binary
                .windows(5)
                .position(|window| window == b"MARK-")
                .unwrap();
            String::from_utf8(binary[at..at + 11].to_vec()).unwrap()
        })
    };
    assert_eq!(marks(None), ["MARK-common", "MARK-own---"]);
    assert_eq!(marks(Some("--cfg common")), ["MARK-common", "MARK-common"]);
}

#[test]
fn a_plan_leaves_a_stale_lock_file_as_it_is() {
    let orders = Crate::binary("orders")
        .file(
            "Cargo.lock",
            "version = 4\n[[package]]\nname = \"orders\"\nversion = \"0.1.0\"\n",
        )
        .file(
            "shared/Cargo.toml",
            "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        )
        .file("shared/src/lib.rs", "")
        .manifest("[dependencies]\nshared = { path = \"shared\" }");
    let lock = fs_err::read(orders.path().join("Cargo.lock")).unwrap();
    let plan = orders.outcome("plan");
    assert!(
        plan.starts_with("exit code: 0\n") && plan.contains("nobody knows yet"),
        "{plan}"
    );
    assert_eq!(
        fs_err::read(orders.path().join("Cargo.lock")).unwrap(),
        lock
    );
}

#[test]
fn a_development_profile_gets_only_what_is_asked_for() {
    let orders = Crate::binary("orders");
    let plan = |arguments: &str| orders.outcome(&format!("plan --profile dev {arguments}"));
    assert!(!plan("").contains("opt-level") && !plan("").contains("lto"));
    assert!(plan("--optimize size").contains("profile.dev.opt-level=\"z\""));
    assert!(!plan("--optimize size").contains("lto"));
}

#[test]
fn what_was_asked_to_be_kept_is_no_finding() {
    let orders = Crate::binary("orders");
    for strip in ["none", "debuginfo"] {
        let outcome = orders.outcome(&format!("zip --arch amd64 --strip {strip}"));
        assert!(
            outcome.starts_with("exit code: 0\n") && !outcome.contains("warning"),
            "{outcome}"
        );
    }
}

#[test]
fn a_flag_beats_the_environment() {
    let orders = Crate::binary("orders");
    let plan = |arguments: &str| {
        outcome(
            orders
                .slsbuild(&format!("plan {arguments}"))
                .env("SLSBUILD_ARCH", "amd64"),
        )
    };
    assert!(plan("").contains("orders for x86_64-unknown-linux-musl"));
    assert!(plan("--arch arm64").contains("orders for aarch64-unknown-linux-musl"));
    assert!(
        plan("--target aarch64-unknown-linux-musl")
            .contains("orders for aarch64-unknown-linux-musl")
    );
}

#[test]
fn an_unstripped_binary_that_was_changed_is_written_again() {
    let orders = Crate::binary("orders");
    let build = || {
        let status = orders.slsbuild("zip --arch amd64 -q").status();
        assert!(status.unwrap().success());
    };
    build();
    let unstripped = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.unstripped");
    let before = fs_err::read(&unstripped).unwrap();
    fs_err::write(&unstripped, b"junk").unwrap();
    build();
    assert_eq!(fs_err::read(&unstripped).unwrap(), before);
}

#[test]
fn crates_that_ask_for_libraries_musl_does_not_have() {
    let source = "#[link(name = \"m\")]\n#[link(name = \"pthread\")]\n#[link(name = \"dl\")]\nunsafe extern \"C\" { fn cos(x: f64) -> f64; }\nfn main() { println!(\"{}\", unsafe { cos(0.0) }); }\n";
    let orders = Crate::binary("orders").file("src/main.rs", source);
    let outcome = orders.outcome("zip --arch arm64,amd64 -q");
    assert!(outcome.starts_with("exit code: 0\n"), "{outcome}");
}

#[test]
fn every_reader_accepts_the_zip_of_every_arch() {
    let report = build_fixture("raw", "arm64,amd64", &[]);
    for artifact in report["artifacts"].as_array().unwrap() {
        let zip = artifact["path"].as_str().unwrap();
        let stripped = entry(zip.as_ref(), "bootstrap");
        assert_eq!(
            slsbuild::binary::inspect(&stripped)
                .unwrap()
                .arch
                .unwrap()
                .name(),
            artifact["arch"]
        );
        if oracle("unzip").is_some() {
            let output = Command::new("unzip").args(["-t", zip]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        if oracle("zipinfo").is_some() {
            let output = Command::new("zipinfo")
                .args(["-l", zip, "bootstrap"])
                .output()
                .unwrap();
            assert!(
                String::from_utf8_lossy(&output.stdout).starts_with("-rwxr-xr-x"),
                "{output:?}"
            );
        }
        if oracle("python3").is_some() {
            let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(oct(z.getinfo('bootstrap').external_attr >> 16))";
            let output = Command::new("python3")
                .args(["-c", script, zip])
                .output()
                .unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "0o100755\n",
                "{output:?}"
            );
        }
    }
}

#[test]
fn a_raw_function_answers_on_both_arches() {
    let report = build_fixture("raw", "arm64,amd64", &[]);
    assert_echoes(&report);
}

#[test]
fn a_lambda_runtime_function_answers_on_both_arches() {
    let report = build_fixture("echo", "arm64,amd64", &[]);
    assert_echoes(&report);
}

/// Builds a fixture into the shared target directory and gives the report.
pub(crate) fn build_fixture(name: &str, arch: &str, more: &[&str]) -> serde_json::Value {
    let mut command = slsbuild();
    command
        .current_dir(fixture(name))
        .args([
            "zip", "--locked", "--quiet", "--format", "json", "--arch", arch,
        ])
        .args(more);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "`{command:?}` failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Each artifact gives back an event that has more than ASCII in it.
fn assert_echoes(report: &serde_json::Value) {
    // serde_json gives keys back sorted.
    let event = "{\"count\":[1,2],\"to\":\"Zoë\"}";
    for artifact in report["artifacts"].as_array().unwrap() {
        let arch = artifact["arch"].as_str().unwrap();
        let foreign = arch != host_arch();
        if foreign
            && oracle(if arch == "arm64" {
                "qemu-aarch64-static"
            } else {
                "qemu-x86_64-static"
            })
            .is_none()
        {
            continue;
        }
        let mut command = slsbuild();
        command.args([
            "invoke",
            artifact["path"].as_str().unwrap(),
            "--timeout",
            "60",
            "--event",
            event,
        ]);
        let output = command.output().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            event,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn host_arch() -> &'static str {
    if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    }
}

/// An entry of a zip, read by the `zip` crate, which did not write it.
pub(crate) fn entry(zip: &std::path::Path, name: &str) -> Vec<u8> {
    use std::io::Read as _;
    let mut archive = zip::ZipArchive::new(fs_err::File::open(zip).unwrap()).unwrap();
    let mut content = Vec::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_end(&mut content)
        .unwrap();
    content
}

#[test]
fn help_names_every_verb() {
    insta::assert_snapshot!("help", outcome(slsbuild().arg("--help")));
    insta::assert_snapshot!(
        "help_zip",
        scrub(&outcome(slsbuild().args(["zip", "--help"])))
    );
}

#[test]
fn completions_and_the_manual_page_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = outcome(slsbuild().args(["completions", shell]));
        assert!(
            script.starts_with("exit code: 0\n") && script.contains("optimize"),
            "{shell}: {script}"
        );
    }
    let page = outcome(slsbuild().arg("man"));
    assert!(
        page.contains(".TH slsbuild 1") && page.contains("\\-\\-include"),
        "{page}"
    );
}
