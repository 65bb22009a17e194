//! Literals of protobuf's well-known messages, as cel-go's type registry makes them.
//!
//! A message exists only while its literal is evaluated: each field's value is converted to what the message
//! stores, and then the message becomes the CEL value that it stands for. What the fields are is known to
//! [`messages`](super::stdlib::messages); the wire format is known to nobody here, so an `Any` cannot be opened.

use crate::budget::Fault;
use crate::error::{CelError, ErrorKind, Raise};
use crate::types::Type;
use crate::value::{
    FieldType, Map, MapBuilder, Object, ObjectType, Timestamp, Value, i64_as_f64, u64_as_f64,
};

use super::encode::{DurationText, MAX_DEPTH, MAX_SAFE, push_base64, shown};
use super::runtime::{Answer, Runtime, TextBuilder};
use super::to_go::{bytes, failure, inner, string};

/// What the message `ty` stores for `value` in `field`.
///
/// # Errors
/// cel-go's text for a value of another type or outside the field's range.
pub(crate) fn field<'a>(
    runtime: &mut Runtime<'a>,
    ty: &ObjectType,
    field: &FieldType,
    value: Value<'a>,
) -> Answer<'a> {
    let stored = match (field.go_type, value) {
        ("*dynamicpb.Message", value) => return nested(runtime, ty, field, value),
        ("[]*dynamicpb.Message", Value::List(list)) => return nested_list(runtime, ty, field, list),
        ("[]string", Value::List(list)) => texts(runtime, list),
        ("map[string]string", Value::Map(map)) => text_map(runtime, &map),
        ("map[string]*structpb.Struct", Value::Map(map)) => struct_map(runtime, &map),
        ("[]*anypb.Any", Value::List([])) => Ok(value),
        ("map[string]*anypb.Any", Value::Map(map)) if map.is_empty() => Ok(value),
        ("[]*anypb.Any" | "map[string]*anypb.Any", Value::List(_) | Value::Map(_)) => {
            return Err(Fault::Internal("google.protobuf.Any is not supported").into());
        }
        // What an enum reads as is an int; the one of google.protobuf.Value, NullValue, is null whatever its number.
        (go_type @ "protoreflect.EnumNumber", value) if field.name == "null_value" => {
            stored(runtime, go_type, value).map(|_| Value::Null)
        }
        ("[]*structpb.Value", Value::List(list)) => json_list(runtime, list, 0),
        ("map[string]*structpb.Value", Value::Map(map)) => json_map(runtime, &map, 0),
        (go_type, other)
            if go_type.starts_with("[]*") || go_type == "[]string" || go_type.starts_with("map[") =>
        {
            let (message, name, found) = (ty.name, field.name, declared_name(&other));
            return Err(runtime.error(format_args!("unsupported field type for {message}.{name}: {found}")));
        }
        (go_type, value) => stored(runtime, go_type, value),
    };
    stored.map_err(|raise| conversion_error(runtime, ty, field, raise))
}

fn conversion_error<'a>(
    runtime: &mut Runtime<'a>,
    ty: &ObjectType,
    field: &FieldType,
    raise: Raise<'a>,
) -> Raise<'a> {
    match raise {
        // Kyverno's evaluation ended in a panic of Go's, which no text is put before.
        Raise::Error(CelError { kind: ErrorKind::Panic(_), .. }) => raise,
        Raise::Error(error) => runtime.error(format_args!(
            "field type conversion error for {}.{} value type: {error}",
            ty.name, field.name
        )),
        fault @ Raise::Fault(_) => fault,
    }
}

/// Whether a field that was given this value is as if it had been given none: null for a message or a wrapper.
pub(crate) fn is_unset(ty: &ObjectType, index: usize, stored: &Value<'_>) -> bool {
    let Some(field) = ty.fields.get(index) else { return false };
    matches!(stored, Value::Null)
        && matches!(
            field.go_type,
            "*dynamicpb.Message"
                | "*wrapperspb.BoolValue"
                | "*timestamppb.Timestamp"
                | "*durationpb.Duration"
        )
}

/// A message inside a message: the value itself, so that what is changed there later is seen here, as in Kyverno.
fn nested<'a>(runtime: &mut Runtime<'a>, ty: &ObjectType, field: &FieldType, value: Value<'a>) -> Answer<'a> {
    let one = match &field.ty {
        Some(Type::List(element)) => Some(element.as_ref()),
        other => other.as_ref(),
    };
    let Some(Type::Struct(due)) = one else {
        return Err(Fault::Internal("a message's field without type").into());
    };
    let value = inner(&value).map_err(|raise| conversion_error(runtime, ty, field, raise))?;
    match value {
        Value::Null => Ok(Value::Null),
        Value::Object(object) if object.ty.name == *due => Ok(value),
        // None of the message's own fields can be filled, and Kyverno crashes on one without any.
        Value::Map(map) if map.is_empty() => Err(Fault::Unlike(MAP_FOR_MESSAGE).into()),
        Value::Object(object) if object.ty.message => {
            let (message, name, found) = (ty.name, field.name, object.ty.name);
            let text = format_args!("proto: {message}.{name}: assigning invalid message type {found}");
            Err(ErrorKind::Panic(runtime.format(text)?).into())
        }
        other => {
            let raise = failure(runtime, &other, "*dynamicpb.Message");
            Err(conversion_error(runtime, ty, field, raise))
        }
    }
}

fn nested_list<'a>(
    runtime: &mut Runtime<'a>,
    ty: &ObjectType,
    field: &FieldType,
    list: &[Value<'a>],
) -> Answer<'a> {
    let mut out = runtime.list_builder(list.len())?;
    for element in list {
        let message = nested(runtime, ty, field, *element)?;
        if !matches!(message, Value::Null) {
            out.push(message);
        }
    }
    Ok(runtime.finish_list(out))
}

fn texts<'a>(runtime: &mut Runtime<'a>, list: &[Value<'a>]) -> Answer<'a> {
    let mut out = runtime.list_builder(list.len())?;
    for element in list {
        out.push(Value::String(string(runtime, element)?));
    }
    Ok(runtime.finish_list(out))
}

fn text_map<'a>(runtime: &mut Runtime<'a>, map: &Map<'a>) -> Answer<'a> {
    runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut out = MapBuilder::with_capacity(runtime.arena, map.len());
    for (key, value) in map.entries() {
        let key = string(runtime, key)?;
        out.insert(Value::String(key), Value::String(string(runtime, value)?));
    }
    Ok(Value::Map(out.finish()))
}

fn struct_map<'a>(runtime: &mut Runtime<'a>, map: &Map<'a>) -> Answer<'a> {
    runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut out = MapBuilder::with_capacity(runtime.arena, map.len());
    for (key, value) in map.entries() {
        let key = string(runtime, key)?;
        out.insert(Value::String(key), structure(runtime, *value)?);
    }
    Ok(Value::Map(out.finish()))
}

/// A value as a `google.protobuf.Struct`, which reads as a map of what JSON can say.
///
/// # Errors
/// cel-go's text for what is no map of strings.
pub(crate) fn structure<'a>(runtime: &mut Runtime<'a>, value: Value<'a>) -> Answer<'a> {
    stored(runtime, "*structpb.Struct", value)
}

/// The name of a value's type as cel-go declares it, with parameters.
fn declared_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::List(_) => "list(dyn)",
        Value::Map(_) => "map(dyn, dyn)",
        Value::Optional(_) => "optional_type(dyn)",
        other => other.type_name(),
    }
}

/// What Kyverno fills by the keys.
const MAP_FOR_MESSAGE: &str = "a map in place of a message";

/// The value as the Go type of a single field.
fn stored<'a>(runtime: &mut Runtime<'a>, go_type: &str, value: Value<'a>) -> Answer<'a> {
    let value = inner(&value)?;
    match (go_type, value) {
        ("bool", Value::Bool(_))
        | ("int64", Value::Int(_))
        | ("uint64", Value::Uint(_))
        | ("float64", Value::Double(_))
        | ("string", Value::String(_))
        | ("[]uint8", Value::Bytes(_)) => Ok(value),
        ("[]uint8", Value::List(list)) => bytes(runtime, list),
        // A message has the instant alone.
        ("*timestamppb.Timestamp", Value::Timestamp(time)) => {
            Ok(Value::Timestamp(Timestamp { offset: 0, ..time }))
        }
        ("*timestamppb.Timestamp" | "*durationpb.Duration", Value::Null) => Ok(value),
        ("string", Value::Extension(_)) => string(runtime, &value).map(Value::String),
        ("*wrapperspb.BoolValue", Value::Bool(_) | Value::Null) => Ok(value),
        ("int32" | "protoreflect.EnumNumber", Value::Int(int)) if i32::try_from(int).is_err() => {
            Err(ErrorKind::IntegerOverflow.into())
        }
        ("int32" | "protoreflect.EnumNumber", Value::Int(_)) => Ok(value),
        ("uint32", Value::Uint(uint)) if u32::try_from(uint).is_err() => {
            Err(ErrorKind::UnsignedIntegerOverflow.into())
        }
        ("uint32", Value::Uint(_)) => Ok(value),
        ("float32", Value::Double(double)) => Ok(Value::Double(f64::from(double as f32))),
        ("*structpb.Struct" | "*structpb.ListValue", Value::Object(object)) if object.ty.message => {
            let (due, found) = (go_type.trim_start_matches("*structpb."), object.ty.name);
            Err(runtime.error(format_args!(
                "type conversion error: pb.Merge() arguments must be the same type. got: google.protobuf.{due}, {found}"
            )))
        }
        ("*structpb.Struct", Value::Map(_) | Value::Object(_))
        | ("*structpb.ListValue", Value::List(_))
        | ("*structpb.Value", _) => json(runtime, value, 0),
        // Kyverno fills the fields of Go's struct by the keys.
        (
            "*structpb.ListValue"
            | "*wrapperspb.BoolValue"
            | "*timestamppb.Timestamp"
            | "*durationpb.Duration",
            Value::Map(_),
        ) => Err(Fault::Unlike(MAP_FOR_MESSAGE).into()),
        (go_type, other) => Err(failure(runtime, &other, go_type)),
    }
}

/// The value as a `google.protobuf.Value` gives it back: what JSON can say, with doubles for all numbers.
fn json<'a>(runtime: &mut Runtime<'a>, value: Value<'a>, depth: u32) -> Answer<'a> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    runtime.charge(1)?;
    let deeper = depth.saturating_add(1);
    match value {
        Value::Null | Value::Bool(_) | Value::Double(_) | Value::String(_) => Ok(value),
        Value::Int(int) if int.unsigned_abs() <= MAX_SAFE => Ok(Value::Double(i64_as_f64(int))),
        Value::Int(int) => Ok(Value::String(runtime.format(format_args!("{int}"))?)),
        Value::Uint(uint) if uint <= MAX_SAFE => Ok(Value::Double(u64_as_f64(uint))),
        Value::Uint(uint) => Ok(Value::String(runtime.format(format_args!("{uint}"))?)),
        Value::Bytes(bytes) => {
            let mut text = TextBuilder::new(runtime);
            push_base64(runtime, &mut text, bytes)?;
            Ok(Value::String(text.finish()))
        }
        Value::Duration(nanos) => Ok(Value::String(runtime.format(format_args!("{}", DurationText(nanos)))?)),
        Value::Timestamp(time) => Ok(Value::String(runtime.format(format_args!("{time}"))?)),
        Value::List(list) => json_list(runtime, list, deeper),
        Value::Map(map) => json_map(runtime, &map, deeper),
        Value::Optional(Some(held)) => json(runtime, *held, deeper),
        Value::Optional(None) => Err(ErrorKind::OptionalNoneDereference.into()),
        Value::Object(_) | Value::Opaque(_) | Value::Keys(_) => {
            let fields = shown(runtime, &value)?;
            json_map(runtime, &fields, deeper)
        }
        Value::Type(_) | Value::Extension(_) => Err(failure(runtime, &value, "*structpb.Value")),
    }
}

fn json_list<'a>(runtime: &mut Runtime<'a>, list: &[Value<'a>], depth: u32) -> Answer<'a> {
    let mut out = runtime.list_builder(list.len())?;
    for element in list {
        out.push(json(runtime, *element, depth)?);
    }
    Ok(runtime.finish_list(out))
}

fn json_map<'a>(runtime: &mut Runtime<'a>, map: &Map<'a>, depth: u32) -> Answer<'a> {
    runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut out = MapBuilder::with_capacity(runtime.arena, map.len());
    for (key, value) in map.entries() {
        let key = string(runtime, key)?;
        out.insert(Value::String(key), json(runtime, *value, depth)?);
    }
    Ok(Value::Map(out.finish()))
}

/// The value that a message with these stored fields stands for.
///
/// # Errors
/// cel-go's text for an empty `Any`; a fault for a time outside the years 1 to 9999, which Kyverno would let pass.
pub(crate) fn finish<'a>(
    runtime: &mut Runtime<'a>,
    ty: &'static ObjectType,
    fields: &'a [Option<Value<'a>>],
) -> Answer<'a> {
    match &ty.ty {
        Type::Any => {
            Err(ErrorKind::Message("unsupported conversion to ref.Val: (*dynamicpb.Message)").into())
        }
        Type::Duration => {
            let (seconds, nanos) = seconds_and_nanos(fields);
            Ok(Value::Duration(duration(seconds, nanos)))
        }
        Type::Timestamp => {
            let (seconds, nanos) = seconds_and_nanos(fields);
            let time = Timestamp { seconds, nanos: 0, offset: 0 }.after(nanos);
            let overflow = Fault::Unlike("a google.protobuf.Timestamp outside of the years 1 to 9999");
            Ok(Value::Timestamp(time.ok_or(overflow)?))
        }
        Type::Struct(_) => {
            runtime.budget.charge_bytes(size_of::<Object<'_>>())?;
            Ok(Value::Object(runtime.arena.alloc(Object { ty, fields, tagged: true })))
        }
        read_as => {
            let unset = if let Type::Wrapper(of) = read_as { of } else { read_as };
            // A Value holds one of its fields; which of several, Go's map order decides. Here the last one counts.
            let set = fields.iter().rev().copied().flatten().next();
            Ok(set.unwrap_or_else(|| Value::zero(unset)))
        }
    }
}

fn seconds_and_nanos(fields: &[Option<Value<'_>>]) -> (i64, i64) {
    let int = |index: usize| match fields.get(index) {
        Some(Some(Value::Int(int))) => *int,
        _ => 0,
    };
    (int(0), int(1))
}

/// Go's `AsDuration`: what does not fit becomes the longest duration of that sign.
fn duration(seconds: i64, nanos: i64) -> i64 {
    match seconds.checked_mul(1_000_000_000) {
        Some(whole) => whole.saturating_add(nanos),
        None if seconds < 0 => i64::MIN,
        None => i64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::library::stdlib::messages::STRUCT;
    use bumpalo::Bump;

    #[test]
    fn durations_stop_at_the_longest_one() {
        for (seconds, nanos, expected) in [
            (5, -1, 4_999_999_999),
            (9_223_372_036, 999_999_999, i64::MAX),
            (9_223_372_037, -1_000_000_000, i64::MAX),
            (-9_223_372_037, 1_000_000_000, i64::MIN),
            (0, i64::from(i32::MIN), -2_147_483_648),
        ] {
            assert_eq!(duration(seconds, nanos), expected);
        }
    }

    #[test]
    fn a_field_of_struct_holds_json_and_pays_for_it() {
        let arena = Bump::new();
        let elements = [Value::Int(1); 100];
        let entries = [(Value::String("a"), Value::List(&elements))];
        let mut map = MapBuilder::with_capacity(&arena, 1);
        entries.iter().for_each(|(key, value)| map.insert(*key, *value));
        let value = Value::Map(map.finish());
        let ty: &ObjectType = &STRUCT;
        let fields = ty.fields.first().unwrap();
        let mut runtime = Runtime::new(&arena, Budget::default());
        let Ok(Value::Map(stored)) = field(&mut runtime, ty, fields, value) else { panic!() };
        assert!(matches!(stored.get_str("a"), Some(Value::List([Value::Double(1.0), ..]))));
        let mut poor = Runtime::new(&arena, Budget { steps: 50, bytes: 1 << 20 });
        assert!(matches!(field(&mut poor, ty, fields, value), Err(Raise::Fault(Fault::Steps))));
    }
}
