//! SHA-256, in the two spellings users meet: hex, and the base64 that Lambda calls `CodeSha256`.

use std::fmt;
use std::io::Read;

use base64::Engine as _;
use sha2::{Digest as _, Sha256 as Hasher};

/// A SHA-256 digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Hasher::digest(bytes).into())
    }

    /// The digest of everything `reader` yields, read in pieces of 64 kB.
    pub fn of_reader(mut reader: impl Read) -> std::io::Result<Self> {
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(Self(hasher.finalize().into())),
                n => hasher.update(&buffer[..n]),
            }
        }
    }

    /// The digest that is spelled in hex, if it is one.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The base64 spelling, which Lambda, CloudFormation and Terraform use as `CodeSha256`.
    pub fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(self.0)
    }
}

/// The digest of bytes that come in pieces.
#[derive(Clone, Debug, Default)]
pub struct Hashing(Hasher);

impl Hashing {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        let digest = Sha256::of(b"abc");
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            digest.base64(),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
        );
        assert_eq!(Sha256::of_reader(&b"abc"[..]).unwrap(), digest);
        let mut hashing = Hashing::default();
        hashing.update(b"a");
        hashing.update(b"bc");
        assert_eq!(hashing.finish(), digest);
        assert_eq!(Sha256::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Sha256::from_hex("ba78"), None);
    }
}
