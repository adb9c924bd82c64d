//! Absolute paths of a build machine that were left in a binary. They differ from machine to machine, so they
//! break "same source, same bytes", and they tell strangers who built it where.

use std::collections::BTreeSet;

use memchr::memmem::find_iter;

/// As many as a reader looks at.
const MOST_REPORTED: usize = 5;

/// Longer than any path of a source file; what goes on is other text.
const LONGEST_PATH: usize = 400;

/// Endings of the files whose paths compilers leave behind.
const SOURCES: [&str; 8] = ["rs", "go", "c", "cc", "cpp", "h", "hpp", "s"];

/// The paths in `bytes` that lie below one of `roots`, which are absolute: at most five, sorted.
pub fn build_paths(bytes: &[u8], roots: &[&str]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for root in roots.iter().map(|root| root.trim_end_matches('/')) {
        if !root.starts_with('/') {
            continue;
        }
        for start in find_iter(bytes, &format!("{root}/")) {
            if found.len() == MOST_REPORTED {
                return found.into_iter().collect();
            }
            if is_beginning(bytes, start, root) {
                found.insert(path_at(bytes, start));
            }
        }
    }
    found.into_iter().collect()
}

/// Source paths below a home directory or a cargo home, whoever's it was.
pub(super) fn guess(bytes: &[u8]) -> Vec<String> {
    let homes = ["/home/", "/Users/", "/root/"]
        .into_iter()
        .flat_map(|home| {
            find_iter(bytes, home).filter(move |start| is_beginning(bytes, *start, home))
        });
    let registries = find_iter(bytes, "/.cargo/registry/src/")
        .filter_map(|middle| beginning_before(bytes, middle));
    let mut found = BTreeSet::new();
    for start in homes.chain(registries) {
        let path = path_at(bytes, start);
        if is_source(&path) {
            found.insert(path);
        }
        if found.len() == MOST_REPORTED {
            break;
        }
    }
    found.into_iter().collect()
}

/// Whether a path really begins at `start`: `library/src/` does not lie below a root `/src`.
///
/// Rust's strings follow each other without a terminator, so a letter before the path proves nothing unless the
/// root is a single, common word.
fn is_beginning(bytes: &[u8], start: usize, root: &str) -> bool {
    let before = run_before(bytes, start);
    let follows_a_path = before.ends_with(b".rs");
    let single_word = root.trim_matches('/').split('/').count() == 1;
    before.is_empty() || follows_a_path || !(single_word || before.contains(&b'/'))
}

/// The first slash of the path that reaches over `middle`; `None` for a relative path.
fn beginning_before(bytes: &[u8], middle: usize) -> Option<usize> {
    let run = run_before(bytes, middle);
    let finished = run.windows(4).rposition(|window| window == b".rs/");
    let own = run.get(finished.map_or(0, |at| at + 3)..)?;
    if own.is_empty() {
        return Some(middle);
    }
    let slash = own.iter().position(|byte| *byte == b'/')?;
    middle.checked_sub(own.len() - slash)
}

/// The characters of a path that stand directly before `end`.
fn run_before(bytes: &[u8], end: usize) -> &[u8] {
    let window = bytes
        .get(end.saturating_sub(LONGEST_PATH)..end)
        .unwrap_or_default();
    let length = window
        .iter()
        .rev()
        .take_while(|byte| is_path_byte(**byte))
        .count();
    window.get(window.len() - length..).unwrap_or_default()
}

/// The path that begins at `start`: it ends with its source file's ending, or where no path goes on.
fn path_at(bytes: &[u8], start: usize) -> String {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest
        .iter()
        .take(LONGEST_PATH)
        .take_while(|byte| is_path_byte(**byte))
        .count();
    let run = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
    match run.find(".rs") {
        Some(at) => run.get(..at + 3).unwrap_or_default().to_owned(),
        None => run,
    }
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+@~".contains(&byte)
}

fn is_source(path: &str) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, ending)| SOURCES.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_known_roots_are_found_once_and_whole() {
        let bytes = b"panicked/work/shop/src/main.rsinvalid/work/shop/src/main.rs\0/work/shop/x y";
        assert_eq!(
            build_paths(bytes, &["/work/shop", "relative", ""]),
            ["/work/shop/src/main.rs", "/work/shop/x"]
        );
        assert_eq!(build_paths(bytes, &["/elsewhere"]), Vec::<String>::new());
    }

    #[test]
    fn a_short_root_does_not_match_inside_other_paths() {
        let bytes = b"library/core/src/fmt.rs\0/rustc/abc/src/lib.rs\0/src/main.rs";
        assert_eq!(build_paths(bytes, &["/src"]), ["/src/main.rs"]);
    }

    #[test]
    fn no_more_than_five_are_reported() {
        let bytes: Vec<u8> = (0..9)
            .flat_map(|n| format!("/build/a/{n}.rs\0").into_bytes())
            .collect();
        assert_eq!(build_paths(&bytes, &["/build/a"]).len(), 5);
    }

    #[test]
    fn homes_and_cargo_homes_are_guessed_and_other_text_is_not() {
        let bytes = b"text/home/ann/shop/src/a.rsnext\0/opt/.cargo/registry/src/x/b.rs\0\
            /home/ann/.config\0see /root/ or .cargo/registry/src/c.rs\0/root/go/d.go\0";
        assert_eq!(
            guess(bytes),
            ["/opt/.cargo/registry/src/x/b.rs", "/root/go/d.go"]
        );
        assert_eq!(
            guess(b"\0/home/ann/shop/src/a.rsnext"),
            ["/home/ann/shop/src/a.rs"]
        );
    }
}
