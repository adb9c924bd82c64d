//! Runs a plan: makes the toolchain complete, calls the compilers, and tells which file each step's binary is.
//! Knows nothing of platforms and artifacts.

pub mod cargo;
pub mod go;
mod messages;
pub mod profile;
pub mod runtime;
pub mod toolchain;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::plan::{CargoPlan, Group};
use crate::ui::Ui;

/// What a compiler built.
#[derive(Debug)]
pub struct Compiled {
    /// The binary of each step, in their order, if it has one; an error where it could not be built and the others were
    /// to be kept.
    pub binaries: Vec<Result<Option<PathBuf>>>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Compiles the functions of a group for their targets. What no other run may see half written is put into `scratch`, an
/// empty directory.
///
/// # Errors
/// When a tool is missing or the compiler fails.
pub fn compile(group: &Group, scratch: &Path, keep_going: bool, ui: Ui) -> Result<Compiled> {
    let started = Instant::now();
    let binaries = match group {
        Group::Cargo(plan) => {
            let binaries = compile_rust(plan, scratch, ui)?.into_iter();
            binaries.map(|binary| binary.map(Some)).collect()
        }
        Group::Go(plan) => {
            let binaries = go::run_all(plan, scratch, keep_going, ui)?.into_iter();
            binaries.map(|binary| binary.map(Some)).collect()
        }
        Group::Ready(plan) => plan.binaries.iter().cloned().map(Ok).collect(),
    };
    Ok(Compiled {
        binaries,
        elapsed: started.elapsed(),
    })
}

/// Compiles Rust functions: the binary of each step of the plan. One that another call would overwrite is put into
/// `scratch`.
///
/// # Errors
/// When a tool is missing or cargo fails.
pub fn compile_rust(plan: &CargoPlan, scratch: &Path, ui: Ui) -> Result<Vec<Result<PathBuf>>> {
    toolchain::complete(plan, ui)?;
    cargo::run(plan, scratch, ui)
}
