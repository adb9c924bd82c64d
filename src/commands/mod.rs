//! One file per verb; each reads as the recipe of its verb. What several building verbs share is
//! `make.rs`, `pack.rs` and `train.rs`.

pub mod bench;
pub mod build;
pub mod check;
pub mod completions;
pub mod config;
pub mod dir;
pub mod doctor;
mod given;
pub mod image;
pub mod init;
pub mod invoke;
mod layout;
pub mod make;
pub mod pack;
pub mod plan;
pub mod push;
pub mod registry;
mod remote;
pub mod train;
pub mod zip;
