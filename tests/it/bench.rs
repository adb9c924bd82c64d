//! `slsbuild bench`: what a user sees of one artifact and of two, what a program reads, and how failures are told.
//! No test here judges a time.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::Value;
use slsbuild::target::Arch;

use crate::invoke::{MOODS, assert_ends, build, temporary, zip};
use crate::support::{fixture, fixtures_target, oracle, outcome, slsbuild};

/// Few calls, with more time for each than a slow machine needs.
fn bench(artifacts: &[&Path]) -> Command {
    let mut command = slsbuild();
    command
        .arg("bench")
        .args(artifacts)
        .args(["--calls", "6", "--warm-up", "3", "--starts", "2"])
        .args(["--timeout", "60"])
        .stdin(Stdio::null());
    command
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

/// Replaces the measured numbers and this machine's paths; columns keep their order and lose their width.
fn scrubbed(command: &mut Command) -> String {
    const FILTERS: [(&str, &str); 11] = [
        (r"/[^ ]*/fixtures/[^ ]*/release/", "[release]/"),
        (r"/[^ ]*/orders\.zip", "[directory]/orders.zip"),
        (r"\b[\d.]+ (µs|ms|s)\b", "[time]"),
        (r"\b[\d.]+ (B|kB|MB)\b", "[size]"),
        (r"\b\d[\d.]*\.\.\d[\d.]*", "[spread]"),
        (r"\b\d+\.\d{3}\b", "[ratio]"),
        (r"\b(A|B|A / B|median|p10\.\.p90)  +", "$1  "),
        (r"(\]|CPU|wall|peak|/next)  +", "$1  "),
        (r"(?m)^event  +", "event  "),
        (r"\((arm64|amd64)\)", "([host])"),
        (r"(thread 'main') \(\d+\)|main\.rs:\d+:\d+", "$1[place]"),
    ];
    FILTERS
        .iter()
        .fold(outcome(command), |text, (pattern, replacement)| {
            regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *replacement)
                .into_owned()
        })
}

fn outcomes(runs: impl IntoIterator<Item = (&'static str, Command)>) -> String {
    let shown: Vec<String> = runs
        .into_iter()
        .map(|(title, mut command)| format!("=== {title}\n{}\n", scrubbed(&mut command)))
        .collect();
    shown.concat()
}

/// The document that a run prints.
fn document(command: Command) -> Value {
    let output = with(command, &["--format", "json", "--quiet"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn assert_spread(spread: &Value, count: u64) {
    let number = |name: &str| spread[name].as_f64().unwrap();
    let ranks = ["min", "p10", "median", "p90", "max"].map(number);
    assert!(ranks.is_sorted() && ranks[0] > 0.0, "{spread}");
    assert_eq!(spread["count"], count, "{spread}");
}

#[test]
fn tables_of_one_artifact_and_of_two() {
    let raw = build("raw", Arch::host().unwrap());
    let logs = with(bench(&[&MOODS]), &["--event", "\"logs\""]);
    assert_snapshot!(outcomes([
        ("one artifact", bench(&[&MOODS])),
        ("a log that is dropped", logs),
        (
            "two artifacts and events",
            with(
                bench(&[&MOODS, &raw]),
                &["--event", "{ \"id\":\n 7 }", "--event", "[]"]
            )
        ),
    ]));
}

#[test]
fn a_program_reads_every_figure() {
    let raw = build("raw", Arch::host().unwrap());
    let both = with(bench(&[&MOODS, &raw]), &["--event", "[7]"]);
    let document = document(both);
    for artifact in document["artifacts"].as_array().unwrap() {
        assert_spread(&artifact["first_next_us"], 2);
        assert!(artifact["peak_memory_kib"].as_u64().unwrap() > 0);
        assert_eq!(artifact["arch"], Arch::host().unwrap().name());
        assert_eq!(artifact["emulator"], Value::Null);
    }
    let events = document["events"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["[7]", "(empty event)"]);
    for event in events {
        assert_eq!(event["beside"], event["event"] == "(empty event)");
        for figures in event["artifacts"].as_array().unwrap() {
            assert_spread(&figures["cpu_us"], 6);
            assert_spread(&figures["wall_us"], 6);
            assert_eq!(figures["errors"], 0);
        }
        // Two pairs of either order make one ratio.
        assert_spread(&event["ratio"]["cpu"], 3);
        assert_spread(&event["ratio"]["wall"], 3);
    }
    assert_spread(&document["ratio"]["first_next"], 1);
    assert!(document["ratio"]["peak_memory"].as_f64().unwrap() > 0.0);
}

#[test]
fn one_artifact_has_no_ratio() {
    let document = document(bench(&[&MOODS]));
    assert_eq!(document["ratio"], Value::Null);
    assert_eq!(document["events"].as_array().unwrap().len(), 1);
    assert_eq!(document["events"][0]["ratio"], Value::Null);
}

#[test]
fn a_zip_of_ours_and_a_function_on_lambda_runtime_are_measured() {
    let directory = tempfile::tempdir().unwrap();
    let built = slsbuild()
        .args(["zip", "--arch", "host", "--quiet", "--locked", "--out-dir"])
        .arg(directory.path())
        .arg("--manifest-path")
        .arg(fixture("echo").join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", fixtures_target())
        .output()
        .unwrap();
    assert!(built.status.success());
    let echo = directory.path().join("bootstrap.zip");
    let document = document(bench(&[&echo, &MOODS]));
    assert_eq!(document["artifacts"].as_array().unwrap().len(), 2);
    assert_spread(&document["events"][0]["artifacts"][0]["cpu_us"], 6);
}

#[test]
fn a_function_that_fails_is_named_with_its_event() {
    let failing = |event: &str| with(bench(&[&MOODS]), &["--event", "1", "--event", event]);
    let slow = [
        "--event",
        "\"hang\"",
        "--timeout",
        "1",
        "--starts",
        "1",
        "--warm-up",
        "0",
    ];
    let artifacts: [&Path; 1] = [&MOODS];
    let mut hangs = slsbuild();
    hangs.arg("bench").args(artifacts).args(slow);
    assert_snapshot!(outcomes([
        ("an error", failing("\"error\"")),
        ("a panic, whose words are shown", failing("\"panic\"")),
        ("an end after the answer", failing("\"answer-exit\"")),
        ("no answer", hangs),
        (
            "no start",
            with(bench(&[&MOODS]), &["--env", "MOOD=init-error"])
        ),
    ]));
}

#[test]
fn the_log_is_printed_only_where_it_is_asked_for() {
    let run = |flag: &str| {
        let logs = with(bench(&[&MOODS]), &["--event", "\"logs\"", flag]);
        let output = { logs }.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(run("--verbose").matches("to stdout\n").count(), 3 + 6);
    assert_eq!(run("--quiet"), "");
}

#[test]
fn a_function_need_not_understand_the_empty_event() {
    let empty = |mood: &str| with(bench(&[&MOODS]), &["--event", "1", "--env", mood]);
    assert_snapshot!(outcomes([
        ("an error", empty("EMPTY=error")),
        ("an exit", empty("EMPTY=exit-3")),
    ]));
}

#[test]
fn a_script_for_a_bootstrap_is_measured_and_said() {
    let directory = tempfile::tempdir().unwrap();
    let moods = fs_err::read(&*MOODS).unwrap();
    let script = b"#!/bin/sh\nexec ./moods\n";
    let artifact = zip(
        directory.path(),
        &[("bootstrap", 0o755, script), ("moods", 0o755, &moods)],
    );
    assert_snapshot!(scrubbed(&mut bench(&[&artifact])));
}

#[test]
fn bad_input_is_one_line_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("orders.zip");
    fs_err::write(&text, "text").unwrap();
    let absent = Path::new("absent.zip");
    assert_snapshot!(outcomes([
        ("no artifact", with(slsbuild(), &["bench"])),
        ("three artifacts", bench(&[&MOODS, &MOODS, &MOODS])),
        ("no such artifact", bench(&[&MOODS, absent])),
        ("neither zip nor binary", bench(&[&text])),
        (
            "no such event",
            with(bench(&[&MOODS]), &["--event", "absent.json"])
        ),
        (
            "stdin twice",
            with(bench(&[&MOODS]), &["--event", "-", "--event", "-"])
        ),
        (
            "no calls",
            with(slsbuild(), &["bench", "a.zip", "--calls", "0"])
        ),
    ]));
}

#[test]
fn an_event_that_is_no_json_is_passed_on() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let mut run = bench(&[&MOODS]);
    let output = run.arg("--event").arg(&file).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("is no JSON: it is passed as it is"),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

#[test]
fn a_foreign_arch_is_measured_through_qemu_and_said() {
    let foreign = Arch::ALL
        .into_iter()
        .find(|arch| Some(*arch) != Arch::host())
        .unwrap();
    let qemu = format!("qemu-{}-static", foreign.cpu());
    if oracle(&qemu).is_none() {
        return;
    }
    let moods = build("moods", foreign);
    let output = with(bench(&[&moods, &MOODS]), &["--format", "json"])
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["artifacts"][0]["emulator"], qemu);
    assert_spread(&document["events"][0]["artifacts"][0]["cpu_us"], 6);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("runs through qemu"), "{stderr}");
    assert!(
        stderr.contains(&format!("warning: {foreign} and ")),
        "{stderr}"
    );
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let witness = TcpListener::bind("127.0.0.1:0").unwrap();
    let temporary = temporary();
    let address = format!("WITNESS={}", witness.local_addr().unwrap());
    let mut running = with(
        bench(&[&MOODS, &MOODS]),
        &["--event", "\"grandchild-hang\"", "--env", &address],
    )
    .env("TMPDIR", temporary.path())
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let (connection, _) = witness.accept().unwrap();
    let sent = Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert_ends(connection);
    assert_eq!(fs_err::read_dir(temporary.path()).unwrap().count(), 0);
}
