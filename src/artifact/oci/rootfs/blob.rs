//! The bytes of a blob, and what they unpack to: counted, hashed and bounded while they stream by. How they are compressed is
//! told by what they are, not by what is said of them.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256 as Hasher};

use super::{Bounds, MOST_RATIO, SUSPICIOUS};
use crate::artifact::oci::media_type::Compression;
use crate::artifact::oci::{Blob, Digest, Source};
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::fs;
use crate::units::Bytes;

/// A window of 128 MiB is what zstd's own decoder takes unasked; more is memory that a hostile frame would have.
const ZSTD_WINDOW_LOG: u32 = 27;

/// That a layer unpacks to far more than it may. Inside an `io::Error`, so that it passes through decoders.
#[derive(Debug)]
pub(super) struct Excess(pub(super) String);

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Excess {}

/// Counts and hashes what is read.
struct Measured<R> {
    reader: R,
    hasher: Hasher,
    read: u64,
}

impl<R> Measured<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            hasher: Hasher::new(),
            read: 0,
        }
    }

    fn digest(&self) -> Option<Digest> {
        let digest = self.hasher.clone().finalize();
        Sha256::from_hex(&hex::encode(digest)).map(Digest)
    }
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.read += count as u64;
        Ok(count)
    }
}

type Raw<'a> = BufReader<Measured<Box<dyn Read + 'a>>>;

enum Decoder<'a> {
    Plain(Raw<'a>),
    Gzip(Box<MultiGzDecoder<Raw<'a>>>),
    Zstd(Box<zstd::Decoder<'static, Raw<'a>>>),
}

impl<'a> Decoder<'a> {
    fn raw(&mut self) -> &mut Raw<'a> {
        match self {
            Self::Plain(raw) => raw,
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zstd(decoder) => decoder.get_mut(),
        }
    }

    fn compression(&self) -> Compression {
        match self {
            Self::Plain(_) => Compression::None,
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
        }
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// What a blob unpacks to.
pub(super) struct Unpacked<'a> {
    content: Measured<Decoder<'a>>,
    left: u64,
}

/// A blob that was opened.
pub(super) enum Opened<'a> {
    /// Its bytes.
    Content(Box<Unpacked<'a>>),
    /// It has another size than its descriptor says, so it is not read.
    OtherSize(u64),
}

/// Opens a blob.
///
/// # Errors
/// When its file cannot be read, or it is in a registry.
pub(super) fn open<'a>(blob: &'a Blob, bounds: &Bounds) -> Result<Opened<'a>> {
    let said = blob.descriptor.size;
    let (reader, size): (Box<dyn Read + 'a>, u64) = match &blob.source {
        Source::Bytes(bytes) => (Box::new(bytes.as_slice()), bytes.len() as u64),
        Source::File(path) => {
            let file = fs::File::open(path)?;
            let size = file.metadata()?.len();
            (Box::new(file.take(said)), size)
        }
        Source::Part(path, offset) => {
            let mut file = fs::File::open(path)?;
            let rest = file.metadata()?.len().saturating_sub(*offset);
            file.seek(SeekFrom::Start(*offset))?;
            (Box::new(file.take(said)), rest.min(said))
        }
        Source::Registry(reference) => {
            return Err(Error::Unexpected(anyhow::anyhow!(
                "blob `{}` of `{reference}` is not on this machine",
                blob.descriptor.digest
            )));
        }
    };
    if size != said {
        return Ok(Opened::OtherSize(size));
    }
    let decoder = decoder(BufReader::new(Measured::new(reader)))?;
    Ok(Opened::Content(Box::new(Unpacked {
        content: Measured::new(decoder),
        left: bounds.unpacked,
    })))
}

fn decoder(mut raw: Raw<'_>) -> Result<Decoder<'_>> {
    const GZIP: &[u8] = b"\x1f\x8b";
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    let start = raw.fill_buf()?;
    if start.starts_with(GZIP) {
        return Ok(Decoder::Gzip(Box::new(MultiGzDecoder::new(raw))));
    }
    // A frame of metadata may come first, as in seekable archives.
    let is_skippable = matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    if !start.starts_with(ZSTD) && !is_skippable {
        return Ok(Decoder::Plain(raw));
    }
    let mut decoder = zstd::Decoder::with_buffer(raw)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(Decoder::Zstd(Box::new(decoder)))
}

impl Unpacked<'_> {
    pub(super) fn compression(&self) -> Compression {
        self.content.reader.compression()
    }

    pub(super) fn unpacked(&self) -> u64 {
        self.content.read
    }

    /// Reads what is left, and gives the digest of all that was unpacked.
    pub(super) fn finish(&mut self) -> io::Result<Option<Digest>> {
        io::copy(self, &mut io::sink())?;
        Ok(self.content.digest())
    }

    /// Reads what is left of the blob, whatever it is, and gives the blob's digest.
    pub(super) fn finish_blob(&mut self) -> io::Result<Option<Digest>> {
        let raw = self.content.reader.raw();
        io::copy(raw, &mut io::sink())?;
        Ok(raw.get_ref().digest())
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)? as u64;
        let unpacked = self.content.read;
        let packed = self.content.reader.raw().get_ref().read;
        if unpacked > SUSPICIOUS && unpacked / MOST_RATIO > packed {
            return Err(io::Error::other(Excess(format!(
                "more than {MOST_RATIO} times its own size: it was not read beyond {}",
                Bytes(unpacked)
            ))));
        }
        match self.left.checked_sub(count) {
            Some(left) => self.left = left,
            None => {
                return Err(io::Error::other(Excess(
                    "more than 12 GiB together with the other layers".to_owned(),
                )));
            }
        }
        Ok(usize::try_from(count).unwrap_or(0))
    }
}
