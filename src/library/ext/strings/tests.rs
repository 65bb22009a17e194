use super::*;
use crate::budget::Budget;
use crate::library::probe::{assert_table, call_row, call_row_within};

const fn s(text: &str) -> Value<'_> {
    Value::String(text)
}

const fn i(int: i64) -> Value<'static> {
    Value::Int(int)
}

fn check(cases: &[(&str, &[Value<'_>], Result<&str, &str>)]) {
    for (id, args, expected) in cases {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(call_row(&LIBRARY, id, args), expected, "{id} {args:?}");
    }
}

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn indices_count_code_points_and_may_stand_at_the_end() {
    check(&[
        ("string_char_at_int", &[s("aé日"), i(1)], Ok("\"é\"")),
        ("string_char_at_int", &[s("abc"), i(3)], Ok("\"\"")),
        ("string_char_at_int", &[s("abc"), i(4)], Err("index out of range: 4")),
        ("string_char_at_int", &[s("abc"), i(i64::MIN)], Err("index out of range: -9223372036854775808")),
        ("string_substring_int", &[s("aé日"), i(1)], Ok("\"é日\"")),
        ("string_substring_int", &[s("abc"), i(3)], Ok("\"\"")),
        ("string_substring_int", &[s("abc"), i(4)], Err("index out of range: 4")),
        ("string_substring_int_int", &[s("aé日b"), i(1), i(3)], Ok("\"é日\"")),
        (
            "string_substring_int_int",
            &[s("abc"), i(3), i(1)],
            Err("invalid substring range. start: 3, end: 1"),
        ),
        ("string_substring_int_int", &[s("abc"), i(-1), i(9)], Err("index out of range: -1")),
        ("string_substring_int_int", &[s("abc"), i(1), i(9)], Err("index out of range: 9")),
    ]);
}

#[test]
fn a_search_clamps_an_index_beyond_the_end_and_refuses_a_negative_one() {
    check(&[
        ("string_index_of_string", &[s("é日é"), s("日")], Ok("1")),
        ("string_index_of_string", &[s("abc"), s("")], Ok("0")),
        ("string_index_of_string_int", &[s("abc"), s(""), i(99)], Ok("3")),
        ("string_index_of_string_int", &[s("abc"), s("a"), i(9)], Ok("-1")),
        ("string_index_of_string_int", &[s("éaé"), s("é"), i(1)], Ok("2")),
        ("string_index_of_string_int", &[s("abc"), s(""), i(-1)], Err("index out of range: -1")),
        ("string_last_index_of_string", &[s("éaé"), s("é")], Ok("2")),
        ("string_last_index_of_string", &[s("abc"), s("")], Ok("3")),
        ("string_last_index_of_string", &[s(""), s("a")], Ok("-1")),
        ("string_last_index_of_string_int", &[s("éaéa"), s("éa"), i(1)], Ok("0")),
        ("string_last_index_of_string_int", &[s("abc"), s("c"), i(2)], Ok("2")),
        ("string_last_index_of_string_int", &[s("abc"), s("c"), i(3)], Ok("-1")),
        ("string_last_index_of_string_int", &[s("abc"), s(""), i(99)], Ok("3")),
        ("string_last_index_of_string_int", &[s("abc"), s("a"), i(-1)], Err("index out of range: -1")),
    ]);
}

#[test]
fn replace_and_split_count_as_go_does() {
    check(&[
        ("string_replace_string_string", &[s("ab"), s(""), s("-")], Ok("\"-a-b-\"")),
        ("string_replace_string_string", &[s(""), s(""), s("-")], Ok("\"-\"")),
        ("string_replace_string_string", &[s("aaa"), s("aa"), s("b")], Ok("\"ba\"")),
        ("string_replace_string_string_int", &[s("éé"), s(""), s("-"), i(2)], Ok("\"-é-é\"")),
        ("string_replace_string_string_int", &[s("aaa"), s("a"), s("b"), i(2)], Ok("\"bba\"")),
        ("string_replace_string_string_int", &[s("aaa"), s("a"), s("b"), i(0)], Ok("\"aaa\"")),
        ("string_replace_string_string_int", &[s("aaa"), s("a"), s(""), i(-7)], Ok("\"\"")),
        ("string_split_string", &[s(""), s(",")], Ok("[\"\"]")),
        ("string_split_string", &[s(""), s("")], Ok("[]")),
        ("string_split_string", &[s("é日"), s("")], Ok("[\"é\", \"日\"]")),
        ("string_split_string", &[s(",a,"), s(",")], Ok("[\"\", \"a\", \"\"]")),
        ("string_split_string_int", &[s("abc"), s(""), i(2)], Ok("[\"a\", \"bc\"]")),
        ("string_split_string_int", &[s("a,b"), s(","), i(0)], Ok("[]")),
        ("string_split_string_int", &[s("a,b"), s(","), i(1)], Ok("[\"a,b\"]")),
        ("string_split_string_int", &[s("a,b"), s(","), i(-1)], Ok("[\"a\", \"b\"]")),
    ]);
}

#[test]
fn letters_beyond_ascii_keep_their_case() {
    check(&[
        ("string_lower_ascii", &[s("ABÉ")], Ok("\"abÉ\"")),
        ("string_upper_ascii", &[s("abé")], Ok("\"ABé\"")),
        ("string_trim", &[s(" \u{a0}\u{3000}a\u{2028}\n")], Ok("\"a\"")),
        ("string_reverse", &[s("aé日")], Ok("\"日éa\"")),
        (
            "strings_quote",
            &[s("\u{7}\u{8}\u{b}\u{c}\r\n\t\\\"é\0")],
            Ok(r#""\"\\a\\b\\v\\f\\r\\n\\t\\\\\\\"é\0\"""#),
        ),
    ]);
}

#[test]
fn join_takes_strings_only() {
    check(&[
        ("list_join", &[Value::List(&[s("a"), s("b")])], Ok("\"ab\"")),
        ("list_join_string", &[Value::List(&[s("a"), s("b")]), s("-")], Ok("\"a-b\"")),
        ("list_join_string", &[Value::List(&[]), s("-")], Ok("\"\"")),
        ("list_join", &[Value::List(&[s("a"), Value::Double(1e21)])], Err("join: invalid input: 1e+21")),
        ("list_join", &[Value::List(&[s("a"), Value::Null])], Err("join: invalid input: 0")),
        ("list_join", &[Value::List(&[s("a"), Value::Bytes(b"xy")])], Err("join: invalid input: [120 121]")),
    ]);
}

#[test]
fn a_result_too_large_is_a_fault_before_it_is_built() {
    let large = "a".repeat(100_000);
    let cases: [(&str, &[Value<'_>]); 2] = [
        ("string_replace_string_string", &[s(&large), s(""), s(&large)]),
        ("list_join_string", &[Value::List(&[s(""); 2_000]), s(&large)]),
    ];
    let small = Budget { steps: u64::MAX, ..Budget::default() };
    for (id, args) in cases {
        let answer = call_row_within(small, &LIBRARY, id, args).unwrap_err();
        assert_eq!(
            answer, "fault: the decision needs more memory than its budget allows (`budget.bytes`)",
            "{id}"
        );
    }
}
