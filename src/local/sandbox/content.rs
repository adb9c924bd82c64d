//! What was given to be run, told by how it begins.

use std::path::Path;

use super::BINARY_LIMIT;
use crate::error::{Error, Result};
use crate::fs;

/// What kind of file was given.
pub(super) enum Content {
    Zip,
    Directory,
    Binary,
    Image,
}

impl Content {
    pub(super) fn of(artifact: &Path) -> Result<Self> {
        let shown = artifact.display();
        let facts = fs::metadata(artifact).map_err(|_| Error::Usage {
            message: format!("`{shown}` does not exist"),
            hint: Some("build it first: slsbuild zip --arch host".to_owned()),
        })?;
        if facts.is_dir() && artifact.join("bootstrap").is_file() {
            return Ok(Self::Directory);
        }
        if facts.is_dir() && artifact.join("index.json").is_file() {
            return Ok(Self::Image);
        }
        if !facts.is_file() {
            return Err(Error::Usage {
                message: if facts.is_dir() {
                    format!("`{shown}` is a directory without a `bootstrap`")
                } else {
                    format!("`{shown}` is not a file")
                },
                hint: Some("name a zip or a binary: slsbuild invoke PATH/bootstrap.zip".to_owned()),
            });
        }
        let mut start = [0; 262];
        let read = read_start(artifact, &mut start)?;
        let start = start.get(..read).unwrap_or_default();
        match start.get(..4).unwrap_or(start) {
            // The mark in the first header of a tar.
            _ if start.get(257..) == Some(b"ustar") => Ok(Self::Image),
            // An empty zip begins with the end of its directory.
            b"PK\x03\x04" | b"PK\x05\x06" => Ok(Self::Zip),
            b"\x7fELF" | [b'#', b'!', ..] if facts.len() <= BINARY_LIMIT => Ok(Self::Binary),
            _ => Err(Error::Rejected {
                message: format!("`{shown}` is neither a zip, an image nor a Linux binary"),
                hint: Some("slsbuild zip --arch host makes one of a crate".to_owned()),
            }),
        }
    }
}

fn read_start(path: &Path, buffer: &mut [u8]) -> Result<usize> {
    use std::io::Read as _;
    let mut file = fs::File::open(path)?;
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            n => read += n,
        }
    }
    Ok(read)
}
