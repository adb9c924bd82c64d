//! Integration tests: the real binary on real crates, with foreign tools as oracles where they are installed.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod allocator;
mod bench;
mod build;
mod c_code;
mod check;
mod dir;
mod doctor;
mod errors;
mod extensions;
mod go;
mod image;
mod image_writers;
mod images;
mod init;
mod interrupted;
mod invoke;
mod layers;
mod layout;
mod pgo;
mod registry;
mod reproducible;
mod rooms;
mod selection;
mod shop;
mod strip;
mod support;
mod tiny_elf;
mod zip;
mod zip_oracles;
