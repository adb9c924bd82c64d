//! Which binaries become functions: as cargo chooses, and among several, those that are Lambda functions.

use crate::support::Crate;

fn package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

/// `orders` depends on a runtime crate, `billing` through a library of the workspace, `tool` not at all.
fn shop() -> Crate {
    let mut shop = Crate::empty()
        .file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"lambda_runtime\", \"shared\", \"orders\", \"billing\", \"tool\"]\n",
        )
        .file("lambda_runtime/Cargo.toml", &package("lambda_runtime", ""))
        .file("shared/Cargo.toml", &package("shared", "[dependencies]\nlambda_runtime = { path = \"../lambda_runtime\" }\n"))
        .file("orders/Cargo.toml", &package("orders", "[dependencies]\nlambda_runtime = { path = \"../lambda_runtime\" }\n"))
        .file("billing/Cargo.toml", &package("billing", "[dependencies]\nshared = { path = \"../shared\" }\n"))
        .file("tool/Cargo.toml", &package("tool", "[dev-dependencies]\nlambda_runtime = { path = \"../lambda_runtime\" }\n"));
    for library in ["lambda_runtime", "shared"] {
        shop = shop.file(&format!("{library}/src/lib.rs"), "");
    }
    for binary in ["orders", "billing", "tool"] {
        shop = shop.file(&format!("{binary}/src/main.rs"), "fn main() {}\n");
    }
    shop
}

/// The functions that a plan made in `directory` names.
fn planned(project: &Crate, directory: &str, arguments: &str) -> Vec<String> {
    let mut command = project.slsbuild(&format!("plan --format json {arguments}"));
    let output = command
        .current_dir(project.path().join(directory))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names = plan["artifacts"].as_array().unwrap().iter();
    names
        .map(|artifact| artifact["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_workspace_gives_its_lambda_functions() {
    assert_eq!(planned(&shop(), ".", ""), ["orders", "billing"]);
}

#[test]
fn a_members_directory_gives_that_member_whatever_it_depends_on() {
    assert_eq!(planned(&shop(), "tool", ""), ["tool"]);
    assert_eq!(planned(&shop(), "orders/src", ""), ["orders"]);
}

#[test]
fn packages_and_binaries_can_be_named() {
    let shop = shop();
    assert_eq!(planned(&shop, ".", "--package tool"), ["tool"]);
    assert_eq!(
        planned(&shop, ".", "--package tool@0.1.0 --package orders"),
        ["orders"]
    );
    assert_eq!(
        planned(&shop, ".", "--bin tool --bin billing"),
        ["tool", "billing"]
    );
    assert_eq!(
        planned(&shop, ".", "--manifest-path billing/Cargo.toml"),
        ["billing"]
    );
}

#[test]
fn a_binary_of_another_package_is_found_in_the_hint() {
    let shop = shop();
    let mut command = shop.slsbuild("plan --bin tool");
    command.current_dir(shop.path().join("orders"));
    insta::assert_snapshot!(shop.scrub(&crate::support::outcome(&mut command)));
}

#[test]
fn default_run_is_the_one_of_several() {
    let several = Crate::empty()
        .file("Cargo.toml", &package("orders", "default-run = \"api\"\n"))
        .file("src/bin/api.rs", "fn main() {}\n")
        .file("src/bin/admin.rs", "fn main() {}\n");
    assert_eq!(planned(&several, ".", ""), ["api"]);
    assert_eq!(planned(&several, ".", "--bin admin"), ["admin"]);
}

#[test]
fn one_cargo_call_makes_the_artifacts_of_all() {
    let shop = shop();
    let output = shop.slsbuild("zip --arch amd64").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let zip = |name: &str| format!("target/slsbuild/{name}/lambda/amd64/bootstrap.zip\n");
    assert_eq!(stdout, zip("orders") + &zip("billing"));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("`release` profile").count(), 1, "{stderr}");
}
