//! The files of an artifact, by name, before any byte of an archive is written. Content stays on disk until a
//! writer asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;

use crate::artifact::name;
use crate::error::{Error, Result};
use crate::fs;

/// Where a file's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes at hand.
    Bytes(Vec<u8>),
    /// A file that is read only when it is written into the artifact.
    File {
        /// The file to read.
        path: PathBuf,
        /// Its size when it was found; another size when it is read is an error.
        size: u64,
    },
}

impl Content {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { size, .. } => *size,
        }
    }

    /// Reads the bytes, refusing a file that is no longer as long as it was.
    pub fn read(&self) -> Result<std::borrow::Cow<'_, [u8]>> {
        let mut bytes = match self {
            Self::Bytes(bytes) => return Ok(bytes.into()),
            Self::File { size, .. } => Vec::with_capacity(usize::try_from(*size).unwrap_or(0)),
        };
        self.append_to(&mut bytes)?;
        Ok(bytes.into())
    }

    /// Reads the bytes to the end of others, refusing a file that is no longer as long as it was.
    pub fn append_to(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let (path, size) = match self {
            Self::Bytes(own) => {
                bytes.extend_from_slice(own);
                return Ok(());
            }
            Self::File { path, size } => (path, *size),
        };
        let read = fs::File::open(path)?
            .take(size.saturating_add(1))
            .read_to_end(bytes)?;
        if read as u64 == size {
            return Ok(());
        }
        Err(Error::Unexpected(anyhow::anyhow!(
            "`{}` changed while it was packed: it had {size} bytes when the build began",
            path.display()
        )))
    }

    /// The source, as an error names it.
    fn source(&self) -> String {
        match self {
            Self::Bytes(_) => "the build".to_owned(),
            Self::File { path, .. } => format!("`{}`", path.display()),
        }
    }
}

/// One name of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// The name: components divided by `/`, for a directory without a `/` at its end.
    pub name: &'a str,
    /// What has this name.
    pub node: Node<'a>,
}

/// What a name of a tree stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node<'a> {
    /// A directory that files of the tree lie in.
    Directory,
    /// A file.
    File {
        /// Where its bytes come from.
        content: &'a Content,
        /// Whether it is a program.
        executable: bool,
    },
}

/// Named files, each with one source. Directories are those that the names imply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileTree {
    files: BTreeMap<String, (Content, bool)>,
    directories: BTreeSet<String>,
}

impl FileTree {
    /// A tree without files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. A name that does not stay inside the artifact is refused, and so is a second source for one
    /// name, and a file where another file needs a directory.
    pub fn insert(&mut self, name: &str, content: Content, executable: bool) -> Result<()> {
        if let Err(cause) = name::check(name) {
            return Err(refused(format!(
                "`{}` cannot be the name of a file in an artifact: {cause}",
                name.escape_debug()
            )));
        }
        if let Some((other, _)) = self.files.get(name) {
            return Err(refused(format!(
                "`{name}` has two sources: {} and {}",
                other.source(),
                content.source()
            )));
        }
        if self.directories.contains(name) {
            return Err(refused(format!(
                "`{name}` from {} would be a file where other files need a directory",
                content.source()
            )));
        }
        if let Some((parent, (other, _))) =
            name::ancestors(name).find_map(|parent| self.files.get_key_value(parent))
        {
            return Err(refused(format!(
                "`{name}` from {} needs a directory where `{parent}` from {} is a file",
                content.source(),
                other.source()
            )));
        }
        self.directories
            .extend(name::ancestors(name).map(str::to_owned));
        self.files.insert(name.to_owned(), (content, executable));
        Ok(())
    }

    /// The directories and files, sorted bytewise by the name an archive gives them: a directory, whose name ends
    /// with `/` there, comes right before what lies in it. A writer's entry point may go before all of them.
    pub fn entries(&self) -> Vec<TreeEntry<'_>> {
        let directories = self.directories.iter().map(|name| TreeEntry {
            name,
            node: Node::Directory,
        });
        let files = self
            .files
            .iter()
            .map(|(name, (content, executable))| TreeEntry {
                name,
                node: Node::File {
                    content,
                    executable: *executable,
                },
            });
        let mut entries: Vec<TreeEntry<'_>> = directories.chain(files).collect();
        entries.sort_by_cached_key(TreeEntry::archive_name);
        entries
    }

    /// The files with their contents, sorted by name, and whether each is a program: for a writer that gives each content up
    /// as soon as it is written.
    pub fn into_files(self) -> impl Iterator<Item = (String, Content, bool)> {
        self.files
            .into_iter()
            .map(|(name, (content, executable))| (name, content, executable))
    }

    /// The sum of all files' sizes: what the artifact takes where it is unpacked.
    pub fn uncompressed_size(&self) -> u64 {
        self.files
            .values()
            .fold(0, |sum, (content, _)| sum.saturating_add(content.size()))
    }
}

impl TreeEntry<'_> {
    /// The name as an archive writes it: a directory's ends with `/`.
    pub fn archive_name(&self) -> String {
        match self.node {
            Node::Directory => format!("{}/", self.name),
            Node::File { .. } => self.name.to_owned(),
        }
    }
}

fn refused(message: String) -> Error {
    Error::Project {
        message,
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn bytes(text: &str) -> Content {
        Content::Bytes(text.as_bytes().to_vec())
    }

    fn message(result: Result<()>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.exit_code(), 3);
        error.to_string()
    }

    #[test]
    fn directories_come_right_before_their_files() {
        let mut tree = FileTree::new();
        for name in ["b/c/d", "b/a", "a", "b-x", "b.x"] {
            tree.insert(name, bytes(name), false).unwrap();
        }
        let names: Vec<String> = tree.entries().iter().map(TreeEntry::archive_name).collect();
        assert_eq!(names, ["a", "b-x", "b.x", "b/", "b/a", "b/c/", "b/c/d"]);
        assert_eq!(tree.uncompressed_size(), 5 + 3 + 1 + 3 + 3);
    }

    #[test]
    fn a_name_has_one_source_and_one_kind() {
        let mut tree = FileTree::new();
        let file = Content::File {
            path: "local/x".into(),
            size: 1,
        };
        tree.insert("a/b", bytes("1"), false).unwrap();
        assert_eq!(
            message(tree.insert("a/b", file.clone(), false)),
            "`a/b` has two sources: the build and `local/x`"
        );
        assert_eq!(
            message(tree.insert("a", file.clone(), false)),
            "`a` from `local/x` would be a file where other files need a directory"
        );
        assert_eq!(
            message(tree.insert("a/b/c/d", file, false)),
            "`a/b/c/d` from `local/x` needs a directory where `a/b` from the build is a file"
        );
        assert_eq!(
            message(tree.insert("x\n", bytes(""), false)),
            "`x\\n` cannot be the name of a file in an artifact: it holds a control character"
        );
        assert_eq!(tree.entries().len(), 2, "a refused file leaves no trace");
    }

    #[test]
    fn a_file_that_changed_is_not_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"four").unwrap();
        let content = |size| Content::File {
            path: file.path().to_owned(),
            size,
        };
        assert_eq!(*content(4).read().unwrap(), *b"four");
        for size in [3, 5] {
            let error = content(size).read().unwrap_err().one_line();
            assert!(error.contains("changed while it was packed"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_insertion_is_never_seen(names in proptest::collection::btree_set("[ab]/?[ab]{0,2}", 1..6)) {
            let mut forward = FileTree::new();
            let taken: Vec<&String> = names
                .iter()
                .filter(|name| forward.insert(name, bytes(name), false).is_ok())
                .collect();
            let mut backward = FileTree::new();
            for name in taken.into_iter().rev() {
                backward.insert(name, bytes(name), false).unwrap();
            }
            prop_assert_eq!(forward, backward);
        }
    }
}
