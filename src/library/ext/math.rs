//! `math.*`. The macros `math.greatest` and `math.least` expand to `math.@max` and `math.@min`.

use std::cmp::Ordering;

use crate::error::{ErrorKind, Raise};
use crate::library::row::{row, since};
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::logic::identity;
use crate::library::table::{Implementation::Own, Library};
use crate::value::{Value, compare, i64_as_f64, u64_as_f64};

mod bits;

use bits::{bit_and, bit_not, bit_or, bit_xor, shift_left, shift_right};

/// `cel.lib.ext.math`; version 3 differs from 2 in costs only.
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.math",
    version: 3,
    types: &[],
    rows: &[
        row(
            "math_@min_double",
            "math.@min(double) -> double",
            Own(identity),
            "The number itself.",
            &["math.least(1.5) == 1.5"],
        )
        .total(),
        row(
            "math_@min_int",
            "math.@min(int) -> int",
            Own(identity),
            "The number itself.",
            &["math.least(1) == 1"],
        )
        .total(),
        row(
            "math_@min_uint",
            "math.@min(uint) -> uint",
            Own(identity),
            "The number itself.",
            &["math.least(1u) == 1u"],
        )
        .total(),
        row(
            "math_@min_double_double",
            "math.@min(double, double) -> double",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1.5, 2.5) == 1.5"],
        ),
        row(
            "math_@min_int_int",
            "math.@min(int, int) -> int",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1, 2) == 1"],
        )
        .total(),
        row(
            "math_@min_uint_uint",
            "math.@min(uint, uint) -> uint",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1u, 2u) == 1u"],
        )
        .total(),
        row(
            "math_@min_int_uint",
            "math.@min(int, uint) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1, 2u) == 1"],
        )
        .total(),
        row(
            "math_@min_int_double",
            "math.@min(int, double) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1, 2.5) == 1"],
        ),
        row(
            "math_@min_double_int",
            "math.@min(double, int) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1.5, 2) == 1.5"],
        ),
        row(
            "math_@min_double_uint",
            "math.@min(double, uint) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1.5, 2u) == 1.5"],
        ),
        row(
            "math_@min_uint_int",
            "math.@min(uint, int) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1u, 2) == 1u"],
        )
        .total(),
        row(
            "math_@min_uint_double",
            "math.@min(uint, double) -> dyn",
            Own(min_pair),
            "The smaller number; NaN among two is an error.",
            &["math.least(1u, 2.5) == 1u"],
        ),
        row(
            "math_@min_list_double",
            "math.@min(list(double)) -> double",
            Own(min_list),
            "The smallest number of the list; an empty list is an error.",
            &["math.least([2.5, 1.5]) == 1.5"],
        ),
        row(
            "math_@min_list_int",
            "math.@min(list(int)) -> int",
            Own(min_list),
            "The smallest number of the list; an empty list is an error.",
            &["math.least([2, 1]) == 1"],
        ),
        row(
            "math_@min_list_uint",
            "math.@min(list(uint)) -> uint",
            Own(min_list),
            "The smallest number of the list; an empty list is an error.",
            &["math.least([2u, 1u]) == 1u"],
        ),
        row(
            "math_@max_double",
            "math.@max(double) -> double",
            Own(identity),
            "The number itself.",
            &["math.greatest(1.5) == 1.5"],
        )
        .total(),
        row(
            "math_@max_int",
            "math.@max(int) -> int",
            Own(identity),
            "The number itself.",
            &["math.greatest(1) == 1"],
        )
        .total(),
        row(
            "math_@max_uint",
            "math.@max(uint) -> uint",
            Own(identity),
            "The number itself.",
            &["math.greatest(1u) == 1u"],
        )
        .total(),
        row(
            "math_@max_double_double",
            "math.@max(double, double) -> double",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1.5, 2.5) == 2.5"],
        ),
        row(
            "math_@max_int_int",
            "math.@max(int, int) -> int",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1, 2) == 2"],
        )
        .total(),
        row(
            "math_@max_uint_uint",
            "math.@max(uint, uint) -> uint",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1u, 2u) == 2u"],
        )
        .total(),
        row(
            "math_@max_int_uint",
            "math.@max(int, uint) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1, 2u) == 2u"],
        )
        .total(),
        row(
            "math_@max_int_double",
            "math.@max(int, double) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1, 2.5) == 2.5"],
        ),
        row(
            "math_@max_double_int",
            "math.@max(double, int) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1.5, 2) == 2"],
        ),
        row(
            "math_@max_double_uint",
            "math.@max(double, uint) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1.5, 2u) == 2u"],
        ),
        row(
            "math_@max_uint_int",
            "math.@max(uint, int) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1u, 2) == 2"],
        )
        .total(),
        row(
            "math_@max_uint_double",
            "math.@max(uint, double) -> dyn",
            Own(max_pair),
            "The greater number; NaN among two is an error.",
            &["math.greatest(1u, 2.5) == 2.5"],
        ),
        row(
            "math_@max_list_double",
            "math.@max(list(double)) -> double",
            Own(max_list),
            "The greatest number of the list; an empty list is an error.",
            &["math.greatest([2.5, 1.5]) == 2.5"],
        ),
        row(
            "math_@max_list_int",
            "math.@max(list(int)) -> int",
            Own(max_list),
            "The greatest number of the list; an empty list is an error.",
            &["math.greatest([2, 1]) == 2"],
        ),
        row(
            "math_@max_list_uint",
            "math.@max(list(uint)) -> uint",
            Own(max_list),
            "The greatest number of the list; an empty list is an error.",
            &["math.greatest([2u, 1u]) == 2u"],
        ),
        since(
            1,
            row(
                "math_ceil_double",
                "math.ceil(double) -> double",
                Own(ceil),
                "The next integral number upwards.",
                &["math.ceil(1.2) == 2.0", "math.ceil(-1.2) == -1.0"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_floor_double",
                "math.floor(double) -> double",
                Own(floor),
                "The next integral number downwards.",
                &["math.floor(1.2) == 1.0", "math.floor(-1.2) == -2.0"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_round_double",
                "math.round(double) -> double",
                Own(round),
                "The nearest integral number; halves go away from zero.",
                &["math.round(2.5) == 3.0", "math.round(-2.5) == -3.0"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_trunc_double",
                "math.trunc(double) -> double",
                Own(trunc),
                "The next integral number towards zero.",
                &["math.trunc(-1.9) == -1.0"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_isInf_double",
                "math.isInf(double) -> bool",
                Own(is_inf),
                "True for the two infinities.",
                &["math.isInf(1.0 / 0.0)", "!math.isInf(1.2)"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_isNaN_double",
                "math.isNaN(double) -> bool",
                Own(is_nan),
                "True for what is not a number.",
                &["math.isNaN(0.0 / 0.0)", "!math.isNaN(1.2)"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_isFinite_double",
                "math.isFinite(double) -> bool",
                Own(is_finite),
                "True unless infinite or not a number.",
                &["math.isFinite(1.2)", "!math.isFinite(0.0 / 0.0)"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_abs_double",
                "math.abs(double) -> double",
                Own(abs),
                "The number without its sign.",
                &["math.abs(-1.5) == 1.5"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_abs_int",
                "math.abs(int) -> int",
                Own(abs),
                "The number without its sign; an error for the least int.",
                &["math.abs(-3) == 3"],
            ),
        ),
        since(
            1,
            row(
                "math_abs_uint",
                "math.abs(uint) -> uint",
                Own(identity),
                "The number itself.",
                &["math.abs(3u) == 3u"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_sign_double",
                "math.sign(double) -> double",
                Own(sign),
                "-1, 0 or 1; NaN for NaN.",
                &["math.sign(-2.5) == -1.0", "math.sign(0.0) == 0.0"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_sign_int",
                "math.sign(int) -> int",
                Own(sign),
                "-1, 0 or 1.",
                &["math.sign(-7) == -1", "math.sign(0) == 0"],
            )
            .total(),
        ),
        since(
            1,
            row("math_sign_uint", "math.sign(uint) -> uint", Own(sign), "0 or 1.", &["math.sign(7u) == 1u"])
                .total(),
        ),
        since(
            1,
            row(
                "math_bitAnd_int_int",
                "math.bitAnd(int, int) -> int",
                Own(bit_and),
                "The bits that both have.",
                &["math.bitAnd(3, 6) == 2"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitAnd_uint_uint",
                "math.bitAnd(uint, uint) -> uint",
                Own(bit_and),
                "The bits that both have.",
                &["math.bitAnd(3u, 6u) == 2u"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitOr_int_int",
                "math.bitOr(int, int) -> int",
                Own(bit_or),
                "The bits that one of the two has.",
                &["math.bitOr(3, 6) == 7"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitOr_uint_uint",
                "math.bitOr(uint, uint) -> uint",
                Own(bit_or),
                "The bits that one of the two has.",
                &["math.bitOr(3u, 6u) == 7u"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitXor_int_int",
                "math.bitXor(int, int) -> int",
                Own(bit_xor),
                "The bits that exactly one of the two has.",
                &["math.bitXor(3, 6) == 5"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitXor_uint_uint",
                "math.bitXor(uint, uint) -> uint",
                Own(bit_xor),
                "The bits that exactly one of the two has.",
                &["math.bitXor(3u, 6u) == 5u"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitNot_int_int",
                "math.bitNot(int) -> int",
                Own(bit_not),
                "All bits inverted.",
                &["math.bitNot(1) == -2"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitNot_uint_uint",
                "math.bitNot(uint) -> uint",
                Own(bit_not),
                "All bits inverted.",
                &["math.bitNot(0u) == 18446744073709551615u"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "math_bitShiftLeft_int_int",
                "math.bitShiftLeft(int, int) -> int",
                Own(shift_left),
                "The bits moved to the left; from 64 on nothing is left, a negative number is an error.",
                &["math.bitShiftLeft(1, 3) == 8", "math.bitShiftLeft(1, 64) == 0"],
            ),
        ),
        since(
            1,
            row(
                "math_bitShiftLeft_uint_int",
                "math.bitShiftLeft(uint, int) -> uint",
                Own(shift_left),
                "The bits moved to the left; from 64 on nothing is left, a negative number is an error.",
                &["math.bitShiftLeft(1u, 3) == 8u"],
            ),
        ),
        since(
            1,
            row(
                "math_bitShiftRight_int_int",
                "math.bitShiftRight(int, int) -> int",
                Own(shift_right),
                "The bits moved to the right, zeros from the left, also for a negative number.",
                &["math.bitShiftRight(8, 3) == 1", "math.bitShiftRight(-1, 1) == 9223372036854775807"],
            ),
        ),
        since(
            1,
            row(
                "math_bitShiftRight_uint_int",
                "math.bitShiftRight(uint, int) -> uint",
                Own(shift_right),
                "The bits moved to the right, zeros from the left.",
                &["math.bitShiftRight(8u, 3) == 1u"],
            ),
        ),
        since(
            2,
            row(
                "math_sqrt_double",
                "math.sqrt(double) -> double",
                Own(sqrt),
                "The square root; NaN for a negative number.",
                &["math.sqrt(81.0) == 9.0", "math.isNaN(math.sqrt(-1.0))"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "math_sqrt_int",
                "math.sqrt(int) -> double",
                Own(sqrt),
                "The square root; NaN for a negative number.",
                &["math.sqrt(81) == 9.0"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "math_sqrt_uint",
                "math.sqrt(uint) -> double",
                Own(sqrt),
                "The square root; NaN for a negative number.",
                &["math.sqrt(81u) == 9.0"],
            )
            .total(),
        ),
    ],
};

/// The name in error texts and the order in which the second of two numbers is taken.
type Choice = (&'static str, Ordering);

const MIN: Choice = ("math.@min", Ordering::Greater);
const MAX: Choice = ("math.@max", Ordering::Less);

fn choose_of_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>], choice: Choice) -> Answer<'a> {
    let [a, b] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    match compare(a, b) {
        Some(Some(order)) => Ok(if order == choice.1 { *b } else { *a }),
        Some(None) => Err(runtime.error(format_args!("NaN values cannot be ordered: {}", choice.0))),
        None => Err(ErrorKind::NoSuchFunction(choice.0).into()),
    }
}

fn choose_of_list<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>], choice: Choice) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge(list.len())?;
    let Some((first, rest)) = list.split_first() else {
        return Err(runtime.error(format_args!("{}(list) argument must not be empty", choice.0)));
    };
    let mut chosen = *first;
    for value in rest {
        match compare(&chosen, value) {
            Some(Some(order)) if order == choice.1 => chosen = *value,
            Some(Some(_)) => {}
            // cel-go loses the reason, be it NaN or a value that is no number.
            _ => return Err(ErrorKind::NoSuchFunction(choice.0).into()),
        }
    }
    match chosen {
        Value::Int(_) | Value::Uint(_) | Value::Double(_) => Ok(chosen),
        _ => Err(ErrorKind::NoSuchFunction(choice.0).into()),
    }
}

fn min_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    choose_of_pair(runtime, arguments, MIN)
}

fn max_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    choose_of_pair(runtime, arguments, MAX)
}

fn min_list<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    choose_of_list(runtime, arguments, MIN)
}

fn max_list<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    choose_of_list(runtime, arguments, MAX)
}

/// The one double.
fn double<'a>(arguments: &[Value<'a>]) -> Result<f64, Raise<'a>> {
    match arguments {
        [Value::Double(d)] => Ok(*d),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn ceil<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Double(double(arguments)?.ceil()))
}

fn floor<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Double(double(arguments)?.floor()))
}

fn round<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Double(double(arguments)?.round()))
}

fn trunc<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Double(double(arguments)?.trunc()))
}

fn is_inf<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(double(arguments)?.is_infinite()))
}

fn is_nan<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(double(arguments)?.is_nan()))
}

fn is_finite<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(double(arguments)?.is_finite()))
}

fn abs<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Double(d)] => Ok(Value::Double(d.abs())),
        [Value::Int(i)] => Ok(Value::Int(i.checked_abs().ok_or(ErrorKind::IntegerOverflow)?)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn sign<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Double(d)] if d.is_nan() => Ok(Value::Double(*d)),
        // Negative zero becomes zero.
        [Value::Double(d)] => Ok(Value::Double(if *d == 0.0 { 0.0 } else { d.signum() })),
        [Value::Int(i)] => Ok(Value::Int(i.signum())),
        [Value::Uint(u)] => Ok(Value::Uint((*u).min(1))),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn sqrt<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Double(d)] => Ok(Value::Double(d.sqrt())),
        [Value::Int(i)] => Ok(Value::Double(i64_as_f64(*i).sqrt())),
        [Value::Uint(u)] => Ok(Value::Double(u64_as_f64(*u).sqrt())),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

#[cfg(test)]
mod tests;
