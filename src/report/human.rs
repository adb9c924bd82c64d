//! The report for people: a few lines of facts on stderr, the paths on stdout.

use std::path::Path;
use std::time::Duration;

use super::{Artifact, PGO_PROFILE};
use crate::finding::{Finding, Severity};
use crate::platform::lambda::LimitUse;
use crate::ui::Ui;
use crate::units::{Bytes, Delta, Limit};

/// Says what was made.
pub fn artifact(artifact: &Artifact, previous_size: Option<u64>, elapsed: Duration, ui: Ui) {
    ui.status(
        "Finished",
        format_args!(
            "`{}` for {}/{}{} in {:.1}s",
            artifact.name,
            artifact.platform,
            artifact.arch,
            if artifact.toolchain.contains_key(PGO_PROFILE) {
                ", profile-guided,"
            } else {
                ""
            },
            elapsed.as_secs_f64()
        ),
    );
    let is_zip = artifact.code_sha256.is_some();
    ui.fact(
        if is_zip { "zip" } else { "dir" },
        format_args!(
            "{}{}",
            artifact.path.as_deref().unwrap_or(Path::new("-")).display(),
            change(artifact, previous_size)
        ),
    );
    ui.fact("size", sizes(&artifact.limits));
    budgets(artifact, ui);
    let code = artifact
        .code_sha256
        .as_ref()
        .map(|code| format!("  CodeSha256 {code}"))
        .unwrap_or_default();
    ui.fact("sha256", format_args!("{}{code}", artifact.sha256));
    for finding in &artifact.findings {
        self::finding(finding, ui);
    }
    for next in &artifact.next {
        ui.fact(&next.verb, &next.command);
    }
}

/// Says what was made of an image, and where it went.
pub fn image(artifact: &Artifact, previous_size: Option<u64>, elapsed: Duration, ui: Ui) {
    ui.status(
        "Finished",
        format_args!(
            "`{}` for {}/{} in {:.1}s",
            artifact.name,
            artifact.platform,
            artifact.arch,
            elapsed.as_secs_f64()
        ),
    );
    if let Some(path) = &artifact.path {
        ui.fact("image", path.display());
    }
    for reference in &artifact.pushed {
        ui.fact("pushed", reference);
    }
    ui.fact(
        "size",
        format_args!(
            "{} in {} layers{}",
            Bytes(artifact.size),
            artifact.files.len(),
            change(artifact, previous_size)
        ),
    );
    budgets(artifact, ui);
    if let Some(digest) = &artifact.digest {
        ui.fact("digest", digest);
    }
    for finding in &artifact.findings {
        self::finding(finding, ui);
    }
    for next in &artifact.next {
        ui.fact(&next.verb, &next.command);
    }
}

fn budgets(artifact: &Artifact, ui: Ui) {
    for budget in &artifact.budget {
        ui.fact(
            "budget",
            format_args!(
                "{} {} is {}",
                Bytes(budget.value),
                budget.name,
                used(std::slice::from_ref(budget)).trim_start()
            ),
        );
    }
}

/// Says one finding.
pub fn finding(finding: &Finding, ui: Ui) {
    let text = format!("{} [{}]", finding.message, finding.rule);
    match finding.severity {
        Severity::Error => ui.error(text, finding.hint.as_deref()),
        Severity::Warning => ui.warning(text, finding.hint.as_deref()),
        Severity::Note => ui.note(text),
    }
}

/// Says what was made as a table, one line an artifact, findings below it.
pub fn table(rows: &[(&Artifact, Option<u64>)], elapsed: Duration, ui: Ui) {
    let plural = if rows.len() == 1 { "" } else { "s" };
    ui.status(
        "Finished",
        format_args!(
            "{} artifact{plural} in {:.1}s",
            rows.len(),
            elapsed.as_secs_f64()
        ),
    );
    let width = rows.iter().map(|(artifact, _)| artifact.name.len()).max();
    let width = width.unwrap_or_default();
    for (artifact, previous_size) in rows {
        let unzipped = artifact.uncompressed_size.unwrap_or_default();
        ui.fact(
            &artifact.kind,
            format_args!(
                "{:width$}  {}  {:>7} zipped {:>7} unzipped{}{}",
                artifact.name,
                artifact.arch,
                Bytes(artifact.size),
                Bytes(unzipped),
                used(&artifact.budget),
                change(artifact, *previous_size),
            ),
        );
    }
    for (artifact, _) in rows {
        for one in &artifact.findings {
            let named = Finding {
                message: format!("`{}`: {}", artifact.name, one.message),
                ..one.clone()
            };
            finding(&named, ui);
        }
    }
}

/// The share of each budget.
fn used(budget: &[LimitUse]) -> String {
    let share = |one: &LimitUse| {
        let LimitUse { name, limit, .. } = one;
        format!("  {:.0} % of {} {name}", one.used_percent, Bytes(*limit))
    };
    budget.iter().map(share).collect()
}

fn change(artifact: &Artifact, previous_size: Option<u64>) -> String {
    match previous_size {
        _ if artifact.timings.fresh => "   (unchanged)".to_owned(),
        Some(before) if before != artifact.size => {
            format!(
                "   ({} since the last build)",
                Delta {
                    before,
                    after: artifact.size
                }
            )
        }
        Some(_) | None => String::new(),
    }
}

/// Each size with its share of the platform's limit.
pub fn sizes(limits: &[LimitUse]) -> String {
    let parts: Vec<String> = limits
        .iter()
        .map(|limit| {
            format!(
                "{} {} ({:.1} % of {})",
                Bytes(limit.value),
                limit.name,
                limit.used_percent,
                Limit(limit.limit)
            )
        })
        .collect();
    parts.join(", ")
}
