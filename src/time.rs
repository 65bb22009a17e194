//! The days of the calendar, and times as Go's `time.Parse` reads them for RFC 3339, which is a little more than RFC 3339
//! has: hours of one digit, commas before fractions, and offsets of 24 hours.

use std::fmt;

/// Go's name of the form.
const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Whole seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within the second; the digits of a fraction after the ninth are dropped.
    pub nanos: u32,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// Reads a time.
///
/// # Errors
/// The first piece of `text` that does not fit.
pub(crate) fn parse(text: &str) -> Result<Time, NoTime<'_>> {
    read(text.as_bytes()).map_err(|mistake| NoTime { text, mistake })
}

/// Why a text is no time; `Display` has Go's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoTime<'t> {
    text: &'t str,
    mistake: Mistake<'t>,
}

impl fmt::Display for NoTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = quoted(self.text.as_bytes());
        match self.mistake {
            Mistake::Form { rest, form } => {
                let rest = quoted(rest);
                write!(f, "parsing time {whole} as \"{LAYOUT}\": cannot parse {rest} as \"{form}\"")
            }
            Mistake::Range(what) => write!(f, "parsing time {whole}: {what} out of range"),
            Mistake::Extra(rest) => write!(f, "parsing time {whole}: extra text: {}", quoted(rest)),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Mistake<'t> {
    /// What is left does not begin with this piece of the form.
    Form { rest: &'t [u8], form: &'static str },
    /// A number is too large, or too small.
    Range(&'static str),
    /// There is something behind it.
    Extra(&'t [u8]),
}

fn read(text: &[u8]) -> Result<Time, Mistake<'_>> {
    let (year, mut rest) = match text.split_at_checked(4) {
        Some((year, rest)) if year.iter().all(u8::is_ascii_digit) => (number(year), rest),
        _ => return Err(Mistake::Form { rest: text, form: "2006" }),
    };
    sign(&mut rest, "-")?;
    let month = two_digits(&mut rest, "01")?;
    if !(1..=12).contains(&month) {
        return Err(Mistake::Range("month"));
    }
    sign(&mut rest, "-")?;
    let day = two_digits(&mut rest, "02")?;
    sign(&mut rest, "T")?;
    let hour = match rest {
        // One digit will do here.
        [digit, after @ ..] if digit.is_ascii_digit() && !after.first().is_some_and(u8::is_ascii_digit) => {
            rest = after;
            number(&[*digit])
        }
        _ => two_digits(&mut rest, "15")?,
    };
    if hour > 23 {
        return Err(Mistake::Range("hour"));
    }
    sign(&mut rest, ":")?;
    let minute = two_digits(&mut rest, "04")?;
    if minute > 59 {
        return Err(Mistake::Range("minute"));
    }
    sign(&mut rest, ":")?;
    let second = two_digits(&mut rest, "05")?;
    if second > 59 {
        return Err(Mistake::Range("second"));
    }
    let nanos = fraction(&mut rest);
    let (offset, rest) = zone(rest)?;
    if !rest.is_empty() {
        return Err(Mistake::Extra(rest));
    }
    time([year, month, day, hour, minute, second], nanos, offset)
}

/// The time of these numbers; the day is asked for last, as by Go.
fn time(fields: [i64; 6], nanos: u32, offset: i64) -> Result<Time, Mistake<'static>> {
    let [year, month, day, hour, minute, second] = fields;
    // The month has so many days as lie between its first and that of the next one.
    let next = if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
    let first = days_from_civil(year, month, 1);
    if day < 1 || day > days_from_civil(next.0, next.1, 1).saturating_sub(first) {
        return Err(Mistake::Range("day"));
    }
    let days = first.saturating_add(day).saturating_sub(1);
    let minutes = hour.saturating_mul(60).saturating_add(minute).saturating_sub(offset);
    let seconds =
        days.saturating_mul(86_400).saturating_add(minutes.saturating_mul(60)).saturating_add(second);
    // At most a day and an hour of minutes.
    let offset = i32::try_from(offset.saturating_mul(60)).unwrap_or_default();
    Ok(Time { seconds, nanos, offset })
}

/// Takes a fraction, if there is one; the digits after the ninth are dropped.
fn fraction(rest: &mut &[u8]) -> u32 {
    let [b'.' | b',', fraction @ ..] = *rest else { return 0 };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return 0;
    }
    let (digits, after) = fraction.split_at_checked(digits).unwrap_or_default();
    *rest = after;
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    nine.fold(0, |nanos: u32, digit| {
        nanos.saturating_mul(10).saturating_add(u32::from(digit.saturating_sub(b'0')))
    })
}

/// A time without quotes in YAML, as go-yaml v3 has them (`parseTimestamp`): the form above with `t` for `T` and numbers of
/// one digit, the same with blanks and no offset, or a date.
pub(crate) fn parse_yaml(text: &str) -> Option<Time> {
    let (year, mut rest) = text.as_bytes().split_at_checked(4)?;
    let year = year.iter().all(u8::is_ascii_digit).then(|| number(year))?;
    sign(&mut rest, "-").ok()?;
    let month = one_or_two_digits(&mut rest)?;
    sign(&mut rest, "-").ok()?;
    let day = one_or_two_digits(&mut rest)?;
    let (separator, mut rest) = match rest.split_first() {
        None => (None, rest),
        Some((b' ', mut after)) => {
            while let [b' ', more @ ..] = after {
                after = more;
            }
            (Some(b' '), after)
        }
        Some((separator @ (b'T' | b't'), after)) => (Some(*separator), after),
        Some(_) => return None,
    };
    let (mut clock, mut nanos, mut offset) = ([0; 3], 0, 0);
    if separator.is_some() {
        let hour = one_or_two_digits(&mut rest)?;
        sign(&mut rest, ":").ok()?;
        let minute = one_or_two_digits(&mut rest)?;
        sign(&mut rest, ":").ok()?;
        clock = [hour, minute, one_or_two_digits(&mut rest)?];
        nanos = fraction(&mut rest);
        if separator != Some(b' ') {
            (offset, rest) = zone(rest).ok()?;
        }
    }
    let [hour, minute, second] = clock;
    let in_range = (1..=12).contains(&month) && hour < 24 && minute < 60 && second < 60;
    let time = time([year, month, day, hour, minute, second], nanos, offset).ok()?;
    (in_range && rest.is_empty()).then_some(time)
}

fn one_or_two_digits(rest: &mut &[u8]) -> Option<i64> {
    let count = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at_checked(count).filter(|(digits, _)| !digits.is_empty())?;
    *rest = after;
    Some(number(digits))
}

/// The minutes from UTC, and what follows them.
fn zone(text: &[u8]) -> Result<(i64, &[u8]), Mistake<'_>> {
    let wrong = Err(Mistake::Form { rest: text, form: "Z07:00" });
    let (sign, hours, minutes, rest) = match text {
        [b'Z', rest @ ..] => return Ok((0, rest)),
        [sign, a, b, b':', c, d, rest @ ..] => (sign, [*a, *b], [*c, *d], rest),
        _ => return wrong,
    };
    let is_number = |digits: [u8; 2]| digits.iter().all(u8::is_ascii_digit);
    let (hour, minute) = (number(&hours), number(&minutes));
    // Go asks whether a number is in range before it asks whether all is well formed.
    if is_number(hours) && hour > 24 {
        return Err(Mistake::Range("time zone offset hour"));
    }
    if is_number(hours) && is_number(minutes) && minute > 60 {
        return Err(Mistake::Range("time zone offset minute"));
    }
    if !is_number(hours) || !is_number(minutes) {
        return wrong;
    }
    let offset = hour.saturating_mul(60).saturating_add(minute);
    match sign {
        b'+' => Ok((offset, rest)),
        b'-' => Ok((offset.saturating_neg(), rest)),
        _ => wrong,
    }
}

/// Takes the sign between two numbers.
fn sign<'t>(rest: &mut &'t [u8], form: &'static str) -> Result<(), Mistake<'t>> {
    match rest.strip_prefix(form.as_bytes()) {
        Some(after) => {
            *rest = after;
            Ok(())
        }
        None => Err(Mistake::Form { rest, form }),
    }
}

fn two_digits<'t>(rest: &mut &'t [u8], form: &'static str) -> Result<i64, Mistake<'t>> {
    match rest.split_at_checked(2) {
        Some((digits, after)) if digits.iter().all(u8::is_ascii_digit) => {
            *rest = after;
            Ok(number(digits))
        }
        _ => Err(Mistake::Form { rest, form }),
    }
}

fn number(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |number: i64, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')))
    })
}

/// A text in quotation marks, as Go's package of times writes it.
fn quoted(text: &[u8]) -> String {
    let mut out = String::from('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=0x7f => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
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

/// The day number, counted from 1970-01-01, of a proleptic Gregorian date; the month counts from 1.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month.saturating_sub(3) } else { month.saturating_add(9) };
    let day_of_year =
        (shifted_month.saturating_mul(153).saturating_add(2) / 5).saturating_add(day).saturating_sub(1);
    let day_of_era = year_of_era
        .saturating_mul(365)
        .saturating_add(year_of_era / 4)
        .saturating_sub(year_of_era / 100)
        .saturating_add(day_of_year);
    era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_numbers_and_dates_are_inverse() {
        for days in (-800_000..3_000_000).step_by(97) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(days_from_civil(1970, 1, 1), 0);
    }

    #[test]
    fn the_first_piece_that_does_not_fit_is_named() {
        let form = |rest: &str, form: &str| format!(" as \"{LAYOUT}\": cannot parse {rest} as \"{form}\"");
        for (text, expected) in [
            ("x", form("\"x\"", "2006")),
            ("2x00-", form("\"2x00-\"", "2006")),
            ("2100/", form("\"/\"", "-")),
            ("2100-1-1", form("\"1-1\"", "01")),
            ("2100-01-01", form("\"\"", "T")),
            ("2100-01-01t", form("\"t\"", "T")),
            ("2100-01-01T00:00:00", form("\"\"", "Z07:00")),
            ("2100-01-01T00:00:00z", form("\"z\"", "Z07:00")),
            ("2100-13-01T00:00:00Z", ": month out of range".to_owned()),
            ("2100-02-30T00:00:00Z", ": day out of range".to_owned()),
            ("2100-01-01T24:00:00Z", ": hour out of range".to_owned()),
            ("2100-01-01T00:00:00+25:00", ": time zone offset hour out of range".to_owned()),
            ("2100-01-01T00:00:00Zx", ": extra text: \"x\"".to_owned()),
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert_eq!(told, format!("parsing time \"{text}\"{expected}"), "{text}");
        }
        assert_eq!(quoted("é\"\n".as_bytes()), r#""\xc3\xa9\"\x0a""#);
    }

    #[test]
    fn what_go_takes_for_a_time_is_one() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:01.999Z", 1),
            ("1970-01-01T1:00:00,5Z", 3_600),
            ("1970-01-02T00:00:00+24:00", 0),
            ("1969-12-31T23:59:00-00:01", 0),
            ("2024-02-29T23:59:59+00:60", 1_709_247_599),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:59-01:00", 253_402_304_399),
        ] {
            assert_eq!(parse(text).map(|time| time.seconds), Ok(expected), "{text}");
        }
        let time = Time { seconds: 1_709_145_000, nanos: 123_456_789, offset: 19_800 };
        assert_eq!(parse("2024-02-29T00:00:00.1234567899+05:30"), Ok(time));
        for (text, expected) in [
            ("2024-02-29", Some(1_709_164_800)),
            ("2024-2-9", Some(1_707_436_800)),
            ("2024-02-29T1:2:3Z", Some(1_709_168_523)),
            ("2024-02-29t01:02:03.5+01:00", Some(1_709_164_923)),
            ("2024-02-29   01:02:03", Some(1_709_168_523)),
            ("2024-02-29 01:02:03Z", None),
            ("2024-02-29T01:02:03", None),
            ("2024-02-30", None),
            ("2024-13-01", None),
            ("2024-02-29T24:00:00Z", None),
            ("2024-02-29x", None),
            ("2024-02", None),
            ("20240-02-29", None),
            ("x", None),
        ] {
            assert_eq!(parse_yaml(text).map(|time| time.seconds), expected, "{text}");
        }
        let time = Time { seconds: 30, nanos: 500_000_000, offset: -86_400 };
        assert_eq!(parse("1969-12-31T00:00:30,5-24:00"), Ok(time));
    }
}
