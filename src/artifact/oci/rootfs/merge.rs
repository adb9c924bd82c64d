//! The root file system that layers give together: later ones over earlier ones, with what they take away, links followed inside
//! the root only.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::LayerFacts;
use super::entry::{EntryKind, LayerEntry, tidy};

/// As many links as are followed before they are taken for a circle; Linux follows forty.
const MOST_LINKS: usize = 40;
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts>
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// What a path stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file; its content is that of this entry of its layer.
    File {
        /// The number of the layer.
        layer: usize,
        /// The number of the entry in it.
        entry: usize,
    },
    /// A directory.
    Directory,
    /// A symbolic link, and what it leads to, as it is written.
    Symlink(String),
    /// A device, socket or pipe.
    Special,
}

/// A path of the root file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u64,
    /// How many bytes it has.
    pub size: u64,
    /// The layer that has it.
    pub layer: usize,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// Its path when all links are followed, without the leading slash.
    pub path: String,
    /// What is there.
    pub node: &'a Node,
    /// Whether the last part of the path was a link itself.
    pub is_link: bool,
}

/// All paths of an image, relative to its root. No path lies under a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rootfs {
    nodes: BTreeMap<String, Node>,
}

impl Rootfs {
    /// The root file system of layers, the lowest first; one that is not known is left out.
    pub fn new(layers: &[Option<&LayerFacts>]) -> Self {
        let mut rootfs = Self::default();
        for (number, facts) in layers.iter().enumerate() {
            rootfs.lay_over(number, facts.map_or(&[], |facts| &facts.entries));
        }
        rootfs
    }

    /// All paths, sorted.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// What an absolute path leads to, links followed as a process in the container would follow them.
    pub fn resolve(&self, path: &str) -> Option<Resolved<'_>> {
        let path = self.follow(path, true)?;
        let node = self.nodes.get(&path.found)?;
        Some(Resolved {
            is_link: path.ended_in_link,
            path: path.found,
            node,
        })
    }

    /// What a layer takes away is taken from the layers below it, wherever in the layer it stands.
    fn lay_over(&mut self, layer: usize, entries: &[LayerEntry]) {
        let sound = || {
            let entries = entries.iter().enumerate();
            entries.filter(|(_, entry)| entry.fault.is_none())
        };
        for (_, entry) in sound() {
            let (parent, name) = split(&entry.path);
            let Some(parent) = name.starts_with(WHITEOUT).then(|| self.directory(parent)) else {
                continue;
            };
            let Some(parent) = parent else { continue };
            if name == OPAQUE {
                self.remove_below(&parent);
            } else if let Some(removed) = name.strip_prefix(WHITEOUT) {
                self.remove(&join(&parent, removed));
            }
        }
        for (number, entry) in sound() {
            if !split(&entry.path).1.starts_with(WHITEOUT) && !entry.path.is_empty() {
                self.add(layer, number, entry);
            }
        }
    }

    fn add(&mut self, layer: usize, number: usize, entry: &LayerEntry) {
        let (parent, name) = split(&entry.path);
        let Some(parent) = self.make_directory(parent, layer) else {
            return;
        };
        let path = join(&parent, name);
        let Some(node) = self.node(layer, number, entry) else {
            return;
        };
        let replaced = self.nodes.insert(path.clone(), node);
        let was_directory = replaced.is_some_and(|node| node.kind == NodeKind::Directory);
        if was_directory && entry.kind != EntryKind::Directory {
            self.remove_below(&path);
        }
    }

    /// The node of an entry; a hard link is what it leads to, and nothing where that is not there.
    fn node(&self, layer: usize, number: usize, entry: &LayerEntry) -> Option<Node> {
        let kind = match entry.kind {
            EntryKind::File => NodeKind::File {
                layer,
                entry: number,
            },
            EntryKind::Directory => NodeKind::Directory,
            EntryKind::Symlink => NodeKind::Symlink(entry.link.clone().unwrap_or_default()),
            EntryKind::Special => NodeKind::Special,
            EntryKind::Hardlink => {
                let target = entry.link.as_deref().unwrap_or_default();
                // Container engines take such a name from the root, with or without a slash.
                let (target, fault) = tidy(target.trim_start_matches('/').as_bytes());
                let path = self.follow(&target, false)?;
                let node = self.nodes.get(&path.found).filter(|_| fault.is_none())?;
                return Some(Node {
                    layer,
                    ..node.clone()
                });
            }
        };
        Some(Node {
            kind,
            mode: entry.mode,
            uid: entry.uid,
            size: entry.size,
            layer,
        })
    }

    /// The directory of this path, made with its parents where there is none; `None` where something else is in the way.
    fn make_directory(&mut self, path: &str, layer: usize) -> Option<String> {
        if let Some(path) = self.directory(path) {
            return Some(path);
        }
        let (parent, name) = split(path);
        // As deep as a sound name at most.
        let parent = self.make_directory(parent, layer)?;
        let path = join(&parent, name);
        if self.nodes.contains_key(&path) {
            return None;
        }
        let implied = Node {
            kind: NodeKind::Directory,
            mode: 0o755,
            uid: 0,
            size: 0,
            layer,
        };
        self.nodes.insert(path.clone(), implied);
        Some(path)
    }

    /// The path of a directory with all links followed, if there is such a directory.
    fn directory(&self, path: &str) -> Option<String> {
        let is_directory = |path: &str| {
            let node = self.nodes.get(path);
            path.is_empty() || node.is_some_and(|node| node.kind == NodeKind::Directory)
        };
        if is_directory(path) {
            return Some(path.to_owned());
        }
        let followed = self.follow(path, true)?.found;
        is_directory(&followed).then_some(followed)
    }

    fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        self.remove_below(path);
    }

    fn remove_below(&mut self, path: &str) {
        let start = if path.is_empty() {
            String::new()
        } else {
            format!("{path}/")
        };
        let below = self
            .nodes
            .range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded))
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&start));
        for path in below.cloned().collect::<Vec<_>>() {
            self.nodes.remove(&path);
        }
    }

    /// Follows a path from the root. The last part is followed too where `follows_last` says so.
    fn follow(&self, path: &str, follows_last: bool) -> Option<Followed> {
        let mut links = 0;
        let mut found = String::new();
        let mut rest: Vec<String> = parts_backwards(path);
        let mut ended_in_link = false;
        while let Some(part) = rest.pop() {
            match part.as_str() {
                ".." => found.truncate(found.rfind('/').unwrap_or(0)),
                part => {
                    let next = join(&found, part);
                    match self.nodes.get(&next).map(|node| &node.kind) {
                        Some(NodeKind::Symlink(target)) if follows_last || !rest.is_empty() => {
                            ended_in_link |= rest.is_empty();
                            links += 1;
                            if links > MOST_LINKS {
                                return None;
                            }
                            if target.starts_with('/') {
                                found.clear();
                            }
                            rest.extend(parts_backwards(target));
                        }
                        Some(NodeKind::Directory) => found = next,
                        Some(_) if rest.is_empty() => found = next,
                        // Nothing lies below a file.
                        Some(_) | None => return None,
                    }
                }
            }
        }
        Some(Followed {
            found,
            ended_in_link,
        })
    }
}

struct Followed {
    found: String,
    ended_in_link: bool,
}

fn parts_backwards(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.rev().map(str::to_owned).collect()
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}
