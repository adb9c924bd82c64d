//! What a function writes to stdout and stderr, line by line on our stderr, or kept. Both are one pipe, so their order
//! stays, and whatever was written before a call of the Runtime API is printed before what that call leads to.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::Result;
use crate::ui::Ui;

/// A line longer than this is printed in parts: Lambda's limit of one log event, 256 KiB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html> (2026-11).
const LINE_LIMIT: usize = 256 * 1024;

/// How many lines are kept where they are not printed.
const KEPT_LINES: usize = 20;

/// What becomes of the lines that a function writes.
#[derive(Clone, Copy, Debug)]
pub enum Logging {
    /// They are printed.
    Printed(Ui),
    /// They are dropped but for the last few, which say why a function failed.
    Kept,
}

/// The reading end of a function's outputs.
#[derive(Debug)]
pub(super) struct Logs {
    lines: Arc<Mutex<Lines>>,
    /// Dropped to end the thread, also when some process still holds the writing end.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Logs {
    /// A pipe whose lines are printed or kept, and its writing end.
    pub(super) fn start(logging: Logging) -> Result<(Self, PipeWriter)> {
        let (reader, writer) = std::io::pipe()?;
        let (stopped, stop) = std::io::pipe()?;
        let watched = reader.try_clone()?;
        let lines = Arc::new(Mutex::new(Lines {
            reader,
            pending: Vec::new(),
            logging,
            kept: VecDeque::new(),
        }));
        let shared = lines.clone();
        let thread = std::thread::Builder::new()
            .name("logs".to_owned())
            .spawn(move || {
                while wait(&watched, &stopped) {
                    if !locked(&shared, Lines::forward) {
                        break;
                    }
                }
            })?;
        let logs = Self {
            lines,
            stop: Some(stop),
            thread: Some(thread),
        };
        Ok((logs, writer))
    }

    /// Takes what has been written so far.
    pub(super) fn catch_up(&self) {
        locked(&self.lines, Lines::forward);
    }

    /// Takes what has been written, the last unended line too, and stops listening. Returns the lines that were kept.
    pub(super) fn finish(&mut self) -> Vec<String> {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        locked(&self.lines, |lines| {
            lines.forward();
            if !lines.pending.is_empty() {
                lines.end_line();
            }
            std::mem::take(&mut lines.kept).into()
        })
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.finish();
    }
}

fn locked<T>(lines: &Mutex<Lines>, act: impl FnOnce(&mut Lines) -> T) -> T {
    act(&mut lines.lock().unwrap_or_else(PoisonError::into_inner))
}

#[derive(Debug)]
struct Lines {
    reader: PipeReader,
    pending: Vec<u8>,
    logging: Logging,
    kept: VecDeque<String>,
}

impl Lines {
    /// Takes the lines that lie in the pipe now, and says whether there may be more.
    fn forward(&mut self) -> bool {
        let Some(available) = available(&self.reader) else {
            return false;
        };
        if available == 0 {
            // Readable and nothing to read: every writer is gone, or another call was quicker.
            return !hung_up(&self.reader);
        }
        let mut buffer = vec![0; available];
        let Ok(read) = self.reader.read(&mut buffer) else {
            return false;
        };
        for byte in buffer.into_iter().take(read) {
            if byte == b'\n' || self.pending.len() >= LINE_LIMIT {
                self.end_line();
            }
            if byte != b'\n' {
                self.pending.push(byte);
            }
        }
        true
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.pending);
        let line = String::from_utf8_lossy(&line);
        match self.logging {
            Logging::Printed(ui) => ui.log(line),
            Logging::Kept => {
                if self.kept.len() == KEPT_LINES {
                    self.kept.pop_front();
                }
                self.kept.push_back(line.into_owned());
            }
        }
    }
}

/// Waits until there is something to read; false when it is time to stop.
#[cfg(unix)]
fn wait(reader: &PipeReader, stopped: &PipeReader) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut watched = [
        PollFd::new(reader, PollFlags::IN),
        PollFd::new(stopped, PollFlags::IN),
    ];
    match poll(&mut watched, None) {
        Ok(_) => watched
            .last()
            .is_some_and(|stopped| stopped.revents().is_empty()),
        Err(error) => error == rustix::io::Errno::INTR,
    }
}

#[cfg(unix)]
fn available(reader: &PipeReader) -> Option<usize> {
    usize::try_from(rustix::io::ioctl_fionread(reader).ok()?).ok()
}

#[cfg(unix)]
fn hung_up(reader: &PipeReader) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut watched = [PollFd::new(reader, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let _ = poll(&mut watched, Some(&now));
    watched
        .iter()
        .any(|fd| fd.revents().contains(PollFlags::HUP))
}

#[cfg(not(unix))]
fn wait(_reader: &PipeReader, _stopped: &PipeReader) -> bool {
    false
}

#[cfg(not(unix))]
fn available(_reader: &PipeReader) -> Option<usize> {
    None
}

#[cfg(not(unix))]
fn hung_up(_reader: &PipeReader) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let (mut logs, mut writer) = Logs::start(Logging::Kept).unwrap();
        for n in 0..KEPT_LINES + 5 {
            writeln!(writer, "line {n}").unwrap();
        }
        write!(writer, "unended").unwrap();
        drop(writer);
        let kept = logs.finish();
        assert_eq!(kept.len(), KEPT_LINES);
        assert_eq!(kept.first().unwrap(), "line 6");
        assert_eq!(kept.last().unwrap(), "unended");
    }
}
