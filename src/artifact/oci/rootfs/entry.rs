//! One entry of a layer: its name, and whether that is one which may be unpacked.

use serde::{Deserialize, Serialize};

/// The longest path that Linux takes, in bytes.
const LONGEST: usize = 4096;
/// Deeper than this no real file lies.
const DEEPEST: usize = 256;

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    Hardlink,
    /// A device, socket or pipe.
    Special,
}

/// Why a name cannot be that of a file in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameFault {
    /// It begins with `/`.
    Absolute,
    /// It climbs out of a directory with `..`.
    Climbs,
    /// It is empty, holds a NUL, or is longer or deeper than Linux takes.
    Impossible,
}

/// One entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerEntry {
    /// Its path without `./` and doubled slashes, relative to the root; empty for the root. With a fault: the name as it is.
    pub path: String,
    /// What it stands for.
    pub kind: EntryKind,
    /// Its permissions, without the bits of its kind.
    pub mode: u32,
    /// Its owner.
    pub uid: u64,
    /// Its group.
    pub gid: u64,
    /// How many bytes it has.
    pub size: u64,
    /// What a link leads to, as it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What is wrong with its name; such an entry is no part of the root file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<NameFault>,
}

impl LayerEntry {
    /// The directory that it lies in; `None` for the root and what lies there.
    pub fn parent(&self) -> Option<&str> {
        self.path.rsplit_once('/').map(|(parent, _)| parent)
    }
}

/// The path of a name, or what is wrong with it, with the name as far as it can be shown.
pub(super) fn tidy(name: &[u8]) -> (String, Option<NameFault>) {
    let text = String::from_utf8_lossy(name.get(..LONGEST).unwrap_or(name)).into_owned();
    let fault = if name.is_empty() || name.len() > LONGEST || name.contains(&0) {
        Some(NameFault::Impossible)
    } else if text.starts_with('/') {
        Some(NameFault::Absolute)
    } else if text.split('/').any(|part| part == "..") {
        Some(NameFault::Climbs)
    } else {
        None
    };
    if fault.is_some() {
        return (text, fault);
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.len() > DEEPEST {
        return (text, Some(NameFault::Impossible));
    }
    (parts.join("/"), None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_tidied_or_refused() {
        let good = [
            ("./", ""),
            ("./a//b/", "a/b"),
            ("a/./b", "a/b"),
            ("..a", "..a"),
        ];
        for (name, path) in good {
            assert_eq!(tidy(name.as_bytes()), (path.to_owned(), None), "{name}");
        }
        let bad = [
            ("/etc/passwd", NameFault::Absolute),
            ("../x", NameFault::Climbs),
            ("a/../b", NameFault::Climbs),
            ("a\0b", NameFault::Impossible),
            ("", NameFault::Impossible),
            (&"a/".repeat(300), NameFault::Impossible),
            (&"a".repeat(5000), NameFault::Impossible),
        ];
        for (name, fault) in bad {
            assert_eq!(tidy(name.as_bytes()).1, Some(fault), "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_path_without_a_fault_stays_below_the_root(name in "[./a\0]{0,12}") {
            let (path, fault) = tidy(name.as_bytes());
            if fault.is_none() {
                prop_assert!(path.split('/').all(|part| part != ".." && part != "."));
                prop_assert!(!path.starts_with('/') && !path.ends_with('/'));
            }
        }
    }
}
