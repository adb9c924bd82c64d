//! What an extension may ask the Extensions API, and what it is answered.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::ShutdownReason;
use crate::local::failure::ExtensionFault;
use crate::local::invocation::Deadline;
use crate::local::server::client::{Client, Reply, invocation, server};
use crate::local::{Notice, Server};

const HOUR: Duration = Duration::from_secs(3600);
const BOTH: &str = r#"{"events":["SHUTDOWN","INVOKE"]}"#;

fn call(client: &mut Client, method: &str, path: &str, headers: &str, body: &str) -> Reply {
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    client.send(&head, body.as_bytes())
}

fn register(client: &mut Client, name: &str, body: &str) -> Reply {
    let name = format!("Lambda-Extension-Name: {name}\r\n");
    call(client, "POST", "2020-01-01/extension/register", &name, body)
}

fn identifier(reply: &Reply) -> String {
    let id = reply.header("lambda-extension-identifier").unwrap();
    format!("Lambda-Extension-Identifier: {id}\r\n")
}

fn next(client: &mut Client, identifier: &str) -> Reply {
    call(
        client,
        "GET",
        "2020-01-01/extension/event/next",
        identifier,
        "",
    )
}

fn body(reply: &Reply) -> serde_json::Value {
    serde_json::from_slice(&reply.body).unwrap()
}

/// A server that expects an external extension `telemetry`, which has registered for both events.
fn registered() -> (Server, Receiver<Notice>, Client, String) {
    let (server, notices) = server();
    server.extensions().expect("telemetry");
    let mut client = Client::connect(&server);
    let id = identifier(&register(&mut client, "telemetry", BOTH));
    (server, notices, client, id)
}

#[test]
fn an_extension_registers_and_is_told_of_the_function() {
    let (server, _notices) = server();
    server.extensions().expect("telemetry");
    assert_eq!(server.extensions().unregistered().unwrap(), "telemetry");
    let mut client = Client::connect(&server);
    let features =
        "Lambda-Extension-Name: telemetry\r\nLambda-Extension-Accept-Feature: x, accountId\r\n";
    let path = "2020-01-01/extension/register";
    let reply = call(&mut client, "POST", path, features, BOTH);
    assert_eq!(reply.status, 200);
    let expected = serde_json::json!({
        "functionName": "orders",
        "functionVersion": "$LATEST",
        "handler": "bootstrap",
        "accountId": "123456789012",
    });
    assert_eq!(body(&reply), expected);
    assert_eq!(server.extensions().unregistered(), None);
    assert_eq!(
        server.extensions().lines(),
        ["EXTENSION\tName: telemetry\tState: Registered\tEvents: [INVOKE, SHUTDOWN]"]
    );
    assert_eq!(
        register(&mut client, "telemetry", BOTH).kind(),
        "403 Extension.InvalidExtensionState"
    );
}

#[test]
fn what_is_no_registration_is_refused() {
    let (server, _notices) = server();
    server.extensions().expect("telemetry");
    let mut client = Client::connect(&server);
    let cases = [
        ("", BOTH, "403 Extension.InvalidExtensionName"),
        ("telemetry", "no json", "403 InvalidRequestFormat"),
        ("telemetry", "[]", "403 InvalidRequestFormat"),
        (
            "telemetry",
            r#"{"events":"INVOKE"}"#,
            "403 InvalidRequestFormat",
        ),
        (
            "telemetry",
            r#"{"events":[],"configurationKeys":["x"]}"#,
            "403 InvalidRequestFormat",
        ),
        (
            "telemetry",
            r#"{"events":["INIT"]}"#,
            "403 Extension.InvalidEventType",
        ),
        ("internal", BOTH, "403 Extension.InvalidEventType"),
        ("telemetry", "{}", "200 -"),
    ];
    for (name, posted, expected) in cases {
        assert_eq!(
            register(&mut client, name, posted).kind(),
            expected,
            "{posted}"
        );
    }
}

#[test]
fn internal_extensions_register_until_the_function_asks_for_an_event() {
    let (server, _notices) = server();
    let mut client = Client::connect(&server);
    let invoke = r#"{"events":["INVOKE"]}"#;
    for number in 0..10 {
        let reply = register(&mut client, &format!("internal-{number}"), invoke);
        assert_eq!(reply.status, 200);
    }
    assert_eq!(
        register(&mut client, "internal-0", invoke).kind(),
        "403 Extension.InvalidExtensionState"
    );
    assert_eq!(
        register(&mut client, "internal-10", invoke).kind(),
        "403 Extension.TooManyExtensions"
    );
    server.queue(invocation(b"1", HOUR));
    client.get("invocation/next");
    assert_eq!(
        register(&mut client, "late", invoke).kind(),
        "403 Extension.RegistrationClosed"
    );
}

#[test]
fn events_come_in_their_order_and_the_environment_waits_for_the_extension() {
    let (server, notices, mut client, id) = registered();
    let from = Instant::now();
    assert_eq!(server.extensions().ready_since(from), None);
    let invocation = invocation(b"1", HOUR);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| body(&next(&mut client, &id)));
        assert!(matches!(notices.recv(), Ok(Notice::ExtensionMoved { .. })));
        assert!(matches!(notices.recv(), Ok(Notice::ExtensionMoved { .. })));
        assert!(server.extensions().ready_since(from).unwrap() >= from);
        server.queue(invocation.clone());
        let mut event = waiting.join().unwrap();
        assert!(event["deadlineMs"].take().as_u64().unwrap() > 1_700_000_000_000);
        let expected = serde_json::json!({
            "eventType": "INVOKE",
            "deadlineMs": null,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.function_arn,
            "tracing": { "type": "X-Amzn-Trace-Id", "value": invocation.trace_id },
        });
        assert_eq!(event, expected);
    });
    assert_eq!(server.extensions().busy().unwrap(), "telemetry");
    server
        .extensions()
        .shut_down(ShutdownReason::Timeout, Deadline::after(HOUR));
    let mut event = body(&next(&mut client, &id));
    event["deadlineMs"].take();
    let expected = serde_json::json!({
        "eventType": "SHUTDOWN",
        "deadlineMs": null,
        "shutdownReason": "timeout",
    });
    assert_eq!(event, expected);
}

#[test]
fn an_identifier_must_be_there_and_known() {
    let (_server, _notices, mut client, _id) = registered();
    let cases = [
        ("", "403 Extension.MissingExtensionIdentifier"),
        ("x", "403 Extension.InvalidExtensionIdentifier"),
        (
            "00000000-0000-4000-8000-000000000000",
            "403 Extension.UnknownExtensionIdentifier",
        ),
    ];
    for (id, expected) in cases {
        let header = format!(
            "Lambda-Extension-Identifier: {id}\r\nLambda-Extension-Function-Error-Type: X\r\n"
        );
        assert_eq!(next(&mut client, &header).kind(), expected);
        for phase in ["init", "exit"] {
            let path = format!("2020-01-01/extension/{phase}/error");
            let reply = call(&mut client, "POST", &path, &header, "");
            assert_eq!(reply.kind(), expected);
        }
    }
}

#[test]
fn an_extension_reports_that_it_cannot_start_or_go_on() {
    for (phase, other) in [("init", "exit"), ("exit", "init")] {
        let (server, notices, mut client, id) = registered();
        let path = |phase: &str| format!("2020-01-01/extension/{phase}/error");
        let without = call(&mut client, "POST", &path(phase), &id, "{}");
        assert_eq!(without.kind(), "403 Extension.MissingHeader");
        let headers = format!("{id}Lambda-Extension-Function-Error-Type: Config.Missing\r\n");
        let error = r#"{"errorType":"ignored","errorMessage":"no key"}"#;
        let reply = call(&mut client, "POST", &path(phase), &headers, error);
        assert_eq!(reply.status, 202);
        let failed = notices.iter().find_map(|notice| match notice {
            Notice::ExtensionFailed { name, fault } => Some((name, fault)),
            _ => None,
        });
        let (name, fault) = failed.unwrap();
        let (ExtensionFault::Init(error) | ExtensionFault::Exit(error)) = fault else {
            panic!("{fault:?}");
        };
        assert_eq!(
            (name.as_str(), error.kind.as_str(), error.message.as_str()),
            ("telemetry", "Config.Missing", "no key")
        );
        assert!(
            server.extensions().lines()[0].ends_with("\tError Type: Config.Missing"),
            "{phase}"
        );
        for refused in [
            next(&mut client, &id),
            call(&mut client, "POST", &path(other), &headers, "{}"),
        ] {
            assert_eq!(refused.kind(), "403 Extension.InvalidExtensionState");
        }
    }
}

#[test]
fn subscriptions_to_telemetry_are_accepted_and_noted_once() {
    let (server, notices) = server();
    let mut client = Client::connect(&server);
    for path in ["2022-07-01/telemetry", "2020-08-15/logs"] {
        let reply = call(&mut client, "PUT", path, "", "{}");
        assert_eq!(reply.status, 202);
        let message = body(&reply)["errorMessage"].to_string();
        assert!(message.ends_with("API is not supported\""), "{message}");
        assert_eq!(call(&mut client, "GET", path, "", "").status, 405);
    }
    drop(server);
    let noted = notices
        .iter()
        .filter(|notice| matches!(notice, Notice::TelemetryAsked))
        .count();
    assert_eq!(noted, 1);
}
