//! Values as the converted data have them: `{"int": "1"}`, `{"list": […]}`, `{"map": [[key, value], …]}`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::internal::value::{MapBuilder, Timestamp, Value};

/// The value; the error names what Toolgate has no value for.
pub(crate) fn read<'a>(json: &Json, arena: &'a Bump) -> Result<Value<'a>, String> {
    let (kind, inner) = json.as_object().unwrap().iter().next().unwrap();
    let text = || inner.as_str().unwrap();
    Ok(match kind.as_str() {
        "null" => Value::Null,
        "bool" => Value::Bool(inner.as_bool().unwrap()),
        "int" => Value::Int(text().parse().unwrap()),
        "uint" => Value::Uint(text().parse().unwrap()),
        "double" => Value::Double(double(text())),
        "string" => Value::String(arena.alloc_str(text())),
        "bytes" => Value::Bytes(arena.alloc_slice_copy(&BASE64_STANDARD.decode(text()).unwrap())),
        "type" => Value::Type(arena.alloc_str(text())),
        "duration" => Value::Duration(text().parse().unwrap()),
        "timestamp" => Value::Timestamp(Timestamp {
            seconds: inner[0].as_i64().unwrap(),
            nanos: u32::try_from(inner[1].as_u64().unwrap()).unwrap(),
            offset: 0,
        }),
        "list" => {
            let values = inner.as_array().unwrap().iter().map(|value| read(value, arena));
            Value::List(arena.alloc_slice_copy(&values.collect::<Result<Vec<_>, _>>()?))
        }
        "map" => {
            let entries = inner.as_array().unwrap();
            let mut map = MapBuilder::with_capacity(arena, entries.len());
            for entry in entries {
                map.insert(read(&entry[0], arena)?, read(&entry[1], arena)?);
            }
            Value::Map(map.finish())
        }
        _ => return Err(format!("has a value of the message type {inner}")),
    })
}

/// protobuf's spellings: `NaN`, `-Infinity`, `inf`, and `1f`.
fn double(text: &str) -> f64 {
    text.trim_end_matches('f').parse().or_else(|_| text.parse()).unwrap()
}

/// Equal in type and value, as protobuf messages are: unlike CEL's `==`, an int is no double, and NaN is NaN.
pub(crate) fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b || a.is_nan() && b.is_nan(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(*b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            let entries = a.entries().iter().zip(b.entries());
            a.len() == b.len() && entries.into_iter().all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
        }
        (Value::Int(_) | Value::Uint(_), Value::Int(_) | Value::Uint(_)) if a.kind() != b.kind() => false,
        (Value::Double(_), _) | (_, Value::Double(_)) => false,
        _ => {
            toolgate::internal::value::equal(a, b, &mut 100_000)
                == Ok(toolgate::internal::value::Sameness::Equal)
        }
    }
}
