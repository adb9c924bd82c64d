//! One request and its answer, or why there is none: where the HTTP client below is called.

use std::io::Read;
use std::time::Instant;

use ureq::http::{Method, Request, Uri};

use super::auth::Authorization;
use super::client::{Ask, Client, Content};
use super::fault::{self, Fault, Trouble};
use super::reply::Reply;
use super::transport;

impl Client {
    /// One request and its answer.
    pub(super) fn exchange(
        &self,
        ask: &Ask<'_>,
        uri: &Uri,
        authorization: Option<&Authorization>,
    ) -> Result<Reply, Fault> {
        let mut request = Request::builder().method(ask.method).uri(uri);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization.header.expose());
        }
        if let Content::Stream(length, _) = ask.content {
            request = request.header("content-length", length);
        }
        let request = request.body(()).map_err(|_| {
            let words = "it cannot be put into a request".to_owned();
            Fault::Untrue(ask.asked(), words)
        })?;
        drop(transport::take_early());
        let sent = self.run(ask, uri, request);
        let host = authority(uri);
        let reply = match (transport::take_early(), sent) {
            (Some(early), Err(_)) => Reply::early(early),
            (_, Ok(response)) => Reply::new(response),
            (None, Err(Sent::Here(fault))) => return Err(fault),
            (None, Err(Sent::There(error))) => {
                let patience = self.patience();
                let trouble = fault::trouble(error, host, patience.silence, patience.document);
                return Err(Fault::Trouble(ask.asked(), trouble));
            }
        };
        self.registry(&ask.reference.host).was_reached();
        Ok(reply.of(ask, host))
    }

    fn run(
        &self,
        ask: &Ask<'_>,
        uri: &Uri,
        request: Request<()>,
    ) -> Result<ureq::http::Response<ureq::Body>, Sent> {
        let left = ask
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            let host = authority(uri).to_owned();
            let trouble = Trouble::TooSlow(host, self.patience().document);
            return Err(Sent::Here(Fault::Trouble(ask.asked(), trouble)));
        }
        let agent = self.agent();
        let is_here = ask.reference.is_loopback();
        let proxy = agent.config().proxy().filter(|_| !is_here).cloned();
        let (parts, ()) = request.into_parts();
        macro_rules! run {
            ($body:expr) => {{
                let request = Request::from_parts(parts, $body);
                let request = agent
                    .configure_request(request)
                    .proxy(proxy)
                    .timeout_global(left)
                    .build();
                agent.run(request)
            }};
        }
        match ask.content {
            Content::None if *ask.method == Method::POST => run!(&[][..]).map_err(Sent::There),
            Content::None => run!(()).map_err(Sent::There),
            Content::Bytes(bytes) => run!(bytes).map_err(Sent::There),
            Content::Stream(_, open) => {
                let mut watched = Watched {
                    inner: open().map_err(Sent::Here)?,
                    failed: None,
                };
                let sent = run!(ureq::SendBody::from_reader(&mut watched));
                match watched.failed {
                    Some(fault) => Err(Sent::Here(fault)),
                    None => sent.map_err(Sent::There),
                }
            }
        }
    }
}

/// At which end a request failed.
enum Sent {
    /// At ours: the body could not be read.
    Here(Fault),
    /// On the way, or at the other end.
    There(ureq::Error),
}

/// A body that keeps why it could not be read, which the HTTP client would take for a failure of the connection.
struct Watched<'a> {
    inner: Box<dyn Read + 'a>,
    failed: Option<Fault>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(super::reply::from_io(error));
            kind.into()
        })
    }
}

/// The host of an address, with its port if one is given.
fn authority(uri: &Uri) -> &str {
    uri.authority().map_or("", |authority| authority.as_str())
}
