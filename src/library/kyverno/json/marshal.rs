//! `json.marshal`: a value as Go's `json.Marshal` writes what kyverno/sdk (`extensions/cel/libs/json`) makes of it.
//!
//! What is asked for first goes through Go's values in another way than what lies inside a list or a map: there, types
//! and objects do not convert, and every mistake has a text of its own.

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::encode::{
    CONVERTED_KEY, MAX_DEPTH, no_key, push_base64, push_json_double, push_json_string,
};
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::to_go::{failure, inner};
use crate::value::{Map, Object, Value};

pub(super) fn marshal<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [_, value] = args else { return Err(rt.no_overload("marshal", args)) };
    let mut encoder = Encoder { out: TextBuilder::new(rt), key: None, not_finite: None };
    encoder.outermost(rt, value, 0)?;
    // Keys are looked at when all is converted, and numbers when it is written.
    match encoder.key.or(encoder.not_finite) {
        Some(text) => Err(ErrorKind::Message(text).into()),
        None => Ok(Value::String(encoder.out.finish())),
    }
}

/// In which list or map a value lies, for the error of one that does not convert.
#[derive(Clone, Copy)]
enum Within {
    List,
    Map,
}

struct Encoder<'a> {
    out: TextBuilder<'a>,
    /// What is wrong with the first key that is no text.
    key: Option<&'a str>,
    /// What is wrong with the first number that JSON does not have.
    not_finite: Option<&'a str>,
}

impl<'a> Encoder<'a> {
    /// A value that lies in no list or map.
    fn outermost(&mut self, rt: &mut Runtime<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        match value {
            Value::List(list) => self.list(rt, list, Within::List, deeper),
            Value::Map(map) => {
                let other = map.entries().iter().find(|(key, _)| !matches!(key, Value::String(_)));
                if let Some((key, _)) = other {
                    let raise = no_key(rt, key);
                    return Err(prefixed(rt, Within::Map, raise));
                }
                self.map(rt, *map, Within::Map, deeper)
            }
            Value::Optional(held) => match held {
                Some(held) => self.held(rt, held, deeper),
                None => self.out.push(rt, "null"),
            },
            Value::Type(name) => push_json_string(rt, &mut self.out, name),
            Value::Object(object) => {
                let object = rt.current(object);
                self.object(rt, object)
            }
            Value::Opaque(name) => {
                let field = match *name {
                    "json.Json" => "JsonIface",
                    "yaml.Yaml" => "YamlIface",
                    _ => "ContextInterface",
                };
                self.out.push_fmt(rt, 32, format_args!("{{\"{field}\":{{}}}}"))
            }
            other => self.plain(rt, other),
        }
    }

    /// What an optional value holds: its list or map is not converted, its elements are, one by one.
    fn held(&mut self, rt: &mut Runtime<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        match value {
            Value::List(list) => {
                self.out.push(rt, "[")?;
                for (index, element) in list.iter().enumerate() {
                    self.comma(rt, index)?;
                    self.outermost(rt, element, deeper)?;
                }
                self.out.push(rt, "]")
            }
            Value::Map(map) => {
                self.out.push(rt, "{")?;
                for (index, (key, value)) in map.entries().iter().enumerate() {
                    self.comma(rt, index)?;
                    self.key(rt, key, true)?;
                    self.outermost(rt, value, deeper)?;
                }
                self.out.push(rt, "}")
            }
            Value::Optional(Some(held)) => self.held(rt, held, deeper),
            other => self.outermost(rt, other, deeper),
        }
    }

    /// A value within a list or map.
    fn element(
        &mut self,
        rt: &mut Runtime<'a>,
        value: &Value<'a>,
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        let value = inner(value).map_err(|raise| prefixed(rt, within, raise))?;
        match value {
            Value::List(list) => self.list(rt, list, within, deeper),
            Value::Map(map) => self.map(rt, map, within, deeper),
            Value::Object(object) if object.ty.message => self.object(rt, rt.current(object)),
            Value::Type(_) | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Optional(_) => {
                let raise = failure(rt, &value, "interface {}");
                Err(prefixed(rt, within, raise))
            }
            plain => self.plain(rt, &plain),
        }
    }

    fn list(
        &mut self,
        rt: &mut Runtime<'a>,
        list: &[Value<'a>],
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(rt, "[")?;
        for (index, element) in list.iter().enumerate() {
            self.comma(rt, index)?;
            self.element(rt, element, within, depth)?;
        }
        self.out.push(rt, "]")
    }

    /// Maps with string keys are in the order of Go's encoder already.
    fn map(
        &mut self,
        rt: &mut Runtime<'a>,
        map: Map<'a>,
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(rt, "{")?;
        for (index, (key, value)) in map.entries().iter().enumerate() {
            self.comma(rt, index)?;
            self.key(rt, key, false)?;
            self.element(rt, value, within, depth)?;
        }
        self.out.push(rt, "}")
    }

    fn comma(&mut self, rt: &mut Runtime<'a>, index: usize) -> Result<(), Raise<'a>> {
        if index == 0 { Ok(()) } else { self.out.push(rt, ",") }
    }

    fn key(&mut self, rt: &mut Runtime<'a>, key: &Value<'a>, converted: bool) -> Result<(), Raise<'a>> {
        let (native, own) = match key {
            Value::String(name) => {
                push_json_string(rt, &mut self.out, name)?;
                return self.out.push(rt, ":");
            }
            Value::Int(_) => ("int64", "types.Int"),
            Value::Uint(_) => ("uint64", "types.Uint"),
            Value::Bool(_) => ("bool", "types.Bool"),
            Value::Double(_) => ("float64", "types.Double"),
            Value::Null => ("<nil>", "types.Null"),
            // Each has words of its own, and some crash Kyverno.
            _ => return Err(Fault::Unlike(CONVERTED_KEY).into()),
        };
        if self.key.is_none() {
            let original = match (converted, native) {
                (true, _) => own,
                (false, "<nil>") => "structpb.NullValue",
                (false, native) => native,
            };
            self.key = Some(rt.format(format_args!(
                "json: unsupported map key type {native} (original key type: {original})"
            ))?);
        }
        Ok(())
    }

    fn plain(&mut self, rt: &mut Runtime<'a>, value: &Value<'a>) -> Result<(), Raise<'a>> {
        match value {
            Value::Null => self.out.push(rt, "null"),
            Value::Bool(bool) => self.out.push(rt, if *bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push_fmt(rt, 20, format_args!("{int}")),
            Value::Uint(uint) => self.out.push_fmt(rt, 20, format_args!("{uint}")),
            Value::Double(double) if double.is_finite() => push_json_double(rt, &mut self.out, *double),
            Value::Double(double) => {
                self.not_finite = self.not_finite.or(Some(if double.is_nan() {
                    "json: unsupported value: NaN"
                } else if *double > 0.0 {
                    "json: unsupported value: +Inf"
                } else {
                    "json: unsupported value: -Inf"
                }));
                Ok(())
            }
            Value::String(text) => push_json_string(rt, &mut self.out, text),
            Value::Bytes(bytes) => {
                self.out.push(rt, "\"")?;
                push_base64(rt, &mut self.out, bytes)?;
                self.out.push(rt, "\"")
            }
            // Go's duration is a number of nanoseconds.
            Value::Duration(nanos) => self.out.push_fmt(rt, 20, format_args!("{nanos}")),
            Value::Timestamp(time) => self.out.push_fmt(rt, 48, format_args!("\"{time}\"")),
            Value::Extension(extension) => match extension.text() {
                Some(text) if !matches!(extension, crate::value::Extension::Url(_)) => {
                    let text = rt.format(format_args!("{text}"))?;
                    push_json_string(rt, &mut self.out, text)
                }
                _ => Err(Fault::Internal("the JSON of a quantity, a URL or a format was asked for").into()),
            },
            _ => Err(Fault::Internal("the JSON of a value that has none was asked for").into()),
        }
    }

    /// An object by the names that Go's encoder has for its fields.
    fn object(&mut self, rt: &mut Runtime<'a>, object: &Object<'a>) -> Result<(), Raise<'a>> {
        match object.ty.name {
            "user.ServiceAccount" => {
                self.out.push(rt, "{")?;
                let set: Vec<usize> = (0..2).filter(|index| object.is_set(*index)).collect();
                for (at, index) in set.into_iter().enumerate() {
                    self.comma(rt, at)?;
                    let name = if index == 0 { "name" } else { "namespace" };
                    self.key(rt, &Value::String(name), false)?;
                    self.plain(rt, &object.get(index))?;
                }
                self.out.push(rt, "}")
            }
            "libs.Exception" => {
                self.out.push(rt, "{")?;
                for (index, field) in object.ty.fields.iter().enumerate() {
                    self.comma(rt, index)?;
                    self.key(rt, &Value::String(field.go_name), false)?;
                    match object.fields.get(index).copied().flatten() {
                        Some(Value::List(list)) => self.list(rt, list, Within::List, 0)?,
                        _ => self.out.push(rt, "null")?,
                    }
                }
                self.out.push(rt, "}")
            }
            "google.protobuf.Empty" => self.out.push(rt, "{}"),
            _ => Err(Fault::Internal("the JSON of an object that has none was asked for").into()),
        }
    }
}

fn deeper(depth: u32) -> Result<u32, Raise<'static>> {
    if depth > MAX_DEPTH { Err(Fault::Depth.into()) } else { Ok(depth.saturating_add(1)) }
}

/// The error of a value that did not convert, with what was converted.
fn prefixed<'a>(rt: &mut Runtime<'a>, within: Within, raise: Raise<'a>) -> Raise<'a> {
    let Raise::Error(error) = raise else { return raise };
    let what = match within {
        Within::List => "list to native slice",
        Within::Map => "map to native map",
    };
    rt.error(format_args!("json: failed to convert CEL {what}: {error}"))
}
