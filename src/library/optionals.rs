//! Optional values. Selection, indexing, `or` and `orValue` are nodes of the evaluator, because they must not
//! evaluate what they do not need.

use crate::error::{ErrorKind, Plain};
use crate::library::row::{row, since};
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::Implementation::{Own, Planned};
use crate::library::table::Library;
use crate::value::{Timestamp, Value};

/// `cel.lib.optional`
pub static LIBRARY: Library = Library {
    name: "cel.lib.optional",
    version: 2,
    types: &[],
    rows: &[
        row(
            "optional_of",
            "optional.of(V) -> optional(V)",
            Own(of),
            "An optional with the value, be it null.",
            &["optional.of(1).value() == 1", "optional.of(null).hasValue()"],
        )
        .total(),
        row(
            "optional_ofNonZeroValue",
            "optional.ofNonZeroValue(V) -> optional(V)",
            Own(of_non_zero),
            "An optional with the value unless it is zero, empty, false or null.",
            &["optional.ofNonZeroValue('a').hasValue()", "!optional.ofNonZeroValue('').hasValue()"],
        )
        .total(),
        row(
            "optional_none",
            "optional.none() -> optional(V)",
            Own(none),
            "An optional without a value.",
            &["!optional.none().hasValue()"],
        )
        .total(),
        row(
            "optional_value",
            "optional(V).value() -> V",
            Own(value),
            "The value inside; an error if there is none.",
            &["optional.of('a').value() == 'a'"],
        ),
        row(
            "optional_hasValue",
            "optional(V).hasValue() -> bool",
            Own(has_value),
            "True if there is a value inside.",
            &["optional.of(0).hasValue()"],
        )
        .total(),
        row(
            "optional_or_optional",
            "optional(V).or(optional(V)) -> optional(V)",
            Planned,
            "The first optional if it has a value, otherwise the second.",
            &["optional.none().or(optional.of(2)).value() == 2"],
        )
        .total(),
        row(
            "optional_orValue_value",
            "optional(V).orValue(V) -> V",
            Planned,
            "The value inside, or the argument, which is evaluated only then.",
            &["{'a': 1}[?'b'].orValue(2) == 2", "optional.of(1).orValue(1 / 0) == 1"],
        )
        .total(),
        row(
            "select_optional_field",
            "_?._(dyn, string) -> optional(V)",
            Planned,
            "The field if it is there.",
            &["{'a': 1}.?a == optional.of(1)", "!{'a': 1}.?b.hasValue()"],
        ),
        row(
            "list_optindex_optional_int",
            "_[?_](list(V), int) -> optional(V)",
            Planned,
            "The element at an index if the list is long enough.",
            &["['a'][?0] == optional.of('a')", "!['a'][?1].hasValue()"],
        )
        .total(),
        row(
            "optional_list_optindex_optional_int",
            "_[?_](optional(list(V)), int) -> optional(V)",
            Planned,
            "The element at an index if there is a list and it is long enough.",
            &["optional.of(['a'])[?0] == optional.of('a')"],
        )
        .total(),
        row(
            "map_optindex_optional_value",
            "_[?_](map(K, V), K) -> optional(V)",
            Planned,
            "The value under a key if it is there.",
            &["{'a': 1}[?'a'] == optional.of(1)"],
        )
        .total(),
        row(
            "optional_map_optindex_optional_value",
            "_[?_](optional(map(K, V)), K) -> optional(V)",
            Planned,
            "The value under a key if there is a map and it has the key.",
            &["optional.of({'a': 1})[?'a'] == optional.of(1)"],
        )
        .total(),
        row(
            "optional_list_index_int",
            "_[_](optional(list(V)), int) -> optional(V)",
            Planned,
            "The element at an index if there is a list; an index outside it is an error.",
            &["optional.of(['a'])[0] == optional.of('a')"],
        ),
        row(
            "optional_map_index_value",
            "_[_](optional(map(K, V)), K) -> optional(V)",
            Planned,
            "The value under a key if there is a map; a key that it does not have is an error.",
            &["optional.of({'a': 1})['a'] == optional.of(1)"],
        ),
        since(
            2,
            row(
                "list_last",
                "list(V).last() -> optional(V)",
                Own(last),
                "The last element if there is one.",
                &["[1, 2].last() == optional.of(2)", "![].last().hasValue()"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_first",
                "list(V).first() -> optional(V)",
                Own(first),
                "The first element if there is one.",
                &["[1, 2].first() == optional.of(1)", "![].first().hasValue()"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "optional_unwrap",
                "optional.unwrap(list(optional(V))) -> list(V)",
                Own(unwrap),
                "The values inside the optionals that have one.",
                &["optional.unwrap([optional.of(1), optional.none()]) == [1]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "optional_unwrapOpt",
                "list(optional(V)).unwrapOpt() -> list(V)",
                Own(unwrap),
                "The values inside the optionals that have one.",
                &["[optional.none(), optional.of(1)].unwrapOpt() == [1]"],
            )
            .total(),
        ),
    ],
};

fn of<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [value] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.some(*value)
}

fn of_non_zero<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [value] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let now = match value {
        Value::Object(object) => Value::Object(runtime.current(object)),
        value => *value,
    };
    if is_zero(&now) { Ok(Value::Optional(None)) } else { runtime.some(*value) }
}

/// cel-go's `IsZeroValue`. What does not know it (types, optionals) is not zero.
fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(i) | Value::Duration(i) => *i == 0,
        Value::Uint(u) => *u == 0,
        Value::Double(d) => *d == 0.0,
        Value::String(s) => s.is_empty(),
        Value::Bytes(b) => b.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Object(object) => object.is_zero(),
        // Go's zero time is the first second of year 1, not the Unix epoch.
        Value::Timestamp(time) => time.instant() == (Timestamp::MIN_SECONDS, 0),
        Value::Optional(_) | Value::Type(_) | Value::Opaque(_) | Value::Keys(_) | Value::Extension(_) => {
            false
        }
    }
}

fn none<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    if arguments.is_empty() { Ok(Value::Optional(None)) } else { Err(ErrorKind::NoSuchOverload.into()) }
}

fn value<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Optional(Some(value))] => Ok(**value),
        [Value::Optional(None)] => Err(ErrorKind::OptionalNoneDereference.into()),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn has_value<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Optional(inside)] => Ok(Value::Bool(inside.is_some())),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn first<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Optional(list.first()))
}

fn last<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Optional(list.last()))
}

fn unwrap<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut values = runtime.list_builder(list.len())?;
    for element in *list {
        match element {
            Value::Optional(Some(value)) => values.push(**value),
            Value::Optional(None) => {}
            // Only through dyn.
            other => return Err(runtime.error(format_args!("value {} is not optional", Plain(other)))),
        }
    }
    Ok(runtime.finish_list(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, unary};

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn zero_is_what_cel_go_calls_zero() {
        let year_one = Timestamp { seconds: Timestamp::MIN_SECONDS, nanos: 0, offset: 0 };
        for zero in [
            Value::Null,
            Value::Double(-0.0),
            Value::Duration(0),
            Value::Bytes(&[]),
            Value::List(&[]),
            Value::Timestamp(year_one),
        ] {
            assert_eq!(unary(of_non_zero, zero), "optional_type none", "{zero:?}");
        }
        for other in [
            Value::Double(f64::NAN),
            Value::Timestamp(Timestamp::UNIX_EPOCH),
            Value::Optional(None),
            Value::Type("int"),
            Value::Bool(true),
        ] {
            assert!(unary(of_non_zero, other).starts_with("optional_type of("), "{other:?}");
        }
    }

    #[test]
    fn none_has_no_value_to_give() {
        assert_eq!(unary(value, Value::Optional(None)), "error optional.none() dereference");
        assert_eq!(unary(value, Value::Optional(Some(&Value::Null))), "null_type null");
        assert_eq!(unary(has_value, Value::Optional(Some(&Value::Null))), "bool true");
    }

    #[test]
    fn first_and_last_are_none_for_an_empty_list() {
        let list = [Value::Int(1), Value::Int(2)];
        assert_eq!(unary(first, Value::List(&list)), "optional_type of(1)");
        assert_eq!(unary(last, Value::List(&list)), "optional_type of(2)");
        assert_eq!(unary(first, Value::List(&[])), "optional_type none");
        assert_eq!(unary(last, Value::List(&[])), "optional_type none");
    }

    #[test]
    fn unwrap_drops_the_nones_and_refuses_what_is_no_optional() {
        let one = Value::Optional(Some(&Value::Int(1)));
        assert_eq!(unary(unwrap, Value::List(&[one, Value::Optional(None), one])), "list [1, 1]");
        assert_eq!(unary(unwrap, Value::List(&[one, Value::String("a")])), "error value a is not optional");
        assert_eq!(
            unary(unwrap, Value::List(&[one, Value::Double(1e6)])),
            "error value 1e+06 is not optional"
        );
    }
}
