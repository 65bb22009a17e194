//! `<`, `<=`, `>`, `>=`: numbers of all types compare with each other by value, and with NaN all four are false.

use std::cmp::Ordering;

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{self, Body, Implementation::Shared, Library};
use crate::value::ValueKind::{Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint};
use crate::value::{Value, compare};

const fn operator(body: Body) -> table::Shared {
    let receivers = &[Bool, Bytes, Double, Duration, Int, String, Timestamp, Uint];
    table::Shared { body, receivers, pattern: None }
}

static LESS: table::Shared = operator(less);
static LESS_EQUALS: table::Shared = operator(less_equals);
static GREATER: table::Shared = operator(greater);
static GREATER_EQUALS: table::Shared = operator(greater_equals);

const LESS_DOC: &str = "True if the first operand is smaller.";
const LESS_EQUALS_DOC: &str = "True if the first operand is smaller or equal.";
const GREATER_DOC: &str = "True if the first operand is greater.";
const GREATER_EQUALS_DOC: &str = "True if the first operand is greater or equal.";

/// The ordering operators.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        row("less_bool", "_<_(bool, bool) -> bool", Shared(&LESS), LESS_DOC, &["false < true"]).total(),
        row("less_int64", "_<_(int, int) -> bool", Shared(&LESS), LESS_DOC, &["-2 < 3"]).total(),
        row("less_int64_double", "_<_(int, double) -> bool", Shared(&LESS), LESS_DOC, &["-2 < 5.5"]).total(),
        row("less_int64_uint64", "_<_(int, uint) -> bool", Shared(&LESS), LESS_DOC, &["-2 < 4u"]).total(),
        row("less_uint64", "_<_(uint, uint) -> bool", Shared(&LESS), LESS_DOC, &["1u < 4u"]).total(),
        row("less_uint64_double", "_<_(uint, double) -> bool", Shared(&LESS), LESS_DOC, &["1u < 5.5"])
            .total(),
        row("less_uint64_int64", "_<_(uint, int) -> bool", Shared(&LESS), LESS_DOC, &["1u < 3"]).total(),
        row(
            "less_double",
            "_<_(double, double) -> bool",
            Shared(&LESS),
            LESS_DOC,
            &["0.5 < 5.5", "!(double('NaN') < 1.0)"],
        )
        .total(),
        row("less_double_int64", "_<_(double, int) -> bool", Shared(&LESS), LESS_DOC, &["0.5 < 3"]).total(),
        row("less_double_uint64", "_<_(double, uint) -> bool", Shared(&LESS), LESS_DOC, &["0.5 < 4u"])
            .total(),
        row("less_string", "_<_(string, string) -> bool", Shared(&LESS), LESS_DOC, &["'a' < 'b'"]).total(),
        row("less_bytes", "_<_(bytes, bytes) -> bool", Shared(&LESS), LESS_DOC, &["b'a' < b'b'"]).total(),
        row(
            "less_timestamp",
            "_<_(timestamp, timestamp) -> bool",
            Shared(&LESS),
            LESS_DOC,
            &["timestamp(0) < timestamp(1)"],
        )
        .total(),
        row(
            "less_duration",
            "_<_(duration, duration) -> bool",
            Shared(&LESS),
            LESS_DOC,
            &["duration('1s') < duration('1m')"],
        )
        .total(),
        row(
            "less_equals_bool",
            "_<=_(bool, bool) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["false <= true"],
        )
        .total(),
        row(
            "less_equals_int64",
            "_<=_(int, int) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["-2 <= 3"],
        )
        .total(),
        row(
            "less_equals_int64_double",
            "_<=_(int, double) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["-2 <= 5.5"],
        )
        .total(),
        row(
            "less_equals_int64_uint64",
            "_<=_(int, uint) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["-2 <= 4u"],
        )
        .total(),
        row(
            "less_equals_uint64",
            "_<=_(uint, uint) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["1u <= 4u"],
        )
        .total(),
        row(
            "less_equals_uint64_double",
            "_<=_(uint, double) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["1u <= 5.5"],
        )
        .total(),
        row(
            "less_equals_uint64_int64",
            "_<=_(uint, int) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["1u <= 3"],
        )
        .total(),
        row(
            "less_equals_double",
            "_<=_(double, double) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["0.5 <= 5.5", "!(double('NaN') <= 1.0)"],
        )
        .total(),
        row(
            "less_equals_double_int64",
            "_<=_(double, int) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["0.5 <= 3"],
        )
        .total(),
        row(
            "less_equals_double_uint64",
            "_<=_(double, uint) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["0.5 <= 4u"],
        )
        .total(),
        row(
            "less_equals_string",
            "_<=_(string, string) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["'a' <= 'b'"],
        )
        .total(),
        row(
            "less_equals_bytes",
            "_<=_(bytes, bytes) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["b'a' <= b'b'"],
        )
        .total(),
        row(
            "less_equals_timestamp",
            "_<=_(timestamp, timestamp) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["timestamp(0) <= timestamp(1)"],
        )
        .total(),
        row(
            "less_equals_duration",
            "_<=_(duration, duration) -> bool",
            Shared(&LESS_EQUALS),
            LESS_EQUALS_DOC,
            &["duration('1s') <= duration('1m')"],
        )
        .total(),
        row("greater_bool", "_>_(bool, bool) -> bool", Shared(&GREATER), GREATER_DOC, &["true > false"])
            .total(),
        row("greater_int64", "_>_(int, int) -> bool", Shared(&GREATER), GREATER_DOC, &["3 > -2"]).total(),
        row("greater_int64_double", "_>_(int, double) -> bool", Shared(&GREATER), GREATER_DOC, &["3 > 0.5"])
            .total(),
        row("greater_int64_uint64", "_>_(int, uint) -> bool", Shared(&GREATER), GREATER_DOC, &["3 > 1u"])
            .total(),
        row("greater_uint64", "_>_(uint, uint) -> bool", Shared(&GREATER), GREATER_DOC, &["4u > 1u"]).total(),
        row(
            "greater_uint64_double",
            "_>_(uint, double) -> bool",
            Shared(&GREATER),
            GREATER_DOC,
            &["4u > 0.5"],
        )
        .total(),
        row("greater_uint64_int64", "_>_(uint, int) -> bool", Shared(&GREATER), GREATER_DOC, &["4u > -2"])
            .total(),
        row(
            "greater_double",
            "_>_(double, double) -> bool",
            Shared(&GREATER),
            GREATER_DOC,
            &["5.5 > 0.5", "!(double('NaN') > 1.0)"],
        )
        .total(),
        row("greater_double_int64", "_>_(double, int) -> bool", Shared(&GREATER), GREATER_DOC, &["5.5 > -2"])
            .total(),
        row(
            "greater_double_uint64",
            "_>_(double, uint) -> bool",
            Shared(&GREATER),
            GREATER_DOC,
            &["5.5 > 1u"],
        )
        .total(),
        row("greater_string", "_>_(string, string) -> bool", Shared(&GREATER), GREATER_DOC, &["'b' > 'a'"])
            .total(),
        row("greater_bytes", "_>_(bytes, bytes) -> bool", Shared(&GREATER), GREATER_DOC, &["b'b' > b'a'"])
            .total(),
        row(
            "greater_timestamp",
            "_>_(timestamp, timestamp) -> bool",
            Shared(&GREATER),
            GREATER_DOC,
            &["timestamp(1) > timestamp(0)"],
        )
        .total(),
        row(
            "greater_duration",
            "_>_(duration, duration) -> bool",
            Shared(&GREATER),
            GREATER_DOC,
            &["duration('1m') > duration('1s')"],
        )
        .total(),
        row(
            "greater_equals_bool",
            "_>=_(bool, bool) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["true >= false"],
        )
        .total(),
        row(
            "greater_equals_int64",
            "_>=_(int, int) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["3 >= -2"],
        )
        .total(),
        row(
            "greater_equals_int64_double",
            "_>=_(int, double) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["3 >= 0.5"],
        )
        .total(),
        row(
            "greater_equals_int64_uint64",
            "_>=_(int, uint) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["3 >= 1u"],
        )
        .total(),
        row(
            "greater_equals_uint64",
            "_>=_(uint, uint) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["4u >= 1u"],
        )
        .total(),
        row(
            "greater_equals_uint64_double",
            "_>=_(uint, double) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["4u >= 0.5"],
        )
        .total(),
        row(
            "greater_equals_uint64_int64",
            "_>=_(uint, int) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["4u >= -2"],
        )
        .total(),
        row(
            "greater_equals_double",
            "_>=_(double, double) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["5.5 >= 0.5", "!(double('NaN') >= 1.0)"],
        )
        .total(),
        row(
            "greater_equals_double_int64",
            "_>=_(double, int) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["5.5 >= -2"],
        )
        .total(),
        row(
            "greater_equals_double_uint64",
            "_>=_(double, uint) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["5.5 >= 1u"],
        )
        .total(),
        row(
            "greater_equals_string",
            "_>=_(string, string) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["'b' >= 'a'"],
        )
        .total(),
        row(
            "greater_equals_bytes",
            "_>=_(bytes, bytes) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["b'b' >= b'a'"],
        )
        .total(),
        row(
            "greater_equals_timestamp",
            "_>=_(timestamp, timestamp) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["timestamp(1) >= timestamp(0)"],
        )
        .total(),
        row(
            "greater_equals_duration",
            "_>=_(duration, duration) -> bool",
            Shared(&GREATER_EQUALS),
            GREATER_EQUALS_DOC,
            &["duration('1m') >= duration('1s')"],
        )
        .total(),
    ],
};

/// The order of the operands, `None` if a NaN is among them.
fn order<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Result<Option<Ordering>, Raise<'a>> {
    let [a, b] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    ordered(runtime, a, b)?.ok_or_else(|| ErrorKind::NoSuchOverload.into())
}

/// CEL's ordering, charged for what it looks at; the inner `None` means NaN, the outer one no order at all.
///
/// # Errors
/// The budget is spent.
pub(crate) fn ordered<'a>(
    runtime: &mut Runtime<'a>,
    a: &Value<'a>,
    b: &Value<'a>,
) -> Result<Option<Option<Ordering>>, Raise<'a>> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => runtime.charge_scan(a.len().min(b.len()))?,
        (Value::Bytes(a), Value::Bytes(b)) => runtime.charge_scan(a.len().min(b.len()))?,
        _ => runtime.charge(1)?,
    }
    Ok(compare(a, b))
}

fn less<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(runtime, arguments)?.is_some_and(Ordering::is_lt)))
}

fn less_equals<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(runtime, arguments)?.is_some_and(Ordering::is_le)))
}

fn greater<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(runtime, arguments)?.is_some_and(Ordering::is_gt)))
}

fn greater_equals<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(order(runtime, arguments)?.is_some_and(Ordering::is_ge)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, call};

    const OPERATORS: [Body; 4] = [less, less_equals, greater, greater_equals];

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn with_nan_every_operator_is_false_whatever_the_other_operand_is() {
        let nan = Value::Double(f64::NAN);
        for body in OPERATORS {
            for other in [nan, Value::Int(1), Value::String("a"), Value::Null] {
                assert_eq!(call(body, &[nan, other]), "bool false");
            }
            assert_eq!(call(body, &[Value::String("a"), nan]), "bool false");
        }
    }

    #[test]
    fn numbers_compare_across_types_by_value() {
        for (a, b, expected) in [
            (Value::Int(-1), Value::Uint(0), [true, true, false, false]),
            (Value::Uint(u64::MAX), Value::Int(i64::MAX), [false, false, true, true]),
            (Value::Double(2.0), Value::Uint(2), [false, true, false, true]),
            (Value::Int(1), Value::Double(1.1), [true, true, false, false]),
        ] {
            for (body, expected) in OPERATORS.iter().zip(expected) {
                assert_eq!(call(*body, &[a, b]), format!("bool {expected}"), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn other_pairs_of_types_have_no_order() {
        for (a, b) in [
            (Value::Bool(true), Value::Int(1)),
            (Value::Bytes(b"a"), Value::String("a")),
            (Value::Duration(1), Value::Timestamp(crate::value::Timestamp::UNIX_EPOCH)),
        ] {
            assert_eq!(call(less, &[a, b]), "error no such overload");
        }
    }
}
