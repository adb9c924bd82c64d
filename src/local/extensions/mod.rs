//! The processes beside a function that come with its layers: what they may ask and are told ([`Registry`]), the Extensions
//! API over it (`routes.rs`), and the processes themselves ([`Companions`]).

mod extension;
mod processes;
mod registry;
mod routes;

pub(super) use extension::ShutdownReason;
pub(super) use processes::Companions;
pub(super) use registry::Registry;
pub(super) use routes::route;

#[cfg(test)]
mod tests;
