//! `GetStringArgument` and its kin: an argument by name, turned into the wanted type, or the default.

use super::number;
use crate::cel::error::Raise;
use crate::library::kyverno::convert;
use crate::library::table::{Answer, Context};
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
    context: &mut Context<'a>,
    function: &'static str,
    call: &[Value<'a>],
) -> Result<(Option<Value<'a>>, Value<'a>), Raise<'a>> {
    let [Value::Object(request), key, default] = call else {
        return Err(context.no_overload(function, call));
    };
    let key = convert::string(context, key)?;
    context.charge_scan(key.len())?;
    Ok((arguments(request).and_then(|map| map.get_str(key)), *default))
}

fn as_string<'a>(_: &mut Context<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(Some(value).filter(|value| matches!(value, Value::String(_))))
}

fn as_int<'a>(context: &mut Context<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Double(double) => Some(Value::Int(number::truncate(double))),
        Value::String(text) => {
            context.charge_scan(text.len())?;
            text.parse().ok().map(Value::Int)
        }
        _ => None,
    })
}

fn as_double<'a>(context: &mut Context<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Double(_) => Some(value),
        Value::String(text) => {
            context.charge_scan(text.len())?;
            number::parse_float(text, context.arena).map(Value::Double)
        }
        _ => None,
    })
}

fn as_bool<'a>(_: &mut Context<'a>, value: Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>> {
    Ok(match value {
        Value::Bool(_) => Some(value),
        Value::String("1" | "t" | "T" | "TRUE" | "true" | "True") => Some(Value::Bool(true)),
        Value::String("0" | "f" | "F" | "FALSE" | "false" | "False") => Some(Value::Bool(false)),
        // Not zero rather than greater or less: NaN counts as true in Go.
        Value::Double(double) => Some(Value::Bool(double != 0.0)),
        _ => None,
    })
}

type Convert<'a> = fn(&mut Context<'a>, &Value<'a>) -> Answer<'a>;
type Coerce<'a> = fn(&mut Context<'a>, Value<'a>) -> Result<Option<Value<'a>>, Raise<'a>>;

fn one<'a>(
    context: &mut Context<'a>,
    function: &'static str,
    call: &[Value<'a>],
    convert: Convert<'a>,
    coerce: Coerce<'a>,
) -> Answer<'a> {
    let (found, default) = argument(context, function, call)?;
    let default = convert(context, &default)?;
    match found {
        Some(value) => Ok(coerce(context, value)?.unwrap_or(default)),
        None => Ok(default),
    }
}

fn many<'a>(
    context: &mut Context<'a>,
    function: &'static str,
    call: &[Value<'a>],
    convert: Convert<'a>,
    coerce: Coerce<'a>,
) -> Answer<'a> {
    let (found, default) = argument(context, function, call)?;
    let Value::List(elements) = default else { return Err(context.no_overload(function, call)) };
    // Kyverno converts the default before it looks at the argument.
    for element in elements {
        context.charge(1)?;
        convert(context, element)?;
    }
    let Some(Value::List(items)) = found else { return Ok(default) };
    let mut list = context.list_builder(items.len())?;
    for item in items {
        context.charge(1)?;
        list.extend(coerce(context, *item)?);
    }
    Ok(context.finish_list(list))
}

fn string_value<'a>(context: &mut Context<'a>, value: &Value<'a>) -> Answer<'a> {
    convert::string(context, value).map(Value::String)
}

pub(super) fn string<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(context, "GetStringArgument", call, string_value, as_string)
}

pub(super) fn int<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(context, "GetIntArgument", call, convert::int, as_int)
}

pub(super) fn double<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(context, "GetFloatArgument", call, convert::double, as_double)
}

pub(super) fn bool<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    one(context, "GetBoolArgument", call, convert::bool, as_bool)
}

pub(super) fn strings<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(context, "GetStringSliceArgument", call, string_value, as_string)
}

pub(super) fn ints<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(context, "GetIntSliceArgument", call, convert::int, as_int)
}

pub(super) fn doubles<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(context, "GetFloatSliceArgument", call, convert::double, as_double)
}

pub(super) fn bools<'a>(context: &mut Context<'a>, call: &[Value<'a>]) -> Answer<'a> {
    many(context, "GetBoolSliceArgument", call, convert::bool, as_bool)
}
