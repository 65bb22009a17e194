//! `slice`, `flatten`, `sort`, `lists.range`, `reverse`, `distinct` and what the macro `sortBy` expands to.

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::k8s::lists::is_comparable;
use crate::library::row::{row, since};
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::{arithmetic, relation};
use crate::library::table::Implementation::{Own, Shared};
use crate::library::table::{self, Library};
use crate::value::{Value, ValueKind};

mod order;

// cel-go switches its type guards off for this function: the body looks at its arguments and words its own errors.
static FLATTEN: table::Shared = table::Shared { body: flatten, receivers: &[], pattern: None };
// Strings, durations and timestamps are asked as receivers, which answer the bare text.
static SORT: table::Shared = table::Shared { body: sort, receivers: LISTS, pattern: None };
static SORT_BY: table::Shared = table::Shared { body: sort_by_keys, receivers: LISTS, pattern: None };
const LISTS: &[ValueKind] = &[ValueKind::List, ValueKind::String, ValueKind::Duration, ValueKind::Timestamp];

/// The most elements that `lists.range` makes.
const MAX_RANGE: i64 = 1_000_000;

const SORT_DOC: &str = "The elements in ascending order.";
const SORT_BY_DOC: &str = "The elements in the order of the keys; what `sortBy` expands to.";

/// `cel.lib.ext.lists`; versions 3 and 4 differ from 2 in costs only.
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.lists",
    version: 4,
    types: &[],
    rows: &[
        row(
            "list_slice",
            "list(T).slice(int, int) -> list(T)",
            Own(slice),
            "The elements from the first index up to, not including, the second.",
            &["[1, 2, 3, 4].slice(1, 3) == [2, 3]", "[1].slice(1, 1) == []"],
        ),
        since(
            1,
            row(
                "list_flatten",
                "list(list(T)).flatten() -> list(T)",
                Shared(&FLATTEN),
                "The elements of the lists in the list.",
                &["[[1, 2], [], [3]].flatten() == [1, 2, 3]"],
            )
            .total(),
        ),
        since(
            1,
            row(
                "list_flatten_int",
                "list(dyn).flatten(int) -> list(dyn)",
                Shared(&FLATTEN),
                "The elements of the lists in the list, so many levels deep.",
                &["[dyn(1), dyn([dyn(2), dyn([3])])].flatten(1) == [dyn(1), dyn(2), dyn([3])]"],
            ),
        ),
        since(
            2,
            row(
                "list_int_sort",
                "list(int).sort() -> list(int)",
                Shared(&SORT),
                SORT_DOC,
                &["[3, 1, 2].sort() == [1, 2, 3]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_uint_sort",
                "list(uint).sort() -> list(uint)",
                Shared(&SORT),
                SORT_DOC,
                &["[2u, 1u].sort() == [1u, 2u]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_double_sort",
                "list(double).sort() -> list(double)",
                Shared(&SORT),
                SORT_DOC,
                &["[2.5, -1.0].sort() == [-1.0, 2.5]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_bool_sort",
                "list(bool).sort() -> list(bool)",
                Shared(&SORT),
                SORT_DOC,
                &["[true, false].sort() == [false, true]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_google.protobuf.Duration_sort",
                "list(duration).sort() -> list(duration)",
                Shared(&SORT),
                SORT_DOC,
                &["[duration('1h'), duration('1m')].sort()[0] == duration('1m')"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_google.protobuf.Timestamp_sort",
                "list(timestamp).sort() -> list(timestamp)",
                Shared(&SORT),
                SORT_DOC,
                &["[timestamp(2), timestamp(1)].sort()[0] == timestamp(1)"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_string_sort",
                "list(string).sort() -> list(string)",
                Shared(&SORT),
                SORT_DOC,
                &["['b', 'B', 'a'].sort() == ['B', 'a', 'b']"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_bytes_sort",
                "list(bytes).sort() -> list(bytes)",
                Shared(&SORT),
                SORT_DOC,
                &["[b'b', b'a'].sort() == [b'a', b'b']"],
            )
            .total(),
        ),
        sort_by(
            "list_int_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(int)) -> list(T)",
            &["['ccc', 'a', 'bb'].sortBy(s, s.size()) == ['a', 'bb', 'ccc']"],
        ),
        sort_by(
            "list_uint_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(uint)) -> list(T)",
            &["[1, 2].sortBy(n, uint(3 - n)) == [2, 1]"],
        ),
        sort_by(
            "list_double_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(double)) -> list(T)",
            &["[1, 2].sortBy(n, 1.0 / double(n)) == [2, 1]"],
        ),
        sort_by(
            "list_bool_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(bool)) -> list(T)",
            &["[1, 2].sortBy(n, n < 2) == [2, 1]"],
        ),
        sort_by(
            "list_google.protobuf.Duration_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(duration)) -> list(T)",
            &["['1h', '1m'].sortBy(d, duration(d)) == ['1m', '1h']"],
        ),
        sort_by(
            "list_google.protobuf.Timestamp_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(timestamp)) -> list(T)",
            &["[2, 1].sortBy(n, timestamp(n)) == [1, 2]"],
        ),
        sort_by(
            "list_string_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(string)) -> list(T)",
            &["[{'n': 'b'}, {'n': 'a'}].sortBy(m, m.n)[0].n == 'a'"],
        ),
        sort_by(
            "list_bytes_sortByAssociatedKeys",
            "list(T).@sortByAssociatedKeys(list(bytes)) -> list(T)",
            &["['b', 'a'].sortBy(s, bytes(s)) == ['a', 'b']"],
        ),
        since(
            2,
            row(
                "lists_range",
                "lists.range(int) -> list(int)",
                Own(range),
                "The integers from 0 up to, not including, the argument, which is at most 1000000.",
                &["lists.range(3) == [0, 1, 2]", "lists.range(0) == []"],
            ),
        ),
        since(
            2,
            row(
                "list_reverse",
                "list(T).reverse() -> list(T)",
                Own(reverse),
                "The elements from the last to the first.",
                &["[1, 2, 3].reverse() == [3, 2, 1]"],
            )
            .total(),
        ),
        since(
            2,
            row(
                "list_distinct",
                "list(T).distinct() -> list(T)",
                Own(distinct),
                "The elements without repetitions, each where it came first.",
                &["[1, 2, 1].distinct() == [1, 2]", "[dyn(1), dyn(1.0), dyn('1')].distinct().size() == 2"],
            )
            .total(),
        ),
    ],
};

const fn sort_by(id: &'static str, signature: &'static str, examples: &'static [&'static str]) -> table::Row {
    since(2, row(id, signature, Shared(&SORT_BY), SORT_BY_DOC, examples))
}

fn slice<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = arguments else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    let (Ok(first), Ok(last)) = (usize::try_from(*start), usize::try_from(*end)) else {
        return Err(
            runtime.error(format_args!("cannot slice({start}, {end}), negative indexes not supported"))
        );
    };
    if start > end {
        return Err(runtime.error(format_args!(
            "cannot slice({start}, {end}), start index must be less than or equal to end index"
        )));
    }
    match list.get(first..last) {
        Some(part) => Ok(Value::List(part)),
        None => {
            Err(runtime.error(format_args!("cannot slice({start}, {end}), list is length {}", list.len())))
        }
    }
}

fn flatten<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::List(list)] => flatten_to(runtime, list, 1),
        [Value::List(list), Value::Int(depth)] => match usize::try_from(*depth) {
            Ok(depth) => flatten_to(runtime, list, depth),
            Err(_) => Err(ErrorKind::Message("level must be non-negative").into()),
        },
        [value] => Err(runtime.error(format_args!("no such overload: {}.flatten()", printed_type(value)))),
        [value, depth] => Err(runtime.error(format_args!(
            "no such overload: {}.flatten({})",
            printed_type(value),
            printed_type(depth)
        ))),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// A value's type as cel-go prints it, parameters included.
fn printed_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::List(_) => "list(dyn)",
        Value::Map(_) => "map(dyn, dyn)",
        Value::Optional(_) => "optional_type(dyn)",
        _ => value.type_name(),
    }
}

/// How deep lists are followed; a value of the engine is not nested deeper.
const MAX_DEPTH: usize = 1_000;

fn flatten_to<'a>(runtime: &mut Runtime<'a>, list: &'a [Value<'a>], depth: usize) -> Answer<'a> {
    let mut flat = runtime.list_builder(list.len())?;
    // The lists that are entered, with what is left of each.
    let mut open = BumpVec::new_in(runtime.arena);
    open.push(list.iter());
    while let Some(innermost) = open.last_mut() {
        runtime.charge(1)?;
        match innermost.next() {
            Some(Value::List(inner)) if open.len() <= depth => {
                if open.len() >= MAX_DEPTH {
                    return Err(Fault::Depth.into());
                }
                runtime.budget.charge_bytes(size_of::<std::slice::Iter<'_, Value<'_>>>())?;
                open.push(inner.iter());
            }
            Some(value) => runtime.push(&mut flat, *value)?,
            None => {
                open.pop();
            }
        }
    }
    Ok(runtime.finish_list(flat))
}

fn sort<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    sorted(runtime, list, list)
}

fn sort_by_keys<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list), Value::List(keys)] = arguments else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    if list.len() != keys.len() {
        return Err(runtime.error(format_args!(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got {} and \
             {} elements respectively",
            list.len(),
            keys.len()
        )));
    }
    sorted(runtime, list, keys)
}

/// The elements of `list` in the order of their `keys`.
fn sorted<'a>(runtime: &mut Runtime<'a>, list: &'a [Value<'a>], keys: &[Value<'a>]) -> Answer<'a> {
    let Some(first) = keys.first() else { return Ok(Value::List(list)) };
    if !is_comparable(first) {
        return Err(ErrorKind::Message("list elements must be comparable").into());
    }
    runtime.charge(keys.len())?;
    if keys.iter().any(|key| key.kind() != first.kind()) {
        return Err(ErrorKind::Message("list elements must have the same type").into());
    }
    runtime.budget.charge_bytes(keys.len().saturating_mul(size_of::<usize>()))?;
    let mut places = BumpVec::with_capacity_in(keys.len(), runtime.arena);
    places.extend(0..keys.len());
    order::sort(&mut places, &mut |a: usize, b: usize| -> Result<bool, Raise<'a>> {
        // Elements are moved, too, and neighbours in the order are far apart in memory.
        runtime.charge(2)?;
        match (keys.get(a), keys.get(b)) {
            (Some(a), Some(b)) => {
                Ok(relation::ordered(runtime, a, b)?.flatten().is_some_and(std::cmp::Ordering::is_lt))
            }
            _ => Ok(false),
        }
    })?;
    let mut sorted = runtime.list_builder(list.len())?;
    sorted.extend(places.iter().filter_map(|place| list.get(*place)).copied());
    Ok(runtime.finish_list(sorted))
}

fn range<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Int(size)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    if *size > MAX_RANGE {
        return Err(
            runtime.error(format_args!("lists.range: size {size} exceeds maximum allowed ({MAX_RANGE})"))
        );
    }
    let Ok(capacity) = usize::try_from(*size) else {
        return Err(runtime.error(format_args!("lists.range: size must be non-negative, got {size}")));
    };
    let mut list = runtime.list_builder(capacity)?;
    list.extend((0..*size).map(Value::Int));
    Ok(runtime.finish_list(list))
}

fn reverse<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut reversed = runtime.list_builder(list.len())?;
    reversed.extend(list.iter().rev().copied());
    Ok(runtime.finish_list(reversed))
}

fn distinct<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(list)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut unique = runtime.list_builder(list.len())?;
    for value in *list {
        if !arithmetic::contains(runtime, &unique, value)? {
            unique.push(*value);
        }
    }
    Ok(runtime.finish_list(unique))
}

#[cfg(test)]
mod tests;
