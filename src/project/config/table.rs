//! The keys, each in one place: the reader, the checks and the schema all read these tables, so a key is added here
//! and nowhere else. What a key is made of is `keys.rs`'s.

use super::keys::{For, Key, Slot, key};
use super::{FunctionTable, Keys};

/// The keys of `[defaults]` and of functions.
pub(super) static KEYS: &[Key<Keys>] = &[
    key(
        "platform",
        For::All,
        Slot::Platform(|keys| &mut keys.platform),
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
        For::Artifact,
        Slot::Includes(|keys| &mut keys.include),
        "Files, directories and globs to pack too: PATH, GLOB, FROM:TO, or a table of both. Relative to the Rust package's directory, to the Go package's, else to this file's.",
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
        For::Artifact,
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
    key(
        "image",
        For::Function,
        Slot::Table(IMAGE, "{ base = \"distroless\", port = 8080 }"),
        "What the function's image is made of.",
    ),
];

static IMAGE: &[Key<Keys>] = &[
    key(
        "image.base",
        For::Function,
        Slot::Text(|keys| &mut keys.image.base),
        "What the image stands on: distroless, lambda, builtin, scratch, a reference, or the directory of an OCI layout.",
    ),
    key(
        "image.compression",
        For::Function,
        Slot::Compression(|keys| &mut keys.image.compression),
        "How its layers are compressed.",
    ),
    key(
        "image.user",
        For::Function,
        Slot::Text(|keys| &mut keys.image.user),
        "Whom it runs as.",
    ),
    key(
        "image.workdir",
        For::Function,
        Slot::Text(|keys| &mut keys.image.workdir),
        "The working directory, which relative includes lie below.",
    ),
    key(
        "image.port",
        For::Function,
        Slot::Ports(|keys| &mut keys.image.port),
        "The port that it listens on, or a list of them.",
    ),
    key(
        "image.entrypoint",
        For::Function,
        Slot::Texts(|keys| &mut keys.image.entrypoint),
        "What is started, in place of the function's program.",
    ),
    key(
        "image.cmd",
        For::Function,
        Slot::Texts(|keys| &mut keys.image.cmd),
        "The arguments of what is started.",
    ),
    key(
        "image.tag",
        For::Function,
        Slot::Texts(|keys| &mut keys.image.tag),
        "The tags that it is pushed under.",
    ),
    key(
        "image.label",
        For::Function,
        Slot::Variables(|keys| &mut keys.image.label),
        "Labels of its config.",
    ),
    key(
        "image.annotation",
        For::Function,
        Slot::Variables(|keys| &mut keys.image.annotation),
        "Annotations of its manifest.",
    ),
    key(
        "image.allow",
        For::Function,
        Slot::Texts(|keys| &mut keys.image.allow),
        "Rules whose errors are to be warnings.",
    ),
];

static BUDGET: &[Key<Keys>] = &[
    key(
        "budget.zip",
        For::Artifact,
        Slot::Size(|keys| &mut keys.budget_zip),
        "The most that the zip may have, with its unit: 2 MB.",
    ),
    key(
        "budget.unzipped",
        For::Artifact,
        Slot::Size(|keys| &mut keys.budget_unzipped),
        "The most that all files of the zip may have together, with its unit: 6 MB.",
    ),
    key(
        "budget.image",
        For::Function,
        Slot::Size(|keys| &mut keys.budget_image),
        "The most that the image's layers may have together as they are pushed, with its unit: 20 MB.",
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
