//! The real `docker-registry` (Debian's package), with and without a password and TLS, and other tools that read what was
//! pushed to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slsbuild::artifact::oci::ImageSet;
use slsbuild::registry::{BlobCache, Pushed, access, push};

use super::images::{client, image, known, multi, reference, remote, single};
use crate::support::{installed, oracle};

/// The bcrypt hash of `hunter22-secret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "me:$2y$05$HRLbfHNtlYqyZ7dKeRHGWuyNBnhHbWrpLiaFMXpYRaWRRA0JsBmsO\n";
pub(crate) const PASSWORD: &str = "hunter22-secret";

/// A registry that is stopped when it is dropped.
pub(crate) struct Registry {
    child: Child,
    pub(crate) host: String,
    directory: tempfile::TempDir,
}

/// How it is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    Nothing,
    Password,
    Tls,
}

impl Registry {
    /// Starts one, or says why the test is skipped.
    pub(crate) fn start(with: With) -> Option<Self> {
        let program = oracle("docker-registry")?;
        let directory = tempfile::tempdir().unwrap();
        if with == With::Tls {
            certificates(directory.path())?;
        }
        // A port that was free a moment ago may be taken by now.
        for _ in 0..5 {
            if let Some((child, host)) = run(&program, directory.path(), with) {
                return Some(Self {
                    child,
                    host,
                    directory,
                });
            }
        }
        panic!("`docker-registry` does not start");
    }

    /// The certificate of the authority that vouches for it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &Path, directory: &Path, with: With) -> Option<(Child, String)> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = free.local_addr().unwrap().to_string();
    drop(free);
    let at = directory.display();
    let mut config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {at}/data}}\n  delete: {{enabled: true}}\nhttp:\n  addr: {host}\n"
    );
    match with {
        With::Nothing => {}
        With::Password => {
            fs_err::write(directory.join("htpasswd"), HTPASSWD).unwrap();
            let _ = writeln!(
                config,
                "auth:\n  htpasswd: {{realm: tests, path: {at}/htpasswd}}"
            );
        }
        With::Tls => {
            let _ = writeln!(
                config,
                "  tls: {{certificate: {at}/server.pem, key: {at}/server.key}}"
            );
        }
    }
    let path = directory.join("config.yml");
    fs_err::write(&path, config).unwrap();
    let mut child = Command::new(program)
        .arg("serve")
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if std::net::TcpStream::connect(&host).is_ok() {
            return Some((child, host));
        }
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// An authority of our own, and a certificate of it for this machine.
fn certificates(directory: &Path) -> Option<()> {
    let program = oracle("openssl")?;
    let openssl = |arguments: &str| {
        let output = Command::new(&program)
            .args(arguments.split(' '))
            .current_dir(directory)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {words}");
    };
    let extensions = "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n";
    fs_err::write(directory.join("extensions"), extensions).unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=tests"
    ));
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=127.0.0.1"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions",
    );
    Some(())
}

fn pushed(registry: &Registry, images: &ImageSet, name: &str) -> Pushed {
    push(
        &client(),
        images,
        &reference(&registry.host, name),
        &[],
        &|_| (),
    )
    .unwrap()
}

#[test]
fn images_are_pushed_found_again_and_mounted() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let first = pushed(&registry, &multi(), "team/base:v1");
    assert_eq!(first.uploaded.blobs, 5);
    let again = pushed(&registry, &multi(), "team/base:v1");
    assert!(again.is_unchanged);
    assert_eq!(again.requests, 1);

    let base = reference(&registry.host, "team/base:v1");
    assert_eq!(client().resolve(&base).unwrap(), multi().index.unwrap());
    let mounted = pushed(&registry, &remote(&multi(), &base), "team/app:v1");
    assert_eq!((mounted.mounted.blobs, mounted.uploaded.blobs), (3, 2));
    assert_eq!(mounted.digest, first.digest);

    let directory = tempfile::tempdir().unwrap();
    let cache = BlobCache::new(directory.path());
    for layer in multi().images.iter().flat_map(|image| &image.layers) {
        let path = cache.fetch(&client(), &base, &layer.descriptor).unwrap();
        let bytes = fs_err::read(path).unwrap();
        assert_eq!(bytes.len() as u64, layer.descriptor.size);
    }
}

#[test]
fn other_tools_read_what_was_pushed() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let digest = pushed(&registry, &single(), "app:v1").digest.to_string();
    let Some(skopeo) = oracle("skopeo") else {
        return;
    };
    let copied = tempfile::tempdir().unwrap();
    let output = Command::new(skopeo)
        .args(["--insecure-policy", "copy", "--src-tls-verify=false"])
        .arg(format!("docker://{}/app:v1", registry.host))
        .arg(format!("dir:{}", copied.path().display()))
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let manifest = fs_err::read(copied.path().join("manifest.json")).unwrap();
    assert_eq!(
        slsbuild::artifact::oci::Digest::of(&manifest).to_string(),
        digest
    );
    let Some(crane) = installed("SLSBUILD_TEST_CRANE", "crane") else {
        return;
    };
    let output = Command::new(crane.join("crane"))
        .args(["digest", "--insecure"])
        .arg(format!("{}/app:v1", registry.host))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), digest);
}

#[test]
fn a_password_is_asked_for_and_its_source_is_told() {
    let Some(registry) = Registry::start(With::Password) else {
        return;
    };
    let name = reference(&registry.host, "app:v1");
    let known = known(&registry.host, "me", PASSWORD);
    let first = push(&known, &single(), &name, &[], &|_| ()).unwrap();
    assert_eq!(first.uploaded.blobs, 3);
    assert_eq!(
        known.resolve(&name).unwrap().descriptor.digest,
        first.digest
    );
    let error = push(&client(), &single(), &name, &[], &|_| ()).unwrap_err();
    let text = error.one_line().replace(&registry.host, "[host]");
    insta::assert_snapshot!(text, @r"`[host]/app:v1`: HEAD manifest: 401 Unauthorized; no credentials for `[host]` were found, the scope is `repository:app:pull,push`");
    let found = access(&known, &name, false);
    assert_eq!(found.scheme, Some("http"));
    assert!(found.pull.unwrap().is_some());
    found.push.unwrap().unwrap();
}

#[test]
fn a_blob_of_many_pieces_arrives() {
    let Some(registry) = Registry::start(With::Nothing) else {
        return;
    };
    let large: Vec<u8> = (0..3 << 20_u32)
        .flat_map(|number: u32| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let images = ImageSet::single(image("amd64", &[&large]));
    let pushed = pushed(&registry, &images, "app:v1");
    assert!(pushed.uploaded.bytes > 12 << 20);
}
