//! Sums, extremes and positions in lists.
//!
//! Elements that cannot be compared with each other (NaN, or different types through dyn) are skipped over
//! without an error; elements of a type without order or sum are `no such overload`.

use std::cmp::Ordering;

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::{arithmetic, relation};
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

/// `kubernetes.lists`
pub static LIBRARY: Library = Library {
    name: "kubernetes.lists",
    version: 0,
    types: &[],
    rows: &[
        row(
            "list_int_is_sorted_bool",
            "list(int).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["[1, 2, 2].isSorted()", "![2, 1].isSorted()"],
        )
        .total(),
        row(
            "list_uint_is_sorted_bool",
            "list(uint).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["[1u, 2u, 2u].isSorted()", "![2u, 1u].isSorted()"],
        )
        .total(),
        row(
            "list_double_is_sorted_bool",
            "list(double).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["[0.5, 1.5, 1.5].isSorted()", "![1.5, 0.5].isSorted()"],
        )
        .total(),
        row(
            "list_bool_is_sorted_bool",
            "list(bool).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["[false, true, true].isSorted()", "![true, false].isSorted()"],
        )
        .total(),
        row(
            "list_duration_is_sorted_bool",
            "list(duration).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &[
                "[duration('1s'), duration('1m'), duration('1m')].isSorted()",
                "![duration('1m'), duration('1s')].isSorted()",
            ],
        )
        .total(),
        row(
            "list_timestamp_is_sorted_bool",
            "list(timestamp).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &[
                "[timestamp(1), timestamp(2), timestamp(2)].isSorted()",
                "![timestamp(2), timestamp(1)].isSorted()",
            ],
        )
        .total(),
        row(
            "list_string_is_sorted_bool",
            "list(string).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["['a', 'b', 'b'].isSorted()", "!['b', 'a'].isSorted()"],
        )
        .total(),
        row(
            "list_bytes_is_sorted_bool",
            "list(bytes).isSorted() -> bool",
            Own(is_sorted),
            "True if no element is greater than the next.",
            &["[b'a', b'b', b'b'].isSorted()", "![b'b', b'a'].isSorted()"],
        )
        .total(),
        row(
            "list_int_sum_int",
            "list(int).sum() -> int",
            Own(sum_of_ints),
            "The sum of all elements; zero for an empty list.",
            &["[1, 2].sum() == 3"],
        ),
        row(
            "list_uint_sum_uint",
            "list(uint).sum() -> uint",
            Own(sum_of_uints),
            "The sum of all elements; zero for an empty list.",
            &["[1u, 2u].sum() == 3u"],
        ),
        row(
            "list_double_sum_double",
            "list(double).sum() -> double",
            Own(sum_of_doubles),
            "The sum of all elements; zero for an empty list.",
            &["[0.5, 1.5].sum() == 2.0"],
        )
        .total(),
        row(
            "list_duration_sum_duration",
            "list(duration).sum() -> duration",
            Own(sum_of_durations),
            "The sum of all elements; zero for an empty list.",
            &["[duration('1s'), duration('1m')].sum() == duration('61s')"],
        ),
        row(
            "list_int_max_int",
            "list(int).max() -> int",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[1, 2].max() == 2"],
        ),
        row(
            "list_uint_max_uint",
            "list(uint).max() -> uint",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[1u, 2u].max() == 2u"],
        ),
        row(
            "list_double_max_double",
            "list(double).max() -> double",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[0.5, 1.5].max() == 1.5"],
        ),
        row(
            "list_bool_max_bool",
            "list(bool).max() -> bool",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[false, true].max() == true"],
        ),
        row(
            "list_duration_max_duration",
            "list(duration).max() -> duration",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[duration('1s'), duration('1m')].max() == duration('1m')"],
        ),
        row(
            "list_timestamp_max_timestamp",
            "list(timestamp).max() -> timestamp",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[timestamp(1), timestamp(2)].max() == timestamp(2)"],
        ),
        row(
            "list_string_max_string",
            "list(string).max() -> string",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["['a', 'b'].max() == 'b'"],
        ),
        row(
            "list_bytes_max_bytes",
            "list(bytes).max() -> bytes",
            Own(max),
            "The greatest element; an empty list is an error.",
            &["[b'a', b'b'].max() == b'b'"],
        ),
        row(
            "list_int_min_int",
            "list(int).min() -> int",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[1, 2].min() == 1"],
        ),
        row(
            "list_uint_min_uint",
            "list(uint).min() -> uint",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[1u, 2u].min() == 1u"],
        ),
        row(
            "list_double_min_double",
            "list(double).min() -> double",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[0.5, 1.5].min() == 0.5"],
        ),
        row(
            "list_bool_min_bool",
            "list(bool).min() -> bool",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[false, true].min() == false"],
        ),
        row(
            "list_duration_min_duration",
            "list(duration).min() -> duration",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[duration('1s'), duration('1m')].min() == duration('1s')"],
        ),
        row(
            "list_timestamp_min_timestamp",
            "list(timestamp).min() -> timestamp",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[timestamp(1), timestamp(2)].min() == timestamp(1)"],
        ),
        row(
            "list_string_min_string",
            "list(string).min() -> string",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["['a', 'b'].min() == 'a'"],
        ),
        row(
            "list_bytes_min_bytes",
            "list(bytes).min() -> bytes",
            Own(min),
            "The smallest element; an empty list is an error.",
            &["[b'a', b'b'].min() == b'a'"],
        ),
        row(
            "list_a_index_of_int",
            "list(A).indexOf(A) -> int",
            Own(index_of),
            "The index of the first equal element, or -1.",
            &["['a', 'b', 'b'].indexOf('b') == 1", "[1].indexOf(2) == -1"],
        )
        .total(),
        row(
            "list_a_last_index_of_int",
            "list(A).lastIndexOf(A) -> int",
            Own(last_index_of),
            "The index of the last equal element, or -1.",
            &["['a', 'b', 'b'].lastIndexOf('b') == 2", "[1].lastIndexOf(2) == -1"],
        )
        .total(),
    ],
};

fn list<'a>(arguments: &[Value<'a>]) -> Result<&'a [Value<'a>], Raise<'a>> {
    match arguments {
        [Value::List(list)] => Ok(list),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// True for values of the types that cel-go's `Comparer` has.
pub(crate) fn is_comparable(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Duration(_)
            | Value::Timestamp(_)
    )
}

fn is_sorted<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let mut previous = None;
    for element in list(arguments)? {
        runtime.charge(4)?;
        if !is_comparable(element) {
            return Err(ErrorKind::NoSuchOverload.into());
        }
        if let Some(previous) = previous
            && relation::ordered(runtime, previous, element)? == Some(Some(Ordering::Greater))
        {
            return Ok(Value::Bool(false));
        }
        previous = Some(element);
    }
    Ok(Value::Bool(true))
}

fn sum<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>], zero: Value<'a>) -> Answer<'a> {
    let mut total = zero;
    for element in list(arguments)? {
        runtime.charge(1)?;
        total = arithmetic::add(runtime, total, *element)?;
    }
    Ok(total)
}

fn sum_of_ints<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    sum(runtime, arguments, Value::Int(0))
}

fn sum_of_uints<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    sum(runtime, arguments, Value::Uint(0))
}

fn sum_of_doubles<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    sum(runtime, arguments, Value::Double(0.0))
}

fn sum_of_durations<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    sum(runtime, arguments, Value::Duration(0))
}

fn max<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    extreme(runtime, list(arguments)?, Ordering::Less, "max called on empty list")
}

fn min<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    extreme(runtime, list(arguments)?, Ordering::Greater, "min called on empty list")
}

/// The element that stays when each next one replaces it if the two have the order `replace`.
fn extreme<'a>(
    runtime: &mut Runtime<'a>,
    list: &[Value<'a>],
    replace: Ordering,
    empty: &'static str,
) -> Answer<'a> {
    let mut chosen = None;
    for element in list {
        runtime.charge(4)?;
        if !is_comparable(element) {
            return Err(ErrorKind::NoSuchOverload.into());
        }
        chosen = match chosen {
            Some(best) if relation::ordered(runtime, best, element)? != Some(Some(replace)) => Some(best),
            _ => Some(element),
        };
    }
    chosen.copied().ok_or_else(|| ErrorKind::Message(empty).into())
}

fn index_of<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list), element] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    for (index, other) in (0_i64..).zip(list.iter()) {
        if runtime.equal(other, element)? {
            return Ok(Value::Int(index));
        }
    }
    Ok(Value::Int(-1))
}

fn last_index_of<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list), element] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    for (index, other) in list.iter().enumerate().rev() {
        if runtime.equal(other, element)? {
            return Ok(Value::Int(i64::try_from(index).unwrap_or(i64::MAX)));
        }
    }
    Ok(Value::Int(-1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, body, call, unary};
    use crate::value::Timestamp;

    const NAN: Value<'_> = Value::Double(f64::NAN);
    const ONE: Value<'_> = Value::Double(1.0);
    const TWO: Value<'_> = Value::Double(2.0);
    const TEXT: Value<'_> = Value::String("a");

    fn ask(id: &str, list: &[Value<'_>]) -> String {
        unary(body(&LIBRARY, id), Value::List(list))
    }

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn what_has_no_order_is_skipped() {
        assert_eq!(ask("list_double_max_double", &[ONE, NAN]), "double 1");
        assert_eq!(ask("list_double_max_double", &[NAN, ONE]), "double NaN");
        assert_eq!(ask("list_double_min_double", &[NAN, ONE]), "double NaN");
        assert_eq!(ask("list_int_max_int", &[Value::Int(1), TEXT]), "int 1");
        assert_eq!(ask("list_int_max_int", &[Value::Int(1), Value::Double(2.5), Value::Uint(3)]), "uint 3");
        assert_eq!(ask("list_double_is_sorted_bool", &[TWO, NAN, ONE]), "bool true");
        assert_eq!(ask("list_int_is_sorted_bool", &[Value::Int(1), TEXT]), "bool true");
        assert_eq!(ask("list_int_is_sorted_bool", &[Value::Int(1), Value::Null]), "error no such overload");
    }

    #[test]
    fn empty_lists_have_a_sum_but_no_extremes() {
        assert_eq!(ask("list_double_sum_double", &[]), "double 0");
        assert_eq!(ask("list_duration_sum_duration", &[]), "google.protobuf.Duration 0s");
        assert_eq!(ask("list_int_min_int", &[]), "error min called on empty list");
        assert_eq!(ask("list_int_max_int", &[]), "error max called on empty list");
        assert_eq!(ask("list_int_is_sorted_bool", &[]), "bool true");
    }

    #[test]
    fn a_sum_adds_as_the_operator_does() {
        assert_eq!(ask("list_int_sum_int", &[Value::Int(i64::MAX), Value::Int(1)]), "error integer overflow");
        for other in [Value::Uint(2), Value::Null, Value::Bool(true), Value::List(&[])] {
            assert_eq!(ask("list_int_sum_int", &[Value::Int(1), other]), "error no such overload");
        }
        let epoch = Value::Timestamp(Timestamp::UNIX_EPOCH);
        assert_eq!(
            ask("list_duration_sum_duration", &[Value::Duration(1_000_000_000), epoch]),
            "google.protobuf.Timestamp 1970-01-01T00:00:01Z"
        );
    }

    #[test]
    fn positions_use_cel_equality() {
        let list = [Value::Int(1), TWO, ONE, NAN];
        assert_eq!(call(index_of, &[Value::List(&list), ONE]), "int 0");
        assert_eq!(call(last_index_of, &[Value::List(&list), Value::Uint(1)]), "int 2");
        assert_eq!(call(index_of, &[Value::List(&list), NAN]), "int -1");
        assert_eq!(call(last_index_of, &[Value::List(&[]), ONE]), "int -1");
    }
}
