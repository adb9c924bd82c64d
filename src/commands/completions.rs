//! `slsbuild completions` and `slsbuild man`: generated from the clap types, so that they cannot drift.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Result;
use crate::ui::Ui;

/// Prints the completion script of a shell.
///
/// # Errors
/// When stdout cannot be written.
pub fn completions(shell: Shell, ui: Ui) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "slsbuild", &mut script);
    ui.result_bytes(&script)
}

/// Prints the manual page in roff, all verbs on one page.
///
/// # Errors
/// When the page cannot be rendered.
pub fn man(ui: Ui) -> Result<()> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .context("the manual page cannot be rendered")?;
    for verb in command.get_subcommands() {
        clap_mangen::Man::new(verb.clone())
            .render(&mut page)
            .context("the manual page cannot be rendered")?;
    }
    ui.result_bytes(&page)
}
