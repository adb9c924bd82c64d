//! The layouts of zips: a function's binary as `bootstrap` at the root and the includes beside it, an extension's binary
//! below `extensions/`, a layer's files as they are.

use super::BOOTSTRAP;
use crate::artifact::{Content, FileTree};
use crate::error::Result;
use crate::project::include::Included;

/// Where Lambda looks for external extensions in a layer, which it unpacks at `/opt`.
/// <https://docs.aws.amazon.com/lambda/latest/dg/extensions-configuration.html> (2026-11)
pub const EXTENSIONS: &str = "extensions";

/// Lays out a function's zip. Internal extensions lie at its root, for a wrapper to start.
///
/// # Errors
/// When two files have one name.
pub fn assemble(
    bootstrap: Vec<u8>,
    includes: &[Included],
    internal: Vec<(String, Vec<u8>)>,
) -> Result<FileTree> {
    let mut tree = assemble_layer(includes)?;
    tree.insert(BOOTSTRAP, Content::Bytes(bootstrap), true)?;
    for (name, binary) in internal {
        tree.insert(&name, Content::Bytes(binary), true)?;
    }
    Ok(tree)
}

/// Lays out the layer of an external extension.
///
/// # Errors
/// When an include has its name.
pub fn assemble_extension(name: &str, binary: Vec<u8>, includes: &[Included]) -> Result<FileTree> {
    let mut tree = assemble_layer(includes)?;
    let name = format!("{EXTENSIONS}/{name}");
    tree.insert(&name, Content::Bytes(binary), true)?;
    Ok(tree)
}

/// Lays out a layer of files.
///
/// # Errors
/// When two files have one name.
pub fn assemble_layer(includes: &[Included]) -> Result<FileTree> {
    let mut tree = FileTree::new();
    for include in includes {
        let content = Content::File {
            path: include.path.clone(),
            size: include.size,
        };
        tree.insert(&include.name, content, include.executable)?;
    }
    Ok(tree)
}
