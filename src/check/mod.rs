//! Runs a platform's rules and limits over an artifact, and says what was found as data. The rules themselves live
//! with their platform; printing is `commands/`' and `report/`'s.

mod allow;
mod budget;
mod image;
mod known;
mod profile_fit;
mod runtime_archive;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use allow::{Allowed, allow};
pub use budget::{budget, budget_use, image_budget, image_budget_use};
pub use image::{ImageSubject, image, lint_image};
pub use known::LayerCache;
pub use profile_fit::profile_fit;
pub use runtime_archive::runtime_archive;

use crate::artifact::archive::Archive;
use crate::binary;
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::finding::{Finding, Severity};
use crate::fs;
use crate::platform::lambda::{self, Expected, LimitUse, Runtime};
use crate::target::Arch;
use crate::ui::Ui;

/// What is known of an artifact that was checked, in the order of the report. What does not apply is null.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Where it is, as it was given.
    pub path: PathBuf,
    /// Whose rules it was held against.
    pub platform: &'static str,
    /// What the platform makes of it.
    pub kind: &'static str,
    /// The architecture of its binary; `multi` for an index over several.
    pub arch: Option<&'static str>,
    /// Its size in bytes.
    pub size: u64,
    /// What it declares to hold, in bytes.
    pub uncompressed_size: Option<u64>,
    /// Its SHA-256 in hex; of an image that of its manifest or index.
    pub sha256: Option<String>,
    /// Its SHA-256 in base64, as Lambda tells it of a zip.
    pub code_sha256: Option<String>,
    /// The platform's limits, and how much of each is used.
    pub limits: Vec<LimitUse>,
    /// What the rules found.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// How many findings are errors.
    pub fn errors(&self) -> usize {
        count_errors(&self.findings)
    }
}

/// Holds a zip against Lambda's rules and limits.
///
/// # Errors
/// Only when the file cannot be read at all; what is wrong with its content is a finding.
pub fn lambda_zip(path: &Path, expected: Expected) -> Result<Checked> {
    let digest = Sha256::of_reader(fs::File::open(path)?)?;
    let size = fs::metadata(path)?.len();
    let inspection =
        Archive::open(path).and_then(|mut archive| lambda::lint(&mut archive, size, expected));
    let (kind, arch, unzipped, findings) = match inspection {
        Ok(inspection) => (
            inspection.kind,
            inspection.arch,
            Some(inspection.unzipped),
            inspection.findings,
        ),
        Err(Error::Rejected { message, .. }) => {
            let finding = Finding::error("lambda/zip", message);
            let finding =
                finding.with_hint("slsbuild check takes Lambda zips: slsbuild zip makes one");
            (expected.kind.unwrap_or_default(), None, None, vec![finding])
        }
        Err(error) => return Err(error),
    };
    Ok(Checked {
        path: path.to_owned(),
        platform: "lambda",
        kind: kind.name(),
        arch: arch.map(Arch::name),
        size,
        uncompressed_size: unzipped,
        sha256: Some(digest.to_string()),
        code_sha256: Some(digest.base64()),
        limits: unzipped.map_or_else(Vec::new, |unzipped| lambda::limits(size, unzipped)),
        findings,
    })
}

/// Holds a stripped binary against Lambda's rules before it is packed, and gives the findings that do not forbid it. `name`
/// is its name in the artifact, `beside` are the names of the files packed with it, `roots` the directories of this machine whose
/// names must not stand in it.
///
/// # Errors
/// [`Error::Rejected`] or [`Error::Findings`] when Lambda could not start it.
pub fn binary(
    name: &str,
    bytes: &[u8],
    roots: &[&str],
    arch: Arch,
    runtime: Runtime,
    beside: &[&str],
    ui: Ui,
) -> Result<Vec<Finding>> {
    let mut facts = binary::inspect_named(&format!("`{name}`"), bytes)?;
    // What is known exactly, and what looks like such a path all the same.
    facts.build_paths.extend(binary::build_paths(bytes, roots));
    facts.build_paths.sort();
    facts.build_paths.dedup();
    let findings = lambda::lint_executable(name, &facts, Some(arch), runtime, beside);
    refuse_errors(name, findings, ui)
}

/// Gives the findings that do not forbid an artifact.
///
/// # Errors
/// [`Error::Rejected`] for the only one that does, or [`Error::Findings`] for several, which are printed.
pub fn refuse_errors(name: &str, findings: Vec<Finding>, ui: Ui) -> Result<Vec<Finding>> {
    let (errors, others): (Vec<Finding>, Vec<Finding>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    let mut errors = errors.into_iter();
    match (errors.next(), errors.next()) {
        (None, _) => Ok(others),
        (Some(Finding { message, hint, .. }), None) => Err(Error::Rejected { message, hint }),
        (Some(first), Some(second)) => {
            let all: Vec<Finding> = [first, second].into_iter().chain(errors).collect();
            for finding in &all {
                ui.error(
                    format_args!("{} [{}]", finding.message, finding.rule),
                    finding.hint.as_deref(),
                );
            }
            Err(Error::Findings {
                artifact: name.to_owned(),
                count: all.len(),
            })
        }
    }
}

fn count_errors(findings: &[Finding]) -> usize {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count()
}
