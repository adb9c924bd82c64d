//! The client: one request after another to registries, with what each wants to see, and no further than each may lead.
//! What requests are made for is `pull.rs`'s and `push.rs`'s.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use ureq::Agent;
use ureq::http::{Method, StatusCode, Uri};

use super::auth::{Authorization, Registry};
use super::endpoint::{self, Origin};
use super::fault::{self, Asked, Fault, Trouble};
use super::options::{Options, Patience};
use super::reply::Reply;
use super::secret::Secrets;
use super::transport;
use crate::artifact::oci::Reference;
use crate::error::Error;

/// How often a registry may send a request on.
const MOST_REDIRECTS: usize = 5;

/// A client of registries. A clone is the same client: its connections and tokens are shared, also among threads.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: Options,
    agent: Agent,
    registries: Mutex<BTreeMap<String, Arc<Registry>>>,
    secrets: Secrets,
    requests: AtomicU64,
}

/// A request to a registry.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    /// The method.
    pub(super) method: &'a Method,
    /// The image or repository that it is about.
    pub(super) reference: &'a Reference,
    /// What is asked for, in the user's words.
    pub(super) object: &'a str,
    /// Where.
    pub(super) target: Target<'a>,
    /// The scopes that are needed, the most needed first.
    pub(super) scopes: &'a [String],
    /// More headers.
    pub(super) headers: &'a [(&'static str, &'a str)],
    /// The body.
    pub(super) content: Content<'a>,
    /// When the answer must be there, for what is small.
    pub(super) deadline: Option<Instant>,
}

/// Where a request goes.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// Below `/v2/REPOSITORY/`.
    Path(&'a str),
    /// Where the registry said.
    Address(&'a Uri),
}

/// What opens a body anew for each time it is sent.
pub(super) type Open<'a> = dyn Fn() -> Result<Box<dyn Read + 'a>, Fault> + 'a;

/// The body of a request.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// There is none, or an empty one.
    None,
    /// These bytes.
    Bytes(&'a [u8]),
    /// So many bytes, which are not in memory.
    Stream(u64, &'a Open<'a>),
}

impl Client {
    /// A client that has not connected to anything yet.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared {
            agent: transport::agent(&options),
            options,
            registries: Mutex::default(),
            secrets: Secrets::default(),
            requests: AtomicU64::new(0),
        }))
    }

    /// How it was told to go about its work.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// How many requests were sent so far, those for tokens among them.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// The HTTP client, for a request that is counted.
    pub(super) fn agent(&self) -> &Agent {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        &self.0.agent
    }

    pub(super) fn patience(&self) -> Patience {
        self.0.options.patience
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// What is known of a registry.
    pub(super) fn registry(&self, host: &str) -> Arc<Registry> {
        let registries = self.0.registries.lock();
        let mut registries = registries.unwrap_or_else(PoisonError::into_inner);
        let registry = registries.entry(host.to_owned());
        Arc::clone(registry.or_insert_with(|| Arc::new(Registry::new(host))))
    }

    /// Sends a request and gives the answer, whatever its status, once the registry knows who we are.
    pub(super) fn send(&self, ask: &Ask<'_>) -> Result<Reply, Fault> {
        if let Some(flag) = self.0.options.offline {
            return Err(Fault::Other(Error::Registry {
                reference: ask.reference.to_string(),
                cause: format!("it has to be asked for over the network, which `{flag}` forbids"),
                hint: Some(format!("run it once without {flag}")),
            }));
        }
        let registry = self.registry(&ask.reference.host);
        if let Some(scheme) = registry.scheme() {
            return self.authorized(ask, &registry, scheme);
        }
        let schemes: &[&'static str] = match (ask.reference.is_loopback(), self.0.options.insecure)
        {
            // Nothing secret is in a first request, and what runs on this machine mostly has no TLS.
            (true, _) => &["http", "https"],
            (false, true) => &["https", "http"],
            (false, false) => &["https"],
        };
        let mut first = None;
        for (index, scheme) in schemes.iter().enumerate() {
            let answer = self.authorized(ask, &registry, scheme);
            let is_last = index + 1 == schemes.len();
            if !is_last && speaks_other(&answer, scheme) {
                first = Some(answer);
                continue;
            }
            match first {
                // Neither: what the likelier one said is told, unless it was about TLS after all.
                Some(first) if answer.is_err() && !is_untrusted(&answer) => return first,
                _ => {
                    if answer.is_ok() {
                        registry.set_scheme(scheme);
                    }
                    return answer;
                }
            }
        }
        Err(Fault::Stopped)
    }

    /// Sends a request with what the registry is known to want, and once more if it wants something else.
    fn authorized(&self, ask: &Ask<'_>, registry: &Registry, scheme: &str) -> Result<Reply, Fault> {
        let api = endpoint::api(&ask.reference.host);
        let base = format!("{scheme}://{api}/v2/{}/", ask.reference.repository);
        let home: Uri = base.parse().map_err(|_| no_address(ask, &base))?;
        let uri = match ask.target {
            Target::Address(uri) => uri.clone(),
            Target::Path(path) => {
                let whole = format!("{base}{path}");
                whole.parse().map_err(|_| no_address(ask, &whole))?
            }
        };
        let authorization = registry.ready(self, ask, &home)?;
        let reply = self.follow(ask, &home, &uri, authorization.as_ref())?;
        let is_ours = Origin::of(&home) == Origin::of(&uri);
        if reply.status != StatusCode::UNAUTHORIZED || !is_ours {
            return Ok(reply);
        }
        let used = authorization.map(|authorization| authorization.number);
        match registry.answer(self, ask, &home, &reply, used)? {
            None => Ok(reply),
            Some(authorization) => {
                // Read to its end the connection can be used again.
                let _ = reply.bytes(fault::MOST_REFUSAL, self.patience());
                self.follow(ask, &home, &uri, Some(&authorization))
            }
        }
    }

    /// Sends a request to where it leads. Only the registry itself sees who we are.
    fn follow(
        &self,
        ask: &Ask<'_>,
        home: &Uri,
        first: &Uri,
        authorization: Option<&Authorization>,
    ) -> Result<Reply, Fault> {
        let own = Origin::of(home);
        let mut uri = first.clone();
        for _ in 0..=MOST_REDIRECTS {
            let origin = Origin::of(&uri);
            if origin != own {
                self.check_way(ask, home, &uri)?;
            }
            let authorization = authorization.filter(|_| origin == own);
            let reply = self.exchange(ask, &uri, authorization)?;
            let is_read = *ask.method == Method::GET || *ask.method == Method::HEAD;
            let leads_on = match reply.status.as_u16() {
                307 | 308 => true,
                301..=303 => is_read,
                _ => false,
            };
            if !leads_on {
                return Ok(reply);
            }
            let next = reply.header("location");
            uri = next
                .and_then(|next| endpoint::resolve(&uri, next))
                .ok_or_else(|| {
                    let words = "it was sent on without an address that can be followed";
                    Fault::Untrue(ask.asked(), words.to_owned())
                })?;
            let _ = reply.bytes(fault::MOST_REFUSAL, self.patience());
        }
        let words = format!("it was sent on more than {MOST_REDIRECTS} times");
        Err(Fault::Untrue(ask.asked(), words))
    }

    /// Refuses what a registry must not lead to, unless the user said that anything goes.
    pub(super) fn check_way(&self, ask: &Ask<'_>, home: &Uri, to: &Uri) -> Result<(), Fault> {
        if self.0.options.insecure {
            return Ok(());
        }
        let (Some(from), Some(to)) = (Origin::of(home), Origin::of(to)) else {
            return Err(Fault::Untrue(ask.asked(), "it leads nowhere".to_owned()));
        };
        from.check_way_to(&to)
            .map_err(|words| Fault::Untrue(ask.asked(), format!("an address of it {words}")))
    }
}

impl Ask<'_> {
    /// What is asked for, for a message.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            method: method_name(self.method),
            object: self.object.to_owned(),
        }
    }
}

fn method_name(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "DELETE"]
        .into_iter()
        .find(|name| method.as_str() == *name)
        .unwrap_or("ask for")
}

fn no_address(ask: &Ask<'_>, text: &str) -> Fault {
    let words = format!("`{}` is no address", fault::escaped(text));
    Fault::Untrue(ask.asked(), words)
}

/// Whether an answer to a first request says that the other end does not speak `scheme`.
fn speaks_other(answer: &Result<Reply, Fault>, scheme: &str) -> bool {
    match answer {
        // What servers with TLS say to a request without.
        Ok(reply) => scheme == "http" && reply.status == StatusCode::BAD_REQUEST,
        Err(Fault::Trouble(_, Trouble::Nonsense(..) | Trouble::Cut(..))) => true,
        Err(Fault::Trouble(_, Trouble::Tls(..))) => !is_untrusted(answer),
        Err(_) => false,
    }
}

/// Whether the other end speaks TLS, and nobody vouches for it.
fn is_untrusted(answer: &Result<Reply, Fault>) -> bool {
    match answer {
        Err(Fault::Trouble(_, Trouble::Tls(_, words))) => words.contains("certificate"),
        _ => false,
    }
}
