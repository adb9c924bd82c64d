//! Rules about the file that Lambda starts: that it is where Lambda looks, may be executed, and is a program. What holds
//! for every program of a zip, extensions too, is `lint_program`.

use super::entries::{resolve, tidy};
use super::{BOOTSTRAP, Expected, Kind, UNZIPPED_LIMIT, executable, shown};
use crate::artifact::archive::{Archive, ArchiveEntry, EntryKind, Method};
use crate::binary;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::target::Arch;

/// As many links as are followed before they are taken for a circle; Linux follows forty.
const MOST_LINKS: usize = 40;

/// All that the owner, the group and others need to read and execute a file.
const EXECUTABLE: u32 = 0o555;

/// Directories of a zip that the loader looks for libraries in.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html> (2026-11)
const LIBRARY_DIRECTORIES: [&str; 2] = ["", "lib/"];

/// Checks `bootstrap` and tells its architecture.
pub(super) fn lint(
    archive: &mut Archive,
    expected: Expected,
    findings: &mut Vec<Finding>,
) -> Result<Option<Arch>> {
    let index = match find(archive, BOOTSTRAP, Kind::Function)? {
        Ok(index) => index,
        Err(finding) => {
            findings.extend(finding);
            return Ok(None);
        }
    };
    let Some(entry) = archive.entries().get(index).cloned() else {
        return Ok(None);
    };
    findings.extend(lint_mode(&entry));
    lint_program(archive, index, BOOTSTRAP, expected, findings)
}

/// Checks a program of the zip, which is `name` in messages, and tells its architecture.
pub(super) fn lint_program(
    archive: &mut Archive,
    index: usize,
    name: &str,
    expected: Expected,
    findings: &mut Vec<Finding>,
) -> Result<Option<Arch>> {
    let Some(entry) = archive.entries().get(index).cloned() else {
        return Ok(None);
    };
    let name = &shown(name);
    if entry.encrypted || matches!(entry.method, Method::Other(_)) || entry.size > UNZIPPED_LIMIT {
        return Ok(None);
    }
    let content = match archive.read(index) {
        Ok(content) => content,
        // Said with every other damaged entry.
        Err(Error::Rejected { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    if content.starts_with(b"#!") {
        findings.extend(lint_script(name, &content));
        return Ok(None);
    }
    match binary::inspect_named(&format!("`{name}`"), &content) {
        Ok(facts) => {
            let is_bundled = |library: &str| {
                bundles(
                    archive.entries().iter().map(|entry| entry.name.as_str()),
                    library,
                )
            };
            findings.extend(executable::lint(
                name,
                &facts,
                expected.arch,
                expected.runtime,
                is_bundled,
            ));
            Ok(facts.arch)
        }
        Err(Error::Rejected { message, .. }) => {
            let rule = if name == BOOTSTRAP {
                "lambda/bootstrap"
            } else {
                "lambda/extension"
            };
            let finding = Finding::error(rule, message);
            findings.push(finding.with_hint("slsbuild zip builds one that Lambda starts"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The entry that is started from `start`, links followed; or what is wrong, if anything can be said.
pub(super) fn find(
    archive: &mut Archive,
    start: &str,
    kind: Kind,
) -> Result<Result<usize, Option<Finding>>> {
    let rule = match kind {
        Kind::Function => "lambda/bootstrap",
        Kind::Extension | Kind::Layer => "lambda/extension",
    };
    let mut path = start.to_owned();
    for _ in 0..MOST_LINKS {
        let found = archive
            .entries()
            .iter()
            .position(|entry| tidy(&entry.name) == path);
        let Some(index) = found else {
            // A link that leads out of the zip is reported with the links.
            let missing = (path == start).then(|| missing(archive.entries()));
            return Ok(Err(missing));
        };
        let Some(entry) = archive.entries().get(index).cloned() else {
            return Ok(Err(None));
        };
        match entry.kind {
            EntryKind::File => return Ok(Ok(index)),
            EntryKind::Directory => {
                let message = format!(
                    "`{}` is a directory: Lambda starts a file",
                    shown(&entry.name)
                );
                return Ok(Err(Some(Finding::error(rule, message))));
            }
            EntryKind::Special => return Ok(Err(None)),
            EntryKind::Symlink => {}
        }
        let target = match archive.read(index) {
            Ok(target) => target,
            Err(Error::Rejected { .. }) => return Ok(Err(None)),
            Err(error) => return Err(error),
        };
        match resolve(
            super::kind::roots(kind).0,
            &entry.name,
            &String::from_utf8_lossy(&target),
        ) {
            Some(next) => path = next,
            None => return Ok(Err(None)),
        }
    }
    let start = shown(start);
    let message = format!("`{start}` is a symbolic link that leads in a circle");
    Ok(Err(Some(Finding::error(rule, message))))
}

/// The most common ways in which `bootstrap` is not where Lambda looks.
fn missing(entries: &[ArchiveEntry]) -> Finding {
    let error = |message: String| Finding::error("lambda/bootstrap", message);
    let files = || entries.iter().filter(|entry| entry.kind == EntryKind::File);
    let base = |entry: &ArchiveEntry| -> String {
        entry
            .name
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    if let Some(entry) = files().find(|entry| base(entry) == BOOTSTRAP) {
        let name = shown(&entry.name);
        return error(format!("the zip has `{name}`, and Lambda starts only a `{BOOTSTRAP}` at the root"))
            .with_hint("zip the content of the directory, not the directory: cd DIRECTORY && zip -r ../function.zip .");
    }
    if let Some(entry) = files().find(|entry| entry.name.eq_ignore_ascii_case(BOOTSTRAP)) {
        let name = shown(&entry.name);
        return error(format!(
            "the zip has `{name}`, and Lambda starts `{BOOTSTRAP}`, in small letters"
        ));
    }
    let executable = |entry: &&ArchiveEntry| {
        !entry.name.contains('/') && entry.mode.is_some_and(|mode| mode & 0o111 != 0)
    };
    let mut executables = files().filter(executable);
    let finding = error(format!(
        "the zip has no `{BOOTSTRAP}`, which is what Lambda starts"
    ));
    match (executables.next(), executables.next()) {
        (Some(only), None) => finding.with_hint(format!(
            "name it so: mv {} {BOOTSTRAP}, and zip it again",
            crate::process::quote(shown(&only.name).as_ref())
        )),
        _ => finding.with_hint(
            "slsbuild zip builds one; if it is a layer of files: slsbuild check --kind layer",
        ),
    }
}

fn lint_mode(entry: &ArchiveEntry) -> Option<Finding> {
    let cause = unexecutable(entry)?;
    let message = if entry.mode.is_some() {
        format!("{cause} (Runtime.InvalidEntrypoint, permission denied)")
    } else {
        cause
    };
    let finding = Finding::error("lambda/bootstrap-mode", message);
    Some(finding.with_hint(
        "chmod 755 bootstrap on a Unix and zip it there; slsbuild zip sets the mode everywhere",
    ))
}

/// Why Lambda's user may not execute an entry, if it may not.
pub(super) fn unexecutable(entry: &ArchiveEntry) -> Option<String> {
    let name = shown(&entry.name);
    match entry.mode {
        None => Some(format!(
            "`{name}` has no Unix mode, because the zip was made on another system: Lambda may not execute it"
        )),
        Some(mode) if mode & EXECUTABLE != EXECUTABLE => Some(format!(
            "`{name}` has mode {:04o}: Lambda's user may not execute it",
            mode & 0o7777
        )),
        Some(_) => None,
    }
}

/// The kernel takes a carriage return for a part of the interpreter's name.
fn lint_script(name: &str, content: &[u8]) -> Option<Finding> {
    let first = content
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    first.ends_with(b"\r").then(|| {
        let message = format!("the first line of script `{name}` ends with a carriage return: no interpreter has that name");
        Finding::error("lambda/script-line-ending", message).with_hint(format!("sed -i 's/\\r$//' {}", crate::process::quote(name.as_ref())))
    })
}

/// Whether the zip brings a library to a place where the loader looks for it.
pub(super) fn bundles<S: AsRef<str>>(names: impl IntoIterator<Item = S>, library: &str) -> bool {
    names.into_iter().any(|name| {
        LIBRARY_DIRECTORIES
            .iter()
            .any(|directory| tidy(name.as_ref()).strip_prefix(directory) == Some(library))
    })
}
