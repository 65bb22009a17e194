//! Doubles as text, as Go prints them.
//!
//! The shortest digits that read back. Where two such texts are equally near to the double, which happens next to 2^53,
//! Rust takes the greater one and Go the one whose last digit is even.

use std::fmt;

/// Only texts of this many digits can have another that is as short and as near: of fewer digits, the next text of
/// the same length is another double, and the exact value of a smaller double than the normal ones is far longer.
const DIGITS_OF_A_TIE: usize = 16;

/// A double as Go's `%g` and `%v` print it, and so CEL's `string(double)`: with an exponent of at least two digits when
/// the decimal exponent is below -4 or above 5.
#[derive(Clone, Copy, Debug)]
pub struct ShortestDouble(pub f64);

impl fmt::Display for ShortestDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.0;
        if d.is_nan() {
            return f.write_str("NaN");
        }
        if d.is_infinite() {
            return f.write_str(if d > 0.0 { "+Inf" } else { "-Inf" });
        }
        if d == 0.0 || (1e-4..1e6).contains(&d.abs()) {
            return PlainDouble(d).fmt(f);
        }
        let scientific = scientific(d);
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        write!(f, "{mantissa}e{sign}{digits:0>2}")
    }
}

/// A finite double without exponent, however long that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainDouble(pub(crate) f64);

impl fmt::Display for PlainDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let d = self.0;
        let shortest = format!("{d:e}");
        let exponent = shortest.split_once('e').and_then(|(_, exponent)| exponent.parse::<i64>().ok());
        let behind = exponent.and_then(|exponent| {
            let digits = i64::try_from(digits(&shortest)).ok()?;
            usize::try_from(digits.checked_sub(1)?.checked_sub(exponent)?).ok()
        });
        if let Some(behind) = behind
            && let Some(nearest) = nearest(d, &shortest, || format!("{d:.behind$}"))
        {
            return f.write_str(&nearest);
        }
        write!(f, "{d}")
    }
}

/// A finite double with an exponent, as Rust writes it: `1.5e-7`.
pub(crate) fn scientific(d: f64) -> String {
    let shortest = format!("{d:e}");
    let behind = digits(&shortest).saturating_sub(1);
    nearest(d, &shortest, || format!("{d:.behind$e}")).unwrap_or(shortest)
}

/// The exact value rounded to as many digits, if that may be another text: to the nearest and, at a tie, to even. Next
/// to a power of two the nearest text may read back as another double.
fn nearest(d: f64, shortest: &str, round: impl Fn() -> String) -> Option<String> {
    if digits(shortest) < DIGITS_OF_A_TIE {
        return None;
    }
    Some(round()).filter(|nearest| nearest.parse() == Ok(d))
}

/// The digits of a text like `1.25e7` before its exponent.
fn digits(scientific: &str) -> usize {
    scientific.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_go() {
        for (d, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (999_999.0, "999999"),
            (999_999.9, "999999.9"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (123_456_789_012.0, "1.23456789012e+11"),
            (1e21, "1e+21"),
            (-1e-7, "-1e-07"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(ShortestDouble(d).to_string(), text);
        }
    }

    #[test]
    fn of_two_shortest_texts_that_are_equally_near_gos_is_taken() {
        let recorded = include_str!("number/shortest.tsv");
        let mut other_than_rust = 0;
        for row in recorded.lines().filter(|line| !line.starts_with('#')) {
            let [bits, text, plain] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
            let d = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
            assert_eq!(ShortestDouble(d).to_string(), text, "{bits}");
            if !plain.is_empty() {
                assert_eq!(PlainDouble(d).to_string(), plain, "{bits}");
            }
            other_than_rust += usize::from(format!("{d:e}") != scientific(d));
        }
        // Rust takes Go's text at half of the 2,000 ties in the table.
        assert!(other_than_rust > 900, "{other_than_rust}");
    }
}
