//! Values in the oracle's canonical form, and recorded requests as values.

use bumpalo::Bump;
use serde_json::{Value as Json, json};
use toolgate::cel::budget::Budget;
use toolgate::library::kyverno::mcp::parse_body;
use toolgate::types::{ObjectType, object_type};
use toolgate::value::json::go::syntax;
use toolgate::value::{MapBuilder, Object, ShortestDouble, Value};

/// The canonical form of a value.
pub(crate) fn canonical(value: &Value<'_>) -> Json {
    match value {
        Value::Null => json!({"null": true}),
        Value::Bool(b) => json!({"bool": b}),
        Value::Int(i) => json!({"int": i.to_string()}),
        Value::Uint(u) => json!({"uint": u.to_string()}),
        Value::Double(d) => json!({"double": ShortestDouble(*d).to_string()}),
        Value::String(s) => json!({"string": s}),
        Value::Bytes(b) => json!({"bytes": base64(b)}),
        Value::Duration(nanos) => json!({"duration": nanos.to_string()}),
        Value::Timestamp(t) => json!({"timestamp": t.to_string()}),
        Value::Type(name) => json!({"type": name}),
        Value::List(list) => json!({"list": list.iter().map(canonical).collect::<Vec<_>>()}),
        Value::Map(map) => {
            let mut entries: Vec<(String, Json)> = map
                .entries()
                .iter()
                .map(|(k, v)| {
                    let key = canonical(k);
                    // Sorted by the text of Go's encoder, which escapes the two line separators.
                    let text = key.to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
                    (text, json!([key, canonical(v)]))
                })
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            json!({"map": entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>()})
        }
        Value::Optional(None) => json!({"optional": null}),
        Value::Optional(Some(inner)) => json!({"optional": canonical(inner)}),
        Value::Object(object) => {
            let mut fields = serde_json::Map::new();
            for (at, field) in object.ty.fields.iter().enumerate() {
                if object.is_set(at) && !field.name.is_empty() {
                    fields.insert(field.name.to_owned(), canonical(&object.get(at)));
                }
            }
            json!({"struct": {"type": object.ty.name, "fields": fields}})
        }
        Value::Opaque(name) => json!({"opaque": name}),
    }
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from(group >> shift & 63).ok().and_then(|digit| ALPHABET.get(digit));
            let digit = digit.filter(|_| at <= chunk.len()).copied().unwrap_or(b'=');
            out.push(char::from(digit));
        }
    }
    out
}

/// Standard base64 with padding; what is no digit counts as `/`.
fn decode(text: &str) -> Vec<u8> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => b.wrapping_sub(b'A'),
        b'a'..=b'z' => b.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => b.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut group = chunk.iter().fold(0_u32, |n, b| n << 6 | u32::from(digit(*b)));
        for _ in chunk.len()..4 {
            group <<= 6;
        }
        let whole = chunk.len().wrapping_mul(3) >> 2;
        out.extend(group.to_be_bytes().iter().skip(1).take(whole));
    }
    out
}

/// `object` for a recorded CheckRequest. `object.mcp` is read out of the body, as Kyverno's server does, if it was
/// recorded at all: a payload has none.
pub(crate) fn request<'a>(object: &Json, bump: &'a Bump) -> Value<'a> {
    let Some(ty) = object_type("http.CheckRequest") else { return Value::Null };
    let attributes = &object["attributes"];
    let mut fields = Vec::new();
    if attributes.is_object() {
        fields.push(object_type("http.CheckRequestAttributes").map(|ty| attributes_of(ty, attributes, bump)));
    }
    if object["mcp"].is_object() {
        fields.push(mcp(&decode(attributes["body"].as_str().unwrap_or_default()), bump));
    }
    Value::Object(bump.alloc(Object { ty, fields: bump.alloc_slice_copy(&fields), tagged: false }))
}

fn mcp<'a>(body: &[u8], bump: &'a Bump) -> Option<Value<'a>> {
    let body = syntax(bump.alloc_slice_copy(body), bump, &mut Budget::default());
    let request = parse_body(body, bump, &mut Budget::default()).ok()?;
    let ty = object_type("http.MCPCheckData")?;
    Some(Value::Object(bump.alloc(Object {
        ty,
        fields: bump.alloc_slice_copy(&[Some(request)]),
        tagged: false,
    })))
}

fn attributes_of<'a>(ty: &'static ObjectType, attributes: &Json, bump: &'a Bump) -> Value<'a> {
    let fields: Vec<Option<Value<'a>>> = ty
        .fields
        .iter()
        .map(|field| match (&attributes[field.name], field.name) {
            (Json::String(text), "body") => Some(Value::Bytes(bump.alloc_slice_copy(&decode(text)))),
            (Json::String(text), _) => Some(Value::String(bump.alloc_str(text))),
            (Json::Number(number), _) => number.as_i64().map(Value::Int),
            (Json::Object(map), _) => {
                let mut builder = MapBuilder::with_capacity(bump, map.len());
                for (key, values) in map {
                    let values: Vec<Value<'a>> = values
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Json::as_str)
                        .map(|value| Value::String(bump.alloc_str(value)))
                        .collect();
                    builder.insert(
                        Value::String(bump.alloc_str(key)),
                        Value::List(bump.alloc_slice_copy(&values)),
                    );
                }
                Some(Value::Map(builder.finish()))
            }
            _ => None,
        })
        .collect();
    Value::Object(bump.alloc(Object { ty, fields: bump.alloc_slice_copy(&fields), tagged: false }))
}
