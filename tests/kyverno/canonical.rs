//! Values in the oracle's canonical form.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};
use toolgate::internal::library::envoy_messages::is_envoy;
use toolgate::internal::value::{Object, ShortestDouble, Value};

/// The canonical form of a value.
pub(crate) fn canonical(value: &Value<'_>) -> Json {
    match value {
        Value::Null => json!({"null": true}),
        Value::Bool(b) => json!({"bool": b}),
        Value::Int(i) => json!({"int": i.to_string()}),
        Value::Uint(u) => json!({"uint": u.to_string()}),
        Value::Double(d) => json!({"double": ShortestDouble(*d).to_string()}),
        Value::String(s) => json!({"string": s}),
        Value::Bytes(b) => json!({"bytes": BASE64_STANDARD.encode(b)}),
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
        Value::Object(object) if object.ty.message && !is_envoy(object.ty.name) => {
            json!({"opaque": object.ty.name})
        }
        Value::Object(object) => object_form(object),
        Value::Keys(_) => json!({"opaque": "jwk.Set"}),
        Value::Opaque(name) => json!({"opaque": name}),
        Value::Extension(value) => json!({"opaque": value.type_name()}),
    }
}

/// An object with the fields that `has()` says are there.
fn object_form(object: &Object<'_>) -> Json {
    let mut fields = serde_json::Map::new();
    for (index, field) in object.ty.fields.iter().enumerate() {
        // A field without a name is one that neither CEL nor `dyn` can reach.
        if object.is_set(index) && !field.name.is_empty() {
            fields.insert(field.name.to_owned(), canonical(&object.get(index)));
        }
    }
    json!({"struct": {"type": object.ty.name, "fields": fields}})
}
