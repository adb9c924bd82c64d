//! The runtime archive, the part of a static binary that is ours: whether it goes in front of musl, and which. It is built
//! by `build/runtime/` from `templates/runtime/`.

use std::fmt;

use super::Linker;
use crate::project::Allocator;
use crate::project::toolchain::Rustc;
use crate::settings::Compile;
use crate::target::{Libc, Target};

/// The rustc that the archive needs (its own `rust-version`), as minor version of Rust 1.
const OLDEST_RUSTC: u32 = 83;

/// Whether a target's binaries get the runtime archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimePlan {
    /// They do.
    Linked(Archive),
    /// They do not, for this reason.
    Left(Reason),
}

/// Which runtime archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Whether it brings its allocator, or the memory functions only.
    pub allocator: bool,
}

/// Why a target's binaries get no runtime archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target is not musl's.
    Glibc,
    /// The user does not want it.
    Unwanted,
    /// The user's linker need not find it where we put it.
    OwnLinker,
    /// This rustc cannot compile it.
    OldRustc(String),
}

impl RuntimePlan {
    pub(super) fn choose(
        target: Target,
        linker: &Linker,
        rustc: &Rustc,
        compile: &Compile,
    ) -> Self {
        if target.libc == Libc::Gnu {
            return Self::Left(Reason::Glibc);
        }
        if !compile.runtime_archive {
            return Self::Left(Reason::Unwanted);
        }
        if *linker != Linker::RustLld {
            return Self::Left(Reason::OwnLinker);
        }
        if is_too_old(&rustc.version) {
            return Self::Left(Reason::OldRustc(rustc.version.clone()));
        }
        Self::Linked(Archive {
            allocator: compile.allocator == Allocator::Dlmalloc,
        })
    }

    /// The archive, if there is one.
    pub fn archive(&self) -> Option<Archive> {
        match self {
            Self::Linked(archive) => Some(*archive),
            Self::Left(_) => None,
        }
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.allocator {
            "dlmalloc and memory functions"
        } else {
            "memory functions"
        })
    }
}

fn is_too_old(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u32>);
    matches!(
        (numbers.next(), numbers.next()),
        (Some(Ok(1)), Some(Ok(minor))) if minor < OLDEST_RUSTC
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rustc_that_is_known_to_be_old_is_too_old() {
        for (version, old) in [
            ("1.82.0", true),
            ("1.83.0", false),
            ("1.95.0-nightly", false),
            ("2.0.0", false),
            ("strange", false),
        ] {
            assert_eq!(is_too_old(version), old, "{version}");
        }
    }
}
