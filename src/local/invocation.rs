//! One event on its way to a function, with all that the Runtime API says about it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// One event for a function, and what the Runtime API's headers say about it.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The request id, shaped as a UUID.
    pub request_id: String,
    /// The event, byte for byte.
    pub event: Vec<u8>,
    /// How long the function may take.
    pub timeout: Duration,
    /// The ARN the function was invoked by.
    pub function_arn: String,
    /// The trace id, shaped as X-Ray's.
    pub trace_id: String,
    /// The client context of a mobile SDK: JSON on one line.
    pub client_context: Option<String>,
    /// The Cognito identity of the caller: JSON on one line.
    pub cognito_identity: Option<String>,
}

impl Invocation {
    /// An invocation with ids of its own and no context.
    pub fn new(event: Vec<u8>, timeout: Duration, function_arn: String) -> Self {
        Self {
            request_id: uuid(),
            event,
            timeout,
            function_arn,
            trace_id: trace_id(),
            client_context: None,
            cognito_identity: None,
        }
    }
}

/// When an invocation has to be answered, on both clocks: ours, and the one that the function is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) epoch_milliseconds: u128,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            at: Instant::now() + timeout,
            epoch_milliseconds: (since_epoch + timeout).as_millis(),
        }
    }

    /// The time as a number of JSON, whose integers have 64 bits.
    pub(super) fn epoch_milliseconds_json(self) -> u64 {
        u64::try_from(self.epoch_milliseconds).unwrap_or(u64::MAX)
    }
}

/// A UUID of version 4.
pub(super) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (low >> 48) & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff,
    )
}

fn trace_id() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since_epoch| since_epoch.as_secs());
    format!(
        "Root=1-{seconds:08x}-{:08x}{:016x};Parent={:016x};Sampled=0",
        random() >> 32,
        random(),
        random()
    )
}

/// 64 bits that nobody can guess: a hash under keys of the operating system's, which saves a dependency.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shape_of_lambdas() {
        let id = uuid();
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(id.as_bytes()[14], b'4', "{id}");
        assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        assert_ne!(id, uuid());
        let trace = trace_id();
        let root = trace.strip_prefix("Root=1-").unwrap();
        assert_eq!(root.split(';').next().unwrap().len(), 8 + 1 + 24, "{trace}");
        assert!(trace.contains(";Parent=") && trace.ends_with(";Sampled=0"));
    }
}
