//! What each platform demands: one room per platform, with its limits, its layout and its rules.
//! Writes no bytes and prints nothing.

pub mod lambda;
