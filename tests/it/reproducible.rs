//! Same source, same bytes: two clean builds that differ in everything that must not matter.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{fixture, skipped, slsbuild};

/// What a build must not depend on.
struct Surroundings {
    directory: PathBuf,
    cargo_home: PathBuf,
    umask: &'static str,
    timezone: &'static str,
    locale: &'static str,
}

#[test]
fn one_digest_for_two_directories_umasks_timezones_locales_and_cargo_homes() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().canonicalize().unwrap();
    let Some(home) = cargo_home() else {
        return skipped("cargo has no home here");
    };
    let first = Surroundings {
        directory: root.join("first"),
        cargo_home: home.clone(),
        umask: "022",
        timezone: "UTC",
        locale: "C",
    };
    let second = Surroundings {
        directory: root.join("a second place"),
        cargo_home: moved(&home, &root.join("another home")),
        umask: "077",
        timezone: "Asia/Tokyo",
        locale: "de_DE.UTF-8",
    };
    let one = build(&first);
    assert_eq!(one, build(&second));

    // The digest follows the source: one letter of it makes another zip.
    let main = first.directory.join("src/main.rs");
    let source = fs_err::read_to_string(&main).unwrap();
    fs_err::write(
        &main,
        source.replace("Ok(event.payload)", "Ok(event.context.request_id.into())"),
    )
    .unwrap();
    assert_ne!(one, build(&first));
}

/// Builds the echo fixture for arm64 there, and gives the zip's digest.
fn build(surroundings: &Surroundings) -> String {
    let Surroundings {
        directory,
        cargo_home,
        umask,
        timezone,
        locale,
    } = surroundings;
    if !directory.exists() {
        copy(&fixture("echo"), directory);
        fs_err::write(directory.join("notice.txt"), "included").unwrap();
    }
    // Only a shell sets the umask of what it starts.
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask \"$1\" && shift && exec \"$@\"", "sh", umask])
        .arg(slsbuild().get_program());
    command
        .args([
            "zip",
            "--locked",
            "--quiet",
            "--format",
            "json",
            "--include",
            "notice.txt",
        ])
        .current_dir(directory);
    command
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS");
    command
        .env("CARGO_HOME", cargo_home)
        .env("SLSBUILD_CACHE_DIR", directory.with_extension("cache"))
        .env("TZ", timezone)
        .env("LANG", locale)
        .env("LC_ALL", locale);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let artifact = &report["artifacts"][0];
    assert_eq!(
        artifact["findings"],
        serde_json::json!([]),
        "a path of this machine is in the binary"
    );
    artifact["sha256"].as_str().unwrap().to_owned()
}

fn cargo_home() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .filter(|home| home.join("registry").is_dir())
}

/// A cargo home elsewhere: what was downloaded is linked, sources are unpacked anew at the new path.
fn moved(home: &Path, to: &Path) -> PathBuf {
    fs_err::create_dir_all(to.join("registry")).unwrap();
    for part in ["cache", "index"] {
        symlink(
            home.join("registry").join(part),
            to.join("registry").join(part),
        )
        .unwrap();
    }
    let config = home.join("config.toml");
    if config.is_file() {
        fs_err::copy(&config, to.join("config.toml")).unwrap();
    }
    to.to_owned()
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(target).unwrap();
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}
