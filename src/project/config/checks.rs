//! What keys may say together: names, sources, kinds, and which key is for which. One value alone is `values.rs`'s.

use std::collections::BTreeMap;

use super::document::{Document, error_at, quoted};
use super::keys::{For, Written};
use super::table::KEYS;
use super::{FunctionTable, Keys, Kind, Located, Place};
use crate::error::{Error, Result};
use crate::project::{self, Function};

/// The longest name: a directory and, with an arch and an ending behind it, a file.
pub(super) const LONGEST_NAME: usize = 128;

/// The names that [`name`] allows, as the schema says it; the taken ones are the reader's to refuse.
pub(super) const NAME_PATTERN: &str = "^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$";

/// Names that slsbuild's own directory has a use for.
const TAKEN: [&str; 3] = ["report.json", "tools", "pgo"];

/// What a function is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Rust,
    Go,
    Binary,
    Files,
}

/// What decides which keys are for a function.
#[derive(Clone, Copy, Debug)]
struct What {
    kind: Kind,
    source: Source,
    internal: bool,
}

impl Keys {
    /// Those of the keys that are for a function: what `[defaults]` say of others does not hold for it.
    #[must_use]
    pub fn fitting(&self, function: &Function) -> Self {
        let what = What {
            kind: function.kind,
            source: match function.source {
                project::Source::Rust(_) => Source::Rust,
                project::Source::Go(_) => Source::Go,
                project::Source::Ready(_) => Source::Binary,
                project::Source::Files => Source::Files,
            },
            internal: function.internal,
        };
        let mut fitting = self.clone();
        for key in KEYS.iter().filter(|key| !fits(key.of, what)) {
            key.slot.clear(&mut fitting);
        }
        fitting
    }
}

/// Refuses a name that cannot be a directory of artifacts or a file in a layer.
pub fn name(name: &Located<String>) -> Result<()> {
    let text = name.value.as_str();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let cause = if !text.chars().all(legal) {
        "has characters other than letters, digits, `-`, `_` and `.`".to_owned()
    } else if text.is_empty() || text.starts_with(['.', '-']) {
        "begins with neither a letter, a digit nor `_`".to_owned()
    } else if text.ends_with('.') {
        "ends with `.`".to_owned()
    } else if text.len() > LONGEST_NAME {
        format!("is longer than {LONGEST_NAME} characters")
    } else if TAKEN.iter().any(|taken| text.eq_ignore_ascii_case(taken)) {
        "is a name that slsbuild's own directory has a use for".to_owned()
    } else {
        return Ok(());
    };
    let message = if text.is_empty() {
        "a function's name is empty".to_owned()
    } else {
        format!("function {} {cause}", quoted(text))
    };
    let hint = "rename it: [functions.orders]".to_owned();
    Err(error_at(&name.place, message, Some(hint)))
}

/// Refuses two names that are one path, there or on a file system that does not tell upper from lower case.
pub(super) fn twins(names: &[&Located<String>]) -> Result<()> {
    let mut seen: BTreeMap<String, &Located<String>> = BTreeMap::new();
    for name in names {
        let Some(first) = seen.insert(name.value.to_ascii_lowercase(), name) else {
            continue;
        };
        let message = if first.value == name.value {
            format!(
                "function `{}` is declared at `{}` already",
                name.value, first.place
            )
        } else {
            format!(
                "functions `{}` and `{}` of `{}` write one path where file names have no case",
                name.value, first.value, first.place
            )
        };
        return Err(error_at(
            &name.place,
            message,
            Some("rename one of them".to_owned()),
        ));
    }
    Ok(())
}

/// Refuses keys that contradict each other in one table.
pub(super) fn together(keys: &Keys) -> Result<()> {
    if let (Some(events), Some(profile)) = (&keys.pgo_events, &keys.pgo_profile) {
        let second = later(&events.place, &profile.place);
        return Err(error_at(
            second,
            "`pgo.events` and `pgo.profile` are both given: a profile is made from events, or there already".to_owned(),
            Some("keep one of them".to_owned()),
        ));
    }
    Ok(())
}

/// Refuses a function whose sources, kind and keys do not fit together. `package` is the one whose own section it is in.
pub(super) fn function(
    table: &FunctionTable,
    package: Option<&str>,
    document: &Document<'_>,
    written: &[Written],
) -> Result<()> {
    let kind = table
        .kind
        .as_ref()
        .map(|kind| kind.value)
        .unwrap_or_default();
    let source = source(table, kind, package)?;
    if let Some(internal) = &table.internal
        && kind != Kind::Extension
    {
        return Err(error_at(
            &internal.place,
            "`internal` is for `kind = \"extension\"`".to_owned(),
            Some("kind = \"extension\"".to_owned()),
        ));
    }
    let internal = table.internal.as_ref();
    let what = What {
        kind,
        source,
        internal: internal.is_some_and(|internal| internal.value),
    };
    match written.iter().find(|written| !fits(written.of, what)) {
        Some(written) => Err(misplaced(&table.name.value, document, *written, what)),
        None => Ok(()),
    }
}

fn source(table: &FunctionTable, kind: Kind, package: Option<&str>) -> Result<Source> {
    let rust = table.package.as_ref().or(table.bin.as_ref());
    let rust_key = if table.package.is_some() {
        "package"
    } else {
        "bin"
    };
    let given: Vec<(&str, &Place, Source)> = [
        (rust_key, rust, Source::Rust),
        ("go", table.go.as_ref(), Source::Go),
        ("binary", table.binary.as_ref(), Source::Binary),
    ]
    .into_iter()
    .filter_map(|(key, text, source)| Some((key, &text?.place, source)))
    .collect();
    let name = &table.name;
    match (kind, given.as_slice()) {
        (_, [one, two, ..]) => {
            let (first, second) = if later(one.1, two.1) == two.1 {
                (one, two)
            } else {
                (two, one)
            };
            let message = format!(
                "function `{}` has two sources: `{}` and `{}`",
                name.value, first.0, second.0
            );
            Err(error_at(
                second.1,
                message,
                Some("keep one of them".to_owned()),
            ))
        }
        (Kind::Layer, [(key, place, _)]) => Err(error_at(
            place,
            format!(
                "layer `{}` has the source `{key}`, but is made of its `include` alone",
                name.value
            ),
            Some("an executable in a layer is an extension: kind = \"extension\"".to_owned()),
        )),
        (Kind::Layer, []) => match &table.keys.include {
            Some(include) if !include.value.is_empty() => Ok(Source::Files),
            _ => Err(error_at(
                &name.place,
                format!(
                    "layer `{}` has no `include`, which is all that it is made of",
                    name.value
                ),
                Some("include = [\"layer/**\"]".to_owned()),
            )),
        },
        (Kind::Function | Kind::Extension, [(_, _, source)]) => Ok(*source),
        (Kind::Function | Kind::Extension, []) if package.is_some() => Ok(Source::Rust),
        (Kind::Function | Kind::Extension, []) => Err(sourceless(table, kind)),
    }
}

fn sourceless(table: &FunctionTable, kind: Kind) -> Error {
    let name = &table.name.value;
    let whom = match kind {
        Kind::Function => "function",
        Kind::Extension => "extension",
        Kind::Layer => "layer",
    };
    let layer = if table.keys.include.is_some() {
        "; files alone are a layer: kind = \"layer\""
    } else {
        ""
    };
    error_at(
        &table.name.place,
        format!("{whom} `{name}` has no source"),
        Some(format!(
            "package = \"{name}\" for Rust, go = \"./cmd/{name}\" for Go, or binary = \"dist/{name}\" for what is built already{layer}"
        )),
    )
}

fn fits(of: For, what: What) -> bool {
    let source = what.source;
    match of {
        For::All => true,
        For::Rust => source == Source::Rust,
        For::Go => source == Source::Go,
        For::RustOrBinary => matches!(source, Source::Rust | Source::Binary),
        For::Program => source != Source::Files,
        For::Function => what.kind == Kind::Function,
        For::Artifact => !what.internal,
    }
}

fn misplaced(name: &str, document: &Document<'_>, written: Written, what: What) -> Error {
    let whom = match written.of {
        For::All => "all",
        For::Rust => "Rust",
        For::Go => "Go",
        For::RustOrBinary => "Rust and ready binaries",
        For::Program => "what is run",
        For::Function => "functions",
        For::Artifact => "what has a zip of its own",
    };
    let source = what.source;
    let is = match (what.kind, source) {
        _ if written.of == For::Artifact => "is an internal extension",
        (Kind::Extension, _) if written.of == For::Function => "is an extension",
        (_, Source::Rust) => "is built from Rust",
        (_, Source::Go) => "is built from Go",
        (_, Source::Binary) => "is built already",
        (_, Source::Files) => "is a layer of files",
    };
    let hint = match (written.name, source) {
        _ if written.of == For::Artifact => "put it below the function that packs it",
        ("features", Source::Go) => "build tags are what Go has: tags = [\"netgo\"]",
        _ => "remove it, or put it below [defaults], where it holds for those that it is for",
    };
    let message = format!("`{}` is for {whom}, and `{name}` {is}", written.name);
    document.error(written.offset, message, Some(hint.to_owned()))
}

fn later<'a>(one: &'a Place, two: &'a Place) -> &'a Place {
    if (one.line, one.column) > (two.line, two.column) {
        one
    } else {
        two
    }
}
