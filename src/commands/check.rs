//! `slsbuild check`: artifacts of any tool against the rules and limits of their platform. All of them are checked
//! before the verdict. stdout is the paths of those that pass, or one JSON document about all.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::check::{Checked, lambda_zip};
use crate::cli::{CheckArgs, Format, LambdaKind};
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::fs;
use crate::platform::lambda::{Expected, Kind, Runtime};
use crate::report::{SCHEMA_VERSION, human};
use crate::settings::parse_arch;
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
    let expected = Expected {
        kind: arguments.kind.map(kind),
        arch: arguments.arch.as_deref().map(parse_arch).transpose()?,
        runtime: Runtime::parse(&arguments.runtime)?,
    };
    refuse_missing(arguments)?;
    let mut artifacts = Vec::new();
    for path in &arguments.artifacts {
        let expected = Expected {
            kind: expected.kind.or_else(|| named_kind(path)),
            ..expected
        };
        let checked = lambda_zip(path, expected)?;
        say(&checked, ui);
        if format == Format::Human && checked.errors() == 0 {
            ui.result(checked.path.display())?;
        }
        artifacts.push(checked);
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

/// What a zip of our own is, which a layer of files does not show.
fn named_kind(path: &Path) -> Option<Kind> {
    path.file_name()
        .is_some_and(|name| name == "layer.zip")
        .then_some(Kind::Layer)
}

/// A name that is mistyped ends the run before anything is checked.
fn refuse_missing(arguments: &CheckArgs) -> Result<()> {
    for path in &arguments.artifacts {
        let cause = match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist",
            Ok(facts) if facts.is_dir() => "is a directory, not a zip",
            Ok(facts) if !facts.is_file() => "is no regular file",
            Ok(_) => continue,
            Err(error) => return Err(error.into()),
        };
        return Err(Error::Usage {
            message: format!("`{}` {cause}", path.display()),
            hint: Some("make one, and check what it prints: slsbuild zip".to_owned()),
        });
    }
    Ok(())
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
        Kind::Function => String::new(),
        kind @ (Kind::Extension | Kind::Layer) => format!(" ({})", kind.name()),
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
    ui.fact(
        "sha256",
        format_args!("{}  CodeSha256 {}", checked.sha256, checked.code_sha256),
    );
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
