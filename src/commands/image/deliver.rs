//! Where images go: onto disk as layouts and archives, into an engine on this machine, into a registry. Any of these together.

mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::compose::{self, Composed};
use super::describe::Delivered;
use super::source::Sources;
use crate::artifact::oci::{Image, ImageSet, Pin, Reference, archive, check_tag, layout};
use crate::cli::ImageArgs;
use crate::commands::push::parse_reference;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::fs;
use crate::plan::{Output, Plan, Step};
use crate::ui::Ui;

/// The tag where none is said.
const LATEST: &str = "latest";

/// One name's worth of images: of one architecture, or an index over several.
#[derive(Debug)]
pub(super) struct Made<'a> {
    /// The steps that it was made by, one for each architecture.
    pub(super) steps: Vec<&'a Step>,
    /// What each step made, beside its image.
    pub(super) composed: Vec<Composed>,
    /// The images.
    pub(super) set: ImageSet,
    /// The layout's place on disk.
    pub(super) layout: PathBuf,
    /// What goes behind its tags, where architectures have a tag each.
    suffix: Option<String>,
}

impl<'a> Made<'a> {
    /// Puts together what belongs together: the architectures of a function where its platform takes an index.
    ///
    /// # Errors
    /// When two images are for one platform.
    pub(super) fn all(composed: Vec<(&'a Step, Composed)>, output: &Output) -> Result<Vec<Self>> {
        let mut functions: Vec<Vec<(&Step, Composed)>> = Vec::new();
        for (step, image) in composed {
            let of_it = |made: &&mut Vec<(&Step, Composed)>| {
                made.first()
                    .is_some_and(|(other, _)| other.function.name == step.function.name)
            };
            match functions.iter_mut().find(of_it) {
                Some(made) => made.push((step, image)),
                None => functions.push(vec![(step, image)]),
            }
        }
        let mut all = Vec::new();
        for function in functions {
            let takes_index = function.iter().all(|(step, _)| step.platform.facts().index);
            if function.len() > 1 && takes_index {
                all.push(Self::index(function, output)?);
                continue;
            }
            let several = function.len() > 1;
            for (step, composed) in function {
                all.push(Self {
                    set: ImageSet::single(composed.image.clone()),
                    layout: step.artifact.clone(),
                    suffix: several.then(|| format!("-{}", step.target.arch)),
                    steps: vec![step],
                    composed: vec![composed],
                });
            }
        }
        Ok(all)
    }

    fn index(function: Vec<(&'a Step, Composed)>, output: &Output) -> Result<Self> {
        let (steps, composed): (Vec<&Step>, Vec<Composed>) = function.into_iter().unzip();
        let images = composed.iter().map(|made| made.image.clone()).collect();
        let first = steps
            .first()
            .map(|step| output.index(&step.function, step.platform));
        Ok(Self {
            set: compose::index(images, BTreeMap::new())?,
            layout: first.unwrap_or_default(),
            suffix: None,
            steps,
            composed,
        })
    }

    /// The function's name.
    pub(super) fn name(&self) -> &str {
        self.steps.first().map_or("", |step| &step.function.name)
    }

    /// The size that it had before this run, in bytes.
    pub(super) fn previous_size(&self) -> Option<u64> {
        let [one] = self.composed.as_slice() else {
            return None;
        };
        let base = one.size().saturating_sub(one.own_size());
        one.previous_size.map(|own| base + own)
    }

    /// What the rules found in its programs.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for finding in self.composed.iter().flat_map(|made| &made.findings) {
            if !findings.contains(finding) {
                findings.push(finding.clone());
            }
        }
        findings
    }

    /// The tags of this name, of those that were said.
    fn tags(&self, said: Option<&str>) -> Vec<String> {
        let own = self
            .steps
            .first()
            .map(|step| step.packing.image.tags.as_slice());
        let mut tags: Vec<String> = Vec::new();
        for tag in said
            .into_iter()
            .chain(own.unwrap_or_default().iter().map(String::as_str))
        {
            let tag = format!("{tag}{}", self.suffix.as_deref().unwrap_or_default());
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        if tags.is_empty() {
            tags.push(format!(
                "{LATEST}{}",
                self.suffix.as_deref().unwrap_or_default()
            ));
        }
        tags
    }
}

/// A kind of file or directory that images are written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    DockerArchive,
    OciArchive,
    OciLayout,
}

/// Where images go.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Whether each is written into its own layout.
    layout: bool,
    /// The files and directories that the one image is written into.
    files: Vec<(Kind, PathBuf)>,
    /// Whether it is loaded into an engine.
    load: bool,
    /// The repository it is pushed to.
    push: Option<Push>,
    /// Whether several functions are pushed, each below the repository.
    several: bool,
}

/// The repository that images are pushed to, and the tag that its reference has.
#[derive(Debug)]
struct Push {
    repository: Reference,
    tag: Option<String>,
}

impl Delivery {
    /// Decides where images go.
    ///
    /// # Errors
    /// [`Error::Usage`] for a place that cannot be one.
    pub(super) fn new(arguments: &ImageArgs, plan: &Plan) -> Result<Self> {
        let files = arguments.output.iter().map(|text| file(text));
        let files: Vec<(Kind, PathBuf)> = files.collect::<Result<_>>()?;
        let push = arguments.push.as_deref().map(push).transpose()?;
        for step in plan.steps() {
            for tag in &step.packing.image.tags {
                check_tag(tag).map_err(|cause| Error::Usage {
                    message: cause,
                    hint: Some("--tag v1.4".to_owned()),
                })?;
            }
        }
        let mut names: Vec<&str> = plan
            .steps()
            .map(|step| step.function.name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        let several = names.len() > 1;
        if let (true, Some((_, path))) = (several, files.first()) {
            return Err(Error::Usage {
                message: format!(
                    "`--output` writes one image to `{}`, and this makes images of {} functions",
                    path.display(),
                    names.len()
                ),
                hint: Some("choose one: slsbuild image NAME --output …".to_owned()),
            });
        }
        let elsewhere = !files.is_empty() || arguments.load || push.is_some();
        Ok(Self {
            layout: !elsewhere || arguments.zip.build.out_dir.is_some(),
            files,
            load: arguments.load,
            push,
            several,
        })
    }

    /// The repository that is pushed to.
    pub(super) fn repository(&self) -> Option<&Reference> {
        self.push.as_ref().map(|push| &push.repository)
    }

    /// Whether the base's layers are needed on this machine.
    pub(super) fn needs_blobs(&self) -> bool {
        self.layout || self.load || !self.files.is_empty()
    }

    /// Takes an image to all its places. `near` has the blobs that are at hand.
    ///
    /// # Errors
    /// When one of them cannot be written, or refuses it.
    pub(super) fn deliver(
        &self,
        made: &Made<'_>,
        near: &ImageSet,
        sources: &Sources,
        ui: Ui,
    ) -> Result<Delivered> {
        let mut delivered = Delivered::default();
        let tags = made.tags(self.push.as_ref().and_then(|push| push.tag.as_deref()));
        if self.needs_blobs() {
            let names = self.names(made, &tags)?;
            let tag = tags.first().map(String::as_str);
            if self.layout {
                layout::write(near, None, &made.layout)?;
                delivered.path = Some(fs::from_here(&made.layout));
            }
            for (kind, path) in &self.files {
                match kind {
                    Kind::OciLayout => layout::write(near, tag, path)?,
                    Kind::OciArchive => archive::write_oci(near, tag, path)?,
                    Kind::DockerArchive => archive::write_docker(only(near)?, &names, path)?,
                }
                delivered.files.push(path.clone());
            }
            if self.load {
                load::load(near, &names, ui)?;
                delivered.loaded = names;
            }
        }
        if let Some(push) = &self.push {
            let repository = self.repository_of(push, made);
            let pushed = sources.push(&made.set, &repository, &tags)?;
            delivered.pushed = Some((repository, tags, pushed));
        }
        Ok(delivered)
    }

    /// The repository of one function: below the one that was given, where there are several.
    fn repository_of(&self, push: &Push, made: &Made<'_>) -> Reference {
        let mut repository = push.repository.clone();
        if self.several {
            repository.repository = format!("{}/{}", repository.repository, made.name());
        }
        repository
    }

    /// What an engine calls it: by the repository it is pushed to, else by the function's name.
    fn names(&self, made: &Made<'_>, tags: &[String]) -> Result<Vec<Reference>> {
        let repository = match &self.push {
            Some(push) => self.repository_of(push, made),
            None => local_name(made.name())?,
        };
        Ok(tags.iter().map(|tag| repository.with_tag(tag)).collect())
    }
}

/// A function's name as a repository, which has no capital letters.
fn local_name(name: &str) -> Result<Reference> {
    name.to_lowercase().parse().map_err(|cause| Error::Usage {
        message: format!("function `{name}` cannot be the name of an image: {cause}"),
        hint: Some("name it in slsbuild.toml: [functions.orders]".to_owned()),
    })
}

/// The image of a set that has one.
fn only(set: &ImageSet) -> Result<&Image> {
    match set.images.as_slice() {
        [image] => Ok(image),
        _ => Err(Error::Usage {
            message: "a docker-archive holds one image, and this makes one for each of several architectures".to_owned(),
            hint: Some("choose one: --arch amd64, or write --output oci-archive=FILE".to_owned()),
        }),
    }
}

/// `KIND=PATH`.
fn file(text: &str) -> Result<(Kind, PathBuf)> {
    let read = text.split_once('=').and_then(|(kind, path)| {
        let kind = match kind {
            "docker-archive" => Kind::DockerArchive,
            "oci-archive" => Kind::OciArchive,
            "oci-layout" => Kind::OciLayout,
            _ => return None,
        };
        (!path.is_empty()).then(|| (kind, PathBuf::from(path)))
    });
    read.ok_or_else(|| Error::Usage {
        message: format!("`--output {text}` is no place for an image"),
        hint: Some("--output docker-archive=FILE, oci-archive=FILE or oci-layout=DIR".to_owned()),
    })
}

/// The repository of a reference, and its tag if it has one.
fn push(text: &str) -> Result<Push> {
    let wrong = |cause: String| Error::Usage {
        message: format!("`--push {text}` is no reference: {cause}"),
        hint: Some("--push HOST/REPOSITORY:TAG".to_owned()),
    };
    let reference = parse_reference(text)?;
    let tag = match reference.pin() {
        Pin::Digest(_) => {
            return Err(wrong(
                "what is pushed gets its digest from what it holds".to_owned(),
            ));
        }
        Pin::Tag(tag) => tag,
    };
    let last = Path::new(text)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    Ok(Push {
        tag: last.contains(':').then_some(tag),
        repository: reference,
    })
}
