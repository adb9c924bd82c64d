//! The manifests of a push: what is in the repository already is read of the old ones, and the new ones are put once their
//! parts are there.

use std::collections::BTreeSet;

use ureq::http::Method;

use super::client::{Ask, Content, Target};
use super::fault::{Fault, Refusal, escaped};
use super::push::{Push, Pushed, jobs};
use super::reply::Reply;
use super::upload::Job;
use crate::artifact::oci::{Digest, Document, Image, Index, Manifest};

/// What a registry says of a manifest whose parts it does not have.
const UNKNOWN_PARTS: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];

impl Push<'_> {
    /// The blobs of what a tag stands for so far. The repository has those, so that it need not be asked for each of them:
    /// mostly all but one layer are the same. Not to be told is no failure; should one be gone since, the registry refuses the
    /// new manifest, and is sent it then.
    pub(super) fn known(&self, old: Digest, blobs: usize) -> Result<BTreeSet<Digest>, Fault> {
        let mut known = BTreeSet::new();
        let mut left = vec![old];
        let mut asked = 0;
        while let Some(digest) = left.pop() {
            // To ask for the manifests must be less than to ask for the blobs.
            asked += 1;
            if asked + left.len() >= blobs {
                break;
            }
            let Some(document) = self.manifest(digest)? else {
                break;
            };
            if document.is_index() {
                let index: Option<Index> = serde_json::from_slice(&document.bytes).ok();
                let parts = index.into_iter().flat_map(|index| index.manifests);
                left.extend(parts.map(|part| part.digest));
            } else if let Ok(manifest) = serde_json::from_slice::<Manifest>(&document.bytes) {
                let layers = manifest.layers.iter().chain([&manifest.config]);
                known.extend(layers.map(|layer| layer.digest));
            }
        }
        Ok(known)
    }

    /// A manifest of the repository, if it gives it out.
    fn manifest(&self, digest: Digest) -> Result<Option<Document>, Fault> {
        let name = digest.to_string();
        let got = self.persist(|attempt| {
            self.client
                .get_manifest(self.to, &name, Some(digest), &self.scopes, attempt)
        });
        match got {
            Ok(document) => Ok(Some(document)),
            Err(Fault::Refusal(_) | Fault::Untrue(..)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Puts the manifests of an index, which nothing names yet.
    pub(super) fn put_each(&self, images: &[Image], pushed: &mut Pushed) -> Result<(), Fault> {
        let refused = self.each(images, |image| {
            let name = image.manifest.descriptor.digest.to_string();
            match self.put_manifest(&image.manifest, &name) {
                Err(Fault::Refusal(refusal)) if misses_parts(&refusal) => Ok(Some(refusal)),
                done => done.map(|()| None),
            }
        })?;
        for (image, refusal) in images.iter().zip(refused) {
            let Some(refusal) = refusal else { continue };
            let name = image.manifest.descriptor.digest.to_string();
            self.send_again(image, &refusal, pushed)?;
            self.put_manifest(&image.manifest, &name)?;
        }
        Ok(())
    }

    /// Puts what a name is to stand for. A registry that has lost a part of it since is sent that part once more.
    pub(super) fn put(
        &self,
        images: &[Image],
        top: &Document,
        name: &str,
        pushed: &mut Pushed,
    ) -> Result<(), Fault> {
        match self.put_manifest(top, name) {
            Err(Fault::Refusal(refusal)) if misses_parts(&refusal) => {
                if top.is_index() {
                    self.put_each(images, pushed)?;
                } else {
                    for image in images {
                        self.send_again(image, &refusal, pushed)?;
                    }
                }
                self.put_manifest(top, name)
            }
            done => done,
        }
    }

    /// Sends the blobs that a refusal names. Where it names none, those that the registry says it lacks; and if that is none
    /// either, all of them, since what it says is not so.
    fn send_again(
        &self,
        image: &Image,
        refusal: &Refusal,
        pushed: &mut Pushed,
    ) -> Result<(), Fault> {
        let all = jobs(std::slice::from_ref(image));
        let is_named = |job: &&Job<'_>| {
            let digest = job.descriptor.digest.to_string();
            refusal.body.contains(&digest)
        };
        let named: Vec<Job<'_>> = all.iter().filter(is_named).copied().collect();
        if !named.is_empty() {
            return self.send_blobs(&named, true, pushed);
        }
        let before = (pushed.uploaded, pushed.mounted, pushed.present);
        self.send_blobs(&all, false, pushed)?;
        // They were counted when they were looked at first.
        pushed.present = before.2;
        if (pushed.uploaded, pushed.mounted) == (before.0, before.1) {
            self.send_blobs(&all, true, pushed)?;
        }
        Ok(())
    }

    fn put_manifest(&self, document: &Document, name: &str) -> Result<(), Fault> {
        self.persist(|attempt| {
            let reply = self.client.send(&Ask {
                method: &Method::PUT,
                reference: self.to,
                object: if document.is_index() {
                    "index"
                } else {
                    "manifest"
                },
                target: Target::Path(&format!("manifests/{name}")),
                scopes: &self.scopes,
                headers: &[("content-type", &document.descriptor.media_type)],
                content: Content::Bytes(&document.bytes),
                deadline: Some(attempt.deadline),
            })?;
            let reply = reply.expect(&[200, 201, 202], self.client.patience())?;
            check_digest(&reply, document.descriptor.digest)
        })
    }
}

/// The digest that a registry says something has must be ours; it may say none.
pub(super) fn check_digest(reply: &Reply, ours: Digest) -> Result<(), Fault> {
    let said = reply.header("docker-content-digest");
    // Another algorithm's digest is not ours to judge.
    let said = said.filter(|said| said.starts_with("sha256:"));
    match said.filter(|said| *said != ours.to_string()) {
        None => Ok(()),
        Some(said) => {
            let said = escaped(said);
            let words = format!("the registry took it as {said}, and it is {ours}");
            Err(Fault::Untrue(reply.asked().clone(), words))
        }
    }
}

fn misses_parts(refusal: &Refusal) -> bool {
    let mut codes = refusal.said.iter().map(|said| said.code.as_str());
    matches!(refusal.status.as_u16(), 400 | 404) && codes.any(|code| UNKNOWN_PARTS.contains(&code))
}
