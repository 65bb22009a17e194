//! The objects on the way to headers, methods and names: what their members are, by the checker's type or through `dyn`.

use crate::library::VARIABLES;
use crate::types::Type;

use super::deployed::Deployed;
use super::given::{Form, Keys, WHOLE};
use super::value::{Object, Texts, Value};

/// The objects by their types.
const TYPES: [(&str, Object); 11] = [
    (VARIABLES, Object::Variables),
    ("toolgate.Call", Object::Call),
    ("http.CheckRequest", Object::Http),
    ("http.CheckRequestAttributes", Object::Attributes),
    ("http.MCPCheckData", Object::Mcp),
    ("envoy.service.auth.v3.CheckRequest", Object::Envoy),
    ("envoy.service.auth.v3.AttributeContext", Object::EnvoyAttributes),
    ("envoy.service.auth.v3.AttributeContext.Request", Object::EnvoyRequest),
    ("envoy.service.auth.v3.AttributeContext.HttpRequest", Object::EnvoyHttp),
    ("mcp.MCPRequest", Object::McpRequest),
    ("mcp.CallToolParams", Object::ToolCall),
];

/// The object of a type, or in an optional of it.
pub(super) fn of_type(ty: &Type) -> Option<Object> {
    let Type::Struct(name) = ty.unwrap_optional().unwrap_or(ty) else { return None };
    TYPES.iter().find(|(of, _)| of == name).map(|(_, object)| *object)
}

/// A member of an object. Through `dyn` the members of Go's structs have Go's names.
pub(super) fn member(object: Object, name: &str, deployed: &Deployed) -> Value {
    let text = |form: Form| Value::Texts(Texts::given(form, false));
    match (object, name) {
        (Object::Http, "attributes" | "Attributes") => Value::Object(Object::Attributes),
        (Object::Http, "mcp" | "Mcp") => Value::Object(Object::Mcp),
        (Object::Attributes, "header" | "Header") => Value::Headers(Keys::Http),
        (Object::Attributes, "method" | "Method") | (Object::EnvoyHttp, "method") => text(Form::HttpMethod),
        (Object::Envoy, "attributes") => Value::Object(Object::EnvoyAttributes),
        (Object::EnvoyAttributes, "request") => Value::Object(Object::EnvoyRequest),
        (Object::EnvoyRequest, "http") => Value::Object(Object::EnvoyHttp),
        (Object::EnvoyHttp, "headers") => Value::Headers(Keys::Envoy),
        (Object::Mcp, "request" | "Request") => Value::Object(Object::McpRequest),
        (Object::McpRequest, "ToolCall") => Value::Object(Object::ToolCall),
        (Object::McpRequest, "Method") => text(Form::Method),
        (Object::ToolCall, "Name") => text(Form::Name(WHOLE)),
        (Object::Json, "headers") => Value::Headers(Keys::Json),
        (Object::Call, "headers") => Value::Headers(Keys::Caller),
        (Object::Json | Object::Call, name) => deployed.attribute(name).map(Value::Texts).unwrap_or_default(),
        _ => Value::Unknown,
    }
}
