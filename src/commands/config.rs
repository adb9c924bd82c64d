//! `slsbuild config`: what holds for each function after flags, environment and files are merged, and where each value is
//! said.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cli::{Format, PlanArgs};
use crate::error::Result;
use crate::fs;
use crate::plan::{Wish, wishes};
use crate::project::config::Kind;
use crate::project::{Allocator, Optimize, Panic, Project, Source};
use crate::settings::{Asked, FunctionSettings, Origin, Pgo, Settings};
use crate::ui::Ui;

/// Prints the merged settings of each function.
///
/// # Errors
/// For everything that a file says and that cannot be meant.
pub fn config(arguments: &PlanArgs, format: Format, ui: Ui) -> Result<()> {
    let settings = Settings::resolve(&arguments.zip.build)?;
    let project = Project::load(&settings.cargo, settings.config.as_deref(), ui)?;
    let asked = Asked::from(&arguments.zip);
    let wishes = wishes::planned(&project, &settings, &arguments.functions, &asked, ui)?;
    let wanted: Vec<&Wish> = wishes.iter().filter(|wish| wish.wanted).collect();
    match format {
        Format::Human => ui.result(human(&wanted).join("\n")),
        Format::Json => ui.result(format_args!("{:#}", document(&wanted))),
    }
}

/// One function's settings as TOML that could stand in a file, each with its origin.
fn human(wanted: &[&Wish]) -> Vec<String> {
    let mut lines = Vec::new();
    for wish in wanted {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("[functions.{}]", wish.function.name));
        let values = values(wish);
        let width = values
            .iter()
            .map(|(key, value)| key.len() + value.to_string().len());
        let width = width.max().unwrap_or_default().min(60) + 3;
        for (key, value) in values {
            let line = format!("{key} = {}", toml(&value));
            lines.push(format!("{line:width$}  # {}", origin(&wish.settings, key)));
        }
    }
    lines
}

fn document(wanted: &[&Wish]) -> Value {
    let functions = wanted.iter().map(|wish| {
        let values = values(wish);
        let settings: BTreeMap<&str, Value> = values
            .into_iter()
            .map(|(key, value)| {
                let origin = origin(&wish.settings, key);
                (key, json!({ "value": value, "origin": origin }))
            })
            .collect();
        json!({ "name": wish.function.name, "settings": settings })
    });
    json!({
        "schema_version": crate::report::SCHEMA_VERSION,
        "slsbuild": env!("CARGO_PKG_VERSION"),
        "functions": functions.collect::<Vec<_>>(),
    })
}

/// Where the value of a key came from.
fn origin(settings: &FunctionSettings, key: &str) -> String {
    match settings.origins.get(key) {
        Some(Origin::Flag) => "flag".to_owned(),
        Some(Origin::Environment) => "environment".to_owned(),
        Some(Origin::Function(place)) => place.to_string(),
        Some(Origin::Defaults(place)) => format!("{place} (defaults)"),
        None if SOURCE_KEYS.contains(&key) => "the project".to_owned(),
        None => "built in".to_owned(),
    }
}

/// Keys that say what a function is, rather than what holds for it.
const SOURCE_KEYS: [&str; 6] = ["package", "bin", "go", "binary", "kind", "internal"];

/// What holds for a function, by the keys of the configuration.
fn values(wish: &Wish) -> Vec<(&'static str, Value)> {
    let mut values = source(wish);
    values.extend(packing(&wish.settings));
    match wish.function.source {
        Source::Rust(_) => values.extend(compile(&wish.settings)),
        Source::Go(_) => values.extend([
            ("tags", json!(wish.settings.go_tags)),
            ("ldflags", json!(wish.settings.go_ldflags)),
        ]),
        Source::Ready(_) | Source::Files => {}
    }
    values.retain(|(_, value)| !matches!(value, Value::Null));
    values
}

fn source(wish: &Wish) -> Vec<(&'static str, Value)> {
    let mut values = match &wish.function.source {
        Source::Rust(binary) => vec![
            ("package", json!(binary.package)),
            ("bin", json!(binary.name)),
        ],
        Source::Go(directory) => vec![("go", json!(fs::from_here(directory)))],
        Source::Ready(path) => vec![("binary", json!(fs::from_here(path)))],
        Source::Files => Vec::new(),
    };
    if wish.function.kind != Kind::Function {
        values.push(("kind", json!(wish.function.kind.name())));
    }
    if wish.function.internal {
        values.push(("internal", json!(true)));
    }
    values
}

fn packing(settings: &FunctionSettings) -> Vec<(&'static str, Value)> {
    let mut arches: Vec<&str> = settings
        .targets
        .iter()
        .map(|target| target.arch.name())
        .collect();
    arches.dedup();
    let includes = settings
        .includes
        .iter()
        .map(|wanted| wanted.include.to_string());
    let names = |list: &[crate::project::config::Located<String>]| -> Value {
        json!(list.iter().map(|one| &one.value).collect::<Vec<_>>())
    };
    let some = |list: Value| match list.as_array() {
        Some(list) if list.is_empty() => Value::Null,
        _ => list,
    };
    vec![
        ("arch", json!(arches)),
        ("runtime", json!(settings.compile.runtime.name())),
        ("include", some(json!(includes.collect::<Vec<_>>()))),
        ("layers", some(names(&settings.layers))),
        ("extensions", some(names(&settings.extensions))),
        ("budget.zip", json!(settings.budget.zip)),
        ("budget.unzipped", json!(settings.budget.unzipped)),
        (
            "strip",
            json!(
                settings
                    .strip
                    .map(|strip| format!("{strip:?}").to_lowercase())
            ),
        ),
        (
            "env",
            if settings.environment.is_empty() {
                Value::Null
            } else {
                json!(settings.environment)
            },
        ),
    ]
}

fn compile(settings: &FunctionSettings) -> Vec<(&'static str, Value)> {
    let compile = &settings.compile;
    let features = &compile.features;
    let yes = |set: bool| if set { json!(true) } else { Value::Null };
    let (events, profile) = match &compile.pgo {
        Some(Pgo::Train { events, .. }) => (json!(events), Value::Null),
        Some(Pgo::Use(profile)) => (Value::Null, json!(profile)),
        None => (Value::Null, Value::Null),
    };
    vec![
        ("profile", json!(compile.profile)),
        (
            "features",
            if features.names.is_empty() {
                Value::Null
            } else {
                json!(features.names)
            },
        ),
        ("all-features", yes(features.all)),
        ("no-default-features", yes(features.no_default)),
        (
            "optimize",
            json!(compile.optimize.map(|aim| match aim {
                Optimize::Size => "size",
                Optimize::Balanced => "balanced",
                Optimize::Speed => "speed",
            })),
        ),
        (
            "panic",
            json!(compile.panic.map(|panic| match panic {
                Panic::Unwind => "unwind",
                Panic::Abort => "abort",
            })),
        ),
        ("target-cpu", json!(compile.target_cpu)),
        (
            "allocator",
            json!(match compile.allocator {
                Allocator::Dlmalloc => "dlmalloc",
                Allocator::System => "system",
            }),
        ),
        ("runtime-archive", json!(compile.runtime_archive)),
        ("pgo.events", events),
        ("pgo.profile", profile),
    ]
}

/// A value as TOML writes it.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key} = {value}"));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            let entries: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("[{}]", entries.join(", "))
        }
        other => other.to_string(),
    }
}
