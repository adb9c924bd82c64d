//! What the user is told of a fault: one line with what was asked, what came of it, and what to do about it. Nothing in it is
//! secret: whole addresses are never shown, and known secrets are cut out of what a registry says.

use std::fmt::Write as _;

use super::client::Client;
use super::credentials::{Found, PASSWORD, USERNAME};
use super::endpoint;
use super::fault::{Asked, Fault, Refusal, Said, Trouble, escaped};
use crate::artifact::oci::Reference;
use crate::error::Error;

/// What a request was a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Something is read.
    Pull,
    /// Something is written.
    Push,
}

impl Client {
    /// The error that a fault ends in.
    pub(super) fn error(&self, fault: Fault, reference: &Reference, purpose: Purpose) -> Error {
        let (cause, hint) = match fault {
            Fault::Other(error) => return error,
            Fault::Elsewhere(elsewhere) => {
                let (reference, fault) = *elsewhere;
                return self.error(fault, &reference, Purpose::Pull);
            }
            Fault::Stopped => ("was given up".to_owned(), None),
            Fault::Untrue(asked, words) => (format!("{asked}: {words}"), None),
            Fault::Trouble(asked, trouble) => {
                let hint = hint_for_trouble(&trouble, reference, self.options().insecure);
                (of_trouble(&asked, &trouble), hint)
            }
            Fault::Refusal(refusal) => {
                let mut cause = of_refusal(&refusal);
                let hint = self.hint_for_refusal(&refusal, reference, purpose);
                if matches!(refusal.status.as_u16(), 401 | 403) {
                    let _ = write!(cause, "; {}", self.who_asked(reference, &refusal));
                }
                (cause, hint)
            }
        };
        Error::Registry {
            reference: reference.to_string(),
            cause: self.secrets().redact(&cause),
            hint,
        }
    }

    /// A fault that is not the end yet, in a few words.
    pub(super) fn said(&self, fault: &Fault) -> String {
        let words = match fault {
            Fault::Refusal(refusal) => of_refusal(refusal),
            Fault::Trouble(asked, trouble) => of_trouble(asked, trouble),
            Fault::Untrue(asked, words) => format!("{asked}: {words}"),
            Fault::Elsewhere(elsewhere) => {
                let (reference, fault) = &**elsewhere;
                format!("`{reference}`: {}", self.said(fault))
            }
            Fault::Other(error) => error.one_line(),
            Fault::Stopped => "was given up".to_owned(),
        };
        self.secrets().redact(&words)
    }

    /// As whom something was asked for, and what it needed.
    fn who_asked(&self, reference: &Reference, refusal: &Refusal) -> String {
        let registry = self.registry(&reference.host);
        let who = match registry.found(&reference.repository) {
            Some(Found { source, .. }) => format!("the credentials are from {source}"),
            None if registry.has_looked(&reference.repository) => {
                format!("no credentials for `{}` were found", reference.host)
            }
            None => "no credentials were asked for".to_owned(),
        };
        match refusal.scopes.first() {
            Some(scope) => format!("{who}, the scope is `{scope}`"),
            None => who,
        }
    }

    fn hint_for_refusal(
        &self,
        refusal: &Refusal,
        reference: &Reference,
        purpose: Purpose,
    ) -> Option<String> {
        let host = &reference.host;
        let region = endpoint::ecr_region(host);
        let is_pull = purpose == Purpose::Pull;
        match (refusal.status.as_u16(), region) {
            (401, _) => Some(log_in(reference, purpose)),
            (403, _) => {
                let found = self.registry(host).found(&reference.repository);
                let is_nobody = found.is_none();
                let may = if is_pull { "pull from" } else { "push to" };
                Some(if is_nobody {
                    log_in(reference, purpose)
                } else {
                    format!("ask the owner of the repository for the right to {may} it, or log in as somebody who has it: {}", log_in(reference, purpose))
                })
            }
            (404, Some(region)) if !is_pull => Some(format!(
                "make the repository: aws ecr create-repository --repository-name {} --region {region}",
                reference.repository
            )),
            (404, _) if is_pull => Some(format!(
                "look what is there: slsbuild registry check {reference}"
            )),
            (404, _) => Some(format!(
                "the repository may have to be made first; ask the registry: slsbuild registry check {reference}"
            )),
            (413, _) => Some(
                "the registry, or a proxy before it, takes no blob of this size: raise its limit (nginx: client_max_body_size 0)".to_owned(),
            ),
            (429, _) => {
                let later = refusal.retry_after.map(|wait| format!(" in {} s", wait.as_secs()));
                let later = later.unwrap_or_else(|| " later".to_owned());
                Some(format!("the registry counts requests: log in, or try again{later}"))
            }
            _ => None,
        }
    }
}

/// How one logs in, for the registry at hand.
fn log_in(reference: &Reference, purpose: Purpose) -> String {
    let host = &reference.host;
    if let Some(region) = endpoint::ecr_region(host) {
        return format!(
            "aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}"
        );
    }
    if host == "public.ecr.aws" {
        return format!(
            "aws ecr-public get-login-password --region us-east-1 | docker login --username AWS --password-stdin {host}"
        );
    }
    match purpose {
        Purpose::Pull => format!("docker login {host}"),
        Purpose::Push => format!("docker login {host}; or set {USERNAME} and {PASSWORD}"),
    }
}

fn of_refusal(refusal: &Refusal) -> String {
    let status = refusal.status;
    let reason = status.canonical_reason().unwrap_or("with no name");
    let mut line = format!("{}: {} {reason}", refusal.asked, status.as_u16());
    // Several errors mostly say the same of several blobs.
    if let Some(Said { code, message }) = refusal.said.first() {
        for words in [code, message].map(|words| escaped(words)) {
            if !words.is_empty() {
                let _ = write!(line, ": {words}");
            }
        }
    }
    line
}

fn of_trouble(asked: &Asked, trouble: &Trouble) -> String {
    let words = match trouble {
        Trouble::UnknownHost(host, words) => {
            format!("no address of `{host}` is to be found: {words}")
        }
        Trouble::Unreachable(host, words) => format!("`{host}` cannot be reached: {words}"),
        Trouble::Tls(host, words) => format!("no TLS with `{host}`: {words}"),
        Trouble::Silent(host, silence) => {
            format!("`{host}` was silent for {} s", silence.as_secs_f32())
        }
        Trouble::TooSlow(host, total) => {
            format!("`{host}` was not done after {} s", total.as_secs_f32())
        }
        Trouble::Cut(host, words) => format!("`{host}`: {words}"),
        Trouble::Nonsense(host, words) => format!("`{host}` answered what is no HTTP: {words}"),
    };
    format!("{asked}: {words}")
}

fn hint_for_trouble(trouble: &Trouble, reference: &Reference, insecure: bool) -> Option<String> {
    match trouble {
        Trouble::UnknownHost(..) => Some(
            "look for a slip in the name; behind a proxy set HTTPS_PROXY=http://HOST:PORT".to_owned(),
        ),
        Trouble::Unreachable(..) if reference.is_loopback() => {
            Some(format!("is it up? curl -v http://{}/v2/", reference.host))
        }
        Trouble::Unreachable(..) => Some(format!(
            "is it up? curl -v https://{}/v2/; behind a proxy set HTTPS_PROXY=http://HOST:PORT",
            endpoint::api(&reference.host)
        )),
        Trouble::Tls(..) if !insecure => Some(
            "name the authority that vouches for it: SSL_CERT_FILE=ca.pem; for a registry of your own without one: --insecure".to_owned(),
        ),
        Trouble::Tls(..)
        | Trouble::Silent(..)
        | Trouble::TooSlow(..)
        | Trouble::Cut(..)
        | Trouble::Nonsense(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use ureq::http::{HeaderMap, StatusCode};

    use super::*;
    use crate::registry::{Options, Places};
    use crate::ui::Ui;

    fn told(name: &str, status: u16, purpose: Purpose) -> String {
        let client = Client::new(Options {
            places: Places::default(),
            ..Options::new(Ui::default())
        });
        let asked = Asked {
            method: "POST",
            object: "upload".to_owned(),
        };
        let status = StatusCode::from_u16(status).unwrap();
        let scopes = ["repository:orders:pull,push".to_owned()];
        let refusal = Refusal::new(asked, status, &HeaderMap::new(), b"", &scopes);
        let reference = name.parse().unwrap();
        let error = client.error(Fault::Refusal(Box::new(refusal)), &reference, purpose);
        format!("{error}\n  {}", error.hint().unwrap_or_default())
    }

    #[test]
    fn hints_are_for_the_registry_at_hand() {
        const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4";
        let lines = [
            told(ECR, 401, Purpose::Push),
            told(ECR, 403, Purpose::Push),
            told(ECR, 404, Purpose::Push),
            told(ECR, 404, Purpose::Pull),
            told("public.ecr.aws/lambda/provided:al2023", 401, Purpose::Pull),
            told("ghcr.io/team/orders", 401, Purpose::Push),
            told("alpine", 429, Purpose::Pull),
            told("alpine", 418, Purpose::Pull),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        `123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4`: POST upload: 401 Unauthorized; no credentials were asked for, the scope is `repository:orders:pull,push`
          aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        `123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4`: POST upload: 403 Forbidden; no credentials were asked for, the scope is `repository:orders:pull,push`
          aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com
        `123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4`: POST upload: 404 Not Found
          make the repository: aws ecr create-repository --repository-name orders --region eu-west-1
        `123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4`: POST upload: 404 Not Found
          look what is there: slsbuild registry check 123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:1.4
        `public.ecr.aws/lambda/provided:al2023`: POST upload: 401 Unauthorized; no credentials were asked for, the scope is `repository:orders:pull,push`
          aws ecr-public get-login-password --region us-east-1 | docker login --username AWS --password-stdin public.ecr.aws
        `ghcr.io/team/orders:latest`: POST upload: 401 Unauthorized; no credentials were asked for, the scope is `repository:orders:pull,push`
          docker login ghcr.io; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
        `docker.io/library/alpine:latest`: POST upload: 429 Too Many Requests
          the registry counts requests: log in, or try again later
        `docker.io/library/alpine:latest`: POST upload: 418 I'm a teapot
        ");
    }
}
