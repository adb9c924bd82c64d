//! Makes the toolchain complete: std for each target, the search directory for the linker, and the scripts by which cargo
//! and cc-rs call zig or learn that there is no C compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use cargo_metadata::PackageId;

use super::runtime;
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::{CPlan, CargoPlan, Linker, TargetPlan};
use crate::process::{Command, find_on_path, quote};
use crate::project::toolchain::{CCompiler, ar_beside};
use crate::target::{Libc, Target};
use crate::ui::Ui;

/// Libraries that crates ask for by `-l` and that musl keeps in its libc. rust-lld would not find them.
const STUBS: [&str; 6] = [
    "libm.a",
    "libpthread.a",
    "libdl.a",
    "librt.a",
    "libutil.a",
    "libgcc_s.a",
];
/// An `ar` archive without members.
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";
/// The file in a tools directory in which the stand-in for a C compiler notes who called it.
const WANTED: &str = "c-compiler-wanted";

/// The directory of the scripts for `target`. Its name holds the glibc version that they link against: cargo does not see
/// what is in a linker script of ours, and links anew only when its path changes.
pub(super) fn directory(plan: &CargoPlan, target: Target) -> PathBuf {
    let tools = plan.root.join("tools");
    match target.libc {
        Libc::Musl => tools.join(target.triple()),
        Libc::Gnu => tools.join(format!("{}.{}", target.triple(), plan.runtime.glibc())),
    }
}

/// The directory in which rust-lld looks first: for the libraries that musl does not have, and for the runtime archive.
pub(super) fn search_directory(plan: &CargoPlan, target: &TargetPlan) -> PathBuf {
    match target.runtime_archive.archive() {
        Some(archive) => runtime::directory(plan, target, archive),
        None => plan.root.join("tools").join("musl-stubs"),
    }
}

/// Installs and writes what the plan needs and what is not there.
///
/// # Errors
/// [`Error::ToolMissing`] when std for a target cannot be had.
pub(super) fn complete(plan: &CargoPlan, ui: Ui) -> Result<()> {
    for target in &plan.targets {
        if !target.installed {
            add_target(target.target, ui)?;
        }
        if target.linker == Linker::RustLld {
            let directory = search_directory(plan, target);
            write_stubs(&directory)?;
            if let Some(archive) = target.runtime_archive.archive() {
                runtime::complete(plan, target, archive, &directory, ui)?;
            }
        }
        write_scripts(plan, target)?;
    }
    Ok(())
}

fn add_target(target: Target, ui: Ui) -> Result<()> {
    let mut command = Command::new("rustup");
    command.args(["target", "add", target.triple()]);
    let missing = |cause: String| Error::ToolMissing {
        message: format!("std for `{target}` is not installed: {cause}"),
        hint: format!("rustup target add {target}"),
    };
    if find_on_path("rustup").is_none() {
        return Err(Error::ToolMissing {
            message: format!(
                "std for `{target}` is not installed, and there is no rustup to install it"
            ),
            hint: format!(
                "install your distribution's std for {target}, or Rust with rustup (https://rustup.rs)"
            ),
        });
    }
    ui.status(
        "Installing",
        format_args!("std for {target} (rustup target add {target})"),
    );
    ui.command(&command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(missing(format!("rustup ended with {status}"))),
        Err(error) => Err(missing(format!("rustup cannot be started: {error}"))),
    }
}

fn write_stubs(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    for name in STUBS {
        fs::write_if_changed(&directory.join(name), 0o644, EMPTY_ARCHIVE)?;
    }
    Ok(())
}

fn write_scripts(plan: &CargoPlan, target: &TargetPlan) -> Result<()> {
    let directory = directory(plan, target.target);
    let mut scripts: Vec<(&str, String)> = Vec::new();
    if let Linker::Zig(zig) = &target.linker {
        scripts.push(("linker", zig_linker(zig, &zig_target(plan, target.target))));
    }
    match &target.c_compiler {
        CPlan::Found(CCompiler::Zig(zig)) => {
            let triple = zig_target(plan, target.target);
            scripts.push(("cc", zig_compiler(zig, "cc", &triple, &plan.remapped)));
            scripts.push(("c++", zig_compiler(zig, "c++", &triple, &plan.remapped)));
            scripts.push(("ar", format!("#!/bin/sh\nexec {} ar \"$@\"\n", words(zig))));
        }
        CPlan::Found(CCompiler::Gcc(gcc)) => {
            let ar = ar_beside(gcc).unwrap_or_else(|| PathBuf::from("ar"));
            let cxx = gcc.with_file_name(
                gcc.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .replace("gcc", "g++"),
            );
            for (name, program) in [("cc", gcc.clone()), ("c++", cxx), ("ar", ar)] {
                let map = if name == "ar" {
                    String::new()
                } else {
                    prefix_map(&plan.remapped)
                };
                scripts.push((
                    name,
                    format!(
                        "#!/bin/sh\nexec {}{map} \"$@\"\n",
                        quote(program.as_os_str())
                    ),
                ));
            }
        }
        CPlan::Missing(_) => {
            let _ = fs::remove_file(directory.join(WANTED));
            scripts.push(("cc", no_compiler(target.target)));
            scripts.push(("c++", no_compiler(target.target)));
        }
        CPlan::NotNeeded | CPlan::Unknown | CPlan::User(_) => {}
    }
    if !scripts.is_empty() {
        fs::create_dir_all(&directory)?;
    }
    for (name, text) in scripts {
        fs::write_if_changed(&directory.join(name), 0o755, text.as_bytes())?;
    }
    Ok(())
}

/// The target as zig names it; for glibc with the version that the runtime has, so that nothing newer is linked.
fn zig_target(plan: &CargoPlan, target: Target) -> String {
    let cpu = target.arch.cpu();
    match target.libc {
        Libc::Musl => format!("{cpu}-linux-musl"),
        Libc::Gnu => format!("{cpu}-linux-gnu.{}", plan.runtime.glibc()),
    }
}

fn words(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word.as_ref())).collect();
    quoted.join(" ")
}

/// `-ffile-prefix-map` for each remapped directory: C code has paths in its asserts too.
fn prefix_map(remapped: &[(PathBuf, String)]) -> String {
    let mut flags = String::new();
    for (from, to) in remapped {
        let _ = write!(
            flags,
            " {}",
            quote(format!("-ffile-prefix-map={}={to}", from.display()).as_ref())
        );
    }
    flags
}

/// zig as a C compiler. zig does not take Rust's triples, which cc-rs passes as `--target=`, and adds `UBSan` to
/// unoptimized code, whose runtime nothing links.
fn zig_compiler(
    zig: &[String],
    language: &str,
    target: &str,
    remapped: &[(PathBuf, String)],
) -> String {
    format!(
        "#!/bin/sh\nfor argument do\n  shift\n  case $argument in --target=*) ;; *) set -- \"$@\" \"$argument\" ;; esac\ndone\n\
         exec {} {language} -fno-sanitize=all -target {target}{} \"$@\"\n",
        words(zig),
        prefix_map(remapped),
    )
}

/// zig as the linker of a glibc target: rustc asks for `libgcc_s`, which zig replaces by its libunwind, and passes linker
/// options for errata and version scripts that zig's front end does not know.
fn zig_linker(zig: &[String], target: &str) -> String {
    format!(
        "#!/bin/sh\nfor argument do\n  shift\n  case $argument in\n    --target=* | -Wl,--fix-cortex-a53-843419 | -Wl,-melf_* | -lgcc_eh) ;;\n    \
         -lgcc_s) set -- \"$@\" -lunwind ;;\n    *) set -- \"$@\" \"$argument\" ;;\n  esac\ndone\n\
         exec {} cc -fno-sanitize=all -target {target} \"$@\"\n",
        words(zig),
    )
}

/// Stands in for a C compiler where there is none: notes which package called, says why it cannot help, and fails.
fn no_compiler(target: Target) -> String {
    format!(
        "#!/bin/sh\necho \"$CARGO_PKG_NAME $CARGO_PKG_VERSION\" >>\"$(dirname \"$0\")/{WANTED}\"\n\
         echo 'no C compiler for {target} was found' >&2\nexit 1\n"
    )
}

/// The failure to build a package that called for a C compiler where there is none. `scripts` are the packages whose build
/// script succeeded: one of those only asked, and went on without.
pub(super) fn wanted_c_compiler(plan: &CargoPlan, scripts: &[PackageId]) -> Option<Error> {
    plan.targets.iter().find_map(|target| {
        let CPlan::Missing(packages) = &target.c_compiler else {
            return None;
        };
        let text = fs::read_bounded(&directory(plan, target.target).join(WANTED), 1 << 20).ok()?;
        let text = String::from_utf8_lossy(&text);
        let wanting = packages.iter().find(|package| {
            text.lines().any(|line| line == package.name)
                && !scripts.iter().any(|script| script.repr == package.id)
        })?;
        Some(Error::ToolMissing {
            message: format!(
                "`{}` compiles C, and there is no C compiler for `{}`",
                wanting.name, target.target
            ),
            hint: "install zig, which is one: pip install ziglang".to_owned(),
        })
    })
}
