//! `slsbuild check` of images: a good one for each platform, and for each rule one that breaks only it.

mod builder;
mod corpus;
mod invoke;
mod output;
