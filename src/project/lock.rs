//! `slsbuild.lock`: what the tags of base images stood for when they were first asked about. It belongs into version control:
//! with it, a build takes the same base everywhere, and no registry is asked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::oci::Digest;
use crate::error::{Error, Result};
use crate::fs;

/// The file's name.
pub const LOCK: &str = "slsbuild.lock";

/// The version of its form.
const VERSION: u32 = 1;
/// A lock beyond this size is not one of ours.
const MOST: u64 = 4 << 20;

/// What is written at its top.
const HEAD: &str = "# Made by slsbuild: what the tags of base images stand for. `slsbuild image --update-base` asks anew.\n";

/// The file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// By their references.
    #[serde(default)]
    base: BTreeMap<String, LockedBase>,
}

/// What a base's tag stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// The digest of the index, or of the image where there is no index.
    pub digest: Digest,
    /// The digests of the images, by platform: `linux/arm64`.
    pub platforms: BTreeMap<String, Digest>,
}

/// The lock of a project.
#[derive(Clone, Debug)]
pub struct Lock {
    path: PathBuf,
    content: Content,
}

impl Lock {
    /// Reads the lock in a project's directory; one that is not there holds nothing.
    ///
    /// # Errors
    /// [`Error::Project`] for a file that cannot be one of ours: to go on would change what is built.
    pub fn load(directory: &Path) -> Result<Self> {
        let path = directory.join(LOCK);
        let empty = Content {
            version: VERSION,
            base: BTreeMap::new(),
        };
        let content = match fs::read_bounded(&path, MOST) {
            Ok(bytes) => read(&bytes).map_err(|cause| unreadable(&path, &cause))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => empty,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, content })
    }

    /// What is locked of a base.
    pub fn base(&self, reference: &str) -> Option<&LockedBase> {
        self.content.base.get(reference)
    }

    /// Locks a base, and writes the file if that changes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, reference: &str, base: LockedBase) -> Result<()> {
        self.content.base.insert(reference.to_owned(), base);
        let text = toml::to_string(&self.content).map_err(anyhow::Error::from)?;
        let text = format!("{HEAD}{text}");
        fs::write_if_changed(&self.path, 0o644, text.as_bytes())
            .map_err(|cause| fs::unwritable(&self.path, cause))
    }

    /// Where it is, as it opens from here.
    pub fn shown(&self) -> PathBuf {
        fs::from_here(&self.path)
    }
}

fn read(bytes: &[u8]) -> Result<Content, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let content: Content = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    match content.version {
        VERSION => Ok(content),
        other => Err(format!(
            "its version is {other}, and this slsbuild knows {VERSION}"
        )),
    }
}

fn unreadable(path: &Path, cause: &str) -> Error {
    let shown = fs::from_here(path);
    Error::Project {
        message: format!("`{}` cannot be read: {cause}", shown.display()),
        hint: Some(format!(
            "take it from version control, or have it made anew: rm {} && slsbuild image",
            shown.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &[u8]) -> LockedBase {
        LockedBase {
            digest: Digest::of(text),
            platforms: BTreeMap::from([("linux/amd64".to_owned(), Digest::of(b"amd64"))]),
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut lock = Lock::load(directory.path()).unwrap();
        assert_eq!(lock.base("gcr.io/x/y:z"), None);
        lock.keep("gcr.io/x/y:z", base(b"one")).unwrap();
        lock.keep("gcr.io/a/b:c", base(b"two")).unwrap();
        let text = fs::read_to_string(directory.path().join(LOCK)).unwrap();
        insta::assert_snapshot!(text);
        let lock = Lock::load(directory.path()).unwrap();
        assert_eq!(lock.base("gcr.io/x/y:z"), Some(&base(b"one")));
        assert_eq!(lock.base("gcr.io/a/b:c"), Some(&base(b"two")));
    }

    #[test]
    fn what_is_no_lock_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for text in [
            "version = 2\n",
            "version = 1\nother = 1\n",
            "<<<<<<< HEAD\n",
            "version = 1\n[base.x]\ndigest = \"sha256:1\"\nplatforms = {}\n",
            "\u{0}",
        ] {
            fs::write_if_changed(&directory.path().join(LOCK), 0o644, text.as_bytes()).unwrap();
            assert_eq!(
                Lock::load(directory.path()).unwrap_err().exit_code(),
                3,
                "{text}"
            );
        }
    }
}
