//! `mcp.Parse` and the argument getters, and the same parse as the authz server does it for `object.mcp`.
//!
//! The choices are Kyverno's and mcp-go's: names in any case, the last of several members, fields by method,
//! getters that never fail (docs/kyverno.md §9, §10).

use bumpalo::Bump;

use crate::budget::{Budget, Fault};
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Library, Row};
use crate::library::to_go;
use crate::value::json::structs::{Struct, fields};
use crate::value::json::{Checked, JsonError, go};
use crate::value::{Object, ObjectType, Value};

mod getters;
mod number;
pub mod objects;
mod params;

pub use params::MCP_REQUEST;

/// The string constants of the library: `mcp.InitializeMethod` and so on.
pub const CONSTANTS: &[(&str, &str)] = &[
    ("mcp.InitializeMethod", "initialize"),
    ("mcp.PingMethod", "ping"),
    ("mcp.ResourcesListMethod", "resources/list"),
    ("mcp.ResourcesTemplatesListMethod", "resources/templates/list"),
    ("mcp.ResourcesReadMethod", "resources/read"),
    ("mcp.PromptsListMethod", "prompts/list"),
    ("mcp.PromptsGetMethod", "prompts/get"),
    ("mcp.ToolsListMethod", "tools/list"),
    ("mcp.ToolsCallMethod", "tools/call"),
    ("mcp.SetLogLevelMethod", "logging/setLevel"),
    ("mcp.ElicitationCreateMethod", "elicitation/create"),
];

/// Kyverno's `kyverno.mcp`.
pub static LIBRARY: Library = Library {
    name: "kyverno.mcp",
    version: 0,
    types: objects::TYPES,
    rows: &[
        Row {
            id: "mcp_parse_bytes_dyn",
            signature: "mcp.MCP.Parse(dyn) -> mcp.MCPRequest",
            implementation: Implementation::Own(parse_text),
            doc: "The MCP request that a JSON text holds; which field is set depends on the method alone.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"name": "t"}}').ToolCall.Name == "t""#,
                r#"has(mcp.Parse('{"method": "tools/list"}').Paginated)"#,
            ],
            since: 0,
            total: false,
            json: false,
        },
        Row {
            id: "mcp_get_string",
            signature: "mcp.MCPRequest.GetStringArgument(string, string) -> string",
            implementation: Implementation::Own(getters::string),
            doc: "The argument if it is a string, else the default.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": "x"}}}').GetStringArgument("a", "") == "x""#,
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "mcp_get_int",
            signature: "mcp.MCPRequest.GetIntArgument(string, int) -> int",
            implementation: Implementation::Own(getters::int),
            doc: "The argument as an int: a number without its fraction, or a decimal string; else the default.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": 1.9}}}').GetIntArgument("a", 0) == 1"#,
            ],
            since: 0,
            total: false,
            json: false,
        },
        Row {
            id: "mcp_get_float",
            signature: "mcp.MCPRequest.GetFloatArgument(string, double) -> double",
            implementation: Implementation::Own(getters::double),
            doc: "The argument as a double: a number, or a string in Go's floating-point syntax; else the default.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": "1_000"}}}').GetFloatArgument("a", 0.0) == 1000.0"#,
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "mcp_get_bool",
            signature: "mcp.MCPRequest.GetBoolArgument(string, bool) -> bool",
            implementation: Implementation::Own(getters::bool),
            doc: "The argument as a bool: a bool, a string such as \"true\" or \"0\", a number other than zero.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": "T"}}}').GetBoolArgument("a", false)"#,
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "mcp_get_string_slice",
            signature: "mcp.MCPRequest.GetStringSliceArgument(string, list(string)) -> list(string)",
            implementation: Implementation::Own(getters::strings),
            doc: "The strings of a list argument; the default if the argument is no list.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": [1, "x"]}}}').GetStringSliceArgument("a", []) == ["x"]"#,
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "mcp_get_int_slice",
            signature: "mcp.MCPRequest.GetIntSliceArgument(string, list(int)) -> list(int)",
            implementation: Implementation::Own(getters::ints),
            doc: "The numbers and decimal strings of a list argument, as ints; the default if it is no list.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": [1.5, "2", "x"]}}}').GetIntSliceArgument("a", []) == [1, 2]"#,
            ],
            since: 0,
            total: false,
            json: false,
        },
        Row {
            id: "mcp_get_float_slice",
            signature: "mcp.MCPRequest.GetFloatSliceArgument(string, list(double)) -> list(double)",
            implementation: Implementation::Own(getters::doubles),
            doc: "The numbers and numeric strings of a list argument; the default if it is no list.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": [1.5, "2"]}}}').GetFloatSliceArgument("a", []) == [1.5, 2.0]"#,
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "mcp_get_bool_slice",
            signature: "mcp.MCPRequest.GetBoolSliceArgument(string, list(bool)) -> list(bool)",
            implementation: Implementation::Own(getters::bools),
            doc: "The bools of a list argument, with strings and numbers that read as one.",
            examples: &[
                r#"mcp.Parse('{"method": "tools/call", "params": {"arguments": {"a": [true, 0, "x"]}}}').GetBoolSliceArgument("a", []) == [true, false]"#,
            ],
            since: 0,
            total: true,
            json: false,
        },
    ],
};

fn parse_text<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let Some(value) = arguments.get(1) else { return Err(runtime.no_overload("Parse", arguments)) };
    let text = to_go::string(runtime, value)?;
    let checked = go::syntax(text.as_bytes(), runtime.arena, &mut runtime.budget)?;
    Ok(parse(checked.of(text), runtime.arena, &mut runtime.budget)?)
}

/// The field of `mcp.MCPRequest` that a method sets, and the struct around its parameters.
fn params_of(method: &str) -> Option<(usize, &'static Struct)> {
    Some(match method {
        "initialize" => (8, &params::INITIALIZE),
        "resources/list" | "resources/templates/list" | "tools/list" | "prompts/list" => {
            (2, &params::PAGINATED)
        }
        "resources/read" => (4, &params::RESOURCE_READ),
        "tools/call" => (3, &params::TOOL_CALL),
        "logging/setLevel" => (12, &params::SET_LOG_LEVEL),
        "prompts/get" => (7, &params::PROMPT_GET),
        "elicitation/create" => (10, &params::ELICITATION),
        _ => return None,
    })
}

/// `mcp.Parse`: the `mcp.MCPRequest` of a JSON text.
///
/// # Errors
/// Go's text for what does not decode; a fault if the budget is spent or values nest too deep.
pub fn parse<'a>(
    input: Checked<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, JsonError<'a>> {
    let [_, id, _, method] = fields(input, &params::ENVELOPE, arena, budget)? else {
        return Err(Fault::Internal("the JSON-RPC envelope has other fields").into());
    };
    let name = if let Some(Value::String(name)) = method { *name } else { "" };
    let params = match params_of(name) {
        None => None,
        Some((at, of)) => {
            let value = fields(input, of, arena, budget)?.first().copied().flatten();
            let unset = || objects::MCP_REQUEST.fields.get(at).map_or(Value::Null, |field| field.zero(false));
            // The field is set by the method alone, whether or not there are parameters.
            Some((at, value.unwrap_or_else(unset)))
        }
    };
    request(Some(Value::String(name)), *id, params, arena, budget)
}

fn request<'a>(
    method: Option<Value<'a>>,
    id: Option<Value<'a>>,
    params: Option<(usize, Value<'a>)>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, JsonError<'a>> {
    let ty: &ObjectType = &objects::MCP_REQUEST;
    budget.charge_bytes(ty.fields.len().saturating_add(2).saturating_mul(size_of::<Option<Value<'_>>>()))?;
    let fields = arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (at, value) in [(0, method), (1, id)].into_iter().chain(params.map(|(at, value)| (at, Some(value)))) {
        if let Some(field) = fields.get_mut(at) {
            *field = value;
        }
    }
    Ok(Value::Object(arena.alloc(Object { ty, fields, tagged: false })))
}

/// `object.mcp.request` for a body: as [`parse`], but what does not decode keeps at most its method.
///
/// # Errors
/// Only faults: the budget is spent, or values nest deeper than the engine follows.
pub fn parse_body<'a>(
    body: Result<Checked<'a>, JsonError<'a>>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Fault> {
    let method = match body {
        Err(JsonError::Fault(fault)) => return Err(fault),
        Err(JsonError::Text(_)) => None,
        Ok(body) => match parse(body, arena, budget) {
            Ok(request) => return Ok(request),
            Err(JsonError::Fault(fault)) => return Err(fault),
            Err(JsonError::Text(_)) => match fields(body, &params::METHOD, arena, budget) {
                Ok(found) => found.first().copied().flatten(),
                Err(JsonError::Text(_)) => None,
                Err(JsonError::Fault(fault)) => return Err(fault),
            },
        },
    };
    match request(method, None, None, arena, budget) {
        Ok(request) => Ok(request),
        Err(JsonError::Fault(fault)) => Err(fault),
        Err(JsonError::Text(_)) => Err(Fault::Internal("an empty request does not build")),
    }
}

#[cfg(test)]
mod tests;
