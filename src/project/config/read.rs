//! A text becomes a section: `slsbuild.toml` as a whole, or the tables below `metadata` of a Cargo.toml. Which keys
//! there are is `table.rs`'s, what they may say together `checks.rs`'s.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::cargo_lambda::{self, CargoLambda};
use super::document::{Document, Entry, Node, entries, quoted};
use super::keys;
use super::table::{FUNCTION, KEYS};
use super::{FunctionTable, Keys, Located, Section, checks};
use crate::error::{Error, Result};

/// The tables of a section.
pub(super) const TABLES: [(&str, &str); 2] = [
    (
        "defaults",
        "What holds for every function that does not say otherwise.",
    ),
    (
        "functions",
        "The functions by their names. Where this table is, nothing else is built.",
    ),
];

/// What a Cargo.toml says to slsbuild.
#[derive(Clone, Debug, Default)]
pub struct ManifestSections {
    /// `[workspace.metadata.slsbuild]`, and where it begins.
    pub workspace: Option<Located<Section>>,
    /// `[package.metadata.slsbuild]`, and where it begins.
    pub package: Option<Located<Section>>,
    /// `[package.metadata.lambda.build]`, where the package has no section of ours.
    pub cargo_lambda: Option<CargoLambda>,
}

/// Where a section stands: its file's directory, and the package whose own it is.
#[derive(Clone, Copy, Debug)]
struct Home<'a> {
    shown: &'a Path,
    directory: &'a Path,
    package: Option<&'a str>,
}

/// Reads a `slsbuild.toml`. `shown` is its path in messages, `directory` what its paths are relative to.
///
/// # Errors
/// [`Error::Config`] at the first thing that cannot be meant.
pub fn parse(text: &str, shown: &Path, directory: &Path) -> Result<Section> {
    let document = Document::new(text, shown);
    let root = document.parse()?;
    let home = Home {
        shown,
        directory,
        package: None,
    };
    let value = Spanned::new(root.span(), DeValue::Table(root.into_inner()));
    let node = Node {
        document: &document,
        name: "slsbuild.toml",
        value: &value,
    };
    section(node, home)
}

/// Reads the sections of a Cargo.toml. `package` is the name of its package, if it has one. What else is in the
/// manifest is cargo's to judge.
///
/// # Errors
/// As for [`parse`].
pub fn parse_manifest(
    text: &str,
    shown: &Path,
    directory: &Path,
    package: Option<&str>,
) -> Result<ManifestSections> {
    let document = Document::new(text, shown);
    let root = document.parse()?;
    let ours = |owner: &str, name, package| {
        let Some((offset, value)) = descend(root.get_ref(), &[owner, "metadata", "slsbuild"])
        else {
            return Ok::<_, Error>(None);
        };
        let node = Node {
            document: &document,
            name,
            value,
        };
        let home = Home {
            shown,
            directory,
            package,
        };
        let value = section(node, home)?;
        let place = document.place(offset);
        Ok(Some(Located { value, place }))
    };
    let workspace = ours("workspace", "workspace.metadata.slsbuild", None)?;
    let package = ours("package", "package.metadata.slsbuild", package)?;
    let theirs = descend(root.get_ref(), &["package", "metadata", "lambda", "build"]);
    let cargo_lambda = match (&package, theirs) {
        (None, Some((offset, value))) => {
            let node = Node {
                document: &document,
                name: "package.metadata.lambda.build",
                value,
            };
            Some(cargo_lambda::read(node, document.place(offset))?)
        }
        (Some(_), _) | (None, None) => None,
    };
    Ok(ManifestSections {
        workspace,
        package,
        cargo_lambda,
    })
}

/// The value at a path of keys, and where its last key stands.
fn descend<'d>(table: &'d DeTable<'d>, path: &[&str]) -> Option<(usize, &'d Spanned<DeValue<'d>>)> {
    let (first, rest) = path.split_first()?;
    let (key, value) = table.get_key_value(*first)?;
    if rest.is_empty() {
        Some((key.span().start, value))
    } else {
        descend(value.get_ref().as_table()?, rest)
    }
}

fn section(node: Node<'_>, home: Home<'_>) -> Result<Section> {
    let mut section = Section {
        file: home.shown.to_owned(),
        directory: home.directory.to_owned(),
        package: home.package.map(str::to_owned),
        defaults: Keys::default(),
        functions: Vec::new(),
        declares_functions: false,
    };
    for entry in entries(node.table("{ }")?) {
        let inner = |name| Node {
            document: node.document,
            name,
            value: entry.value,
        };
        match entry.key {
            "defaults" => section.defaults = defaults(inner("defaults"))?,
            "functions" => {
                section.functions = functions(inner("functions"), home.package)?;
                section.declares_functions = true;
            }
            _ => return Err(unknown_table(node, entry)),
        }
    }
    Ok(section)
}

/// A key at the top that belongs below `[defaults]` is told so.
fn unknown_table(node: Node<'_>, entry: Entry<'_>) -> Error {
    let of = format!("`{}`", node.name);
    if keys::find(KEYS, entry.key).is_none() {
        return keys::unknown(node, entry, &of, &TABLES.map(|(name, _)| name));
    }
    let message = format!("`{}` stands in no table of {of}", entry.key);
    let hint = "put it below [defaults], or below [functions.NAME] for one function".to_owned();
    node.document.error(entry.offset, message, Some(hint))
}

fn defaults(node: Node<'_>) -> Result<Keys> {
    let mut defaults = Keys::default();
    for entry in entries(node.table("{ arch = [\"arm64\"] }")?) {
        let Some(key) = keys::find(KEYS, entry.key) else {
            if keys::find(FUNCTION, entry.key).is_some() {
                let message = format!("`{}` is no default: it is one function's", entry.key);
                let hint = "put it below [functions.NAME]".to_owned();
                return Err(node.document.error(entry.offset, message, Some(hint)));
            }
            return Err(keys::unknown(
                node,
                entry,
                "`[defaults]`",
                &keys::leaves(KEYS),
            ));
        };
        key.read_entry(node, entry, &mut defaults, &mut Vec::new())?;
    }
    checks::together(&defaults)?;
    Ok(defaults)
}

fn functions(node: Node<'_>, package: Option<&str>) -> Result<Vec<FunctionTable>> {
    let mut functions: Vec<FunctionTable> = Vec::new();
    for entry in entries(node.table("{ orders = { package = \"orders\" } }")?) {
        let name = Located {
            value: entry.key.to_owned(),
            place: node.document.place(entry.offset),
        };
        checks::name(&name)?;
        functions.push(function(node, entry, name, package)?);
    }
    let names: Vec<_> = functions.iter().map(|function| &function.name).collect();
    checks::twins(&names)?;
    Ok(functions)
}

fn function(
    node: Node<'_>,
    entry: Entry<'_>,
    name: Located<String>,
    package: Option<&str>,
) -> Result<FunctionTable> {
    let title = format!("functions.{}", entry.key);
    let node = Node {
        document: node.document,
        name: &title,
        value: entry.value,
    };
    let mut table = FunctionTable {
        name,
        package: None,
        bin: None,
        go: None,
        binary: None,
        kind: None,
        internal: None,
        keys: Keys::default(),
    };
    let mut written = Vec::new();
    for entry in entries(node.table(&format!("{{ package = \"{}\" }}", entry.key))?) {
        if let Some(key) = keys::find(FUNCTION, entry.key) {
            key.read_entry(node, entry, &mut table, &mut written)?;
        } else if let Some(key) = keys::find(KEYS, entry.key) {
            key.read_entry(node, entry, &mut table.keys, &mut written)?;
        } else {
            let known = [keys::leaves(FUNCTION), keys::leaves(KEYS)].concat();
            let of = quoted(&format!("[{title}]"));
            return Err(keys::unknown(node, entry, &of, &known));
        }
    }
    checks::together(&table.keys)?;
    checks::function(&table, package, node.document, &written)?;
    Ok(table)
}
