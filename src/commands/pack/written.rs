//! Which files earlier runs put into directories of the user's: when one is no longer part of the artifact, it goes, and what
//! somebody else put there stays. The list lies with the step's own files, never in the user's directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::artifact::{FileTree, TreeEntry, directory};
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::Step;

/// A list beyond this size is not one of ours.
const MOST: u64 = 64 << 20;

/// The names of ours in each directory; those of directories end with `/`. Locked as long as it lives.
#[derive(Debug)]
pub(super) struct Written {
    path: PathBuf,
    directories: BTreeMap<PathBuf, BTreeSet<String>>,
    _lock: fs::File,
}

impl Written {
    /// Reads the list of a step; one that cannot be read is as good as none.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub(super) fn open(step: &Step) -> Result<Self> {
        let path = step.directory.join("written.json");
        let lock = fs::lock(&step.directory.join(".written.lock"))?;
        let text = fs::read_bounded(&path, MOST).ok();
        let directories = text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(Self {
            path,
            directories: directories.unwrap_or_default(),
            _lock: lock,
        })
    }

    /// Whether exactly these names are ours in a directory, as far as they are files.
    pub(super) fn holds(&self, root: &Path, names: &[&str]) -> Result<bool> {
        let files = |name: &&str| !name.ends_with('/');
        let ours = self.of(root)?;
        let ours: BTreeSet<&str> = ours.iter().map(String::as_str).filter(files).collect();
        Ok(ours == names.iter().copied().filter(files).collect())
    }

    /// Writes a tree into a directory, and removes what earlier runs put there and is no longer part of it.
    ///
    /// # Errors
    /// When something cannot be written.
    pub(super) fn write(
        mut self,
        tree: &FileTree,
        root: &Path,
        modified: SystemTime,
    ) -> Result<()> {
        let earlier = self.of(root)?;
        let entries = tree.entries();
        let names = entries.iter().filter_map(|entry| {
            let name = entry.archive_name();
            // A directory that was there before is the user's.
            let is_ours =
                !name.ends_with('/') || earlier.contains(&name) || !root.join(entry.name).exists();
            is_ours.then_some(name)
        });
        let names: BTreeSet<String> = names.collect();
        // Before the first file, so that also a run that is killed is remembered with what it wrote.
        self.save(root, earlier.union(&names).cloned().collect())?;
        let all: BTreeSet<String> = entries.iter().map(TreeEntry::archive_name).collect();
        directory::remove_from(root, &earlier.difference(&all).collect())?;
        directory::write_into(tree, root, modified, &names)?;
        self.save(root, names)
    }

    fn of(&self, root: &Path) -> Result<BTreeSet<String>> {
        let ours = self.directories.get(&fs::canonicalize(root)?);
        let names = ours.into_iter().flatten();
        // The list is a file like any other: no name in it leads out of the directory.
        let inside =
            |name: &&String| crate::artifact::name::check(name.trim_end_matches('/')).is_ok();
        Ok(names.filter(inside).cloned().collect())
    }

    /// Keeps the names of a directory, and forgets the directories that are gone.
    fn save(&mut self, root: &Path, names: BTreeSet<String>) -> Result<()> {
        self.directories.insert(fs::canonicalize(root)?, names);
        self.directories.retain(|directory, _| directory.is_dir());
        let text = serde_json::to_vec(&self.directories).map_err(anyhow::Error::from)?;
        let written = fs::write_if_changed(&self.path, 0o644, &text);
        written.map_err(|cause| Error::Unwritable {
            path: fs::from_here(&self.path),
            cause,
        })
    }
}
