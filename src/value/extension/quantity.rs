//! Quantities of k8s.io/apimachinery `pkg/api/resource`: an integer with a decimal exponent while that is enough, a decimal
//! of any length after. Which of the two a quantity is shows in `isInteger` and `asInteger`.

use std::cmp::Ordering;

use super::Decimal;

/// A quantity.
#[derive(Clone, Copy, Debug)]
pub struct Quantity<'a> {
    /// How much.
    pub amount: Amount<'a>,
    /// True for the results of `add` and `sub`, which are pointers in Go: on the right of `==` they are no quantity.
    pub computed: bool,
}

/// What a quantity is.
#[derive(Clone, Copy, Debug)]
pub enum Amount<'a> {
    /// `value × 10^scale`
    Small {
        /// The integer.
        value: i64,
        /// The exponent.
        scale: i32,
    },
    /// Any decimal.
    Big(Decimal<'a>),
}

/// The digits of a 64 bit integer.
pub type Digits = [u8; 20];

impl<'a> Amount<'a> {
    /// The amount as a decimal; `buffer` takes the digits of an integer.
    pub fn decimal<'b>(&self, buffer: &'b mut Digits) -> Decimal<'b>
    where
        'a: 'b,
    {
        match *self {
            Amount::Big(decimal) => decimal,
            Amount::Small { value, scale } => {
                let mut rest = value.unsigned_abs();
                let mut first = buffer.len();
                for slot in buffer.iter_mut().rev() {
                    if rest == 0 {
                        break;
                    }
                    *slot = u8::try_from(rest.checked_rem(10).unwrap_or(0)).unwrap_or(0);
                    rest = rest.checked_div(10).unwrap_or(0);
                    first = first.saturating_sub(1);
                }
                let digits = buffer.get(first..).unwrap_or_default();
                Decimal { negative: value < 0, digits, scale: scale.wrapping_neg() }
            }
        }
    }
}

impl Quantity<'_> {
    /// The order by value.
    pub fn compare(&self, other: &Quantity<'_>) -> Ordering {
        let (mut left, mut right) = (Digits::default(), Digits::default());
        self.amount.decimal(&mut left).compare(&other.amount.decimal(&mut right))
    }

    /// About how many bytes are looked at to compare with `other`.
    pub fn cost_with(&self, other: &Quantity<'_>) -> usize {
        let length = |quantity: &Quantity<'_>| match quantity.amount {
            Amount::Small { .. } => 20,
            Amount::Big(decimal) => decimal.digits.len(),
        };
        length(self).max(length(other))
    }
}
