use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::super::media_type::OCI_LAYER_GZIP;
use super::super::{Descriptor, Source};
use super::*;

fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        let mut header = Header::new_gnu();
        let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
        let content = if is_link {
            header.set_link_name_literal(content).unwrap();
            ""
        } else {
            *content
        };
        // `set_path` refuses what is to be read here.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Level::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn blob(bytes: Vec<u8>) -> Blob {
    Blob {
        descriptor: Descriptor::of(OCI_LAYER_GZIP, &bytes),
        source: Source::Bytes(bytes),
    }
}

fn facts(bytes: &[u8]) -> LayerFacts {
    read_layer(&blob(bytes.to_vec()), &mut Bounds::default()).unwrap()
}

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

fn listing(layers: &[Vec<u8>]) -> String {
    let facts: Vec<LayerFacts> = layers.iter().map(|layer| facts(layer)).collect();
    let rootfs = Rootfs::new(&facts.iter().map(Some).collect::<Vec<_>>());
    let mut lines = String::new();
    for (path, node) in rootfs.nodes() {
        let _ = writeln!(lines, "{path} {:?} from {}", node.kind, node.layer);
    }
    lines
}

#[test]
fn a_layer_is_what_its_bytes_are() {
    let tar = archive(&[("a", DIRECTORY, ""), ("a/b", FILE, "content")]);
    let (first, second) = tar.split_at(700);
    let members = [gzip(first), gzip(second)].concat();
    let cases = [
        (tar.clone(), Compression::None),
        (gzip(&tar), Compression::Gzip),
        (members, Compression::Gzip),
        (zstd::encode_all(&tar[..], 3).unwrap(), Compression::Zstd),
    ];
    for (bytes, compression) in cases {
        let facts = facts(&bytes);
        assert_eq!(facts.compression, Some(compression));
        assert_eq!(facts.digest, Some(Digest::of(&bytes)));
        assert_eq!(facts.diff_id, Some(Digest::of(&tar)));
        assert_eq!(facts.unpacked, tar.len() as u64);
        assert_eq!((facts.entries.len(), facts.fault), (2, None));
    }
}

#[test]
fn later_layers_lie_over_earlier_ones() {
    let below = archive(&[
        ("./etc/", DIRECTORY, ""),
        ("./etc/passwd", FILE, "root"),
        ("./etc/old", FILE, "x"),
        ("usr/lib/libz.so", FILE, "z"),
        ("lib", LINK, "usr/lib"),
        ("data", DIRECTORY, ""),
        ("data/a", FILE, "a"),
    ]);
    let above = archive(&[
        ("etc/.wh.old", FILE, ""),
        ("data/b", FILE, "b"),
        ("data/.wh..wh..opq", FILE, ""),
        ("lib/libm.so", FILE, "m"),
        ("bin/app", FILE, "app"),
        ("bin/other", HARD, "bin/app"),
        ("/etc/shadow", FILE, "x"),
        ("../etc/shadow", FILE, "x"),
    ]);
    insta::assert_snapshot!(listing(&[below, above]), @r#"
    bin Directory from 1
    bin/app File { layer: 1, entry: 4 } from 1
    bin/other File { layer: 1, entry: 4 } from 1
    data Directory from 0
    data/b File { layer: 1, entry: 1 } from 1
    etc Directory from 0
    etc/passwd File { layer: 0, entry: 1 } from 0
    lib Symlink("usr/lib") from 0
    usr Directory from 0
    usr/lib Directory from 0
    usr/lib/libm.so File { layer: 1, entry: 3 } from 1
    usr/lib/libz.so File { layer: 0, entry: 3 } from 0
    "#);
}

#[test]
fn links_are_followed_inside_the_root() {
    let layer = archive(&[
        ("app", LINK, "../../../../bin/orders"),
        ("bin/orders", FILE, "elf"),
        ("absolute", LINK, "/app"),
        ("circle", LINK, "circle"),
        ("outside", LINK, "/etc/passwd"),
        ("through", LINK, "bin/orders/x"),
    ]);
    let facts = facts(&layer);
    let rootfs = Rootfs::new(&[Some(&facts)]);
    for (path, found, is_link) in [
        ("/bin/orders", Some("bin/orders"), false),
        ("/bin/../bin/./orders", Some("bin/orders"), false),
        ("/app", Some("bin/orders"), true),
        ("/absolute", Some("bin/orders"), true),
        ("/circle", None, false),
        ("/outside", None, false),
        ("/through", None, false),
        ("/", None, false),
    ] {
        let resolved = rootfs.resolve(path);
        assert_eq!(
            resolved.as_ref().map(|found| found.path.as_str()),
            found,
            "{path}"
        );
        assert_eq!(
            resolved.is_some_and(|found| found.is_link),
            is_link,
            "{path}"
        );
    }
}

#[test]
fn an_image_is_unpacked_into_its_directory_and_nowhere_else() {
    let layer = archive(&[
        ("bin/orders", FILE, "elf"),
        ("bin/hard", HARD, "bin/orders"),
        ("etc", LINK, "/bin"),
        ("etc/passwd", FILE, "inside"),
        ("up", LINK, "../../../../../../bin/orders"),
        ("dangling", LINK, "/nowhere"),
        ("../escaped", FILE, "x"),
    ]);
    let layers = [blob(gzip(&layer))];
    let facts = read_layer(&layers[0], &mut Bounds::default()).unwrap();
    let rootfs = Rootfs::new(&[Some(&facts)]);
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("a/b");
    fs_err::create_dir_all(&root).unwrap();
    unpack(&layers, &rootfs, &root, 100).unwrap();
    let mut lines = String::new();
    for entry in walkdir::WalkDir::new(directory.path())
        .min_depth(3)
        .sort_by_file_name()
    {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(&root).unwrap().display();
        let target = fs_err::read_link(entry.path()).unwrap_or_default();
        let line = format!("{path} {}", target.display());
        let _ = writeln!(lines, "{}", line.trim_end());
    }
    insta::assert_snapshot!(lines, @r"
    bin
    bin/hard
    bin/orders
    bin/passwd
    etc bin
    up bin/orders
    ");
    assert_eq!(fs_err::read(root.join("up")).unwrap(), b"elf");
    assert_eq!(fs_err::read(root.join("bin/passwd")).unwrap(), b"inside");
    let node = rootfs.resolve("/up").unwrap().node;
    assert_eq!(read_start(&layers, node, 9).unwrap().unwrap(), b"elf");
    assert_eq!(read_start(&layers, node, 2).unwrap().unwrap(), b"el");
    assert_eq!(
        unpack(&layers, &rootfs, &root, 5).unwrap_err().exit_code(),
        5
    );
}

#[test]
fn a_descriptor_that_lies_about_the_size_is_caught() {
    let mut layer = blob(gzip(&archive(&[("a", FILE, "x")])));
    layer.descriptor.size += 1;
    let facts = read_layer(&layer, &mut Bounds::default()).unwrap();
    assert_eq!(facts.fault, Some(LayerFault::Size));
    assert_eq!(facts.size + 1, layer.descriptor.size);
}

#[test]
fn a_bomb_ends_early() {
    let mut zeros = GzEncoder::new(Vec::new(), Level::best());
    std::io::copy(&mut std::io::repeat(0).take(1 << 29), &mut zeros).unwrap();
    let header = |size: u64| {
        let mut header = Header::new_gnu();
        header.set_path("zeros").unwrap();
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        header
    };
    let bomb = [gzip(header(1 << 40).as_bytes()), zeros.finish().unwrap()].concat();
    let facts = facts(&bomb);
    assert!(
        matches!(facts.fault, Some(LayerFault::Excessive(_))),
        "{:?}",
        facts.fault
    );
    assert!(facts.unpacked < 300 << 20);
    let mut name = header(1 << 30);
    name.set_entry_type(EntryType::GNULongName);
    name.set_cksum();
    let long = super::tests::facts(name.as_bytes());
    assert!(matches!(long.fault, Some(LayerFault::Damaged(_))));
}

#[test]
fn long_names_of_both_kinds_are_read() {
    let long = "directory/".repeat(20) + "file";
    let mut gnu = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(1);
    header.set_mode(0o4755);
    header.set_cksum();
    gnu.append_data(&mut header, &long, &b"x"[..]).unwrap();
    let mut pax = Builder::new(Vec::new());
    let records = [
        ("path", long.as_bytes()),
        ("uid", b"70000"),
        ("comment", b"a\nb"),
    ];
    pax.append_pax_extensions(records).unwrap();
    let mut header = Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(1);
    header.set_mode(0o4755);
    header.set_gid(0);
    header.set_cksum();
    pax.append(&header, &b"x"[..]).unwrap();
    let [gnu, pax] = [gnu, pax].map(|tar| facts(&tar.into_inner().unwrap()));
    for facts in [&gnu, &pax] {
        assert_eq!(facts.fault, None);
        assert_eq!(facts.entries[0].path, long);
        assert_eq!(facts.entries[0].mode, 0o4755);
    }
    assert_eq!(pax.entries[0].uid, 70_000);
}

fn sample() -> Vec<u8> {
    archive(&[
        ("a", DIRECTORY, ""),
        ("a/b", FILE, "content"),
        ("c", LINK, "a/b"),
        ("a/.wh.d", FILE, ""),
        ("e", HARD, "a/b"),
    ])
}

proptest! {
    #[test]
    fn no_bytes_end_in_a_panic(at in 0..4096_usize, value: u8, cut in 0..4096_usize, packed: bool) {
        let mut bytes = if packed { gzip(&sample()) } else { sample() };
        let length = bytes.len();
        bytes[at % length] = value;
        bytes.truncate(length - cut % length);
        let facts = facts(&bytes);
        let rootfs = Rootfs::new(&[Some(&facts)]);
        prop_assert!(rootfs.nodes().count() < 20);
        let json = serde_json::to_string(&facts).unwrap();
        prop_assert_eq!(serde_json::from_str::<LayerFacts>(&json).unwrap(), facts);
    }

    #[test]
    fn names_of_any_kind_stay_inside(names in prop::collection::vec(("[./ab]{1,8}", 0..4_u8, "[./ab]{1,6}"), 1..12)) {
        let kinds = [FILE, DIRECTORY, LINK, HARD];
        let entries: Vec<(&str, EntryType, &str)> = names
            .iter()
            .map(|(name, kind, link)| {
                let kind = kinds[usize::from(*kind)];
                (name.as_str(), kind, if kind == DIRECTORY { "" } else { link.as_str() })
            })
            .collect();
        let layers = [blob(archive(&entries))];
        let facts = read_layer(&layers[0], &mut Bounds::default()).unwrap();
        let rootfs = Rootfs::new(&[Some(&facts)]);
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs_err::create_dir(&root).unwrap();
        unpack(&layers, &rootfs, &root, 10_000).unwrap();
        prop_assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
        for entry in walkdir::WalkDir::new(&root).follow_links(true).into_iter().flatten() {
            let real = fs_err::canonicalize(entry.path()).unwrap();
            prop_assert!(real.starts_with(root.canonicalize().unwrap()));
        }
    }
}
