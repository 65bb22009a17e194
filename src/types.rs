//! CEL's static types: what the checker computes with.
//!
//! Knows nothing of values, functions or syntax trees, nor the types that libraries declare, which have a name here
//! and nothing else. The rules of assignability live in the checker; here are the types themselves, their names in
//! cel-go's messages, and the small language in which function tables and object types write them (`list(A)`,
//! `map(string, list(string))`, `optional(V)`).

use std::fmt;
use std::sync::Arc;

mod signature;

pub use signature::{Signature, SignatureError};

/// A static type, as in cel-go's `types.Type`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Stands for a node that did not check; assignable to and from everything, so one mistake makes one message.
    Error,
    /// Known only at run time.
    Dyn,
    /// `google.protobuf.Any`; as dyn.
    Any,
    /// `null_type`
    Null,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `uint`
    Uint,
    /// `double`
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
    /// `google.protobuf.Duration`
    Duration,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Int64Value` and its kin: the wrapped primitive, or null.
    Wrapper(Arc<Type>),
    /// `list(E)`
    List(Arc<Type>),
    /// `map(K, V)`
    Map(Arc<(Type, Type)>),
    /// An object with fields, by name: `http.CheckRequest`.
    Struct(&'static str),
    /// An abstract type: `optional_type(T)`, or a function's own type while overloads are resolved.
    Opaque(&'static str, Arc<[Type]>),
    /// The type of types; `type(T)` when T is known.
    Type(Option<Arc<Type>>),
    /// A type parameter: `A` in a signature, `_var0` once instantiated.
    Param(Arc<str>),
}

/// The most that a type holds of others, each counted as often as it stands there: chains of variables make types that
/// are small in memory and take for ever to compare.
pub const MAX_PARTS: usize = 1_000;

/// How deep a type nests, `list(list(int))` two levels: a variable's type is part of the types of the expressions that use
/// it, and so on through chains of variables.
pub const MAX_LEVELS: usize = 250;

/// The name of the optional type in cel-go.
pub const OPTIONAL: &str = "optional_type";

/// What a type is, without its parameters; two types of different kinds never unify unless one is dynamic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`Type::Error`].
    Error,
    /// See [`Type::Dyn`].
    Dyn,
    /// See [`Type::Any`].
    Any,
    /// See [`Type::Null`].
    Null,
    /// See [`Type::Bool`].
    Bool,
    /// See [`Type::Int`].
    Int,
    /// See [`Type::Uint`].
    Uint,
    /// See [`Type::Double`].
    Double,
    /// See [`Type::String`].
    String,
    /// See [`Type::Bytes`].
    Bytes,
    /// See [`Type::Duration`].
    Duration,
    /// See [`Type::Timestamp`].
    Timestamp,
    /// See [`Type::List`].
    List,
    /// See [`Type::Map`].
    Map,
    /// See [`Type::Struct`].
    Struct,
    /// See [`Type::Opaque`].
    Opaque,
    /// See [`Type::Type`].
    Type,
    /// See [`Type::Param`].
    Param,
}

impl Type {
    /// Whether the type holds more than [`MAX_PARTS`] types, each as often as it stands there, or nests them more than
    /// [`MAX_LEVELS`] deep.
    pub fn is_too_large(&self) -> bool {
        let (mut level, mut left) = (self.parameters(), MAX_PARTS);
        for _ in 0..MAX_LEVELS {
            let Some(rest) = left.checked_sub(level.len()) else { return true };
            if level.is_empty() {
                return false;
            }
            left = rest;
            level = level.into_iter().flat_map(Type::parameters).take(left.saturating_add(1)).collect();
        }
        !level.is_empty()
    }

    /// Reads a type as tables write it; a single capital letter is a type parameter. `names` says what a name means that is
    /// none of CEL's own, because it is the libraries that declare such types.
    pub fn parse(text: &str, names: &dyn Fn(&str) -> Option<Type>) -> Option<Type> {
        signature::parse_type(text, names)
    }

    /// `list(element)`
    pub fn list(element: Type) -> Type {
        Type::List(Arc::new(element))
    }

    /// `map(key, value)`
    pub fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new((key, value)))
    }

    /// `optional_type(value)`
    pub fn optional(value: Type) -> Type {
        Type::Opaque(OPTIONAL, Arc::from([value]))
    }

    /// `type(of)`
    pub fn type_of(of: Type) -> Type {
        Type::Type(Some(Arc::new(of)))
    }

    /// A type parameter called `name`.
    pub fn param(name: &str) -> Type {
        Type::Param(Arc::from(name))
    }

    /// The kind; a wrapper has the kind of what it wraps, as in cel-go.
    pub fn kind(&self) -> Kind {
        match self {
            Type::Error => Kind::Error,
            Type::Dyn => Kind::Dyn,
            Type::Any => Kind::Any,
            Type::Null => Kind::Null,
            Type::Bool => Kind::Bool,
            Type::Int => Kind::Int,
            Type::Uint => Kind::Uint,
            Type::Double => Kind::Double,
            Type::String => Kind::String,
            Type::Bytes => Kind::Bytes,
            Type::Duration => Kind::Duration,
            Type::Timestamp => Kind::Timestamp,
            Type::Wrapper(of) => of.kind(),
            Type::List(_) => Kind::List,
            Type::Map(_) => Kind::Map,
            Type::Struct(_) => Kind::Struct,
            Type::Opaque(..) => Kind::Opaque,
            Type::Type(_) => Kind::Type,
            Type::Param(_) => Kind::Param,
        }
    }

    /// The type parameters in order: none, one (list, optional, type), or two (map), or more (functions).
    pub fn parameters(&self) -> Vec<&Type> {
        match self {
            Type::List(element) => vec![element.as_ref()],
            Type::Map(entry) => vec![&entry.0, &entry.1],
            Type::Opaque(_, parameters) => parameters.iter().collect(),
            Type::Type(Some(of)) => vec![of.as_ref()],
            _ => Vec::new(),
        }
    }

    /// The name of the type at run time, without parameters: what `type(x)` prints and conversions name.
    pub fn runtime_name(&self) -> &str {
        match self {
            Type::Error => "error",
            Type::Dyn => "dyn",
            Type::Any => "google.protobuf.Any",
            Type::Null => "null_type",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Duration => "google.protobuf.Duration",
            Type::Timestamp => "google.protobuf.Timestamp",
            Type::Wrapper(of) => of.runtime_name(),
            Type::List(_) => "list",
            Type::Map(_) => "map",
            Type::Struct(name) | Type::Opaque(name, _) => name,
            Type::Type(_) => "type",
            Type::Param(name) => name,
        }
    }

    /// True for `dyn` and `any`.
    pub fn is_dyn(&self) -> bool {
        matches!(self, Type::Dyn | Type::Any)
    }

    /// True for dyn, any and the error type: what the checker lets pass.
    pub fn is_dyn_or_error(&self) -> bool {
        matches!(self, Type::Dyn | Type::Any | Type::Error)
    }

    /// The `T` of `optional_type(T)`.
    pub fn unwrap_optional(&self) -> Option<&Type> {
        match self {
            Type::Opaque(OPTIONAL, parameters) => parameters.first(),
            _ => None,
        }
    }

    /// True if a value of this type may be used for `from`, by cel-go's `IsAssignableType`: same kind and name,
    /// assignable parameters; a dynamic type takes all; a wrapper takes null and what it wraps, which takes it too.
    pub fn accepts(&self, from: &Type) -> bool {
        match self {
            Type::Dyn | Type::Any | Type::Param(_) => true,
            Type::Wrapper(of) => matches!(from, Type::Null) || of.accepts(from),
            _ => {
                let (mine, theirs) = (self.parameters(), from.parameters());
                self.kind() == from.kind()
                    && self.runtime_name() == from.runtime_name()
                    && mine.len() == theirs.len()
                    && mine.iter().zip(theirs).all(|(a, b)| a.accepts(b))
            }
        }
    }

    /// Equality as cel-go's `IsExactType` has it: a wrapper equals what it wraps.
    pub fn is_exact(&self, other: &Type) -> bool {
        self.is_same(other, true)
    }

    /// Equality that does not look at the names of type parameters either, as cel-go's `IsEquivalentType`.
    pub fn is_equivalent(&self, other: &Type) -> bool {
        self.is_same(other, false)
    }

    fn is_same(&self, other: &Type, names: bool) -> bool {
        let (mine, theirs) = (self.parameters(), other.parameters());
        self.kind() == other.kind()
            && mine.len() == theirs.len()
            && (self.kind() == Kind::Param && !names || self.runtime_name() == other.runtime_name())
            && mine.iter().zip(theirs).all(|(a, b)| a.is_same(b, names))
    }
}

impl fmt::Display for Type {
    /// The spelling of cel-go's messages (`FormatCELType`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("any"),
            Type::Duration => f.write_str("duration"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::Error => f.write_str("!error!"),
            Type::Null => f.write_str("null"),
            Type::Wrapper(of) => write!(f, "wrapper({of})"),
            _ => {
                let parameters = self.parameters();
                f.write_str(self.runtime_name())?;
                for (i, parameter) in parameters.iter().enumerate() {
                    f.write_str(if i == 0 { "(" } else { ", " })?;
                    write!(f, "{parameter}")?;
                }
                if parameters.is_empty() { Ok(()) } else { f.write_str(")") }
            }
        }
    }
}
