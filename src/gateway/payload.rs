//! Payload files: a `http.CheckRequest` as JSON, read as Kyverno's command line reads it (docs/kyverno.md §12). Nothing is derived: `object.mcp` is what the file says.

use bumpalo::Bump;

use crate::budget::Budget;
use crate::library::kyverno::http::objects;
use crate::library::kyverno::mcp::MCP_REQUEST;
use crate::value::Value;
use crate::value::json::structs::{Field, Shape, Struct, object};
use crate::value::json::{JsonError, go};

/// A payload file's contents.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// The `http.CheckRequest`.
    pub request: Value<'a>,
    /// True if the file has an `mcp` with a `request`; without one `object.mcp` is empty, whatever the body says.
    pub has_mcp: bool,
}

const fn field(name: &'static str, at: usize, shape: Shape) -> Field {
    Field { name, embedded: "", at, shape }
}

const STRING: Shape = Shape::String("string");
const MULTI_MAP: Shape = Shape::Map("map[string][]string", &Shape::List("[]string", &STRING));

static CHECK_REQUEST: Struct = Struct {
    name: "CheckRequest",
    go: "http.CheckRequest",
    object: Some(&objects::CHECK_REQUEST),
    fields: &[
        field("attributes", 0, Shape::Struct(&ATTRIBUTES)),
        field("mcp", 1, Shape::Struct(&MCP_CHECK_DATA)),
    ],
};

static ATTRIBUTES: Struct = Struct {
    name: "CheckRequestAttributes",
    go: "http.CheckRequestAttributes",
    object: Some(&objects::CHECK_REQUEST_ATTRIBUTES),
    fields: &[
        field("method", 0, STRING),
        field("header", 1, MULTI_MAP),
        field("host", 2, STRING),
        field("protocol", 3, STRING),
        field("contentLength", 4, Shape::Int("int64")),
        field("body", 5, Shape::Bytes),
        field("scheme", 6, STRING),
        field("path", 7, STRING),
        field("query", 8, MULTI_MAP),
        field("fragment", 9, STRING),
    ],
};

static MCP_CHECK_DATA: Struct = Struct {
    name: "MCPCheckData",
    go: "http.MCPCheckData",
    object: Some(&objects::MCP_CHECK_DATA),
    fields: &[field("request", 0, Shape::Pointer(&Shape::Struct(&MCP_REQUEST)))],
};

/// Reads a payload file.
///
/// # Errors
/// Go's text for what does not decode; a fault if the file is larger than the budget allows.
pub fn payload<'a>(
    json: &'a [u8],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Payload<'a>, JsonError<'a>> {
    let checked = go::syntax(json, arena, budget)?;
    let request = object(checked, &CHECK_REQUEST, arena, budget)?;
    let has_mcp = matches!(request, Value::Object(request) if request.is_set(1));
    Ok(Payload { request, has_mcp })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Object;

    fn read<T>(text: &str, then: impl FnOnce(Result<Payload<'_>, JsonError<'_>>) -> T) -> T {
        let arena = Bump::new();
        let text: &str = arena.alloc_str(text);
        then(payload(text.as_bytes(), &arena, &mut Budget::default()))
    }

    fn get<'a>(object: &Object<'a>, name: &str) -> (Value<'a>, bool) {
        let index = object.ty.field(name).unwrap().0;
        (object.get(index), object.is_set(index))
    }

    fn attributes<T>(text: &str, then: impl FnOnce(&Object<'_>) -> T) -> T {
        read(text, |payload| {
            let Value::Object(request) = payload.unwrap().request else { panic!() };
            let (Value::Object(attributes), _) = get(request, "attributes") else { panic!() };
            then(attributes)
        })
    }

    #[test]
    fn a_payload_is_literal() {
        let text = r#"{"Attributes":{"METHOD":"a"},"attributes":{"method":"X","header":{"x-foo":["1"],"n":null},
            "body":"aGk=","contentLength":77},"zz":1}"#;
        attributes(text, |attributes| {
            assert!(matches!(get(attributes, "method"), (Value::String("X"), true)));
            assert!(matches!(get(attributes, "body"), (Value::Bytes(b"hi"), true)));
            assert!(matches!(get(attributes, "contentLength"), (Value::Int(77), true)));
            let (Value::Map(header), true) = get(attributes, "header") else { panic!() };
            assert!(matches!(header.get_str("x-foo"), Some(Value::List([Value::String("1")]))));
            assert!(matches!(header.get_str("n"), Some(Value::List([]))));
            assert!(matches!(get(attributes, "query"), (Value::Map(_), false)));
            assert!(matches!(get(attributes, "host"), (Value::String(""), false)));
        });
    }

    #[test]
    fn nil_differs_from_empty() {
        attributes(r#"{"attributes":{"header":{},"query":{},"body":""}}"#, |attributes| {
            assert!(["header", "query", "body"].iter().all(|name| get(attributes, name).1));
        });
        attributes(r#"{"attributes":{"header":null,"body":null}}"#, |attributes| {
            assert!(!get(attributes, "header").1 && !get(attributes, "body").1);
        });
        attributes(r#"{"attributes":{"body":[104,105,null]}}"#, |attributes| {
            assert!(matches!(get(attributes, "body").0, Value::Bytes(b"hi\0")));
        });
    }

    #[test]
    fn the_mcp_request_is_the_file_s() {
        for (text, has) in [
            ("{}", false),
            (r#"{"mcp":{}}"#, false),
            (r#"{"mcp":{"request":null}}"#, false),
            (r#"{"mcp":{"request":{}}}"#, true),
            (
                r#"{"mcp":{"request":{"method":"tools/call","toolcall":{"name":"n","arguments":{"a":1}}}}}"#,
                true,
            ),
            ("null", false),
        ] {
            assert_eq!(read(text, |payload| payload.unwrap().has_mcp), has, "{text}");
        }
    }

    #[test]
    fn errors_are_go_s() {
        // Recorded from Go 1.26.8 with Kyverno's types.
        for (text, expected) in include!("payload/recorded.rs") {
            let got =
                read(text, |payload| payload.map_or_else(|error| error.to_string(), |_| "ok".to_owned()));
            assert_eq!(got, expected, "{text}");
        }
    }
}
