//! Fetching a token, which the registry takes in place of a password.

use std::time::Instant;

use serde::Deserialize;
use ureq::http::{Method, Uri};

use super::auth::{Authorization, basic};
use super::client::{Ask, Client, Content, Target};
use super::credentials::{Credential, Found};
use super::endpoint::{encoded, resolve, with_parameter};
use super::fault::{Fault, MOST_REFUSAL};
use super::reply::Reply;
use super::secret::Secret;

/// Which token is wanted.
pub(super) struct Wanted<'a> {
    /// Who gives it out.
    pub(super) realm: &'a str,
    /// Whom it is for.
    pub(super) service: Option<&'a str>,
    /// What it allows, the most needed first.
    pub(super) scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// Fetches a token for the registry at `home`, which sent us to the realm.
///
/// # Errors
/// When the realm must not be asked, refuses, or gives no token.
pub(super) fn fetch(
    client: &Client,
    ask: &Ask<'_>,
    home: &Uri,
    wanted: &Wanted<'_>,
    found: Option<&Found>,
) -> Result<Secret, Fault> {
    let untrue = |words: String| Fault::Untrue(ask.asked(), words);
    let realm = resolve(home, wanted.realm).ok_or_else(|| {
        // A name and a password in front of a host are not for the terminal.
        let realm = wanted.realm.rsplit('@').next().unwrap_or_default();
        let realm = super::fault::escaped(realm);
        untrue(format!(
            "the registry gives tokens out at `{realm}`, which is no address"
        ))
    })?;
    client.check_way(ask, home, &realm)?;
    let object = format!("token from `{}`", realm.host().unwrap_or_default());
    let patience = client.patience();
    let token = TokenRequest {
        client,
        ask: Ask {
            object: &object,
            scopes: &wanted.scopes,
            headers: &[],
            content: Content::None,
            target: Target::Address(&realm),
            deadline: Some(
                ask.deadline
                    .unwrap_or_else(|| Instant::now() + patience.document),
            ),
            ..*ask
        },
        realm: &realm,
        wanted,
    };
    let reply = match found.map(|found| &found.credential) {
        Some(credential @ Credential::Identity(secret)) => {
            let reply = token.exchange(secret)?;
            // Registries that know identity tokens by one of the two ways only.
            if matches!(reply.status.as_u16(), 404 | 405) {
                token.get(Some(credential))?
            } else {
                reply
            }
        }
        credential => token.get(credential)?,
    };
    let reply = reply.expect(&[200], patience)?;
    let bytes = reply.bytes(MOST_REFUSAL, patience)?;
    // serde's words may quote a token.
    let answer: Option<Answer> = serde_json::from_slice(&bytes).ok();
    let is_token =
        |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let token = answer
        .and_then(|answer| {
            [answer.token, answer.access_token]
                .into_iter()
                .find(is_token)
        })
        .ok_or_else(|| {
            let asked = super::fault::Asked::get(&object);
            Fault::Untrue(asked, "the answer holds no token".to_owned())
        })?;
    let token = Secret::new(token);
    client.secrets().add(&token);
    Ok(token)
}

struct TokenRequest<'a> {
    client: &'a Client,
    ask: Ask<'a>,
    realm: &'a Uri,
    wanted: &'a Wanted<'a>,
}

impl TokenRequest<'_> {
    /// `GET REALM?service=…&scope=…`, with a password or as nobody.
    fn get(&self, credential: Option<&Credential>) -> Result<Reply, Fault> {
        let mut address = self.realm.to_string();
        if let Some(service) = self.wanted.service {
            address = with_parameter(&address, "service", service);
        }
        for scope in &self.wanted.scopes {
            address = with_parameter(&address, "scope", scope);
        }
        let authorization = credential.map(|credential| Authorization {
            header: basic(self.client, credential),
            number: 0,
        });
        let uri = address.parse().map_err(|_| {
            let words = "the registry gives tokens out at what is no address".to_owned();
            Fault::Untrue(self.ask.asked(), words)
        })?;
        let ask = Ask {
            method: &Method::GET,
            ..self.ask
        };
        // A realm that sends us on is not followed: the password is for the realm alone.
        self.client.exchange(&ask, &uri, authorization.as_ref())
    }

    /// `POST REALM`, with an identity token in a form.
    fn exchange(&self, identity: &Secret) -> Result<Reply, Fault> {
        let scope = self.wanted.scopes.join(" ");
        let form = format!(
            "grant_type=refresh_token&service={}&client_id=slsbuild&scope={}&refresh_token={}",
            encoded(self.wanted.service.unwrap_or_default()),
            encoded(&scope),
            encoded(identity.expose()),
        );
        let ask = Ask {
            method: &Method::POST,
            headers: &[("content-type", "application/x-www-form-urlencoded")],
            content: Content::Bytes(form.as_bytes()),
            ..self.ask
        };
        self.client.exchange(&ask, self.realm, None)
    }
}
