//! The conversions `bool`, `bytes`, `double`, `duration`, `int`, `string`, `timestamp` and `uint`.
//!
//! What does not convert is an error; nothing is rounded but doubles towards zero and integers to doubles.

use bumpalo::collections::String as BumpString;

use self::text::TimestampError;
use super::logic::identity;
use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::{GoQuoted, ShortestDouble, Timestamp, Value, format_duration, i64_as_f64, u64_as_f64};

pub(crate) mod text;

/// The type conversions.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        row("bool_to_bool", "bool(bool) -> bool", Own(identity), "The same value.", &["bool(true)"]).total(),
        row(
            "string_to_bool",
            "bool(string) -> bool",
            Own(string_to_bool),
            "True for 1, t, T, true, TRUE, True; false for 0, f, F, false, FALSE, False; else an error.",
            &["bool('true')", "!bool('F')"],
        ),
        row(
            "bytes_to_bytes",
            "bytes(bytes) -> bytes",
            Own(identity),
            "The same value.",
            &["bytes(b'a') == b'a'"],
        )
        .total(),
        row(
            "string_to_bytes",
            "bytes(string) -> bytes",
            Own(string_to_bytes),
            "The text in UTF-8.",
            &["bytes('\\u00e9') == b'\\xc3\\xa9'"],
        )
        .total(),
        row(
            "double_to_double",
            "double(double) -> double",
            Own(identity),
            "The same value.",
            &["double(1.5) == 1.5"],
        )
        .total(),
        row(
            "int64_to_double",
            "double(int) -> double",
            Own(int_to_double),
            "The nearest double.",
            &["double(3) == 3.0"],
        )
        .total(),
        row(
            "string_to_double",
            "double(string) -> double",
            Own(string_to_double),
            "The number, as Go reads it: decimal or hexadecimal, with an exponent, Inf or NaN.",
            &["double('1.5e3') == 1500.0", "double('0x1p4') == 16.0", "math.isInf(double('-Inf'))"],
        ),
        row(
            "uint64_to_double",
            "double(uint) -> double",
            Own(uint_to_double),
            "The nearest double.",
            &["double(3u) == 3.0"],
        )
        .total(),
        row(
            "duration_to_duration",
            "duration(duration) -> duration",
            Own(identity),
            "The same value.",
            &["duration(duration('1s')) == duration('1s')"],
        )
        .total(),
        row(
            "string_to_duration",
            "duration(string) -> duration",
            Own(string_to_duration),
            "Decimal numbers with the units h, m, s, ms, us, ns, one after the other.",
            &["duration('1h30m') == duration('90m')", "duration('-1.5s') == duration('-1500ms')"],
        ),
        row("int64_to_int64", "int(int) -> int", Own(identity), "The same value.", &["int(1) == 1"]).total(),
        row(
            "double_to_int64",
            "int(double) -> int",
            Own(double_to_int),
            "The number rounded towards zero; outside 64 bits and NaN an error.",
            &["int(1.9) == 1", "int(-1.9) == -1"],
        ),
        row(
            "duration_to_int64",
            "int(duration) -> int",
            Own(duration_to_int),
            "The nanoseconds.",
            &["int(duration('1us')) == 1000"],
        )
        .total(),
        row(
            "string_to_int64",
            "int(string) -> int",
            Own(string_to_int),
            "The decimal number, with an optional sign.",
            &["int('-42') == -42", "int('+7') == 7"],
        ),
        row(
            "timestamp_to_int64",
            "int(timestamp) -> int",
            Own(timestamp_to_int),
            "The seconds since 1970-01-01T00:00:00Z, rounded down.",
            &["int(timestamp('1970-01-01T00:01:00.5Z')) == 60"],
        )
        .total(),
        row(
            "uint64_to_int64",
            "int(uint) -> int",
            Own(uint_to_int),
            "The number; above 63 bits an error.",
            &["int(7u) == 7"],
        ),
        row(
            "string_to_string",
            "string(string) -> string",
            Own(identity),
            "The same value.",
            &["string('a') == 'a'"],
        )
        .total(),
        row(
            "bool_to_string",
            "string(bool) -> string",
            Own(bool_to_string),
            "`true` or `false`.",
            &["string(true) == 'true'"],
        )
        .total(),
        row(
            "bytes_to_string",
            "string(bytes) -> string",
            Own(bytes_to_string),
            "The bytes as UTF-8; an error if they are not.",
            &["string(b'abc') == 'abc'"],
        ),
        row(
            "double_to_string",
            "string(double) -> string",
            Own(double_to_string),
            "The shortest decimal that reads back, with an exponent from a million on.",
            &["string(1.5) == '1.5'", "string(1000000.0) == '1e+06'", "string(1.0) == '1'"],
        )
        .total(),
        row(
            "duration_to_string",
            "string(duration) -> string",
            Own(duration_to_string),
            "The seconds as a decimal, then `s`.",
            &["string(duration('1m30s')) == '90s'", "string(duration('1ms')) == '0.001s'"],
        )
        .total(),
        row(
            "int64_to_string",
            "string(int) -> string",
            Own(int_to_string),
            "The decimal number.",
            &["string(-42) == '-42'"],
        )
        .total(),
        row(
            "timestamp_to_string",
            "string(timestamp) -> string",
            Own(timestamp_to_string),
            "RFC 3339 with the offset that the timestamp was written with.",
            &["string(timestamp('2024-01-01T00:00:00.50+02:00')) == '2024-01-01T00:00:00.5+02:00'"],
        )
        .total(),
        row(
            "uint64_to_string",
            "string(uint) -> string",
            Own(uint_to_string),
            "The decimal number.",
            &["string(42u) == '42'"],
        )
        .total(),
        row(
            "timestamp_to_timestamp",
            "timestamp(timestamp) -> timestamp",
            Own(identity),
            "The same value.",
            &["timestamp(timestamp(0)) == timestamp(0)"],
        )
        .total(),
        row(
            "int64_to_timestamp",
            "timestamp(int) -> timestamp",
            Own(int_to_timestamp),
            "That many seconds after 1970-01-01T00:00:00Z; outside the years 1 to 9999 an error.",
            &["timestamp(60) == timestamp('1970-01-01T00:01:00Z')"],
        ),
        row(
            "string_to_timestamp",
            "timestamp(string) -> timestamp",
            Own(string_to_timestamp),
            "Reads RFC 3339, strictly: two digits for each field, upper-case T and Z.",
            &["timestamp('2024-01-01T02:00:00+02:00') == timestamp('2024-01-01T00:00:00Z')"],
        ),
        row("uint64_to_uint64", "uint(uint) -> uint", Own(identity), "The same value.", &["uint(1u) == 1u"])
            .total(),
        row(
            "double_to_uint64",
            "uint(double) -> uint",
            Own(double_to_uint),
            "The number rounded down; negative, outside 64 bits and NaN an error.",
            &["uint(1.9) == 1u"],
        ),
        row(
            "int64_to_uint64",
            "uint(int) -> uint",
            Own(int_to_uint),
            "The number; negative an error.",
            &["uint(7) == 7u"],
        ),
        row(
            "string_to_uint64",
            "uint(string) -> uint",
            Own(string_to_uint),
            "The decimal number, no sign.",
            &["uint('42') == 42u"],
        ),
    ],
};

/// The text argument, charged, converted by `read`; otherwise cel-go's conversion error to `target`.
fn from_text<'a>(
    runtime: &mut Runtime<'a>,
    arguments: &[Value<'a>],
    target: &'static str,
    read: fn(&str) -> Option<Value<'a>>,
) -> Answer<'a> {
    let [Value::String(text)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge_scan(text.len())?;
    read(text).ok_or_else(|| ErrorKind::TypeConversion("string", target).into())
}

fn string_to_bool<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    from_text(runtime, arguments, "bool", |text| text::parse_bool(text).map(Value::Bool))
}

fn string_to_int<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    from_text(runtime, arguments, "int", |text| text::parse_int(text).map(Value::Int))
}

fn string_to_uint<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    from_text(runtime, arguments, "uint", |text| text::parse_uint(text).map(Value::Uint))
}

fn string_to_double<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    if let [Value::String(text)] = arguments
        && text.contains('_')
        && text::underscores_separate_digits(text)
    {
        let mut plain = runtime.string_builder(text.len())?;
        plain.extend(text.chars().filter(|c| *c != '_'));
        return string_to_double(runtime, &[Value::String(plain.into_bump_str())]);
    }
    from_text(runtime, arguments, "double", |text| text::parse_double(text).map(Value::Double))
}

fn string_to_duration<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    // Each term of two bytes is a number of its own.
    if let [Value::String(text)] = arguments {
        runtime.charge(text.len() >> 1)?;
    }
    from_text(runtime, arguments, "google.protobuf.Duration", |text| {
        text::parse_duration(text).map(Value::Duration)
    })
}

fn string_to_timestamp<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge_scan(text.len().saturating_mul(2))?;
    match text::parse_timestamp(text) {
        Ok(timestamp) => Ok(Value::Timestamp(timestamp)),
        Err(TimestampError::Form) => {
            Err(runtime.error(format_args!("invalid RFC 3339 timestamp {}", GoQuoted(text))))
        }
        Err(TimestampError::NoSuchTime) => {
            Err(ErrorKind::TypeConversion("string", "google.protobuf.Timestamp").into())
        }
        Err(TimestampError::Range) => Err(ErrorKind::TimestampOverflow.into()),
    }
}

fn string_to_bytes<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Bytes(text.as_bytes()))
}

fn bytes_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Bytes(bytes)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge_scan(bytes.len())?;
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Value::String(text)),
        Err(_) => Err(ErrorKind::Message("invalid UTF-8 in bytes, cannot convert to string").into()),
    }
}

fn int_to_double<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Int(i)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Double(i64_as_f64(*i)))
}

fn uint_to_double<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Uint(u)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Double(u64_as_f64(*u)))
}

fn double_to_int<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Double(d)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    // cel-go refuses the least int as well.
    if *d > i64_as_f64(i64::MIN) && *d < i64_as_f64(i64::MAX) {
        return Ok(Value::Int(*d as i64));
    }
    Err(ErrorKind::IntegerOverflow.into())
}

fn double_to_uint<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Double(d)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    if *d >= 0.0 && *d < u64_as_f64(u64::MAX) {
        return Ok(Value::Uint(*d as u64));
    }
    Err(ErrorKind::UnsignedIntegerOverflow.into())
}

fn uint_to_int<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Uint(u)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Int(i64::try_from(*u).map_err(|_| ErrorKind::IntegerOverflow)?))
}

fn int_to_uint<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Int(i)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Uint(u64::try_from(*i).map_err(|_| ErrorKind::UnsignedIntegerOverflow)?))
}

fn duration_to_int<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Duration(nanos)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Int(*nanos))
}

fn timestamp_to_int<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Timestamp(timestamp)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Int(timestamp.seconds))
}

fn int_to_timestamp<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Int(seconds)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    let timestamp = Timestamp { seconds: *seconds, nanos: 0, offset: 0 };
    Ok(Value::Timestamp(timestamp.in_range().ok_or(ErrorKind::TimestampOverflow)?))
}

fn bool_to_string<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Bool(b)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::String(if *b { "true" } else { "false" }))
}

fn int_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Int(i)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::String(runtime.format(format_args!("{i}"))?))
}

fn uint_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Uint(u)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::String(runtime.format(format_args!("{u}"))?))
}

fn double_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Double(d)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::String(runtime.format(format_args!("{}", ShortestDouble(*d)))?))
}

fn timestamp_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Timestamp(timestamp)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::String(runtime.format(format_args!("{timestamp}"))?))
}

fn duration_to_string<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Duration(nanos)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge(2)?;
    // Sign, ten digits of seconds, the point, nine digits and the unit: never more.
    runtime.budget.charge_bytes(DURATION_BYTES)?;
    let mut text = BumpString::with_capacity_in(DURATION_BYTES, runtime.arena);
    match format_duration(*nanos, &mut text) {
        Ok(()) => Ok(Value::String(text.into_bump_str())),
        Err(_) => Err(crate::budget::Fault::Internal("a duration that does not print").into()),
    }
}

/// Room for a duration's text.
const DURATION_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, unary};

    #[test]
    fn a_duration_of_very_many_terms_is_charged_for_each() {
        let text = "0s".repeat(1_000_000);
        let answer = unary(string_to_duration, Value::String(&text));
        assert_eq!(answer, format!("fault {}", crate::budget::Fault::Steps));
    }

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    #[test]
    fn texts_that_do_not_convert_name_both_types() {
        assert_eq!(
            unary(string_to_bool, Value::String("yes")),
            "error type conversion error from 'string' to 'bool'"
        );
        assert_eq!(
            unary(string_to_int, Value::String("a")),
            "error type conversion error from 'string' to 'int'"
        );
        assert_eq!(
            unary(string_to_uint, Value::String("+1")),
            "error type conversion error from 'string' to 'uint'"
        );
        assert_eq!(
            unary(string_to_double, Value::String("")),
            "error type conversion error from 'string' to 'double'"
        );
        assert_eq!(
            unary(string_to_duration, Value::String("zz")),
            "error type conversion error from 'string' to 'google.protobuf.Duration'"
        );
    }

    #[test]
    fn underscores_are_left_out_where_they_separate_digits() {
        assert_eq!(unary(string_to_double, Value::String("1_000.5")), "double 1000.5");
        assert_eq!(unary(string_to_double, Value::String("0x1_0p4")), "double 256");
        for text in ["_1", "1_", "0_x1p4", "1__0"] {
            let answer = unary(string_to_double, Value::String(text));
            assert_eq!(answer, "error type conversion error from 'string' to 'double'", "{text}");
        }
    }

    #[test]
    fn the_three_ways_to_miss_a_timestamp_read_differently() {
        for (text, answer) in [
            ("x\n", "error invalid RFC 3339 timestamp \"x\\n\""),
            (
                "2024-02-30T00:00:00Z",
                "error type conversion error from 'string' to 'google.protobuf.Timestamp'",
            ),
            ("0000-01-01T00:00:00Z", "error timestamp overflow"),
        ] {
            assert_eq!(unary(string_to_timestamp, Value::String(text)), answer);
        }
        assert_eq!(unary(int_to_timestamp, Value::Int(253_402_300_800)), "error timestamp overflow");
        assert_eq!(
            unary(int_to_timestamp, Value::Int(-62_135_596_800)),
            "google.protobuf.Timestamp 0001-01-01T00:00:00Z"
        );
    }

    #[test]
    fn numbers_that_do_not_fit_overflow() {
        for d in [f64::NAN, f64::INFINITY, 1e300, i64::MIN as f64, i64::MAX as f64] {
            assert_eq!(unary(double_to_int, Value::Double(d)), "error integer overflow", "{d}");
        }
        assert_eq!(
            unary(double_to_int, Value::Double(-9_223_372_036_854_774_784.0)),
            "int -9223372036854774784"
        );
        for d in [f64::NAN, -0.5, u64::MAX as f64] {
            assert_eq!(unary(double_to_uint, Value::Double(d)), "error unsigned integer overflow", "{d}");
        }
        assert_eq!(unary(double_to_uint, Value::Double(-0.0)), "uint 0");
        assert_eq!(unary(uint_to_int, Value::Uint(u64::MAX)), "error integer overflow");
        assert_eq!(unary(int_to_uint, Value::Int(-1)), "error unsigned integer overflow");
    }

    #[test]
    fn values_print_as_in_cel_go() {
        assert_eq!(unary(double_to_string, Value::Double(123_456_789_012.0)), "string 1.23456789012e+11");
        assert_eq!(unary(double_to_string, Value::Double(-0.0)), "string -0");
        assert_eq!(unary(duration_to_string, Value::Duration(i64::MAX)), "string 9223372036.854776s");
        assert_eq!(unary(duration_to_string, Value::Duration(-1)), "string -0.000000001s");
        assert_eq!(
            unary(bytes_to_string, Value::Bytes(b"\xff")),
            "error invalid UTF-8 in bytes, cannot convert to string"
        );
    }
}
