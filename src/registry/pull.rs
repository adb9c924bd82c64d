//! Reading: manifests, configs and blobs, each verified against its digest and its size while it comes in.

use serde::Deserialize;
use ureq::http::Method;

use super::blob::{BlobReader, check_bytes};
use super::client::{Ask, Client, Content, Target};
use super::fault::{Asked, Fault};
use super::message::Purpose;
use super::reply::Reply;
use super::retry::{ALONE, Attempt, persist};
use crate::artifact::oci::{
    Descriptor, Digest, Document, MOST_DOCUMENT, Pin, Reference, media_type,
};
use crate::error::Result;

/// The scope of reading a repository.
pub(super) fn pull_scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

impl Client {
    /// The manifest or index that a name stands for at the moment, with its digest.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`] when the registry has none, cannot be reached, or gives what its digest does not name.
    pub fn resolve(&self, reference: &Reference) -> Result<Document> {
        let pin = reference.pin();
        let (name, digest) = match &pin {
            Pin::Tag(tag) => (tag.clone(), None),
            Pin::Digest(digest) => (digest.to_string(), Some(*digest)),
        };
        let scopes = [pull_scope(&reference.repository)];
        self.persist(reference, |attempt| {
            self.get_manifest(reference, &name, digest, &scopes, attempt)
        })
    }

    /// What a name stands for at the moment, without its content: `None` when there is no such manifest. Docker Hub does not
    /// count this as a pull.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`], as [`Self::resolve`].
    pub fn digest_of(&self, reference: &Reference) -> Result<Option<Digest>> {
        let pin = reference.pin();
        let scopes = [pull_scope(&reference.repository)];
        self.persist(reference, |attempt| {
            self.head_manifest(reference, &pin, &scopes, attempt)
        })
    }

    /// The manifest or index that a descriptor describes.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`], as [`Self::resolve`].
    pub fn manifest(&self, reference: &Reference, descriptor: &Descriptor) -> Result<Document> {
        let digest = descriptor.digest;
        let scopes = [pull_scope(&reference.repository)];
        let document = self.persist(reference, |attempt| {
            let name = digest.to_string();
            let document = self.get_manifest(reference, &name, Some(digest), &scopes, attempt)?;
            check_size(&document, descriptor)?;
            Ok(document)
        })?;
        Ok(Document {
            descriptor: descriptor.clone(),
            ..document
        })
    }

    /// The config, or another small blob, that a descriptor describes.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`], as [`Self::resolve`]; also when it says that it has more than [`MOST_DOCUMENT`] bytes.
    pub fn config(&self, reference: &Reference, descriptor: &Descriptor) -> Result<Document> {
        let bytes = self.persist(reference, |attempt| {
            if descriptor.size > MOST_DOCUMENT {
                let words = format!("it has more than {MOST_DOCUMENT} bytes");
                return Err(Fault::Untrue(Asked::get("config"), words));
            }
            let deadline = Some(attempt.deadline);
            let reply = self.get_blob(reference, descriptor, "config", deadline)?;
            let bytes = reply.bytes(descriptor.size, self.patience())?;
            check_bytes(&bytes, descriptor, "config")?;
            Ok(bytes)
        })?;
        Ok(Document {
            descriptor: descriptor.clone(),
            bytes,
        })
    }

    /// A blob as it comes in: at its end it has been verified, and more than its descriptor says is never given. It is not
    /// tried again; see `BlobCache::fetch` for that.
    ///
    /// # Errors
    /// [`crate::error::Error::Registry`] when the registry does not have it.
    pub fn blob(&self, reference: &Reference, descriptor: &Descriptor) -> Result<BlobReader> {
        self.persist(reference, |_| self.open_blob(reference, descriptor))
    }

    /// [`persist`], with the error that the user sees.
    pub(super) fn persist<T>(
        &self,
        reference: &Reference,
        work: impl FnMut(&Attempt<'_>) -> Result<T, Fault>,
    ) -> Result<T> {
        let done = persist(self, &reference.host, &ALONE, work);
        done.map_err(|fault| self.error(fault, reference, Purpose::Pull))
    }

    pub(super) fn open_blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
    ) -> Result<BlobReader, Fault> {
        let reply = self.get_blob(reference, descriptor, "blob", None)?;
        Ok(BlobReader::new(reply, descriptor, self.patience()))
    }

    fn get_blob(
        &self,
        reference: &Reference,
        descriptor: &Descriptor,
        what: &str,
        deadline: Option<std::time::Instant>,
    ) -> Result<Reply, Fault> {
        let reply = self.send(&Ask {
            method: &Method::GET,
            reference,
            object: &object(what, descriptor.digest),
            target: Target::Path(&format!("blobs/{}", descriptor.digest)),
            scopes: &[pull_scope(&reference.repository)],
            headers: &[],
            content: Content::None,
            deadline,
        })?;
        let reply = reply.expect(&[200], self.patience())?;
        let length = reply.header("content-length");
        let length: Option<u64> = length.and_then(|length| length.parse().ok());
        match length.filter(|length| *length != descriptor.size) {
            None => Ok(reply),
            Some(length) => Err(Fault::Untrue(
                reply.asked().clone(),
                format!(
                    "it has {length} bytes, and {} are declared",
                    descriptor.size
                ),
            )),
        }
    }

    pub(super) fn get_manifest(
        &self,
        reference: &Reference,
        name: &str,
        digest: Option<Digest>,
        scopes: &[String],
        attempt: &Attempt<'_>,
    ) -> Result<Document, Fault> {
        let reply = self.send(&Ask {
            method: &Method::GET,
            reference,
            object: "manifest",
            target: Target::Path(&format!("manifests/{name}")),
            scopes,
            headers: &[("accept", &media_type::MANIFESTS.join(", "))],
            content: Content::None,
            deadline: Some(attempt.deadline),
        })?;
        let reply = reply.expect(&[200], self.patience())?;
        let asked = reply.asked().clone();
        let untrue = |words: String| Err(Fault::Untrue(asked.clone(), words));
        let said = reply.header("docker-content-digest").map(str::to_owned);
        let content_type = reply.header("content-type").map(str::to_owned);
        let bytes = reply.bytes(MOST_DOCUMENT, self.patience())?;
        let is = Digest::of(&bytes);
        if let Some(wanted) = digest.filter(|wanted| *wanted != is) {
            return untrue(format!("its digest is {is}, and {wanted} was asked for"));
        }
        // Another algorithm's digest is not ours to judge.
        let said = said.filter(|said| said.starts_with("sha256:"));
        if let Some(said) = said.filter(|said| *said != is.to_string()) {
            let said = super::fault::escaped(&said);
            return untrue(format!("its digest is {is}, and the registry says {said}"));
        }
        match kind(content_type.as_deref(), &bytes) {
            Ok(media_type) => Ok(Document::from_bytes(&media_type, bytes)),
            Err(words) => untrue(words),
        }
    }

    /// The digest of what is under a name in the repository. That it is not shown to us counts as not being there: Artifactory
    /// answers 403 for what it does not have, and some registries know no HEAD.
    pub(super) fn head_manifest(
        &self,
        reference: &Reference,
        pin: &Pin,
        scopes: &[String],
        attempt: &Attempt<'_>,
    ) -> Result<Option<Digest>, Fault> {
        let name = match pin {
            Pin::Tag(tag) => tag.clone(),
            Pin::Digest(digest) => digest.to_string(),
        };
        let reply = self.send(&Ask {
            method: &Method::HEAD,
            reference,
            object: "manifest",
            target: Target::Path(&format!("manifests/{name}")),
            scopes,
            headers: &[("accept", &media_type::MANIFESTS.join(", "))],
            content: Content::None,
            deadline: Some(attempt.deadline),
        })?;
        if matches!(reply.status.as_u16(), 403..=405) {
            return Ok(None);
        }
        let reply = reply.expect(&[200], self.patience())?;
        let said = reply.header("docker-content-digest");
        Ok(said.and_then(|said| Digest::parse(said).ok()))
    }
}

/// The type that a manifest says it is of, or the header, or what is in it.
fn kind(header: Option<&str>, bytes: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Shape {
        media_type: Option<String>,
        config: Option<serde::de::IgnoredAny>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    let shape: Shape =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no manifest: {error}"))?;
    let header = header.map(|header| header.split(';').next().unwrap_or(header).trim());
    let is_known = |kind: &&str| media_type::is_index(kind) || media_type::is_manifest(kind);
    let said = shape.media_type.as_deref().filter(|kind| !kind.is_empty());
    let guessed = match (&shape.config, &shape.manifests) {
        (Some(_), None) => Some(media_type::OCI_MANIFEST),
        (None, Some(_)) => Some(media_type::OCI_INDEX),
        _ => None,
    };
    let named = said.or(header);
    let found = said.or(header.filter(is_known)).or(guessed);
    match found.filter(is_known) {
        Some(kind) => Ok(kind.to_owned()),
        None => Err(format!(
            "it is no image but `{}`",
            super::fault::escaped(named.unwrap_or("without a type"))
        )),
    }
}

/// A blob as messages name it.
pub(super) fn object(what: &str, digest: Digest) -> String {
    let hex = digest.hex();
    format!("{what} `sha256:{}`", &hex[..12])
}

fn check_size(document: &Document, descriptor: &Descriptor) -> Result<(), Fault> {
    let (is, declared) = (document.bytes.len() as u64, descriptor.size);
    if is == declared {
        return Ok(());
    }
    let words = format!("it has {is} bytes, and {declared} are declared");
    Err(Fault::Untrue(Asked::get("manifest"), words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_document_says_it_is_counts_before_the_header() {
        let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        let bare = r#"{"schemaVersion":2,"config":{},"layers":[]}"#;
        let kind = |header, body: &str| kind(header, body.as_bytes());
        assert_eq!(kind(None, index).unwrap(), media_type::OCI_INDEX);
        assert_eq!(
            kind(Some(media_type::DOCKER_MANIFEST), index).unwrap(),
            media_type::OCI_INDEX
        );
        assert_eq!(
            kind(
                Some("application/vnd.docker.distribution.manifest.v2+json; charset=utf-8"),
                bare
            )
            .unwrap(),
            media_type::DOCKER_MANIFEST
        );
        assert_eq!(
            kind(Some("text/plain"), bare).unwrap(),
            media_type::OCI_MANIFEST
        );
        let schema1 = r#"{"schemaVersion":1,"fsLayers":[]}"#;
        insta::assert_snapshot!(
            kind(Some("application/vnd.docker.distribution.manifest.v1+prettyjws"), schema1).unwrap_err(),
            @"it is no image but `application/vnd.docker.distribution.manifest.v1+prettyjws`"
        );
        assert!(kind(None, "<html>").is_err());
    }
}
