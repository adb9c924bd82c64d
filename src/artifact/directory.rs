//! The deterministic directory writer: a tree and a time decide every name, byte, mode and time, whatever the umask says.
//! And the digest of such a directory, which is read back from disk the same way.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use crate::artifact::{FileTree, Node, TreeEntry};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs::{self, Aside, unwritable};

const FILE: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;
const DIRECTORY: u32 = 0o755;

/// The lines that a directory's digest is taken of.
///
/// One line for each file and directory, sorted bytewise by its name: `MODE SHA256 NAME`, with the mode in four octal
/// digits, the digest of the content in hex and the name relative to the directory, divided by `/`; of a directory `-`
/// stands for the digest, and its name ends with `/`. Each line ends with a newline, which no name holds. Times are no part
/// of it: they are the same whenever the artifact is made.
#[derive(Debug, Default)]
struct Listing(String);

impl Listing {
    fn directory(&mut self, name: &str) {
        let _ = writeln!(self.0, "{DIRECTORY:04o} - {name}");
    }

    fn file(&mut self, name: &str, mode: u32, content: &Sha256) {
        let _ = writeln!(self.0, "{mode:04o} {content} {name}");
    }

    fn digest(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

/// The digest of a tree as a directory: the SHA-256 of the lines `MODE SHA256 NAME` of all that is in it.
///
/// # Errors
/// When a file of the tree cannot be read.
pub fn digest(tree: &FileTree) -> Result<Sha256> {
    let mut listing = Listing::default();
    for entry in tree.entries() {
        let name = entry.archive_name();
        match entry.node {
            Node::Directory => listing.directory(&name),
            Node::File {
                content,
                executable,
            } => listing.file(&name, mode(executable), &Sha256::of(&content.read()?)),
        }
    }
    Ok(listing.digest())
}

/// The same digest of these names of a directory on disk, sorted and those of directories with a `/` at their end; `None`
/// when one of them is missing, is something else, or carries another time than `modified`.
pub fn digest_on_disk(root: &Path, names: &[&str], modified: SystemTime) -> Option<Sha256> {
    let mut listing = Listing::default();
    for name in names {
        let path = root.join(name.trim_end_matches('/'));
        let facts = fs::symlink_metadata(&path).ok()?;
        if name.ends_with('/') {
            facts.is_dir().then_some(())?;
            listing.directory(name);
            continue;
        }
        let is_ours = facts.is_file() && facts.modified().is_ok_and(|time| time == modified);
        is_ours.then_some(())?;
        let mode = [FILE, EXECUTABLE]
            .into_iter()
            .find(|mode| fs::has_mode(&facts, *mode))?;
        let content = fs::File::open(&path).and_then(Sha256::of_reader).ok()?;
        listing.file(name, mode, &content);
    }
    Some(listing.digest())
}

/// Makes `root` exactly this tree: written aside and exchanged with what was there, at once.
///
/// # Errors
/// [`Error::Unwritable`] for `root`, and when a file of the tree cannot be read; `root` is as it was.
pub fn replace(tree: &FileTree, root: &Path, modified: SystemTime) -> Result<()> {
    let unwritable = |cause| unwritable(root, cause);
    let aside = Aside::beside(root).map_err(unwritable)?;
    let all: BTreeSet<String> = tree.entries().iter().map(TreeEntry::archive_name).collect();
    match write_into(tree, aside.path(), modified, &all) {
        // The name aside says nothing to the user.
        Err(Error::Unwritable { cause, .. }) => return Err(unwritable(cause)),
        written => written?,
    }
    fs::set_modified(aside.path(), modified).map_err(unwritable)?;
    aside.replace(root).map_err(unwritable)
}

/// Writes the tree into a directory that may hold other files, each file at once. A file that is there already stays
/// untouched. Directories are made; of those that are there, only the `own` ones get the tree's time.
///
/// # Errors
/// [`Error::Unwritable`] for the first file that cannot be written, and when a file of the tree cannot be read.
pub fn write_into(
    tree: &FileTree,
    root: &Path,
    modified: SystemTime,
    own: &BTreeSet<String>,
) -> Result<()> {
    let entries = tree.entries();
    for entry in &entries {
        let path = root.join(entry.name);
        match entry.node {
            Node::Directory => make(&path).map_err(|cause| unwritable(&path, cause))?,
            Node::File {
                content,
                executable,
            } => put(&path, mode(executable), &content.read()?, modified)
                .map_err(|cause| unwritable(&path, cause))?,
        }
    }
    // A file that comes into a directory changes its time, so all files come first.
    for entry in &entries {
        if matches!(entry.node, Node::Directory) && own.contains(&entry.archive_name()) {
            let path = root.join(entry.name);
            fs::set_modified(&path, modified).map_err(|cause| unwritable(&path, cause))?;
        }
    }
    Ok(())
}

/// Removes the files and directories of these names, as far as they are there and nothing else is in them.
///
/// # Errors
/// [`Error::Unwritable`] for a file that cannot be removed.
pub fn remove_from(root: &Path, names: &BTreeSet<&String>) -> Result<()> {
    // Backwards, what lies in a directory comes before it.
    for name in names.iter().rev() {
        let path = root.join(name.trim_end_matches('/'));
        let Ok(facts) = fs::symlink_metadata(&path) else {
            continue;
        };
        if name.ends_with('/') {
            let _ = fs::remove_dir(&path);
        } else if !facts.is_dir() {
            fs::remove_file(&path).map_err(|cause| unwritable(&path, cause))?;
        }
    }
    Ok(())
}

fn mode(executable: bool) -> u32 {
    if executable { EXECUTABLE } else { FILE }
}

/// Makes a directory, or sweeps the one that is there.
fn make(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => fs::set_mode(path, DIRECTORY),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
            fs::sweep(path)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file, unless it is there already.
fn put(path: &Path, mode: u32, content: &[u8], modified: SystemTime) -> io::Result<()> {
    let facts = fs::symlink_metadata(path).ok().filter(|facts| {
        facts.is_file()
            && facts.len() == content.len() as u64
            && fs::has_mode(facts, mode)
            && fs::read(path).is_ok_and(|old| old == content)
    });
    match facts {
        None => fs::write_atomic(path, mode, |file| file.write_all(content))?,
        Some(facts) if facts.modified().is_ok_and(|time| time == modified) => return Ok(()),
        Some(_) => {}
    }
    fs::set_modified(path, modified)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::artifact::Content;

    fn tree(files: &[(&str, &str, bool)]) -> FileTree {
        let mut tree = FileTree::new();
        for (name, content, executable) in files {
            let content = Content::Bytes(content.as_bytes().to_vec());
            tree.insert(name, content, *executable).unwrap();
        }
        tree
    }

    fn orders() -> FileTree {
        tree(&[
            ("bootstrap", "program", true),
            ("conf/ca.pem", "pem", false),
            ("conf/deep/x", "", false),
        ])
    }

    fn names(tree: &FileTree) -> Vec<String> {
        tree.entries().iter().map(TreeEntry::archive_name).collect()
    }

    fn on_disk(root: &Path, tree: &FileTree) -> Option<Sha256> {
        let names = names(tree);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        digest_on_disk(root, &names, time())
    }

    fn time() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(315_532_800)
    }

    #[test]
    fn a_tree_has_one_digest_and_two_directories_have_it_too() {
        let golden = "bd3aa0f0b098b6997046c5f05628e0298d73cb778d69d0b2e9e69c2d6be76d29";
        assert_eq!(digest(&orders()).unwrap().to_string(), golden);
        let parent = tempfile::tempdir().unwrap();
        for name in ["one", "other"] {
            let root = parent.path().join(name);
            replace(&orders(), &root, time()).unwrap();
            assert_eq!(on_disk(&root, &orders()).unwrap().to_string(), golden);
            for directory in ["", "conf", "conf/deep"] {
                let facts = fs::metadata(root.join(directory)).unwrap();
                assert!(fs::has_mode(&facts, 0o755));
                assert_eq!(facts.modified().unwrap(), time(), "{directory}");
            }
        }
    }

    #[test]
    fn what_was_changed_on_disk_has_another_digest_or_none() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("dir");
        let file = root.join("conf/ca.pem");
        let fresh = || {
            replace(&orders(), &root, time()).unwrap();
            on_disk(&root, &orders())
        };
        let whole = fresh();
        fs::set_mode(&file, 0o755).unwrap();
        assert_ne!(on_disk(&root, &orders()), whole);
        assert_eq!(fresh(), whole);
        fs::set_modified(&file, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(on_disk(&root, &orders()), None);
        assert_eq!(fresh(), whole);
        fs::remove_file(&file).unwrap();
        assert_eq!(on_disk(&root, &orders()), None);
    }

    #[test]
    fn a_directory_of_the_users_keeps_what_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir(root.join("conf")).unwrap();
        fs::write_if_changed(&root.join("conf/own"), 0o600, b"own").unwrap();
        let all: BTreeSet<String> = names(&orders()).into_iter().collect();
        write_into(&orders(), root, time(), &all).unwrap();
        assert_eq!(on_disk(root, &orders()), Some(digest(&orders()).unwrap()));

        let stale = all.iter().filter(|name| *name != "bootstrap").collect();
        remove_from(root, &stale).unwrap();
        assert!(root.join("bootstrap").exists() && root.join("conf/own").exists());
        assert!(!root.join("conf/ca.pem").exists() && !root.join("conf/deep").exists());
    }

    #[test]
    fn a_directory_in_the_place_of_a_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bootstrap")).unwrap();
        let error = write_into(&orders(), root.path(), time(), &BTreeSet::new()).unwrap_err();
        assert!(matches!(&error, Error::Unwritable { path, .. } if path.ends_with("bootstrap")));
    }
}
