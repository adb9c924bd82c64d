//! The checks of what Rust functions are built with: rustc and its components, linkers and C compilers.

use std::path::Path;

use super::check::{Check, Need, Tool};
use super::{Patient, names};
use crate::error::Result;
use crate::plan::{CPlan, Linker, TargetNeeds};
use crate::process::{Command, find_on_path};
use crate::project::graph::CPackage;
use crate::project::toolchain::{self, CCompiler, Rustc};
use crate::target::Target;

/// What brings Rust.
const GET_RUST: &str = "install Rust with rustup: https://rustup.rs";

/// What brings a C compiler for every target.
const GET_ZIG: &str = "pip install ziglang";
/// What brings the machine's own.
const GET_CC: &str = "apt-get install gcc libc6-dev";

/// rustc, cargo and rustup.
pub(super) fn toolchain(patient: &Patient) -> Vec<Check> {
    let need = || match &patient.rust {
        Some(what) => Need::Needed(what.clone()),
        None => Need::Useful("Rust functions".to_owned()),
    };
    let rustup = Tool::on_path("rustup", &["--version"]);
    let useful = Need::Useful("std of other targets".to_owned());
    vec![
        rustc(&patient.rustc, need()),
        Check::new("cargo", need(), patient.cargo.clone(), GET_RUST),
        Check::new("rustup", useful, rustup, GET_RUST),
    ]
}

fn rustc(rustc: &Result<Rustc>, need: Need) -> Check {
    let path = toolchain::rustc_path().map(|path| path.display().to_string());
    match rustc {
        Ok(rustc) => {
            let tool = Tool {
                path: path.or_else(|| Some("rustc".to_owned())),
                version: Some(rustc.version.clone()),
                problem: None,
            };
            Check::new("rustc", need, tool, GET_RUST)
        }
        Err(error) => {
            let problem = path.as_ref().map(|_| error.one_line());
            let hint = error.hint().filter(|_| path.is_some());
            let tool = Tool {
                path,
                version: None,
                problem,
            };
            Check::new(
                "rustc",
                need,
                tool,
                &hint.unwrap_or_else(|| GET_RUST.to_owned()),
            )
        }
    }
}

/// std, linker and C compiler of each target.
pub(super) fn targets(patient: &Patient) -> Vec<Check> {
    let needs = |target: Target| {
        patient
            .needs
            .targets
            .iter()
            .find(|one| one.target == target)
    };
    let mut checks = Vec::new();
    if let Ok(rustc) = &patient.rustc {
        for target in &patient.targets {
            checks.push(std(rustc, *target, needs(*target), patient.offline));
        }
        checks.push(rust_lld(rustc, &patient.needs.targets));
    }
    let own = patient.needs.targets.iter();
    checks.extend(own.filter_map(linker));
    checks.push(host_linker());
    for target in &patient.targets {
        checks.push(c_compiler(*target, needs(*target)));
    }
    if let Ok(rustc) = &patient.rustc {
        checks.push(llvm_tools(rustc, &patient.needs.trained));
    }
    checks
}

/// std of a target: rustup adds it when it is missing, unless the network is off.
fn std(rustc: &Rustc, target: Target, needs: Option<&TargetNeeds>, offline: bool) -> Check {
    let adds = find_on_path("rustup").is_some() && !offline;
    let tool = Tool {
        path: rustc
            .has_target(target)
            .then(|| rustc.std_directory(target).display().to_string()),
        version: None,
        problem: None,
    };
    let need = match needs {
        Some(needs) if !adds => Need::Needed(names(&needs.functions)),
        Some(needs) if !tool.works() => Need::Useful(format!(
            "{}: rustup adds it in the first build",
            names(&needs.functions)
        )),
        Some(needs) => Need::Needed(names(&needs.functions)),
        None => Need::Useful("Rust functions".to_owned()),
    };
    let hint = if find_on_path("rustup").is_some() {
        format!("rustup target add {target}")
    } else {
        format!(
            "install your distribution's std for {target}, or Rust with rustup: https://rustup.rs"
        )
    };
    Check::new(format!("std for {target}"), need, tool, &hint)
}

/// The linker that comes with rustc: one for all musl targets.
fn rust_lld(rustc: &Rustc, needs: &[TargetNeeds]) -> Check {
    let found = rustc
        .llvm_tool("rust-lld")
        .or_else(|| find_on_path("rust-lld"));
    let tool = found.map_or_else(Tool::default, |path| {
        Tool::at(&path, &["-flavor", "gnu", "--version"])
    });
    let linked: Vec<String> = needs
        .iter()
        .filter(|one| matches!(one.linker, Ok(Linker::RustLld)))
        .map(|one| one.target.to_string())
        .collect();
    let need = if linked.is_empty() {
        Need::Useful("static binaries".to_owned())
    } else {
        Need::Needed(names(&linked))
    };
    Check::new("rust-lld", need, tool, GET_RUST)
}

/// Who links for a target, where it is not rust-lld.
fn linker(needs: &TargetNeeds) -> Option<Check> {
    let (tool, hint) = match &needs.linker {
        Ok(Linker::RustLld) => return None,
        Ok(Linker::User(linker)) => (
            users(linker),
            "mend what your cargo configuration names".to_owned(),
        ),
        Ok(Linker::Zig(zig)) => (compiler(&CCompiler::Zig(zig.clone())), GET_ZIG.to_owned()),
        Ok(Linker::Gcc(gcc)) => (compiler(&CCompiler::Gcc(gcc.clone())), GET_ZIG.to_owned()),
        Ok(Linker::Native) => (
            Tool::on_path("cc", &["-dumpfullversion"]),
            GET_CC.to_owned(),
        ),
        Err(error) => (Tool::default(), error.hint().unwrap_or_default()),
    };
    let need = Need::Needed(names(&needs.functions));
    Some(Check::new(
        format!("linker for {}", needs.target),
        need,
        tool,
        &hint,
    ))
}

/// What links programs of this machine: cargo runs them while it builds.
fn host_linker() -> Check {
    let need = Need::Useful("build scripts and procedural macros".to_owned());
    let tool = Tool::on_path("cc", &["-dumpfullversion"]);
    Check::new("cc", need, tool, GET_CC)
}

fn c_compiler(target: Target, needs: Option<&TargetNeeds>) -> Check {
    let useful = |what: &str| Need::Useful(what.to_owned());
    let (need, tool) = match needs.map(|needs| (&needs.c_compiler, &needs.c_packages)) {
        Some((CPlan::User(variable), packages)) => {
            let value = std::env::var(variable).unwrap_or_default();
            (compiles(packages.as_deref()), users(&value))
        }
        Some((CPlan::Found(found), packages)) => (compiles(packages.as_deref()), compiler(found)),
        Some((CPlan::Missing(packages), _)) => (compiles(Some(packages)), Tool::default()),
        Some((CPlan::Unknown, _)) => (
            useful(
                "dependencies that compile C: which do is not known before a first `cargo fetch`",
            ),
            found(target),
        ),
        // A package that compiles C is compiled by the machine's own compiler.
        Some((CPlan::NotNeeded, Some(packages))) if !packages.is_empty() => (
            compiles(Some(packages)),
            Tool::on_path("cc", &["-dumpfullversion"]),
        ),
        Some((CPlan::NotNeeded, _)) | None => (useful("crates that compile C"), found(target)),
    };
    Check::new(format!("C compiler for {target}"), need, tool, GET_ZIG)
}

fn compiles(packages: Option<&[CPackage]>) -> Need {
    let listed: Vec<String> = packages
        .unwrap_or_default()
        .iter()
        .map(|package| package.name.clone())
        .collect();
    Need::Needed(format!("the C of {}", names(&listed)))
}

fn found(target: Target) -> Tool {
    toolchain::find_c_compiler(target).map_or_else(Tool::default, |found| compiler(&found))
}

fn compiler(found: &CCompiler) -> Tool {
    match found {
        CCompiler::Zig(words) => {
            let mut parts = words.iter();
            let mut command = Command::new(parts.next().map_or("zig", String::as_str));
            command.args(parts).arg("version");
            Tool::asked(words.join(" "), command)
        }
        CCompiler::Gcc(gcc) => Tool::at(gcc, &["-dumpfullversion"]),
    }
}

/// A program that the user named, perhaps with arguments.
fn users(named: &str) -> Tool {
    let program = named.split_whitespace().next().unwrap_or_default();
    let there = [named, program]
        .into_iter()
        .any(|name| Path::new(name).is_file() || find_on_path(name).is_some());
    Tool {
        path: Some(named.to_owned()),
        version: None,
        problem: (!there).then(|| "there is no such program".to_owned()),
    }
}

/// What profiles are made with.
fn llvm_tools(rustc: &Rustc, trained: &[String]) -> Check {
    let need = if trained.is_empty() {
        Need::Useful("training (--pgo)".to_owned())
    } else {
        Need::Needed(format!("the training of {}", names(trained)))
    };
    let tool = rustc
        .llvm_tool("llvm-profdata")
        .map_or_else(Tool::default, |path| Tool::at(&path, &["--version"]));
    Check::new("llvm-tools", need, tool, "rustup component add llvm-tools")
}
