//! Which files earlier runs put into a directory of the user's: when one is no longer part of the artifact, it goes, and what
//! somebody else put there stays. There is one list for each such directory, whichever functions came into it; it lies below
//! our own output, never in the user's directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::artifact::{FileTree, Node, TreeEntry, directory};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs;
use crate::plan::Step;

/// A list beyond this size is not one of ours.
const MOST: u64 = 64 << 20;
/// Where the lists lie. No function has a name that begins with a dot.
const LISTS: &str = ".written";
/// What every compiled program begins with.
const ELF: &[u8] = b"\x7fELF";

/// The names of ours in one directory; those of directories end with `/`. All lists are locked as long as it lives.
#[derive(Debug)]
pub(super) struct Written {
    path: PathBuf,
    list: List,
    /// The names of programs in the artifact.
    programs: Vec<String>,
    _lock: fs::File,
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    directory: PathBuf,
    names: BTreeSet<String>,
}

impl Written {
    /// Reads the list of the directory that a step writes into; one that cannot be read is as good as none.
    ///
    /// # Errors
    /// When the lists cannot be locked.
    pub(super) fn open(step: &Step) -> Result<Self> {
        let directory = fs::canonicalize(&step.artifact)?;
        let lists = step.root.join(LISTS);
        fs::create_dir_all(&lists).map_err(|cause| fs::unwritable(&lists, cause))?;
        let digest = Sha256::of(directory.as_os_str().as_encoded_bytes()).to_string();
        let lock = fs::lock(&lists.join(".lock"))?;
        let path = lists.join(format!("{digest}.json"));
        let text = fs::read_bounded(&path, MOST).ok();
        let list = text.and_then(|text| serde_json::from_slice::<List>(&text).ok());
        let mut names = list
            .filter(|list| list.directory == directory)
            .map(|list| list.names)
            .unwrap_or_default();
        // The list is a file like any other: no name in it leads out of the directory.
        names.retain(|name| crate::artifact::name::check(name.trim_end_matches('/')).is_ok());
        Ok(Self {
            path,
            list: List { directory, names },
            programs: step.programs(),
            _lock: lock,
        })
    }

    /// Whether exactly these names are ours, as far as they are files.
    pub(super) fn holds(&self, names: &[&str]) -> bool {
        let files = |name: &&str| !name.ends_with('/');
        let ours = self.list.names.iter().map(String::as_str);
        ours.filter(files).collect::<BTreeSet<_>>()
            == names.iter().copied().filter(files).collect::<BTreeSet<_>>()
    }

    /// Writes a tree into the directory, and removes what earlier runs put there and is no longer part of it. What was there
    /// before us is never ours: a file with the same content stays, one with another is refused before anything is written.
    ///
    /// # Errors
    /// [`Error::Project`] for a file that is not ours, and when something cannot be written.
    pub(super) fn write(mut self, tree: &FileTree, modified: SystemTime) -> Result<()> {
        let earlier = self.list.names.clone();
        let root = self.list.directory.clone();
        let entries = tree.entries();
        let mut names = BTreeSet::new();
        for entry in &entries {
            let name = entry.archive_name();
            if earlier.contains(&name) || self.is_free(&root.join(entry.name), entry)? {
                names.insert(name);
            }
        }
        // Before the first file, so that also a run that is killed is remembered with what it wrote.
        self.save(earlier.union(&names).cloned().collect())?;
        let all: BTreeSet<String> = entries.iter().map(TreeEntry::archive_name).collect();
        directory::remove_from(&root, &earlier.difference(&all).collect())?;
        directory::write_into(tree, &root, modified, &names)?;
        self.save(names)
    }

    /// Whether a place that was not ours is to be ours.
    fn is_free(&self, path: &Path, entry: &TreeEntry<'_>) -> Result<bool> {
        let Ok(facts) = fs::symlink_metadata(path) else {
            return Ok(true);
        };
        let Node::File { content, .. } = entry.node else {
            return Ok(false);
        };
        // In the place of a file, it cannot be written over: the writer says so.
        if facts.is_dir() {
            return Ok(false);
        }
        if facts.is_file() {
            if facts.len() == content.size() && fs::read(path)? == content.read()?.as_ref() {
                return Ok(false);
            }
            // What another compiler, or a run before `cargo clean`, left.
            let is_program = self.programs.iter().any(|name| name == entry.name);
            if is_program && begins_with_elf(path) {
                return Ok(true);
            }
        }
        let shown = fs::from_here(path);
        Err(Error::Project {
            message: format!(
                "`{}` is there already, and is not written over: slsbuild did not put it there",
                shown.display()
            ),
            hint: Some("move it away, or name an empty directory: --out-dir DIR".to_owned()),
        })
    }

    /// Keeps the names, and forgets the directories that are gone.
    fn save(&mut self, names: BTreeSet<String>) -> Result<()> {
        self.list.names = names;
        forget_gone(self.path.parent().unwrap_or(&self.path));
        let text = serde_json::to_vec(&self.list).map_err(anyhow::Error::from)?;
        let written = fs::write_if_changed(&self.path, 0o644, &text);
        written.map_err(|cause| fs::unwritable(&self.path, cause))
    }
}

fn begins_with_elf(path: &Path) -> bool {
    use std::io::Read as _;
    let mut first = [0; ELF.len()];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == ELF
}

/// Removes the lists of directories that are no more. What cannot be read or removed stays: it does no harm.
fn forget_gone(lists: &Path) {
    let Ok(entries) = fs::read_dir(lists) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_bounded(&path, MOST).ok();
        let list = text.and_then(|text| serde_json::from_slice::<List>(&text).ok());
        if list.is_some_and(|list| !list.directory.is_dir()) {
            let _ = fs::remove_file(&path);
        }
    }
}
