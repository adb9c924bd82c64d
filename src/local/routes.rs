//! The Runtime API, version 2018-06-01: which call gets which status and body.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>; statuses and texts that it leaves open are those of
//! <https://github.com/aws/aws-lambda-runtime-interface-emulator>, `internal/lambda/rapi` (2026-11).

use std::convert::Infallible;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::body::{self, Posted};
use super::exchange::{Answer, Exchange, FunctionError, Refusal};
use super::extensions::{self, Registry};
use super::invocation::{Deadline, Invocation};
use super::reply::{Reply, error_too_large, failure, ok, plain, truncated};
use super::{PAYLOAD_LIMIT, STREAM_LIMIT};

const RESPONSE_MODE: &str = "Lambda-Runtime-Function-Response-Mode";

/// What requests are about: the function, and the extensions beside it.
#[derive(Debug)]
pub(super) struct Api {
    /// The function's name.
    pub(super) function: String,
    pub(super) exchange: Exchange,
    pub(super) extensions: Registry,
}

/// Answers one request.
pub(super) async fn route(api: &Api, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let (parts, incoming) = request.into_parts();
    let segments: Vec<&str> = parts.uri.path().split('/').skip(1).collect();
    let is = |method: Method| parts.method == method;
    let exchange = &api.exchange;
    Ok(match segments.as_slice() {
        ["2018-06-01", "runtime", "invocation", "next"] if is(Method::GET) => {
            api.extensions.close();
            next(exchange).await
        }
        ["2018-06-01", "runtime", "invocation", id, "response"] if is(Method::POST) => {
            response(exchange, id, &parts.headers, incoming).await
        }
        ["2018-06-01", "runtime", "invocation", id, "error"] if is(Method::POST) => {
            error(exchange, id, &parts.headers, incoming).await
        }
        ["2018-06-01", "runtime", "init", "error"] if is(Method::POST) => {
            init_error(exchange, &parts.headers, incoming).await
        }
        [
            "2018-06-01",
            "runtime",
            "invocation",
            ..,
            "next" | "response" | "error",
        ]
        | ["2018-06-01", "runtime", "init", "error"] => plain(StatusCode::METHOD_NOT_ALLOWED, ""),
        segments => extensions::route(
            &api.extensions,
            &api.function,
            (&parts.method, segments),
            &parts.headers,
            incoming,
        )
        .await
        .unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "404 page not found\n")),
    })
}

async fn next(exchange: &Exchange) -> Reply {
    match exchange.next().await {
        Ok((invocation, deadline)) => event(invocation, deadline),
        Err(refusal) => refused(refusal),
    }
}

/// The event, with the headers that the runtime makes the function's context from.
fn event(invocation: Invocation, deadline: Deadline) -> Reply {
    let mut reply = Response::new(Full::from(invocation.event));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let deadline = deadline.epoch_milliseconds.to_string();
    let texts = [
        (
            "lambda-runtime-aws-request-id",
            Some(invocation.request_id.as_str()),
        ),
        ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
        (
            "lambda-runtime-invoked-function-arn",
            Some(invocation.function_arn.as_str()),
        ),
        (
            "lambda-runtime-trace-id",
            Some(invocation.trace_id.as_str()),
        ),
        (
            "lambda-runtime-client-context",
            invocation.client_context.as_deref(),
        ),
        (
            "lambda-runtime-cognito-identity",
            invocation.cognito_identity.as_deref(),
        ),
    ];
    for (name, text) in texts {
        if let Some(Ok(value)) = text.map(HeaderValue::from_str) {
            headers.insert(name, value);
        }
    }
    reply
}

async fn response(exchange: &Exchange, id: &str, headers: &HeaderMap, body: Incoming) -> Reply {
    if let Err(refusal) = exchange.may_answer(id) {
        return refused(refusal);
    }
    let limit = match headers.get(RESPONSE_MODE).map(HeaderValue::as_bytes) {
        None => PAYLOAD_LIMIT,
        Some(b"streaming") => STREAM_LIMIT,
        Some(_) => {
            let failed = FunctionError {
                kind: "Runtime.InvalidResponseModeHeader".to_owned(),
                message: format!("`{RESPONSE_MODE}` has a value that Lambda does not know"),
            };
            return match exchange.answer(id, Answer::Error(failed)) {
                Ok(()) => failure(
                    StatusCode::BAD_REQUEST,
                    "InvalidFunctionResponseMode",
                    "Invalid function response mode",
                ),
                Err(refusal) => refused(refusal),
            };
        }
    };
    match body::read(body, limit).await {
        Posted::Whole { body, trailers } => {
            let error = body::trailing_error(&trailers);
            accepted(exchange.answer(id, Answer::Response { body, error }))
        }
        Posted::TooLarge { size } => match exchange.answer(id, Answer::TooLarge { size, limit }) {
            Ok(()) => failure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({limit} bytes)."),
            ),
            Err(refusal) => refused(refusal),
        },
        Posted::Truncated => truncated(),
    }
}

async fn error(exchange: &Exchange, id: &str, headers: &HeaderMap, body: Incoming) -> Reply {
    if let Err(refusal) = exchange.may_answer(id) {
        return refused(refusal);
    }
    match body::read(body, PAYLOAD_LIMIT).await {
        Posted::Whole { body, .. } => {
            accepted(exchange.answer(id, Answer::Error(body::error(headers, &body))))
        }
        Posted::TooLarge { .. } => error_too_large(),
        Posted::Truncated => truncated(),
    }
}

async fn init_error(exchange: &Exchange, headers: &HeaderMap, body: Incoming) -> Reply {
    match body::read(body, PAYLOAD_LIMIT).await {
        Posted::Whole { body, .. } => accepted(exchange.init_error(body::error(headers, &body))),
        Posted::TooLarge { .. } => error_too_large(),
        Posted::Truncated => truncated(),
    }
}

fn accepted(result: Result<(), Refusal>) -> Reply {
    match result {
        Ok(()) => ok(),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::State(from, to) => failure(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            &format!(
                "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
            ),
        ),
        Refusal::RequestId => failure(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "Invalid request ID",
        ),
    }
}
