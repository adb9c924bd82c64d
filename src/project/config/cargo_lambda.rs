//! What a package says to cargo-lambda: the keys of `[package.metadata.lambda.build]` that mean something here.
//! <https://www.cargo-lambda.info/commands/build.html> (2026-11). Read where there is no section of ours at all.

use toml::de::DeValue;

use super::document::{Entry, Node, entries};
use super::{Include, Keys, Located, Place, values};
use crate::error::{Error, Result};

/// One package's `[package.metadata.lambda.build]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoLambda {
    /// `include`: paths to pack too.
    pub include: Vec<String>,
    /// `bin`: the binaries to build; empty: all.
    pub bin: Vec<String>,
    /// `features`: what is activated.
    pub features: Vec<String>,
    /// The keys that mean nothing here, sorted: for a note.
    pub ignored: Vec<String>,
    /// Where the table begins.
    pub place: Place,
    /// What cannot be meant in it: its place, what is wrong there, and what to write.
    wrong: Option<(String, String, Option<String>)>,
}

impl CargoLambda {
    /// The table, where it is used: it is another tool's, and what is wrong in it is no matter elsewhere.
    ///
    /// # Errors
    /// [`Error::Config`] for what cannot be meant.
    pub fn used(&self) -> Result<&Self> {
        match self.wrong.clone() {
            None => Ok(self),
            Some((place, message, hint)) => Err(Error::Config {
                place,
                message,
                hint,
            }),
        }
    }

    /// The same as a table of ours.
    pub fn keys(&self) -> Keys {
        let located = |path: &String| Located {
            value: Include::Path(path.clone()),
            place: self.place.clone(),
        };
        let include: Vec<_> = self.include.iter().map(located).collect();
        Keys {
            include: self.said(include),
            features: self.said(self.features.clone()),
            ..Keys::default()
        }
    }

    fn said<T>(&self, list: Vec<T>) -> Option<Located<Vec<T>>> {
        (!list.is_empty()).then(|| Located {
            value: list,
            place: self.place.clone(),
        })
    }
}

pub(super) fn read(node: Node<'_>, place: Place) -> Result<CargoLambda> {
    let mut read = CargoLambda {
        include: Vec::new(),
        bin: Vec::new(),
        features: Vec::new(),
        ignored: Vec::new(),
        place,
        wrong: None,
    };
    match fill(&mut read, node) {
        Err(Error::Config {
            place,
            message,
            hint,
        }) => read.wrong = Some((place, message, hint)),
        filled => filled?,
    }
    read.ignored.sort_unstable();
    Ok(read)
}

fn fill(read: &mut CargoLambda, node: Node<'_>) -> Result<()> {
    for Entry { key, value, .. } in entries(node.table("{ include = [\"templates\"] }")?) {
        let node = Node {
            document: node.document,
            name: key,
            value,
        };
        match key {
            "include" => read.include = one_or_more(node)?,
            "bin" => read.bin = one_or_more(node)?,
            // As on cargo's command line, one string can hold several.
            "features" => {
                let names = one_or_more(node)?;
                let names = names.iter().flat_map(|list| list.split([',', ' ']));
                read.features = names
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            other => read.ignored.push(other.to_owned()),
        }
    }
    Ok(())
}

fn one_or_more(node: Node<'_>) -> Result<Vec<String>> {
    if let DeValue::String(_) = node.value.get_ref() {
        return Ok(vec![values::text(node)?]);
    }
    values::texts(node)
}
