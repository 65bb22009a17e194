//! Timestamps and the text forms of times.

use std::fmt;

/// An instant with the offset from UTC that it was written with: `string()` prints that offset again.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    /// Seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanos: u32,
    /// Seconds east of UTC.
    pub offset: i32,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z
    pub const UNIX_EPOCH: Timestamp = Timestamp { seconds: 0, nanos: 0, offset: 0 };

    /// What equality and ordering look at.
    pub fn instant(&self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }
}

impl fmt::Display for Timestamp {
    /// Go's `time.RFC3339Nano`: the fraction without trailing zeros, `Z` or `±hh:mm`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.seconds.saturating_add(i64::from(self.offset));
        let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos != 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        if self.offset == 0 {
            return f.write_str("Z");
        }
        let minutes = self.offset.unsigned_abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// The proleptic Gregorian date of a day number counted from 1970-01-01.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    // Days are counted from 0000-03-01, so that leap days end a year; see the civil calendar literature.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era
        .saturating_sub(day_of_era / 1_460)
        .saturating_add(day_of_era / 36_524)
        .saturating_sub(day_of_era / 146_096))
        / 365;
    let day_of_year = day_of_era.saturating_sub(
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100),
    );
    let shifted_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day =
        day_of_year.saturating_sub(shifted_month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month =
        if shifted_month < 10 { shifted_month.saturating_add(3) } else { shifted_month.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(i64::from(month <= 2));
    (year, month, day)
}

/// `string(duration)`: seconds as the shortest decimal that reads back as the same double, then `s`.
pub fn format_duration(nanos: i64, out: &mut impl fmt::Write) -> fmt::Result {
    // Go's Duration.Seconds adds whole seconds and the fraction as doubles.
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let value = super::compare::i64_as_f64(seconds) + super::compare::i64_as_f64(fraction) / 1e9;
    write!(out, "{value}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_rfc_3339_with_their_offset() {
        for (seconds, nanos, offset, text) in [
            (0, 0, 0, "1970-01-01T00:00:00Z"),
            (1_709_164_800, 500_000_000, 0, "2024-02-29T00:00:00.5Z"),
            (1_709_164_800, 0, -19_800, "2024-02-28T18:30:00-05:30"),
            (-62_135_596_800, 0, 0, "0001-01-01T00:00:00Z"),
            (253_402_300_799, 999_999_999, 0, "9999-12-31T23:59:59.999999999Z"),
        ] {
            assert_eq!(Timestamp { seconds, nanos, offset }.to_string(), text);
        }
    }

    #[test]
    fn durations_print_through_a_double() {
        for (nanos, text) in
            [(0, "0s"), (90_000_000_000, "90s"), (1_500_000, "0.0015s"), (i64::MAX, "9223372036.854776s")]
        {
            let mut out = String::new();
            format_duration(nanos, &mut out).unwrap();
            assert_eq!(out, text);
        }
    }
}
