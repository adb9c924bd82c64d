//! The commit that an image is built from, for those who ask for it: each commit is another image then.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::process::Command;
use crate::ui::Ui;

/// The standard annotations of a commit: where its sources are, if that is said anywhere, and which it is
/// (<https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>).
///
/// # Errors
/// [`Error::ToolMissing`] without git, [`Error::Project`] where there is no commit.
pub(super) fn annotations(directory: &Path, ui: Ui) -> Result<BTreeMap<String, String>> {
    let Some(revision) = git(directory, &["rev-parse", "HEAD"], ui)? else {
        return Err(Error::Project {
            message: format!(
                "`{}` is in no git repository with a commit, and --label-git names the commit",
                directory.display()
            ),
            hint: Some("leave --label-git out, or commit first: git commit".to_owned()),
        });
    };
    let changed = git(
        directory,
        &["status", "--porcelain", "--untracked-files=no"],
        ui,
    )?;
    if changed.is_some_and(|lines| !lines.is_empty()) {
        ui.warning(
            format_args!("the sources differ from commit {revision}, which the image will name"),
            Some("commit first: git commit"),
        );
    }
    let name = |key: &str| format!("org.opencontainers.image.{key}");
    let mut annotations = BTreeMap::from([(name("revision"), revision)]);
    let remote = git(directory, &["config", "--get", "remote.origin.url"], ui)?;
    let source = remote
        .as_deref()
        .map(without_user)
        .filter(|url| !url.is_empty());
    annotations.extend(source.map(|source| (name("source"), source)));
    Ok(annotations)
}

/// What git says; `None` where it refuses.
fn git(directory: &Path, arguments: &[&str], ui: Ui) -> Result<Option<String>> {
    let mut command = Command::new("git");
    command.directory(directory).args(arguments);
    ui.command(&command);
    let output = command.output().map_err(|_| Error::ToolMissing {
        message: "`git` is not on PATH, and --label-git asks it for the commit".to_owned(),
        hint: "apt-get install git, or leave --label-git out".to_owned(),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success().then(|| text.trim().to_owned()))
}

/// A remote's address without the user and the password in it; one in scp's form, which is no URL, becomes one of ssh.
fn without_user(remote: &str) -> String {
    if let Some((scheme, rest)) = remote.split_once("://") {
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = place.rsplit('@').next().unwrap_or(place);
        return format!("{scheme}://{host}/{path}");
    }
    match remote.split_once(':') {
        Some((place, path)) if !place.contains('/') => {
            let host = place.rsplit('@').next().unwrap_or(place);
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        // A directory of this machine is nobody else's source.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_and_no_password_is_named() {
        for (remote, source) in [
            (
                "https://github.com/team/shop.git",
                "https://github.com/team/shop.git",
            ),
            (
                "https://me:secret@github.com/team/shop",
                "https://github.com/team/shop",
            ),
            ("https://a@b:c@github.com/x", "https://github.com/x"),
            (
                "ssh://git@github.com/team/shop",
                "ssh://github.com/team/shop",
            ),
            (
                "git@github.com:team/shop.git",
                "ssh://github.com/team/shop.git",
            ),
            ("host:shop", "ssh://host/shop"),
            ("/srv/shop", ""),
            ("../shop", ""),
        ] {
            assert_eq!(without_user(remote), source, "{remote}");
        }
    }
}
