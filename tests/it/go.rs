//! `slsbuild zip --go`: what it prints, what it refuses, and that it gives the same bytes elsewhere.

use std::fmt::Write as _;
use std::process::Command;

use slsbuild::digest::Sha256;

use crate::support::{Crate, fixture, oracle, outcome};

/// A module with two main packages and a library, which needs nothing from elsewhere.
fn module() -> Crate {
    Crate::empty()
        .file("go.mod", "module example.com/shop/v2\n\ngo 1.24\n")
        .file(
            "main.go",
            "package main\n\nfunc main() { println(\"shop\") }\n",
        )
        .file(
            "cmd/orders/main.go",
            "package main\n\nfunc main() { println(\"orders\") }\n",
        )
        .file(
            "stock/stock.go",
            "package stock\n\nfunc Count() int { return 1 }\n",
        )
}

#[test]
fn a_go_package_is_a_function_of_its_directorys_name() {
    if oracle("go").is_none() {
        return;
    }
    let module = module();
    insta::assert_snapshot!(
        "zip_go",
        module.outcome("zip --go ./cmd/orders --arch arm64,amd64")
    );
    insta::assert_snapshot!("zip_go_files", module.files(".slsbuild"));
    let root = module.outcome("plan --go .");
    assert!(
        root.contains(".slsbuild/shop/lambda/arm64/bootstrap.zip"),
        "{root}"
    );
    let command = root.lines().find(|line| line.contains("go build"));
    let command = command.unwrap();
    assert!(command.contains(" -o bootstrap "), "{command}");
}

#[test]
fn another_directory_gives_the_same_bytes() {
    if oracle("go").is_none() {
        return;
    }
    let digests: Vec<String> = ["shop", "a shop elsewhere"]
        .into_iter()
        .map(|name| {
            let home = tempfile::tempdir().unwrap();
            let directory = home.path().join(name);
            for file in ["go.mod", "go.sum", "cmd/receipt/main.go"] {
                let to = directory.join(file);
                fs_err::create_dir_all(to.parent().unwrap()).unwrap();
                fs_err::copy(fixture("shop/go").join(file), to).unwrap();
            }
            let mut command = crate::support::slsbuild();
            command.current_dir(&directory).args([
                "zip",
                "--go",
                "cmd/receipt",
                "--arch",
                "arm64",
                "-q",
            ]);
            let shown = outcome(&mut command);
            assert!(shown.starts_with("exit code: 0"), "{shown}");
            let zip = directory.join(".slsbuild/receipt/lambda/arm64/bootstrap.zip");
            Sha256::of(&fs_err::read(zip).unwrap()).to_string()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn what_go_cannot_build_is_said_before_anything_is_compiled() {
    if oracle("go").is_none() {
        return;
    }
    let with_cgo = "package main\n\nimport \"C\"\n\nfunc main() {}\n";
    let module = module()
        .file("cmd/native/main.go", with_cgo)
        .file("other/readme.txt", "");
    let mut shown = String::new();
    for arguments in [
        "zip --go stock",
        "zip --go ./cmd",
        "zip --go ./cmd/...",
        "zip --go nowhere",
        "zip --go cmd/native",
    ] {
        let _ = writeln!(shown, "# {arguments}\n{}", module.outcome(arguments));
    }
    let empty = Crate::empty().file("main.go", "package main\n\nfunc main() {}\n");
    let _ = writeln!(shown, "# without go.mod\n{}", empty.outcome("zip --go ."));
    insta::assert_snapshot!("zip_go_mistakes", shown);
}

#[test]
fn what_go_fails_of_is_gos_to_say() {
    if oracle("go").is_none() {
        return;
    }
    let module = module().file(
        "cmd/orders/main.go",
        "package main\n\nfunc main() { nonsense() }\n",
    );
    let shown = module.outcome("zip --go cmd/orders");
    assert!(shown.starts_with("exit code: 101"), "{shown}");
    assert!(shown.contains("undefined: nonsense"), "{shown}");
    assert!(
        shown.contains("error: `go build` failed for `orders`"),
        "{shown}"
    );
}

#[test]
fn without_go_the_way_to_it_is_named() {
    let module = module();
    let mut command: Command = module.slsbuild("zip --go cmd/orders");
    command.env("PATH", module.path().join("nothing"));
    let shown = module.scrub(&outcome(&mut command));
    insta::assert_snapshot!("zip_go_without_go", shown);
}

#[test]
fn flags_of_the_other_language_are_refused_with_what_go_has() {
    let module = module();
    let mut shown = String::new();
    for arguments in [
        "zip --go cmd/orders --features json",
        "zip --go cmd/orders --optimize size",
        "dir --go cmd/orders --allocator system",
        "plan --go cmd/orders --target-cpu generic",
        "zip --go cmd/orders -- --timings",
        "zip --tags netgo",
    ] {
        let _ = writeln!(
            shown,
            "$ slsbuild {arguments}\n{}",
            module.outcome(arguments)
        );
    }
    insta::assert_snapshot!("zip_go_flags_of_rust", shown);
}

#[test]
fn tags_linker_flags_and_jobs_reach_go() {
    if oracle("go").is_none() {
        return;
    }
    let module = module();
    let arguments = "plan --go cmd/orders --arch arm64 --tags netgo,osusergo --ldflags -X=main.version=1 --jobs 3";
    // What the environment says holds for all, and Rust's part of it is none of Go's.
    let mut command = module.slsbuild(arguments);
    command.env("SLSBUILD_PROFILE", "release");
    let planned = outcome(&mut command);
    assert!(planned.starts_with("exit code: 0"), "{planned}");
    for words in [
        "-tags=lambda.norpc,netgo,osusergo",
        "'-ldflags=-s -w -buildid= -X=main.version=1'",
        " -p=3 ",
    ] {
        assert!(planned.contains(words), "{planned}");
    }
}

#[test]
fn a_failure_names_the_function() {
    if oracle("go").is_none() {
        return;
    }
    let module = module()
        .file(
            "cmd/orders/main.go",
            "package main\n\nfunc main() { nonsense() }\n",
        )
        .file("slsbuild.toml", "[functions.img]\ngo = \"cmd/orders\"\n");
    let shown = module.outcome("build");
    assert!(
        shown.contains("error: `go build` failed for `img`"),
        "{shown}"
    );
    let planned = module.outcome("plan --target aarch64-unknown-linux-gnu");
    assert!(
        planned.contains("img/lambda/arm64/bootstrap.zip"),
        "{planned}"
    );
}

#[test]
fn a_directory_whose_name_is_taken_wants_another_one() {
    if oracle("go").is_none() {
        return;
    }
    let module = module().file("cmd/tools/main.go", "package main\n\nfunc main() {}\n");
    let shown = module.outcome("zip --go cmd/tools");
    assert!(shown.starts_with("exit code: 3"), "{shown}");
    assert!(shown.contains("function `tools` is a name that"), "{shown}");
    assert!(!module.path().join(".slsbuild").exists());
    let shown = module.outcome("zip --go cmd/tools --name orders --arch arm64 -q");
    assert!(
        shown.contains(".slsbuild/orders/lambda/arm64/bootstrap.zip"),
        "{shown}"
    );
}
