//! Reading zips of any tool, over the `zip` crate: every entry is described, even one that cannot be read, and
//! nothing in the file is believed until it is checked. Judges nothing: rules live with their platform.

use std::io::{BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use ::zip::result::ZipError;
use ::zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};
use crate::fs;

mod unpack;

/// The most that one entry, and all that is unpacked, may hold: several times what any platform accepts, and
/// little enough that no hostile zip fills a disk.
pub const UNPACKED_LIMIT: u64 = 1 << 30;

/// How much memory a declared size is trusted with before the bytes have come.
const TRUSTED_SIZE: u64 = 16 << 20;

const KIND_MASK: u32 = 0o170_000;
const KIND_SYMLINK: u32 = 0o120_000;
const KIND_DIRECTORY: u32 = 0o040_000;
const KIND_FILE: u32 = 0o100_000;
/// The MS-DOS attribute of a directory.
const DOS_DIRECTORY: u32 = 0x10;
/// Systems in `version made by` whose external attributes hold a Unix mode: Unix and macOS.
const UNIX: u8 = 3;
const MACOS: u8 = 19;

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, whose content is its target.
    Symlink,
    /// A device, socket or pipe.
    Special,
}

/// How an entry's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflated.
    Deflated,
    /// With the method of this number in the zip specification, which cannot be read here.
    Other(u16),
}

/// What the central directory says of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// The name as it is written; a directory's usually ends with `/`. Not safe to use as a path.
    pub name: String,
    /// What it stands for.
    pub kind: EntryKind,
    /// Its Unix mode with the bits of its kind, where the zip was made on a Unix.
    pub mode: Option<u32>,
    /// Whether the entry says that it was made on a Unix.
    pub made_by_unix: bool,
    /// Declared bytes when unpacked.
    pub size: u64,
    /// Declared bytes in the zip.
    pub compressed_size: u64,
    /// Whether a password is needed.
    pub encrypted: bool,
    /// How its data is kept.
    pub method: Method,
}

/// A zip on disk.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<fs::File>>,
    entries: Vec<ArchiveEntry>,
}

impl Archive {
    /// Opens a zip and reads its central directory.
    pub fn open(path: &Path) -> Result<Self> {
        let file = fs::File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::Usage {
                message: format!("`{}` does not exist", path.display()),
                hint: Some("build one: slsbuild zip".to_owned()),
            },
            _ => error.into(),
        })?;
        let unreadable = |cause: &str| Error::Rejected {
            message: format!("`{}` is not a readable zip: {cause}", path.display()),
            hint: Some("build one: slsbuild zip".to_owned()),
        };
        if !file.metadata()?.is_file() {
            return Err(unreadable("it is not a regular file"));
        }
        let zip =
            ZipArchive::new(BufReader::new(file)).map_err(|error| unreadable(&cause(&error)))?;
        let entries = (0..zip.len())
            .map(|index| describe(&zip, index))
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(&cause(&error)))?;
        Ok(Self {
            path: path.to_owned(),
            zip,
            entries,
        })
    }

    /// The entries, in the order of the central directory.
    pub fn entries(&self) -> &[ArchiveEntry] {
        &self.entries
    }

    /// Whether two entries have one name; [`Self::entries`] holds only the later one.
    pub fn has_duplicate_names(&self) -> bool {
        self.zip.has_duplicate_names()
    }

    /// Reads an entry's content: at most [`UNPACKED_LIMIT`] bytes, as many as declared, with the right checksum.
    pub fn read(&mut self, index: usize) -> Result<Vec<u8>> {
        let Some(entry) = self.entries.get(index) else {
            return Err(self.unreadable(&format!("entry {index}"), "there is no such entry"));
        };
        let (name, size) = (entry.name.clone(), entry.size);
        if entry.encrypted {
            return Err(self.unreadable(&name, "it is encrypted"));
        }
        if let Method::Other(number) = entry.method {
            let cause = format!("compression method {number} is not supported");
            return Err(self.unreadable(&name, &cause));
        }
        if size > UNPACKED_LIMIT {
            let cause = format!("{size} bytes are more than {UNPACKED_LIMIT}");
            return Err(self.unreadable(&name, &cause));
        }
        let mut content =
            Vec::with_capacity(usize::try_from(size.min(TRUSTED_SIZE)).unwrap_or_default());
        let read = self.zip.by_index(index).and_then(|file| {
            // One byte more than declared: the end of the stream is where its checksum is verified.
            let mut bounded = file.take(size + 1);
            bounded.read_to_end(&mut content).map_err(ZipError::Io)
        });
        if let Err(error) = read {
            return Err(self.unreadable(&name, &cause(&error)));
        }
        if content.len() as u64 != size {
            let cause = format!("its size is not the declared {size} bytes");
            return Err(self.unreadable(&name, &cause));
        }
        Ok(content)
    }

    fn unreadable(&self, name: &str, cause: &str) -> Error {
        Error::Rejected {
            message: format!(
                "`{}` in `{}` cannot be read: {cause}",
                name.escape_debug(),
                self.path.display()
            ),
            hint: None,
        }
    }
}

/// Describes an entry from the central directory alone.
fn describe(zip: &ZipArchive<BufReader<fs::File>>, index: usize) -> Result<ArchiveEntry, ZipError> {
    let entry = zip.by_index_data(index)?;
    let name = entry.name()?.into_owned();
    let attributes = entry.external_attributes();
    let made_by_unix = matches!(u8::from(entry.system()), UNIX | MACOS);
    let mode = made_by_unix.then_some(attributes >> 16);
    let kind = match mode.map_or(0, |mode| mode & KIND_MASK) {
        KIND_SYMLINK => EntryKind::Symlink,
        _ if name.ends_with('/') => EntryKind::Directory,
        KIND_DIRECTORY => EntryKind::Directory,
        KIND_FILE => EntryKind::File,
        0 if attributes & DOS_DIRECTORY != 0 => EntryKind::Directory,
        0 => EntryKind::File,
        _ => EntryKind::Special,
    };
    Ok(ArchiveEntry {
        name,
        kind,
        mode,
        made_by_unix,
        size: entry.size(),
        compressed_size: entry.compressed_size(),
        encrypted: entry.encrypted(),
        method: method(entry.compression()),
    })
}

#[expect(
    deprecated,
    reason = "the variant is the only place where the crate gives the number"
)]
fn method(method: CompressionMethod) -> Method {
    match method {
        CompressionMethod::Stored => Method::Stored,
        CompressionMethod::Deflated => Method::Deflated,
        CompressionMethod::Unsupported(number) => Method::Other(number),
        // Methods behind features of the crate that are off.
        _ => Method::Other(u16::MAX),
    }
}

/// The crate's words without its prefixes: `` `x.zip` is not a readable zip: invalid Zip archive: … `` says it twice.
fn cause(error: &ZipError) -> String {
    match error {
        ZipError::Io(error) => error.to_string(),
        ZipError::InvalidArchive(cause) => cause.to_string(),
        ZipError::UnsupportedArchive(cause) => (*cause).to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::artifact::zip::{ZipSettings, write};
    use crate::artifact::{Content, FileTree};

    /// A zip on disk with one deflated file `a`.
    fn sample() -> Vec<u8> {
        let mut tree = FileTree::new();
        let content = Content::Bytes(vec![b'x'; 500]);
        tree.insert("a", content, true).unwrap();
        write(&tree, &ZipSettings::default()).unwrap().bytes
    }

    fn open(bytes: &[u8]) -> Result<(tempfile::TempDir, Archive)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.zip");
        fs::write_if_changed(&path, 0o644, bytes).unwrap();
        Archive::open(&path).map(|archive| (directory, archive))
    }

    /// `bytes` with one field changed in the central record of its only entry.
    fn with_central(mut bytes: Vec<u8>, offset: usize, value: &[u8]) -> Vec<u8> {
        let at = bytes
            .windows(4)
            .position(|window| window == b"PK\x01\x02")
            .unwrap()
            + offset;
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    }

    #[test]
    fn our_own_zip_is_described_and_read() {
        let (_directory, mut archive) = open(&sample()).unwrap();
        let entry = archive.entries()[0].clone();
        assert_eq!((entry.name.as_str(), entry.kind), ("a", EntryKind::File));
        assert_eq!((entry.mode, entry.made_by_unix), (Some(0o100_755), true));
        assert_eq!((entry.method, entry.encrypted), (Method::Deflated, false));
        assert_eq!((entry.size, entry.compressed_size < 20), (500, true));
        assert_eq!(archive.read(0).unwrap(), [b'x'; 500]);
        assert!(archive.read(1).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_described_all_the_same() {
        let encrypted = with_central(sample(), 8, &[1, 0]);
        let (_directory, mut archive) = open(&encrypted).unwrap();
        assert!(archive.entries()[0].encrypted);
        let error = archive.read(0).unwrap_err();
        assert!(error.to_string().ends_with("it is encrypted"), "{error}");

        let zstd = with_central(sample(), 10, &[93, 0]);
        let (_directory, mut archive) = open(&zstd).unwrap();
        assert_eq!(archive.entries()[0].method, Method::Other(93));
        assert_eq!(archive.read(0).unwrap_err().exit_code(), 5);
    }

    #[test]
    fn a_zip_from_windows_has_no_modes() {
        let (_directory, archive) = open(&with_central(sample(), 5, &[0])).unwrap();
        let entry = &archive.entries()[0];
        assert_eq!((entry.mode, entry.made_by_unix), (None, false));
    }

    #[test]
    fn lies_about_size_and_checksum_are_found() {
        for (offset, value) in [
            (16, [1, 2, 3, 4]),
            (24, 499_u32.to_le_bytes()),
            (24, 501_u32.to_le_bytes()),
            (24, 0_u32.to_le_bytes()),
            (24, 0xFFFF_FFF0_u32.to_le_bytes()),
        ] {
            let (_directory, mut archive) = open(&with_central(sample(), offset, &value)).unwrap();
            let error = archive.read(0).unwrap_err();
            assert_eq!(error.exit_code(), 5, "{error}");
        }
    }

    #[test]
    fn what_is_no_zip_is_named() {
        let error = open(b"#!/bin/sh\n").unwrap_err();
        assert!(
            error.to_string().contains("x.zip` is not a readable zip: "),
            "{error}"
        );
        assert_eq!(error.exit_code(), 5);
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Archive::open(directory.path()).unwrap_err().exit_code(), 5);
        let missing = directory.path().join("missing.zip");
        assert_eq!(Archive::open(&missing).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn no_flipped_or_missing_byte_panics() {
        let bytes = sample();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut attempt = |bytes: &[u8]| {
            file.as_file().set_len(0).unwrap();
            std::io::Seek::rewind(&mut file).unwrap();
            file.write_all(bytes).unwrap();
            if let Ok(mut archive) = Archive::open(file.path()) {
                for index in 0..archive.entries().len() {
                    if let Ok(content) = archive.read(index) {
                        assert_eq!(content.len() as u64, archive.entries()[index].size);
                    }
                }
            }
        };
        for at in 0..bytes.len() {
            attempt(&bytes[..at]);
            for mask in [0x01, 0x80, 0xFF] {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                attempt(&flipped);
            }
        }
    }
}
