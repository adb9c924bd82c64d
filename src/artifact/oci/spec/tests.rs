use serde_json::Value;

use super::super::media_type;
use super::*;
use crate::artifact::Content;
use crate::calendar;

const PACKING: Packing = Packing {
    compression: Compression::Gzip,
    epoch: 0,
};

fn layer(name: &str, content: &[u8]) -> Layer {
    let mut tree = FileTree::new();
    tree.insert(name, Content::Bytes(content.to_vec()), true)
        .unwrap();
    Layer {
        tree,
        created_by: format!("slsbuild image: {name}"),
        ..Layer::default()
    }
}

fn spec() -> ImageSpec {
    ImageSpec {
        layers: vec![layer("app/data", b"data"), layer("app/server", &[7; 5000])],
        config: ConfigEdits {
            entrypoint: Some(vec!["/app/server".to_owned()]),
            ..ConfigEdits::default()
        },
        annotations: [(
            "org.opencontainers.image.title".to_owned(),
            "api".to_owned(),
        )]
        .into(),
    }
}

fn scratch(architecture: &str) -> Image {
    let platform = Platform::linux(architecture);
    spec().assemble(None, &platform, &PACKING).unwrap()
}

/// An image of Docker's family with one layer, whose history says nothing of it.
fn docker_base() -> Image {
    let layer = Blob {
        descriptor: Descriptor::of(media_type::DOCKER_LAYER_GZIP, b"blob"),
        source: Source::Bytes(b"blob".to_vec()),
    };
    let id = Digest::of(b"layer");
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","container":"c","config":{{"Cmd":["x"]}},"rootfs":{{"type":"layers","diff_ids":["{id}"]}}}}"#
    );
    let config = Document::from_bytes(media_type::DOCKER_CONFIG, config.into_bytes());
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(media_type::DOCKER_MANIFEST.to_owned()),
        config: config.descriptor.clone(),
        layers: vec![layer.descriptor.clone()],
        annotations: [("note".to_owned(), "the base's".to_owned())].into(),
        other: Map::new(),
    };
    Image {
        platform: Platform::linux("amd64"),
        manifest: Document::new(media_type::DOCKER_MANIFEST, &manifest).unwrap(),
        config,
        layers: vec![layer],
    }
}

fn json(document: &Document) -> Value {
    document.read("x").unwrap()
}

#[test]
fn the_digests_are_the_golden_ones() {
    let image = scratch("amd64");
    insta::assert_snapshot!(image.config.descriptor.digest, @"sha256:08faef69dc2960d950fb92cb4422f6b1f8bc6770d01f21c0fe55a3a0a1f4f05b");
    insta::assert_snapshot!(image.manifest.descriptor.digest, @"sha256:464735b72d2ec0bdbae61907739a10e73e789152bdd119e9518a54ca5990b645");
    let set = index(vec![image], BTreeMap::new(), Family::Oci).unwrap();
    insta::assert_snapshot!(set.index.unwrap().descriptor.digest, @"sha256:cf592fd287f2849a4de7386c685d8db668b979b54709643e106a929c51d3af15");
}

#[test]
fn an_image_on_nothing_says_all_that_a_runtime_needs() {
    let image = scratch("arm64");
    insta::assert_snapshot!(serde_json::to_string_pretty(&json(&image.config)).unwrap());
    insta::assert_snapshot!(serde_json::to_string_pretty(&json(&image.manifest)).unwrap());
}

#[test]
fn a_layer_is_described_with_and_without_its_compression() {
    let image = scratch("arm64");
    for (blob, id) in image
        .layers
        .iter()
        .zip(Config::read(&image.config, "x").unwrap().diff_ids())
    {
        let Source::Bytes(bytes) = &blob.source else {
            panic!("a new layer is in memory");
        };
        assert_eq!(
            blob.descriptor,
            Descriptor::of(media_type::OCI_LAYER_GZIP, bytes)
        );
        let reader = flate2::read::GzDecoder::new(&**bytes);
        assert_eq!(
            Digest(crate::digest::Sha256::of_reader(reader).unwrap()),
            id
        );
    }
}

#[test]
fn an_image_on_a_base_is_of_its_family_and_keeps_what_it_says() {
    let base = docker_base();
    let image = spec()
        .assemble(Some(&base), &Platform::linux("amd64"), &PACKING)
        .unwrap();
    let config = json(&image.config);
    assert_eq!(config["container"], "c");
    assert_eq!(config["config"].get("Cmd"), None);
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    assert_eq!(config["history"].as_array().unwrap().len(), 3);
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 3);
    let manifest: Manifest = image.manifest.read("x").unwrap();
    assert_eq!(manifest.media_type.unwrap(), media_type::DOCKER_MANIFEST);
    assert_eq!(manifest.config.media_type, media_type::DOCKER_CONFIG);
    let types = manifest
        .layers
        .iter()
        .map(|layer| layer.media_type.as_str());
    assert!(types.eq([media_type::DOCKER_LAYER_GZIP; 3]));
    assert_eq!(
        manifest.annotations.get("note"),
        None,
        "that one is the base's"
    );
    assert_eq!(image.layers[0], base.layers[0]);
}

#[test]
fn a_base_whose_configuration_names_other_layers_is_refused() {
    let mut base = docker_base();
    base.layers.clear();
    let error = spec()
        .assemble(Some(&base), &Platform::linux("amd64"), &PACKING)
        .unwrap_err();
    assert_eq!(error.exit_code(), 5);
    assert!(
        error
            .to_string()
            .contains("has 0 layers, and its configuration names 1")
    );
}

#[test]
fn the_time_and_the_compression_are_the_ones_asked_for() {
    let packing = Packing {
        compression: Compression::Zstd,
        epoch: calendar::days((2026, 11, 24)).cast_unsigned() * 86_400,
    };
    let platform = Platform::linux("amd64");
    let image = spec().assemble(None, &platform, &packing).unwrap();
    assert_eq!(json(&image.config)["created"], "2026-11-24T00:00:00Z");
    assert_eq!(
        image.layers[0].descriptor.media_type,
        media_type::OCI_LAYER_ZSTD
    );
    let packing = Packing {
        compression: Compression::None,
        ..packing
    };
    let image = spec().assemble(None, &platform, &packing).unwrap();
    let Source::Bytes(bytes) = &image.layers[0].source else {
        panic!("a new layer is in memory");
    };
    let mut archive = ::tar::Archive::new(&**bytes);
    let mut times = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().header().mtime().unwrap());
    assert!(times.all(|time| time == packing.epoch));
}

#[test]
fn an_index_has_one_order() {
    let images = |names: [&str; 2]| names.map(scratch).to_vec();
    let notes = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let one = index(images(["arm64", "amd64"]), notes.clone(), Family::Oci).unwrap();
    let other = index(images(["amd64", "arm64"]), notes, Family::Oci).unwrap();
    assert_eq!(one, other);
    let platforms: Vec<String> = one.platforms().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    let twice = index(images(["amd64", "amd64"]), BTreeMap::new(), Family::Oci);
    assert_eq!(
        twice.unwrap_err().to_string(),
        "two images of one index are for `linux/amd64`"
    );
}
