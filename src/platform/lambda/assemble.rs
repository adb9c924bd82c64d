//! The layout of a function's zip: the binary as `bootstrap` at the root, the includes beside it.

use super::BOOTSTRAP;
use crate::artifact::{Content, FileTree};
use crate::error::Result;
use crate::project::include::Included;

/// Lays out a function's zip.
///
/// # Errors
/// When an include has the name of another file.
pub fn assemble(bootstrap: Vec<u8>, includes: &[Included]) -> Result<FileTree> {
    let mut tree = FileTree::new();
    tree.insert(BOOTSTRAP, Content::Bytes(bootstrap), true)?;
    for include in includes {
        let content = Content::File {
            path: include.path.clone(),
            size: include.size,
        };
        tree.insert(&include.name, content, include.executable)?;
    }
    Ok(tree)
}
