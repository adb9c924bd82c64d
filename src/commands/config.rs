//! `slsbuild config`: what holds for each function after flags, environment and files are merged, and where each value is
//! said.

mod written;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::artifact::oci::media_type::Compression;
use crate::cli::{Format, PlanArgs};
use crate::error::Result;
use crate::plan::{Wish, wishes};
use crate::project::config::{Include, Kind};
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
    let directory = &project.directory;
    match format {
        Format::Human => ui.result(human(&wanted, directory).join("\n")),
        Format::Json => ui.result(format_args!("{:#}", document(&wanted, directory))),
    }
}

/// The functions' settings as TOML that could stand in a file of `directory`, each with its origin.
fn human(wanted: &[&Wish], directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for wish in wanted {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("[functions.{}]", written::key(&wish.function.name)));
        let entries: Vec<(&str, String)> = values(wish, directory)
            .iter()
            .map(|(key, value)| (*key, format!("{key} = {}", entry(key, value))))
            .collect();
        let width = entries.iter().map(|(_, line)| line.chars().count());
        let width = width.max().unwrap_or_default().min(60);
        for (key, line) in entries {
            let origin = origin(&wish.settings, key).replace(char::is_control, " ");
            lines.push(format!("{line:width$}  # {origin}"));
        }
    }
    lines
}

/// The value of a key; sizes have their unit in a file, and are bytes in JSON.
fn entry(key: &str, value: &Value) -> String {
    match value.as_u64() {
        Some(bytes) if key.starts_with("budget.") => written::size(bytes),
        Some(_) | None => written::value(value),
    }
}

fn document(wanted: &[&Wish], directory: &Path) -> Value {
    let functions = wanted.iter().map(|wish| {
        let values = values(wish, directory);
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
fn values(wish: &Wish, directory: &Path) -> Vec<(&'static str, Value)> {
    let mut values = source(wish, directory);
    values.extend(packing(&wish.settings));
    values.extend(image(&wish.settings));
    match wish.function.source {
        Source::Rust(_) => values.extend(compile(&wish.settings, directory)),
        Source::Go(_) => values.extend([
            ("tags", json!(wish.settings.go_tags)),
            ("ldflags", json!(wish.settings.go_ldflags)),
        ]),
        Source::Ready(_) | Source::Files => {}
    }
    // A flag says it of all, and in a file it is for these alone.
    let is_stripped = matches!(wish.function.source, Source::Rust(_) | Source::Ready(_));
    values.retain(|(key, value)| !matches!(value, Value::Null) && (is_stripped || *key != "strip"));
    values
}

fn source(wish: &Wish, directory: &Path) -> Vec<(&'static str, Value)> {
    let mut values = match &wish.function.source {
        Source::Rust(binary) => vec![
            ("package", json!(binary.package)),
            ("bin", json!(binary.name)),
        ],
        Source::Go(package) => vec![("go", json!(written::path(package, directory)))],
        Source::Ready(path) => vec![("binary", json!(written::path(path, directory)))],
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
        .map(|wanted| match &wanted.include {
            Include::Path(path) => json!(path),
            Include::FromTo { from, to } => json!({ "from": from, "to": to }),
        });
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

/// What is said of images; what is not said is the platform's and the base's.
fn image(settings: &FunctionSettings) -> Vec<(&'static str, Value)> {
    let image = &settings.image;
    let list = |list: &[String]| {
        if list.is_empty() {
            Value::Null
        } else {
            json!(list)
        }
    };
    let table = |table: &BTreeMap<String, String>| {
        if table.is_empty() {
            Value::Null
        } else {
            json!(table)
        }
    };
    let is_said = settings.origins.contains_key("platform");
    vec![
        (
            "platform",
            if is_said {
                json!(settings.platform.name())
            } else {
                Value::Null
            },
        ),
        ("budget.image", json!(settings.budget.image)),
        ("image.base", json!(image.base)),
        (
            "image.compression",
            json!(image.compression.map(Compression::name)),
        ),
        ("image.user", json!(image.user)),
        ("image.workdir", json!(image.workdir)),
        (
            "image.port",
            if image.ports.is_empty() {
                Value::Null
            } else {
                json!(image.ports)
            },
        ),
        ("image.entrypoint", list(&image.entrypoint)),
        ("image.cmd", list(&image.cmd)),
        ("image.tag", list(&image.tags)),
        ("image.label", table(&image.labels)),
        ("image.annotation", table(&image.annotations)),
        ("image.allow", list(&image.allow)),
    ]
}

fn compile(settings: &FunctionSettings, directory: &Path) -> Vec<(&'static str, Value)> {
    let compile = &settings.compile;
    let features = &compile.features;
    let yes = |set: bool| if set { json!(true) } else { Value::Null };
    let (events, repeat, profile) = match &compile.pgo {
        Some(Pgo::Train { events, repeat, .. }) => {
            let events = events.iter().map(|path| written::path(path, directory));
            let events = json!(events.collect::<Vec<_>>());
            (events, json!(repeat), Value::Null)
        }
        Some(Pgo::Use(profile)) => {
            let profile = json!(written::path(profile, directory));
            (Value::Null, Value::Null, profile)
        }
        None => (Value::Null, Value::Null, Value::Null),
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
        ("pgo.repeat", repeat),
        ("pgo.profile", profile),
    ]
}
