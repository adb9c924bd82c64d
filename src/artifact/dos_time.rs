//! The one modification time that all entries of a zip carry, in the format's own encoding.

use std::time::{Duration, SystemTime};

use crate::calendar::{civil, days};
use crate::error::{Error, Result};

const SECONDS_PER_DAY: i64 = 86_400;
/// 1980-01-01 00:00:00 UTC, the first moment that DOS time holds.
const FIRST: i64 = 315_532_800;
/// 2107-12-31 23:59:59 UTC, the last one.
const LAST: i64 = 4_354_819_199;

/// A moment between 1980 and 2107 in UTC, to two seconds. The default is the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DosTime {
    date: u16,
    time: u16,
}

impl Default for DosTime {
    fn default() -> Self {
        Self {
            date: 1 << 5 | 1,
            time: 0,
        }
    }
}

impl DosTime {
    /// The time that the value of `SOURCE_DATE_EPOCH` asks for, 1980-01-01 without one.
    ///
    /// Earlier times, down to the 0 and 1 that distributions set, become 1980-01-01, as other zip tools clamp them;
    /// what is no number of seconds or lies after 2107 is refused.
    pub fn from_source_date_epoch(value: Option<&str>) -> Result<Self> {
        let Some(value) = value else {
            return Ok(Self::default());
        };
        let seconds: i64 = value
            .parse()
            .map_err(|_| refused(value, "it is not a number of seconds since 1970"))?;
        if seconds > LAST {
            return Err(refused(value, "a zip holds no time after 2107"));
        }
        Ok(Self::from_unix(seconds.max(FIRST)))
    }

    /// The encoded date: years since 1980, month, day.
    pub fn date(self) -> u16 {
        self.date
    }

    /// The encoded time of day: hour, minute, seconds / 2.
    pub fn time(self) -> u16 {
        self.time
    }

    /// The same moment, as files on disk carry it.
    pub fn system_time(self) -> SystemTime {
        let (date, time) = (i64::from(self.date), i64::from(self.time));
        let days = days((1980 + (date >> 9), date >> 5 & 15, date & 31));
        let of_day = (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2;
        let seconds = u64::try_from(days * SECONDS_PER_DAY + of_day).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn from_unix(seconds: i64) -> Self {
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let field = |value: i64| u16::try_from(value).unwrap_or(0);
        Self {
            date: field((year - 1980) << 9 | month << 5 | day),
            time: field((second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2)),
        }
    }
}

fn refused(value: &str, cause: &str) -> Error {
    Error::Usage {
        message: format!("`SOURCE_DATE_EPOCH={}`: {cause}", value.escape_debug()),
        hint: Some("export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(value: &str) -> String {
        let time = DosTime::from_source_date_epoch(Some(value)).unwrap();
        zip::DateTime::try_from_msdos(time.date(), time.time())
            .unwrap()
            .to_string()
    }

    #[test]
    fn known_moments() {
        assert_eq!(shown("315532800"), "1980-01-01 00:00:00");
        assert_eq!(shown("951827696"), "2000-02-29 12:34:56");
        assert_eq!(shown("1700000000"), "2023-11-14 22:13:20");
        assert_eq!(shown("4107542399"), "2100-02-28 23:59:58");
        assert_eq!(shown("4107542400"), "2100-03-01 00:00:00");
        assert_eq!(shown("4354819199"), "2107-12-31 23:59:58");
    }

    #[test]
    fn without_a_value_or_before_1980_it_is_1980() {
        let default = DosTime::from_source_date_epoch(None).unwrap();
        assert_eq!(default, DosTime::from_unix(FIRST));
        for value in ["0", "1", "-1", "315532799"] {
            assert_eq!(
                DosTime::from_source_date_epoch(Some(value)).unwrap(),
                default
            );
        }
    }

    #[test]
    fn what_a_zip_cannot_hold_is_a_usage_error() {
        for value in [
            "4354819200",
            "99999999999999999999",
            "",
            "today",
            "1.5",
            "12\n",
        ] {
            let error = DosTime::from_source_date_epoch(Some(value)).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn a_file_on_disk_carries_the_same_moment(seconds in FIRST..=LAST) {
            let time = DosTime::from_unix(seconds).system_time();
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            prop_assert_eq!(since, Duration::from_secs(u64::try_from(seconds & !1).unwrap()));
        }

        #[test]
        fn days_follow_each_other(day in 0_i64..60_000) {
            let (today, tomorrow) = (civil(day), civil(day + 1));
            let same_month = (today.0, today.1, today.2 + 1);
            let next_month = (today.0 + today.1 / 12, today.1 % 12 + 1, 1);
            prop_assert!(tomorrow == same_month || tomorrow == next_month);
        }
    }
}
