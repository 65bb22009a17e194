//! `string.format` as cel-go's `ext/formatting_v2.go` has it: the body, and the check of literal formats. The submodule
//! `older` prints as `ext/formatting.go` does.
//!
//! Knows values, static types and the budget; the check is told about a call's arguments by the checker, in a
//! small tree of its own, so that nothing here knows the syntax tree.

use std::fmt;

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::table::{Implementation::Own, Library, Row};
use crate::types::{Kind, Type};
use crate::value::{PlainDouble, Timestamp, Value, format_duration, i64_as_f64, u64_as_f64};

mod older;

/// Which version's rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Those of the strings library before version 4.
    Older,
    /// Those since.
    Newer,
}

/// The row of the strings library before version 4.
pub static OLDER: Library = Library {
    name: "cel.lib.ext.strings",
    version: 2,
    types: &[],
    rows: &[Row {
        id: "string_format",
        signature: "string.format(list(dyn)) -> string",
        implementation: Own(format_older),
        doc: "The text with its clauses (%s %d %f %e %b %o %x %X) replaced by the list's values, formatted.",
        examples: &["'%s is %d'.format(['one', 1]) == 'one is 1'", "'%.2f'.format([1234.5]) == '1,234.50'"],
        since: 1,
        total: false,
        json: false,
    }],
};

/// The precision of `%f` and `%e` without one.
const DEFAULT_PRECISION: usize = 6;

/// The largest precision that version 5 of the library takes.
const MAX_PRECISION: i64 = 100;

/// The longest text of a double without exponent: 309 digits, sign and point; or 324 zeros and 17 digits after it.
const LONGEST_DOUBLE: usize = 350;

/// How deep nested lists and maps are printed.
const MAX_DEPTH: u32 = 250;

/// One formatting clause, after the `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    String,
    Decimal,
    Fixed(usize),
    Scientific(usize),
    Binary,
    Octal,
    Hex { upper: bool },
}

impl Clause {
    /// What cel-go says about an argument of the wrong type; the type's name follows.
    fn complaint(self, rules: Rules) -> &'static str {
        if rules == Rules::Older {
            match self {
                Clause::String => {}
                Clause::Decimal => return "decimal clause can only be used on integers, was given ",
                Clause::Fixed(_) => return "fixed-point clause can only be used on doubles, was given ",
                Clause::Scientific(_) => return "scientific clause can only be used on doubles, was given ",
                Clause::Binary => return "only integers and bools can be formatted as binary, was given ",
                Clause::Octal => return "octal clause can only be used on integers, was given ",
                Clause::Hex { .. } => {
                    return "only integers, byte buffers, and strings can be formatted as hex, was given ";
                }
            }
        }
        match self {
            Clause::String => {
                "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, \
                 durations, and timestamps, was given "
            }
            Clause::Decimal => "decimal clause can only be used on ints, uints, and doubles, was given ",
            Clause::Fixed(_) => "fixed-point clause can only be used on ints, uints, and doubles, was given ",
            Clause::Scientific(_) => {
                "scientific clause can only be used on ints, uints, and doubles, was given "
            }
            Clause::Binary => "only ints, uints, and bools can be formatted as binary, was given ",
            Clause::Octal => "octal clause can only be used on ints and uints, was given ",
            Clause::Hex { .. } => "only ints, uints, bytes, and strings can be formatted as hex, was given ",
        }
    }

    /// True if the clause takes arguments of a static type of this kind.
    fn takes(self, kind: Kind, rules: Rules) -> bool {
        match self {
            Clause::Decimal if rules == Rules::Older => matches!(kind, Kind::Int | Kind::Uint),
            // Some texts are numbers.
            Clause::Fixed(_) | Clause::Scientific(_) if rules == Rules::Older => {
                matches!(kind, Kind::Double | Kind::String)
            }
            Clause::String => matches!(
                kind,
                Kind::List
                    | Kind::Map
                    | Kind::Int
                    | Kind::Uint
                    | Kind::Double
                    | Kind::Bool
                    | Kind::String
                    | Kind::Timestamp
                    | Kind::Bytes
                    | Kind::Duration
                    | Kind::Type
                    | Kind::Null
            ),
            Clause::Decimal | Clause::Fixed(_) | Clause::Scientific(_) => {
                matches!(kind, Kind::Int | Kind::Uint | Kind::Double)
            }
            Clause::Binary => matches!(kind, Kind::Bool | Kind::Int | Kind::Uint),
            Clause::Octal => matches!(kind, Kind::Int | Kind::Uint),
            Clause::Hex { .. } => matches!(kind, Kind::Int | Kind::Uint | Kind::String | Kind::Bytes),
        }
    }
}

/// Why a clause does not read.
#[derive(Clone, Copy, Debug)]
enum ClauseError<'f> {
    EndlessPrecision,
    NoPrecision,
    HugePrecision(&'f str),
    TooPrecise(i64),
    Unrecognized(char),
}

impl fmt::Display for ClauseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("could not parse formatting clause: ")?;
        let conversion =
            "error while parsing precision: error while converting precision to integer: strconv.Atoi";
        match self {
            ClauseError::EndlessPrecision => {
                f.write_str("error while parsing precision: could not find end of precision specifier")
            }
            ClauseError::NoPrecision => write!(f, "{conversion}: parsing \"\": invalid syntax"),
            ClauseError::HugePrecision(digits) => {
                write!(f, "{conversion}: parsing \"{digits}\": value out of range")
            }
            ClauseError::TooPrecise(precision) => write!(
                f,
                "error while parsing precision: precision {precision} exceeds maximum allowed precision {MAX_PRECISION}"
            ),
            // cel-go looks at one byte, not at one character.
            ClauseError::Unrecognized(byte) => write!(f, "unrecognized formatting clause \"{byte}\""),
        }
    }
}

/// Reads a clause at the start of `text`, which follows a `%` and is not empty; gives what comes after it.
fn parse_clause(text: &str, rules: Rules) -> Result<(Clause, &str), ClauseError<'_>> {
    let (precision, text) = match text.strip_prefix('.') {
        None => (DEFAULT_PRECISION, text),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(ClauseError::EndlessPrecision)?;
            let (digits, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if digits.is_empty() {
                return Err(ClauseError::NoPrecision);
            }
            let precision: i64 = digits.parse().map_err(|_| ClauseError::HugePrecision(digits))?;
            if precision > MAX_PRECISION && rules == Rules::Newer {
                return Err(ClauseError::TooPrecise(precision));
            }
            (usize::try_from(precision).unwrap_or(DEFAULT_PRECISION), rest)
        }
    };
    let first = text.bytes().next().unwrap_or_default();
    let clause = match first {
        b's' => Clause::String,
        b'd' => Clause::Decimal,
        b'f' => Clause::Fixed(precision),
        b'e' => Clause::Scientific(precision),
        b'b' => Clause::Binary,
        b'o' => Clause::Octal,
        b'x' => Clause::Hex { upper: false },
        b'X' => Clause::Hex { upper: true },
        other => return Err(ClauseError::Unrecognized(char::from(other))),
    };
    Ok((clause, text.get(1..).unwrap_or_default()))
}

/// The body of `string.format(list)`.
pub(super) fn format<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    format_as(rt, args, Rules::Newer)
}

/// The same of the strings library before version 4.
fn format_older<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    format_as(rt, args, Rules::Older)
}

fn format_as<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>], rules: Rules) -> Answer<'a> {
    let [Value::String(format), Value::List(arguments)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    let mut out = TextBuilder::new(rt);
    let mut rest = format;
    let count = arguments.len();
    let mut arguments = arguments.iter();
    while let Some((literal, after)) = rest.split_once('%') {
        out.push(rt, literal)?;
        if let Some(after) = after.strip_prefix('%') {
            out.push(rt, "%")?;
            rest = after;
            continue;
        }
        let Some(argument) = arguments.next() else {
            return Err(rt.error(format_args!("index {count} out of range")));
        };
        if after.is_empty() {
            return Err(ErrorKind::Message("unexpected end of string").into());
        }
        let (clause, after) = match parse_clause(after, rules) {
            Ok(parsed) => parsed,
            Err(error) => return Err(rt.error(format_args!("{error}"))),
        };
        match rules {
            Rules::Newer => print(rt, &mut out, clause, argument)?,
            Rules::Older => older::print(rt, &mut out, clause, argument)?,
        }
        rest = after;
    }
    out.push(rt, rest)?;
    Ok(Value::String(out.finish()))
}

fn wrong_type<'a>(rt: &mut Runtime<'a>, clause: Clause, value: &Value<'a>, rules: Rules) -> Raise<'a> {
    rt.error(format_args!("error during formatting: {}{}", clause.complaint(rules), value.type_name()))
}

/// Appends `value` as `clause` prints it.
fn print<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    clause: Clause,
    value: &Value<'a>,
) -> Result<(), Raise<'a>> {
    match (clause, value) {
        (Clause::String, _) => print_string(rt, out, value, 0),
        (Clause::Decimal, Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            print_string(rt, out, value, 0)
        }
        (Clause::Fixed(_) | Clause::Scientific(_), Value::Double(d)) if !d.is_finite() => {
            print_string(rt, out, value, 0)
        }
        (Clause::Fixed(precision), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            let longest = LONGEST_DOUBLE.saturating_add(precision);
            out.push_fmt(rt, longest, format_args!("{:.*}", precision, as_double(value)))
        }
        (Clause::Scientific(precision), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            let number = Scientific { value: as_double(value), precision };
            out.push_fmt(rt, precision.saturating_add(16), format_args!("{number}"))
        }
        _ => print_digits(rt, out, clause, value, Rules::Newer),
    }
}

/// Appends `value` as `%b`, `%o` and `%x` print it, which both rules have alike; of any other clause it is the wrong type.
fn print_digits<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    clause: Clause,
    value: &Value<'a>,
    rules: Rules,
) -> Result<(), Raise<'a>> {
    match (clause, value) {
        (Clause::Binary, Value::Bool(b)) => out.push(rt, if *b { "1" } else { "0" }),
        (Clause::Binary | Clause::Octal | Clause::Hex { .. }, Value::Int(i)) => {
            if *i < 0 {
                out.push(rt, "-")?;
            }
            print_radix(rt, out, clause, i.unsigned_abs())
        }
        (Clause::Binary | Clause::Octal | Clause::Hex { .. }, Value::Uint(u)) => {
            print_radix(rt, out, clause, *u)
        }
        (Clause::Hex { upper }, Value::String(text)) => print_hex(rt, out, upper, text.as_bytes()),
        (Clause::Hex { upper }, Value::Bytes(bytes)) => print_hex(rt, out, upper, bytes),
        _ => Err(wrong_type(rt, clause, value, rules)),
    }
}

fn as_double(value: &Value<'_>) -> f64 {
    match value {
        Value::Int(i) => i64_as_f64(*i),
        Value::Uint(u) => u64_as_f64(*u),
        Value::Double(d) => *d,
        _ => f64::NAN,
    }
}

/// Go's `%e`: an exponent with a sign and at least two digits.
struct Scientific {
    value: f64,
    precision: usize,
}

impl fmt::Display for Scientific {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.*e}", self.precision, self.value);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        write!(f, "{mantissa}e{sign}{digits:0>2}")
    }
}

fn print_radix<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    clause: Clause,
    number: u64,
) -> Result<(), Raise<'a>> {
    match clause {
        Clause::Binary => out.push_fmt(rt, 64, format_args!("{number:b}")),
        Clause::Octal => out.push_fmt(rt, 22, format_args!("{number:o}")),
        Clause::Hex { upper: true } => out.push_fmt(rt, 16, format_args!("{number:X}")),
        _ => out.push_fmt(rt, 16, format_args!("{number:x}")),
    }
}

fn print_hex<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    upper: bool,
    bytes: &[u8],
) -> Result<(), Raise<'a>> {
    rt.charge(bytes.len())?;
    for byte in bytes {
        if upper {
            out.push_fmt(rt, 2, format_args!("{byte:02X}"))?;
        } else {
            out.push_fmt(rt, 2, format_args!("{byte:02x}"))?;
        }
    }
    Ok(())
}

/// Appends `value` as `%s` prints it: texts without quotes, doubles without exponent.
pub(super) fn print_string<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    value: &Value<'a>,
    depth: u32,
) -> Result<(), Raise<'a>> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    match value {
        Value::Null => out.push(rt, "null"),
        Value::Bool(b) => out.push(rt, if *b { "true" } else { "false" }),
        Value::Int(i) => out.push_fmt(rt, 20, format_args!("{i}")),
        Value::Uint(u) => out.push_fmt(rt, 20, format_args!("{u}")),
        Value::Double(d) if d.is_nan() => out.push(rt, "NaN"),
        Value::Double(d) if d.is_infinite() => out.push(rt, if *d > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Double(d) => {
            let longest = if (1e-9..1e20).contains(&d.abs()) { 32 } else { LONGEST_DOUBLE };
            out.push_fmt(rt, longest, format_args!("{}", PlainDouble(*d)))
        }
        Value::String(text) | Value::Type(text) => out.push(rt, text),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => out.push(rt, text),
            // Go appends the raw bytes and gives a string that is not UTF-8, which we cannot represent.
            Err(_) => Err(Fault::NotUtf8.into()),
        },
        Value::Duration(nanos) => out.push_fmt(rt, 32, format_args!("{}", DurationText(*nanos))),
        Value::Timestamp(time) => out.push_fmt(rt, 48, format_args!("{}", Timestamp { offset: 0, ..*time })),
        Value::List(elements) => {
            out.push(rt, "[")?;
            for (i, element) in elements.iter().enumerate() {
                if i > 0 {
                    out.push(rt, ", ")?;
                }
                print_string(rt, out, element, depth.saturating_add(1))?;
            }
            out.push(rt, "]")
        }
        Value::Map(map) => {
            let deeper = depth.saturating_add(1);
            let written = |rt: &mut Runtime<'a>, key: &Value<'a>| match key {
                Value::String(text) => Ok(*text),
                other => {
                    let mut text = TextBuilder::new(rt);
                    print_string(rt, &mut text, other, deeper)?;
                    Ok(text.finish())
                }
            };
            print_map(rt, out, map.entries(), ": ", written, |rt, out, value| {
                print_string(rt, out, value, deeper)
            })
        }
        Value::Optional(_) | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Extension(_) => {
            Err(wrong_type(rt, Clause::String, value, Rules::Newer))
        }
    }
}

struct DurationText(i64);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_duration(self.0, f)
    }
}

/// Appends a map's entries in the order of their formatted keys: `written` is the text of a key, `print` appends a value.
fn print_map<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    entries: &[(Value<'a>, Value<'a>)],
    colon: &str,
    written: impl Fn(&mut Runtime<'a>, &Value<'a>) -> Result<&'a str, Raise<'a>>,
    print: impl Fn(&mut Runtime<'a>, &mut TextBuilder<'a>, &Value<'a>) -> Result<(), Raise<'a>>,
) -> Result<(), Raise<'a>> {
    rt.charge(entries.len().saturating_mul(2))?;
    rt.budget.charge_bytes(entries.len().saturating_mul(size_of::<(&str, Value<'_>)>()))?;
    let mut printed: BumpVec<'a, (&'a str, Value<'a>)> = BumpVec::with_capacity_in(entries.len(), rt.arena);
    for (key, value) in entries {
        printed.push((written(rt, key)?, *value));
    }
    // A map of strings is in this order already.
    if !printed.is_sorted_by_key(|(key, _)| *key) {
        printed.sort_by_key(|(key, _)| *key);
    }
    out.push(rt, "{")?;
    for (at, (key, value)) in printed.iter().enumerate() {
        if at > 0 {
            out.push(rt, ", ")?;
        }
        out.push(rt, key)?;
        out.push(rt, colon)?;
        print(rt, out, value)?;
    }
    out.push(rt, "}")
}

/// What the check of a literal format needs to know of one argument.
#[derive(Clone, Debug)]
pub struct FormatArgument<'t> {
    /// The caller's number for the argument's node; given back with a mistake.
    pub node: u32,
    /// The argument's static type.
    pub ty: &'t Type,
    /// For a list literal its elements, for a map literal each key and value in turn; else empty.
    pub parts: Vec<FormatArgument<'t>>,
}

/// Why a literal format and its literal list of arguments do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatMistake {
    /// The node at fault, or `None` for the call itself.
    pub node: Option<u32>,
    /// cel-go's text.
    pub text: String,
}

/// Checks a call of `format` whose receiver is a string literal and whose argument is a list literal, as cel-go's
/// `stringFormatValidatorV2` does when an environment compiles an expression.
///
/// # Errors
/// The first clause that does not read or does not fit its argument, or arguments without a clause.
pub fn check_format(
    format: &str,
    arguments: &[FormatArgument<'_>],
    rules: Rules,
) -> Result<(), FormatMistake> {
    let call = |text: String| FormatMistake { node: None, text };
    let mut rest = format;
    let mut seen = 0_usize;
    while let Some((_, after)) = rest.split_once('%') {
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        if after.is_empty() {
            return Err(call("unexpected end of string".to_owned()));
        }
        let argument = arguments.get(seen).ok_or_else(|| call(format!("index {seen} out of range")))?;
        let (clause, after) = parse_clause(after, rules).map_err(|error| call(error.to_string()))?;
        if let Err(culprit) = fits(clause, argument, rules) {
            let text =
                format!("error during formatting: {}{}", clause.complaint(rules), culprit.ty.runtime_name());
            return Err(FormatMistake { node: Some(culprit.node), text });
        }
        seen = seen.saturating_add(1);
        rest = after;
    }
    if arguments.len() > seen {
        return Err(call(format!(
            "too many arguments supplied to string.format (expected {seen}, got {})",
            arguments.len()
        )));
    }
    Ok(())
}

/// `Err` with the argument, or the part of it, that the clause cannot take.
fn fits<'x, 't>(
    clause: Clause,
    argument: &'x FormatArgument<'t>,
    rules: Rules,
) -> Result<(), &'x FormatArgument<'t>> {
    if *argument.ty != Type::Dyn && !clause.takes(argument.ty.kind(), rules) {
        return Err(argument);
    }
    match clause {
        Clause::String => argument.parts.iter().try_for_each(|part| fits(clause, part, rules)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
