//! The tests' side of the server: requests as text over one connection, and what became of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Server;
use crate::local::{Answer, Invocation, Notice};

/// A function of the crudest kind: one connection, and requests as text.
pub(in crate::local) struct Client(BufReader<TcpStream>);

pub(in crate::local) struct Reply {
    pub(in crate::local) status: u16,
    pub(in crate::local) headers: Vec<String>,
    pub(in crate::local) body: Vec<u8>,
}

impl Client {
    pub(in crate::local) fn connect(server: &Server) -> Self {
        Self(BufReader::new(
            TcpStream::connect(server.address()).unwrap(),
        ))
    }

    pub(in crate::local) fn get(&mut self, path: &str) -> Reply {
        self.send(
            &format!("GET /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\n\r\n"),
            b"",
        )
    }

    pub(in crate::local) fn post(&mut self, path: &str, body: &[u8]) -> Reply {
        let length = body.len();
        self.send(
            &format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n"),
            body,
        )
    }

    pub(in crate::local) fn send(&mut self, head: &str, body: &[u8]) -> Reply {
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
        let mut body = vec![0; field("content-length").map_or(0, |length| length.parse().unwrap())];
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
    pub(in crate::local) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(in crate::local) fn kind(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        format!(
            "{} {}",
            self.status,
            body["errorType"].as_str().unwrap_or("-")
        )
    }
}

pub(in crate::local) fn server() -> (Server, Receiver<Notice>) {
    let (sender, notices) = channel();
    (Server::start(sender, "orders").unwrap(), notices)
}

pub(in crate::local) fn invocation(event: &[u8], timeout: Duration) -> Invocation {
    Invocation::new(
        event.to_owned(),
        timeout,
        "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
    )
}

pub(in crate::local) fn answer(notices: &Receiver<Notice>) -> (String, Answer) {
    loop {
        if let Notice::Answered {
            request_id, answer, ..
        } = notices.recv().unwrap()
        {
            return (request_id, answer);
        }
    }
}
