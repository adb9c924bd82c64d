//! A registry in this process, over plain sockets: it keeps what it is sent, and fails where it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::store::Store;

/// A registry that listens until it is dropped.
pub(crate) struct Server {
    pub(crate) host: String,
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) host: String,
    pub(crate) store: Mutex<Store>,
    faults: Mutex<Vec<(Rule, Fault)>>,
    log: Mutex<Vec<Seen>>,
    is_stopped: AtomicBool,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
}

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// A part of the path.
    pub(crate) path: &'static str,
    /// So many such requests are answered well before.
    pub(crate) after: usize,
    /// So many are not.
    pub(crate) times: usize,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This answer, with these headers and this body, once the request was read.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// This status before the body was read.
    Early(u16),
    /// The connection ends where the answer should be, after so many bytes of the request's body.
    Reset(usize),
    /// The answer's body ends after so many bytes.
    Cut(usize),
    /// Nothing comes.
    Silence,
    /// The answer comes byte by byte.
    Trickle(Duration),
    /// The answer's body comes byte by byte.
    Drip(Duration),
    /// A header is missing.
    Without(&'static str),
    /// A header says this.
    Header(&'static str, String),
    /// These bytes in place of the body.
    Body(Vec<u8>),
    /// All tokens that were given out end.
    Expire,
    /// They end, which is said before the body was read.
    ExpireEarly,
    /// The blob is forgotten that the manifest names first.
    Forget,
}

/// A request.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, Vec<String>>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::new(status)
            .with("content-type", "application/json")
            .body(body.to_string().into_bytes())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Store::default())
    }

    pub(crate) fn with(store: Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            host: host.clone(),
            store: Mutex::new(store),
            faults: Mutex::default(),
            log: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.is_stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&theirs);
                std::thread::spawn(move || drop(serve(&shared, &stream)));
            }
        });
        Self { host, shared }
    }

    /// From now on such requests go wrong.
    pub(crate) fn fail(&self, rule: Rule, fault: Fault) {
        self.shared.faults.lock().unwrap().push((rule, fault));
    }

    pub(crate) fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock().unwrap()
    }

    /// The requests since this was asked last.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }

    /// Their methods and paths, with short digests and sessions.
    pub(crate) fn lines(&self) -> Vec<String> {
        let digests = regex::Regex::new("(sha256:[0-9a-f]{6})[0-9a-f]+").unwrap();
        let short = |seen: Seen| digests.replace_all(&seen.line, "$1").into_owned();
        self.seen().into_iter().map(short).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host);
    }
}

impl Shared {
    fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        for (rule, fault) in faults.iter_mut() {
            if rule.times == 0 || rule.method != method || !path.contains(rule.path) {
                continue;
            }
            if rule.after > 0 {
                rule.after -= 1;
                continue;
            }
            rule.times -= 1;
            return Some(fault.clone());
        }
        None
    }
}

fn serve(shared: &Shared, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        // The first byte of TLS: not spoken here.
        if reader.fill_buf()?.first().is_none_or(|byte| *byte == 0x16) {
            return Ok(());
        }
        let mut request = read_head(&mut reader)?;
        shared.log.lock().unwrap().push(Seen {
            line: format!("{} {}", request.method, request.path),
            authorization: request.headers.get("authorization").cloned(),
        });
        let fault = shared.fault(&request.method, &request.path);
        match fault {
            Some(Fault::Early(status)) => {
                let answer = Answer::error(status, "DENIED", "not of this size");
                write(stream, &request.method, &answer)?;
                stream.shutdown(std::net::Shutdown::Write)?;
                // As nginx does: what still comes is thrown away for a while.
                let _ = std::io::copy(&mut reader.take(64 << 20), &mut std::io::sink());
                return Ok(());
            }
            Some(Fault::ExpireEarly) => {
                let answer = {
                    let mut store = shared.store.lock().unwrap();
                    store.tokens.clear();
                    store.answer(&shared.host, &request)
                };
                write(stream, &request.method, &answer)?;
                stream.shutdown(std::net::Shutdown::Write)?;
                let _ = std::io::copy(&mut reader.take(64 << 20), &mut std::io::sink());
                return Ok(());
            }
            Some(Fault::Reset(after)) => {
                let mut some = vec![0; after];
                reader.read_exact(&mut some)?;
                return Ok(());
            }
            Some(Fault::Silence) => {
                std::thread::sleep(Duration::from_secs(5));
                return Ok(());
            }
            _ => {}
        }
        let length = request.headers.get("content-length");
        let length = length.map_or(0, |length| length.parse().unwrap());
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        if !answer(shared, stream, &request, fault)? {
            return Ok(());
        }
    }
}

/// Answers a request; gives whether the connection goes on.
fn answer(
    shared: &Shared,
    stream: &TcpStream,
    request: &Request,
    fault: Option<Fault>,
) -> std::io::Result<bool> {
    let method = &request.method;
    match &fault {
        Some(Fault::Answer(status, headers, body)) => {
            let mut answer = Answer::new(*status).body(body.clone().into_bytes());
            answer.headers.clone_from(headers);
            write(stream, method, &answer)?;
            return Ok(true);
        }
        Some(Fault::Expire) => shared.store.lock().unwrap().tokens.clear(),
        Some(Fault::Forget) => shared.store.lock().unwrap().forget(&request.body),
        _ => {}
    }
    let mut answer = shared.store.lock().unwrap().answer(&shared.host, request);
    match fault {
        Some(Fault::Without(name)) => answer.headers.retain(|(header, _)| *header != name),
        Some(Fault::Header(name, value)) => {
            answer.headers.retain(|(header, _)| *header != name);
            answer.headers.push((name, value));
        }
        Some(Fault::Body(body)) => answer.body = body,
        Some(Fault::Cut(after)) => {
            let whole = render(method, &answer);
            let head = memchr::memmem::find(&whole, b"\r\n\r\n").unwrap() + 4;
            let end = whole.len().min(head + after);
            (&*stream).write_all(&whole[..end])?;
            return Ok(false);
        }
        Some(Fault::Drip(pause)) => {
            let whole = render(method, &answer);
            let head = memchr::memmem::find(&whole, b"\r\n\r\n").unwrap() + 4;
            (&*stream).write_all(&whole[..head])?;
            for byte in &whole[head..] {
                (&*stream).write_all(&[*byte])?;
                std::thread::sleep(pause);
            }
            return Ok(true);
        }
        Some(Fault::Trickle(pause)) => {
            for byte in render(method, &answer) {
                (&*stream).write_all(&[byte])?;
                std::thread::sleep(pause);
            }
            return Ok(true);
        }
        _ => {}
    }
    write(stream, method, &answer)?;
    Ok(true)
}

fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<Request> {
    let mut line = String::new();
    let mut read_line = || {
        line.clear();
        reader.read_line(&mut line)?;
        std::io::Result::Ok(line.trim_end().to_owned())
    };
    let first = read_line()?;
    let mut words = first.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let line = read_line()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut query: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let pairs = path.split_once('?').map_or("", |(_, query)| query);
    for pair in pairs.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace("%20", " ");
        query.entry(name.to_owned()).or_default().push(value);
    }
    Ok(Request {
        method,
        path,
        query,
        headers,
        body: Vec::new(),
    })
}

fn render(method: &str, answer: &Answer) -> Vec<u8> {
    let mut whole = format!("HTTP/1.1 {} Said\r\n", answer.status).into_bytes();
    let length = answer.body.len().to_string();
    let said = answer.headers.iter().map(|(name, value)| (*name, value));
    let has_length = answer
        .headers
        .iter()
        .any(|(name, _)| *name == "content-length");
    let counted = [("content-length", &length)];
    for (name, value) in said.chain(counted.into_iter().filter(|_| !has_length)) {
        whole.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    whole.extend_from_slice(b"\r\n");
    if method != "HEAD" {
        whole.extend_from_slice(&answer.body);
    }
    whole
}

fn write(mut stream: &TcpStream, method: &str, answer: &Answer) -> std::io::Result<()> {
    stream.write_all(&render(method, answer))
}
