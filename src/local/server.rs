//! The Runtime API's server: one function's process on one side, whoever invokes it on the other.
//! The only async code of the project runs here, in one thread.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use super::exchange::{Exchange, Notice};
use super::invocation::Invocation;
use super::routes;
use crate::error::Result;

/// A Runtime API on a free port of 127.0.0.1, until it is dropped.
///
/// What the function does comes as [`Notice`]s; any number of events can be queued, and are handed over one at a time.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    exchange: Arc<Exchange>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the server, which sends what happens to `notices`.
    pub fn start(notices: Sender<Notice>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let exchange = Arc::new(Exchange::new(notices));
        let stop = Arc::new(Notify::new());
        let (shared, stopped) = (exchange.clone(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("runtime-api".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(serve(listener, shared));
                    stopped.notified().await;
                });
            })?;
        Ok(Self {
            address,
            exchange,
            stop,
            thread: Some(thread),
        })
    }

    /// Where the server listens: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an event. Its time begins when the function takes it.
    pub fn queue(&self, invocation: Invocation) {
        self.exchange.queue(invocation);
    }

    /// Gives up on an invocation: a later answer to it is refused.
    pub fn abandon(&self, request_id: &str) {
        self.exchange.abandon(request_id);
    }
}

impl Server {
    /// Hangs up on the function and answers no more.
    pub fn stop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(listener: TcpListener, exchange: Arc<Exchange>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A connection that failed before it was accepted is its client's to repeat.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let exchange = exchange.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| routes::route(&exchange, request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that hangs up or speaks no HTTP has had its answer from hyper.
            let _ = connection.await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;
    use crate::local::{Answer, FunctionError, PAYLOAD_LIMIT};

    const HOUR: Duration = Duration::from_secs(3600);

    /// A function of the crudest kind: one connection, and requests as text.
    struct Client(BufReader<TcpStream>);

    struct Reply {
        status: u16,
        headers: Vec<String>,
        body: Vec<u8>,
    }

    impl Client {
        fn connect(server: &Server) -> Self {
            Self(BufReader::new(
                TcpStream::connect(server.address()).unwrap(),
            ))
        }

        fn get(&mut self, path: &str) -> Reply {
            self.send(
                &format!("GET /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\n\r\n"),
                b"",
            )
        }

        fn post(&mut self, path: &str, body: &[u8]) -> Reply {
            let length = body.len();
            self.send(
                &format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"),
                body,
            )
        }

        fn send(&mut self, head: &str, body: &[u8]) -> Reply {
            self.0
                .get_mut()
                .write_all(&[head.as_bytes(), body].concat())
                .unwrap();
            let headers: Vec<String> = self
                .0
                .by_ref()
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let field = |name: &str| {
                headers
                    .iter()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            let mut body =
                vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
            self.0.read_exact(&mut body).unwrap();
            let status = headers[0].split(' ').nth(1).unwrap().parse().unwrap();
            Reply {
                status,
                headers,
                body,
            }
        }
    }

    impl Reply {
        fn header(&self, name: &str) -> Option<&str> {
            self.headers
                .iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        }

        fn kind(&self) -> String {
            let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
            format!(
                "{} {}",
                self.status,
                body["errorType"].as_str().unwrap_or("-")
            )
        }
    }

    fn server() -> (Server, Receiver<Notice>) {
        let (sender, notices) = channel();
        (Server::start(sender).unwrap(), notices)
    }

    fn invocation(event: &[u8], timeout: Duration) -> Invocation {
        Invocation::new(
            event.to_owned(),
            timeout,
            "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
        )
    }

    fn answer(notices: &Receiver<Notice>) -> (String, Answer) {
        loop {
            if let Notice::Answered {
                request_id, answer, ..
            } = notices.recv().unwrap()
            {
                return (request_id, answer);
            }
        }
    }

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
}
