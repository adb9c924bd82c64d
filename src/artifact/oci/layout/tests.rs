use std::fmt::Write as _;

use super::super::{Image, ImageSpec, Packing, Platform, Source, index as over, media_type, open};
use super::*;
use crate::artifact::{Content, FileTree};

/// Two images on one layer each, one of which they share.
pub(in super::super) fn images() -> ImageSet {
    let image = |architecture: &str| {
        let mut tree = FileTree::new();
        let content = Content::Bytes(b"shared".to_vec());
        tree.insert("app/data", content, false).unwrap();
        let mut own = FileTree::new();
        let content = Content::Bytes(architecture.as_bytes().repeat(1000));
        own.insert("app/server", content, true).unwrap();
        let layer = |tree| super::super::Layer {
            tree,
            created_by: "slsbuild image".to_owned(),
            ..super::super::Layer::default()
        };
        let spec = ImageSpec {
            layers: vec![layer(tree), layer(own)],
            ..ImageSpec::default()
        };
        let packing = Packing {
            compression: media_type::Compression::Gzip,
            epoch: 0,
        };
        spec.assemble(None, &Platform::linux(architecture), &packing)
            .unwrap()
    };
    let images = vec![image("arm64"), image("amd64")];
    over(images, BTreeMap::new(), media_type::Family::Oci).unwrap()
}

pub(in super::super) fn image() -> Image {
    images().images.remove(0)
}

/// Mode, digest and name of all that is below a directory.
fn listing(root: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let mut lines = String::new();
    for entry in walkdir::WalkDir::new(root).sort_by_file_name() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
        let name = entry.path().strip_prefix(root).unwrap().display();
        let digest = if entry.file_type().is_file() {
            Sha256::of(&fs::read(entry.path()).unwrap()).to_string()
        } else {
            "-".to_owned()
        };
        let _ = writeln!(lines, "{mode:04o} {digest} {name}");
    }
    lines
}

fn here() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    (directory, path)
}

#[test]
fn the_bytes_are_the_golden_ones() {
    let (_directory, path) = here();
    write(&images(), Some("v7"), &path).unwrap();
    insta::assert_snapshot!(Sha256::of(listing(&path).as_bytes()), @"472cffea1e5a5024f2a8f37d5ce51f2794b057b2d5e4681a95ca9d05e6cb3bfc");
    for digest in listing(&path)
        .lines()
        .filter(|line| line.contains("blobs/sha256/"))
    {
        let fields: Vec<&str> = digest.split(' ').collect();
        assert!(
            fields[2].ends_with(fields[1]),
            "a blob is named after its digest"
        );
    }
}

#[test]
fn what_was_written_is_read_back_as_it_was() {
    let (_directory, path) = here();
    let at_hand = |set: &ImageSet| {
        let mut set = set.clone();
        for layer in set.images.iter_mut().flat_map(|image| &mut image.layers) {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut layer.open().unwrap(), &mut bytes).unwrap();
            layer.source = Source::Bytes(bytes);
        }
        set
    };
    for set in [images(), ImageSet::single(image())] {
        write(&set, None, &path).unwrap();
        let read = open(&path, super::super::Choice::default()).unwrap();
        assert!(matches!(read.images[0].layers[0].source, Source::File(_)));
        assert_eq!(at_hand(&read), set);
    }
}

#[test]
fn a_layout_takes_the_place_of_the_old_one_and_takes_its_blobs_over() {
    use std::os::unix::fs::MetadataExt as _;
    let (directory, path) = here();
    let first = image();
    write(&ImageSet::single(first.clone()), None, &path).unwrap();
    let of = |digest| path.join(place(digest));
    let shared = of(first.layers[0].descriptor.digest);
    let inode = fs::metadata(&shared).unwrap().ino();
    // One that was changed on disk is written anew.
    let changed = of(first.layers[1].descriptor.digest);
    let size = fs::metadata(&changed).unwrap().len();
    fs::write_atomic(&changed, 0o644, |file| {
        file.write_all(&vec![0; usize::try_from(size).unwrap()])
    })
    .unwrap();
    write(&images(), None, &path).unwrap();
    let whole = listing(&path);
    assert_eq!(fs::metadata(&shared).unwrap().ino(), inode);
    assert_eq!(
        Sha256::of(&fs::read(&changed).unwrap()),
        first.layers[1].descriptor.digest.0
    );
    let other = directory.path().join("other");
    write(&images(), None, &other).unwrap();
    assert_eq!(listing(&other), whole);
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        2,
        "nothing stays beside it"
    );
}

#[test]
fn from_a_layout_to_itself_nothing_is_lost() {
    let (_directory, path) = here();
    write(&images(), None, &path).unwrap();
    let whole = listing(&path);
    let read = open(&path, super::super::Choice::default()).unwrap();
    write(&read, None, &path).unwrap();
    assert_eq!(listing(&path), whole);
}

#[test]
fn a_directory_of_the_users_is_not_taken_away() {
    let (_directory, path) = here();
    fs::create_dir(&path).unwrap();
    write(&images(), None, &path).unwrap();
    fs::remove_file(path.join(MARK)).unwrap();
    let error = write(&images(), None, &path).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(
        error
            .to_string()
            .ends_with("is no image layout, and is not replaced by one")
    );
}

#[test]
fn a_blob_that_lies_leaves_the_old_layout() {
    let (directory, path) = here();
    write(&images(), None, &path).unwrap();
    let whole = listing(&path);
    let mut lie = image();
    let digest = Digest::of(b"other");
    lie.layers[0].descriptor.digest = digest;
    let error = write(&ImageSet::single(lie.clone()), None, &path).unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
    assert_eq!(
        error.to_string(),
        format!("blob `{digest}` has another content than its digest says")
    );
    lie.layers[0].source = Source::Registry("localhost/x".parse().unwrap());
    assert_eq!(
        write(&ImageSet::single(lie), None, &path)
            .unwrap_err()
            .exit_code(),
        1
    );
    let mut short = images();
    short.images.pop();
    let error = write(&short, None, &path).unwrap_err().to_string();
    assert!(error.ends_with("of the index is not at hand"), "{error}");
    assert_eq!(listing(&path), whole);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
