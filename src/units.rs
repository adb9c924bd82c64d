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
}
