//! A directory that holds a function already, as `slsbuild dir` and other tools leave it: copied, so that a run changes
//! nothing in it. Links are followed, as a tool that zips the directory follows them.

use std::path::Path;

use crate::artifact::archive::UNPACKED_LIMIT;
use crate::error::{Error, Result};
use crate::fs;

/// More files than this are no function.
const MOST_FILES: usize = 100_000;

/// Copies all that is in `from` into the empty directory `to`.
///
/// # Errors
/// [`Error::Rejected`] for a directory that is too large, when something cannot be read, and for a link that leads nowhere
/// or back.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let (mut count, mut size) = (0, 0_u64);
    for entry in walkdir::WalkDir::new(from).min_depth(1).follow_links(true) {
        let entry = entry.map_err(std::io::Error::from)?;
        let facts = entry.metadata().map_err(std::io::Error::from)?;
        count += 1;
        size = size.saturating_add(facts.len());
        if count > MOST_FILES || size > UNPACKED_LIMIT {
            return Err(Error::Rejected {
                message: format!("`{}` is far larger than a function may be", from.display()),
                hint: Some("name the directory that slsbuild dir wrote".to_owned()),
            });
        }
        let Ok(name) = entry.path().strip_prefix(from) else {
            continue;
        };
        let path = to.join(name);
        if facts.is_dir() {
            fs::create_dir(&path)?;
        } else if facts.is_file() {
            // With its mode: a `bootstrap` that is no program fails here as it does on Lambda.
            fs::copy(entry.path(), &path)?;
        }
    }
    Ok(())
}
