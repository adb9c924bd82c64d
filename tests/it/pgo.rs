//! Profile-guided builds: from a user's events to a binary, and from a profile that was kept.

use std::path::Path;

use crate::support::{Crate, cache, fixture, outcome, scrub};

/// The arch of the machine: training runs natively.
const HOST: &str = "--arch host";

/// A copy of a fixture with events beside it.
fn trainee(name: &str, events: &[(&str, &str)]) -> Crate {
    let source = fixture(name);
    let read = |path: &str| fs_err::read_to_string(source.join(path)).unwrap();
    let mut copy = Crate::empty()
        .file("Cargo.toml", &read("Cargo.toml"))
        .file("Cargo.lock", &read("Cargo.lock"))
        .file("src/main.rs", &read("src/main.rs"));
    for (path, event) in events {
        copy = copy.file(&format!("events/{path}"), event);
    }
    copy
}

fn digest(path: &Path) -> String {
    use std::process::Command;
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

const EVENTS: [(&str, &str); 2] = [("a.json", "{\"id\":7}"), ("text", "no JSON")];

#[test]
fn a_profile_of_the_users_events_guides_the_build() {
    let raw = trainee("raw", &EVENTS);
    let trained = format!("zip {HOST} --pgo events --pgo-repeat 3 --pgo-out raw.profdata");
    insta::assert_snapshot!("trained", scrub_guided(&raw.outcome(&trained)));
    let report = fs_err::read_to_string(raw.path().join("target/slsbuild/report.json")).unwrap();
    assert!(report.contains("\"pgo_profile\""), "{report}");

    // The profile that was kept gives the same bytes, here and in another directory with another cache.
    let zip = |of: &Crate| digest(&of.path().join("out/bootstrap.zip"));
    let kept = fs_err::read(raw.path().join("raw.profdata")).unwrap();
    let guided = format!("zip {HOST} --pgo-profile raw.profdata --out-dir out");
    let first = outcome(&mut raw.slsbuild(&guided));
    assert!(first.starts_with("exit code: 0"), "{first}");
    assert!(!first.contains("warning"), "{first}");

    let elsewhere = trainee("raw", &[]);
    elsewhere.write("raw.profdata", &kept);
    let other_cache = elsewhere.path().join("cache of its own");
    assert_ne!(other_cache, cache());
    let second = outcome(
        elsewhere
            .slsbuild(&guided)
            .env("SLSBUILD_CACHE_DIR", &other_cache),
    );
    assert!(second.starts_with("exit code: 0"), "{second}");
    assert_eq!(zip(&raw), zip(&elsewhere));

    // Without the profile other bytes come out; with it again, nothing is made anew.
    let plain = outcome(&mut elsewhere.slsbuild(&format!("zip {HOST} --out-dir out")));
    assert!(plain.starts_with("exit code: 0"), "{plain}");
    assert_ne!(zip(&raw), zip(&elsewhere));
    let again = outcome(&mut raw.slsbuild(&guided));
    assert!(again.contains("(unchanged)"), "{again}");
}

/// What differs from arch to arch and from profile to profile.
fn scrub_guided(text: &str) -> String {
    let arch = regex::Regex::new(r"\b(arm64|amd64|x86_64)\b").unwrap();
    let place = regex::Regex::new(r"thread 'main' .*panicked at .*").unwrap();
    let text = place.replace_all(text, "thread 'main' panicked");
    scrub(&arch.replace_all(&text, "[arch]"))
}

#[test]
fn a_function_that_fails_in_training_is_named_with_its_event_and_keeps_the_old_artifact() {
    let events = [("1-fine.json", "{}"), ("2-bad.json", "\"panic\"")];
    let moods = trainee("moods", &events);
    let built = outcome(&mut moods.slsbuild(&format!("zip {HOST} --out-dir out")));
    assert!(built.starts_with("exit code: 0"), "{built}");
    let before = digest(&moods.path().join("out/bootstrap.zip"));
    let failed = moods.outcome(&format!("zip {HOST} --out-dir out --pgo events"));
    insta::assert_snapshot!("failed_in_training", scrub_guided(&failed));
    assert_eq!(before, digest(&moods.path().join("out/bootstrap.zip")));

    let unstarted = moods.outcome(&format!(
        "zip {HOST} --out-dir out --pgo events --pgo-env MOOD=init-exit-3"
    ));
    assert!(
        unstarted.contains("error: function `moods` failed: Runtime.ExitError"),
        "{unstarted}"
    );
}

#[test]
fn a_profile_of_another_program_is_a_warning_with_its_share() {
    let raw = trainee("raw", &EVENTS);
    let trained = format!("zip {HOST} --pgo events --pgo-repeat 1 --pgo-out raw.profdata --quiet");
    let output = outcome(&mut raw.slsbuild(&trained));
    assert!(output.starts_with("exit code: 0"), "{output}");

    let moods = trainee("moods", &[]);
    let profile = fs_err::read(raw.path().join("raw.profdata")).unwrap();
    moods.write("other.profdata", &profile);
    let output = outcome(&mut moods.slsbuild(&format!("zip {HOST} --pgo-profile other.profdata")));
    assert!(output.starts_with("exit code: 0"), "{output}");
    assert!(
        output.contains("warning: the profile does not fit `moods`: it knows nothing of "),
        "{output}"
    );

    // One that this LLVM does not read: the version stands behind the magic.
    let mut future = profile;
    future[8] = 99;
    moods.write("future.profdata", &future);
    let refused = moods.outcome(&format!("zip {HOST} --pgo-profile future.profdata"));
    insta::assert_snapshot!("profile_of_another_llvm", scrub(&refused));
}

#[test]
fn what_cannot_train_is_refused_before_cargo_runs() {
    let orders = Crate::binary("orders")
        .file("empty/.hidden", "{}")
        .file("no-profile", "not a profile");
    let outcomes = [
        "--pgo empty",
        "--pgo absent",
        "--pgo-profile no-profile",
        "--pgo-profile absent",
        "--arch arm64,amd64 --pgo-profile no-profile",
        "--pgo empty --pgo-profile no-profile",
        "--pgo-out x",
        "--pgo src --pgo-out absent/x",
    ]
    .map(|flags| {
        format!(
            "$ slsbuild zip {flags}\n{}",
            orders.outcome(&format!("zip {flags}"))
        )
    });
    insta::assert_snapshot!("what_cannot_train", outcomes.join("\n"));
    assert!(!orders.path().join("target").exists());

    let two = Crate::binary("orders")
        .file("src/bin/billing.rs", "fn main() {}\n")
        .file("events/orders/a.json", "{}");
    let refused = two.outcome("zip --bin orders --bin billing --pgo events");
    insta::assert_snapshot!("a_function_without_events", refused);
}

/// Functions of one package that are compiled in two ways.
fn unlike() -> Crate {
    Crate::binary("orders")
        .manifest("[features]\nloud = []")
        .file("events/a.json", "{}")
        .file(
            "slsbuild.toml",
            "[functions.full]\npackage = \"orders\"\nfeatures = [\"loud\"]\n[functions.lite]\npackage = \"orders\"\n",
        )
}

#[test]
fn functions_that_are_not_compiled_alike_are_still_several() {
    let unlike = unlike();
    insta::assert_snapshot!(unlike.outcome("build --pgo events"), @r"
    exit code: 3
    --- stdout
    --- stderr
    error: there is no event for function `full` in `events`
    hint: put one event a file into a directory; with several functions, into one of each function's name: events/full/
    ");
    for function in ["full", "lite"] {
        unlike.write(&format!("events/{function}/a.json"), b"{}");
    }
    insta::assert_snapshot!(unlike.outcome("build --pgo events --pgo-out x.profdata"), @r"
    exit code: 2
    --- stdout
    --- stderr
    error: `--pgo-out x.profdata` is for functions that are compiled alike, and `full` and `lite` are not: each would overwrite the other's profile
    hint: keep one at a time: slsbuild build full --pgo events --pgo-out full.profdata
    ");
    let arches = unlike.path().join("slsbuild.toml");
    let text = fs_err::read_to_string(&arches).unwrap();
    fs_err::write(&arches, format!("{text}arch = \"amd64\"\n")).unwrap();
    let misled = unlike.outcome("build --pgo-profile x.profdata");
    assert!(
        misled.contains("`--pgo-profile x.profdata` is for one arch, and this builds for 2"),
        "{misled}"
    );
    let one = unlike.outcome("plan lite --pgo events --pgo-out x.profdata");
    assert!(one.starts_with("exit code: 0"), "{one}");
    assert!(!unlike.path().join("target").exists());
}

#[test]
fn a_function_is_trained_with_its_own_variables() {
    let moods = trainee("moods", &[("a.json", "{}")]).file(
        "slsbuild.toml",
        "[functions.moods]\npackage = \"moods\"\nenv = { MOOD = \"init-exit-3\" }\n",
    );
    let trained = format!("build {HOST} --pgo events --pgo-repeat 1");
    let failed = moods.outcome(&trained);
    assert!(
        failed.contains("error: function `moods` failed: Runtime.ExitError"),
        "{failed}"
    );
    let of_this_call = moods.outcome(&format!("{trained} --pgo-env MOOD=fine"));
    assert!(of_this_call.starts_with("exit code: 0"), "{of_this_call}");
}

#[test]
fn what_fails_in_training_is_told_of_its_function_and_the_others_say_that_they_went_with_it() {
    let moods = trainee("moods", &[("one/a.json", "{}"), ("two/a.json", "{}")]).file(
        "slsbuild.toml",
        "[functions.one]\npackage = \"moods\"\n[functions.two]\npackage = \"moods\"\nenv = { MOOD = \"init-exit-3\" }\n",
    );
    let failed = moods.outcome(&format!(
        "build {HOST} -q --pgo events --pgo-repeat 1 --keep-going"
    ));
    insta::assert_snapshot!(failed, @r"
    exit code: 7
    --- stdout
    --- stderr
    error: `one`: not built, since `two` and it are built together: function `two` failed: Runtime.ExitError: Runtime exited with error: exit status 3
    error: `two`: function `two` failed: Runtime.ExitError: Runtime exited with error: exit status 3
    hint: it failed in training; variables of its environment are passed by --pgo-env KEY=VALUE
    error: 2 artifacts could not be made
    ");
}

/// A rustc whose sysroot has the targets but not the component.
#[test]
fn without_llvm_tools_the_command_that_installs_them_is_said() {
    use std::os::unix::fs::symlink;
    use std::process::Command;
    let orders = Crate::binary("orders").file("events/a.json", "{}");
    let real = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let rustlib = orders.path().join("sysroot/lib/rustlib");
    fs_err::create_dir_all(&rustlib).unwrap();
    for entry in fs_err::read_dir(Path::new(real.trim()).join("lib/rustlib")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().contains("musl") {
            symlink(entry.path(), rustlib.join(entry.file_name())).unwrap();
        }
    }
    let lines = format!(
        "case \"$*\" in *'--print sysroot'*) echo '{}' ;; *) exec rustc \"$@\" ;; esac",
        orders.path().join("sysroot").display()
    );
    let rustc = orders.script("rustc", &lines);
    let mut command = orders.slsbuild("zip --offline --pgo events");
    let refused = outcome(command.env("RUSTC", &rustc));
    insta::assert_snapshot!("without_llvm_tools", orders.scrub(&refused));
}

#[test]
fn a_function_that_never_ends_has_no_profile_and_that_is_an_error() {
    let raw = trainee("raw", &EVENTS);
    let main = fs_err::read_to_string(raw.path().join("src/main.rs")).unwrap();
    let endless = main.replace(
        "fn main() -> Result<()> {",
        "fn main() {\n    loop {\n        let _ = serve();\n    }\n}\n\nfn serve() -> Result<()> {",
    );
    assert_ne!(main, endless);
    raw.write("src/main.rs", endless.as_bytes());
    let refused = raw.outcome(&format!("zip {HOST} --quiet --pgo events --pgo-repeat 1"));
    insta::assert_snapshot!("never_ends", refused);
    assert!(!raw.files("target/slsbuild").contains("bootstrap.zip"));
}
