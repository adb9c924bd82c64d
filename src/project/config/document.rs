//! A TOML text with its places: parsing, lines and columns, and the errors that name them. What the keys mean is
//! `table.rs`'s.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Place;
use crate::error::{Error, Result};

/// Characters are counted up to every such number of bytes, so that no place takes a walk through the whole text.
const BLOCK: usize = 1024;

/// More of a name or value than this is not repeated in a message.
const SHOWN: usize = 60;

/// A text and where its lines begin.
#[derive(Debug)]
pub(super) struct Document<'t> {
    shown: &'t Path,
    text: &'t str,
    /// The offset at which each line begins.
    lines: Vec<usize>,
    /// The number of characters before each block.
    blocks: Vec<usize>,
}

/// A value in a document, and what it is called there: `budget.zip`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'d> {
    pub(super) document: &'d Document<'d>,
    pub(super) name: &'d str,
    pub(super) value: &'d Spanned<DeValue<'d>>,
}

/// A key of a table, where it stands, and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'d> {
    pub(super) key: &'d str,
    pub(super) offset: usize,
    pub(super) value: &'d Spanned<DeValue<'d>>,
}

impl<'t> Document<'t> {
    /// The text of the file that is shown as `shown`. A byte order mark is no part of it.
    pub(super) fn new(text: &'t str, shown: &'t Path) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let blocks = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
            let here = *before;
            *before += characters(block);
            Some(here)
        });
        Self {
            shown,
            text,
            lines: std::iter::once(0).chain(newlines).collect(),
            blocks: blocks.collect(),
        }
    }

    /// Parses it.
    ///
    /// # Errors
    /// [`Error::Config`] with toml's own words on one line.
    pub(super) fn parse(&self) -> Result<Spanned<DeTable<'t>>> {
        DeTable::parse(self.text).map_err(|error| {
            let words: Vec<&str> = error.message().split_whitespace().collect();
            let at = error.span().unwrap_or(0..0).start;
            self.error(at, format!("is no TOML: {}", words.join(" ")), None)
        })
    }

    /// The place of an offset in the text.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.lines.get(line));
        let before = self.characters_before(start.copied().unwrap_or(0));
        Place {
            file: self.shown.to_owned(),
            line,
            column: self.characters_before(offset) - before + 1,
        }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        let block = offset / BLOCK;
        let rest = self.text.as_bytes().get(block * BLOCK..offset);
        let whole = self.blocks.get(block).copied();
        // Exactly at the end there may be no block any more.
        whole.unwrap_or_else(|| characters(self.text.as_bytes()))
            + rest.map_or(0, |rest| whole.map_or(0, |_| characters(rest)))
    }

    /// An error at an offset.
    pub(super) fn error(&self, offset: usize, message: String, hint: Option<String>) -> Error {
        error_at(&self.place(offset), message, hint)
    }
}

/// An error at a place.
pub(super) fn error_at(place: &Place, message: String, hint: Option<String>) -> Error {
    Error::Config {
        place: place.to_string(),
        message,
        hint,
    }
}

impl<'d> Node<'d> {
    /// Where the value stands.
    pub(super) fn place(&self) -> Place {
        self.document.place(self.value.span().start)
    }

    /// An error about the value.
    pub(super) fn error(&self, message: String, hint: Option<String>) -> Error {
        self.document.error(self.value.span().start, message, hint)
    }

    /// The error of a value of the wrong type. `example` is one that works.
    pub(super) fn wrong_type(&self, expected: &str, example: &str) -> Error {
        let found = describe(self.value.get_ref());
        self.error(
            format!("`{}` is {expected}, not {found}", self.name),
            Some(format!("{} = {example}", self.name)),
        )
    }

    /// Another value of the same name: an element of a list.
    pub(super) fn element(&self, value: &'d Spanned<DeValue<'d>>) -> Self {
        Self { value, ..*self }
    }

    /// The value as a table.
    pub(super) fn table(&self, example: &str) -> Result<&'d DeTable<'d>> {
        let table = self.value.get_ref().as_table();
        table.ok_or_else(|| self.wrong_type("a table", example))
    }
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'d>(table: &'d DeTable<'d>) -> Vec<Entry<'d>> {
    let mut entries: Vec<Entry<'d>> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref(),
            offset: key.span().start,
            value,
        })
        .collect();
    entries.sort_by_key(|entry| entry.offset);
    entries
}

/// A name or value for a message: on one line, and not all of it where it is long.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(SHOWN) {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string {}", quoted(text)),
        DeValue::Integer(number) => format!("the number {}", quoted(number.as_str())),
        DeValue::Float(number) => format!("the number {}", quoted(number.as_str())),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Characters of UTF-8: every byte that does not continue one.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_place_is_what_counting_says(text in "([ä€a]{0,700}\n){0,6}", at: proptest::sample::Index) {
            let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let offset = *at.get(&offsets);
            let place = Document::new(&text, Path::new("x")).place(offset);
            let before = &text[..offset];
            proptest::prop_assert_eq!(place.line, before.matches('\n').count() + 1);
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            proptest::prop_assert_eq!(place.column, column);
        }
    }

    #[test]
    fn a_value_in_a_message_is_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), r"`a\nb`");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), SHOWN + 3);
    }
}
