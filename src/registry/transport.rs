//! The HTTP client below ours: its limits, and two things that it does not do by itself. It builds its TLS configuration once
//! also for requests with a time limit of their own, and it hears a registry that answers before all of a body was sent.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    TcpConnector, Transport,
};
use ureq::{Agent, Timeout};

use super::options::Options;

/// Sent at once; also what a stalled write is measured by.
const BUFFER: usize = 32 << 10;
/// How many connections of one registry wait for the next request.
const IDLE: usize = 8;
/// After so many bytes of a body it is looked whether the answer is there already.
const LISTEN_EVERY: usize = 4 << 20;
/// How long that look takes at most.
const LISTEN: Duration = Duration::from_millis(1);
/// How long the rest of an answer is waited for once a connection was cut.
const LISTEN_LAST: Duration = Duration::from_millis(200);
/// More of such an answer is not read.
const MOST_EARLY: usize = 64 << 10;

/// A client with our limits. Certificates are checked against those that the system trusts, or `SSL_CERT_FILE`.
pub(super) fn agent(options: &Options) -> Agent {
    let patience = options.patience;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(options.insecure)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Redirects are ours to follow: what goes along depends on where they lead.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("slsbuild/", env!("CARGO_PKG_VERSION")))
        // A compressed blob would be decompressed on its way, and be another one.
        .accept_encoding("identity")
        .timeout_resolve(Some(patience.silence))
        .timeout_connect(Some(patience.silence))
        .timeout_send_request(Some(patience.silence))
        .timeout_recv_response(Some(patience.document))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence))
        .max_idle_connections(4 * IDLE)
        .max_idle_connections_per_host(IDLE)
        .output_buffer_size(BUFFER)
        .input_buffer_size(2 * BUFFER)
        .tls_config(tls)
        .build();
    let connector =
        ().chain(ConnectProxyConnector::default())
            .chain(TcpConnector::default())
            .chain(OneTls::default())
            .chain(Listening);
    Agent::with_parts(config, connector, DefaultResolver::default())
}

/// TLS with one configuration for all connections: reading the system's certificates takes longer than a request.
#[derive(Debug, Default)]
struct OneTls(RustlsConnector);

impl<In: Transport> Connector<In> for OneTls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            // Ours differ between requests in their time limits only.
            request_level: false,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: Arc::clone(&details.current_time),
            run_connector: Arc::clone(&details.run_connector),
            register_shutdown: Arc::clone(&details.register_shutdown),
        };
        self.0.connect(&details, chained)
    }
}

/// An answer that came before all of the request was sent.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

thread_local! {
    /// Where a connection leaves such an answer: it is used by the thread that sends the request, and by no other meanwhile.
    static EARLY: RefCell<Option<Early>> = const { RefCell::new(None) };
}

/// Takes the answer that came early to what this thread has just sent.
pub(super) fn take_early() -> Option<Early> {
    EARLY.take()
}

#[derive(Debug)]
struct Listening;

impl<In: Transport> Connector<In> for Listening {
    type Out = Listened<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| Listened { inner, unheard: 0 }))
    }
}

/// A connection that listens while it talks. A registry that refuses a blob says so after the headers and reads no further:
/// without this the user would see a cut connection in place of the reason.
#[derive(Debug)]
struct Listened<T> {
    inner: T,
    /// Bytes sent since it was listened last.
    unheard: usize,
}

impl<T: Transport> Listened<T> {
    fn hears(&mut self, patience: Duration) -> bool {
        let mut wait = patience;
        loop {
            let timeout = NextTimeout {
                after: wait.into(),
                reason: Timeout::RecvResponse,
                ..NextTimeout::default()
            };
            let came = self.inner.await_input(timeout);
            let input = self.inner.buffers().input();
            let is_over = !matches!(came, Ok(true)) || input.len() > MOST_EARLY;
            if let Some(early) = parse(input, is_over) {
                EARLY.set(Some(early));
                return true;
            }
            if is_over {
                return false;
            }
            wait = LISTEN_LAST;
        }
    }
}

impl<T: Transport> Transport for Listened<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        if let Err(error) = self.inner.transmit_output(amount, timeout) {
            if matches!(error, ureq::Error::Io(_)) {
                self.hears(LISTEN_LAST);
            }
            return Err(error);
        }
        self.unheard += amount;
        if self.unheard >= LISTEN_EVERY {
            self.unheard = 0;
            if self.hears(LISTEN) {
                let kind = std::io::ErrorKind::ConnectionAborted;
                return Err(ureq::Error::Io(kind.into()));
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.unheard = 0;
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// An answer in plain bytes, once it is whole or nothing more will come.
fn parse(input: &[u8], is_over: bool) -> Option<Early> {
    let end = memchr::memmem::find(input, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&input[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.splitn(3, ' ');
    first
        .next()
        .filter(|version| version.starts_with("HTTP/1."))?;
    let status = StatusCode::from_bytes(first.next()?.as_bytes()).ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    let body = &input[end + 4..];
    let length = headers.get("content-length");
    let length: Option<usize> = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let is_whole = length.is_some_and(|length| body.len() >= length);
    (is_whole || is_over).then(|| Early {
        status,
        headers,
        body: body.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_early_answer_is_read_once_it_is_whole() {
        let answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\nX: y\r\n\r\nabcd";
        for cut in 0..answer.len() {
            assert!(parse(&answer[..cut], false).is_none(), "{cut}");
        }
        let early = parse(answer, false).unwrap();
        assert_eq!(early.status.as_u16(), 413);
        assert_eq!(early.body, b"abcd");
        assert_eq!(early.headers["x"], "y");
        assert!(parse(b"HTTP/1.1 400 Bad\r\n\r\nno length", true).is_some());
        assert!(parse(b"garbage\r\n\r\n", true).is_none());
    }
}
