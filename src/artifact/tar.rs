//! The deterministic tar writer: names, modes, contents and one time decide every byte. No host mode, clock, locale or umask
//! reaches it. A tar of ours is ustar; a pax header comes before an entry only where ustar cannot say its name, size or time.
//!
//! Format: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html> (POSIX.1-2024).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Read, Write};

use crate::artifact::{Content, FileTree, name};
use crate::error::{Error, Result};

mod header;
mod places;

use header::{BLOCK, DIRECTORY, Header, NAME, PAX, cut, padding};
pub use places::{Place, places};

/// The mode of a file that is no program.
pub const FILE_MODE: u32 = 0o644;
/// The mode of a program.
pub const EXECUTABLE_MODE: u32 = 0o755;

/// What is said of a directory beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its mode.
    pub mode: u32,
    /// Who owns it: a user's number, and the same as the group's.
    pub owner: u32,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            mode: 0o755,
            owner: 0,
        }
    }
}

/// A tar that is being written, entry after entry in the order they are given.
#[derive(Debug)]
pub struct Tar<W> {
    out: W,
    modified: u64,
}

impl<W: Write> Tar<W> {
    /// A tar whose entries all carry the time `modified`, in seconds since 1970.
    pub fn new(out: W, modified: u64) -> Self {
        Self { out, modified }
    }

    /// Adds a directory, whose name ends without `/`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn directory(&mut self, name: &str, directory: Directory) -> io::Result<()> {
        let Directory { mode, owner } = directory;
        self.header(&Header {
            name: &format!("{name}/"),
            kind: DIRECTORY,
            mode,
            owner,
            size: 0,
        })
    }

    /// Adds a file of `size` bytes.
    ///
    /// # Errors
    /// When it cannot be written, or `content` cannot be read or has another size.
    pub fn file(
        &mut self,
        name: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.header(&Header::file(name, mode, size))?;
        let copied = io::copy(&mut content.take(size.saturating_add(1)), &mut self.out)?;
        if copied != size {
            let message = format!("it changed while it was packed: it had {size} bytes before");
            return Err(io::Error::other(message));
        }
        self.out.write_all(padding(size))
    }

    /// Ends the tar.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        Ok(self.out)
    }

    fn header(&mut self, header: &Header<'_>) -> io::Result<()> {
        let records = header.pax_records(self.modified);
        if !records.is_empty() {
            let (_, last) = header
                .name
                .trim_end_matches('/')
                .rsplit_once('/')
                .unwrap_or(("", header.name));
            let name = format!("PaxHeaders.0/{last}");
            let extension = Header {
                kind: PAX,
                ..Header::file(cut(&name, NAME), FILE_MODE, records.len() as u64)
            };
            self.out.write_all(&extension.block(self.modified))?;
            self.out.write_all(&records)?;
            self.out.write_all(padding(records.len() as u64))?;
        }
        self.out.write_all(&header.block(self.modified))
    }
}

impl Tar<Vec<u8>> {
    /// Adds a file with its content, which is given up: the longer of the content and the tar so far keeps its memory, so that
    /// a large file is never there twice.
    fn take(&mut self, name: &str, mode: u32, content: Content) -> Result<()> {
        let size = content.size();
        self.header(&Header::file(name, mode, size))?;
        match content {
            Content::Bytes(bytes) if bytes.len() > self.out.len() => {
                let room = self.out.capacity() - self.out.len();
                let head = std::mem::take(&mut self.out);
                self.out = prepended(&head, bytes, room);
            }
            content => content.append_to(&mut self.out)?,
        }
        self.out.extend_from_slice(padding(size));
        Ok(())
    }
}

/// Puts `head` before the bytes of `body`, in its memory, which has room for `room` bytes in all.
fn prepended(head: &[u8], mut body: Vec<u8>, room: usize) -> Vec<u8> {
    let length = body.len();
    body.reserve_exact(head.len() + room.saturating_sub(length));
    body.resize(length + head.len(), 0);
    body.copy_within(..length, head.len());
    body[..head.len()].copy_from_slice(head);
    body
}

/// The tar of a tree and of directories beside those that its files imply. Every directory comes before what lies in it; one
/// that is not named in `directories` is root's, and everyone's to enter.
///
/// # Errors
/// [`Error::Project`] for a directory whose name cannot be one or is a file's; when a file of the tree cannot be read.
pub fn write(
    tree: FileTree,
    directories: &BTreeMap<String, Directory>,
    modified: u64,
) -> Result<Vec<u8>> {
    let entries = entries(tree, directories)?;
    let room: u64 = entries
        .iter()
        .map(|(name, content)| {
            let size = content.as_ref().map_or(0, |(content, _)| content.size());
            // A header, and at most a pax header with one block and the name.
            size.saturating_add(4 * BLOCK as u64 + name.len() as u64)
        })
        .fold(2 * BLOCK as u64, u64::saturating_add);
    let mut out = Vec::new();
    let whole = usize::try_from(room).ok();
    let reserved = whole.filter(|room| out.try_reserve_exact(*room).is_ok());
    if reserved.is_none() {
        return Err(refused(format!(
            "a layer of {room} bytes does not fit into memory"
        )));
    }
    let mut tar = Tar::new(out, modified);
    for (name, content) in entries {
        let Some((content, executable)) = content else {
            let name = name.trim_end_matches('/');
            let directory = directories.get(name).copied().unwrap_or_default();
            tar.directory(name, directory)?;
            continue;
        };
        let mode = if executable {
            EXECUTABLE_MODE
        } else {
            FILE_MODE
        };
        tar.take(&name, mode, content)?;
    }
    let mut bytes = tar.finish()?;
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// Files with their content and directories without, sorted bytewise by their names, of which a directory's ends with `/`.
type Entries = BTreeMap<String, Option<(Content, bool)>>;

fn entries(tree: FileTree, directories: &BTreeMap<String, Directory>) -> Result<Entries> {
    let mut entries = Entries::new();
    for (name, content, executable) in tree.into_files() {
        let parents = name::ancestors(&name).map(|parent| (format!("{parent}/"), None));
        entries.extend(parents);
        entries.insert(name, Some((content, executable)));
    }
    for name in directories.keys() {
        if let Err(cause) = name::check(name) {
            return Err(refused(format!(
                "`{}` cannot be a directory of a layer: {cause}",
                name.escape_debug()
            )));
        }
        let whole = [name.as_str()];
        for name in name::ancestors(name).chain(whole) {
            if let Entry::Occupied(_) = entries.entry(name.to_owned()) {
                return Err(refused(format!(
                    "`{name}` cannot be a directory of a layer: it is a file's name"
                )));
            }
            entries.insert(format!("{name}/"), None);
        }
    }
    Ok(entries)
}

fn refused(message: String) -> Error {
    Error::Project {
        message,
        hint: None,
    }
}

#[cfg(test)]
mod tests;
