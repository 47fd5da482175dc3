//! Dates and timestamps of the hybrid Julian-Gregorian calendar, in which Spark before 3.0 wrote.
//! Corresponds to `RebaseDateTime.rebaseJulianToGregorianDays` and `…Micros`.

/// The first day on which both calendars agree: 1582-10-15.
pub(crate) const FIRST_GREGORIAN_DAY: i32 = -141_427;

/// From this instant on, no time zone needs a change: 1900-01-01 00:00:00 UTC.
pub(crate) const FIRST_SAME_MICROS: i64 = -2_208_988_800_000_000;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The day of the proleptic Gregorian calendar with the same year, month and day of month as
/// `days` has in the hybrid calendar. A 29 February that only the Julian calendar has becomes
/// 1 March. Never fails.
pub(crate) fn julian_to_gregorian_days(days: i32) -> i32 {
    if days >= FIRST_GREGORIAN_DAY {
        return days;
    }
    let (year, month, day) = julian_date(i64::from(days));
    (gregorian_days(year, month, 1) + day - 1) as i32
}

/// The same for microseconds in UTC: the time of day stays.
pub(crate) fn julian_to_gregorian_micros_utc(micros: i64) -> i64 {
    if micros >= FIRST_SAME_MICROS {
        return micros;
    }
    // Within ±292,000 years, so days fit 32 bits.
    let days = micros.div_euclid(MICROS_PER_DAY);
    let rebased = i64::from(julian_to_gregorian_days(days as i32));
    micros.wrapping_add((rebased - days).wrapping_mul(MICROS_PER_DAY))
}

/// Whether a time zone name means UTC.
pub(crate) fn is_utc(zone: &str) -> bool {
    matches!(
        zone,
        "UTC" | "Etc/UTC" | "Z" | "GMT" | "Etc/GMT" | "UCT" | "Etc/UCT" | "Zulu" | "Etc/Zulu"
    )
}

/// Astronomical year, month and day of the Julian calendar.
fn julian_date(days: i64) -> (i64, i64, i64) {
    // Days since 0000-03-01 of the Julian calendar, so that leap days end a year.
    // 1970-01-01 is 1969-12-19 Julian: day 719470 after 0000-03-01 Julian.
    let shifted = days + 719_470;
    let cycle = shifted.div_euclid(1461);
    let day_of_cycle = shifted.rem_euclid(1461);
    let year_of_cycle = (day_of_cycle / 365).min(3);
    let day_of_year = day_of_cycle - 365 * year_of_cycle;
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let (month, carry) = if month_index < 10 {
        (month_index + 3, 0)
    } else {
        (month_index - 9, 1)
    };
    (4 * cycle + year_of_cycle + carry, month, day)
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
fn gregorian_days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = (month + 9) % 12;
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_as_sparks_table() {
        // RebaseDateTime.julianGregDiffSwitchDay and julianGregDiffs.
        let switches = [
            -719164, -682945, -646420, -609895, -536845, -500320, -463795, -390745, -354220,
            -317695, -244645, -208120, -171595, -141427,
        ];
        let differences = [2, 1, 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, 0];
        for days in -719164..-140000 {
            let index = switches.iter().rposition(|&s| s <= days).unwrap();
            let expected = days + differences[index];
            assert_eq!(julian_to_gregorian_days(days), expected, "{days}");
        }
    }

    #[test]
    fn before_the_common_era_and_extremes() {
        // 0001-01-01 Julian is two days after 0001-01-01 Gregorian in day numbers.
        assert_eq!(
            julian_to_gregorian_days(-719164),
            gregorian_days(1, 1, 1) as i32
        );
        // The day before is 31 December of the astronomical year 0 in both.
        assert_eq!(
            julian_to_gregorian_days(-719165),
            gregorian_days(0, 12, 31) as i32
        );
        julian_to_gregorian_days(i32::MIN);
    }

    #[test]
    fn micros_keep_their_time_of_day() {
        let noon = -719164 * MICROS_PER_DAY + 43_200_000_001;
        assert_eq!(
            julian_to_gregorian_micros_utc(noon),
            noon + 2 * MICROS_PER_DAY
        );
        assert_eq!(julian_to_gregorian_micros_utc(-1), -1);
    }
}
