//! cel-go's `ext.Encoders`, version 1: base64 and `json.encode`.
//!
//! JSON takes cel-go's way over protobuf's `Value` and Go's encoder: keys sorted, no blanks, `<`, `>` and `&`
//! escaped, integers beyond 2^53 as strings, objects by the names of their fields.

use std::fmt;

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::kyverno::convert::failure;
use crate::library::kyverno::envoy::messages::{camel_case, enum_name, is_envoy};
use crate::library::table::{Answer, Context, Implementation::Own, Library, Row};
use crate::library::text_builder::TextBuilder;
use crate::value::base64::{self, Alphabet};
use crate::value::{FieldType, Map, MapBuilder, ObjectType, PlainDouble, Value, format_duration, scientific};

/// `cel.lib.ext.encoders`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.encoders",
    version: 1,
    types: &[],
    rows: &[
        Row {
            id: "base64_decode_string",
            signature: "base64.decode(string) -> bytes",
            implementation: Own(base64_decode),
            doc: "The bytes of a text in base64 (standard alphabet, padding optional).",
            examples: &["base64.decode('aGVsbG8=') == b'hello'", "base64.decode('aGVsbG8') == b'hello'"],
            since: 0,
            total: false,
            json: false,
        },
        Row {
            id: "base64_encode_bytes",
            signature: "base64.encode(bytes) -> string",
            implementation: Own(base64_encode),
            doc: "Bytes as base64 (standard alphabet, padded).",
            examples: &["base64.encode(b'hello') == 'aGVsbG8='"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "json_encode_dyn",
            signature: "json.encode(dyn) -> string",
            implementation: Own(json_encode),
            doc: "A value as JSON; integers beyond 2^53 become strings.",
            examples: &[
                "json.encode({'b': '<', 'a': 'x'}) == '{\"a\":\"x\",\"b\":\"\\\\u003c\"}'",
                "json.encode([1, 9007199254740992]) == '[1,\"9007199254740992\"]'",
            ],
            since: 1,
            total: false,
            json: false,
        },
    ],
};

/// Appends `bytes` in base64, padded.
pub(in crate::library) fn push_base64<'a>(
    ctx: &mut Context<'a>,
    out: &mut TextBuilder<'a>,
    bytes: &[u8],
) -> Result<(), Raise<'a>> {
    // 3 bytes become 4 digits; whole blocks are written at once to charge and grow rarely.
    for block in bytes.chunks(48) {
        // Digits are made one by one.
        ctx.charge(3)?;
        let mut text = [0_u8; 64];
        let mut slots = text.iter_mut();
        for (digit, slot) in base64::encode(block, Alphabet::Standard, true).zip(slots.by_ref()) {
            *slot = digit;
        }
        let unused = slots.len();
        let used = text.get(..text.len().saturating_sub(unused)).unwrap_or_default();
        out.push(ctx, std::str::from_utf8(used).unwrap_or_default())?;
    }
    Ok(())
}

fn base64_encode<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Bytes(bytes)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut out = TextBuilder::new(ctx);
    push_base64(ctx, &mut out, bytes)?;
    Ok(Value::String(out.finish()))
}

fn base64_decode<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let capacity = text.len().div_ceil(4).saturating_mul(3);
    ctx.charge_scan(text.len().saturating_mul(4))?;
    ctx.budget.charge_bytes(capacity)?;
    let mut out = BumpVec::with_capacity_in(capacity, ctx.arena);
    if base64::decode(text.as_bytes(), Alphabet::Standard, true, &mut out).is_err() {
        // cel-go tries again without padding, and its error is that of the second try.
        out.clear();
        if let Err(at) = base64::decode(text.as_bytes(), Alphabet::Standard, false, &mut out) {
            return Err(ctx.error(format_args!("illegal base64 data at input byte {at}")));
        }
    }
    Ok(Value::Bytes(out.into_bump_slice()))
}

/// The largest integer that JSON numbers hold without loss.
pub(in crate::library) const MAX_SAFE: u64 = (1 << 53) - 1;

/// How deep nested values are encoded.
pub(in crate::library) const MAX_DEPTH: u32 = 250;

fn json_encode<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [value] = args else { return Err(ErrorKind::NoSuchOverload.into()) };
    // The whole value is converted before any of it is written, so every other mistake comes first.
    match encode(ctx, value)? {
        (_, Some(text)) => Err(ErrorKind::Message(text).into()),
        (text, None) => Ok(Value::String(text)),
    }
}

/// The value as JSON, and what is wrong with it if it has a number that JSON does not have.
///
/// # Errors
/// cel-go's text for what does not convert.
pub(in crate::library) fn encode<'a>(
    ctx: &mut Context<'a>,
    value: &Value<'a>,
) -> Result<(&'a str, Option<&'static str>), Raise<'a>> {
    let mut encoder = Encoder { out: TextBuilder::new(ctx), not_finite: None };
    encoder.value(ctx, value, 0)?;
    Ok((encoder.out.finish(), encoder.not_finite))
}

struct Encoder<'a> {
    out: TextBuilder<'a>,
    not_finite: Option<&'static str>,
}

impl<'a> Encoder<'a> {
    fn value(&mut self, ctx: &mut Context<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        if depth > MAX_DEPTH {
            return Err(Fault::Depth.into());
        }
        let deeper = depth.saturating_add(1);
        match value {
            Value::Null => self.out.push(ctx, "null"),
            Value::Bool(b) => self.out.push(ctx, if *b { "true" } else { "false" }),
            Value::Int(i) if i.unsigned_abs() <= MAX_SAFE => self.out.push_fmt(ctx, 20, format_args!("{i}")),
            Value::Int(i) => self.out.push_fmt(ctx, 22, format_args!("\"{i}\"")),
            Value::Uint(u) if *u <= MAX_SAFE => self.out.push_fmt(ctx, 20, format_args!("{u}")),
            Value::Uint(u) => self.out.push_fmt(ctx, 22, format_args!("\"{u}\"")),
            Value::Double(d) => self.double(ctx, *d),
            Value::String(text) => push_json_string(ctx, &mut self.out, text),
            Value::Bytes(bytes) => {
                self.out.push(ctx, "\"")?;
                push_base64(ctx, &mut self.out, bytes)?;
                self.out.push(ctx, "\"")
            }
            Value::Duration(nanos) => {
                self.out.push_fmt(ctx, 32, format_args!("\"{}\"", DurationText(*nanos)))
            }
            Value::Timestamp(time) => self.out.push_fmt(ctx, 48, format_args!("\"{time}\"")),
            Value::List(elements) => {
                self.out.push(ctx, "[")?;
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        self.out.push(ctx, ",")?;
                    }
                    self.value(ctx, element, deeper)?;
                }
                self.out.push(ctx, "]")
            }
            Value::Map(map) => self.map(ctx, map.entries(), deeper),
            Value::Optional(Some(inner)) => self.value(ctx, inner, deeper),
            Value::Optional(None) => Err(ErrorKind::OptionalNoneDereference.into()),
            Value::Type(_) => Err(ErrorKind::Message("type conversion not supported for 'type'").into()),
            Value::Extension(_) => Err(failure(ctx, value, "*structpb.Value")),
            Value::Object(_) | Value::Opaque(_) | Value::Keys(_) => {
                let fields = shown(ctx, value)?;
                self.map(ctx, fields.entries(), deeper)
            }
        }
    }

    fn double(&mut self, ctx: &mut Context<'a>, d: f64) -> Result<(), Raise<'a>> {
        if d.is_finite() {
            return push_json_double(ctx, &mut self.out, d);
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
        ctx: &mut Context<'a>,
        entries: &[(Value<'a>, Value<'a>)],
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(ctx, "{")?;
        // Entries with string keys are in the order of Go's encoder already.
        for (i, (key, value)) in entries.iter().enumerate() {
            let key = match key {
                Value::String(key) => key,
                Value::Int(_) => return Err(message("unsupported type conversion from 'int' to string")),
                Value::Uint(_) => return Err(message("unsupported type conversion from 'uint' to string")),
                Value::Bool(_) => return Err(message("type conversion error from bool to 'string'")),
                Value::Double(_) => return Err(message("type conversion error from Double to 'string'")),
                _ => return Err(message("type conversion error from 'null_type' to 'string'")),
            };
            if i > 0 {
                self.out.push(ctx, ",")?;
            }
            push_json_string(ctx, &mut self.out, key)?;
            self.out.push(ctx, ":")?;
            self.value(ctx, value, depth)?;
        }
        self.out.push(ctx, "}")
    }
}

/// Appends a finite number as Go's encoder writes it: with an exponent below 1e-6 and from 1e21 on.
pub(in crate::library) fn push_json_double<'a>(
    ctx: &mut Context<'a>,
    out: &mut TextBuilder<'a>,
    d: f64,
) -> Result<(), Raise<'a>> {
    if d == 0.0 || (1e-6..1e21).contains(&d.abs()) {
        out.push_fmt(ctx, 32, format_args!("{}", PlainDouble(d)))
    } else if d.abs() < 1.0 {
        out.push_fmt(ctx, 32, format_args!("{}", scientific(d)))
    } else {
        out.push_fmt(ctx, 32, format_args!("{}", PlusExponent(d)))
    }
}

/// Appends a text in quotes as Go's encoder writes it.
pub(in crate::library) fn push_json_string<'a>(
    ctx: &mut Context<'a>,
    out: &mut TextBuilder<'a>,
    text: &str,
) -> Result<(), Raise<'a>> {
    out.push(ctx, "\"")?;
    // What has to be escaped is looked for first, and may be far away.
    ctx.charge_scan(text.len())?;
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push(ctx, plain)?;
        let Some(c) = special.chars().next() else { break };
        match c {
            '"' => out.push(ctx, "\\\"")?,
            '\\' => out.push(ctx, "\\\\")?,
            '\n' => out.push(ctx, "\\n")?,
            '\r' => out.push(ctx, "\\r")?,
            '\t' => out.push(ctx, "\\t")?,
            '\u{8}' => out.push(ctx, "\\b")?,
            '\u{c}' => out.push(ctx, "\\f")?,
            other => out.push_fmt(ctx, 6, format_args!("\\u{:04x}", u32::from(other)))?,
        }
        rest = special.get(c.len_utf8()..).unwrap_or_default();
    }
    out.push(ctx, rest)?;
    out.push(ctx, "\"")
}

/// The members that Go's reflection shows of an object or a helper: the fields that are not zero, under the names that
/// access through `dyn` takes.
pub(in crate::library) fn shown<'a>(ctx: &mut Context<'a>, value: &Value<'a>) -> Result<Map<'a>, Raise<'a>> {
    let object = match value {
        // The id of an MCP request hides its value in a field that reflection may not read.
        Value::Object(object) if object.ty.name == "mcp.RequestId" && !object.is_zero() => {
            return Err(ErrorKind::Panic(UNEXPORTED).into());
        }
        Value::Object(object) => object,
        // Kyverno's helpers are Go structs around one empty struct.
        Value::Opaque("json.Json") => return Ok(around_nothing(ctx, "JsonImpl")),
        Value::Opaque("mcp.MCP") => return Ok(around_nothing(ctx, "MCPImpl")),
        Value::Opaque("resource.Context") => return Ok(around_nothing(ctx, "ContextInterface")),
        Value::Opaque("http.Context") => return Err(ErrorKind::Panic(UNEXPORTED).into()),
        other => {
            let name = other.type_name();
            return Err(ctx.error(format_args!("type conversion error from '{name}' to '*structpb.Value'")));
        }
    };
    let object = ctx.current(object);
    let capacity = object.ty.fields.len();
    ctx.charge(capacity)?;
    ctx.budget
        .charge_bytes(capacity.saturating_mul(2).saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut fields = MapBuilder::with_capacity(ctx.arena, capacity);
    for (index, field) in object.ty.fields.iter().enumerate() {
        if object.is_set(index) && !matches!(object.get(index), Value::Null) {
            let value = object.get(index);
            if is_envoy(object.ty.name) {
                let name = ctx.str(&camel_case(field.name))?;
                let value = in_proto_json(ctx, object.ty, field, value)?;
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
    ctx: &mut Context<'a>,
    ty: &ObjectType,
    field: &FieldType,
    value: Value<'a>,
) -> Answer<'a> {
    match value {
        Value::Int(number) if field.go_type == "int64" => ctx.string(&number.to_string()),
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
            ctx.string(&[whole, padding, zone].concat())
        }
        other => Ok(other),
    }
}

fn around_nothing<'a>(ctx: &Context<'a>, name: &'static str) -> Map<'a> {
    let mut fields = MapBuilder::with_capacity(ctx.arena, 1);
    fields.insert(Value::String(name), Value::Map(Map::EMPTY));
    fields.finish()
}

const UNEXPORTED: &str =
    "reflect.Value.Interface: cannot return value obtained from unexported field or method";

fn message<'a>(text: &'static str) -> Raise<'a> {
    ErrorKind::Message(text).into()
}

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

#[cfg(test)]
mod tests;
