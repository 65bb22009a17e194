//! Lists as sets: membership is CEL's `==`, duplicates do not count.

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::arithmetic;
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

/// `cel.lib.ext.sets`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.sets",
    version: 0,
    types: &[],
    rows: &[
        row(
            "list_sets_contains_list",
            "sets.contains(list(T), list(T)) -> bool",
            Own(contains),
            "True if every element of the second list is in the first.",
            &["sets.contains([1, 2], [2, 2])", "sets.contains([1], [])", "!sets.contains([1], [1, 2])"],
        )
        .total(),
        row(
            "list_sets_equivalent_list",
            "sets.equivalent(list(T), list(T)) -> bool",
            Own(equivalent),
            "True if each list has all elements of the other.",
            &["sets.equivalent([1, 2, 2], [2, 1])", "!sets.equivalent([1], [1, 2])"],
        )
        .total(),
        row(
            "list_sets_intersects_list",
            "sets.intersects(list(T), list(T)) -> bool",
            Own(intersects),
            "True if the lists have an element in common.",
            &["sets.intersects([1, 2], [2, 3])", "!sets.intersects([1], [])"],
        )
        .total(),
    ],
};

fn lists<'a>(arguments: &[Value<'a>]) -> Result<(&'a [Value<'a>], &'a [Value<'a>]), Raise<'a>> {
    match arguments {
        [Value::List(a), Value::List(b)] => Ok((a, b)),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn has_all<'a>(runtime: &mut Runtime<'a>, all: &[Value<'a>], some: &[Value<'a>]) -> Result<bool, Raise<'a>> {
    for element in some {
        if !arithmetic::contains(runtime, all, element)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn contains<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (all, some) = lists(arguments)?;
    Ok(Value::Bool(has_all(runtime, all, some)?))
}

fn equivalent<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = lists(arguments)?;
    Ok(Value::Bool(has_all(runtime, a, b)? && has_all(runtime, b, a)?))
}

fn intersects<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = lists(arguments)?;
    for element in a {
        if arithmetic::contains(runtime, b, element)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::library::probe::{assert_table, call, call_with};

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn elements_are_equal_as_in_cel() {
        let ints = [Value::Int(1), Value::Double(f64::NAN)];
        let doubles = [Value::Double(1.0)];
        let (a, b, none) = (Value::List(&ints), Value::List(&doubles), Value::List(&[]));
        assert_eq!(call(contains, &[a, b]), "bool true");
        assert_eq!(call(contains, &[a, a]), "bool false");
        assert_eq!(call(equivalent, &[a, b]), "bool false");
        assert_eq!(call(equivalent, &[none, none]), "bool true");
        assert_eq!(call(intersects, &[b, a]), "bool true");
        assert_eq!(call(intersects, &[a, none]), "bool false");
    }

    #[test]
    fn comparing_all_with_all_takes_steps() {
        let (a, b) = ([Value::Int(1); 100], [Value::Int(2); 100]);
        let budget = Budget { steps: 9_999, bytes: 0 };
        assert!(call_with(budget, intersects, &[Value::List(&a), Value::List(&b)]).starts_with("fault"));
    }
}
