//! AWS Lambda, zip functions on an OS-only runtime: what `bootstrap.zip` must be. The rules are told apart by what
//! they look at: `entries.rs` the names and modes of a zip, `bootstrap.rs` its entry file, `executable.rs` an ELF file.

mod assemble;
mod bootstrap;
mod cpu;
mod entries;
mod executable;
mod limits;
mod runtime;

pub use assemble::{EXTENSIONS, assemble, assemble_extension, assemble_layer};
pub use cpu::baseline_cpu;
pub use executable::lint_binary;
pub use limits::{
    LimitUse, UNZIPPED_LIMIT, ZIPPED_LIMIT, largest, limits, refuse_excess, refuse_unpacked_excess,
    refuse_unzipped_excess,
};
pub use runtime::Runtime;

use crate::artifact::archive::{Archive, ArchiveEntry};
use crate::artifact::zip::EntrySize;
use crate::error::Result;
use crate::finding::{Finding, Severity};
use crate::target::Arch;

/// The file at the root of a zip that Lambda starts.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html> (2026-11)
pub const BOOTSTRAP: &str = "bootstrap";

/// Layers that a function may have. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (2026-11)
pub const MOST_LAYERS: usize = 5;

/// Extensions that may register in one environment. <https://docs.aws.amazon.com/lambda/latest/dg/extensions-configuration.html>
/// (2026-11)
pub const MOST_EXTENSIONS: usize = 10;

/// More findings than this are counted and not shown.
const MOST_FINDINGS: usize = 30;

/// What the function is configured with.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Its architecture, where it is known.
    pub arch: Option<Arch>,
    /// Its runtime.
    pub runtime: Runtime,
}

/// What was found in a zip.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The architecture of `bootstrap`; `None` for a script, or where it could not be read.
    pub arch: Option<Arch>,
    /// What the entries declare to hold, in bytes.
    pub unzipped: u64,
    /// What the rules found.
    pub findings: Vec<Finding>,
}

/// Holds a zip of `zipped` bytes against every rule.
///
/// # Errors
/// Only where the zip can no longer be read from disk; what is wrong with it is a finding.
pub fn lint(archive: &mut Archive, zipped: u64, expected: Expected) -> Result<Inspection> {
    let sizes: Vec<EntrySize> = archive.entries().iter().map(size).collect();
    let unzipped = sizes
        .iter()
        .fold(0, |sum: u64, entry| sum.saturating_add(entry.size));
    let mut findings = Vec::from_iter(expected.runtime.lint());
    findings.extend(limits::lint(zipped, unzipped, &sizes));
    findings.extend(entries::lint(archive));
    let arch = if archive.entries().is_empty() {
        None
    } else {
        bootstrap::lint(archive, expected, &mut findings)?
    };
    if unzipped <= UNZIPPED_LIMIT {
        findings.extend(entries::lint_content(archive)?);
    }
    Ok(Inspection {
        arch,
        unzipped,
        findings: bounded(findings),
    })
}

/// The findings that a reader looks at: a hostile zip may break a rule sixty thousand times.
fn bounded(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() <= MOST_FINDINGS {
        return findings;
    }
    let more = findings.split_off(MOST_FINDINGS);
    let message = format!("{} more findings are not shown", more.len());
    let is_error = more
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    findings.push(if is_error {
        Finding::error("lambda/more", message)
    } else {
        Finding::warning("lambda/more", message)
    });
    findings
}

fn size(entry: &ArchiveEntry) -> EntrySize {
    EntrySize {
        name: shown(&entry.name),
        size: entry.size,
        compressed: entry.compressed_size,
    }
}

/// An entry's name for a message: from outside, so without control characters.
fn shown(name: &str) -> String {
    name.replace(char::is_control, "\u{fffd}")
}
