//! What a function may ask the Runtime API, and what it is answered.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::client::{Client, answer, invocation, server};
use super::*;
use crate::local::{Answer, FunctionError, PAYLOAD_LIMIT};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn several_events_go_over_one_connection_with_all_headers() {
    let (server, notices) = server();
    let mut client = Client::connect(&server);
    for (event, with_context) in [(&b"1"[..], true), (b"2", false)] {
        let mut invocation = invocation(event, HOUR);
        if with_context {
            invocation.client_context = Some("{\"a\":1}".to_owned());
            invocation.cognito_identity = Some("{\"b\":2}".to_owned());
        }
        server.queue(invocation.clone());
        let next = client.get("invocation/next");
        assert_eq!((next.status, next.body.as_slice()), (200, event));
        let id = next.header("lambda-runtime-aws-request-id").unwrap();
        assert_eq!(id, invocation.request_id);
        assert_eq!(
            next.header("lambda-runtime-invoked-function-arn").unwrap(),
            invocation.function_arn
        );
        assert_eq!(
            next.header("lambda-runtime-trace-id").unwrap(),
            invocation.trace_id
        );
        assert_eq!(
            next.header("lambda-runtime-client-context"),
            invocation.client_context.as_deref()
        );
        assert_eq!(
            next.header("lambda-runtime-cognito-identity"),
            invocation.cognito_identity.as_deref()
        );
        let deadline: u128 = next
            .header("lambda-runtime-deadline-ms")
            .unwrap()
            .parse()
            .unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        assert!(deadline > now && deadline <= now + HOUR.as_millis());
        let accepted = client.post(&format!("invocation/{id}/response"), b"done");
        assert_eq!(
            (accepted.status, accepted.body.as_slice()),
            (202, &b"{\"status\":\"OK\"}\n"[..])
        );
        let (answered, answer) = answer(&notices);
        assert_eq!(answered, invocation.request_id);
        assert_eq!(
            answer,
            Answer::Response {
                body: b"done".to_vec(),
                error: None
            }
        );
    }
}

#[test]
fn an_event_that_comes_later_ends_the_wait() {
    let (server, notices) = server();
    let mut client = Client::connect(&server);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get("invocation/next"));
        assert!(matches!(notices.recv().unwrap(), Notice::Polled { .. }));
        server.queue(invocation(b"late", HOUR));
        assert_eq!(waiting.join().unwrap().body, b"late");
    });
}

#[test]
fn what_does_not_fit_the_state_is_forbidden() {
    let (server, _notices) = server();
    let mut client = Client::connect(&server);
    assert_eq!(
        client.post("invocation/x/response", b"1").kind(),
        "403 InvalidStateTransition"
    );
    let invocation = invocation(b"1", HOUR);
    let id = invocation.request_id.clone();
    server.queue(invocation);
    client.get("invocation/next");
    assert_eq!(
        client.get("invocation/next").kind(),
        "403 InvalidStateTransition"
    );
    assert_eq!(
        client.post("init/error", b"{}").kind(),
        "403 InvalidStateTransition"
    );
    assert_eq!(
        client.post("invocation/other/response", b"1").kind(),
        "400 InvalidRequestID"
    );
    assert_eq!(
        client.post("invocation/other/error", b"{}").kind(),
        "400 InvalidRequestID"
    );
    assert_eq!(
        client
            .post(&format!("invocation/{id}/response"), b"1")
            .kind(),
        "202 -"
    );
    assert_eq!(
        client
            .post(&format!("invocation/{id}/response"), b"1")
            .kind(),
        "403 InvalidStateTransition"
    );
    assert_eq!(
        client.post(&format!("invocation/{id}/error"), b"{}").kind(),
        "403 InvalidStateTransition"
    );
}

#[test]
fn an_answer_after_the_deadline_or_the_end_of_patience_is_refused() {
    let (server, notices) = server();
    let mut client = Client::connect(&server);
    let late = invocation(b"1", Duration::ZERO);
    let path = format!("invocation/{}/response", late.request_id);
    server.queue(late.clone());
    client.get("invocation/next");
    assert_eq!(client.post(&path, b"1").kind(), "400 InvalidRequestID");
    server.abandon(&late.request_id);
    assert_eq!(
        client.post(&path, b"1").kind(),
        "403 InvalidStateTransition"
    );
    assert!(
        notices
            .try_iter()
            .all(|notice| matches!(notice, Notice::Polled { .. }))
    );
}

#[test]
fn errors_are_read_from_the_body_or_the_header() {
    let cases = [
        ("", r#"{"errorType":"A","errorMessage":"m"}"#, "A", "m"),
        (
            "lambda-runtime-function-error-type: B\r\n",
            r#"{"errorMessage":"m"}"#,
            "B",
            "m",
        ),
        (
            "lambda-runtime-function-error-type: B\r\n",
            "no json",
            "B",
            "no json",
        ),
        ("", "[1]", "Runtime.Unknown", "[1]"),
        ("", "", "Runtime.Unknown", ""),
    ];
    for (header, body, kind, message) in cases {
        let (server, notices) = server();
        let mut client = Client::connect(&server);
        let head = format!(
            "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nhost: x\r\n{header}content-length: {}\r\n\r\n",
            body.len()
        );
        assert_eq!(client.send(&head, body.as_bytes()).status, 202);
        let expected = FunctionError {
            kind: kind.to_owned(),
            message: message.to_owned(),
        };
        assert!(
            matches!(notices.recv().unwrap(), Notice::InitFailed(error) if error == expected),
            "{body}"
        );
    }
}

#[test]
fn a_response_may_be_as_large_as_the_limit_and_no_larger() {
    for (size, status) in [(PAYLOAD_LIMIT, 202), (PAYLOAD_LIMIT + 1, 413)] {
        let (server, notices) = server();
        let mut client = Client::connect(&server);
        let invocation = invocation(b"1", HOUR);
        let path = format!("invocation/{}/response", invocation.request_id);
        server.queue(invocation);
        client.get("invocation/next");
        assert_eq!(client.post(&path, &vec![b'x'; size]).status, status);
        match answer(&notices).1 {
            Answer::Response { body, .. } => assert_eq!((body.len(), status), (size, 202)),
            Answer::TooLarge { size: told, limit } => {
                assert_eq!((told, limit, status), (size, PAYLOAD_LIMIT, 413));
            }
            Answer::Error(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn a_stream_is_collected_and_its_trailers_are_an_error() {
    for (trailers, kind) in [
        ("", None),
        (
            "Lambda-Runtime-Function-Error-Type: T\r\nLambda-Runtime-Function-Error-Body: eyJlcnJvck1lc3NhZ2UiOiJtIn0=\r\n",
            Some("T"),
        ),
    ] {
        let (server, notices) = server();
        let mut client = Client::connect(&server);
        let invocation = invocation(b"1", HOUR);
        server.queue(invocation.clone());
        client.get("invocation/next");
        let request = format!(
            "POST /2018-06-01/runtime/invocation/{}/response HTTP/1.1\r\nhost: x\r\nlambda-runtime-function-response-mode: streaming\r\ntransfer-encoding: chunked\r\ntrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n2\r\non\r\n1\r\ne\r\n0\r\n{trailers}\r\n",
            invocation.request_id
        );
        assert_eq!(client.send(&request, b"").status, 202);
        let error = kind.map(|kind| FunctionError {
            kind: kind.to_owned(),
            message: "m".to_owned(),
        });
        assert_eq!(
            answer(&notices).1,
            Answer::Response {
                body: b"one".to_vec(),
                error
            }
        );
    }
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    let (server, _notices) = server();
    let mut client = Client::connect(&server);
    assert_eq!(client.get("invocation/nothing").status, 404);
    assert_eq!(client.get("init/error").status, 405);
    assert_eq!(client.post("invocation/next", b"").status, 405);
    assert_eq!(
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"").status,
        404
    );
}

#[test]
fn a_client_that_speaks_no_http_disturbs_nobody() {
    let (server, _notices) = server();
    let mut noise = TcpStream::connect(server.address()).unwrap();
    noise.write_all(b"\x00\xff no http\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = noise.read_to_end(&mut answer);
    assert_eq!(Client::connect(&server).get("x").status, 404);
}
