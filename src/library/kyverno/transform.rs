//! Two lists of objects as one map (kyverno/sdk `extensions/cel/libs/transform`).

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::encode::MAX_DEPTH;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::library::to_go::{failure, inner};
use crate::value::{Map, MapBuilder, Value};

const DOC: &str = "A map with an entry for each pair of objects: its key is what the object of the first list has under the \
                   first name, its value what that of the second list has under the second name, or null.";

/// `kyverno.transform`
pub static LIBRARY: Library = Library {
    name: "kyverno.transform",
    version: 0,
    types: &[],
    rows: &[
        row(
            "list_of_object_to_map_non_prefixed",
            "listObjToMap(list(dyn), list(dyn), string, string) -> map(dyn, dyn)",
            Own(list_of_objects_to_map),
            DOC,
            &["listObjToMap([{'k': 'a'}], [{'v': 1}], 'k', 'v') == {'a': 1}"],
        ),
        row(
            "list_of_object_to_map_prefixed",
            "transform.listObjToMap(list(dyn), list(dyn), string, string) -> map(dyn, dyn)",
            Own(list_of_objects_to_map),
            DOC,
            &[
                "transform.listObjToMap([{'k': 'a'}, {'k': 'b'}], [{'v': 1}, {'v': 2}], 'k', 'v') == {'a': 1, 'b': 2}",
                "transform.listObjToMap([{'k': 'a'}], [{'x': 1}], 'k', 'v') == {'a': null}",
            ],
        ),
    ],
};

fn list_of_objects_to_map<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::List(keys), Value::List(values), Value::String(key_name), Value::String(value_name)] = *args
    else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    // Go converts both lists whole before it looks at any of them.
    let keys = native_list(rt, keys, 0)?;
    let values = native_list(rt, values, 0)?;
    if keys.len() != values.len() {
        return Err(rt.error(format_args!(
            "listObjToMap must take lists of equal length. list1: {}, list2: {}",
            keys.len(),
            values.len()
        )));
    }
    rt.budget.charge_bytes(keys.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut out = MapBuilder::with_capacity(rt.arena, keys.len());
    for (key, value) in keys.iter().zip(values) {
        rt.charge_scan(key_name.len().saturating_add(value_name.len()))?;
        let object = match object(rt, key)? {
            Ok(object) => object,
            Err(ty) => return Err(rt.error(format_args!("failed to convert key to a string, {ty}"))),
        };
        let Some(name @ Value::String(_)) = object.get_str(key_name) else {
            let text = "the passed key name cannot be handled as a string in the key object list";
            return Err(ErrorKind::Message(text).into());
        };
        let Ok(object) = self::object(rt, value)? else {
            let text = "object cannot be handled as a map string to any in the value object list";
            return Err(ErrorKind::Message(text).into());
        };
        out.insert(name, object.get_str(value_name).unwrap_or(Value::Null));
    }
    Ok(Value::Map(out.finish_within(&mut rt.budget)?))
}

/// The element as a map of which all keys are strings, or the Go type of one that is none. What is no map at all makes
/// Kyverno's code panic.
fn object<'a>(rt: &mut Runtime<'a>, element: &Value<'a>) -> Result<Result<Map<'a>, &'static str>, Raise<'a>> {
    let Value::Map(map) = element else {
        let found = go_type(element);
        let text = format_args!(
            "interface conversion: interface {{}} is {found}, not map[interface {{}}]interface {{}}"
        );
        return Err(ErrorKind::Panic(rt.format(text)?).into());
    };
    rt.charge(map.len() >> 4)?;
    let other = map.entries().iter().find(|(key, _)| !matches!(key, Value::String(_)));
    Ok(other.map_or(Ok(*map), |(key, _)| Err(go_type(key))))
}

/// The type that Go has for the value after its conversion.
fn go_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "structpb.NullValue",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Double(_) => "float64",
        Value::String(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Duration(_) => "time.Duration",
        Value::Timestamp(_) => "time.Time",
        Value::List(_) => "[]interface {}",
        other => other.type_name(),
    }
}

fn native_list<'a>(
    rt: &mut Runtime<'a>,
    list: &'a [Value<'a>],
    depth: u32,
) -> Result<&'a [Value<'a>], Raise<'a>> {
    let mut out = rt.list_builder(list.len())?;
    for element in list {
        out.push(native(rt, element, depth)?);
    }
    Ok(out.into_bump_slice())
}

/// The value as it is after the way through Go's values: optional values become what they hold.
fn native<'a>(rt: &mut Runtime<'a>, value: &Value<'a>, depth: u32) -> Answer<'a> {
    if depth > MAX_DEPTH {
        return Err(Fault::Depth.into());
    }
    rt.charge(1)?;
    let deeper = depth.saturating_add(1);
    match inner(value)? {
        Value::List(list) => Ok(Value::List(native_list(rt, list, deeper)?)),
        Value::Map(map) => {
            rt.budget.charge_bytes(map.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
            let mut out = MapBuilder::with_capacity(rt.arena, map.len());
            for (key, value) in map.entries() {
                let key = native(rt, key, deeper)?;
                out.insert(key, native(rt, value, deeper)?);
            }
            Ok(Value::Map(out.finish_within(&mut rt.budget)?))
        }
        value @ (Value::Type(_)
        | Value::Object(_)
        | Value::Opaque(_)
        | Value::Keys(_)
        | Value::Extension(_)
        | Value::Optional(_)) => Err(failure(rt, &value, "interface {}")),
        plain => Ok(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
