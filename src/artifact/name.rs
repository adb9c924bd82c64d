//! Which names a file may have inside an artifact. One rule for what we write, what users ask for with
//! `--include`, and what is unpacked from archives of any origin.

/// The longest name that a zip's 16-bit length field holds.
const LONGEST_NAME: usize = 65_535;

/// Says why `name` cannot be the name of a file inside an artifact.
///
/// What passes is a relative path of plain components divided by `/`, the same on every system: joined to a
/// directory it stays below it.
pub fn check(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > LONGEST_NAME {
        return Err("it is longer than 65,535 bytes");
    }
    if name.starts_with('/') {
        return Err("it is absolute");
    }
    if name.contains('\\') {
        return Err("it holds a backslash");
    }
    if name.contains(char::is_control) {
        return Err("it holds a control character");
    }
    if has_drive(name) {
        return Err("it opens with a drive letter");
    }
    for component in name.split('/') {
        match component {
            "" => return Err("it holds an empty component"),
            "." => return Err("it holds a `.` component"),
            ".." => return Err("it holds a `..` component"),
            _ => {}
        }
    }
    Ok(())
}

/// The directories that `name` lies in, outermost first: `a`, `a/b` for `a/b/c`.
pub fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/')
        .filter_map(|(at, _)| name.get(..at))
        .filter(|ancestor| !ancestor.is_empty())
}

/// Whether Windows would read the beginning of `path` as a drive: a single letter before a colon.
pub fn has_drive(path: &str) -> bool {
    let mut characters = path.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic()) && characters.next() == Some(':')
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_relative_paths_pass() {
        for name in [
            "bootstrap",
            "a/b/c.txt",
            ".env",
            "..a/b..",
            "größe",
            "a b",
            "ab:c",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        assert_eq!(check(&"n".repeat(LONGEST_NAME)), Ok(()));
    }

    #[test]
    fn all_else_is_refused() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a//b",
            "a/",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{9b}m",
            "C:/x",
            "c:x",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
        assert!(check(&"n".repeat(LONGEST_NAME + 1)).is_err());
    }

    #[test]
    fn ancestors_are_outermost_first() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(ancestors("a").count(), 0);
    }

    proptest! {
        #[test]
        fn what_passes_stays_below_the_directory_it_is_joined_to(name in "[./a\\\\:C\u{e9} -]{0,12}") {
            if check(&name).is_ok() {
                let components: Vec<_> = Path::new(&name).components().collect();
                prop_assert!(components.iter().all(|c| matches!(c, Component::Normal(_))));
                prop_assert_eq!(components.len(), name.split('/').count());
            }
        }
    }
}
