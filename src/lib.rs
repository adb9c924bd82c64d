//! slsbuild turns a Rust crate, a Go package or a ready binary into exactly the artifact that a serverless platform runs.
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

pub mod artifact;
pub mod binary;
pub mod build;
pub mod calendar;
pub mod check;
pub mod cli;
pub mod commands;
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
pub mod registry;
pub mod report;
pub mod settings;
pub mod target;
pub mod threads;
pub mod ui;
pub mod units;

use cli::{Cli, Command};
use error::Result;
use ui::{Ui, Verbosity};

/// Runs the verb that was typed.
///
/// # Errors
/// With whatever the verb failed of; `main` prints it and exits with its code.
pub fn run(cli: &Cli, ui: Ui) -> Result<()> {
    let format = cli.global.format;
    match &cli.command {
        Command::Build(arguments) => commands::build::build(arguments, format, ui),
        Command::Config(arguments) => commands::config::config(arguments, format, ui),
        Command::Zip(arguments) => commands::zip::zip(arguments, format, ui),
        Command::Dir(arguments) => commands::dir::dir(arguments, format, ui),
        Command::Image(arguments) => commands::image::image(arguments, format, ui),
        Command::Plan(arguments) => commands::plan::plan(arguments, format, ui),
        Command::Init(arguments) => commands::init::init(arguments, format, ui),
        Command::Doctor(arguments) => commands::doctor::doctor(arguments, format, ui),
        Command::Invoke(arguments) => commands::invoke::invoke(arguments, format, ui),
        Command::Bench(arguments) => commands::bench::bench(arguments, format, ui),
        Command::Check(arguments) => commands::check::check(arguments, format, ui),
        Command::Push(arguments) => commands::push::push(arguments, format, ui),
        Command::Registry(arguments) => commands::registry::registry(arguments, format, ui),
        Command::Completions { shell } => commands::completions::completions(*shell, ui),
        Command::Man => commands::completions::man(ui),
    }
}

/// How much is said, from what was typed.
pub fn verbosity(cli: &Cli) -> Verbosity {
    match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, 2..) => Verbosity::VeryVerbose,
    }
}
