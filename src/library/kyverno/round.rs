//! `math.round` with a number of digits (kyverno/sdk `extensions/cel/libs/math`).

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::{Value, i64_as_f64};

/// `kyverno.math`
pub static LIBRARY: Library = Library {
    name: "kyverno.math",
    version: 0,
    types: &[],
    rows: &[row(
        "math_round_float_int",
        "math.round(double, int) -> double",
        Own(round),
        "The number rounded to so many digits after the point, halves away from zero; NaN where the digits are beyond a \
         double's range.",
        &["math.round(3.14159, 2) == 3.14", "math.round(-2.5, 0) == -3.0", "math.round(1234.0, -2) == 1200.0"],
    )
    .total()],
};

fn round<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Double(number), Value::Int(digits)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    let shift = power_of_ten(digits);
    Ok(Value::Double((number * shift).round() / shift))
}

/// Go's `math.Pow(10, exponent)`: the exponent's bits from the lowest on, with the binary exponent apart. The last digits
/// differ from a correctly rounded power, and with them what is rounded up.
fn power_of_ten(exponent: i64) -> f64 {
    let magnitude = i64_as_f64(exponent).abs();
    if magnitude >= 9_223_372_036_854_775_808.0 {
        return if exponent < 0 { 0.0 } else { f64::INFINITY };
    }
    // 10 is 0.625 * 2^4.
    let (mut mantissa, mut binary) = (1.0_f64, 0_i64);
    let (mut square, mut square_binary) = (0.625_f64, 4_i64);
    // What a double has of the exponent: beyond 2^53 its lowest bits are rounded away.
    let mut bits = magnitude as u64;
    while bits != 0 {
        if !(-4_096..=4_096).contains(&square_binary) {
            binary = binary.saturating_add(square_binary);
            break;
        }
        if bits & 1 == 1 {
            mantissa *= square;
            binary = binary.saturating_add(square_binary);
        }
        square *= square;
        square_binary = square_binary.saturating_mul(2);
        if square < 0.5 {
            square += square;
            square_binary = square_binary.saturating_sub(1);
        }
        bits >>= 1;
    }
    if exponent < 0 {
        mantissa = 1.0 / mantissa;
        binary = binary.saturating_neg();
    }
    times_power_of_two(mantissa, binary)
}

/// Go's `math.Ldexp` of a number near 1.
fn times_power_of_two(mantissa: f64, exponent: i64) -> f64 {
    let exponent = i32::try_from(exponent.clamp(-2_200, 2_200)).unwrap_or_default();
    // The first two steps are exact; only the last one rounds, or reaches infinity.
    let half = exponent / 2;
    mantissa * 2.0_f64.powi(half) * 2.0_f64.powi(exponent.saturating_sub(half))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn powers_beyond_a_double_are_infinite_or_nothing() {
        for (exponent, power) in [(0, 1.0), (3, 1000.0), (-1, 0.1), (400, f64::INFINITY), (-400, 0.0)] {
            assert!(power_of_ten(exponent) == power, "{exponent}");
        }
        assert!(power_of_ten(i64::MAX).is_infinite() && power_of_ten(i64::MIN) == 0.0);
    }
}
