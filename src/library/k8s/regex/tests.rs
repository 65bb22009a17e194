use super::*;
use crate::library::probe::{assert_table, call_row};

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn find_gives_the_first_match_or_nothing() {
    for (text, pattern, expected) in [
        ("abc", "b+", Ok("\"b\"")),
        ("abc", "x", Ok("\"\"")),
        ("foobar", "foo|foobar", Ok("\"foo\"")),
        ("abc", "(", Err("Illegal regex: error parsing regexp: missing closing ): `(`")),
    ] {
        let answer = call_row(&LIBRARY, "string_find_string", &[Value::String(text), Value::String(pattern)]);
        assert_eq!(answer, expected.map(str::to_owned).map_err(str::to_owned), "{pattern}");
    }
}

#[test]
fn find_all_counts_empty_matches_as_go_does() {
    for (text, pattern, limit, expected) in [
        ("a1b2", "[0-9]", -1, r#"["1", "2"]"#),
        ("a1b2", "[0-9]", 1, r#"["1"]"#),
        ("a1b2", "[0-9]", 0, "[]"),
        ("baab", "a*", -1, r#"["", "aa", ""]"#),
        ("éa", "", -1, r#"["", "", ""]"#),
        ("éaé", r"\B", -1, r#"["", ""]"#),
    ] {
        let args = [Value::String(text), Value::String(pattern), Value::Int(limit)];
        assert_eq!(
            call_row(&LIBRARY, "string_find_all_string_int", &args),
            Ok(expected.to_owned()),
            "{pattern}"
        );
    }
}
