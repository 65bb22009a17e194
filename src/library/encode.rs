//! Values as JSON, for whatever writes it: cel-go's way over protobuf's `Value` and Go's encoder.
//!
//! Keys are sorted, there are no blanks, `<`, `>` and `&` are escaped, integers beyond 2^53 are strings, and objects have the
//! names of their fields.

use std::fmt;

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::envoy_messages::{camel_case, enum_name, is_envoy};
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::to_go::failure;
use crate::value::base64::{self, Alphabet};
use crate::value::{FieldType, Map, MapBuilder, ObjectType, PlainDouble, Value, format_duration, scientific};

/// The largest integer that JSON numbers hold without loss.
pub(in crate::library) const MAX_SAFE: u64 = (1 << 53) - 1;

/// How deep nested values are encoded.
pub(in crate::library) const MAX_DEPTH: u32 = 250;

/// The value as JSON, and what is wrong with it if it has a number that JSON does not have.
///
/// # Errors
/// cel-go's text for what does not convert.
pub(in crate::library) fn encode<'a>(
    rt: &mut Runtime<'a>,
    value: &Value<'a>,
) -> Result<(&'a str, Option<&'static str>), Raise<'a>> {
    let mut encoder = Encoder { out: TextBuilder::new(rt), not_finite: None };
    encoder.value(rt, value, 0)?;
    Ok((encoder.out.finish(), encoder.not_finite))
}

struct Encoder<'a> {
    out: TextBuilder<'a>,
    not_finite: Option<&'static str>,
}

impl<'a> Encoder<'a> {
    fn value(&mut self, rt: &mut Runtime<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        if depth > MAX_DEPTH {
            return Err(Fault::Depth.into());
        }
        let deeper = depth.saturating_add(1);
        match value {
            Value::Null => self.out.push(rt, "null"),
            Value::Bool(b) => self.out.push(rt, if *b { "true" } else { "false" }),
            Value::Int(i) if i.unsigned_abs() <= MAX_SAFE => self.out.push_fmt(rt, 20, format_args!("{i}")),
            Value::Int(i) => self.out.push_fmt(rt, 22, format_args!("\"{i}\"")),
            Value::Uint(u) if *u <= MAX_SAFE => self.out.push_fmt(rt, 20, format_args!("{u}")),
            Value::Uint(u) => self.out.push_fmt(rt, 22, format_args!("\"{u}\"")),
            Value::Double(d) => self.double(rt, *d),
            Value::String(text) => push_json_string(rt, &mut self.out, text),
            Value::Bytes(bytes) => {
                self.out.push(rt, "\"")?;
                push_base64(rt, &mut self.out, bytes)?;
                self.out.push(rt, "\"")
            }
            Value::Duration(nanos) => self.out.push_fmt(rt, 32, format_args!("\"{}\"", DurationText(*nanos))),
            Value::Timestamp(time) => self.out.push_fmt(rt, 48, format_args!("\"{time}\"")),
            Value::List(elements) => {
                self.out.push(rt, "[")?;
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        self.out.push(rt, ",")?;
                    }
                    self.value(rt, element, deeper)?;
                }
                self.out.push(rt, "]")
            }
            Value::Map(map) => self.map(rt, map.entries(), deeper),
            Value::Optional(Some(inner)) => self.value(rt, inner, deeper),
            Value::Optional(None) => Err(ErrorKind::OptionalNoneDereference.into()),
            Value::Type(_) => Err(ErrorKind::Message("type conversion not supported for 'type'").into()),
            Value::Extension(_) => Err(failure(rt, value, "*structpb.Value")),
            Value::Object(_) | Value::Opaque(_) | Value::Keys(_) => {
                let fields = shown(rt, value)?;
                self.map(rt, fields.entries(), deeper)
            }
        }
    }

    fn double(&mut self, rt: &mut Runtime<'a>, d: f64) -> Result<(), Raise<'a>> {
        if d.is_finite() {
            return push_json_double(rt, &mut self.out, d);
        }
        let text = if d.is_nan() {
            "proto: google.protobuf.Value.number_value: invalid NaN value"
        } else if d > 0.0 {
            "proto: google.protobuf.Value.number_value: invalid +Inf value"
        } else {
            "proto: google.protobuf.Value.number_value: invalid -Inf value"
        };
        self.not_finite = self.not_finite.or(Some(text));
        Ok(())
    }

    fn map(
        &mut self,
        rt: &mut Runtime<'a>,
        entries: &[(Value<'a>, Value<'a>)],
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(rt, "{")?;
        // Entries with string keys are in the order of Go's encoder already.
        for (i, (key, value)) in entries.iter().enumerate() {
            let key = match key {
                Value::String(key) => key,
                other => return Err(no_key(rt, other)),
            };
            if i > 0 {
                self.out.push(rt, ",")?;
            }
            push_json_string(rt, &mut self.out, key)?;
            self.out.push(rt, ":")?;
            self.value(rt, value, depth)?;
        }
        self.out.push(rt, "}")
    }
}

/// A key that has a text, as which Go writes it, or that crashes Kyverno.
pub(in crate::library) const CONVERTED_KEY: &str =
    "a key of an object in JSON that is neither a text nor a number";

/// What is said of a key that is no text where Go's map has texts.
pub(in crate::library) fn no_key<'a>(rt: &mut Runtime<'a>, key: &Value<'a>) -> Raise<'a> {
    match key {
        Value::Optional(_) | Value::Extension(_) => Fault::Unlike(CONVERTED_KEY).into(),
        other => failure(rt, other, "string"),
    }
}

/// Appends a finite number as Go's encoder writes it: with an exponent below 1e-6 and from 1e21 on.
pub(in crate::library) fn push_json_double<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    d: f64,
) -> Result<(), Raise<'a>> {
    if d == 0.0 || (1e-6..1e21).contains(&d.abs()) {
        out.push_fmt(rt, 32, format_args!("{}", PlainDouble(d)))
    } else if d.abs() < 1.0 {
        out.push_fmt(rt, 32, format_args!("{}", scientific(d)))
    } else {
        out.push_fmt(rt, 32, format_args!("{}", PlusExponent(d)))
    }
}

/// Appends a text in quotes as Go's encoder writes it.
pub(in crate::library) fn push_json_string<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    text: &str,
) -> Result<(), Raise<'a>> {
    out.push(rt, "\"")?;
    // What has to be escaped is looked for first, and may be far away.
    rt.charge_scan(text.len())?;
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push(rt, plain)?;
        let Some(c) = special.chars().next() else { break };
        match c {
            '"' => out.push(rt, "\\\"")?,
            '\\' => out.push(rt, "\\\\")?,
            '\n' => out.push(rt, "\\n")?,
            '\r' => out.push(rt, "\\r")?,
            '\t' => out.push(rt, "\\t")?,
            '\u{8}' => out.push(rt, "\\b")?,
            '\u{c}' => out.push(rt, "\\f")?,
            other => out.push_fmt(rt, 6, format_args!("\\u{:04x}", u32::from(other)))?,
        }
        rest = special.get(c.len_utf8()..).unwrap_or_default();
    }
    out.push(rt, rest)?;
    out.push(rt, "\"")
}

/// The members that Go's reflection shows of an object or a helper: the fields that are not zero, under the names that
/// access through `dyn` takes.
pub(in crate::library) fn shown<'a>(rt: &mut Runtime<'a>, value: &Value<'a>) -> Result<Map<'a>, Raise<'a>> {
    let object = match value {
        // The id of an MCP request hides its value in a field that reflection may not read.
        Value::Object(object) if object.ty.name == "mcp.RequestId" && !object.is_zero() => {
            return Err(ErrorKind::Panic(UNEXPORTED).into());
        }
        Value::Object(object) => object,
        // Kyverno's helpers are Go structs around one empty struct.
        Value::Opaque("json.Json") => return Ok(around_nothing(rt, "JsonImpl")),
        Value::Opaque("mcp.MCP") => return Ok(around_nothing(rt, "MCPImpl")),
        Value::Opaque("resource.Context") => return Ok(around_nothing(rt, "ContextInterface")),
        Value::Opaque("http.Context") => return Err(ErrorKind::Panic(UNEXPORTED).into()),
        other => {
            let name = other.type_name();
            return Err(rt.error(format_args!("type conversion error from '{name}' to '*structpb.Value'")));
        }
    };
    let object = rt.current(object);
    let capacity = object.ty.fields.len();
    rt.charge(capacity)?;
    rt.budget.charge_bytes(capacity.saturating_mul(2).saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut fields = MapBuilder::with_capacity(rt.arena, capacity);
    for (index, field) in object.ty.fields.iter().enumerate() {
        if object.is_set(index) && !matches!(object.get(index), Value::Null) {
            let value = object.get(index);
            if is_envoy(object.ty.name) {
                let name = rt.str(&camel_case(field.name))?;
                let value = in_proto_json(rt, object.ty, field, value)?;
                fields.insert(Value::String(name), value);
                continue;
            }
            let name = if object.tagged { field.name } else { field.go_name };
            fields.insert(Value::String(name), value);
        }
    }
    Ok(fields.finish())
}

/// A field's value as protobuf's JSON shows it: enums by name, 64-bit numbers as text, times with whole thousands.
fn in_proto_json<'a>(
    rt: &mut Runtime<'a>,
    ty: &ObjectType,
    field: &FieldType,
    value: Value<'a>,
) -> Answer<'a> {
    match value {
        Value::Int(number) if field.go_type == "int64" => rt.string(&number.to_string()),
        Value::Int(number) => Ok(match enum_name(ty.name, field.name, number) {
            Some(name) => Value::String(name),
            None => value,
        }),
        Value::Timestamp(time) => {
            let text = time.to_string();
            let (whole, zone) = text.strip_suffix('Z').map_or((text.as_str(), ""), |whole| (whole, "Z"));
            let padding = match whole.split_once('.') {
                Some((_, fraction)) if fraction.len() % 3 == 1 => "00",
                Some((_, fraction)) if fraction.len() % 3 == 2 => "0",
                _ => "",
            };
            rt.string(&[whole, padding, zone].concat())
        }
        other => Ok(other),
    }
}

fn around_nothing<'a>(rt: &Runtime<'a>, name: &'static str) -> Map<'a> {
    let mut fields = MapBuilder::with_capacity(rt.arena, 1);
    fields.insert(Value::String(name), Value::Map(Map::EMPTY));
    fields.finish()
}

const UNEXPORTED: &str =
    "reflect.Value.Interface: cannot return value obtained from unexported field or method";

/// What Go's encoder writes in another way than as it is.
fn needs_escape(c: char) -> bool {
    matches!(c, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}')
}

/// Rust leaves out the plus sign of an exponent.
struct PlusExponent(f64);

impl fmt::Display for PlusExponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = scientific(self.0);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        write!(f, "{mantissa}e+{exponent}")
    }
}

pub(in crate::library) struct DurationText(pub(in crate::library) i64);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_duration(self.0, f)
    }
}

/// Appends `bytes` in base64, padded.
pub(in crate::library) fn push_base64<'a>(
    rt: &mut Runtime<'a>,
    out: &mut TextBuilder<'a>,
    bytes: &[u8],
) -> Result<(), Raise<'a>> {
    // 3 bytes become 4 digits; whole blocks are written at once to charge and grow rarely.
    for block in bytes.chunks(48) {
        // Digits are made one by one.
        rt.charge(3)?;
        let mut text = [0_u8; 64];
        let mut slots = text.iter_mut();
        for (digit, slot) in base64::encode(block, Alphabet::Standard, true).zip(slots.by_ref()) {
            *slot = digit;
        }
        let unused = slots.len();
        let used = text.get(..text.len().saturating_sub(unused)).unwrap_or_default();
        out.push(rt, std::str::from_utf8(used).unwrap_or_default())?;
    }
    Ok(())
}
