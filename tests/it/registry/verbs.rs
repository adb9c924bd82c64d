//! `slsbuild push` and `slsbuild registry check`, as a user meets them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use slsbuild::artifact::oci::{ImageSet, Source};

use super::images::{multi, single};
use super::real::{PASSWORD, Registry, With};
use super::server::Server;
use super::store::Lock;
use crate::support::{Crate, outcome};

/// Writes images as a layout.
fn layout(images: &ImageSet, path: &Path) {
    let blobs = path.join("blobs/sha256");
    fs_err::create_dir_all(&blobs).unwrap();
    let keep = |digest: slsbuild::artifact::oci::Digest, bytes: &[u8]| {
        fs_err::write(blobs.join(digest.hex()), bytes).unwrap();
    };
    for image in &images.images {
        for document in [&image.manifest, &image.config] {
            keep(document.descriptor.digest, &document.bytes);
        }
        for layer in &image.layers {
            if let Source::Bytes(bytes) = &layer.source {
                keep(layer.descriptor.digest, bytes);
            }
        }
    }
    let top = images.top().unwrap();
    keep(top.descriptor.digest, &top.bytes);
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [top.descriptor]});
    fs_err::write(path.join("index.json"), index.to_string()).unwrap();
    let mark = r#"{"imageLayoutVersion":"1.0.0"}"#;
    fs_err::write(path.join("oci-layout"), mark).unwrap();
}

/// A directory with a layout `image`, in which nobody is logged in anywhere.
fn place(images: &ImageSet) -> Crate {
    let place = Crate::empty();
    layout(images, &place.path().join("image"));
    place
}

fn run(place: &Crate, arguments: &str) -> Command {
    let mut command = place.slsbuild(arguments);
    for name in [
        "DOCKER_CONFIG",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "SSL_CERT_FILE",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", place.path());
    command
}

fn shown(place: &Crate, host: &str, command: &mut Command) -> String {
    let text = place.scrub(&outcome(command));
    assert!(!text.contains(PASSWORD));
    text.replace(host, "[host]")
}

#[test]
fn a_layout_is_pushed_and_its_digest_is_the_result() {
    let server = Server::start();
    let place = place(&multi());
    let push = format!("push image {}/team/app:v1 --tag latest", server.host);
    let first = shown(&place, &server.host, &mut run(&place, &push));
    let again = shown(&place, &server.host, &mut run(&place, &push));
    let json = shown(
        &place,
        &server.host,
        &mut run(&place, &format!("{push} --format json")),
    );
    insta::assert_snapshot!(format!("{first}\n{again}\n{json}"));
    assert_eq!(server.store().tags.len(), 2);
}

#[test]
fn what_cannot_be_pushed_is_told() {
    let place = place(&single());
    let mut text = String::new();
    for arguments in [
        "push image HTTP://x/y",
        "push image localhost:1/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "push image localhost:1/app --tag=-x",
        "push image localhost:1/app:v1",
        "push nowhere localhost:1/app:v1",
    ] {
        let told = shown(&place, "no host", &mut run(&place, arguments));
        writeln!(text, "$ {arguments}\n{told}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_check_says_how_a_registry_is_reached_and_what_it_allows() {
    let server = Server::start();
    let place = place(&single());
    let check = format!("registry check {}/app:v1", server.host);
    let mut text = shown(&place, &server.host, &mut run(&place, &check));
    server.store().lock = Lock::Basic("me", PASSWORD);
    text += &shown(&place, &server.host, &mut run(&place, &check));
    place.write(
        ".docker/config.json",
        format!(
            r#"{{"auths": {{"{}": {{"username": "me", "password": "{PASSWORD}"}}}}}}"#,
            server.host
        )
        .as_bytes(),
    );
    text += &shown(&place, &server.host, run(&place, &check).arg("-v"));
    text += &shown(
        &place,
        &server.host,
        run(&place, &check).args(["--format", "json"]),
    );
    let wrong = |command: &mut Command| {
        command
            .env("SLSBUILD_REGISTRY_USERNAME", "me")
            .env("SLSBUILD_REGISTRY_PASSWORD", "wrong-password");
        shown(&place, &server.host, command)
    };
    text += &wrong(&mut run(&place, &check));
    text += &shown(
        &place,
        "no host",
        &mut run(&place, "registry check localhost:1/app:v1"),
    );
    insta::assert_snapshot!(text);
    assert!(
        server.store().sessions.is_empty(),
        "what was begun is ended"
    );
}

#[test]
fn a_certificate_is_checked_against_the_authorities_that_are_named() {
    let Some(registry) = Registry::start(With::Tls) else {
        return;
    };
    let place = place(&single());
    let push = format!("push image {}/app:v1", registry.host);
    let unknown = shown(&place, &registry.host, &mut run(&place, &push));
    let named = shown(
        &place,
        &registry.host,
        run(&place, &push).env("SSL_CERT_FILE", registry.authority()),
    );
    let insecure = shown(&place, &registry.host, run(&place, &push).arg("--insecure"));
    let check = format!("registry check {}/app:v1", registry.host);
    let checked = shown(
        &place,
        &registry.host,
        run(&place, &check).env("SSL_CERT_FILE", registry.authority()),
    );
    insta::assert_snapshot!(format!("{unknown}\n{named}\n{insecure}\n{checked}"));
}

#[test]
fn a_large_layer_is_streamed() {
    use slsbuild::artifact::oci::{Blob, Descriptor, media_type};
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let large: Vec<u8> = (0..50 << 18_u32)
        .flat_map(|number: u32| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let descriptor = Descriptor::of(media_type::OCI_LAYER_GZIP, &large);
    let source = Source::Bytes(large);
    let images = ImageSet::single(super::images::from_blobs(
        "amd64",
        vec![Blob { descriptor, source }],
    ));
    let place = place(&images);
    let push = format!("push image {}/app:v1", registry.host);
    // The kernel's own count of the most that the process ever held.
    let inner = run(&place, &push);
    let program = inner.get_program().to_owned();
    let mut command = Command::new("sh");
    command
        .args(["-c", "\"$0\" \"$@\" & child=$!; peak=0; while kill -0 $child 2>/dev/null; do now=$(sed -n 's/VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$child/status 2>/dev/null); [ -n \"$now\" ] && peak=$now; done; wait $child && echo $peak"])
        .arg(program)
        .args(push.split(' '))
        .current_dir(place.path())
        .env("HOME", place.path());
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let text = String::from_utf8(output.stdout).unwrap();
    let peak: u64 = text.lines().last().unwrap().parse().unwrap();
    assert!(peak <= 64 << 10, "{peak} KiB");
}

#[test]
fn an_interrupt_ends_a_push_at_once() {
    use super::server::{Fault, Rule};
    use std::os::unix::process::ExitStatusExt as _;
    let server = Server::start();
    let rule = Rule {
        method: "PUT",
        path: "",
        after: 0,
        times: usize::MAX,
    };
    server.fail(rule, Fault::Silence);
    let place = place(&single());
    let push = format!("push image {}/app:v1", server.host);
    let mut child = run(&place, &push)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let is_sending = || {
        server
            .seen()
            .iter()
            .any(|seen| seen.line.starts_with("PUT"))
    };
    while !is_sending() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let began = std::time::Instant::now();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    assert!(began.elapsed() < std::time::Duration::from_secs(2));
    assert!(server.store().tags.is_empty());
}

#[test]
fn tags_are_those_that_were_named() {
    let server = Server::start();
    let place = place(&single());
    for (name, tags) in [
        ("bare", &["latest"][..]),
        ("one --tag v7", &["v7"]),
        ("both:v1 --tag v1 --tag v2", &["v1", "v2"]),
    ] {
        let mut push = run(&place, &format!("push image {}/{name}", server.host));
        assert!(push.output().unwrap().status.success());
        let mut store = server.store();
        let found: Vec<String> = store.tags.keys().map(|(_, tag)| tag.clone()).collect();
        assert_eq!(found, tags);
        store.tags.clear();
    }
}

#[test]
fn another_try_is_told_with_its_reason() {
    use super::server::{Fault, Rule};
    let server = Server::start();
    let rule = Rule {
        method: "PUT",
        path: "/manifests/",
        after: 0,
        times: 1,
    };
    server.fail(
        rule,
        Fault::Answer(503, Vec::new(), "down for a moment".to_owned()),
    );
    let place = place(&single());
    let push = format!("push image {}/app:v1", server.host);
    insta::assert_snapshot!(shown(&place, &server.host, &mut run(&place, &push)), @r"
    exit code: 0
    --- stdout
    [host]/app@sha256:[sha256]
    --- stderr
         Pushing `image` to `[host]/app:v1`
        Retrying `[host]` in 1 s: PUT manifest: 503 Service Unavailable: down for a moment
          Pushed `[host]/app` as `v1`: 3 blobs ([size]) sent
    ");
}
