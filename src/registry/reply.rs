//! An answer of a registry: its status, its headers, and a body of which no more is read than is asked for.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, StatusCode};

use super::client::Ask;
use super::fault::{self, Asked, Fault, MOST_REFUSAL, Refusal, Trouble};
use super::options::Patience;
use super::transport::Early;

/// A connection that moves less than this within the silence that is allowed is as good as silent.
const LEAST: u64 = 1024;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Body,
    asked: Asked,
    scopes: Vec<String>,
    /// Who answered.
    host: String,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Body {
    Live(Box<ureq::Body>),
    Held(Vec<u8>),
}

impl Reply {
    pub(super) fn new(response: ureq::http::Response<ureq::Body>) -> Self {
        let (parts, body) = response.into_parts();
        Self::with(parts.status, parts.headers, Body::Live(Box::new(body)))
    }

    pub(super) fn early(early: Early) -> Self {
        Self::with(early.status, early.headers, Body::Held(early.body))
    }

    fn with(status: StatusCode, headers: HeaderMap, body: Body) -> Self {
        let asked = Asked {
            method: "",
            object: String::new(),
        };
        Self {
            status,
            headers,
            body,
            asked,
            scopes: Vec::new(),
            host: String::new(),
            deadline: None,
        }
    }

    /// The answer of `host` to this request.
    pub(super) fn of(mut self, ask: &Ask<'_>, host: &str) -> Self {
        self.asked = ask.asked();
        self.scopes = ask.scopes.to_vec();
        self.deadline = ask.deadline;
        host.clone_into(&mut self.host);
        self
    }

    /// What was asked.
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer, if its status is one of those.
    ///
    /// # Errors
    /// With what the registry says in place of it.
    pub(super) fn expect(self, statuses: &[u16], patience: Patience) -> Result<Self, Fault> {
        if statuses.contains(&self.status.as_u16()) {
            return Ok(self);
        }
        Err(self.refusal(patience))
    }

    /// The answer as a refusal.
    pub(super) fn refusal(self, patience: Patience) -> Fault {
        let (asked, status, headers) = (self.asked.clone(), self.status, self.headers.clone());
        let scopes = self.scopes.clone();
        // A refusal stays one when its reasons are lost on the way.
        let body = self.bytes(MOST_REFUSAL, patience).unwrap_or_default();
        let refusal = Refusal::new(asked, status, &headers, &body, &scopes);
        Fault::Refusal(Box::new(refusal))
    }

    /// The whole body, which must not be longer than `most` bytes.
    pub(super) fn bytes(self, most: u64, patience: Patience) -> Result<Vec<u8>, Fault> {
        let deadline = self.deadline;
        let deadline = deadline.unwrap_or_else(|| Instant::now() + patience.document);
        let (asked, host) = (self.asked.clone(), self.host.clone());
        let mut reader = self.reader(patience);
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let count = reader.read(&mut buffer).map_err(from_io)?;
            if count == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(&buffer[..count]);
            if bytes.len() as u64 > most {
                let words = format!("the answer has more than {most} bytes");
                return Err(Fault::Untrue(asked, words));
            }
            if Instant::now() > deadline {
                let trouble = Trouble::TooSlow(host, patience.document);
                return Err(Fault::Trouble(asked, trouble));
            }
        }
    }

    /// The body as it comes. A fault of the connection is inside of the errors that it gives: see [`from_io`].
    pub(super) fn reader(self, patience: Patience) -> Incoming {
        let inner: Box<dyn Read + Send> = match self.body {
            Body::Live(body) => Box::new(body.into_reader()),
            Body::Held(bytes) => Box::new(io::Cursor::new(bytes)),
        };
        Incoming {
            inner,
            asked: self.asked,
            host: self.host,
            pace: Pace::new(patience.silence),
            total: patience.document,
        }
    }
}

/// A body on its way here.
pub(super) struct Incoming {
    inner: Box<dyn Read + Send>,
    asked: Asked,
    host: String,
    pace: Pace,
    total: Duration,
}

impl Incoming {
    /// The fault of a body that ended too early.
    pub(super) fn cut(&self, words: String) -> Fault {
        let trouble = Trouble::Cut(self.host.clone(), words);
        Fault::Trouble(self.asked.clone(), trouble)
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) => {
                let error = ureq::Error::from(error);
                let trouble = fault::trouble(error, &self.host, self.pace.silence, self.total);
                return Err(to_io(Fault::Trouble(self.asked.clone(), trouble)));
            }
        };
        if self.pace.is_lost(count) {
            let trouble = Trouble::Silent(self.host.clone(), self.pace.silence);
            return Err(to_io(Fault::Trouble(self.asked.clone(), trouble)));
        }
        Ok(count)
    }
}

/// How fast something moves: a byte now and then is no life.
#[derive(Debug)]
pub(super) struct Pace {
    silence: Duration,
    since: Instant,
    moved: u64,
}

impl Pace {
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            silence,
            since: Instant::now(),
            moved: 0,
        }
    }

    /// Notes that so many bytes moved, and says whether too few did for too long.
    pub(super) fn is_lost(&mut self, count: usize) -> bool {
        self.moved += count as u64;
        if self.moved >= LEAST {
            self.moved = 0;
            self.since = Instant::now();
        }
        count > 0 && self.since.elapsed() > self.silence
    }
}

/// A fault inside of an error of the kind that readers give.
#[derive(Debug)]
struct Carried(std::sync::Mutex<Option<Fault>>);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the registry did not send all of it")
    }
}

impl std::error::Error for Carried {}

/// Puts a fault into an error that a reader can give.
pub(super) fn to_io(fault: Fault) -> io::Error {
    io::Error::other(Carried(std::sync::Mutex::new(Some(fault))))
}

/// Takes the fault out of it again; any other error is one of this machine.
pub(super) fn from_io(error: io::Error) -> Fault {
    let carried = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Carried>());
    let fault = carried.and_then(|carried| carried.0.lock().ok()?.take());
    fault.unwrap_or_else(|| Fault::Other(error.into()))
}
