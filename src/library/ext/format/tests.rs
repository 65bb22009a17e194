use super::*;
use crate::library::ext::strings::LIBRARY;
use crate::library::probe::call_row;
use crate::value::MapBuilder;

const STRING_CLAUSE: &str = "error during formatting: string clause can only be used on strings, bools, bytes, ints, \
     doubles, maps, lists, types, durations, and timestamps, was given ";

fn formatted(format: &str, arguments: &[Value<'_>]) -> Result<String, String> {
    call_row(&LIBRARY, "string_format", &[Value::String(format), Value::List(arguments)])
}

#[test]
fn every_clause_prints_as_in_cel_go() {
    let time = Timestamp { seconds: 1_709_164_800, nanos: 500_000_000, offset: -19_800 };
    let cases: &[(&str, &[Value<'_>], &str)] = &[
        ("%s %d%%", &[Value::String("a"), Value::Int(1)], "a 1%"),
        ("%s", &[Value::List(&[Value::Int(1), Value::String("a"), Value::Double(1.5)])], "[1, a, 1.5]"),
        ("%s %s", &[Value::Double(1e20), Value::Double(1e-7)], "100000000000000000000 0.0000001"),
        ("%s %s", &[Value::Double(f64::NAN), Value::Double(f64::NEG_INFINITY)], "NaN -Infinity"),
        ("%s %s %s", &[Value::Null, Value::Type("list"), Value::Bytes("é".as_bytes())], "null list é"),
        ("%s %s", &[Value::Duration(90_000_000_000), Value::Timestamp(time)], "90s 2024-02-29T00:00:00.5Z"),
        (
            "%.3s %d %d",
            &[Value::Int(-1), Value::Double(1.5), Value::Uint(u64::MAX)],
            "-1 1.5 18446744073709551615",
        ),
        ("%f %.0f %.1f", &[Value::Int(1), Value::Double(2.5), Value::Double(-0.0)], "1.000000 2 -0.0"),
        (
            "%e %.2e %e",
            &[Value::Double(1234.5), Value::Uint(0), Value::Double(1e-100)],
            "1.234500e+03 0.00e+00 1.000000e-100",
        ),
        ("%f %e", &[Value::Double(f64::INFINITY), Value::Double(f64::NAN)], "Infinity NaN"),
        ("%b %b %b", &[Value::Bool(true), Value::Int(-5), Value::Uint(6)], "1 -101 110"),
        ("%o %x %X", &[Value::Int(-9), Value::Int(i64::MIN), Value::Uint(255)], "-11 -8000000000000000 FF"),
        ("%x %X", &[Value::String("aé"), Value::Bytes(&[0, 0xab])], "61c3a9 00AB"),
    ];
    for (format, arguments, expected) in cases {
        assert_eq!(formatted(format, arguments), Ok(format!("{expected:?}")), "{format}");
    }
}

#[test]
fn a_map_prints_in_the_order_of_its_printed_keys() {
    let arena = bumpalo::Bump::new();
    let mut map = MapBuilder::with_capacity(&arena, 4);
    map.insert(Value::Int(10), Value::String("ten"));
    map.insert(Value::Int(9), Value::List(&[]));
    map.insert(Value::Bool(true), Value::Null);
    let map = Value::Map(map.finish());
    assert_eq!(formatted("%s", &[map]), Ok("\"{10: ten, 9: [], true: null}\"".to_owned()));
}

#[test]
fn what_does_not_fit_has_cel_gos_text() {
    let parse = "could not parse formatting clause: ";
    let precision = format!("{parse}error while parsing precision: ");
    let atoi = format!("{precision}error while converting precision to integer: strconv.Atoi: parsing ");
    let cases: &[(&str, &[Value<'_>], String)] = &[
        ("%s %s", &[Value::Int(1)], "index 1 out of range".into()),
        ("%", &[Value::Int(1)], "unexpected end of string".into()),
        ("%", &[], "index 0 out of range".into()),
        ("%q", &[Value::Int(1)], format!("{parse}unrecognized formatting clause \"q\"")),
        ("%é", &[Value::Int(1)], format!("{parse}unrecognized formatting clause \"Ã\"")),
        (
            "%.101f",
            &[Value::Int(1)],
            format!("{precision}precision 101 exceeds maximum allowed precision 100"),
        ),
        ("%.5", &[Value::Int(1)], format!("{precision}could not find end of precision specifier")),
        ("%.f", &[Value::Int(1)], format!("{atoi}\"\": invalid syntax")),
        (
            "%.9223372036854775808f",
            &[Value::Int(1)],
            format!("{atoi}\"9223372036854775808\": value out of range"),
        ),
        ("%s", &[Value::List(&[Value::Optional(None)])], format!("{STRING_CLAUSE}optional_type")),
    ];
    for (format, arguments, expected) in cases {
        assert_eq!(formatted(format, arguments), Err(expected.clone()), "{format}");
    }
    for (clause, complaint) in [
        ("%d", "decimal clause can only be used on ints, uints, and doubles"),
        ("%f", "fixed-point clause can only be used on ints, uints, and doubles"),
        ("%e", "scientific clause can only be used on ints, uints, and doubles"),
        ("%b", "only ints, uints, and bools can be formatted as binary"),
        ("%o", "octal clause can only be used on ints and uints"),
        ("%x", "only ints, uints, bytes, and strings can be formatted as hex"),
    ] {
        let expected = format!("error during formatting: {complaint}, was given null_type");
        assert_eq!(formatted(clause, &[Value::Null]), Err(expected), "{clause}");
    }
}

#[test]
fn a_literal_format_is_checked_against_static_types() {
    let optional = Type::optional(Type::Int);
    let strings = Type::list(Type::String);
    let lists = Type::list(optional.clone());
    let leaf = |node, ty| FormatArgument { node, ty, parts: Vec::new() };
    let text = |node: Option<u32>, text: &str| Err(FormatMistake { node, text: text.to_owned() });
    let decimal =
        "error during formatting: decimal clause can only be used on ints, uints, and doubles, was given ";
    let nested = FormatArgument { node: 5, ty: &lists, parts: vec![leaf(6, &optional)] };
    for (format, arguments, expected) in [
        ("%s %d%%", vec![leaf(1, &strings), leaf(2, &Type::Dyn)], Ok(())),
        ("%d", vec![leaf(7, &Type::String)], text(Some(7), &format!("{decimal}string"))),
        ("%s", vec![], text(None, "index 0 out of range")),
        ("%", vec![], text(None, "unexpected end of string")),
        (
            "%s",
            vec![leaf(1, &Type::Int); 2],
            text(None, "too many arguments supplied to string.format (expected 1, got 2)"),
        ),
        (
            "%q",
            vec![leaf(1, &Type::Int)],
            text(None, "could not parse formatting clause: unrecognized formatting clause \"q\""),
        ),
        ("%s", vec![nested.clone()], text(Some(6), &format!("{STRING_CLAUSE}optional_type"))),
        ("%d", vec![nested], text(Some(5), &format!("{decimal}list"))),
    ] {
        assert_eq!(check_format(format, &arguments, Rules::Newer), expected, "{format}");
    }
}
