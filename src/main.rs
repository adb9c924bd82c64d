//! Entry: parse, run, and turn the result into an exit code. The only place that exits.

use std::process::ExitCode;

use slsbuild::cli::Cli;
use slsbuild::error::Error;
use slsbuild::interrupt;
use slsbuild::ui::Ui;

fn main() -> ExitCode {
    let cli = Cli::read();
    let ui = Ui::new(slsbuild::verbosity(&cli));
    if let Err(error) = end_on_interrupt(ui) {
        ui.warning(
            format_args!("an interrupt will leave temporary files: {error}"),
            None,
        );
    }
    match slsbuild::run(&cli, ui) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, ui),
    }
}

fn fail(error: &Error, ui: Ui) -> ExitCode {
    if let Some(words) = error.preface() {
        ui.words(words);
    }
    ui.error(error.one_line(), error.hint().as_deref());
    ExitCode::from(error.exit_code())
}

/// On SIGINT, SIGTERM or SIGHUP: ends the children, removes what is half written, and exits.
#[cfg(unix)]
fn end_on_interrupt(ui: Ui) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                interrupt::clean_up();
                ui.error(Error::Interrupted.one_line(), None);
                #[expect(clippy::exit, reason = "main is where the program exits")]
                std::process::exit(i32::from(Error::Interrupted.exit_code()));
            }
        })?;
    Ok(())
}

#[cfg(not(unix))]
fn end_on_interrupt(_ui: Ui) -> std::io::Result<()> {
    Ok(())
}
