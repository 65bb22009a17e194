//! Object types: the fields that the objects of a Go struct or of a protobuf message have.
//!
//! Knows how a type is declared, and none that is: each library declares its own, a static of type [`ObjectRow`] each,
//! and who makes values of it names that static. Nothing is searched for, and no type can be missing.
//!
//! A field of a struct has two names. Typed access uses the CEL name; access through `dyn` uses the Go name on values that
//! came through the outermost adapter, because that one ignores the `cel` tags (docs/kyverno.md §3).

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use super::{Map, Object, Value};
use crate::types::Type;

/// An object type.
#[derive(Debug)]
pub struct ObjectType {
    /// The name in CEL, `http.CheckRequest`.
    pub name: &'static str,
    /// The static type of a literal: the object itself, but for most of protobuf's well-known messages a type of CEL's own.
    pub ty: Type,
    /// True for a protobuf message, false for a Go struct.
    pub message: bool,
    /// True for a type that the checker alone knows: its values are found by what they are, and a literal is an error.
    pub declared: bool,
    /// The fields in the order of the Go struct; a value's fields have the same order.
    pub fields: Vec<FieldType>,
}

/// A field of an object type.
#[derive(Debug)]
pub struct FieldType {
    /// The name in typed CEL.
    pub name: &'static str,
    /// The Go field's name.
    pub go_name: &'static str,
    /// Its static type; `None` for fields that Go declares as `any` or as something that CEL has no type for:
    /// they are undefined at compile time and reachable through `dyn`.
    pub ty: Option<Type>,
    /// The type of the object that it holds, or of those in the list that it holds.
    pub object: Option<&'static ObjectRow>,
    /// True if the Go field is a pointer or an interface, so that a set but empty one is told from an unset one.
    pub pointer: bool,
    /// For a message's field, the Go type that a value converts to, as cel-go's messages spell it; for a struct's, the Go
    /// type if it is not the plain one of the static type, or if there is no static type, `map` or `bool` if the zero value
    /// is not null; else empty.
    pub go_type: &'static str,
}

impl ObjectType {
    /// The index of the field that typed CEL calls `name`.
    pub fn field(&self, name: &str) -> Option<(usize, &FieldType)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name && name != PRIVATE)
    }

    /// The index of the field with this Go name.
    pub fn go_field(&self, name: &str) -> Option<(usize, &FieldType)> {
        self.fields.iter().enumerate().find(|(_, field)| field.go_name == name && name != PRIVATE)
    }
}

impl FieldType {
    /// What the field reads as when nobody set it; `tagged` is that of the object whose field it is.
    pub fn zero<'a>(&self, tagged: bool) -> Value<'a> {
        match (&self.ty, self.object) {
            (Some(Type::Struct(_)), Some(row)) => Value::Object(row.unset(tagged)),
            (Some(ty), _) => Value::zero(ty),
            (None, _) => match self.go_type {
                "map" => Value::Map(Map::EMPTY),
                "bool" => Value::Bool(false),
                _ => Value::Null,
            },
        }
    }
}

/// The name of a field that Go does not export.
const PRIVATE: &str = "";

/// The Go type of a message inside a message: cel-go makes all messages of literals in this type.
const MESSAGE: &str = "*dynamicpb.Message";

/// The Go type of a list of messages.
const MESSAGES: &str = "[]*dynamicpb.Message";

/// An object type as a library declares it, which stands for the type: `&ROW` is a `&'static ObjectType`, made when it is
/// first asked for.
pub struct ObjectRow {
    /// The name in CEL.
    pub name: &'static str,
    form: Form,
    rows: &'static [FieldRow],
    made: OnceLock<ObjectType>,
    unset: OnceLock<[Object<'static>; 2]>,
}

/// What an object type is in Go.
#[derive(Clone, Copy)]
enum Form {
    /// A struct.
    Struct,
    /// A struct that the checker alone knows.
    Declared,
    /// A protobuf message; a literal has this type of CEL's own, or if there is none, the message's.
    Message(&'static str),
}

/// A field as it stands in a row.
pub struct FieldRow {
    name: &'static str,
    go_name: &'static str,
    holds: Holds,
    go_type: &'static str,
}

/// What a field holds.
enum Holds {
    /// What no object is, see [`field`].
    Text(&'static str),
    /// An object.
    Object(&'static ObjectRow),
    /// An object, or nothing.
    Pointer(&'static ObjectRow),
    /// A list of objects.
    List(&'static ObjectRow),
}

impl ObjectRow {
    /// A Go struct.
    pub const fn structure(name: &'static str, fields: &'static [FieldRow]) -> ObjectRow {
        ObjectRow::new(name, Form::Struct, fields)
    }

    /// A struct that the checker alone knows, see [`ObjectType::declared`].
    pub const fn declared(name: &'static str, fields: &'static [FieldRow]) -> ObjectRow {
        ObjectRow::new(name, Form::Declared, fields)
    }

    /// A protobuf message.
    pub const fn message(name: &'static str, fields: &'static [FieldRow]) -> ObjectRow {
        ObjectRow::new(name, Form::Message(""), fields)
    }

    /// A protobuf message whose literals have the type `ty` of CEL's own.
    pub const fn well_known(name: &'static str, ty: &'static str, fields: &'static [FieldRow]) -> ObjectRow {
        ObjectRow::new(name, Form::Message(ty), fields)
    }

    const fn new(name: &'static str, form: Form, rows: &'static [FieldRow]) -> ObjectRow {
        ObjectRow { name, form, rows, made: OnceLock::new(), unset: OnceLock::new() }
    }

    /// The static type of a literal.
    pub fn ty(&self) -> Type {
        let own = match self.form {
            Form::Message(text) => Type::parse(text, &|_| None),
            Form::Struct | Form::Declared => None,
        };
        own.unwrap_or(Type::Struct(self.name))
    }

    /// The fields whose type does not read.
    #[cfg(test)]
    pub(crate) fn unread(&self) -> Vec<&'static str> {
        let reads = |row: &FieldRow| match row.holds {
            Holds::Text(text) => {
                text.trim_start_matches('*').starts_with('?') || row.field_type().ty.is_some()
            }
            Holds::Object(_) | Holds::Pointer(_) | Holds::List(_) => true,
        };
        // A value is converted to the Go type of a message's field; without one it would be none.
        let converts = |row: &FieldRow| !self.message || !row.go_type.is_empty();
        self.rows.iter().filter(|row| !reads(row) || !converts(row)).map(|row| row.name).collect()
    }

    /// The object of this type that has no field set: one that came with a request, or a `tagged` one, as what is made is.
    pub fn unset(&'static self, tagged: bool) -> &'static Object<'static> {
        let [plain, made] = self.unset.get_or_init(|| {
            [false, true].map(|tagged| Object { ty: self, fields: &[], tagged: tagged || self.message })
        });
        if tagged { made } else { plain }
    }
}

impl Deref for ObjectRow {
    type Target = ObjectType;

    fn deref(&self) -> &ObjectType {
        self.made.get_or_init(|| ObjectType {
            name: self.name,
            ty: self.ty(),
            message: matches!(self.form, Form::Message(_)),
            declared: matches!(self.form, Form::Declared),
            fields: self.rows.iter().map(FieldRow::field_type).collect(),
        })
    }
}

impl fmt::Debug for ObjectRow {
    /// The name alone: a type may hold objects of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FieldRow {
    /// The same field of a struct, of a Go type that is not the plain one of its static type.
    #[must_use]
    pub const fn of(self, go_type: &'static str) -> FieldRow {
        FieldRow { go_type, ..self }
    }

    fn field_type(&self) -> FieldType {
        let (ty, object, pointer, text) = match self.holds {
            Holds::Text(text) => {
                let bare = text.trim_start_matches('*');
                let ty = if bare.starts_with('?') { None } else { Type::parse(bare, &|_| None) };
                (ty, None, text.starts_with('*'), bare)
            }
            Holds::Object(row) => (Some(Type::Struct(row.name)), Some(row), false, ""),
            Holds::Pointer(row) => (Some(Type::Struct(row.name)), Some(row), true, ""),
            Holds::List(row) => (Some(Type::list(Type::Struct(row.name))), Some(row), false, ""),
        };
        let go_type = text.strip_prefix('?').unwrap_or(self.go_type);
        FieldType { name: self.name, go_name: self.go_name, ty, object, pointer, go_type }
    }
}

/// A field of a struct that holds no object. `ty` is in the language of [`Type::parse`]; `*` before it marks a pointer, and
/// `?` in its place a field without static type, `?map` and `?bool` one whose zero value is not null.
pub const fn field(name: &'static str, go_name: &'static str, ty: &'static str) -> FieldRow {
    FieldRow { name, go_name, holds: Holds::Text(ty), go_type: "" }
}

/// A field of a struct that no access finds, because Go does not export it; equality compares it.
pub const fn private() -> FieldRow {
    field(PRIVATE, PRIVATE, "*?")
}

/// A field of a struct that holds a struct.
pub const fn object(name: &'static str, go_name: &'static str, row: &'static ObjectRow) -> FieldRow {
    FieldRow { name, go_name, holds: Holds::Object(row), go_type: "" }
}

/// A field of a struct that points to a struct.
pub const fn pointer(name: &'static str, go_name: &'static str, row: &'static ObjectRow) -> FieldRow {
    FieldRow { name, go_name, holds: Holds::Pointer(row), go_type: "" }
}

/// A field of a struct that holds a list of structs.
pub const fn objects(name: &'static str, go_name: &'static str, row: &'static ObjectRow) -> FieldRow {
    FieldRow { name, go_name, holds: Holds::List(row), go_type: "" }
}

/// A field of a message that holds no message of its library's, with the Go type that a value converts to. `*` marks a
/// field with presence: a message, a wrapper, a member of a oneof.
pub const fn stored(name: &'static str, ty: &'static str, go_type: &'static str) -> FieldRow {
    FieldRow { name, go_name: name, holds: Holds::Text(ty), go_type }
}

/// A field of a message that holds a message.
pub const fn message(name: &'static str, row: &'static ObjectRow) -> FieldRow {
    FieldRow { name, go_name: name, holds: Holds::Pointer(row), go_type: MESSAGE }
}

/// A field of a message that holds a list of messages.
pub const fn messages(name: &'static str, row: &'static ObjectRow) -> FieldRow {
    FieldRow { name, go_name: name, holds: Holds::List(row), go_type: MESSAGES }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OUTER: ObjectRow = ObjectRow::structure(
        "t.Outer",
        &[
            private(),
            field("any", "Any", "*?"),
            field("map", "Map", "?map"),
            field("flag", "Flag", "?bool"),
            field("size", "Size", "int").of("int64"),
            object("inner", "Inner", &INNER),
            pointer("next", "Next", &OUTER),
            objects("all", "All", &INNER),
        ],
    );
    static INNER: ObjectRow = ObjectRow::message("t.Inner", &[stored("text", "*string", "string")]);
    static LIKE: ObjectRow = ObjectRow::well_known("t.Like", "list(dyn)", &[]);
    static KNOWN: ObjectRow = ObjectRow::declared("t.Known", &[]);

    #[test]
    fn a_field_is_what_its_row_says() {
        let is = |name: &str| {
            let (index, field) = OUTER.field(name).unwrap();
            (index, field.ty.clone(), field.pointer, field.go_type)
        };
        assert_eq!(is("any"), (1, None, true, ""));
        assert_eq!(is("map"), (2, None, false, "map"));
        assert_eq!(is("flag"), (3, None, false, "bool"));
        assert_eq!(is("size"), (4, Some(Type::Int), false, "int64"));
        assert_eq!(is("inner"), (5, Some(Type::Struct("t.Inner")), false, ""));
        assert_eq!(is("next"), (6, Some(Type::Struct("t.Outer")), true, ""));
        assert_eq!(is("all"), (7, Some(Type::list(Type::Struct("t.Inner"))), false, ""));
        assert!(OUTER.field("").is_none() && OUTER.go_field("").is_none() && OUTER.fields.len() == 8);
        assert_eq!(OUTER.go_field("Next").unwrap().0, 6);
    }

    #[test]
    fn a_type_is_what_its_row_says() {
        let is = |row: &'static ObjectRow| (row.ty.clone(), row.message, row.declared);
        assert_eq!(is(&OUTER), (Type::Struct("t.Outer"), false, false));
        assert_eq!(is(&INNER), (Type::Struct("t.Inner"), true, false));
        assert_eq!(is(&LIKE), (Type::list(Type::Dyn), true, false));
        assert_eq!(is(&KNOWN), (Type::Struct("t.Known"), false, true));
    }

    #[test]
    fn an_unset_field_of_a_struct_is_an_object_with_nothing_set() {
        for tagged in [false, true] {
            let Value::Object(inner) = OUTER.unset(tagged).get(5) else { panic!() };
            assert!(inner.is(&INNER) && inner.tagged && !inner.is_set(0));
            let Value::Object(next) = OUTER.unset(tagged).get(6) else { panic!() };
            assert!(next.is(&OUTER) && next.tagged == tagged);
            assert!(matches!(next.get(7), Value::List([])));
        }
    }
}
