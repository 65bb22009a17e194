//! Timestamps and the text forms of times.

use std::fmt;

use super::whole::i64_as_f64;
use crate::time::civil_from_days;

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

    /// 0001-01-01T00:00:00Z, the first second that CEL knows.
    pub const MIN_SECONDS: i64 = -62_135_596_800;

    /// 9999-12-31T23:59:59Z, the last one.
    pub const MAX_SECONDS: i64 = 253_402_300_799;

    /// The timestamp, if it lies within the years 1 to 9999 of UTC.
    pub fn in_range(self) -> Option<Timestamp> {
        (Timestamp::MIN_SECONDS..=Timestamp::MAX_SECONDS).contains(&self.seconds).then_some(self)
    }

    /// The instant `nanos` nanoseconds later, with the same offset; `None` outside the years 1 to 9999.
    pub fn after(self, nanos: i64) -> Option<Timestamp> {
        let total = i64::from(self.nanos).checked_add(nanos.rem_euclid(1_000_000_000))?;
        let whole = nanos.div_euclid(1_000_000_000).checked_add(total.div_euclid(1_000_000_000))?;
        let seconds = self.seconds.checked_add(whole)?;
        let nanos = u32::try_from(total.rem_euclid(1_000_000_000)).ok()?;
        Timestamp { seconds, nanos, offset: self.offset }.in_range()
    }

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

/// `string(duration)`: seconds as the shortest decimal that reads back as the same double, then `s`.
pub fn format_duration(nanos: i64, out: &mut impl fmt::Write) -> fmt::Result {
    // Go's Duration.Seconds adds whole seconds and the fraction as doubles.
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let value = i64_as_f64(seconds) + i64_as_f64(fraction) / 1e9;
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
