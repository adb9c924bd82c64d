use std::fmt::Write as _;
use std::io::Write as _;

use super::*;
use crate::process::find_on_path;
use crate::ui::Verbosity;

/// Files of a module, or of several, in a directory of their own.
struct Files(tempfile::TempDir);

impl Files {
    /// Files as `-- PATH` and their lines, as Go's txtar has them.
    fn new(archive: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for file in archive.split("-- ").skip(1) {
            let (path, content) = file.split_once('\n').unwrap();
            let path = directory.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn load(&self, place: &str) -> Result<GoPackage> {
        let ui = Ui::new(Verbosity::Quiet);
        load(
            &self
                .path()
                .join(if place == "." { "" } else { place })
                .components()
                .collect::<PathBuf>(),
            &GoOptions::default(),
            &Arch::ALL,
            ui,
        )
    }

    /// The outcome as the user sees it.
    fn outcome(&self, place: &str) -> String {
        let Err(error) = self.load(place) else {
            return "no error\n".to_owned();
        };
        let mut text = format!("exit code: {}\n", error.exit_code());
        if let Some(words) = error.preface() {
            let _ = writeln!(text, "{words}");
        }
        let _ = writeln!(text, "error: {}", error.one_line());
        let _ = writeln!(text, "hint: {}", error.hint().unwrap_or_default());
        let text = text.replace(self.path().to_str().unwrap(), "[files]");
        let version = regex::Regex::new(r"running go [\d.a-z]+;").unwrap();
        version
            .replace_all(&text, "running go [version];")
            .into_owned()
    }
}

/// Whether a tool is there; says that the test is skipped where it is not.
///
/// # Panics
/// When it is absent and `SLSBUILD_REQUIRE_ORACLES=1`.
pub(crate) fn oracle(tool: &str) -> bool {
    let found = find_on_path(tool).is_some();
    if !found {
        let required = std::env::var("SLSBUILD_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "`{tool}` is required by SLSBUILD_REQUIRE_ORACLES=1 and not on PATH"
        );
        let _ = writeln!(std::io::stderr(), "skipped: `{tool}` is not on PATH");
    }
    found
}

const SHOP: &str = "-- go.mod
module example.com/shop/v2

go 1.21
-- go.sum
-- shop.go
package shop
-- cmd/orders/main.go
package main

func main() {}
-- cmd/orders/default.pgo
-- cmd/refunds/main.go
package main

func main() {}
-- docs/readme.txt
";

#[test]
fn a_main_package_is_named_after_its_directory() {
    if !oracle("go") {
        return;
    }
    let files = Files::new(SHOP);
    let package = files.load("cmd/orders").unwrap();
    assert_eq!(default_name(&package.directory), "orders");
    assert_eq!(package.import_path, "example.com/shop/v2/cmd/orders");
    assert_eq!(default_name(&package.module_root), "shop");
    assert_eq!(package.module_root, files.path());
    assert_eq!(package.directory, files.path().join("cmd/orders"));
    assert_eq!(
        package.profile,
        Some(files.path().join("cmd/orders/default.pgo"))
    );
    assert!(
        package
            .pgo_note("img")
            .ends_with("cmd/orders/default.pgo, as go does by itself")
    );
    assert!(package.go.version.starts_with("go1."));
}

#[test]
fn the_lines_of_a_go_mod_are_read() {
    let text =
        "module \"shop\" // a remark\n\n// go 1.9\ngo 1.26.1 // a remark\ntoolchain go1.27.0\n";
    assert_eq!(line(text, "go").as_deref(), Some("1.26.1"));
    assert_eq!(line(text, "module").as_deref(), Some("shop"));
    assert_eq!(line("module shop\nmodule", "go"), None);
    assert_eq!(line("module\n", "module"), None);
}

#[test]
fn at_the_root_of_a_module_the_module_gives_the_name() {
    let name = |module: &str| name(Path::new("/src/any"), Path::new("/src/any"), module);
    assert_eq!(name("example.com/orders"), "orders");
    assert_eq!(name("example.com/orders/v2"), "orders");
    assert_eq!(name("orders"), "orders");
    assert_eq!(name("v2"), "v2");
    assert_eq!(name("example.com/vault"), "vault");
    assert_eq!(name("example.com/orders/v"), "v");
    assert_eq!(
        super::name(Path::new("/src/any/cmd/x"), Path::new("/src/any"), "a.b/c"),
        "x"
    );
}

#[test]
fn what_is_no_main_package_is_refused_with_those_that_there_are() {
    if !oracle("go") {
        return;
    }
    let files = Files::new(SHOP);
    insta::assert_snapshot!(files.outcome("."), @"
    exit code: 3
    error: `[files]` is package `shop`, not a main package; its module's main packages are `[files]/cmd/orders` and `[files]/cmd/refunds`
    hint: name one: --go [files]/cmd/orders
    ");
    insta::assert_snapshot!(files.outcome("docs"), @"
    exit code: 3
    error: `[files]/docs` holds no Go files; its module's main packages are `[files]/cmd/orders` and `[files]/cmd/refunds`
    hint: name one: --go [files]/cmd/orders
    ");
    insta::assert_snapshot!(files.outcome("cmd/..."), @"
    exit code: 3
    error: `[files]/cmd/...` is a pattern, and a function is one package: it holds `[files]/cmd/orders` and `[files]/cmd/refunds`
    hint: name one: --go [files]/cmd/orders
    ");
    insta::assert_snapshot!(files.outcome("cmd/nothing"), @"
    exit code: 3
    error: `[files]/cmd/nothing` does not exist
    hint: name the directory of a main package: --go ./cmd/NAME
    ");
    insta::assert_snapshot!(files.outcome("cmd/orders/main.go"), @"
    exit code: 3
    error: `[files]/cmd/orders/main.go` is a file, and a main package is a directory
    hint: name its directory: --go [files]/cmd/orders
    ");
    let library =
        Files::new("-- go.mod\nmodule example.com/library\n\ngo 1.21\n-- a.go\npackage library\n");
    insta::assert_snapshot!(library.outcome("."), @"
    exit code: 3
    error: `[files]` is package `library`, not a main package, and its module has no main package
    hint: a function's package is called main: write `package main` and `func main()`
    ");
    let nothing = Files::new("-- main.go\npackage main\n\nfunc main() {}\n");
    insta::assert_snapshot!(nothing.outcome("."), @"
    exit code: 3
    error: no `go.mod` in `[files]` or any directory above it
    hint: make it a module: cd [files] && go mod init NAME && go mod tidy
    ");
}

#[test]
fn what_go_refuses_is_told_in_its_words() {
    if !oracle("go") {
        return;
    }
    let main = "-- main.go\npackage main\n\nimport _ \"example.org/missing\"\n\nfunc main() {}\n";
    let module = "-- go.mod\nmodule example.com/orders\n\ngo 1.21\n";
    insta::assert_snapshot!(Files::new(&format!("{module}{main}")).outcome("."), @"
    exit code: 3
    main.go:3:8: no required module provides package example.org/missing; to add it:
    	go get example.org/missing
    error: `go list` refused `[files]`
    hint: cd [files] && go mod tidy
    ");
    let required = format!("{module}\nrequire example.org/missing v1.0.0\n{main}");
    insta::assert_snapshot!(Files::new(&required).outcome("."), @"
    exit code: 3
    main.go:3:8: missing go.sum entry for module providing package example.org/missing (imported by example.com/orders); to add:
    	go get example.com/orders
    error: `go list` refused `[files]`
    hint: cd [files] && go mod tidy
    ");
    let vendored = format!("{required}-- vendor/modules.txt\n");
    insta::assert_snapshot!(Files::new(&vendored).outcome("."), @"
    exit code: 3
    go: inconsistent vendoring in [files]:
    	example.org/missing@v1.0.0: is explicitly required in go.mod, but not marked as explicit in vendor/modules.txt

    	To ignore the vendor directory, use -mod=readonly or -mod=mod.
    	To sync the vendor directory, run:
    		go mod vendor
    error: `go list` refused `[files]`
    hint: cd [files] && go mod vendor
    ");
}

#[test]
fn a_package_or_module_that_contradicts_itself_is_told_in_go_s_words() {
    if !oracle("go") {
        return;
    }
    let module = "-- go.mod\nmodule example.com/orders\n\ngo 1.21\n";
    let two =
        format!("{module}-- a.go\npackage main\n\nfunc main() {{}}\n-- b.go\npackage other\n");
    insta::assert_snapshot!(Files::new(&two).outcome("."), @"
    exit code: 3
    found packages main (a.go) and other (b.go) in [files]
    error: `go list` refused `[files]`
    hint: go says why above; ask it alone: cd [files] && GOOS=linux go list .
    ");
    let excluded = format!("{module}-- a.go\n//go:build windows\n\npackage main\n");
    insta::assert_snapshot!(Files::new(&excluded).outcome("."), @"
    exit code: 3
    build constraints exclude all Go files in [files]
    error: `go list` refused `[files]`
    hint: go says why above; ask it alone: cd [files] && GOOS=linux go list .
    ");
    let broken = "-- go.mod\nmodule\n-- main.go\npackage main\n";
    insta::assert_snapshot!(Files::new(broken).outcome("."), @"
    exit code: 3
    go: errors parsing go.mod:
    go.mod:1: usage: module module/path
    error: `go list` refused `[files]`
    hint: go says why above; ask it alone: cd [files] && GOOS=linux go list .
    ");
    let outside = format!("-- go.work\ngo 1.21\n{}", SHOP.replace("-- ", "-- inner/"));
    insta::assert_snapshot!(Files::new(&outside).outcome("inner/cmd/orders"), @"
    exit code: 3
    go: no modules were found in the current workspace; see 'go help work'
    error: `go list` refused `[files]/inner/cmd/orders`
    hint: cd [files]/inner && go work use .
    ");
}

#[test]
fn a_newer_go_than_there_is_is_a_missing_tool() {
    if !oracle("go") {
        return;
    }
    let words = "go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)\n";
    let error = list::refused(Path::new("x"), Path::new("/x"), words);
    assert_eq!(error.exit_code(), 4);
    insta::assert_snapshot!(error, @"`go` does not run here: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)");
    insta::assert_snapshot!(error.hint().unwrap(), @"let go get it, or install it: cd /x && GOTOOLCHAIN=auto go version");
}

const STORE: &str = "-- go.mod
module example.com/store

go 1.21

require github.com/mattn/go-sqlite3 v1.14.0

replace github.com/mattn/go-sqlite3 => ./sqlite3
-- sqlite3/go.mod
module github.com/mattn/go-sqlite3
-- sqlite3/sqlite3.go
package sqlite3

import \"C\"
-- sqlite3/static_mock.go
//go:build !cgo

package sqlite3
-- db/db.go
package db

import _ \"github.com/mattn/go-sqlite3\"
-- image/image.go
package image

// int width;
import \"C\"

var Width = C.width
-- resolver/cgo.go
package resolver

import \"C\"
-- resolver/pure.go
//go:build !cgo

package resolver
-- kafka/cgo.go
package kafka

import \"C\"

type handle C.int
-- kafka/consumer.go
package kafka

var Consumer handle
-- cmd/stub/main.go
package main

import _ \"example.com/store/db\"

func main() {}
-- cmd/needs/main.go
package main

import _ \"example.com/store/image\"

func main() {}
-- cmd/itself/main.go
package main

import \"C\"

func main() {}
-- cmd/both/main.go
package main

import (
	_ \"net\"

	_ \"example.com/store/resolver\"
)

func main() {}
";

#[test]
fn a_package_that_needs_cgo_is_named_with_those_that_bring_it() {
    if !oracle("go") {
        return;
    }
    let files = Files::new(STORE);
    insta::assert_snapshot!(files.outcome("cmd/stub"), @"
    exit code: 4
    error: `github.com/mattn/go-sqlite3` needs cgo, which slsbuild builds without: `example.com/store/cmd/stub` imports `example.com/store/db`, which imports `github.com/mattn/go-sqlite3`
    hint: use one in pure Go: go get modernc.org/sqlite
    ");
    insta::assert_snapshot!(files.outcome("cmd/needs"), @"
    exit code: 4
    error: `example.com/store/image` needs cgo, which slsbuild builds without: `example.com/store/cmd/needs` imports `example.com/store/image`
    hint: see what needs it, and look for a package in pure Go: CGO_ENABLED=0 GOOS=linux go build .
    ");
    insta::assert_snapshot!(files.outcome("cmd/itself"), @"
    exit code: 4
    error: `example.com/store/cmd/itself` needs cgo, which slsbuild builds without
    hint: see what needs it, and look for a package in pure Go: CGO_ENABLED=0 GOOS=linux go build .
    ");
}

#[test]
fn a_package_that_can_do_without_cgo_is_only_noted() {
    if !oracle("go") {
        return;
    }
    let package = Files::new(STORE).load("cmd/both").unwrap();
    let notes: Vec<String> = package.without_cgo.iter().map(CgoPackage::note).collect();
    assert_eq!(
        notes,
        ["`example.com/store/resolver` is built without its cgo code"]
    );
    assert_eq!(
        package.without_cgo[0].chain,
        ["example.com/store/cmd/both", "example.com/store/resolver"]
    );
}
