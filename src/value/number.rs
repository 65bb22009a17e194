//! Doubles as text, as Go prints them.

use std::fmt;

/// A double as Go's `%g` and `%v` print it, and so CEL's `string(double)`: the shortest digits that read back,
/// with an exponent of at least two digits when the decimal exponent is below -4 or above 5.
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
            return write!(f, "{d}");
        }
        let scientific = format!("{d:e}");
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        write!(f, "{mantissa}e{sign}{digits:0>2}")
    }
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
}
