//! Unpacking: everything an archive holds lands below one directory, or nothing more is written.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::{Archive, EntryKind, UNPACKED_LIMIT};
use crate::artifact::name;
use crate::error::{Error, Result};
use crate::fs;

/// The longest target of a symbolic link that Linux accepts.
const LONGEST_TARGET: u64 = 4095;

impl Archive {
    /// Unpacks all entries below `directory`, which must be empty.
    ///
    /// Names are refused that [`name::check`] refuses, and so are entries that claim one name, special files,
    /// more than [`UNPACKED_LIMIT`] bytes, and links that leave the directory. Programs get mode 0755, other
    /// files 0644, directories 0755, whatever the umask. Links come last: no file is written through one.
    pub fn unpack(&mut self, directory: &Path) -> Result<()> {
        let plan = self.unpacking_plan()?;
        fs::create_dir_all(directory)?;
        if fs::read_dir(directory)?.next().is_some() {
            return Err(Error::Unexpected(anyhow::anyhow!(
                "`{}` is not empty: nothing is unpacked over other files",
                directory.display()
            )));
        }
        for (name, entry) in &plan {
            let path = directory.join(name);
            match *entry {
                Planned::Directory => {
                    fs::create_dir_all(&path)?;
                    fs::set_mode(&path, 0o755)?;
                }
                Planned::File { index, mode } => {
                    let content = self.read(index)?;
                    fs::File::create_new(&path)?.write_all(&content)?;
                    fs::set_mode(&path, mode)?;
                }
                Planned::Symlink { .. } => {}
            }
        }
        for (name, entry) in &plan {
            if let Planned::Symlink { index } = *entry {
                let target = self.read(index)?;
                let target = std::str::from_utf8(&target)
                    .ok()
                    .filter(|target| stays_below(name, target))
                    .ok_or_else(|| self.refused(name, "it is a link out of the archive"))?;
                make_symlink(target, &directory.join(name))?;
            }
        }
        Ok(())
    }

    /// What will be written, parents before children, with everything checked that the central directory tells.
    fn unpacking_plan(&self) -> Result<BTreeMap<String, Planned>> {
        if self.has_duplicate_names() {
            return Err(Error::Rejected {
                message: format!("`{}` has two entries of one name", self.path.display()),
                hint: None,
            });
        }
        let mut plan: BTreeMap<String, Planned> = BTreeMap::new();
        let mut total: u64 = 0;
        for (index, entry) in self.entries.iter().enumerate() {
            let name = entry.name.strip_suffix('/').unwrap_or(&entry.name);
            name::check(name).map_err(|cause| self.refused(&entry.name, cause))?;
            let planned = match entry.kind {
                EntryKind::Directory => Planned::Directory,
                EntryKind::File => {
                    let executable = entry.mode.is_some_and(|mode| mode & 0o111 != 0);
                    let mode = if executable { 0o755 } else { 0o644 };
                    Planned::File { index, mode }
                }
                EntryKind::Symlink if entry.size <= LONGEST_TARGET => Planned::Symlink { index },
                EntryKind::Symlink => return Err(self.refused(name, "its link is too long")),
                EntryKind::Special => return Err(self.refused(name, "it is a device or a pipe")),
            };
            total = total.saturating_add(entry.size);
            for parent in name::ancestors(name) {
                let parent = plan.entry(parent.to_owned()).or_insert(Planned::Directory);
                if !matches!(parent, Planned::Directory) {
                    return Err(self.refused(name, "it lies below a file"));
                }
            }
            match plan.insert(name.to_owned(), planned) {
                None => {}
                Some(Planned::Directory) if entry.kind == EntryKind::Directory => {}
                Some(_) => return Err(self.refused(name, "another entry has its name")),
            }
        }
        if total > UNPACKED_LIMIT {
            let cause = format!("{total} bytes are more than {UNPACKED_LIMIT}");
            return Err(self.unreadable("all entries", &cause));
        }
        Ok(plan)
    }

    fn refused(&self, name: &str, cause: &str) -> Error {
        Error::Rejected {
            message: format!(
                "`{}` in `{}` is not unpacked: {cause}",
                name.escape_debug(),
                self.path.display()
            ),
            hint: None,
        }
    }
}

/// What one name becomes on disk.
#[derive(Clone, Copy, Debug)]
enum Planned {
    Directory,
    File { index: usize, mode: u32 },
    Symlink { index: usize },
}

/// Whether a link at `name` with this target cannot lead out of the archive, whatever other links there are.
///
/// `..` is accepted only at the beginning, where it climbs through real directories: after the name of another
/// link it would climb from that link's target, which the text does not show.
fn stays_below(name: &str, target: &str) -> bool {
    let depth = name::ancestors(name).count();
    let climbs = target.split('/').take_while(|part| *part == "..").count();
    let rest = target.split('/').skip(climbs);
    !target.is_empty()
        && !target.starts_with('/')
        && !target.contains(['\0', '\\'])
        && climbs <= depth
        && rest.into_iter().all(|part| part != "..")
}

#[cfg(unix)]
fn make_symlink(target: &str, path: &Path) -> Result<()> {
    use anyhow::Context as _;

    std::os::unix::fs::symlink(target, path)
        .with_context(|| format!("failed to link `{}`", path.display()))?;
    Ok(())
}

#[cfg(not(unix))]
fn make_symlink(_target: &str, path: &Path) -> Result<()> {
    Err(Error::Unexpected(anyhow::anyhow!(
        "`{}` is a symbolic link, which this system does not make",
        path.display()
    )))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use ::zip::write::{SimpleFileOptions, ZipWriter};
    use proptest::prelude::*;

    use super::*;
    use crate::artifact::zip::{ZipSettings, write};
    use crate::artifact::{Content, FileTree};

    /// An archive made by the `zip` crate, which writes names and modes that our own writer refuses.
    fn archive(directory: &Path, entries: &[(&str, u32, &str)]) -> Archive {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, mode, content) in entries {
            if mode & 0o170_000 == 0o120_000 {
                writer
                    .add_symlink(*name, *content, SimpleFileOptions::default())
                    .unwrap();
            } else {
                let options = SimpleFileOptions::default().unix_permissions(*mode);
                writer.start_file(*name, options).unwrap();
                writer.write_all(content.as_bytes()).unwrap();
            }
        }
        let path = directory.join("x.zip");
        fs::write_if_changed(&path, 0o644, &writer.finish().unwrap().into_inner()).unwrap();
        Archive::open(&path).unwrap()
    }

    fn refusal(entries: &[(&str, u32, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let error = archive(directory.path(), entries)
            .unpack(&directory.path().join("out"))
            .unwrap_err();
        assert_eq!(error.exit_code(), 5, "{error}");
        error.to_string()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    const LINK: u32 = 0o120_777;

    #[test]
    fn modes_are_kept_as_program_or_not() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let entries = [
            ("d/run", 0o4_711, "run"),
            ("d/data", 0o600, "data"),
            ("in", LINK, "d/data"),
        ];
        archive(directory.path(), &entries).unpack(&out).unwrap();
        assert_eq!(mode(&out.join("d")), 0o755);
        assert_eq!(mode(&out.join("d/run")), 0o755);
        assert_eq!(mode(&out.join("d/data")), 0o644);
        assert_eq!(fs::read_to_string(out.join("in")).unwrap(), "data");
    }

    #[test]
    fn nothing_is_unpacked_over_other_files() {
        let directory = tempfile::tempdir().unwrap();
        let error = archive(directory.path(), &[("a", 0o644, "")])
            .unpack(directory.path())
            .unwrap_err();
        assert!(error.one_line().contains("is not empty"), "{error}");
    }

    #[test]
    fn names_that_leave_the_directory_are_refused() {
        for name in ["../x", "/x", "a/../../x", "a\\x", "C:/x"] {
            assert!(
                refusal(&[(name, 0o644, "")]).contains("is not unpacked: "),
                "{name}"
            );
        }
    }

    #[test]
    fn links_that_leave_the_directory_are_refused() {
        for (name, target) in [
            ("l", "/etc"),
            ("l", "../x"),
            ("d/l", "../../x"),
            ("l", "d/../.."),
            ("l", ""),
        ] {
            assert!(
                refusal(&[(name, LINK, target)]).contains("link out of"),
                "{target}"
            );
        }
        // Through a deep link, `..` climbs from where the link points to.
        let deep = [("d/e/up", LINK, "../.."), ("d/e/out", LINK, "up/..")];
        assert!(refusal(&deep).contains("link out of"));
        assert!(refusal(&[("l", LINK, "d"), ("l/x", 0o644, "")]).contains("below a file"));
    }

    #[test]
    fn one_name_is_one_thing() {
        assert!(refusal(&[("a", 0o644, ""), ("a/b", 0o644, "")]).contains("below a file"));
        assert!(refusal(&[("a/b", 0o644, ""), ("a", 0o644, "")]).contains("another entry"));
    }

    #[test]
    fn duplicate_names_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut tree = FileTree::new();
        for name in ["aa", "ab"] {
            tree.insert(name, Content::Bytes(Vec::new()), false)
                .unwrap();
        }
        let mut bytes = write(&tree, &ZipSettings::default()).unwrap().bytes;
        for at in 0..bytes.len() - 1 {
            if &bytes[at..at + 2] == b"ab" {
                bytes[at + 1] = b'a';
            }
        }
        let path = directory.path().join("x.zip");
        fs::write_if_changed(&path, 0o644, &bytes).unwrap();
        let error = Archive::open(&path)
            .unwrap()
            .unpack(&directory.path().join("out"))
            .unwrap_err();
        assert!(
            error.to_string().ends_with("has two entries of one name"),
            "{error}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_tree_comes_back(
            files in proptest::collection::btree_map(
                "[a-c]{1,2}(/[a-c]{1,2}){0,2}",
                (proptest::collection::vec(any::<u8>(), 0..100), any::<bool>()),
                0..6,
            )
        ) {
            let mut tree = FileTree::new();
            let packed: Vec<_> = files
                .iter()
                .filter(|(name, (content, executable))| {
                    tree.insert(name, Content::Bytes(content.clone()), *executable).is_ok()
                })
                .collect();
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("x.zip");
            let zip = write(&tree, &ZipSettings::default()).unwrap();
            fs::write_if_changed(&path, 0o644, &zip.bytes).unwrap();
            let out = directory.path().join("out");
            Archive::open(&path).unwrap().unpack(&out).unwrap();
            for (name, (content, executable)) in packed {
                let file = out.join(name);
                prop_assert_eq!(&fs::read(&file).unwrap(), content);
                prop_assert_eq!(mode(&file), if *executable { 0o755 } else { 0o644 });
            }
        }

        #[test]
        fn no_archive_leaves_its_directory(
            entries in proptest::collection::vec(
                ("[ab.]{1,2}(/[ab.]{1,2}){0,2}", any::<bool>(), "[/ab.]{0,3}(/[ab.]{1,2}){0,2}"),
                1..5,
            )
        ) {
            let directory = tempfile::tempdir().unwrap();
            let entries: std::collections::BTreeMap<&str, (u32, &str)> = entries
                .iter()
                .map(|(name, link, text)| (name.as_str(), (if *link { LINK } else { 0o644 }, text.as_str())))
                .collect();
            let entries: Vec<_> = entries.into_iter().map(|(name, (mode, text))| (name, mode, text)).collect();
            let out = directory.path().join("out");
            let unpacked = archive(directory.path(), &entries).unpack(&out);
            prop_assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1 + usize::from(out.exists()));
            if unpacked.is_ok() {
                let real = out.canonicalize().unwrap();
                for (name, _, _) in &entries {
                    if let Ok(target) = out.join(name).canonicalize() {
                        prop_assert!(target.starts_with(&real), "{} is {}", name, target.display());
                    }
                }
            }
        }
    }
}
