//! What must be true of a value before a body with a typed signature may have it, as cel-go's runtime guards.

use bumpalo::Bump;

use crate::types::Type;
use crate::value::{Value, ValueKind};

/// A check of one argument. Lists and maps are judged by their first element, as in cel-go.
#[derive(Clone, Copy, Debug)]
pub enum Guard<'p> {
    /// Anything.
    Any,
    /// A value of this kind.
    Kind(ValueKind),
    /// A list whose first element passes.
    List(&'p Guard<'p>),
    /// A map whose first key and value pass.
    Map(&'p Guard<'p>, &'p Guard<'p>),
    /// An object of the type with this name.
    Object(&'static str),
    /// An opaque value of this name.
    Opaque(&'static str),
    /// No value passes.
    Never,
}

impl<'p> Guard<'p> {
    /// The guard of a parameter.
    pub(in crate::cel) fn of(ty: &Type, arena: &'p Bump) -> Guard<'p> {
        match ty {
            Type::Dyn | Type::Any | Type::Param(_) => Guard::Any,
            Type::Null => Guard::Kind(ValueKind::Null),
            Type::Bool => Guard::Kind(ValueKind::Bool),
            Type::Int => Guard::Kind(ValueKind::Int),
            Type::Uint => Guard::Kind(ValueKind::Uint),
            Type::Double => Guard::Kind(ValueKind::Double),
            Type::String => Guard::Kind(ValueKind::String),
            Type::Bytes => Guard::Kind(ValueKind::Bytes),
            Type::Duration => Guard::Kind(ValueKind::Duration),
            Type::Timestamp => Guard::Kind(ValueKind::Timestamp),
            Type::Type(_) => Guard::Kind(ValueKind::Type),
            Type::List(element) => match Guard::of(element, arena) {
                Guard::Any => Guard::Kind(ValueKind::List),
                element => Guard::List(arena.alloc(element)),
            },
            Type::Map(entry) => match (Guard::of(&entry.0, arena), Guard::of(&entry.1, arena)) {
                (Guard::Any, Guard::Any) => Guard::Kind(ValueKind::Map),
                (key, value) => Guard::Map(arena.alloc(key), arena.alloc(value)),
            },
            Type::Struct(name) => Guard::Object(name),
            Type::Opaque(crate::types::OPTIONAL, _) => Guard::Kind(ValueKind::Optional),
            Type::Opaque(name, _) => Guard::Opaque(name),
            Type::Wrapper(_) | Type::Error => Guard::Never,
        }
    }

    /// Whether `value` passes.
    pub fn passes(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Guard::Any, _) => true,
            (Guard::Kind(kind), _) => value.kind() == *kind,
            (Guard::List(element), Value::List(list)) => {
                list.first().is_none_or(|first| element.passes(first))
            }
            (Guard::Map(key, of), Value::Map(map)) => {
                map.entries().first().is_none_or(|(k, v)| key.passes(k) && of.passes(v))
            }
            (Guard::Object(name), Value::Object(object)) => object.ty.name == *name,
            (Guard::Opaque(name), Value::Opaque(_) | Value::Keys(_)) => *name == value.type_name(),
            (Guard::Object(name) | Guard::Opaque(name), Value::Extension(value)) => {
                value.type_name() == *name
            }
            _ => false,
        }
    }
}
