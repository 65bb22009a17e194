use super::*;
use crate::budget::Budget;
use crate::library::probe::{assert_table, call_row, call_row_within};

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn an_exponent_that_means_millions_of_digits_is_paid_for_or_a_fault() {
    let call = |text| {
        let budget = Budget { bytes: 1 << 20, ..Budget::default() };
        call_row_within(budget, &LIBRARY, "is_quantity_string", &[Value::String(text)])
    };
    assert_eq!(call("1e99999999"), Ok("true".to_owned()));
    assert_eq!(call("1e-99999999"), Ok("true".to_owned()));
    for text in ["1e2147483648", "1234567890123456789e99999999"] {
        assert!(call(text).unwrap_err().starts_with("fault: "), "{text}");
    }
}

#[test]
fn comparing_writes_no_zeros() {
    let quantity = |value, scale| Quantity { amount: Amount::Small { value, scale }, computed: false };
    let (small, large) = (quantity(1, 0), quantity(1, i32::MAX));
    let arguments = [Extension::Quantity(&large), Extension::Quantity(&small)].map(Value::Extension);
    assert_eq!(call_row(&LIBRARY, "quantity_compare_to", &arguments), Ok("1".to_owned()));
}
