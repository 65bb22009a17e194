//! The one value type of the engine.
//!
//! A [`Value`] is small and `Copy` and borrows everything larger than a word from one arena per decision (the
//! event's own bytes, the program's constants, or memory that functions asked for). There is one lifetime. It
//! knows nothing of spans, programs, requests or Kyverno; equality and ordering are CEL's and live here, in one
//! place, for all pairs of types.

use crate::types::Type;

pub mod base64;
mod compare;
pub mod extension;
pub mod json;
pub mod keys;
mod map;
mod number;
mod object;
pub mod object_type;
mod quote;
mod time;
mod whole;

pub(crate) use compare::MAX_DEPTH;
pub use compare::{Sameness, compare, equal};
pub use extension::Extension;
pub use map::{Map, MapBuilder};
pub use number::ShortestDouble;
pub(crate) use number::{PlainDouble, scientific};
pub use object::Object;
pub use object_type::{FieldType, ObjectRow, ObjectType};
pub use quote::GoQuoted;
pub use time::{Timestamp, format_duration};
pub(crate) use whole::{double_to_int, double_to_uint};
pub use whole::{i64_as_f64, u64_as_f64};

/// A CEL value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint`
    Uint(u64),
    /// `double`
    Double(f64),
    /// `string`
    String(&'a str),
    /// `bytes`
    Bytes(&'a [u8]),
    /// `google.protobuf.Duration`, in nanoseconds, the range of Go's `time.Duration`.
    Duration(i64),
    /// `google.protobuf.Timestamp` with the offset it was written with.
    Timestamp(Timestamp),
    /// `list`
    List(&'a [Value<'a>]),
    /// `map`
    Map(Map<'a>),
    /// `optional_type`: none, or a value.
    Optional(Option<&'a Value<'a>>),
    /// A type, by its name at run time.
    Type(&'a str),
    /// An object of an [`ObjectType`].
    Object(&'a Object<'a>),
    /// `jwk.Set`: keys that verify tokens.
    Keys(&'a keys::KeySet),
    /// A value without inside, such as the helpers `json` and `mcp`; the name is its type's.
    Opaque(&'static str),
    /// A value of a type that a function library brings.
    Extension(Extension<'a>),
}

/// What a value is at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// See [`Value::Null`].
    Null,
    /// See [`Value::Bool`].
    Bool,
    /// See [`Value::Int`].
    Int,
    /// See [`Value::Uint`].
    Uint,
    /// See [`Value::Double`].
    Double,
    /// See [`Value::String`].
    String,
    /// See [`Value::Bytes`].
    Bytes,
    /// See [`Value::Duration`].
    Duration,
    /// See [`Value::Timestamp`].
    Timestamp,
    /// See [`Value::List`].
    List,
    /// See [`Value::Map`].
    Map,
    /// See [`Value::Optional`].
    Optional,
    /// See [`Value::Type`].
    Type,
    /// See [`Value::Object`].
    Object,
    /// See [`Value::Keys`].
    Keys,
    /// See [`Value::Opaque`].
    Opaque,
    /// See [`Value::Extension`].
    Extension,
}

impl<'a> Value<'a> {
    /// The value's kind.
    pub fn kind(&self) -> ValueKind {
        match self {
            Value::Null => ValueKind::Null,
            Value::Bool(_) => ValueKind::Bool,
            Value::Int(_) => ValueKind::Int,
            Value::Uint(_) => ValueKind::Uint,
            Value::Double(_) => ValueKind::Double,
            Value::String(_) => ValueKind::String,
            Value::Bytes(_) => ValueKind::Bytes,
            Value::Duration(_) => ValueKind::Duration,
            Value::Timestamp(_) => ValueKind::Timestamp,
            Value::List(_) => ValueKind::List,
            Value::Map(_) => ValueKind::Map,
            Value::Optional(_) => ValueKind::Optional,
            Value::Type(_) => ValueKind::Type,
            Value::Object(_) => ValueKind::Object,
            Value::Keys(_) => ValueKind::Keys,
            Value::Opaque(_) => ValueKind::Opaque,
            Value::Extension(_) => ValueKind::Extension,
        }
    }

    /// The name that `type(value)` prints and that cel-go's messages use.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::String(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Optional(_) => "optional_type",
            Value::Type(_) => "type",
            Value::Object(object) => object.ty.name,
            Value::Keys(_) => "jwk.Set",
            Value::Opaque(name) => name,
            Value::Extension(value) => value.type_name(),
        }
    }

    /// The empty string, `0`, `false`, an empty list: what an unset field of `ty` reads as, unless it holds an object
    /// ([`FieldType::zero`]).
    pub fn zero(ty: &Type) -> Value<'a> {
        match ty {
            Type::Bool => Value::Bool(false),
            Type::Int => Value::Int(0),
            Type::Uint => Value::Uint(0),
            Type::Double => Value::Double(0.0),
            Type::String => Value::String(""),
            Type::Bytes => Value::Bytes(&[]),
            Type::Duration => Value::Duration(0),
            Type::Timestamp => Value::Timestamp(Timestamp::UNIX_EPOCH),
            Type::List(_) => Value::List(&[]),
            Type::Map(_) => Value::Map(Map::EMPTY),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_small() {
        assert_eq!(size_of::<Value<'_>>(), 24);
    }
}
