//! The proleptic Gregorian calendar over all days that an `i32` counts (±5.8 million years).

/// Days of 400 years.
const ERA: i64 = 146_097;

/// Eras added so that nothing is negative.
const SHIFT: i64 = 20_000;

/// Days from 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// A date's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    /// Astronomical year: 0 is 1 BC.
    pub year: i32,
    /// Month, from 1.
    pub month: i32,
    /// Day of the month, from 1.
    pub day: i32,
}

/// The date of a day.
#[inline(always)]
pub(crate) fn from_days(days: i32) -> Civil {
    // Years that start in March: their last day is the leap day.
    let shifted = (i64::from(days) + EPOCH + SHIFT * ERA) as u64;
    let (era, day) = (shifted / ERA as u64, shifted % ERA as u64);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let after_december = u64::from(march_month >= 10);
    Civil {
        year: (year as i64 + era as i64 * 400 - SHIFT * 400 + after_december as i64) as i32,
        month: (march_month + 3 - 12 * after_december) as i32,
        day: day as i32,
    }
}

/// The day of a date that exists.
#[inline(always)]
pub(crate) fn to_days(year: i64, month: i32, day: i32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let march_month = i64::from(month) + if month > 2 { -3 } else { 9 };
    let of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// Whether a year has a 29th of February.
#[inline(always)]
pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of days of a month.
#[inline(always)]
pub(crate) fn month_length(year: i64, month: i32) -> i32 {
    match month {
        2 => 28 + i32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of a date, if it exists and an `i32` counts it.
pub(crate) fn checked_days(year: i64, month: i32, day: i32) -> Option<i32> {
    let exists = (1..=12).contains(&month) && day >= 1 && day <= month_length(year, month);
    exists
        .then(|| to_days(year, month, day))
        .and_then(|days| i32::try_from(days).ok())
}

/// The weekday, Monday is 0.
#[inline(always)]
pub(crate) fn weekday(days: i32) -> i32 {
    (i64::from(days) + 3).rem_euclid(7) as i32
}

/// The day of the year, from 1.
#[inline(always)]
pub(crate) fn day_of_year(days: i32) -> i32 {
    let year = from_days(days).year;
    (i64::from(days) - to_days(i64::from(year), 1, 1) + 1) as i32
}

/// The ISO week: weeks start on Monday, the first one has the year's first Thursday.
#[inline(always)]
pub(crate) fn week_of_year(days: i32) -> i32 {
    (day_of_year(thursday(days)) - 1) / 7 + 1
}

/// The year whose ISO week a day is in.
#[inline(always)]
pub(crate) fn year_of_week(days: i32) -> i32 {
    let thursday = i64::from(days) - i64::from(weekday(days)) + 3;
    match i32::try_from(thursday) {
        Ok(thursday) => from_days(thursday).year,
        Err(_) => from_days((thursday - ERA) as i32).year + 400,
    }
}

/// The Thursday of a day's week, which says what year the week is in; 400 years earlier if an `i32`
/// does not count it, as weeks repeat.
#[inline(always)]
fn thursday(days: i32) -> i32 {
    let thursday = i64::from(days) - i64::from(weekday(days)) + 3;
    i32::try_from(thursday).unwrap_or((thursday - ERA) as i32)
}

/// The day some months later; a day behind the month's last becomes the last.
pub(crate) fn add_months(days: i32, months: i32) -> Option<i32> {
    let date = from_days(days);
    let all = i64::from(date.year) * 12 + i64::from(date.month) - 1 + i64::from(months);
    let (year, month) = (all.div_euclid(12), all.rem_euclid(12) as i32 + 1);
    let day = date.day.min(month_length(year, month));
    i32::try_from(to_days(year, month, day)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        let spread = (0..200_000i64).map(|i| (i * 21_475 - 2_147_483_648) as i32);
        for days in (-800_000..800_000)
            .chain(spread)
            .chain([i32::MIN, i32::MAX])
        {
            let date = from_days(days);
            let back = checked_days(i64::from(date.year), date.month, date.day);
            assert_eq!(back, Some(days), "{date:?}");
        }
        let last = from_days(i32::MAX);
        assert_eq!((last.year, last.month, last.day), (5_881_580, 7, 11));
        let first = from_days(i32::MIN);
        assert_eq!((first.year, first.month, first.day), (-5_877_641, 6, 23));
    }
}
