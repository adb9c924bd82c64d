//! Rules about the entries of a zip: their names, kinds and modes, and whether Lambda can unpack them.

use super::executable::listed;
use super::{BOOTSTRAP, Kind, extension, shown};
use crate::artifact::archive::{Archive, ArchiveEntry, EntryKind, Method};
use crate::artifact::name;
use crate::error::{Error, Result};
use crate::finding::Finding;

/// The longest target of a symbolic link that is read: Linux takes no longer path.
const LONGEST_TARGET: u64 = 4096;

/// Holds what the central directory says against the rules.
pub(super) fn lint(archive: &Archive, kind: Kind) -> Vec<Finding> {
    let entries = archive.entries();
    if entries.is_empty() && kind == Kind::Function {
        let finding = Finding::error("lambda/empty", "the zip holds no files");
        return vec![finding.with_hint("a function needs at least `bootstrap`: slsbuild zip")];
    }
    let mut findings = Vec::from_iter(lint_duplicates(archive));
    findings.extend(lint_names(entries));
    findings.extend(lint_packing(entries));
    findings.extend(lint_modes(entries, kind));
    findings
}

/// Reads every entry: one that is damaged, or a link that leads nowhere, is found here and not in production.
pub(super) fn lint_content(archive: &mut Archive, kind: Kind) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for index in 0..archive.entries().len() {
        let Some(entry) = archive.entries().get(index).cloned() else {
            break;
        };
        if entry.encrypted || matches!(entry.method, Method::Other(_)) {
            continue;
        }
        match archive.read(index) {
            Ok(content) if entry.kind == EntryKind::Symlink => {
                findings.extend(lint_link(archive.entries(), &entry, &content, kind));
            }
            Ok(_) => {}
            Err(Error::Rejected { message, hint }) => findings.push(Finding {
                hint,
                ..Finding::error("lambda/damaged-entry", message)
            }),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

fn lint_duplicates(archive: &Archive) -> Option<Finding> {
    archive.has_duplicate_names().then(|| {
        Finding::error(
            "lambda/duplicate-name",
            "two entries of the zip have one name: which of them is unpacked is not defined",
        )
    })
}

fn lint_names(entries: &[ArchiveEntry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in entries {
        let own = entry.name.strip_suffix('/').unwrap_or(&entry.name);
        let Err(cause) = name::check(own) else {
            continue;
        };
        let name = shown(&entry.name);
        if is_harmless(own) {
            let message = format!("entry `{name}` is unpacked under a shorter name: {cause}");
            findings.push(Finding::warning("lambda/entry-name", message));
            continue;
        }
        let message = format!("entry `{name}` cannot be unpacked as it is named: {cause}");
        let finding = Finding::error("lambda/entry-name", message);
        findings.push(if own.contains('\\') {
            finding.with_hint("the zip was made on Windows by a tool that does not turn `\\` into `/`: zip it with another")
        } else {
            finding
        });
    }
    findings
}

/// Names that unpack to the same place when they are tidied: `./bootstrap`, `a//b`.
fn is_harmless(name: &str) -> bool {
    let components = name.split('/').filter(|part| !matches!(*part, "" | "."));
    !name.starts_with('/') && name::check(&components.collect::<Vec<_>>().join("/")).is_ok()
}

fn lint_packing(entries: &[ArchiveEntry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in entries {
        let name = shown(&entry.name);
        if entry.encrypted {
            findings.push(Finding::error(
                "lambda/encrypted-entry",
                format!("`{name}` is encrypted: Lambda has no password for it"),
            ));
        }
        if let Method::Other(number) = entry.method {
            // The archive reader gives this number to every method that it cannot name.
            let method = match number {
                u16::MAX => String::new(),
                number => format!(" {number}"),
            };
            findings.push(Finding::error(
                "lambda/compression-method",
                format!("`{name}` is packed with compression method{method}: Lambda unpacks stored and deflated entries"),
            ));
        }
        if entry.kind == EntryKind::Special {
            findings.push(Finding::error(
                "lambda/special-file",
                format!("`{name}` is a device, socket or pipe: Lambda unpacks files"),
            ));
        }
    }
    findings
}

/// Lambda unpacks as one user and runs as another: what only the owner may read is not there for the function.
/// <https://repost.aws/knowledge-center/lambda-deployment-package-errors> (2026-11)
fn lint_modes(entries: &[ArchiveEntry], kind: Kind) -> Vec<Finding> {
    // What is wrong with the mode of a program that Lambda starts has a rule of its own.
    let is_started = |entry: &ArchiveEntry| match kind {
        Kind::Function => tidy(&entry.name) == BOOTSTRAP,
        Kind::Extension | Kind::Layer => extension::name_of(entry).is_some(),
    };
    let lacking = |kind: EntryKind, bits: u32| -> Vec<String> {
        entries
            .iter()
            .filter(|entry| entry.kind == kind && !is_started(entry))
            .filter_map(|entry| Some((entry, entry.mode.filter(|mode| mode & bits != bits)?)))
            .map(|(entry, mode)| format!("`{}` ({:04o})", shown(&entry.name), mode & 0o7777))
            .collect()
    };
    let mut findings = Vec::new();
    let mut report = |names: Vec<String>, what: &str, advice: &str| {
        if !names.is_empty() {
            let message = format!("Lambda's user may not {what} {}", listed(names));
            findings.push(Finding::error("lambda/unreadable", message).with_hint(advice));
        }
    };
    report(
        lacking(EntryKind::File, 0o004),
        "read",
        "chmod a+r what the function reads, and zip it again",
    );
    report(
        lacking(EntryKind::Directory, 0o005),
        "open directory",
        "chmod a+rx the directories, and zip them again",
    );
    findings
}

fn lint_link(
    entries: &[ArchiveEntry],
    link: &ArchiveEntry,
    target: &[u8],
    kind: Kind,
) -> Option<Finding> {
    let (root, other) = super::kind::roots(kind);
    let name = shown(&link.name);
    let target = String::from_utf8_lossy(target);
    let leads = format!("symbolic link `{name}` leads to `{}`", shown(&target));
    if target.starts_with(other) {
        let message = format!("{leads}, which only {} can bring", super::kind::other(kind));
        return Some(Finding::warning("lambda/symlink", message));
    }
    let Some(path) = resolve(root, &link.name, &target) else {
        return Some(Finding::error(
            "lambda/symlink",
            format!("{leads}, which is not in the zip"),
        ));
    };
    let inside = format!("{path}/");
    let exists = path.is_empty()
        || entries
            .iter()
            .any(|entry| tidy(&entry.name) == path || tidy(&entry.name).starts_with(&inside));
    (!exists).then(|| {
        Finding::error(
            "lambda/symlink",
            format!("{leads}, which is not in the zip"),
        )
    })
}

/// The path in the zip, which is unpacked at `root`, that a link at `link` leads to; `None` when it leaves the zip.
pub(super) fn resolve(root: &str, link: &str, target: &str) -> Option<String> {
    if target.len() as u64 > LONGEST_TARGET {
        return None;
    }
    let link = tidy(link);
    let directory = link.rsplit_once('/').map_or("", |(directory, _)| directory);
    let (start, rest) = match target.strip_prefix(root) {
        Some(rest) => ("", rest),
        None if target.starts_with('/') => return None,
        None => (directory, target),
    };
    let mut path: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

/// An entry's name without `./` before it and `/` behind it.
pub(super) fn tidy(name: &str) -> &str {
    let name = name.strip_suffix('/').unwrap_or(name);
    name.strip_prefix("./").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_inside_the_zip_only() {
        let cases = [
            ("bootstrap", "bin/main", Some("bin/main")),
            ("./a/b", "../c", Some("c")),
            ("a/b", "../../c", None),
            ("a/b", "/var/task/c/./d", Some("c/d")),
            ("a", "/etc/passwd", None),
        ];
        for (link, target, expected) in cases {
            assert_eq!(
                resolve("/var/task/", link, target).as_deref(),
                expected,
                "{link} → {target}"
            );
        }
    }
}
