//! The keys: name, type, place in the types, what they are for and who may have them. The reader, the checks and the
//! schema all read these tables, so a key is added here and nowhere else.

use std::collections::BTreeMap;

use super::document::{Entry, Node, entries, quoted};
use super::{FunctionTable, Include, Keys, Kind, Located, values};
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
    /// Checked and not kept: there is one.
    Platform,
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

const fn key<T>(name: &'static str, of: For, slot: Slot<T>, about: &'static str) -> Key<T> {
    Key {
        name,
        about,
        slot,
        of,
    }
}

/// The keys of `[defaults]` and of functions.
pub(super) static KEYS: &[Key<Keys>] = &[
    key(
        "platform",
        For::All,
        Slot::Platform,
        "The platform that runs it.",
    ),
    key(
        "arch",
        For::All,
        Slot::Arches(|keys| &mut keys.arch),
        "The CPU architectures to build for: one, or a list.",
    ),
    key(
        "runtime",
        For::All,
        Slot::Text(|keys| &mut keys.runtime),
        "The platform's runtime, such as provided.al2023.",
    ),
    key(
        "features",
        For::Rust,
        Slot::Texts(|keys| &mut keys.features),
        "Cargo features to activate.",
    ),
    key(
        "all-features",
        For::Rust,
        Slot::Flag(|keys| &mut keys.all_features),
        "Whether all of the package's features are activated.",
    ),
    key(
        "no-default-features",
        For::Rust,
        Slot::Flag(|keys| &mut keys.no_default_features),
        "Whether the feature `default` is left out.",
    ),
    key(
        "include",
        For::All,
        Slot::Includes(|keys| &mut keys.include),
        "Files, directories and globs to pack too, relative to this file: PATH, GLOB, FROM:TO, or a table of both.",
    ),
    key(
        "layers",
        For::Function,
        Slot::LocatedTexts(|keys| &mut keys.layers),
        "Names of the layers and extensions that the function is deployed with.",
    ),
    key(
        "extensions",
        For::Function,
        Slot::LocatedTexts(|keys| &mut keys.extensions),
        "Names of the internal extensions that go into the function's own zip.",
    ),
    key(
        "budget",
        For::All,
        Slot::Table(BUDGET, "{ zip = \"2 MB\", unzipped = \"6 MB\" }"),
        "Your own limits: an artifact beyond them is rejected.",
    ),
    key(
        "profile",
        For::Rust,
        Slot::Text(|keys| &mut keys.profile),
        "The cargo profile.",
    ),
    key(
        "optimize",
        For::Rust,
        Slot::Optimize(|keys| &mut keys.optimize),
        "What the optimizer aims at.",
    ),
    key(
        "panic",
        For::Rust,
        Slot::Panic(|keys| &mut keys.panic),
        "What a panic does.",
    ),
    key(
        "strip",
        For::RustOrBinary,
        Slot::Strip(|keys| &mut keys.strip),
        "What is taken out of the binary.",
    ),
    key(
        "target-cpu",
        For::Rust,
        Slot::Cpu(|keys| &mut keys.target_cpu),
        "The CPU to compile for, as rustc names it.",
    ),
    key(
        "allocator",
        For::Rust,
        Slot::Allocator(|keys| &mut keys.allocator),
        "The allocator of static binaries.",
    ),
    key(
        "runtime-archive",
        For::Rust,
        Slot::Flag(|keys| &mut keys.runtime_archive),
        "Whether slsbuild's own memory routines are linked into static binaries.",
    ),
    key(
        "pgo",
        For::Rust,
        Slot::Table(PGO, "{ events = [\"events/\"] }"),
        "Where the optimizer learns how the function runs.",
    ),
    key(
        "tags",
        For::Go,
        Slot::Texts(|keys| &mut keys.tags),
        "More build tags for go.",
    ),
    key(
        "ldflags",
        For::Go,
        Slot::Line(|keys| &mut keys.ldflags),
        "More linker flags for go.",
    ),
    key(
        "env",
        For::Program,
        Slot::Variables(|keys| &mut keys.env),
        "The function's environment variables.",
    ),
];

static BUDGET: &[Key<Keys>] = &[
    key(
        "budget.zip",
        For::All,
        Slot::Size(|keys| &mut keys.budget_zip),
        "The most that the zip may have, with its unit: 2 MB.",
    ),
    key(
        "budget.unzipped",
        For::All,
        Slot::Size(|keys| &mut keys.budget_unzipped),
        "The most that all files of the zip may have together, with its unit: 6 MB.",
    ),
];

static PGO: &[Key<Keys>] = &[
    key(
        "pgo.events",
        For::Rust,
        Slot::Texts(|keys| &mut keys.pgo_events),
        "Files and directories of events to train on.",
    ),
    key(
        "pgo.repeat",
        For::Rust,
        Slot::Repeats(|keys| &mut keys.pgo_repeat),
        "How often each event is run in training.",
    ),
    key(
        "pgo.profile",
        For::Rust,
        Slot::Text(|keys| &mut keys.pgo_profile),
        "A profile that was made before, in place of events.",
    ),
];

/// The keys that only a function has.
pub(super) static FUNCTION: &[Key<FunctionTable>] = &[
    key(
        "package",
        For::All,
        Slot::Text(|table| &mut table.package),
        "The Rust package that holds the function's binary.",
    ),
    key(
        "bin",
        For::All,
        Slot::Text(|table| &mut table.bin),
        "The binary's name, where the package has several.",
    ),
    key(
        "go",
        For::All,
        Slot::Text(|table| &mut table.go),
        "The directory of a Go main package.",
    ),
    key(
        "binary",
        For::All,
        Slot::Text(|table| &mut table.binary),
        "A Linux executable that is built already.",
    ),
    key(
        "kind",
        For::All,
        Slot::Kind(|table| &mut table.kind),
        "What is made of it.",
    ),
    key(
        "internal",
        For::All,
        Slot::Flag(|table| &mut table.internal),
        "Of an extension: whether it goes into the function's own zip.",
    ),
];

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
            Slot::Text(field) => put(field, target, node, values::text),
            Slot::Line(field) => put(field, target, node, values::line),
            Slot::Cpu(field) => put(field, target, node, values::cpu),
            Slot::Flag(field) => put(field, target, node, values::flag),
            Slot::Repeats(field) => put(field, target, node, values::repeats),
            Slot::Size(field) => put(field, target, node, values::size),
            Slot::Texts(field) => put(field, target, node, values::texts),
            Slot::LocatedTexts(field) => put(field, target, node, values::located_texts),
            Slot::Arches(field) => put(field, target, node, values::arches),
            Slot::Includes(field) => put(field, target, node, values::includes),
            Slot::Variables(field) => put(field, target, node, values::variables),
            Slot::Optimize(field) => put(field, target, node, values::word),
            Slot::Panic(field) => put(field, target, node, values::word),
            Slot::Strip(field) => put(field, target, node, values::word),
            Slot::Allocator(field) => put(field, target, node, values::word),
            Slot::Kind(field) => put(field, target, node, values::word),
            Slot::Platform => values::word::<values::Lambda>(node).map(drop),
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

fn put<T, V>(
    field: &Field<T, V>,
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
