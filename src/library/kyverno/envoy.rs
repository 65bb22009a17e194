//! The authz server's `envoy` functions: what a policy of mode Envoy answers.
//!
//! In Kyverno every `With…` function changes the message that it is called on and gives that message back, so two uses of
//! one value see each other's changes, also from one validation to the next. [`Context::change`] keeps that; what a
//! literal made is copied first, as Kyverno does it.

use super::convert;
use crate::budget::Fault;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::message;
use crate::library::row::row;
use crate::library::table::{Answer, Context, Implementation::Own, Library};
use crate::value::{Object, ObjectRow, ObjectType, Value};

pub mod messages;

use messages::{
    CHECK_RESPONSE, DENIED_HTTP_RESPONSE, HEADER_VALUE, HEADER_VALUE_OPTION, HTTP_STATUS, OK_HTTP_RESPONSE,
    QUERY_PARAMETER, STATUS,
};

/// Kyverno's `kyverno.authz.envoy`.
pub static LIBRARY: Library = Library {
    name: "kyverno.authz.envoy",
    version: 0,
    types: messages::TYPES,
    rows: &[
        row(
            "allowed",
            "envoy.Allowed() -> envoy.service.auth.v3.OkHttpResponse",
            Own(allowed),
            "The answer that allows the request; `.Response()` makes it a rule's result.",
            &["has(envoy.Allowed().Response().ok_response)"],
        ),
        row(
            "denied",
            "envoy.Denied(int) -> envoy.service.auth.v3.DeniedHttpResponse",
            Own(denied),
            "The answer that refuses the request with an HTTP status.",
            &["envoy.Denied(403).status.code == 403", "has(envoy.Denied(401).Response().denied_response)"],
        ),
        row(
            "header_key_value",
            "envoy.Header(string, string) -> envoy.config.core.v3.HeaderValueOption",
            Own(header),
            "A header for an answer.",
            &["envoy.Header('a', 'b').header.key == 'a'", "envoy.Header('a', 'b').header.value == 'b'"],
        ),
        row(
            "queryparam_key_value",
            "envoy.QueryParam(string, string) -> envoy.config.core.v3.QueryParameter",
            Own(query_param),
            "A query parameter for an answer.",
            &["envoy.QueryParam('a', 'b').value == 'b'"],
        ),
        row(
            "denied_with_body",
            "envoy.service.auth.v3.DeniedHttpResponse.WithBody(string) -> envoy.service.auth.v3.DeniedHttpResponse",
            Own(with_body),
            "Sets the body, which is the reason that the caller is told.",
            &["envoy.Denied(403).WithBody('no').body == 'no'"],
        ),
        row(
            "ok_with_header_header",
            "envoy.service.auth.v3.OkHttpResponse.WithHeader(envoy.config.core.v3.HeaderValueOption) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_header),
            "Adds a header to the request that goes on.",
            &["envoy.Allowed().WithHeader(envoy.Header('a', 'b')).headers[0].header.value == 'b'"],
        ),
        row(
            "ok_with_header_string_string",
            "envoy.service.auth.v3.OkHttpResponse.WithHeader(string, string) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_header_pair),
            "Adds a header to the request that goes on.",
            &["envoy.Allowed().WithHeader('a', 'b').headers[0].header.key == 'a'"],
        ),
        row(
            "denied_with_header_header",
            "envoy.service.auth.v3.DeniedHttpResponse.WithHeader(envoy.config.core.v3.HeaderValueOption) -> envoy.service.auth.v3.DeniedHttpResponse",
            Own(with_header),
            "Adds a header to the answer.",
            &["envoy.Denied(403).WithHeader(envoy.Header('a', 'b')).headers.size() == 1"],
        ),
        row(
            "denied_with_header_string_string",
            "envoy.service.auth.v3.DeniedHttpResponse.WithHeader(string, string) -> envoy.service.auth.v3.DeniedHttpResponse",
            Own(with_header_pair),
            "Adds a header to the answer.",
            &["envoy.Denied(403).WithHeader('a', 'b').WithHeader('c', 'd').headers[1].header.key == 'c'"],
        ),
        row(
            "ok_without_header",
            "envoy.service.auth.v3.OkHttpResponse.WithoutHeader(string) -> envoy.service.auth.v3.OkHttpResponse",
            Own(without_header),
            "Removes a header of the request that goes on.",
            &["envoy.Allowed().WithoutHeader('a').headers_to_remove == ['a']"],
        ),
        row(
            "ok_with_response_header_header",
            "envoy.service.auth.v3.OkHttpResponse.WithResponseHeader(envoy.config.core.v3.HeaderValueOption) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_response_header),
            "Adds a header to the answer of the request that goes on.",
            &[
                "envoy.Allowed().WithResponseHeader(envoy.Header('a', 'b')).response_headers_to_add.size() == 1",
            ],
        ),
        row(
            "ok_with_response_header_string_string",
            "envoy.service.auth.v3.OkHttpResponse.WithResponseHeader(string, string) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_response_header_pair),
            "Adds a header to the answer of the request that goes on.",
            &["envoy.Allowed().WithResponseHeader('a', 'b').response_headers_to_add[0].header.key == 'a'"],
        ),
        row(
            "ok_with_queryparam_param",
            "envoy.service.auth.v3.OkHttpResponse.WithQueryParam(envoy.config.core.v3.QueryParameter) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_query_param),
            "Sets a query parameter of the request that goes on.",
            &[
                "envoy.Allowed().WithQueryParam(envoy.QueryParam('a', 'b')).query_parameters_to_set[0].key == 'a'",
            ],
        ),
        row(
            "ok_with_queryparam_string_string",
            "envoy.service.auth.v3.OkHttpResponse.WithQueryParam(string, string) -> envoy.service.auth.v3.OkHttpResponse",
            Own(with_query_param_pair),
            "Sets a query parameter of the request that goes on.",
            &["envoy.Allowed().WithQueryParam('a', 'b').query_parameters_to_set[0].value == 'b'"],
        ),
        row(
            "ok_without_queryparam_string",
            "envoy.service.auth.v3.OkHttpResponse.WithoutQueryParam(string) -> envoy.service.auth.v3.OkHttpResponse",
            Own(without_query_param),
            "Removes a query parameter of the request that goes on.",
            &["envoy.Allowed().WithoutQueryParam('a').query_parameters_to_remove == ['a']"],
        ),
        row(
            "header_keep_empty_value",
            "envoy.config.core.v3.HeaderValueOption.KeepEmptyValue() -> envoy.config.core.v3.HeaderValueOption",
            Own(keep_empty_value),
            "Keeps the header also if its value is empty.",
            &["envoy.Header('a', '').KeepEmptyValue().keep_empty_value"],
        ),
        row(
            "header_keep_empty_value_bool",
            "envoy.config.core.v3.HeaderValueOption.KeepEmptyValue(bool) -> envoy.config.core.v3.HeaderValueOption",
            Own(keep_empty_value),
            "Keeps the header also if its value is empty, or does not.",
            &["!envoy.Header('a', '').KeepEmptyValue(false).keep_empty_value"],
        ),
        row(
            "ok_response",
            "envoy.service.auth.v3.OkHttpResponse.Response() -> envoy.service.auth.v3.CheckResponse",
            Own(response),
            "The response that allows, with status code 0.",
            &["envoy.Allowed().Response().status.code == 0"],
        ),
        row(
            "denied_response",
            "envoy.service.auth.v3.DeniedHttpResponse.Response() -> envoy.service.auth.v3.CheckResponse",
            Own(response),
            "The response that refuses, with status code 7.",
            &["envoy.Denied(403).Response().status.code == 7"],
        ),
        row(
            "response_ok_with_message",
            "envoy.service.auth.v3.CheckResponse.WithMessage(string) -> envoy.service.auth.v3.CheckResponse",
            Own(with_message),
            "Sets the message of the status, which is the reason that the caller is told if there is no body.",
            &["envoy.Denied(403).Response().WithMessage('no').status.message == 'no'"],
        ),
        row(
            "response_ok_with_metadata",
            "envoy.service.auth.v3.CheckResponse.WithMetadata(map(string, dyn)) -> envoy.service.auth.v3.CheckResponse",
            Own(with_metadata),
            "Sets what later filters of the proxy see of the decision. Numbers become doubles.",
            &["envoy.Allowed().Response().WithMetadata({'a': 1}).dynamic_metadata.a == 1.0"],
        ),
    ],
};

/// gRPC's code for a denial.
const PERMISSION_DENIED: i64 = 7;
/// How deep literals are copied; a literal cannot be nested deeper than its messages' types are.
const MAX_DEPTH: u32 = 64;

/// A message with these fields, by name.
fn make<'a>(
    context: &mut Context<'a>,
    row: &'static ObjectRow,
    fields: &[(&str, Value<'a>)],
) -> Result<&'a Object<'a>, Raise<'a>> {
    let ty: &ObjectType = row;
    context.charge(1)?;
    let size = ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>());
    context.budget.charge_bytes(size.saturating_add(size_of::<Object<'_>>()))?;
    let places = context.arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (name, value) in fields {
        let place = ty.field(name).and_then(|(index, _)| places.get_mut(index));
        *place.ok_or(Fault::Internal("a message's field is missing"))? = Some(*value);
    }
    Ok(context.arena.alloc(Object { ty, fields: places, tagged: false }))
}

/// The message that a function changes: the value itself, or a copy of what a literal made.
fn native<'a>(
    context: &mut Context<'a>,
    value: &Value<'a>,
    row: &'static ObjectRow,
) -> Result<&'a Object<'a>, Raise<'a>> {
    match convert::inner(value)? {
        Value::Object(object) if object.is(row) && !object.tagged => Ok(object),
        Value::Object(object) if object.is(row) => copy(context, object, 0),
        _ => Err(Fault::Internal("a message of another type than the function takes").into()),
    }
}

fn copy<'a>(
    context: &mut Context<'a>,
    object: &'a Object<'a>,
    depth: u32,
) -> Result<&'a Object<'a>, Raise<'a>> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    let now = context.current(object);
    context.charge(now.fields.len())?;
    context.budget.charge_bytes(size_of_val(now.fields).saturating_add(size_of::<Object<'_>>()))?;
    let fields = context.arena.alloc_slice_copy(now.fields);
    for field in fields.iter_mut().flatten() {
        *field = copied(context, *field, depth.saturating_add(1))?;
    }
    Ok(context.arena.alloc(Object { ty: object.ty, fields, tagged: false }))
}

fn copied<'a>(context: &mut Context<'a>, value: Value<'a>, depth: u32) -> Answer<'a> {
    if let Value::List(list) = value {
        context.charge(list.len() >> 4)?;
    }
    match value {
        Value::Object(object) => Ok(Value::Object(copy(context, object, depth)?)),
        Value::List(list) if list.iter().any(|element| matches!(element, Value::Object(_))) => {
            let mut copies = context.list_builder(list.len())?;
            for element in list {
                copies.push(copied(context, *element, depth)?);
            }
            Ok(context.finish_list(copies))
        }
        other => Ok(other),
    }
}

/// Sets a field of the message.
fn set<'a>(context: &mut Context<'a>, object: &'a Object<'a>, field: &str, value: Value<'a>) -> Answer<'a> {
    let (index, _) = object.ty.field(field).ok_or(Fault::Internal("a message's field is missing"))?;
    context.change(object, index, value)?;
    Ok(Value::Object(object))
}

/// Appends to a repeated field of the message.
fn append<'a>(
    context: &mut Context<'a>,
    object: &'a Object<'a>,
    field: &str,
    value: Value<'a>,
) -> Answer<'a> {
    let (index, _) = object.ty.field(field).ok_or(Fault::Internal("a message's field is missing"))?;
    let Value::List(before) = context.current(object).get(index) else {
        return Err(Fault::Internal("a repeated field that is no list").into());
    };
    let mut list = context.list_builder(before.len().saturating_add(1))?;
    list.extend_from_slice(before);
    list.push(value);
    let list = context.finish_list(list);
    set(context, object, field, list)
}

fn allowed<'a>(context: &mut Context<'a>, _: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Object(make(context, &OK_HTTP_RESPONSE, &[])?))
}

fn denied<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [code] = arguments else { return Err(context.no_overload("envoy.Denied", arguments)) };
    let code = convert::int(context, code)?;
    let status = make(context, &HTTP_STATUS, &[("code", code)])?;
    Ok(Value::Object(make(context, &DENIED_HTTP_RESPONSE, &[("status", Value::Object(status))])?))
}

fn pair<'a>(
    context: &mut Context<'a>,
    row: &'static ObjectRow,
    key: &Value<'a>,
    value: &Value<'a>,
) -> Result<&'a Object<'a>, Raise<'a>> {
    let key = convert::string(context, key)?;
    let value = convert::string(context, value)?;
    make(context, row, &[("key", Value::String(key)), ("value", Value::String(value))])
}

fn header_option<'a>(context: &mut Context<'a>, key: &Value<'a>, value: &Value<'a>) -> Answer<'a> {
    let header = pair(context, &HEADER_VALUE, key, value)?;
    Ok(Value::Object(make(context, &HEADER_VALUE_OPTION, &[("header", Value::Object(header))])?))
}

fn header<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [key, value] => header_option(context, key, value),
        _ => Err(context.no_overload("envoy.Header", arguments)),
    }
}

fn query_param<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [key, value] => Ok(Value::Object(pair(context, &QUERY_PARAMETER, key, value)?)),
        _ => Err(context.no_overload("envoy.QueryParam", arguments)),
    }
}

fn with_body<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, body] = arguments else { return Err(context.no_overload("WithBody", arguments)) };
    let denied = native(context, receiver, &DENIED_HTTP_RESPONSE)?;
    let body = convert::string(context, body)?;
    set(context, denied, "body", Value::String(body))
}

/// The receiver of a function that both answers have.
fn either<'a>(context: &mut Context<'a>, value: &Value<'a>) -> Result<&'a Object<'a>, Raise<'a>> {
    match convert::inner(value)? {
        Value::Object(object) if object.is(&DENIED_HTTP_RESPONSE) => {
            native(context, value, &DENIED_HTTP_RESPONSE)
        }
        _ => native(context, value, &OK_HTTP_RESPONSE),
    }
}

fn with_header<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, header] = arguments else { return Err(context.no_overload("WithHeader", arguments)) };
    let answer = either(context, receiver)?;
    let header = native(context, header, &HEADER_VALUE_OPTION)?;
    append(context, answer, "headers", Value::Object(header))
}

fn with_header_pair<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else { return Err(context.no_overload("WithHeader", arguments)) };
    let answer = either(context, receiver)?;
    let header = header_option(context, key, value)?;
    append(context, answer, "headers", header)
}

fn without_header<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    append_text(context, arguments, "WithoutHeader", "headers_to_remove")
}

fn without_query_param<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    append_text(context, arguments, "WithoutQueryParam", "query_parameters_to_remove")
}

fn append_text<'a>(
    context: &mut Context<'a>,
    arguments: &[Value<'a>],
    function: &'static str,
    field: &str,
) -> Answer<'a> {
    let [receiver, text] = arguments else { return Err(context.no_overload(function, arguments)) };
    let ok = native(context, receiver, &OK_HTTP_RESPONSE)?;
    let text = convert::string(context, text)?;
    append(context, ok, field, Value::String(text))
}

fn with_response_header<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, header] = arguments else {
        return Err(context.no_overload("WithResponseHeader", arguments));
    };
    let ok = native(context, receiver, &OK_HTTP_RESPONSE)?;
    let header = native(context, header, &HEADER_VALUE_OPTION)?;
    append(context, ok, "response_headers_to_add", Value::Object(header))
}

fn with_response_header_pair<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else {
        return Err(context.no_overload("WithResponseHeader", arguments));
    };
    let ok = native(context, receiver, &OK_HTTP_RESPONSE)?;
    let header = header_option(context, key, value)?;
    append(context, ok, "response_headers_to_add", header)
}

fn with_query_param<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, parameter] = arguments else {
        return Err(context.no_overload("WithQueryParam", arguments));
    };
    let ok = native(context, receiver, &OK_HTTP_RESPONSE)?;
    let parameter = native(context, parameter, &QUERY_PARAMETER)?;
    append(context, ok, "query_parameters_to_set", Value::Object(parameter))
}

fn with_query_param_pair<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else {
        return Err(context.no_overload("WithQueryParam", arguments));
    };
    let ok = native(context, receiver, &OK_HTTP_RESPONSE)?;
    let parameter = pair(context, &QUERY_PARAMETER, key, value)?;
    append(context, ok, "query_parameters_to_set", Value::Object(parameter))
}

fn keep_empty_value<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, flag @ ..] = arguments else {
        return Err(context.no_overload("KeepEmptyValue", arguments));
    };
    let header = native(context, receiver, &HEADER_VALUE_OPTION)?;
    let flag = match flag {
        [flag, ..] => convert::bool(context, flag)?,
        [] => Value::Bool(true),
    };
    set(context, header, "keep_empty_value", flag)
}

fn response<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver] = arguments else { return Err(context.no_overload("Response", arguments)) };
    let answer = either(context, receiver)?;
    let (side, code) = if answer.is(&DENIED_HTTP_RESPONSE) {
        ("denied_response", PERMISSION_DENIED)
    } else {
        ("ok_response", 0)
    };
    let status = make(context, &STATUS, &[("code", Value::Int(code))])?;
    let fields = [("status", Value::Object(status)), (side, Value::Object(answer))];
    Ok(Value::Object(make(context, &CHECK_RESPONSE, &fields)?))
}

fn with_message<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, message] = arguments else { return Err(context.no_overload("WithMessage", arguments)) };
    let response = native(context, receiver, &CHECK_RESPONSE)?;
    let message = convert::string(context, message)?;
    // A literal may leave the status out; Kyverno does not look.
    let Some(Some(Value::Object(status))) = context.current(response).fields.first() else {
        return Err(ErrorKind::Panic(NIL_POINTER).into());
    };
    set(context, status, "message", Value::String(message))?;
    Ok(Value::Object(response))
}

const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

fn with_metadata<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, metadata] = arguments else { return Err(context.no_overload("WithMetadata", arguments)) };
    let response = native(context, receiver, &CHECK_RESPONSE)?;
    let metadata = message::structure(context, *metadata)?;
    set(context, response, "dynamic_metadata", metadata)
}
