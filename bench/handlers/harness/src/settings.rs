//! What to call and how often, from the environment: a handler has no command line in Lambda either.

use lambda_runtime::Error;
use std::env::{self, VarError};

pub(crate) struct Settings {
    /// The events, called in turn.
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) calls: usize,
    pub(crate) warm_up: usize,
    pub(crate) threads: usize,
}

impl Settings {
    /// Gives nothing without `BENCH_EVENT`, which holds one file or several separated by colons.
    pub(crate) fn from_env() -> Result<Option<Self>, Error> {
        let Ok(files) = env::var("BENCH_EVENT") else {
            return Ok(None);
        };
        Ok(Some(Self {
            events: files
                .split(':')
                .map(std::fs::read)
                .collect::<Result<_, _>>()?,
            calls: number("BENCH_CALLS", 1)?,
            warm_up: number("BENCH_WARM_UP", 0)?,
            threads: number("BENCH_THREADS", 1)?,
        }))
    }
}

fn number(name: &str, default: usize) -> Result<usize, Error> {
    match env::var(name) {
        Ok(value) => value
            .parse()
            .map_err(|error| format!("{name}: {error}").into()),
        Err(VarError::NotPresent) => Ok(default),
        Err(error) => Err(format!("{name}: {error}").into()),
    }
}
