//! `slsbuild build` and `slsbuild config`: what files say, what beats them, and what happens when one function fails.

use std::fmt::Write as _;

use crate::support::{Crate, scrub};

fn manifest(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

/// Two packages, and what `slsbuild.toml` says of them.
fn pair(config: &str) -> Crate {
    Crate::empty()
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"orders\", \"billing\"]\n",
        )
        .file(
            "orders/Cargo.toml",
            &manifest("orders", "[features]\npostgres = []\n"),
        )
        .file("orders/src/main.rs", "fn main() {}\n")
        .file("billing/Cargo.toml", &manifest("billing", ""))
        .file("billing/src/main.rs", "fn main() {}\n")
        .file("templates/mail.html", "<p>")
        .file("slsbuild.toml", config)
}

/// A snapshot's text without what cargo says and without the order in which it says it.
fn without_cargo(shown: &str) -> String {
    let ours = shown
        .lines()
        .filter(|line| !line.contains("Compiling") && !line.contains("`release` profile"));
    ours.collect::<Vec<_>>().join("\n")
}

const BOTH: &str = "[defaults]\narch = [\"amd64\"]\n\n[functions.orders]\npackage = \"orders\"\ninclude = [{ from = \"../templates\", to = \"mails\" }]\nbudget = { zip = \"2 MB\" }\n\n[functions.billing]\npackage = \"billing\"\n";

#[test]
fn all_functions_are_built_in_one_call_and_told_in_a_table() {
    let pair = pair(BOTH);
    insta::assert_snapshot!("build_two", without_cargo(&pair.outcome("build")));
    insta::assert_snapshot!("build_two_files", pair.files("target/slsbuild"));
    let plan = pair.outcome("plan");
    assert_eq!(plan.matches("cargo build").count(), 1, "{plan}");
}

#[test]
fn what_is_said_beats_what_is_weaker_and_config_tells_where_it_is_said() {
    let pair = pair(
        "[defaults]\narch = [\"arm64\", \"amd64\"]\noptimize = \"size\"\n\n[functions.orders]\npackage = \"orders\"\nfeatures = [\"postgres\"]\noptimize = \"balanced\"\npanic = \"abort\"\nenv = { STAGE = \"test\" }\n\n[functions.billing]\npackage = \"billing\"\n",
    );
    let mut command = pair.slsbuild("config --panic unwind");
    command
        .env("SLSBUILD_ARCH", "amd64")
        .env("SLSBUILD_STRIP", "none");
    insta::assert_snapshot!(
        "config_origins",
        pair.scrub(&crate::support::outcome(&mut command))
    );
    insta::assert_snapshot!("config_json", pair.outcome("config orders --format json"));
}

#[test]
fn a_function_that_does_not_compile_fails_alone_with_keep_going() {
    let pair = pair(BOTH).file("orders/src/main.rs", "fn main() { nonsense }\n");
    let failed = pair
        .slsbuild("build --keep-going --format json -q")
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(101));
    let report: serde_json::Value = serde_json::from_slice(&failed.stdout).unwrap();
    let names: Vec<_> = report["artifacts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["name"].clone())
        .collect();
    assert_eq!(names, ["billing"]);
    assert!(
        pair.path()
            .join("target/slsbuild/billing/lambda/amd64/bootstrap.zip")
            .is_file()
    );
    assert!(
        !pair
            .path()
            .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip")
            .exists()
    );
}

#[test]
fn a_budget_that_is_passed_loses_no_other_artifact() {
    let pair = pair(&BOTH.replace("2 MB", "1 kB"));
    let shown = pair.outcome("build");
    insta::assert_snapshot!(
        "build_over_budget",
        regex::Regex::new(r"\d{4,}")
            .unwrap()
            .replace_all(&without_cargo(&shown), "[number]")
    );
    assert!(
        pair.path()
            .join("target/slsbuild/billing/lambda/amd64/bootstrap.zip")
            .is_file()
    );
    assert!(
        !pair
            .path()
            .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip")
            .exists()
    );
}

/// A workspace of packages, each with binaries that say which they are, and with a feature `loud` that they say too.
fn sayers(packages: &[(&str, &[&str])], config: &str) -> Crate {
    let names: Vec<&str> = packages.iter().map(|(package, _)| *package).collect();
    let workspace = format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n");
    let mut crates = Crate::empty().file("Cargo.toml", &workspace).file(
        "slsbuild.toml",
        &format!("[defaults]\narch = \"amd64\"\n{config}"),
    );
    for (package, binaries) in packages {
        let mut more = "[features]\nloud = []\n".to_owned();
        for binary in *binaries {
            let _ = write!(
                more,
                "[[bin]]\nname = \"{binary}\"\npath = \"{binary}.rs\"\n"
            );
            let says = |loud: bool| {
                format!(
                    "println!(\"I am {package}/{binary}, {}\")",
                    if loud { "loud" } else { "calm" }
                )
            };
            let main = format!(
                "fn main() {{ if cfg!(feature = \"loud\") {{ {} }} else {{ {} }} }}\n",
                says(true),
                says(false)
            );
            crates = crates.file(&format!("{package}/{binary}.rs"), &main);
        }
        crates = crates.file(&format!("{package}/Cargo.toml"), &manifest(package, &more));
    }
    crates
}

/// Builds, and holds what each function says against what it should say.
fn assert_says(crates: &Crate, arguments: &str, expected: &[(&str, &str)]) {
    let built = crates.slsbuild(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{stderr}");
    let sentence = regex::Regex::new("I am [a-z]+/[a-z]+, (loud|calm)").unwrap();
    for (function, says) in expected {
        let unstripped = format!("target/slsbuild/{function}/lambda/amd64/bootstrap.unstripped");
        let bytes = fs_err::read(crates.path().join(unstripped)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let said: Vec<&str> = sentence
            .find_iter(&text)
            .map(|found| found.as_str())
            .collect();
        assert_eq!(said, [format!("I am {says}")], "{function}");
    }
}

/// The calls of cargo that build functions.
fn cargo_calls(crates: &Crate, functions: &str) -> Vec<String> {
    let plan = crates.outcome(&format!("plan {functions}"));
    let calls = plan.lines().filter(|line| line.contains("cargo build"));
    calls.map(str::to_owned).collect()
}

#[test]
fn two_binaries_of_one_name_are_two_functions() {
    let twins = sayers(
        &[("one", &["bootstrap"]), ("two", &["bootstrap"])],
        "features = [\"loud\"]\n[functions.one]\npackage = \"one\"\n[functions.two]\npackage = \"two\"\n",
    );
    let expected = [
        ("one", "one/bootstrap, loud"),
        ("two", "two/bootstrap, loud"),
    ];
    for _ in 0..2 {
        assert_says(&twins, "build -q", &expected);
    }
}

#[test]
fn functions_of_one_binary_that_differ_in_features_differ_in_bytes() {
    let orders = sayers(
        &[("orders", &["orders"]), ("two", &["orders"])],
        "[functions.full]\npackage = \"orders\"\nfeatures = [\"loud\"]\n[functions.lite]\npackage = \"orders\"\n[functions.small]\npackage = \"two\"\noptimize = \"size\"\n",
    );
    let expected = [
        ("full", "orders/orders, loud"),
        ("lite", "orders/orders, calm"),
        ("small", "two/orders, calm"),
    ];
    for _ in 0..2 {
        assert_says(&orders, "build -q", &expected);
    }
}

/// Cargo builds every binary of a name that is in the packages it is given, also one that is no function.
#[test]
fn a_binary_that_is_no_function_is_not_packed_for_one_of_its_name() {
    let shop = sayers(
        &[
            ("api", &["api", "migrate"]),
            ("worker", &["worker", "migrate"]),
        ],
        "[functions.api]\npackage = \"api\"\nbin = \"api\"\n[functions.worker]\npackage = \"worker\"\nbin = \"worker\"\n[functions.migrate]\npackage = \"api\"\nbin = \"migrate\"\n",
    );
    let expected = [
        ("api", "api/api, calm"),
        ("worker", "worker/worker, calm"),
        ("migrate", "api/migrate, calm"),
    ];
    assert_says(&shop, "build -q", &expected);
    assert_eq!(cargo_calls(&shop, "").len(), 2);
    for call in cargo_calls(&shop, "")
        .iter()
        .filter(|call| call.contains("--bin migrate"))
    {
        assert!(!call.contains("--package worker"), "{call}");
    }
}

#[test]
fn what_cargo_is_told_of_a_function_does_not_depend_on_what_else_is_wanted() {
    let twins = sayers(
        &[("one", &["bootstrap"]), ("two", &["bootstrap", "x"])],
        "[functions.one]\npackage = \"one\"\n[functions.two]\npackage = \"two\"\nbin = \"bootstrap\"\n[functions.x]\npackage = \"two\"\nbin = \"x\"\n",
    );
    let expected = [
        ("one", "one/bootstrap, calm"),
        ("two", "two/bootstrap, calm"),
        ("x", "two/x, calm"),
    ];
    assert_says(&twins, "build -q", &expected);
    let packages = |call: &String| -> Vec<String> {
        let package = regex::Regex::new("--package [a-z]+").unwrap();
        package
            .find_iter(call)
            .map(|found| found.as_str().to_owned())
            .collect()
    };
    let together: Vec<_> = cargo_calls(&twins, "").iter().map(packages).collect();
    assert_eq!(together, [["--package one"], ["--package two"]]);
    for (function, call) in [("one", 0), ("two", 1), ("x", 1)] {
        let alone: Vec<_> = cargo_calls(&twins, function).iter().map(packages).collect();
        assert_eq!(alone, together[call..=call], "{function}");
    }
}

#[test]
fn a_package_says_it_in_its_own_manifest() {
    let orders = Crate::binary("orders").file("data.txt", "one").manifest(
        "[package.metadata.slsbuild.defaults]\narch = [\"amd64\"]\ninclude = [\"data.txt\"]",
    );
    insta::assert_snapshot!("config_of_a_package", orders.outcome("config"));
}

#[test]
fn zip_holds_to_what_the_configuration_says_of_its_function() {
    let pair = pair(&BOTH.replace("[functions.orders]", "[functions.shop-orders]"));
    insta::assert_snapshot!("plan_zip_configured", pair.outcome("config --bin orders"));
}

#[test]
fn what_cargo_lambda_is_told_holds_here_too() {
    let orders = Crate::binary("orders")
        .file("data.txt", "one")
        .manifest("[features]\npostgres = []\n[package.metadata.lambda.build]\ninclude = [\"data.txt\"]\nfeatures = [\"postgres\"]\ncompiler = { type = \"cargo\" }");
    insta::assert_snapshot!("config_of_cargo_lambda", orders.outcome("config"));
}

#[test]
fn an_internal_extension_lies_in_the_functions_own_zip() {
    let pair = pair(
        "[defaults]\narch = \"amd64\"\n[functions.orders]\npackage = \"orders\"\nextensions = [\"wrapper\"]\n[functions.wrapper]\npackage = \"billing\"\nkind = \"extension\"\ninternal = true\n",
    );
    let output = pair.slsbuild("build -q --format json").output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifacts = report["artifacts"].as_array().unwrap();
    assert_eq!(artifacts.len(), 1);
    let names: Vec<_> = artifacts[0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["name"].clone())
        .collect();
    assert_eq!(names, ["bootstrap", "wrapper"]);
}

#[test]
fn features_in_another_order_are_the_same_features() {
    let orders = Crate::binary("orders").manifest("[features]\na = []\nb = []").file(
        "slsbuild.toml",
        "[functions.one]\npackage = \"orders\"\nfeatures = [\"a\", \"b\"]\n[functions.two]\npackage = \"orders\"\nfeatures = [\"b\", \"a\", \"b\"]\n",
    );
    assert_eq!(cargo_calls(&orders, "").len(), 1);
}

#[test]
fn an_internal_extension_that_fails_is_told_with_the_function_that_packs_it() {
    let pair = pair(
        "[defaults]\narch = \"amd64\"\n[functions.orders]\npackage = \"orders\"\nextensions = [\"wrapper\"]\n[functions.wrapper]\npackage = \"billing\"\nkind = \"extension\"\ninternal = true\n",
    )
    .file("billing/src/main.rs", "fn main() { nonsense }\n");
    let failed = pair.outcome("build --keep-going -q");
    assert!(failed.starts_with("exit code: 101"), "{failed}");
    let (_, ours) = failed.rsplit_once("due to 1 previous error").unwrap();
    insta::assert_snapshot!(ours, @r"
    error: `wrapper`: `cargo build` failed
    hint: cargo says why above; to see the command that failed: slsbuild zip -v
    error: `orders`: extension `wrapper` of `orders` was not built for amd64
    error: 2 artifacts could not be made
    ");
}

#[test]
fn layers_count_with_the_function() {
    let pair = pair(
        "[defaults]\narch = \"amd64\"\n[functions.orders]\npackage = \"orders\"\nlayers = [\"files\"]\n[functions.files]\nkind = \"layer\"\ninclude = [\"big.bin\"]\n",
    );
    let big = fs_err::File::create(pair.path().join("big.bin")).unwrap();
    big.set_len(262_000_000).unwrap();
    let shown = without_cargo(&pair.outcome("build"));
    assert!(shown.starts_with("exit code: 5"), "{shown}");
    assert!(
        shown.contains("more than Lambda's 262144000 (250 MiB); largest: `its layers`"),
        "{shown}"
    );
}

/// One line and a hint for each thing that a file can get wrong.
#[test]
fn what_cannot_be_meant_is_one_line_with_its_place() {
    let cases = [
        (
            "an unknown key",
            "[functions.orders]\npackage = \"orders\"\nfeaturs = []\n",
        ),
        ("a wrong type", "[functions.orders]\npackage = 1\n"),
        (
            "a unit that is missing",
            "[functions.orders]\npackage = \"orders\"\nbudget.zip = 2\n",
        ),
        (
            "a unit that there is not",
            "[functions.orders]\npackage = \"orders\"\nbudget.zip = \"2 mb\"\n",
        ),
        (
            "two sources",
            "[functions.orders]\npackage = \"orders\"\ngo = \"./cmd\"\n",
        ),
        ("no source", "[functions.orders]\narch = [\"arm64\"]\n"),
        (
            "one name twice",
            "[functions.orders]\npackage = \"orders\"\n[functions.Orders]\npackage = \"billing\"\n",
        ),
        (
            "an arch that there is not",
            "[functions.orders]\npackage = \"orders\"\narch = [\"arm46\"]\n",
        ),
        (
            "an arch that Lambda has not",
            "[functions.orders]\npackage = \"orders\"\narch = [\"riscv64\"]\n",
        ),
        (
            "an include that escapes",
            "[functions.orders]\npackage = \"orders\"\ninclude = [\"../../outside\"]\n",
        ),
        (
            "an include that is not there",
            "[functions.orders]\npackage = \"orders\"\ninclude = [\"nowhere/**\"]\n",
        ),
        (
            "a package that there is not",
            "[functions.orders]\npackage = \"ordres\"\n",
        ),
        (
            "a binary that there is not",
            "[functions.orders]\npackage = \"orders\"\nbin = \"order\"\n",
        ),
        (
            "a layer that no table declares",
            "[functions.orders]\npackage = \"orders\"\nlayers = [\"file\"]\n",
        ),
        (
            "a layer that is a function",
            "[functions.orders]\npackage = \"orders\"\nlayers = [\"billing\"]\n[functions.billing]\npackage = \"billing\"\n",
        ),
        (
            "a layer for other arches",
            "[functions.orders]\npackage = \"orders\"\narch = [\"amd64\"]\nlayers = [\"files\"]\n[functions.files]\nkind = \"layer\"\ninclude = [\"templates\"]\narch = [\"arm64\"]\n",
        ),
        (
            "an internal extension that nobody packs",
            "[functions.wrapper]\npackage = \"orders\"\nkind = \"extension\"\ninternal = true\n",
        ),
        (
            "a CPU that there is not",
            "[functions.orders]\npackage = \"orders\"\ntarget-cpu = \"haswel\"\narch = \"amd64\"\n",
        ),
        (
            "a runtime that there is not",
            "[functions.orders]\npackage = \"orders\"\nruntime = \"provided.al2032\"\n",
        ),
        (
            "a binary that is not there",
            "[functions.orders]\nbinary = \"dist/orders\"\n",
        ),
        ("no TOML", "[functions.orders\n"),
    ];
    let mut shown = String::new();
    for (name, config) in cases {
        let pair = pair(config);
        let outcome = pair.outcome("build");
        let words = outcome.replace("--- stdout\n--- stderr\n", "");
        let _ = writeln!(shown, "# {name}\n{words}");
    }
    insta::assert_snapshot!("config_mistakes", shown);
}

#[test]
fn a_file_with_a_mark_and_carriage_returns_is_read_and_one_of_ten_megabytes_is_not() {
    let pair = pair(&format!("\u{feff}{}", BOTH.replace('\n', "\r\n")));
    let planned = pair.outcome("plan");
    assert!(planned.starts_with("exit code: 0"), "{planned}");
    pair.write("slsbuild.toml", &vec![b'#'; 10_000_000]);
    insta::assert_snapshot!("config_too_large", pair.outcome("build"));
}

#[test]
fn a_function_that_there_is_not_is_named_with_those_that_there_are() {
    insta::assert_snapshot!("build_unknown_function", pair(BOTH).outcome("build ordres"));
}

#[test]
fn a_ready_binary_is_packed_as_it_is() {
    let made = Crate::binary("legacy");
    let built = made.slsbuild("zip -q --arch amd64").output().unwrap();
    assert!(built.status.success());
    let empty = Crate::empty();
    let from = made
        .path()
        .join("target/slsbuild/legacy/lambda/amd64/bootstrap.unstripped");
    empty.write("dist/legacy", &fs_err::read(from).unwrap());
    empty.write("dist/script", b"#!/bin/sh\n");
    let packed = empty.outcome("zip --binary dist/legacy --strip symbols --name old");
    insta::assert_snapshot!("zip_binary", without_cargo(&packed));
    insta::assert_snapshot!("zip_binary_files", empty.files(".slsbuild"));
    let ignored = fs_err::read_to_string(empty.path().join(".slsbuild/.gitignore")).unwrap();
    assert_eq!(ignored, "*\n");
    let mut shown = String::new();
    for arguments in [
        "zip --binary dist/legacy --arch arm64",
        "zip --binary dist/script",
        "zip --binary dist/nothing",
        "zip --binary dist",
    ] {
        let _ = writeln!(shown, "# {arguments}\n{}", empty.outcome(arguments));
    }
    insta::assert_snapshot!("zip_binary_mistakes", scrub(&shown));
}

/// A package whose binary is called as another function is.
fn taken() -> Crate {
    pair("[functions.billing]\npackage = \"orders\"\n")
}

#[test]
fn a_binary_whose_name_a_function_has_is_refused() {
    let shown = taken().outcome("zip --bin billing --bin orders");
    insta::assert_snapshot!(shown.replace("--- stdout\n", ""), @r"
    exit code: 3
    --- stderr
    error: binary `billing` of package `billing` and function `billing` of `slsbuild.toml:1:12` would write one artifact
    hint: build the function: slsbuild build billing; or rename it there
    ");
    let shown = taken().outcome("zip -p billing");
    assert!(shown.starts_with("exit code: 3"), "{shown}");
}

#[test]
fn package_and_bin_choose_among_the_functions_of_the_configuration() {
    let pair = pair(&BOTH.replace("[functions.orders]", "[functions.shop-orders]"));
    for arguments in [
        "plan -p orders",
        "plan --bin orders",
        "plan -p orders@0.1.0",
    ] {
        let shown = pair.outcome(arguments);
        assert!(shown.contains("\nshop-orders for "), "{shown}");
        assert!(!shown.contains("billing for "), "{shown}");
    }
    let built = pair.outcome("build -q -p orders --format json");
    assert!(built.contains("\"name\": \"shop-orders\""), "{built}");
    assert!(!built.contains("\"name\": \"billing\""), "{built}");
    let none = pair.outcome("build billing --bin orders");
    insta::assert_snapshot!(none.replace("--- stdout\n", ""), @r"
    exit code: 3
    --- stderr
    error: `--bin orders` means no function that is asked for; the configuration names `shop-orders` and `billing`
    hint: name a function: slsbuild build NAME; a binary that is none: slsbuild zip --bin orders
    ");
}

#[test]
fn a_configuration_is_named_from_where_the_command_is_typed() {
    let pair = pair("[functions.wrong]\npackage = \"orders\"\n")
        .file("other/ci.toml", "[functions.right]\npackage = \"orders\"\n")
        .file("here/x", "");
    let manifest = "--manifest-path ../orders/Cargo.toml";
    let mut flag = pair.slsbuild(&format!("config {manifest} --config ../other/ci.toml"));
    let mut variable = pair.slsbuild(&format!("config {manifest}"));
    variable.env("SLSBUILD_CONFIG", "../other/ci.toml");
    for command in [&mut flag, &mut variable] {
        let shown = crate::support::outcome(command.current_dir(pair.path().join("here")));
        assert!(shown.contains("[functions.right]"), "{shown}");
    }
}

#[test]
fn a_manifest_elsewhere_is_not_held_to_the_configuration_here() {
    let there = Crate::empty()
        .file("one/Cargo.toml", &manifest("one", ""))
        .file("one/src/main.rs", "fn main() {}\n")
        .file("one/src/bin/more.rs", "fn main() {}\n")
        .file("here/slsbuild.toml", "[functions.wrong]\ngo = \".\"\n");
    let mut command = there.slsbuild("plan --bin one --manifest-path ../one/Cargo.toml");
    let shown = crate::support::outcome(command.current_dir(there.path().join("here")));
    assert!(shown.contains("\none for "), "{shown}");
    // A member is the current package, as it is for cargo.
    let pair = pair("");
    let mut command = pair.slsbuild("plan --manifest-path ../orders/Cargo.toml");
    let shown = crate::support::outcome(command.current_dir(pair.path().join("billing")));
    assert!(
        shown.contains("\norders for ") && !shown.contains("billing for"),
        "{shown}"
    );
}

/// The `key = value` lines that `config` prints of a function, without their origins.
fn printed(shown: &str, function: &str) -> Vec<String> {
    let mut lines = shown
        .lines()
        .skip_while(|line| *line != format!("[functions.{function}]"));
    lines.next();
    lines
        .take_while(|line| !line.is_empty() && !line.starts_with("---"))
        .map(|line| line.split("  #").next().unwrap().trim_end().to_owned())
        .collect()
}

#[test]
fn defaults_hold_for_what_they_are_for() {
    let pair = pair(
        "[defaults]\narch = [\"amd64\"]\nlayers = [\"files\"]\nextensions = [\"wrapper\"]\nstrip = \"none\"\nbudget.zip = \"2 MB\"\nfeatures = []\nenv = { A = \"1\" }\n\
        [functions.orders]\npackage = \"orders\"\n\
        [functions.site]\ngo = \"./site\"\n\
        [functions.files]\nkind = \"layer\"\ninclude = [\"templates\"]\n\
        [functions.telemetry]\npackage = \"billing\"\nkind = \"extension\"\narch = [\"arm64\"]\n\
        [functions.wrapper]\npackage = \"billing\"\nkind = \"extension\"\ninternal = true\n",
    );
    let shown = pair.outcome("config --include Cargo.toml");
    let has = |function: &str, key: &str| {
        let lines = printed(&shown, function);
        lines.iter().any(|line| line.starts_with(key))
    };
    let functions = ["orders", "site", "files", "telemetry", "wrapper"];
    let with = |key: &str| functions.map(|function| has(function, key));
    assert_eq!(with("arch"), [true; 5], "{shown}");
    assert_eq!(with("layers"), [true, true, false, false, false], "{shown}");
    assert_eq!(
        with("extensions"),
        [true, true, false, false, false],
        "{shown}"
    );
    assert_eq!(with("strip"), [true, false, false, true, true], "{shown}");
    assert_eq!(with("env"), [true, true, false, true, true], "{shown}");
    assert_eq!(
        with("budget.zip"),
        [true, true, true, true, false],
        "{shown}"
    );
    assert_eq!(
        with("include = [\"Cargo.toml\"]"),
        [true, true, false, true, false],
        "{shown}"
    );
    assert!(has("files", "include = [\"templates\"]"), "{shown}");
}

#[test]
fn a_ready_binary_that_is_not_there_for_an_arch_is_noticed_in_the_plan() {
    let config = "[defaults]\narch = [\"arm64\", \"amd64\"]\n\
        [functions.orders]\npackage = \"orders\"\nlayers = [\"tracer\"]\n\
        [functions.billing]\npackage = \"billing\"\n\
        [functions.tracer]\nkind = \"extension\"\nbinary = \"dist/tracer\"\n";
    let pair = pair(config);
    // What nobody asks for need not be there.
    let other = pair.outcome("plan billing");
    assert!(other.starts_with("exit code: 0"), "{other}");
    pair.write(
        "dist/tracer",
        &crate::tiny_elf::TinyElf::new(object::elf::EM_X86_64).build(),
    );
    let shown = pair.outcome("plan orders");
    insta::assert_snapshot!(shown.replace("--- stdout\n", ""), @r#"
    exit code: 3
    --- stderr
    error: `slsbuild.toml:5:11`: `tracer` is not there for arm64, as `orders` is
    hint: name a file for each arch below [functions.tracer]: binary = "dist/{arch}/tracer"
    "#);
}

#[test]
fn cargo_lambdas_section_is_told_once_and_left_where_there_is_one_of_ours() {
    let lambda = "[package.metadata.lambda.build]\ninclude = [\"data.txt\"]\n";
    let twins = Crate::binary("orders")
        .file("src/bin/billing.rs", "fn main() {}\n")
        .file("data.txt", "one")
        .manifest(lambda);
    let shown = twins.outcome("config --bin orders --bin billing");
    assert_eq!(
        shown.matches("says what cargo-lambda builds").count(),
        1,
        "{shown}"
    );
    assert_eq!(shown.matches("data.txt").count(), 2, "{shown}");
    twins.write("slsbuild.toml", b"[defaults]\narch = \"amd64\"\n");
    let shown = twins.outcome("config --bin orders");
    assert!(
        !shown.contains("cargo-lambda") && !shown.contains("data.txt"),
        "{shown}"
    );
}

#[test]
fn hints_on_a_table_are_what_it_can_say() {
    let wrong = |config: &str| {
        let shown = pair(config).outcome("plan");
        shown.replace("--- stdout\n", "")
    };
    let mut shown = wrong("[functions.orders]\npackage = \"nothing-like-it\"\n");
    shown += &wrong("[functions.orders]\npackage = \"orders\"\nbin = \"billing\"\n");
    let alone = Crate::empty().file(
        "slsbuild.toml",
        "[functions.orders]\npackage = \"orders\"\n",
    );
    shown += &alone.outcome("plan").replace("--- stdout\n", "");
    insta::assert_snapshot!(shown, @r#"
    exit code: 3
    --- stderr
    error: `slsbuild.toml:2:11`: package `nothing-like-it` is not in the workspace, which has `orders` and `billing`
    hint: package = "orders"
    exit code: 3
    --- stderr
    error: `slsbuild.toml:3:7`: no binary `billing`: there is `orders`
    hint: it is in another package: package = "billing" and bin = "billing"
    exit code: 3
    --- stderr
    error: `slsbuild.toml:2:11`: function `orders` is built from Rust, and there is no `Cargo.toml` in `[crate]` or any directory above it
    hint: go = "./cmd/orders" for Go, or name the workspace: --manifest-path PATH/Cargo.toml
    "#);
}

#[test]
fn an_empty_variable_is_one_that_is_not_set() {
    let orders = Crate::binary("orders");
    let mut command = orders.slsbuild("config");
    for name in ["RUNTIME", "PROFILE", "FEATURES", "ARCH", "TARGET_CPU"] {
        command.env(format!("SLSBUILD_{name}"), "");
    }
    let shown = crate::support::outcome(&mut command);
    assert!(shown.starts_with("exit code: 0"), "{shown}");
    assert!(!shown.contains("environment"), "{shown}");
}

#[test]
fn a_go_module_elsewhere_is_the_bound_of_its_functions_includes() {
    if crate::support::oracle("go").is_none() {
        return;
    }
    let shop = Crate::empty()
        .file("here/slsbuild.toml", "[functions.site]\ngo = \"../module/cmd/site\"\ninclude = [\"../../shared/a.txt:a.txt\"]\n")
        .file("module/go.mod", "module example.com/site\n\ngo 1.24\n")
        .file("module/cmd/site/main.go", "package main\n\nfunc main() {}\n")
        .file("module/shared/a.txt", "a");
    let mut command = shop.slsbuild("plan");
    let shown = crate::support::outcome(command.current_dir(shop.path().join("here")));
    assert!(
        shown.contains("site for aarch64-unknown-linux-musl with 1 include"),
        "{shown}"
    );
}

#[test]
fn what_config_prints_can_stand_in_the_file() {
    let pair = pair(
        "[defaults]\narch = [\"amd64\"]\nstrip = \"none\"\n\
        [functions.\"shop.orders\"]\npackage = \"orders\"\nfeatures = [\"postgres\"]\ninclude = [\"../templates\", { from = \"../templates\", to = \"mails\" }]\nlayers = [\"files\"]\nextensions = [\"wrapper\"]\nbudget = { zip = \"2 MB\", unzipped = \"6291457 B\" }\nenv = { \"a.b\" = \"say \\\"hi\\\"\\n\", C = \"\" }\npgo.events = [\"orders/events\"]\n\
        [functions.site]\ngo = \".\"\ntags = [\"netgo\"]\nldflags = \"-X 'a=b'\"\n\
        [functions.legacy]\nbinary = \"dist/legacy\"\n\
        [functions.files]\nkind = \"layer\"\ninclude = [\"templates\"]\n\
        [functions.wrapper]\npackage = \"billing\"\nkind = \"extension\"\ninternal = true\n",
    );
    let print = |arguments: &str, directory: &str| {
        let mut command = pair.slsbuild(arguments);
        command.current_dir(pair.path().join(directory));
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let values = |shown: &str| {
        let lines = shown
            .lines()
            .map(|line| line.split("  #").next().unwrap().trim_end());
        lines.collect::<Vec<_>>().join("\n")
    };
    // The paths are those of the file, not those of the directory that it is printed in.
    let first = print("config", "orders");
    let shown = first.replace(pair.path().to_str().unwrap(), "[crate]");
    insta::assert_snapshot!("config_round", shown);
    pair.write("slsbuild.toml", first.as_bytes());
    assert_eq!(values(&print("config", "")), values(&first));
    // What flags say is printed where it can stand, with its origin.
    let flags = print(
        "config --pgo orders/events --pgo-repeat 3 --strip symbols",
        "",
    );
    assert!(flags.contains("pgo.repeat = 3"), "{flags}");
    for key in ["pgo.events", "pgo.repeat"] {
        let line = flags.lines().find(|line| line.starts_with(key)).unwrap();
        assert!(line.ends_with("# flag"), "{line}");
    }
    pair.write("slsbuild.toml", flags.as_bytes());
    assert_eq!(values(&print("config", "")), values(&flags));
}

#[test]
fn what_cannot_be_planned_fails_alone_with_keep_going() {
    let broken = "[functions.mail]\npackage = \"orders\"\ninclude = [\"nowhere\"]\n";
    let pair = pair(&format!(
        "[defaults]\narch = [\"amd64\"]\n{broken}[functions.billing]\npackage = \"billing\"\n"
    ));
    let stopped = pair.outcome("build");
    assert!(stopped.starts_with("exit code: 3"), "{stopped}");
    let output = pair
        .slsbuild("build --keep-going --format json -q")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["artifacts"][0]["name"], "billing");
    let failure = &report["findings"][0];
    assert_eq!(failure["rule"], "build/failed");
    let message = failure["message"].as_str().unwrap();
    assert!(
        message.starts_with("`mail`: `slsbuild.toml:5:12`: include `nowhere`"),
        "{message}"
    );
}
