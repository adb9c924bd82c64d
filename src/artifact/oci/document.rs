//! Manifests, indexes and descriptors: their JSON, read with unknown fields kept, and written with one digest everywhere.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::media_type;
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// A document beyond this size is refused unread: 4 MiB is what the distribution specification asks registries to take
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests>).
pub const MOST_DOCUMENT: u64 = 4 << 20;

/// A digest as images write it: `sha256:` and 64 hex digits. Other algorithms, which no registry of the platforms uses, are
/// refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest(pub Sha256);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::of(bytes))
    }

    /// Reads `sha256:…`, or says why it cannot be meant.
    ///
    /// # Errors
    /// With the cause, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(hex) = text.strip_prefix("sha256:") else {
            let algorithm = text
                .split_once(':')
                .map_or(text, |(algorithm, _)| algorithm);
            return Err(format!(
                "`{}` is no digest that slsbuild knows: sha256 and 64 hex digits",
                algorithm.escape_debug()
            ));
        };
        let is_lower = hex.bytes().all(|byte| !byte.is_ascii_uppercase());
        Sha256::from_hex(hex)
            .filter(|_| is_lower)
            .map(Self)
            .ok_or_else(|| format!("`{}` is no sha256 digest", text.escape_debug()))
    }

    /// The 64 hex digits.
    pub fn hex(self) -> String {
        self.0.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// What one document says of another one, or of a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
    /// The platform it is for, in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields that slsbuild does not know, as they were.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Descriptor {
    /// The descriptor of bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// A descriptor without what is optional.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: Map::new(),
        }
    }
}

/// What an image runs on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// The CPU, in Go's words.
    pub architecture: String,
    /// The system.
    pub os: String,
    /// Its version.
    #[serde(
        rename = "os.version",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    /// The CPU's variant, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// Linux on an architecture.
    pub fn linux(architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            os_version: None,
            variant: None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        let variant = self.variant.as_ref();
        variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// What it is; old OCI images do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Its configuration.
    pub config: Descriptor,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields that slsbuild does not know, as they were.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Images for several platforms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// What it is; old OCI indexes do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The images.
    pub manifests: Vec<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields that slsbuild does not know, as they were.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A manifest, an index or a config: exact bytes, and what describes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What describes them.
    pub descriptor: Descriptor,
    /// The bytes that the digest is of.
    pub bytes: Vec<u8>,
}

impl Document {
    /// A document of ours, in canonical JSON.
    ///
    /// # Errors
    /// When the content has no JSON form.
    pub fn new(media_type: &str, content: &impl Serialize) -> Result<Self> {
        Ok(Self::from_bytes(media_type, canonical(content)?))
    }

    /// A document as it came.
    pub fn from_bytes(media_type: &str, bytes: Vec<u8>) -> Self {
        Self {
            descriptor: Descriptor::of(media_type, &bytes),
            bytes,
        }
    }

    /// Whether it holds images for several platforms.
    pub fn is_index(&self) -> bool {
        media_type::is_index(&self.descriptor.media_type)
    }

    /// What it holds, read as JSON.
    ///
    /// # Errors
    /// [`Error::Rejected`], with `name` for what was read.
    pub fn read<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<T> {
        serde_json::from_slice(&self.bytes).map_err(|error| Error::Rejected {
            message: format!("`{name}` cannot be read: {error}"),
            hint: None,
        })
    }
}

/// JSON with sorted keys and without white space: what has a digest is written in this form alone, so that the digest does not
/// depend on the order in which a map gave its keys.
///
/// # Errors
/// When the value has no JSON form.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>> {
    // serde_json's own map is sorted, unless some crate turns `preserve_order` on: the test below fails then.
    let value = serde_json::to_value(value).context("a document has no JSON form")?;
    Ok(serde_json::to_vec(&value).context("a document has no JSON form")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_its_keys() {
        let value: Value =
            serde_json::from_str(r#"{"b": 1, "a": {"d": [2, 1], "c": "é"}}"#).unwrap();
        assert_eq!(
            String::from_utf8(canonical(&value).unwrap()).unwrap(),
            r#"{"a":{"c":"é","d":[2,1]},"b":1}"#
        );
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of(b"abc");
        assert_eq!(Digest::parse(&digest.to_string()), Ok(digest));
        let upper = format!("sha256:{}", digest.hex().to_uppercase());
        for wrong in ["", "sha256:", "sha256:00", "sha512:00", "md5", &upper] {
            assert!(Digest::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let text = r#"{"artifactType":"x","config":{"digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","mediaType":"c","size":3,"urls":["u"]},"layers":[],"schemaVersion":2}"#;
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert_eq!(manifest.media_type, None);
        assert_eq!(
            String::from_utf8(canonical(&manifest).unwrap()).unwrap(),
            text
        );
    }
}
