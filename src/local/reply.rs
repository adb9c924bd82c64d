//! The answers that all APIs of the server give: JSON, Lambda's error shape, plain text.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::PAYLOAD_LIMIT;

pub(super) type Reply = Response<Full<Bytes>>;

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Reply {
    let mut reply = Response::new(Full::from(format!("{body}\n")));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Reply {
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = status;
    reply
}

pub(super) fn failure(status: StatusCode, kind: &str, message: &str) -> Reply {
    json(
        status,
        &serde_json::json!({ "errorMessage": message, "errorType": kind }),
    )
}

pub(super) fn ok() -> Reply {
    json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
}

pub(super) fn error_too_large() -> Reply {
    failure(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &format!("Exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."),
    )
}

pub(super) fn truncated() -> Reply {
    failure(
        StatusCode::BAD_REQUEST,
        "TruncatedHTTPRequest",
        "HTTP request detected as truncated",
    )
}
