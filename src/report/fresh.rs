//! Freshness: a record beside the artifact says what it was made from. When that is unchanged, and the file on disk is
//! still the one that was written, nothing is made again.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Artifact;
use super::digests::{Digests, Known};
use crate::artifact::{directory, name};
use crate::error::Result;
use crate::fs;

/// A record beyond this size is not one of ours.
const MAX_RECORD: u64 = 16 << 20;

/// What an artifact was made from, and what it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Record {
    /// Digest of everything that decides the artifact's bytes and findings.
    pub fingerprint: String,
    /// The artifact, as it was reported.
    pub artifact: Artifact,
    /// The files that decide it, as they were.
    #[serde(default)]
    pub known: Vec<Known>,
}

impl Record {
    /// Reads a record; one that cannot be read is as good as none.
    pub fn load(path: &Path) -> Option<Self> {
        let text = fs::read_bounded(path, MAX_RECORD).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes the record, after the artifact: a run that is killed between the two makes the artifact again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec(self).map_err(anyhow::Error::from)?;
        fs::write_if_changed(path, 0o644, &text)?;
        Ok(())
    }

    /// Whether the record speaks of `fingerprint`, and the file at `artifact` is the one it was written for.
    pub fn is_fresh(&self, fingerprint: &str, artifact: &Path, digests: &mut Digests) -> bool {
        self.fingerprint == fingerprint
            && fs::metadata(artifact).is_ok_and(|facts| facts.len() == self.artifact.size)
            && digests
                .of(artifact)
                .is_ok_and(|digest| digest.to_string() == self.artifact.sha256)
    }

    /// Whether the record speaks of `fingerprint`, and the files that it was written for are in the directory at `artifact`,
    /// with this time.
    pub fn is_fresh_directory(
        &self,
        fingerprint: &str,
        artifact: &Path,
        modified: SystemTime,
    ) -> bool {
        let files = self.artifact.files.iter();
        let names: Vec<&str> = files.map(|file| file.name.as_str()).collect();
        // The record is a file like any other: no name in it leads out of the directory.
        let inside = |name: &&str| name::check(name.trim_end_matches('/')).is_ok();
        self.fingerprint == fingerprint
            && names.iter().all(inside)
            && directory::digest_on_disk(artifact, &names, modified)
                .is_some_and(|digest| digest.to_string() == self.artifact.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    #[test]
    fn a_zip_that_was_changed_on_disk_is_not_fresh() {
        let directory = tempfile::tempdir().unwrap();
        let zip = directory.path().join("bootstrap.zip");
        fs::write_if_changed(&zip, 0o644, b"zip").unwrap();
        let mut artifact = super::super::tests::artifact("orders", 3);
        artifact.sha256 = Sha256::of(b"zip").to_string();
        Record {
            fingerprint: "f".to_owned(),
            artifact,
            known: Vec::new(),
        }
        .save(&directory.path().join("record.json"))
        .unwrap();

        let record = Record::load(&directory.path().join("record.json")).unwrap();
        let is_fresh = |fingerprint| record.is_fresh(fingerprint, &zip, &mut Digests::default());
        assert!(is_fresh("f"));
        assert!(!is_fresh("g"));
        fs::write_if_changed(&zip, 0o644, b"zap").unwrap();
        assert!(!is_fresh("f"));
    }

    #[test]
    fn a_broken_record_is_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("record.json");
        assert!(Record::load(&path).is_none());
        fs::write_if_changed(&path, 0o644, b"{").unwrap();
        assert!(Record::load(&path).is_none());
    }
}
