//! Objects: values of the types that Kyverno's Go structs declare.

use super::Value;
use super::object_type::{FieldType, ObjectRow, ObjectType};

/// An object. Unset fields read as the zero value of their type, never as null (docs/kyverno.md §2).
#[derive(Debug)]
pub struct Object<'a> {
    /// The object's type.
    pub ty: &'static ObjectType,
    /// The fields in the order of the type; `None` is an unset pointer, map or byte string, or a field that
    /// nobody reads. A slice shorter than the type leaves the rest unset.
    pub fields: &'a [Option<Value<'a>>],
    /// True for objects made by Kyverno's own functions and by literals: access through `dyn` then takes the
    /// CEL names; objects that came with the request take the Go names (docs/kyverno.md §3).
    pub tagged: bool,
}

impl<'a> Object<'a> {
    /// The field at `index`; the zero value if it is unset, null if CEL has no type for it.
    pub fn get(&self, index: usize) -> Value<'a> {
        match self.fields.get(index).copied().flatten() {
            Some(value) => value,
            None => self.ty.fields.get(index).map_or(Value::Null, |field| field.zero(self.tagged)),
        }
    }

    /// True if it is an object of this type.
    pub fn is(&self, row: &'static ObjectRow) -> bool {
        let ty: &ObjectType = row;
        std::ptr::eq(self.ty, ty)
    }

    /// What `has()` says of the field at `index`: pointers, maps and byte strings count when they are there,
    /// scalars when they differ from zero, structs when any field of theirs does.
    pub fn is_set(&self, index: usize) -> bool {
        let Some(value) = self.fields.get(index).copied().flatten() else { return false };
        let pointer = self.ty.fields.get(index).is_some_and(|field| field.pointer);
        pointer || if self.ty.message { !is_default(&value) } else { !is_zero(&value) }
    }

    /// The field that access through `dyn` finds under `name`, with its index.
    pub fn dynamic_field(&self, name: &str) -> Option<(usize, &'static FieldType)> {
        if self.tagged { self.ty.field(name) } else { self.ty.go_field(name) }
    }

    /// True if no field is set to anything.
    pub fn is_zero(&self) -> bool {
        (0..self.fields.len()).all(|index| !self.is_set(index))
    }
}

/// Protobuf's default values: what a field without presence is when nobody set it.
fn is_default(value: &Value<'_>) -> bool {
    match value {
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        other => is_zero(other),
    }
}

/// Go's `reflect.Value.IsZero` for a field that is there: empty maps and byte strings are not zero.
fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(i) | Value::Duration(i) => *i == 0,
        Value::Uint(u) => *u == 0,
        Value::Double(d) => d.to_bits() == 0,
        Value::String(s) => s.is_empty(),
        Value::Object(object) => object.is_zero(),
        _ => false,
    }
}
