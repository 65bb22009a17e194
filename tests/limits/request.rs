//! A request with nothing but a body.

use toolgate::internal::library::object_type;
use toolgate::internal::value::{Object, Value};

/// What comes of `ask`, given the request.
pub(crate) fn with_body<T>(body: &str, ask: impl FnOnce(Value<'_>) -> T) -> T {
    let attributes = object_type("http.CheckRequestAttributes").unwrap();
    let mut fields = vec![None; attributes.fields.len()];
    fields[attributes.field("body").unwrap().0] = Some(Value::Bytes(body.as_bytes()));
    let attributes = Object { ty: attributes, fields: &fields, tagged: false };
    let fields = [Some(Value::Object(&attributes))];
    ask(Value::Object(&Object {
        ty: object_type("http.CheckRequest").unwrap(),
        fields: &fields,
        tagged: false,
    }))
}
