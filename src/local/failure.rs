//! How an invocation fails, in Lambda's own words: the error types and messages that its log and its API use.

use std::fmt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use super::exchange::FunctionError;
use crate::error::Error;
use crate::process::quote;

/// Why a function did not answer, or what it answered instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function reported an error of its own.
    Function(FunctionError),
    /// The process ended.
    Exited(Ending),
    /// The process ended before it asked for an event.
    NeverPolled(Ending),
    /// The time of the invocation passed.
    TimedOut(Duration),
    /// The time of the init phase passed.
    InitTimedOut(Duration),
    /// The response is above the limit.
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit it passed.
        limit: usize,
    },
    /// There is no `bootstrap` that could be started.
    InvalidEntrypoint(String),
    /// An extension failed, and its environment with it.
    Extension {
        /// The extension's name.
        name: String,
        /// What happened to it.
        fault: ExtensionFault,
    },
}

/// What happens to an extension that ends its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionFault {
    /// It could not be started.
    Launch(String),
    /// Its process ended.
    Crashed(Ending),
    /// It reported that it cannot start.
    Init(FunctionError),
    /// It reported that it cannot go on.
    Exit(FunctionError),
    /// It had neither registered nor asked for its first event when the time of the init phase was over.
    Slow(Duration),
}

impl ExtensionFault {
    /// The error type.
    fn kind(&self) -> &'static str {
        match self {
            Self::Launch(_) => "Extension.LaunchError",
            Self::Crashed(_) => "Extension.Crash",
            Self::Init(_) => "Extension.InitError",
            Self::Exit(_) => "Extension.ExitError",
            Self::Slow(_) => "Sandbox.Timedout",
        }
    }

    fn message(&self, name: &str) -> String {
        match self {
            Self::Launch(cause) => format!("extension `{name}`: {cause}"),
            Self::Crashed(ending) => format!("extension `{name}` ended: {}", ending.words()),
            Self::Init(FunctionError { kind, message })
            | Self::Exit(FunctionError { kind, message }) => {
                let separator = if message.is_empty() { "" } else { ": " };
                format!("extension `{name}`: {kind}{separator}{message}")
            }
            Self::Slow(limit) => format!(
                "extension `{name}` did not ask for its first event within {:.2} seconds",
                limit.as_secs_f64()
            ),
        }
    }
}

impl Failure {
    /// The error type.
    pub fn kind(&self) -> &str {
        match self {
            Self::Function(error) => &error.kind,
            Self::Exited(_) | Self::NeverPolled(_) => "Runtime.ExitError",
            Self::TimedOut(_) | Self::InitTimedOut(_) => "Sandbox.Timedout",
            Self::TooLarge { .. } => "Function.ResponseSizeTooLarge",
            Self::InvalidEntrypoint(_) => "Runtime.InvalidEntrypoint",
            Self::Extension { fault, .. } => fault.kind(),
        }
    }

    /// The error message.
    pub fn message(&self) -> String {
        match self {
            Self::Function(error) => error.message.clone(),
            Self::Exited(ending) | Self::NeverPolled(ending) => ending.to_string(),
            Self::TimedOut(limit) | Self::InitTimedOut(limit) => {
                format!("Task timed out after {:.2} seconds", limit.as_secs_f64())
            }
            Self::TooLarge { size, limit } => format!(
                "Response payload size ({size} bytes) exceeded maximum allowed payload size ({limit} bytes)."
            ),
            Self::InvalidEntrypoint(cause) => cause.clone(),
            Self::Extension { name, fault } => fault.message(name),
        }
    }

    /// The status that Lambda's REPORT line gives, which is silent about an error that the function reported itself.
    pub fn status(&self) -> Option<&'static str> {
        match self {
            Self::Function(_) | Self::TooLarge { .. } => None,
            Self::TimedOut(_)
            | Self::InitTimedOut(_)
            | Self::Extension {
                fault: ExtensionFault::Slow(_),
                ..
            } => Some("timeout"),
            Self::Exited(_)
            | Self::NeverPolled(_)
            | Self::InvalidEntrypoint(_)
            | Self::Extension { .. } => Some("error"),
        }
    }

    /// What to do about it, where the message does not say it. `run` is the verb and the artifact that the user typed, if there
    /// were such.
    pub fn hint(&self, run: Option<(&str, &Path)>) -> Option<String> {
        let run = run.map(|(verb, artifact)| (verb, quote(artifact.as_os_str())));
        Some(match self {
            Self::TimedOut(limit) => {
                let (verb, artifact) = run?;
                let longer = limit.as_secs().saturating_mul(2).clamp(1, 900);
                format!("slsbuild {verb} {artifact} --timeout {longer}")
            }
            Self::NeverPolled(Ending::Exit(0)) | Self::InitTimedOut(_) => {
                "a function asks `http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next` for events in a loop, as `cargo add lambda_runtime` does".to_owned()
            }
            Self::Exited(Ending::Signal(SIGILL)) | Self::NeverPolled(Ending::Signal(SIGILL)) => {
                "the binary is compiled for a newer CPU than this one (Lambda's are at least neoverse-n1 and haswell); for this machine: slsbuild zip --target-cpu generic, or for Go: GOARM64=v8.0 slsbuild zip --go DIR".to_owned()
            }
            Self::InvalidEntrypoint(_) => format!("slsbuild check {}", run?.1),
            Self::Extension {
                fault: ExtensionFault::Launch(_),
                ..
            } => "slsbuild check LAYER.zip".to_owned(),
            Self::Extension {
                fault: ExtensionFault::Slow(_) | ExtensionFault::Crashed(Ending::Exit(0)),
                ..
            } => {
                "an extension registers at `http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension/register` and asks for events in a loop, as `cargo add lambda-extension` does".to_owned()
            }
            Self::Function(_)
            | Self::Exited(_)
            | Self::NeverPolled(_)
            | Self::TooLarge { .. }
            | Self::Extension { .. } => {
                return None;
            }
        })
    }

    /// The failure as what the verb ends with. `event` names the event, where there was more than one.
    pub fn error(&self, function: &str, event: Option<String>, hint: Option<String>) -> Error {
        Error::FunctionFailed {
            function: function.to_owned(),
            event,
            kind: self.kind().to_owned(),
            cause: self.message(),
            hint,
        }
    }
}

/// The signal of an instruction that the CPU does not know.
const SIGILL: i32 = 4;

/// How a process ended, as Lambda words it (it prints Go's `ProcessState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exit(i32),
    /// This signal ended it.
    Signal(i32),
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Signal(signal);
        }
        Self::Exit(status.code().unwrap_or_default())
    }
}

impl Ending {
    /// What happened, without saying to whom.
    fn words(self) -> String {
        match self {
            Self::Exit(code) => format!("exit status {code}"),
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => format!("signal: {name}"),
                None => format!("signal: signal {signal}"),
            },
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(0) => write!(f, "Runtime exited without providing a reason"),
            Self::Exit(_) | Self::Signal(_) => {
                write!(f, "Runtime exited with error: {}", self.words())
            }
        }
    }
}

/// Go's names of Linux signals (`zerrors_linux_amd64.go`); its names are the same for arm64.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_read_as_on_lambda() {
        let shown: Vec<String> = [
            Ending::Exit(0),
            Ending::Exit(3),
            Ending::Signal(9),
            Ending::Signal(11),
            Ending::Signal(31),
        ]
        .iter()
        .map(ToString::to_string)
        .collect();
        assert_eq!(
            shown,
            [
                "Runtime exited without providing a reason",
                "Runtime exited with error: exit status 3",
                "Runtime exited with error: signal: killed",
                "Runtime exited with error: signal: segmentation fault",
                "Runtime exited with error: signal: signal 31",
            ]
        );
    }

    #[test]
    fn limits_are_named_with_their_numbers() {
        let slow = Failure::TimedOut(Duration::from_secs(3));
        assert_eq!(
            (slow.kind(), slow.message().as_str()),
            ("Sandbox.Timedout", "Task timed out after 3.00 seconds")
        );
        let large = Failure::TooLarge {
            size: 6_291_557,
            limit: super::super::PAYLOAD_LIMIT,
        };
        assert_eq!(
            large.message(),
            "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."
        );
    }
}
