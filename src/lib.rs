//! slsbuild turns a Rust crate into exactly the artifact that a serverless platform runs.
//!
//! The library exists for the binary and its tests; it makes no promise of stability.

pub mod artifact;
pub mod binary;
pub mod build;
pub mod check;
pub mod cli;
pub mod digest;
pub mod error;
pub mod finding;
pub mod fs;
pub mod interrupt;
pub mod local;
pub mod plan;
pub mod platform;
pub mod process;
pub mod project;
pub mod report;
pub mod settings;
pub mod target;
pub mod ui;
pub mod units;
