//! What bad input gets: one line, a hint, the right exit code, and the earlier artifact untouched.

use crate::support::Crate;

#[test]
fn no_manifest() {
    insta::assert_snapshot!(Crate::empty().outcome("zip"));
}

#[test]
fn a_manifest_path_that_is_no_file() {
    insta::assert_snapshot!(
        Crate::binary("orders").outcome("zip --manifest-path nowhere/Cargo.toml")
    );
}

#[test]
fn a_manifest_with_a_syntax_error() {
    let broken = Crate::binary("orders").manifest("[dependencies\n");
    insta::assert_snapshot!(broken.outcome("zip"));
}

#[test]
fn a_library_only_crate() {
    let library = Crate::empty()
        .file(
            "Cargo.toml",
            "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        )
        .file("src/lib.rs", "");
    insta::assert_snapshot!(library.outcome("zip"));
}

#[test]
fn an_unknown_binary() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --bin ordres"));
}

#[test]
fn an_unknown_package() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --package order"));
}

#[test]
fn an_unknown_profile() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --profile relaese"));
}

#[test]
fn an_unknown_arch() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --arch armv7"));
}

#[test]
fn a_cpu_that_is_another_one_on_every_machine() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --target-cpu native"));
}

#[test]
fn a_cpu_of_another_arch() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --target-cpu haswell"));
}

#[test]
fn an_unknown_target() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --target aarch64-linux-musl"));
}

#[test]
fn an_unknown_runtime() {
    insta::assert_snapshot!(Crate::binary("orders").outcome("zip --runtime provided.al2024"));
}

/// A workspace whose two packages each have the binary `api`.
fn twins() -> Crate {
    let member = |name: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[[bin]]\nname = \"api\"\npath = \"main.rs\"\n"
        )
    };
    Crate::empty()
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"orders\", \"billing\"]\n",
        )
        .file("orders/Cargo.toml", &member("orders"))
        .file("orders/main.rs", "fn main() {}\n")
        .file("billing/Cargo.toml", &member("billing"))
        .file("billing/main.rs", "fn main() {}\n")
}

#[test]
fn a_target_that_is_not_installed_while_offline() {
    // A rustc whose std is nowhere: the installed targets are the machine's own and stay as they are.
    let nowhere = "case \"$*\" in *'--print sysroot') exec echo /nowhere ;; esac";
    insta::assert_snapshot!(with_rustc(nowhere, "zip --offline"));
}

/// The outcome in a crate `orders` where rustc is a script that does something first.
fn with_rustc(first: &str, arguments: &str) -> String {
    let orders = Crate::binary("orders");
    let rustc = orders.script("rustc.sh", &format!("{first}\nexec rustc \"$@\""));
    let mut command = orders.slsbuild(arguments);
    orders.scrub(&crate::support::outcome(command.env("RUSTC", rustc)))
}

#[test]
fn an_llvm_that_does_not_know_our_options_and_a_rustc_that_is_old_build_all_the_same() {
    let without_options =
        "case \"$*\" in *llvm-args=*) echo 'Unknown command line argument' >&2; exit 1 ;; esac";
    let shown = with_rustc(without_options, "zip --arch amd64");
    insta::assert_snapshot!("an_unknown_llvm_option", shown);
    let old = "[ \"$*\" = -vV ] && { rustc -vV | sed 's/release: .*/release: 1.82.0/'; exit; }";
    insta::assert_snapshot!("an_old_rustc", with_rustc(old, "zip"));
}

#[test]
fn a_source_date_that_no_zip_can_hold() {
    let orders = Crate::binary("orders");
    let mut command = orders.slsbuild("zip");
    insta::assert_snapshot!(orders.scrub(&crate::support::outcome(
        command.env("SOURCE_DATE_EPOCH", "tomorrow")
    )));
}

#[test]
fn two_packages_with_one_binary_name() {
    insta::assert_snapshot!(twins().outcome("zip --bin api"));
}

#[test]
fn several_binaries_and_none_is_a_lambda_function() {
    let several = Crate::binary("orders").file("src/bin/admin.rs", "fn main() {}\n");
    insta::assert_snapshot!(several.outcome("zip"));
}

#[test]
fn a_binary_whose_features_are_missing() {
    let gated = Crate::binary("orders")
        .manifest("[[bin]]\nname = \"orders\"\npath = \"src/main.rs\"\nrequired-features = [\"http\", \"admin\"]")
        .manifest("[features]\nadmin = []\nhttp = []\ndefault = [\"http\"]");
    insta::assert_snapshot!(gated.outcome("zip"));
}

#[test]
fn an_include_that_is_not_there() {
    let with_template = Crate::binary("orders").file("templates/mail.html", "");
    insta::assert_snapshot!(with_template.outcome("zip --include template"));
}

#[test]
fn an_include_that_is_bootstrap() {
    let with_bootstrap = Crate::binary("orders").file("bootstrap", "");
    insta::assert_snapshot!(with_bootstrap.outcome("zip --include bootstrap"));
}

#[test]
fn an_output_directory_that_is_a_file() {
    let occupied = Crate::binary("orders").file("dist", "");
    insta::assert_snapshot!(occupied.outcome("zip --out-dir dist"));
}

#[test]
fn an_output_directory_for_two_artifacts() {
    insta::assert_snapshot!(
        Crate::binary("orders").outcome("zip --arch arm64,amd64 --out-dir dist")
    );
}

#[test]
fn a_compile_error_is_cargos_own_text_and_leaves_the_artifact() {
    let orders = Crate::binary("orders");
    assert!(
        orders
            .slsbuild("zip --arch amd64 -q")
            .status()
            .unwrap()
            .success()
    );
    let zip = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip");
    let before = fs_err::read(&zip).unwrap();
    let files = orders.files("target/slsbuild");

    let broken = orders.file("src/main.rs", "fn main() { let x: u32 = \"one\"; }\n");
    let outcome = broken.outcome("zip --arch amd64");
    assert!(outcome.starts_with("exit code: 101\n"), "{outcome}");
    assert_eq!(
        outcome.matches("error[E0308]: mismatched types").count(),
        1,
        "{outcome}"
    );
    assert!(
        outcome.contains(
            "error: `cargo build` failed
hint: cargo says why above"
        ),
        "{outcome}"
    );
    assert_eq!(fs_err::read(&zip).unwrap(), before);
    assert_eq!(broken.files("target/slsbuild"), files);
}

#[test]
fn rustflags_that_break_linking_end_as_cargo_ends() {
    let orders = Crate::binary("orders");
    let mut command = orders.slsbuild("zip --arch amd64");
    let outcome = crate::support::outcome(command.env("RUSTFLAGS", "-C link-arg=--no-such-option"));
    assert!(
        outcome.starts_with("exit code: 101\n--- stdout\n--- stderr\n"),
        "{outcome}"
    );
    assert!(
        outcome.contains("unknown argument '--no-such-option'"),
        "{outcome}"
    );
    assert!(
        outcome.contains(
            "error: `cargo build` failed
hint: cargo says why above"
        ),
        "{outcome}"
    );
}

/// What a build into a disk mounted with these options shows, and how many files it leaves there.
fn build_onto(options: &str) -> Option<(String, usize)> {
    let orders = Crate::binary("orders");
    let disk = orders.path().join("disk");
    fs_err::create_dir_all(&disk).unwrap();
    let mut mount = std::process::Command::new("mount");
    mount
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(&disk);
    if !mount.output().is_ok_and(|output| output.status.success()) {
        crate::support::skipped("a disk cannot be mounted here");
        return None;
    }
    let outcome = orders.outcome("zip --arch amd64 --out-dir disk -q");
    let left = fs_err::read_dir(&disk).unwrap().count();
    std::process::Command::new("umount")
        .arg(&disk)
        .status()
        .unwrap();
    Some((outcome, left))
}

#[test]
fn a_full_disk_keeps_no_half_artifact() {
    let Some((outcome, left)) = build_onto("size=64k") else {
        return;
    };
    insta::assert_snapshot!(outcome);
    assert_eq!(left, 0, "a failed write left a file");
}

#[test]
fn a_read_only_disk_is_noticed_before_cargo_runs() {
    let Some((outcome, _)) = build_onto("ro") else {
        return;
    };
    insta::assert_snapshot!(outcome);
}

#[test]
fn rustflags_among_cargos_own_arguments() {
    let outcome = Crate::binary("orders")
        .outcome("zip -- --config build.rustflags=[\"-Ctarget-cpu=native\"]");
    insta::assert_snapshot!(outcome);
}

#[test]
fn more_than_lambda_unpacks_is_refused_before_cargo_runs() {
    let orders = Crate::binary("orders").file("data/small.txt", "small");
    let large = fs_err::File::create(orders.path().join("data/large.bin")).unwrap();
    large.set_len(251 << 20).unwrap();
    let outcome = orders.outcome("zip --arch amd64 --include data -q");
    insta::assert_snapshot!(outcome);
    let zip = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip");
    assert!(!zip.exists());
    assert!(
        !orders.path().join("target/release").exists(),
        "cargo ran for nothing"
    );
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let mut command = crate::support::slsbuild();
    let full = fs_err::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    command
        .args(["completions", "bash"])
        .stdout(full.into_file());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).starts_with("error: `stdout` cannot be written: ")
    );
}

#[test]
fn a_compile_error_beside_a_script_that_only_asked_for_a_compiler_is_cargos() {
    // A build script that looks for a C compiler and goes on without one, through a local stand-in named `cc`.
    let orders = Crate::binary("orders")
        .file("cc/Cargo.toml", "[package]\nname = \"cc\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
        .file("cc/src/lib.rs", "")
        .file("build.rs", "fn main() { let cc = std::env::var(\"CC_x86_64_unknown_linux_musl\").unwrap(); let _ = std::process::Command::new(cc).status(); }\n")
        .file("src/main.rs", "fn main() { let x: u32 = \"one\"; }\n")
        .manifest("[build-dependencies]\ncompiler = { package = \"cc\", path = \"cc\" }");
    let tools = crate::c_code::tools_without_a_c_compiler();
    let mut command = orders.slsbuild("zip --arch amd64");
    let outcome = crate::support::outcome(command.env("PATH", tools.path()));
    assert!(
        outcome.contains("`orders 0.1.0` probably compiles C"),
        "a renamed `cc` is seen: {outcome}"
    );
    assert!(outcome.starts_with("exit code: 101\n"), "{outcome}");

    // The same script, failing for want of the compiler.
    orders.write("build.rs", b"fn main() { let cc = std::env::var(\"CXX_x86_64_unknown_linux_musl\").unwrap(); assert!(std::process::Command::new(cc).status().unwrap().success()); }\n");
    let mut command = orders.slsbuild("zip --arch amd64");
    let outcome = crate::support::outcome(command.env("PATH", tools.path()));
    assert!(outcome.starts_with("exit code: 4\n"), "{outcome}");
    assert!(outcome.contains("error: `orders 0.1.0` compiles C, and there is no C compiler for `x86_64-unknown-linux-musl`"), "{outcome}");
}

#[test]
fn a_toolchain_that_is_not_installed_is_said_once() {
    let absent = "echo 'error: toolchain `1.1.1` is not installed' >&2\nexit 1";
    insta::assert_snapshot!(with_rustc(absent, "zip"));
}

#[test]
fn cargo_arguments_that_are_slsbuilds_own() {
    let orders = Crate::binary("orders");
    insta::assert_snapshot!(orders.outcome("zip -- --target-dir elsewhere"));
    insta::assert_snapshot!(orders.outcome("zip -- --config profile.release.lto=false"));
}

#[test]
fn an_include_that_is_our_own_output() {
    let orders = Crate::binary("orders").file("target/slsbuild/report.json", "{}");
    insta::assert_snapshot!(orders.outcome("zip --include target"));
}

#[test]
fn two_packages_with_one_binary_name_and_none_chosen() {
    insta::assert_snapshot!(twins().outcome("zip"));
}
