//! `string.format` as cel-go's `ext/formatting.go` has it, for environments with an older version of the strings library:
//! numbers in the English of golang.org/x/text, and the elements of lists and maps as CEL would write them.

use super::{
    Clause, DEFAULT_PRECISION, DurationText, LONGEST_DOUBLE, MAX_DEPTH, Rules, print_digits, print_map,
    wrong_type,
};
use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::object_type;
use crate::library::runtime::{Runtime, TextBuilder};
use crate::value::{GoQuoted, ShortestDouble, Value};

/// The largest precision and width; beyond, x/text prints what is wrong with the format.
const WIDEST: usize = 1_000_000;

/// No double has more digits after the point.
const MOST_DIGITS: usize = 1_100;

const NOT_TEXT: &str = "error during formatting: could not convert argument \"invalid UTF-8 in bytes, cannot convert to string\" to string";

const NO_TYPE_TEXT: &str = "error during formatting: could not convert argument \"type conversion error from 'type' to 'string'\" to string";

/// Appends `value` as `clause` prints it.
pub(super) fn print<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    clause: Clause,
    value: &Value<'a>,
) -> Result<(), Raise<'a>> {
    match (clause, value) {
        (Clause::String, _) => plain(rt, out, value, 0),
        (Clause::Decimal, Value::Int(_) | Value::Uint(_)) => plain(rt, out, value, 0),
        (Clause::Fixed(precision), _) => match number(value) {
            Some(number) => fixed(rt, out, number, precision),
            None => Err(wrong_type(rt, clause, value, Rules::Older)),
        },
        (Clause::Scientific(width), _) => match number(value) {
            Some(number) => scientific(rt, out, number, width),
            None => Err(wrong_type(rt, clause, value, Rules::Older)),
        },
        _ => print_digits(rt, out, clause, value, Rules::Older),
    }
}

/// The number that `%f` and `%e` print: a double, or a text that names what is no number.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(double) => Some(*double),
        Value::String("NaN") => Some(f64::NAN),
        Value::String("Infinity") => Some(f64::INFINITY),
        Value::String("-Infinity") => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn not_finite(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "∞",
        f64::NEG_INFINITY => "-∞",
        _ => "NaN",
    }
}

/// Digits in groups of three.
fn fixed<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    number: f64,
    precision: usize,
) -> Result<(), Raise<'a>> {
    if precision > WIDEST {
        return Err(Fault::Memory.into());
    }
    if !number.is_finite() {
        return out.push(rt, not_finite(number));
    }
    // x/text keeps the precision twice: rounded to 16 bits with a sign, and filled with zeros to 8 bits.
    let (least, most) = (precision & 0xff, precision & 0xffff);
    if most > 0x7fff {
        return Err(Fault::Memory.into());
    }
    rt.charge_scan(LONGEST_DOUBLE.saturating_add(MOST_DIGITS))?;
    // A zero has no sign; a number that is rounded to zero keeps its.
    let number = if number == 0.0 { 0.0 } else { number };
    let most = most.min(MOST_DIGITS);
    let text = format!("{number:.most$}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    out.push(rt, sign)?;
    let (first, groups) = whole.split_at_checked(whole.len() % 3).unwrap_or_default();
    out.push(rt, first)?;
    for at in (0..groups.len()).step_by(3) {
        if at > 0 || !first.is_empty() {
            out.push(rt, ",")?;
        }
        out.push(rt, groups.get(at..at.saturating_add(3)).unwrap_or_default())?;
    }
    let needed = fraction.trim_end_matches('0').len().max(least);
    if needed > 0 {
        out.push(rt, ".")?;
        out.push(rt, fraction.get(..needed).unwrap_or(fraction))?;
    }
    Ok(())
}

/// Always six digits after the point; what is written as the precision is the width.
fn scientific<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    number: f64,
    width: usize,
) -> Result<(), Raise<'a>> {
    if width > WIDEST {
        return Err(Fault::Memory.into());
    }
    // x/text keeps it in 16 bits.
    let width = width & 0xffff;
    let text = if number.is_finite() {
        let number = if number == 0.0 { 0.0 } else { number };
        let text = format!("{number:.DEFAULT_PRECISION$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ("⁻", digits),
            None => ("", exponent),
        };
        let raised = |digit: char| match digit {
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            '9' => '⁹',
            _ => '⁰',
        };
        let exponent: String = format!("{digits:0>2}").chars().map(raised).collect();
        format!("{mantissa}×10{sign}{exponent}")
    } else {
        not_finite(number).to_owned()
    };
    out.push_fmt(rt, text.len().saturating_add(width), format_args!("{text:>width$}"))
}

/// Appends `value` as `%s` prints it.
fn plain<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    value: &Value<'a>,
    depth: u32,
) -> Result<(), Raise<'a>> {
    match value {
        Value::Null => out.push(rt, "null"),
        Value::Bool(bool) => out.push(rt, if *bool { "true" } else { "false" }),
        Value::Int(int) => out.push_fmt(rt, 20, format_args!("{int}")),
        Value::Uint(uint) => out.push_fmt(rt, 20, format_args!("{uint}")),
        Value::Double(double) => out.push_fmt(rt, 32, format_args!("{}", ShortestDouble(*double))),
        // The type of a struct of Go's does not become text.
        Value::Type(name) if object_type(name).is_some_and(|ty| !ty.message) => {
            Err(ErrorKind::Message(NO_TYPE_TEXT).into())
        }
        Value::String(text) | Value::Type(text) => out.push(rt, text),
        Value::Bytes(bytes) => {
            rt.charge_scan(bytes.len())?;
            match std::str::from_utf8(bytes) {
                Ok(text) => out.push(rt, text),
                Err(_) => Err(ErrorKind::Message(NOT_TEXT).into()),
            }
        }
        Value::Duration(nanos) => out.push_fmt(rt, 32, format_args!("{}", DurationText(*nanos))),
        Value::Timestamp(time) => out.push_fmt(rt, 48, format_args!("{time}")),
        Value::List(list) => {
            out.push(rt, "[")?;
            for (at, element) in list.iter().enumerate() {
                if at > 0 {
                    out.push(rt, ", ")?;
                }
                literal(rt, out, element, depth)?;
            }
            out.push(rt, "]")
        }
        Value::Map(map) => {
            let written = |rt: &mut Runtime<'a>, key: &Value<'a>| written_key(rt, key, depth);
            print_map(rt, out, map.entries(), ":", written, |rt, out, value| {
                literal(rt, out, value, depth.saturating_add(1))
            })
        }
        Value::Optional(_) | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Extension(_) => {
            Err(wrong_type(rt, Clause::String, value, Rules::Older))
        }
    }
}

/// Appends `value` as it stands in a list or a map: as CEL would write it.
fn literal<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    value: &Value<'a>,
    depth: u32,
) -> Result<(), Raise<'a>> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    let quoted = |rt: &mut Runtime<'a>, out: &mut TextBuilder<'a>, text: &str| {
        let longest = text.len().saturating_mul(4).saturating_add(2);
        out.push_fmt(rt, longest, format_args!("{}", GoQuoted(text)))
    };
    match value {
        Value::String(text) => quoted(rt, out, text),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.push(rt, "b")?;
                quoted(rt, out, text)
            }
            Err(_) => Err(ErrorKind::Message(NOT_TEXT).into()),
        },
        Value::Double(double) if double.is_finite() => {
            out.push_fmt(rt, LONGEST_DOUBLE, format_args!("{double:.DEFAULT_PRECISION$}"))
        }
        Value::Double(double) => out.push_fmt(rt, 6, format_args!("\"{}\"", ShortestDouble(*double))),
        Value::Timestamp(time) => out.push_fmt(rt, 64, format_args!("timestamp(\"{time}\")")),
        Value::Duration(nanos) => {
            out.push_fmt(rt, 48, format_args!("duration(\"{}\")", DurationText(*nanos)))
        }
        Value::Optional(_) | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Extension(_) => {
            let name = value.type_name();
            Err(rt.error(format_args!("error during formatting: no formatting function for {name}")))
        }
        other => plain(rt, out, other, depth.saturating_add(1)),
    }
}

/// A key of a map as CEL would write it.
fn written_key<'a>(rt: &mut Runtime<'a>, key: &Value<'a>, depth: u32) -> Result<&'a str, Raise<'a>> {
    if !matches!(key, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_)) {
        let name = key.type_name();
        let text = format_args!("error during formatting: no formatting function for map key of type {name}");
        return Err(rt.error(text));
    }
    let mut text = TextBuilder::new(rt);
    literal(rt, &mut text, key, depth)?;
    Ok(text.finish())
}
