//! `slsbuild check`: artifacts of any tool against the rules and limits of their platform. All of them are checked
//! before the verdict. stdout is the paths of those that pass, or one JSON document about all.

mod given;

use anyhow::Context as _;
use serde::Serialize;

use given::Given;

use super::remote::Remote;
use crate::artifact::oci::{Choice, open};
use crate::check::{Allowed, Checked, ImageSubject, allow, image, lambda_zip};
use crate::cli::{CheckArgs, Format, LambdaKind};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::platform::image::{ImagePlatform, KnownLayers};
use crate::platform::lambda::{Expected, Kind, Runtime};
use crate::registry::{BlobCache, Client, Options};
use crate::report::{SCHEMA_VERSION, human};
use crate::settings::{cache_directory, parse_arch};
use crate::target::Arch;
use crate::ui::Ui;

/// The document of `--format json`: a report whose artifacts were not made here.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    slsbuild: &'static str,
    artifacts: &'a [Checked],
    findings: [Finding; 0],
}

/// Checks artifacts, says what was found, and fails if any has an error.
pub fn check(arguments: &CheckArgs, format: Format, ui: Ui) -> Result<()> {
    let wanted = Wanted::new(arguments)?;
    // A name that is mistyped ends the run before anything is checked.
    let given = arguments.artifacts.iter();
    let given = given
        .map(|path| Given::new(path, arguments))
        .collect::<Result<Vec<_>>>()?;
    let remote = Remote {
        client: Client::new(Options {
            insecure: arguments.insecure,
            ..Options::new(ui)
        }),
        cache: BlobCache::new(&cache_directory()?),
        ui,
    };
    let mut known = KnownLayers::new();
    let mut artifacts = Vec::new();
    for one in &given {
        let checked = wanted.check(one, &remote, &mut known)?;
        say(&checked, ui);
        if format == Format::Human && checked.errors() == 0 {
            ui.result(checked.path.display())?;
        }
        artifacts.push(checked);
    }
    let findings = artifacts.iter().flat_map(|checked| &checked.findings);
    for rule in wanted.allowed.unused(&findings.collect::<Vec<_>>()) {
        ui.warning(
            format_args!("`--allow {rule}` allows nothing: no such finding"),
            None,
        );
    }
    if format == Format::Json {
        let document = Document {
            schema_version: SCHEMA_VERSION,
            slsbuild: env!("CARGO_PKG_VERSION"),
            artifacts: &artifacts,
            findings: [],
        };
        ui.result(serde_json::to_string_pretty(&document).context("the report is no JSON")?)?;
    }
    verdict(&artifacts)
}

/// What the artifacts must be.
struct Wanted {
    platform: Option<ImagePlatform>,
    arch: Option<Arch>,
    kind: Option<Kind>,
    runtime: Runtime,
    allowed: Allowed,
}

impl Wanted {
    fn new(arguments: &CheckArgs) -> Result<Self> {
        let platform = arguments.platform.as_deref();
        Ok(Self {
            platform: platform.map(ImagePlatform::parse).transpose()?,
            arch: arguments.arch.as_deref().map(parse_arch).transpose()?,
            kind: arguments.kind.map(kind),
            runtime: Runtime::parse(&arguments.runtime)?,
            allowed: Allowed::parse(&arguments.allow)?,
        })
    }

    fn check(
        &self,
        given: &Given<'_>,
        remote: &Remote,
        known: &mut KnownLayers,
    ) -> Result<Checked> {
        let set = match given {
            Given::Zip(path) => {
                let expected = Expected {
                    kind: self.kind.or_else(|| given.named_kind()),
                    arch: self.arch,
                    runtime: self.runtime,
                };
                let mut checked = lambda_zip(path, expected)?;
                allow(&mut checked.findings, &self.allowed);
                return Ok(checked);
            }
            Given::Image(path) => open(path, Choice::default()),
            Given::Reference(_, reference) => {
                remote.set(reference).and_then(|set| remote.at_hand(&set))
            }
        };
        let subject = ImageSubject {
            name: given.path(),
            platform: self.platform.unwrap_or(ImagePlatform::Container),
            arches: self.arch.as_slice(),
            allowed: &self.allowed,
        };
        image(subject, set, known)
    }
}

fn kind(kind: LambdaKind) -> Kind {
    match kind {
        LambdaKind::Function => Kind::Function,
        LambdaKind::Extension => Kind::Extension,
        LambdaKind::Layer => Kind::Layer,
    }
}

fn say(checked: &Checked, ui: Ui) {
    let on = checked
        .arch
        .map_or_else(String::new, |arch| format!("/{arch}"));
    // A function is what a zip is unless something is said.
    let kind = match checked.kind {
        "function" => String::new(),
        kind => format!(" ({kind})"),
    };
    ui.status(
        "Checked",
        format_args!(
            "`{}` for {}{on}{kind}",
            checked.path.display(),
            checked.platform
        ),
    );
    let sizes = human::sizes(&checked.limits);
    if !sizes.is_empty() {
        ui.fact("size", sizes);
    }
    let code = checked.code_sha256.as_ref();
    let code = code.map_or_else(String::new, |code| format!("  CodeSha256 {code}"));
    if let Some(digest) = &checked.sha256 {
        ui.fact("sha256", format_args!("{digest}{code}"));
    }
    for finding in &checked.findings {
        human::finding(finding, ui);
    }
}

fn verdict(artifacts: &[Checked]) -> Result<()> {
    let mut failed = artifacts.iter().filter(|checked| checked.errors() > 0);
    let (Some(first), others) = (failed.next(), failed.count()) else {
        return Ok(());
    };
    if others == 0 {
        return Err(Error::Findings {
            artifact: first.path.display().to_string(),
            count: first.errors(),
        });
    }
    Err(Error::Rejected {
        message: format!(
            "{} of {} artifacts have errors",
            others + 1,
            artifacts.len()
        ),
        hint: None,
    })
}
