use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::layout::tests::images;
use super::super::{Platform, Source, archive, canonical, layout};
use super::*;
use crate::artifact::tar::Tar;
use crate::fs;

/// A layout in a directory of its own, to be spoilt.
struct Spoilt {
    directory: tempfile::TempDir,
}

impl Spoilt {
    fn new(set: &ImageSet) -> Self {
        let directory = tempfile::tempdir().unwrap();
        layout::write(set, None, &directory.path().join("image")).unwrap();
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    fn blob(&self, digest: Digest) -> PathBuf {
        self.path().join(place(digest))
    }

    /// Adds a document and gives its descriptor.
    fn add(&self, media_type: &str, content: &Value) -> Descriptor {
        let bytes = canonical(content).unwrap();
        let descriptor = Descriptor::of(media_type, &bytes);
        fs::write_if_changed(&self.blob(descriptor.digest), 0o644, &bytes).unwrap();
        descriptor
    }

    fn set_index(&self, index: &Value) {
        let bytes = canonical(index).unwrap();
        fs::write_if_changed(&self.path().join(INDEX), 0o644, &bytes).unwrap();
    }

    fn name_only(&self, descriptor: &Descriptor) {
        self.set_index(&json!({"schemaVersion": 2, "manifests": [descriptor]}));
    }

    fn open(&self) -> Result<ImageSet> {
        open(&self.path(), Choice::default())
    }

    /// Why it is refused, without this directory's path and without digests.
    fn cause(&self) -> String {
        let error = self.open().unwrap_err();
        assert!([2, 5].contains(&error.exit_code()), "{error}");
        let text = error
            .to_string()
            .replace(self.path().to_str().unwrap(), "IMAGE");
        let digest = regex::Regex::new("[0-9a-f]{64}").unwrap();
        digest.replace_all(&text, "[sha256]").into_owned()
    }
}

#[test]
fn a_part_that_is_missing_or_another_one_is_named() {
    let set = images();
    let image = &set.images[0];
    let mut causes = Vec::new();
    for digest in [
        set.top().unwrap().descriptor.digest,
        image.manifest.descriptor.digest,
        image.config.descriptor.digest,
        image.layers[1].descriptor.digest,
    ] {
        let spoilt = Spoilt::new(&set);
        let old = fs::read(spoilt.blob(digest)).unwrap();
        fs::remove_file(spoilt.blob(digest)).unwrap();
        causes.push(spoilt.cause());
        let mut other = old.clone();
        other[10] ^= 1;
        fs::write_if_changed(&spoilt.blob(digest), 0o644, &other).unwrap();
        causes.extend(spoilt.open().is_err().then(|| spoilt.cause()));
        fs::write_if_changed(&spoilt.blob(digest), 0o644, &old[1..]).unwrap();
        causes.push(spoilt.cause());
    }
    insta::assert_snapshot!(causes.join("\n"), @r"
    `IMAGE` is no image that can be read: `blobs/sha256/[sha256]` is missing in it
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: `blobs/sha256/[sha256]` is missing in it
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: `blobs/sha256/[sha256]` is missing in it
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: `sha256:[sha256]` is not what its digest and size say
    `IMAGE` is no image that can be read: blob `sha256:[sha256]` is missing in it
    `IMAGE` is no image that can be read: blob `sha256:[sha256]` has 142 bytes instead of 143
    ");
}

#[test]
fn a_document_that_is_two_things_or_another_one_is_refused() {
    let set = images();
    let image = &set.images[0];
    let manifest: Value = image.manifest.read("x").unwrap();
    let spoilt = Spoilt::new(&set);
    let mut causes = Vec::new();
    let mut with = |media_type: &str, change: &dyn Fn(&mut Value)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        let descriptor = spoilt.add(media_type, &manifest);
        spoilt.name_only(&descriptor);
        causes.push(spoilt.cause());
    };
    with(media_type::OCI_MANIFEST, &|m| m["manifests"] = json!([]));
    with(media_type::DOCKER_MANIFEST, &|_| {});
    with(media_type::OCI_INDEX, &|_| {});
    with("text/plain", &|_| {});
    with(media_type::OCI_MANIFEST, &|m| m["layers"] = json!(1));
    with(media_type::OCI_MANIFEST, &|m| {
        m["config"]["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    });
    with(media_type::OCI_MANIFEST, &|m| {
        m["config"]["size"] = json!(u64::MAX);
    });
    with(media_type::OCI_MANIFEST, &|m| {
        m["config"]["digest"] = json!("sha512:00");
    });
    with(media_type::OCI_MANIFEST, &|m| {
        m["layers"][0]["size"] = json!(-1);
    });
    insta::assert_snapshot!(causes.join("\n"), @r"
    `IMAGE` is no image that can be read: `sha256:[sha256]` says of itself that it is something else
    `IMAGE` is no image that can be read: `sha256:[sha256]` says of itself that it is something else
    `sha256:[sha256]` in `IMAGE` cannot be read: missing field `manifests` at line 1 column 555
    `IMAGE` is no image that can be read: `sha256:[sha256]` is no image: its type is `text/plain`
    `sha256:[sha256]` in `IMAGE` cannot be read: invalid type: integer `1`, expected a sequence at line 1 column 171
    `IMAGE` is no image that can be read: `sha256:[sha256]` is no image: its configuration's type is `application/vnd.oci.empty.v1+json`
    `IMAGE` is no image that can be read: its documents have more than 67108864 bytes
    `sha256:[sha256]` in `IMAGE` cannot be read: `sha512` is no digest that slsbuild knows: sha256 and 64 hex digits at line 1 column 31
    `sha256:[sha256]` in `IMAGE` cannot be read: invalid value: integer `-1`, expected u64 at line 1 column 322
    ");
}

#[test]
fn an_index_that_is_too_deep_too_long_or_empty_is_refused() {
    let set = images();
    let image = &set.images[0];
    let spoilt = Spoilt::new(&set);
    let mut causes = Vec::new();
    let nested = spoilt.add(
        media_type::OCI_INDEX,
        &json!({"schemaVersion": 2, "manifests": [set.index.as_ref().unwrap().descriptor]}),
    );
    spoilt.name_only(&nested);
    causes.push(spoilt.cause());
    let many = vec![image.manifest.descriptor.clone(); MOST_IMAGES + 1];
    let many = spoilt.add(
        media_type::OCI_INDEX,
        &json!({"schemaVersion": 2, "manifests": many}),
    );
    spoilt.name_only(&many);
    causes.push(spoilt.cause());
    spoilt.set_index(&json!({"schemaVersion": 2, "manifests": []}));
    causes.push(spoilt.cause());
    spoilt.set_index(&json!([]));
    causes.push(spoilt.cause());
    insta::assert_snapshot!(causes.join("\n"), @r"
    `IMAGE` is no image that can be read: `sha256:[sha256]` is no image: its type is `application/vnd.oci.image.index.v1+json`
    `IMAGE` is no image that can be read: its index names 257 images, more than 256
    `IMAGE` is no image that can be read: there is no image in it
    `index.json` in `IMAGE` cannot be read: invalid type: sequence, expected struct Index at line 1 column 0
    ");
}

#[test]
fn links_do_not_leave_the_layout() {
    let set = images();
    let spoilt = Spoilt::new(&set);
    let layer = spoilt.blob(set.images[0].layers[0].descriptor.digest);
    let inside = spoilt.path().join("blobs/elsewhere");
    fs::rename(&layer, &inside).unwrap();
    std::os::unix::fs::symlink("../elsewhere", &layer).unwrap();
    spoilt.open().unwrap();
    let outside = spoilt.directory.path().join("outside");
    fs::rename(&inside, &outside).unwrap();
    fs::remove_file(&layer).unwrap();
    std::os::unix::fs::symlink(&outside, &layer).unwrap();
    insta::assert_snapshot!(spoilt.cause(), @"`IMAGE` is no image that can be read: `blobs/sha256/[sha256]` is a link to what lies outside of it");
}

#[test]
fn one_of_several_is_chosen_by_its_name() {
    let set = images();
    let spoilt = Spoilt::new(&set);
    let named = |at: usize, name: &str| {
        let mut descriptor = set.images[at].manifest.descriptor.clone();
        descriptor
            .annotations
            .insert(REF_NAME.to_owned(), name.to_owned());
        descriptor
    };
    spoilt.set_index(
        &json!({"schemaVersion": 2, "manifests": [named(0, "a"), named(1, "b"), named(1, "c")]}),
    );
    let choose = |name| {
        let choice = Choice {
            name,
            ..Choice::default()
        };
        open(&spoilt.path(), choice).map(|set| set.images[0].platform.to_string())
    };
    assert_eq!(choose(Some("a")).unwrap(), "linux/amd64");
    assert_eq!(choose(Some("c")).unwrap(), "linux/arm64");
    for name in [None, Some("d")] {
        let error = choose(name).unwrap_err();
        assert_eq!(
            (error.exit_code(), error.hint().unwrap()),
            (2, "name one of `a`, `b` and `c`".to_owned())
        );
    }
    // Without names, the file is itself the index.
    let both = set.images.iter().map(|image| Descriptor {
        platform: Some(image.platform.clone()),
        ..image.manifest.descriptor.clone()
    });
    spoilt.set_index(&json!({"schemaVersion": 2, "manifests": both.collect::<Vec<_>>()}));
    let read = spoilt.open().unwrap();
    assert_eq!(read.images.len(), 2);
    assert!(read.index.is_some());
}

#[test]
fn attestations_are_left_out_unless_they_are_wanted() {
    let mut set = images();
    let unknown = Platform {
        os: "unknown".to_owned(),
        ..Platform::linux("unknown")
    };
    set.images[1].platform = unknown;
    let set = super::super::index(
        set.images,
        std::collections::BTreeMap::new(),
        media_type::Family::Oci,
    )
    .unwrap();
    let spoilt = Spoilt::new(&set);
    assert_eq!(spoilt.open().unwrap().images.len(), 1);
    let choice = Choice {
        attestations: true,
        ..Choice::default()
    };
    assert_eq!(open(&spoilt.path(), choice).unwrap().images.len(), 2);
}

/// What `docker save` wrote before Docker 25: layers as they are, one of them as a link to another.
fn saved_by_docker(layers: [&[u8]; 2], change: &dyn Fn(&mut Value)) -> tempfile::NamedTempFile {
    let ids = layers.map(|layer| json!(Digest::of(layer)));
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ids}});
    let config = canonical(&config).unwrap();
    let mut manifest = json!([{"Config": "c.json", "RepoTags": ["app:v1"], "Layers": ["1/layer.tar", "2/layer.tar"]}]);
    change(&mut manifest);
    let manifest = canonical(&manifest).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut tar = Tar::new(file.as_file(), 0);
    let files = [
        ("1/layer.tar", layers[0]),
        ("2/layer.tar", layers[1]),
        ("c.json", &config),
        ("manifest.json", &manifest),
    ];
    for (name, content) in files {
        tar.file(name, 0o644, content.len() as u64, &mut &*content)
            .unwrap();
    }
    tar.finish().unwrap();
    file
}

#[test]
fn what_docker_saved_is_an_image_of_its_family() {
    let file = saved_by_docker([b"one", b"other"], &|_| {});
    let set = open(file.path(), Choice::default()).unwrap();
    assert_eq!(set.family(), media_type::Family::Docker);
    let [image] = set.images.as_slice() else {
        panic!("there is one image");
    };
    assert_eq!(image.platform, Platform::linux("amd64"));
    for (layer, content) in image.layers.iter().zip([&b"one"[..], b"other"]) {
        assert_eq!(
            layer.descriptor,
            Descriptor::of(media_type::DOCKER_LAYER, content)
        );
        assert!(matches!(layer.source, Source::Part(..)));
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut layer.open().unwrap(), &mut bytes).unwrap();
        assert_eq!(bytes, content);
    }
    let refused = |change: &dyn Fn(&mut Value)| {
        let file = saved_by_docker([b"one", b"other"], change);
        let error = open(file.path(), Choice::default())
            .unwrap_err()
            .to_string();
        error.replace(file.path().to_str().unwrap(), "IMAGE")
    };
    let causes = [
        refused(&|manifest| manifest[0]["Config"] = json!("../c.json")),
        refused(&|manifest| manifest[0]["Layers"] = json!(["1/layer.tar"])),
        refused(&|manifest| manifest[0]["Layers"] = json!(["1/layer.tar", "/etc/passwd"])),
        refused(&|manifest| *manifest = json!([])),
        refused(&|manifest| *manifest = json!([manifest[0], manifest[0]])),
        refused(&|manifest| *manifest = json!({})),
    ];
    insta::assert_snapshot!(causes.join("\n"), @r"
    `IMAGE` is no image that can be read: `../c.json` is missing in it
    `IMAGE` is no image that can be read: it has 1 layers, and its configuration names 2
    `IMAGE` is no image that can be read: layer `/etc/passwd` is missing in it
    `IMAGE` is no image that can be read: there is no image in it
    `IMAGE` is no image that can be read: several images are meant
    `manifest.json` in `IMAGE` cannot be read: invalid type: map, expected a sequence at line 1 column 0
    ");
    let choice = Choice {
        name: Some("app:v2"),
        ..Choice::default()
    };
    assert_eq!(
        open(file.path(), choice).unwrap_err().hint().unwrap(),
        "name one of `app:v1`"
    );
}

#[test]
fn what_is_something_else_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    let cause = |content: &[u8]| {
        fs::write_if_changed(&path, 0o644, content).unwrap();
        let error = open(&path, Choice::default()).unwrap_err();
        let text = format!("{error}  hint: {:?}", error.hint());
        text.replace(path.to_str().unwrap(), "IMAGE")
    };
    let mut causes = [
        &b""[..],
        b"text",
        &[b'x'; 600],
        &[0; 1024],
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
    ]
    .map(cause)
    .to_vec();
    fs::remove_file(&path).unwrap();
    for _ in 0..2 {
        let error = open(&path, Choice::default()).unwrap_err();
        causes.push(error.to_string().replace(path.to_str().unwrap(), "IMAGE"));
        let _ = fs::create_dir(&path);
    }
    insta::assert_snapshot!(causes.join("\n"), @r#"
    `IMAGE` is no image that can be read: it is no tar  hint: None
    `IMAGE` is no image that can be read: it is no tar  hint: None
    `IMAGE` is no image that can be read: it is no tar  hint: None
    `IMAGE` is no image that can be read: it is a tar without `index.json` and `manifest.json`: neither an OCI nor a Docker archive  hint: None
    `IMAGE` is compressed with gzip: an image archive is read in place  hint: Some("gunzip -k IMAGE")
    `IMAGE` is no image that can be read: it is no tar  hint: None
    `IMAGE` does not exist
    `IMAGE` is no image that can be read: it is a directory without `index.json`: no image layout
    "#);
}

/// Opens what is spoilt, and reads all of it that can be opened: a blob that is read to its end is the right one.
fn attempt(path: &Path, bytes: &[u8]) {
    // Not flushed to the disk, thousands of times.
    let mut file = fs::File::create(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let Ok(set) = open(path, Choice::default()) else {
        return;
    };
    for layer in set.images.iter().flat_map(|image| &image.layers) {
        let mut content = Vec::new();
        let read = layer
            .open()
            .map(|mut blob| std::io::Read::read_to_end(&mut blob, &mut content));
        if matches!(read, Ok(Ok(_))) {
            assert_eq!(Digest::of(&content), layer.descriptor.digest);
        }
    }
}

#[test]
fn no_flipped_or_missing_byte_panics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    let set = images();
    archive::write_oci(&set, None, &path).unwrap();
    let oci = fs::read(&path).unwrap();
    archive::write_docker(&set.images[0], &[], &path).unwrap();
    let docker = fs::read(&path).unwrap();
    let saved = saved_by_docker([b"one", b"\x1f\x8b, says its beginning"], &|_| {});
    for bytes in [oci, docker, fs::read(saved.path()).unwrap()] {
        for at in (0..bytes.len()).step_by(17) {
            attempt(&path, &bytes[..at]);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            attempt(&path, &flipped);
        }
    }
}
