//! Rules about what the layers hold: names that may be unpacked, directories before what lies in them, modes, and how much it is.

use std::collections::BTreeSet;

use super::blobs::name;
use super::shown;
use crate::artifact::name::ancestors;
use crate::artifact::oci::rootfs::{EntryKind, LayerFacts, NameFault, Node, NodeKind};
use crate::finding::Finding;
use crate::platform::image::{ImageFacts, ImagePlatform, Layer};
use crate::platform::lambda::image::{TASK_ROOT, UNPACKED_IMAGE_LIMIT};
use crate::units::Limit;

pub(super) fn lint(platform: ImagePlatform, image: &ImageFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, layer) in image.layers.iter().enumerate() {
        let Some(facts) = whole(layer) else { continue };
        let name = name(index, layer);
        findings.extend(lint_names(&name, facts));
        findings.extend(lint_duplicates(&name, facts));
    }
    if platform == ImagePlatform::Lambda {
        findings.extend(lint_parents(image));
        findings.extend(lint_readable(image));
        findings.extend(lint_size(image));
    }
    findings
}

/// The facts of a layer that was read to its end: what is wrong in half of one is not worth telling.
fn whole(layer: &Layer) -> Option<&LayerFacts> {
    let facts = layer.facts.as_deref();
    facts.filter(|facts| facts.fault.is_none())
}

/// The first of many quoted names, and how many more there are.
fn first_of(names: &[String]) -> String {
    let first = names.first().map_or("", String::as_str);
    match names.len().saturating_sub(1) {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

fn quoted(path: &str) -> String {
    format!("`{}`", shown(path))
}

fn lint_names(name: &str, facts: &LayerFacts) -> Option<Finding> {
    let bad = facts.entries.iter().find(|entry| entry.fault.is_some())?;
    let cause = match bad.fault? {
        NameFault::Absolute => "is absolute",
        NameFault::Climbs => "leads out of the image with `..`",
        NameFault::Impossible => "is none that Linux takes",
    };
    let count = facts
        .entries
        .iter()
        .filter(|entry| entry.fault.is_some())
        .count();
    let more = match count - 1 {
        0 => String::new(),
        more => format!(", as {more} more"),
    };
    let message = format!("name `{}` in {name} {cause}{more}", shown(&bad.path));
    Some(
        Finding::error("container/entry-name", message).with_hint(
            "names in a layer are relative to the root: tar -C DIRECTORY -cf layer.tar .",
        ),
    )
}

fn lint_duplicates(name: &str, facts: &LayerFacts) -> Option<Finding> {
    let mut seen = BTreeSet::new();
    let twice: Vec<String> = facts
        .entries
        .iter()
        // Directories are named again by many tools, and names that are no Unicode look alike.
        .filter(|entry| entry.kind != EntryKind::Directory && !entry.path.contains('\u{fffd}'))
        .filter(|entry| entry.fault.is_none() && !seen.insert(entry.path.as_str()))
        .map(|entry| quoted(&entry.path))
        .collect();
    if twice.is_empty() {
        return None;
    }
    let message = format!(
        "{name} holds {} more than once: the last one stays",
        first_of(&twice)
    );
    Some(
        Finding::warning("container/duplicate-entry", message)
            .with_hint("leave out what is not meant"),
    )
}

/// Lambda unpacks no file whose directory has no entry before it in its layer (`MissingParentDirectory`):
/// <https://github.com/aspect-build/rules_aws/issues/103>, <https://github.com/aws/aws-lambda-web-adapter/issues/236> (2026-11).
/// Whether a directory of a layer below would do, no source says: that is a warning.
fn lint_parents(image: &ImageFacts) -> Vec<Finding> {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    let mut all_below_known = true;
    for (index, layer) in image.layers.iter().enumerate() {
        let Some(facts) = whole(layer) else {
            all_below_known = false;
            continue;
        };
        let mut here: BTreeSet<&str> = BTreeSet::new();
        let mut orphans = Vec::new();
        let mut is_error = false;
        for entry in facts.entries.iter().filter(|entry| entry.fault.is_none()) {
            if let Some(absent) = ancestors(&entry.path).find(|parent| !here.contains(parent)) {
                is_error |= all_below_known && !below.contains(absent);
                orphans.push(quoted(&entry.path));
            }
            if entry.kind == EntryKind::Directory {
                here.insert(&entry.path);
            }
        }
        if !orphans.is_empty() {
            findings.push(orphan(&name(index, layer), &orphans, is_error));
        }
        below.extend(here);
    }
    findings
}

fn orphan(name: &str, orphans: &[String], is_error: bool) -> Finding {
    let message = format!(
        "{name} has no entry for the directory before {}: Lambda refuses such a layer (MissingParentDirectory)",
        first_of(orphans)
    );
    let finding = if is_error {
        Finding::error("lambda/parent-directory", message)
    } else {
        let message = format!(
            "{name} has no entry for the directory before {}, which only a layer below may have",
            first_of(orphans)
        );
        Finding::warning("lambda/parent-directory", message)
    };
    finding.with_hint(
        "slsbuild image writes every directory before its files; so does tar -c of a directory",
    )
}

/// Lambda runs an image as a user of its own, who is nobody in it: what lies where functions lie must be readable for everyone.
/// <https://docs.aws.amazon.com/lambda/latest/dg/images-create.html> (2026-11)
fn lint_readable(image: &ImageFacts) -> Option<Finding> {
    let workdir = image.word("WorkingDir").trim_matches('/');
    let programs = image.programs.iter();
    let programs: Vec<&str> = programs
        .filter_map(|program| Some(program.found.as_ref()?.path.trim_start_matches('/')))
        .collect();
    let mut roots = vec![TASK_ROOT.trim_start_matches('/'), "opt", "var/runtime"];
    roots.extend(Some(workdir).filter(|workdir| !workdir.is_empty()));
    let is_below = |path: &str, root: &str| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let leads_to = |path: &str| {
        let mut ends = roots.iter().chain(&programs);
        ends.any(|end| is_below(end, path))
    };
    let unreadable = |(path, node): (&str, &Node)| {
        let below = roots.iter().any(|root| is_below(path, root));
        let lacks = match node.kind {
            NodeKind::Directory => (below || leads_to(path)) && node.mode & 0o001 == 0,
            // The mode of what is started has a rule of its own.
            NodeKind::File { .. } => below && node.mode & 0o004 == 0 && !programs.contains(&path),
            NodeKind::Symlink(_) | NodeKind::Special => false,
        };
        lacks.then(|| format!("{} ({:04o})", quoted(&format!("/{path}")), node.mode))
    };
    let unreadable: Vec<String> = image.rootfs.nodes().filter_map(unreadable).collect();
    if unreadable.is_empty() {
        return None;
    }
    let message = format!("Lambda's user may not read {}", first_of(&unreadable));
    Some(
        Finding::error("lambda/unreadable", message)
            .with_hint("chmod a+rX before they are copied; slsbuild image sets 0644 and 0755"),
    )
}

fn lint_size(image: &ImageFacts) -> Option<Finding> {
    let unpacked = image.unpacked();
    if unpacked <= UNPACKED_IMAGE_LIMIT {
        return None;
    }
    let mut layers: Vec<(u64, String)> = image
        .layers
        .iter()
        .enumerate()
        .filter_map(|(index, layer)| Some((layer.facts.as_ref()?.unpacked, name(index, layer))))
        .collect();
    layers.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let largest = layers
        .first()
        .map(|(size, name)| format!("; largest: {name}, {size} bytes"));
    let message = format!(
        "the layers have {unpacked} bytes unpacked, more than Lambda's {UNPACKED_IMAGE_LIMIT} ({}){}",
        Limit(UNPACKED_IMAGE_LIMIT),
        largest.unwrap_or_default()
    );
    Some(
        Finding::error("lambda/image-size", message)
            .with_hint("leave out what the function does not read, or mount it from EFS or S3"),
    )
}
