//! Dates from a count of days. What a clock says is read where it is needed.

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01, so that the leap day ends the year
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, of a date in the proleptic Gregorian calendar.
/// <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>
pub fn days((year, month, day): (i64, i64, i64)) -> i64 {
    let year = year - i64::from(month <= 2); // from March, so that the leap day ends the year
    let month_from_march = (month + 9).rem_euclid(12);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leap_days_and_turns_of_the_year() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
    }

    #[test]
    fn a_date_is_the_day_it_came_from() {
        for day in (-800_000..800_000).step_by(97) {
            assert_eq!(days(civil(day)), day);
        }
    }
}
