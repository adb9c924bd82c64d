//! What a key is: name, type, place in the types, what it is for and who may have it; and how an entry of a file is read
//! by it. The keys themselves are in `table.rs`.

use std::collections::BTreeMap;

use super::document::{Entry, Node, entries, quoted};
use super::{Include, Kind, Located, Platform, values};
use crate::artifact::oci::media_type::Compression;
use crate::binary::Strip;
use crate::error::{Error, Result, did_you_mean};
use crate::project::{Allocator, Optimize, Panic};
use crate::target::Arch;

/// Where a value goes.
pub(super) type Field<T, V> = fn(&mut T) -> &mut Option<Located<V>>;

/// A value's type, and where it goes.
pub(super) enum Slot<T: 'static> {
    /// A name or path.
    Text(Field<T, String>),
    /// Text that may be empty.
    Line(Field<T, String>),
    Cpu(Field<T, String>),
    Flag(Field<T, bool>),
    Repeats(Field<T, u32>),
    Size(Field<T, u64>),
    Texts(Field<T, Vec<String>>),
    LocatedTexts(Field<T, Vec<Located<String>>>),
    Arches(Field<T, Vec<Arch>>),
    Includes(Field<T, Vec<Located<Include>>>),
    Variables(Field<T, BTreeMap<String, String>>),
    Optimize(Field<T, Optimize>),
    Panic(Field<T, Panic>),
    Strip(Field<T, Strip>),
    Allocator(Field<T, Allocator>),
    Kind(Field<T, Kind>),
    Platform(Field<T, Platform>),
    Compression(Field<T, Compression>),
    Ports(Field<T, Vec<u16>>),
    /// A table of keys, with an example of it.
    Table(&'static [Key<T>], &'static str),
}

/// Which functions a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    All,
    Rust,
    Go,
    /// Rust and binaries that are built already.
    RustOrBinary,
    /// All but a layer of files.
    Program,
    /// Functions, no extensions or layers.
    Function,
    /// What has an artifact of its own: all but an internal extension.
    Artifact,
}

/// A key.
pub(super) struct Key<T: 'static> {
    /// Its name from the function's table on: `budget.zip`.
    pub(super) name: &'static str,
    /// What it is for: the schema's description.
    pub(super) about: &'static str,
    pub(super) slot: Slot<T>,
    pub(super) of: For,
}

/// A key that was written, for the checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) name: &'static str,
    pub(super) offset: usize,
    pub(super) of: For,
}

/// A key, as the table writes it.
pub(super) const fn key<T>(
    name: &'static str,
    of: For,
    slot: Slot<T>,
    about: &'static str,
) -> Key<T> {
    Key {
        name,
        about,
        slot,
        of,
    }
}

impl<T> Key<T> {
    /// Its name within its own table.
    pub(super) fn leaf(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// Reads its value into its place.
    pub(super) fn read(
        &self,
        node: Node<'_>,
        target: &mut T,
        written: &mut Vec<Written>,
    ) -> Result<()> {
        match &self.slot {
            Slot::Text(field) => put(*field, target, node, values::text),
            Slot::Line(field) => put(*field, target, node, values::line),
            Slot::Cpu(field) => put(*field, target, node, values::cpu),
            Slot::Flag(field) => put(*field, target, node, values::flag),
            Slot::Repeats(field) => put(*field, target, node, values::repeats),
            Slot::Size(field) => put(*field, target, node, values::size),
            Slot::Texts(field) => put(*field, target, node, values::texts),
            Slot::LocatedTexts(field) => put(*field, target, node, values::located_texts),
            Slot::Arches(field) => put(*field, target, node, values::arches),
            Slot::Includes(field) => put(*field, target, node, values::includes),
            Slot::Variables(field) => put(*field, target, node, values::variables),
            Slot::Optimize(field) => put(*field, target, node, values::word),
            Slot::Panic(field) => put(*field, target, node, values::word),
            Slot::Strip(field) => put(*field, target, node, values::word),
            Slot::Allocator(field) => put(*field, target, node, values::word),
            Slot::Kind(field) => put(*field, target, node, values::word),
            Slot::Platform(field) => put(*field, target, node, values::word),
            Slot::Compression(field) => put(*field, target, node, values::word),
            Slot::Ports(field) => put(*field, target, node, values::ports),
            Slot::Table(keys, example) => {
                for entry in entries(node.table(example)?) {
                    let Some(key) = find(keys, entry.key) else {
                        return Err(unknown(
                            node,
                            entry,
                            &format!("`{}`", self.name),
                            &leaves(keys),
                        ));
                    };
                    key.read_entry(node, entry, target, written)?;
                }
                Ok(())
            }
        }
    }

    /// Reads an entry of a table, which `table` is a value of, and remembers that it was written.
    pub(super) fn read_entry(
        &self,
        table: Node<'_>,
        entry: Entry<'_>,
        target: &mut T,
        written: &mut Vec<Written>,
    ) -> Result<()> {
        written.push(Written {
            name: self.name,
            offset: entry.offset,
            of: self.of,
        });
        let node = Node {
            document: table.document,
            name: self.name,
            value: entry.value,
        };
        self.read(node, target, written)
    }
}

impl<T> Slot<T> {
    /// Takes the value out of its place.
    pub(super) fn clear(&self, target: &mut T) {
        match self {
            Self::Text(field) | Self::Line(field) | Self::Cpu(field) => *field(target) = None,
            Self::Flag(field) => *field(target) = None,
            Self::Repeats(field) => *field(target) = None,
            Self::Size(field) => *field(target) = None,
            Self::Texts(field) => *field(target) = None,
            Self::LocatedTexts(field) => *field(target) = None,
            Self::Arches(field) => *field(target) = None,
            Self::Includes(field) => *field(target) = None,
            Self::Variables(field) => *field(target) = None,
            Self::Optimize(field) => *field(target) = None,
            Self::Panic(field) => *field(target) = None,
            Self::Strip(field) => *field(target) = None,
            Self::Allocator(field) => *field(target) = None,
            Self::Kind(field) => *field(target) = None,
            Self::Platform(field) => *field(target) = None,
            Self::Compression(field) => *field(target) = None,
            Self::Ports(field) => *field(target) = None,
            Self::Table(keys, _) => keys.iter().for_each(|key| key.slot.clear(target)),
        }
    }
}

fn put<T, V>(
    field: Field<T, V>,
    target: &mut T,
    node: Node<'_>,
    read: impl Fn(Node<'_>) -> Result<V>,
) -> Result<()> {
    let value = read(node)?;
    let place = node.place();
    *field(target) = Some(Located { value, place });
    Ok(())
}

/// The key of that name.
pub(super) fn find<T>(keys: &'static [Key<T>], name: &str) -> Option<&'static Key<T>> {
    keys.iter().find(|key| key.leaf() == name)
}

/// The names of keys within their table.
pub(super) fn leaves<T>(keys: &[Key<T>]) -> Vec<&'static str> {
    keys.iter().map(Key::leaf).collect()
}

/// The error of a key that its table does not have.
pub(super) fn unknown(table: Node<'_>, entry: Entry<'_>, of: &str, known: &[&str]) -> Error {
    let hint = did_you_mean(entry.key, known)
        .unwrap_or_else(|| format!("known here: {}", known.join(", ")));
    let message = format!("unknown key {} in {of}", quoted(entry.key));
    table.document.error(entry.offset, message, Some(hint))
}
