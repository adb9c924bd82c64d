//! `slsbuild check`: what a user sees of good zips, and of each way in which a zip is broken.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use object::elf;
use proptest::prelude::*;
use slsbuild::digest::Sha256;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, System, ZipWriter};

use crate::support::{outcome, slsbuild};
use crate::tiny_elf::TinyElf;

/// A zip in the making; everything is stored, so that sizes do not depend on a compressor.
pub(crate) struct Zip(ZipWriter<Cursor<Vec<u8>>>);

impl Zip {
    pub(crate) fn new() -> Self {
        Self(ZipWriter::new(Cursor::default()))
    }

    fn options(mode: u32) -> SimpleFileOptions {
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .system(System::Unix)
            .unix_permissions(mode)
    }

    pub(crate) fn with(mut self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.0.start_file(name, Self::options(mode)).unwrap();
        self.0.write_all(content.as_ref()).unwrap();
        self
    }

    pub(crate) fn directory(mut self, name: &str, mode: u32) -> Self {
        self.0.add_directory(name, Self::options(mode)).unwrap();
        self
    }

    pub(crate) fn link(mut self, name: &str, target: &str) -> Self {
        self.0
            .add_symlink(name, target, Self::options(0o777))
            .unwrap();
        self
    }

    pub(crate) fn build(self) -> Vec<u8> {
        self.0.finish().unwrap().into_inner()
    }
}

pub(crate) fn arm64() -> TinyElf {
    TinyElf::new(elf::EM_AARCH64)
}

/// A zip that holds one executable.
pub(crate) fn function(executable: &TinyElf) -> Vec<u8> {
    Zip::new()
        .with("bootstrap", 0o755, executable.build())
        .build()
}

/// A zip of a good function and one more file.
fn function_and(name: &str, mode: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    Zip::new()
        .with("bootstrap", 0o755, arm64().build())
        .with(name, mode, content)
        .build()
}

/// `bytes` with `value` at an offset in the central record of entry `name`.
fn with_central(mut bytes: Vec<u8>, name: &str, offset: usize, value: &[u8]) -> Vec<u8> {
    let record = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(b"PK\x01\x02"))
        .find(|at| bytes[at + 46..].starts_with(name.as_bytes()))
        .unwrap();
    bytes[record + offset..][..value.len()].copy_from_slice(value);
    bytes
}

/// Same-length names everywhere in the file: what no writer would agree to write.
fn renamed(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let found: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from.as_bytes()))
        .collect();
    assert_eq!(found.len(), 2, "a local and a central name");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

fn check_in(directory: &Path, arguments: &[&str]) -> String {
    outcome(
        slsbuild()
            .current_dir(directory)
            .arg("check")
            .args(arguments),
    )
}

/// What `check` says about each zip, under the name of the case.
pub(crate) fn shown(cases: &[(&str, Vec<u8>)], flags: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for (case, zip) in cases {
        fs_err::write(directory.path().join("orders.zip"), zip).unwrap();
        let arguments = [&["orders.zip"], flags].concat();
        let outcome = check_in(directory.path(), &arguments);
        let _ = writeln!(all, "# {case}\n{outcome}");
    }
    all
}

/// Digests are covered by tests of their own; here they would change with every version of a zip writer.
pub(crate) fn assert_shown(name: &str, shown: &str) {
    insta::with_settings!({filters => vec![
        ("[0-9a-f]{64}", "[sha256]"),
        ("[A-Za-z0-9+/]{43}=", "[base64]"),
    ]}, {
        insta::assert_snapshot!(name, shown);
    });
}

#[test]
fn good_functions_pass() {
    let script = Zip::new().with("bootstrap", 0o755, "#!/bin/sh\n").build();
    let linked = Zip::new()
        .directory("bin", 0o755)
        .with("bin/orders", 0o755, arm64().build())
        .link("bootstrap", "bin/orders")
        .build();
    let bundled = TinyElf {
        needed: vec!["libz.so.1", "libc.so.6"],
        ..TinyElf::dynamic(elf::EM_X86_64, &["GLIBC_2.34", "GLIBC_2.2.5"])
    };
    let bundled = Zip::new()
        .with("bootstrap", 0o755, bundled.build())
        .with("lib/libz.so.1", 0o644, "a library")
        .build();
    let cases = [
        ("a static binary", function(&arm64())),
        ("a script", script),
        ("a link to the binary", linked),
        ("a dynamic binary that brings its library", bundled),
    ];
    assert_shown("good", &shown(&cases, &[]));
}

#[test]
fn bootstrap_must_be_where_lambda_looks() {
    let elf = arm64().build();
    let broken = |name: &str| Zip::new().with(name, 0o755, &elf).build();
    let cases = [
        ("an empty zip", Zip::new().build()),
        ("in a directory", broken("orders/bootstrap")),
        ("in large letters", broken("Bootstrap")),
        ("under the binary's name", broken("orders")),
        (
            "nothing like it",
            Zip::new().with("index.js", 0o644, "x").build(),
        ),
        (
            "a directory",
            Zip::new().directory("bootstrap", 0o755).build(),
        ),
        (
            "a circle",
            Zip::new()
                .link("bootstrap", "a")
                .link("a", "bootstrap")
                .build(),
        ),
        (
            "a link out of the zip",
            Zip::new().link("bootstrap", "../orders").build(),
        ),
        (
            "a link to a layer",
            Zip::new().link("bootstrap", "/opt/bootstrap").build(),
        ),
        ("behind a dot", broken("./bootstrap")),
    ];
    assert_shown("bootstrap_place", &shown(&cases, &[]));
}

#[test]
fn bootstrap_must_be_a_program_for_linux() {
    let broken = |content: &[u8]| Zip::new().with("bootstrap", 0o755, content).build();
    let elf = arm64().build();
    let cases = [
        ("an empty file", broken(b"")),
        ("a macOS program", broken(b"\xcf\xfa\xed\xfe\x0c\0\0\x01")),
        ("half a file", broken(&elf[..elf.len() / 2])),
        ("a script from Windows", broken(b"#!/bin/sh\r\necho\r\n")),
    ];
    assert_shown("bootstrap_kind", &shown(&cases, &[]));
}

#[test]
fn files_must_be_readable_for_lambdas_user() {
    let elf = arm64().build();
    let with_mode = |mode: u32| Zip::new().with("bootstrap", mode, &elf).build();
    let windows = with_central(with_mode(0o755), "bootstrap", 5, &[0]);
    let directory = Zip::new()
        .with("bootstrap", 0o755, &elf)
        .directory("data", 0o700)
        .with("data/x", 0o644, "x")
        .build();
    let cases = [
        ("not executable", with_mode(0o644)),
        ("executable for its owner only", with_mode(0o744)),
        ("made on Windows", windows),
        (
            "a file of its owner",
            function_and("secret.toml", 0o600, "x"),
        ),
        ("a directory of its owner", directory),
    ];
    assert_shown("modes", &shown(&cases, &[]));
}

#[test]
fn the_binary_must_be_the_functions() {
    let amd64 = TinyElf::new(elf::EM_X86_64);
    let dynamic = |glibc: &[&'static str]| TinyElf::dynamic(elf::EM_AARCH64, glibc);
    let musl = TinyElf {
        interpreter: Some("/lib/ld-musl-aarch64.so.1"),
        needed: vec!["libc.so"],
        ..dynamic(&[])
    };
    let needs = TinyElf {
        needed: vec!["libssl.so.1.1", "libpq.so.5", "libc.so.6"],
        ..dynamic(&["GLIBC_2.17"])
    };
    let left = TinyElf {
        symbols: true,
        debug_info: true,
        text: b"\0/home/ann/orders/src/main.rs\0/root/.cargo/registry/src/x-1/lib.rs".to_vec(),
        ..arm64()
    };
    let cases = [
        ("another arch", function(&amd64)),
        (
            "no arch of Lambda's",
            function(&TinyElf::new(elf::EM_RISCV)),
        ),
        (
            "glibc too new",
            function(&dynamic(&["GLIBC_2.17", "GLIBC_2.39"])),
        ),
        (
            "relative relocations",
            function(&dynamic(&["GLIBC_ABI_DT_RELR"])),
        ),
        ("musl, dynamic", function(&musl)),
        ("libraries that no base has", function(&needs)),
        ("leftovers", function(&left)),
    ];
    assert_shown("binary", &shown(&cases, &["--arch", "arm64"]));
    let old = [(
        "glibc of another runtime",
        function(&dynamic(&["GLIBC_2.28"])),
    )];
    assert_shown("binary_al2", &shown(&old, &["--runtime", "provided.al2"]));
}

#[test]
fn entries_must_be_such_that_lambda_unpacks_them() {
    let named = |name: &str| renamed(function_and("abcdefgh", 0o644, "x"), "abcdefgh", name);
    let other = |offset, value: &[u8]| {
        with_central(function_and("a.txt", 0o644, "x"), "a.txt", offset, value)
    };
    let damaged = {
        let mut bytes = function_and("a.txt", 0o644, "the content");
        let at = bytes
            .windows(11)
            .position(|window| window == b"the content")
            .unwrap();
        bytes[at] = b'T';
        bytes
    };
    let link = |target| {
        Zip::new()
            .with("bootstrap", 0o755, arm64().build())
            .link("current", target)
            .build()
    };
    let cases = [
        ("an absolute name", named("/etc/a.b")),
        ("a name that leaves", named("../../ab")),
        ("a name of Windows", named("data\\a.b")),
        ("a name with a dot", named("./data/a")),
        (
            "one name twice",
            renamed(
                function_and("bootstrop", 0o755, "x"),
                "bootstrop",
                "bootstrap",
            ),
        ),
        ("encrypted", other(8, &[1, 0])),
        ("zstd", other(10, &[93, 0])),
        ("a pipe", other(38, &[0, 0, 0xa4, 0x11])),
        ("damaged", damaged),
        ("a link to nothing", link("releases/1")),
        ("a link to the system", link("/etc/passwd")),
    ];
    assert_shown("entries", &shown(&cases, &[]));
}

#[test]
fn sizes_are_held_against_lambdas_limits() {
    let files = || {
        let zip = Zip::new().with("bootstrap", 0o755, arm64().build());
        (0..6).fold(zip, |zip, n| {
            zip.with(&format!("data/{n}"), 0o644, vec![b'x'; 100 * n])
        })
    };
    let zipped = files()
        .with("model.bin", 0o644, vec![0; 52_428_800])
        .build();
    let declared = with_central(
        files().build(),
        "data/5",
        24,
        &262_144_000_u32.to_le_bytes(),
    );
    let cases = [("zipped", zipped), ("unzipped", declared)];
    assert_shown("sizes", &shown(&cases, &[]));
}

#[test]
fn many_findings_are_counted() {
    let zip = Zip::new().with("bootstrap", 0o755, arm64().build());
    let zip = (0..100).fold(zip, |zip, n| zip.with(&format!("a//{n}"), 0o644, "x"));
    let shown = shown(&[("many", zip.build())], &["-q"]);
    assert_eq!(
        shown,
        "# many\nexit code: 0\n--- stdout\norders.zip\n--- stderr\n\n"
    );
    let zip = Zip::new().with("bootstrap", 0o755, arm64().build());
    let zip = (0..100).fold(zip, |zip, n| zip.with(&format!("a/../{n}"), 0o644, "x"));
    let shown = self::shown(&[("many", zip.build())], &[]);
    assert_eq!(shown.matches("[lambda/entry-name]").count(), 30);
    assert!(
        shown.contains("error: 70 more findings are not shown [lambda/more]"),
        "{shown}"
    );
    assert!(shown.contains("`orders.zip` has 31 errors"), "{shown}");
}

#[test]
fn all_artifacts_are_checked_before_the_verdict() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        fs_err::write(directory.path().join(name), bytes).unwrap();
    };
    write("text.zip", b"no zip at all");
    write("empty.zip", b"");
    write("good.zip", &function(&arm64()));
    let arguments = ["text.zip", "empty.zip", "good.zip"];
    let human = check_in(directory.path(), &arguments);
    let json = check_in(
        directory.path(),
        &[&arguments[..], &["--format", "json", "-q"]].concat(),
    );
    assert_shown("several", &format!("{human}\n{json}"));
}

#[test]
fn the_document_holds_the_digests_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let zip = function(&arm64());
    fs_err::write(directory.path().join("orders.zip"), &zip).unwrap();
    let output = slsbuild()
        .current_dir(directory.path())
        .args(["check", "orders.zip", "--format", "json"])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifact = &document["artifacts"][0];
    assert_eq!(artifact["sha256"], Sha256::of(&zip).to_string());
    assert_eq!(artifact["code_sha256"], Sha256::of(&zip).base64());
    assert_eq!(artifact["size"], zip.len());
    assert_eq!(artifact["arch"], "arm64");
}

#[test]
fn what_names_nothing_is_a_usage_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs_err::write(path.join("good.zip"), function(&arm64())).unwrap();
    let mut all = String::new();
    for arguments in [
        &["good.zip", "missing.zip"][..],
        &["."],
        &["good.zip", "--arch", "armv7"],
        &["good.zip", "--arch", "arm46"],
        &["good.zip", "--runtime", "provided.al2022"],
        &["good.zip", "--runtime", "provided"],
    ] {
        let _ = writeln!(all, "# {arguments:?}\n{}", check_in(path, arguments));
    }
    assert_shown("usage", &all);
}

#[test]
fn a_binary_is_judged_before_it_is_packed() {
    use slsbuild::check::binary;
    use slsbuild::platform::lambda::Runtime;
    use slsbuild::target::Arch;
    use slsbuild::ui::{Ui, Verbosity};

    let judge = |executable: &TinyElf| {
        let (roots, ui) = (["/work/orders"], Ui::new(Verbosity::Quiet));
        binary(
            "bootstrap",
            &executable.build(),
            &roots,
            Arch::Arm64,
            Runtime::ProvidedAl2023,
            &[],
            ui,
        )
    };
    assert_eq!(judge(&arm64()).unwrap(), []);
    let left = TinyElf {
        text: b"/work/orders/src/main.rs".to_vec(),
        ..arm64()
    };
    let findings = judge(&left).unwrap();
    let rules: Vec<&str> = findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(rules, ["lambda/build-path"]);
    let one = judge(&TinyElf::new(elf::EM_X86_64)).unwrap_err();
    let two = judge(&TinyElf::dynamic(elf::EM_X86_64, &["GLIBC_2.39"])).unwrap_err();
    let none = judge(&TinyElf {
        kind: elf::ET_REL,
        ..arm64()
    })
    .unwrap_err();
    insta::assert_snapshot!([one, two, none].map(|error| format!("{}: {error}", error.exit_code())).join("\n"), @r"
    5: `bootstrap` is built for amd64, and the function is configured for arm64
    5: `bootstrap` has 2 errors
    5: `bootstrap` is an object file, not an executable: it was not linked
    ");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// Whatever is done to a zip, it is judged and nothing panics.
    #[test]
    fn hostile_zips_are_judged(
        changes in proptest::collection::vec((0_usize..1_000, any::<u8>()), 1..8),
        length in prop_oneof![3 => Just(usize::MAX), 1 => 0_usize..1_000],
    ) {
        use slsbuild::platform::lambda::{Expected, Kind, Runtime};

        let mut zip = Zip::new()
            .with("bootstrap", 0o755, TinyElf::dynamic(elf::EM_AARCH64, &["GLIBC_2.17"]).build())
            .link("current", "bootstrap")
            .link("extensions/current", "../bootstrap")
            .build();
        // Most of the file is the binary, which has a property of its own.
        let headers = zip.len() - 300;
        for (at, value) in changes {
            let at = if at < 40 { at } else { headers + at % 300 };
            if let Some(byte) = zip.get_mut(at) {
                *byte = value;
            }
        }
        zip.truncate(length);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&zip).unwrap();
        for kind in [None, Some(Kind::Extension), Some(Kind::Layer)] {
            let expected = Expected { kind, arch: None, runtime: Runtime::ProvidedAl2023 };
            let checked = slsbuild::check::lambda_zip(file.path(), expected).unwrap();
            prop_assert_eq!(checked.size, zip.len() as u64);
            prop_assert!(checked.findings.len() <= 31);
        }
    }
}

#[test]
fn what_zip_makes_passes_without_a_finding() {
    let report = crate::zip::build_fixture("raw", "arm64,amd64", &[]);
    for artifact in report["artifacts"].as_array().unwrap() {
        let (path, arch) = (
            artifact["path"].as_str().unwrap(),
            artifact["arch"].as_str().unwrap(),
        );
        let mut command = crate::support::slsbuild();
        command.args(["check", path, "--format", "json", "--quiet", "--arch", arch]);
        let output = command.output().unwrap();
        assert!(output.status.success());
        let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checked = &checked["artifacts"][0];
        assert_eq!(checked["findings"], serde_json::json!([]));
        for fact in [
            "size",
            "uncompressed_size",
            "sha256",
            "code_sha256",
            "limits",
        ] {
            assert_eq!(checked[fact], artifact[fact], "{fact}");
        }
    }
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let output = crate::support::slsbuild()
        .args(["check", "/dev/zero"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`/dev/zero` is no regular file"));
}
