//! A blob on its way here: verified against its digest and its size while it streams.

use std::io::{self, Read};

use super::fault::{Asked, Fault};
use super::options::Patience;
use super::pull::object;
use super::reply::{Incoming, Reply, to_io};
use crate::artifact::oci::{Descriptor, Digest};
use crate::digest::Hashing;

/// Whether bytes are what a descriptor describes.
pub(super) fn check_bytes(bytes: &[u8], descriptor: &Descriptor, what: &str) -> Result<(), Fault> {
    let untrue = |words| {
        let asked = Asked::get(&object(what, descriptor.digest));
        Err(Fault::Untrue(asked, words))
    };
    let (is, declared) = (bytes.len() as u64, descriptor.size);
    if is != declared {
        return untrue(format!("it has {is} bytes, and {declared} are declared"));
    }
    let digest = Digest::of(bytes);
    if digest != descriptor.digest {
        return untrue(format!("its digest is {digest}"));
    }
    Ok(())
}

/// A blob as it comes in. Its last read fails unless all of it came and has its digest.
pub struct BlobReader {
    inner: Incoming,
    left: u64,
    /// Gone once it was compared.
    digesting: Option<Hashing>,
    descriptor: Descriptor,
    asked: Asked,
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReader")
            .field("digest", &self.descriptor.digest)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl BlobReader {
    /// The blob that is in an answer.
    pub(super) fn new(reply: Reply, descriptor: &Descriptor, patience: Patience) -> Self {
        Self {
            asked: reply.asked().clone(),
            inner: reply.reader(patience),
            left: descriptor.size,
            digesting: Some(Hashing::default()),
            descriptor: descriptor.clone(),
        }
    }

    fn untrue(&self, words: String) -> io::Error {
        to_io(Fault::Untrue(self.asked.clone(), words))
    }

    fn check_digest(&mut self) -> io::Result<()> {
        let Some(digesting) = self.digesting.take() else {
            return Ok(());
        };
        let is = Digest(digesting.finish());
        if is == self.descriptor.digest {
            return Ok(());
        }
        Err(self.untrue(format!("its digest is {is}")))
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer)?;
        let declared = self.descriptor.size;
        if count == 0 {
            if self.left > 0 {
                let came = declared - self.left;
                let words = format!("it ended after {came} of {declared} bytes");
                return Err(to_io(self.inner.cut(words)));
            }
            return self.check_digest().map(|()| 0);
        }
        let too_many = || format!("it has more than the declared {declared} bytes");
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| self.untrue(too_many()))?;
        if let Some(digesting) = &mut self.digesting {
            digesting.update(&buffer[..count]);
        }
        // Whoever reads as many bytes as are declared never sees an end: the last bytes come verified, or not at all.
        if self.left == 0 && self.digesting.is_some() {
            self.check_digest()?;
            // Read to its end the connection can be used again.
            if self.inner.read(&mut [0])? > 0 {
                return Err(self.untrue(too_many()));
            }
        }
        Ok(count)
    }
}
