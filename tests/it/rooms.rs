//! A room imports only from rooms below it: read from the `use` lines themselves.

use std::collections::BTreeMap;
use std::path::Path;

/// The rooms of `src/`, lowest first, as `docs/adr/0001-rooms.md` gives them. Rooms in one line share a floor.
const FLOORS: &[&[&str]] = &[
    &[
        "error",
        "fs",
        "digest",
        "calendar",
        "process",
        "interrupt",
        "ui",
        "units",
        "target",
        "threads",
        "finding",
    ],
    &["binary"],
    &["artifact"],
    &["registry"],
    &["project"],
    &["platform"],
    &["cli"],
    &["settings"],
    &["plan"],
    &["build"],
    &["check"],
    &["local"],
    &["report"],
    &["commands"],
];

#[test]
fn rooms_import_only_from_below() {
    let floors: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .flat_map(|(floor, rooms)| rooms.iter().map(move |room| (*room, floor)))
        .collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = 0;
    let mut wrong = Vec::new();
    for (room, file, text) in sources(&source) {
        if room == "lib" || room == "main" {
            continue;
        }
        let own = *floors
            .get(room.as_str())
            .unwrap_or_else(|| panic!("`{room}` has no floor"));
        for imported in imported_rooms(&text) {
            imports += 1;
            let below = floors
                .get(imported.as_str())
                .is_some_and(|floor| *floor <= own);
            if !below {
                wrong.push(format!(
                    "{file} imports `{imported}`, which is not below `{room}`"
                ));
            }
        }
    }
    assert!(
        imports > 1,
        "only {imports} imports were found: the reader of `use` lines is broken"
    );
    assert_eq!(wrong, Vec::<String>::new());
}

/// The first segment of each `crate::` path in `text`, its test module left out.
fn imported_rooms(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split(';').next().unwrap_or_default();
            let mut depth = 0;
            let mut name = String::new();
            for c in list.chars().chain([',']) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth <= 0 => {
                        let segment = name
                            .trim()
                            .split("::")
                            .next()
                            .unwrap_or_default()
                            .to_owned();
                        if !segment.is_empty() {
                            rooms.push(segment);
                        }
                        name.clear();
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 && c != '}' {
                    name.push(c);
                }
            }
        } else {
            rooms.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    rooms
}

/// Each file below `src/`: its room, its path and its text.
fn sources(directory: &Path) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_none_or(|extension| extension != "rs")
        {
            continue;
        }
        let relative = entry.path().strip_prefix(directory).unwrap();
        let first = relative
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let room = first.trim_end_matches(".rs").to_owned();
        let text = fs_err::read_to_string(entry.path()).unwrap();
        found.push((room, relative.display().to_string(), text));
    }
    found
}

#[test]
fn the_reader_of_use_lines_sees_every_form() {
    let text = "use crate::error::Result;\nuse crate::{fs, ui::{Ui, X}, local};\nfn f() { crate::plan::x() }\n";
    assert_eq!(imported_rooms(text), ["error", "fs", "ui", "local", "plan"]);
}
