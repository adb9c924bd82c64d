//! What is reported of an artifact: its facts, what it was made with, and what one does with it next.

use std::collections::BTreeMap;
use std::path::Path;

use super::made::Made;
use crate::build::runtime;
use crate::check;
use crate::finding::Finding;
use crate::fs;
use crate::plan::{CPlan, CargoPlan, Form, GoPlan, Group, Guidance, Step};
use crate::platform::lambda;
use crate::process::quote;
use crate::project::Source;
use crate::project::config::Kind;
use crate::project::toolchain::CCompiler;
use crate::report::{Artifact, File, Next, PGO_PROFILE, Timings};

/// The report of an artifact that was just made.
pub(super) fn describe(
    step: &Step,
    made: &Made,
    layers: u64,
    findings: Vec<Finding>,
    toolchain: BTreeMap<String, String>,
    timings: Timings,
) -> Artifact {
    let is_function = step.function.kind == Kind::Function;
    let digest = made.digest();
    let size = made.zipped().unwrap_or_else(|| made.uncompressed_size());
    let path = fs::from_here(&step.artifact);
    let files = made.entries().iter().map(|entry| File {
        name: entry.name.clone(),
        size: entry.size,
        compressed_size: entry.compressed,
    });
    Artifact {
        name: step.function.name.clone(),
        platform: "lambda".to_owned(),
        kind: step.function.kind.name().to_owned(),
        arch: step.target.arch.name().to_owned(),
        target: target(step),
        size,
        uncompressed_size: Some(made.uncompressed_size()),
        sha256: digest.to_string(),
        code_sha256: made.zipped().map(|_| digest.base64()),
        runtime: is_function.then(|| step.packing.runtime.name().to_owned()),
        handler: is_function.then(|| lambda::BOOTSTRAP.to_owned()),
        files: files.collect(),
        limits: made.limits(layers),
        budget: check::budget_use(step.packing.budget, made.zipped(), made.entries()),
        findings,
        toolchain,
        timings,
        next: next(step, &path),
        path: Some(path),
        digest: None,
        pushed: Vec::new(),
    }
}

/// What one does with the artifact next.
pub(super) fn next(step: &Step, path: &Path) -> Vec<Next> {
    let path = quote(path.as_os_str());
    let name = quote(step.function.name.as_ref());
    let arch = step.target.arch.lambda_name();
    let line = |verb: &str, command: String| Next {
        verb: verb.to_owned(),
        command,
    };
    let run = line("run", format!("slsbuild invoke {path}"));
    match step.function.kind {
        // A directory is deployed by the tool that asked for it.
        Kind::Function if step.form != Form::Zip => vec![run],
        Kind::Extension | Kind::Layer if step.form != Form::Zip => Vec::new(),
        Kind::Function => vec![
            run,
            line(
                "deploy",
                format!(
                    "aws lambda update-function-code --function-name {name} --architectures {arch} --zip-file fileb://{path}"
                ),
            ),
        ],
        Kind::Extension | Kind::Layer => vec![line(
            "deploy",
            format!(
                "aws lambda publish-layer-version --layer-name {name} --compatible-architectures {arch} --zip-file fileb://{path}"
            ),
        )],
    }
}

/// The triple of Rust code.
fn target(step: &Step) -> Option<String> {
    match step.function.source {
        Source::Rust(_) => Some(step.target.triple().to_owned()),
        Source::Go(_) | Source::Ready(_) | Source::Files => None,
    }
}

/// What an artifact is made with.
pub(in crate::commands) fn toolchain(group: &Group, step: &Step) -> BTreeMap<String, String> {
    match group {
        Group::Cargo(plan) => cargo_toolchain(plan, step),
        Group::Go(plan) => go_toolchain(plan, step),
        Group::Ready(_) => BTreeMap::new(),
    }
}

fn go_toolchain(plan: &GoPlan, step: &Step) -> BTreeMap<String, String> {
    let mut steps = plan.steps.iter().zip(&plan.packages);
    let of_step = |(other, _): &(&Step, _)| other.function.name == step.function.name;
    let Some((_, (package, options))) = steps.find(of_step) else {
        return BTreeMap::new();
    };
    let (name, value) = GoPlan::level(package, step);
    let mut facts = BTreeMap::from([
        ("go".to_owned(), package.go.version.clone()),
        (name.to_lowercase(), value.to_owned()),
        (
            "flags".to_owned(),
            package.go.build_flags(options).join(" "),
        ),
    ]);
    let profile = package.profile.as_ref().map(|_| "default.pgo".to_owned());
    facts.extend(profile.map(|profile| ("profile".to_owned(), profile)));
    facts
}

fn cargo_toolchain(plan: &CargoPlan, step: &Step) -> BTreeMap<String, String> {
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
