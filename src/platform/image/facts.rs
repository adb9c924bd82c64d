//! What an image is, read for the rules: its documents, the facts of its layers, and the program that it starts. Facts of layers are
//! kept by digest, so that those of a base are read once, and a layer that is still in a registry is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::artifact::oci::rootfs::{
    Bounds, LayerFacts, NodeKind, Resolved, Rootfs, read_layer, read_start,
};
use crate::artifact::oci::{Blob, Descriptor, Digest, Image, Manifest, Platform, Source};
use crate::binary::{self, HEAD_BYTES, Head};
use crate::error::{Error, Result};
use crate::platform::lambda::image::{RUNTIME_BOOTSTRAP, is_lambda_like, starts_script};

/// Where programs are looked for when an image does not say it
/// (<https://github.com/opencontainers/runc/blob/main/libcontainer/SPEC.md>, 2026-11).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Facts of layers by the digests of their blobs.
pub type KnownLayers = BTreeMap<Digest, Arc<LayerFacts>>;

/// An image for one platform, as the rules look at it.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// What an index says that it runs on, or its own configuration.
    pub platform: Platform,
    /// The type of its manifest.
    pub manifest_type: String,
    /// Its manifest; the cause where it cannot be read.
    pub manifest: Result<Manifest, String>,
    /// Its configuration; null where it cannot be read.
    pub config: Value,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    /// Its files; without those of layers that are not known.
    pub rootfs: Rootfs,
    /// The programs that it starts: its own entrypoint, and what Lambda's script starts.
    pub programs: Vec<Program>,
}

/// A layer of an image.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What the manifest says of it.
    pub descriptor: Descriptor,
    /// What it is; `None` while it is in a registry.
    pub facts: Option<Arc<LayerFacts>>,
}

/// A program that an image starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name as the configuration has it.
    pub name: String,
    /// What is there; `None` where nothing is, or where it may be in a layer that is not known.
    pub found: Option<Found>,
}

/// A program that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path with all links followed.
    pub path: String,
    /// Whether the path in the configuration is a link.
    pub is_link: bool,
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u64,
    /// What it is.
    pub content: Content,
}

/// What a program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// It is in a layer that cannot be read here.
    Unknown,
    /// An executable.
    Elf(Head),
    /// A script, and the path of its interpreter.
    Script(String),
    /// Something that Linux does not start, for this cause.
    Other(String),
}

impl ImageFacts {
    /// Reads an image. Facts of layers are taken from `known`, and added to it where they are what their digests say.
    ///
    /// # Errors
    /// Only when a file of it cannot be read; what is wrong with it is said by the rules.
    pub fn read(image: &Image, known: &mut KnownLayers) -> Result<Self> {
        let manifest = image.manifest.read::<Manifest>("the manifest");
        let config = image.config.read::<Value>("the configuration");
        let mut bounds = Bounds::default();
        let layers = image.layers.iter();
        let layers = layers
            .map(|blob| layer(blob, known, &mut bounds))
            .collect::<Result<Vec<_>>>()?;
        let parts: Vec<Option<&LayerFacts>> =
            layers.iter().map(|layer| layer.facts.as_deref()).collect();
        let mut facts = Self {
            platform: image.platform.clone(),
            manifest_type: image.manifest.descriptor.media_type.clone(),
            manifest: manifest.map_err(|error| error.one_line()),
            config: config.unwrap_or_default(),
            rootfs: Rootfs::new(&parts),
            layers,
            programs: Vec::new(),
        };
        facts.programs = facts.read_programs(&image.layers)?;
        Ok(facts)
    }

    /// Whether all layers are known to their ends, so that what was not found is not there.
    pub fn is_complete(&self) -> bool {
        self.layers.iter().all(|layer| {
            let facts = layer.facts.as_ref();
            facts.is_some_and(|facts| facts.fault.is_none())
        })
    }

    /// The bytes that all layers unpack to.
    pub fn unpacked(&self) -> u64 {
        let facts = self.layers.iter().filter_map(|layer| layer.facts.as_ref());
        facts.fold(0, |sum, facts| sum.saturating_add(facts.unpacked))
    }

    /// A list of words in the configuration: `Entrypoint`, `Cmd`, `Env`.
    pub fn words(&self, key: &str) -> Vec<&str> {
        let list = self.config.get("config").and_then(|config| config.get(key));
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).collect()
    }

    /// A word in the configuration, empty where there is none: `WorkingDir`, `User`.
    pub fn word(&self, key: &str) -> &str {
        let word = self.config.get("config").and_then(|config| config.get(key));
        word.and_then(Value::as_str).unwrap_or_default()
    }

    /// A variable of the environment.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.words("Env").into_iter().find_map(|variable| {
            let value = variable.strip_prefix(name)?;
            value.strip_prefix('=')
        })
    }

    /// What is started: the entrypoint and its arguments.
    pub fn command(&self) -> Vec<&str> {
        let mut command = self.words("Entrypoint");
        command.extend(self.words("Cmd"));
        command
    }

    /// Whether the script of Lambda's bases is what is started.
    pub fn starts_lambda_script(&self) -> bool {
        is_lambda_like(&self.config) && starts_script(&self.command())
    }

    fn read_programs(&self, blobs: &[Blob]) -> Result<Vec<Program>> {
        let mut names = Vec::from_iter(self.command().first().map(|name| (*name).to_owned()));
        if self.starts_lambda_script() {
            names.push(RUNTIME_BOOTSTRAP.to_owned());
        }
        let programs = names.into_iter();
        let programs = programs.map(|name| {
            let found = self.locate(&name);
            let found = found.map(|found| read_found(&found, blobs)).transpose()?;
            Ok(Program { name, found })
        });
        programs.collect()
    }

    /// The file that a name stands for, as a container engine looks for it.
    fn locate(&self, name: &str) -> Option<Resolved<'_>> {
        if name.starts_with('/') {
            return self.rootfs.resolve(name);
        }
        if name.contains('/') {
            return self
                .rootfs
                .resolve(&format!("{}/{name}", self.word("WorkingDir")));
        }
        let directories = self.variable("PATH").unwrap_or(DEFAULT_PATH).split(':');
        directories
            .filter_map(|directory| self.rootfs.resolve(&format!("{directory}/{name}")))
            .find(|found| matches!(found.node.kind, NodeKind::File { .. }))
    }
}

fn layer(blob: &Blob, known: &mut KnownLayers, bounds: &mut Bounds) -> Result<Layer> {
    let descriptor = blob.descriptor.clone();
    let is_known = |facts: &&Arc<LayerFacts>| facts.size == descriptor.size;
    if let Some(facts) = known.get(&descriptor.digest).filter(is_known) {
        let facts = Some(Arc::clone(facts));
        return Ok(Layer { descriptor, facts });
    }
    if matches!(blob.source, Source::Registry(_)) {
        return Ok(Layer {
            descriptor,
            facts: None,
        });
    }
    let facts = Arc::new(read_layer(blob, bounds)?);
    if facts.digest == Some(descriptor.digest) {
        known.insert(descriptor.digest, Arc::clone(&facts));
    }
    Ok(Layer {
        descriptor,
        facts: Some(facts),
    })
}

fn read_found(found: &Resolved<'_>, blobs: &[Blob]) -> Result<Found> {
    let node = found.node;
    let is_file = matches!(node.kind, NodeKind::File { .. });
    Ok(Found {
        path: format!("/{}", found.path),
        is_link: found.is_link,
        is_file,
        mode: node.mode,
        uid: node.uid,
        content: if is_file {
            content(read_head(found, blobs)?.as_deref(), &found.path)?
        } else {
            Content::Unknown
        },
    })
}

fn read_head(found: &Resolved<'_>, blobs: &[Blob]) -> Result<Option<Vec<u8>>> {
    let blob = blobs.get(found.node.layer);
    if blob.is_some_and(|blob| matches!(blob.source, Source::Registry(_))) {
        return Ok(None);
    }
    read_start(blobs, found.node, HEAD_BYTES)
}

fn content(start: Option<&[u8]>, path: &str) -> Result<Content> {
    let Some(start) = start else {
        return Ok(Content::Unknown);
    };
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        let interpreter = line.trim_start().split([' ', '\t']).next();
        return Ok(Content::Script(interpreter.unwrap_or_default().to_owned()));
    }
    match binary::head(&format!("`/{}`", path.escape_debug()), start) {
        Ok(head) => Ok(Content::Elf(head)),
        Err(Error::Rejected { message, .. }) => Ok(Content::Other(message)),
        Err(error) => Err(error),
    }
}
