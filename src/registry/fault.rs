//! What can go wrong with one request, and whether it is worth another try. The words for the user are `message.rs`'s.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{HeaderMap, StatusCode};

use crate::artifact::oci::Reference;
use crate::error::Error;

/// Answers after which another try may succeed (ggcr's list, <https://github.com/google/go-containerregistry>, v0.21.9; 499 and
/// 522 are what load balancers say of a registry that was too slow).
const TEMPORARY: [u16; 9] = [408, 416, 429, 499, 500, 502, 503, 504, 522];
/// Answers that stay the same however often one asks, whatever code they carry.
const PERMANENT: [u16; 5] = [401, 403, 404, 405, 413];
/// Codes of registries after which another try may succeed, whatever the status (the same list).
const TEMPORARY_CODES: [&str; 4] = [
    "TOOMANYREQUESTS",
    "UNKNOWN",
    "UNAVAILABLE",
    "BLOB_UPLOAD_INVALID",
];
/// How much of a refusal is read.
pub(super) const MOST_REFUSAL: u64 = 64 << 10;
/// How much of a registry's words is shown.
const MOST_WORDS: usize = 300;

/// What was asked for: `PUT manifest`.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The method.
    pub(super) method: &'static str,
    /// The object, in the user's words.
    pub(super) object: String,
}

impl Asked {
    /// What was asked for with GET.
    pub(super) fn get(object: &str) -> Self {
        Self {
            method: "GET",
            object: object.to_owned(),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.object)
    }
}

/// Why a request did not give what it was made for.
#[derive(Debug)]
pub(super) enum Fault {
    /// The registry answered, but not as it was hoped.
    Refusal(Box<Refusal>),
    /// There is no answer, or one that is none.
    Trouble(Asked, Trouble),
    /// It was answered, and the answer is not true: a wrong digest, a wrong size, an address that must not be followed.
    Untrue(Asked, String),
    /// Something on this side.
    Other(Error),
    /// Another registry, which is read from meanwhile.
    Elsewhere(Box<(Reference, Self)>),
    /// Another request has failed for good, so this one was given up.
    Stopped,
}

/// An answer that refuses.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What was asked.
    pub(super) asked: Asked,
    /// The status.
    pub(super) status: StatusCode,
    /// The registry's codes and messages.
    pub(super) said: Vec<Said>,
    /// When it wants to be asked again.
    pub(super) retry_after: Option<Duration>,
    /// The body, as far as it was read.
    pub(super) body: String,
    /// The scopes that the request needed.
    pub(super) scopes: Vec<String>,
}

/// One of a registry's errors.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    /// Its code.
    #[serde(default)]
    pub(super) code: String,
    /// Its words.
    #[serde(default)]
    pub(super) message: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The host's address cannot be found out.
    UnknownHost(String, String),
    /// Nobody listens, or no way leads there.
    Unreachable(String, String),
    /// The two ends cannot agree on TLS.
    Tls(String, String),
    /// Nothing came or went for so long.
    Silent(String, Duration),
    /// What came was too little for so long a time.
    TooSlow(String, Duration),
    /// The connection ended too early.
    Cut(String, String),
    /// What came is no HTTP.
    Nonsense(String, String),
}

impl Fault {
    /// Whether another try may succeed. Before the first answer of a host, one that cannot be reached is a mistake in its name
    /// rather than a bad moment.
    pub(super) fn is_temporary(&self, was_reached: bool) -> bool {
        match self {
            Self::Refusal(refusal) => {
                let status = refusal.status.as_u16();
                let coded = |said: &Said| TEMPORARY_CODES.contains(&said.code.as_str());
                TEMPORARY.contains(&status)
                    || !PERMANENT.contains(&status) && refusal.said.iter().any(coded)
            }
            Self::Trouble(_, trouble) => match trouble {
                Trouble::UnknownHost(..) | Trouble::Unreachable(..) => was_reached,
                Trouble::Silent(..) | Trouble::TooSlow(..) | Trouble::Cut(..) => true,
                Trouble::Tls(..) | Trouble::Nonsense(..) => false,
            },
            Self::Elsewhere(elsewhere) => elsewhere.1.is_temporary(was_reached),
            Self::Untrue(..) | Self::Other(_) | Self::Stopped => false,
        }
    }

    /// When the registry wants to be asked again, if it says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refusal(refusal) => refusal.retry_after,
            Self::Elsewhere(elsewhere) => elsewhere.1.retry_after(),
            Self::Trouble(..) | Self::Untrue(..) | Self::Other(_) | Self::Stopped => None,
        }
    }

    /// The same, as a fault of a registry that is read from.
    pub(super) fn elsewhere(self, reference: &Reference) -> Self {
        match self {
            fault @ (Self::Other(_) | Self::Stopped | Self::Elsewhere(_)) => fault,
            fault => Self::Elsewhere(Box::new((reference.clone(), fault))),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Refusal {
    /// Reads what a registry says in the body of an answer.
    pub(super) fn new(
        asked: Asked,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        scopes: &[String],
    ) -> Self {
        let body = String::from_utf8_lossy(body).into_owned();
        Self {
            asked,
            status,
            said: read_said(&body),
            retry_after: retry_after(headers),
            body,
            scopes: scopes.to_vec(),
        }
    }
}

/// The errors of the distribution specification, those of OAuth, or a line of text.
fn read_said(body: &str) -> Vec<Said> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Said>,
    }
    #[derive(Deserialize)]
    struct Of<'a> {
        #[serde(default)]
        error: std::borrow::Cow<'a, str>,
        #[serde(default, alias = "details", alias = "message")]
        error_description: std::borrow::Cow<'a, str>,
    }
    if let Ok(Errors { errors }) = serde_json::from_str(body) {
        return errors;
    }
    if let Ok(of) = serde_json::from_str::<Of<'_>>(body) {
        return vec![Said {
            code: of.error.into_owned(),
            message: of.error_description.into_owned(),
        }];
    }
    let line = body.lines().next().unwrap_or_default().trim();
    if line.is_empty() || line.starts_with(['<', '{', '[']) {
        return Vec::new();
    }
    vec![Said {
        code: String::new(),
        message: line.to_owned(),
    }]
}

/// Seconds only: a date would need the registry's clock to be ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// What an error of the HTTP client means; `host` is whom was asked.
pub(super) fn trouble(
    error: ureq::Error,
    host: &str,
    silence: Duration,
    total: Duration,
) -> Trouble {
    let host = host.to_owned();
    match error {
        ureq::Error::HostNotFound => Trouble::UnknownHost(host, "it has none".to_owned()),
        ureq::Error::Timeout(reason) => match reason {
            ureq::Timeout::Global | ureq::Timeout::RecvResponse => Trouble::TooSlow(host, total),
            _ => Trouble::Silent(host, silence),
        },
        ureq::Error::ConnectProxyFailed(words) => {
            Trouble::Unreachable(host, format!("the proxy refused: {}", escaped(&words)))
        }
        ureq::Error::Tls(words) => Trouble::Tls(host, words.to_owned()),
        ureq::Error::Io(error) => of_io(&error, host),
        ureq::Error::Protocol(words) => Trouble::Nonsense(host, escaped(&words.to_string())),
        ureq::Error::BodyExceedsLimit(most) => {
            Trouble::Nonsense(host, format!("an answer of more than {most} bytes"))
        }
        ureq::Error::LargeResponseHeader(_, most) => {
            Trouble::Nonsense(host, format!("headers of more than {most} bytes"))
        }
        error => {
            let words = error.to_string();
            match words.strip_prefix("rustls: ") {
                Some(words) => Trouble::Tls(host, escaped(words)),
                None => Trouble::Nonsense(host, escaped(&words)),
            }
        }
    }
}

fn of_io(error: &std::io::Error, host: String) -> Trouble {
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected => Trouble::Cut(host, "the connection was cut".to_owned()),
        // rustls wraps its errors so while it shakes hands.
        ErrorKind::InvalidData => Trouble::Tls(host, escaped(&error.to_string())),
        ErrorKind::ConnectionRefused => {
            Trouble::Unreachable(host, "the connection was refused".to_owned())
        }
        _ => {
            let words = escaped(&error.to_string());
            // The standard library's words, which are all that tells this kind of error.
            match words.strip_prefix("failed to lookup address information: ") {
                Some(words) => Trouble::UnknownHost(host, words.to_owned()),
                None => Trouble::Unreachable(host, words),
            }
        }
    }
}

/// Foreign words for a line of ours: bounded, and without what a terminal would obey.
pub(super) fn escaped(words: &str) -> String {
    let mut text = String::new();
    for c in words.trim().chars() {
        if text.len() >= MOST_WORDS {
            text.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => text.push(' '),
            // What turns the direction of writing around is no control character by name.
            c if c.is_control() || "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}".contains(c) => {
                text.extend(c.escape_unicode());
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_registries_say_is_read_in_every_form() {
        let read = |body: &str| {
            let said = read_said(body);
            let lines = said
                .iter()
                .map(|said| format!("{}: {}", said.code, said.message));
            lines.collect::<Vec<_>>().join(", ")
        };
        let forms = [
            r#"{"errors":[{"code":"DENIED","message":"no","detail":{}},{"code":"UNKNOWN"}]}"#,
            r#"{"error":"invalid_grant","error_description":"expired"}"#,
            r#"{"details":"incorrect username or password"}"#,
            r#"{"message":"Not Found"}"#,
            "plain words\nmore",
            "<html></html>",
            "",
            "[",
        ];
        insta::assert_snapshot!(forms.map(read).join("\n"), @r"
        DENIED: no, UNKNOWN: 
        invalid_grant: expired
        : incorrect username or password
        : Not Found
        : plain words
        ");
    }

    proptest::proptest! {
        #[test]
        fn foreign_words_are_bounded_and_obeyed_by_no_terminal(words in "\\PC*|.*") {
            let shown = escaped(&words);
            proptest::prop_assert!(shown.len() < MOST_WORDS + 16);
            proptest::prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
