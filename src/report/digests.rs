//! Digests of files, remembered with what the file system says of each: a file whose number, size and times are the same
//! is not read again. Without it a build of fifty functions with nothing to do reads a hundred megabytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::error::Result;
use crate::fs;

/// A file that changed this shortly before it was looked at may change again within one tick of the file system's clock,
/// which would not show: it is not remembered (git calls this racy). A tick is 4 to 10 ms on Linux.
const RACY: Duration = Duration::from_millis(50);

/// A file and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    path: PathBuf,
    stamp: Stamp,
    sha256: String,
}

/// What the file system says of a file. The time of the last change to the inode cannot be set by a program, so that a
/// file with an old date put over another is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The digests that were known before, and those of this run.
#[derive(Debug, Default)]
pub struct Digests {
    before: BTreeMap<PathBuf, Known>,
    now: BTreeMap<PathBuf, Known>,
}

impl Digests {
    /// Begins with what an earlier run knew.
    pub fn new(before: &[Known]) -> Self {
        let before = before.iter().cloned();
        Self {
            before: before.map(|known| (known.path.clone(), known)).collect(),
            now: BTreeMap::new(),
        }
    }

    /// The digest of a file, which is read only where nothing known says it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&mut self, path: &Path) -> Result<Sha256> {
        let file = fs::File::open(path)?;
        let stamp = stamp(&file.metadata()?);
        let same = |known: &&Known| Some(known.stamp) == stamp;
        let known = self.now.get(path).or_else(|| self.before.get(path));
        if let Some(known) = known.filter(same)
            && let Some(digest) = Sha256::from_hex(&known.sha256)
        {
            self.now.insert(path.to_owned(), known.clone());
            return Ok(digest);
        }
        let digest = Sha256::of_reader(file)?;
        if let Some(stamp) = stamp.filter(is_settled) {
            let known = Known {
                path: path.to_owned(),
                stamp,
                sha256: digest.to_string(),
            };
            self.now.insert(path.to_owned(), known);
        }
        Ok(digest)
    }

    /// What is known of the files that were asked for, to begin the next run with.
    pub fn known(self) -> Vec<Known> {
        self.now.into_values().collect()
    }
}

/// What the file system says of a file; nothing where there is no time that a program cannot set.
fn stamp(facts: &std::fs::Metadata) -> Option<Stamp> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some(Stamp {
            device: facts.dev(),
            inode: facts.ino(),
            size: facts.size(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        })
        .filter(|stamp| stamp.changed != (0, 0))
    }
    #[cfg(not(unix))]
    {
        let _ = facts;
        None
    }
}

/// Whether the last change lies far enough back for a later one to show.
fn is_settled(stamp: &Stamp) -> bool {
    let (seconds, nanoseconds) = stamp.changed;
    let changed = u64::try_from(seconds)
        .ok()
        .zip(u32::try_from(nanoseconds).ok())
        .map(|(seconds, nanoseconds)| UNIX_EPOCH + Duration::new(seconds, nanoseconds));
    let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.is_some_and(|age| age > RACY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file whose last change is no longer racy.
    fn settled(path: &Path, content: &[u8]) {
        fs::write_if_changed(path, 0o644, content).unwrap();
        std::thread::sleep(RACY * 2);
    }

    #[test]
    fn a_file_is_known_until_anything_about_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("binary");
        settled(&path, b"one");
        let mut first = Digests::default();
        assert_eq!(first.of(&path).unwrap(), Sha256::of(b"one"));
        let known = first.known();
        assert_eq!(known.len(), 1);

        // What is known is believed, which shows that the file is not read.
        let mut lie = known.clone();
        lie[0].sha256 = Sha256::of(b"lie").to_string();
        assert_eq!(Digests::new(&lie).of(&path).unwrap(), Sha256::of(b"lie"));

        // The same size, and the old date put back.
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write_if_changed(&path, 0o644, b"two").unwrap();
        fs::set_modified(&path, date).unwrap();
        assert_eq!(Digests::new(&known).of(&path).unwrap(), Sha256::of(b"two"));
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("binary");
        fs::write_if_changed(&path, 0o644, b"one").unwrap();
        let mut digests = Digests::default();
        digests.of(&path).unwrap();
        assert_eq!(digests.known(), []);
    }
}
