//! The authz server's `envoy` functions: what a policy of mode Envoy answers.
//!
//! In Kyverno every `With…` function changes the message that it is called on and gives that message back, so two uses of
//! one value see each other's changes, also from one validation to the next. [`Runtime::change`] keeps that; what a
//! literal made is copied first, as Kyverno does it.

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::envoy_messages;
use crate::library::message;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::library::to_go;
use crate::value::{Object, ObjectRow, ObjectType, Value};

use crate::library::envoy_messages::{
    CHECK_RESPONSE, DENIED_HTTP_RESPONSE, HEADER_VALUE, HEADER_VALUE_OPTION, HTTP_STATUS, OK_HTTP_RESPONSE,
    QUERY_PARAMETER, STATUS,
};

/// Kyverno's `kyverno.authz.envoy`.
pub static LIBRARY: Library = Library {
    name: "kyverno.authz.envoy",
    version: 0,
    types: envoy_messages::TYPES,
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
    runtime: &mut Runtime<'a>,
    row: &'static ObjectRow,
    fields: &[(&str, Value<'a>)],
) -> Result<&'a Object<'a>, Raise<'a>> {
    let ty: &ObjectType = row;
    runtime.charge(1)?;
    let size = ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>());
    runtime.budget.charge_bytes(size.saturating_add(size_of::<Object<'_>>()))?;
    let places = runtime.arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (name, value) in fields {
        let place = ty.field(name).and_then(|(index, _)| places.get_mut(index));
        *place.ok_or(Fault::Internal("a message's field is missing"))? = Some(*value);
    }
    Ok(runtime.arena.alloc(Object { ty, fields: places, tagged: false }))
}

/// The message that a function changes: the value itself, or a copy of what a literal made.
fn native<'a>(
    runtime: &mut Runtime<'a>,
    value: &Value<'a>,
    row: &'static ObjectRow,
) -> Result<&'a Object<'a>, Raise<'a>> {
    match to_go::inner(value)? {
        Value::Object(object) if object.is(row) && !object.tagged => Ok(object),
        Value::Object(object) if object.is(row) => copy(runtime, object, 0),
        _ => Err(Fault::Internal("a message of another type than the function takes").into()),
    }
}

fn copy<'a>(
    runtime: &mut Runtime<'a>,
    object: &'a Object<'a>,
    depth: u32,
) -> Result<&'a Object<'a>, Raise<'a>> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    let now = runtime.current(object);
    runtime.charge(now.fields.len())?;
    runtime.budget.charge_bytes(size_of_val(now.fields).saturating_add(size_of::<Object<'_>>()))?;
    let fields = runtime.arena.alloc_slice_copy(now.fields);
    for field in fields.iter_mut().flatten() {
        *field = copied(runtime, *field, depth.saturating_add(1))?;
    }
    Ok(runtime.arena.alloc(Object { ty: object.ty, fields, tagged: false }))
}

fn copied<'a>(runtime: &mut Runtime<'a>, value: Value<'a>, depth: u32) -> Answer<'a> {
    if let Value::List(list) = value {
        runtime.charge(list.len() >> 4)?;
    }
    match value {
        Value::Object(object) => Ok(Value::Object(copy(runtime, object, depth)?)),
        Value::List(list) if list.iter().any(|element| matches!(element, Value::Object(_))) => {
            let mut copies = runtime.list_builder(list.len())?;
            for element in list {
                copies.push(copied(runtime, *element, depth)?);
            }
            Ok(runtime.finish_list(copies))
        }
        other => Ok(other),
    }
}

/// Sets a field of the message.
fn set<'a>(runtime: &mut Runtime<'a>, object: &'a Object<'a>, field: &str, value: Value<'a>) -> Answer<'a> {
    let (index, _) = object.ty.field(field).ok_or(Fault::Internal("a message's field is missing"))?;
    runtime.change(object, index, value)?;
    Ok(Value::Object(object))
}

/// Appends to a repeated field of the message.
fn append<'a>(
    runtime: &mut Runtime<'a>,
    object: &'a Object<'a>,
    field: &str,
    value: Value<'a>,
) -> Answer<'a> {
    let (index, _) = object.ty.field(field).ok_or(Fault::Internal("a message's field is missing"))?;
    let Value::List(before) = runtime.current(object).get(index) else {
        return Err(Fault::Internal("a repeated field that is no list").into());
    };
    let mut list = runtime.list_builder(before.len().saturating_add(1))?;
    list.extend_from_slice(before);
    list.push(value);
    let list = runtime.finish_list(list);
    set(runtime, object, field, list)
}

fn allowed<'a>(runtime: &mut Runtime<'a>, _: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Object(make(runtime, &OK_HTTP_RESPONSE, &[])?))
}

fn denied<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [code] = arguments else { return Err(runtime.no_overload("envoy.Denied", arguments)) };
    let code = to_go::int(runtime, code)?;
    let status = make(runtime, &HTTP_STATUS, &[("code", code)])?;
    Ok(Value::Object(make(runtime, &DENIED_HTTP_RESPONSE, &[("status", Value::Object(status))])?))
}

fn pair<'a>(
    runtime: &mut Runtime<'a>,
    row: &'static ObjectRow,
    key: &Value<'a>,
    value: &Value<'a>,
) -> Result<&'a Object<'a>, Raise<'a>> {
    let key = to_go::string(runtime, key)?;
    let value = to_go::string(runtime, value)?;
    make(runtime, row, &[("key", Value::String(key)), ("value", Value::String(value))])
}

fn header_option<'a>(runtime: &mut Runtime<'a>, key: &Value<'a>, value: &Value<'a>) -> Answer<'a> {
    let header = pair(runtime, &HEADER_VALUE, key, value)?;
    Ok(Value::Object(make(runtime, &HEADER_VALUE_OPTION, &[("header", Value::Object(header))])?))
}

fn header<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [key, value] => header_option(runtime, key, value),
        _ => Err(runtime.no_overload("envoy.Header", arguments)),
    }
}

fn query_param<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [key, value] => Ok(Value::Object(pair(runtime, &QUERY_PARAMETER, key, value)?)),
        _ => Err(runtime.no_overload("envoy.QueryParam", arguments)),
    }
}

fn with_body<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, body] = arguments else { return Err(runtime.no_overload("WithBody", arguments)) };
    let denied = native(runtime, receiver, &DENIED_HTTP_RESPONSE)?;
    let body = to_go::string(runtime, body)?;
    set(runtime, denied, "body", Value::String(body))
}

/// The receiver of a function that both answers have.
fn either<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Result<&'a Object<'a>, Raise<'a>> {
    match to_go::inner(value)? {
        Value::Object(object) if object.is(&DENIED_HTTP_RESPONSE) => {
            native(runtime, value, &DENIED_HTTP_RESPONSE)
        }
        _ => native(runtime, value, &OK_HTTP_RESPONSE),
    }
}

fn with_header<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, header] = arguments else { return Err(runtime.no_overload("WithHeader", arguments)) };
    let answer = either(runtime, receiver)?;
    let header = native(runtime, header, &HEADER_VALUE_OPTION)?;
    append(runtime, answer, "headers", Value::Object(header))
}

fn with_header_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else { return Err(runtime.no_overload("WithHeader", arguments)) };
    let answer = either(runtime, receiver)?;
    let header = header_option(runtime, key, value)?;
    append(runtime, answer, "headers", header)
}

fn without_header<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    append_text(runtime, arguments, "WithoutHeader", "headers_to_remove")
}

fn without_query_param<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    append_text(runtime, arguments, "WithoutQueryParam", "query_parameters_to_remove")
}

fn append_text<'a>(
    runtime: &mut Runtime<'a>,
    arguments: &[Value<'a>],
    function: &'static str,
    field: &str,
) -> Answer<'a> {
    let [receiver, text] = arguments else { return Err(runtime.no_overload(function, arguments)) };
    let ok = native(runtime, receiver, &OK_HTTP_RESPONSE)?;
    let text = to_go::string(runtime, text)?;
    append(runtime, ok, field, Value::String(text))
}

fn with_response_header<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, header] = arguments else {
        return Err(runtime.no_overload("WithResponseHeader", arguments));
    };
    let ok = native(runtime, receiver, &OK_HTTP_RESPONSE)?;
    let header = native(runtime, header, &HEADER_VALUE_OPTION)?;
    append(runtime, ok, "response_headers_to_add", Value::Object(header))
}

fn with_response_header_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else {
        return Err(runtime.no_overload("WithResponseHeader", arguments));
    };
    let ok = native(runtime, receiver, &OK_HTTP_RESPONSE)?;
    let header = header_option(runtime, key, value)?;
    append(runtime, ok, "response_headers_to_add", header)
}

fn with_query_param<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, parameter] = arguments else {
        return Err(runtime.no_overload("WithQueryParam", arguments));
    };
    let ok = native(runtime, receiver, &OK_HTTP_RESPONSE)?;
    let parameter = native(runtime, parameter, &QUERY_PARAMETER)?;
    append(runtime, ok, "query_parameters_to_set", Value::Object(parameter))
}

fn with_query_param_pair<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, key, value] = arguments else {
        return Err(runtime.no_overload("WithQueryParam", arguments));
    };
    let ok = native(runtime, receiver, &OK_HTTP_RESPONSE)?;
    let parameter = pair(runtime, &QUERY_PARAMETER, key, value)?;
    append(runtime, ok, "query_parameters_to_set", Value::Object(parameter))
}

fn keep_empty_value<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, flag @ ..] = arguments else {
        return Err(runtime.no_overload("KeepEmptyValue", arguments));
    };
    let header = native(runtime, receiver, &HEADER_VALUE_OPTION)?;
    let flag = match flag {
        [flag, ..] => to_go::bool(runtime, flag)?,
        [] => Value::Bool(true),
    };
    set(runtime, header, "keep_empty_value", flag)
}

fn response<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver] = arguments else { return Err(runtime.no_overload("Response", arguments)) };
    let answer = either(runtime, receiver)?;
    let (side, code) = if answer.is(&DENIED_HTTP_RESPONSE) {
        ("denied_response", PERMISSION_DENIED)
    } else {
        ("ok_response", 0)
    };
    let status = make(runtime, &STATUS, &[("code", Value::Int(code))])?;
    let fields = [("status", Value::Object(status)), (side, Value::Object(answer))];
    Ok(Value::Object(make(runtime, &CHECK_RESPONSE, &fields)?))
}

fn with_message<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, message] = arguments else { return Err(runtime.no_overload("WithMessage", arguments)) };
    let response = native(runtime, receiver, &CHECK_RESPONSE)?;
    let message = to_go::string(runtime, message)?;
    // A literal may leave the status out; Kyverno does not look.
    let Some(Some(Value::Object(status))) = runtime.current(response).fields.first() else {
        return Err(ErrorKind::Panic(NIL_POINTER).into());
    };
    set(runtime, status, "message", Value::String(message))?;
    Ok(Value::Object(response))
}

const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";

fn with_metadata<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [receiver, metadata] = arguments else { return Err(runtime.no_overload("WithMetadata", arguments)) };
    let response = native(runtime, receiver, &CHECK_RESPONSE)?;
    let metadata = message::structure(runtime, *metadata)?;
    set(runtime, response, "dynamic_metadata", metadata)
}
