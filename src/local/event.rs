//! What the user gives for an event or a context, as the bytes that the function is given.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use serde::de::IgnoredAny;

use super::PAYLOAD_LIMIT;
use crate::error::{Error, Result};
use crate::fs;

/// The largest event of a synchronous invocation: as large as a response.
pub const EVENT_LIMIT: usize = PAYLOAD_LIMIT;

/// An event, and what should be said about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The event, byte for byte.
    pub bytes: Vec<u8>,
    /// It is no JSON, which most runtimes need.
    pub is_json: bool,
}

impl Event {
    /// Reads what `--event` names: `-` is stdin, JSON is itself, and all else is a file. Where a text is both JSON and a file's
    /// name (`1`), it is JSON; `./1` is the file.
    pub fn read(argument: &str) -> Result<Self> {
        let bytes = if argument == "-" {
            let mut bytes = Vec::new();
            let most = u64::try_from(EVENT_LIMIT + 1).unwrap_or(u64::MAX);
            std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
            bytes
        } else if is_json(argument.as_bytes()) {
            argument.as_bytes().to_owned()
        } else {
            from_file(argument)?
        };
        if bytes.len() > EVENT_LIMIT {
            return Err(too_large(argument));
        }
        Ok(Self::of(bytes))
    }

    /// Reads a file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let limit = u64::try_from(EVENT_LIMIT).unwrap_or(u64::MAX);
        match fs::read_bounded(path, limit) {
            Ok(bytes) => Ok(Self::of(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                Err(too_large(&path.to_string_lossy()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn of(bytes: Vec<u8>) -> Self {
        let is_json = is_json(&bytes);
        Self { bytes, is_json }
    }
}

/// An event as a message or a table names it: the argument on one line, shortened.
pub fn event_label(argument: &str) -> String {
    let words: Vec<&str> = argument.split_whitespace().collect();
    shorten(&words.join(" "))
}

fn from_file(argument: &str) -> Result<Vec<u8>> {
    let path = Path::new(argument);
    if path.is_file() {
        let limit = u64::try_from(EVENT_LIMIT).unwrap_or(u64::MAX);
        return fs::read_bounded(path, limit).map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => too_large(argument),
            _ => error.into(),
        });
    }
    let shown = shorten(argument);
    let message = match argument.trim_start().as_bytes() {
        [b'{' | b'[' | b'"', ..] => {
            format!("event `{shown}` is not JSON: {}", json_error(argument))
        }
        _ if path.exists() => format!("event `{shown}` is not a file"),
        _ => format!("event `{shown}` does not exist"),
    };
    Err(Error::Usage {
        message,
        hint: Some(r#"name a file, or give JSON: --event '{"key":"value"}'"#.to_owned()),
    })
}

fn too_large(argument: &str) -> Error {
    Error::Rejected {
        message: format!(
            "event `{}` is larger than {EVENT_LIMIT} bytes, which is all that Lambda passes on",
            shorten(argument)
        ),
        hint: Some("put it into a bucket and pass its name, as on Lambda".to_owned()),
    }
}

/// The JSON of `--client-context` or `--cognito-identity` in the form that fits a header: one line of ASCII.
pub fn context_header(flag: &str, json: &str) -> Result<String> {
    let usage = |message: String| Error::Usage {
        message,
        hint: Some(format!(r#"{flag} '{{"key":"value"}}'"#)),
    };
    let is_object = json.trim_start().starts_with('{');
    if !is_object || !is_json(json.as_bytes()) {
        let cause = if is_object {
            json_error(json)
        } else {
            "it is no object".to_owned()
        };
        return Err(usage(format!("`{flag}` needs JSON: {cause}")));
    }
    let mut header = String::with_capacity(json.len());
    let mut units = [0; 2];
    for character in json.trim().chars() {
        match character {
            // Valid JSON has control characters between its tokens only.
            '\n' | '\r' | '\t' => header.push(' '),
            ' '..='~' => header.push(character),
            _ => {
                for unit in character.encode_utf16(&mut units) {
                    let _ = write!(header, "\\u{unit:04x}");
                }
            }
        }
    }
    Ok(header)
}

pub(super) fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn json_error(text: &str) -> String {
    serde_json::from_str::<IgnoredAny>(text)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_itself_and_all_else_is_a_file() {
        for json in [r#"{"a":1}"#, " [1]", "\"x\"", "1", "true", "null"] {
            let event = Event::read(json).unwrap();
            assert_eq!(
                (event.bytes.as_slice(), event.is_json),
                (json.as_bytes(), true)
            );
        }
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("event.json");
        fs::write_if_changed(&file, 0o644, b"no json").unwrap();
        let event = Event::read(file.to_str().unwrap()).unwrap();
        assert_eq!(
            (event.bytes.as_slice(), event.is_json),
            (&b"no json"[..], false)
        );
    }

    #[test]
    fn a_label_is_one_short_line() {
        assert_eq!(event_label("{\n  \"id\": 7\n}"), r#"{ "id": 7 }"#);
        assert_eq!(event_label(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
    }

    #[test]
    fn what_is_neither_is_a_usage_error_that_says_which() {
        let message = |argument: &str| {
            let error = Event::read(argument).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.one_line()
        };
        assert_eq!(message("absent.json"), "event `absent.json` does not exist");
        assert!(message(r#"{"a":}"#).starts_with(r#"event `{"a":}` is not JSON: expected value"#));
        assert_eq!(message("."), "event `.` is not a file");
    }

    #[test]
    fn a_file_above_the_limit_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("large");
        fs::write_if_changed(&file, 0o644, &vec![b' '; EVENT_LIMIT + 1]).unwrap();
        assert_eq!(
            Event::read(file.to_str().unwrap()).unwrap_err().exit_code(),
            5
        );
    }

    proptest::proptest! {
        #[test]
        fn a_context_is_one_ascii_line_of_the_same_json(key in ".*", value in ".*") {
            let json = serde_json::json!({ key: value });
            let pretty = serde_json::to_string_pretty(&json).unwrap();
            let header = context_header("--client-context", &pretty).unwrap();
            proptest::prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", header);
            proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&header).unwrap(), json);
        }
    }

    #[test]
    fn a_context_that_is_no_object_is_a_usage_error() {
        for text in ["", "1", "{", "key=value"] {
            assert_eq!(
                context_header("--client-context", text)
                    .unwrap_err()
                    .exit_code(),
                2,
                "{text}"
            );
        }
    }
}
