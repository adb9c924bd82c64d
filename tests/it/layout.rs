//! `--layout cargo-lambda`: the same artifacts where cargo-lambda's users look for them.

use std::time::{Duration, SystemTime};

use object::elf;

use crate::support::Crate;
use crate::tiny_elf::TinyElf;

/// Programs that are built already, so that no compiler runs.
fn shop() -> Crate {
    let configuration = "[functions.orders]\nbinary = \"dist/program\"\n\n[functions.telemetry]\nbinary = \"dist/program\"\nkind = \"extension\"\n";
    let shop = Crate::empty().file("slsbuild.toml", configuration);
    shop.write("dist/program", &TinyElf::new(elf::EM_X86_64).build());
    shop
}

#[test]
fn both_files_stand_where_cargo_lambda_puts_them() {
    let orders = Crate::binary("orders");
    let build = "zip --arch amd64 --layout cargo-lambda";
    let first = orders.outcome(build);
    let ours = first
        .lines()
        .filter(|line| !line.contains("Compiling") && !line.contains("`release` profile"));
    insta::assert_snapshot!(ours.collect::<Vec<_>>().join("\n"));
    let lambda = orders.path().join("target/lambda/orders");
    assert_eq!(
        orders.files("target/lambda"),
        "755 orders/bootstrap\n644 orders/bootstrap.zip\n"
    );
    let zip = orders
        .path()
        .join("target/slsbuild/orders/lambda/amd64/bootstrap.zip");
    let theirs = lambda.join("bootstrap.zip");
    assert_eq!(fs_err::read(&zip).unwrap(), fs_err::read(&theirs).unwrap());
    assert_eq!(
        crate::zip::entry(&zip, "bootstrap"),
        fs_err::read(lambda.join("bootstrap")).unwrap()
    );

    // What did not change is not touched.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for name in ["bootstrap", "bootstrap.zip"] {
        let file = fs_err::File::open(lambda.join(name)).unwrap();
        file.file().set_modified(long_ago).unwrap();
    }
    assert!(orders.outcome(build).starts_with("exit code: 0\n"));
    for name in ["bootstrap", "bootstrap.zip"] {
        let facts = fs_err::metadata(lambda.join(name)).unwrap();
        assert_eq!(facts.modified().unwrap(), long_ago, "{name}");
    }
    fs_err::write(lambda.join("bootstrap"), "another").unwrap();
    assert!(orders.outcome(build).starts_with("exit code: 0\n"));
    assert_eq!(
        crate::zip::entry(&zip, "bootstrap"),
        fs_err::read(lambda.join("bootstrap")).unwrap()
    );
}

#[test]
fn extensions_have_a_place_of_their_own() {
    let shop = shop();
    let outcome = shop.outcome("build --layout cargo-lambda --target-dir target");
    insta::assert_snapshot!(outcome);
    assert_eq!(
        shop.files("target/lambda"),
        "755 extensions/telemetry\n644 extensions/telemetry.zip\n755 orders/bootstrap\n644 orders/bootstrap.zip\n"
    );
}

#[test]
fn a_layout_that_has_no_place_for_what_is_built() {
    let orders = Crate::binary("orders");
    let twice = "[functions.one]\nbin = \"orders\"\n\n[functions.two]\nbin = \"orders\"\noptimize = \"size\"\n";
    let twice = Crate::binary("orders").file("slsbuild.toml", twice);
    insta::assert_snapshot!(
        [
            (&orders, "plan --arch arm64,amd64 --layout cargo-lambda"),
            (&shop(), "build --layout cargo-lambda"),
            (&twice, "build --layout cargo-lambda"),
            (&orders, "zip --layout sam"),
        ]
        .map(|(project, arguments)| format!(
            "$ slsbuild {arguments}\n{}",
            project.outcome(arguments)
        ))
        .join("\n")
    );
}
