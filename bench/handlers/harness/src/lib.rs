//! Runs a handler either as a Lambda function or, when `BENCH_EVENT` is set, in this process and by itself.
//!
//! In this process one call is what `lambda_runtime` does around a handler: bytes to event, handler, answer to bytes. There is no HTTP around
//! it, which would cost as much as many a handler and pull every ratio towards 1.

mod calls;
mod clock;
mod settings;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use settings::Settings;
use std::fmt::Debug;
use tokio::runtime::{Builder, Runtime};

/// Serves Lambda, or measures. `make` gives one handler to each thread, as each instance of a function has its own.
///
/// # Errors
/// Fails with the runtime's error, or with the first error of a measured call.
pub fn main<Make, Handler, Event, Answer>(make: Make) -> Result<(), Error>
where
    Make: Fn() -> Handler + Sync,
    Handler: AsyncFn(LambdaEvent<Event>) -> Result<Answer, Error>,
    Event: DeserializeOwned + Debug,
    Answer: Serialize,
{
    match Settings::from_env()? {
        Some(settings) => println!("{}", calls::measure(&settings, &make)?),
        None => {
            let handler = make();
            runtime()?.block_on(lambda_runtime::run(service_fn(|event| handler(event))))?;
        }
    }
    Ok(())
}

/// The runtime that most functions have: one event at a time needs no second thread.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_time()
        .enable_io()
        .build()
}
