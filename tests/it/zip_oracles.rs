//! Foreign readers of our zips: what they say is what platforms and users' tools will see.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use slsbuild::artifact::zip::{ZipSettings, write};
use slsbuild::artifact::{Content, FileTree};

use crate::support::oracle;

/// A zip with a program, a deflated, a stored, an empty and a non-ASCII file, and nested directories.
fn sample(directory: &Path) -> PathBuf {
    let program: Vec<u8> = (0..60_000_u32)
        .flat_map(|n| (n / 3).to_le_bytes())
        .collect();
    let mut tree = FileTree::new();
    for (name, content, executable) in [
        ("bootstrap", program, true),
        (
            "assets/deep/größe.txt",
            b"gr\xc3\xb6\xc3\x9fe ".repeat(40),
            false,
        ),
        ("assets/empty", Vec::new(), false),
        ("stored", b"q7#x".to_vec(), false),
    ] {
        tree.insert(name, Content::Bytes(content), executable)
            .unwrap();
    }
    let settings = ZipSettings {
        first: Some("bootstrap"),
        ..ZipSettings::default()
    };
    let path = directory.join("bootstrap.zip");
    slsbuild::fs::write_if_changed(&path, 0o644, &write(&tree, &settings).unwrap().bytes).unwrap();
    path
}

/// What a successful run of a foreign tool printed.
fn printed(command: &mut Command) -> String {
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "Pacific/Auckland")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{said}");
    assert_eq!(said, "", "{command:?}");
    text
}

#[test]
fn unzip_finds_no_error() {
    let Some(unzip) = oracle("unzip") else { return };
    let directory = tempfile::tempdir().unwrap();
    let text = printed(Command::new(unzip).arg("-t").arg(sample(directory.path())));
    assert!(text.contains("No errors detected"), "{text}");
}

#[test]
fn zipinfo_shows_modes_times_and_methods() {
    let Some(zipinfo) = oracle("zipinfo") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let zip = sample(directory.path());
    // From the directory, so that no path of this machine is in the listing.
    let text = printed(
        Command::new(zipinfo)
            .arg(zip.file_name().unwrap())
            .current_dir(directory.path()),
    );
    insta::assert_snapshot!(text, @r"
    Archive:  bootstrap.zip
    Zip file size: 30842 bytes, number of entries: 6
    -rwxr-xr-x  2.0 unx   240000 b- defN 80-Jan-01 00:00 bootstrap
    drwxr-xr-x  2.0 unx        0 b- stor 80-Jan-01 00:00 assets/
    drwxr-xr-x  2.0 unx        0 b- stor 80-Jan-01 00:00 assets/deep/
    -rw-r--r--  2.0 unx      320 b- defN 80-Jan-01 00:00 assets/deep/größe.txt
    -rw-r--r--  2.0 unx        0 b- stor 80-Jan-01 00:00 assets/empty
    -rw-r--r--  2.0 unx        4 b- stor 80-Jan-01 00:00 stored
    6 files, 240324 bytes uncompressed, 30226 bytes compressed:  87.4%
    ");
}

#[test]
fn unzip_restores_programs_and_files() {
    let Some(unzip) = oracle("unzip") else { return };
    let directory = tempfile::tempdir().unwrap();
    let zip = sample(directory.path());
    let out = directory.path().join("out");
    printed(Command::new(unzip).arg("-q").arg(zip).arg("-d").arg(&out));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let executable = |name: &str| {
            let metadata = slsbuild::fs::metadata(out.join(name)).unwrap();
            metadata.permissions().mode() & 0o100 != 0
        };
        assert!(executable("bootstrap"));
        assert!(executable("assets"));
        assert!(!executable("stored"));
    }
    let text = slsbuild::fs::read_to_string(out.join("assets/deep/größe.txt")).unwrap();
    assert_eq!(text, "größe ".repeat(40));
}

#[test]
fn python_reads_names_modes_and_checksums() {
    let Some(python) = oracle("python3") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let script = "\
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    for i in z.infolist():
        print(ascii(i.filename), oct(i.external_attr >> 16), i.create_system, i.flag_bits, i.compress_type, i.date_time, len(i.extra), len(i.comment), i.file_size)
";
    let text = printed(
        Command::new(python)
            .args(["-I", "-c", script])
            .arg(sample(directory.path())),
    );
    insta::assert_snapshot!(text, @r"
    'bootstrap' 0o100755 3 0 8 (1980, 1, 1, 0, 0, 0) 0 0 240000
    'assets/' 0o40755 3 0 0 (1980, 1, 1, 0, 0, 0) 0 0 0
    'assets/deep/' 0o40755 3 0 0 (1980, 1, 1, 0, 0, 0) 0 0 0
    'assets/deep/gr\xf6\xdfe.txt' 0o100644 3 2048 8 (1980, 1, 1, 0, 0, 0) 0 0 320
    'assets/empty' 0o100644 3 0 0 (1980, 1, 1, 0, 0, 0) 0 0 0
    'stored' 0o100644 3 0 0 (1980, 1, 1, 0, 0, 0) 0 0 4
    ");
}
