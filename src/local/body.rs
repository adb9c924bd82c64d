//! Reads what a function posts: bounded, chunked or not, with the trailers of a stream. And reads an error out of it.

use base64::Engine as _;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Incoming;
use serde::Deserialize;

use super::exchange::FunctionError;

const ERROR_TYPE: &str = "Lambda-Runtime-Function-Error-Type";
const ERROR_BODY: &str = "Lambda-Runtime-Function-Error-Body";

/// What was posted.
pub(super) enum Posted {
    /// The whole body.
    Whole { body: Vec<u8>, trailers: HeaderMap },
    /// More than the limit: it was read to its end, so that the client gets to see the answer, and not kept.
    TooLarge { size: usize },
    /// The connection ended before the body did.
    Truncated,
}

pub(super) async fn read(mut incoming: Incoming, limit: usize) -> Posted {
    let mut body = Vec::new();
    let mut trailers = HeaderMap::new();
    let mut size: usize = 0;
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            return Posted::Truncated;
        };
        match frame.into_data() {
            Ok(data) => {
                size = size.saturating_add(data.len());
                if size > limit {
                    body = Vec::new();
                } else {
                    body.extend_from_slice(&data);
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    if size > limit {
        Posted::TooLarge { size }
    } else {
        Posted::Whole { body, trailers }
    }
}

/// The part of an error's body that Lambda gives a meaning.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody {
    error_type: Option<String>,
    error_message: Option<String>,
}

/// The error that a function posted. A body that is no JSON is accepted, as Lambda accepts it, and is the message.
pub(super) fn error(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let parsed = serde_json::from_slice::<ErrorBody>(body);
    let message = match &parsed {
        Ok(ErrorBody { error_message, .. }) => error_message.clone().unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
    };
    let kind = parsed
        .ok()
        .and_then(|parsed| parsed.error_type)
        .or_else(|| text(headers, ERROR_TYPE))
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| "Runtime.Unknown".to_owned());
    FunctionError { kind, message }
}

/// The error in the trailers of a streamed response: its body is base64 of what `/error` would get.
pub(super) fn trailing_error(trailers: &HeaderMap) -> Option<FunctionError> {
    let kind = text(trailers, ERROR_TYPE);
    let body = text(trailers, ERROR_BODY);
    if kind.is_none() && body.is_none() {
        return None;
    }
    let encoded = body.unwrap_or_default();
    let body = base64::engine::general_purpose::STANDARD
        .decode(&encoded)
        .unwrap_or_else(|_| encoded.into_bytes());
    Some(error(trailers, &body))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
}
