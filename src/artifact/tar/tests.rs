use std::io::Cursor;

use proptest::prelude::*;

use super::header::OCTAL_END;
use super::*;
use crate::digest::Sha256;

fn tree(files: &[(&str, &[u8], bool)]) -> FileTree {
    let mut tree = FileTree::new();
    for (name, content, executable) in files {
        let content = Content::Bytes(content.to_vec());
        tree.insert(name, content, *executable).unwrap();
    }
    tree
}

pub(super) fn sample() -> (FileTree, BTreeMap<String, Directory>) {
    let tree = tree(&[
        ("app/server", &[7; 1500], true),
        ("etc/größe", b"x", false),
        ("empty", b"", false),
    ]);
    let tmp = Directory {
        mode: 0o1777,
        owner: 0,
    };
    let home = Directory {
        mode: 0o700,
        owner: 65532,
    };
    let directories = [("tmp", tmp), ("home/nonroot", home)];
    let directories = directories.map(|(name, directory)| (name.to_owned(), directory));
    (tree, directories.into())
}

/// One line for each entry, as another reader sees it.
fn listing(bytes: &[u8]) -> Vec<String> {
    let mut archive = ::tar::Archive::new(bytes);
    let mut lines = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        assert_eq!(header.username_bytes(), Some(&b""[..]));
        assert_eq!(header.groupname_bytes(), Some(&b""[..]));
        lines.push(format!(
            "{:?} {:04o} {}:{} {} {} {}",
            header.entry_type(),
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap(),
            header.mtime().unwrap(),
            content.len(),
            String::from_utf8_lossy(&entry.path_bytes()),
        ));
    }
    lines
}

#[test]
fn a_tree_and_its_directories_are_read_back_in_order() {
    let (tree, directories) = sample();
    let bytes = write(tree, &directories, 1_700_000_000).unwrap();
    insta::assert_snapshot!(listing(&bytes).join("\n"), @r"
    Directory 0755 0:0 1700000000 0 app/
    Regular 0755 0:0 1700000000 1500 app/server
    Regular 0644 0:0 1700000000 0 empty
    Directory 0755 0:0 1700000000 0 etc/
    Regular 0644 0:0 1700000000 1 etc/größe
    Directory 0755 0:0 1700000000 0 home/
    Directory 0700 65532:65532 1700000000 0 home/nonroot/
    Directory 1777 0:0 1700000000 0 tmp/
    ");
    assert_eq!(bytes.len() % BLOCK, 0);
    assert!(bytes.ends_with(&[0; 2 * BLOCK]));
}

#[test]
fn the_bytes_are_the_golden_ones() {
    let (tree, directories) = sample();
    let bytes = write(tree, &directories, 0).unwrap();
    insta::assert_snapshot!(Sha256::of(&bytes), @"08dd266c86d5445ce9a07cf34a0bed0d44f712f7ed7869a23e80d36846b6d157");
    let empty = write(FileTree::new(), &BTreeMap::new(), 0).unwrap();
    assert_eq!(empty, [0; 2 * BLOCK]);
}

#[test]
fn a_large_content_keeps_its_memory_and_its_place() {
    let large = vec![9; 100_000];
    let (before, after) = (vec![1; 3000], vec![2; 700]);
    let tree = tree(&[
        ("a", &before, false),
        ("b", &large, true),
        ("c", &after, false),
    ]);
    let bytes = write(tree.clone(), &BTreeMap::new(), 0).unwrap();
    // The same through the writer that copies everything.
    let mut tar = Tar::new(Vec::new(), 0);
    for (name, content, executable) in tree.into_files() {
        let mode = if executable { 0o755 } else { 0o644 };
        let mut read = Cursor::new(content.read().unwrap());
        tar.file(&name, mode, content.size(), &mut read).unwrap();
    }
    assert_eq!(bytes, tar.finish().unwrap());
}

#[test]
fn what_ustar_cannot_say_is_said_in_pax() {
    let records = |name: &str, size, modified| {
        let header = Header::file(name, 0o644, size);
        String::from_utf8(header.pax_records(modified)).unwrap()
    };
    assert_eq!(records("a", OCTAL_END - 1, OCTAL_END - 1), "");
    assert_eq!(
        records("a", OCTAL_END, OCTAL_END),
        "19 size=8589934592\n20 mtime=8589934592\n"
    );
    assert_eq!(records("é", 0, 0), "11 path=é\n");
    let fits = format!("{}/{}", "p".repeat(155), "n".repeat(100));
    assert_eq!(records(&fits, 0, 0), "");
    let long = format!("{}/{}", "p".repeat(156), "n".repeat(100));
    assert_eq!(records(&long, 0, 0), format!("267 path={long}\n"));
    let long = "n".repeat(101);
    assert_eq!(records(&long, 0, 0), format!("111 path={long}\n"));
}

#[test]
fn a_file_that_is_not_as_long_as_said_is_refused() {
    for size in [2, 4] {
        let mut tar = Tar::new(Vec::new(), 0);
        let error = tar.file("a", 0o644, size, &mut &b"abc"[..]).unwrap_err();
        assert!(error.to_string().contains("changed while it was packed"));
    }
}

#[test]
fn a_directory_is_no_file_and_stays_inside() {
    let directory = |name: &str| BTreeMap::from([(name.to_owned(), Directory::default())]);
    for name in ["a", "a/b", "../x", "/x", ""] {
        let error = write(tree(&[("a", b"", false)]), &directory(name), 0).unwrap_err();
        assert!(
            error.to_string().contains("cannot be a directory"),
            "{name}"
        );
    }
}

proptest! {
    #[test]
    fn another_reader_sees_what_was_written(
        names in proptest::collection::btree_set("([ab]|é|[ab]{60}|é{40}|[xyz .-]{99,101}q)(/([ab]|é{51}|[ab]{99,101})){0,4}", 0..8),
        sizes in proptest::collection::vec(0_usize..1600, 8),
        modified in prop_oneof![Just(0), Just(OCTAL_END - 1), Just(OCTAL_END), 0..u64::from(u32::MAX)],
    ) {
        let mut tree = FileTree::new();
        for (name, size) in names.iter().zip(sizes) {
            let _ = tree.insert(name, Content::Bytes(vec![b'c'; size]), size % 2 == 0);
        }
        let expected: Vec<String> = tree
            .entries()
            .iter()
            .map(|entry| match entry.node {
                crate::artifact::Node::Directory => {
                    format!("Directory 0755 0 {}", entry.archive_name())
                }
                crate::artifact::Node::File { content, executable } => {
                    let mode = if executable { "0755" } else { "0644" };
                    format!("Regular {mode} {} {}", content.size(), entry.name)
                }
            })
            .collect();
        let bytes = write(tree, &BTreeMap::new(), modified).unwrap();
        let seen: Vec<String> = listing(&bytes)
            .iter()
            .map(|line| {
                let mut fields = line.splitn(6, ' ');
                let (kind, mode) = (fields.next().unwrap(), fields.next().unwrap());
                let (owner, time) = (fields.next().unwrap(), fields.next().unwrap());
                assert_eq!(owner, "0:0");
                assert_eq!(time, if modified < OCTAL_END { modified } else { 0 }.to_string());
                let (size, name) = (fields.next().unwrap(), fields.next().unwrap());
                format!("{kind} {mode} {size} {name}")
            })
            .collect();
        prop_assert_eq!(seen, expected);
        let mut names = std::collections::BTreeSet::new();
        for entry in ::tar::Archive::new(&*bytes).entries().unwrap() {
            prop_assert!(names.insert(entry.unwrap().path_bytes().into_owned()));
        }
    }
}
