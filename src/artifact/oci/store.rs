//! Named files from outside, in a directory or in a tar: found, bounded and read in place. What they hold is told by the
//! rooms that ask.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Source;
use crate::artifact::tar::{Place, places};
use crate::error::{Error, Result};
use crate::fs;

/// How often a link of an archive may lead to another one.
const MOST_LINKS: usize = 8;

/// Files by name.
#[derive(Debug)]
pub(super) struct Store {
    /// The path as it was given, for errors.
    given: PathBuf,
    files: Files,
}

#[derive(Debug)]
enum Files {
    /// Below a directory, whose path has no links in it.
    Directory(PathBuf),
    /// In a tar.
    Tar(BTreeMap<String, Place>),
}

impl Store {
    /// Opens a directory or a tar.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing is there, [`Error::Rejected`] for what is neither.
    pub(super) fn open(given: &Path) -> Result<Self> {
        let facts = fs::metadata(given).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::Usage {
                message: format!("`{}` does not exist", given.display()),
                hint: Some("build an image: slsbuild image".to_owned()),
            },
            _ => error.into(),
        })?;
        let files = if facts.is_dir() {
            Files::Directory(fs::canonicalize(given)?)
        } else if facts.is_file() {
            Files::Tar(tar(given, facts.len())?)
        } else {
            return Err(refused(given, "it is neither a directory nor a file"));
        };
        Ok(Self {
            given: given.to_owned(),
            files,
        })
    }

    /// Whether the files are in a tar.
    pub(super) fn is_archive(&self) -> bool {
        matches!(self.files, Files::Tar(_))
    }

    /// Where a file is, and how many bytes it has; `None` when there is none of this name.
    ///
    /// # Errors
    /// [`Error::Rejected`] for what is no file, or lies outside.
    pub(super) fn find(&self, name: &str) -> Result<Option<(Source, u64)>> {
        match &self.files {
            Files::Directory(root) => self.find_on_disk(root, name),
            Files::Tar(files) => self.find_in_tar(files, name),
        }
    }

    /// Reads a file of at most `most` bytes.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is missing or larger.
    pub(super) fn read(&self, name: &str, most: u64) -> Result<Vec<u8>> {
        let Some((source, size)) = self.find(name)? else {
            return Err(self.refused(&format!("`{}` is missing in it", name.escape_debug())));
        };
        if size > most {
            let name = name.escape_debug();
            return Err(self.refused(&format!("`{name}` has {size} bytes, more than {most}")));
        }
        let mut bytes = Vec::new();
        let mut file = fs::File::open(source.path().unwrap_or(&self.given))?;
        if let Source::Part(_, offset) = source {
            file.seek(SeekFrom::Start(offset))?;
        }
        file.take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A file of this name, as an error names it between backticks.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}` in `{}", name.escape_debug(), self.given.display())
    }

    /// The error for what is there, with its cause.
    pub(super) fn refused(&self, cause: &str) -> Error {
        refused(&self.given, cause)
    }

    fn find_on_disk(&self, root: &Path, name: &str) -> Result<Option<(Source, u64)>> {
        let path = match fs::canonicalize(root.join(name)) {
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !path.starts_with(root) {
            return Err(self.refused(&format!("`{name}` is a link to what lies outside of it")));
        }
        let facts = fs::metadata(&path)?;
        if !facts.is_file() {
            return Err(self.refused(&format!("`{name}` is no file")));
        }
        Ok(Some((Source::File(path), facts.len())))
    }

    fn find_in_tar(
        &self,
        files: &BTreeMap<String, Place>,
        name: &str,
    ) -> Result<Option<(Source, u64)>> {
        let mut name = name.to_owned();
        for _ in 0..MOST_LINKS {
            match files.get(&name) {
                None => return Ok(None),
                Some(Place::Bytes { offset, size }) => {
                    return Ok(Some((Source::Part(self.given.clone(), *offset), *size)));
                }
                Some(Place::Link(target)) => match resolved(&name, target) {
                    Some(target) => name = target,
                    None => break,
                },
            }
        }
        let name = name.escape_debug();
        Err(self.refused(&format!("`{name}` is a link that leads nowhere in it")))
    }
}

/// The name that a link means, if it stays inside.
fn resolved(link: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!target.starts_with('/')).then(|| parts.join("/"))
}

fn tar(path: &Path, length: u64) -> Result<BTreeMap<String, Place>> {
    let mut file = fs::File::open(path)?;
    let mut magic = Vec::new();
    (&mut file).take(6).read_to_end(&mut magic)?;
    let compressed = [
        (&b"\x1f\x8b"[..], "gzip", "gunzip -k"),
        (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
        (b"\xfd7zXZ\0", "xz", "unxz -k"),
        (b"BZh", "bzip2", "bunzip2 -k"),
    ];
    for (begin, name, command) in compressed {
        if magic.starts_with(begin) {
            let shown = path.display();
            return Err(Error::Rejected {
                message: format!(
                    "`{shown}` is compressed with {name}: an image archive is read in place"
                ),
                hint: Some(format!("{command} {shown}")),
            });
        }
    }
    places(&mut file, length).map_err(|cause| refused(path, &cause))
}

fn refused(path: &Path, cause: &str) -> Error {
    Error::Rejected {
        message: format!("`{}` is no image that can be read: {cause}", path.display()),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_an_archive_stay_in_it() {
        let linked = |target| resolved("a/b/layer.tar", target);
        assert_eq!(linked("../c/layer.tar").as_deref(), Some("a/c/layer.tar"));
        assert_eq!(linked("./x").as_deref(), Some("a/b/x"));
        assert_eq!(linked("../../x").as_deref(), Some("x"));
        assert_eq!(linked("../../../x"), None);
        assert_eq!(linked("/x"), None);

        let place = |target: &str| Place::Link(target.to_owned());
        let bytes = Place::Bytes { offset: 1, size: 2 };
        let files = [
            ("a", place("b")),
            ("b", place("c")),
            ("c", bytes),
            ("loop", place("loop")),
            ("out", place("../x")),
        ];
        let store = Store {
            given: "image.tar".into(),
            files: Files::Tar(files.map(|(name, place)| (name.to_owned(), place)).into()),
        };
        let part = Source::Part("image.tar".into(), 1);
        assert_eq!(store.find("a").unwrap(), Some((part, 2)));
        assert_eq!(store.find("d").unwrap(), None);
        for name in ["loop", "out"] {
            let error = store.find(name).unwrap_err().to_string();
            assert!(
                error.ends_with("is a link that leads nowhere in it"),
                "{error}"
            );
        }
    }
}
