//! Sums of quantities, in 64 bits while they fit and in digits when they do not.

use std::cmp::Ordering;

use bumpalo::collections::Vec as BumpVec;

use crate::error::Raise;
use crate::library::runtime::Runtime;
use crate::value::extension::{Amount, Decimal, Digits};
use crate::value::i64_as_f64;

/// `a × b`, with Go's way of finding an overflow, for which the smallest integer is one unless a factor is 0 or 1.
pub(super) fn product(a: i64, b: i64) -> Option<i64> {
    match (a, b) {
        (0 | 1, _) | (_, 0 | 1) => a.checked_mul(b),
        (i64::MIN, _) | (_, i64::MIN) => None,
        _ => a.checked_mul(b),
    }
}

/// `value × 10^scale`
pub(super) fn scaled(value: i64, scale: u32) -> Option<i64> {
    if value == 0 {
        return Some(0);
    }
    let mut value = value;
    // Nineteen steps overflow whatever the value is.
    for _ in 0..scale {
        value = if value == i64::MIN { None } else { value.checked_mul(10) }?;
    }
    Some(value)
}

/// A sum that stays in 64 bits; what has the larger exponent is written with the smaller one.
fn small_sum(a: (i64, i32), b: (i64, i32)) -> Option<Amount<'static>> {
    let ((a, a_scale), (b, b_scale)) = (a, b);
    if b == 0 {
        return Some(Amount::Small { value: a, scale: a_scale });
    }
    if a == 0 {
        return Some(Amount::Small { value: b, scale: b_scale });
    }
    let scale = a_scale.min(b_scale);
    let at = |value: i64, from: i32| scaled(value, u32::try_from(from.checked_sub(scale)?).ok()?);
    Some(Amount::Small { value: at(a, a_scale)?.checked_add(at(b, b_scale)?)?, scale })
}

/// `a + b`
pub(super) fn add<'a>(rt: &mut Runtime<'a>, a: &Amount<'a>, b: &Amount<'a>) -> Result<Amount<'a>, Raise<'a>> {
    if let (Amount::Small { value: x, scale: i }, Amount::Small { value: y, scale: j }) = (*a, *b)
        && let Some(sum) = small_sum((x, i), (y, j))
    {
        return Ok(sum);
    }
    let (mut left, mut right) = (Digits::default(), Digits::default());
    let sum = decimal_sum(rt, a.decimal(&mut left), b.decimal(&mut right))?;
    Ok(Amount::Big(sum))
}

/// `a - b`
pub(super) fn sub<'a>(rt: &mut Runtime<'a>, a: &Amount<'a>, b: &Amount<'a>) -> Result<Amount<'a>, Raise<'a>> {
    if let (Amount::Small { value: x, scale: i }, Amount::Small { value: y, scale: j }) = (*a, *b)
        && let Some(difference) = small_sum((x, i), (y.wrapping_neg(), j))
    {
        return Ok(difference);
    }
    let (mut left, mut right) = (Digits::default(), Digits::default());
    let subtrahend = b.decimal(&mut right);
    let negated = Decimal { negative: !subtrahend.negative, ..subtrahend };
    let difference = decimal_sum(rt, a.decimal(&mut left), negated)?;
    Ok(Amount::Big(difference))
}

/// The sum with the larger scale of the two.
fn decimal_sum<'a>(rt: &mut Runtime<'a>, a: Decimal<'_>, b: Decimal<'_>) -> Result<Decimal<'a>, Raise<'a>> {
    let scale = a.scale.max(b.scale);
    let (sum, other) = (widened(rt, &a, scale, 1)?, widened(rt, &b, scale, 1)?);
    let length = sum.len().max(other.len());
    // Digit by digit, and more than once.
    rt.charge_scan(length.saturating_mul(2))?;
    let digit =
        |of: &[u8], at: usize| of.len().checked_sub(at).and_then(|at| of.get(at)).copied().unwrap_or(0);
    // Digits are counted from the end, the last one being 1; a number of unequal length has zeros before it.
    let mut out = BumpVec::with_capacity_in(length.saturating_add(1), rt.arena);
    rt.budget.charge_bytes(length.saturating_add(1))?;
    let mut negative = a.negative;
    if a.negative == b.negative || a.digits.is_empty() || b.digits.is_empty() {
        negative = if a.digits.is_empty() { b.negative } else { a.negative };
        let mut carry = 0_u8;
        for at in 1..=length {
            let total = digit(&sum, at).saturating_add(digit(&other, at)).saturating_add(carry);
            carry = total / 10;
            out.push(total % 10);
        }
        out.push(carry);
    } else {
        let (larger, smaller) = match a.compare_magnitude(&b) {
            Ordering::Less => {
                negative = b.negative;
                (&other, &sum)
            }
            _ => (&sum, &other),
        };
        let mut borrow = 0_u8;
        for at in 1..=length {
            let minus = digit(smaller, at).saturating_add(borrow);
            let from = digit(larger, at);
            borrow = u8::from(from < minus);
            out.push(from.saturating_add(borrow.saturating_mul(10)).saturating_sub(minus));
        }
    }
    while out.last() == Some(&0) {
        out.pop();
    }
    out.reverse();
    Ok(Decimal { negative: negative && !out.is_empty(), digits: out.into_bump_slice(), scale })
}

/// The digits of `decimal × factor` at `scale`, which is not below its own; charged for every digit.
pub(super) fn widened<'a>(
    rt: &mut Runtime<'a>,
    decimal: &Decimal<'_>,
    scale: i32,
    factor: u64,
) -> Result<BumpVec<'a, u8>, Raise<'a>> {
    let zeros = i64::from(scale).saturating_sub(i64::from(decimal.scale));
    let zeros = if decimal.digits.is_empty() { 0 } else { usize::try_from(zeros).unwrap_or(0) };
    let capacity = decimal.digits.len().saturating_add(zeros).saturating_add(20);
    rt.charge_scan(capacity.saturating_mul(2))?;
    rt.budget.charge_bytes(capacity)?;
    let mut out = BumpVec::with_capacity_in(capacity, rt.arena);
    out.resize(zeros, 0);
    let mut carry = 0_u128;
    for digit in decimal.digits.iter().rev() {
        carry = carry.saturating_add(u128::from(*digit).saturating_mul(u128::from(factor)));
        out.push(u8::try_from(carry % 10).unwrap_or(0));
        carry /= 10;
    }
    while carry != 0 {
        out.push(u8::try_from(carry % 10).unwrap_or(0));
        carry /= 10;
    }
    out.reverse();
    Ok(out)
}

/// `asApproximateFloat`: the digits as a double, times a power of ten as a double.
pub(super) fn approximate(amount: &Amount<'_>) -> f64 {
    let (base, exponent) = match amount {
        Amount::Small { value, scale } => (i64_as_f64(*value), *scale),
        Amount::Big(decimal) => (decimal.unscaled_double(), decimal.scale.wrapping_neg()),
    };
    if exponent == 0 { base } else { base * power_of_ten(exponent) }
}

/// Go's `math.Pow10`: a product of two correctly rounded powers.
fn power_of_ten(exponent: i32) -> f64 {
    let exact = |exponent: u32| format!("1e{exponent}").parse::<f64>().unwrap_or(f64::INFINITY);
    match exponent {
        0..=308 => {
            let exponent = exponent.unsigned_abs();
            exact(exponent & !31) * exact(exponent & 31)
        }
        -323..0 => {
            let exponent = exponent.unsigned_abs();
            let tens = exponent & !31;
            format!("1e-{tens}").parse::<f64>().unwrap_or(0.0) / exact(exponent & 31)
        }
        309.. => f64::INFINITY,
        _ => 0.0,
    }
}
