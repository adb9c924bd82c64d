//! What goes where in an image: the platform's places, the base's configuration and the user's wishes together.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::base::Base;
use crate::artifact::oci::media_type::Compression;
use crate::artifact::oci::{ConfigEdits, ImageSpec, Layer, Packing};
use crate::artifact::{Content, FileTree};
use crate::error::{Error, Result};
use crate::plan::Step;
use crate::platform::image::Wishes;
use crate::platform::lambda::image::is_lambda_like;
use crate::project::config::Platform;
use crate::project::include::Included;

/// An image before its files are read.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    /// The program's name in the image, relative to its root.
    binary: String,
    config: ConfigEdits,
    annotations: BTreeMap<String, String>,
    /// How it is packed.
    pub(super) packing: Packing,
    /// Whether the base is Lambda's own.
    pub(super) on_lambdas_base: bool,
}

/// Decides what an image is like. `commit` are the annotations of the commit, where they are asked for.
///
/// # Errors
/// For wishes that the base or the platform contradict, and an include in the place of the program.
pub(super) fn lay(step: &Step, base: &Base, commit: &BTreeMap<String, String>) -> Result<Laid> {
    let said = &step.packing.image;
    let config: Value = match &base.image {
        Some(image) => image.config.read("the base's configuration")?,
        None => Value::Object(serde_json::Map::new()),
    };
    let env: Vec<(String, String)> = said.env.clone().into_iter().collect();
    let words = |words: &[String]| (!words.is_empty()).then(|| words.to_vec());
    let (entrypoint, cmd) = (words(&said.entrypoint), words(&said.cmd));
    let wishes = Wishes {
        workdir: said.workdir.as_deref(),
        entrypoint: entrypoint.as_deref(),
        cmd: cmd.as_deref(),
        user: said.user.as_deref(),
        env: &env,
        port: said.ports.first().copied(),
    };
    let layout = step
        .platform
        .layout(&step.function.name, &config, &wishes)?;
    let ports: BTreeSet<u16> = said.ports.iter().copied().chain(layout.port).collect();
    let laid = Laid {
        binary: layout.binary.trim_start_matches('/').to_owned(),
        config: ConfigEdits {
            entrypoint: layout.entrypoint,
            cmd: layout.cmd,
            workdir: Some(layout.workdir),
            user: layout.user,
            env: layout.env.into_iter().collect(),
            labels: said.labels.clone(),
            ports,
        },
        annotations: annotations(step, base, commit),
        packing: Packing {
            compression: said.compression.unwrap_or(Compression::Gzip),
            epoch: step.packing.epoch,
        },
        on_lambdas_base: step.platform == Platform::Lambda && is_lambda_like(&config),
    };
    laid.refuse_program(step)?;
    Ok(laid)
}

/// The standard annotations, under the user's own
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>).
fn annotations(
    step: &Step,
    base: &Base,
    commit: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let name = |key: &str| format!("org.opencontainers.image.{key}");
    let mut annotations = BTreeMap::from([(name("title"), step.function.name.clone())]);
    let version = step.function.version();
    annotations.extend(version.map(|version| (name("version"), version.to_owned())));
    if let Some(reference) = &base.name {
        annotations.insert(name("base.name"), reference.clone());
        let digest = base.digest().map(|digest| digest.to_string());
        annotations.extend(digest.map(|digest| (name("base.digest"), digest)));
    }
    annotations.extend(commit.clone());
    annotations.extend(step.packing.image.annotations.clone());
    annotations
}

impl Laid {
    /// The layers and the configuration, for the writer: files change more rarely than the program, and lie below it.
    ///
    /// # Errors
    /// When two files have one name.
    pub(super) fn spec(self, binary: Option<Vec<u8>>, includes: &[Included]) -> Result<ImageSpec> {
        let mut layers = Vec::new();
        if !includes.is_empty() {
            let mut tree = FileTree::new();
            for Included {
                name,
                path,
                size,
                executable,
            } in includes
            {
                let content = Content::File {
                    path: path.clone(),
                    size: *size,
                };
                tree.insert(name, content, *executable)?;
            }
            layers.push(layer(tree, "slsbuild: included files"));
        }
        if let Some(binary) = binary {
            let mut tree = FileTree::new();
            tree.insert(&self.binary, Content::Bytes(binary), true)?;
            layers.push(layer(tree, "slsbuild: the program"));
        }
        Ok(ImageSpec {
            layers,
            config: self.config,
            annotations: self.annotations,
        })
    }

    /// Refuses an include that would hide the program, or be hidden by it.
    fn refuse_program(&self, step: &Step) -> Result<()> {
        let below = |name: &str, directory: &str| {
            name.strip_prefix(directory)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let clash = step.includes.iter().find(|include| {
            include.name == self.binary
                || below(&include.name, &self.binary)
                || below(&self.binary, &include.name)
        });
        clash.map_or(Ok(()), |include| {
            Err(Error::Include {
                place: None,
                include: include.path.display().to_string(),
                cause: format!("`/{}` is the place of the program itself", self.binary),
                hint: Some("give it another one: --include FROM:TO".to_owned()),
            })
        })
    }
}

fn layer(tree: FileTree, created_by: &str) -> Layer {
    Layer {
        tree,
        directories: BTreeMap::new(),
        created_by: created_by.to_owned(),
    }
}
