//! The directory that stands for `/opt`: the layers' files, one layer over the other, and the extensions among them.

use std::path::{Path, PathBuf};

use super::program::Program;
use crate::artifact::archive::{Archive, UNPACKED_LIMIT};
use crate::error::{Error, Result};
use crate::fs;
use crate::platform::lambda::{EXTENSIONS, MOST_LAYERS};

/// Unpacks layers into `opt`, in their order: where two bring one file, the later one's stays. `scratch` is a directory that
/// does not exist yet, on the same disk.
pub(super) fn unpack(layers: &[PathBuf], opt: &Path, scratch: &Path) -> Result<()> {
    if layers.len() > MOST_LAYERS {
        return Err(Error::Usage {
            message: format!(
                "{} layers are more than the {MOST_LAYERS} that a function may have",
                layers.len()
            ),
            hint: None,
        });
    }
    let mut archives = Vec::new();
    let mut total: u64 = 0;
    for layer in layers {
        let archive = Archive::open(layer)?;
        total = archive
            .entries()
            .iter()
            .fold(total, |sum, entry| sum.saturating_add(entry.size));
        archives.push(archive);
    }
    if total > UNPACKED_LIMIT {
        return Err(Error::Rejected {
            message: format!(
                "the layers declare {total} bytes when unpacked, more than {UNPACKED_LIMIT}"
            ),
            hint: None,
        });
    }
    fs::create_dir(opt)?;
    for mut archive in archives {
        archive.unpack(scratch)?;
        lay_over(scratch, opt)?;
        fs::remove_tree(scratch)?;
    }
    Ok(())
}

/// Moves the content of one directory over another's. No link is followed: a directory takes the place of a link, so whatever
/// a link's text climbs through stays a real directory, as it was when the link was checked.
fn lay_over(from: &Path, to: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(from).min_depth(1) {
        let entry = entry.map_err(std::io::Error::from)?;
        let relative = entry.path().strip_prefix(from).unwrap_or(entry.path());
        let target = to.join(relative);
        let present = fs::symlink_metadata(&target).ok();
        let is_directory = entry.file_type().is_dir();
        match present {
            Some(facts) if facts.is_dir() && is_directory => continue,
            Some(facts) if facts.is_dir() => fs::remove_tree(&target)?,
            Some(_) => fs::remove_file(&target)?,
            None => {}
        }
        if is_directory {
            fs::create_dir(&target)?;
            fs::set_mode(&target, 0o755)?;
        } else {
            fs::rename(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Every file that Lambda would start beside the function, by its name: also one that cannot be started.
pub(super) fn extensions(opt: &Path) -> Result<Vec<(String, Program)>> {
    let directory = opt.join(EXTENSIONS);
    let mut found = Vec::new();
    if !directory.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(&directory)? {
        let entry = entry?;
        // As the emulator does: a link is no directory, wherever it leads.
        if entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let program = Program::of(entry.path(), &format!("/opt/{EXTENSIONS}{name}"))?;
        found.push((name, program));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write as _;

    use ::zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn layer(directory: &Path, name: &str, files: &[(&str, u32, &str)]) -> PathBuf {
        let path = directory.join(name);
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        for (name, mode, content) in files {
            if *mode == 0o777 {
                zip.add_symlink(*name, *content, SimpleFileOptions::default())
                    .unwrap();
            } else {
                let options = SimpleFileOptions::default().unix_permissions(*mode);
                zip.start_file(*name, options).unwrap();
                zip.write_all(content.as_bytes()).unwrap();
            }
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn a_later_layer_lies_over_an_earlier_one() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let first = layer(
            root,
            "1.zip",
            &[
                ("etc/a", 0o644, "1"),
                ("etc/b", 0o644, "1"),
                ("d/x", 0o644, "1"),
                ("link", 0o777, "etc"),
                ("extensions/b", 0o755, "#!/bin/sh\n"),
            ],
        );
        let second = layer(
            root,
            "2.zip",
            &[
                ("etc/b", 0o644, "2"),
                ("d", 0o644, "2"),
                ("link/c", 0o644, "2"),
                ("extensions/a", 0o755, "#!/bin/sh\n"),
                ("extensions/more/c", 0o755, "#!/bin/sh\n"),
            ],
        );
        let opt = root.join("opt");
        unpack(&[first, second], &opt, &root.join("scratch")).unwrap();
        for (path, content) in [("etc/a", "1"), ("etc/b", "2"), ("d", "2"), ("link/c", "2")] {
            assert_eq!(fs::read_to_string(opt.join(path)).unwrap(), content);
        }
        assert!(!opt.join("etc/c").exists(), "nothing goes through a link");
        let names: Vec<String> = extensions(&opt)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert!(!root.join("scratch").exists());
    }

    #[test]
    fn more_layers_than_lambda_takes_are_a_usage_error() {
        let six = vec![PathBuf::from("absent.zip"); 6];
        let error = unpack(&six, Path::new("opt"), Path::new("scratch")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
