//! How Kyverno's functions turn CEL values into Go values, and what cel-go says when they cannot.

use bumpalo::collections::Vec as BumpVec;

use crate::budget::Fault;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::table::{Answer, Context};
use crate::value::Value;

/// The value as a Go `string`: a string, or the text of a value that a library brings.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(in crate::library) fn string<'a>(
    context: &mut Context<'a>,
    value: &Value<'a>,
) -> Result<&'a str, Raise<'a>> {
    match inner(value)? {
        Value::String(text) => Ok(text),
        Value::Extension(extension) => match extension.text() {
            Some(text) => context.format(format_args!("{text}")),
            None => Err(failure(context, &Value::Extension(extension), "string")),
        },
        other => Err(failure(context, &other, "string")),
    }
}

/// The value as a Go `int`, which cel-go narrows to 32 bits on the way.
///
/// # Errors
/// cel-go's text for a value of another type, `integer overflow` for an int beyond 32 bits.
pub(in crate::library) fn int<'a>(context: &mut Context<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Int(int) if i32::try_from(int).is_ok() => Ok(Value::Int(int)),
        Value::Int(_) => Err(ErrorKind::IntegerOverflow.into()),
        other => Err(failure(context, &other, "int")),
    }
}

/// The value as a Go `float64`.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(super) fn double<'a>(context: &mut Context<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Double(double) => Ok(Value::Double(double)),
        other => Err(failure(context, &other, "float64")),
    }
}

/// The value as a Go `bool`.
///
/// # Errors
/// cel-go's text for a value of another type.
pub(super) fn bool<'a>(context: &mut Context<'a>, value: &Value<'a>) -> Answer<'a> {
    match inner(value)? {
        Value::Bool(bool) => Ok(Value::Bool(bool)),
        other => Err(failure(context, &other, "bool")),
    }
}

/// A list as a Go byte slice: each element a uint of eight bits.
///
/// # Errors
/// cel-go's text for an element of another type, `unsigned integer overflow` for a uint beyond eight bits.
pub(in crate::library) fn bytes<'a>(context: &mut Context<'a>, list: &[Value<'a>]) -> Answer<'a> {
    context.charge(list.len())?;
    context.budget.charge_bytes(list.len())?;
    let mut bytes = BumpVec::with_capacity_in(list.len(), context.arena);
    for element in list {
        match inner(element)? {
            Value::Uint(uint) => {
                bytes.push(u8::try_from(uint).map_err(|_| ErrorKind::UnsignedIntegerOverflow)?);
            }
            other => return Err(failure(context, &other, "uint8")),
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
pub(in crate::library) fn failure<'a>(context: &mut Context<'a>, value: &Value<'a>, to: &str) -> Raise<'a> {
    match value {
        Value::Int(_) | Value::Uint(_) => {
            context.error(format_args!("unsupported type conversion from '{}' to {to}", value.type_name()))
        }
        Value::String(_) => {
            context.error(format_args!("unsupported native conversion from string to '{to}'"))
        }
        Value::Bool(_) => context.error(format_args!("type conversion error from bool to '{to}'")),
        Value::Bytes(_) => context.error(format_args!("type conversion error from Bytes to '{to}'")),
        Value::Double(_) => context.error(format_args!("type conversion error from Double to '{to}'")),
        Value::List(_) => context.error(format_args!("type conversion error from list to '{to}'")),
        Value::Map(_) => context.error(format_args!("type conversion error from map to '{to}'")),
        Value::Duration(_) => context.error(format_args!("type conversion error from 'Duration' to '{to}'")),
        Value::Timestamp(_) => {
            context.error(format_args!("type conversion error from 'Timestamp' to '{to}'"))
        }
        Value::Extension(value) if value.short_name() == "Quantity" && to == "string" => {
            Fault::Unlike("a quantity in place of a text").into()
        }
        Value::Extension(value) => {
            context.error(format_args!("type conversion error from '{}' to '{to}'", value.short_name()))
        }
        Value::Type(_) => context.error(format_args!("type conversion not supported for 'type'")),
        Value::Object(object) if object.ty.message => {
            context.error(format_args!("type conversion error from '*dynamicpb.Message' to '{to}'"))
        }
        Value::Null | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Optional(_) => {
            context.error(format_args!("type conversion error from '{}' to '{to}'", value.type_name()))
        }
    }
}
