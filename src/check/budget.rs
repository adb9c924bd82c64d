//! The user's own limits: how much of each is used, and what to say when one is passed.

use crate::artifact::zip::EntrySize;
use crate::error::{Error, Result};
use crate::platform::lambda::{self, LimitUse};
use crate::settings::Budget;
use crate::units::{Bytes, used_percent};

/// Refuses an artifact that passes a budget, before it is written. `zipped` is the size of its zip in bytes, if it is one.
///
/// # Errors
/// [`Error::Rejected`] with both numbers and what weighs most.
pub fn budget(
    function: &str,
    budget: Budget,
    zipped: Option<u64>,
    entries: &[EntrySize],
) -> Result<()> {
    let passed = of(budget, zipped, entries).find(|(_, value, limit)| value > limit);
    let Some((name, value, limit)) = passed else {
        return Ok(());
    };
    let size = |entry: &EntrySize| match name {
        "zip" => entry.compressed,
        _ => entry.size,
    };
    let largest = lambda::largest(entries, size);
    Err(over(function, name, (value, limit), &largest))
}

/// The same of an image, whose layers are named by what they are.
///
/// # Errors
/// [`Error::Rejected`] with both numbers and what weighs most.
pub fn image_budget(function: &str, budget: Budget, layers: &[EntrySize]) -> Result<()> {
    let value = layers.iter().map(|layer| layer.compressed).sum();
    match budget.image {
        Some(limit) if value > limit => {
            let largest = lambda::largest(layers, |layer| layer.compressed);
            Err(over(function, "image", (value, limit), &largest))
        }
        Some(_) | None => Ok(()),
    }
}

fn over(function: &str, name: &str, (value, limit): (u64, u64), largest: &str) -> Error {
    Error::Rejected {
        message: format!(
            "`{function}` is {} over its budget.{name}: {value} bytes, and {limit} are allowed; largest: {largest}",
            Bytes(value - limit),
        ),
        hint: Some(format!(
            "make it smaller (--optimize size), or allow more: budget.{name} = \"{}\"",
            Bytes(rounded_up(value))
        )),
    }
}

/// How much of each budget an artifact uses.
pub fn budget_use(budget: Budget, zipped: Option<u64>, entries: &[EntrySize]) -> Vec<LimitUse> {
    of(budget, zipped, entries).map(share).collect()
}

/// The same of an image, whose layers have `value` bytes as they are pushed.
pub fn image_budget_use(budget: Budget, value: u64) -> Vec<LimitUse> {
    let limit = budget.image.into_iter();
    limit.map(|limit| share(("image", value, limit))).collect()
}

fn share((name, value, limit): (&str, u64, u64)) -> LimitUse {
    LimitUse {
        name: name.to_owned(),
        value,
        limit,
        used_percent: used_percent(value, limit),
        source: "budget".to_owned(),
    }
}

/// Each budget that is set: its name, what is used of it, and what it is. That of a zip holds for zips alone.
fn of(
    budget: Budget,
    zipped: Option<u64>,
    entries: &[EntrySize],
) -> impl Iterator<Item = (&'static str, u64, u64)> {
    let zipped = budget.zip.zip(zipped);
    let zipped = zipped.map(|(limit, value)| ("zip", value, limit));
    let unzipped = budget.unzipped.map(|limit| {
        let value = entries.iter().map(|entry| entry.size).sum();
        ("unzipped", value, limit)
    });
    zipped.into_iter().chain(unzipped)
}

/// The next size of two digits that is not less.
fn rounded_up(bytes: u64) -> u64 {
    let mut step = 1;
    while bytes / step >= 100 {
        step *= 10;
    }
    bytes.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZIPPED: Option<u64> = Some(1_234);

    fn entries() -> [EntrySize; 1] {
        [EntrySize {
            name: "bootstrap".to_owned(),
            size: 4_000,
            compressed: 1_100,
        }]
    }

    #[test]
    fn a_budget_may_be_used_up_and_not_passed() {
        let exact = Budget {
            zip: Some(1_234),
            unzipped: Some(4_000),
            image: None,
        };
        assert!(budget("orders", exact, ZIPPED, &entries()).is_ok());
        assert!(budget("orders", Budget::default(), ZIPPED, &entries()).is_ok());
        let shares: Vec<f64> = budget_use(exact, ZIPPED, &entries())
            .iter()
            .map(|one| one.used_percent)
            .collect();
        assert_eq!(shares, [100.0, 100.0]);
        let unpacked = budget_use(exact, None, &entries());
        let unpacked: Vec<&str> = unpacked.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(unpacked, ["unzipped"], "a directory has no zip");
    }

    #[test]
    fn a_passed_budget_names_both_numbers_and_one_that_would_do() {
        let tight = Budget {
            zip: Some(1_000),
            unzipped: None,
            image: None,
        };
        let error = budget("orders", tight, ZIPPED, &entries()).unwrap_err();
        assert_eq!(error.exit_code(), 5);
        insta::assert_snapshot!(format!("{}\n{}", error.one_line(), error.hint().unwrap()), @r#"
        `orders` is 234 B over its budget.zip: 1234 bytes, and 1000 are allowed; largest: `bootstrap` 1.10 kB
        make it smaller (--optimize size), or allow more: budget.zip = "1.30 kB"
        "#);
    }
}
