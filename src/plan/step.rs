//! One artifact to be made: what goes into it, and into which file.

use std::path::{Path, PathBuf};

use super::Wish;
use super::layout::{self, CargoLambdaFiles};
use crate::artifact::deflate::Level;
use crate::artifact::zip::DosTime;
use crate::binary::Strip;
use crate::error::{Error, Result};
use crate::fs;
use crate::platform::lambda::{self, Runtime};
use crate::project::config::{self, Kind, Located, Place, Platform};
use crate::project::include::{self, Included, Within};
use crate::project::{Function, Project, Source};
use crate::settings::{Budget, ImageSettings, Settings};
use crate::target::Target;

/// The name of an image's OCI layout.
const IMAGE: &str = "image";

/// One artifact to be made.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place among all that the user asked for.
    pub order: usize,
    /// Whether it is made only since another one needs it; it never goes into a flat output directory.
    pub companion: bool,
    /// The function.
    pub function: Function,
    /// Who runs it.
    pub platform: Platform,
    /// The target it is built for; of code that is not Rust, the static one of its arch.
    pub target: Target,
    /// What is packed beside the binary.
    pub includes: Vec<Included>,
    /// The directory below which all that is ours lies.
    pub root: PathBuf,
    /// The directory of the artifact's own files.
    pub directory: PathBuf,
    /// The artifact.
    pub artifact: PathBuf,
    /// What it is on disk.
    pub form: Form,
    /// Where cargo-lambda would have put it, if it is to be there too.
    pub also: Option<CargoLambdaFiles>,
    /// How it is packed.
    pub packing: Packing,
}

/// What an artifact is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A zip.
    Zip,
    /// A directory of our own, which is replaced as a whole.
    Directory,
    /// Files in a directory of the user's, which may hold others too.
    Files,
    /// An image, in an OCI layout.
    Image,
}

/// How an artifact is packed, and what it is held against.
#[derive(Clone, Debug)]
pub struct Packing {
    /// What is stripped from the binary.
    pub strip: Strip,
    /// How hard it is compressed.
    pub level: Level,
    /// The time that every entry carries.
    pub modified: DosTime,
    /// The Lambda runtime that it must run on.
    pub runtime: Runtime,
    /// The user's own limits.
    pub budget: Budget,
    /// The layers and external extensions that count with it.
    pub layers: Vec<String>,
    /// The internal extensions that are packed with it.
    pub extensions: Vec<String>,
    /// What its image is made of, where it is one.
    pub image: ImageSettings,
    /// The time that its image carries, in seconds since 1970.
    pub epoch: u64,
}

/// Where artifacts go.
#[derive(Clone, Debug)]
pub struct Output {
    /// The directory below which each has a directory of its own.
    pub root: PathBuf,
    /// The directory that is to hold the one artifact, and nothing beside it.
    pub flat: Option<PathBuf>,
    /// Directories of our own output, which cannot be included.
    pub own: Vec<PathBuf>,
    /// What each artifact is, where it goes into a directory of our own.
    pub form: Form,
    /// The directory that cargo-lambda would write into, if each is to be there too.
    pub cargo_lambda: Option<PathBuf>,
}

impl Output {
    /// Below the project's output directory; or `--out-dir`, which stays flat and is for one artifact.
    ///
    /// # Errors
    /// When the layout that is asked for has no place in this project.
    pub fn flat(project: &Project, settings: &Settings) -> Result<Self> {
        Ok(Self {
            root: project.output_root(),
            flat: settings.out_dir.clone(),
            own: vec![project.output_root()],
            form: Form::Zip,
            cargo_lambda: layout::directory(project, settings)?,
        })
    }

    /// The same places for images, which know no layout but OCI's.
    ///
    /// # Errors
    /// When another layout is asked for.
    pub fn images(self) -> Result<Self> {
        layout::refuse_unpacked(self.cargo_lambda.as_deref())?;
        Ok(Self {
            form: Form::Image,
            ..self
        })
    }

    /// The same places for directories instead of zips.
    ///
    /// # Errors
    /// When another layout is asked for, which holds zips.
    pub fn unpacked(self) -> Result<Self> {
        layout::refuse_unpacked(self.cargo_lambda.as_deref())?;
        let flat = self.flat.as_ref().map(std::path::absolute).transpose()?;
        let mut own = self.own;
        // One that holds the whole project cannot be left out as a whole.
        own.extend(flat.filter(|flat| !own.iter().any(|root| root.starts_with(flat))));
        Ok(Self {
            own,
            form: Form::Directory,
            ..self
        })
    }

    /// Below the project's output directory, or below `--out-dir` in its place.
    ///
    /// # Errors
    /// When the layout that is asked for has no place in this project.
    pub fn tree(project: &Project, settings: &Settings) -> Result<Self> {
        let root = match &settings.out_dir {
            Some(directory) => std::path::absolute(directory)?,
            None => project.output_root(),
        };
        Ok(Self {
            own: vec![project.output_root(), root.clone()],
            root,
            flat: None,
            form: Form::Zip,
            cargo_lambda: layout::directory(project, settings)?,
        })
    }

    /// The artifact of a function for a target.
    ///
    /// # Errors
    /// When the function's name can be no directory.
    pub fn artifact(&self, function: &Function, target: Target) -> Result<PathBuf> {
        refuse_bad_name(function)?;
        let own = self.directory(function, Platform::Lambda, target);
        Ok(self.place(function, &own, false).1)
    }

    /// The form and the place of an artifact. A companion, which only another function needs, is never put into the flat
    /// directory.
    fn place(&self, function: &Function, own: &Path, companion: bool) -> (Form, PathBuf) {
        let flat = self.flat.as_ref().filter(|_| !companion);
        match (flat, self.form) {
            (Some(flat), Form::Zip) => (Form::Zip, flat.join(file_name(function.kind))),
            (None, Form::Zip) => (Form::Zip, own.join(file_name(function.kind))),
            (Some(flat), Form::Image) => (Form::Image, flat.join(IMAGE)),
            (None, Form::Image) => (Form::Image, own.join(IMAGE)),
            (Some(flat), Form::Directory | Form::Files) => (Form::Files, flat.clone()),
            (None, Form::Directory | Form::Files) => (Form::Directory, own.join("dir")),
        }
    }

    /// The layout of a function's index over several architectures.
    pub fn index(&self, function: &Function, platform: Platform) -> PathBuf {
        let own = self.below(function, platform, "multi");
        self.flat.as_ref().unwrap_or(&own).join(IMAGE)
    }

    /// The directory of the artifact's own files.
    fn directory(&self, function: &Function, platform: Platform, target: Target) -> PathBuf {
        self.below(function, platform, target.directory())
    }

    fn below(&self, function: &Function, platform: Platform, arch: &str) -> PathBuf {
        let parts = [function.name.as_str(), platform.name(), arch];
        let root = self.root.clone();
        parts.iter().fold(root, |path, part| path.join(part))
    }

    /// Refuses several artifacts for one flat directory.
    pub(super) fn refuse_several(&self, count: usize) -> Result<()> {
        match &self.flat {
            Some(directory) if count > 1 => Err(Error::Usage {
                message: format!(
                    "`--out-dir {}` is for one artifact, and this makes {count}",
                    directory.display(),
                ),
                hint: Some("choose one function and one arch, or build all of them below one directory: slsbuild build --out-dir DIR".to_owned()),
            }),
            _ => Ok(()),
        }
    }
}

impl Step {
    /// The artifacts of one wish, one for each target.
    pub(super) fn all(
        (order, wish): (usize, &Wish),
        targets: &[Target],
        output: &Output,
        packing: &Packing,
    ) -> Result<Vec<Self>> {
        let Wish {
            function, settings, ..
        } = wish;
        refuse_bad_name(function)?;
        let platform = settings.platform;
        let workdir = settings
            .image
            .workdir
            .as_deref()
            .unwrap_or(platform.facts().workdir);
        let within = match output.form {
            Form::Image => Within::Image(workdir),
            Form::Zip | Form::Directory | Form::Files => Within::Artifact,
        };
        let (base, bounds) = (&function.directory, &function.bounds);
        let includes = include::resolve(&settings.includes, base, bounds, within)?;
        for own in &output.own {
            refuse_own_output(&includes, own)?;
        }
        if output.form == Form::Image {
            refuse_companions(wish)?;
        } else {
            refuse_images_platform(wish)?;
            lambda::refuse_unzipped_excess(0, &includes)?;
        }
        let lambda = output.cargo_lambda.as_deref();
        let step = |target: &Target| {
            let directory = output.directory(function, platform, *target);
            let (form, artifact) = output.place(function, &directory, wish.companion);
            Self {
                order,
                companion: wish.companion,
                function: function.clone(),
                target: *target,
                includes: includes.clone(),
                also: lambda.and_then(|lambda| CargoLambdaFiles::of(function, lambda)),
                artifact,
                form,
                root: output.root.clone(),
                directory,
                platform,
                packing: packing.clone(),
            }
        };
        let steps: Vec<Self> = targets.iter().map(step).collect();
        steps.iter().try_for_each(Self::refuse_sources)?;
        Ok(steps)
    }

    /// The name of the binary in the artifact; none in a layer of files.
    pub fn program(&self) -> Option<String> {
        match self.function.kind {
            Kind::Function => Some(lambda::BOOTSTRAP.to_owned()),
            Kind::Extension => Some(format!("{}{}", lambda::EXTENSIONS, self.function.name)),
            Kind::Layer => None,
        }
    }

    /// The names of all programs that are built into the artifact: its own, and the internal extensions.
    pub fn programs(&self) -> Vec<String> {
        let extensions = self.packing.extensions.iter().cloned();
        self.program().into_iter().chain(extensions).collect()
    }

    /// Refuses files that would be written over what they are made of.
    fn refuse_sources(&self) -> Result<()> {
        if self.form != Form::Files {
            return Ok(());
        }
        let source = match &self.function.source {
            Source::Ready(path) => self.program().map(|name| (name, path.clone())),
            Source::Rust(_) | Source::Go(_) | Source::Files => None,
        };
        let includes = self.includes.iter();
        let all = includes.map(|include| (include.name.clone(), include.path.clone()));
        for (name, path) in all.chain(source) {
            // With every link on the way to it resolved.
            let to = fs::canonicalize(self.artifact.join(&name)).ok();
            if to.is_some() && to == fs::canonicalize(&path).ok() {
                return Err(Error::Project {
                    message: format!(
                        "`{name}` would be written over its own source `{}`",
                        fs::from_here(&path).display()
                    ),
                    hint: Some("name a directory of its own: --out-dir out".to_owned()),
                });
            }
        }
        Ok(())
    }

    /// The directory in which the artifact appears.
    pub fn destination(&self) -> &Path {
        match self.form {
            Form::Files => &self.artifact,
            Form::Zip | Form::Directory | Form::Image => {
                self.artifact.parent().unwrap_or(&self.directory)
            }
        }
    }
}

impl Packing {
    /// How the artifact of a wish is packed.
    pub(super) fn new(wish: &Wish, strip: Strip, level: Level, settings: &Settings) -> Self {
        let own = &wish.settings;
        let names = |located: &[crate::project::config::Located<String>]| {
            located.iter().map(|name| name.value.clone()).collect()
        };
        Self {
            strip,
            level,
            modified: settings.modified,
            runtime: own.compile.runtime,
            budget: own.budget,
            layers: names(&own.layers),
            extensions: names(&own.extensions),
            image: own.image.clone(),
            epoch: settings.epoch,
        }
    }
}

/// Refuses a zip for a platform that runs images.
fn refuse_images_platform(wish: &Wish) -> Result<()> {
    let (name, platform) = (&wish.function.name, wish.settings.platform);
    if platform == Platform::Lambda {
        return Ok(());
    }
    let refused = Error::Usage {
        message: format!("`{name}` is for {platform}, which runs images"),
        hint: Some(format!("slsbuild image {name}")),
    };
    Err(wish.settings.blame("platform", refused))
}

/// Refuses layers and extensions beside an image: Lambda takes them with zips alone
/// (<https://docs.aws.amazon.com/lambda/latest/dg/chapter-layers.html>, 2026-11).
fn refuse_companions(wish: &Wish) -> Result<()> {
    let settings = &wish.settings;
    for (key, list) in [
        ("layers", &settings.layers),
        ("extensions", &settings.extensions),
    ] {
        if list.is_empty() {
            continue;
        }
        let refused = Error::Usage {
            message: format!("`{}` has `{key}`, which an image cannot have", wish.function.name),
            hint: Some("put their files into the image: include = [\"dist/telemetry:/opt/extensions/telemetry\"]".to_owned()),
        };
        return Err(settings.blame(key, refused));
    }
    Ok(())
}

/// Refuses a name that files, flags, a go.mod or a manifest's binary gave, and that can be no directory of artifacts: the rule
/// of the configuration, which checks its own names.
pub(super) fn refuse_bad_name(function: &Function) -> Result<()> {
    let name = Located {
        value: function.name.clone(),
        // Only the message is kept.
        place: Place {
            file: PathBuf::new(),
            line: 0,
            column: 0,
        },
    };
    let Err(error) = config::refuse_bad_name(&name) else {
        return Ok(());
    };
    let hint = match &function.source {
        Source::Rust(binary) => format!(
            "name it in slsbuild.toml: [functions.orders] with bin = \"{}\"",
            binary.name
        ),
        Source::Go(_) | Source::Ready(_) | Source::Files => {
            "give it another one: --name orders".to_owned()
        }
    };
    Err(match error {
        Error::Config { message, .. } => Error::Project {
            message,
            hint: Some(hint),
        },
        error => error,
    })
}

/// The file that an artifact of a kind is.
fn file_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Function => "bootstrap.zip",
        Kind::Extension => "extension.zip",
        Kind::Layer => "layer.zip",
    }
}

/// An artifact that held earlier artifacts would differ on every run.
fn refuse_own_output(includes: &[Included], root: &Path) -> Result<()> {
    match includes
        .iter()
        .find(|include| include.path.starts_with(root))
    {
        None => Ok(()),
        Some(include) => Err(Error::Include {
            place: None,
            include: include.name.clone(),
            cause: "it is slsbuild's own output".to_owned(),
            hint: Some("include what the function reads, not the target directory".to_owned()),
        }),
    }
}
