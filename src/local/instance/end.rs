//! How an environment ends: the function first, then its extensions, which are told.

use std::time::{Duration, Instant};

use super::Instance;
use crate::local::exchange::Notice;
use crate::local::failure::Ending;
use crate::local::invocation::Deadline;
use crate::local::logs::Logging;
use crate::local::process::Process;
use crate::ui::Ui;

/// What Lambda grants extensions for their shutdown.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (2026-11), as the two below.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);
/// What of it the function gets before, where there are external extensions.
const FUNCTION_SHARE: Duration = Duration::from_millis(300);
/// What the function gets where all extensions are its own.
const INTERNAL_LIMIT: Duration = Duration::from_millis(500);

impl Instance {
    /// Takes the Runtime API away and lets the process end by itself within a time, as one does whose runtime gives up when it
    /// cannot ask for events.
    pub fn retire(&mut self, within: Duration) -> Ending {
        self.server.stop();
        let deadline = Instant::now() + within;
        while let Some(notice) = self.wait(deadline) {
            if matches!(notice, Notice::Ended { .. }) {
                break;
            }
        }
        self.end()
    }

    /// Ends the function's process with all that it started, and takes its log so far. Extensions go on, until [`Self::end`].
    ///
    /// As on Lambda, a function without extensions is killed, and one with extensions is asked to end before.
    pub fn end_function(&mut self) -> Ending {
        self.look_at_memory();
        self.clock = None;
        let is_alone = self.server.extensions().is_empty();
        let ending = self.process.take().map(|process| {
            if !is_alone {
                process.terminate(if self.companions.is_empty() {
                    INTERNAL_LIMIT
                } else {
                    FUNCTION_SHARE
                });
            }
            Process::end(process)
        });
        if is_alone {
            self.finish_logs();
        } else {
            self.catch_up();
        }
        ending.unwrap_or(Ending::Exit(0))
    }

    /// Ends the processes with all that they started, and takes the rest of their log. Extensions that want it are told, and have
    /// two seconds.
    pub fn end(&mut self) -> Ending {
        let ending = self.end_function();
        if !self.companions.is_empty() {
            let deadline = Deadline::after(SHUTDOWN_LIMIT);
            let registry = self.server.extensions();
            registry.shut_down(std::mem::take(&mut self.reason), deadline);
            let late = self.companions.end(registry, deadline.at);
            self.catch_up();
            if let Logging::Printed(ui) = self.logging {
                for name in late {
                    let seconds = SHUTDOWN_LIMIT.as_secs();
                    let message = format!(
                        "extension `{name}` did not end within {seconds} s of its SHUTDOWN event: Lambda ends it then"
                    );
                    ui.warning(message, None);
                }
            }
        }
        self.finish_logs();
        ending
    }

    /// Ends the process and prints the last lines of its log, which may say why it failed, unless they were printed before.
    pub fn end_saying(&mut self, ui: Ui) {
        self.end();
        for line in &self.kept_log {
            ui.words(line);
        }
    }

    fn finish_logs(&mut self) {
        if let Some(mut logs) = self.logs.take() {
            self.kept_log = logs.finish();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}
