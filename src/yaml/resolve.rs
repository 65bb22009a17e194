//! What a scalar without quotes means: YAML 1.1 with Go's numbers, as `resolve.go` of go-yaml v2.4.4 has it, and
//! then what is left of it after the way through JSON; or what go-yaml v3.0.4 gives without that way.

use super::Value;
use crate::time;

/// Which reader of Kyverno's a text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// go-yaml v2, and then JSON: policies and most else.
    Json,
    /// go-yaml v3: payloads of mode JSON.
    Plain,
}

/// The tag of a scalar, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// None: the text decides.
    None,
    /// `!!str`
    Str,
    /// `!!bool`
    Bool,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!null`
    Null,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`
    Binary,
    /// Any other: the value is text.
    Other,
}

impl Tag {
    /// The tag with this suffix in YAML's own namespace.
    pub(super) fn core(suffix: &str) -> Tag {
        match suffix {
            "str" => Tag::Str,
            "bool" => Tag::Bool,
            "int" => Tag::Int,
            "float" => Tag::Float,
            "null" => Tag::Null,
            "timestamp" => Tag::Timestamp,
            "binary" => Tag::Binary,
            _ => Tag::Other,
        }
    }
}

/// The meaning of a scalar; none when the text is not of the type that the tag names.
pub(super) fn resolve(reader: Reader, tag: Tag, text: &str) -> Option<Value> {
    if matches!(tag, Tag::Str | Tag::Other | Tag::Binary) {
        return Some(Value::Text);
    }
    // The other reader leaves times what they are: text.
    let timely = reader == Reader::Plain && matches!(tag, Tag::None | Tag::Timestamp);
    if let Some(time) = time::parse_yaml(text).filter(|_| timely) {
        return Some(Value::Time(time));
    }
    let value = untagged(reader, text);
    let fits = match (tag, value) {
        (Tag::None, _) => true,
        (Tag::Bool, Value::Bool(_)) | (Tag::Null, Value::Null) => true,
        (Tag::Int, Value::Integer(_) | Value::Unsigned(_)) => true,
        (Tag::Float, Value::Integer(_) | Value::Float(_)) => true,
        (Tag::Float, Value::Unsigned(_)) => reader == Reader::Json,
        (Tag::Timestamp, Value::Text) => reader == Reader::Json && is_timestamp(text),
        _ => false,
    };
    fits.then_some(match (reader, tag, value) {
        (Reader::Json, _, value) => through_json(value),
        (Reader::Plain, Tag::Float, Value::Integer(number)) => Value::Float(double(&number.to_string())?),
        (Reader::Plain, _, value) => value,
    })
}

/// A number without a fraction is written to JSON without one, and read back as a whole number, if 64 bits with a sign hold
/// it.
fn through_json(value: Value) -> Value {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Float(number) if number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number) => {
            format!("{number:.0}").parse().map_or(value, Value::Integer)
        }
        Value::Unsigned(number) => double(&number.to_string()).map_or(value, Value::Float),
        _ => value,
    }
}

fn double(plain: &str) -> Option<f64> {
    plain.parse().ok()
}

fn untagged(reader: Reader, text: &str) -> Value {
    match text {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if reader == Reader::Json => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if reader == Reader::Json => {
            return Value::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.bytes().next() {
        Some(b'.') => point_float(text).map_or(Value::Text, Value::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(reader, &text.replace('_', "")),
        _ => Value::Text,
    }
}

/// A number of which the underscores are already removed.
fn number(reader: Reader, plain: &str) -> Value {
    if let Some(number) = signed(plain) {
        return Value::Integer(number);
    }
    if let Some(number) = unsigned(plain) {
        return Value::Unsigned(number);
    }
    if is_yaml_float(plain) {
        // A number beyond the range of a double stays text.
        if let Some(number) = double(plain).filter(|number| number.is_finite()) {
            return Value::Float(number);
        }
    }
    // go-yaml tries once more after the prefix, so that a sign can follow it.
    let after_prefix = |prefix, radix| i64::from_str_radix(plain.strip_prefix(prefix)?, radix).ok();
    let found = after_prefix("0b", 2).or_else(|| after_prefix("0o", 8).filter(|_| reader == Reader::Plain));
    found.map_or(Value::Text, Value::Integer)
}

/// Go's `ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading zero for octal.
fn signed(plain: &str) -> Option<i64> {
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.strip_prefix('+').unwrap_or(plain)),
    };
    let (radix, digits) = radix(digits)?;
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// Go's `ParseUint` with base 0, for what does not fit into a signed number.
fn unsigned(plain: &str) -> Option<u64> {
    let (radix, digits) = radix(plain)?;
    u64::from_str_radix(digits, radix).ok()
}

fn radix(digits: &str) -> Option<(u32, &str)> {
    let prefixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)];
    let prefixed = prefixes.iter().find_map(|(prefix, radix)| Some((*radix, digits.strip_prefix(prefix)?)));
    let (radix, digits) = match (prefixed, digits.strip_prefix('0')) {
        (Some(found), _) => found,
        (None, Some(octal)) if !octal.is_empty() => (8, octal),
        _ => (10, digits),
    };
    // Rust's parser takes a sign here, Go's does not.
    digits.bytes().next().filter(u8::is_ascii_alphanumeric).map(|_| (radix, digits))
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = if whole.is_empty() { !fraction.is_empty() } else { true };
    let exponent_fits = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    mantissa_fits && digits(whole) && digits(fraction) && exponent_fits
}

/// Go's `ParseFloat` for text that starts with a point: an underscore may stand between two digits.
fn point_float(text: &str) -> Option<f64> {
    let mut before = '.';
    for character in text.chars().chain(['.']) {
        let after_digit = before.is_ascii_digit();
        if character == '_' && !after_digit || before == '_' && !character.is_ascii_digit() {
            return None;
        }
        before = character;
    }
    let plain = text.replace('_', "");
    is_yaml_float(&plain).then_some(())?;
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Year, month and day, and whatever follows after `T`, `t` or a blank: enough to accept a text as a date.
fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let mut parts = date.split('-');
    let mut part = |lengths: &[usize]| {
        parts
            .next()
            .is_some_and(|part| lengths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    };
    part(&[4]) && part(&[1, 2]) && part(&[1, 2]) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_go_yaml_takes_them_for() {
        let text = Value::Text;
        let cases = [
            ("y", Value::Bool(true)),
            ("NO", Value::Bool(false)),
            ("On", Value::Bool(true)),
            ("oN", text),
            ("nO", text),
            ("~", Value::Null),
            ("", Value::Null),
            ("NULL", Value::Null),
            ("nUll", text),
            ("010", Value::Integer(8)),
            ("08", Value::Integer(8)),
            ("0o7", Value::Integer(7)),
            ("0x_1F", Value::Integer(31)),
            ("0b-1", Value::Integer(-1)),
            ("-0b11", Value::Integer(-3)),
            ("1_000", Value::Integer(1000)),
            ("1e3", Value::Integer(1000)),
            ("1.0", Value::Integer(1)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            (".1_5", Value::Float(0.15)),
            ("._5", text),
            ("5.", Value::Integer(5)),
            ("+12", Value::Integer(12)),
            ("+-1", text),
            ("0x", text),
            ("0x+1", text),
            ("1e999", text),
            ("-", text),
            (".", text),
            ("...x", text),
            ("18446744073709551615", Value::Float(18446744073709551615.0)),
            ("9223372036854775807", Value::Integer(i64::MAX)),
            ("2001-01-01", text),
            ("12:30:45", text),
            ("_1", text),
            ("1__", Value::Integer(1)),
            ("<<", text),
            ("0.1.2", text),
            ("1e", text),
        ];
        for (input, expected) in cases {
            assert_eq!(resolve(Reader::Json, Tag::None, input), Some(expected), "{input}");
        }
        assert_eq!(resolve(Reader::Json, Tag::None, "-.INF"), Some(Value::Float(f64::NEG_INFINITY)));
    }

    #[test]
    fn without_the_way_through_json_numbers_and_times_stay_what_they_are() {
        let text = Value::Text;
        let at = |seconds| Value::Time(time::Time { seconds, nanos: 0, offset: 0 });
        for (tag, input, expected) in [
            (Tag::None, "yes", Some(text)),
            (Tag::None, "off", Some(text)),
            (Tag::None, "True", Some(Value::Bool(true))),
            (Tag::None, "3", Some(Value::Integer(3))),
            (Tag::None, "3.0", Some(Value::Float(3.0))),
            (Tag::None, "1e3", Some(Value::Float(1000.0))),
            (Tag::None, "010", Some(Value::Integer(8))),
            (Tag::None, "08", Some(Value::Float(8.0))),
            (Tag::None, "0o-7", Some(Value::Integer(-7))),
            (Tag::None, "9223372036854775808", Some(Value::Unsigned(1 << 63))),
            (Tag::None, "18446744073709551616", Some(Value::Float(18_446_744_073_709_551_616.0))),
            (Tag::None, "2024-02-29", Some(at(1_709_164_800))),
            (Tag::Timestamp, "2024-02-29", Some(at(1_709_164_800))),
            (Tag::Timestamp, "2024-02-30", None),
            (Tag::Str, "2024-02-29", Some(text)),
            (Tag::Float, "3", Some(Value::Float(3.0))),
            (Tag::Float, "9223372036854775808", None),
            (Tag::Int, "9223372036854775808", Some(Value::Unsigned(1 << 63))),
            (Tag::Int, "3.0", None),
            (Tag::Bool, "yes", None),
        ] {
            assert_eq!(resolve(Reader::Plain, tag, input), expected, "{input}");
        }
    }

    #[test]
    fn a_tag_must_fit_the_text() {
        assert_eq!(resolve(Reader::Json, Tag::Str, "1"), Some(Value::Text));
        assert_eq!(resolve(Reader::Json, Tag::Int, "3"), Some(Value::Integer(3)));
        assert_eq!(resolve(Reader::Json, Tag::Float, "3"), Some(Value::Integer(3)));
        assert_eq!(resolve(Reader::Json, Tag::Int, "x"), None);
        assert_eq!(resolve(Reader::Json, Tag::Int, "1.5"), None);
        assert_eq!(resolve(Reader::Json, Tag::Null, ""), Some(Value::Null));
        assert_eq!(resolve(Reader::Json, Tag::Bool, "1"), None);
        assert_eq!(resolve(Reader::Json, Tag::Timestamp, "2001-1-1"), Some(Value::Text));
        assert_eq!(resolve(Reader::Json, Tag::Timestamp, "x"), None);
    }
}
