//! Literals of Kyverno's Go structs: what a field takes of a CEL value, as cel-go's conversions to Go types do it.

use std::borrow::Cow;

use crate::error::ErrorKind;
use crate::types::Type;
use crate::value::{FieldType, MapBuilder, Object, ObjectRow, ObjectType, Value};

use super::message;
use super::runtime::{Answer, Runtime};
use super::to_go::{bytes, failure, inner};

/// The Go type of a field of a struct, as Go prints it.
pub(crate) fn go_type(field: &FieldType) -> Cow<'static, str> {
    if field.ty.is_some() && !field.go_type.is_empty() {
        return Cow::Borrowed(field.go_type);
    }
    let plain = field.ty.as_ref().map_or(Cow::Borrowed("interface {}"), plain);
    if field.pointer { Cow::Owned(format!("*{plain}")) } else { plain }
}

fn plain(ty: &Type) -> Cow<'static, str> {
    match ty {
        Type::Bool => Cow::Borrowed("bool"),
        Type::Int => Cow::Borrowed("int"),
        Type::Double => Cow::Borrowed("float64"),
        Type::String => Cow::Borrowed("string"),
        Type::Bytes => Cow::Borrowed("[]uint8"),
        Type::List(element) => Cow::Owned(format!("[]{}", plain(element))),
        Type::Map(entry) => Cow::Owned(format!("map[{}]{}", plain(&entry.0), plain(&entry.1))),
        Type::Struct(name) => Cow::Borrowed(name),
        _ => Cow::Borrowed("interface {}"),
    }
}

/// What a struct stores for `value` in `field`.
///
/// # Errors
/// cel-go's text for a value of another type or outside the field's range.
pub(crate) fn field<'a>(runtime: &mut Runtime<'a>, field: &FieldType, value: Value<'a>) -> Answer<'a> {
    match &field.ty {
        Some(due) => match go_type(field).as_ref() {
            "*structpb.Struct" => message::structure(runtime, value),
            go => convert(runtime, due, field.object, go, value),
        },
        None => Ok(value),
    }
}

/// The value as `due`, whose objects, if it holds any, have the type `object`.
fn convert<'a>(
    runtime: &mut Runtime<'a>,
    due: &Type,
    object: Option<&'static ObjectRow>,
    go: &str,
    value: Value<'a>,
) -> Answer<'a> {
    runtime.charge(1)?;
    let value = inner(&value)?;
    match (due, value) {
        (Type::Int, Value::Int(int)) if go == "int" && i32::try_from(int).is_err() => {
            Err(ErrorKind::IntegerOverflow.into())
        }
        (Type::String, Value::String(_))
        | (Type::Int, Value::Int(_))
        | (Type::Double, Value::Double(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Bytes, Value::Bytes(_)) => Ok(value),
        (Type::Bytes, Value::List(list)) => bytes(runtime, list),
        (Type::String, Value::Extension(extension)) => match extension.text() {
            Some(text) => Ok(Value::String(runtime.format(format_args!("{text}"))?)),
            None => Err(failure(runtime, &value, go)),
        },
        (Type::List(_), Value::Bytes(_)) => {
            let text = format_args!(
                "reflect.Value.Convert: value of type types.Bytes cannot be converted to type {go}"
            );
            Err(ErrorKind::Panic(runtime.format(text)?).into())
        }
        (Type::List(element), Value::List(list)) => {
            let mut items = runtime.list_builder(list.len())?;
            let go = plain(element);
            for item in list {
                items.push(convert(runtime, element, object, &go, *item)?);
            }
            Ok(runtime.finish_list(items))
        }
        (Type::Map(entry), Value::Map(map)) => {
            runtime.charge(map.len())?;
            runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
            let mut builder = MapBuilder::with_capacity(runtime.arena, map.len());
            for (key, value) in map.entries() {
                let key = convert(runtime, &entry.0, None, &plain(&entry.0), *key)?;
                builder.insert(key, convert(runtime, &entry.1, None, &plain(&entry.1), *value)?);
            }
            Ok(Value::Map(builder.finish()))
        }
        (Type::Struct(name), Value::Object(object)) if object.ty.name == *name => Ok(value),
        (Type::Struct(_), Value::Map(map)) => match object {
            Some(ty) => from_map(runtime, ty, map.entries()),
            None => Err(failure(runtime, &value, go)),
        },
        // A map looks at what a pointer points to.
        (_, Value::Map(_)) => Err(failure(runtime, &value, go.trim_start_matches('*'))),
        _ => Err(failure(runtime, &value, go)),
    }
}

/// A struct out of a map: keys become the names of Go fields.
fn from_map<'a>(
    runtime: &mut Runtime<'a>,
    ty: &'static ObjectType,
    entries: &[(Value<'a>, Value<'a>)],
) -> Answer<'a> {
    runtime.budget.charge_bytes(ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>()))?;
    let fields = runtime.arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (key, value) in entries {
        let name = match key {
            Value::String(name) => upper_camel_case(name),
            Value::Bool(bool) => upper_camel_case(&bool.to_string()),
            Value::Int(int) => upper_camel_case(&int.to_string()),
            Value::Uint(uint) => upper_camel_case(&uint.to_string()),
            other => return Err(ErrorKind::TypeConversion(other.type_name(), "string").into()),
        };
        runtime.charge_scan(name.len())?;
        let Some((index, known)) = ty.go_field(&name) else {
            let text = format_args!("type conversion error, no such field '{name}' in type '{}'", ty.name);
            return Err(runtime.error(text));
        };
        let stored = field(runtime, known, *value)?;
        if let Some(place) = fields.get_mut(index) {
            *place = Some(stored);
        }
    }
    Ok(Value::Object(runtime.arena.alloc(Object { ty, fields, tagged: true })))
}

/// cel-go's `upperCamelCase`: each word starts with a capital; other letters keep their case after a lower-case
/// letter and lose it after anything else.
fn upper_camel_case(text: &str) -> String {
    let mut out = String::new();
    let mut before: Option<char> = None;
    let is_delimiter = |c: char| c == '_' || c == '-';
    for c in text.trim().chars() {
        if !is_delimiter(c) {
            match before {
                Some(before) if before.is_ascii_lowercase() => out.push(c),
                Some(before) if !is_delimiter(before) => out.extend(c.to_lowercase()),
                _ => out.extend(c.to_uppercase()),
            }
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_name_in_go() {
        for (text, name) in [("reason", "Reason"), ("a_b-c", "ABC"), ("toolCall", "ToolCall"), ("URI", "Uri")]
        {
            assert_eq!(upper_camel_case(text), name);
        }
    }
}
