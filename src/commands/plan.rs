//! `slsbuild plan`: what `build` or `zip` would do, and nothing touched.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::given;
use crate::build::{cargo, go, runtime};
use crate::cli::{Format, PlanArgs};
use crate::error::Result;
use crate::fs;
use crate::plan::{
    CPlan, CargoPlan, GoPlan, Group, Output, PgoPlan, Plan, Reason, RuntimePlan, TargetPlan, wishes,
};
use crate::project::Project;
use crate::project::graph::Touch;
use crate::project::toolchain::CCompiler;
use crate::settings::{Asked, Settings};
use crate::ui::{Ui, Verbosity};

/// Prints the plan of `build`, where the configuration names functions and no other is asked for, else of `zip`.
///
/// # Errors
/// For everything that would fail before cargo runs.
pub fn plan(arguments: &PlanArgs, format: Format, ui: Ui) -> Result<()> {
    let settings = Settings::resolve(&arguments.zip.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let asked = Asked::from(&arguments.zip);
    let is_of_build = wishes::is_of_build(&project, &arguments.functions, &asked);
    if !is_of_build {
        given::refuse_of_other_language(&arguments.zip, &arguments.functions)?;
    }
    let wishes = wishes::planned(&project, &settings, &arguments.functions, &asked, ui)?;
    let wishes = wishes::zips(wishes, &arguments.functions, ui)?;
    let output = if is_of_build {
        Output::tree(&project, &settings)?
    } else {
        Output::flat(&project, &settings)?
    };
    let plan = Plan::new(&wishes, &project, &output, &settings, Touch::Nothing, ui)?;
    plan.say_notes(ui);
    match format {
        Format::Human => ui.result(human(&plan).join("\n")),
        Format::Json => ui.result(format_args!("{:#}", json(&plan))),
    }
}

fn human(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for group in &plan.groups {
        match group {
            Group::Cargo(plan) => lines.extend(human_cargo(plan)),
            Group::Go(plan) => lines.extend(go_commands(plan)),
            Group::Ready(_) => {}
        }
    }
    for step in plan.steps() {
        let includes = match step.includes.len() {
            0 => String::new(),
            1 => " with 1 include".to_owned(),
            count => format!(" with {count} includes"),
        };
        lines.push(format!(
            "{} for {}{includes} -> {}",
            step.function.name,
            step.target,
            fs::from_here(&step.artifact).display()
        ));
    }
    lines
}

fn human_cargo(plan: &CargoPlan) -> Vec<String> {
    let mut lines = vec![format!(
        "rustc {} ({})",
        plan.rustc.version, plan.rustc.host
    )];
    for target in &plan.targets {
        if !target.installed {
            lines.push(format!("rustup target add {}", target.target));
        }
        lines.push(format!(
            "{}: for {}, linked by {}, C by {}, runtime archive: {}",
            target.target,
            target.cpu.name(),
            target.linker,
            c_compiler(target),
            runtime_archive(target)
        ));
    }
    lines.extend(plan.pgo.as_ref().map(pgo));
    lines.extend(commands(plan));
    lines
}

fn json(plan: &Plan) -> Value {
    let groups = plan.groups.iter().map(|group| match group {
        Group::Cargo(plan) => json_cargo(plan),
        Group::Go(plan) => json!({
            "builder": "go",
            "commands": go_commands(plan),
            "functions": plan.steps.iter().map(|step| &step.function.name).collect::<BTreeSet<_>>(),
        }),
        Group::Ready(plan) => json!({
            "builder": "none",
            "functions": plan.steps.iter().map(|step| &step.function.name).collect::<BTreeSet<_>>(),
        }),
    });
    json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "slsbuild": env!("CARGO_PKG_VERSION"),
        "groups": groups.collect::<Vec<_>>(),
        "artifacts": plan.steps().map(|step| json!({
            "name": step.function.name,
            "package": step.function.binary().map(|binary| &binary.package),
            "platform": "lambda",
            "kind": step.function.kind.name(),
            "arch": step.target.arch.name(),
            "target": step.function.binary().map(|_| step.target.triple()),
            "path": fs::from_here(&step.artifact),
            "includes": step.includes.iter().map(|include| &include.name).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn json_cargo(plan: &CargoPlan) -> Value {
    let profile_keys = |keys: &[(&'static str, String)]| -> serde_json::Map<String, Value> {
        keys.iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value.trim_matches('"'))))
            .collect()
    };
    json!({
        "builder": "cargo",
        "rustc": plan.rustc.version,
        "host": plan.rustc.host,
        "profile": {
            "name": plan.profile.name,
            "set": profile_keys(&plan.profile.set),
            "kept": profile_keys(&plan.profile.kept),
        },
        "pgo": plan.pgo.as_ref().map(pgo),
        "targets": plan.targets.iter().map(|target| json!({
            "target": target.target.triple(),
            "installed": target.installed,
            "linker": target.linker.to_string(),
            "c_compiler": c_compiler(target),
            "target_cpu": target.cpu.name(),
            "runtime_archive": target.runtime_archive.archive().map(runtime::version),
        })).collect::<Vec<_>>(),
        "commands": commands(plan),
        "functions": plan.steps.iter().map(|step| &step.function.name).collect::<BTreeSet<_>>(),
    })
}

fn commands(plan: &CargoPlan) -> Vec<String> {
    cargo::calls(plan, Verbosity::Normal)
        .iter()
        .map(|call| call.command.to_string())
        .collect()
}

fn go_commands(plan: &GoPlan) -> Vec<String> {
    let commands = go::commands(plan, Verbosity::Normal);
    commands.iter().map(ToString::to_string).collect()
}

fn pgo(pgo: &PgoPlan) -> String {
    match pgo {
        PgoPlan::Use(profile) => format!("guided by {}", profile.display()),
        PgoPlan::Train(training) => {
            let events = training.trainees.iter().map(|trainee| {
                let count = trainee.events.len();
                let plural = if count == 1 { "" } else { "s" };
                format!(
                    "{count} event{plural} for {} x {}",
                    trainee.function, training.repeat
                )
            });
            format!(
                "trained first, in a build of its own: {}",
                events.collect::<Vec<_>>().join(", ")
            )
        }
    }
}

fn runtime_archive(target: &TargetPlan) -> String {
    match &target.runtime_archive {
        RuntimePlan::Linked(archive) => archive.to_string(),
        RuntimePlan::Left(Reason::Glibc) => "none (glibc has its own)".to_owned(),
        RuntimePlan::Left(Reason::Unwanted) => "none (off)".to_owned(),
        RuntimePlan::Left(Reason::OwnLinker) => "none (your linker)".to_owned(),
        RuntimePlan::Left(Reason::OldRustc(version)) => {
            format!("none (rustc {version} is too old)")
        }
    }
}

fn c_compiler(target: &TargetPlan) -> String {
    match &target.c_compiler {
        CPlan::NotNeeded => "nobody (not needed)".to_owned(),
        CPlan::Unknown => "nobody knows yet (the dependencies are not resolved)".to_owned(),
        CPlan::User(variable) => format!("${variable}"),
        CPlan::Found(CCompiler::Zig(zig)) => format!("{} cc", zig.join(" ")),
        CPlan::Found(CCompiler::Gcc(gcc)) => gcc.display().to_string(),
        CPlan::Missing(_) => "nobody (missing)".to_owned(),
    }
}
