//! What is installed: rustc and its targets, zig, cross compilers. Only looks; `build/toolchain.rs` installs and
//! `plan.rs` chooses.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::error::{Error, Result};
use crate::process::{Command, find_on_path};
use crate::target::{Arch, Libc, Target};
use crate::ui::Ui;

/// The rustc that cargo will use in the user's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rustc {
    /// Its version, `1.95.0`.
    pub version: String,
    /// The commit it was built from, which stands in the paths of a std without sources.
    pub commit: Option<String>,
    /// All that it says of itself, on one line.
    pub identity: String,
    /// The triple it runs on.
    pub host: String,
    /// The directory of its libraries.
    pub sysroot: PathBuf,
    /// Whether its LLVM knows the options that slsbuild gives it; another LLVM may not, and builds would fail of them.
    pub knows_llvm_options: bool,
}

/// Loops begin at 32 bytes on amd64, where one that crosses such a line runs up to a third slower; 0.4 % larger.
pub const ALIGN_LOOPS: &str = "-align-loops=32";
/// At opt-level s LLVM inlines so little that some code runs many times slower; with this it inlines more, for 4 % of size.
pub const INLINE_MORE: &str = "-inline-threshold=100";

impl Rustc {
    /// Asks rustc itself.
    ///
    /// # Errors
    /// [`Error::ToolMissing`] when it cannot be started.
    pub fn probe(ui: Ui) -> Result<Self> {
        let program = program();
        let mut version = Command::new(&program);
        version.arg("-vV");
        let (version, sysroot) = std::thread::scope(|scope| {
            let sysroot = scope.spawn(|| sysroot(&program, ui));
            let version = read(&version, ui);
            let sysroot = sysroot
                .join()
                .unwrap_or_else(|_| Err(anyhow!("`rustc` was not waited for").into()));
            Ok::<_, Error>((version?, sysroot?))
        })?;
        let (sysroot, knows_llvm_options) = sysroot;
        Self::parse(&version, sysroot, knows_llvm_options)
    }

    fn parse(version: &str, sysroot: PathBuf, knows_llvm_options: bool) -> Result<Self> {
        let field = |name: &str| {
            version.lines().find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(": ")
                    .map(|text| text.trim().to_owned())
            })
        };
        Ok(Self {
            version: field("release").ok_or_else(|| nonsense("release"))?,
            commit: field("commit-hash").filter(|commit| commit != "unknown"),
            identity: version.split_whitespace().collect::<Vec<_>>().join(" "),
            host: field("host").ok_or_else(|| nonsense("host"))?,
            sysroot,
            knows_llvm_options,
        })
    }

    /// Whether std for `target` is installed.
    pub fn has_target(&self, target: Target) -> bool {
        self.std_directory(target).is_dir()
    }

    /// Where std for `target` lies, if it is installed.
    pub fn std_directory(&self, target: Target) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(target.triple())
            .join("lib")
    }

    /// Where a target's std brings a libc of its own, if it does.
    pub fn self_contained(&self, target: Target) -> PathBuf {
        self.sysroot
            .join("lib/rustlib")
            .join(target.triple())
            .join("lib/self-contained")
    }

    /// A tool of the component `llvm-tools`, if that is installed.
    pub fn llvm_tool(&self, name: &str) -> Option<PathBuf> {
        let tool = self
            .sysroot
            .join("lib/rustlib")
            .join(&self.host)
            .join("bin")
            .join(name);
        tool.is_file().then_some(tool)
    }

    /// Where std's sources lie when the `rust-src` component is installed; panic messages of std name them.
    pub fn library_sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }
}

/// The error of a rustc that does not say what every rustc says.
fn nonsense(what: &str) -> Error {
    Error::ToolMissing {
        message: format!("`rustc` is no rustc: `rustc -vV` names no {what}"),
        hint: "see which program it is: command -v rustc".to_owned(),
    }
}

/// The sysroot, and whether LLVM takes our options: asked in one call, and only where that fails in a second.
fn sysroot(program: &OsStr, ui: Ui) -> Result<(PathBuf, bool)> {
    let path = |text: String| PathBuf::from(text.trim_end());
    let mut command = Command::new(program);
    command.args([
        &format!("-Cllvm-args={ALIGN_LOOPS} {INLINE_MORE}"),
        "--print",
        "sysroot",
    ]);
    if let Ok(text) = read(&command, ui) {
        return Ok((path(text), true));
    }
    let mut command = Command::new(program);
    command.args(["--print", "sysroot"]);
    Ok((path(read(&command, ui)?), false))
}

/// The rustc that cargo starts.
fn program() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// Where that rustc is, if it is anywhere.
pub fn rustc_path() -> Option<PathBuf> {
    let program = PathBuf::from(program());
    if program.components().count() > 1 {
        return program.is_file().then_some(program);
    }
    find_on_path(program.to_str()?)
}

fn read(command: &Command, ui: Ui) -> Result<String> {
    ui.command(command);
    let output = command.output().map_err(|error| Error::ToolMissing {
        message: format!("`rustc` cannot be started: {error}"),
        hint: "install Rust with rustup, then see that it is on PATH: rustc --version".to_owned(),
    })?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let cause = words
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or("it says nothing");
        return Err(Error::ToolMissing {
            message: format!(
                "`rustc` does not run in this directory: {}",
                cause.trim_start_matches("error: ")
            ),
            hint: "install the toolchain that the directory asks for: rustup toolchain install"
                .to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The CPUs that rustc can compile for on a target; none where it does not say.
pub fn target_cpus(target: Target, ui: Ui) -> Vec<String> {
    let mut command = Command::new(program());
    command.args(["--print", "target-cpus", "--target", target.triple()]);
    let text = read(&command, ui).unwrap_or_default();
    // Each stands on a line of its own, indented, some with words behind.
    let names = text.lines().filter(|line| line.starts_with("    "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// A C compiler that can make objects for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CCompiler {
    /// `zig cc`, as the words that start zig.
    Zig(Vec<String>),
    /// A cross gcc.
    Gcc(PathBuf),
}

/// Looks for a C compiler: zig on PATH, zig as a Python wheel, a gcc of the target.
pub fn find_c_compiler(target: Target) -> Option<CCompiler> {
    find_zig()
        .map(CCompiler::Zig)
        .or_else(|| find_gcc(target).map(CCompiler::Gcc))
}

/// The words that start zig: PATH first, then the `ziglang` wheel of the Python on PATH.
pub fn find_zig() -> Option<Vec<String>> {
    if let Some(zig) = find_on_path("zig") {
        return Some(vec![zig.to_str()?.to_owned()]);
    }
    let python = find_on_path("python3")?;
    let mut command = Command::new(&python);
    command.args([
        "-c",
        "import importlib.util as u, sys; sys.exit(u.find_spec('ziglang') is None)",
    ]);
    let found = command.output().is_ok_and(|output| output.status.success());
    found
        .then(|| {
            Some(vec![
                python.to_str()?.to_owned(),
                "-m".to_owned(),
                "ziglang".to_owned(),
            ])
        })
        .flatten()
}

/// The cross gcc of a target: `aarch64-linux-musl-gcc`, `x86_64-linux-gnu-gcc` …
fn find_gcc(target: Target) -> Option<PathBuf> {
    let libc = match target.libc {
        Libc::Musl => "musl",
        Libc::Gnu => "gnu",
    };
    find_on_path(&format!("{}-linux-{libc}-gcc", target.arch.cpu()))
}

/// The emulator that runs programs of an arch that is not this machine's.
///
/// # Errors
/// [`Error::ToolMissing`] with the package that has it.
pub fn find_emulator(arch: Arch) -> Result<PathBuf> {
    let name = format!("qemu-{}", arch.cpu());
    find_on_path(&format!("{name}-static"))
        .or_else(|| find_on_path(&name))
        .ok_or_else(|| Error::ToolMissing {
            message: format!("`{name}` is not on PATH: the artifact is for {arch}, which this machine does not run"),
            hint: "apt-get install qemu-user-static".to_owned(),
        })
}

/// The variable by which the user chose a C compiler for `target`, in the order cc-rs reads them.
pub fn c_compiler_variable(target: Target) -> Option<String> {
    let triple = target.triple();
    let names = [
        format!("CC_{triple}"),
        format!("CC_{}", triple.replace('-', "_")),
        "TARGET_CC".to_owned(),
        "CC".to_owned(),
    ];
    names
        .into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The `ar` that belongs to a gcc, if it lies beside it.
pub fn ar_beside(gcc: &Path) -> Option<PathBuf> {
    let name = gcc.file_name()?.to_str()?.strip_suffix("gcc")?.to_owned() + "ar";
    Some(gcc.with_file_name(name)).filter(|ar| ar.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_says_what_it_is() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        let rustc = Rustc::parse(text, PathBuf::from("/sysroot"), true).unwrap();
        assert_eq!(rustc.version, "1.95.0");
        assert_eq!(rustc.commit.as_deref(), Some("59807616e1fa"));
        assert_eq!(rustc.host, "x86_64-unknown-linux-gnu");
        assert!(Rustc::parse("no rustc", PathBuf::new(), true).is_err());
    }
}
