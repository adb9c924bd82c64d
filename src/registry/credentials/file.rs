//! `config.json` of Docker and `auth.json` of podman, which are the same document: helpers for some registries, credentials in
//! the file itself, and a helper for all the rest.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use super::super::endpoint;
use super::super::secret::Secret;
use super::{Credential, Found, Places, Source, Wanted, credential, helper, server};
use crate::error::{Error, Result};
use crate::fs;

/// Larger files are no credentials.
const MOST: u64 = 4 << 20;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// The credential for a repository in one file, if it is there.
///
/// # Errors
/// When the file cannot be understood or a helper that it names does not work.
pub(super) fn find(places: &Places, path: &Path, wanted: Wanted<'_>) -> Result<Option<Found>> {
    let shown = places.shown(path);
    let bytes = match fs::read_bounded(path, MOST) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        bytes => bytes?,
    };
    // serde's words quote what they stumble over, which may be a password: only the place is told.
    let document: Document = serde_json::from_slice(&bytes).map_err(|error| Error::Config {
        place: format!("{shown}:{}:{}", error.line(), error.column()),
        message: "is not what Docker or podman write".to_owned(),
        hint: Some(format!(
            "log in again, which writes it anew: docker login {}",
            wanted.host
        )),
    })?;
    let keys = keys(wanted);
    let helper_for = |name: &str| helper::get(places, name, server(wanted.host), &shown, wanted);
    if let Some(name) = keys.iter().find_map(|key| document.helpers.get(key)) {
        return helper_for(name);
    }
    for key in &keys {
        let entries = document.auths.iter();
        let matching = entries.filter(|(name, _)| normal(name) == normal(key));
        for (_, entry) in matching {
            if let Some(credential) = read(entry, &shown, wanted.host)? {
                let source = Source::File(shown);
                return Ok(Some(Found { credential, source }));
            }
        }
    }
    match document.store.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => helper_for(name),
    }
}

/// The names that an entry for the repository may have, the closest first
/// (<https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>, 2026-11).
fn keys(wanted: Wanted<'_>) -> Vec<String> {
    let hosts: &[&str] = if endpoint::is_hub(wanted.host) {
        &[
            "docker.io",
            super::HUB_KEY,
            "index.docker.io",
            "registry-1.docker.io",
        ]
    } else {
        &[wanted.host]
    };
    let mut keys = Vec::new();
    let mut repository = wanted.repository;
    while !repository.is_empty() {
        keys.push(format!("{}/{repository}", hosts[0]));
        repository = repository.rsplit_once('/').map_or("", |(above, _)| above);
    }
    keys.extend(hosts.iter().map(|host| (*host).to_owned()));
    keys
}

/// A name without its scheme and without the version of the protocol, which old entries have.
fn normal(name: &str) -> &str {
    let name = name
        .strip_prefix("https://")
        .or_else(|| name.strip_prefix("http://"))
        .unwrap_or(name)
        .trim_end_matches('/');
    name.strip_suffix("/v1")
        .or_else(|| name.strip_suffix("/v2"))
        .unwrap_or(name)
}

fn read(entry: &Entry, shown: &str, host: &str) -> Result<Option<Credential>> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = given(&entry.identitytoken) {
        return Ok(Some(Credential::Identity(Secret::new(token))));
    }
    if let Some(auth) = given(&entry.auth) {
        return decode(&auth).map(Some).ok_or_else(|| Error::Config {
            place: shown.to_owned(),
            message: format!("`auth` of `{host}` is no user name and password in base64"),
            hint: Some(format!("log in again: docker login {host}")),
        });
    }
    let pair = given(&entry.username).zip(given(&entry.password));
    Ok(pair.map(|(username, password)| credential(&username, &password)))
}

/// `USER:PASSWORD` in base64, which some tools pad and some end with zeros.
fn decode(auth: &str) -> Option<Credential> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&STANDARD, config)
        .decode(auth.trim())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(credential(username, password.trim_end_matches('\0')))
}
