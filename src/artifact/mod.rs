//! What is handed over: trees of named files, and the deterministic writers and careful readers of archives.
//! Knows no platform: which names, modes and limits are right is said by `platform/`, judged by `check/`.

pub mod archive;
pub mod deflate;
pub mod directory;
mod dos_time;
pub mod name;
pub mod oci;
pub mod tar;
mod tree;
pub mod zip;

pub use tree::{Content, FileTree, Node, TreeEntry};
