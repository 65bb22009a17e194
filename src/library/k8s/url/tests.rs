use super::*;
use crate::budget::Budget;
use crate::library::probe::{assert_table, call_row, call_row_within};

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn what_is_no_url_has_the_words_of_go() {
    for (text, expected) in [
        ("", "parse \"\": empty url"),
        ("a", "parse \"a\": invalid URI for request"),
        ("http://a:b/", "parse \"http://a:b/\": invalid port \":b\" after host"),
        ("http://[1]/", "parse \"http://[1]/\": invalid host: ParseAddr(\"1\"): unable to parse IP"),
        ("http://a\\b/", "parse \"http://a\\\\b/\": invalid character \"\\\\\" in host name"),
        ("/%z\u{e9}", "parse \"/%zé\": invalid URL escape \"%z\\xc3\""),
    ] {
        let answer = call_row(&LIBRARY, "string_to_url", &[Value::String(text)]);
        assert_eq!(answer, Err(format!("URL parse error during conversion from string: {expected}")));
    }
}

#[test]
fn a_long_text_is_paid_for() {
    let text = "/".repeat(100_000);
    let budget = Budget { steps: 10_000, ..Budget::default() };
    let answer = call_row_within(budget, &LIBRARY, "is_url_string", &[Value::String(&text)]);
    assert!(answer.unwrap_err().starts_with("fault: "));
}
