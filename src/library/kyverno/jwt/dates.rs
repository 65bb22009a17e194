//! Times as Go's `time.Parse` reads them for RFC 3339, which is a little more than RFC 3339 has: hours of one digit, commas
//! before fractions, and offsets of 24 hours.

use crate::value::days_from_civil;

/// Go's name of the form.
const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

/// The whole seconds of the time since the Unix epoch.
///
/// # Errors
/// Go's text: the first piece of `text` that does not fit.
pub(super) fn seconds(text: &str) -> Result<i64, String> {
    let whole = || quoted(text.as_bytes());
    read(text.as_bytes()).map_err(|mistake| match mistake {
        Mistake::Form { rest, form } => {
            format!("parsing time {} as \"{LAYOUT}\": cannot parse {} as \"{form}\"", whole(), quoted(rest))
        }
        Mistake::Range(what) => format!("parsing time {}: {what} out of range", whole()),
        Mistake::Extra(rest) => format!("parsing time {}: extra text: {}", whole(), quoted(rest)),
    })
}

enum Mistake<'t> {
    /// What is left does not begin with this piece of the form.
    Form { rest: &'t [u8], form: &'static str },
    /// A number is too large, or too small.
    Range(&'static str),
    /// There is something behind it.
    Extra(&'t [u8]),
}

fn read(text: &[u8]) -> Result<i64, Mistake<'_>> {
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
    if let [b'.' | b',', fraction @ ..] = rest
        && fraction.first().is_some_and(u8::is_ascii_digit)
    {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = fraction.get(digits..).unwrap_or_default();
    }
    let (offset, rest) = zone(rest)?;
    if !rest.is_empty() {
        return Err(Mistake::Extra(rest));
    }
    // The month has so many days as lie between its first and that of the next one.
    let next = if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
    let first = days_from_civil(year, month, 1);
    if day < 1 || day > days_from_civil(next.0, next.1, 1).saturating_sub(first) {
        return Err(Mistake::Range("day"));
    }
    let days = first.saturating_add(day).saturating_sub(1);
    let minutes = hour.saturating_mul(60).saturating_add(minute).saturating_sub(offset);
    Ok(days.saturating_mul(86_400).saturating_add(minutes.saturating_mul(60)).saturating_add(second))
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(seconds(text), Err(format!("parsing time \"{text}\"{expected}")), "{text}");
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
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
    }
}
