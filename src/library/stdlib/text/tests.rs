use super::*;
use crate::library::probe::{assert_table, call_row};
use crate::value::Map;

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn size_counts_code_points_bytes_elements_and_entries() {
    for (value, expected) in [
        (Value::String("aé日"), Ok("3")),
        (Value::Bytes("é".as_bytes()), Ok("2")),
        (Value::List(&[Value::Null]), Ok("1")),
        (Value::Map(Map::EMPTY), Ok("0")),
        (Value::Int(1), Err("no such overload: size")),
        (Value::Null, Err("no such overload: size")),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(call_row(&LIBRARY, "size_string", &[value]), expected, "{value:?}");
    }
}

#[test]
fn arguments_of_other_types_have_the_bare_error() {
    let (text, other) = (Value::String("a"), Value::Int(1));
    for id in ["contains_string", "starts_with_string", "ends_with_string", "matches_string"] {
        assert_eq!(call_row(&LIBRARY, id, &[text, other]), Err("no such overload".to_owned()), "{id}");
        assert_eq!(call_row(&LIBRARY, id, &[text, text]), Ok("true".to_owned()), "{id}");
    }
}

#[test]
fn matches_looks_for_the_pattern_anywhere_and_fails_with_gos_text() {
    for (text, pattern, expected) in [
        ("xaby", "a.", Ok("true")),
        ("a\nb", "a.b", Ok("false")),
        ("é", r"\w", Ok("false")),
        ("1Σk", r"\W|\B", Ok("true")),
        ("a", "(", Err("error parsing regexp: missing closing ): `(`")),
        ("a", "(?=a)", Err("error parsing regexp: invalid or unsupported Perl syntax: `(?=`")),
    ] {
        let answer = call_row(&LIBRARY, "matches", &[Value::String(text), Value::String(pattern)]);
        assert_eq!(answer, expected.map(str::to_owned).map_err(str::to_owned), "{pattern}");
    }
}
