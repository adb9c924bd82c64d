//! Which types the known fields of a configuration have.

use serde_json::{Map, Value};

use super::super::Digest;

/// Says which known field is not what it has to be. One that is null counts as absent, as Go's readers take it.
pub(super) fn wrong_field(fields: &Map<String, Value>) -> Option<String> {
    type Check = fn(&Value) -> bool;
    let is_list: Check = |value| {
        let list = value.as_array();
        list.is_some_and(|list| list.iter().all(Value::is_string))
    };
    let is_table: Check = |value| {
        let table = value.as_object();
        table.is_some_and(|table| table.values().all(Value::is_string))
    };
    let is_digests: Check = |value| {
        let digest = |id: &Value| id.as_str().is_some_and(|id| Digest::parse(id).is_ok());
        value.as_array().is_some_and(|ids| ids.iter().all(digest))
    };
    let is_history: Check = |value| {
        let entries = value.as_array();
        entries.is_some_and(|entries| entries.iter().all(Value::is_object))
    };
    let known: [(&str, &str, &str, Check); 14] = [
        ("", "architecture", "text", Value::is_string),
        ("", "os", "text", Value::is_string),
        ("", "config", "an object", Value::is_object),
        ("", "rootfs", "an object", Value::is_object),
        ("", "history", "a list of objects", is_history),
        ("rootfs", "diff_ids", "a list of sha256 digests", is_digests),
        ("config", "Entrypoint", "a list of texts", is_list),
        ("config", "Cmd", "a list of texts", is_list),
        ("config", "Env", "a list of texts", is_list),
        ("config", "WorkingDir", "text", Value::is_string),
        ("config", "User", "text", Value::is_string),
        ("config", "Labels", "an object of texts", is_table),
        ("config", "ExposedPorts", "an object", Value::is_object),
        ("config", "Volumes", "an object", Value::is_object),
    ];
    known.into_iter().find_map(|(place, key, kind, is_right)| {
        let value = match place {
            "" => fields.get(key),
            place => fields.get(place).and_then(|inner| inner.get(key)),
        };
        let value = value.filter(|value| !value.is_null())?;
        let dot = if place.is_empty() { "" } else { "." };
        (!is_right(value)).then(|| format!("`{place}{dot}{key}` is not {kind}"))
    })
}
