//! Go's text forms of booleans, numbers, durations and timestamps: what `strconv` and `time` read.

use crate::time::{self, Time};
use crate::value::Timestamp;

/// `strconv.ParseBool`
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `strconv.ParseInt` with base 10: an optional sign and digits.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `strconv.ParseUint` with base 10: digits without a sign.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

/// Why `strconv` refuses a text as a whole number in base 10: it reads from the left, so digits that no 64 bits hold are
/// out of range whatever follows them.
pub(crate) fn why_no_integer(text: &str) -> &'static str {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let leading = digits.get(..end).unwrap_or_default();
    let only_digits = end > 0 && end == digits.len();
    let too_large = end > 0 && leading.parse::<u64>().is_err();
    if only_digits || too_large { "value out of range" } else { "invalid syntax" }
}

/// `strconv.ParseFloat`, for a text without underscores: decimal and hexadecimal floating-point, infinities and NaN
/// by name. A finite text beyond the range is refused.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    if let Some(special) = parse_special(text) {
        return Some(special);
    }
    let (negative, digits) = split_sign(text);
    let magnitude = match split_hexadecimal(digits) {
        Some(digits) => parse_hexadecimal(digits)?,
        None => parse_decimal(digits)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// True if every underscore in the text of a number stands between digits, or after the prefix of a hexadecimal one.
pub(crate) fn underscores_separate_digits(text: &str) -> bool {
    let hexadecimal = split_hexadecimal(split_sign(text).1).is_some();
    let is_digit =
        |c: char| c.is_ascii_digit() || hexadecimal && (c.is_ascii_hexdigit() || matches!(c, 'x' | 'X'));
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '_' && !(before.is_some_and(is_digit) && rest.peek().copied().is_some_and(is_digit)) {
            return false;
        }
        before = Some(c);
    }
    true
}

/// True and the rest for a text with a minus; false and the rest without a plus otherwise.
fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn split_hexadecimal(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

fn parse_special(text: &str) -> Option<f64> {
    let (negative, name) = split_sign(text);
    if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity") {
        return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    // Only the bare name: a signed NaN is refused.
    text.eq_ignore_ascii_case("nan").then_some(f64::NAN)
}

/// Digits with at most one point, at least one digit, an optional decimal exponent.
fn parse_decimal(text: &str) -> Option<f64> {
    // Rust reads the same decimal forms; the words for infinity and NaN are the only others that it knows.
    if text.starts_with(['+', '-'])
        || text.contains(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
    {
        return None;
    }
    text.parse().ok().filter(|d: &f64| d.is_finite())
}

/// Hexadecimal digits with at most one point and a binary exponent, which may not be left out.
fn parse_hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let mut mantissa = 0_u64;
    let (mut seen, mut inexact, mut fraction) = (false, false, false);
    let mut scale = 0_i64;
    for c in digits.chars() {
        if c == '.' && !fraction {
            fraction = true;
            continue;
        }
        let digit = u64::from(c.to_digit(16)?);
        seen = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            scale = scale.saturating_sub(if fraction { 4 } else { 0 });
        } else {
            // Too far right to be kept, not too far to decide a tie.
            inexact |= digit != 0;
            scale = scale.saturating_add(if fraction { 0 } else { 4 });
        }
    }
    let (negative, power) = split_sign(exponent);
    if !seen || power.is_empty() || !power.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let power = power.parse::<i64>().unwrap_or(i64::MAX).min(99_999);
    let scale = if negative { scale.saturating_sub(power) } else { scale.saturating_add(power) };
    round_to_double(mantissa, inexact, scale)
}

/// `mantissa * 2^scale`, rounded to the nearest double, ties to even; `inexact` says that a little more is there.
fn round_to_double(mantissa: u64, inexact: bool, scale: i64) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let shift = mantissa.leading_zeros();
    let wide = u128::from(mantissa.checked_shl(shift)?);
    let scale = scale.saturating_sub(i64::from(shift));
    let exponent = scale.saturating_add(63);
    if exponent > 1023 {
        return None;
    }
    // Below the normal range each lost power of two loses one bit.
    let dropped = u32::try_from((-1022_i64).saturating_sub(exponent).max(0).saturating_add(11)).ok()?;
    if dropped > 64 {
        return Some(0.0);
    }
    let mut kept = wide.checked_shr(dropped)?;
    let rest = wide ^ kept.checked_shl(dropped)?;
    let half = 1_u128.checked_shl(dropped.checked_sub(1)?)?;
    if rest > half || rest == half && (inexact || kept & 1 == 1) {
        kept = kept.saturating_add(1);
    }
    let unit = scale.saturating_add(i64::from(dropped));
    let unit = match u64::try_from(unit.saturating_add(1023)) {
        Ok(biased) if biased > 0 => f64::from_bits(biased.checked_shl(52)?),
        _ => f64::from_bits(1_u64.checked_shl(u32::try_from(unit.saturating_add(1074)).ok()?)?),
    };
    let result = crate::value::u64_as_f64(u64::try_from(kept).ok()?) * unit;
    result.is_finite().then_some(result)
}

/// `time.ParseDuration`, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = split_sign(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (term, after) = parse_term(rest)?;
        total = total.checked_add(term).filter(|total| *total <= MAX_MAGNITUDE)?;
        rest = after;
    }
    if negative { 0_i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
}

/// The magnitude of the most negative duration.
const MAX_MAGNITUDE: u64 = 1 << 63;

/// One number with its unit, in nanoseconds, and what follows it.
fn parse_term(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = split_digits(text);
    let mut value = 0_u64;
    for digit in digits(whole) {
        value = value.checked_mul(10)?.checked_add(digit).filter(|value| *value <= MAX_MAGNITUDE)?;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end)?;
    let unit: u64 = match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let nanos = value.checked_mul(unit).filter(|nanos| *nanos <= MAX_MAGNITUDE)?;
    let nanos = nanos.checked_add(fraction_of(fraction, unit)).filter(|nanos| *nanos <= MAX_MAGNITUDE)?;
    Some((nanos, rest))
}

/// The nanoseconds in a decimal fraction of `unit`; digits beyond 63 bits are not looked at, as in Go.
fn fraction_of(fraction: &str, unit: u64) -> u64 {
    let (mut numerator, mut scale) = (0_u64, 1.0);
    for digit in digits(fraction) {
        let next = if numerator > i64::MAX.unsigned_abs() / 10 {
            None
        } else {
            numerator.checked_mul(10).and_then(|n| n.checked_add(digit)).filter(|n| *n <= MAX_MAGNITUDE)
        };
        let Some(next) = next else { break };
        numerator = next;
        scale *= 10.0;
    }
    let nanos = crate::value::u64_as_f64(numerator) * (crate::value::u64_as_f64(unit) / scale);
    nanos as u64
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn digits(text: &str) -> impl Iterator<Item = u64> {
    text.bytes().map(|b| u64::from(b.wrapping_sub(b'0')))
}

/// Why a text is no timestamp; cel-go words the three differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampError {
    /// Not the form of RFC 3339.
    Form,
    /// The form, but no such date or time, or lower-case letters.
    NoSuchTime,
    /// Outside the years 1 to 9999 of UTC.
    Range,
}

/// Reads an RFC 3339 timestamp: first cel-go's strict form, then what Go's `time.Parse` asks beyond it.
pub(crate) fn parse_timestamp(text: &str) -> Result<Timestamp, TimestampError> {
    has_strict_form(text).ok_or(TimestampError::Form)?;
    let Time { seconds, nanos, offset } = time::parse(text).map_err(|_| TimestampError::NoSuchTime)?;
    Timestamp { seconds, nanos, offset }.in_range().ok_or(TimestampError::Range)
}

/// Whether a text has the strict form of RFC 3339: every number within its range, the second up to 60, letters of any case.
fn has_strict_form(text: &str) -> Option<()> {
    let mut reader = Reader { rest: text.as_bytes() };
    reader.number(4, 0, 9999)?;
    reader.byte(b"-")?;
    reader.number(2, 1, 12)?;
    reader.byte(b"-")?;
    reader.number(2, 1, 31)?;
    reader.byte(b"Tt")?;
    reader.number(2, 0, 23)?;
    reader.byte(b":")?;
    reader.number(2, 0, 59)?;
    reader.byte(b":")?;
    reader.number(2, 0, 60)?;
    if reader.byte(b".").is_some() {
        reader.digits()?;
    }
    if matches!(reader.byte(b"Zz+-")?, b'+' | b'-') {
        reader.number(2, 0, 23)?;
        reader.byte(b":")?;
        reader.number(2, 0, 59)?;
    }
    reader.rest.is_empty().then_some(())
}

/// Takes fixed-width pieces from the front of a text.
struct Reader<'t> {
    rest: &'t [u8],
}

impl Reader<'_> {
    fn byte(&mut self, any_of: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        any_of.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    fn number(&mut self, width: usize, least: i64, most: i64) -> Option<()> {
        let (field, rest) = self.rest.split_at_checked(width)?;
        let mut number = 0_i64;
        for byte in field {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte.wrapping_sub(b'0')))?;
            number = number.saturating_mul(10).saturating_add(digit);
        }
        self.rest = rest;
        (least..=most).contains(&number).then_some(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.rest = self.rest.get(count..)?;
        (count > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_in_go() {
        for (text, int, uint) in [
            ("5", Some(5), Some(5)),
            ("+5", Some(5), None),
            ("-0", Some(0), None),
            ("", None, None),
            ("1_000", None, None),
            ("0x10", None, None),
            (" 1", None, None),
            ("9223372036854775808", None, Some(1 << 63)),
            ("-9223372036854775808", Some(i64::MIN), None),
            ("18446744073709551616", None, None),
        ] {
            assert_eq!((parse_int(text), parse_uint(text)), (int, uint), "{text}");
        }
    }

    #[test]
    fn doubles_are_read_as_in_go() {
        for (text, expected) in [
            ("5.", 5.0),
            (".5", 0.5),
            ("1E5", 1e5),
            ("-1e-400", -0.0),
            ("1e-400", 0.0),
            ("0x1p4", 16.0),
            ("-0X1.8P1", -3.0),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1p-1074", 5e-324),
            ("0x1p-2000", 0.0),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.00000000000018p0", 1.000_000_000_000_000_4),
            ("0x1.000000000000080000000000000001p0", 1.000_000_000_000_000_2),
            ("0x123456789abcdef01p0", 2.098_829_547_942_064_5e19),
            ("0x0p99999999999999999999", 0.0),
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_double(text).map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
        assert!(parse_double("nAn").is_some_and(f64::is_nan));
    }

    #[test]
    fn underscores_stand_between_digits() {
        for text in ["1_000.5", "0x_1p4", "0X1_fp1_0", "-1_0e1_0", "15"] {
            assert!(underscores_separate_digits(text), "{text}");
        }
        for text in ["0_x1p4", "1_e5", "-_1", "1_f", "0x1_p4", "in_f"] {
            assert!(!underscores_separate_digits(text), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_no_double() {
        for text in [
            "",
            ".",
            "+",
            "1e",
            "1e+",
            "e5",
            "_1",
            "1_",
            "1__0",
            "1_.5",
            "1._5",
            " 1",
            "0b1",
            "0x1",
            "0x.p1",
            "0xp1",
            "0x1p",
            "0x1p+",
            "1e400",
            "-1e400",
            "0x1p1024",
            "0x1.fffffffffffff8p1023",
            "infin",
            "+nan",
            "--1",
            "+-1",
            "1f",
            "0x1p4_",
            "-infinity1",
        ] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_in_go() {
        for (text, expected) in [
            ("0", Some(0)),
            ("+0", Some(0)),
            ("1h2m3.5s", Some(3_723_500_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("1.s", Some(1_000_000_000)),
            (".5s", Some(500_000_000)),
            ("1us1ns1ms", Some(1_001_001)),
            ("1\u{b5}s", Some(1_000)),
            ("1\u{3bc}s", Some(1_000)),
            ("1.0000000000000000000000001s", Some(1_000_000_000)),
            ("0.9223372036854775808h", Some(3_320_413_933_267)),
            ("9223372036854775807ns", Some(i64::MAX)),
            ("-9223372036854775808ns", Some(i64::MIN)),
            ("9223372036854775.807us", Some(i64::MAX)),
            ("9223372036854775.808us", None),
            ("9223372036854775808ns", None),
            ("3000000h", None),
            ("99999999999999999999s", None),
            ("", None),
            ("-", None),
            ("1", None),
            (".s", None),
            ("1d", None),
            ("1s-1s", None),
            (" 1s", None),
            ("1 s", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn timestamps_are_strict_rfc_3339() {
        use TimestampError::{Form, NoSuchTime, Range};
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Ok((0, 0, 0))),
            ("2024-02-29T00:00:00.1234567899+05:30", Ok((1_709_145_000, 123_456_789, 19_800))),
            ("2024-01-01T00:00:00-00:00", Ok((1_704_067_200, 0, 0))),
            ("9999-12-31T23:59:59.9-00:00", Ok((253_402_300_799, 900_000_000, 0))),
            ("2024-1-1T00:00:00Z", Err(Form)),
            ("2024-01-01T0:00:00Z", Err(Form)),
            ("2024-01-01T00:00:00,5Z", Err(Form)),
            ("2024-01-01T00:00:00.Z", Err(Form)),
            ("2024-01-01 00:00:00Z", Err(Form)),
            ("2024-01-01T00:00:00+24:00", Err(Form)),
            ("2024-01-01T00:00:00", Err(Form)),
            ("2024-01-01T00:00:00Zx", Err(Form)),
            ("2024-13-01T00:00:00Z", Err(Form)),
            ("+024-01-01T00:00:00Z", Err(Form)),
            ("", Err(Form)),
            ("2024-01-01t00:00:00Z", Err(NoSuchTime)),
            ("2024-01-01T00:00:00z", Err(NoSuchTime)),
            ("2024-01-01T00:00:60Z", Err(NoSuchTime)),
            ("2023-02-29T00:00:00Z", Err(NoSuchTime)),
            ("1900-02-29T00:00:00Z", Err(NoSuchTime)),
            ("0000-01-01T00:00:00Z", Err(Range)),
            ("0001-01-01T00:00:00+00:01", Err(Range)),
            ("9999-12-31T23:59:59-05:00", Err(Range)),
        ] {
            let read = parse_timestamp(text).map(|t| (t.seconds, t.nanos, t.offset));
            assert_eq!(read, expected, "{text}");
        }
    }
}
