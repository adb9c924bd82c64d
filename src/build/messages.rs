//! Cargo's JSON messages, read as a stream. Kinds that are not needed or not known are skipped.

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::Context as _;
use cargo_metadata::{Message, PackageId};

use crate::error::Result;

/// A binary that cargo built, or found fresh, in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Executable {
    /// The package it is of.
    pub(super) package: PackageId,
    /// The name of its binary target.
    pub(super) binary: String,
    /// Where cargo put it.
    pub(super) path: PathBuf,
}

/// What cargo said that is needed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Messages {
    /// The binaries.
    pub(super) executables: Vec<Executable>,
    /// The packages whose build script succeeded.
    pub(super) scripts: Vec<PackageId>,
}

/// Reads messages to their end.
pub(super) fn read(stream: impl BufRead) -> Result<Messages> {
    let mut messages = Messages::default();
    for message in Message::parse_stream(stream) {
        match message.context("cargo's messages cannot be read")? {
            Message::CompilerArtifact(artifact) if artifact.target.is_bin() => {
                messages
                    .executables
                    .extend(artifact.executable.map(|path| Executable {
                        package: artifact.package_id,
                        binary: artifact.target.name,
                        path: path.into_std_path_buf(),
                    }));
            }
            Message::BuildScriptExecuted(script) => messages.scripts.push(script.package_id),
            _ => {}
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_messages_and_plain_lines_are_skipped() {
        let stream = concat!(
            "{\"reason\":\"from-the-future\",\"x\":1}\n",
            "a build script's line\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(read(stream.as_bytes()).unwrap(), Messages::default());
    }
}
