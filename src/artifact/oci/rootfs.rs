//! What an image's files are, read layer by layer in a stream and never believed: each layer gives its facts ([`read_layer`]),
//! and the facts of all layers together give the root file system ([`Rootfs`]). Judges nothing: rules live with their platform.

mod blob;
mod content;
mod entry;
mod merge;
mod stream;

pub use content::{read_start, unpack};
pub use entry::{EntryKind, LayerEntry, NameFault};
pub use merge::{Node, NodeKind, Resolved, Rootfs};

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::media_type::Compression;
use super::{Blob, Digest};
use crate::error::Result;

/// The most that all layers of an image may unpack to, in bytes: what Lambda takes, and some more.
const MOST_UNPACKED: u64 = 12 << 30;
/// The most entries that all layers may have together.
const MOST_ENTRIES: u64 = 500_000;
/// The most bytes that their names may have together.
const MOST_NAME_BYTES: u64 = 64 << 20;
/// A layer that unpacks to more than this, in bytes, is looked at for how much smaller its blob is.
const SUSPICIOUS: u64 = 256 << 20;
/// How many times smaller the blob of an honest layer is at most: programs and text are 2 to 10 times smaller.
const MOST_RATIO: u64 = 200;

/// What reading an image may still cost. All layers share one.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    unpacked: u64,
    entries: u64,
    name_bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            unpacked: MOST_UNPACKED,
            entries: MOST_ENTRIES,
            name_bytes: MOST_NAME_BYTES,
        }
    }
}

/// What a layer really is, whatever its descriptor says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// How many bytes the blob has.
    pub size: u64,
    /// The digest of the blob; `None` where it was not read to its end.
    pub digest: Option<Digest>,
    /// How it is compressed; `None` where nothing was read.
    pub compression: Option<Compression>,
    /// How many bytes it unpacks to, as far as it was read.
    pub unpacked: u64,
    /// The digest of what it unpacks to; `None` where it was not read to its end.
    pub diff_id: Option<Digest>,
    /// What it holds, in its order, as far as it was read.
    pub entries: Vec<LayerEntry>,
    /// Why it was not read to its end.
    pub fault: Option<LayerFault>,
}

/// Why a layer cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerFault {
    /// The blob has another size than its descriptor says.
    Size,
    /// It is no archive, or a broken one, for this cause.
    Damaged(String),
    /// It unpacks to far more than any platform takes, in this way.
    Excessive(String),
}

/// Reads a layer in a stream. What is wrong with it is among its facts.
///
/// # Errors
/// Only where the file that holds it cannot be read, or the layer is still in a registry.
pub fn read_layer(layer: &Blob, bounds: &mut Bounds) -> Result<LayerFacts> {
    let mut entries = Vec::new();
    let mut facts = stream::walk(layer, bounds, |entry, _| {
        entries.push(entry.clone());
        Ok(ControlFlow::Continue(()))
    })?;
    facts.entries = entries;
    Ok(facts)
}

#[cfg(test)]
mod tests;
