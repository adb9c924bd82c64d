//! Writing: what the registry has already is left alone, then blobs, then manifests, then the index, and tags last, so that a
//! tag never stands for something that is not all there. One blob's way is `upload.rs`'s.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::client::Client;
use super::fault::Fault;
use super::message::Purpose;
use super::retry::{Attempt, persist};
use super::upload::{Body, Fate, Job};
use crate::artifact::oci::{Digest, Document, Image, ImageSet, Pin, Reference};
use crate::error::{Error, Result};
use crate::threads;

/// How many blobs are sent at once: more mostly share the same line.
const AT_ONCE: usize = 4;
/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The digest of the manifest or index.
    pub digest: Digest,
    /// The tags that stand for it now.
    pub tags: Vec<String>,
    /// Whether the registry had all of it, under all tags.
    pub is_unchanged: bool,
    /// Blobs that were sent.
    pub uploaded: Amount,
    /// Blobs that the registry took over from another repository of its own.
    pub mounted: Amount,
    /// Blobs that the repository had.
    pub present: Amount,
    /// How many requests it took, those for tokens among them.
    pub requests: u64,
}

/// Some blobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.blobs += 1;
        self.bytes += bytes;
    }
}

/// What goes on while something is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many blobs, of so many bytes together, are looked at.
    Begun(Amount),
    /// So many more bytes were sent, or need not be.
    Done(u64),
    /// So many bytes that were done have to be sent again.
    Again(u64),
}

/// Who is told what goes on, from several threads.
pub type Watch<'a> = dyn Fn(Progress) + Sync + 'a;

/// Pushes images to a repository, and makes the tags stand for them; without any, the reference's own tag, if it has one.
///
/// # Errors
/// [`Error::Registry`] when the registry refuses or stays bad: no tag stands for anything new then.
pub fn push(
    client: &Client,
    images: &ImageSet,
    to: &Reference,
    tags: &[String],
    watch: &Watch<'_>,
) -> Result<Pushed> {
    let Some(top) = images.top() else {
        return Err(Error::Usage {
            message: format!("nothing is there to be pushed to `{to}`"),
            hint: None,
        });
    };
    let mut tags = tags.to_vec();
    if tags.is_empty() {
        tags.extend(to.tag.clone());
    }
    let before = client.requests();
    let push = Push {
        client,
        to,
        scopes: [format!("repository:{}:pull,push", to.repository)],
        stop: AtomicBool::new(false),
        watch,
    };
    let mut pushed = Pushed {
        digest: top.descriptor.digest,
        tags,
        is_unchanged: false,
        uploaded: Amount::default(),
        mounted: Amount::default(),
        present: Amount::default(),
        requests: 0,
    };
    push.run(images, top, &mut pushed)
        .map_err(|fault| client.error(fault, &push.named(&pushed.tags), Purpose::Push))?;
    pushed.requests = client.requests() - before;
    Ok(pushed)
}

/// One push on its way.
pub(super) struct Push<'a> {
    pub(super) client: &'a Client,
    pub(super) to: &'a Reference,
    pub(super) scopes: [String; 1],
    /// Set once something has failed for good.
    pub(super) stop: AtomicBool,
    pub(super) watch: &'a Watch<'a>,
}

impl Push<'_> {
    /// What the user calls it.
    fn named(&self, tags: &[String]) -> Reference {
        match tags.first() {
            Some(tag) => self.to.with_tag(tag),
            None => self.to.clone(),
        }
    }

    fn run(&self, images: &ImageSet, top: &Document, pushed: &mut Pushed) -> Result<(), Fault> {
        let digest = top.descriptor.digest;
        let mut stale = Vec::new();
        let mut old = None;
        for tag in &pushed.tags {
            let stands_for = self.digest_of(&Pin::Tag(tag.clone()))?;
            if stands_for != Some(digest) {
                stale.push(tag.clone());
                old = old.or(stands_for);
            }
        }
        let is_somewhere = stale.len() < pushed.tags.len();
        if is_somewhere && stale.is_empty() {
            pushed.is_unchanged = true;
            return Ok(());
        }
        if !is_somewhere && self.digest_of(&Pin::Digest(digest))? != Some(digest) {
            let jobs = jobs(&images.images);
            let known = old.map(|old| self.known(old, jobs.len())).transpose()?;
            let (there, new): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| {
                let known = known.as_ref();
                known.is_some_and(|known| known.contains(&job.descriptor.digest))
            });
            for job in there {
                pushed.present.add(job.descriptor.size);
            }
            self.send_blobs(&new, false, pushed)?;
            if images.index.is_some() {
                self.put_each(&images.images, pushed)?;
            }
        }
        if pushed.tags.is_empty() {
            return self.put(&images.images, top, &digest.to_string(), pushed);
        }
        for tag in stale {
            self.put(&images.images, top, &tag, pushed)?;
        }
        Ok(())
    }

    pub(super) fn persist<T>(
        &self,
        work: impl FnMut(&Attempt<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        persist(self.client, &self.to.host, &self.stop, work)
    }

    fn digest_of(&self, pin: &Pin) -> Result<Option<Digest>, Fault> {
        self.persist(|attempt| {
            self.client
                .head_manifest(self.to, pin, &self.scopes, attempt)
        })
    }

    /// Sends blobs, as far as the registry does not have them.
    pub(super) fn send_blobs(
        &self,
        jobs: &[Job<'_>],
        is_forced: bool,
        pushed: &mut Pushed,
    ) -> Result<(), Fault> {
        let bytes = jobs.iter().map(|job| job.descriptor.size).sum();
        (self.watch)(Progress::Begun(Amount {
            blobs: jobs.len() as u64,
            bytes,
        }));
        let fates = self.each(jobs, |job| {
            self.persist(|attempt| self.upload(job, is_forced, attempt))
        })?;
        for (job, fate) in jobs.iter().zip(fates) {
            let amount = match fate {
                Fate::Uploaded => &mut pushed.uploaded,
                Fate::Mounted => &mut pushed.mounted,
                Fate::Present => &mut pushed.present,
            };
            amount.add(job.descriptor.size);
        }
        Ok(())
    }

    /// Does the same with each of several things, a few at once. When one fails, the others are given up.
    pub(super) fn each<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, Fault> + Sync,
    ) -> Result<Vec<R>, Fault> {
        let results = threads::map_on(AT_ONCE, items, |item| {
            let result = work(item);
            if result.is_err() {
                self.stop.store(true, Ordering::Relaxed);
            }
            result
        });
        let mut done = Vec::new();
        let mut fault = None;
        for result in results {
            match result {
                Ok(result) => done.push(result),
                // Those that were given up say nothing of the reason.
                Err(Fault::Stopped) => {
                    fault.get_or_insert(Fault::Stopped);
                }
                Err(reason) if matches!(fault, None | Some(Fault::Stopped)) => {
                    fault = Some(reason);
                }
                Err(_) => {}
            }
        }
        fault.map_or(Ok(done), Err)
    }
}

/// The blobs of images, each once, the largest first: what takes longest is begun first.
pub(super) fn jobs(images: &[Image]) -> Vec<Job<'_>> {
    let mut jobs: BTreeMap<Digest, Job<'_>> = BTreeMap::new();
    for image in images {
        for layer in &image.layers {
            // Layers that are not to be spread stay where they are (Windows bases have them).
            let kind = &layer.descriptor.media_type;
            if kind.contains("nondistributable") || kind.contains("foreign") {
                continue;
            }
            jobs.entry(layer.descriptor.digest).or_insert(Job {
                descriptor: &layer.descriptor,
                body: Body::of(&layer.source),
            });
        }
        let config = &image.config;
        jobs.entry(config.descriptor.digest).or_insert(Job {
            descriptor: &config.descriptor,
            body: Body::Bytes(&config.bytes),
        });
    }
    let mut jobs: Vec<Job<'_>> = jobs.into_values().collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.descriptor.size));
    jobs
}
