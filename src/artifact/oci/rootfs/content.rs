//! The content of files in an image: one file's bytes, or all of them written below a directory, which nothing leaves.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::Path;

use super::merge::{Node, NodeKind, Rootfs};
use super::{Bounds, stream};
use crate::artifact::oci::Blob;
use crate::error::{Error, Result};
use crate::fs;

/// The first bytes of a file, at most `most` of them; `None` for what is no file, or cannot be read so far.
///
/// # Errors
/// When the layer's file cannot be read.
pub fn read_start(layers: &[Blob], node: &Node, most: u64) -> Result<Option<Vec<u8>>> {
    let NodeKind::File { layer, entry } = node.kind else {
        return Ok(None);
    };
    let Some(blob) = layers.get(layer) else {
        return Ok(None);
    };
    let mut number = 0;
    let mut bytes = Vec::new();
    stream::walk(blob, &mut Bounds::default(), |_, content| {
        if number == entry {
            // A broken layer is told of by its facts.
            if content.take(most).read_to_end(&mut bytes).is_err() {
                bytes.clear();
            }
            return Ok(ControlFlow::Break(()));
        }
        number += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 == node.size.min(most)))
}

/// Writes all files, directories and links of an image below the empty directory `to`: readable for everyone, executable where
/// they are. Links lead inside `to`, wherever they led; one that leads nowhere is left out.
///
/// # Errors
/// [`Error::Rejected`] when they have more than `most` bytes together or a layer is broken, and when they cannot be written.
pub fn unpack(layers: &[Blob], rootfs: &Rootfs, to: &Path, most: u64) -> Result<()> {
    let total = rootfs
        .nodes()
        .fold(0, |sum: u64, (_, node)| sum.saturating_add(node.size));
    if total > most {
        return Err(Error::Rejected {
            message: format!(
                "the image's files have {total} bytes, more than the {most} that are unpacked here"
            ),
            hint: Some("run it with a container engine, or build it on a smaller base".to_owned()),
        });
    }
    let mut files: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
    for (path, node) in rootfs.nodes() {
        match node.kind {
            NodeKind::Directory => fs::create_dir(to.join(path))?,
            NodeKind::File { layer, entry } => files.entry((layer, entry)).or_default().push(path),
            NodeKind::Symlink(_) | NodeKind::Special => {}
        }
    }
    for (number, layer) in layers.iter().enumerate() {
        unpack_layer(number, layer, &files, to)?;
    }
    for (path, node) in rootfs.nodes() {
        if matches!(node.kind, NodeKind::Symlink(_)) {
            link(path, rootfs, to)?;
        }
    }
    Ok(())
}

fn unpack_layer(
    number: usize,
    layer: &Blob,
    files: &BTreeMap<(usize, usize), Vec<&str>>,
    to: &Path,
) -> Result<()> {
    let mut entry = 0;
    let facts = stream::walk(layer, &mut Bounds::default(), |facts, content| {
        let paths = files.get(&(number, entry));
        entry += 1;
        let Some((first, others)) = paths.and_then(|paths| paths.split_first()) else {
            return Ok(ControlFlow::Continue(()));
        };
        let path = to.join(first);
        let mut file = fs::File::create_new(&path)?;
        io::copy(content, &mut file)?;
        fs::set_mode(&path, 0o644 | (facts.mode & 0o111))?;
        for other in others {
            fs_err::hard_link(&path, to.join(other))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match facts.fault {
        None => Ok(()),
        Some(_) => Err(Error::Rejected {
            message: format!("layer {} of the image cannot be unpacked", number + 1),
            hint: Some("to see why: slsbuild check IMAGE".to_owned()),
        }),
    }
}

/// A link by the shortest way that does not depend on where `to` is.
fn link(path: &str, rootfs: &Rootfs, to: &Path) -> Result<()> {
    let Some(target) = rootfs.resolve(path) else {
        return Ok(());
    };
    let up = "../".repeat(path.matches('/').count());
    let target = format!("{up}{}", target.path);
    #[cfg(unix)]
    fs_err::os::unix::fs::symlink(target, to.join(path))?;
    #[cfg(not(unix))]
    let _ = (target, to);
    Ok(())
}
