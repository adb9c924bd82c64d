//! One blob's way into a registry: asked for, mounted from another repository, or sent as a whole in a session of its own.
//! A session that failed is never gone on with: registries answer its second beginning with 416
//! (<https://github.com/google/go-containerregistry/issues/431>), so each attempt opens a new one.

use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use ureq::http::{Method, Uri};

use super::client::{Ask, Client, Content, Target};
use super::endpoint;
use super::fault::{Fault, Trouble};
use super::manifests::check_digest;
use super::pull::{object, pull_scope};
use super::push::{Progress, Push};
use super::reply::{Pace, Reply, from_io, to_io};
use super::retry::Attempt;
use crate::artifact::oci::{Descriptor, Reference, Source};
use crate::fs;

/// A blob that is to be in the registry.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) descriptor: &'a Descriptor,
    pub(super) body: Body<'a>,
}

/// Where its bytes are.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Bytes(&'a [u8]),
    File(&'a Path, u64),
    Registry(&'a Reference),
}

impl<'a> Body<'a> {
    pub(super) fn of(source: &'a Source) -> Self {
        match source {
            Source::Bytes(bytes) => Self::Bytes(bytes),
            Source::File(path) => Self::File(path, 0),
            Source::Part(path, from) => Self::File(path, *from),
            Source::Registry(reference) => Self::Registry(reference),
        }
    }

    fn open(self, client: &Client, descriptor: &Descriptor) -> Result<Box<dyn Read + 'a>, Fault> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes)),
            Self::File(path, from) => {
                let open = || {
                    let mut file = fs::File::open(path)?;
                    file.seek(SeekFrom::Start(from))?;
                    io::Result::Ok(file)
                };
                let file = open().map_err(|error| Fault::Other(error.into()))?;
                Ok(Box::new(file))
            }
            Self::Registry(reference) => {
                let blob = client.open_blob(reference, descriptor);
                Ok(Box::new(blob.map_err(|fault| fault.elsewhere(reference))?))
            }
        }
    }

    /// A fault in the middle of the bytes.
    fn failed(self, error: io::Error) -> Fault {
        let fault = from_io(error);
        match self {
            Self::Registry(reference) => fault.elsewhere(reference),
            Self::Bytes(_) | Self::File(..) => fault,
        }
    }
}

/// How a blob came to be in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Uploaded,
    Mounted,
    Present,
}

/// What opening a session came to.
enum Opened {
    /// It is open there.
    Session(Uri),
    /// None is needed.
    Needless(Fate),
}

impl Push<'_> {
    /// One attempt at having a blob in the registry; a forced one believes nothing that the registry says of having it.
    pub(super) fn upload(
        &self,
        job: &Job<'_>,
        is_forced: bool,
        attempt: &Attempt<'_>,
    ) -> Result<Fate, Fault> {
        let needless = |fate| {
            (self.watch)(Progress::Done(job.descriptor.size));
            Ok(fate)
        };
        if !is_forced && self.has(job, attempt)? {
            return needless(Fate::Present);
        }
        let session = match self.mount(job, is_forced, attempt)? {
            Some(opened) => opened,
            None => self.open(job, "", &self.scopes, attempt)?,
        };
        match session {
            Opened::Needless(fate) => needless(fate),
            Opened::Session(at) => {
                self.send(job, &at, attempt)?;
                Ok(Fate::Uploaded)
            }
        }
    }

    /// Whether the repository has the blob. Not to be shown it counts as not having it.
    fn has(&self, job: &Job<'_>, attempt: &Attempt<'_>) -> Result<bool, Fault> {
        let reply = self.client.send(&Ask {
            method: &Method::HEAD,
            reference: self.to,
            object: &object("blob", job.descriptor.digest),
            target: Target::Path(&format!("blobs/{}", job.descriptor.digest)),
            scopes: &self.scopes,
            headers: &[],
            content: Content::None,
            deadline: Some(attempt.deadline),
        })?;
        if matches!(reply.status.as_u16(), 403..=405) {
            return Ok(false);
        }
        reply.expect(&[200], self.client.patience()).map(|_| true)
    }

    /// Asks for the blob to be taken over from another repository of the same registry. A registry that will not opens a
    /// session, or refuses; a refusal says nothing of a plain upload (<https://github.com/google/go-containerregistry/issues/1404>).
    fn mount(
        &self,
        job: &Job<'_>,
        is_forced: bool,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Opened>, Fault> {
        let Body::Registry(from) = job.body else {
            return Ok(None);
        };
        let is_near = endpoint::api(&from.host) == endpoint::api(&self.to.host);
        if is_forced || !is_near || from.repository == self.to.repository {
            return Ok(None);
        }
        let scopes = [self.scopes[0].clone(), pull_scope(&from.repository)];
        let query = format!(
            "?mount={}&from={}",
            job.descriptor.digest,
            endpoint::encoded(&from.repository)
        );
        match self.open(job, &query, &scopes, attempt) {
            Ok(opened) => Ok(Some(opened)),
            Err(Fault::Refusal(refusal)) => {
                self.client.options().ui.detail(
                    "Not mounted",
                    format_args!("{}: {}", refusal.asked.object, refusal.status.as_u16()),
                );
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Opens a session.
    fn open(
        &self,
        job: &Job<'_>,
        query: &str,
        scopes: &[String],
        attempt: &Attempt<'_>,
    ) -> Result<Opened, Fault> {
        let reply = self.client.send(&Ask {
            method: &Method::POST,
            reference: self.to,
            object: &object("upload of blob", job.descriptor.digest),
            target: Target::Path(&format!("blobs/uploads/{query}")),
            scopes,
            headers: &[],
            content: Content::None,
            deadline: Some(attempt.deadline),
        })?;
        let reply = reply.expect(&[201, 202], self.client.patience())?;
        if reply.status == 201 {
            check_digest(&reply, job.descriptor.digest)?;
            return Ok(Opened::Needless(match query {
                "" => Fate::Present,
                _ => Fate::Mounted,
            }));
        }
        let at = location(self.client, self.to, &reply)?;
        let _ = reply.bytes(super::fault::MOST_REFUSAL, self.client.patience());
        Ok(Opened::Session(at))
    }

    /// Sends the whole blob into a session, with its length: chunked transfer is many times slower on some registries
    /// (<https://github.com/google/go-containerregistry/issues/1193>).
    fn send(&self, job: &Job<'_>, session: &Uri, attempt: &Attempt<'_>) -> Result<(), Fault> {
        let Job { descriptor, body } = *job;
        let digest = descriptor.digest.to_string();
        let address = endpoint::with_parameter(&session.to_string(), "digest", &digest);
        let object = object("blob", descriptor.digest);
        let uri: Uri = address.parse().map_err(|_| {
            let asked = super::fault::Asked {
                method: "PUT",
                object: object.clone(),
            };
            Fault::Untrue(asked, "its session has no address".to_owned())
        })?;
        let sent = std::cell::Cell::new(0);
        let again = || (self.watch)(Progress::Again(sent.take()));
        let open = || -> Result<Box<dyn Read + '_>, Fault> {
            // It is opened anew when the registry wants to know once more who we are.
            again();
            Ok(Box::new(Outgoing {
                inner: body.open(self.client, descriptor)?,
                body,
                left: descriptor.size,
                pace: Pace::new(self.client.patience().silence),
                push: self,
                attempt,
                sent: &sent,
            }))
        };
        let put = || {
            let reply = self.client.send(&Ask {
                method: &Method::PUT,
                reference: self.to,
                object: &object,
                target: Target::Address(&uri),
                scopes: &self.scopes,
                headers: &[("content-type", "application/octet-stream")],
                content: Content::Stream(descriptor.size, &open),
                deadline: None,
            })?;
            let reply = reply.expect(&[200, 201, 202, 204], self.client.patience())?;
            check_digest(&reply, descriptor.digest)
        };
        put().inspect_err(|_| again())
    }
}

/// Where a session is, as the registry says it.
pub(super) fn location(client: &Client, to: &Reference, reply: &Reply) -> Result<Uri, Fault> {
    let untrue = |words: &str| Fault::Untrue(reply.asked().clone(), words.to_owned());
    let text = reply
        .header("location")
        .ok_or_else(|| untrue("the registry does not say where to send it (no Location)"))?;
    let scheme = client.registry(&to.host).scheme().unwrap_or("https");
    let base = format!(
        "{scheme}://{}/v2/{}/blobs/uploads/",
        endpoint::api(&to.host),
        to.repository
    );
    let base: Option<Uri> = base.parse().ok();
    base.and_then(|base| endpoint::resolve(&base, text))
        .ok_or_else(|| untrue("the registry says to send it to what is no address"))
}

/// A blob on its way out.
struct Outgoing<'a> {
    inner: Box<dyn Read + 'a>,
    body: Body<'a>,
    left: u64,
    pace: Pace,
    push: &'a Push<'a>,
    attempt: &'a Attempt<'a>,
    sent: &'a std::cell::Cell<u64>,
}

impl Read for Outgoing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.attempt.is_stopped() {
            return Err(to_io(Fault::Stopped));
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = match self.inner.read(&mut buffer[..most]) {
            Ok(count) => count,
            Err(error) => return Err(to_io(self.body.failed(error))),
        };
        if count == 0 && most > 0 {
            // A registry's blob would have said so itself; a file has changed.
            let words = format!(
                "a blob has {} bytes less than its descriptor says",
                self.left
            );
            return Err(to_io(Fault::Other(anyhow::anyhow!(words).into())));
        }
        self.left -= count as u64;
        if self.pace.is_lost(count) {
            let asked = super::fault::Asked {
                method: "PUT",
                object: "blob".to_owned(),
            };
            let host = self.push.to.host.clone();
            let silence = self.push.client.patience().silence;
            return Err(to_io(Fault::Trouble(asked, Trouble::Silent(host, silence))));
        }
        self.attempt.moved();
        self.sent.set(self.sent.get() + count as u64);
        (self.push.watch)(Progress::Done(count as u64));
        Ok(count)
    }
}
