//! Calls a handler many times on several threads and measures it.

use crate::clock::{Moment, peak_memory};
use crate::settings::Settings;
use lambda_runtime::{Context, Error, LambdaEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Barrier;
use std::thread;

/// Gives one line of JSON.
pub(crate) fn measure<Make, Handler, Event, Answer>(
    settings: &Settings,
    make: &Make,
) -> Result<String, Error>
where
    Make: Fn() -> Handler + Sync,
    Handler: AsyncFn(LambdaEvent<Event>) -> Result<Answer, Error>,
    Event: DeserializeOwned,
    Answer: Serialize,
{
    let barrier = Barrier::new(settings.threads);
    // The first loop is on the main thread, as a function's is: an allocator may treat other threads differently.
    let (cpu, wall, answers) = thread::scope(|scope| {
        let others: Vec<_> = (1..settings.threads)
            .map(|_| scope.spawn(|| work(settings, &barrier, make)))
            .collect();
        let first = work(settings, &barrier, make);
        others
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no handler panics").map(drop))?;
        first
    })?;
    let calls = u32::try_from(settings.calls * settings.threads)?;
    Ok(json!({
        "cpu_ns": cpu / i128::from(calls),
        "wall_ns": wall / u128::from(calls),
        "peak_kb": peak_memory()?,
        "answers": format!("{:016x}", answers),
    })
    .to_string())
}

/// One thread's calls. All threads begin together after the warm-up, and none ends before the clocks are read.
fn work<Make, Handler, Event, Answer>(
    settings: &Settings,
    barrier: &Barrier,
    make: &Make,
) -> Result<(i128, u128, u64), Error>
where
    Make: Fn() -> Handler,
    Handler: AsyncFn(LambdaEvent<Event>) -> Result<Answer, Error>,
    Event: DeserializeOwned,
    Answer: Serialize,
{
    let runtime = crate::runtime()?;
    let handler = make();
    let call = |index: usize| {
        runtime.block_on(answer(
            &handler,
            &settings.events[index % settings.events.len()],
        ))
    };
    let answers = digest(settings, call);
    let warmed = (0..settings.warm_up).try_for_each(|index| call(index).map(drop));
    barrier.wait();
    let start = Moment::now();
    barrier.wait();
    let called = (0..settings.calls).try_for_each(|index| call(index).map(drop));
    barrier.wait();
    let (cpu, wall) = start.elapsed();
    barrier.wait();
    warmed.and(called)?;
    Ok((cpu, wall, answers?))
}

/// A digest of the answer to each event, so that two builds can be compared.
fn digest(
    settings: &Settings,
    call: impl Fn(usize) -> Result<Vec<u8>, Error>,
) -> Result<u64, Error> {
    let mut hasher = DefaultHasher::new();
    for index in 0..settings.events.len() {
        hasher.write(&call(index)?);
    }
    Ok(hasher.finish())
}

/// What `lambda_runtime` does with one invocation, without the HTTP around it.
async fn answer<Event, Answer>(
    handler: &impl AsyncFn(LambdaEvent<Event>) -> Result<Answer, Error>,
    event: &[u8],
) -> Result<Vec<u8>, Error>
where
    Event: DeserializeOwned,
    Answer: Serialize,
{
    let mut deserializer = serde_json::Deserializer::from_slice(event);
    let payload = serde_path_to_error::deserialize(&mut deserializer)?;
    let answer = handler(LambdaEvent::new(payload, Context::default())).await?;
    Ok(serde_json::to_vec(&answer)?)
}
