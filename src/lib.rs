//! slsbuild turns a Rust crate into exactly the artifact that a serverless platform runs.
//!
//! The program reads in one direction:
//!
//! 1. [`cli`]: what was typed. [`settings`] turns it, once, into what it means.
//! 2. [`project`]: what is there. `cargo metadata` becomes functions.
//! 3. [`plan`]: pure data: what will be built, with which toolchain, into which files. All that can fail
//!    without cargo has failed by now.
//! 4. [`build`]: runs the plan: cargo, and the tools that it needs.
//! 5. [`binary`]: what came out: facts of an ELF file, and stripping it.
//! 6. [`platform`] says what a platform demands and assembles an [`artifact`]; [`check`] holds it against the
//!    platform's rules and limits; the writer puts it on disk, whole or not at all.
//! 7. [`report`]: what was made, for people and for programs.
//!
//! [`commands`] holds one file per verb, which reads as the recipe of that verb: open `commands/zip.rs` first.
//! [`local`] runs an artifact on this machine as Lambda would.
//!
//! The library exists for the binary and its tests; it makes no promise of stability.

pub mod cli;
pub mod digest;
pub mod error;
pub mod finding;
pub mod fs;
pub mod process;
pub mod target;
pub mod ui;
pub mod units;
