//! How each target is compiled and linked, chosen from what is installed and what the user configured.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::RuntimePlan;
use crate::digest::Sha256;
use crate::error::{Error, Result, did_you_mean};
use crate::platform::Machine;
use crate::project::cargo_config::{self, TargetConfig};
use crate::project::graph::{self, CPackage, Touch};
use crate::project::toolchain::{self, CCompiler};
use crate::project::{CargoOptions, RustBinary, Workspace};
use crate::settings::Compile;
use crate::target::{Libc, Target};
use crate::ui::Ui;

/// How one target is compiled and linked.
#[derive(Clone, Debug)]
pub struct TargetPlan {
    /// The target.
    pub target: Target,
    /// Whether its std is installed; if not, rustup is asked for it.
    pub installed: bool,
    /// Who links.
    pub linker: Linker,
    /// Who compiles C.
    pub c_compiler: CPlan,
    /// The user's own rustflags.
    pub user_flags: Vec<String>,
    /// The CPU that is compiled for.
    pub cpu: Cpu,
    /// What goes in front of musl.
    pub runtime_archive: RuntimePlan,
    /// What the optimizer is told of how the function runs.
    pub guidance: Guidance,
}

/// What the optimizer is told of how a function runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guidance {
    /// Nothing.
    None,
    /// It is to find out: the binary counts what it does.
    Count,
    /// This profile.
    Profile(GuidingProfile),
}

/// A profile in a place whose name is its digest: cargo looks at flags, and not into what they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuidingProfile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub sha256: Sha256,
    /// The functions that it knows, where it was asked for them.
    pub functions: Option<BTreeSet<String>>,
}

/// The CPU that is compiled for, as rustc's `target-cpu`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cpu {
    /// The user's rustflags name it.
    User(String),
    /// Named by a flag, or what the platform's machines have at least.
    Named(String),
}

impl Cpu {
    fn choose(
        user_flags: &[String],
        target: Target,
        asked: Option<&String>,
        (machine, compact): (Machine, bool),
        ui: Ui,
    ) -> Result<Self> {
        if let Some(asked) = asked {
            refuse_unknown_cpu(asked, target, ui)?;
        }
        let Some(name) = cargo_config::codegen_option(user_flags, "target-cpu") else {
            return Ok(Self::Named(asked.cloned().unwrap_or_else(|| {
                machine.baseline_cpu(target.arch, compact).to_owned()
            })));
        };
        if name == "native" {
            ui.warning(
                "your rustflags say target-cpu `native`, which is another CPU on every machine",
                None,
            );
        }
        if let Some(asked) = asked {
            ui.note(format_args!(
                "your rustflags say target-cpu `{name}`, which wins over `{asked}`"
            ));
        }
        Ok(Self::User(name))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Named(name) => name,
        }
    }

    /// The rustflag that says it, if it is not among the user's.
    pub fn flag(&self) -> Option<String> {
        match self {
            Self::User(_) => None,
            Self::Named(name) => Some(format!("-Ctarget-cpu={name}")),
        }
    }
}

/// Who links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linker {
    /// The linker that comes with rustc; needs nothing else for musl.
    RustLld,
    /// The user's own choice.
    User(String),
    /// zig, as the words that start it.
    Zig(Vec<String>),
    /// The gcc of the target.
    Gcc(PathBuf),
    /// The machine's own `cc`.
    Native,
}

/// Who compiles C.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CPlan {
    /// Nothing in the graph does.
    NotNeeded,
    /// Only cargo can tell: `slsbuild plan` without a lock file, or before the dependencies are downloaded.
    Unknown,
    /// The user's own choice, by this variable.
    User(String),
    /// A compiler that was found.
    Found(CCompiler),
    /// None was found; these packages will probably want one.
    Missing(Vec<CPackage>),
}

/// What decides how a target is compiled and linked.
pub(super) struct Surroundings<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) binaries: &'a [&'a RustBinary],
    pub(super) cargo: &'a CargoOptions,
    pub(super) compile: &'a Compile,
    /// Whether code is to be small.
    pub(super) compact: bool,
    pub(super) touch: Touch,
}

impl TargetPlan {
    pub(super) fn new(target: Target, around: &Surroundings<'_>, ui: Ui) -> Result<Self> {
        let rustc = &around.workspace.rustc;
        let TargetConfig { rustflags, linker } = cargo_config::target(target)?;
        let installed = rustc.has_target(target);
        if !installed && around.cargo.network.offline {
            return Err(Error::ToolMissing {
                message: format!(
                    "std for `{target}` is not installed, and rustup must not fetch it (--offline or --frozen)"
                ),
                hint: format!("rustup target add {target}"),
            });
        }
        let linker = Linker::choose(target, linker, &rustc.host)?;
        Ok(Self {
            target,
            installed,
            guidance: Guidance::None,
            runtime_archive: RuntimePlan::choose(target, &linker, rustc, around.compile),
            linker,
            cpu: Cpu::choose(
                &rustflags,
                target,
                around.compile.target_cpu.as_ref(),
                (around.compile.machine, around.compact),
                ui,
            )?,
            c_compiler: CPlan::choose(target, around, ui)?,
            user_flags: rustflags,
        })
    }
}

/// rustc goes on without a CPU that it does not know, and says so once for each crate.
fn refuse_unknown_cpu(cpu: &str, target: Target, ui: Ui) -> Result<()> {
    let known = toolchain::target_cpus(target, ui);
    // A rustc that does not say which there are cannot be asked.
    if known.is_empty() || known.iter().any(|name| name == cpu) {
        return Ok(());
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(Error::Usage {
        message: format!("`{target}` has no CPU `{cpu}`"),
        hint: Some(did_you_mean(cpu, &names).unwrap_or_else(|| {
            format!("see which there are: rustc --print target-cpus --target {target}")
        })),
    })
}

impl fmt::Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RustLld => f.write_str("rust-lld"),
            Self::User(linker) => write!(f, "{linker} (yours)"),
            Self::Zig(_) => f.write_str("zig"),
            Self::Gcc(gcc) => write!(f, "{}", gcc.display()),
            Self::Native => f.write_str("cc"),
        }
    }
}

impl Linker {
    /// Who links for `target`: the user's choice, if there is one.
    pub(super) fn choose(target: Target, users: Option<String>, host: &str) -> Result<Self> {
        if let Some(linker) = users {
            return Ok(Self::User(linker));
        }
        if target.libc == Libc::Musl {
            return Ok(Self::RustLld);
        }
        match toolchain::find_c_compiler(target) {
            Some(CCompiler::Zig(zig)) => Ok(Self::Zig(zig)),
            Some(CCompiler::Gcc(gcc)) => Ok(Self::Gcc(gcc)),
            None if host == target.triple() => Ok(Self::Native),
            None => Err(Error::ToolMissing {
                message: format!("nothing on PATH links for `{target}`"),
                hint: format!(
                    "pip install ziglang, or build a static binary: --arch {}",
                    target.arch
                ),
            }),
        }
    }
}

impl CPlan {
    fn choose(target: Target, around: &Surroundings<'_>, ui: Ui) -> Result<Self> {
        let (workspace, binaries) = (around.workspace, around.binaries);
        let known = graph::c_packages(workspace, binaries, around.cargo, target, around.touch, ui)?;
        Ok(Self::of(known, target, &workspace.rustc.host))
    }

    /// Who compiles the C of these packages, on a machine of this triple.
    pub(super) fn of(packages: Option<Vec<CPackage>>, target: Target, host: &str) -> Self {
        let Some(packages) = packages else {
            return Self::Unknown;
        };
        if packages.is_empty() {
            return Self::NotNeeded;
        }
        if let Some(variable) = toolchain::c_compiler_variable(target) {
            return Self::User(variable);
        }
        match toolchain::find_c_compiler(target) {
            Some(compiler) => Self::Found(compiler),
            // The machine's own gcc compiles for its own glibc.
            None if host == target.triple() => Self::NotNeeded,
            None => Self::Missing(packages),
        }
    }
}
