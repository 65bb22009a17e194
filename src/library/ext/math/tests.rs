use super::*;
use crate::library::probe::{assert_table, call, unary};

const NAN: Value<'_> = Value::Double(f64::NAN);

#[test]
fn the_table_is_well_formed() {
    assert_table(&LIBRARY);
}

#[test]
fn the_first_of_equal_numbers_is_chosen_with_its_type() {
    let (int, uint) = (Value::Int(1), Value::Uint(1));
    assert_eq!(call(max_pair, &[int, uint]), "int 1");
    assert_eq!(call(min_pair, &[int, uint]), "int 1");
    assert_eq!(call(min_pair, &[uint, int]), "uint 1");
    assert_eq!(call(max_pair, &[Value::Double(-0.0), Value::Double(0.0)]), "double -0");
    let mixed = [int, Value::Uint(2), Value::Double(1.5)];
    assert_eq!(unary(max_list, Value::List(&mixed)), "uint 2");
    assert_eq!(unary(min_list, Value::List(&mixed)), "int 1");
}

#[test]
fn nan_cannot_be_ordered_and_a_list_loses_the_reason() {
    assert_eq!(call(max_pair, &[NAN, Value::Int(1)]), "error NaN values cannot be ordered: math.@max");
    assert_eq!(call(min_pair, &[Value::Int(1), NAN]), "error NaN values cannot be ordered: math.@min");
    assert_eq!(unary(max_list, Value::List(&[Value::Int(1), NAN])), "error no such overload: math.@max");
    assert_eq!(
        unary(min_list, Value::List(&[Value::Int(1), Value::String("a")])),
        "error no such overload: math.@min"
    );
    assert_eq!(unary(max_list, Value::List(&[NAN])), "double NaN");
    assert_eq!(unary(max_list, Value::List(&[])), "error math.@max(list) argument must not be empty");
}

#[test]
fn rounding_is_that_of_go() {
    for (function, d, expected) in [
        (round as crate::library::table::Body, -0.5, "-1"),
        (round, 2.5, "3"),
        (round, 0.499_999_999_999_999_94, "0"),
        (round, 4_503_599_627_370_497.0, "4.503599627370497e+15"),
        (trunc, -0.5, "-0"),
        (ceil, -0.5, "-0"),
        (floor, -0.5, "-1"),
        (abs, -0.0, "0"),
        (sign, -0.0, "0"),
        (sign, f64::NAN, "NaN"),
        (sqrt, -1.0, "NaN"),
    ] {
        assert_eq!(unary(function, Value::Double(d)), format!("double {expected}"), "{d}");
    }
    assert_eq!(unary(abs, Value::Int(i64::MIN)), "error integer overflow");
    assert_eq!(unary(sqrt, Value::Uint(u64::MAX)), "double 4.294967296e+09");
}

#[test]
fn shifts_are_logical_and_end_at_zero() {
    for (function, number, bits, expected) in [
        (shift_left as crate::library::table::Body, Value::Int(-1), 63, "int -9223372036854775808"),
        (shift_left, Value::Int(1), 64, "int 0"),
        (shift_left, Value::Uint(1), i64::MAX, "uint 0"),
        (shift_left, Value::Int(1), -1, "error math.bitShiftLeft() negative offset: -1"),
        (shift_right, Value::Int(-1), 1, "int 9223372036854775807"),
        (shift_right, Value::Int(-1), 0, "int -1"),
        (shift_right, Value::Int(-1), 64, "int 0"),
        (shift_right, Value::Uint(1), -5, "error math.bitShiftRight() negative offset: -5"),
    ] {
        assert_eq!(call(function, &[number, Value::Int(bits)]), expected);
    }
}
