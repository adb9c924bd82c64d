//! Images in podman: a server as Cloud Run would run it, and functions that Lambda's API calls.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{made, raw, ready};
use crate::support::{Crate, oracle, skipped};

/// podman over runc, with fewer open files than it asks for: a machine may not grant them.
const RUN: [&str; 9] = [
    "--runtime",
    "runc",
    "run",
    "--rm",
    "--network=host",
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=1024:1024",
];

/// A container that is stopped when it is dropped.
struct Container {
    child: Child,
    name: String,
}

impl Container {
    fn run(name: &str, options: &[&str], image: &str) -> Self {
        let name = format!("slsbuild-{name}-{}", std::process::id());
        let child = Command::new("podman")
            .args(RUN)
            .args(["--name", &name])
            .args(options)
            .arg(image)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, name }
    }

    /// What it said, where it ended by itself.
    fn last_words(&mut self) -> Option<String> {
        self.child.try_wait().unwrap()?;
        let mut words = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut words)
            .unwrap();
        Some(words)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let stop = ["stop", "--time", "1", &self.name];
        let _ = Command::new("podman").args(stop).output();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes an image away again; one that a container still has goes with the next tests' machine.
fn forget(image: &str) {
    let _ = Command::new("podman")
        .args(["rmi", "--force", image])
        .output();
}

/// Whether containers run here at all.
fn runs() -> bool {
    let there = oracle("podman").is_some() && oracle("runc").is_some();
    if there && std::env::var_os("SLSBUILD_TEST_NO_CONTAINERS").is_some() {
        skipped("containers are switched off");
        return false;
    }
    there
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The body of an answer, once the server listens.
fn get(container: &mut Container, port: u16, path: &str) -> String {
    let began = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            let mut answer = String::new();
            if stream.read_to_string(&mut answer).is_ok() && !answer.is_empty() {
                return answer.split_once("\r\n\r\n").unwrap().1.to_owned();
            }
        }
        if let Some(words) = container.last_words() {
            panic!("the container ended: {words}");
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing listens on {port}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_server_runs_as_cloud_run_would_run_it() {
    if !runs() {
        return;
    }
    let directory = ready();
    let tag = format!("t{}", std::process::id());
    let lines = made(
        &directory,
        &format!(
            "image --for cloud-run --base builtin --binary bin/server --name engine-server --include assets --tag {tag} --load"
        ),
    );
    let image = format!("docker.io/library/engine-server:{tag}");
    assert_eq!(lines, std::slice::from_ref(&image));
    let port = free_port();
    let mut container = Container::run(
        "server",
        &["--read-only", "--env", &format!("PORT={port}")],
        &image,
    );
    insta::assert_snapshot!(get(&mut container, port, "/"));
    assert_eq!(
        get(&mut container, port, "/assets/page.html"),
        "<p>hello</p>\n"
    );
    drop(container);
    forget(&image);
}

/// Answers one `GET /next` with an event, and gives what the function posts.
fn serve_one_event(listener: &TcpListener) -> (String, String) {
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).unwrap();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let event = r#"{"hello":"container"}"#;
        if line.starts_with("GET ") {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: one\r\nlambda-runtime-deadline-ms: 99999999999999\r\nlambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:raw\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{event}",
                event.len()
            )
            .unwrap();
            continue;
        }
        write!(stream, "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").unwrap();
        return (line, String::from_utf8(body).unwrap());
    }
}

/// Runs an image with the Runtime API here, and gives what the function answers.
fn called(name: &str, image: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("AWS_LAMBDA_RUNTIME_API={}", listener.local_addr().unwrap());
    let mut container = Container::run(name, &["--read-only", "--env", &api], image);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(serve_one_event(&listener)));
    let began = Instant::now();
    loop {
        if let Ok((line, body)) = receiver.recv_timeout(Duration::from_millis(200)) {
            assert!(
                line.starts_with("POST /2018-06-01/runtime/invocation/one/response "),
                "{line}"
            );
            return body;
        }
        if let Some(words) = container.last_words() {
            panic!("the container ended: {words}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no answer");
    }
}

/// A base like Lambda's: its script, which wants one argument and starts `/var/runtime/bootstrap`, in four layers. The shell is
/// Debian's static busybox.
pub(super) fn lambda_base(directory: &Crate) -> Option<std::path::PathBuf> {
    let busybox = oracle("busybox")?;
    let facts = fs_err::read(busybox).unwrap();
    directory.write("lambda/bin/sh", &facts);
    let script = "#!/bin/sh\nif [ $# -ne 1 ]; then echo \"entrypoint requires the handler name to be the first argument\" 1>&2; exit 142; fi\nexport _HANDLER=\"$1\"\nRUNTIME_ENTRYPOINT=/var/runtime/bootstrap\nif [ -z \"${AWS_LAMBDA_RUNTIME_API}\" ]; then exec /usr/local/bin/aws-lambda-rie $RUNTIME_ENTRYPOINT; else exec $RUNTIME_ENTRYPOINT; fi\n";
    let layout = directory.path().join("lambda-base");
    super::base::layout(
        &layout,
        &[
            &[("bin/sh", 0o755, &facts)],
            &[("lambda-entrypoint.sh", 0o755, script.as_bytes())],
            &[(
                "etc/system-release",
                0o644,
                b"Amazon Linux release 2023 (Amazon Linux)\n",
            )],
            &[
                ("var/task/.keep", 0o644, b""),
                ("var/runtime/.keep", 0o644, b""),
            ],
        ],
        &serde_json::json!({
            "Entrypoint": ["/lambda-entrypoint.sh"],
            "WorkingDir": "/var/task",
            "Env": [
                "LANG=en_US.UTF-8",
                "TZ=:/etc/localtime",
                "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
                "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
                "LAMBDA_TASK_ROOT=/var/task",
                "LAMBDA_RUNTIME_DIR=/var/runtime",
            ],
        }),
    );
    Some(layout)
}

#[test]
fn a_function_on_lambdas_base_is_started_by_the_bases_script() {
    if !runs() {
        return;
    }
    let directory = Crate::empty();
    directory.write("bin/raw", &fs_err::read(raw()).unwrap());
    let Some(_) = lambda_base(&directory) else {
        return;
    };
    let tag = format!("t{}", std::process::id());
    let lines = made(
        &directory,
        &format!(
            "image --for lambda --base lambda-base --arch amd64 --binary bin/raw --name engine-lambda --tag {tag} --load"
        ),
    );
    assert_eq!(called("lambda", &lines[0]), r#"{"hello":"container"}"#);
    forget(&lines[0]);
}

#[test]
fn a_function_on_another_base_is_started_itself() {
    if !runs() {
        return;
    }
    let directory = Crate::empty();
    directory.write("bin/raw", &fs_err::read(raw()).unwrap());
    let tag = format!("t{}", std::process::id());
    let lines = made(
        &directory,
        &format!(
            "image --for lambda --base builtin --arch amd64 --binary bin/raw --name engine-plain --tag {tag} --load"
        ),
    );
    assert_eq!(called("plain", &lines[0]), r#"{"hello":"container"}"#);
    forget(&lines[0]);
}

/// `slsbuild invoke` takes the layouts of both.
#[test]
fn images_are_invoked_without_an_engine() {
    let directory = Crate::empty();
    directory.write("bin/raw", &fs_err::read(raw()).unwrap());
    let mut bases = vec!["builtin"];
    bases.extend(lambda_base(&directory).map(|_| "lambda-base"));
    for base in bases {
        let layout = made(
            &directory,
            &format!("image --for lambda --base {base} --arch amd64 --binary bin/raw --name raw"),
        );
        let output = directory
            .slsbuild(&format!("invoke {} --event {{\"a\":1}}", layout[0]))
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim_end(),
            "{\"a\":1}",
            "{base}: {words}"
        );
    }
}
