//! An image's configuration: read with care, edited in place with every unknown field kept, written in canonical JSON.
//!
//! Fields: <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::media_type::Family;
use super::{Digest, Document, Platform};
use crate::calendar;
use crate::error::{Error, Result};

mod shape;

/// The last second of the year 9999, which is the last that a date of RFC 3339 can say.
const LAST_SECOND: u64 = 253_402_300_799;

/// What a new image changes of the configuration below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigEdits {
    /// What is run. Without [`Self::cmd`], the arguments of the image below go with its entrypoint, as Docker does it.
    pub entrypoint: Option<Vec<String>>,
    /// The arguments.
    pub cmd: Option<Vec<String>>,
    /// The working directory.
    pub workdir: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// Variables, each in the place of the one of its name.
    pub env: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// TCP ports that the image listens on.
    pub ports: BTreeSet<u16>,
}

/// A configuration, whose known fields have their types.
#[derive(Clone, Debug, PartialEq)]
pub struct Config(Map<String, Value>);

impl Config {
    /// The configuration of an image without layers.
    pub fn scratch(platform: &Platform) -> Self {
        let mut fields = Map::new();
        let mut set = |key: &str, value: &str| fields.insert(key.to_owned(), json!(value));
        set("architecture", &platform.architecture);
        set("os", &platform.os);
        if let Some(version) = &platform.os_version {
            set("os.version", version);
        }
        if let Some(variant) = &platform.variant {
            set("variant", variant);
        }
        Self(fields)
    }

    /// Reads a configuration from outside; `name` is the image's, for errors.
    ///
    /// # Errors
    /// [`Error::Rejected`] for what is no configuration, and for a known field of another type.
    pub fn read(document: &Document, name: &str) -> Result<Self> {
        let fields: Map<String, Value> = document.read(name)?;
        match shape::wrong_field(&fields) {
            None => Ok(Self(fields)),
            Some(cause) => Err(Error::Rejected {
                message: format!("the configuration of `{name}` cannot be read: {cause}"),
                hint: None,
            }),
        }
    }

    /// The CPU and the system; both are empty where they are not said.
    pub fn platform(&self) -> Platform {
        let text = |key: &str| self.0.get(key).and_then(Value::as_str).map(str::to_owned);
        Platform {
            architecture: text("architecture").unwrap_or_default(),
            os: text("os").unwrap_or_default(),
            os_version: text("os.version"),
            variant: text("variant"),
        }
    }

    /// What is run.
    pub fn entrypoint(&self) -> Vec<&str> {
        self.list("Entrypoint")
    }

    /// Its arguments.
    pub fn cmd(&self) -> Vec<&str> {
        self.list("Cmd")
    }

    /// The variables, `NAME=VALUE`.
    pub fn env(&self) -> Vec<&str> {
        self.list("Env")
    }

    /// The working directory, empty where none is set.
    pub fn workdir(&self) -> &str {
        self.text("WorkingDir")
    }

    /// The user, empty where none is set.
    pub fn user(&self) -> &str {
        self.text("User")
    }

    /// The labels.
    pub fn labels(&self) -> BTreeMap<&str, &str> {
        let labels = self.run("Labels").and_then(Value::as_object);
        let pairs = labels.into_iter().flatten();
        pairs
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect()
    }

    /// The ports it says it listens on: `8080/tcp`.
    pub fn ports(&self) -> Vec<&str> {
        let ports = self.run("ExposedPorts").and_then(Value::as_object);
        ports
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect()
    }

    /// The digests of the layers as they are without compression, the lowest first.
    pub fn diff_ids(&self) -> Vec<Digest> {
        let ids = self
            .0
            .get("rootfs")
            .and_then(|rootfs| rootfs.get("diff_ids"));
        let ids = ids.and_then(Value::as_array).into_iter().flatten();
        ids.filter_map(|id| Digest::parse(id.as_str()?).ok())
            .collect()
    }

    /// How many entries of its history stand for a layer.
    pub fn layers_in_history(&self) -> usize {
        let history = self.0.get("history").and_then(Value::as_array);
        history
            .into_iter()
            .flatten()
            .filter(|entry| !is_empty_layer(entry))
            .count()
    }

    /// The whole configuration.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Applies what a new image changes.
    pub fn edit(&mut self, edits: &ConfigEdits) {
        let list = |list: &[String]| (!list.is_empty()).then(|| json!(list));
        if let Some(entrypoint) = &edits.entrypoint {
            self.set_run("Entrypoint", list(entrypoint));
            self.set_run("Cmd", None);
        }
        if let Some(cmd) = &edits.cmd {
            self.set_run("Cmd", list(cmd));
        }
        for (key, value) in [("WorkingDir", &edits.workdir), ("User", &edits.user)] {
            if let Some(value) = value {
                self.set_run(key, (!value.is_empty()).then(|| json!(value)));
            }
        }
        if !edits.env.is_empty() {
            self.set_run("Env", Some(json!(merged(self.env(), &edits.env))));
        }
        self.extend_run(
            "Labels",
            edits.labels.iter().map(|(k, v)| (k.clone(), json!(v))),
        );
        let ports = edits.ports.iter();
        self.extend_run(
            "ExposedPorts",
            ports.map(|port| (format!("{port}/tcp"), json!({}))),
        );
    }

    /// Makes the history say exactly one thing of each layer: one that is too short is completed, and what it says too much
    /// stands for no layer.
    pub fn complete_history(&mut self, created: &str) {
        let layers = self.diff_ids().len();
        let said = self.layers_in_history();
        let mut history = taken_array(&mut self.0, "history");
        let of_layers = history
            .iter_mut()
            .rev()
            .filter(|entry| !is_empty_layer(entry));
        for entry in of_layers.take(said.saturating_sub(layers)) {
            entry["empty_layer"] = json!(true);
        }
        let neutral = json!({"comment": "a layer of the base", "created": created});
        history.extend(vec![neutral; layers.saturating_sub(said)]);
        self.0.insert("history".to_owned(), json!(history));
    }

    /// Adds a layer on top.
    pub fn add_layer(&mut self, diff_id: Digest, created: &str, created_by: &str) {
        let mut history = taken_array(&mut self.0, "history");
        history.push(json!({"created": created, "created_by": created_by}));
        self.0.insert("history".to_owned(), json!(history));
        let mut rootfs = taken_object(&mut self.0, "rootfs");
        let mut ids = taken_array(&mut rootfs, "diff_ids");
        ids.push(json!(diff_id));
        rootfs.insert("diff_ids".to_owned(), json!(ids));
        self.0.insert("rootfs".to_owned(), json!(rootfs));
    }

    /// Sets when the image was made.
    pub fn set_created(&mut self, created: &str) {
        self.0.insert("created".to_owned(), json!(created));
    }

    /// The configuration as it is written. An image without layers says that it has none.
    ///
    /// # Errors
    /// Never for a configuration that was read.
    pub fn document(mut self, family: Family) -> Result<Document> {
        let mut rootfs = taken_object(&mut self.0, "rootfs");
        rootfs.entry("type").or_insert_with(|| json!("layers"));
        rootfs.entry("diff_ids").or_insert_with(|| json!([]));
        self.0.insert("rootfs".to_owned(), json!(rootfs));
        Document::new(family.config(), &self.0)
    }

    /// A field of what is run.
    fn run(&self, key: &str) -> Option<&Value> {
        self.0.get("config").and_then(|run| run.get(key))
    }

    fn text(&self, key: &str) -> &str {
        self.run(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn list(&self, key: &str) -> Vec<&str> {
        let list = self.run(key).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Sets a field of what is run, or takes it away.
    fn set_run(&mut self, key: &str, value: Option<Value>) {
        let mut run = taken_object(&mut self.0, "config");
        match value {
            Some(value) => run.insert(key.to_owned(), value),
            None => run.remove(key),
        };
        self.0.insert("config".to_owned(), json!(run));
    }

    fn extend_run(&mut self, key: &str, pairs: impl Iterator<Item = (String, Value)>) {
        let mut run = taken_object(&mut self.0, "config");
        let mut all = taken_object(&mut run, key);
        all.extend(pairs);
        if !all.is_empty() {
            run.insert(key.to_owned(), json!(all));
        }
        if !run.is_empty() {
            self.0.insert("config".to_owned(), json!(run));
        }
    }
}

/// Takes an object out of another one, to be put back; an empty one where there is none.
fn taken_object(fields: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match fields.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Takes a list out of an object, to be put back; an empty one where there is none.
fn taken_array(fields: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match fields.remove(key) {
        Some(Value::Array(array)) => array,
        _ => Vec::new(),
    }
}

fn is_empty_layer(entry: &Value) -> bool {
    entry.get("empty_layer") == Some(&json!(true))
}

/// A moment, in seconds since 1970, as the configuration says it.
///
/// # Errors
/// [`Error::Usage`] after the year 9999.
pub fn rfc3339(seconds: u64) -> Result<String> {
    if seconds > LAST_SECOND {
        return Err(Error::Usage {
            message: format!(
                "`SOURCE_DATE_EPOCH={seconds}`: an image cannot be that young: its year has four digits"
            ),
            hint: Some("export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)".to_owned()),
        });
    }
    let (year, month, day) = calendar::civil((seconds / 86_400).cast_signed());
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// The variables with those of `edits` in the place of the first of their name, or after all.
fn merged(old: Vec<&str>, edits: &BTreeMap<String, String>) -> Vec<String> {
    let mut rest: BTreeMap<&str, Option<&str>> = edits
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let mut env = Vec::new();
    for line in old {
        let name = line.split_once('=').map_or(line, |(name, _)| name);
        match rest.get_mut(name) {
            None => env.push(line.to_owned()),
            Some(value) => env.extend(value.take().map(|value| format!("{name}={value}"))),
        }
    }
    let new = rest
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
    env.extend(new);
    env
}

#[cfg(test)]
mod tests;
