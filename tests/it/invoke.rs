//! `slsbuild invoke`: what a user sees of functions that answer, fail, die, hang and misbehave, and that nothing stays behind.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use insta::assert_snapshot;
use slsbuild::local::{Configuration, Ending, Failure, Instance, Invocation, Logging, Sandbox};
use slsbuild::target::{Arch, Target};
use slsbuild::ui::{Ui, Verbosity};

use crate::support::{fixture, fixtures_target, oracle, outcome, slsbuild};

pub(crate) static MOODS: LazyLock<PathBuf> =
    LazyLock::new(|| build("moods", Arch::host().unwrap()));

/// Builds a fixture as a static binary, without slsbuild: this room is tested on its own.
pub(crate) fn build(name: &str, arch: Arch) -> PathBuf {
    let triple = Target::musl(arch).triple();
    let linker = format!(
        "CARGO_TARGET_{}_LINKER",
        triple.to_uppercase().replace('-', "_")
    );
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--offline",
            "--target",
            triple,
        ])
        .current_dir(fixture(name))
        .env("CARGO_TARGET_DIR", fixtures_target())
        .env(linker, "rust-lld")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(built.success());
    fixtures_target().join(triple).join("release").join(name)
}

/// A file of a zip: name, mode, content.
type Entry = (&'static str, u32, &'static [u8]);

/// A zip with these files and modes.
pub(crate) fn zip(directory: &Path, files: &[(&str, u32, &[u8])]) -> PathBuf {
    let path = directory.join("orders.zip");
    let mut zip = zip::ZipWriter::new(fs_err::File::create(&path).unwrap());
    for (name, mode, content) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    path
}

fn invoke(artifact: &Path) -> Command {
    let mut command = slsbuild();
    command.arg("invoke").arg(artifact).stdin(Stdio::null());
    command
}

/// The function with moods, in the mood that its event says, with more time than a slow machine needs.
fn mood(event: &str) -> Command {
    mood_for(event, "60")
}

fn mood_for(event: &str, seconds: &str) -> Command {
    let mut command = invoke(&MOODS);
    command.args(["--event", &format!("\"{event}\""), "--timeout", seconds]);
    command
}

/// What is another on every run: ids, times, memory, addresses, directories.
pub(crate) fn filters() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    for (pattern, replacement) in [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "[id]",
        ),
        (r"Duration: \d+\.\d\d ms", "Duration: [ms] ms"),
        (r"Billed Duration: \d+ ms", "Billed Duration: [ms] ms"),
        (r"Max Memory Used: \d+ MB", "Max Memory Used: [MB] MB"),
        (r"_ms\u{22}: [\d.]+", "_ms\u{22}: [ms]"),
        (r"used_mb\u{22}: \d+", "used_mb\u{22}: [MB]"),
        (r"used \d+ MB of", "used [MB] MB of"),
        (r"--memory \d+", "--memory [MB]"),
        (r"/[^ ]*/fixtures/[^ ]*/release/", "[release]/"),
        (r"/[^ ]*/orders\.zip", "[directory]/orders.zip"),
        (
            r"(/[^ :=/]+)*/slsbuild-[0-9a-f]{32}",
            "[tmp]/slsbuild-[random]",
        ),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"thread 'main' \(\d+\)", "thread 'main' ([tid])"),
        (r"main\.rs:\d+:\d+", "main.rs:[line]"),
        (r"\[\$LATEST\][0-9a-f]{32}", "[$$LATEST][random]"),
        (r"\d{4}/\d\d/\d\d/", "[date]/"),
        (r"deadline-ms: \d{13}\b", "deadline-ms: [epoch ms]"),
        (
            r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16}",
            "[trace]",
        ),
        (r"date: .*GMT", "date: [now]"),
        (
            r"\u{22}arch\u{22}: \u{22}(arm64|amd64)\u{22}",
            "\u{22}arch\u{22}: \u{22}[host]\u{22}",
        ),
    ] {
        settings.add_filter(pattern, replacement);
    }
    settings.bind_to_scope()
}

/// The outcomes of several runs, each under its title.
fn outcomes(runs: impl IntoIterator<Item = (&'static str, Command)>) -> String {
    let shown: Vec<String> = runs
        .into_iter()
        .map(|(title, mut command)| format!("=== {title}\n{}\n", outcome(&mut command)))
        .collect();
    shown.concat()
}

#[test]
fn a_function_answers_and_misbehaves_after_its_event() {
    let _filters = filters();
    let moods = [
        "echo",
        "error",
        "error-header",
        "panic",
        "exit-3",
        "exit-0",
        "abort",
        "kill",
        "illegal",
        "large",
        "bytes",
        "logs",
        "memory",
        "environment",
        "headers",
        "write",
        "answer-exit",
        "twice",
        "stream",
        "stream-error",
        "mode",
    ];
    assert_snapshot!(outcomes(moods.map(|name| (name, mood(name)))));
}

#[test]
fn a_function_fails_before_its_event() {
    let _filters = filters();
    let moods = [
        "init-log",
        "init-error",
        "init-panic",
        "init-exit-0",
        "init-exit-3",
    ];
    assert_snapshot!(outcomes(moods.map(|name| {
        let mut command = invoke(&MOODS);
        command.args(["--env", &format!("MOOD={name}")]);
        (name, command)
    })));
}

#[test]
fn a_function_that_hangs_is_ended_by_its_timeout() {
    let _filters = filters();
    let mut init = invoke(&MOODS);
    init.args(["--env", "MOOD=init-hang"]);
    let runs = [
        ("init-hang", init),
        ("hang", mood_for("hang", "1")),
        ("answer-hang", mood_for("answer-hang", "1")),
    ];
    assert_snapshot!(outcomes(runs));
}

#[test]
fn json_is_one_document_on_stdout() {
    let _filters = filters();
    let moods = ["echo", "bytes", "error", "exit-3", "large", "stream-error"];
    assert_snapshot!(outcomes(moods.map(|name| {
        let mut command = mood(name);
        command.args(["--format", "json", "--quiet"]);
        (name, command)
    })));
}

#[test]
fn the_response_is_the_event_byte_for_byte() {
    let raw = build("raw", Arch::host().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let event = b"\x00\xff\r\n no JSON ".to_vec();
    let file = directory.path().join("event");
    fs_err::write(&file, &event).unwrap();
    let from_file = invoke(&raw).arg("--event").arg(&file).output().unwrap();
    assert_eq!(
        (from_file.status.code(), &from_file.stdout),
        (Some(0), &event)
    );
    let stderr = String::from_utf8(from_file.stderr).unwrap();
    assert!(
        stderr.starts_with("note: the event is no JSON: it is passed as it is\n"),
        "{stderr}"
    );
    let from_stdin = invoke(&raw)
        .args(["--event", "-", "-q"])
        .stdin(fs_err::File::open(&file).unwrap().into_file())
        .output()
        .unwrap();
    assert_eq!((from_stdin.stdout, from_stdin.stderr), (event, Vec::new()));
    let numbers = r#"{"b": 1.10, "a": 12345678901234567890123}"#;
    let json = invoke(&raw)
        .args(["--event", numbers, "--format", "json"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8(json.stdout)
            .unwrap()
            .contains(&format!("\"response\": {numbers},"))
    );
}

#[test]
fn the_largest_response_arrives_whole() {
    let output = mood("largest").output().unwrap();
    assert_eq!(output.stdout.len(), 6 * 1024 * 1024 + 100);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_is_passed_on_reaches_the_function() {
    let _filters = filters();
    let mut headers = mood("headers");
    headers.args([
        "--client-context",
        "{\"custom\":\n{\"k\":\"ü\"}}",
        "--cognito-identity",
        r#"{"cognitoIdentityId":"i"}"#,
    ]);
    let mut environment = mood("environment");
    environment.args([
        "--env",
        "TABLE=a=b",
        "--env",
        "AWS_REGION=eu-west-1",
        "--env",
        "AWS_ACCESS_KEY_ID=key",
        "--memory",
        "256",
    ]);
    // None of ours gets through.
    environment.env("AWS_SECRET_ACCESS_KEY", "ours");
    assert_snapshot!(outcomes([
        ("headers", headers),
        ("environment", environment)
    ]));
}

#[test]
fn bad_input_is_one_line_with_a_hint() {
    let _filters = filters();
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("orders.zip");
    fs_err::write(&text, "text").unwrap();
    let with = |arguments: &[&str]| {
        let mut command = invoke(&MOODS);
        command.args(arguments);
        command
    };
    assert_snapshot!(outcomes([
        ("no such artifact", invoke(Path::new("absent.zip"))),
        ("a directory", invoke(Path::new("."))),
        ("neither zip nor binary", invoke(&text)),
        ("no such event", with(&["--event", "absent.json"])),
        ("an event with a typo", with(&["--event", r#"{"a":}"#])),
        ("a variable without =", with(&["--env", "TABLE"])),
        ("a variable of Lambda's", with(&["--env", "_HANDLER=x"])),
        (
            "a context that is no JSON",
            with(&["--client-context", "{a"])
        ),
        (
            "an identity that is no object",
            with(&["--cognito-identity", "1"])
        ),
        ("no time", with(&["--timeout", "0"])),
    ]));
}

#[test]
fn a_bootstrap_that_cannot_be_started_is_an_invalid_entrypoint() {
    let _filters = filters();
    let cases: [(&str, &[Entry]); 5] = [
        ("missing", &[("other", 0o755, b"#!/bin/sh\n")]),
        ("not executable", &[("bootstrap", 0o644, b"#!/bin/sh\n")]),
        (
            "wrong format",
            &[("bootstrap", 0o755, b"echo a shell would run this\n")],
        ),
        (
            "an ELF of nobody's",
            &[("bootstrap", 0o755, b"\x7fELF\x01\x01\x01")],
        ),
        (
            "interpreter missing",
            &[("bootstrap", 0o755, b"#!/no/such/interpreter\n")],
        ),
    ];
    let directories = cases.map(|(title, files)| {
        let directory = tempfile::tempdir().unwrap();
        let artifact = zip(directory.path(), files);
        (title, invoke(&artifact), directory)
    });
    let (runs, _directories): (Vec<_>, Vec<_>) = directories
        .into_iter()
        .map(|(title, run, directory)| ((title, run), directory))
        .unzip();
    assert_snapshot!(outcomes(runs));
}

#[test]
fn a_zip_runs_as_it_is_with_its_files_and_a_script_for_bootstrap() {
    let directory = tempfile::tempdir().unwrap();
    let moods = fs_err::read(&*MOODS).unwrap();
    let script = b"#!/bin/sh\ncat data/words >&2\nexec ./bin/moods\n";
    let artifact = zip(
        directory.path(),
        &[
            ("bootstrap", 0o755, script),
            ("bin/moods", 0o755, &moods),
            ("data/words", 0o644, b"from the zip\n"),
        ],
    );
    let output = invoke(&artifact).args(["--event", "[1]"]).output().unwrap();
    assert_eq!(output.stdout, b"[1]");
    assert!(
        output
            .stderr
            .starts_with(b"from the zip\nSTART RequestId: ")
    );
}

#[test]
fn a_foreign_arch_runs_through_qemu() {
    let foreign = Arch::ALL
        .into_iter()
        .find(|arch| Some(*arch) != Arch::host())
        .unwrap();
    if oracle(&format!("qemu-{}-static", foreign.cpu())).is_none() {
        return;
    }
    let moods = build("moods", foreign);
    let output = invoke(&moods)
        .args(["--event", "[1]", "--format", "json"])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (document["response"].to_string().as_str(), &document["arch"]),
        ("[1]", &foreign.name().into())
    );
    let aborted = invoke(&moods)
        .args(["--event", "\"abort\""])
        .output()
        .unwrap();
    let stderr = String::from_utf8(aborted.stderr).unwrap();
    assert!(
        stderr.contains("Runtime exited with error: signal: aborted"),
        "{stderr}"
    );
}

#[test]
fn without_qemu_the_package_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let machine = if Arch::host() == Some(Arch::Amd64) {
        object::elf::EM_AARCH64
    } else {
        object::elf::EM_X86_64
    };
    let foreign = crate::tiny_elf::TinyElf::new(machine).build();
    let artifact = zip(directory.path(), &[("bootstrap", 0o755, &foreign)]);
    let output = invoke(&artifact)
        .env("PATH", directory.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(
        stderr.contains("is not on PATH") && stderr.contains("apt-get install qemu-user-static"),
        "{stderr}"
    );
}

#[test]
fn one_process_takes_many_events_until_it_dies() {
    let configuration = Configuration {
        name: "orders".to_owned(),
        memory_mb: 128,
        timeout: Duration::from_secs(60),
        environment: BTreeMap::new(),
    };
    let event = |event: &str| {
        Invocation::new(
            event.as_bytes().to_owned(),
            configuration.timeout,
            configuration.arn(),
        )
    };
    let sandbox = Sandbox::new(&MOODS).unwrap();
    let logging = Logging::Printed(Ui::new(Verbosity::Quiet));
    let mut instance = Instance::new(sandbox, configuration.clone(), logging).unwrap();
    assert_eq!(instance.init().unwrap().failure, None);
    for number in ["1", "2", "3"] {
        let outcome = instance.invoke(event(number));
        assert_eq!(
            (outcome.response.as_deref(), outcome.failure),
            (Some(number.as_bytes()), None)
        );
    }
    let failed = instance.invoke(event("\"error\"")).failure.unwrap();
    assert_eq!(failed.kind(), "Order.Unknown");
    // An error that the function reports does not end it.
    assert_eq!(
        instance.invoke(event("4")).response.as_deref(),
        Some(&b"4"[..])
    );
    let died = instance.invoke(event("\"exit-3\""));
    assert_eq!(died.failure, Some(Failure::Exited(Ending::Exit(3))));
}

#[test]
fn root_is_dropped() {
    let output = mood("identity").output().unwrap();
    let identity = String::from_utf8(output.stdout).unwrap();
    let us = fs_err::read_to_string("/proc/self/status").unwrap();
    let ours = us.lines().find(|line| line.starts_with("Uid:")).unwrap();
    if ours.split_whitespace().nth(2) == Some("0") {
        assert!(
            identity.starts_with(
                "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
            ),
            "{identity}"
        );
        assert!(identity.trim_end().ends_with("Groups:"), "{identity}");
    } else {
        assert!(identity.starts_with(ours), "{identity}");
    }
}

/// A directory for temporary files that every user may enter.
pub(crate) fn temporary() -> tempfile::TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(mode)
        .tempdir()
        .unwrap()
}

#[test]
fn no_child_outlives_an_invocation() {
    let witness = TcpListener::bind("127.0.0.1:0").unwrap();
    let temporary = temporary();
    let output = mood("grandchild")
        .env("TMPDIR", temporary.path())
        .args([
            "--env",
            &format!("WITNESS={}", witness.local_addr().unwrap()),
        ])
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), &b"null"[..])
    );
    assert_both_end(&witness);
    assert_eq!(fs_err::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn no_child_outlives_an_interrupt() {
    for signal in ["-INT", "-TERM"] {
        let witness = TcpListener::bind("127.0.0.1:0").unwrap();
        let temporary = temporary();
        let mut running = mood_for("grandchild-hang", "900")
            .env("TMPDIR", temporary.path())
            .args([
                "--env",
                &format!("WITNESS={}", witness.local_addr().unwrap()),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (connection, _) = witness.accept().unwrap();
        assert!(
            Command::new("kill")
                .args([signal, &running.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(running.wait().unwrap().code(), Some(130), "{signal}");
        assert_ends(connection);
        assert_eq!(
            fs_err::read_dir(temporary.path()).unwrap().count(),
            0,
            "{signal}"
        );
        let mut stderr = String::new();
        running
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut stderr)
            .unwrap();
        assert!(stderr.ends_with("error: interrupted\n"), "{stderr}");
        assert_eq!(stderr.matches("error").count(), 1, "{stderr}");
    }
}

fn assert_both_end(witness: &TcpListener) {
    let (connection, _) = witness.accept().unwrap();
    assert_ends(connection);
}

/// The connection is held by the function and its grandchild: its end is theirs. The time is only there to fail.
pub(crate) fn assert_ends(mut connection: std::net::TcpStream) {
    connection
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut sent = Vec::new();
    match connection.read_to_end(&mut sent) {
        Ok(_) => assert_eq!(sent, b""),
        Err(error) => assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "a process lives on"
        ),
    }
}
