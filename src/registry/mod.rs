//! A client of OCI registries (<https://github.com/opencontainers/distribution-spec>, 1.1): what is there is read, and images
//! are pushed. Blocking code: whoever wants several things at once has threads. Everything that a registry says is hostile:
//! it is bounded, verified, and never repeated with a secret in it.

mod access;
mod auth;
mod blob;
mod cache;
mod challenge;
mod client;
mod credentials;
mod endpoint;
mod exchange;
mod fault;
mod images;
mod manifests;
mod message;
mod options;
mod pull;
mod push;
mod reply;
mod retry;
mod secret;
mod token;
mod transport;
mod upload;

pub use access::{Access, access};
pub use blob::BlobReader;
pub use cache::BlobCache;
pub use challenge::Challenge;
pub use client::Client;
pub use credentials::{Credential, Found, PASSWORD, Places, Source, USERNAME};
pub use images::Which;
pub use options::{Options, Patience};
pub use push::{Amount, Progress, Pushed, Watch, push};
pub use secret::Secret;
