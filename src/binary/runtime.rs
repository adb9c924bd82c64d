//! Whether the runtime archive is in a binary, by the binary's own symbols. An archive behind libc has no effect and nobody
//! says so, so slsbuild looks.

use std::collections::BTreeMap;

use object::{Object as _, ObjectSymbol as _};

/// What became of the runtime archive in a binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeArchive {
    /// All functions that the binary has and the archive brings are the archive's.
    Linked,
    /// The program or one of its libraries brings these itself, and they win.
    Replaced(Vec<&'static str>),
    /// These are still libc's.
    Absent(Vec<&'static str>),
    /// The binary has no symbols to tell it by.
    Unknown,
}

/// Functions that stand for the rest: whoever brings one of a group brings all.
const MEMORY: [&str; 3] = ["memcmp", "memmove", "bcmp"];
const ALLOCATOR: [&str; 3] = ["malloc", "free", "realloc"];

/// Functions that only musl's own allocator has; their presence beside a foreign `malloc` says that it is musl's.
const OF_MUSL: [&str; 2] = ["__libc_malloc_impl", "__malloc_alloc_meta"];

fn is_looked_for(name: Option<&str>) -> bool {
    name.is_some_and(|name| MEMORY.contains(&name) || ALLOCATOR.contains(&name))
}

/// Looks for the runtime archive's functions in an unstripped binary. `allocator` tells whether it should bring one.
pub fn runtime_archive(bytes: &[u8], allocator: bool) -> RuntimeArchive {
    let Ok(file) = object::File::parse(bytes) else {
        return RuntimeArchive::Unknown;
    };
    let symbols: BTreeMap<&str, u64> = file
        .symbols()
        .filter(object::ObjectSymbol::is_definition)
        // A function of the same name that is local to its file is nobody else's; ours are hidden, and so local by now.
        .filter(|symbol| symbol.is_global() || !is_looked_for(symbol.name().ok()))
        .filter_map(|symbol| Some((symbol.name().ok()?, symbol.address())))
        .collect();
    if symbols.is_empty() {
        return RuntimeArchive::Unknown;
    }
    let is_foreign = |name: &&'static str| {
        symbols.get(name).is_some_and(|address| {
            symbols.get(format!("slsbuild_{name}").as_str()) != Some(address)
        })
    };
    let memory: Vec<&'static str> = MEMORY.into_iter().filter(is_foreign).collect();
    let malloc: Vec<&'static str> = ALLOCATOR
        .into_iter()
        .filter(|_| allocator)
        .filter(is_foreign)
        .collect();
    let malloc_is_musls = OF_MUSL.iter().any(|name| symbols.contains_key(name));
    let has_any = symbols.keys().any(|name| name.starts_with("slsbuild_"));
    match (memory.is_empty(), malloc.is_empty()) {
        (true, true) => RuntimeArchive::Linked,
        (_, false) if malloc_is_musls => RuntimeArchive::Absent([malloc, memory].concat()),
        (false, _) if !has_any => RuntimeArchive::Absent([malloc, memory].concat()),
        _ => RuntimeArchive::Replaced([malloc, memory].concat()),
    }
}
