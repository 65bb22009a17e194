//! Selection, indexing and presence tests, as cel-go's qualifiers.

use std::borrow::Cow;
use std::fmt;

use crate::cel::ast::NodeId;
use crate::cel::program::Node;
use crate::error::{ErrorKind, Raise};
use crate::library::kyverno::variables::EXCEPTION;
use crate::library::runtime::{Answer, Runtime};
use crate::library::{VARIABLES, object_type};
use crate::library::{message, native};
use crate::value::{Object, ObjectType, ShortestDouble, Value, double_to_int};

use super::Frame;

/// Where a chain of qualifiers stands: cel-go resolves `a.b[c].d` as one attribute.
pub(super) enum Step<'a> {
    /// A value; true if the chain is optional so far, because its root was or one of its qualifiers is.
    Value(Value<'a>, bool),
    /// An optional chain that ended in nothing.
    Absent,
}

/// A field of an object of a known type. The parts of a request's object are accessed by Go names afterwards, and
/// so are fields of objects that functions made, because the value passes the outermost adapter.
fn field<'a>(
    runtime: &mut Runtime<'a>,
    value: &Value<'a>,
    ty: &'static ObjectType,
    index: usize,
) -> Answer<'a> {
    match value {
        Value::Object(object) if std::ptr::eq(object.ty, ty) => Ok(runtime.current(object).get(index)),
        other if ty.message && !is_message(other) => Err(no_message(runtime, other)),
        other => reflected(other, ty, index, |object, index| object.get(index)),
    }
}

/// `has()` of a field of an object of a known type.
pub(super) fn test_field<'a>(
    runtime: &Runtime<'a>,
    value: &Value<'a>,
    ty: &'static ObjectType,
    index: usize,
) -> Result<bool, Raise<'a>> {
    match value {
        Value::Object(object) if std::ptr::eq(object.ty, ty) => Ok(runtime.current(object).is_set(index)),
        other if ty.message && !is_message(other) => Ok(false),
        other => reflected(other, ty, index, |object, index| object.is_set(index)),
    }
}

fn is_message(value: &Value<'_>) -> bool {
    match value {
        Value::Object(object) => object.ty.message,
        Value::Optional(Some(inner)) => is_message(inner),
        _ => false,
    }
}

/// A field of a protobuf message is asked of something else: an error with Go's type and text of the value. Containers
/// and structs are named by what they are; Go prints their insides.
fn no_message<'a>(runtime: &mut Runtime<'a>, value: &Value<'a>) -> Raise<'a> {
    let mut say = |go_type: &str, text: fmt::Arguments<'_>| {
        runtime.error(format_args!("unsupported field selection target: ({go_type}){text}"))
    };
    match value {
        Value::Null => say("structpb.NullValue", format_args!("NULL_VALUE")),
        Value::Bool(b) => say("bool", format_args!("{b}")),
        Value::Int(i) => say("int64", format_args!("{i}")),
        Value::Uint(u) => say("uint64", format_args!("{u}")),
        Value::Double(d) => say("float64", format_args!("{}", ShortestDouble(*d))),
        Value::String(text) | Value::Type(text) => say("string", format_args!("{text}")),
        Value::Optional(Some(inner)) => no_message(runtime, inner),
        Value::Optional(None) => say("<nil>", format_args!("<nil>")),
        Value::Bytes(_) => say("[]uint8", format_args!("")),
        Value::Duration(_) => say("time.Duration", format_args!("")),
        Value::Timestamp(_) => say("time.Time", format_args!("")),
        Value::List(_) => say("[]ref.Val", format_args!("")),
        Value::Map(_) => say("map[ref.Val]ref.Val", format_args!("")),
        Value::Object(object) => say(object.ty.name, format_args!("")),
        Value::Keys(_) => say("jwk.Set", format_args!("")),
        Value::Opaque(name) => say(name, format_args!("")),
        Value::Extension(value) => say(value.go_type(), format_args!("")),
    }
}

/// A field of a value that is not of the type that the checker believes, which a ternary of two types can make: Go's
/// reflection looks for the field by its name in whatever is there.
fn reflected<'a, T>(
    value: &Value<'a>,
    ty: &'static ObjectType,
    index: usize,
    read: impl Fn(&Object<'a>, usize) -> T,
) -> Result<T, Raise<'a>> {
    let text = match value {
        Value::Object(object) if !object.ty.message => {
            let name = ty.fields.get(index).map(|field| field.go_name).unwrap_or_default();
            match object.ty.go_field(name) {
                Some((index, _)) => return Ok(read(object, index)),
                None => NO_SUCH_GO_FIELD,
            }
        }
        Value::Timestamp(_) | Value::Opaque(_) | Value::Keys(_) | Value::Extension(_) => NO_SUCH_GO_FIELD,
        Value::Object(_) => return Err(ErrorKind::NoSuchOverload.into()),
        Value::Null => "reflect: call of reflect.Value.FieldByName on int32 Value",
        Value::Bool(_) => "reflect: call of reflect.Value.FieldByName on bool Value",
        Value::Int(_) | Value::Duration(_) => "reflect: call of reflect.Value.FieldByName on int64 Value",
        Value::Uint(_) => "reflect: call of reflect.Value.FieldByName on uint64 Value",
        Value::Double(_) => "reflect: call of reflect.Value.FieldByName on float64 Value",
        Value::String(_) | Value::Type(_) => "reflect: call of reflect.Value.FieldByName on string Value",
        Value::Bytes(_) | Value::List(_) => "reflect: call of reflect.Value.FieldByName on slice Value",
        Value::Map(_) => "reflect: call of reflect.Value.FieldByName on map Value",
        Value::Optional(Some(inner)) => return reflected(inner, ty, index, read),
        Value::Optional(None) => "reflect: call of reflect.Value.FieldByName on zero Value",
    };
    Err(ErrorKind::Panic(text).into())
}

const NO_SUCH_GO_FIELD: &str = "reflect: call of reflect.Value.IsZero on zero Value";

impl<'a> Frame<'a> {
    /// Resolves a chain of qualifiers. An optional root is opened; an optional inside is a value without members.
    pub(super) fn chain(&mut self, node: &'a Node<'a>) -> Result<Step<'a>, Raise<'a>> {
        match node {
            Node::Field { id, operand, ty, index, .. } => {
                self.runtime.budget.charge(1)?;
                match self.chain(operand)? {
                    Step::Value(value, optional) => self.field_step(value, optional, *id, ty, *index),
                    Step::Absent => Ok(Step::Absent),
                }
            }
            Node::Qualify { id, operand, key, optional } => {
                self.runtime.budget.charge(1)?;
                match self.chain(operand)? {
                    Step::Value(value, before) => self.key_step(value, before || *optional, *id, key),
                    Step::Absent => Ok(Step::Absent),
                }
            }
            _ => self.root(node),
        }
    }

    /// What a chain starts from.
    fn root(&mut self, node: &'a Node<'a>) -> Result<Step<'a>, Raise<'a>> {
        match node {
            Node::PolicyVariable(index) => Ok(Step::Value(self.variable(*index)?, false)),
            Node::OptionalVariable(index) => Ok(Step::Value(self.variable(*index)?, true)),
            // The qualifiers go on to whichever branch is taken.
            Node::Conditional { id, condition, then, otherwise } => match self.eval(condition)? {
                Value::Bool(true) => self.chain(then),
                Value::Bool(false) => self.chain(otherwise),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
            _ => match self.eval(node)? {
                Value::Optional(None) => Ok(Step::Absent),
                Value::Optional(Some(inner)) => Ok(Step::Value(*inner, true)),
                value => Ok(Step::Value(value, false)),
            },
        }
    }

    #[inline]
    fn field_step(
        &mut self,
        value: Value<'a>,
        optional: bool,
        id: NodeId,
        ty: &'static ObjectType,
        index: usize,
    ) -> Result<Step<'a>, Raise<'a>> {
        if optional && !test_field(&self.runtime, &value, ty, index).map_err(|raise| raise.at(id))? {
            return Ok(Step::Absent);
        }
        let found = field(&mut self.runtime, &value, ty, index).map_err(|raise| raise.at(id))?;
        Ok(Step::Value(self.untagged(found)?, optional))
    }

    #[inline]
    fn key_step(
        &mut self,
        value: Value<'a>,
        optional: bool,
        id: NodeId,
        key: &'a Node<'a>,
    ) -> Result<Step<'a>, Raise<'a>> {
        let key = self.key(key).map_err(|raise| raise.at(id))?;
        match self.find(&value, &key, optional).map_err(|raise| raise.at(id))? {
            Some(found) => Ok(Step::Value(found, optional)),
            None if optional => Ok(Step::Absent),
            None => Err(missing(&value, key).at(id)),
        }
    }

    /// What `value` has under `key`; of `variables` as a value, the variable of that name.
    fn find(
        &mut self,
        value: &Value<'a>,
        key: &Value<'a>,
        presence: bool,
    ) -> Result<Option<Value<'a>>, Raise<'a>> {
        match (value, key) {
            (Value::Opaque(VARIABLES), Value::String(name)) => self.variable_named(name),
            (Value::Opaque(VARIABLES), _) => Err(ErrorKind::NoSuchOverload.into()),
            (Value::Object(object), key) if object.ty.message => {
                object_field(self.runtime.current(object), key, presence)
            }
            (Value::Map(map), key) => {
                self.runtime.budget.charge(map.steps_of_lookup(key))?;
                Ok(map.get(key))
            }
            _ => find(value, key, presence),
        }
    }

    /// `has(value.name)` by what the value is: a key of a map, a field of an object; scalars have nothing.
    pub(super) fn test(&mut self, value: &Value<'a>, name: &'a str) -> Answer<'a> {
        Ok(Value::Bool(self.find(value, &Value::String(name), true)?.is_some()))
    }

    /// The key's value; cel-go qualifies by scalars only.
    fn key(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        if let Node::Const(key @ (Value::String(_) | Value::Int(_))) = node {
            return Ok(*key);
        }
        let (key, native) = self.key_value(node)?;
        let go_type = match (key, native.as_deref()) {
            // A field that Go declares with a type of its own is no string or number to a qualifier.
            (Value::Bool(_) | Value::Uint(_) | Value::Double(_), _) => return Ok(key),
            (Value::String(_), None | Some("string")) => return Ok(key),
            (Value::Int(_), None | Some("int" | "int64")) => return Ok(key),
            (Value::Optional(_), _) => "*types.Optional",
            (_, Some(native)) => native,
            (Value::Null, _) => "types.Null",
            (Value::Bytes(_), _) => "types.Bytes",
            (Value::Duration(_), _) => "types.Duration",
            (Value::Timestamp(_), _) => "types.Timestamp",
            (Value::List(_), _) => "*types.baseList",
            (Value::Map(_), _) => "*types.baseMap",
            (Value::Type(name), _) if object_type(name).is_some_and(|ty| !ty.message) => "*ext.nativeType",
            (Value::Type(_), _) => "*types.Type",
            (Value::Object(object), _) if object.ty.message => "*types.protoObj",
            (Value::Object(_) | Value::Opaque(_) | Value::Keys(_), _) => "*ext.nativeObj",
            (Value::Extension(value), _) => value.go_type(),
        };
        Err(self.runtime.error(format_args!("invalid qualifier type: {go_type}")))
    }

    /// Whether a selection on `node` leads into a payload, which is JSON as Go reads it.
    fn is_of_payload(&self, mut node: &Node<'_>) -> bool {
        while let Node::Qualify { operand, .. } = node {
            node = operand;
        }
        matches!(node, Node::Input(index) if matches!(self.inputs.get(*index), Some(Value::Map(_))))
    }

    /// A key and, where it comes straight out of a Go struct or is a helper, its Go type: cel-go looks at that value
    /// before it is adapted.
    fn key_value(&mut self, node: &'a Node<'a>) -> Result<(Value<'a>, Option<Cow<'static, str>>), Raise<'a>> {
        match node {
            Node::Conditional { id, condition, then, otherwise } => match self.eval(condition)? {
                Value::Bool(true) => self.key_value(then),
                Value::Bool(false) => self.key_value(otherwise),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
            Node::Field { ty, .. } if ty.message => match self.eval(node)? {
                Value::Null => Ok((Value::Null, Some("structpb.NullValue".into()))),
                value @ Value::Bytes(_) => Ok((value, Some("[]uint8".into()))),
                value => Ok((value, None)),
            },
            Node::Field { ty, index, .. } => {
                let native = ty.fields.get(*index).map(|field| native::go_type(field));
                Ok((self.eval(node)?, native))
            }
            Node::Input(_) => match self.eval(node)? {
                // What exceptions allow is given as a struct, what is asked about as a pointer to one.
                value @ Value::Object(object) if object.is(&EXCEPTION) => {
                    Ok((value, Some(EXCEPTION.name.into())))
                }
                value @ Value::Object(object) => Ok((value, Some(format!("*{}", object.ty.name).into()))),
                value @ (Value::Null | Value::Map(_)) => Ok((value, of_json(&value).map(Cow::Borrowed))),
                value => Ok((value, Some(value.type_name().into()))),
            },
            Node::Qualify { operand, .. } if self.is_of_payload(operand) => {
                let value = self.eval(node)?;
                Ok((value, of_json(&value).map(Cow::Borrowed)))
            }
            _ => Ok((self.eval(node)?, None)),
        }
    }
}

/// The Go type of a JSON value, where it is none that CEL has too.
fn of_json(value: &Value<'_>) -> Option<&'static str> {
    match value {
        Value::Null => Some("<nil>"),
        Value::List(_) => Some("[]interface {}"),
        Value::Map(_) => Some("map[string]interface {}"),
        _ => None,
    }
}

fn missing<'a>(value: &Value<'a>, key: Value<'a>) -> Raise<'a> {
    match value {
        Value::List(_) => ErrorKind::IndexOutOfBounds(key).into(),
        _ => ErrorKind::NoSuchKey(key).into(),
    }
}

/// What `value`, which is no map, has under `key`. `presence`: an absent field of an object is nothing rather than its zero value.
fn find<'a>(value: &Value<'a>, key: &Value<'a>, presence: bool) -> Result<Option<Value<'a>>, Raise<'a>> {
    match value {
        Value::List(list) => {
            let index = list_index(key)?;
            Ok(usize::try_from(index).ok().and_then(|index| list.get(index)).copied())
        }
        Value::Object(object) => object_field(object, key, presence),
        // The helpers are structs of Go's without fields that CEL sees.
        Value::Opaque(name) if *name != VARIABLES => match key {
            Value::String(name) => Err(ErrorKind::NoSuchField(name).into()),
            _ => Err(ErrorKind::NoSuchOverload.into()),
        },
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

/// The value that a struct literal's field gets.
pub(super) fn assign<'a>(
    runtime: &mut Runtime<'a>,
    ty: &'static ObjectType,
    index: usize,
    value: Value<'a>,
) -> Answer<'a> {
    let Some(field) = ty.fields.get(index) else { return Ok(value) };
    if ty.message { message::field(runtime, ty, field, value) } else { native::field(runtime, field, value) }
}
