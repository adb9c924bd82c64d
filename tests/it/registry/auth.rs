//! Who sees which credentials, and what is told of them.

use slsbuild::artifact::oci::ImageSet;
use slsbuild::registry::{Client, Options, Places, Secret, push};

use super::images::{client, hasty, image, known, reference, remote, single};
use super::server::{Fault, Rule, Server};
use super::store::{Locations, Lock};

const PASSWORD: &str = "hunter22-secret";

fn bearer(realm: &Server, password: Option<(&'static str, &'static str)>) -> Lock {
    Lock::Bearer {
        realm: format!("http://{}/token", realm.host),
        password,
    }
}

/// A server that gives out tokens for itself.
fn locked(password: Option<(&'static str, &'static str)>) -> Server {
    let server = Server::start();
    let lock = bearer(&server, password);
    server.store().lock = lock;
    server
}

fn push_as(client: &Client, server: &Server, name: &str) -> Result<u64, String> {
    let to = reference(&server.host, name);
    let pushed = push(client, &single(), &to, &[], &|_| ());
    assert_eq!(server.store().broken_tags(), Vec::<String>::new());
    pushed.map(|pushed| pushed.requests).map_err(|error| {
        let text = format!(
            "{}\nhint: {}",
            error.one_line(),
            error.hint().unwrap_or_default()
        );
        assert!(!text.contains(PASSWORD));
        assert_eq!(error.exit_code(), 6);
        text.replace(&server.host, "[host]")
    })
}

#[test]
fn a_password_is_sent_once_it_is_asked_for_and_then_with_every_request() {
    let server = Server::start();
    server.store().lock = Lock::Basic("me", PASSWORD);
    push_as(&known(&server.host, "me", PASSWORD), &server, "app:v1").unwrap();
    let seen = server.seen();
    let without = seen.iter().filter(|seen| seen.authorization.is_none());
    assert_eq!(without.count(), 1, "only the first request");
    insta::assert_snapshot!(push_as(&known(&server.host, "me", "wrong-password"), &server, "app:v2").unwrap_err(), @r"
    `[host]/app:v2`: HEAD manifest: 401 Unauthorized; the credentials are from `SLSBUILD_REGISTRY_USERNAME` and `SLSBUILD_REGISTRY_PASSWORD`, the scope is `repository:app:pull,push`
    hint: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
    insta::assert_snapshot!(push_as(&client(), &server, "app:v2").unwrap_err(), @r"
    `[host]/app:v2`: HEAD manifest: 401 Unauthorized; no credentials for `[host]` were found, the scope is `repository:app:pull,push`
    hint: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
}

#[test]
fn the_password_for_the_registry_that_is_pushed_to_is_for_no_other() {
    let server = Server::start();
    server.store().lock = Lock::Basic("me", PASSWORD);
    let elsewhere = known("registry.example", "me", PASSWORD);
    let name = reference(&server.host, "app:v1");
    let error = elsewhere.resolve(&name).unwrap_err();
    assert!(error.one_line().contains("no credentials for"), "{error}");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none())
    );
}

#[test]
fn one_token_for_each_scope_is_fetched_and_shared() {
    let server = locked(Some(("me", PASSWORD)));
    push_as(&known(&server.host, "me", PASSWORD), &server, "app:v1").unwrap();
    let lines = server.lines();
    let tokens: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("/token"))
        .collect();
    insta::assert_snapshot!(format!("{tokens:#?}"), @r#"
    [
        "GET /token?service=the%20registry&scope=repository:app:pull,push",
    ]
    "#);
    // As nobody the token is refused, with the reason.
    insta::assert_snapshot!(push_as(&client(), &server, "app:v2").unwrap_err(), @r"
    `[host]/app:v2`: GET token from `127.0.0.1`: 401 Unauthorized: UNAUTHORIZED: who are you?; no credentials for `[host]` were found, the scope is `repository:app:pull,push`
    hint: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
}

#[test]
fn a_mount_has_a_token_that_names_both_repositories() {
    let server = locked(None);
    push_as(&client(), &server, "base:v1").unwrap();
    server.seen();
    let images = remote(&single(), &reference(&server.host, "base:v1"));
    let to = reference(&server.host, "app:v1");
    let pushed = push(&client(), &images, &to, &[], &|_| ()).unwrap();
    assert_eq!(pushed.mounted.blobs, 2);
    let lines = server.lines();
    let tokens: Vec<&String> = lines
        .iter()
        .filter(|line| line.contains("/token"))
        .collect();
    insta::assert_snapshot!(format!("{tokens:#?}"), @r#"
    [
        "GET /token?service=the%20registry&scope=repository:app:pull,push",
        "GET /token?service=the%20registry&scope=repository:app:pull,push&scope=repository:base:pull",
    ]
    "#);
}

#[test]
fn a_token_that_ends_in_the_middle_is_fetched_anew() {
    let server = locked(Some(("me", PASSWORD)));
    for (method, path) in [
        ("PUT", "/blobs/uploads/"),
        ("POST", "/blobs/"),
        ("PUT", "/manifests/"),
    ] {
        let rule = Rule {
            method,
            path,
            after: 0,
            times: 1,
        };
        server.fail(rule, Fault::Expire);
        let name = format!("app-{}:v1", path.len() + method.len());
        push_as(&known(&server.host, "me", PASSWORD), &server, &name).unwrap();
    }
    assert_eq!(server.store().tags.len(), 3);
}

#[test]
fn a_token_that_ends_before_a_large_blob_was_sent_is_fetched_anew() {
    let server = locked(None);
    let large: Vec<u8> = (0..16 << 20)
        .map(|number: u32| number.to_le_bytes()[1])
        .collect();
    let rule = Rule {
        method: "PUT",
        path: "/blobs/uploads/",
        after: 0,
        times: 1,
    };
    server.fail(rule, Fault::ExpireEarly);
    let images = ImageSet::single(image("amd64", &[&large]));
    let to = reference(&server.host, "app:v1");
    push(&client(), &images, &to, &[], &|_| ()).unwrap();
    assert_eq!(server.store().broken_tags(), Vec::<String>::new());
    let lines = server.lines();
    let puts = lines.iter().filter(|line| line.starts_with("PUT")).count();
    // Both blobs and the manifest, and once more what was under way when the token ended.
    assert!((4..=5).contains(&puts), "{lines:#?}");
}

#[test]
fn a_registry_that_takes_no_token_is_given_up_at_once() {
    let server = locked(None);
    let rule = Rule {
        method: "HEAD",
        path: "/manifests/",
        after: 0,
        times: usize::MAX,
    };
    let challenge = format!("Bearer realm=\"http://{}/token\"", server.host);
    let headers = vec![("www-authenticate", challenge)];
    server.fail(rule, Fault::Answer(401, headers, String::new()));
    insta::assert_snapshot!(push_as(&client(), &server, "app:v1").unwrap_err(), @r"
    `[host]/app:v1`: HEAD manifest: 401 Unauthorized; no credentials for `[host]` were found, the scope is `repository:app:pull,push`
    hint: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn no_other_host_sees_who_we_are() {
    let [server, elsewhere] = [Server::start(), Server::start()];
    server.store().lock = Lock::Basic("me", PASSWORD);
    let client = known(&server.host, "me", PASSWORD);
    push_as(&client, &server, "app:v1").unwrap();

    // A blob that a storage host gives out.
    let image = single();
    let layer = &image.images[0].layers[0];
    let digest = layer.descriptor.digest.to_string();
    let key = |repository: &str| (repository.to_owned(), digest.clone());
    elsewhere
        .store()
        .blobs
        .insert(key("app"), b"the lower layer".to_vec());
    let location = format!(
        "http://{}/v2/app/blobs/{digest}?signature=x",
        elsewhere.host
    );
    let rule = Rule {
        method: "GET",
        path: "/blobs/",
        after: 0,
        times: 1,
    };
    server.fail(
        rule,
        Fault::Answer(307, vec![("location", location)], String::new()),
    );
    let from = reference(&server.host, "app:v1");
    let mut blob = client.blob(&from, &layer.descriptor).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut blob, &mut bytes).unwrap();
    assert_eq!(bytes, b"the lower layer");

    // A session that is at another host.
    server.store().locations = Locations::Elsewhere(elsewhere.host.clone());
    push_as(&client, &server, "other:v1").unwrap_err();
    let seen = elsewhere.seen();
    assert!(seen.len() >= 4);
    assert!(
        seen.iter().all(|seen| seen.authorization.is_none()),
        "{seen:#?}"
    );
}

#[test]
fn a_realm_at_another_host_gets_the_password_and_the_registry_the_token() {
    let [server, realm] = [Server::start(), Server::start()];
    let lock = bearer(&realm, Some(("me", PASSWORD)));
    server.store().lock = lock.clone();
    realm.store().lock = lock;
    let client = known(&server.host, "me", PASSWORD);
    // The tokens of the realm are not known to the registry here: what counts is who saw what.
    push_as(&client, &server, "app:v1").unwrap_err();
    let basic = |seen: &super::server::Seen| {
        let given = seen.authorization.as_deref();
        given.is_some_and(|given| given.starts_with("Basic "))
    };
    assert!(realm.seen().iter().all(basic));
    assert!(!server.seen().iter().any(basic));
}

#[test]
fn realms_that_must_not_be_asked_are_not() {
    let server = Server::start();
    let mut lines = Vec::new();
    for realm in ["ftp://x/token", "", "http://user:pw@127.0.0.1:1/token"] {
        server.store().lock = Lock::Bearer {
            realm: realm.to_owned(),
            password: None,
        };
        lines.push(push_as(&client(), &server, "app:v1").unwrap_err());
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    `[host]/app:v1`: HEAD manifest: the registry gives tokens out at `ftp://x/token`, which is no address
    hint: 
    `[host]/app:v1`: HEAD manifest: the registry gives tokens out at ``, which is no address
    hint: 
    `[host]/app:v1`: HEAD manifest: the registry gives tokens out at `127.0.0.1:1/token`, which is no address
    hint:
    ");
}

#[test]
fn nothing_that_is_told_holds_a_secret() {
    let server = Server::start();
    server.store().lock = Lock::Basic("me", PASSWORD);
    let rule = Rule {
        method: "POST",
        path: "",
        after: 0,
        times: usize::MAX,
    };
    // A registry that repeats what it was sent.
    let body = format!(
        r#"{{"errors":[{{"code":"DENIED","message":"{PASSWORD} or {} is not right"}}]}}"#,
        "bWU6aHVudGVyMjItc2VjcmV0"
    );
    server.fail(rule, Fault::Answer(403, Vec::new(), body));
    let told = push_as(&known(&server.host, "me", PASSWORD), &server, "app:v1").unwrap_err();
    insta::assert_snapshot!(told, @r"
    `[host]/app:v1`: POST upload of blob `sha256:b9644f3c6011`: 403 Forbidden: DENIED: [secret] or [secret] is not right; the credentials are from `SLSBUILD_REGISTRY_USERNAME` and `SLSBUILD_REGISTRY_PASSWORD`, the scope is `repository:app:pull,push`
    hint: ask the owner of the repository for the right to push to it, or log in as somebody who has it: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
    let options = Options {
        places: Places {
            password: Some(Secret::new(PASSWORD)),
            ..Places::default()
        },
        ..hasty()
    };
    assert!(!format!("{options:?}").contains(PASSWORD));
    assert!(!format!("{:?}", known(&server.host, "me", PASSWORD)).contains(PASSWORD));
}

#[test]
fn a_helper_that_is_broken_is_named_and_one_that_works_is_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Server::start();
    server.store().lock = Lock::Basic("me", PASSWORD);
    let home = tempfile::tempdir().unwrap();
    let helper = home.path().join("docker-credential-test");
    let config = format!(r#"{{"credHelpers": {{"{}": "test"}}}}"#, server.host);
    fs_err::create_dir(home.path().join(".docker")).unwrap();
    fs_err::write(home.path().join(".docker/config.json"), config).unwrap();
    let run = |script: &str| {
        fs_err::write(&helper, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        let client = Client::new(Options {
            places: Places {
                home: Some(home.path().to_owned()),
                path: Some(home.path().as_os_str().to_owned()),
                ..Places::default()
            },
            ..hasty()
        });
        push_as(&client, &server, "app:v1")
    };
    let broken = run("echo no key ring >&2; exit 1").unwrap_err();
    insta::assert_snapshot!(broken, @r"
    `[host]`: the credential helper `docker-credential-test` failed: no key ring
    hint: ask it yourself: echo [host] | docker-credential-test get; or take it out of ~/.docker/config.json
    ");
    run(&format!(
        "echo '{{\"Username\":\"me\",\"Secret\":\"{PASSWORD}\"}}'"
    ))
    .unwrap();
    let wrong = run("echo '{\"Username\":\"me\",\"Secret\":\"other-secret\"}'").unwrap_err();
    insta::assert_snapshot!(wrong, @r"
    `[host]/app:v1`: HEAD manifest: 401 Unauthorized; the credentials are from `docker-credential-test`, the scope is `repository:app:pull,push`
    hint: docker login [host]; or set SLSBUILD_REGISTRY_USERNAME and SLSBUILD_REGISTRY_PASSWORD
    ");
}
