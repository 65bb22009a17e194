//! The checker's messages: all wording in one place, cel-go's words.

use std::fmt;

use crate::cel::ast::NodeId;
use crate::types::{MAX_LEVELS, MAX_PARTS, Type};

/// One mistake, at one node.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeError {
    /// The node that cel-go would report.
    pub node: NodeId,
    /// What is wrong.
    pub kind: TypeErrorKind,
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeErrorKind {
    /// A name that nothing declares.
    UndeclaredReference {
        /// The name.
        name: String,
        /// The container that was searched; empty in policies.
        container: String,
        /// The type of the value that a member function was called on.
        receiver: Option<Type>,
    },
    /// A field that the object's type does not have.
    UndefinedField {
        /// The field.
        field: String,
        /// The object type's name.
        object: String,
    },
    /// No overload takes arguments of these types.
    NoMatchingOverload {
        /// The function.
        function: String,
        /// The arguments' types, the receiver first.
        arguments: Vec<Type>,
        /// True for a call on a receiver.
        member: bool,
    },
    /// Another type was due.
    Mismatch {
        /// What was due.
        expected: Type,
        /// What is there.
        found: Type,
    },
    /// A struct literal's field has another type.
    FieldMismatch {
        /// The field.
        field: String,
        /// The field's type.
        expected: Type,
        /// The value's type.
        found: Type,
    },
    /// A selection on a type without fields.
    NoFieldSelection(Type),
    /// A macro over something that is neither list nor map.
    NotARange(Type),
    /// A struct literal of a name that is no type.
    NotAType(String),
    /// A struct literal of a type that has no fields.
    NotAMessageType(String),
    /// A field of a literal whose type has no fields; follows [`TypeErrorKind::NotAMessageType`].
    FailedResolution(String),
    /// `.?` with something other than a field name.
    OptionalSelection(String),
    /// A type that holds too many others, or nests them too deep.
    TooLarge,
    /// What a check of literals found, in its own words.
    Literal(String),
}

impl fmt::Display for TypeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypeErrorKind::UndeclaredReference { name, container, .. } => {
                write!(f, "undeclared reference to '{name}' (in container '{container}')")
            }
            TypeErrorKind::UndefinedField { field, .. } => write!(f, "undefined field '{field}'"),
            TypeErrorKind::NoMatchingOverload { function, arguments, member } => {
                write!(f, "found no matching overload for '{function}' applied to '")?;
                let mut arguments = arguments.iter();
                if *member && let Some(receiver) = arguments.next() {
                    write!(f, "{receiver}.")?;
                }
                f.write_str("(")?;
                for (i, argument) in arguments.enumerate() {
                    write!(f, "{}{argument}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")'")
            }
            TypeErrorKind::Mismatch { expected, found } => {
                write!(f, "expected type '{expected}' but found '{found}'")
            }
            TypeErrorKind::FieldMismatch { field, expected, found } => {
                write!(f, "expected type of field '{field}' is '{expected}' but provided type is '{found}'")
            }
            TypeErrorKind::NoFieldSelection(ty) => write!(f, "type '{ty}' does not support field selection"),
            TypeErrorKind::NotARange(ty) => write!(
                f,
                "expression of type '{ty}' cannot be range of a comprehension (must be list, map, or dynamic)"
            ),
            TypeErrorKind::NotAType(name) => write!(f, "'{name}' is not a type"),
            TypeErrorKind::NotAMessageType(name) => write!(f, "'{name}' is not a message type"),
            TypeErrorKind::FailedResolution(name) => write!(f, "unexpected failed resolution of '{name}'"),
            TypeErrorKind::OptionalSelection(what) => {
                write!(f, "unsupported optional field selection: {what}")
            }
            TypeErrorKind::Literal(text) => f.write_str(text),
            TypeErrorKind::TooLarge => write!(
                f,
                "the type of the expression holds more than {MAX_PARTS} types, or nests them more than {MAX_LEVELS} levels \
                 deep, the limits (fixed)"
            ),
        }
    }
}
