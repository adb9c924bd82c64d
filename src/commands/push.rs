//! `slsbuild push`: an image that was built before goes to a registry. stdout is the digest reference, or one JSON document.

use std::sync::Mutex;

use anyhow::Context as _;
use serde::Serialize;

use crate::artifact::oci::{self, Choice, ImageSet, Reference, check_tag};
use crate::cli::{Format, PushArgs};
use crate::error::{Error, Result};
use crate::registry::{Amount, Client, Options, Progress, Pushed, push as push_images};
use crate::report::SCHEMA_VERSION;
use crate::ui::{Bar, Ui};
use crate::units::Bytes;

/// The document of `--format json`.
#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    slsbuild: &'static str,
    reference: String,
    repository: String,
    digest: String,
    tags: &'a [String],
    unchanged: bool,
    uploaded: Count,
    mounted: Count,
    present: Count,
    requests: u64,
}

#[derive(Serialize)]
struct Count {
    blobs: u64,
    bytes: u64,
}

/// Pushes an image from a layout or an archive.
pub fn push(arguments: &PushArgs, format: Format, ui: Ui) -> Result<()> {
    let to = parse_reference(&arguments.reference)?;
    let tags = tags(&arguments.reference, &to, &arguments.tag)?;
    // All that an index names is pushed: a registry takes no index with a hole in it.
    let choice = Choice {
        name: None,
        attestations: true,
    };
    let images = oci::open(&arguments.layout, choice)?;
    let client = Client::new(Options {
        insecure: arguments.insecure,
        push_host: Some(to.host.clone()),
        ..Options::new(ui)
    });
    ui.status(
        "Pushing",
        format_args!("`{}` to `{to}`", arguments.layout.display()),
    );
    let pushed = send(&client, &images, &to, &tags, ui)?;
    let reference = to.with_digest(pushed.digest).to_string();
    match format {
        Format::Human => ui.result(reference),
        Format::Json => {
            let document = Document {
                schema_version: SCHEMA_VERSION,
                slsbuild: env!("CARGO_PKG_VERSION"),
                reference,
                repository: to.name(),
                digest: pushed.digest.to_string(),
                tags: &pushed.tags,
                unchanged: pushed.is_unchanged,
                uploaded: count(pushed.uploaded),
                mounted: count(pushed.mounted),
                present: count(pushed.present),
                requests: pushed.requests,
            };
            let json =
                serde_json::to_string_pretty(&document).context("the document is no JSON")?;
            ui.result(json)
        }
    }
}

/// A reference as the user wrote it.
///
/// # Errors
/// [`Error::Usage`] with the cause.
pub fn parse_reference(text: &str) -> Result<Reference> {
    text.parse().map_err(|cause| Error::Usage {
        message: format!("`{}` names no image: {cause}", text.escape_debug()),
        hint: Some("write it as HOST/REPOSITORY:TAG, such as ghcr.io/team/orders:1.4".to_owned()),
    })
}

/// The tags that a push is for, each once: the reference's own, if it was written, and the others; `latest` without any. A
/// digest is what comes of a push, and cannot be asked for.
///
/// # Errors
/// [`Error::Usage`] with the cause.
pub fn tags(text: &str, to: &Reference, more: &[String]) -> Result<Vec<String>> {
    if to.digest.is_some() {
        return Err(Error::Usage {
            message: format!("`{to}` names a digest, and what is pushed has its own"),
            hint: Some(format!("name a tag: {}:latest", to.name())),
        });
    }
    let last = text.rsplit('/').next().unwrap_or_default();
    let is_own = more.is_empty() || last.contains(':');
    let mut tags: Vec<String> = to.tag.iter().filter(|_| is_own).cloned().collect();
    for tag in more {
        check_tag(tag).map_err(|message| Error::Usage {
            message,
            hint: Some("name another one: --tag v1".to_owned()),
        })?;
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    Ok(tags)
}

/// Pushes images, with a bar on a terminal and one line at the end.
///
/// # Errors
/// [`Error::Registry`] when the registry refuses or stays bad.
pub fn send(
    client: &Client,
    images: &ImageSet,
    to: &Reference,
    tags: &[String],
    ui: Ui,
) -> Result<Pushed> {
    let bar: Mutex<Option<Bar>> = Mutex::new(None);
    let watch = |progress| {
        let Ok(mut bar) = bar.lock() else { return };
        match progress {
            Progress::Begun(Amount { bytes, .. }) => {
                // The old one is gone before the new one is there: there is one on the terminal.
                drop(bar.take());
                *bar = Some(ui.transfer("Pushing", bytes));
            }
            Progress::Done(bytes) => bar.iter().for_each(|bar| bar.advance(bytes)),
            Progress::Again(bytes) => bar.iter().for_each(|bar| bar.back(bytes)),
        }
    };
    let pushed = push_images(client, images, to, tags, &watch)?;
    drop(bar);
    ui.status("Pushed", format_args!("`{}`{}", to.name(), said(&pushed)));
    Ok(pushed)
}

/// What was done, in a few words.
fn said(pushed: &Pushed) -> String {
    let tags = match pushed.tags.as_slice() {
        [] => String::new(),
        tags => format!(" as {}", crate::error::Names(tags)),
    };
    if pushed.is_unchanged {
        return format!("{tags}: it is there already");
    }
    let parts = [
        (pushed.uploaded, "sent"),
        (pushed.mounted, "mounted"),
        (pushed.present, "there already"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(amount, _)| amount.blobs > 0)
        .map(|(amount, what)| {
            let plural = if amount.blobs == 1 { "" } else { "s" };
            format!(
                "{} blob{plural} ({}) {what}",
                amount.blobs,
                Bytes(amount.bytes)
            )
        })
        .collect();
    if parts.is_empty() {
        return format!("{tags}: only tags were new");
    }
    format!("{tags}: {}", parts.join(", "))
}

fn count(amount: Amount) -> Count {
    Count {
        blobs: amount.blobs,
        bytes: amount.bytes,
    }
}
