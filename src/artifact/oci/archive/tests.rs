use std::io::Read as _;

use super::super::layout::tests::{image, images};
use super::super::{Choice, Source, open};
use super::*;
use crate::digest::Sha256;

fn names(path: &Path) -> Vec<String> {
    let mut archive = ::tar::Archive::new(fs::File::open(path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        String::from_utf8(entry.path_bytes().into_owned()).unwrap()
    });
    entries.collect()
}

fn tags() -> [Reference; 2] {
    ["localhost/app:v7", "localhost/app:latest"].map(|tag| tag.parse().unwrap())
}

#[test]
fn the_bytes_are_the_golden_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    let digest = || Sha256::of(&fs::read(&path).unwrap());
    write_oci(&images(), Some("v7"), &path).unwrap();
    insta::assert_snapshot!(digest(), @"8439b93f6afb244f059fb5c7c1010216e726804c0a58296d2f5d182f1f6d3333");
    let all = names(&path);
    assert!(
        all.is_sorted() && all.iter().all(|name| !name.starts_with("./")),
        "{all:?}"
    );
    write_docker(&image(), &tags(), &path).unwrap();
    insta::assert_snapshot!(digest(), @"92ecc7315b9e5446063b8aa62eb01cf51b9c55a829b78557db520b89e9ddc305");
    assert!(names(&path).is_sorted());
    let mut pipe = Vec::new();
    stream_docker(&image(), &tags(), &mut pipe).unwrap();
    assert_eq!(Sha256::of(&pipe), digest());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_was_written_is_read_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    let same = |set: &ImageSet| {
        let read = open(&path, Choice::default()).unwrap();
        assert_eq!(read.index, set.index);
        for (read, image) in read.images.iter().zip(&set.images) {
            assert_eq!(
                (&read.manifest, &read.config),
                (&image.manifest, &image.config)
            );
            assert_eq!(read.platform, image.platform);
            for (read, layer) in read.layers.iter().zip(&image.layers) {
                let mut bytes = Vec::new();
                read.open().unwrap().read_to_end(&mut bytes).unwrap();
                assert!(matches!(read.source, Source::Part(..)));
                assert_eq!(layer.source, Source::Bytes(bytes));
            }
        }
    };
    write_oci(&images(), None, &path).unwrap();
    same(&images());
    write_docker(&image(), &tags(), &path).unwrap();
    same(&ImageSet::single(image()));
}

#[test]
fn a_failed_write_leaves_the_old_archive() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    write_oci(&images(), None, &path).unwrap();
    let old = fs::read(&path).unwrap();
    let mut lie = image();
    lie.layers[1].source = Source::Bytes(b"other".to_vec());
    let error = write_docker(&lie, &tags(), &path).unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    lie.layers[1].source = Source::File(directory.path().join("missing"));
    let error = write_docker(&lie, &tags(), &path).unwrap_err();
    assert!(matches!(error, Error::Unexpected(_)) && error.one_line().contains("missing"));
    assert_eq!(fs::read(&path).unwrap(), old);
    let nowhere = directory.path().join("none/image.tar");
    let error = write_oci(&images(), None, &nowhere).unwrap_err();
    assert!(matches!(error, Error::Unwritable { .. }), "{error}");
}
