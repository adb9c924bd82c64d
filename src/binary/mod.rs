//! What came out of the compiler: facts of an ELF file, stripping it, and the build machine's paths left in it.
//! Knows no platform: whether a fact is a fault is said in `platform/`.

mod build_paths;
mod dynamic;
mod elf;
mod functions;
mod head;
mod runtime;
mod strip;

use std::fmt;

pub use build_paths::build_paths;
pub use functions::compiled_functions;
pub use head::{HEAD_BYTES, Head, head};
pub use runtime::{RuntimeArchive, runtime_archive};
pub use strip::{Strip, strip};

use crate::error::{Error, Result};
use crate::target::Arch;

/// What an ELF executable says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its architecture; `None` for a machine that no platform runs.
    pub arch: Option<Arch>,
    /// The name of the machine in its header, for messages.
    pub machine: String,
    /// How it is linked.
    pub linkage: Linkage,
    /// The highest glibc version that its symbols ask for.
    pub glibc: Option<GlibcVersion>,
    /// Whether it has a symbol table that it does not need to run.
    pub symbols: bool,
    /// Whether it holds debug info.
    pub debug_info: bool,
    /// Bytes of its symbol tables and their strings.
    pub symbol_bytes: u64,
    /// Bytes of its debug info.
    pub debug_bytes: u64,
    /// What looks like source paths of the machine that built it, by a cautious guess; [`build_paths()`] is exact.
    pub build_paths: Vec<String>,
}

/// How an executable is linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// It needs no interpreter. A static-pie has a dynamic section all the same.
    Static,
    /// A dynamic loader starts it.
    Dynamic {
        /// The path of the loader.
        interpreter: String,
        /// The libraries that the loader must find.
        needed: Vec<String>,
    },
}

/// A version of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion {
    /// The 2 of 2.34.
    pub major: u32,
    /// The 34 of 2.34.
    pub minor: u32,
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}", self.major, self.minor))
    }
}

/// Reads the facts of a Linux executable.
pub fn inspect(bytes: &[u8]) -> Result<Facts> {
    inspect_named("the binary", bytes)
}

/// [`inspect`] with an error that names the binary as `name`, which brings its own backticks.
pub fn inspect_named(name: &str, bytes: &[u8]) -> Result<Facts> {
    elf::Elf::parse(bytes)
        .map(elf::Elf::facts)
        .map_err(|refusal| rejected(name, &refusal))
}

/// Why bytes are no executable that can be used: the end of a sentence that opens with the binary's name.
type Refusal = String;

fn rejected(name: &str, refusal: &str) -> Error {
    Error::Rejected {
        message: format!("{name} {refusal}"),
        hint: None,
    }
}
