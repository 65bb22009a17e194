use super::*;
use crate::library::kyverno::http::objects::{CHECK_REQUEST_ATTRIBUTES, CHECK_RESPONSE_DENIED};
use crate::library::probe::{assert_table, call_row};
use crate::value::Object;
use crate::value::{MapBuilder, Timestamp};

fn json(value: Value<'_>) -> Result<String, String> {
    call_row(&LIBRARY, "json_encode_dyn", &[value])
}

#[test]
fn every_row_is_complete() {
    assert_table(&LIBRARY);
}

#[test]
fn base64_decodes_with_or_without_padding_and_names_gos_offset() {
    let wrong = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    for (text, expected) in [
        ("", Ok("b\"\"".to_owned())),
        ("aGk=", Ok("b\"hi\"".to_owned())),
        ("aGk", Ok("b\"hi\"".to_owned())),
        ("aG\r\nk=\n", Ok("b\"hi\"".to_owned())),
        ("aGl", Ok("b\"hi\"".to_owned())),
        ("a", wrong(0)),
        ("aGkh\n\na", wrong(6)),
        ("a-b_", wrong(1)),
        ("aG k", wrong(2)),
        ("aGk=x", wrong(3)),
        ("a===", wrong(1)),
        ("aé==", wrong(1)),
    ] {
        assert_eq!(call_row(&LIBRARY, "base64_decode_string", &[Value::String(text)]), expected, "{text:?}");
    }
}

#[test]
fn base64_round_trips_every_length() {
    let bytes: Vec<u8> = (0..=255).collect();
    let arena = bumpalo::Bump::new();
    let mut rt = Runtime::new(&arena, crate::budget::Budget::default());
    for length in 0..=bytes.len() {
        let bytes = &bytes[..length];
        let text = base64_encode(&mut rt, &[Value::Bytes(bytes)]).unwrap();
        let Ok(Value::Bytes(back)) = base64_decode(&mut rt, &[text]) else { panic!("{text:?}") };
        assert_eq!(back, bytes);
    }
}

#[test]
fn json_is_gos() {
    let time = Timestamp { seconds: 0, nanos: 0, offset: 7_200 };
    for (value, expected) in [
        (Value::Int(9_007_199_254_740_991), "9007199254740991"),
        (Value::Int(-9_007_199_254_740_992), "\"-9007199254740992\""),
        (Value::Uint(u64::MAX), "\"18446744073709551615\""),
        (Value::Double(1.0), "1"),
        (Value::Double(-0.0), "-0"),
        (Value::Double(1e20), "100000000000000000000"),
        (Value::Double(1e21), "1e+21"),
        (Value::Double(0.000_001), "0.000001"),
        (Value::Double(-1.5e-7), "-1.5e-7"),
        (Value::Bytes(b"hi"), "\"aGk=\""),
        (Value::Duration(90_000_000_000), "\"90s\""),
        (Value::Timestamp(time), "\"1970-01-01T02:00:00+02:00\""),
        (
            Value::String("\"\\\u{8}\u{c}\n\r\t\0\u{7f}<>&é\u{2028}"),
            "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\u{7f}\\u003c\\u003e\\u0026é\\u2028\"",
        ),
        (Value::List(&[Value::Null, Value::Bool(true)]), "[null,true]"),
        (Value::Optional(Some(&Value::Int(1))), "1"),
        (Value::Opaque("json.Json"), "{\"JsonImpl\":{}}"),
    ] {
        assert_eq!(json(value), Ok(format!("{expected:?}")), "{value:?}");
    }
}

#[test]
fn what_json_cannot_hold_has_cel_gos_text() {
    let arena = bumpalo::Bump::new();
    let key = |key| {
        let mut map = MapBuilder::with_capacity(&arena, 1);
        map.insert(key, Value::Null);
        Value::Map(map.finish())
    };
    let infinite = "proto: google.protobuf.Value.number_value: invalid +Inf value";
    for (value, expected) in [
        (key(Value::Int(1)), "unsupported type conversion from 'int' to string"),
        (key(Value::Uint(1)), "unsupported type conversion from 'uint' to string"),
        (key(Value::Bool(true)), "type conversion error from bool to 'string'"),
        (key(Value::Double(1.5)), "type conversion error from Double to 'string'"),
        (Value::List(&[Value::Double(f64::INFINITY), Value::Int(1)]), infinite),
        (Value::List(&[Value::Double(f64::NAN), Value::Optional(None)]), "optional.none() dereference"),
        (Value::Type("int"), "type conversion not supported for 'type'"),
    ] {
        assert_eq!(json(value), Err(expected.to_owned()), "{value:?}");
    }
}

#[test]
fn objects_show_the_names_that_dyn_takes_and_no_zero_fields() {
    let ty = &CHECK_RESPONSE_DENIED;
    for (tagged, expected) in [(true, "{\"reason\":\"x\"}"), (false, "{\"Reason\":\"x\"}")] {
        let object = Object { ty, fields: &[Some(Value::String("x"))], tagged };
        assert_eq!(json(Value::Object(&object)), Ok(format!("{expected:?}")));
    }
    let ty = &CHECK_REQUEST_ATTRIBUTES;
    let fields = [Some(Value::String("GET")), None, Some(Value::String("")), Some(Value::String("HTTP/1.1"))];
    let object = Object { ty, fields: &fields, tagged: false };
    let expected = "{\"Method\":\"GET\",\"Protocol\":\"HTTP/1.1\"}";
    assert_eq!(json(Value::Object(&object)), Ok(format!("{expected:?}")));
}
