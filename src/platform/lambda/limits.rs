//! Lambda's size limits of zip functions: how much is used, and what to say when it is too much.

use serde::{Deserialize, Serialize};

use super::BOOTSTRAP;
use crate::artifact::zip::{EntrySize, Zip};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::project::include::Included;
use crate::units::{Bytes, Limit, used_percent};

/// Bytes of a zip that Lambda's API accepts: 50 MB, which AWS counts as 2^20 each.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (2026-11)
pub const ZIPPED_LIMIT: u64 = 52_428_800;

/// Bytes of a function with all its layers when unzipped: 250 MB of 2^20.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (2026-11)
pub const UNZIPPED_LIMIT: u64 = 262_144_000;

const SOURCE: &str = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html";

/// How many entries are named when a limit is passed.
const MOST_NAMED: usize = 5;

/// How much of one limit an artifact uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitUse {
    /// What is limited: `zipped` or `unzipped`.
    pub name: String,
    /// Bytes used.
    pub value: u64,
    /// Bytes that the platform accepts.
    pub limit: u64,
    /// The share in percent, rounded up to a tenth.
    pub used_percent: f64,
    /// Where the platform says so.
    pub source: String,
}

/// How much of Lambda's limits a zip uses, in the order of a report.
pub fn limits(zipped: u64, unzipped: u64) -> Vec<LimitUse> {
    [
        ("zipped", zipped, ZIPPED_LIMIT),
        ("unzipped", unzipped, UNZIPPED_LIMIT),
    ]
    .into_iter()
    .map(|(name, value, limit)| LimitUse {
        name: name.to_owned(),
        value,
        limit,
        used_percent: used_percent(value, limit),
        source: SOURCE.to_owned(),
    })
    .collect()
}

/// Refuses a zip that passes a limit, before it is written. `layers` is what its layers hold together, in bytes: Lambda
/// counts them with the function.
///
/// # Errors
/// [`Error::Rejected`] with both numbers and the five largest entries.
pub fn refuse_excess(zip: &Zip, layers: u64) -> Result<()> {
    let mut entries = zip.entries.clone();
    entries.extend(of_layers(layers));
    let unzipped = zip.uncompressed_size().saturating_add(layers);
    refuse(lint(zip.bytes.len() as u64, unzipped, &entries))
}

/// Refuses a directory that Lambda would not unpack, before it is written. How large its zip will be is known to the tool that
/// makes one of it. `layers` is what its layers hold together, in bytes.
///
/// # Errors
/// [`Error::Rejected`] with both numbers and the five largest entries.
pub fn refuse_unpacked_excess(entries: &[EntrySize], layers: u64) -> Result<()> {
    let mut entries = entries.to_vec();
    entries.extend(of_layers(layers));
    let sizes = entries.iter().map(|entry| entry.size);
    let unzipped = sizes.fold(0, u64::saturating_add);
    refuse(lint(0, unzipped, &entries))
}

/// Refuses files that are together more than Lambda unpacks, before any of them is compressed. `binary` is the size of the
/// `bootstrap` in bytes, 0 while there is none.
///
/// # Errors
/// [`Error::Rejected`] with both numbers and the largest entries.
pub fn refuse_unzipped_excess(binary: u64, includes: &[Included]) -> Result<()> {
    let entry = |name: &str, size| EntrySize {
        name: name.to_owned(),
        size,
        compressed: 0,
    };
    let mut entries: Vec<EntrySize> = includes
        .iter()
        .map(|include| entry(&include.name, include.size))
        .collect();
    entries.push(entry(BOOTSTRAP, binary));
    let unzipped = entries
        .iter()
        .fold(0, |sum: u64, entry| sum.saturating_add(entry.size));
    refuse(lint(0, unzipped, &entries))
}

/// What the layers hold, as an entry of the function.
fn of_layers(layers: u64) -> Option<EntrySize> {
    (layers > 0).then(|| EntrySize {
        name: "its layers".to_owned(),
        size: layers,
        compressed: 0,
    })
}

fn refuse(excess: Vec<Finding>) -> Result<()> {
    match excess.into_iter().next() {
        None => Ok(()),
        Some(Finding { message, hint, .. }) => Err(Error::Rejected { message, hint }),
    }
}

/// One error for each limit that is passed.
pub(super) fn lint(zipped: u64, unzipped: u64, entries: &[EntrySize]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if zipped > ZIPPED_LIMIT {
        let largest = largest(entries, |entry| entry.compressed);
        let finding = excess("zipped", zipped, ZIPPED_LIMIT, &largest);
        findings.push(finding.with_hint(
            "leave out what the function does not read; a zip that comes from S3 has only the unzipped limit",
        ));
    }
    if unzipped > UNZIPPED_LIMIT {
        let largest = largest(entries, |entry| entry.size);
        let finding = excess("unzipped", unzipped, UNZIPPED_LIMIT, &largest);
        findings.push(finding.with_hint(
            "leave out what the function does not read, or deploy a container image (10 GB)",
        ));
    }
    findings
}

fn excess(name: &str, value: u64, limit: u64, largest: &str) -> Finding {
    Finding::error(
        &format!("lambda/{name}-size"),
        format!(
            "the artifact has {value} bytes {name}, more than Lambda's {limit} ({}); largest: {largest}",
            Limit(limit)
        ),
    )
}

/// The largest entries of an artifact, for a message.
pub fn largest(entries: &[EntrySize], size: impl Fn(&EntrySize) -> u64) -> String {
    let mut entries: Vec<&EntrySize> = entries.iter().collect();
    entries.sort_by(|a, b| size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name)));
    let named: Vec<String> = entries
        .into_iter()
        .take(MOST_NAMED)
        .map(|entry| format!("`{}` {}", entry.name, Bytes(size(entry))))
        .collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<EntrySize> {
        (0..7)
            .map(|n| EntrySize {
                name: format!("file{n}"),
                size: 1_000_000 * (n + 1),
                compressed: 1_000 * (7 - n),
            })
            .collect()
    }

    #[test]
    fn a_limit_may_be_used_up_and_not_passed() {
        assert_eq!(lint(ZIPPED_LIMIT, UNZIPPED_LIMIT, &entries()), []);
        let messages: Vec<String> = lint(ZIPPED_LIMIT + 1, UNZIPPED_LIMIT + 1, &entries())
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        insta::assert_snapshot!(messages.join("\n"), @r"
        the artifact has 52428801 bytes zipped, more than Lambda's 52428800 (50 MiB); largest: `file0` 7.00 kB, `file1` 6.00 kB, `file2` 5.00 kB, `file3` 4.00 kB, `file4` 3.00 kB
        the artifact has 262144001 bytes unzipped, more than Lambda's 262144000 (250 MiB); largest: `file6` 7.00 MB, `file5` 6.00 MB, `file4` 5.00 MB, `file3` 4.00 MB, `file2` 3.00 MB
        ");
    }

    #[test]
    fn a_zip_that_is_too_large_is_refused_with_both_numbers() {
        let zip = |length| Zip {
            bytes: vec![0; length],
            entries: entries(),
        };
        assert!(refuse_excess(&zip(100), 0).is_ok());
        let error = refuse_excess(&zip(52_428_801), 0).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(
            error
                .to_string()
                .contains("52428801 bytes zipped, more than Lambda's 52428800")
        );
    }

    #[test]
    fn each_limit_says_how_much_is_used() {
        let shares: Vec<(String, f64)> = limits(481_000, 953_000)
            .into_iter()
            .map(|limit| (limit.name, limit.used_percent))
            .collect();
        assert_eq!(
            format!("{shares:?}"),
            r#"[("zipped", 0.9), ("unzipped", 0.4)]"#
        );
    }
}
