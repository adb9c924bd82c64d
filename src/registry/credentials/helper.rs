//! `docker-credential-NAME get`: a program that is asked for a registry's credential
//! (<https://github.com/docker/docker-credential-helpers>, 2026-11). It is foreign code that may hang, flood or lie.

use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{Found, Places, Source, Wanted, credential};
use crate::error::{Error, Result};
use crate::interrupt;

/// More than this is no credential.
const MOST_OUTPUT: u64 = 64 << 10;
/// What helpers say when they have nothing, which is no failure.
const NOTHING: [&str; 2] = ["credentials not found", "no credentials server URL"];

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// What a helper did.
struct Outcome {
    is_success: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Asks the helper `name`, which the file `shown` names, for the credential of `server`.
///
/// # Errors
/// [`Error::Registry`], which names the helper: when it is not installed, fails, hangs, or answers what is no credential.
pub(super) fn get(
    places: &Places,
    name: &str,
    server: &str,
    shown: &str,
    wanted: Wanted<'_>,
) -> Result<Option<Found>> {
    let program = format!("docker-credential-{name}");
    let broken = |cause: String| Error::Registry {
        reference: wanted.host.to_owned(),
        cause: format!("the credential helper `{program}` {cause}"),
        hint: Some(format!(
            "ask it yourself: echo {server} | {program} get; or take it out of {shown}"
        )),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let file = Some(&program)
        .filter(|program| program.chars().all(is_name))
        .and_then(|program| find(places, program))
        .ok_or_else(|| broken("is not on PATH".to_owned()))?;
    let outcome = run(Command::new(file), server, wanted.patience).map_err(&broken)?;
    if !outcome.is_success {
        // Some helpers say it on stdout, which is what the protocol asks for, others on stderr.
        let words = [&outcome.stdout, &outcome.stderr].map(|words| String::from_utf8_lossy(words));
        if words.iter().any(|words| has_nothing(words)) {
            return Ok(None);
        }
        let said = words.iter().map(|words| words.trim());
        let said = said.rev().find(|words| !words.is_empty());
        let said = super::super::fault::escaped(said.unwrap_or("without a word"));
        return Err(broken(format!("failed: {said}")));
    }
    // serde's words may quote the secret.
    let answer: Answer = serde_json::from_slice(&outcome.stdout)
        .map_err(|_| broken("answered what is no credential".to_owned()))?;
    if answer.username.is_empty() && answer.secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Found {
        credential: credential(&answer.username, &answer.secret),
        source: Source::Helper(program),
    }))
}

fn has_nothing(words: &str) -> bool {
    NOTHING.iter().any(|nothing| words.contains(nothing))
}

fn find(places: &Places, program: &str) -> Option<PathBuf> {
    let path = places.path.as_ref()?;
    std::env::split_paths(path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Runs the helper to its end, or to the end of our patience, when it is killed with all that it started.
fn run(mut command: Command, server: &str, patience: Duration) -> Result<Outcome, String> {
    let deadline = Instant::now() + patience;
    command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    let spawned = interrupt::spawn_group(&mut command);
    #[cfg(not(unix))]
    let spawned = interrupt::spawn(&mut command);
    let (mut child, _registration) =
        spawned.map_err(|error| format!("cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read is broken in ways that its answer shows.
        let _ = writeln!(stdin, "{server}");
    }
    let outputs = [child.stdout.take().map(read), child.stderr.take().map(read)];
    let [stdout, stderr] = outputs.map(|output| {
        let left = deadline.saturating_duration_since(Instant::now());
        output.and_then(|output| output.recv_timeout(left).ok())
    });
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            _ => break None,
        }
    };
    let (Some(status), Some(stdout), Some(stderr)) = (status, stdout, stderr) else {
        #[cfg(unix)]
        interrupt::kill_group(child.id());
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!(
            "did not answer within {} s",
            patience.as_secs_f32()
        ));
    };
    if stdout.len() as u64 > MOST_OUTPUT {
        return Err(format!("answered more than {MOST_OUTPUT} bytes"));
    }
    Ok(Outcome {
        is_success: status.success(),
        stdout,
        stderr,
    })
}

/// Reads an output to its end in a thread of its own; what is beyond the bound is thrown away.
fn read(mut output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output
            .by_ref()
            .take(MOST_OUTPUT + 1)
            .read_to_end(&mut bytes);
        let _ = std::io::copy(&mut output, &mut std::io::sink());
        let _ = sender.send(bytes);
    });
    receiver
}
