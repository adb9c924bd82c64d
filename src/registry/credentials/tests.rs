use super::*;
use crate::fs;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, path: &str, content: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write_if_changed(&path, 0o700, content.as_bytes()).unwrap();
        self
    }

    fn helper(&self, name: &str, lines: &str) -> &Self {
        self.file(
            &format!("bin/docker-credential-{name}"),
            &format!("#!/bin/sh\n{lines}\n"),
        )
    }

    fn places(&self) -> Places {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let ours = std::iter::once(self.0.path().join("bin"));
        let all = ours.chain(std::env::split_paths(&path));
        Places {
            home: Some(self.0.path().to_owned()),
            path: Some(std::env::join_paths(all).unwrap()),
            ..Places::default()
        }
    }

    fn find(&self, host: &str, repository: &str) -> String {
        shown(&find(&self.places(), wanted(host, repository)))
    }
}

fn wanted<'a>(host: &'a str, repository: &'a str) -> Wanted<'a> {
    Wanted {
        host,
        repository,
        is_push_host: false,
        patience: Duration::from_secs(5),
    }
}

/// What was found, with the secret shown.
fn shown(found: &Result<Option<Found>>) -> String {
    match found {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(Found { credential, source })) => match credential {
            Credential::Password(user, secret) => format!("{user}:{} in {source}", secret.expose()),
            Credential::Identity(secret) => format!("token {} in {source}", secret.expose()),
        },
        Err(error) => format!("error: {}", error.one_line()),
    }
}

const DOCKER: &str = ".docker/config.json";

#[test]
fn auths_are_read_in_every_form_and_the_closest_entry_wins() {
    let home = Home::new();
    home.file(
        DOCKER,
        r#"{"auths": {
            "ghcr.io": {"auth": "dTpwOnc="},
            "ghcr.io/team": {"auth": "dGVhbTpwdw"},
            "https://quay.io/v1/": {"username": "q", "password": "pw"},
            "azure.io": {"auth": "MDAwOg==", "identitytoken": "idt"},
            "empty.io": {},
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "broken.io": {"auth": "!!"}
        }}"#,
    );
    insta::assert_snapshot!(
        [
            home.find("ghcr.io", "other/app"),
            home.find("ghcr.io", "team/app"),
            home.find("ghcr.io", "teams/app"),
            home.find("quay.io", "a"),
            home.find("azure.io", "a"),
            home.find("empty.io", "a"),
            home.find("docker.io", "library/alpine"),
            home.find("elsewhere.io", "a"),
            home.find("broken.io", "a"),
        ]
        .join("\n"),
        @r"
    u:p:w in `~/.docker/config.json` (auths)
    team:pw in `~/.docker/config.json` (auths)
    u:p:w in `~/.docker/config.json` (auths)
    q:pw in `~/.docker/config.json` (auths)
    token idt in `~/.docker/config.json` (auths)
    nothing
    hub:pw in `~/.docker/config.json` (auths)
    nothing
    error: `~/.docker/config.json`: `auth` of `broken.io` is no user name and password in base64
    "
    );
}

#[test]
fn helpers_are_asked_with_the_host_and_may_have_nothing() {
    let home = Home::new();
    home.file(
        DOCKER,
        r#"{"credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr"}, "credsStore": "store",
            "auths": {"filed.io": {"auth": "dTpw"}}}"#,
    )
    .helper(
        "ecr",
        r#"read host; echo "{\"Username\":\"AWS\",\"Secret\":\"$host\"}""#,
    )
    .helper(
        "store",
        r#"read host; case $host in
            https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"t"}';;
            *) echo 'credentials not found in native keychain'; exit 1;; esac"#,
    );
    insta::assert_snapshot!(
        [
            home.find("1.dkr.ecr.eu-west-1.amazonaws.com", "a"),
            home.find("docker.io", "library/alpine"),
            home.find("filed.io", "a"),
            home.find("elsewhere.io", "a"),
        ]
        .join("\n"),
        @r"
    AWS:1.dkr.ecr.eu-west-1.amazonaws.com in `docker-credential-ecr`
    token t in `docker-credential-store`
    u:p in `~/.docker/config.json` (auths)
    nothing
    "
    );
}

#[test]
fn a_broken_helper_is_named_and_its_words_are_told() {
    let home = Home::new();
    home.file(
        DOCKER,
        r#"{"credHelpers": {"a.io": "absent", "b.io": "fails", "c.io": "lies", "d.io": "hangs",
            "e.io": "floods", "f.io": "../evil"}}"#,
    )
    .helper("fails", "echo 'the key ring is locked' >&2; exit 1")
    .helper("lies", "echo 'secret-not-json'")
    .helper("hangs", "sleep 600 & sleep 600")
    .helper("floods", "head -c 200000 /dev/zero");
    let hasty = |host| {
        let wanted = Wanted {
            patience: Duration::from_secs(1),
            ..wanted(host, "a")
        };
        shown(&find(&home.places(), wanted))
    };
    let started = std::time::Instant::now();
    insta::assert_snapshot!(
        ["a.io", "b.io", "c.io", "d.io", "e.io", "f.io"].map(hasty).join("\n"),
        @r"
    error: `a.io`: the credential helper `docker-credential-absent` is not on PATH
    error: `b.io`: the credential helper `docker-credential-fails` failed: the key ring is locked
    error: `c.io`: the credential helper `docker-credential-lies` answered what is no credential
    error: `d.io`: the credential helper `docker-credential-hangs` did not answer within 1 s
    error: `e.io`: the credential helper `docker-credential-floods` answered more than 65536 bytes
    error: `f.io`: the credential helper `docker-credential-../evil` is not on PATH
    "
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_order_is_variables_docker_podman() {
    let home = Home::new();
    home.file(".config/containers/auth.json", r#"{"auths": {"a.io": {"auth": "ZDpw"}, "b.io": {"auth": "ZDpw"}, "c.io": {"auth": "ZDpw"}, "d.io": {"auth": "ZDpw"}}}"#)
        .file("run/containers/auth.json", r#"{"auths": {"a.io": {"auth": "YzpwCg=="}, "b.io": {"auth": "Yzpw"}, "c.io": {"auth": "Yzpw"}}}"#)
        .file("auth.json", r#"{"auths": {"a.io": {"auth": "Yjpw"}, "b.io": {"auth": "Yjpw"}}}"#)
        .file("docker/config.json", r#"{"auths": {"a.io": {"auth": "YTpw"}}}"#);
    let at = |path: &str| Some(home.0.path().join(path));
    let places = Places {
        docker_config: at("docker"),
        registry_auth_file: at("auth.json"),
        runtime_directory: at("run"),
        username: Some("me".to_owned()),
        password: Some(Secret::new("pw")),
        ..home.places()
    };
    let mut lines: Vec<String> = ["a.io", "b.io", "c.io", "d.io"]
        .map(|host| shown(&find(&places, wanted(host, "x"))))
        .to_vec();
    let pushing = Wanted {
        is_push_host: true,
        ..wanted("a.io", "x")
    };
    lines.push(shown(&find(&places, pushing)));
    let half = Places {
        password: None,
        ..places
    };
    lines.push(shown(&find(&half, pushing)));
    insta::assert_snapshot!(lines.join("\n"), @r"
    a:p in `~/docker/config.json` (auths)
    b:p in `~/auth.json` (auths)
    c:p in `~/run/containers/auth.json` (auths)
    d:p in `~/.config/containers/auth.json` (auths)
    me:pw in `SLSBUILD_REGISTRY_USERNAME` and `SLSBUILD_REGISTRY_PASSWORD`
    error: `SLSBUILD_REGISTRY_USERNAME` is set and `SLSBUILD_REGISTRY_PASSWORD` is not
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_named_without_its_content() {
    let home = Home::new();
    home.file(DOCKER, r#"{"auths": {"a.io": {"auth": 12345678}}}"#);
    insta::assert_snapshot!(home.find("a.io", "x"), @"error: `~/.docker/config.json:1:36`: is not what Docker or podman write");
}
