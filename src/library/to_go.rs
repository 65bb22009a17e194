//! How Kyverno's functions turn CEL values into Go values, and what cel-go says when they cannot.

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::runtime::{Answer, Runtime};
use crate::value::Value;

/// The value as a Go `string`: a string, or the text of a value that a library brings.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(in crate::library) fn string<'a>(
    runtime: &mut Runtime<'a>,
    value: &Value<'a>,
) -> Result<&'a str, Raise<'a>> {
    match inner(value)? {
        Value::String(text) => Ok(text),
        Value::Extension(extension) => match extension.text() {
            Some(text) => runtime.format(format_args!("{text}")),
            None => Err(failure(runtime, &Value::Extension(extension), "string")),
        },
        other => Err(failure(runtime, &other, "string")),
    }
}

/// The value as a Go `int`, which cel-go narrows to 32 bits on the way.
///
/// # Errors
/// cel-go's text for a value of another type, `integer overflow` for an int beyond 32 bits.
pub(in crate::library) fn int<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Int(int) if i32::try_from(int).is_ok() => Ok(Value::Int(int)),
        Value::Int(_) => Err(ErrorKind::IntegerOverflow.into()),
        other => Err(failure(runtime, &other, "int")),
    }
}

/// The value as a Go `float64`.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(in crate::library) fn double<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Double(double) => Ok(Value::Double(double)),
        other => Err(failure(runtime, &other, "float64")),
    }
}

/// The value as a Go `bool`.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(in crate::library) fn bool<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Bool(bool) => Ok(Value::Bool(bool)),
        other => Err(failure(runtime, &other, "bool")),
    }
}

/// A list as a Go byte slice: each element a uint of eight bits.
///
/// # Errors
/// cel-go's text for an element of another type, `unsigned integer overflow` for a uint beyond eight bits.
pub(in crate::library) fn bytes<'a>(runtime: &mut Runtime<'a>, list: &[Value<'a>]) -> Answer<'a> {
    runtime.charge(list.len())?;
    runtime.budget.charge_bytes(list.len())?;
    let mut bytes = BumpVec::with_capacity_in(list.len(), runtime.arena);
    for element in list {
        match inner(element)? {
            Value::Uint(uint) => {
                bytes.push(u8::try_from(uint).map_err(|_| ErrorKind::UnsignedIntegerOverflow)?);
            }
            other => return Err(failure(runtime, &other, "uint8")),
        }
    }
    Ok(Value::Bytes(bytes.into_bump_slice()))
}

/// An optional converts as the value that it holds.
pub(in crate::library) fn inner<'a>(value: &Value<'a>) -> Result<Value<'a>, Raise<'a>> {
    let mut value = value;
    while let Value::Optional(held) = value {
        value = held.ok_or(ErrorKind::OptionalNoneDereference)?;
    }
    Ok(*value)
}

/// What cel-go says of a value that does not convert to the Go type `to`. Each type has its own words.
pub(in crate::library) fn failure<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>, to: &str) -> Raise<'a> {
    match value {
        Value::Int(_) | Value::Uint(_) => {
            runtime.error(format_args!("unsupported type conversion from '{}' to {to}", value.type_name()))
        }
        Value::String(_) => {
            runtime.error(format_args!("unsupported native conversion from string to '{to}'"))
        }
        Value::Bool(_) => runtime.error(format_args!("type conversion error from bool to '{to}'")),
        Value::Bytes(_) => runtime.error(format_args!("type conversion error from Bytes to '{to}'")),
        Value::Double(_) => runtime.error(format_args!("type conversion error from Double to '{to}'")),
        Value::List(_) => runtime.error(format_args!("type conversion error from list to '{to}'")),
        Value::Map(_) => runtime.error(format_args!("type conversion error from map to '{to}'")),
        Value::Duration(_) => runtime.error(format_args!("type conversion error from 'Duration' to '{to}'")),
        Value::Timestamp(_) => {
            runtime.error(format_args!("type conversion error from 'Timestamp' to '{to}'"))
        }
        Value::Extension(value) if value.short_name() == "Quantity" && to == "string" => {
            Fault::Unlike("a quantity in place of a text").into()
        }
        Value::Extension(value) => {
            runtime.error(format_args!("type conversion error from '{}' to '{to}'", value.short_name()))
        }
        Value::Type(_) => runtime.error(format_args!("type conversion not supported for 'type'")),
        Value::Object(object) if object.ty.message => {
            runtime.error(format_args!("type conversion error from '*dynamicpb.Message' to '{to}'"))
        }
        Value::Null | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Optional(_) => {
            runtime.error(format_args!("type conversion error from '{}' to '{to}'", value.type_name()))
        }
    }
}
