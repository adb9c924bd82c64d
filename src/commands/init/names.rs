//! Names as the tools' languages and Lambda allow them, made of any name, and no two alike.

use std::collections::BTreeSet;
use std::path::Path;

/// The longest name of a function. <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html> (2026-11)
const LONGEST_NAME: usize = 64;

/// The names of one kind.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) labels: Taken,
    pub(super) deployed: Taken,
}

/// Names that are given away. Every name is made of another one, and gets a number where that makes two alike.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    /// `order-api` as `OrderApiFunction`.
    pub(super) fn id(&mut self, name: &str, suffix: &str) -> String {
        let words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let mut id: String = words
            .flat_map(|word| {
                let (first, rest) = word.split_at(word.len().min(1));
                [first.to_ascii_uppercase(), rest.to_owned()]
            })
            .collect();
        if id.starts_with(|c: char| c.is_ascii_digit()) {
            id.insert(0, 'N');
        }
        self.unique(&format!("{id}{suffix}"), "")
    }

    /// `order-api` as `order_api`.
    pub(super) fn label(&mut self, name: &str) -> String {
        let legal = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        };
        let mut label: String = name.chars().map(legal).collect();
        if !label.starts_with(|c: char| c.is_ascii_alphabetic()) {
            label.insert_str(0, "n_");
        }
        self.unique(&label, "_")
    }

    /// `order.api` as `order-api`.
    pub(super) fn name(&mut self, name: &str) -> String {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let legal = |c: char| if is_legal(c) { c } else { '-' };
        // With room for a number.
        let name: String = name.chars().map(legal).take(LONGEST_NAME - 6).collect();
        self.unique(&name, "-")
    }

    fn unique(&mut self, name: &str, separator: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        // Tools of Windows do not tell upper from lower case everywhere.
        while !self.0.insert(unique.to_ascii_lowercase()) {
            unique = format!("{name}{separator}{number}");
            number += 1;
        }
        unique
    }
}

/// The name of a project's directory, as far as it is one.
pub(super) fn project_name(directory: &Path) -> String {
    let own = directory.file_name().unwrap_or_default().to_string_lossy();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let name: String = own.chars().filter(|c| legal(*c)).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let name = if name.is_empty() { "functions" } else { name };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_names_of_other_languages() {
        let mut ids = Taken::default();
        assert_eq!(ids.id("order-api", "Function"), "OrderApiFunction");
        assert_eq!(ids.id("order_api", "Function"), "OrderApiFunction2");
        assert_eq!(ids.id("2fa", "Function"), "N2faFunction");
        assert_eq!(ids.id("ü", "Layer"), "Layer");
        let mut labels = Taken::default();
        assert_eq!(labels.label("Order.api"), "order_api");
        assert_eq!(labels.label("order-api"), "order_api_2");
        assert_eq!(labels.label("_x"), "n__x");
        assert_eq!(Taken::default().name("order.api"), "order-api");
        assert_eq!(project_name(Path::new("/home/2. my_shop-1")), "myshop-1");
        assert_eq!(project_name(Path::new("/")), "functions");
    }

    proptest! {
        #[test]
        fn every_name_is_legal_and_no_two_are_one(names in prop::collection::vec(".{1,80}", 0..8)) {
            let (mut ids, mut labels, mut deployed) = (Taken::default(), Taken::default(), Taken::default());
            let mut seen = BTreeSet::new();
            for name in names {
                let id = ids.id(&name, "Function");
                prop_assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()));
                prop_assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(seen.insert(("id", id)));
                let label = labels.label(&name);
                prop_assert!(label.starts_with(|c: char| c.is_ascii_alphabetic()));
                prop_assert!(label.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()));
                prop_assert!(seen.insert(("label", label)));
                let name = deployed.name(&name);
                prop_assert!((1..=LONGEST_NAME).contains(&name.len()), "{name}");
                prop_assert!(seen.insert(("name", name)));
            }
        }
    }
}
