//! Kyverno's recorded CheckRequest as the value that policies see.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bumpalo::Bump;
use serde_json::Value as Json;
use toolgate::internal::budget::Budget;
use toolgate::internal::library::kyverno::mcp::parse_body;
use toolgate::internal::library::object_type;
use toolgate::internal::value::json::go::syntax;
use toolgate::internal::value::{MapBuilder, Object, Value};

/// `object` for a recorded CheckRequest; with `mcp`, `object.mcp` is read out of its body.
pub(crate) fn object<'a>(object: &Json, mcp: bool, bump: &'a Bump) -> Value<'a> {
    let ty = object_type("http.CheckRequest").unwrap();
    let attributes = &object["attributes"];
    let mut fields = Vec::new();
    if attributes.is_object() {
        fields.push(Some(attributes_object(attributes, bump)));
        if mcp {
            let body = BASE64_STANDARD.decode(attributes["body"].as_str().unwrap_or_default()).unwrap();
            fields.push(Some(mcp_object(&body, bump)));
        }
    }
    Value::Object(bump.alloc(Object { ty, fields: bump.alloc_slice_copy(&fields), tagged: false }))
}

fn mcp_object<'a>(body: &[u8], bump: &'a Bump) -> Value<'a> {
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
            (Json::String(text), "body") => {
                Some(Value::Bytes(bump.alloc_slice_copy(&BASE64_STANDARD.decode(text).unwrap())))
            }
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
