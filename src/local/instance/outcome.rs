//! What an instance tells of its init phase and of each event.

use std::time::Duration;

use crate::local::failure::{Ending, Failure};

/// How the init phase went.
#[derive(Debug)]
pub struct Init {
    /// From right before the first process's exec to the function's first `/next` and those of its extensions, or to the failure.
    pub duration: Duration,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// What became of one event.
#[derive(Debug)]
pub struct Outcome {
    /// The response. A stream that failed has one too, as far as it came.
    pub response: Option<Vec<u8>>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// From the event to the next `/next`, of the function and of each extension, or to the failure.
    pub duration: Duration,
    /// The CPU time of the function's process for it, user and system; `None` when it ended.
    pub cpu: Option<Duration>,
    /// How the process ended after it answered, instead of asking for its next event.
    pub ended: Option<Ending>,
    /// It answered, and neither asked again nor ended before its time was over.
    pub lingered: bool,
    /// The extension that did not ask for its next event before the function's time was over.
    pub lingering_extension: Option<String>,
}

impl Outcome {
    /// An event that was answered, whose figures come yet.
    pub(super) fn answered() -> Self {
        Self {
            response: None,
            failure: None,
            duration: Duration::ZERO,
            cpu: None,
            ended: None,
            lingered: false,
            lingering_extension: None,
        }
    }

    /// An event that was not answered.
    pub(super) fn failed(failure: Failure, duration: Duration) -> Self {
        Self {
            failure: Some(failure),
            duration,
            ..Self::answered()
        }
    }
}
