use std::io::Write as _;

use super::*;
use crate::project::go::GoEnvironment;
use crate::project::go::tests::oracle;

const UI: fn() -> Ui = || Ui::new(Verbosity::Quiet);

/// A module at `directory` whose program prints its version, beside the files given.
fn module(directory: &Path, files: &[(&str, &str)]) {
    let main = "package main\n\nimport \"example.com/orders/internal/total\"\n\nvar version = \"none\"\n\nfunc main() { println(version, total.Of(2)) }\n";
    let always = [
        ("go.mod", "module example.com/orders\n\ngo 1.21\n"),
        ("main.go", main),
        (
            "internal/total/total.go",
            "package total\n\nfunc Of(n int) int {\n\tif n > 9 {\n\t\tpanic(\"too many\")\n\t}\n\treturn n * 2\n}\n",
        ),
    ];
    for (path, content) in always.iter().chain(files) {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
}

fn loaded(directory: &Path, options: &GoOptions) -> GoPackage {
    go::load(directory, options, &Arch::ALL, UI()).unwrap()
}

fn built(directory: &Path, options: &GoOptions, arch: Arch) -> Vec<u8> {
    let package = loaded(directory, options);
    let out = tempfile::tempdir().unwrap();
    let build = GoBuild {
        function: "img",
        jobs: None,
        package: &package,
        options,
        arch,
        level: Some(crate::platform::lambda::go_level(arch)),
        output: &out.path().join("bootstrap"),
    };
    fs::read(run(build, UI()).unwrap()).unwrap()
}

/// A package as if it had been loaded.
fn package(import_path: &str, module_root: &Path) -> GoPackage {
    GoPackage {
        import_path: import_path.to_owned(),
        directory: module_root.to_owned(),
        module_root: module_root.to_owned(),
        profile: None,
        without_cgo: Vec::new(),
        go: GoEnvironment::default(),
    }
}

#[test]
fn the_command_can_be_pasted() {
    let package = package("example.com/shop/cmd/receipt", Path::new("/shop"));
    let options = GoOptions {
        tags: vec!["netgo".to_owned()],
        ldflags: Some("-X 'main.version=1 beta'".to_owned()),
        offline: true,
        jobs: None,
    };
    let mut build = GoBuild {
        function: "img",
        jobs: None,
        package: &package,
        options: &options,
        arch: Arch::Arm64,
        level: Some(("GOARM64", "v8.2")),
        output: Path::new("/out/bootstrap"),
    };
    insta::assert_snapshot!(command(build, Verbosity::VeryVerbose), @r#"cd /shop && CGO_ENABLED=0 GOARCH=arm64 GOARM64=v8.2 GONOPROXY=none GOOS=linux GOPROXY=off go build -trimpath -buildvcs=false -tags=lambda.norpc,netgo '-ldflags=-s -w -buildid= -X '\''main.version=1 beta'\''' -v -o /out/bootstrap example.com/shop/cmd/receipt"#);
    let options = GoOptions::default();
    (build.options, build.level, build.arch) = (&options, None, Arch::Amd64);
    build.jobs = Some(3);
    insta::assert_snapshot!(command(build, Verbosity::Normal), @"cd /shop && CGO_ENABLED=0 GOARCH=amd64 GOOS=linux go build -trimpath -buildvcs=false -tags=lambda.norpc '-ldflags=-s -w -buildid=' -p=3 -o /out/bootstrap example.com/shop/cmd/receipt");
}

#[test]
fn two_directories_give_the_same_bytes_and_no_path_of_them() {
    if !oracle("go") {
        return;
    }
    let places = [
        tempfile::tempdir().unwrap(),
        tempfile::Builder::new()
            .prefix("a longer name")
            .tempdir()
            .unwrap(),
    ];
    for arch in Arch::ALL {
        let [one, other] = places.each_ref().map(|place| {
            let directory = place.path().join("orders");
            module(&directory, &[]);
            built(&directory, &GoOptions::default(), arch)
        });
        assert!(one == other, "{arch}: the bytes differ");
        for place in &places {
            let path = place.path().to_str().unwrap().as_bytes().to_owned();
            assert_eq!(memchr::memmem::find(&one, &path), None, "{arch}");
        }
        let cache = b"pkg/mod/";
        assert_eq!(memchr::memmem::find(&one, cache), None, "{arch}");
    }
}

/// A proxy below `directory` that holds `example.com/greeting`, as its address.
fn proxy(directory: &Path) -> String {
    let versions = directory.join("example.com/greeting/@v");
    let module = "module example.com/greeting\n\ngo 1.21\n";
    fs::create_dir_all(&versions).unwrap();
    fs_err::write(versions.join("list"), "v1.0.0\n").unwrap();
    fs_err::write(versions.join("v1.0.0.info"), "{\"Version\":\"v1.0.0\"}").unwrap();
    fs_err::write(versions.join("v1.0.0.mod"), module).unwrap();
    let archive = fs::File::create(versions.join("v1.0.0.zip")).unwrap();
    let mut archive = zip::ZipWriter::new(archive);
    let source =
        "package greeting\n\nfunc Word(at int) string { return []string{\"hello\"}[at] }\n";
    for (name, content) in [("go.mod", module), ("greeting.go", source)] {
        let path = format!("example.com/greeting@v1.0.0/{name}");
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(path, options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    format!("file://{}", directory.display())
}

#[test]
fn two_module_caches_give_the_same_bytes_and_no_path_of_them() {
    if !oracle("go") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let proxy = proxy(&scratch.path().join("proxy"));
    let options = GoOptions::default();
    let [one, other] = ["one", "a longer path/other"].map(|name| {
        let place = scratch.path().join(name);
        let directory = place.join("hello");
        fs::create_dir_all(&directory).unwrap();
        let module = "module example.com/hello\n\ngo 1.21\n\nrequire example.com/greeting v1.0.0\n";
        fs_err::write(directory.join("go.mod"), module).unwrap();
        let main = "package main\n\nimport \"example.com/greeting\"\n\nfunc main() { println(greeting.Word(0)) }\n";
        fs_err::write(directory.join("main.go"), main).unwrap();
        let package = package("example.com/hello", &directory);
        let output = directory.join("bootstrap");
        let build = GoBuild {
            function: "img",
            jobs: None,
            package: &package,
            options: &options,
            arch: Arch::Arm64,
            level: None,
            output: &output,
        };
        let mut command = command(build, Verbosity::Normal);
        command
            .env("GOPATH", place.join("gopath"))
            .env("GOMODCACHE", place.join("cache"))
            .env("GOPROXY", &proxy)
            .env("GOSUMDB", "off")
            .env("GOFLAGS", "-mod=mod -modcacherw");
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        assert!(place.join("cache/example.com/greeting@v1.0.0").is_dir());
        fs::read(output).unwrap()
    });
    assert!(one == other, "the bytes differ");
    let path = scratch.path().to_str().unwrap().as_bytes().to_owned();
    assert_eq!(memchr::memmem::find(&one, &path), None);
}

#[test]
fn a_workspace_around_the_module_changes_nothing() {
    if !oracle("go") {
        return;
    }
    let (alone, within) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    module(alone.path(), &[]);
    module(&within.path().join("orders"), &[]);
    fs_err::write(within.path().join("go.work"), "go 1.21\n\nuse ./orders\n").unwrap();
    let options = GoOptions::default();
    assert!(
        built(alone.path(), &options, Arch::Amd64)
            == built(&within.path().join("orders"), &options, Arch::Amd64)
    );
}

#[test]
fn a_version_stamp_with_spaces_is_in_the_program_that_runs() {
    if !oracle("go") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    module(place.path(), &[]);
    let options = GoOptions {
        ldflags: Some("-X 'main.version=1 beta'".to_owned()),
        ..GoOptions::default()
    };
    for arch in Arch::ALL {
        let program = place.path().join("program");
        fs::write_atomic(&program, 0o755, |file| {
            file.write_all(&built(place.path(), &options, arch))
        })
        .unwrap();
        let mut command = if Arch::host() == Some(arch) {
            Command::new(&program)
        } else {
            let emulator = format!("qemu-{}-static", arch.cpu());
            if !oracle(&emulator) {
                continue;
            }
            let mut command = Command::new(emulator);
            command.arg(&program);
            command
        };
        let output = command.env("SLSBUILD_TEST", "").output().unwrap();
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            "1 beta 4\n",
            "{arch}"
        );
    }
}

#[test]
fn what_an_earlier_run_left_is_not_taken_for_the_binary() {
    if !oracle("go") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    module(
        place.path(),
        &[("broken.go", "package main\n\nvar x int = \"text\"\n")],
    );
    let output = place.path().join("bootstrap");
    fs_err::write(&output, "stale").unwrap();
    let options = GoOptions::default();
    let package = loaded(place.path(), &options);
    let build = GoBuild {
        function: "img",
        jobs: None,
        package: &package,
        options: &options,
        arch: Arch::Arm64,
        level: None,
        output: &output,
    };
    let error = run(build, UI()).unwrap_err();
    assert_eq!(error.exit_code(), 101);
    assert!(!output.exists());
    insta::assert_snapshot!(error.one_line(), @"`go build` failed for `img`");
}

#[test]
fn a_package_that_does_not_compile_without_its_cgo_code_is_named() {
    if !oracle("go") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let files = [
        (
            "broker/cgo.go",
            "package broker\n\nimport \"C\"\n\ntype handle C.int\n",
        ),
        (
            "broker/consumer.go",
            "package broker\n\nvar Consumer handle\n",
        ),
        (
            "import.go",
            "package main\n\nimport _ \"example.com/orders/broker\"\n",
        ),
    ];
    module(place.path(), &files);
    let options = GoOptions::default();
    let package = loaded(place.path(), &options);
    assert_eq!(package.without_cgo.len(), 1);
    let build = GoBuild {
        function: "img",
        jobs: None,
        package: &package,
        options: &options,
        arch: Arch::Arm64,
        level: None,
        output: &place.path().join("bootstrap"),
    };
    let error = run(build, UI()).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    insta::assert_snapshot!(error.one_line(), @"`example.com/orders/broker` needs cgo, which slsbuild builds without: `example.com/orders` imports `example.com/orders/broker`");
}
