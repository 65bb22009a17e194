//! The request of a case as the value that policies see.

use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::cel::budget::Budget;
use toolgate::gateway::payload::payload;
use toolgate::library::kyverno::mcp::parse_body;
use toolgate::types::object_type;
use toolgate::value::json::go::syntax;
use toolgate::value::{MapBuilder, Object, Value};

/// `object` for a case: Kyverno's recorded CheckRequest, the payload, or an empty request.
pub(crate) fn object<'a>(case: &Json, bump: &'a Bump) -> Value<'a> {
    if case["payload"].is_object() {
        let text = bump.alloc_str(&case["payload"].to_string());
        return payload(text.as_bytes(), bump, &mut Budget::default()).unwrap().request;
    }
    let ty = object_type("http.CheckRequest").unwrap();
    let attributes = &case["object"]["attributes"];
    let fields: Vec<Option<Value<'a>>> = match attributes["body"].as_str() {
        // The server reads `object.mcp` out of the body, so Toolgate does too instead of taking what was recorded.
        Some(body) if case["request"].is_string() => {
            vec![Some(attributes_object(attributes, bump)), Some(mcp(&decode(body), bump))]
        }
        _ => Vec::new(),
    };
    Value::Object(bump.alloc(Object { ty, fields: bump.alloc_slice_copy(&fields), tagged: false }))
}

fn mcp<'a>(body: &[u8], bump: &'a Bump) -> Value<'a> {
    let body = syntax(bump.alloc_slice_copy(body), bump, &mut Budget::default());
    let request = parse_body(body, bump, &mut Budget::default()).unwrap();
    let ty = object_type("http.MCPCheckData").unwrap();
    Value::Object(bump.alloc(Object { ty, fields: bump.alloc_slice_copy(&[Some(request)]), tagged: false }))
}

fn attributes_object<'a>(attributes: &Json, bump: &'a Bump) -> Value<'a> {
    let ty = object_type("http.CheckRequestAttributes").unwrap();
    let fields: Vec<Option<Value<'a>>> = ty
        .fields
        .iter()
        .map(|field| match (&attributes[field.name], field.name) {
            (Json::String(text), "body") => Some(Value::Bytes(bump.alloc_slice_copy(&decode(text)))),
            (Json::String(text), _) => Some(Value::String(bump.alloc_str(text))),
            (Json::Number(number), _) => Some(Value::Int(number.as_i64().unwrap())),
            (Json::Object(map), _) => {
                let mut builder = MapBuilder::with_capacity(bump, map.len());
                for (key, values) in map {
                    let values: Vec<Value<'a>> = values
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|value| Value::String(bump.alloc_str(value.as_str().unwrap())))
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

/// Standard base64.
fn decode(text: &str) -> Vec<u8> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut out = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let n = chunk.iter().fold(0_u32, |n, b| n << 6 | u32::from(digit(*b))) << (6 * (4 - chunk.len()));
        out.extend(n.to_be_bytes().iter().skip(1).take(chunk.len() * 3 / 4));
    }
    out
}
