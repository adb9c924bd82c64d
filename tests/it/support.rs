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
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "SLSBUILD_ARCH",
        "SOURCE_DATE_EPOCH",
        "CARGO_TERM_COLOR",
    ] {
        command.env_remove(name);
    }
    command
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

/// Says on the real stderr why a test shows nothing here; libtest would swallow what goes through `eprintln!`.
pub(crate) fn skipped(reason: &str) {
    use std::io::Write as _;
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
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
