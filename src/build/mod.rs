//! Runs a plan: makes the toolchain complete, calls cargo once, and tells which file each step's binary is.
//! Knows nothing of platforms and artifacts.

pub mod cargo;
pub mod go;
mod messages;
pub mod profile;
pub mod runtime;
pub mod toolchain;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::plan::Plan;
use crate::ui::Ui;

/// What cargo built.
#[derive(Debug)]
pub struct Compiled {
    /// The binary of each of the plan's steps, in their order.
    pub binaries: Vec<PathBuf>,
    /// How long cargo took.
    pub elapsed: Duration,
}

/// Compiles every function of the plan for every target, in one call of cargo.
///
/// # Errors
/// When a tool is missing or cargo fails.
pub fn compile(plan: &Plan, ui: Ui) -> Result<Compiled> {
    let started = Instant::now();
    toolchain::complete(plan, ui)?;
    let binaries = cargo::run(plan, ui)?;
    Ok(Compiled {
        binaries,
        elapsed: started.elapsed(),
    })
}
