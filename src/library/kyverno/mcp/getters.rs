//! `GetStringArgument` and its kin: an argument by name, turned into the wanted type, or the default.

use super::number;
use crate::error::Raise;
use crate::library::runtime::{Answer, Runtime};
use crate::library::to_go;
use crate::value::{Map, Object, Value};

/// The index of `ToolCall` in `mcp.MCPRequest`.
const TOOL_CALL: usize = 3;
/// The index of `ResourceRead` in `mcp.MCPRequest`.
const RESOURCE_READ: usize = 4;
/// The index of `PromptGet` in `mcp.MCPRequest`.
const PROMPT_GET: usize = 7;
/// The index of `Arguments` in the parameters of all three.
const ARGUMENTS: usize = 1;

/// The arguments of a request: a tool call's if they are an object, else a resource's, else a prompt's.
fn arguments<'a>(request: &Object<'a>) -> Option<Map<'a>> {
    [TOOL_CALL, RESOURCE_READ, PROMPT_GET].into_iter().find_map(|field| {
        let Some(Some(Value::Object(params))) = request.fields.get(field) else { return None };
        match params.fields.get(ARGUMENTS) {
            Some(Some(Value::Map(map))) => Some(*map),
            _ => None,
        }
    })
}

/// The argument that a call names, and its default.
fn argument<'a>(
    runtime: &mut Runtime<'a>,
    function: &'static str,
    call: &[Value<'a>],
) -> Result<(Option<Value<'a>>, Value<'a>), Raise<'a>> {
    let [Value::Object(request), key, default] = call else {
        return Err(runtime.no_overload(function, call));
    };
    let key = to_go::string(runtime, key)?;
    runtime.charge_scan(key.len())?;
    Ok((arguments(request).and_then(|map| map.get_str(key)), *default))
}

fn as_string<'a>(_: &mut Runtime<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(Some(value).filter(|value| matches!(value, Value::String(_))))
}

fn as_int<'a>(runtime: &mut Runtime<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Double(double) => Some(Value::Int(number::truncate(double))),
        Value::String(text) => {
            runtime.charge_scan(text.len())?;
            text.parse().ok().map(Value::Int)
        }
        _ => None,
    })
}

fn as_double<'a>(runtime: &mut Runtime<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Double(_) => Some(value),
        Value::String(text) => {
            runtime.charge_scan(text.len())?;
            number::parse_float(text, runtime.arena).map(Value::Double)
        }
        _ => None,
    })
}

fn as_bool<'a>(_: &mut Runtime<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Bool(_) => Some(value),
        Value::String("1" | "t" | "T" | "TRUE" | "true" | "True") => Some(Value::Bool(true)),
        Value::String("0" | "f" | "F" | "FALSE" | "false" | "False") => Some(Value::Bool(false)),
        // Not zero rather than greater or less: NaN counts as true in Go.
        Value::Double(double) => Some(Value::Bool(double != 0.0)),
        _ => None,
    })
}

type Convert<'a> = fn(&mut Runtime<'a>, &Value<'a>) -> Answer<'a>;
type Coerce<'a> = fn(&mut Runtime<'a>, Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>>;

fn one<'a>(
    runtime: &mut Runtime<'a>,
    function: &'static str,
    call: &[Value<'a>],
    convert: Convert<'a>,
    coerce: Coerce<'a>,
) -> Answer<'a> {
    let (found, default) = argument(runtime, function, call)?;
    let default = convert(runtime, &default)?;
    match found {
        Some(value) => Ok(coerce(runtime, value)?.unwrap_or(default)),
        None => Ok(default),
    }
}

fn many<'a>(
    runtime: &mut Runtime<'a>,
    function: &'static str,
    call: &[Value<'a>],
    convert: Convert<'a>,
    coerce: Coerce<'a>,
) -> Answer<'a> {
    let (found, default) = argument(runtime, function, call)?;
    let Value::List(elements) = default else { return Err(runtime.no_overload(function, call)) };
    // Kyverno converts the default before it looks at the argument.
    for element in elements {
        runtime.charge(1)?;
        convert(runtime, element)?;
    }
    let Some(Value::List(items)) = found else { return Ok(default) };
    let mut list = runtime.list_builder(items.len())?;
    for item in items {
        runtime.charge(1)?;
        list.extend(coerce(runtime, *item)?);
    }
    Ok(runtime.finish_list(list))
}

fn string_value<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Answer<'a> {
    to_go::string(runtime, value).map(Value::String)
}

pub(super) fn string<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(runtime, "GetStringArgument", call, string_value, as_string)
}

pub(super) fn int<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(runtime, "GetIntArgument", call, to_go::int, as_int)
}

pub(super) fn double<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(runtime, "GetFloatArgument", call, to_go::double, as_double)
}

pub(super) fn bool<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(runtime, "GetBoolArgument", call, to_go::bool, as_bool)
}

pub(super) fn strings<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(runtime, "GetStringSliceArgument", call, string_value, as_string)
}

pub(super) fn ints<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(runtime, "GetIntSliceArgument", call, to_go::int, as_int)
}

pub(super) fn doubles<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(runtime, "GetFloatSliceArgument", call, to_go::double, as_double)
}

pub(super) fn bools<'a>(runtime: &mut Runtime<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(runtime, "GetBoolSliceArgument", call, to_go::bool, as_bool)
}
