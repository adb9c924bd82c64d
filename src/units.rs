//! Sizes as people read them. Platform limits keep the platform's own unit (AWS's "MB" is 2^20 and is
//! printed as MiB); everything measured is printed in powers of ten.

use std::fmt;

/// One mebibyte, 2^20 bytes.
pub const MIB: u64 = 1 << 20;

/// A number of bytes, printed with three significant digits in powers of ten (`481 kB`, `1.25 MB`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = decimal(self.0);
        f.pad(&text)
    }
}

/// A change in size, always printed with its sign (`-12 kB`, `+340 B`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Bytes before.
    pub before: u64,
    /// Bytes now.
    pub after: u64,
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.after < self.before { '-' } else { '+' };
        write!(f, "{sign}{}", decimal(self.after.abs_diff(self.before)))
    }
}

/// A limit in the unit its platform speaks: whole mebibytes print as `50 MiB`, all else as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub u64);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(MIB) {
            write!(f, "{} MiB", self.0 / MIB)
        } else {
            write!(f, "{} B", self.0)
        }
    }
}

/// How much of `limit` is used, in percent with one decimal. A limit that is passed reads more than 100.0.
pub fn used_percent(value: u64, limit: u64) -> f64 {
    let limit = u128::from(limit.max(1));
    let rounded = (u128::from(value) * 1000 + limit / 2) / limit;
    let tenths = if u128::from(value) > limit {
        rounded.max(1001)
    } else {
        rounded
    };
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

/// The units that sizes are written in, and their bytes. `KB` is what many write for `kB`.
pub const SIZE_UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", MIB),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// More digits than this behind the point say nothing about whole bytes.
const MOST_DECIMALS: usize = 18;

/// What is wrong with a size, and one that can be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSize {
    /// Said of the size: "has no unit".
    pub cause: String,
    /// A size to write instead, if there is a likely one.
    pub instead: Option<String>,
}

impl Bytes {
    /// Reads a size with its unit: `2 MB`, `6MiB`, `1.5 kB`, `300 B`. What is less than a byte is dropped.
    ///
    /// # Errors
    /// When the number or its unit is missing or unknown, or it is more than 2^64 bytes.
    pub fn parse(text: &str) -> Result<Self, BadSize> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = text.split_at(split.unwrap_or(text.len()));
        let unit = unit.trim_start();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || decimals.is_empty() || decimals.contains('.') {
            return Err(BadSize::new("does not begin with a number", "2 MB"));
        }
        let factor = SIZE_UNITS.iter().find(|(name, _)| *name == unit);
        let Some((_, factor)) = factor else {
            return Err(unknown_unit(number, unit));
        };
        if decimals.len() > MOST_DECIMALS {
            return Err(BadSize::new("has more digits than a size can have", "2 MB"));
        }
        let too_large = || BadSize::new("is more than 2^64 bytes", "2 MB");
        // At most 18 digits, which fit; and 10^18 * 2^40 fits 128 bits.
        let fraction = decimals.parse::<u128>().map_err(|_| too_large())? * u128::from(*factor)
            / decimals.bytes().fold(1, |scale: u128, _| scale * 10);
        whole
            .parse::<u64>()
            .ok()
            .and_then(|whole| whole.checked_mul(*factor))
            .and_then(|bytes| bytes.checked_add(u64::try_from(fraction).ok()?))
            .map(Self)
            .ok_or_else(too_large)
    }
}

impl BadSize {
    fn new(cause: &str, instead: &str) -> Self {
        Self {
            cause: cause.to_owned(),
            instead: Some(instead.to_owned()),
        }
    }
}

/// `2`, `2 mb` and `2 M` can only mean one unit; `mb` may be bits elsewhere, so it is asked, not taken.
fn unknown_unit(number: &str, unit: &str) -> BadSize {
    if unit.is_empty() {
        // Millions are bytes; what is shorter is megabytes.
        let likely = if number.len() > 6 { "B" } else { "MB" };
        return BadSize::new("has no unit", &format!("{number} {likely}"));
    }
    let lower = unit.to_lowercase();
    let likely = SIZE_UNITS.iter().map(|(name, _)| *name).find(|name| {
        let name = name.to_lowercase();
        name == lower || name.strip_suffix('b') == Some(&lower) || format!("{name}ytes") == lower
    });
    BadSize {
        cause: "has a unit that is none of `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` and `GiB`"
            .to_owned(),
        instead: likely.map(|name| format!("{number} {name}")),
    }
}

fn decimal(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut divisor: u64 = 1000;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // 999,500 B rounds to 1000 kB: it is shown as 1.00 MB instead.
        if bytes < divisor * 1000 - divisor / 2 {
            break;
        }
        divisor *= 1000;
        unit = next;
    }
    let hundredths = (u128::from(bytes) * 100 + u128::from(divisor) / 2) / u128::from(divisor);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match whole {
        0..=9 => format!("{whole}.{rest:02} {unit}"),
        10..=99 => {
            let tenths = (u128::from(bytes) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        100.. => format!(
            "{} {unit}",
            (u128::from(bytes) + u128::from(divisor) / 2) / u128::from(divisor)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_significant_digits() {
        let shown: Vec<String> = [
            0, 999, 1000, 1254, 12_345, 481_234, 999_499, 999_500, 1_250_000, 52_428_800,
        ]
        .into_iter()
        .map(|bytes| Bytes(bytes).to_string())
        .collect();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.00 kB", "1.25 kB", "12.3 kB", "481 kB", "999 kB", "1.00 MB",
                "1.25 MB", "52.4 MB"
            ]
        );
    }

    #[test]
    fn a_delta_has_its_sign() {
        assert_eq!(
            Delta {
                before: 500_000,
                after: 488_000
            }
            .to_string(),
            "-12.0 kB"
        );
        assert_eq!(
            Delta {
                before: 10,
                after: 350
            }
            .to_string(),
            "+340 B"
        );
    }

    #[test]
    fn one_byte_over_a_limit_is_over_a_hundred_percent() {
        assert!(used_percent(52_428_800, 52_428_800) <= 100.0);
        assert!(used_percent(52_428_801, 52_428_800) > 100.0);
        assert!((used_percent(481_234, 52_428_800) - 0.9).abs() < 1e-9);
        assert_eq!(Limit(52_428_800).to_string(), "50 MiB");
    }

    #[test]
    fn a_size_is_read_with_its_unit() {
        let read = |text: &str| Bytes::parse(text).unwrap().0;
        assert_eq!(read("2 MB"), 2_000_000);
        assert_eq!(read("6MiB"), 6 << 20);
        assert_eq!(read("500 kB"), 500_000);
        assert_eq!(read("500 KB"), 500_000);
        assert_eq!(read(" 1.5  MB "), 1_500_000);
        assert_eq!(read("300 B"), 300);
        assert_eq!(read("1.5 GiB"), 3 << 29);
        assert_eq!(read("18446744073709551615 B"), u64::MAX);
    }

    #[test]
    fn what_is_no_size_is_told_what_to_write() {
        let refused = |text: &str| {
            let bad = Bytes::parse(text).unwrap_err();
            format!("{}; {}", bad.cause, bad.instead.unwrap_or_default())
        };
        assert_eq!(refused("2"), "has no unit; 2 MB");
        assert_eq!(refused("2000000"), "has no unit; 2000000 B");
        assert!(refused("2 mb").ends_with("; 2 MB"));
        assert!(refused("2 M").ends_with("; 2 MB"));
        assert!(refused("1.5 kib").ends_with("; 1.5 KiB"));
        assert!(refused("2 megs").ends_with("; "));
        assert_eq!(refused("MB"), "does not begin with a number; 2 MB");
        assert_eq!(refused("1.2.3 MB"), "does not begin with a number; 2 MB");
        assert_eq!(refused("-2 MB"), "does not begin with a number; 2 MB");
        assert_eq!(
            refused("18446744073709551616 B"),
            "is more than 2^64 bytes; 2 MB"
        );
        assert_eq!(refused("16777216 TiB"), "is more than 2^64 bytes; 2 MB");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_size_or_refused(text in "\\PC{0,40}|[0-9.]{0,50} ?[kKMGT]?i?[bB]?") {
            let _ = Bytes::parse(&text);
        }

        #[test]
        fn a_limit_is_read_back_as_it_is_printed(bytes: u64, mebibytes in 0..u64::MAX / MIB) {
            for bytes in [bytes, mebibytes * MIB] {
                proptest::prop_assert_eq!(Bytes::parse(&Limit(bytes).to_string()), Ok(Bytes(bytes)));
            }
        }

        #[test]
        fn a_printed_size_is_read_back_to_its_digits(bytes: u64) {
            let printed = Bytes(bytes).to_string();
            let read = Bytes::parse(&printed).unwrap();
            proptest::prop_assert_eq!(read.to_string(), printed);
        }
    }
}
