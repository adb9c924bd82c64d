//! Images made in memory, part by part: each part can be made wrong.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use object::elf;
use serde_json::{Value, json};
use slsbuild::artifact::oci::media_type::{Compression, Family, OCI_INDEX};
use slsbuild::artifact::oci::{
    Blob, Descriptor, Digest, Document, Image, ImageSet, Platform, Source,
};
use tar::{Builder, EntryType, Header};

use crate::tiny_elf::TinyElf;

/// An entry of a layer: name, mode, content; a name that ends with a slash is a directory, and a mode of 0 a link.
pub(crate) type Entry = (&'static str, u32, Vec<u8>);

/// The archive of a layer.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, mode, content) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_mode(if *mode == 0 { 0o777 } else { *mode });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        let is_link = *mode == 0;
        header.set_size(if is_link { 0 } else { content.len() as u64 });
        header.set_entry_type(match name.ends_with('/') {
            _ if is_link => EntryType::Symlink,
            true => EntryType::Directory,
            false => EntryType::Regular,
        });
        if is_link {
            header.set_link_name_literal(content).unwrap();
        }
        header.set_cksum();
        let content = if is_link { &[][..] } else { content };
        tar.append(&header, content).unwrap();
    }
    tar.into_inner().unwrap()
}

/// A tiny static executable.
pub(crate) fn program(arch: &str) -> Vec<u8> {
    TinyElf::new(machine(arch)).build()
}

pub(crate) fn machine(arch: &str) -> elf::Machine {
    match arch {
        "arm64" => elf::EM_AARCH64,
        _ => elf::EM_X86_64,
    }
}

/// A layer in the making.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) diff_id: Digest,
    pub(crate) blob: Vec<u8>,
    pub(crate) descriptor: Descriptor,
}

impl Layer {
    pub(crate) fn new(entries: &[Entry], family: Family, compression: Compression) -> Self {
        Self::of_archive(&archive(entries), family, compression)
    }

    pub(crate) fn of_archive(archive: &[u8], family: Family, compression: Compression) -> Self {
        let blob = match compression {
            Compression::None => archive.to_vec(),
            Compression::Gzip => gzip(archive),
            Compression::Zstd => zstd::encode_all(archive, 3).unwrap(),
        };
        Self {
            diff_id: Digest::of(archive),
            descriptor: Descriptor::of(family.layer(compression), &blob),
            blob,
        }
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Level::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// An image in the making.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) arch: &'static str,
    pub(crate) family: Family,
    pub(crate) layers: Vec<Layer>,
    pub(crate) config: Value,
}

impl Parts {
    /// A server on a base without a shell, as `slsbuild image` makes it.
    pub(crate) fn server(arch: &'static str) -> Self {
        Self::server_of(arch, &own(arch), Family::Oci, Compression::Gzip)
    }

    /// [`Self::server`] with another layer of its own.
    pub(crate) fn server_of(
        arch: &'static str,
        own: &[Entry],
        family: Family,
        compression: Compression,
    ) -> Self {
        let base: [Entry; 3] = [
            ("etc/", 0o755, Vec::new()),
            (
                "etc/passwd",
                0o644,
                b"nonroot:x:65532:65532::/:/none\n".to_vec(),
            ),
            ("root/", 0o700, Vec::new()),
        ];
        let layers = [&base[..], own].map(|entries| Layer::new(entries, family, compression));
        let config = json!({
            "architecture": arch,
            "os": "linux",
            "config": {
                "User": "65532",
                "WorkingDir": "/app",
                "Entrypoint": ["/app/orders"],
                "Env": ["PATH=/usr/bin:/bin", "PORT=8080"],
                "ExposedPorts": {"8080/tcp": {}},
            },
            "rootfs": {"type": "layers", "diff_ids": []},
            "history": [{"created_by": "base"}, {"empty_layer": true}, {"created_by": "slsbuild"}],
        });
        Self {
            arch,
            family,
            layers: layers.to_vec(),
            config,
        }
    }

    /// A function on a stand-in of Lambda's base: the same configuration, and as many layers.
    pub(crate) fn function(arch: &'static str) -> Self {
        let script = b"#!/bin/sh\nexport _HANDLER=\"$1\"\nexec /var/runtime/bootstrap\n";
        let base: [&[Entry]; 4] = [
            &[
                ("bin/", 0o755, Vec::new()),
                ("bin/sh", 0o755, program(arch)),
            ],
            &[
                ("etc/", 0o755, Vec::new()),
                ("etc/shadow", 0o600, Vec::new()),
            ],
            &[
                ("var/", 0o755, Vec::new()),
                ("var/task/", 0o755, Vec::new()),
            ],
            &[("lambda-entrypoint.sh", 0o755, script.to_vec())],
        ];
        let own: [Entry; 3] = [
            ("var/", 0o755, Vec::new()),
            ("var/runtime/", 0o755, Vec::new()),
            ("var/runtime/bootstrap", 0o755, program(arch)),
        ];
        let layers = base.into_iter().chain([&own[..]]);
        let layers = layers.map(|entries| Layer::new(entries, Family::Docker, Compression::Gzip));
        let mut parts = Self {
            family: Family::Docker,
            layers: layers.collect(),
            ..Self::server(arch)
        };
        parts.config["config"] = json!({
            "WorkingDir": "/var/task",
            "Entrypoint": ["/lambda-entrypoint.sh"],
            "Cmd": ["orders"],
            "Env": ["LAMBDA_TASK_ROOT=/var/task", "LAMBDA_RUNTIME_DIR=/var/runtime"],
        });
        parts.config["history"] =
            json!(["1", "2", "3", "4", "5"].map(|by| json!({"created_by": by})));
        parts
    }

    /// Changes something of the configuration.
    pub(crate) fn config(mut self, pointer: &str, value: Value) -> Self {
        *self.config.pointer_mut(pointer).unwrap() = value;
        self
    }

    /// Adds a layer, with its history.
    pub(crate) fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        let history = self.config["history"].as_array_mut().unwrap();
        history.push(json!({"created_by": "another"}));
        self
    }

    /// Changes the last layer.
    pub(crate) fn last(mut self, change: impl FnOnce(&mut Layer)) -> Self {
        change(self.layers.last_mut().unwrap());
        self
    }

    pub(crate) fn image(mut self) -> Image {
        let has_ids = self.config["rootfs"]["diff_ids"] != json!([]);
        if !has_ids {
            let ids: Vec<Value> = self
                .layers
                .iter()
                .map(|layer| json!(layer.diff_id))
                .collect();
            self.config["rootfs"]["diff_ids"] = json!(ids);
        }
        let config = Document::new(self.family.config(), &self.config).unwrap();
        let descriptors: Vec<&Descriptor> =
            self.layers.iter().map(|layer| &layer.descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": self.family.manifest(),
            "config": config.descriptor,
            "layers": descriptors,
        });
        let layers = self.layers.into_iter().map(|layer| Blob {
            descriptor: layer.descriptor,
            source: Source::Bytes(layer.blob),
        });
        Image {
            platform: Platform::linux(self.arch),
            manifest: Document::new(self.family.manifest(), &manifest).unwrap(),
            config,
            layers: layers.collect(),
        }
    }

    pub(crate) fn set(self) -> ImageSet {
        ImageSet::single(self.image())
    }
}

/// The layer that a build adds.
pub(crate) fn own(arch: &str) -> Vec<Entry> {
    vec![
        ("app/", 0o755, Vec::new()),
        ("app/orders", 0o755, program(arch)),
    ]
}

/// An index over images, with what else is to be named in it.
pub(crate) fn index(images: Vec<Image>, beside: Option<Value>) -> ImageSet {
    let manifests = images.iter().map(|image| {
        json!(Descriptor {
            platform: Some(image.platform.clone()),
            ..image.manifest.descriptor.clone()
        })
    });
    let manifests: Vec<Value> = manifests.chain(beside).collect();
    let content = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    ImageSet {
        index: Some(Document::new(OCI_INDEX, &content).unwrap()),
        images,
    }
}

/// Writes a layout.
pub(crate) fn write(set: &ImageSet, directory: &Path) {
    let blobs = directory.join("blobs/sha256");
    fs_err::create_dir_all(&blobs).unwrap();
    let put =
        |digest: Digest, bytes: &[u8]| fs_err::write(blobs.join(digest.hex()), bytes).unwrap();
    for image in &set.images {
        for document in [&image.manifest, &image.config] {
            put(document.descriptor.digest, &document.bytes);
        }
        for layer in &image.layers {
            if let Source::Bytes(bytes) = &layer.source {
                put(layer.descriptor.digest, bytes);
            }
        }
    }
    if let Some(index) = &set.index {
        put(index.descriptor.digest, &index.bytes);
    }
    let top = &set.top().unwrap().descriptor;
    let index = json!({"schemaVersion": 2, "manifests": [top]});
    fs_err::write(directory.join("index.json"), index.to_string()).unwrap();
    fs_err::write(
        directory.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}
