//! `first-next RUNS BINARY BINARY`: the time from starting a function to its first `GET …/next`, for two functions in
//! turn. Prints the medians in microseconds and their ratio.

use std::io::{Error, Read, Result};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [runs, first, second] = &arguments[..] else {
        return Err(Error::other("usage: first-next RUNS BINARY BINARY"));
    };
    let runs: usize = runs.parse().map_err(Error::other)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (binary, times) in [first, second].into_iter().zip(&mut times) {
            times.push(until_next(binary)?);
        }
    }
    let [first, second] = times.map(median);
    println!("{first:.0} {second:.0} {:.3}", first / second);
    Ok(())
}

fn until_next(binary: &str) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let api = listener.local_addr()?.to_string();
    let mut command = Command::new(binary);
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", &api).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "function"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
        ("_HANDLER", "bootstrap"),
    ] {
        command.env(name, value);
    }
    let started = Instant::now();
    let mut child = command.spawn()?;
    let (mut stream, _) = listener.accept()?;
    let mut request = [0; 64];
    let read = stream.read(&mut request)?;
    let elapsed = started.elapsed();
    child.kill()?;
    child.wait()?;
    if !request[..read].starts_with(b"GET /2018-06-01/runtime/invocation/next") {
        return Err(Error::other("the function asked for something else first"));
    }
    Ok(elapsed.as_secs_f64() * 1e6)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
