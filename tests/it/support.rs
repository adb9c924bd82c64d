//! What every integration test needs: the binary, fixtures, oracles, and outcomes as snapshots.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The binary under test, with an environment that does not depend on who runs the tests.
pub(crate) fn slsbuild() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slsbuild"));
    command
        .env("CARGO_TARGET_DIR", fixtures_target())
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let decides = [
            "SLSBUILD_",
            "CARGO_PROFILE_",
            "CARGO_BUILD_",
            "CARGO_TARGET_",
        ];
        if decides
            .iter()
            .any(|prefix| name.starts_with(prefix) && name != "CARGO_TARGET_DIR")
        {
            command.env_remove(name.as_ref());
        }
    }
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "SOURCE_DATE_EPOCH",
        "CARGO_TERM_COLOR",
    ] {
        command.env_remove(name);
    }
    command.env("SLSBUILD_CACHE_DIR", cache());
    command
}

/// The cache that all tests share, so that the runtime archive is built once.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// The target directory that all fixtures share, so that their dependencies are built once.
pub(crate) fn fixtures_target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures")
}

/// The directory of a fixture crate.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// A foreign tool on PATH, or `None` after saying that the test is skipped.
///
/// # Panics
/// When the tool is absent and `SLSBUILD_REQUIRE_ORACLES=1`, as in `.ci/run`.
pub(crate) fn oracle(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join(tool))
        .find(|file| file.is_file());
    if found.is_none() {
        let required = std::env::var("SLSBUILD_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "`{tool}` is required by SLSBUILD_REQUIRE_ORACLES=1 and not on PATH"
        );
        skipped(&format!("`{tool}` is not on PATH"));
    }
    found
}

/// Whether std for a target is installed; says that the test is skipped where it is not.
///
/// # Panics
/// When it is absent and `SLSBUILD_REQUIRE_ORACLES=1`, as in `.ci/run`.
pub(crate) fn std_is_installed(triple: &str) -> bool {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap()
        .stdout;
    let sysroot = PathBuf::from(String::from_utf8(sysroot).unwrap().trim_end());
    let installed = sysroot
        .join("lib/rustlib")
        .join(triple)
        .join("lib")
        .is_dir();
    if !installed {
        let required = std::env::var("SLSBUILD_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "std for {triple} is required by SLSBUILD_REQUIRE_ORACLES=1: run tests/run"
        );
        skipped(&format!(
            "std for {triple} is not installed: rustup target add {triple}"
        ));
    }
    installed
}

/// The directory of the `python3` that has the `ziglang` wheel, as `tests/run` installs it.
pub(crate) fn zig_directory() -> Option<PathBuf> {
    let directory = std::env::var_os("SLSBUILD_TEST_ZIG").map(PathBuf::from);
    let found = directory.filter(|directory| {
        let mut python = Command::new(directory.join("python3"));
        python
            .args(["-c", "import ziglang"])
            .output()
            .is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        let required = std::env::var("SLSBUILD_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "the ziglang wheel is required by SLSBUILD_REQUIRE_ORACLES=1: run tests/run"
        );
        skipped("the ziglang wheel is not installed: run tests/run");
    }
    found
}

/// A directory of tools that `tests/run` installs and names in `variable`, if `program` is in it.
///
/// # Panics
/// When it is absent and `SLSBUILD_REQUIRE_ORACLES=1`, as in `.ci/run`.
pub(crate) fn installed(variable: &str, program: &str) -> Option<PathBuf> {
    let directory = std::env::var_os(variable).map(PathBuf::from);
    let found = directory.filter(|directory| directory.join(program).exists());
    if found.is_none() {
        let required = std::env::var("SLSBUILD_REQUIRE_ORACLES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "`{program}` is required by SLSBUILD_REQUIRE_ORACLES=1: run tests/run"
        );
        skipped(&format!("`{program}` is not installed: run tests/run"));
    }
    found
}

pub(crate) fn path_with(first: &Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(first.to_owned()).chain(std::env::split_paths(&path)))
        .unwrap()
}

/// Says on the real stderr why a test shows nothing here; libtest would swallow what goes through `eprintln!`.
pub(crate) fn skipped(reason: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
}

/// A crate in a directory of its own, with a target directory of its own.
pub(crate) struct Crate {
    directory: tempfile::TempDir,
}

impl Crate {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// A package `name` with one binary that does nothing.
    pub(crate) fn binary(name: &str) -> Self {
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        Self::empty()
            .file("Cargo.toml", &manifest)
            .file("src/main.rs", "fn main() {}\n")
    }

    /// Adds a file.
    pub(crate) fn file(self, path: &str, content: &str) -> Self {
        self.write(path, content.as_bytes());
        self
    }

    /// Adds a line to the manifest.
    pub(crate) fn manifest(self, line: &str) -> Self {
        let old = fs_err::read_to_string(self.path().join("Cargo.toml")).unwrap();
        self.file("Cargo.toml", &format!("{old}{line}\n"))
    }

    /// Adds a shell script and gives its path.
    pub(crate) fn script(&self, path: &str, lines: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        self.write(path, format!("#!/bin/sh\n{lines}\n").as_bytes());
        let path = self.path().join(path);
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    /// The directory, with no symlink in its path.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// The binary under test, in this directory, with `arguments` split at spaces.
    pub(crate) fn slsbuild(&self, arguments: &str) -> Command {
        let mut command = slsbuild();
        command
            .current_dir(self.path())
            .env_remove("CARGO_TARGET_DIR")
            .args(arguments.split_whitespace());
        command
    }

    /// The outcome of a run in this directory, with everything scrubbed that differs from run to run.
    pub(crate) fn outcome(&self, arguments: &str) -> String {
        self.scrub(&outcome(&mut self.slsbuild(arguments)))
    }

    /// Replaces this directory's path and all that [`scrub`] does.
    pub(crate) fn scrub(&self, text: &str) -> String {
        scrub(&text.replace(self.path().to_str().unwrap(), "[crate]"))
    }

    /// The files below `directory`, without cargo's own: path and mode.
    pub(crate) fn files(&self, directory: &str) -> String {
        use std::fmt::Write as _;
        use std::os::unix::fs::PermissionsExt as _;
        let root = self.path().join(directory);
        let mut lines = String::new();
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                let path = entry.path().strip_prefix(&root).unwrap().display();
                let _ = writeln!(lines, "{mode:o} {path}");
            }
        }
        scrub(&lines)
    }
}

/// Replaces durations, sizes, shares, digests and versions by their names.
pub(crate) fn scrub(text: &str) -> String {
    const FILTERS: [(&str, &str); 14] = [
        (r"(?m)^ +Blocking waiting for file lock .*\n", ""),
        (
            r"(?m)^ +(Updating|Locking|Downloading|Downloaded|Adding) .*\n",
            "",
        ),
        (r"\b[0-9a-f]{64}\b", "[sha256]"),
        (r"(-linux-musl)-[0-9a-f]{16}\b", "$1-[key]"),
        (r"\bruntime/[0-9a-f]{16}\b", "runtime/[key]"),
        (r"(?m)^ +Building the runtime archive for .*\n", ""),
        (r"CodeSha256 \S+=", "CodeSha256 [base64]"),
        (r#""code_sha256": "[^"]+""#, r#""code_sha256": "[base64]""#),
        (r"in \d+\.\d+s", "in [duration]"),
        (r"[+-]?\b[\d.]+ (B|kB|MB)\b", "[size]"),
        (r"\b\d+\.\d %", "[share] %"),
        (
            r#"("(?:size|uncompressed_size|compressed_size|value|used_percent|compile_ms|pack_ms)"): [\d.]+"#,
            "$1: [number]",
        ),
        (
            r#"("(?:rustc|rustc_commit|slsbuild|host)"): "[^"]+""#,
            r#"$1: "[version]""#,
        ),
        (r"rustc \d\S+ \([^)]*\)", "rustc [version]"),
    ];
    FILTERS
        .iter()
        .fold(text.to_owned(), |text, (pattern, replacement)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *replacement)
                .into_owned()
        })
}

/// All that a run showed, in the form of a snapshot.
pub(crate) fn outcome(command: &mut Command) -> String {
    let output = command.output().unwrap();
    format!(
        "exit code: {}\n--- stdout\n{}--- stderr\n{}",
        output
            .status
            .code()
            .map_or_else(|| "none".to_owned(), |code| code.to_string()),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}
