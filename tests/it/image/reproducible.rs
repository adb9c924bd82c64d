//! The same bytes from another directory, under another umask, time zone and language.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::server;
use crate::support::Crate;
use crate::tiny_elf::TinyElf;

/// Everything that a run leaves in its layout and archives: names, modes and contents.
fn bytes_of(directory: &Crate) -> Vec<(String, u32, Vec<u8>)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    for name in ["layout", "archive.tar", "docker.tar"] {
        for entry in walkdir::WalkDir::new(directory.path().join(name)).sort_by_file_name() {
            let entry = entry.unwrap();
            let path = entry
                .path()
                .strip_prefix(directory.path())
                .unwrap()
                .display()
                .to_string();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let content = if entry.file_type().is_file() {
                fs_err::read(entry.path()).unwrap()
            } else {
                Vec::new()
            };
            found.push((path, mode, content));
        }
    }
    found
}

fn build(name: &str, umask: &str, zone: &str) -> Crate {
    let directory = Crate::empty().file("assets/page.html", "<p>hello</p>\n");
    directory.write(&format!("{name}/server"), &fs_err::read(server()).unwrap());
    let run = |arguments: &str| {
        let plain = directory.slsbuild("");
        let program = Path::new(plain.get_program()).to_owned();
        let script = format!("umask {umask}; exec '{}' {arguments}", program.display());
        let mut shell = Command::new("sh");
        shell
            .arg0("sh")
            .args(["-c", &script])
            .current_dir(directory.path());
        for (key, value) in plain.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        let output = shell
            .env("TZ", zone)
            .env("LC_ALL", "C")
            .env("USER", name)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let shared =
        format!("image --binary '{name}/server' --name server --base builtin --include assets");
    run(&format!(
        "{shared} --output oci-layout=layout --output oci-archive=archive.tar --output docker-archive=docker.tar"
    ));
    directory
}

#[test]
fn layouts_and_archives_do_not_depend_on_where_and_how_they_are_made() {
    let one = bytes_of(&build("one", "022", "UTC"));
    let other = bytes_of(&build(
        "a long path with spaces/two",
        "077",
        "Pacific/Auckland",
    ));
    assert!(one.len() > 8, "{}", one.len());
    let names = |all: &[(String, u32, Vec<u8>)]| -> Vec<(String, u32)> {
        all.iter()
            .map(|(name, mode, _)| (name.clone(), *mode))
            .collect()
    };
    assert_eq!(names(&one), names(&other));
    assert!(one == other, "contents differ");
}

#[test]
fn the_digest_on_a_base_of_ours_is_the_golden_one() {
    // Made in memory, so that no compiler has a say in it.
    let directory = Crate::empty();
    let program = TinyElf::new(object::elf::EM_X86_64).build();
    directory.write("bin/tiny", &program);
    let lines = super::made(
        &directory,
        "image --binary bin/tiny --base builtin --format json",
    );
    let report: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap();
    insta::assert_snapshot!(report["artifacts"][0]["digest"].as_str().unwrap());
}
