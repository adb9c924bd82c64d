//! One value of each type that a key can have, read from its place: text, lists, sizes, arches, includes. Which
//! key has which is `table.rs`'s.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::document::{Entry, Node, entries, quoted};
use super::{Include, Kind, Located, Platform};
use crate::artifact::oci::media_type::Compression;
use crate::binary::Strip;
use crate::error::{Names, Result, did_you_mean};
use crate::project::{Allocator, Optimize, Panic};
use crate::target::Arch;
use crate::units::Bytes;

/// The arches that can be written, their aliases aside.
pub(super) const ARCHES: [&str; 3] = ["arm64", "amd64", "host"];

/// How often an event can be run in training, as `--pgo-repeat` has it.
pub(super) const MOST_REPEATS: u32 = 100_000;

/// Lists for hints.
const TEXTS: &str = "[\"…\"]";
const INCLUDES: &str = "[\"templates/**\", { from = \"a.pem\", to = \"certs/a.pem\" }]";

/// A value that is one of a few words.
pub(super) trait Word: Copy + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

impl Word for Optimize {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("size", Self::Size),
        ("balanced", Self::Balanced),
        ("speed", Self::Speed),
    ];
}

impl Word for Panic {
    const WORDS: &'static [(&'static str, Self)] =
        &[("unwind", Self::Unwind), ("abort", Self::Abort)];
}

impl Word for Strip {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("symbols", Self::Symbols),
        ("debuginfo", Self::Debuginfo),
        ("none", Self::None),
    ];
}

impl Word for Allocator {
    const WORDS: &'static [(&'static str, Self)] =
        &[("dlmalloc", Self::Dlmalloc), ("system", Self::System)];
}

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("function", Self::Function),
        ("extension", Self::Extension),
        ("layer", Self::Layer),
    ];
}

impl Word for Platform {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("lambda", Self::Lambda),
        ("cloud-run", Self::CloudRun),
        ("fargate", Self::Fargate),
        ("container", Self::Container),
        ("app-runner", Self::AppRunner),
    ];
}

impl Word for Compression {
    const WORDS: &'static [(&'static str, Self)] = &[("gzip", Self::Gzip), ("zstd", Self::Zstd)];
}

/// The words of a type, for messages and the schema.
pub(super) fn words<W: Word>() -> Vec<&'static str> {
    W::WORDS.iter().map(|(word, _)| *word).collect()
}

pub(super) fn word<W: Word>(node: Node<'_>) -> Result<W> {
    let known = words::<W>();
    let example = format!("\"{}\"", known.first().unwrap_or(&""));
    let DeValue::String(text) = node.value.get_ref() else {
        return Err(node.wrong_type("a string", &example));
    };
    let found = W::WORDS.iter().find(|(word, _)| word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        node.error(
            format!(
                "`{}` cannot be {}: there is {}",
                node.name,
                quoted(text),
                Names(&known)
            ),
            did_you_mean(text, &known).or_else(|| Some(format!("{} = {example}", node.name))),
        )
    })
}

/// Text that names something: not empty, nothing invisible in it.
pub(super) fn text(node: Node<'_>) -> Result<String> {
    let text = line(node)?;
    if text.is_empty() {
        return Err(node.error(format!("`{}` is empty", node.name), None));
    }
    Ok(text)
}

/// Text on one line, which may be empty.
pub(super) fn line(node: Node<'_>) -> Result<String> {
    let DeValue::String(text) = node.value.get_ref() else {
        return Err(node.wrong_type("a string", "\"…\""));
    };
    if text.contains(char::is_control) {
        let message = format!(
            "`{}` holds a control character: {}",
            node.name,
            quoted(text)
        );
        return Err(node.error(message, None));
    }
    Ok(text.clone().into_owned())
}

/// A CPU by its name: `native` would be another one on every machine.
pub(super) fn cpu(node: Node<'_>) -> Result<String> {
    let name = text(node)?;
    if name == "native" {
        return Err(node.error(
            format!("`{}` `native` is another CPU on every machine", node.name),
            Some("name it: rustc --print target-cpus".to_owned()),
        ));
    }
    Ok(name)
}

pub(super) fn flag(node: Node<'_>) -> Result<bool> {
    let flag = node.value.get_ref().as_bool();
    flag.ok_or_else(|| node.wrong_type("`true` or `false`", "true"))
}

pub(super) fn repeats(node: Node<'_>) -> Result<u32> {
    let Some(integer) = node.value.get_ref().as_integer() else {
        return Err(node.wrong_type("a whole number", "50"));
    };
    let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
    let number = number.filter(|number| (1..=MOST_REPEATS).contains(number));
    number.ok_or_else(|| {
        let found = quoted(integer.as_str());
        node.error(
            format!("`{}` is from 1 to {MOST_REPEATS}, not {found}", node.name),
            Some(format!("{} = 50", node.name)),
        )
    })
}

/// Ports without repetition, from one number or a list.
pub(super) fn ports(node: Node<'_>) -> Result<Vec<u16>> {
    if !matches!(node.value.get_ref(), DeValue::Array(_)) {
        return Ok(vec![port(node)?]);
    }
    let mut ports = Vec::new();
    for element in elements(node, "ports", "[8080]")? {
        let port = port(element)?;
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(ports)
}

fn port(node: Node<'_>) -> Result<u16> {
    let Some(integer) = node.value.get_ref().as_integer() else {
        return Err(node.wrong_type("a port, or a list of them", "8080"));
    };
    let number = u16::from_str_radix(integer.as_str(), integer.radix()).ok();
    number.filter(|number| *number > 0).ok_or_else(|| {
        let found = quoted(integer.as_str());
        node.error(
            format!("`{}` is from 1 to {}, not {found}", node.name, u16::MAX),
            Some(format!("{} = 8080", node.name)),
        )
    })
}

/// A budget in bytes, written with its unit.
pub(super) fn size(node: Node<'_>) -> Result<u64> {
    let text = match node.value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            return Err(node.wrong_type("a size", "\"2 MB\""));
        }
    };
    match Bytes::parse(text) {
        Ok(Bytes(0)) => {
            let message = format!("`{}` is 0 bytes, in which nothing fits", node.name);
            Err(node.error(message, Some(format!("{} = \"2 MB\"", node.name))))
        }
        Ok(Bytes(bytes)) => Ok(bytes),
        Err(bad) => {
            let instead = bad.instead.unwrap_or_else(|| "2 MB".to_owned());
            let message = format!("`{}`: {} {}", node.name, quoted(text), bad.cause);
            Err(node.error(message, Some(format!("{} = \"{instead}\"", node.name))))
        }
    }
}

/// The elements of a list. A lone string is told how it becomes one.
fn elements<'d>(node: Node<'d>, of: &str, example: &str) -> Result<impl Iterator<Item = Node<'d>>> {
    let elements = match node.value.get_ref() {
        DeValue::Array(elements) => elements,
        DeValue::String(text) if !text.contains(['"', '\\']) => {
            return Err(node.wrong_type(&format!("a list of {of}"), &format!("[\"{text}\"]")));
        }
        _ => return Err(node.wrong_type(&format!("a list of {of}"), example)),
    };
    Ok(elements.iter().map(move |value| node.element(value)))
}

pub(super) fn texts(node: Node<'_>) -> Result<Vec<String>> {
    elements(node, "strings", TEXTS)?
        .map(element_text)
        .collect()
}

/// A list whose elements keep their places.
pub(super) fn located_texts(node: Node<'_>) -> Result<Vec<Located<String>>> {
    elements(node, "strings", TEXTS)?
        .map(|element| {
            Ok(Located {
                value: element_text(element)?,
                place: element.place(),
            })
        })
        .collect()
}

fn element_text(element: Node<'_>) -> Result<String> {
    if element.value.get_ref().is_str() {
        text(element)
    } else {
        Err(element.wrong_type("a list of strings", TEXTS))
    }
}

/// Arches without repetition, from one string or a list.
pub(super) fn arches(node: Node<'_>) -> Result<Vec<Arch>> {
    if node.value.get_ref().is_str() {
        return Ok(vec![arch(node)?]);
    }
    let mut arches = Vec::new();
    for element in elements(node, "arches", "[\"arm64\"]")? {
        let arch = arch(element)?;
        if !arches.contains(&arch) {
            arches.push(arch);
        }
    }
    if arches.is_empty() {
        let message = format!("`{}` is an empty list", node.name);
        return Err(node.error(message, Some(format!("{} = [\"arm64\"]", node.name))));
    }
    Ok(arches)
}

fn arch(node: Node<'_>) -> Result<Arch> {
    let DeValue::String(name) = node.value.get_ref() else {
        return Err(node.wrong_type("a list of arches", "[\"arm64\"]"));
    };
    if name == "host" {
        return Arch::host().ok_or_else(|| {
            let here = std::env::consts::ARCH;
            let message = format!("arch `host` is `{here}` here, which Lambda does not run");
            node.error(message, Some(format!("{} = [\"arm64\"]", node.name)))
        });
    }
    Arch::from_name(name).ok_or_else(|| {
        node.error(
            format!(
                "unknown arch {}: slsbuild builds for {}",
                quoted(name),
                Names(&ARCHES)
            ),
            did_you_mean(name, &ARCHES).or_else(|| Some(format!("{} = [\"arm64\"]", node.name))),
        )
    })
}

pub(super) fn includes(node: Node<'_>) -> Result<Vec<Located<Include>>> {
    elements(node, "paths", INCLUDES)?
        .map(|element| {
            Ok(Located {
                value: include(element)?,
                place: element.place(),
            })
        })
        .collect()
}

fn include(node: Node<'_>) -> Result<Include> {
    let table = match node.value.get_ref() {
        DeValue::String(_) => return text(node).map(Include::Path),
        DeValue::Table(table) => table,
        _ => return Err(node.wrong_type("a list of paths", INCLUDES)),
    };
    let (mut from, mut to) = (None, None);
    for Entry { key, offset, value } in entries(table) {
        let field = match key {
            "from" => (&mut from, "from"),
            "to" => (&mut to, "to"),
            other => {
                let message = format!("unknown key {} in an entry of `include`", quoted(other));
                let hint = did_you_mean(other, &["from", "to"]);
                let hint = hint.unwrap_or_else(|| format!("include = {INCLUDES}"));
                return Err(node.document.error(offset, message, Some(hint)));
            }
        };
        let (name, document) = (field.1, node.document);
        *field.0 = Some(text(Node {
            document,
            name,
            value,
        })?);
    }
    let missing = |key: &str| {
        let message = format!("an entry of `include` has no `{key}`");
        node.error(message, Some(format!("include = {INCLUDES}")))
    };
    Ok(Include::FromTo {
        from: from.ok_or_else(|| missing("from"))?,
        to: to.ok_or_else(|| missing("to"))?,
    })
}

/// Variables of an environment.
pub(super) fn variables(node: Node<'_>) -> Result<BTreeMap<String, String>> {
    const EXAMPLE: &str = "{ TABLE = \"orders\" }";
    let mut variables = BTreeMap::new();
    for Entry { key, offset, value } in entries(node.table(EXAMPLE)?) {
        if key.is_empty() || key.contains('=') || key.contains(char::is_control) {
            let message = format!("{} cannot be a variable's name", quoted(key));
            let hint = Some(format!("{} = {EXAMPLE}", node.name));
            return Err(node.document.error(offset, message, hint));
        }
        let element = node.element(value);
        let DeValue::String(text) = value.get_ref() else {
            return Err(element.wrong_type("a table of strings", EXAMPLE));
        };
        if text.contains('\0') {
            let message = format!("variable {} holds a NUL character", quoted(key));
            return Err(element.error(message, None));
        }
        variables.insert(key.to_owned(), text.clone().into_owned());
    }
    Ok(variables)
}
