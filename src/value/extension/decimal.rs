//! Decimals of any length, as gopkg.in/inf.v0 has them: digits and a scale.
//!
//! Digits stay digits: what Kubernetes does with quantities (adding, rounding, a product with a power of two) takes one
//! pass over them. Comparing looks at the digits that are there; zeros that a large exponent means are never written.

use std::cmp::Ordering;

/// `digits × 10^-scale`
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    /// True below zero.
    pub negative: bool,
    /// The digits' values, the first one first and not zero; zero has none.
    pub digits: &'a [u8],
    /// How many of the digits stand behind the point; negative: how many zeros follow.
    pub scale: i32,
}

impl Decimal<'_> {
    /// -1, 0 or 1.
    pub fn sign(&self) -> i64 {
        match (self.digits, self.negative) {
            ([], _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }

    /// The order by value.
    pub fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let signs = self.sign().cmp(&other.sign());
        signs.then_with(|| {
            let magnitudes = self.compare_magnitude(other);
            if self.negative { magnitudes.reverse() } else { magnitudes }
        })
    }

    /// The order of the absolute values.
    pub fn compare_magnitude(&self, other: &Decimal<'_>) -> Ordering {
        match (self.digits, other.digits) {
            ([], []) => return Ordering::Equal,
            ([], _) => return Ordering::Less,
            (_, []) => return Ordering::Greater,
            _ => {}
        }
        self.places().cmp(&other.places()).then_with(|| {
            let longest = self.digits.len().max(other.digits.len());
            let digits = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
            (0..longest)
                .map(|at| digits(self.digits, at).cmp(&digits(other.digits, at)))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }

    /// The number of digits before the point.
    fn places(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_sub(i64::from(self.scale))
    }

    /// The double nearest to the digits as an integer, as Go's `big.Float` of 53 bits has it.
    pub fn unscaled_double(&self) -> f64 {
        // Digits past these can only tell a tie from what is above it: one that is not zero stands for all of them.
        const ENOUGH: usize = 800;
        let mut text = String::with_capacity(ENOUGH);
        text.extend(self.digits.iter().take(ENOUGH).map(|digit| char::from(digit.saturating_add(b'0'))));
        let rest = self.digits.get(ENOUGH..).unwrap_or_default();
        if rest.iter().any(|digit| *digit != 0) {
            text.push('1');
            text.push_str(&format!("e{}", rest.len().saturating_sub(1)));
        } else {
            text.push_str(&format!("e{}", rest.len()));
        }
        let magnitude = if self.digits.is_empty() { 0.0 } else { text.parse().unwrap_or(f64::INFINITY) };
        if self.negative { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(digits: &[u8], scale: i32) -> Decimal<'_> {
        Decimal { negative: false, digits, scale }
    }

    #[test]
    fn decimals_compare_by_value_whatever_their_scale() {
        for (a, b, order) in [
            (decimal(&[1], 0), decimal(&[1, 0, 0], 2), Ordering::Equal),
            (decimal(&[1], i32::MIN), decimal(&[9], i32::MAX), Ordering::Greater),
            (decimal(&[1], 9), decimal(&[], -5), Ordering::Greater),
            (decimal(&[1, 5], 1), decimal(&[1, 4, 9], 2), Ordering::Greater),
        ] {
            assert_eq!(a.compare(&b), order, "{a:?} {b:?}");
            assert_eq!(b.compare(&a), order.reverse(), "{a:?} {b:?}");
        }
    }

    #[test]
    fn digits_become_the_nearest_double() {
        let tie = [9, 0, 0, 7, 1, 9, 9, 2, 5, 4, 7, 4, 0, 9, 9, 3];
        assert_eq!(decimal(&tie, 0).unscaled_double(), 9_007_199_254_740_992.0);
        let above = [9, 0, 0, 7, 1, 9, 9, 2, 5, 4, 7, 4, 0, 9, 9, 3, 0, 1];
        assert_eq!(decimal(&above, 0).unscaled_double(), 900_719_925_474_099_301.0);
        assert_eq!(decimal(&[1; 309], 0).unscaled_double(), "1".repeat(309).parse::<f64>().unwrap());
        assert_eq!(decimal(&[1; 1_000], 0).unscaled_double(), f64::INFINITY);
    }
}
