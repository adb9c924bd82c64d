//! What the user sees. The only room that prints: results on stdout, talk on stderr in cargo's form,
//! a status word right-aligned in twelve columns. Nothing depends on colour.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};

const STATUS: Style = AnsiColor::Green.on_default().bold();
const LABEL: Style = AnsiColor::Cyan.on_default();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// How wide a line of progress is at most.
const PROGRESS_WIDTH: usize = 78;

/// A line of progress stands on the terminal, with the cursor at its beginning.
static PROGRESS: AtomicBool = AtomicBool::new(false);

/// The bar that stands on the terminal.
static BAR: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Only errors (`-q`).
    Quiet,
    /// Status lines and warnings.
    #[default]
    Normal,
    /// Each child command too, as a line that can be pasted into a shell (`-v`).
    Verbose,
    /// Cargo is verbose too (`-vv`).
    VeryVerbose,
}

/// The user's terminal, or the log of a CI job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ui {
    verbosity: Verbosity,
}

impl Ui {
    /// A user interface that says as much as `verbosity` asks for.
    pub fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    /// How much is said.
    pub fn verbosity(self) -> Verbosity {
        self.verbosity
    }

    /// One line of the result, on stdout.
    pub fn result(self, line: impl Display) -> Result<()> {
        self.result_bytes(format!("{line}\n").as_bytes())
    }

    /// A part of the result, byte for byte, on stdout. A reader that went away (`slsbuild plan | head -1`) is no error.
    pub fn result_bytes(self, bytes: &[u8]) -> Result<()> {
        clear_progress();
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(Error::Unwritable {
                path: "stdout".into(),
                cause,
            }),
            _ => Ok(()),
        }
    }

    /// [`Self::result_bytes`]; a terminal gets a newline too, where the bytes end without one, so that the prompt has its line.
    pub fn result_on_terminal(self, bytes: &[u8]) -> Result<()> {
        self.result_bytes(bytes)?;
        let is_open = !bytes.is_empty() && !bytes.ends_with(b"\n");
        if is_open && std::io::stdout().is_terminal() {
            self.result_bytes(b"\n")?;
        }
        Ok(())
    }

    /// A status line: `    Finished orders`.
    pub fn status(self, word: &str, message: impl Display) {
        self.say(
            Verbosity::Normal,
            format_args!("{STATUS}{word:>12}{STATUS:#} {message}"),
        );
    }

    /// A line that says how far something is, on a terminal only: whatever comes next takes its place.
    pub fn progress(self, word: &str, message: impl Display) {
        if self.verbosity != Verbosity::Normal || !std::io::stderr().is_terminal() {
            return;
        }
        let line = format!("{word:>12} {message}");
        PROGRESS.store(true, Ordering::Relaxed);
        let mut stderr = anstream::stderr().lock();
        let _ = write!(stderr, "{line:<PROGRESS_WIDTH$.PROGRESS_WIDTH$}\r");
        let _ = stderr.flush();
    }

    /// A bar that counts to `length`, on a terminal only. Whatever else is said meanwhile goes above it.
    pub fn bar(self, word: &str, length: usize) -> Bar {
        let shown = self.verbosity == Verbosity::Normal && std::io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length as u64), target);
        let style = ProgressStyle::with_template("{prefix:>12} [{bar:30}] {pos}/{len}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(word.to_owned());
        *current_bar() = shown.then(|| bar.clone());
        Bar(bar)
    }

    /// A bar that counts bytes, on a terminal only, as [`Self::bar`].
    pub fn transfer(self, word: &str, bytes: u64) -> Bar {
        let bar = self.bar(word, usize::try_from(bytes).unwrap_or(usize::MAX));
        let style =
            ProgressStyle::with_template("{prefix:>12} [{bar:30}] {bytes}/{total_bytes} {eta}");
        if let Ok(style) = style {
            bar.0.set_style(style);
        }
        bar
    }

    /// A line about what is done behind the scenes, shown with `-v`.
    pub fn detail(self, word: &str, message: impl Display) {
        self.say(
            Verbosity::Verbose,
            format_args!("{STATUS}{word:>12}{STATUS:#} {message}"),
        );
    }

    /// A line of facts below a status line: `        size  481 kB`.
    pub fn fact(self, label: &str, text: impl Display) {
        self.say(
            Verbosity::Normal,
            format_args!("{LABEL}{label:>12}{LABEL:#}  {text}"),
        );
    }

    /// A child command, shown with `-v`.
    pub fn command(self, command: impl Display) {
        self.say(
            Verbosity::Verbose,
            format_args!("{STATUS}{:>12}{STATUS:#} {command}", "Running"),
        );
    }

    /// A line of another program's or of the function's own log, as it is.
    pub fn log(self, line: impl Display) {
        self.say(Verbosity::Normal, format_args!("{line}"));
    }

    /// Another program's words about a failure. Said at every verbosity.
    pub fn words(self, words: impl Display) {
        self.say(Verbosity::Quiet, format_args!("{words}"));
    }

    /// Something that the user did not ask for but should know.
    pub fn note(self, message: impl Display) {
        self.say(
            Verbosity::Normal,
            format_args!("{LABEL}note{LABEL:#}: {message}"),
        );
    }

    /// Something that is probably not as meant.
    pub fn warning(self, message: impl Display, hint: Option<&str>) {
        self.say(
            Verbosity::Normal,
            format_args!("{WARNING}warning{WARNING:#}: {message}"),
        );
        if let Some(hint) = hint {
            self.say(
                Verbosity::Normal,
                format_args!("{LABEL}hint{LABEL:#}: {hint}"),
            );
        }
    }

    /// Why the command failed, and what to do about it. Said at every verbosity.
    pub fn error(self, message: impl Display, hint: Option<&str>) {
        self.say(
            Verbosity::Quiet,
            format_args!("{ERROR}error{ERROR:#}: {message}"),
        );
        if let Some(hint) = hint {
            self.say(
                Verbosity::Quiet,
                format_args!("{LABEL}hint{LABEL:#}: {hint}"),
            );
        }
    }

    fn say(self, from: Verbosity, line: std::fmt::Arguments<'_>) {
        if self.verbosity >= from {
            clear_progress();
            let say = || {
                let _ = writeln!(anstream::stderr().lock(), "{line}");
            };
            match current_bar().as_ref() {
                Some(bar) => bar.suspend(say),
                None => say(),
            }
        }
    }
}

/// A bar that is taken away when it is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// One more is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// So many more are done.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// So many that were counted as done are to be done again.
    pub fn back(&self, by: u64) {
        self.0.dec(by);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        *current_bar() = None;
    }
}

fn current_bar() -> MutexGuard<'static, Option<ProgressBar>> {
    BAR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear_progress() {
    if PROGRESS.swap(false, Ordering::Relaxed) {
        let _ = write!(anstream::stderr().lock(), "{:PROGRESS_WIDTH$}\r", "");
    }
}
