//! Payload files of Envoy mode: a `CheckRequest` in protobuf's JSON, read as Kyverno's command line reads it.
//!
//! Names are those of the protocol, `raw_body`, or of its JSON, `rawBody`; an unknown or repeated one is an error. Null
//! leaves a field unset. What the types say of the fields is all that this module knows of them.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::budget::{Budget, Fault};
use crate::library::envoy_messages::{CHECK_REQUEST, camel_case, enum_number, oneof};
use crate::time;
use crate::types::Type;
use crate::value::base64::{self, Alphabet};
use crate::value::json::JsonError;
use crate::value::json::strict::{Document, FlawKind, Kind, Member, Node, ReadError, read};
use crate::value::{FieldType, MapBuilder, Object, ObjectType, Timestamp, Value};

/// How deep a payload may nest.
const MAX_DEPTH: usize = 128;

/// Reads a payload file.
///
/// # Errors
/// Protobuf's text for what does not decode; a fault if the file is larger than the budget allows.
pub fn payload<'a>(json: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, JsonError<'a>> {
    let document = match read(json, MAX_DEPTH, arena, budget) {
        Ok(document) => document,
        Err(ReadError::Fault(fault)) => return Err(JsonError::Fault(fault)),
        Err(ReadError::Utf8(_)) => return Err(JsonError::Text("proto: syntax error: invalid UTF-8")),
        Err(ReadError::Syntax(error)) => {
            return Err(text(arena, format_args!("proto: syntax error: {error}")));
        }
    };
    let mut reader = Reader { document, json, arena, budget };
    let request = reader.message(&document.root, &CHECK_REQUEST)?;
    match document.flaw {
        None => Ok(request),
        Some(flaw) => {
            let what = match flaw.kind {
                FlawKind::Duplicate => "duplicate map key",
                FlawKind::LoneSurrogate => "invalid escape code",
                FlawKind::Number => "invalid google.protobuf.Value",
                FlawKind::Depth => "exceeded max recursion depth",
            };
            Err(reader.error(flaw.at, format_args!("{what}")))
        }
    }
}

struct Reader<'b, 'a> {
    document: Document<'a>,
    json: &'a [u8],
    arena: &'a Bump,
    budget: &'b mut Budget,
}

fn text<'a>(arena: &'a Bump, words: std::fmt::Arguments<'_>) -> JsonError<'a> {
    JsonError::Text(bumpalo::format!(in arena, "{}", words).into_bump_str())
}

impl<'a> Reader<'_, 'a> {
    /// An error at a place, as protobuf's decoder words it.
    fn error(&self, at: usize, words: std::fmt::Arguments<'_>) -> JsonError<'a> {
        let (line, column) = self.position(at);
        text(self.arena, format_args!("proto: (line {line}:{column}): {words}"))
    }

    fn unexpected(&self, node: &Node<'a>) -> JsonError<'a> {
        let (line, column) = self.position(self.document.offset(node));
        let token = match node.kind {
            Kind::Object(_) => "{",
            Kind::List(_) => "[",
            _ => node.raw,
        };
        text(self.arena, format_args!("proto: syntax error (line {line}:{column}): unexpected token {token}"))
    }

    fn invalid(&self, node: &Node<'a>, kind: &str, field: &str) -> JsonError<'a> {
        let token = match node.kind {
            Kind::Object(_) => "{",
            Kind::List(_) => "[",
            _ => node.raw,
        };
        let at = self.document.offset(node);
        self.error(at, format_args!("invalid value for {kind} field {field}: {token}"))
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.json.get(..at).unwrap_or(self.json);
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(line).chars().count();
        (lines.saturating_add(1), column.saturating_add(1))
    }

    /// Where the name of a member begins, and its text with the quotes.
    fn name(&self, member: &Member<'a>) -> (usize, &'a str) {
        let value = self.document.offset(&member.value);
        let before = self.json.get(..value).unwrap_or_default();
        let quote = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'"');
        let Some(end) = quote(before) else { return (value, "") };
        let mut start = end;
        // An escaped quote belongs to the name.
        while let Some(found) = quote(before.get(..start).unwrap_or_default()) {
            start = found;
            let slashes = before.get(..found).unwrap_or_default().iter().rev();
            if slashes.take_while(|byte| **byte == b'\\').count() % 2 == 0 {
                break;
            }
        }
        let raw = self.json.get(start..=end).and_then(|raw| std::str::from_utf8(raw).ok());
        (start, raw.unwrap_or_default())
    }

    fn message(&mut self, node: &Node<'a>, ty: &'static ObjectType) -> Result<Value<'a>, JsonError<'a>> {
        let Kind::Object(members) = node.kind else { return Err(self.unexpected(node)) };
        let size = ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>());
        self.budget.charge_bytes(size.saturating_add(size_of::<Object<'_>>()))?;
        let fields: &mut [Option<Value<'a>>] = self.arena.alloc_slice_fill_copy(ty.fields.len(), None);
        let mut seen: BumpVec<'_, usize> = BumpVec::new_in(self.arena);
        for member in members {
            self.budget.charge(u64::try_from(ty.fields.len()).unwrap_or(u64::MAX))?;
            let (at, raw) = self.name(member);
            let found = ty.fields.iter().position(|field| is_called(field, member.name));
            let Some((index, field)) = found.and_then(|index| Some((index, ty.fields.get(index)?))) else {
                return Err(self.error(at, format_args!("unknown field {raw}")));
            };
            if seen.contains(&index) {
                return Err(self.error(at, format_args!("duplicate field {raw}")));
            }
            seen.push(index);
            if let Kind::Null = member.value.kind {
                continue;
            }
            let group = oneof(ty.name);
            let is_set = |name: &str| {
                ty.field(name).is_some_and(|(other, _)| fields.get(other).is_some_and(Option::is_some))
            };
            if group.contains(&field.name) && group.iter().any(|name| is_set(name)) {
                let words = format_args!("error parsing {raw}, oneof of {} is already set", ty.name);
                return Err(self.error(at, words));
            }
            let value = self.field(&member.value, ty, field)?;
            if let Some(place) = fields.get_mut(index) {
                *place = Some(value);
            }
        }
        Ok(Value::Object(self.arena.alloc(Object { ty, fields, tagged: false })))
    }

    fn field(
        &mut self,
        node: &Node<'a>,
        ty: &'static ObjectType,
        field: &'static FieldType,
    ) -> Result<Value<'a>, JsonError<'a>> {
        let json_name = camel_case(field.name);
        if let Some(row) = field.object {
            return if let Some(Type::List(_)) = field.ty {
                self.list(node, row)
            } else {
                self.message(node, row)
            };
        }
        match (&field.ty, field.go_type) {
            (Some(Type::Map(_)), "map[string]string") => self.map(node, |reader, node| match node.kind {
                Kind::String(text) => Ok(Value::String(text)),
                _ => Err(reader.invalid(node, "string", "value")),
            }),
            (Some(Type::Map(_)), "map[string]*structpb.Struct") => self.map(node, Self::structure),
            (Some(Type::Map(_)), "map[string]*anypb.Any") => self.map(node, |reader, node| {
                let at = reader.document.offset(node);
                Err(reader.error(at, format_args!("google.protobuf.Any is not supported")))
            }),
            (Some(Type::Map(_)), _) => self.structure(node),
            (Some(Type::Timestamp), _) => self.timestamp(node),
            (Some(Type::String), _) => match node.kind {
                Kind::String(text) => Ok(Value::String(text)),
                _ => Err(self.invalid(node, "string", &json_name)),
            },
            (Some(Type::Bool), _) => match node.kind {
                Kind::Bool(bool) => Ok(Value::Bool(bool)),
                _ => Err(self.invalid(node, "bool", &json_name)),
            },
            (Some(Type::Bytes), _) => match node.kind {
                Kind::String(text) => {
                    self.budget.charge_bytes(text.len())?;
                    let bytes = bytes(text, self.arena);
                    bytes.map(Value::Bytes).ok_or_else(|| self.invalid(node, "bytes", &json_name))
                }
                _ => Err(self.invalid(node, "bytes", &json_name)),
            },
            (Some(Type::Uint), _) => match integer(node).and_then(|number| u32::try_from(number).ok()) {
                Some(number) => Ok(Value::Uint(u64::from(number))),
                None => Err(self.invalid(node, "uint32", &json_name)),
            },
            (Some(Type::Int), "protoreflect.EnumNumber") => {
                let number = match node.kind {
                    Kind::String(name) => enum_number(ty.name, field.name, name),
                    Kind::Number => integer(node)
                        .filter(|number| i32::try_from(*number).is_ok())
                        .and_then(|number| i64::try_from(number).ok()),
                    _ => None,
                };
                number.map(Value::Int).ok_or_else(|| self.invalid(node, "enum", &json_name))
            }
            (Some(Type::Int), _) => match integer(node).and_then(|number| i64::try_from(number).ok()) {
                Some(number) => Ok(Value::Int(number)),
                None => Err(self.invalid(node, "int64", &json_name)),
            },
            _ => Err(Fault::Internal("a field of a request that no payload can hold").into()),
        }
    }

    fn list(&mut self, node: &Node<'a>, ty: &'static ObjectType) -> Result<Value<'a>, JsonError<'a>> {
        let Kind::List(nodes) = node.kind else { return Err(self.unexpected(node)) };
        self.budget.charge_bytes(nodes.len().saturating_mul(size_of::<Value<'_>>()))?;
        let mut list = BumpVec::with_capacity_in(nodes.len(), self.arena);
        for node in nodes {
            list.push(self.message(node, ty)?);
        }
        Ok(Value::List(list.into_bump_slice()))
    }

    fn map(
        &mut self,
        node: &Node<'a>,
        value: impl Fn(&mut Self, &Node<'a>) -> Result<Value<'a>, JsonError<'a>>,
    ) -> Result<Value<'a>, JsonError<'a>> {
        let Kind::Object(members) = node.kind else { return Err(self.unexpected(node)) };
        let entries = members.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>());
        self.budget.charge_bytes(entries.saturating_mul(2))?;
        let mut map = MapBuilder::with_capacity(self.arena, members.len());
        for member in members {
            let value = value(self, &member.value)?;
            map.insert(Value::String(member.name), value);
        }
        Ok(Value::Map(map.finish_within(self.budget)?))
    }

    fn structure(&mut self, node: &Node<'a>) -> Result<Value<'a>, JsonError<'a>> {
        match node.kind {
            Kind::Object(_) => Ok(node.value(self.arena, self.budget)?),
            _ => Err(self.unexpected(node)),
        }
    }

    fn timestamp(&mut self, node: &Node<'a>) -> Result<Value<'a>, JsonError<'a>> {
        let Kind::String(text) = node.kind else { return Err(self.unexpected(node)) };
        let time = time::parse(text).ok().filter(|_| fraction(text) <= MAX_FRACTION);
        let time = time.map(|time| Timestamp { seconds: time.seconds, nanos: time.nanos, offset: 0 });
        match time.and_then(Timestamp::in_range) {
            Some(time) => Ok(Value::Timestamp(time)),
            None => {
                let at = self.document.offset(node);
                Err(self.error(at, format_args!("invalid google.protobuf.Timestamp value {}", node.raw)))
            }
        }
    }
}

/// The most bytes of a time's fraction, with its point: protobuf has nanoseconds.
const MAX_FRACTION: usize = ".999999999".len();

/// How many bytes protobuf's JSON takes for a time's fraction; one after a comma it does not see.
fn fraction(text: &str) -> usize {
    let (point, zone) = (text.rfind('.'), text.rfind(['Z', '-', '+']));
    point.zip(zone).map_or(0, |(point, zone)| zone.saturating_sub(point))
}

fn is_called(field: &FieldType, name: &str) -> bool {
    field.name == name || name.len() < field.name.len() && camel_case(field.name) == name
}

/// The whole number that a JSON number or a string with one is; `5.0` and `1e2` are whole.
fn integer(node: &Node<'_>) -> Option<i128> {
    match node.kind {
        Kind::Number => whole(node.raw),
        Kind::String(text) => whole(text),
        _ => None,
    }
}

fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let unsigned = exponent.trim_start_matches(['+', '-']);
            let signs = exponent.len().saturating_sub(unsigned.len());
            if unsigned.is_empty() || signs > 1 || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (mantissa, exponent.parse::<i32>().ok()?)
        }
        None => (digits, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (mantissa, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 1 && whole.starts_with('0')
        || !is_number(whole)
        || !is_number(fraction)
    {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let all = [whole, fraction].concat();
    let value: i128 = match all.trim_start_matches('0') {
        "" => 0,
        significant if significant.len() > 38 => return None,
        significant if shift >= 0 => {
            let scale = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
            significant.parse::<i128>().ok()?.checked_mul(scale)?
        }
        significant => {
            let places = usize::try_from(shift.unsigned_abs()).ok()?;
            let cut = significant.len().checked_sub(places)?;
            let (kept, dropped) = significant.split_at_checked(cut)?;
            if dropped.bytes().any(|byte| byte != b'0') || kept.is_empty() {
                return None;
            }
            kept.parse().ok()?
        }
    };
    Some(if negative { value.checked_neg()? } else { value })
}

/// Base64 of either alphabet, with or without padding, as protobuf's decoder takes it.
fn bytes<'a>(text: &str, arena: &'a Bump) -> Option<&'a [u8]> {
    let alphabet = if text.contains(['-', '_']) { Alphabet::Url } else { Alphabet::Standard };
    let padded = text.len().is_multiple_of(4);
    let mut out = BumpVec::with_capacity_in(text.len(), arena);
    base64::decode(text.as_bytes(), alphabet, padded, &mut out).ok()?;
    Some(out.into_bump_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::envoy_messages::HTTP_REQUEST;

    #[test]
    fn whole_numbers_may_be_written_in_any_way_that_is_json() {
        for (text, number) in [
            ("5", Some(5)),
            ("-5.0", Some(-5)),
            ("1e2", Some(100)),
            ("150e-1", Some(15)),
            ("1.5e1", Some(15)),
            ("1.5", None),
            ("1e-1", None),
            ("05", None),
            ("+5", None),
            ("5.", None),
            ("", None),
            ("0e999999999", Some(0)),
            ("1e999999999", None),
            ("9223372036854775807", Some(i128::from(i64::MAX))),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
    }

    #[test]
    fn both_alphabets_of_base64_are_read_and_nothing_beside_them() {
        let arena = Bump::new();
        for (text, bytes) in [
            ("aGk=", Some(&b"hi"[..])),
            ("aGk", Some(b"hi")),
            ("-_8", Some(&[0xfb, 0xff])),
            ("+/8=", Some(&[0xfb, 0xff])),
            ("", Some(b"")),
            ("a", None),
            ("aGk==", None),
            ("+_8=", None),
            ("a=Gk", None),
        ] {
            assert_eq!(super::bytes(text, &arena), bytes, "{text}");
        }
    }

    #[test]
    fn a_field_has_two_names_and_no_other() {
        let ty = &HTTP_REQUEST;
        let (_, field) = ty.field("raw_body").unwrap();
        assert!(is_called(field, "raw_body") && is_called(field, "rawBody"));
        assert!(!is_called(field, "rawbody") && !is_called(field, "RawBody"));
    }
}
