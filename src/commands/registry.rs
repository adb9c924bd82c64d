//! `slsbuild registry check`: how a registry is reached, as whom, and what it allows. stdout is the answer, for people or as
//! one JSON document; the verdict is the exit code.

use anyhow::Context as _;
use serde::Serialize;

use super::push::parse_reference;
use crate::artifact::oci::{Digest, Reference};
use crate::cli::{Format, RegistryArgs, RegistryCheckArgs, RegistryCommand};
use crate::error::Result;
use crate::registry::{Access, Challenge, Client, Options, access};
use crate::report::SCHEMA_VERSION;
use crate::ui::Ui;

/// The document of `--format json`. What was not found out is null.
#[derive(Serialize)]
struct Document {
    schema_version: u32,
    slsbuild: &'static str,
    reference: String,
    host: String,
    scheme: Option<&'static str>,
    authentication: Option<&'static str>,
    credentials: Option<String>,
    pull: Verdict,
    push: Option<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    allowed: bool,
    /// What the name stands for.
    digest: Option<String>,
    reason: Option<String>,
}

/// The verbs about registries.
pub fn registry(arguments: &RegistryArgs, format: Format, ui: Ui) -> Result<()> {
    match &arguments.command {
        RegistryCommand::Check(arguments) => check(arguments, format, ui),
    }
}

fn check(arguments: &RegistryCheckArgs, format: Format, ui: Ui) -> Result<()> {
    let reference = parse_reference(&arguments.reference)?;
    let client = Client::new(Options {
        insecure: arguments.insecure,
        push_host: Some(reference.host.clone()),
        ..Options::new(ui)
    });
    let found = access(&client, &reference, arguments.pull_only);
    let document = document(&reference, &found);
    match format {
        Format::Human => say(&document, &found, ui)?,
        Format::Json => {
            ui.result(serde_json::to_string_pretty(&document).context("the answer is no JSON")?)?;
        }
    }
    found.verdict()
}

fn document(reference: &Reference, found: &Access) -> Document {
    let verdict = |allowed: &Result<Option<Digest>>| match allowed {
        Ok(digest) => Verdict {
            allowed: true,
            digest: digest.map(|digest| digest.to_string()),
            reason: None,
        },
        Err(error) => Verdict {
            allowed: false,
            digest: None,
            reason: Some(Access::reason(error)),
        },
    };
    Document {
        schema_version: SCHEMA_VERSION,
        slsbuild: env!("CARGO_PKG_VERSION"),
        reference: reference.to_string(),
        host: reference.host.clone(),
        scheme: found.scheme,
        authentication: found.scheme.map(|_| match found.challenge {
            None => "none",
            Some(Challenge::Basic) => "basic",
            Some(Challenge::Bearer { .. }) => "bearer",
        }),
        credentials: found.source.as_ref().map(ToString::to_string),
        pull: verdict(&found.pull),
        push: found.push.as_ref().map(|push| match push {
            Ok(()) => verdict(&Ok(None)),
            Err(error) => Verdict {
                allowed: false,
                digest: None,
                reason: Some(Access::reason(error)),
            },
        }),
    }
}

fn say(document: &Document, found: &Access, ui: Ui) -> Result<()> {
    let reached = match document.scheme {
        Some(scheme) => format!("{} ({scheme})", document.host),
        None => format!("{} (not reached)", document.host),
    };
    ui.result(format_args!("{:<15} {reached}", "host"))?;
    if let Some(authentication) = document.authentication {
        ui.result(format_args!("{:<15} {authentication}", "authentication"))?;
        let credentials = match (&document.credentials, &found.challenge) {
            (Some(source), _) => source.as_str(),
            (None, None) => "not asked for",
            (None, Some(_)) => "none were found",
        };
        ui.result(format_args!("{:<15} {credentials}", "credentials"))?;
    }
    let pull = match (&document.pull.reason, &document.pull.digest) {
        (Some(reason), _) => format!("refused: {reason}"),
        (None, Some(digest)) => format!("allowed, {digest}"),
        (None, None) => "allowed, and there is no such image".to_owned(),
    };
    ui.result(format_args!("{:<15} {pull}", "pull"))?;
    let push = match &document.push {
        None => "not tried".to_owned(),
        Some(Verdict { reason: None, .. }) => "allowed".to_owned(),
        Some(Verdict {
            reason: Some(reason),
            ..
        }) => format!("refused: {reason}"),
    };
    ui.result(format_args!("{:<15} {push}", "push"))
}
