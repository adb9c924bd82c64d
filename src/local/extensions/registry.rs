//! Who is registered, and what each extension may do when. No HTTP here, and no process. States, error types and texts are
//! those of <https://github.com/aws/aws-lambda-runtime-interface-emulator>, `internal/lambda/core` (2026-11).

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::local::exchange::{FunctionError, Notice};
use crate::local::failure::ExtensionFault;
use crate::local::invocation::{Deadline, Invocation, uuid};
use crate::platform::lambda::MOST_EXTENSIONS;

/// What an extension can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subscription {
    Invoke,
    Shutdown,
}

impl Subscription {
    fn name(self) -> &'static str {
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
    fn name(self) -> &'static str {
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
enum State {
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
    fn name(self) -> &'static str {
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
struct Extension {
    name: String,
    id: String,
    /// Its process is one of its own, and not the function's.
    external: bool,
    subscriptions: Vec<Subscription>,
    state: State,
    pending: Option<Value>,
    /// When it last asked for an event.
    ready_at: Option<Instant>,
    /// The error type that it reported.
    error: Option<String>,
}

/// The extensions of one environment, and whether more may come.
#[derive(Debug)]
pub(in crate::local) struct Registry {
    extensions: Mutex<Extensions>,
    published: Notify,
    notices: Sender<Notice>,
}

#[derive(Debug, Default)]
struct Extensions {
    /// External ones first, by their names; then internal ones as they registered.
    all: Vec<Extension>,
    closed: bool,
    asked_for_telemetry: bool,
}

impl Registry {
    pub(in crate::local) fn new(notices: Sender<Notice>) -> Self {
        Self {
            extensions: Mutex::default(),
            published: Notify::new(),
            notices,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Extensions> {
        self.extensions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody may have stopped listening for a wrong reason: whoever invokes the function is gone, and so is the answer.
    fn notify(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    /// An external extension whose process is about to start: only it can register by its name.
    pub(in crate::local) fn expect(&self, name: &str) {
        self.lock().all.push(Extension::new(name, true));
    }

    /// The process of an external extension could not be started.
    pub(in crate::local) fn launch_failed(&self, name: &str, kind: &'static str) {
        let mut extensions = self.lock();
        if let Some(extension) = extensions.all.iter_mut().find(|one| one.name == name) {
            extension.state = State::LaunchError(kind);
        }
    }

    /// Registers an extension for events and gives its identifier.
    pub(super) fn register(&self, name: &str, events: &[String]) -> Result<String, Refused> {
        let mut extensions = self.lock();
        let known = extensions.all.iter().position(|one| one.name == name);
        let external = known
            .and_then(|index| extensions.all.get(index))
            .is_some_and(|one| one.external);
        let subscriptions = subscriptions(events, external)?;
        let index = match known {
            Some(index) if external => index,
            _ if extensions.closed => {
                return Err(Refused::new(
                    "Extension.RegistrationClosed",
                    "Extension registration closed already",
                ));
            }
            Some(_) => {
                return Err(Refused::new(
                    "Extension.InvalidExtensionState",
                    "Extension with this name already registered",
                ));
            }
            None if extensions.all.len() >= MOST_EXTENSIONS => {
                return Err(Refused::new(
                    "Extension.TooManyExtensions",
                    format!("Extension limit ({MOST_EXTENSIONS}) reached"),
                ));
            }
            None => {
                extensions.all.push(Extension::new(name, false));
                extensions.all.len() - 1
            }
        };
        let Some(extension) = extensions.all.get_mut(index) else {
            return Err(Refused::unknown(name));
        };
        extension.move_to(State::Registered, &[State::Started])?;
        extension.subscriptions = subscriptions;
        let id = extension.id.clone();
        self.notify(Notice::ExtensionMoved { at: Instant::now() });
        Ok(id)
    }

    /// From here on no internal extension can come: the function has asked for its first event.
    pub(in crate::local) fn close(&self) {
        self.lock().closed = true;
    }

    /// Waits for an event for an extension, however long it takes.
    pub(super) async fn next(&self, id: &str) -> Result<Value, Refused> {
        {
            let mut extensions = self.lock();
            let extension = extensions.by_id(id)?;
            extension.move_to(State::Ready, &[State::Registered, State::Running])?;
            let at = Instant::now();
            extension.ready_at = Some(at);
            self.notify(Notice::ExtensionMoved { at });
        }
        loop {
            let published = self.published.notified();
            {
                let mut extensions = self.lock();
                let extension = extensions.by_id(id)?;
                if let Some(event) = extension.pending.take() {
                    extension.state = State::Running;
                    return Ok(event);
                }
            }
            published.await;
        }
    }

    /// Takes the error with which an extension gives up, and the environment with it.
    pub(super) fn failed(
        &self,
        id: &str,
        phase: Phase,
        error: FunctionError,
    ) -> Result<(), Refused> {
        let mut extensions = self.lock();
        let extension = extensions.by_id(id)?;
        match phase {
            Phase::Init => extension.move_to(State::InitError, &[State::Registered])?,
            Phase::Exit => extension.move_to(
                State::ExitError,
                &[State::Registered, State::Ready, State::Running],
            )?,
        }
        extension.error = Some(error.kind.clone());
        self.notify(Notice::ExtensionFailed {
            name: extension.name.clone(),
            fault: match phase {
                Phase::Init => ExtensionFault::Init(error),
                Phase::Exit => ExtensionFault::Exit(error),
            },
        });
        Ok(())
    }

    /// Remembers that an extension subscribed to what is not sent here, and says so the first time.
    pub(super) fn asked_for_telemetry(&self) {
        if !std::mem::replace(&mut self.lock().asked_for_telemetry, true) {
            self.notify(Notice::TelemetryAsked);
        }
    }

    /// Tells every extension that subscribed to it of an event of the function's.
    pub(in crate::local) fn invoke(&self, invocation: &Invocation) {
        let event = json!({
            "eventType": Subscription::Invoke.name(),
            "deadlineMs": Deadline::after(invocation.timeout).epoch_milliseconds_json(),
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": { "type": "X-Amzn-Trace-Id", "value": invocation.trace_id },
        });
        self.publish(Subscription::Invoke, &event);
    }

    /// Tells every extension that subscribed to it of the end.
    pub(in crate::local) fn shut_down(&self, reason: ShutdownReason, deadline: Deadline) {
        let event = json!({
            "eventType": Subscription::Shutdown.name(),
            "shutdownReason": reason.name(),
            "deadlineMs": deadline.epoch_milliseconds_json(),
        });
        self.publish(Subscription::Shutdown, &event);
    }

    fn publish(&self, subscription: Subscription, event: &Value) {
        for extension in &mut self.lock().all {
            if extension.subscriptions.contains(&subscription) {
                extension.pending = Some(event.clone());
            }
        }
        self.published.notify_waiters();
    }

    /// Whether there is any extension.
    pub(in crate::local) fn is_empty(&self) -> bool {
        self.lock().all.is_empty()
    }

    /// The first extension that was started and has not registered.
    pub(in crate::local) fn unregistered(&self) -> Option<String> {
        self.first(|extension| extension.state == State::Started)
    }

    /// The first extension that does not wait for an event.
    pub(in crate::local) fn busy(&self) -> Option<String> {
        self.first(Extension::is_busy)
    }

    /// When the last extension began to wait, no earlier than `from`; `None` while one does not.
    pub(in crate::local) fn ready_since(&self, from: Instant) -> Option<Instant> {
        let extensions = self.lock();
        if extensions.all.iter().any(Extension::is_busy) {
            return None;
        }
        let last = extensions.all.iter().filter_map(|one| one.ready_at).max();
        Some(last.map_or(from, |last| last.max(from)))
    }

    /// Whether an extension has an event, or one to come.
    pub(in crate::local) fn is_busy(&self, name: &str) -> bool {
        let extensions = self.lock();
        extensions
            .all
            .iter()
            .any(|extension| extension.name == name && extension.is_busy())
    }

    /// Whether an extension will be told of the end.
    pub(in crate::local) fn expects_shutdown(&self, name: &str) -> bool {
        self.lock().all.iter().any(|extension| {
            extension.name == name && extension.subscriptions.contains(&Subscription::Shutdown)
        })
    }

    /// Lambda's line about each extension at the end of the init phase.
    pub(in crate::local) fn lines(&self) -> Vec<String> {
        self.lock().all.iter().map(Extension::line).collect()
    }

    fn first(&self, is_wanted: impl Fn(&Extension) -> bool) -> Option<String> {
        let extensions = self.lock();
        let found = extensions.all.iter().find(|one| is_wanted(one));
        found.map(|extension| extension.name.clone())
    }
}

impl Extensions {
    fn by_id(&mut self, id: &str) -> Result<&mut Extension, Refused> {
        let registered = |one: &&mut Extension| one.id == id && one.state != State::Started;
        self.all
            .iter_mut()
            .find(registered)
            .ok_or_else(|| Refused::unknown(id))
    }
}

impl Extension {
    fn new(name: &str, external: bool) -> Self {
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

    fn is_busy(&self) -> bool {
        self.state != State::Ready || self.pending.is_some()
    }

    fn move_to(&mut self, state: State, from: &[State]) -> Result<(), Refused> {
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

    fn line(&self) -> String {
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

    fn unknown(id: &str) -> Self {
        Self::new(
            "Extension.UnknownExtensionIdentifier",
            format!("Unknown extension {id}"),
        )
    }
}

/// What the names of events stand for. An internal extension ends with the function, so it cannot be told of that.
fn subscriptions(events: &[String], external: bool) -> Result<Vec<Subscription>, Refused> {
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
