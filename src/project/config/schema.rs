//! The JSON Schema of the configuration, made from the keys of `table.rs`: editors complete and check with it.
//! `docs/slsbuild.schema.json` is what this makes, and a test compares them.

use serde_json::{Map, Value, json};

use super::keys::{Key, Slot};
use super::read::TABLES;
use super::table::{FUNCTION, KEYS};
use super::values::{ARCHES, MOST_REPEATS, Word, words};
use super::{Kind, Platform, checks};
use crate::artifact::oci::media_type::Compression;
use crate::binary::Strip;
use crate::project::{Allocator, Optimize, Panic};
use crate::target::Arch;
use crate::units::SIZE_UNITS;

/// The schema (<https://json-schema.org/draft-07>, which editors of TOML know).
pub fn schema() -> Value {
    let [(defaults, about_defaults), (functions, about_functions)] = TABLES;
    let mut function = properties(FUNCTION);
    function.extend(properties(KEYS));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "slsbuild.toml",
        "description": "How slsbuild builds the functions of a project. [workspace.metadata.slsbuild] and [package.metadata.slsbuild] of a Cargo.toml hold the same.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            defaults: described(table(&properties(KEYS)), about_defaults),
            functions: described(json!({
                "type": "object",
                "propertyNames": { "pattern": checks::NAME_PATTERN, "maxLength": checks::LONGEST_NAME },
                "additionalProperties": described(table(&function), "A function, an extension or a layer."),
            }), about_functions),
        },
    })
}

fn properties<T>(keys: &[Key<T>]) -> Map<String, Value> {
    keys.iter()
        .map(|key| {
            (
                key.leaf().to_owned(),
                described(shape(&key.slot), key.about),
            )
        })
        .collect()
}

fn described(mut schema: Value, about: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), about.into());
    }
    schema
}

fn table(properties: &Map<String, Value>) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties })
}

fn shape<T>(slot: &Slot<T>) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    match slot {
        Slot::Text(_) => text,
        Slot::Line(_) => json!({ "type": "string" }),
        Slot::Cpu(_) => json!({ "type": "string", "minLength": 1, "not": { "const": "native" } }),
        Slot::Flag(_) => json!({ "type": "boolean" }),
        Slot::Repeats(_) => json!({ "type": "integer", "minimum": 1, "maximum": MOST_REPEATS }),
        Slot::Size(_) => json!({ "type": "string", "pattern": size_pattern() }),
        Slot::Texts(_) | Slot::LocatedTexts(_) => json!({ "type": "array", "items": text }),
        Slot::Arches(_) => {
            let aliases = Arch::ALL.into_iter().flat_map(Arch::aliases);
            let names: Vec<&str> = ARCHES.into_iter().chain(aliases.copied()).collect();
            let arch = json!({ "type": "string", "enum": names });
            json!({ "anyOf": [arch, { "type": "array", "minItems": 1, "items": arch }] })
        }
        Slot::Includes(_) => {
            let from_to = json!({
                "type": "object",
                "additionalProperties": false,
                "required": ["from", "to"],
                "properties": {
                    "from": described(text.clone(), "A file, directory or glob, relative to the package's directory, else to this file's."),
                    "to": described(text.clone(), "Its place in the artifact."),
                },
            });
            json!({ "type": "array", "items": { "anyOf": [text, from_to] } })
        }
        Slot::Variables(_) => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[^=]+$" },
            "additionalProperties": { "type": "string" },
        }),
        Slot::Optimize(_) => one_of::<Optimize>(),
        Slot::Panic(_) => one_of::<Panic>(),
        Slot::Strip(_) => one_of::<Strip>(),
        Slot::Allocator(_) => one_of::<Allocator>(),
        Slot::Kind(_) => one_of::<Kind>(),
        Slot::Platform(_) => one_of::<Platform>(),
        Slot::Compression(_) => one_of::<Compression>(),
        Slot::Ports(_) => {
            let port = json!({ "type": "integer", "minimum": 1, "maximum": u16::MAX });
            json!({ "anyOf": [port, { "type": "array", "minItems": 1, "items": port }] })
        }
        Slot::Table(keys, _) => table(&properties(keys)),
    }
}

/// What a size looks like; that it fits 64 bits is the reader's to say.
fn size_pattern() -> String {
    let units = SIZE_UNITS.map(|(name, _)| name).join("|");
    format!(r"^\s*[0-9]+(\.[0-9]+)?\s*({units})\s*$")
}

fn one_of<W: Word>() -> Value {
    json!({ "type": "string", "enum": words::<W>() })
}

#[cfg(test)]
mod tests;
