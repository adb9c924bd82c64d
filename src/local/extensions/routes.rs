//! The Extensions API, version 2020-01-01, and the stubs of the Logs and the Telemetry API: which call gets which status and
//! body. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>; what it leaves open is as in
//! <https://github.com/aws/aws-lambda-runtime-interface-emulator>, `internal/lambda/rapi` (2026-11): every refusal is a 403.

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::extension::{Phase, Refused};
use super::registry::Registry;
use crate::local::PAYLOAD_LIMIT;
use crate::local::body::{self, Posted};
use crate::local::environment::{ACCOUNT, HANDLER, VERSION};
use crate::local::reply::{self, Reply};

const NAME: &str = "Lambda-Extension-Name";
const IDENTIFIER: &str = "Lambda-Extension-Identifier";
const ERROR_TYPE: &str = "Lambda-Extension-Function-Error-Type";
const FEATURES: &str = "Lambda-Extension-Accept-Feature";

/// Answers a request for one of `segments`; `None` when it is for none of them.
pub(in crate::local) async fn route(
    registry: &Registry,
    function: &str,
    (method, segments): (&Method, &[&str]),
    headers: &HeaderMap,
    incoming: Incoming,
) -> Option<Reply> {
    let is = |expected: Method| *method == expected;
    Some(match segments {
        ["2020-01-01", "extension", "register"] if is(Method::POST) => {
            let answer = register(registry, function, headers, incoming).await;
            answer.unwrap_or_else(|cause| refused(&cause))
        }
        ["2020-01-01", "extension", "event", "next"] if is(Method::GET) => next(registry, headers)
            .await
            .unwrap_or_else(|cause| refused(&cause)),
        [
            "2020-01-01",
            "extension",
            phase @ ("init" | "exit"),
            "error",
        ] if is(Method::POST) => {
            let phase = if *phase == "init" {
                Phase::Init
            } else {
                Phase::Exit
            };
            let answer = error(registry, phase, headers, incoming).await;
            answer.unwrap_or_else(|cause| refused(&cause))
        }
        ["2020-08-15", "logs"] if is(Method::PUT) => unsupported(registry, "Logs"),
        ["2022-07-01", "telemetry"] if is(Method::PUT) => unsupported(registry, "Telemetry"),
        ["2020-01-01", "extension", "register"]
        | ["2020-01-01", "extension", "event", "next"]
        | ["2020-01-01", "extension", "init" | "exit", "error"]
        | ["2020-08-15", "logs"]
        | ["2022-07-01", "telemetry"] => reply::plain(StatusCode::METHOD_NOT_ALLOWED, ""),
        _ => return None,
    })
}

/// What an extension posts to register.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    configuration_keys: Vec<String>,
}

async fn register(
    registry: &Registry,
    function: &str,
    headers: &HeaderMap,
    incoming: Incoming,
) -> Result<Reply, Refused> {
    let Some(name) = text(headers, NAME).filter(|name| !name.is_empty()) else {
        return Err(Refused::new(
            "Extension.InvalidExtensionName",
            "Empty extension name",
        ));
    };
    let body = match body::read(incoming, PAYLOAD_LIMIT).await {
        Posted::Whole { body, .. } => body,
        Posted::TooLarge { .. } => return Ok(reply::error_too_large()),
        Posted::Truncated => return Ok(reply::truncated()),
    };
    let invalid = |cause: String| Refused::new("InvalidRequestFormat", cause);
    // An object first: serde would take an array for a struct too.
    let registration: Registration = serde_json::from_slice::<Map<String, Value>>(&body)
        .and_then(|object| serde_json::from_value(object.into()))
        .map_err(|error| invalid(error.to_string()))?;
    if !registration.configuration_keys.is_empty() {
        return Err(invalid(
            "configurationKeys are deprecated; use environment variables instead".to_owned(),
        ));
    }
    let id = registry.register(name, &registration.events)?;
    let mut answer = json!({
        "functionName": function,
        "functionVersion": VERSION,
        "handler": HANDLER,
    });
    let features = text(headers, FEATURES).unwrap_or_default();
    if features
        .split(',')
        .any(|feature| feature.trim() == "accountId")
    {
        answer["accountId"] = ACCOUNT.into();
    }
    let mut reply = reply::json(StatusCode::OK, &answer);
    if let Ok(id) = HeaderValue::from_str(&id) {
        reply
            .headers_mut()
            .insert("lambda-extension-identifier", id);
    }
    Ok(reply)
}

async fn next(registry: &Registry, headers: &HeaderMap) -> Result<Reply, Refused> {
    let event = registry.next(&identifier(headers)?).await?;
    Ok(reply::json(StatusCode::OK, &event))
}

async fn error(
    registry: &Registry,
    phase: Phase,
    headers: &HeaderMap,
    incoming: Incoming,
) -> Result<Reply, Refused> {
    let id = identifier(headers)?;
    let Some(kind) = text(headers, ERROR_TYPE).filter(|kind| !kind.is_empty()) else {
        return Err(Refused::new(
            "Extension.MissingHeader",
            format!("{ERROR_TYPE} not found"),
        ));
    };
    let body = match body::read(incoming, PAYLOAD_LIMIT).await {
        Posted::Whole { body, .. } => body,
        Posted::TooLarge { .. } => return Ok(reply::error_too_large()),
        Posted::Truncated => return Ok(reply::truncated()),
    };
    let mut error = body::error(headers, &body);
    kind.clone_into(&mut error.kind);
    registry.failed(&id, phase, error)?;
    Ok(reply::ok())
}

/// As the emulator answers, so that an extension that wants it can go on.
fn unsupported(registry: &Registry, api: &str) -> Reply {
    registry.asked_for_telemetry();
    reply::failure(
        StatusCode::ACCEPTED,
        &format!("{api}.NotSupported"),
        &format!("{api} API is not supported"),
    )
}

fn refused(refused: &Refused) -> Reply {
    reply::failure(StatusCode::FORBIDDEN, refused.kind, &refused.message)
}

/// The identifier that every call but the registration carries.
fn identifier(headers: &HeaderMap) -> Result<String, Refused> {
    let id = text(headers, IDENTIFIER).unwrap_or_default();
    if id.is_empty() {
        return Err(Refused::new(
            "Extension.MissingExtensionIdentifier",
            "Missing Lambda-Extension-Identifier header",
        ));
    }
    let id = id.to_ascii_lowercase();
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let is_uuid = groups == [8, 4, 4, 4, 12]
        && id
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    if is_uuid {
        Ok(id)
    } else {
        Err(Refused::new(
            "Extension.InvalidExtensionIdentifier",
            "Invalid Lambda-Extension-Identifier",
        ))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
