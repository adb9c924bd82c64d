//! The schema against the reader: the same keys, and the same verdict on what each reads or refuses.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::tests::EXAMPLE;
use super::*;

fn committed() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/slsbuild.schema.json")
}

#[test]
fn the_committed_schema_is_the_codes() {
    let made = format!("{:#}\n", schema());
    if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
        fs_err::write(committed(), &made).unwrap();
    }
    let there = fs_err::read_to_string(committed()).unwrap_or_default();
    assert!(
        there == made,
        "docs/slsbuild.schema.json is not what the code makes; to write it: INSTA_UPDATE=always cargo test --lib config::schema"
    );
}

/// As much of JSON Schema as ours uses: what of `value` it does not allow.
fn violations(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().unwrap() {
        if !allows(keyword, rule, value, at) {
            found.push(format!("{at}: {keyword}"));
        }
        found.extend(violations_inside(schema, keyword, rule, value, at));
    }
    found
}

/// Whether a keyword allows the value, whatever is inside it.
fn allows(keyword: &str, rule: &Value, value: &Value, at: &str) -> bool {
    let number = |value: &Value| value.as_u64().unwrap();
    let text = || value.as_str().unwrap_or_default();
    match keyword {
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64(),
            other => panic!("type {other}"),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "const" => rule == value,
        "not" => !violations(rule, value, at).is_empty(),
        "anyOf" => {
            let mut any = rule.as_array().unwrap().iter();
            any.any(|one| violations(one, value, at).is_empty())
        }
        "pattern" => regex::Regex::new(rule.as_str().unwrap())
            .unwrap()
            .is_match(text()),
        "minLength" => text().len() as u64 >= number(rule),
        "maxLength" => text().len() as u64 <= number(rule),
        "minimum" => value.as_u64() >= rule.as_u64(),
        "maximum" => value.as_u64() <= rule.as_u64(),
        "minItems" => value
            .as_array()
            .is_none_or(|items| items.len() as u64 >= number(rule)),
        "required" => {
            let mut keys = rule.as_array().unwrap().iter();
            keys.all(|key| value.get(key.as_str().unwrap()).is_some())
        }
        "$schema"
        | "title"
        | "description"
        | "items"
        | "propertyNames"
        | "properties"
        | "additionalProperties" => true,
        other => panic!("keyword {other}"),
    }
}

fn violations_inside(
    schema: &Value,
    keyword: &str,
    rule: &Value,
    value: &Value,
    at: &str,
) -> Vec<String> {
    let entries = || value.as_object().into_iter().flatten();
    let named = |key: &str| {
        schema
            .get("properties")
            .is_some_and(|named| named.get(key).is_some())
    };
    match keyword {
        "items" => {
            let items = value.as_array().into_iter().flatten();
            items.flat_map(|item| violations(rule, item, at)).collect()
        }
        "propertyNames" => entries()
            .flat_map(|(key, _)| violations(rule, &json!(key), at))
            .collect(),
        "properties" => entries()
            .filter_map(|(key, value)| {
                Some(violations(rule.get(key)?, value, &format!("{at}.{key}")))
            })
            .flatten()
            .collect(),
        "additionalProperties" => entries()
            .filter(|(key, _)| !named(key))
            .flat_map(|(key, value)| match rule {
                Value::Bool(false) => vec![format!("{at}: unknown {key}")],
                rule => violations(rule, value, &format!("{at}.{key}")),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn judged(text: &str) -> Vec<String> {
    let value: toml::Value = toml::from_str(text).unwrap();
    violations(&schema(), &serde_json::to_value(value).unwrap(), "")
}

#[test]
fn the_schema_accepts_what_the_reader_reads() {
    assert_eq!(judged(EXAMPLE), Vec::<String>::new());
    assert_eq!(judged(""), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for text in [
        "arch = 'arm64'",
        "[defaults]\narch = []",
        "[defaults]\narch = 'arm'",
        "[defaults]\nbudget.zip = 2",
        "[defaults]\nbudget.zip = '2'",
        "[defaults]\nbudget.zip = '2 mb'",
        "[defaults]\npackage = 'x'",
        "[defaults]\ntarget-cpu = 'native'",
        "[defaults]\npgo.repeat = 0",
        "[defaults]\npgo.repeat = 100001",
        "[defaults]\nenv = { A = 1 }",
        "[defaults]\ninclude = [{ from = 'a' }]",
        "[defaults]\nall_features = true",
        "[functions.'a/b']\npackage = 'x'",
        "[functions.'.a']\npackage = 'x'",
        "[functions.'a.']\npackage = 'x'",
        "[functions.Report.JSON]\npackage = 'x'",
        "[functions.x]\nkind = 'layers'",
    ] {
        assert!(!judged(text).is_empty(), "{text}");
        let read = super::super::parse(text, Path::new("x"), Path::new("/"));
        assert!(read.is_err(), "{text}");
    }
}

/// Every table's keys in the schema, as paths from a function's table on.
fn paths(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{key}");
        assert!(
            inner["description"]
                .as_str()
                .is_some_and(|about| about.ends_with('.')),
            "{path}"
        );
        paths(inner, &format!("{path}."), found);
        found.insert(path);
    }
}

fn written(value: &toml::Table, prefix: &str, found: &mut BTreeSet<String>) {
    for (key, value) in value {
        found.insert(format!("{prefix}{key}"));
        let is_free = ["env", "label", "annotation"].contains(&key.as_str());
        if let (toml::Value::Table(inner), false) = (value, is_free) {
            written(inner, &format!("{prefix}{key}."), found);
        }
    }
}

#[test]
fn schema_reader_and_example_have_the_same_keys() {
    let schema = schema();
    let mut of_schema = BTreeSet::new();
    paths(
        &schema["properties"]["functions"]["additionalProperties"],
        "",
        &mut of_schema,
    );
    let example: toml::Table = EXAMPLE.parse().unwrap();
    let mut of_example = BTreeSet::new();
    written(example["defaults"].as_table().unwrap(), "", &mut of_example);
    for function in example["functions"].as_table().unwrap().values() {
        written(function.as_table().unwrap(), "", &mut of_example);
    }
    // The reader reads the example, so it knows these; and it names all that it knows.
    assert_eq!(of_schema, of_example);
    let error = super::super::parse("[functions.x]\nq = 1", Path::new("x"), Path::new("/"));
    let hint = error.unwrap_err().hint().unwrap();
    let known = hint
        .trim_start_matches("known here: ")
        .split(", ")
        .map(str::to_owned);
    let top: BTreeSet<String> = of_schema
        .into_iter()
        .filter(|path| !path.contains('.'))
        .collect();
    assert_eq!(known.collect::<BTreeSet<String>>(), top);
}
