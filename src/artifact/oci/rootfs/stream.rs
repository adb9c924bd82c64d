//! A layer's tar archive, entry by entry. Written by ourselves and not with the `tar` crate's reader, which takes all of a long
//! name or an extended header into memory, however long a hostile one is; that crate's header knows the fields.

use std::io::{self, Read};
use std::ops::ControlFlow;

use tar::{EntryType, Header};

use super::blob::{self, Excess, Opened, Unpacked};
use super::entry::{EntryKind, LayerEntry, tidy};
use super::{Bounds, LayerFacts, LayerFault};
use crate::artifact::oci::Blob;
use crate::error::{Error, Result};

const BLOCK: usize = 512;
/// The longest extended header or long name that is read, in bytes: paths have 4096, attributes 64 KiB each.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Why the walk ends before the archive does.
enum Stop {
    Fault(LayerFault),
    Error(Error),
    Enough,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        let excess = error.get_ref().and_then(|inner| inner.downcast_ref());
        Self::Fault(match excess {
            Some(Excess(cause)) => LayerFault::Excessive(cause.clone()),
            None => LayerFault::Damaged(error.to_string()),
        })
    }
}

fn damaged(cause: impl Into<String>) -> Stop {
    Stop::Fault(LayerFault::Damaged(cause.into()))
}

/// Reads a layer and shows each entry and its content to `visit`, which may end the walk.
///
/// # Errors
/// When the blob's file cannot be read, and with what `visit` fails of.
pub(super) fn walk(
    layer: &Blob,
    bounds: &mut Bounds,
    mut visit: impl FnMut(&LayerEntry, &mut dyn Read) -> Result<ControlFlow<()>>,
) -> Result<LayerFacts> {
    let mut facts = LayerFacts {
        size: layer.descriptor.size,
        digest: None,
        compression: None,
        unpacked: 0,
        diff_id: None,
        entries: Vec::new(),
        fault: None,
    };
    let mut unpacked = match blob::open(layer, bounds)? {
        Opened::Content(unpacked) => unpacked,
        Opened::OtherSize(size) => {
            facts.size = size;
            facts.fault = Some(LayerFault::Size);
            return Ok(facts);
        }
    };
    facts.compression = Some(unpacked.compression());
    let end = entries(&mut unpacked, bounds, &mut visit)
        .and_then(|()| unpacked.finish().map_err(Stop::from));
    facts.unpacked = unpacked.unpacked();
    bounds.unpacked = bounds.unpacked.saturating_sub(facts.unpacked);
    match end {
        Ok(diff_id) => facts.diff_id = diff_id,
        Err(Stop::Fault(fault)) => facts.fault = Some(fault),
        Err(Stop::Error(error)) => return Err(error),
        Err(Stop::Enough) => return Ok(facts),
    }
    facts.digest = unpacked.finish_blob()?;
    Ok(facts)
}

type Visit<'a> = &'a mut dyn FnMut(&LayerEntry, &mut dyn Read) -> Result<ControlFlow<()>>;

fn entries(archive: &mut Unpacked<'_>, bounds: &mut Bounds, visit: Visit<'_>) -> Result<(), Stop> {
    let mut extensions = Extensions::default();
    while let Some(header) = next_header(archive)? {
        bounds.entries = bounds.entries.checked_sub(1).ok_or_else(|| {
            Stop::Fault(LayerFault::Excessive(
                "more than 500,000 entries".to_owned(),
            ))
        })?;
        let size = field(&header.as_old().size, header.entry_size())?;
        if extensions.take(header.entry_type(), archive, size)? {
            continue;
        }
        let extensions = std::mem::take(&mut extensions);
        let size = extensions.size.unwrap_or(size);
        let entry = describe(&header, extensions, size)?;
        let names = entry.path.len() + entry.link.as_deref().map_or(0, str::len);
        bounds.name_bytes = bounds.name_bytes.checked_sub(names as u64).ok_or_else(|| {
            Stop::Fault(LayerFault::Excessive(
                "more than 64 MiB of names".to_owned(),
            ))
        })?;
        let mut content = archive.take(stored(&header, size));
        let flow = visit(&entry, &mut content).map_err(Stop::Error)?;
        let left = content.limit();
        if flow.is_break() {
            return Err(Stop::Enough);
        }
        skip(archive, left)?;
        skip(archive, padding(stored(&header, size)))?;
    }
    Ok(())
}

/// The next header, unless the archive ends.
fn next_header(archive: &mut Unpacked<'_>) -> Result<Option<Header>, Stop> {
    let mut header = Header::new_old();
    let block = header.as_mut_bytes();
    let mut read = 0;
    while let Some(rest) = block.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match archive.read(rest)? {
            // Some tools write no end.
            0 if read == 0 => return Ok(None),
            0 => return Err(damaged("it ends inside a tar header")),
            count => read += count,
        }
    }
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if checksum(block) != header.cksum().ok() {
        return Err(damaged(
            "it is no tar archive, or a broken one: a header's checksum is wrong",
        ));
    }
    Ok(Some(header))
}

/// The sum of a header's bytes, its own field counted as spaces.
fn checksum(block: &[u8; BLOCK]) -> Option<u32> {
    let field = block.get(148..156)?;
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    Some(sum(block) - sum(field) + 8 * u32::from(b' '))
}

/// How many bytes follow a header: links and directories have none, whatever they say.
fn stored(header: &Header, size: u64) -> u64 {
    match kind(header, b"") {
        EntryKind::File => size,
        EntryKind::Directory | EntryKind::Symlink | EntryKind::Hardlink | EntryKind::Special => 0,
    }
}

/// The bytes from an entry's content to the next header.
fn padding(size: u64) -> u64 {
    let over = size % BLOCK as u64;
    if over == 0 { 0 } else { BLOCK as u64 - over }
}

fn skip(archive: &mut Unpacked<'_>, count: u64) -> Result<(), Stop> {
    let skipped = io::copy(&mut archive.take(count), &mut io::sink())?;
    if skipped < count {
        return Err(damaged("it ends inside a file"));
    }
    Ok(())
}

fn describe(header: &Header, extensions: Extensions, size: u64) -> Result<LayerEntry, Stop> {
    if header.entry_type() == EntryType::GNUSparse || extensions.is_sparse {
        return Err(damaged(
            "it holds a sparse file, which container engines write out",
        ));
    }
    let name = extensions
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let link = extensions
        .link
        .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
    let kind = kind(header, &name);
    let (path, fault) = tidy(&name);
    let old = header.as_old();
    let mode = field(&old.mode, header.mode().map(u64::from))?;
    Ok(LayerEntry {
        path,
        fault,
        kind,
        mode: u32::try_from(mode & 0o7777).unwrap_or_default(),
        uid: extensions
            .uid
            .map_or_else(|| field(&old.uid, header.uid()), Ok)?,
        gid: extensions
            .gid
            .map_or_else(|| field(&old.gid, header.gid()), Ok)?,
        size: if kind == EntryKind::File { size } else { 0 },
        link: link
            .filter(|_| matches!(kind, EntryKind::Symlink | EntryKind::Hardlink))
            .map(|link| String::from_utf8_lossy(link.get(..4096).unwrap_or(&link)).into_owned()),
    })
}

/// A number of a header, which some tools leave blank for zero.
fn field(bytes: &[u8], parsed: io::Result<u64>) -> Result<u64, Stop> {
    if bytes.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(0);
    }
    parsed.map_err(|_| damaged("a header holds no number where one must be"))
}

fn kind(header: &Header, name: &[u8]) -> EntryKind {
    match header.entry_type() {
        EntryType::Directory => EntryKind::Directory,
        EntryType::Symlink => EntryKind::Symlink,
        EntryType::Link => EntryKind::Hardlink,
        EntryType::Char | EntryType::Block | EntryType::Fifo => EntryKind::Special,
        // Archives from before there were types say it so.
        EntryType::Regular if name.ends_with(b"/") => EntryKind::Directory,
        _ => EntryKind::File,
    }
}

/// What the headers before a header say about it.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    is_sparse: bool,
}

impl Extensions {
    /// Takes a header that is about the next one; `false` for one that stands for itself.
    fn take(
        &mut self,
        kind: EntryType,
        archive: &mut Unpacked<'_>,
        size: u64,
    ) -> Result<bool, Stop> {
        let is_long = matches!(kind, EntryType::GNULongName | EntryType::GNULongLink);
        if !is_long && !matches!(kind, EntryType::XHeader | EntryType::XGlobalHeader) {
            return Ok(false);
        }
        if size > LONGEST_EXTENSION {
            return Err(damaged(
                "an entry's name or attributes are longer than 1 MiB",
            ));
        }
        let mut text = Vec::new();
        archive.take(size).read_to_end(&mut text)?;
        if (text.len() as u64) < size {
            return Err(damaged("it ends inside a name"));
        }
        skip(archive, padding(size))?;
        if is_long {
            text.truncate(
                text.iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(text.len()),
            );
        }
        match kind {
            EntryType::GNULongName => self.path = Some(text),
            EntryType::GNULongLink => self.link = Some(text),
            EntryType::XHeader => self.records(&text)?,
            // A comment, in all that is known: names that hold for every file make no sense.
            _ => {}
        }
        Ok(true)
    }

    /// Records of an extended header: `LENGTH KEY=VALUE\n`
    /// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>).
    fn records(&mut self, mut text: &[u8]) -> Result<(), Stop> {
        let wrong = || damaged("an extended header has no records");
        while !text.is_empty() {
            let space = text
                .iter()
                .position(|byte| *byte == b' ')
                .ok_or_else(wrong)?;
            let length = text.get(..space).and_then(number).ok_or_else(wrong)?;
            let length = usize::try_from(length).map_err(|_| wrong())?;
            let record = text.get(space + 1..length).ok_or_else(wrong)?;
            let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(wrong)?;
            let (key, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number(value).ok_or_else(wrong)?),
                b"uid" => self.uid = Some(number(value).ok_or_else(wrong)?),
                b"gid" => self.gid = Some(number(value).ok_or_else(wrong)?),
                _ if key.starts_with(b"GNU.sparse.") => self.is_sparse = true,
                _ => {}
            }
            text = text.get(length..).unwrap_or_default();
        }
        Ok(())
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
