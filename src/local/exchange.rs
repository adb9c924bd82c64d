//! The state of the Runtime API between one function and whoever invokes it: what may be asked and answered
//! when. No HTTP here, and no process.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::failure::ExtensionFault;
use super::invocation::{Deadline, Invocation};

/// An error as a function reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// The error's type (`errorType`).
    pub kind: String,
    /// The error's message (`errorMessage`).
    pub message: String,
}

/// What a function made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A response; a stream may fail after it began.
    Response {
        /// The response, byte for byte.
        body: Vec<u8>,
        /// The error in the trailers of a streamed response.
        error: Option<FunctionError>,
    },
    /// The function says that it failed.
    Error(FunctionError),
    /// A response above the limit, which was not kept.
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit it passed.
        limit: usize,
    },
}

/// Something that whoever invokes the function waits for.
#[derive(Debug)]
pub enum Notice {
    /// The function asked for its next event.
    Polled {
        /// When.
        at: Instant,
    },
    /// The function answered.
    Answered {
        /// The invocation that it answered.
        request_id: String,
        /// What it answered.
        answer: Answer,
        /// When the whole answer was there.
        at: Instant,
    },
    /// The function says that it cannot start.
    InitFailed(FunctionError),
    /// The function's process ended.
    Ended {
        /// When.
        at: Instant,
    },
    /// An extension registered or asked for its next event.
    ExtensionMoved {
        /// When.
        at: Instant,
    },
    /// An extension says that it cannot start or go on.
    ExtensionFailed {
        /// Its name.
        name: String,
        /// What it says.
        fault: ExtensionFault,
    },
    /// The process of an extension ended.
    ExtensionEnded {
        /// Its name.
        name: String,
    },
    /// An extension subscribed to logs or telemetry, which are not sent here.
    TelemetryAsked,
}

/// Why a call of the function's is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The call does not fit the state: (state, state it asks for).
    State(&'static str, &'static str),
    /// Not the invocation in progress.
    RequestId,
}

#[derive(Debug)]
enum State {
    /// Nothing was asked yet.
    Initializing,
    /// `/next` was asked, and no event has been handed over.
    Waiting,
    /// The function has an event.
    Invoking {
        request_id: String,
        deadline: Deadline,
    },
    /// It answered and has not asked again.
    Answered,
    /// It reported that it cannot start.
    InitFailed,
}

impl State {
    /// The name that Lambda's messages use.
    fn name(&self) -> &'static str {
        match self {
            Self::Initializing => "RuntimeStarted",
            Self::Waiting => "Ready",
            Self::Invoking { .. } => "Running",
            Self::Answered => "RuntimeResponseSent",
            Self::InitFailed => "InitError",
        }
    }
}

/// What the server and its owner share.
#[derive(Debug)]
pub(super) struct Exchange {
    state: Mutex<(State, VecDeque<Invocation>)>,
    queued: Notify,
    notices: Sender<Notice>,
}

impl Exchange {
    pub(super) fn new(notices: Sender<Notice>) -> Self {
        Self {
            state: Mutex::new((State::Initializing, VecDeque::new())),
            queued: Notify::new(),
            notices,
        }
    }

    fn lock(&self) -> MutexGuard<'_, (State, VecDeque<Invocation>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, notice: Notice) {
        // Whoever no longer listens no longer cares.
        let _ = self.notices.send(notice);
    }

    pub(super) fn queue(&self, invocation: Invocation) {
        self.lock().1.push_back(invocation);
        self.queued.notify_one();
    }

    /// Gives up on the invocation in progress, if it is this one: its answer will be refused.
    pub(super) fn abandon(&self, request_id: &str) {
        let mut guard = self.lock();
        let (state, queue) = &mut *guard;
        queue.retain(|invocation| invocation.request_id != request_id);
        if matches!(state, State::Invoking { request_id: current, .. } if current == request_id) {
            *state = State::Answered;
        }
    }

    /// Waits for an event, however long it takes.
    pub(super) async fn next(&self) -> Result<(Invocation, Deadline), Refusal> {
        {
            let mut guard = self.lock();
            if let State::Invoking { .. } | State::InitFailed = guard.0 {
                return Err(Refusal::State(guard.0.name(), State::Waiting.name()));
            }
            guard.0 = State::Waiting;
        }
        self.notify(Notice::Polled { at: Instant::now() });
        loop {
            let queued = self.queued.notified();
            if let Some(handed_over) = self.hand_over() {
                return Ok(handed_over);
            }
            queued.await;
        }
    }

    fn hand_over(&self) -> Option<(Invocation, Deadline)> {
        let mut guard = self.lock();
        let (state, queue) = &mut *guard;
        // Of two calls that wait, only one may have the event.
        if !matches!(state, State::Waiting) {
            return None;
        }
        let invocation = queue.pop_front()?;
        let deadline = Deadline::after(invocation.timeout);
        *state = State::Invoking {
            request_id: invocation.request_id.clone(),
            deadline,
        };
        Some((invocation, deadline))
    }

    /// Whether the function may answer this invocation now.
    pub(super) fn may_answer(&self, request_id: &str) -> Result<(), Refusal> {
        answerable(&self.lock().0, request_id)
    }

    /// Takes the answer, unless its time has passed meanwhile.
    pub(super) fn answer(&self, request_id: &str, answer: Answer) -> Result<(), Refusal> {
        let mut guard = self.lock();
        answerable(&guard.0, request_id)?;
        guard.0 = State::Answered;
        self.notify(Notice::Answered {
            request_id: request_id.to_owned(),
            answer,
            at: Instant::now(),
        });
        Ok(())
    }

    pub(super) fn init_error(&self, error: FunctionError) -> Result<(), Refusal> {
        let mut guard = self.lock();
        if !matches!(guard.0, State::Initializing) {
            return Err(Refusal::State(guard.0.name(), State::InitFailed.name()));
        }
        guard.0 = State::InitFailed;
        self.notify(Notice::InitFailed(error));
        Ok(())
    }
}

fn answerable(state: &State, id: &str) -> Result<(), Refusal> {
    match state {
        // Lambda has ended a function whose time is over; an answer that slips through is one to an unknown invocation.
        State::Invoking {
            request_id,
            deadline,
        } if request_id != id || Instant::now() >= deadline.at => Err(Refusal::RequestId),
        State::Invoking { .. } => Ok(()),
        State::Initializing | State::Waiting | State::Answered | State::InitFailed => {
            Err(Refusal::State(state.name(), "RuntimeInvocationResponse"))
        }
    }
}
