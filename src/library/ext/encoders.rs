//! cel-go's `ext.Encoders`, version 1: base64 and `json.encode`.
//!
//! JSON takes cel-go's way over protobuf's `Value` and Go's encoder: keys sorted, no blanks, `<`, `>` and `&`
//! escaped, integers beyond 2^53 as strings, objects by the names of their fields.

use std::fmt;

use bumpalo::collections::Vec as BumpVec;

use crate::cel::budget::Fault;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::table::{Answer, Context, Implementation::Own, Library, Row};
use crate::library::text_builder::TextBuilder;
use crate::value::{Map, MapBuilder, Value, format_duration};

/// `cel.lib.ext.encoders`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.encoders",
    version: 1,
    rows: &[
        Row {
            id: "base64_decode_string",
            signature: "base64.decode(string) -> bytes",
            implementation: Own(base64_decode),
            doc: "The bytes of a text in base64 (standard alphabet, padding optional).",
            examples: &["base64.decode('aGVsbG8=') == b'hello'", "base64.decode('aGVsbG8') == b'hello'"],
            since: 0,
        },
        Row {
            id: "base64_encode_bytes",
            signature: "base64.encode(bytes) -> string",
            implementation: Own(base64_encode),
            doc: "Bytes as base64 (standard alphabet, padded).",
            examples: &["base64.encode(b'hello') == 'aGVsbG8='"],
            since: 0,
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
        },
    ],
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The digit for the low six bits.
fn digit(bits: u32) -> char {
    let index = usize::try_from(bits & 0x3f).unwrap_or(0);
    ALPHABET.get(index).copied().map_or('=', char::from)
}

/// The six bits of a digit.
fn bits_of(digit: u8) -> Option<u32> {
    let bits = match digit {
        b'A'..=b'Z' => digit.checked_sub(b'A')?,
        b'a'..=b'z' => digit.checked_sub(b'a')?.checked_add(26)?,
        b'0'..=b'9' => digit.checked_sub(b'0')?.checked_add(52)?,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(bits))
}

/// Appends `bytes` in base64, padded.
pub(in crate::library) fn push_base64<'a>(
    ctx: &mut Context<'a>,
    out: &mut TextBuilder<'a>,
    bytes: &[u8],
) -> Result<(), Raise<'a>> {
    // 3 bytes become 4 digits; whole blocks are written at once to charge and grow rarely.
    for block in bytes.chunks(48) {
        let mut text = [0_u8; 64];
        let mut slots = text.iter_mut();
        for group in block.chunks(3) {
            let byte = |at: usize| group.get(at).copied().map_or(0, u32::from);
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            let digits = [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)];
            for (at, (slot, digit)) in slots.by_ref().take(4).zip(digits).enumerate() {
                *slot = if at > group.len() { b'=' } else { u8::try_from(digit).unwrap_or(b'=') };
            }
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
    if decode(text.as_bytes(), true, &mut out).is_err() {
        // cel-go tries again without padding, and its error is that of the second try.
        out.clear();
        if let Err(at) = decode(text.as_bytes(), false, &mut out) {
            return Err(ctx.error(format_args!("illegal base64 data at input byte {at}")));
        }
    }
    Ok(Value::Bytes(out.into_bump_slice()))
}

/// Decodes as Go's `StdEncoding` (`padded`) and `RawStdEncoding` do: line breaks are skipped, bits that are left
/// over are ignored. The error is the offset that Go reports.
fn decode(text: &[u8], padded: bool, out: &mut BumpVec<'_, u8>) -> Result<(), usize> {
    let is_break = |byte: u8| byte == b'\n' || byte == b'\r';
    let mut at = 0_usize;
    loop {
        let (mut bits, mut digits) = (0_u32, 0_usize);
        let mut garbage = None;
        let mut last = false;
        while digits < 4 {
            let Some(byte) = text.get(at).copied() else {
                if digits == 0 {
                    return Ok(());
                }
                if digits == 1 || padded {
                    return Err(at.saturating_sub(digits));
                }
                last = true;
                break;
            };
            at = at.saturating_add(1);
            if let Some(six) = bits_of(byte) {
                bits = bits << 6 | six;
                digits = digits.saturating_add(1);
                continue;
            }
            if is_break(byte) {
                continue;
            }
            if byte != b'=' || !padded || digits < 2 {
                return Err(at.saturating_sub(1));
            }
            let skip = |from: usize| {
                let tail = text.get(from..).unwrap_or_default();
                from.saturating_add(tail.iter().take_while(|b| is_break(**b)).count())
            };
            if digits == 2 {
                at = skip(at);
                match text.get(at) {
                    None => return Err(text.len()),
                    Some(b'=') => at = at.saturating_add(1),
                    Some(_) => return Err(at.saturating_sub(1)),
                }
            }
            at = skip(at);
            if at < text.len() {
                garbage = Some(at);
            }
            last = true;
            break;
        }
        let missing = 4_usize.saturating_sub(digits);
        let aligned = bits << 6_usize.saturating_mul(missing);
        let [_, first, second, third] = aligned.to_be_bytes();
        out.extend([first, second, third].into_iter().take(3_usize.saturating_sub(missing)));
        match garbage {
            Some(at) => return Err(at),
            None if last => return Ok(()),
            None => {}
        }
    }
}

/// The largest integer that JSON numbers hold without loss.
pub(in crate::library) const MAX_SAFE: u64 = (1 << 53) - 1;

/// How deep nested values are encoded.
pub(in crate::library) const MAX_DEPTH: u32 = 250;

fn json_encode<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [value] = args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mut encoder = Encoder { out: TextBuilder::new(ctx), not_finite: None };
    encoder.value(ctx, value, 0)?;
    // The whole value is converted before any of it is written, so every other mistake comes first.
    match encoder.not_finite {
        Some(text) => Err(ErrorKind::Message(text).into()),
        None => Ok(Value::String(encoder.out.finish())),
    }
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
            Value::String(text) => self.string(ctx, text),
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
            Value::Object(_) | Value::Opaque(_) => {
                let fields = shown(ctx, value)?;
                self.map(ctx, fields.entries(), deeper)
            }
        }
    }

    /// Go's encoder: an exponent below 1e-6 and from 1e21 on.
    fn double(&mut self, ctx: &mut Context<'a>, d: f64) -> Result<(), Raise<'a>> {
        if !d.is_finite() {
            let text = if d.is_nan() {
                "proto: google.protobuf.Value.number_value: invalid NaN value"
            } else if d > 0.0 {
                "proto: google.protobuf.Value.number_value: invalid +Inf value"
            } else {
                "proto: google.protobuf.Value.number_value: invalid -Inf value"
            };
            self.not_finite = self.not_finite.or(Some(text));
            return Ok(());
        }
        if d == 0.0 || (1e-6..1e21).contains(&d.abs()) {
            self.out.push_fmt(ctx, 32, format_args!("{d}"))
        } else if d.abs() < 1.0 {
            self.out.push_fmt(ctx, 32, format_args!("{d:e}"))
        } else {
            self.out.push_fmt(ctx, 32, format_args!("{}", PlusExponent(d)))
        }
    }

    fn string(&mut self, ctx: &mut Context<'a>, text: &str) -> Result<(), Raise<'a>> {
        self.out.push(ctx, "\"")?;
        let mut rest = text;
        while let Some(at) = rest.find(needs_escape) {
            let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.out.push(ctx, plain)?;
            let Some(c) = special.chars().next() else { break };
            match c {
                '"' => self.out.push(ctx, "\\\"")?,
                '\\' => self.out.push(ctx, "\\\\")?,
                '\n' => self.out.push(ctx, "\\n")?,
                '\r' => self.out.push(ctx, "\\r")?,
                '\t' => self.out.push(ctx, "\\t")?,
                '\u{8}' => self.out.push(ctx, "\\b")?,
                '\u{c}' => self.out.push(ctx, "\\f")?,
                other => self.out.push_fmt(ctx, 6, format_args!("\\u{:04x}", u32::from(other)))?,
            }
            rest = special.get(c.len_utf8()..).unwrap_or_default();
        }
        self.out.push(ctx, rest)?;
        self.out.push(ctx, "\"")
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
            self.string(ctx, key)?;
            self.out.push(ctx, ":")?;
            self.value(ctx, value, depth)?;
        }
        self.out.push(ctx, "}")
    }
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
    let capacity = object.ty.fields.len();
    ctx.charge(capacity)?;
    ctx.budget
        .charge_bytes(capacity.saturating_mul(2).saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut fields = MapBuilder::with_capacity(ctx.arena, capacity);
    for (index, field) in object.ty.fields.iter().enumerate() {
        if object.is_set(index) && !matches!(object.get(index), Value::Null) {
            let name = if object.tagged { field.name } else { field.go_name };
            fields.insert(Value::String(name), object.get(index));
        }
    }
    Ok(fields.finish())
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
        let text = format!("{:e}", self.0);
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
