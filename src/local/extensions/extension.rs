//! One extension: its name and identifier, the events it wants, and the states it goes through.

use std::time::Instant;

use serde_json::Value;

use crate::local::invocation::uuid;

/// What an extension can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subscription {
    Invoke,
    Shutdown,
}

impl Subscription {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Invoke => "INVOKE",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

/// Why the environment is shut down, as extensions are told.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (2026-11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::local) enum ShutdownReason {
    /// There are no more events.
    #[default]
    Spindown,
    /// The function's time was over.
    Timeout,
    /// The function or an extension failed.
    Failure,
}

impl ShutdownReason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spindown => "spindown",
            Self::Timeout => "timeout",
            Self::Failure => "failure",
        }
    }
}

/// Why a call of an extension's is refused: Lambda answers all of them with 403.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The error type.
    pub(super) kind: &'static str,
    /// The error message.
    pub(super) message: String,
}

/// What an extension reports of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Init,
    Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its process was started.
    Started,
    /// It registered, and has not asked for an event.
    Registered,
    /// It waits for an event.
    Ready,
    /// It has an event.
    Running,
    /// It could not be started.
    LaunchError(&'static str),
    /// It said that it cannot start.
    InitError,
    /// It said that it cannot go on.
    ExitError,
}

impl State {
    /// The name in Lambda's log and messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Started => "Started",
            Self::Registered => "Registered",
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::LaunchError(_) => "LaunchError",
            Self::InitError => "InitError",
            Self::ExitError => "ExitError",
        }
    }
}

#[derive(Debug)]
pub(super) struct Extension {
    pub(super) name: String,
    pub(super) id: String,
    /// Its process is one of its own, and not the function's.
    pub(super) external: bool,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) state: State,
    pub(super) pending: Option<Value>,
    /// When it last asked for an event.
    pub(super) ready_at: Option<Instant>,
    /// The error type that it reported.
    pub(super) error: Option<String>,
}

impl Extension {
    pub(super) fn new(name: &str, external: bool) -> Self {
        Self {
            name: name.to_owned(),
            id: uuid(),
            external,
            subscriptions: Vec::new(),
            state: State::Started,
            pending: None,
            ready_at: None,
            error: None,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.state != State::Ready || self.pending.is_some()
    }

    pub(super) fn move_to(&mut self, state: State, from: &[State]) -> Result<(), Refused> {
        if !from.contains(&self.state) {
            return Err(Refused::new(
                "Extension.InvalidExtensionState",
                format!(
                    "State transition from {} to {} failed for extension {}. Error: State transition is not allowed",
                    self.state.name(),
                    state.name(),
                    self.name
                ),
            ));
        }
        self.state = state;
        Ok(())
    }

    pub(super) fn line(&self) -> String {
        let subscriptions: Vec<&str> = self.subscriptions.iter().map(|one| one.name()).collect();
        let mut line = format!(
            "EXTENSION\tName: {}\tState: {}\tEvents: [{}]",
            self.name,
            self.state.name(),
            subscriptions.join(", ")
        );
        let error = match self.state {
            State::LaunchError(kind) => Some(kind),
            _ => self.error.as_deref(),
        };
        if let Some(error) = error {
            line.push_str("\tError Type: ");
            line.push_str(error);
        }
        line
    }
}

impl Refused {
    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(super) fn unknown(id: &str) -> Self {
        Self::new(
            "Extension.UnknownExtensionIdentifier",
            format!("Unknown extension {id}"),
        )
    }
}

/// What the names of events stand for. An internal extension ends with the function, so it cannot be told of that.
pub(super) fn subscriptions(
    events: &[String],
    external: bool,
) -> Result<Vec<Subscription>, Refused> {
    let mut found = Vec::new();
    for event in events {
        let cause = match event.as_str() {
            "INVOKE" => {
                found.push(Subscription::Invoke);
                continue;
            }
            "SHUTDOWN" if external => {
                found.push(Subscription::Shutdown);
                continue;
            }
            "SHUTDOWN" => "ShutdownEventNotSupportedForInternalExtension",
            _ => "ErrorInvalidEventType",
        };
        let event: String = event.chars().take(100).collect();
        return Err(Refused::new(
            "Extension.InvalidEventType",
            format!("{event}: {cause}"),
        ));
    }
    found.sort();
    found.dedup();
    Ok(found)
}
