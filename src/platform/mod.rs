//! What each platform demands: one room per platform, with its limits, its layout and its rules.
//! Writes no bytes and prints nothing.

pub mod container;
pub mod image;
pub mod lambda;
mod machine;
mod rules;

pub use machine::Machine;
pub use rules::{RULES, Rule, rule};
