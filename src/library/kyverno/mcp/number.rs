//! Numbers as Go converts and parses them.

use bumpalo::Bump;

/// Go's conversion of a `float64` to an `int` on amd64: without the fraction; NaN and what does not fit become the
/// least int.
pub(super) fn truncate(double: f64) -> i64 {
    let fits = (crate::value::i64_as_f64(i64::MIN)..crate::value::i64_as_f64(i64::MAX)).contains(&double);
    if fits { double as i64 } else { i64::MIN }
}

/// Go's `strconv.ParseFloat(text, 64)`: decimal or hexadecimal, `inf`, `nan`, underscores between digits. None for
/// what it refuses, a value out of range included.
pub(super) fn parse_float(text: &str, arena: &Bump) -> Option<f64> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = |double: f64| if negative { -double } else { double };
    if unsigned.eq_ignore_ascii_case("inf") || unsigned.eq_ignore_ascii_case("infinity") {
        return Some(signed(f64::INFINITY));
    }
    // Only without a sign.
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let underscores = unsigned.contains('_');
    if underscores && !underscores_are_fine(unsigned) {
        return None;
    }
    if let [b'0', b'x' | b'X', _, ..] = unsigned.as_bytes() {
        return parse_hex(unsigned.as_bytes().get(2..)?).map(signed);
    }
    if !is_decimal(unsigned.as_bytes()) {
        return None;
    }
    let parsed = if underscores {
        let mut plain = bumpalo::collections::String::with_capacity_in(unsigned.len(), arena);
        plain.extend(unsigned.chars().filter(|c| *c != '_'));
        plain.parse::<f64>()
    } else {
        unsigned.parse::<f64>()
    };
    parsed.ok().filter(|double| double.is_finite()).map(signed)
}

/// Underscores stand between digits only; a base prefix counts as a digit.
fn underscores_are_fine(unsigned: &str) -> bool {
    let bytes = unsigned.as_bytes();
    let (hex, rest, mut last) = match bytes {
        [b'0', b'x' | b'X', rest @ ..] => (true, rest, b'0'),
        [b'0', b'b' | b'B' | b'o' | b'O', rest @ ..] => (false, rest, b'0'),
        _ => (false, bytes, b'^'),
    };
    for c in rest {
        let digit = c.is_ascii_digit() || hex && c.is_ascii_hexdigit();
        match (digit, c, last) {
            (true, ..) => last = b'0',
            (false, b'_', b'0') => last = b'_',
            (false, b'_', _) | (false, _, b'_') => return false,
            _ => last = b'!',
        }
    }
    last != b'_'
}

/// Digits with at most one point, then at most one exponent; underscores have been looked at.
fn is_decimal(bytes: &[u8]) -> bool {
    let mantissa = bytes.iter().position(|c| matches!(c, b'e' | b'E')).unwrap_or(bytes.len());
    let (mantissa, exponent) = bytes.split_at_checked(mantissa).unwrap_or_default();
    let digits = mantissa.iter().any(u8::is_ascii_digit);
    let points = mantissa.iter().filter(|c| **c == b'.').count();
    let clean = mantissa.iter().all(|c| c.is_ascii_digit() || matches!(c, b'.' | b'_'));
    digits && points <= 1 && clean && (exponent.is_empty() || exponent_of(exponent).is_some())
}

/// The value of an exponent with its letter and sign, bounded.
fn exponent_of(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes.get(1..)? {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    let mut value = 0_i64;
    for c in digits.iter().filter(|c| **c != b'_') {
        let digit = c.is_ascii_digit().then(|| c.wrapping_sub(b'0'))?;
        if value < 10_000 {
            value = value.saturating_mul(10).saturating_add(i64::from(digit));
        }
    }
    Some(if negative { value.saturating_neg() } else { value })
}

/// A hexadecimal number behind its prefix; the exponent of two is required.
fn parse_hex(bytes: &[u8]) -> Option<f64> {
    let split = bytes.iter().position(|c| matches!(c, b'p' | b'P'))?;
    let (digits, exponent) = bytes.split_at_checked(split)?;
    let mut exponent = exponent_of(exponent)?;
    let (mut mantissa, mut sticky, mut point, mut any) = (0_u64, false, false, false);
    for c in digits {
        let digit = match c {
            b'_' => continue,
            b'.' if !point => {
                point = true;
                continue;
            }
            c => u64::from(char::from(*c).to_digit(16)?),
        };
        any = true;
        let full = mantissa >> 60 != 0;
        if full {
            sticky |= digit != 0;
        } else {
            mantissa = mantissa << 4 | digit;
        }
        // A digit that is not taken in scales by 16 unless it stands behind the point; one that is, the other way.
        let step = match (full, point) {
            (true, false) => 4,
            (false, true) => -4,
            _ => 0,
        };
        exponent = exponent.saturating_add(step);
    }
    any.then(|| round(mantissa, sticky, exponent))?
}

/// `mantissa` times two to the `exponent`, rounded to even; `sticky` says that something follows the mantissa.
fn round(mantissa: u64, sticky: bool, exponent: i64) -> Option<f64> {
    if mantissa == 0 {
        return Some(0.0);
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = u128::from(mantissa << zeros);
    let lead = exponent.saturating_add(63).saturating_sub(i64::from(zeros));
    if lead > 1023 {
        return None;
    }
    // Below the normal range a double has fewer bits.
    let drop = u32::try_from((-1022_i64).saturating_sub(lead).max(0).saturating_add(11)).ok()?;
    if drop > 64 {
        return Some(0.0);
    }
    let kept = u64::try_from(mantissa >> drop).ok()?;
    let rest = mantissa & (1_u128 << drop).wrapping_sub(1);
    let half = 1_u128 << drop.saturating_sub(1);
    let up = rest > half || rest == half && (sticky || kept & 1 == 1);
    let kept = kept.saturating_add(u64::from(up));
    // A carry out of the fraction raises the exponent by itself.
    let biased = u64::try_from(lead.saturating_add(1022).max(0)).ok()?;
    let bits = if lead < -1022 { kept } else { (biased << 52).saturating_add(kept) };
    Some(f64::from_bits(bits)).filter(|double| double.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_parse_as_in_go() {
        // Recorded from Go 1.26.8.
        for (text, expected) in [
            ("1e3", Some(1000.0)),
            ("1_000", Some(1000.0)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1_.5", None),
            ("1.5_5", Some(1.55)),
            ("0x1p-2", Some(0.25)),
            ("0X1.8P1", Some(3.0)),
            ("0x_1p0", Some(1.0)),
            ("0x1", None),
            ("0x", None),
            ("0xp1", None),
            ("0x.8p0", Some(0.5)),
            ("-0x1p-1074", Some(-5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1p1024", None),
            ("0x1.fffffffffffff8p1023", None),
            ("0x1.fffffffffffff7p1023", Some(f64::MAX)),
            ("0x123456789abcdef123p0", Some(3.358_127_276_707_303e20)),
            ("0x0.00000000000000000001p80", Some(1.0)),
            ("inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("+Inf", Some(f64::INFINITY)),
            ("infi", None),
            ("+nan", None),
            ("", None),
            ("+", None),
            (".", None),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e", None),
            ("1e+", None),
            ("1e5_0", Some(1e50)),
            ("e5", None),
            ("1.2.3", None),
            (" 7", None),
            ("7 ", None),
            ("1e400", None),
            ("1e-400", Some(0.0)),
            ("0b1", None),
            ("0o17", None),
            ("é", None),
        ] {
            assert_eq!(parse_float(text, &Bump::new()), expected, "{text}");
        }
        assert!(parse_float("nAn", &Bump::new()).unwrap().is_nan());
    }

    #[test]
    fn truncation_is_that_of_amd64() {
        for (double, int) in [
            (1.9, 1),
            (-1.9, -1),
            (9.2e18, 9_200_000_000_000_000_000),
            (9_223_372_036_854_775_808.0, i64::MIN),
            (-9_223_372_036_854_775_808.0, i64::MIN),
            (1e300, i64::MIN),
            (f64::NAN, i64::MIN),
        ] {
            assert_eq!(truncate(double), int, "{double}");
        }
    }
}
