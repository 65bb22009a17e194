//! Selection, indexing and presence tests, as cel-go's qualifiers.

use crate::cel::error::{ErrorKind, Raise};
use crate::cel::plan::Node;
use crate::library::message;
use crate::library::table::{Answer, Context};
use crate::types::{ObjectType, Type};
use crate::value::{Object, Value, double_to_int};

use super::Frame;

/// What Go's reflection says of a null where a struct is due: a ternary of null and a struct has the struct's type.
const NULL_AS_STRUCT: &str = "internal error: reflect: call of reflect.Value.FieldByName on int32 Value";

/// A field of an object of a known type. The parts of a request's object are accessed by Go names afterwards, and
/// so are fields of objects that functions made, because the value passes the outermost adapter.
pub(super) fn field<'a>(value: &Value<'a>, ty: &'static ObjectType, index: usize) -> Answer<'a> {
    match value {
        Value::Object(object) if std::ptr::eq(object.ty, ty) => Ok(object.get(index)),
        Value::Null => Err(ErrorKind::Message(NULL_AS_STRUCT).into()),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// `has()` of a field of an object of a known type.
pub(super) fn test_field<'a>(value: &Value<'a>, ty: &'static ObjectType, index: usize) -> Answer<'a> {
    match value {
        Value::Object(object) if std::ptr::eq(object.ty, ty) => Ok(Value::Bool(object.is_set(index))),
        Value::Null => Err(ErrorKind::Message(NULL_AS_STRUCT).into()),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// `has(value.name)` by what the value is: a key of a map, a field of an object; scalars have nothing.
pub(super) fn test<'a>(value: &Value<'a>, name: &'a str) -> Answer<'a> {
    match value {
        Value::Optional(None) => Ok(Value::Bool(false)),
        Value::Optional(Some(inner)) => test(inner, name),
        _ => Ok(Value::Bool(find(value, &Value::String(name), true)?.is_some())),
    }
}

impl<'a> Frame<'a> {
    /// `value[key]`, `value[?key]`; selection is indexing with the field's name. An optional operand makes the
    /// result optional.
    pub(super) fn qualify(&mut self, value: Value<'a>, key: &'a Node<'a>, optional: bool) -> Answer<'a> {
        match value {
            Value::Optional(None) => Ok(value),
            Value::Optional(Some(inner)) => self.qualify_if_present(inner, key),
            _ if optional => self.qualify_if_present(&value, key),
            _ => {
                let key = self.key(key)?;
                match find(&value, &key, false)? {
                    Some(found) => Ok(found),
                    None => Err(missing(&value, key)),
                }
            }
        }
    }

    fn qualify_if_present(&mut self, value: &Value<'a>, key: &'a Node<'a>) -> Answer<'a> {
        let key = self.key(key)?;
        match find(value, &key, true)? {
            Some(found) => self.context.some(found),
            None => Ok(Value::Optional(None)),
        }
    }

    /// The key's value; cel-go qualifies by scalars only.
    fn key(&mut self, key: &'a Node<'a>) -> Answer<'a> {
        let key = match key {
            Node::Const(value) => *value,
            _ => self.eval(key)?,
        };
        let go_type = match key {
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_) => {
                return Ok(key);
            }
            Value::Null => "types.Null",
            Value::Bytes(_) => "types.Bytes",
            Value::Duration(_) => "types.Duration",
            Value::Timestamp(_) => "types.Timestamp",
            Value::List(_) => "*types.baseList",
            Value::Map(_) => "*types.baseMap",
            Value::Optional(_) => "*types.Optional",
            Value::Type(_) => "*types.Type",
            Value::Object(object) if object.ty.message => "*types.protoObj",
            Value::Object(_) | Value::Opaque(_) => "*ext.nativeObj",
        };
        Err(self.context.error(format_args!("invalid qualifier type: {go_type}")))
    }
}

fn missing<'a>(value: &Value<'a>, key: Value<'a>) -> Raise<'a> {
    match value {
        Value::List(_) => ErrorKind::IndexOutOfBounds(key).into(),
        _ => ErrorKind::NoSuchKey(key).into(),
    }
}

/// What `value` has under `key`. `presence`: an absent field of an object is nothing rather than its zero value.
fn find<'a>(value: &Value<'a>, key: &Value<'a>, presence: bool) -> Result<Option<Value<'a>>, Raise<'a>> {
    match value {
        Value::Map(map) => Ok(map.get(key)),
        Value::List(list) => {
            let index = list_index(key)?;
            Ok(usize::try_from(index).ok().and_then(|index| list.get(index)).copied())
        }
        Value::Object(object) => object_field(object, key, presence),
        _ => Ok(None),
    }
}

/// The position that a list index means; doubles count when they are integral.
fn list_index<'a>(key: &Value<'a>) -> Result<i64, Raise<'a>> {
    match key {
        Value::Int(index) => Ok(*index),
        Value::Uint(index) => {
            i64::try_from(*index).map_err(|_| ErrorKind::UnsupportedIndexUint(*index).into())
        }
        Value::Double(index) => {
            double_to_int(*index).ok_or_else(|| ErrorKind::UnsupportedIndexValue(*index).into())
        }
        other => Err(ErrorKind::UnsupportedIndexType(other.type_name()).into()),
    }
}

fn object_field<'a>(
    object: &'a Object<'a>,
    key: &Value<'a>,
    presence: bool,
) -> Result<Option<Value<'a>>, Raise<'a>> {
    let Value::String(name) = key else { return Err(ErrorKind::NoSuchOverload.into()) };
    match object.dynamic_field(name) {
        Some((index, _)) if presence && !object.is_set(index) => Ok(None),
        Some((index, _)) => Ok(Some(object.get(index))),
        None if object.ty.message => Err(ErrorKind::NoSuchMessageField(name).into()),
        None => Err(ErrorKind::NoSuchField(name).into()),
    }
}

/// The value that a struct literal's field gets. Null fits a struct at compile time, and fails here, as in Kyverno.
pub(super) fn assign<'a>(
    context: &mut Context<'a>,
    ty: &'static ObjectType,
    index: usize,
    value: Value<'a>,
) -> Answer<'a> {
    let Some(field) = ty.fields.get(index) else { return Ok(value) };
    match (value, &field.ty) {
        _ if ty.message => message::field(context, ty, field, value),
        (Value::Null, Some(due @ Type::Struct(_))) => {
            let pointer = if field.pointer { "*" } else { "" };
            Err(context.error(format_args!("type conversion error from 'null_type' to '{pointer}{due}'")))
        }
        _ => Ok(value),
    }
}
