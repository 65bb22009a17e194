//! Errors of evaluation: small, `Copy`, with the node that raised them; their text is made only when asked for.
//!
//! The texts are cel-go's, because Kyverno shows them (docs/kyverno.md §11). A request's values are in a text
//! only where Kyverno's has them.

use std::fmt;

use crate::budget::Fault;
use crate::value::{ShortestDouble, Value};

/// The number of a node in the tree of its expression, from 1; which tree that is says who has it.
pub type NodeId = u32;

/// What Go says of bytes that are to be removed from the keys of a map.
pub const UNHASHABLE_TO_REMOVE: &str = "hash of unhashable type: types.Bytes";

/// Why an evaluation ended without a value.
#[derive(Clone, Copy, Debug)]
pub enum Raise<'a> {
    /// What Kyverno would have raised; logical operators may absorb it.
    Error(CelError<'a>),
    /// Ours; nothing absorbs it.
    Fault(Fault),
}

/// A CEL error and the node where it arose; 0 if not known.
#[derive(Clone, Copy, Debug)]
pub struct CelError<'a> {
    /// What went wrong.
    pub kind: ErrorKind<'a>,
    /// The node that raised it.
    pub node: NodeId,
}

/// The kinds of CEL errors.
#[derive(Clone, Copy, Debug)]
pub enum ErrorKind<'a> {
    /// A key that the map does not have; or a selection on a value without fields.
    NoSuchKey(Value<'a>),
    /// A key that the map of `transformMap` or `transformMapEntry` has already.
    KeyExists(Value<'a>),
    /// A field that the object's type does not have, through dyn.
    NoSuchField(&'a str),
    /// The same of a protobuf message, which cel-go words in another way.
    NoSuchMessageField(&'a str),
    /// A name that is declared but has no value.
    NoSuchAttribute(&'a str),
    /// An index outside a list.
    IndexOutOfBounds(Value<'a>),
    /// A list index of a type that cannot index.
    UnsupportedIndexType(&'a str),
    /// A double that is not integral as a list index.
    UnsupportedIndexValue(f64),
    /// A uint beyond the range of ints as a list index.
    UnsupportedIndexUint(u64),
    /// The values' types have no such operation: cel-go's bare text.
    NoSuchOverload,
    /// The first value's type does not know the function at all.
    NoSuchFunction(&'a str),
    /// No overload of the function takes values of these types.
    NoMatchingOverload(&'a str, &'a [Value<'a>]),
    /// A value that cannot be converted to the named type.
    TypeConversion(&'a str, &'a str),
    /// `/` by zero.
    DivisionByZero,
    /// `%` by zero.
    ModulusByZero,
    /// An int result outside 64 bits.
    IntegerOverflow,
    /// A uint result outside 64 bits.
    UnsignedIntegerOverflow,
    /// A duration outside its range.
    DurationOverflow,
    /// A timestamp outside years 1 to 9999.
    TimestampOverflow,
    /// `optional.none().value()`
    OptionalNoneDereference,
    /// A text that a function made; it is the whole error text.
    Message(&'a str),
    /// What makes Kyverno's Go code panic: the evaluation of the whole expression ends, so no operator absorbs it.
    Panic(&'a str),
}

impl<'a> From<ErrorKind<'a>> for Raise<'a> {
    fn from(kind: ErrorKind<'a>) -> Self {
        Raise::Error(CelError { kind, node: 0 })
    }
}

impl From<Fault> for Raise<'_> {
    fn from(fault: Fault) -> Self {
        Raise::Fault(fault)
    }
}

impl CelError<'_> {
    /// True if operators may absorb the error and folds go on after it.
    pub fn is_absorbable(&self) -> bool {
        !matches!(self.kind, ErrorKind::Panic(_))
    }
}

impl<'a> Raise<'a> {
    /// The same with the node that raised it, unless one is known already.
    #[must_use]
    pub fn at(self, node: NodeId) -> Raise<'a> {
        match self {
            Raise::Error(CelError { kind, node: 0 }) => Raise::Error(CelError { kind, node }),
            other => other,
        }
    }
}

impl fmt::Display for CelError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Display for ErrorKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::NoSuchKey(key) => write!(f, "no such key: {}", Plain(key)),
            ErrorKind::KeyExists(key) => write!(f, "insert failed: key {} already exists", Plain(key)),
            ErrorKind::NoSuchField(name) => write!(f, "no such field: {name}"),
            ErrorKind::NoSuchMessageField(name) => write!(f, "no such field '{name}'"),
            ErrorKind::NoSuchAttribute(name) => write!(f, "no such attribute(s): {name}"),
            ErrorKind::IndexOutOfBounds(index) => write!(f, "index out of bounds: {}", Plain(index)),
            ErrorKind::UnsupportedIndexType(name) => write!(f, "unsupported index type '{name}' in list"),
            ErrorKind::UnsupportedIndexValue(value) => {
                write!(f, "unsupported index value {} in list", Plain(&Value::Double(*value)))
            }
            ErrorKind::UnsupportedIndexUint(value) => write!(f, "unsupported index value {value} in list"),
            ErrorKind::NoSuchOverload => f.write_str("no such overload"),
            ErrorKind::NoSuchFunction(function) => write!(f, "no such overload: {function}"),
            ErrorKind::NoMatchingOverload(function, arguments) => {
                write!(f, "no such overload: {function}(")?;
                for (i, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { ", " }, argument.type_name())?;
                }
                f.write_str(")")
            }
            ErrorKind::TypeConversion(from, to) => write!(f, "type conversion error from '{from}' to '{to}'"),
            ErrorKind::DivisionByZero => f.write_str("division by zero"),
            ErrorKind::ModulusByZero => f.write_str("modulus by zero"),
            ErrorKind::IntegerOverflow => f.write_str("integer overflow"),
            ErrorKind::UnsignedIntegerOverflow => f.write_str("unsigned integer overflow"),
            ErrorKind::DurationOverflow => f.write_str("duration overflow"),
            ErrorKind::TimestampOverflow => f.write_str("timestamp overflow"),
            ErrorKind::OptionalNoneDereference => f.write_str("optional.none() dereference"),
            ErrorKind::Message(text) => f.write_str(text),
            ErrorKind::Panic(text) => write!(f, "internal error: {text}"),
        }
    }
}

/// A scalar, or a list, as Go's `%v` prints it.
pub(crate) struct Plain<'v, 'a>(pub(crate) &'v Value<'a>);

impl fmt::Display for Plain<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // cel-go's null is a number to Go.
            Value::Null => f.write_str("0"),
            Value::Bytes(bytes) => {
                f.write_str("[")?;
                for (at, byte) in bytes.iter().enumerate() {
                    let space = if at == 0 { "" } else { " " };
                    write!(f, "{space}{byte}")?;
                }
                f.write_str("]")
            }
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Uint(u) => write!(f, "{u}"),
            Value::Double(d) => ShortestDouble(*d).fmt(f),
            Value::String(s) | Value::Type(s) => f.write_str(s),
            Value::List(list) => {
                f.write_str("[")?;
                for (at, element) in list.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", Plain(element))?;
                }
                f.write_str("]")
            }
            other => f.write_str(other.type_name()),
        }
    }
}
