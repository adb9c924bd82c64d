//! An artifact in memory, a zip or a tree of files: its measures, and how it gets onto disk.

use crate::artifact::zip::{self, EntrySize, Zip, ZipSettings};
use crate::artifact::{FileTree, Node, directory};
use crate::check;
use crate::digest::Sha256;
use crate::error::Result;
use crate::plan::{Form, Step};
use crate::platform::lambda::{self, LimitUse};

use super::written::Written;

/// An artifact before it is written.
#[derive(Debug)]
pub(super) enum Made {
    /// The bytes of a zip.
    Zip(Zip),
    /// Files for a directory.
    Files {
        tree: FileTree,
        entries: Vec<EntrySize>,
        digest: Sha256,
    },
}

impl Made {
    /// Packs a tree as its step says, and holds it against the platform's limits and the user's. `layers` is what the layers
    /// hold together, in bytes.
    pub(super) fn of(
        tree: FileTree,
        step: &Step,
        settings: &ZipSettings<'_>,
        layers: u64,
    ) -> Result<Self> {
        let made = match step.form {
            Form::Zip => {
                let zip = zip::write(&tree, settings)?;
                lambda::refuse_excess(&zip, layers)?;
                Self::Zip(zip)
            }
            Form::Directory | Form::Files | Form::Image => {
                let entries = entries(&tree);
                lambda::refuse_unpacked_excess(&entries, layers)?;
                let digest = directory::digest(&tree)?;
                Self::Files {
                    tree,
                    entries,
                    digest,
                }
            }
        };
        let (name, budget) = (&step.function.name, step.packing.budget);
        check::budget(name, budget, made.zipped(), made.entries())?;
        Ok(made)
    }

    /// What it holds, in its order.
    pub(super) fn entries(&self) -> &[EntrySize] {
        match self {
            Self::Zip(zip) => &zip.entries,
            Self::Files { entries, .. } => entries,
        }
    }

    /// The size of a zip in bytes.
    pub(super) fn zipped(&self) -> Option<u64> {
        match self {
            Self::Zip(zip) => Some(zip.bytes.len() as u64),
            Self::Files { .. } => None,
        }
    }

    /// The sum of what it holds, in bytes.
    pub(super) fn uncompressed_size(&self) -> u64 {
        let sizes = self.entries().iter().map(|entry| entry.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Of a zip its own digest, of files that of their listing ([`directory::digest`]).
    pub(super) fn digest(&self) -> Sha256 {
        match self {
            Self::Zip(zip) => Sha256::of(&zip.bytes),
            Self::Files { digest, .. } => *digest,
        }
    }

    /// How much of the platform's limits it uses; that of zips holds for zips alone.
    pub(super) fn limits(&self, layers: u64) -> Vec<LimitUse> {
        let unzipped = self.uncompressed_size().saturating_add(layers);
        let mut limits = lambda::limits(self.zipped().unwrap_or_default(), unzipped);
        limits.retain(|limit| self.zipped().is_some() || limit.name != "zipped");
        limits
    }

    /// Writes it where its step says.
    pub(super) fn write(&self, step: &Step) -> Result<()> {
        let modified = step.packing.modified.system_time();
        match (self, step.form) {
            (Self::Zip(zip), _) => super::write(&step.artifact, 0o644, &zip.bytes),
            (Self::Files { tree, .. }, Form::Directory | Form::Zip | Form::Image) => {
                directory::replace(tree, &step.artifact, modified)
            }
            (Self::Files { tree, .. }, Form::Files) => Written::open(step)?.write(tree, modified),
        }
    }
}

/// The files and directories of a tree; unpacked, each takes what it holds.
fn entries(tree: &FileTree) -> Vec<EntrySize> {
    let size = |node| match node {
        Node::Directory => 0,
        Node::File { content, .. } => content.size(),
    };
    let entries = tree.entries().into_iter().map(|entry| EntrySize {
        name: entry.archive_name(),
        size: size(entry.node),
        compressed: size(entry.node),
    });
    entries.collect()
}
