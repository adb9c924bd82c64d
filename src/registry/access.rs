//! What a registry lets us do with a repository, found out by asking it: a manifest is looked for, and an upload begun and
//! given up.

use ureq::http::Method;

use super::challenge::Challenge;
use super::client::{Ask, Client, Content, Target};
use super::credentials::Source;
use super::fault::{Fault, MOST_REFUSAL};
use super::message::Purpose;
use super::pull::pull_scope;
use super::retry::{ALONE, Attempt, persist};
use super::upload::location;
use crate::artifact::oci::{Digest, Pin, Reference, media_type};
use crate::error::{Error, Result};

/// What a registry lets us do.
#[derive(Debug)]
pub struct Access {
    /// `https` or `http`, if it answered.
    pub scheme: Option<&'static str>,
    /// What it wants to see, if it wants anything.
    pub challenge: Option<Challenge>,
    /// Where the credentials were; `None` without any.
    pub source: Option<Source>,
    /// The manifest's digest, if there is such a manifest and it may be read.
    pub pull: Result<Option<Digest>>,
    /// Whether an upload was taken; `None` when it was not tried.
    pub push: Option<Result<()>>,
}

/// Asks the registry what it lets us do with the image and its repository; with `is_pull_only` nothing is begun there.
pub fn access(client: &Client, reference: &Reference, is_pull_only: bool) -> Access {
    let ask = |purpose, work: &dyn Fn(&Attempt<'_>) -> Result<Option<Digest>, Fault>| {
        persist(client, &reference.host, &ALONE, work)
            .map_err(|fault| client.error(fault, reference, purpose))
    };
    let pull = ask(Purpose::Pull, &|attempt| look(client, reference, attempt));
    let registry = client.registry(&reference.host);
    // One that cannot be reached need not be asked twice.
    let is_tried = !is_pull_only && registry.is_reached();
    let push = is_tried.then(|| {
        ask(Purpose::Push, &|attempt| {
            begin(client, reference, attempt).map(|()| None)
        })
        .map(|_| ())
    });
    let found = registry.found(&reference.repository);
    Access {
        scheme: registry.scheme(),
        challenge: registry.challenge(),
        source: found.map(|found| found.source),
        pull,
        push,
    }
}

impl Access {
    /// The first reason why something that was tried is not allowed.
    ///
    /// # Errors
    /// With that reason.
    pub fn verdict(self) -> Result<()> {
        self.pull?;
        self.push.unwrap_or(Ok(()))
    }

    /// The reason why an error was given, for a line of its own.
    pub fn reason(error: &Error) -> String {
        match error {
            Error::Registry { cause, .. } => cause.clone(),
            error => error.one_line(),
        }
    }
}

/// Looks for the manifest; unlike in a push, it matters here whether the registry refuses to tell.
fn look(
    client: &Client,
    reference: &Reference,
    attempt: &Attempt<'_>,
) -> Result<Option<Digest>, Fault> {
    let name = match reference.pin() {
        Pin::Tag(tag) => tag,
        Pin::Digest(digest) => digest.to_string(),
    };
    let reply = client.send(&Ask {
        method: &Method::HEAD,
        reference,
        object: "manifest",
        target: Target::Path(&format!("manifests/{name}")),
        scopes: &[pull_scope(&reference.repository)],
        headers: &[("accept", &media_type::MANIFESTS.join(", "))],
        content: Content::None,
        deadline: Some(attempt.deadline),
    })?;
    if reply.status == 404 {
        return Ok(None);
    }
    let reply = reply.expect(&[200], client.patience())?;
    let digest = reply.header("docker-content-digest");
    Ok(digest.and_then(|digest| Digest::parse(digest).ok()))
}

/// Opens a session for an upload, and ends it.
fn begin(client: &Client, reference: &Reference, attempt: &Attempt<'_>) -> Result<(), Fault> {
    let scopes = [format!("repository:{}:pull,push", reference.repository)];
    let ask = Ask {
        method: &Method::POST,
        reference,
        object: "upload",
        target: Target::Path("blobs/uploads/"),
        scopes: &scopes,
        headers: &[],
        content: Content::None,
        deadline: Some(attempt.deadline),
    };
    let reply = client.send(&ask)?.expect(&[202], client.patience())?;
    let session = location(client, reference, &reply)?;
    let _ = reply.bytes(MOST_REFUSAL, client.patience());
    // What cannot be ended ends by itself one day: it was allowed all the same.
    let ended = client.send(&Ask {
        method: &Method::DELETE,
        target: Target::Address(&session),
        ..ask
    });
    drop(ended);
    Ok(())
}
