//! Who is registered, and what each extension may do when. No HTTP here, and no process. States, error types and texts are
//! those of <https://github.com/aws/aws-lambda-runtime-interface-emulator>, `internal/lambda/core` (2026-11).

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::extension::{
    Extension, Phase, Refused, ShutdownReason, State, Subscription, subscriptions,
};
use crate::local::exchange::{FunctionError, Notice};
use crate::local::failure::ExtensionFault;
use crate::local::invocation::{Deadline, Invocation};
use crate::platform::lambda::MOST_EXTENSIONS;

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
