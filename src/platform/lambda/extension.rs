//! Rules about layers and the extensions in them: what Lambda unpacks under `/opt`, and starts out of `/opt/extensions`.

use super::bootstrap::{self, find, lint_program};
use super::entries::tidy;
use super::{Expected, Kind, shown};
use crate::artifact::archive::{Archive, ArchiveEntry, EntryKind};
use crate::error::Result;
use crate::finding::Finding;
use crate::target::Arch;

/// The directory of a layer whose files Lambda starts before the function.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (2026-11)
pub const EXTENSIONS: &str = "extensions/";

/// How many layers a function may have.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (2026-11)
pub const MOST_LAYERS: usize = 5;

/// How many extensions may run beside a function, of all its layers and its own.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-extensions.html> (2026-11), and `MaxAgentsAllowed` in
/// <https://github.com/aws/aws-lambda-runtime-interface-emulator>.
pub const MOST_EXTENSIONS: usize = 10;

/// As long as a file's name is on Linux, in bytes.
const LONGEST_NAME: usize = 255;

/// Whether an extension can have this name: that of its file, and the value of the header `Lambda-Extension-Name`, which it
/// registers by.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-extensions-registration-api-a> (2026-11)
///
/// # Errors
/// Why it cannot, as the end of a sentence.
pub fn extension_name(name: &str) -> Result<(), &'static str> {
    if matches!(name, "" | "." | "..") {
        return Err("it names no file");
    }
    if name.contains('/') {
        return Err("it holds a `/`, and Lambda starts only what lies directly in `extensions/`");
    }
    if name.len() > LONGEST_NAME {
        return Err("it is longer than 255 bytes");
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Err("it begins or ends with a space, which a header loses");
    }
    if !name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(
            "it holds a character that the header `Lambda-Extension-Name` cannot carry: only ASCII is sent",
        );
    }
    Ok(())
}

/// The name of the extension that Lambda starts from an entry, if it does: also a stray file's.
pub(super) fn name_of(entry: &ArchiveEntry) -> Option<&str> {
    let name = tidy(&entry.name).strip_prefix(EXTENSIONS)?;
    (!name.is_empty() && !name.contains('/') && entry.kind != EntryKind::Directory).then_some(name)
}

/// Checks a layer, and tells the architecture of its extensions.
pub(super) fn lint(
    archive: &mut Archive,
    expected: Expected,
    kind: Kind,
    findings: &mut Vec<Finding>,
) -> Result<Option<Arch>> {
    let extensions: Vec<String> = archive
        .entries()
        .iter()
        .filter(|entry| name_of(entry).is_some())
        .map(|entry| tidy(&entry.name).to_owned())
        .collect();
    findings.extend(lint_presence(archive.entries(), &extensions, kind));
    findings.extend(lint_count(extensions.len()));
    let mut arch = None;
    for path in &extensions {
        // All of them run beside one function, so on one architecture.
        let expected = Expected {
            arch: expected.arch.or(arch),
            ..expected
        };
        let found = lint_extension(archive, path, expected, findings)?;
        arch = arch.or(found);
    }
    Ok(arch)
}

fn lint_presence(entries: &[ArchiveEntry], extensions: &[String], kind: Kind) -> Option<Finding> {
    if entries
        .iter()
        .all(|entry| entry.kind == EntryKind::Directory)
    {
        let finding = Finding::error("lambda/layer-empty", "the layer holds no files");
        return Some(
            finding
                .with_hint("a layer is what functions find under `/opt`: bin/, lib/, extensions/"),
        );
    }
    if kind != Kind::Extension || !extensions.is_empty() {
        return None;
    }
    let deeper = entries
        .iter()
        .find(|entry| tidy(&entry.name).contains(EXTENSIONS) && entry.kind == EntryKind::File);
    let finding = Finding::error(
        "lambda/extension",
        match deeper {
            Some(entry) => format!(
                "the zip has `{}`, and Lambda starts only what lies directly in `{EXTENSIONS}` at the root",
                shown(&entry.name)
            ),
            None => format!(
                "the zip has no file in `{EXTENSIONS}`, which is where Lambda looks for extensions"
            ),
        },
    );
    Some(finding.with_hint("zip the binary as extensions/NAME, mode 755"))
}

fn lint_count(count: usize) -> Option<Finding> {
    (count > MOST_EXTENSIONS).then(|| {
        Finding::error(
            "lambda/extension-count",
            format!("the layer has {count} extensions, more than the {MOST_EXTENSIONS} that Lambda starts beside a function"),
        )
    })
}

fn lint_extension(
    archive: &mut Archive,
    path: &str,
    expected: Expected,
    findings: &mut Vec<Finding>,
) -> Result<Option<Arch>> {
    let name = path.strip_prefix(EXTENSIONS).unwrap_or(path);
    if let Err(cause) = extension_name(name) {
        let message = format!("`{}` cannot register: {cause}", shown(path));
        findings.push(Finding::error("lambda/extension-name", message));
    }
    let index = match find(archive, path, Kind::Extension)? {
        Ok(index) => index,
        Err(finding) => {
            findings.extend(finding);
            return Ok(None);
        }
    };
    let Some(entry) = archive.entries().get(index).cloned() else {
        return Ok(None);
    };
    if let Some(cause) = bootstrap::unexecutable(&entry) {
        let message = format!("{cause} (Extension.LaunchError)");
        let finding = Finding::error("lambda/extension-mode", message);
        findings.push(finding.with_hint(format!(
            "chmod 755 {path} on a Unix and zip it there; Lambda starts every file of `{EXTENSIONS}`",
            path = crate::process::quote(shown(path).as_ref())
        )));
    }
    lint_program(archive, index, path, expected, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_must_fit_a_file_and_a_header() {
        for name in ["telemetry", "lambda-adapter", "run.sh", "a b", ".x"] {
            assert_eq!(extension_name(name), Ok(()), "{name}");
        }
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a/b", "ü", "a\tb", " a", "a ", &long] {
            assert!(extension_name(name).is_err(), "{name}");
        }
    }
}
