//! Registries: one in this process that fails on demand, the real `docker-registry` with and without a password and TLS, and
//! what is pushed to them and read back.

mod auth;
mod faults;
mod images;
mod pull;
mod push;
pub(crate) mod real;
mod server;
mod store;
mod verbs;
