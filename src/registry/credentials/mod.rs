//! Who slsbuild is to a registry: the variables, files and helpers in which users keep that, in the order in which they are
//! looked at. Where a credential came from is kept beside it, since that is what one asks when it does not work.

mod file;
mod helper;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::secret::Secret;
use crate::error::{Error, Result};

/// The user name for the registry that is pushed to.
pub const USERNAME: &str = "SLSBUILD_REGISTRY_USERNAME";
/// Its password.
pub const PASSWORD: &str = "SLSBUILD_REGISTRY_PASSWORD";
/// The name that Docker keeps its Hub's credentials under.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What proves who the user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password.
    Password(String, Secret),
    /// An identity token, which is exchanged for others.
    Identity(Secret),
}

/// A credential and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What proves who the user is.
    pub credential: Credential,
    /// Where it was kept.
    pub source: Source,
}

/// Where a credential was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In slsbuild's own variables.
    Environment,
    /// In a file, as the user would write its path.
    File(String),
    /// In what a program looks after.
    Helper(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => write!(f, "`{USERNAME}` and `{PASSWORD}`"),
            Self::File(path) => write!(f, "`{path}` (auths)"),
            Self::Helper(program) => write!(f, "`{program}`"),
        }
    }
}

/// The variables that say where credentials are, read once.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `SLSBUILD_REGISTRY_USERNAME`.
    pub username: Option<String>,
    /// `SLSBUILD_REGISTRY_PASSWORD`.
    pub password: Option<Secret>,
    /// `DOCKER_CONFIG`, a directory.
    pub docker_config: Option<PathBuf>,
    /// `REGISTRY_AUTH_FILE`.
    pub registry_auth_file: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_directory: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// The user's own directory.
    pub home: Option<PathBuf>,
    /// `PATH`, where helpers are.
    pub path: Option<OsString>,
}

impl Places {
    /// What the environment of this process says. An empty variable says nothing.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let path = |name: &str| variable(name).map(PathBuf::from);
        Self {
            username: text(USERNAME),
            password: text(PASSWORD).map(Secret::new),
            docker_config: path("DOCKER_CONFIG"),
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            runtime_directory: path("XDG_RUNTIME_DIR"),
            config_home: path("XDG_CONFIG_HOME"),
            home: std::env::home_dir(),
            path: variable("PATH"),
        }
    }

    /// Docker's and podman's files, the first to be looked at first.
    fn files(&self) -> Vec<PathBuf> {
        let docker = self.docker_config.clone();
        let home = |below: &str| self.home.as_ref().map(|home| home.join(below));
        let config_home = self.config_home.clone().or_else(|| home(".config"));
        let below = |directory: Option<&PathBuf>, file: &str| directory.map(|at| at.join(file));
        [
            below(docker.or_else(|| home(".docker")).as_ref(), "config.json"),
            self.registry_auth_file.clone(),
            below(self.runtime_directory.as_ref(), "containers/auth.json"),
            below(config_home.as_ref(), "containers/auth.json"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A path as the user would write it.
    fn shown(&self, path: &Path) -> String {
        let home = self.home.as_ref().filter(|home| home.parent().is_some());
        match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }
}

/// Whose credentials are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The registry, as references name it.
    pub(super) host: &'a str,
    /// The repository there.
    pub(super) repository: &'a str,
    /// Whether slsbuild's own variables are meant for it.
    pub(super) is_push_host: bool,
    /// How long a helper may think.
    pub(super) patience: Duration,
}

/// The credential for a repository, if one is kept anywhere.
///
/// # Errors
/// When a file cannot be understood or a helper does not work: going on as nobody would only hide it.
pub(super) fn find(places: &Places, wanted: Wanted<'_>) -> Result<Option<Found>> {
    if wanted.is_push_host
        && let Some(found) = from_environment(places)?
    {
        return Ok(Some(found));
    }
    for path in places.files() {
        if let Some(found) = file::find(places, &path, wanted)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn from_environment(places: &Places) -> Result<Option<Found>> {
    match (&places.username, &places.password) {
        (Some(username), Some(password)) => Ok(Some(Found {
            credential: Credential::Password(username.clone(), password.clone()),
            source: Source::Environment,
        })),
        (None, None) => Ok(None),
        (username, _) => {
            let (given, missing) = match username {
                Some(_) => (USERNAME, PASSWORD),
                None => (PASSWORD, USERNAME),
            };
            Err(Error::Usage {
                message: format!("`{given}` is set and `{missing}` is not"),
                hint: Some(format!("set both, or neither: unset {given}")),
            })
        }
    }
}

/// The name that credentials of a registry are kept under, as helpers are asked for it.
fn server(host: &str) -> &str {
    if super::endpoint::is_hub(host) {
        HUB_KEY
    } else {
        host
    }
}

/// Makes a credential of a name and a secret; the name `<token>` says that the secret is an identity token
/// (<https://github.com/docker/docker-credential-helpers>, 2026-11).
fn credential(username: &str, secret: &str) -> Credential {
    match username {
        "<token>" => Credential::Identity(Secret::new(secret)),
        username => Credential::Password(username.to_owned(), Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests;
