//! Values as TOML that the reader of the configuration takes: keys, strings, sizes and paths. Which values there are is
//! `config.rs`'s.

use std::path::Path;

use serde_json::Value;

use crate::project::lexical;
use crate::units::SIZE_UNITS;

/// A key, in quotes where TOML wants them.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A value on one line.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Object(table) => {
            let entries = table
                .iter()
                .map(|(name, inner)| format!("{} = {}", key(name), self::value(inner)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            let entries: Vec<String> = list.iter().map(self::value).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::String(text) => string(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A basic string: JSON's escapes are TOML's, which wants one for DEL too.
fn string(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.replace('\u{7f}', "\\u007f")
}

/// A size in the largest unit that it is a whole number of.
pub(super) fn size(bytes: u64) -> String {
    let exact = SIZE_UNITS
        .iter()
        .filter(|(_, factor)| bytes.is_multiple_of(*factor) && bytes >= *factor)
        // `KB` comes behind `kB`, and is less of a name for it.
        .rev()
        .max_by_key(|(_, factor)| *factor);
    match exact {
        Some((unit, factor)) => string(&format!("{} {unit}", bytes / factor)),
        None => string(&format!("{bytes} B")),
    }
}

/// A path as a file in `directory` writes it: relative below it, absolute elsewhere.
pub(super) fn path(path: &Path, directory: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = lexical(&path);
    let shown = path.strip_prefix(directory).unwrap_or(&path);
    if shown.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        shown.to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::project::config;

    proptest::proptest! {
        #[test]
        fn what_is_printed_is_read_as_the_same(
            name in "[A-Za-z0-9_]([A-Za-z0-9_.-]{0,9}[A-Za-z0-9_-])?",
            variables in proptest::collection::btree_map("[^=\\p{Cc}]{1,9}", "[^\0]{0,19}", 1..4),
            ldflags in "[^\\p{Cc}]{0,29}",
            bytes in 1..u64::MAX,
            millions in 1..1_000_000_u64,
        ) {
            proptest::prop_assume!(!["report.json", "tools", "pgo"].contains(&name.to_ascii_lowercase().as_str()));
            let env = serde_json::to_value(&variables).unwrap();
            let text = format!(
                "[functions.{}]\ngo = \".\"\nenv = {}\nldflags = {}\nbudget.zip = {}\nbudget.unzipped = {}\n",
                key(&name), value(&env), value(&ldflags.clone().into()), size(bytes), size(millions * 1_000_000)
            );
            let read = config::parse(&text, Path::new("x"), Path::new("/")).unwrap();
            let function = &read.functions[0];
            proptest::prop_assert_eq!(&function.name.value, &name);
            let keys = &function.keys;
            proptest::prop_assert_eq!(&keys.env.as_ref().unwrap().value, &BTreeMap::from_iter(variables));
            proptest::prop_assert_eq!(&keys.ldflags.as_ref().unwrap().value, &ldflags);
            proptest::prop_assert_eq!(keys.budget_zip.as_ref().unwrap().value, bytes);
            proptest::prop_assert_eq!(keys.budget_unzipped.as_ref().unwrap().value, millions * 1_000_000);
        }
    }

    #[test]
    fn a_size_is_written_in_its_largest_unit() {
        let sizes = [1, 1500, 2000, 2_000_000, 6 << 20, 2_000_001].map(size);
        assert_eq!(
            sizes.join(" "),
            "\"1 B\" \"1500 B\" \"2 kB\" \"2 MB\" \"6 MiB\" \"2000001 B\""
        );
    }

    #[test]
    fn a_path_is_relative_to_its_file() {
        let here = Path::new("/project");
        assert_eq!(path(here, here), ".");
        assert_eq!(path(Path::new("/project/a/../cmd"), here), "cmd");
        assert_eq!(path(Path::new("/else"), here), "/else");
    }
}
