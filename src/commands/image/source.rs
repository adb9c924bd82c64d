//! Where bases come from: the lock says which image a tag stands for, the cache holds what was read before, and a registry is
//! asked for the rest.

use std::collections::{BTreeMap, BTreeSet};

use super::base;
use crate::artifact::oci::{
    Config, Descriptor, Document, Image, ImageSet, Index, Manifest, Pin, Platform, Reference,
};
use crate::check::LayerCache;
use crate::cli::ImageArgs;
use crate::commands::push;
use crate::commands::remote::Remote;
use crate::error::Result;
use crate::project::Project;
use crate::project::lock::{Lock, LockedBase};
use crate::registry::{BlobCache, Client, Options, Pushed};
use crate::settings::Settings;
use crate::ui::Ui;

/// Registries, what is kept of them, and the lock.
#[derive(Debug)]
pub(super) struct Sources {
    remote: Remote,
    lock: Lock,
    /// What is known of layers.
    pub(super) facts: LayerCache,
    /// Whether tags are asked about anew.
    update: bool,
    /// The bases that were, each once a run.
    asked: BTreeSet<String>,
}

impl Sources {
    pub(super) fn new(
        arguments: &ImageArgs,
        settings: &Settings,
        project: &Project,
        push: Option<&Reference>,
        ui: Ui,
    ) -> Result<Self> {
        let options = Options {
            insecure: arguments.insecure,
            offline: settings.cargo.network.offline.then_some("--offline"),
            push_host: push.map(|reference| reference.host.clone()),
            ..Options::new(ui)
        };
        Ok(Self {
            remote: Remote {
                client: Client::new(options),
                cache: BlobCache::new(&settings.cache),
                ui,
            },
            lock: Lock::load(&project.directory)?,
            facts: LayerCache::new(&settings.cache),
            update: arguments.update_base,
            asked: BTreeSet::new(),
        })
    }

    /// The image of a base for a platform, its layers where they are.
    ///
    /// # Errors
    /// When it cannot be had, is not what the lock says, or is not for that platform.
    pub(super) fn base(&mut self, reference: &Reference, platform: &Platform) -> Result<Image> {
        let name = reference.to_string();
        let manifest = match reference.pin() {
            Pin::Digest(digest) => {
                let top = self.remote.pinned(reference, digest)?;
                self.of_platform(reference, top, platform)?
            }
            Pin::Tag(_) => {
                let is_to_be_asked = self.update && !self.asked.contains(&name);
                let locked = self.lock.base(&name).filter(|_| !is_to_be_asked);
                let locked = locked.cloned();
                if let Some(locked) = locked {
                    self.locked(reference, &locked, platform)?
                } else {
                    let top = self.resolved(reference)?;
                    self.of_platform(reference, top, platform)?
                }
            }
        };
        let remote = &self.remote;
        let image = remote
            .cache
            .image(&remote.client, reference, manifest, None)?;
        if base::is_for(&image.platform, platform) {
            return Ok(image);
        }
        Err(base::missing(
            &name,
            platform,
            &[image.platform.to_string()],
        ))
    }

    /// Asks what a tag stands for, and locks it.
    fn resolved(&mut self, reference: &Reference) -> Result<Document> {
        let (name, ui) = (reference.to_string(), self.remote.ui);
        let top = self.remote.client.resolve(reference)?;
        let digest = top.descriptor.digest;
        self.remote.cache.keep(&top)?;
        let platforms = self.platforms(reference, &top)?;
        let before = self.lock.base(&name).map(|locked| locked.digest);
        self.lock.keep(&name, LockedBase { digest, platforms })?;
        match before {
            Some(before) if before == digest => {}
            Some(_) => ui.note(format_args!("base `{name}` is another image now: {digest}")),
            None => ui.note(format_args!(
                "base `{name}` is locked in {}: {digest}",
                self.lock.shown().display()
            )),
        }
        self.asked.insert(name);
        Ok(top)
    }

    /// The images of an index by their platforms, or the only one by its own.
    fn platforms(
        &self,
        reference: &Reference,
        top: &Document,
    ) -> Result<BTreeMap<String, crate::artifact::oci::Digest>> {
        let name = reference.to_string();
        if top.is_index() {
            let index: Index = top.read(&name)?;
            let of = |entry: &Descriptor| {
                let platform = entry.platform.as_ref()?;
                (platform.os == "linux").then(|| (platform.to_string(), entry.digest))
            };
            return Ok(index.manifests.iter().filter_map(of).collect());
        }
        let manifest: Manifest = top.read(&name)?;
        let config = self.remote.described(reference, &manifest.config)?;
        let platform = Config::read(&config, &name)?.platform();
        Ok(BTreeMap::from([(
            platform.to_string(),
            top.descriptor.digest,
        )]))
    }

    /// The manifest for a platform, of what is locked.
    fn locked(
        &self,
        reference: &Reference,
        locked: &LockedBase,
        platform: &Platform,
    ) -> Result<Document> {
        let plain = platform.to_string();
        let is_it = |name: &&String| {
            let variant = name.strip_prefix(&plain);
            variant.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = locked.platforms.keys().find(is_it);
        let Some(digest) = found.and_then(|name| locked.platforms.get(name)) else {
            let there: Vec<String> = locked.platforms.keys().cloned().collect();
            return Err(base::missing(&reference.to_string(), platform, &there));
        };
        self.remote.pinned(reference, *digest)
    }

    /// The manifest for a platform, of an index or of the only image.
    fn of_platform(
        &self,
        reference: &Reference,
        top: Document,
        platform: &Platform,
    ) -> Result<Document> {
        let name = reference.to_string();
        if !top.is_index() {
            return Ok(top);
        }
        let index: Index = top.read(&name)?;
        let platforms = || {
            let entries = index.manifests.iter();
            entries.filter_map(|entry| Some((entry.platform.as_ref()?, entry)))
        };
        let mut found = platforms().filter(|(one, _)| base::is_for(one, platform));
        let Some((_, entry)) = found.next() else {
            let there = platforms().filter(|(one, _)| one.os != "unknown");
            let there: Vec<String> = there.map(|(one, _)| one.to_string()).collect();
            return Err(base::missing(&name, platform, &there));
        };
        self.remote.described(reference, entry)
    }

    /// The same images with every blob on this machine.
    ///
    /// # Errors
    /// When one cannot be had.
    pub(super) fn at_hand(&self, set: &ImageSet) -> Result<ImageSet> {
        self.remote.at_hand(set)
    }

    /// The same images with those blobs in files that were fetched before.
    pub(super) fn nearby(&self, set: &ImageSet) -> ImageSet {
        self.remote.nearby(set, |_| true)
    }

    /// Pushes images. A base's layers are mounted where its registry is the same, and else taken from the cache if they are there.
    ///
    /// # Errors
    /// When the registry refuses them, or cannot be reached.
    pub(super) fn push(
        &self,
        set: &ImageSet,
        repository: &Reference,
        tags: &[String],
    ) -> Result<Pushed> {
        let remote = &self.remote;
        let set = remote.nearby(set, |from| from.host != repository.host);
        push::send(&remote.client, &set, repository, tags, remote.ui)
    }
}
