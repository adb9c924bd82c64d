//! The runtime archive: the allocator and memory functions that go in front of musl's. Its sources are part of slsbuild
//! (`templates/runtime/`); the user's own cargo builds them once per target and toolchain, into the user's cache.
//!
//! It gets in by a linker script named `libc.a` in a search directory of ours: behind libc it would silently have no effect.

mod ar;
mod object;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::cargo::{add_rustflags, remap};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::{Archive, CargoPlan, TargetPlan};
use crate::process::{Command, quote};
use crate::project::cargo::cargo_missing;
use crate::project::cargo_config::cargo_home;
use crate::ui::Ui;

/// A file of the crate: its path, and its content.
type Source = (&'static str, &'static str);

macro_rules! source {
    ($path:literal) => {
        source!($path, $path)
    };
    ($path:literal, $from:literal) => {
        (
            $path,
            include_str!(concat!("../../../templates/runtime/", $from)),
        )
    };
}

const LOCK: &str = include_str!("../../../templates/runtime/Cargo.lock");

/// The manifest and lock file, with the allocator and without.
const WITH_ALLOCATOR: [Source; 2] = [source!("Cargo.toml"), ("Cargo.lock", LOCK)];
const MEMORY_ONLY: [Source; 2] = [
    source!("Cargo.toml", "memory-only/Cargo.toml"),
    source!("Cargo.lock", "memory-only/Cargo.lock"),
];

/// The crate's own code.
const CODE: [Source; 12] = [
    source!("src/lib.rs"),
    source!("src/allocator/mod.rs"),
    source!("src/allocator/cache.rs"),
    source!("src/allocator/heap.rs"),
    source!("src/allocator/kept.rs"),
    source!("src/allocator/kernel.rs"),
    source!("src/allocator/large.rs"),
    source!("src/allocator/list.rs"),
    source!("src/allocator/lock.rs"),
    source!("src/memory/mod.rs"),
    source!("src/memory/aarch64.rs"),
    source!("src/memory/x86_64.rs"),
];

/// All files of the crate that makes an archive.
fn sources(archive: Archive) -> impl Iterator<Item = Source> {
    let manifest = if archive.allocator {
        WITH_ALLOCATOR
    } else {
        MEMORY_ONLY
    };
    manifest.into_iter().chain(CODE)
}

/// The archive's file name, in the cache and beside the linker script.
const ARCHIVE: &str = "libslsbuild_runtime.a";

/// An archive beyond this size is not one of ours; a staticlib holds all of core as well.
const MOST_ARCHIVE: u64 = 16 << 20;
const MOST_STATICLIB: u64 = 256 << 20;

/// Counts the ways in which an archive was made of the same sources: flags, extraction, form.
const FORMAT: &str = "1";

/// What the crate is compiled with, whatever the user's configuration says of profiles.
const PROFILE: [&str; 8] = [
    "opt-level=3",
    "lto=\"fat\"",
    "codegen-units=1",
    "panic=\"abort\"",
    "debug=false",
    "debug-assertions=false",
    "overflow-checks=false",
    "incremental=false",
];

/// The name under which an archive is kept: a digest of everything it is made of. Cargo does not look into what it links,
/// so the search directory is named by it too, and a changed archive changes cargo's flags.
pub(super) fn key(plan: &CargoPlan, target: &TargetPlan, archive: Archive) -> String {
    let mut text = format!(
        "{FORMAT} {PROFILE:?} {} {} {} {}\n",
        plan.rustc.identity,
        target.target,
        target.cpu.name(),
        archive.allocator
    );
    for (path, source) in sources(archive) {
        let _ = writeln!(text, "{path} {}", Sha256::of(source.as_bytes()));
    }
    Sha256::of(text.as_bytes()).to_string()[..16].to_owned()
}

/// The version of the archive's crate, and of its allocator, for the report.
pub fn version(archive: Archive) -> String {
    let version = |name: &str| {
        let (_, after) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        after.split('"').next()
    };
    let ours = version("slsbuild-runtime").unwrap_or_default();
    match (archive.allocator, version("dlmalloc")) {
        (true, Some(dlmalloc)) => format!("slsbuild-runtime {ours} (dlmalloc {dlmalloc})"),
        _ => format!("slsbuild-runtime {ours} (memory functions only)"),
    }
}

/// Puts the archive and the linker script that names it into a target's search directory, and builds it first where the cache
/// does not have it.
pub(super) fn complete(
    plan: &CargoPlan,
    target: &TargetPlan,
    archive: Archive,
    directory: &Path,
    ui: Ui,
) -> Result<()> {
    let libc = plan.rustc.self_contained(target.target).join("libc.a");
    if !libc.is_file() {
        return Err(Error::ToolMissing {
            message: format!(
                "std for `{}` brings no `libc.a`, so the runtime archive cannot be put in front of it",
                target.target
            ),
            hint: "leave it out: --runtime-archive off".to_owned(),
        });
    }
    let cached = plan.cache.join("runtime").join(key(plan, target, archive));
    let content = match read(&cached, archive) {
        Some(content) => content,
        None => build(plan, target, archive, &cached, ui)?,
    };
    fs::write_if_changed(&directory.join(ARCHIVE), 0o644, &content)?;
    // Both are found beside the script: no path is in it, whatever characters the user's directories have.
    fs::link_if_changed(&libc, &directory.join("libmusl.a"))?;
    let script = format!("INPUT({ARCHIVE} libmusl.a)\n");
    fs::write_if_changed(&directory.join("libc.a"), 0o644, script.as_bytes())?;
    Ok(())
}

/// The archive in its directory of the cache, if it is there and whole.
fn read(directory: &Path, archive: Archive) -> Option<Vec<u8>> {
    let content = fs::read_bounded(&directory.join(ARCHIVE), MOST_ARCHIVE).ok()?;
    object::is_whole(&content, archive.allocator).then_some(content)
}

/// Builds the archive in its directory of the cache, and gives its content.
fn build(
    plan: &CargoPlan,
    target: &TargetPlan,
    archive: Archive,
    directory: &Path,
    ui: Ui,
) -> Result<Vec<u8>> {
    let unwritable = |cause| Error::Unwritable {
        path: directory.to_owned(),
        cause,
    };
    fs::create_dir_all(directory).map_err(unwritable)?;
    // One process at a time builds it; those that waited find it done.
    let lock = fs::lock(&directory.join("lock")).map_err(unwritable)?;
    if let Some(content) = read(directory, archive) {
        return Ok(content);
    }
    for (path, source) in sources(archive) {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory)).map_err(unwritable)?;
        fs::write_if_changed(&path, 0o644, source.as_bytes()).map_err(unwritable)?;
    }
    ui.status(
        "Building",
        format_args!(
            "the runtime archive for {} (once per toolchain)",
            target.target
        ),
    );
    let command = command(plan, target, directory);
    ui.command(&command);
    let output = command.output().map_err(|error| cargo_missing(&error))?;
    if !output.status.success() {
        return Err(failed(plan, target, archive, directory, &output.stderr));
    }
    let target_directory = directory.join("target");
    let products = target_directory
        .join(target.target.triple())
        .join("release");
    let staticlib = fs::read_bounded(&products.join(ARCHIVE), MOST_STATICLIB)?;
    let content =
        object::extract(&staticlib, archive.allocator).map_err(|cause| Error::ToolMissing {
            message: format!(
                "the runtime archive for `{}` is not as it must be: {cause}",
                target.target
            ),
            hint: "leave it out: --runtime-archive off".to_owned(),
        })?;
    fs::write_if_changed(&directory.join(ARCHIVE), 0o644, &content).map_err(unwritable)?;
    let _ = fs::remove_dir_all(target_directory);
    drop(lock);
    Ok(content)
}

fn command(plan: &CargoPlan, target: &TargetPlan, directory: &Path) -> Command {
    // Not in the user's directory, whose configuration is for the user's code, and which a toolchain file may speak for; so it
    // is told by their paths which cargo and rustc to use.
    let tool = |name: &str| plan.rustc.sysroot.join("bin").join(name);
    let cargo = Some(tool("cargo")).filter(|cargo| cargo.is_file());
    let mut command = Command::new(cargo.unwrap_or_else(|| "cargo".into()));
    if tool("rustc").is_file() {
        command.env("RUSTC", tool("rustc"));
    }
    command
        .directory(directory)
        .args([
            "build",
            "--release",
            "--locked",
            "--color",
            "never",
            "--target",
            target.target.triple(),
        ])
        .arg("--manifest-path")
        .arg(directory.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(directory.join("target"));
    for setting in PROFILE {
        command.args(["--config".to_owned(), format!("profile.release.{setting}")]);
    }
    if plan.cargo.network.offline {
        command.arg("--offline");
    }
    let mut flags = vec![remap(directory, "/slsbuild-runtime")];
    flags.extend(cargo_home().map(|home| remap(&home, "/cargo")));
    flags.extend(target.cpu.flag());
    // Of every other source of rustflags none counts: the user's are for the user's code.
    add_rustflags(&flags, &mut command);
    command
        .env_remove("CARGO_BUILD_TARGET")
        // It beats the profile, and link-time optimization refuses it.
        .env_remove("CARGO_INCREMENTAL");
    command
}

fn failed(
    plan: &CargoPlan,
    target: &TargetPlan,
    archive: Archive,
    directory: &Path,
    stderr: &[u8],
) -> Error {
    let output = String::from_utf8_lossy(stderr).trim_end().to_owned();
    let wants_dlmalloc = archive.allocator && output.contains("dlmalloc");
    let (cause, hint) = if wants_dlmalloc && plan.cargo.network.offline {
        let manifest = directory.join("Cargo.toml");
        (
            "dlmalloc is not downloaded, and cargo must stay off the network",
            format!(
                "cargo fetch --locked --manifest-path {}, or leave it out: --allocator system",
                quote(manifest.as_os_str())
            ),
        )
    } else if wants_dlmalloc {
        (
            "cargo says why above",
            "see that cargo reaches its registry, or leave it out: --allocator system".to_owned(),
        )
    } else {
        (
            "cargo says why above",
            "leave it out: --runtime-archive off".to_owned(),
        )
    };
    Error::RuntimeArchive {
        target: target.target.triple().to_owned(),
        cause,
        output,
        hint,
    }
}

/// The directory where a target's runtime archive and linker script lie.
pub(super) fn directory(plan: &CargoPlan, target: &TargetPlan, archive: Archive) -> PathBuf {
    plan.root
        .join("tools")
        .join(format!("{}-{}", target.target, key(plan, target, archive)))
}
