//! One function's binary into one artifact: inspect, strip, assemble, check, write. Shared by the verbs that build.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::artifact::zip::{self, Zip, ZipSettings};
use crate::binary::{self, Strip};
use crate::build::runtime;
use crate::check;
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::finding::Finding;
use crate::fs;
use crate::plan::{CPlan, Guidance, Plan, Step};
use crate::platform::lambda;
use crate::process::quote;
use crate::project::toolchain::CCompiler;
use crate::report::fresh::Record;
use crate::report::{Artifact, File, Next, PGO_PROFILE, Timings};
use crate::ui::Ui;

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

/// Makes the directories that the plan writes into, sweeps what killed runs left, and shows that they can be written,
/// before cargo spends minutes on what could not be kept.
///
/// # Errors
/// When a directory cannot be written.
pub fn prepare(plan: &Plan) -> Result<()> {
    let of_steps = plan
        .steps
        .iter()
        .flat_map(|step| [Some(step.directory.as_path()), step.artifact.parent()]);
    for directory in of_steps.flatten().chain([plan.root.as_path()]) {
        fs::create_dir_all(directory)
            .and_then(|()| fs::sweep(directory))
            .and_then(|()| fs::probe_writable(directory))
            .map_err(|cause| unwritable(directory, cause))?;
    }
    Ok(())
}

/// Makes the artifact of one step, unless the one on disk is the same already.
///
/// # Errors
/// [`crate::error::Error::Rejected`] when a rule or limit refuses it; the artifact on disk stays as it was.
pub fn pack(plan: &Plan, step: &Step, binary: &Path, compile: Duration, ui: Ui) -> Result<Packed> {
    let started = Instant::now();
    let bytes = fs::read(binary)?;
    let settings = ZipSettings {
        level: plan.level,
        modified: plan.modified,
        first: Some(lambda::BOOTSTRAP),
    };
    let toolchain = toolchain(plan, step);
    let fingerprint = fingerprint(plan, step, &bytes, &settings, &toolchain)?;
    let record = Record::load(&step.directory);
    let previous_size = record.as_ref().map(|record| record.artifact.size);
    let timings = |fresh| Timings {
        compile_ms: millis(compile),
        pack_ms: millis(started.elapsed()),
        fresh,
    };

    if let Some(record) = record
        && record.is_fresh(&fingerprint, &step.artifact)
        && holds(&step.directory.join(UNSTRIPPED), &bytes)
    {
        let path = fs::from_here(&step.artifact);
        let artifact = Artifact {
            next: next(step, &path),
            path,
            timings: timings(true),
            ..record.artifact
        };
        return Ok(Packed {
            artifact,
            previous_size,
        });
    }

    let (zip, findings) = assemble(plan, step, &bytes, &settings, ui)?;
    write(&step.directory.join(UNSTRIPPED), 0o755, &bytes)?;
    write(&step.artifact, 0o644, &zip.bytes)?;
    let artifact = describe(plan, step, &zip, findings, toolchain, timings(false));
    let record = Record {
        fingerprint,
        artifact,
    };
    record.save(&step.directory)?;
    Ok(Packed {
        artifact: record.artifact,
        previous_size,
    })
}

/// Whether a file holds exactly these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    fs::metadata(path).is_ok_and(|facts| facts.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|content| content == bytes)
}

/// Strips, checks and packs a binary, in memory: nothing that is refused touches the disk.
fn assemble(
    plan: &Plan,
    step: &Step,
    bytes: &[u8],
    settings: &ZipSettings<'_>,
    ui: Ui,
) -> Result<(Zip, Vec<Finding>)> {
    let stripped = binary::strip(bytes, plan.strip)?;
    let beside: Vec<&str> = step
        .includes
        .iter()
        .map(|include| include.name.as_str())
        .collect();
    let mut findings = check::binary(
        &stripped,
        &known_roots(plan),
        step.target.arch,
        plan.runtime,
        &beside,
        ui,
    )?;
    // What the user asked to keep is no finding.
    let kept = |rule: &str| match plan.strip {
        Strip::Symbols => false,
        Strip::Debuginfo => rule == "lambda/symbols",
        Strip::None => rule == "lambda/symbols" || rule == "lambda/debug-info",
    };
    findings.retain(|finding| !kept(&finding.rule));
    findings.extend(lint_unstripped(plan, step, bytes));
    lambda::refuse_unzipped_excess(stripped.len() as u64, &step.includes)?;
    let tree = lambda::assemble(stripped, &step.includes)?;
    let zip = zip::write(&tree, settings)?;
    lambda::refuse_excess(&zip)?;
    Ok((zip, findings))
}

/// What only the symbols of the unstripped binary tell.
fn lint_unstripped(plan: &Plan, step: &Step, bytes: &[u8]) -> Vec<Finding> {
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

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    Error::Unwritable {
        path: fs::from_here(path),
        cause,
    }
}

/// A digest of everything that decides the artifact's bytes and what is reported of it.
fn fingerprint(
    plan: &Plan,
    step: &Step,
    binary: &[u8],
    settings: &ZipSettings<'_>,
    toolchain: &BTreeMap<String, String>,
) -> Result<String> {
    let mut text = format!(
        "slsbuild {} binary {} {:?} {settings:?} {:?} {:?} {toolchain:?}\n",
        this_program(),
        Sha256::of(binary),
        plan.strip,
        plan.runtime,
        step.target,
    );
    for include in &step.includes {
        let digest = Sha256::of_reader(fs::File::open(&include.path)?)?;
        let _ = writeln!(text, "{:?} {} {digest}", include.name, include.executable);
    }
    Ok(Sha256::of(text.as_bytes()).to_string())
}

/// This very build of slsbuild: one of the same version may pack or judge differently while it is developed.
fn this_program() -> String {
    let facts = std::env::current_exe().and_then(fs::metadata).ok();
    let modified = facts.as_ref().and_then(|facts| facts.modified().ok());
    format!(
        "{} {:?} {modified:?}",
        env!("CARGO_PKG_VERSION"),
        facts.map(|facts| facts.len())
    )
}

fn describe(
    plan: &Plan,
    step: &Step,
    zip: &Zip,
    findings: Vec<Finding>,
    toolchain: BTreeMap<String, String>,
    timings: Timings,
) -> Artifact {
    let digest = Sha256::of(&zip.bytes);
    let size = zip.bytes.len() as u64;
    let path = fs::from_here(&step.artifact);
    let files = zip.entries.iter().map(|entry| File {
        name: entry.name.clone(),
        size: entry.size,
        compressed_size: entry.compressed,
    });
    Artifact {
        name: step.function.name.clone(),
        platform: "lambda".to_owned(),
        kind: "function".to_owned(),
        arch: step.target.arch.name().to_owned(),
        target: Some(step.target.triple().to_owned()),
        size,
        uncompressed_size: Some(zip.uncompressed_size()),
        sha256: digest.to_string(),
        code_sha256: Some(digest.base64()),
        runtime: Some(plan.runtime.name().to_owned()),
        handler: Some(lambda::BOOTSTRAP.to_owned()),
        files: files.collect(),
        limits: lambda::limits(size, zip.uncompressed_size()),
        budget: Vec::new(),
        findings,
        toolchain,
        timings,
        next: next(step, &path),
        path,
    }
}

/// What one does with the artifact next.
fn next(step: &Step, path: &Path) -> Vec<Next> {
    let path = quote(path.as_os_str());
    let name = quote(step.function.name.as_ref());
    let arch = step.target.arch.lambda_name();
    let line = |verb: &str, command: String| Next {
        verb: verb.to_owned(),
        command,
    };
    vec![
        line("run", format!("slsbuild invoke {path}")),
        line(
            "deploy",
            format!(
                "aws lambda update-function-code --function-name {name} --architectures {arch} --zip-file fileb://{path}"
            ),
        ),
    ]
}

/// What the artifact is made with, for the report.
fn toolchain(plan: &Plan, step: &Step) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("rustc".to_owned(), plan.rustc.version.clone()),
        ("profile".to_owned(), plan.profile.name.clone()),
    ]);
    facts.extend(
        plan.rustc
            .commit
            .clone()
            .map(|commit| ("rustc_commit".to_owned(), commit)),
    );
    for (key, value) in plan
        .profile
        .set
        .iter()
        .filter(|(key, _)| *key != "strip")
        .chain(&plan.profile.kept)
    {
        facts.insert((*key).to_owned(), value.trim_matches('"').to_owned());
    }
    if let Some(target) = plan.target(step.target) {
        facts.insert("linker".to_owned(), target.linker.to_string());
        facts.insert("target_cpu".to_owned(), target.cpu.name().to_owned());
        let option = plan.llvm_option(target);
        facts.extend(option.map(|option| ("llvm_args".to_owned(), option.to_owned())));
        let archive = target.runtime_archive.archive().map(runtime::version);
        facts.extend(archive.map(|version| ("runtime_archive".to_owned(), version)));
        if let Guidance::Profile(profile) = &target.guidance {
            facts.insert(PGO_PROFILE.to_owned(), profile.sha256.to_string());
        }
        let c_compiler = match &target.c_compiler {
            CPlan::Found(CCompiler::Zig(_)) => Some("zig".to_owned()),
            CPlan::Found(CCompiler::Gcc(_)) => Some("gcc".to_owned()),
            CPlan::User(variable) => Some(format!("{variable} (yours)")),
            CPlan::NotNeeded | CPlan::Unknown | CPlan::Missing(_) => None,
        };
        facts.extend(c_compiler.map(|compiler| ("c_compiler".to_owned(), compiler)));
    }
    facts
}

/// Directories of this machine that must not stand in the binary.
fn known_roots(plan: &Plan) -> Vec<&str> {
    plan.remapped
        .iter()
        .filter_map(|(path, _)| path.to_str())
        .collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
