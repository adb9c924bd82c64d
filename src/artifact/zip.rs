//! The deterministic zip writer: a tree and its settings decide every byte. No host mode, clock, locale or umask
//! reaches it. Writes to memory; `archive.rs` reads. No zip64: every platform's limit lies far below 4 GiB.
//!
//! Format: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT> (6.3.10, as of 2026-11).

pub use crate::artifact::deflate::Level;
use crate::artifact::deflate::{Deflater, crc32};
pub use crate::artifact::dos_time::DosTime;
use crate::artifact::{FileTree, Node, TreeEntry};
use crate::error::{Error, Result};

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END_OF_CENTRAL_DIRECTORY: u32 = 0x0605_4b50;

/// Bytes of a local and a central header without their names.
const HEADERS: u64 = 30 + 46;
/// The format's 32-bit and 16-bit fields keep their highest value as the sign of zip64.
const SIZE_LIMIT: u64 = u32::MAX as u64 - 1;
const ENTRY_LIMIT: usize = u16::MAX as usize - 1;

/// Upper byte 3, Unix: the reader takes permissions from the external attributes. Lower byte: version 2.0.
const MADE_BY_UNIX: u16 = 3 << 8 | VERSION;
/// Version 2.0, the first that knows deflate and directories.
const VERSION: u16 = 20;
/// Bit 11 of the flags: the name is UTF-8.
const UTF8: u16 = 1 << 11;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

const FILE: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;
const DIRECTORY: u32 = 0o040_755;
/// The MS-DOS attribute that readers without Unix modes know a directory by.
const DOS_DIRECTORY: u32 = 0x10;

/// What decides a zip's bytes besides its files.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZipSettings<'a> {
    /// How much work goes into compression.
    pub level: Level,
    /// The one time that every entry carries.
    pub modified: DosTime,
    /// The file that is written before all others: the entry point, found without a search.
    pub first: Option<&'a str>,
}

/// A zip in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zip {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Its files and directories, in the order they are written.
    pub entries: Vec<EntrySize>,
}

/// What one entry takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrySize {
    /// The name; a directory's ends with `/`.
    pub name: String,
    /// Bytes when unpacked.
    pub size: u64,
    /// Bytes of its data in the zip.
    pub compressed: u64,
}

impl Zip {
    /// The sum of all entries' sizes when unpacked.
    pub fn uncompressed_size(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size).sum()
    }
}

/// Writes `tree` as a zip. Files are read one at a time.
pub fn write(tree: &FileTree, settings: &ZipSettings<'_>) -> Result<Zip> {
    let tree = in_writing_order(tree, settings.first);
    refuse_zip64(&tree)?;
    let mut deflater = Deflater::new(settings.level);
    let mut bytes = Vec::new();
    let mut central = Vec::new();
    let mut entries = Vec::with_capacity(tree.len());
    for entry in &tree {
        let header = append(&mut bytes, entry, settings.modified, &mut deflater)?;
        header.write_central(&mut central)?;
        entries.push(EntrySize {
            name: header.name,
            size: header.size.into(),
            compressed: header.compressed.into(),
        });
    }
    let count = u16::try_from(entries.len()).map_err(|_| too_large("too many entries"))?;
    let start = length32(&bytes)?;
    let length = length32(&central)?;
    bytes.append(&mut central);
    put32(&mut bytes, END_OF_CENTRAL_DIRECTORY);
    put16(&mut bytes, 0); // this disk
    put16(&mut bytes, 0); // the disk of the central directory
    put16(&mut bytes, count);
    put16(&mut bytes, count);
    put32(&mut bytes, length);
    put32(&mut bytes, start);
    put16(&mut bytes, 0); // comment
    Ok(Zip { bytes, entries })
}

/// All that a header says of its entry.
struct Header {
    name: String,
    flags: u16,
    method: u16,
    modified: DosTime,
    crc: u32,
    compressed: u32,
    size: u32,
    external_attributes: u32,
    offset: u32,
}

/// Appends an entry's local header and data.
fn append(
    bytes: &mut Vec<u8>,
    entry: &TreeEntry<'_>,
    modified: DosTime,
    deflater: &mut Deflater,
) -> Result<Header> {
    let (data, external_attributes) = match entry.node {
        Node::Directory => ([].as_slice().into(), DIRECTORY << 16 | DOS_DIRECTORY),
        Node::File {
            content,
            executable,
        } => {
            let mode = if executable { EXECUTABLE } else { FILE };
            (content.read()?, mode << 16)
        }
    };
    let stream = deflater.compress(&data);
    let stored = stream.as_deref().unwrap_or(&data);
    let name = entry.archive_name();
    let header = Header {
        flags: if name.is_ascii() { 0 } else { UTF8 },
        method: if stream.is_some() { DEFLATED } else { STORED },
        modified,
        crc: crc32(&data),
        compressed: length32(stored)?,
        size: length32(&data)?,
        external_attributes,
        offset: length32(bytes)?,
        name,
    };
    put32(bytes, LOCAL_HEADER);
    header.write_shared(bytes)?;
    bytes.extend(header.name.as_bytes());
    bytes.extend(stored);
    Ok(header)
}

impl Header {
    /// The fields that the local and the central header have in common, in one order.
    fn write_shared(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let name = u16::try_from(self.name.len()).map_err(|_| too_large("too long names"))?;
        put16(bytes, VERSION);
        put16(bytes, self.flags);
        put16(bytes, self.method);
        put16(bytes, self.modified.time());
        put16(bytes, self.modified.date());
        put32(bytes, self.crc);
        put32(bytes, self.compressed);
        put32(bytes, self.size);
        put16(bytes, name);
        put16(bytes, 0); // extra fields
        Ok(())
    }
}

impl Header {
    /// Appends the entry's record in the central directory.
    fn write_central(&self, bytes: &mut Vec<u8>) -> Result<()> {
        put32(bytes, CENTRAL_HEADER);
        put16(bytes, MADE_BY_UNIX);
        self.write_shared(bytes)?;
        put16(bytes, 0); // comment
        put16(bytes, 0); // disk
        put16(bytes, 0); // internal attributes
        put32(bytes, self.external_attributes);
        put32(bytes, self.offset);
        bytes.extend(self.name.as_bytes());
        Ok(())
    }
}

/// The tree's entries, with the one that goes first moved there.
fn in_writing_order<'a>(tree: &'a FileTree, first: Option<&str>) -> Vec<TreeEntry<'a>> {
    let mut entries = tree.entries();
    // The sort is stable: all others stay in their order.
    entries.sort_by_key(|entry| {
        let leads = matches!(entry.node, Node::File { .. }) && first == Some(entry.name);
        !leads
    });
    entries
}

/// Refuses, before a file is read, what 32-bit offsets cannot hold even if nothing shrinks.
fn refuse_zip64(entries: &[TreeEntry<'_>]) -> Result<()> {
    if entries.len() > ENTRY_LIMIT {
        return Err(too_large(&format!("{} entries", entries.len())));
    }
    let mut total: u64 = 0;
    for entry in entries {
        let content = match entry.node {
            Node::Directory => 0,
            Node::File { content, .. } => content.size(),
        };
        let names = 2 * (entry.name.len() as u64 + 1);
        total = total
            .saturating_add(content)
            .saturating_add(HEADERS + names);
    }
    if total > SIZE_LIMIT {
        return Err(too_large(&format!("{total} bytes before compression")));
    }
    Ok(())
}

fn too_large(what: &str) -> Error {
    Error::Rejected {
        message: format!(
            "a zip of {what} needs zip64, which is not written: {ENTRY_LIMIT} entries and {SIZE_LIMIT} bytes are the most"
        ),
        hint: Some("include less: platforms accept far smaller zips only".to_owned()),
    }
}

/// A length as the format's 32-bit fields hold it.
fn length32(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| too_large(&format!("{} bytes", bytes.len())))
}

fn put16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend(value.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend(value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use proptest::prelude::*;

    use super::*;
    use crate::artifact::Content;
    use crate::digest::Sha256;

    /// The digest of [`golden_tree`]'s zip. It changes with the format of our zips and with libdeflate's output:
    /// either is a change of every user's artifact, to be written into the changelog.
    const GOLDEN: &str = "94f09e27d26521ed106276ade0dd6dd293971d315037eebe1d6ef6770519a7e5";

    fn golden_tree() -> FileTree {
        let mut tree = FileTree::new();
        let binary: Vec<u8> = (0..20_000_u32)
            .flat_map(|n| (n * n / 7).to_le_bytes())
            .collect();
        for (name, content, executable) in [
            ("bootstrap", binary, true),
            ("assets/größe.txt", "größe ".repeat(50).into_bytes(), false),
            ("assets/empty", Vec::new(), false),
            ("a.sh", b"#!".to_vec(), true),
        ] {
            tree.insert(name, Content::Bytes(content), executable)
                .unwrap();
        }
        tree
    }

    fn settings() -> ZipSettings<'static> {
        ZipSettings {
            first: Some("bootstrap"),
            ..ZipSettings::default()
        }
    }

    #[test]
    fn the_same_tree_has_the_same_bytes_for_ever() {
        let zip = write(&golden_tree(), &settings()).unwrap();
        assert_eq!(Sha256::of(&zip.bytes).to_string(), GOLDEN);
    }

    #[test]
    fn the_entry_point_is_first_and_the_rest_sorted() {
        let zip = write(&golden_tree(), &settings()).unwrap();
        let names: Vec<&str> = zip
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "bootstrap",
                "a.sh",
                "assets/",
                "assets/empty",
                "assets/größe.txt"
            ]
        );
        assert_eq!(zip.uncompressed_size(), golden_tree().uncompressed_size());
    }

    #[test]
    fn level_and_time_change_the_bytes() {
        let bytes = |settings: &ZipSettings<'_>| write(&golden_tree(), settings).unwrap().bytes;
        let development = ZipSettings {
            level: Level::Development,
            ..settings()
        };
        let later = ZipSettings {
            modified: DosTime::from_source_date_epoch(Some("1700000000")).unwrap(),
            ..settings()
        };
        assert_ne!(bytes(&settings()), bytes(&development));
        assert_ne!(bytes(&settings()), bytes(&later));
    }

    #[test]
    fn files_on_disk_give_the_same_bytes_wherever_they_are() {
        let zip_in = |mode: u32| {
            let directory = tempfile::tempdir().unwrap();
            let mut tree = FileTree::new();
            for name in ["z", "bootstrap", "m"] {
                let path = directory.path().join(name);
                crate::fs::write_if_changed(&path, mode, &[7; 900]).unwrap();
                tree.insert(name, Content::File { path, size: 900 }, name == "bootstrap")
                    .unwrap();
            }
            write(&tree, &settings()).unwrap()
        };
        assert_eq!(zip_in(0o755), zip_in(0o600));
    }

    #[test]
    fn what_needs_zip64_is_refused_before_a_file_is_read() {
        let mut tree = FileTree::new();
        let content = Content::File {
            path: "/nonexistent".into(),
            size: u64::from(u32::MAX),
        };
        tree.insert("large", content, false).unwrap();
        let error = write(&tree, &settings()).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("zip64"), "{error}");

        let mut tree = FileTree::new();
        for n in 0..=ENTRY_LIMIT {
            tree.insert(&n.to_string(), Content::Bytes(Vec::new()), false)
                .unwrap();
        }
        let error = write(&tree, &settings()).unwrap_err();
        assert!(error.to_string().contains("65535 entries"), "{error}");
    }

    #[test]
    fn nothing_that_is_not_needed_is_in_the_zip() {
        let zip = write(&golden_tree(), &settings()).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(zip.bytes)).unwrap();
        for index in 0..archive.len() {
            let file = archive.by_index(index).unwrap();
            assert_eq!(file.extra_data_fields().count(), 0);
            assert_eq!(file.comment_raw(), b"");
            assert_eq!(file.version_made_by(), (2, 0));
            let modified = file.last_modified().unwrap();
            assert_eq!(modified.to_string(), "1980-01-01 00:00:00");
            let (flags, modes) = (file.flags(), file.unix_mode());
            let name = file.name().unwrap().into_owned();
            assert_eq!(
                flags.as_u16(),
                if name.is_ascii() { 0 } else { UTF8 },
                "{name}"
            );
            let expected = match name.as_str() {
                "assets/" => DIRECTORY,
                "bootstrap" | "a.sh" => EXECUTABLE,
                _ => FILE,
            };
            assert_eq!(modes, Some(expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn the_zip_crate_reads_every_tree_back(
            files in proptest::collection::btree_map(
                "[a-c\u{e9}]{1,3}(/[a-c]{1,2}){0,2}",
                (proptest::collection::vec(any::<u8>(), 0..300), any::<bool>()),
                0..8,
            )
        ) {
            let mut tree = FileTree::new();
            for (name, (content, executable)) in &files {
                // Some names need a directory where another is a file; those are not part of the tree.
                let _ = tree.insert(name, Content::Bytes(content.clone()), *executable);
            }
            let zip = write(&tree, &ZipSettings::default()).unwrap();
            let mut archive = zip::ZipArchive::new(Cursor::new(&zip.bytes)).unwrap();
            let mut found = FileTree::new();
            for index in 0..archive.len() {
                let mut file = archive.by_index(index).unwrap();
                if file.is_file() {
                    let mut content = Vec::new();
                    file.read_to_end(&mut content).unwrap();
                    let executable = file.unix_mode() == Some(EXECUTABLE);
                    let name = file.name().unwrap().into_owned();
                    found.insert(&name, Content::Bytes(content), executable).unwrap();
                }
            }
            prop_assert_eq!(&found, &tree);
            prop_assert_eq!(archive.len(), zip.entries.len());
        }
    }
}
