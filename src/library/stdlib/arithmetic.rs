//! `+ - * / %`, unary `-` and `in`: one body per operator that looks at the types of its operands, as cel-go's.
//!
//! Mixed numeric types have no arithmetic, not even through dyn. Every overflow is an error.

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{self, Body, Implementation::Shared, Library};
use crate::value::ValueKind::{self, Bool, Bytes, Double, Duration, Int, List, String, Timestamp, Uint};
use crate::value::{self, Value, double_to_int, double_to_uint};

const fn operator(body: Body, receivers: &'static [ValueKind]) -> table::Shared {
    table::Shared { body, receivers, pattern: None }
}

// Strings, durations and timestamps are in every list: cel-go asks them as receivers, which answer the bare text.
static ADD: table::Shared =
    operator(add_operator, &[Bytes, Double, Duration, Int, List, String, Timestamp, Uint]);
static SUBTRACT: table::Shared = operator(subtract, &[Double, Duration, Int, String, Timestamp, Uint]);
static MULTIPLY: table::Shared = operator(multiply, &[Double, Duration, Int, String, Timestamp, Uint]);
static DIVIDE: table::Shared = operator(divide, &[Double, Duration, Int, String, Timestamp, Uint]);
static MODULO: table::Shared = operator(modulo, &[Duration, Int, String, Timestamp, Uint]);
static NEGATE: table::Shared = operator(negate, &[Bool, Double, Duration, Int, String, Timestamp]);
static IN: table::Shared = operator(is_in, &[]);

/// The arithmetic operators and `in`.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        row(
            "add_bytes",
            "_+_(bytes, bytes) -> bytes",
            Shared(&ADD),
            "Both one after the other.",
            &["b'a' + b'bc' == b'abc'"],
        )
        .total(),
        row("add_double", "_+_(double, double) -> double", Shared(&ADD), "The sum.", &["0.5 + 1.25 == 1.75"])
            .total(),
        row(
            "add_duration_duration",
            "_+_(duration, duration) -> duration",
            Shared(&ADD),
            "The sum; outside 64 bits of nanoseconds an error.",
            &["duration('1h') + duration('90s') == duration('61m30s')"],
        ),
        row(
            "add_duration_timestamp",
            "_+_(duration, timestamp) -> timestamp",
            Shared(&ADD),
            "The instant that much later; outside the years 1 to 9999 an error.",
            &["duration('1m') + timestamp(0) == timestamp(60)"],
        ),
        row(
            "add_timestamp_duration",
            "_+_(timestamp, duration) -> timestamp",
            Shared(&ADD),
            "The instant that much later; outside the years 1 to 9999 an error.",
            &["timestamp(0) + duration('1m') == timestamp(60)"],
        ),
        row(
            "add_int64",
            "_+_(int, int) -> int",
            Shared(&ADD),
            "The sum; outside 64 bits an error.",
            &["40 + 2 == 42"],
        ),
        row(
            "add_list",
            "_+_(list(A), list(A)) -> list(A)",
            Shared(&ADD),
            "Both one after the other.",
            &["[1] + [2, 3] == [1, 2, 3]"],
        )
        .total(),
        row(
            "add_string",
            "_+_(string, string) -> string",
            Shared(&ADD),
            "Both one after the other.",
            &["'tool' + 'gate' == 'toolgate'"],
        )
        .total(),
        row(
            "add_uint64",
            "_+_(uint, uint) -> uint",
            Shared(&ADD),
            "The sum; outside 64 bits an error.",
            &["40u + 2u == 42u"],
        ),
        row(
            "divide_double",
            "_/_(double, double) -> double",
            Shared(&DIVIDE),
            "The quotient, as IEEE 754.",
            &["7.0 / 2.0 == 3.5", "math.isInf(1.0 / 0.0)"],
        )
        .total(),
        row(
            "divide_int64",
            "_/_(int, int) -> int",
            Shared(&DIVIDE),
            "The quotient rounded towards zero; by zero an error.",
            &["7 / 2 == 3", "-7 / 2 == -3"],
        ),
        row(
            "divide_uint64",
            "_/_(uint, uint) -> uint",
            Shared(&DIVIDE),
            "The quotient rounded down; by zero an error.",
            &["7u / 2u == 3u"],
        ),
        row(
            "modulo_int64",
            "_%_(int, int) -> int",
            Shared(&MODULO),
            "The remainder with the sign of the first operand; by zero an error.",
            &["7 % 4 == 3", "-7 % 4 == -3"],
        ),
        row(
            "modulo_uint64",
            "_%_(uint, uint) -> uint",
            Shared(&MODULO),
            "The remainder; by zero an error.",
            &["7u % 4u == 3u"],
        ),
        row(
            "multiply_double",
            "_*_(double, double) -> double",
            Shared(&MULTIPLY),
            "The product.",
            &["1.5 * 4.0 == 6.0"],
        )
        .total(),
        row(
            "multiply_int64",
            "_*_(int, int) -> int",
            Shared(&MULTIPLY),
            "The product; outside 64 bits an error.",
            &["-6 * 7 == -42"],
        ),
        row(
            "multiply_uint64",
            "_*_(uint, uint) -> uint",
            Shared(&MULTIPLY),
            "The product; outside 64 bits an error.",
            &["6u * 7u == 42u"],
        ),
        row(
            "negate_double",
            "-_(double) -> double",
            Shared(&NEGATE),
            "The number with the other sign.",
            &["-(1.5) == 0.0 - 1.5"],
        )
        .total(),
        row(
            "negate_int64",
            "-_(int) -> int",
            Shared(&NEGATE),
            "The number with the other sign.",
            &["-(3) == 0 - 3"],
        ),
        row(
            "subtract_double",
            "_-_(double, double) -> double",
            Shared(&SUBTRACT),
            "The difference.",
            &["2.5 - 1.0 == 1.5"],
        )
        .total(),
        row(
            "subtract_duration_duration",
            "_-_(duration, duration) -> duration",
            Shared(&SUBTRACT),
            "The difference; outside 64 bits of nanoseconds an error.",
            &["duration('1h') - duration('1m') == duration('59m')"],
        ),
        row(
            "subtract_int64",
            "_-_(int, int) -> int",
            Shared(&SUBTRACT),
            "The difference; outside 64 bits an error.",
            &["3 - 5 == -2"],
        ),
        row(
            "subtract_timestamp_duration",
            "_-_(timestamp, duration) -> timestamp",
            Shared(&SUBTRACT),
            "The instant that much earlier; outside the years 1 to 9999 an error.",
            &["timestamp(60) - duration('1m') == timestamp(0)"],
        ),
        row(
            "subtract_timestamp_timestamp",
            "_-_(timestamp, timestamp) -> duration",
            Shared(&SUBTRACT),
            "The time from the second instant to the first.",
            &["timestamp(60) - timestamp(0) == duration('1m')"],
        ),
        row(
            "subtract_uint64",
            "_-_(uint, uint) -> uint",
            Shared(&SUBTRACT),
            "The difference; below zero an error.",
            &["5u - 3u == 2u"],
        ),
        row(
            "in_list",
            "@in(A, list(A)) -> bool",
            Shared(&IN),
            "True if an element of the list is equal.",
            &["'b' in ['a', 'b']", "!(3 in [1, 2])"],
        )
        .total(),
        row(
            "in_map",
            "@in(A, map(A, B)) -> bool",
            Shared(&IN),
            "True if the map has the key.",
            &["'a' in {'a': null}", "!('b' in {'a': 'b'})"],
        )
        .total(),
    ],
};

/// The two operands, or the bare text.
fn pair<'a>(arguments: &[Value<'a>]) -> Result<(Value<'a>, Value<'a>), Raise<'a>> {
    match arguments {
        [a, b] => Ok((*a, *b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn add_operator<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = pair(arguments)?;
    add(runtime, a, b)
}

/// `a + b`.
///
/// # Errors
/// Overflow, types that do not add, a spent budget.
pub(crate) fn add<'a>(runtime: &mut Runtime<'a>, a: Value<'a>, b: Value<'a>) -> Answer<'a> {
    Ok(match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(b).ok_or(ErrorKind::IntegerOverflow)?),
        (Value::Uint(a), Value::Uint(b)) => {
            Value::Uint(a.checked_add(b).ok_or(ErrorKind::UnsignedIntegerOverflow)?)
        }
        (Value::Double(a), Value::Double(b)) => Value::Double(a + b),
        (Value::String(a), Value::String(b)) => {
            let mut text = runtime.string_builder(a.len().saturating_add(b.len()))?;
            text.push_str(a);
            text.push_str(b);
            Value::String(text.into_bump_str())
        }
        (Value::Bytes(a), Value::Bytes(b)) => concatenate_bytes(runtime, a, b)?,
        (Value::List([]), Value::List(list)) | (Value::List(list), Value::List([])) => Value::List(list),
        (Value::List(a), Value::List(b)) => {
            let mut list = runtime.list_builder(a.len().saturating_add(b.len()))?;
            list.extend_from_slice(a);
            list.extend_from_slice(b);
            runtime.finish_list(list)
        }
        (Value::Duration(a), Value::Duration(b)) => {
            Value::Duration(a.checked_add(b).ok_or(ErrorKind::IntegerOverflow)?)
        }
        (Value::Timestamp(t), Value::Duration(d)) | (Value::Duration(d), Value::Timestamp(t)) => {
            Value::Timestamp(t.after(d).ok_or(ErrorKind::TimestampOverflow)?)
        }
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

fn concatenate_bytes<'a>(runtime: &mut Runtime<'a>, a: &[u8], b: &[u8]) -> Answer<'a> {
    let length = a.len().saturating_add(b.len());
    runtime.charge_scan(length)?;
    runtime.budget.charge_bytes(length)?;
    let mut bytes = bumpalo::collections::Vec::with_capacity_in(length, runtime.arena);
    bytes.extend_from_slice_copy(a);
    bytes.extend_from_slice_copy(b);
    Ok(Value::Bytes(bytes.into_bump_slice()))
}

fn subtract<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(match pair(arguments)? {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_sub(b).ok_or(ErrorKind::IntegerOverflow)?),
        (Value::Uint(a), Value::Uint(b)) => {
            Value::Uint(a.checked_sub(b).ok_or(ErrorKind::UnsignedIntegerOverflow)?)
        }
        (Value::Double(a), Value::Double(b)) => Value::Double(a - b),
        (Value::Duration(a), Value::Duration(b)) => {
            Value::Duration(a.checked_sub(b).ok_or(ErrorKind::IntegerOverflow)?)
        }
        (Value::Timestamp(t), Value::Duration(d)) => {
            let back = d.checked_neg().ok_or(ErrorKind::IntegerOverflow)?;
            Value::Timestamp(t.after(back).ok_or(ErrorKind::TimestampOverflow)?)
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            Value::Duration(between(&a, &b).ok_or(ErrorKind::IntegerOverflow)?)
        }
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

/// The nanoseconds from `b` to `a`. The seconds alone must fit, as in cel-go, before the fraction is added.
fn between(a: &value::Timestamp, b: &value::Timestamp) -> Option<i64> {
    let seconds = a.seconds.checked_sub(b.seconds)?.checked_mul(1_000_000_000)?;
    seconds.checked_add(i64::from(a.nanos).checked_sub(i64::from(b.nanos))?)
}

fn multiply<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(match pair(arguments)? {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_mul(b).ok_or(ErrorKind::IntegerOverflow)?),
        (Value::Uint(a), Value::Uint(b)) => {
            Value::Uint(a.checked_mul(b).ok_or(ErrorKind::UnsignedIntegerOverflow)?)
        }
        (Value::Double(a), Value::Double(b)) => Value::Double(a * b),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

fn divide<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(match pair(arguments)? {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            return Err(ErrorKind::DivisionByZero.into());
        }
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_div(b).ok_or(ErrorKind::IntegerOverflow)?),
        (Value::Uint(a), Value::Uint(b)) => Value::Uint(a.checked_div(b).ok_or(ErrorKind::DivisionByZero)?),
        (Value::Double(a), Value::Double(b)) => Value::Double(a / b),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

fn modulo<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(match pair(arguments)? {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
            return Err(ErrorKind::ModulusByZero.into());
        }
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_rem(b).ok_or(ErrorKind::IntegerOverflow)?),
        (Value::Uint(a), Value::Uint(b)) => Value::Uint(a.checked_rem(b).ok_or(ErrorKind::ModulusByZero)?),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

fn negate<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(match arguments {
        [Value::Int(i)] => Value::Int(i.checked_neg().ok_or(ErrorKind::IntegerOverflow)?),
        [Value::Double(d)] => Value::Double(-d),
        // Undeclared, but cel-go's durations have it, so it works through dyn.
        [Value::Duration(d)] => Value::Duration(d.checked_neg().ok_or(ErrorKind::IntegerOverflow)?),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    })
}

fn is_in<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match pair(arguments)? {
        (element, Value::List(list)) => Ok(Value::Bool(contains(runtime, list, &element)?)),
        (key, Value::Map(map)) => {
            if is_unhashable(&key) {
                // Maps out of a request have texts for keys in Go, and such a key merely is none of them. Which map is
                // one of those is not known here, but that one with other keys is none.
                let is_made = map.entries().first().is_some_and(|(key, _)| !matches!(key, Value::String(_)));
                return Err(if is_made { unhashable(runtime, &key) } else { Fault::Unlike(NO_KEY).into() });
            }
            runtime.budget.charge(map.steps_of_lookup(&key))?;
            map.sure_of(&key)?;
            Ok(Value::Bool(map.get(&key).is_some()))
        }
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// [`is_in`] for a map that is written there: in an empty one Go looks for nothing.
pub(crate) fn is_in_literal<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [_, Value::Map(map)] if map.is_empty() => Ok(Value::Bool(false)),
        [key, Value::Map(_)] if is_unhashable(key) => Err(unhashable(runtime, key)),
        _ => is_in(runtime, arguments),
    }
}

/// [`is_in`] for a list of constants in which Go looks things up by their hash. Beside each number it has those of the other types that
/// it is without loss.
pub(crate) fn is_in_hashed<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [element, Value::List(list)] = arguments else { return is_in(runtime, arguments) };
    if is_unhashable(element) {
        return Err(unhashable(runtime, element));
    }
    for other in *list {
        let is_equal = match (element, other) {
            (Value::Int(whole), Value::Double(double)) => double_to_int(*double) == Some(*whole),
            (Value::Uint(whole), Value::Double(double)) => double_to_uint(*double) == Some(*whole),
            _ => runtime.equal(element, other)?,
        };
        if is_equal {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// What is looked for among the keys of a map, and is no key.
const NO_KEY: &str = "bytes, a version or a format looked for among the keys of a map";

/// Whether Go cannot have the value as the key of a map.
pub(crate) fn is_unhashable(key: &Value<'_>) -> bool {
    match key {
        Value::Bytes(_) => true,
        Value::Extension(key) => key.is_unhashable(),
        _ => false,
    }
}

/// What Go says of a key without hash.
pub(crate) fn unhashable<'a>(runtime: &mut Runtime<'a>, key: &Value<'a>) -> Raise<'a> {
    let go_type = match key {
        Value::Extension(key) => key.go_type(),
        _ => "types.Bytes",
    };
    match runtime.format(format_args!("runtime error: hash of unhashable type {go_type}")) {
        Ok(text) => ErrorKind::Panic(text).into(),
        Err(raise) => raise,
    }
}

/// True if an element of `list` is equal to `element`.
///
/// # Errors
/// The budget is spent.
pub(crate) fn contains<'a>(
    runtime: &mut Runtime<'a>,
    list: &[Value<'a>],
    element: &Value<'a>,
) -> Result<bool, Raise<'a>> {
    for other in list {
        if runtime.equal(element, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::library::probe::{assert_table, call, call_with, unary};

    const LONGEST: Value<'_> = Value::Duration(i64::MAX);
    const SHORTEST: Value<'_> = Value::Duration(i64::MIN);

    fn at(seconds: i64, nanos: u32, offset: i32) -> Value<'static> {
        Value::Timestamp(value::Timestamp { seconds, nanos, offset })
    }

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn results_outside_64_bits_are_overflow_errors() {
        let (min, max) = (Value::Int(i64::MIN), Value::Int(i64::MAX));
        for (body, a, b) in [
            (add_operator as Body, max, Value::Int(1)),
            (subtract, min, Value::Int(1)),
            (multiply, min, Value::Int(-1)),
            (divide, min, Value::Int(-1)),
            (modulo, min, Value::Int(-1)),
            (add_operator, LONGEST, Value::Duration(1)),
            (subtract, SHORTEST, Value::Duration(1)),
            (subtract, at(0, 0, 0), SHORTEST),
            (subtract, at(253_402_300_799, 0, 0), at(-62_135_596_800, 0, 0)),
        ] {
            assert_eq!(call(body, &[a, b]), "error integer overflow", "{a:?} {b:?}");
        }
        for (body, a, b) in [(add_operator as Body, u64::MAX, 1), (subtract, 1, 2), (multiply, u64::MAX, 2)] {
            assert_eq!(call(body, &[Value::Uint(a), Value::Uint(b)]), "error unsigned integer overflow");
        }
        assert_eq!(unary(negate, min), "error integer overflow");
        assert_eq!(unary(negate, SHORTEST), "error integer overflow");
    }

    #[test]
    fn division_by_zero_fails_for_integers_only_and_rounds_towards_zero() {
        let int = |body: Body, a, b| call(body, &[Value::Int(a), Value::Int(b)]);
        assert_eq!(int(divide, 5, 0), "error division by zero");
        assert_eq!(int(modulo, 5, 0), "error modulus by zero");
        assert_eq!(int(divide, -7, 2), "int -3");
        assert_eq!(int(modulo, -7, 2), "int -1");
        assert_eq!(call(divide, &[Value::Double(-1.0), Value::Double(0.0)]), "double -Inf");
    }

    #[test]
    fn timestamps_move_keep_their_offset_and_stay_within_years_1_to_9999() {
        let second = Value::Duration(1_000_000_000);
        assert_eq!(
            call(add_operator, &[at(1_704_047_400, 0, 19_800), second]),
            "google.protobuf.Timestamp 2024-01-01T00:00:01+05:30"
        );
        assert_eq!(
            call(subtract, &[at(-315_619_200, 250_000_000, 0), Value::Duration(500_000_000)]),
            "google.protobuf.Timestamp 1959-12-31T23:59:59.75Z"
        );
        assert_eq!(call(add_operator, &[second, at(253_402_300_799, 0, 0)]), "error timestamp overflow");
        assert_eq!(
            call(subtract, &[at(-62_135_596_800, 0, 0), Value::Duration(1)]),
            "error timestamp overflow"
        );
        assert_eq!(
            call(subtract, &[at(1_704_067_200, 0, 0), at(1_672_531_200, 500_000_000, 0)]),
            "google.protobuf.Duration 31535999.5s"
        );
    }

    #[test]
    fn mixed_operands_have_no_overload() {
        for (body, a, b) in [
            (add_operator as Body, Value::Int(1), Value::Uint(1)),
            (add_operator, Value::String("a"), Value::Int(1)),
            (add_operator, Value::List(&[]), Value::Int(1)),
            (add_operator, at(0, 0, 0), at(0, 0, 0)),
            (multiply, Value::Duration(1), Value::Int(2)),
            (modulo, Value::String("a"), Value::String("b")),
            (is_in, Value::Int(1), Value::String("1")),
        ] {
            assert_eq!(call(body, &[a, b]), "error no such overload", "{a:?} {b:?}");
        }
        assert_eq!(unary(negate, Value::Bool(true)), "error no such overload");
        assert_eq!(unary(negate, Value::Duration(1_000_000_000)), "google.protobuf.Duration -1s");
    }

    #[test]
    fn membership_of_a_list_is_equality_and_nan_is_in_none() {
        let list = [Value::Int(1), Value::Double(f64::NAN)];
        assert_eq!(call(is_in, &[Value::Double(1.0), Value::List(&list)]), "bool true");
        assert_eq!(call(is_in, &[Value::Double(f64::NAN), Value::List(&list)]), "bool false");
    }

    #[test]
    fn concatenation_takes_from_the_budget() {
        let text = "x".repeat(1_000);
        let bytes = Budget { steps: 1_000, bytes: 1_999 };
        assert!(
            call_with(bytes, add_operator, &[Value::String(&text), Value::String(&text)])
                .starts_with("fault")
        );
        let list = [Value::Null; 100];
        let steps = Budget { steps: 49, bytes: 10_000 };
        assert!(
            call_with(steps, add_operator, &[Value::List(&list), Value::List(&list)]).starts_with("fault")
        );
    }
}
