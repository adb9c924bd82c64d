//! Whether the runtime archive does what it is for. One that stands behind libc has no effect, and no linker says so.

use crate::binary::{self, RuntimeArchive};
use crate::error::Names;
use crate::finding::Finding;
use crate::plan::Archive;

const RULE: &str = "lambda/runtime-archive";

/// Looks for the archive in the unstripped binary of a function that was built with it.
pub fn runtime_archive(function: &str, unstripped: &[u8], archive: Archive) -> Option<Finding> {
    match binary::runtime_archive(unstripped, archive.allocator) {
        RuntimeArchive::Linked => None,
        RuntimeArchive::Replaced(names) => Some(Finding::note(
            RULE,
            format!(
                "`{function}` brings its own {}: they win over the runtime archive's",
                Names(&names)
            ),
        )),
        RuntimeArchive::Absent(names) => {
            let finding = Finding::warning(
                RULE,
                format!(
                    "the runtime archive has no effect in `{function}`: {} of another library came first",
                    Names(&names)
                ),
            );
            Some(finding.with_hint(
                "see how it is linked: slsbuild zip -vv; to build without it: --runtime-archive off",
            ))
        }
        RuntimeArchive::Unknown => {
            let finding = Finding::warning(
                RULE,
                format!(
                    "whether the runtime archive is in `{function}` cannot be told: the linker left no symbols"
                ),
            );
            Some(finding.with_hint(
                "slsbuild strips by itself: take `-s` and `-C strip` out of your rustflags",
            ))
        }
    }
}
