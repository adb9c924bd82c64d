//! The report: what was made, as data with a stable JSON form. `human.rs` says it to people, `fresh.rs` keeps it beside
//! the artifact so that an unchanged one is not made again.

pub mod digests;
pub mod fresh;
pub mod human;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::finding::Finding;
use crate::fs;
use crate::platform::lambda::LimitUse;

/// The version of the report's JSON form. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;
/// The key of an artifact's toolchain under which the digest of the profile stands that guided the optimizer.
pub const PGO_PROFILE: &str = "pgo_profile";

/// A report beyond this size is not merged into.
const MAX_REPORT: u64 = 64 << 20;

/// What one run made, or what all runs made last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of slsbuild.
    pub slsbuild: String,
    /// The artifacts.
    pub artifacts: Vec<Artifact>,
    /// Findings that belong to no artifact.
    pub findings: Vec<Finding>,
}

/// One artifact. What does not apply is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// The function's name.
    pub name: String,
    /// Who runs it: `lambda`.
    pub platform: String,
    /// What it is: `function`.
    pub kind: String,
    /// Its architecture: `arm64`, `amd64`.
    pub arch: String,
    /// Rustc's triple.
    pub target: Option<String>,
    /// Where it is; opens from the directory the command ran in. None for an image that was only pushed.
    pub path: Option<PathBuf>,
    /// Its size in bytes; of a directory, what its files hold.
    pub size: u64,
    /// The size of what it holds, in bytes.
    pub uncompressed_size: Option<u64>,
    /// Its SHA-256 in hex; of a directory, that of its listing ([`crate::artifact::directory::digest`]).
    pub sha256: String,
    /// Its SHA-256 in base64, as Lambda tells `CodeSha256`.
    pub code_sha256: Option<String>,
    /// An image's digest, as registries name it: of its manifest, or of the index over several.
    pub digest: Option<String>,
    /// Where an image was pushed to: `REPOSITORY@DIGEST`, with the tags before.
    pub pushed: Vec<String>,
    /// Lambda's runtime identifier.
    pub runtime: Option<String>,
    /// Lambda's handler.
    pub handler: Option<String>,
    /// What it holds, in its order.
    pub files: Vec<File>,
    /// The platform's limits, and how much of each is used.
    pub limits: Vec<LimitUse>,
    /// The user's own budgets.
    pub budget: Vec<LimitUse>,
    /// What the platform's rules found.
    pub findings: Vec<Finding>,
    /// What it was made with.
    pub toolchain: BTreeMap<String, String>,
    /// How long it took.
    pub timings: Timings,
    /// Commands to paste: what one does with the artifact next.
    pub next: Vec<Next>,
}

/// One file of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path in the artifact.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its size in the artifact, in bytes.
    pub compressed_size: u64,
}

/// How long the parts took, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Cargo, for all artifacts of its call together.
    pub compile_ms: u64,
    /// Inspecting, stripping and packing this artifact.
    pub pack_ms: u64,
    /// Whether nothing had changed, so that nothing was packed again.
    pub fresh: bool,
}

/// A command to paste.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// What it does: `run`, `deploy`.
    pub verb: String,
    /// A shell line.
    pub command: String,
}

impl Report {
    /// The report of a run that made `artifacts`.
    pub fn new(artifacts: Vec<Artifact>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            slsbuild: env!("CARGO_PKG_VERSION").to_owned(),
            artifacts,
            findings: Vec::new(),
        }
    }

    /// The stable JSON form, with a newline behind it.
    ///
    /// # Errors
    /// When a path is no UTF-8.
    pub fn json(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("the report has no JSON form")?;
        Ok(text + "\n")
    }

    /// Merges this run into `report.json` below `root`, which holds the last report of each (name, platform, kind, arch).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, root: &Path) -> Result<()> {
        // Two runs that end together merge one after the other.
        let lock = fs::File::create(root.join(".report.lock"))?;
        lock.file().lock().context("the report cannot be locked")?;
        let path = root.join("report.json");
        let last = fs::read_bounded(&path, MAX_REPORT).ok();
        let last = last.and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        let merged = self.merged_into(last.filter(|last| last.schema_version == SCHEMA_VERSION));
        fs::write_if_changed(&path, 0o644, merged.json()?.as_bytes())?;
        Ok(())
    }

    fn merged_into(&self, last: Option<Self>) -> Self {
        fn key(artifact: &Artifact) -> [&str; 4] {
            [
                &artifact.name,
                &artifact.platform,
                &artifact.kind,
                &artifact.arch,
            ]
        }
        let mut merged = self.clone();
        let kept = last.into_iter().flat_map(|last| last.artifacts);
        merged
            .artifacts
            .extend(kept.filter(|old| self.artifacts.iter().all(|new| key(new) != key(old))));
        merged.artifacts.sort_by(|a, b| key(a).cmp(&key(b)));
        merged
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn artifact(name: &str, size: u64) -> Artifact {
        Artifact {
            name: name.to_owned(),
            platform: "lambda".to_owned(),
            kind: "function".to_owned(),
            arch: "arm64".to_owned(),
            target: None,
            path: Some(PathBuf::from("bootstrap.zip")),
            size,
            uncompressed_size: None,
            sha256: "00".to_owned(),
            code_sha256: None,
            digest: None,
            pushed: Vec::new(),
            runtime: None,
            handler: None,
            files: Vec::new(),
            limits: Vec::new(),
            budget: Vec::new(),
            findings: Vec::new(),
            toolchain: BTreeMap::new(),
            timings: Timings {
                compile_ms: 0,
                pack_ms: 0,
                fresh: false,
            },
            next: Vec::new(),
        }
    }

    #[test]
    fn the_saved_report_keeps_what_other_runs_made() {
        let directory = tempfile::tempdir().unwrap();
        Report::new(vec![artifact("orders", 1), artifact("billing", 2)])
            .save(directory.path())
            .unwrap();
        Report::new(vec![artifact("orders", 3)])
            .save(directory.path())
            .unwrap();
        let text = fs::read(directory.path().join("report.json")).unwrap();
        let saved: Report = serde_json::from_slice(&text).unwrap();
        let sizes: Vec<(&str, u64)> = saved
            .artifacts
            .iter()
            .map(|a| (a.name.as_str(), a.size))
            .collect();
        assert_eq!(sizes, [("billing", 2), ("orders", 3)]);
    }

    #[test]
    fn the_fields_stand_in_the_order_of_the_contract() {
        let text = Report::new(vec![artifact("orders", 1)]).json().unwrap();
        insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "[version]"));
    }
}
