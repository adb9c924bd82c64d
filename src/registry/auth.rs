//! What is known of one registry, and what it wants to see from us: nothing, a name and a password, or a token that another
//! address gives out (<https://distribution.github.io/distribution/spec/auth/token/>, 2026-11). A token is kept for each set
//! of scopes, and is asked for again once when the registry no longer takes it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;

use super::challenge::{self, Challenge};
use super::client::{Ask, Client};
use super::credentials::{self, Credential, Found, Wanted};
use super::endpoint;
use super::fault::{Fault, Trouble};
use super::reply::Reply;
use super::secret::Secret;
use super::token;

/// What is known of one registry.
#[derive(Debug)]
pub(super) struct Registry {
    host: String,
    scheme: OnceLock<&'static str>,
    reached: AtomicBool,
    /// How often no token came.
    failures: AtomicU64,
    // Held while a token is fetched: who comes meanwhile wants the same one.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    challenge: Option<Challenge>,
    /// By repository, since entries of configuration files may be meant for one.
    credentials: BTreeMap<String, Option<Found>>,
    /// By scopes.
    granted: BTreeMap<Vec<String>, Authorization>,
    count: u64,
}

/// The value of an `Authorization` header.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    pub(super) header: Secret,
    /// Tells it from an older one for the same scopes.
    pub(super) number: u64,
}

impl Registry {
    pub(super) fn new(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            scheme: OnceLock::new(),
            reached: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    /// How it is talked to, once that is known.
    pub(super) fn scheme(&self) -> Option<&'static str> {
        self.scheme.get().copied()
    }

    pub(super) fn set_scheme(&self, scheme: &'static str) {
        let _ = self.scheme.set(scheme);
    }

    /// Notes that it has answered.
    pub(super) fn was_reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// Whether it has ever answered.
    pub(super) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// What it asked for last, if it asked for anything.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.state().challenge.clone()
    }

    /// The credential that was found for a repository.
    pub(super) fn found(&self, repository: &str) -> Option<Found> {
        self.state().credentials.get(repository).cloned().flatten()
    }

    /// Whether a credential for a repository was looked for.
    pub(super) fn has_looked(&self, repository: &str) -> bool {
        self.state().credentials.contains_key(repository)
    }

    /// The state, for someone who may need a token. Who waits while another one fails to get it has failed too: each of
    /// several threads would wait as long again otherwise.
    fn state_for(&self, ask: &Ask<'_>) -> Result<MutexGuard<'_, State>, Fault> {
        let before = self.failures.load(Ordering::Relaxed);
        let state = self.state();
        if self.failures.load(Ordering::Relaxed) == before {
            return Ok(state);
        }
        let trouble = Trouble::Cut(self.host.clone(), "no token was to be had".to_owned());
        Err(Fault::Trouble(ask.asked(), trouble))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request should carry, as far as the registry has said what it wants.
    pub(super) fn ready(
        &self,
        client: &Client,
        ask: &Ask<'_>,
        home: &Uri,
    ) -> Result<Option<Authorization>, Fault> {
        let mut state = self.state_for(ask)?;
        match state.challenge.clone() {
            None => Ok(None),
            Some(challenge) => self.grant(&mut state, client, ask, home, &challenge),
        }
    }

    /// What a request should carry after the registry answered it with 401; `None` when we have nothing else.
    pub(super) fn answer(
        &self,
        client: &Client,
        ask: &Ask<'_>,
        home: &Uri,
        reply: &Reply,
        used: Option<u64>,
    ) -> Result<Option<Authorization>, Fault> {
        let headers = reply.headers.get_all("www-authenticate");
        let texts = headers.iter().filter_map(|value| value.to_str().ok());
        let texts: Vec<&str> = texts.collect();
        let Some(challenge) = challenge::parse(&texts) else {
            return Ok(None);
        };
        let mut state = self.state_for(ask)?;
        if let Some(granted) = state.granted.get(ask.scopes) {
            if Some(granted.number) != used {
                // Another thread was here first.
                return Ok(Some(granted.clone()));
            }
            if challenge == Challenge::Basic {
                return Ok(None);
            }
            state.granted.remove(ask.scopes);
        }
        state.challenge = Some(challenge.clone());
        self.grant(&mut state, client, ask, home, &challenge)
    }

    fn grant(
        &self,
        state: &mut State,
        client: &Client,
        ask: &Ask<'_>,
        home: &Uri,
        challenge: &Challenge,
    ) -> Result<Option<Authorization>, Fault> {
        if let Some(granted) = state.granted.get(ask.scopes) {
            return Ok(Some(granted.clone()));
        }
        let found = self.credential(state, client, ask)?;
        let header = match challenge {
            Challenge::Basic => {
                let Some(found) = found else {
                    return Ok(None);
                };
                basic(client, &found.credential)
            }
            Challenge::Bearer {
                realm,
                service,
                scope,
            } => {
                let wanted = token::Wanted {
                    realm,
                    service: service.as_deref(),
                    scopes: scopes(ask.scopes, scope.as_deref()),
                };
                let fetched = token::fetch(client, ask, home, &wanted, found.as_ref());
                let token = fetched.inspect_err(|_| {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                })?;
                Secret::new(format!("Bearer {}", token.expose()))
            }
        };
        state.count += 1;
        let granted = Authorization {
            header,
            number: state.count,
        };
        state.granted.insert(ask.scopes.to_vec(), granted.clone());
        Ok(Some(granted))
    }

    fn credential(
        &self,
        state: &mut State,
        client: &Client,
        ask: &Ask<'_>,
    ) -> Result<Option<Found>, Fault> {
        let repository = &ask.reference.repository;
        if let Some(found) = state.credentials.get(repository) {
            return Ok(found.clone());
        }
        let options = client.options();
        let wanted = Wanted {
            host: &self.host,
            repository,
            is_push_host: options
                .push_host
                .as_deref()
                .is_some_and(|host| endpoint::api(host) == endpoint::api(&self.host)),
            patience: options.patience.helper,
        };
        let found = credentials::find(&options.places, wanted)?;
        match &found {
            Some(found) => {
                options.ui.detail(
                    "Credentials",
                    format_args!("for `{}` are from {}", self.host, found.source),
                );
                let (Credential::Password(_, secret) | Credential::Identity(secret)) =
                    &found.credential;
                client.secrets().add(secret);
            }
            None => options.ui.detail(
                "Credentials",
                format_args!("for `{}` were not found: going on without", self.host),
            ),
        }
        state.credentials.insert(repository.clone(), found.clone());
        Ok(found)
    }
}

/// `Authorization: Basic`. An identity token goes by its own name.
pub(super) fn basic(client: &Client, credential: &Credential) -> Secret {
    let (user, secret) = match credential {
        Credential::Password(user, secret) => (user.as_str(), secret),
        Credential::Identity(secret) => ("<token>", secret),
    };
    let encoded = Secret::new(STANDARD.encode(format!("{user}:{}", secret.expose())));
    client.secrets().add(&encoded);
    Secret::new(format!("Basic {}", encoded.expose()))
}

/// Ours first, since some registries read only one; then what the registry thinks is needed.
fn scopes(ours: &[String], theirs: Option<&str>) -> Vec<String> {
    let mut scopes = ours.to_vec();
    for scope in theirs.unwrap_or_default().split_ascii_whitespace() {
        let is_covered = |ours: &String| {
            let parts = |scope: &str| {
                let (name, actions) = scope.rsplit_once(':').unwrap_or((scope, ""));
                let actions: Vec<String> = actions.split(',').map(str::to_owned).collect();
                (name.to_owned(), actions)
            };
            let (our_name, our_actions) = parts(ours);
            let (name, actions) = parts(scope);
            our_name == name && actions.iter().all(|action| our_actions.contains(action))
        };
        if !scopes.iter().any(is_covered) {
            scopes.push(scope.to_owned());
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_scopes_stand_first_and_what_they_cover_is_not_repeated() {
        let ours = vec!["repository:a:pull,push".to_owned()];
        assert_eq!(scopes(&ours, None), ours);
        assert_eq!(scopes(&ours, Some("repository:a:pull")), ours);
        assert_eq!(
            scopes(&ours, Some("repository:a:pull registry:catalog:*")),
            ["repository:a:pull,push", "registry:catalog:*"]
        );
    }
}
