use super::*;
use crate::budget::Budget;
use crate::library::probe::{assert_table, call, call_with, unary};

const NAN: Value<'_> = Value::Double(f64::NAN);
const ONE: Value<'_> = Value::Double(1.0);

fn ints(range: impl IntoIterator<Item = i64>) -> Vec<Value<'static>> {
    range.into_iter().map(Value::Int).collect()
}

#[test]
fn the_table_is_well_formed() {
    assert_table(&LIBRARY);
}

#[test]
fn slices_outside_the_list_say_why() {
    let list = ints([1, 2, 3]);
    let slice_of = |start, end| call(slice, &[Value::List(&list), Value::Int(start), Value::Int(end)]);
    assert_eq!(slice_of(1, 3), "list [2, 3]");
    assert_eq!(slice_of(3, 3), "list []");
    assert_eq!(
        slice_of(2, 1),
        "error cannot slice(2, 1), start index must be less than or equal to end index"
    );
    assert_eq!(slice_of(0, 5), "error cannot slice(0, 5), list is length 3");
    assert_eq!(slice_of(-1, 2), "error cannot slice(-1, 2), negative indexes not supported");
    assert_eq!(slice_of(5, -1), "error cannot slice(5, -1), negative indexes not supported");
}

#[test]
fn flatten_opens_as_many_levels_as_asked() {
    let four = ints([4]);
    let three = [Value::Int(3), Value::List(&four)];
    let two = [Value::Int(2), Value::List(&three)];
    let list = [Value::Int(1), Value::List(&two), Value::List(&[])];
    let to = |depth| call(flatten, &[Value::List(&list), Value::Int(depth)]);
    assert_eq!(to(0), "list [1, [2, [3, [4]]], []]");
    assert_eq!(unary(flatten, Value::List(&list)), "list [1, 2, [3, [4]]]");
    assert_eq!(to(2), "list [1, 2, 3, [4]]");
    assert_eq!(to(i64::MAX), "list [1, 2, 3, 4]");
    assert_eq!(to(-1), "error level must be non-negative");
}

#[test]
fn flatten_words_its_own_overload_errors() {
    assert_eq!(unary(flatten, Value::String("a")), "error no such overload: string.flatten()");
    assert_eq!(
        unary(flatten, Value::Map(crate::value::Map::EMPTY)),
        "error no such overload: map(dyn, dyn).flatten()"
    );
    assert_eq!(
        call(flatten, &[Value::List(&[]), Value::String("a")]),
        "error no such overload: list(dyn).flatten(string)"
    );
    assert_eq!(call(flatten, &[Value::Int(1), Value::Int(2)]), "error no such overload: int.flatten(int)");
}

#[test]
fn keys_must_be_comparable_and_of_one_type() {
    assert_eq!(
        unary(sort, Value::List(&[Value::Int(1), Value::Uint(2)])),
        "error list elements must have the same type"
    );
    for first in [Value::Null, Value::List(&[]), Value::Type("int")] {
        assert_eq!(unary(sort, Value::List(&[first])), "error list elements must be comparable");
    }
    assert_eq!(unary(sort, Value::List(&[])), "list []");
    assert!(
        call(sort_by_keys, &[Value::List(&[NAN]), Value::List(&[])])
            .ends_with("but got 1 and 0 elements respectively")
    );
}

#[test]
fn sorting_with_nan_ends_as_gos_insertion_sort_does() {
    assert_eq!(unary(sort, Value::List(&[NAN, ONE])), "list [NaN, 1]");
    assert_eq!(unary(sort, Value::List(&[ONE, NAN, Value::Double(0.5)])), "list [1, NaN, 0.5]");
}

#[test]
fn elements_with_equal_keys_end_up_where_go_puts_them() {
    let sort_by = |size: i64, key: fn(i64) -> i64| {
        let (list, keys) = (ints(0..size), ints((0..size).map(key)));
        call(sort_by_keys, &[Value::List(&list), Value::List(&keys)])
    };
    assert_eq!(sort_by(12, |n| n % 2), "list [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]");
    assert_eq!(
        sort_by(20, |n| n % 2),
        "list [10, 18, 2, 16, 4, 0, 6, 14, 8, 12, 5, 11, 9, 13, 7, 15, 3, 17, 1, 19]"
    );
    assert_eq!(
        sort_by(60, |n| n % 3),
        "list [21, 57, 54, 3, 51, 48, 6, 45, 42, 9, 39, 36, 12, 33, 0, 15, 30, 27, 18, 24, 31, 10, 22, 58, 19, 25, \
         1, 55, 28, 52, 16, 4, 49, 13, 34, 46, 7, 37, 43, 40, 50, 41, 8, 38, 44, 11, 35, 47, 32, 5, 29, 14, 20, \
         53, 2, 17, 56, 26, 23, 59]"
    );
}

#[test]
fn ranges_have_limits() {
    assert_eq!(unary(range, Value::Int(0)), "list []");
    assert_eq!(unary(range, Value::Int(-1)), "error lists.range: size must be non-negative, got -1");
    assert_eq!(
        unary(range, Value::Int(1_000_001)),
        "error lists.range: size 1000001 exceeds maximum allowed (1000000)"
    );
    assert!(
        call_with(Budget { steps: 1_000, bytes: 1_000 }, range, &[Value::Int(1_000)]).starts_with("fault")
    );
}

#[test]
fn distinct_keeps_the_first_of_equal_values_and_every_nan() {
    let list = [NAN, NAN, Value::Int(1), Value::Uint(1), ONE, Value::String("1")];
    assert_eq!(unary(distinct, Value::List(&list)), "list [NaN, NaN, 1, 1]");
    assert_eq!(unary(reverse, Value::List(&list[2..4])), "list [1, 1]");
    let many = ints(0..100);
    let budget = Budget { steps: 4_000, bytes: 1 << 20 };
    assert!(call_with(budget, distinct, &[Value::List(&many)]).starts_with("fault"));
}

#[test]
fn sorting_charges_every_comparison() {
    let many = ints((0..1_000).map(|n| n * 7_919 % 1_000));
    let steps = |steps| call_with(Budget { steps, bytes: 1 << 20 }, sort, &[Value::List(&many)]);
    assert!(steps(5_000).starts_with("fault"));
    assert!(steps(50_000).starts_with("list [0, 1, 2"));
}
