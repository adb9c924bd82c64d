//! One step's binary into one artifact: inspect, strip, assemble, check, write. Shared by the verbs that build.

mod describe;
mod fingerprint;
mod made;
mod written;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::artifact::FileTree;
use crate::artifact::zip::ZipSettings;
use crate::binary::{self, Strip};
use crate::check;
use crate::error::Result;
use crate::finding::Finding;
use crate::fs::{self, unwritable};
use crate::plan::{CargoLambdaFiles, CargoPlan, Form, Group, Guidance, Plan, Step};
use crate::platform::lambda;
use crate::project::OUTPUT_BESIDE;
use crate::project::config::Kind;
use crate::report::digests::Digests;
use crate::report::fresh::Record;
use crate::report::{Artifact, Timings};
use crate::ui::Ui;

pub(super) use describe::toolchain;
pub(super) use fingerprint::this_program;
use made::Made;
use written::Written;

/// The unstripped binary beside the artifact, for debuggers and for attributing its size.
const UNSTRIPPED: &str = "bootstrap.unstripped";

/// An artifact that is on disk.
#[derive(Debug)]
pub struct Packed {
    /// What it is.
    pub artifact: Artifact,
    /// The size it had before this run, in bytes.
    pub previous_size: Option<u64>,
}

/// What one artifact is made of.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Those that it was compiled with.
    pub group: &'a Group,
    /// The artifact.
    pub step: &'a Step,
    /// Its binary, if it has one.
    pub binary: Option<PathBuf>,
    /// The internal extensions that are packed with it, by name.
    pub extensions: Vec<(String, PathBuf)>,
    /// What its layers hold together, in bytes.
    pub layers: u64,
    /// How long compiling took.
    pub compile: Duration,
}

/// Makes the directories that the plan writes into, sweeps what killed runs left, and shows that they can be written,
/// before a compiler spends minutes on what could not be kept.
///
/// # Errors
/// When a directory cannot be written.
pub fn prepare(plan: &Plan) -> Result<()> {
    let of_steps = plan.steps().flat_map(|step| {
        let also = step.also.as_ref().map(CargoLambdaFiles::directory);
        [
            Some(step.directory.as_path()),
            Some(step.destination()),
            also,
        ]
    });
    // A step's artifact mostly lies beside its own files: each directory is looked at once.
    let directories: BTreeSet<&Path> = of_steps.flatten().chain([plan.root.as_path()]).collect();
    for directory in directories {
        fs::create_dir_all(directory)
            .and_then(|()| fs::sweep(directory))
            .and_then(|()| fs::probe_writable(directory))
            .map_err(|cause| unwritable(directory, cause))?;
    }
    // Cargo's target directory has one of cargo's own.
    if plan.root.ends_with(OUTPUT_BESIDE) {
        let path = plan.root.join(".gitignore");
        fs::write_if_changed(&path, 0o644, b"*\n").map_err(|cause| unwritable(&path, cause))?;
    }
    Ok(())
}

/// Makes one artifact, unless the one on disk is the same already.
///
/// # Errors
/// [`crate::error::Error::Rejected`] when a rule, limit or budget refuses it; the artifact on disk stays as it was.
pub fn pack(parts: &Parts<'_>, ui: Ui) -> Result<Packed> {
    let started = Instant::now();
    let step = parts.step;
    let settings = ZipSettings {
        level: step.packing.level,
        modified: step.packing.modified,
        first: Some(lambda::BOOTSTRAP),
    };
    let toolchain = describe::toolchain(parts.group, step);
    let of_record = step.directory.join(record_name(step.form));
    let record = Record::load(&of_record);
    let previous_size = record.as_ref().map(|record| record.artifact.size);
    let mut digests = Digests::new(record.as_ref().map_or(&[], |record| &record.known));
    let fingerprint = fingerprint::fingerprint(parts, &settings, &toolchain, &mut digests)?;
    let timings = |fresh| timings(parts.compile, started, fresh);

    if let Some(record) = record
        && is_fresh(&record, &fingerprint, parts, &mut digests)?
    {
        let record = remembering(record, digests, &of_record)?;
        let path = fs::from_here(&step.artifact);
        let artifact = Artifact {
            next: describe::next(step, &path),
            path: Some(path),
            timings: timings(true),
            ..record.artifact
        };
        return Ok(Packed {
            artifact,
            previous_size,
        });
    }

    let content = Content::read(parts)?;
    let (made, findings) = assemble(parts, &content, &settings, ui)?;
    if let Some(bytes) = &content.binary {
        keep_unstripped(step, bytes)?;
    }
    made.write(step)?;
    let timings = timings(false);
    let artifact = describe::describe(step, &made, parts.layers, findings, toolchain, timings);
    let record = Record {
        fingerprint,
        artifact,
        known: digests.known(),
    };
    record.save(&of_record)?;
    Ok(Packed {
        artifact: record.artifact,
        previous_size,
    })
}

/// How long compiling took, and packing since `started`.
pub(super) fn timings(compile: Duration, started: Instant, fresh: bool) -> Timings {
    Timings {
        compile_ms: millis(compile),
        pack_ms: millis(started.elapsed()),
        fresh,
    }
}

/// The record with what is known of its files now, so that the next run need not read them.
fn remembering(mut record: Record, digests: Digests, of_record: &Path) -> Result<Record> {
    let known = digests.known();
    if known != record.known {
        record.known = known;
        record.save(of_record)?;
    }
    Ok(record)
}

/// The record of a zip and that of a directory stand beside each other.
fn record_name(form: Form) -> &'static str {
    match form {
        Form::Zip => "record.json",
        Form::Directory | Form::Files => "record-dir.json",
        Form::Image => "record-image.json",
    }
}

/// Whether what is on disk is what the record speaks of, and all that it should be.
fn is_fresh(
    record: &Record,
    fingerprint: &str,
    parts: &Parts<'_>,
    digests: &mut Digests,
) -> Result<bool> {
    let step = parts.step;
    if let Some(binary) = &parts.binary {
        let unstripped = step.directory.join(UNSTRIPPED);
        let kept = unstripped.is_file().then(|| digests.of(&unstripped));
        if kept.transpose()? != Some(digests.of(binary)?) {
            return Ok(false);
        }
    }
    let modified = step.packing.modified.system_time();
    let is_same = match step.form {
        Form::Zip => return Ok(record.is_fresh(fingerprint, &step.artifact, digests)),
        Form::Directory | Form::Files | Form::Image => {
            record.is_fresh_directory(fingerprint, &step.artifact, modified)
        }
    };
    if !is_same {
        return Ok(false);
    }
    let files = &record.artifact.files;
    if step.form == Form::Files {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        return Ok(Written::open(step)?.holds(&names));
    }
    let on_disk = walkdir::WalkDir::new(&step.artifact).min_depth(1);
    Ok(on_disk.into_iter().count() == files.len())
}

/// What was compiled, as it came from the compiler.
struct Content {
    binary: Option<Vec<u8>>,
    extensions: Vec<(String, Vec<u8>)>,
}

impl Content {
    fn read(parts: &Parts<'_>) -> Result<Self> {
        let extensions = parts.extensions.iter();
        Ok(Self {
            binary: parts.binary.as_ref().map(fs::read).transpose()?,
            extensions: extensions
                .map(|(name, path)| Ok((name.clone(), fs::read(path)?)))
                .collect::<Result<_>>()?,
        })
    }
}

/// Strips, checks and packs, in memory: nothing that is refused touches the disk.
fn assemble(
    parts: &Parts<'_>,
    content: &Content,
    settings: &ZipSettings<'_>,
    ui: Ui,
) -> Result<(Made, Vec<Finding>)> {
    let step = parts.step;
    let mut findings = Vec::new();
    let stripped = match &content.binary {
        Some(bytes) => Some(inspected(parts, bytes, &mut findings, ui)?),
        None => None,
    };
    let size = stripped.as_ref().map_or(0, |bytes| bytes.len() as u64);
    lambda::refuse_unzipped_excess(size, &step.includes)?;
    let mut extensions = Vec::new();
    for (name, bytes) in &content.extensions {
        let stripped = binary::strip(bytes, step.packing.strip)?;
        findings.extend(held_against_rules(parts, name, &stripped, ui)?);
        extensions.push((name.clone(), stripped));
    }
    let tree = tree(step, stripped, extensions)?;
    let made = Made::of(tree, step, settings, parts.layers)?;
    Ok((made, findings))
}

/// Keeps the unstripped binary beside the artifact.
///
/// # Errors
/// When it cannot be written.
pub(super) fn keep_unstripped(step: &Step, bytes: &[u8]) -> Result<()> {
    write(&step.directory.join(UNSTRIPPED), 0o755, bytes)
}

/// The stripped binary, after it was held against Lambda's rules.
///
/// # Errors
/// [`crate::error::Error::Rejected`] or [`crate::error::Error::Findings`] when Lambda could not start it.
pub(super) fn inspected(
    parts: &Parts<'_>,
    bytes: &[u8],
    findings: &mut Vec<Finding>,
    ui: Ui,
) -> Result<Vec<u8>> {
    let step = parts.step;
    let strip = step.packing.strip;
    let stripped = binary::strip(bytes, strip)?;
    let name = step.program().unwrap_or_default();
    findings.extend(held_against_rules(parts, &name, &stripped, ui)?);
    if let Group::Cargo(plan) = parts.group {
        findings.extend(lint_unstripped(plan, step, bytes));
    }
    Ok(stripped)
}

/// What the platform's rules find in a program of this name in the artifact, without what the user asked to keep.
fn held_against_rules(
    parts: &Parts<'_>,
    name: &str,
    stripped: &[u8],
    ui: Ui,
) -> Result<Vec<Finding>> {
    let step = parts.step;
    let strip = step.packing.strip;
    let includes = step.includes.iter();
    let beside: Vec<&str> = includes.map(|include| include.name.as_str()).collect();
    let mut found = check::binary(
        name,
        stripped,
        &known_roots(parts.group),
        step.target.arch,
        step.packing.runtime,
        &beside,
        ui,
    )?;
    // What the user asked to keep is no finding.
    let kept = |rule: &str| match strip {
        Strip::Symbols => false,
        Strip::Debuginfo => rule == "lambda/symbols",
        Strip::None => rule == "lambda/symbols" || rule == "lambda/debug-info",
    };
    found.retain(|finding| !kept(&finding.rule));
    Ok(found)
}

/// The layout of an artifact of this kind.
fn tree(
    step: &Step,
    binary: Option<Vec<u8>>,
    extensions: Vec<(String, Vec<u8>)>,
) -> Result<FileTree> {
    let name = &step.function.name;
    match (step.function.kind, binary) {
        (Kind::Function, Some(binary)) => lambda::assemble_with(binary, &step.includes, extensions),
        (Kind::Extension, Some(binary)) => lambda::assemble_extension(name, binary, &step.includes),
        (Kind::Layer | Kind::Function | Kind::Extension, _) => {
            lambda::assemble_layer(&step.includes)
        }
    }
}

/// What only the symbols of the unstripped binary tell.
fn lint_unstripped(plan: &CargoPlan, step: &Step, bytes: &[u8]) -> Vec<Finding> {
    let (name, mut findings) = (&step.function.name, Vec::new());
    let Some(target) = plan.target(step.target) else {
        return findings;
    };
    if let Some(archive) = target.runtime_archive.archive() {
        findings.extend(check::runtime_archive(name, bytes, archive));
    }
    if let Guidance::Profile(profile) = &target.guidance
        && let Some(functions) = &profile.functions
    {
        findings.extend(check::profile_fit(name, bytes, functions));
    }
    findings
}

fn write(path: &Path, mode: u32, content: &[u8]) -> Result<()> {
    fs::write_atomic(path, mode, |file| file.write_all(content))
        .map_err(|cause| unwritable(path, cause))
}

/// Directories of this machine that must not stand in the binary.
fn known_roots(group: &Group) -> Vec<&str> {
    match group {
        Group::Cargo(plan) => {
            let prefixes = plan.remapped.iter();
            prefixes.filter_map(|(path, _)| path.to_str()).collect()
        }
        Group::Go(_) | Group::Ready(_) => Vec::new(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
