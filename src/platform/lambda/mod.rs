//! AWS Lambda, zip functions on an OS-only runtime, and the layers and extensions beside them: what their zips must be. The
//! rules are told apart by what they look at: `entries.rs` the names and modes of a zip, `bootstrap.rs` a function's entry
//! file, `extension.rs` a layer and its extensions, `executable.rs` an ELF file, `image.rs` a container image.

mod assemble;
mod bootstrap;
mod cpu;
mod entries;
mod executable;
mod extension;
pub mod image;
mod kind;
mod limits;
mod runtime;

pub use crate::project::config::Kind;
pub use assemble::{assemble_extension, assemble_layer, assemble_with};
pub use cpu::{baseline_cpu, go_level};
pub use executable::lint_executable;
pub use extension::{EXTENSIONS, MOST_EXTENSIONS, MOST_LAYERS, extension_name};
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

/// More findings than this are counted and not shown.
const MOST_FINDINGS: usize = 30;

/// What the function is configured with.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// What the zip is for; where it is not said, what it holds tells it.
    pub kind: Option<Kind>,
    /// Its architecture, where it is known.
    pub arch: Option<Arch>,
    /// Its runtime.
    pub runtime: Runtime,
}

/// What was found in a zip.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What the zip is for.
    pub kind: Kind,
    /// The architecture of `bootstrap` or of the extensions; `None` for a script, or where it could not be read.
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
    let kind = expected.kind.unwrap_or_else(|| kind_of(archive.entries()));
    findings.extend(entries::lint(archive, kind));
    let arch = match kind {
        Kind::Function if archive.entries().is_empty() => None,
        Kind::Function => bootstrap::lint(archive, expected, &mut findings)?,
        Kind::Extension | Kind::Layer => extension::lint(archive, expected, kind, &mut findings)?,
    };
    if unzipped <= UNZIPPED_LIMIT {
        findings.extend(entries::lint_content(archive, kind)?);
    }
    Ok(Inspection {
        kind,
        arch,
        unzipped,
        findings: bounded(findings),
    })
}

/// What a zip is for, by what it holds: what is neither is a function without its `bootstrap`.
fn kind_of(entries: &[ArchiveEntry]) -> Kind {
    let starts = |entry: &ArchiveEntry| entries::tidy(&entry.name) == BOOTSTRAP;
    if !entries.iter().any(starts)
        && entries
            .iter()
            .any(|entry| extension::name_of(entry).is_some())
    {
        Kind::Extension
    } else {
        Kind::Function
    }
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
