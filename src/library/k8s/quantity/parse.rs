//! How a text becomes a quantity.

use super::arithmetic::{product, widened};
use crate::error::Raise;
use crate::library::runtime::Runtime;
use crate::value::extension::{Amount, Decimal};

const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMERIC: &str = "unable to parse numeric part of quantity";
const SUFFIX: &str = "unable to parse quantity's suffix";

/// Nothing is smaller than a billionth.
const NANO: i32 = -9;

/// A text in its parts.
#[derive(Clone, Copy, Debug)]
struct Parts<'s> {
    negative: bool,
    /// The sign and the number.
    value: &'s str,
    /// The digits before the point, without leading zeros; `0` for none.
    number: &'s str,
    /// The digits behind the point.
    fraction: &'s str,
    suffix: &'s str,
}

/// What a suffix multiplies by.
#[derive(Clone, Copy, Debug)]
enum Suffix {
    /// `10^n`
    Decimal(i32),
    /// `2^n`
    Binary(u32),
}

/// Splits `text` at the first byte that is none of `accepted`.
fn span(text: &str, accepted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !accepted(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn split(text: &str) -> Option<Parts<'_>> {
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (_, rest) = span(unsigned, |byte| byte == b'0');
    if rest.is_empty() {
        return Some(Parts { negative, value: "0", number: "0", fraction: "", suffix: "" });
    }
    let (number, rest) = span(rest, is_digit);
    let number = if number.is_empty() { "0" } else { number };
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => span(rest, is_digit),
        None => ("", rest),
    };
    let value = text.get(..text.len().saturating_sub(rest.len())).unwrap_or_default();
    let (_, after) = span(rest, |byte| b"eEinumkKMGTP".contains(&byte));
    let (_, after) = span(after.strip_prefix(['-', '+']).unwrap_or(after), is_digit);
    after.is_empty().then_some(Parts { negative, value, number, fraction, suffix: rest })
}

fn interpret(suffix: &str) -> Option<Suffix> {
    Some(match suffix {
        "" => Suffix::Decimal(0),
        "n" => Suffix::Decimal(-9),
        "u" => Suffix::Decimal(-6),
        "m" => Suffix::Decimal(-3),
        "k" => Suffix::Decimal(3),
        "M" => Suffix::Decimal(6),
        "G" => Suffix::Decimal(9),
        "T" => Suffix::Decimal(12),
        "P" => Suffix::Decimal(15),
        "E" => Suffix::Decimal(18),
        "Ki" => Suffix::Binary(10),
        "Mi" => Suffix::Binary(20),
        "Gi" => Suffix::Binary(30),
        "Ti" => Suffix::Binary(40),
        "Pi" => Suffix::Binary(50),
        "Ei" => Suffix::Binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i64>().ok()?;
            // Go's conversion to 32 bits drops the rest.
            Suffix::Decimal(exponent as i32)
        }
    })
}

fn length(text: &str) -> i32 {
    i32::try_from(text.len()).unwrap_or(i32::MAX)
}

/// The amount that `text` is; the inner error is Kubernetes' text.
pub(super) fn parse<'a>(
    rt: &mut Runtime<'a>,
    text: &str,
) -> Result<Result<Amount<'a>, &'static str>, Raise<'a>> {
    // Its digits are looked at one by one, and more than once.
    rt.charge_scan(text.len().saturating_mul(3))?;
    if text.is_empty() {
        return Ok(Err(FORMAT));
    }
    let Some(parts) = split(text) else { return Ok(Err(FORMAT)) };
    let Some(suffix) = interpret(parts.suffix) else { return Ok(Err(SUFFIX)) };
    match small(&parts, suffix) {
        Some(amount) => Ok(Ok(amount)),
        None => big(rt, &parts, suffix),
    }
}

/// The amount in 64 bits, if the text has few enough digits and is not below a billionth.
fn small(parts: &Parts<'_>, suffix: Suffix) -> Option<Amount<'static>> {
    let digits = length(parts.number).saturating_add(length(parts.fraction));
    let (precision, scale, factor) = match suffix {
        Suffix::Decimal(exponent) => (18_i32.saturating_sub(digits), exponent, 1),
        Suffix::Binary(bits) if parts.fraction.is_empty() => {
            // About how many decimal digits the power of two has.
            let power = i32::try_from(bits).ok()?.checked_mul(3)?.checked_div(10)?;
            (14_i32.saturating_sub(digits).saturating_sub(power), 0, 1_i64.checked_shl(bits)?)
        }
        Suffix::Binary(_) => return None,
    };
    let scale = scale.wrapping_sub(length(parts.fraction));
    if precision < 0 || scale < NANO {
        return None;
    }
    let digits = parts.number.bytes().chain(parts.fraction.bytes());
    let value = digits.fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')))
    });
    let value = product(value, factor)?;
    Some(Amount::Small { value: if parts.negative { value.wrapping_neg() } else { value }, scale })
}

fn big<'a>(
    rt: &mut Runtime<'a>,
    parts: &Parts<'_>,
    suffix: Suffix,
) -> Result<Result<Amount<'a>, &'static str>, Raise<'a>> {
    let (whole, fraction) = parts.value.split_once('.').unwrap_or((parts.value, ""));
    let whole = whole.trim_start_matches(['-', '+']);
    if whole.is_empty() && fraction.is_empty() {
        return Ok(Err(NUMERIC));
    }
    rt.budget.charge_bytes(parts.value.len())?;
    let digits = whole.bytes().chain(fraction.bytes()).map(|digit| digit.saturating_sub(b'0'));
    let mut read = bumpalo::collections::Vec::with_capacity_in(parts.value.len(), rt.arena);
    read.extend(digits.skip_while(|digit| *digit == 0));
    let negative = parts.negative && !read.is_empty();
    let mut amount = Decimal { negative, digits: read.into_bump_slice(), scale: length(fraction) };
    if let Suffix::Decimal(exponent) = suffix {
        amount.scale = amount.scale.wrapping_add(exponent.wrapping_neg());
    }
    if let Suffix::Binary(bits) = suffix {
        let factor = 1_u64.checked_shl(bits).unwrap_or(0);
        let scale = amount.scale;
        amount.digits = widened(rt, &amount, scale, factor)?.into_bump_slice();
    }
    if !amount.digits.is_empty() {
        amount = round_up(rt, &amount)?;
    }
    let most = [9, 2, 2, 3, 3, 7, 2, 0, 3, 6, 8, 5, 4, 7, 7, 5, 8, 0, 7];
    let most = Decimal { negative: false, digits: rt.arena.alloc_slice_copy(&most), scale: 0 };
    if matches!(suffix, Suffix::Binary(_)) && amount.compare_magnitude(&most).is_gt() {
        amount = Decimal { negative, ..most };
    }
    Ok(Ok(Amount::Big(amount)))
}

/// The amount with nine digits behind the point; what is cut off makes it larger.
fn round_up<'a>(rt: &mut Runtime<'a>, amount: &Decimal<'a>) -> Result<Decimal<'a>, Raise<'a>> {
    const SCALE: i32 = 9;
    if amount.scale <= SCALE {
        let digits = widened(rt, amount, SCALE, 1)?.into_bump_slice();
        return Ok(Decimal { digits, scale: SCALE, ..*amount });
    }
    let cut = i64::from(amount.scale).saturating_sub(i64::from(SCALE));
    let kept = amount.digits.len().saturating_sub(usize::try_from(cut).unwrap_or(usize::MAX));
    let (kept, rest) = amount.digits.split_at_checked(kept).unwrap_or((amount.digits, &[]));
    let mut digits = widened(rt, &Decimal { digits: kept, ..*amount }, amount.scale, 1)?;
    if rest.iter().any(|digit| *digit != 0) {
        let mut carried = true;
        for digit in digits.iter_mut().rev() {
            carried = *digit == 9;
            *digit = if carried { 0 } else { digit.saturating_add(1) };
            if !carried {
                break;
            }
        }
        if carried {
            digits.insert(0, 1);
        }
    }
    Ok(Decimal { digits: digits.into_bump_slice(), scale: SCALE, ..*amount })
}
