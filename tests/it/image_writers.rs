//! Foreign readers of our layouts and archives: what they say is what registries' and users' tools will see.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use slsbuild::artifact::oci::media_type::{Compression, Family};
use slsbuild::artifact::oci::{
    Choice, ConfigEdits, Image, ImageSet, ImageSpec, Layer, Packing, Platform, Reference, Source,
    archive, builtin, index, layout, open,
};
use slsbuild::artifact::{Content, FileTree};

use crate::support::{installed, oracle};

/// An image on the builtin base, with files that only pax can name.
fn image(architecture: &str, compression: Compression) -> Image {
    let platform = Platform::linux(architecture);
    let mut tree = FileTree::new();
    let long = format!("app/{}/{}/größe.txt", "d".repeat(101), "e".repeat(101));
    let program: Vec<u8> = (0..60_000_u32)
        .flat_map(|n| (n / 3).to_le_bytes())
        .collect();
    for (name, content, executable) in [
        ("app/server", program, true),
        (&long, b"long".to_vec(), false),
        ("app/empty", Vec::new(), false),
    ] {
        tree.insert(name, Content::Bytes(content), executable)
            .unwrap();
    }
    let spec = ImageSpec {
        layers: vec![Layer {
            tree,
            created_by: "slsbuild image".to_owned(),
            ..Layer::default()
        }],
        config: ConfigEdits {
            entrypoint: Some(vec!["/app/server".to_owned()]),
            workdir: Some("/app".to_owned()),
            env: [("PORT".to_owned(), "8080".to_owned())].into(),
            labels: [("team".to_owned(), "payments".to_owned())].into(),
            ports: [8080].into(),
            ..ConfigEdits::default()
        },
        annotations: [(
            "org.opencontainers.image.title".to_owned(),
            "api".to_owned(),
        )]
        .into(),
    };
    let packing = Packing {
        compression,
        epoch: 1_700_000_000,
    };
    let base = builtin(&platform).unwrap();
    spec.assemble(Some(&base), &platform, &packing).unwrap()
}

fn both() -> ImageSet {
    let images = ["arm64", "amd64"].map(|architecture| image(architecture, Compression::Gzip));
    let notes = [(
        "org.opencontainers.image.title".to_owned(),
        "api".to_owned(),
    )];
    index(images.into(), notes.into(), Family::Oci).unwrap()
}

/// A layout of two platforms, an OCI archive of one and a Docker archive of the same.
struct Written {
    directory: tempfile::TempDir,
}

impl Written {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let written = Self { directory };
        let amd64 = image("amd64", Compression::Gzip);
        layout::write(&both(), Some("v7"), &written.path("both")).unwrap();
        let single = ImageSet::single(amd64.clone());
        layout::write(&single, Some("v7"), &written.path("layout")).unwrap();
        archive::write_oci(&single, Some("v7"), &written.path("oci.tar")).unwrap();
        let tag: Reference = "localhost/api:v7".parse().unwrap();
        archive::write_docker(&amd64, &[tag], &written.path("docker.tar")).unwrap();
        written
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path of one of them, as skopeo names it.
    fn named(&self, transport: &str, name: &str, tag: &str) -> String {
        format!("{transport}:{}{tag}", self.path(name).display())
    }
}

/// What a successful run of a foreign tool printed.
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{said}");
    text
}

fn json(command: &mut Command) -> serde_json::Value {
    serde_json::from_str(&printed(command)).unwrap()
}

#[test]
fn skopeo_sees_the_image_in_each_form() {
    let Some(skopeo) = oracle("skopeo") else {
        return;
    };
    let written = Written::new();
    let digest = image("amd64", Compression::Gzip).manifest.descriptor.digest;
    for (name, keeps_digest) in [
        (written.named("oci", "layout", ":v7"), true),
        (written.named("oci", "both", ":v7"), false),
        (written.named("oci-archive", "oci.tar", ":v7"), true),
        (written.named("docker-archive", "docker.tar", ""), false),
        (written.named("oci-archive", "docker.tar", ""), true),
    ] {
        let seen = json(Command::new(&skopeo).args([
            "inspect",
            "--override-os=linux",
            "--override-arch=amd64",
            &name,
        ]));
        assert_eq!(seen["Architecture"], "amd64", "{name}");
        assert_eq!(seen["Labels"]["team"], "payments", "{name}");
        assert_eq!(seen["Layers"].as_array().unwrap().len(), 3, "{name}");
        assert_eq!(seen["Created"], "2023-11-14T22:13:20Z", "{name}");
        let is_ours = seen["Digest"] == digest.to_string();
        assert!(is_ours || !keeps_digest, "{name}: {seen}");
    }
}

#[test]
fn skopeo_copies_what_we_wrote_and_we_read_what_it_copied() {
    let Some(skopeo) = oracle("skopeo") else {
        return;
    };
    let written = Written::new();
    let copy = |arguments: &[&str], from: &str, to: &str| {
        printed(
            Command::new(&skopeo)
                .args(["--insecure-policy", "copy"])
                .args(arguments)
                .args([from, to]),
        );
    };
    copy(
        &["--all"],
        &written.named("oci", "both", ":v7"),
        &written.named("oci", "copied", ":v8"),
    );
    let read = open(&written.path("copied"), Choice::default()).unwrap();
    assert_eq!(
        read.top(),
        both().top(),
        "every byte of the index is the same"
    );
    assert_eq!(read.images.len(), 2);

    // Docker's old form, which skopeo writes: layers without compression, no manifest.
    let to = written.named("docker-archive", "saved.tar", ":localhost/api:v9");
    copy(&[], &written.named("docker-archive", "docker.tar", ""), &to);
    let read = open(&written.path("saved.tar"), Choice::default()).unwrap();
    let ours = image("amd64", Compression::Gzip);
    assert_eq!(
        read.images[0].config.descriptor.digest,
        ours.config.descriptor.digest
    );
    for layer in &read.images[0].layers {
        assert!(matches!(layer.source, Source::Part(..)));
        std::io::copy(&mut layer.open().unwrap(), &mut std::io::sink()).unwrap();
    }
    // An image of Docker's family keeps it. In a layout skopeo does not look for such, in Docker's archive it does.
    let tag: Reference = "localhost/api:v9".parse().unwrap();
    archive::write_docker(&read.images[0], &[tag], &written.path("again.tar")).unwrap();
    let again = open(&written.path("again.tar"), Choice::default()).unwrap();
    assert_eq!(again.images[0].manifest, read.images[0].manifest);
    let from = written.named("docker-archive", "again.tar", "");
    copy(&[], &from, &written.named("oci", "again", ":v9"));
    let to = written.named("oci-archive", "copied.tar", ":v9");
    copy(&[], &written.named("oci", "layout", ":v7"), &to);
    let read = open(
        &written.path("copied.tar"),
        Choice {
            name: Some("v9"),
            ..Choice::default()
        },
    )
    .unwrap();
    assert_eq!(read.images[0].manifest, ours.manifest);
}

#[test]
fn umoci_unpacks_the_files_of_all_layers() {
    let Some(umoci) = oracle("umoci") else { return };
    let written = Written::new();
    let image = format!("{}:v7", written.path("layout").display());
    let bundle = written.path("bundle");
    printed(
        Command::new(umoci)
            .args(["unpack", "--image", &image])
            .arg(&bundle),
    );
    let root = bundle.join("rootfs");
    for (name, mode) in [
        ("app/server", 0o755),
        ("app/empty", 0o644),
        ("tmp", 0o1777),
        ("etc/passwd", 0o644),
        ("usr/share/zoneinfo/Europe/Vienna", 0o644),
    ] {
        let facts = slsbuild::fs::metadata(root.join(name)).unwrap();
        assert!(slsbuild::fs::has_mode(&facts, mode), "{name}");
    }
    let certificates =
        slsbuild::fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    if let Some(openssl) = oracle("openssl") {
        let text = printed(
            Command::new(openssl)
                .args(["crl2pkcs7", "-nocrl", "-certfile"])
                .arg(root.join("etc/ssl/certs/ca-certificates.crt")),
        );
        assert!(text.len() > certificates.len() / 2);
    }
}

#[test]
fn bsdtar_lists_an_archive_and_its_layers() {
    let Some(bsdtar) = oracle("bsdtar") else {
        return;
    };
    let written = Written::new();
    let text = printed(
        Command::new(&bsdtar)
            .arg("-tf")
            .arg(written.path("docker.tar")),
    );
    let names: Vec<&str> = text.lines().collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("blobs/sha256/"))
            .count(),
        6
    );
    assert_eq!(
        names[names.len() - 3..],
        ["index.json", "manifest.json", "oci-layout"]
    );
    let ours = image("amd64", Compression::Zstd);
    for (layer, compression) in [(&ours.layers[1], "gzip"), (&ours.layers[2], "zstd")] {
        let Source::Bytes(bytes) = &layer.source else {
            panic!("a new layer is in memory");
        };
        let path = written.path(compression);
        slsbuild::fs::write_if_changed(&path, 0o644, bytes).unwrap();
        let text = printed(
            Command::new(&bsdtar)
                .env("LC_ALL", "C.UTF-8")
                .env("TZ", "Pacific/Auckland")
                .arg("-tvf")
                .arg(&path),
        );
        insta::assert_snapshot!(format!("layer_in_{compression}"), text);
    }
}

/// podman, whose storage is a directory of its own.
fn podman(program: &Path, storage: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--root").arg(storage.join("root"));
    command.arg("--runroot").arg(storage.join("run"));
    command.args([
        "--storage-driver",
        "vfs",
        "--runtime",
        "runc",
        "--cgroup-manager",
        "cgroupfs",
    ]);
    command
}

/// Says what a program sees of its image, in Go, which needs no libc to ask for it.
const LOOK_AROUND: &str = r#"package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/user"
	"time"
)

func main() {
	me, err := user.Current()
	fmt.Println(os.Getuid(), os.Getgid(), me.Username, me.HomeDir, err)
	roots, err := x509.SystemCertPool()
	fmt.Println(len(roots.Subjects()) > 100, err)
	_, err = time.LoadLocation("Europe/Vienna")
	fmt.Println(err)
	fmt.Println(os.WriteFile("/tmp/file", nil, 0o600), os.WriteFile("/etc/file", nil, 0o600))
	here, err := os.Getwd()
	fmt.Println(here, os.Getenv("PATH"), os.Args[1:], err)
}
"#;

/// The program, compiled, as a layer.
fn look_around(go: &Path, directory: &Path) -> Layer {
    let (source, program) = (directory.join("main.go"), directory.join("main"));
    slsbuild::fs::write_if_changed(&source, 0o644, LOOK_AROUND.as_bytes()).unwrap();
    let mut build = Command::new(go);
    build.args(["build", "-trimpath", "-o"]);
    build.arg(&program).arg(&source);
    let target = [("CGO_ENABLED", "0"), ("GOARCH", "amd64"), ("GOOS", "linux")];
    printed(build.envs(target));
    let size = slsbuild::fs::metadata(&program).unwrap().len();
    let content = Content::File {
        path: program,
        size,
    };
    let mut tree = FileTree::new();
    tree.insert("app/main", content, true).unwrap();
    Layer {
        tree,
        ..Layer::default()
    }
}

#[test]
fn a_program_on_the_builtin_base_finds_what_it_asks_for() {
    let (Some(runner), Some(go)) = (oracle("podman"), oracle("go")) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let platform = Platform::linux("amd64");
    let spec = ImageSpec {
        layers: vec![look_around(&go, directory.path())],
        config: ConfigEdits {
            entrypoint: Some(vec!["/app/main".to_owned()]),
            cmd: Some(vec!["argument".to_owned()]),
            ..ConfigEdits::default()
        },
        ..ImageSpec::default()
    };
    let packing = Packing {
        compression: Compression::Gzip,
        epoch: 0,
    };
    let image = spec
        .assemble(Some(&builtin(&platform).unwrap()), &platform, &packing)
        .unwrap();
    let archive = directory.path().join("image.tar");
    let tag: Reference = "localhost/look:v1".parse().unwrap();
    archive::write_docker(&image, &[tag], &archive).unwrap();
    printed(
        podman(&runner, directory.path())
            .args(["load", "-i"])
            .arg(&archive),
    );
    let mut run = podman(&runner, directory.path());
    run.args(["run", "--rm", "--read-only", "--network", "none"]);
    run.args([
        "--ulimit",
        "nofile=1024:1024",
        "--ulimit",
        "nproc=1024:1024",
    ]);
    insta::assert_snapshot!(printed(run.arg("localhost/look:v1")), @r"
    65532 65532 nonroot /home/nonroot <nil>
    true <nil>
    <nil>
    <nil> open /etc/file: read-only file system
    / /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin [argument] <nil>
    ");
}

#[test]
fn podman_loads_each_archive() {
    let Some(runner) = oracle("podman") else {
        return;
    };
    let written = Written::new();
    for (archive, name) in [("docker.tar", "localhost/api:v7"), ("oci.tar", "")] {
        let storage = tempfile::tempdir().unwrap();
        let podman = || podman(&runner, storage.path());
        let text = printed(podman().args(["load", "-i"]).arg(written.path(archive)));
        assert!(text.contains(name), "{text}");
        let images = json(podman().args(["images", "--format", "json"]));
        let id = images[0]["Id"].as_str().unwrap();
        let seen = json(podman().args(["image", "inspect", id]));
        assert_eq!(seen[0]["Config"]["User"], "65532");
        assert_eq!(seen[0]["Config"]["Entrypoint"][0], "/app/server");
        assert_eq!(seen[0]["RootFS"]["Layers"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn crane_validates_a_docker_archive() {
    let Some(directory) = installed("SLSBUILD_TEST_GO_TOOLS", "crane") else {
        return;
    };
    let written = Written::new();
    let crane = directory.join("crane");
    let text = printed(
        Command::new(crane)
            .args(["validate", "--tarball"])
            .arg(written.path("docker.tar")),
    );
    assert!(text.starts_with("PASS:"), "{text}");
}

#[test]
fn documents_are_what_the_specification_s_schemas_say() {
    let Some(schemas) = installed("SLSBUILD_TEST_OCI_SCHEMAS", "image-manifest-schema.json") else {
        return;
    };
    let Some(python) = installed("SLSBUILD_TEST_SCHEMA", "python3") else {
        return;
    };
    let written = Written::new();
    let both = open(&written.path("both"), Choice::default()).unwrap();
    let mut files = vec![
        ("image-layout-schema.json", written.path("both/oci-layout")),
        ("image-index-schema.json", written.path("both/index.json")),
    ];
    let blob = |digest: slsbuild::artifact::oci::Digest| {
        written.path("both/blobs/sha256").join(digest.hex())
    };
    files.push((
        "image-index-schema.json",
        blob(both.top().unwrap().descriptor.digest),
    ));
    for image in &both.images {
        files.push((
            "image-manifest-schema.json",
            blob(image.manifest.descriptor.digest),
        ));
        files.push(("config-schema.json", blob(image.config.descriptor.digest)));
    }
    for (schema, file) in files {
        valid(&python.join("python3"), &schemas, schema, &file);
    }
}

/// Holds a file against a schema, whose references are found beside it.
fn valid(python: &Path, schemas: &Path, schema: &str, file: &Path) {
    const SCRIPT: &str = r#"
import json, pathlib, sys, warnings
warnings.simplefilter("ignore")
import jsonschema
directory, name, file = sys.argv[1:]
# Their ids are addresses on the network: without them, references are names of files.
def local(node):
    if isinstance(node, dict):
        return {key: local(value) for key, value in node.items() if key != "id" or isinstance(value, dict)}
    return [local(value) for value in node] if isinstance(node, list) else node
store = {path.as_uri(): local(json.loads(path.read_text())) for path in pathlib.Path(directory).glob("*.json")}
uri = (pathlib.Path(directory) / name).as_uri()
resolver = jsonschema.RefResolver(uri, store[uri], store=store)
jsonschema.Draft4Validator(store[uri], resolver=resolver).validate(json.loads(pathlib.Path(file).read_text()))
"#;
    printed(
        Command::new(python)
            .args(["-I", "-c", SCRIPT])
            .arg(schemas)
            .arg(schema)
            .arg(file),
    );
}

#[test]
fn another_umask_and_time_zone_give_the_same_bytes() {
    use std::fmt::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    // The writers run in this process, whose umask is everyone's: what they must not depend on is set in a child.
    let listing = |umask: &str, zone: &str| {
        let directory = tempfile::tempdir().unwrap();
        let test = std::env::current_exe().unwrap();
        let script = format!(
            "umask {umask} && exec \"$0\" --exact --ignored image_writers::write_into_a_directory"
        );
        printed(
            Command::new("sh")
                .args(["-c", &script])
                .arg(test)
                .env("SLSBUILD_TEST_DIRECTORY", directory.path())
                .env("TZ", zone)
                .env("LC_ALL", "C"),
        );
        let mut lines = String::new();
        for entry in walkdir::WalkDir::new(directory.path())
            .min_depth(1)
            .sort_by_file_name()
        {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            let content = slsbuild::fs::read(entry.path()).unwrap_or_default();
            let name = entry
                .path()
                .strip_prefix(directory.path())
                .unwrap()
                .display();
            let _ = writeln!(
                lines,
                "{mode:o} {} {name}",
                slsbuild::digest::Sha256::of(&content)
            );
        }
        lines
    };
    let ours = listing("022", "UTC");
    assert_eq!(listing("077", "Pacific/Auckland"), ours);
    assert!(
        ours.contains("644 ") && ours.contains("layout/blobs/sha256/"),
        "{ours}"
    );
}

#[test]
#[ignore = "run by `another_umask_and_time_zone_give_the_same_bytes` in a child"]
fn write_into_a_directory() {
    let Some(directory) = std::env::var_os("SLSBUILD_TEST_DIRECTORY").map(PathBuf::from) else {
        return;
    };
    let set = both();
    layout::write(&set, Some("v7"), &directory.join("layout")).unwrap();
    archive::write_oci(&set, Some("v7"), &directory.join("oci.tar")).unwrap();
    archive::write_docker(&set.images[0], &[], &directory.join("docker.tar")).unwrap();
}
