//! `json.marshal`: a value as Go's `json.Marshal` writes what kyverno/sdk (`extensions/cel/libs/json`) makes of it.
//!
//! What is asked for first goes through Go's values in another way than what lies inside a list or a map: there, types
//! and objects do not convert, and every mistake has a text of its own.

use crate::budget::Fault;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::ext::encoders::{MAX_DEPTH, push_base64, push_json_double, push_json_string};
use crate::library::kyverno::convert::{failure, inner};
use crate::library::table::{Answer, Context};
use crate::library::text_builder::TextBuilder;
use crate::value::{Map, Object, Value};

pub(super) fn marshal<'a>(ctx: &mut Context<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [_, value] = args else { return Err(ctx.no_overload("marshal", args)) };
    let mut encoder = Encoder { out: TextBuilder::new(ctx), key: None, not_finite: None };
    encoder.outermost(ctx, value, 0)?;
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
    fn outermost(&mut self, ctx: &mut Context<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        match value {
            Value::List(list) => self.list(ctx, list, Within::List, deeper),
            Value::Map(map) => {
                let other = map.entries().iter().find(|(key, _)| !matches!(key, Value::String(_)));
                if let Some((key, _)) = other {
                    let raise = failure(ctx, key, "string");
                    return Err(prefixed(ctx, Within::Map, raise));
                }
                self.map(ctx, *map, Within::Map, deeper)
            }
            Value::Optional(held) => match held {
                Some(held) => self.held(ctx, held, deeper),
                None => self.out.push(ctx, "null"),
            },
            Value::Type(name) => push_json_string(ctx, &mut self.out, name),
            Value::Object(object) => {
                let object = ctx.current(object);
                self.object(ctx, object)
            }
            Value::Opaque(name) => {
                let field = match *name {
                    "json.Json" => "JsonIface",
                    "yaml.Yaml" => "YamlIface",
                    _ => "ContextInterface",
                };
                self.out.push_fmt(ctx, 32, format_args!("{{\"{field}\":{{}}}}"))
            }
            other => self.plain(ctx, other),
        }
    }

    /// What an optional value holds: its list or map is not converted, its elements are, one by one.
    fn held(&mut self, ctx: &mut Context<'a>, value: &Value<'a>, depth: u32) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        match value {
            Value::List(list) => {
                self.out.push(ctx, "[")?;
                for (index, element) in list.iter().enumerate() {
                    self.comma(ctx, index)?;
                    self.outermost(ctx, element, deeper)?;
                }
                self.out.push(ctx, "]")
            }
            Value::Map(map) => {
                self.out.push(ctx, "{")?;
                for (index, (key, value)) in map.entries().iter().enumerate() {
                    self.comma(ctx, index)?;
                    self.key(ctx, key, true)?;
                    self.outermost(ctx, value, deeper)?;
                }
                self.out.push(ctx, "}")
            }
            Value::Optional(Some(held)) => self.held(ctx, held, deeper),
            other => self.outermost(ctx, other, deeper),
        }
    }

    /// A value within a list or map.
    fn element(
        &mut self,
        ctx: &mut Context<'a>,
        value: &Value<'a>,
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        let deeper = deeper(depth)?;
        let value = inner(value).map_err(|raise| prefixed(ctx, within, raise))?;
        match value {
            Value::List(list) => self.list(ctx, list, within, deeper),
            Value::Map(map) => self.map(ctx, map, within, deeper),
            Value::Object(object) if object.ty.message => self.object(ctx, ctx.current(object)),
            Value::Type(_) | Value::Object(_) | Value::Opaque(_) | Value::Keys(_) | Value::Optional(_) => {
                let raise = failure(ctx, &value, "interface {}");
                Err(prefixed(ctx, within, raise))
            }
            plain => self.plain(ctx, &plain),
        }
    }

    fn list(
        &mut self,
        ctx: &mut Context<'a>,
        list: &[Value<'a>],
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(ctx, "[")?;
        for (index, element) in list.iter().enumerate() {
            self.comma(ctx, index)?;
            self.element(ctx, element, within, depth)?;
        }
        self.out.push(ctx, "]")
    }

    /// Maps with string keys are in the order of Go's encoder already.
    fn map(
        &mut self,
        ctx: &mut Context<'a>,
        map: Map<'a>,
        within: Within,
        depth: u32,
    ) -> Result<(), Raise<'a>> {
        self.out.push(ctx, "{")?;
        for (index, (key, value)) in map.entries().iter().enumerate() {
            self.comma(ctx, index)?;
            self.key(ctx, key, false)?;
            self.element(ctx, value, within, depth)?;
        }
        self.out.push(ctx, "}")
    }

    fn comma(&mut self, ctx: &mut Context<'a>, index: usize) -> Result<(), Raise<'a>> {
        if index == 0 { Ok(()) } else { self.out.push(ctx, ",") }
    }

    fn key(&mut self, ctx: &mut Context<'a>, key: &Value<'a>, converted: bool) -> Result<(), Raise<'a>> {
        let (native, own) = match key {
            Value::String(name) => {
                push_json_string(ctx, &mut self.out, name)?;
                return self.out.push(ctx, ":");
            }
            Value::Int(_) => ("int64", "types.Int"),
            Value::Uint(_) => ("uint64", "types.Uint"),
            Value::Bool(_) => ("bool", "types.Bool"),
            Value::Double(_) => ("float64", "types.Double"),
            _ => ("<nil>", "types.Null"),
        };
        if self.key.is_none() {
            let original = match (converted, native) {
                (true, _) => own,
                (false, "<nil>") => "structpb.NullValue",
                (false, native) => native,
            };
            self.key = Some(ctx.format(format_args!(
                "json: unsupported map key type {native} (original key type: {original})"
            ))?);
        }
        Ok(())
    }

    fn plain(&mut self, ctx: &mut Context<'a>, value: &Value<'a>) -> Result<(), Raise<'a>> {
        match value {
            Value::Null => self.out.push(ctx, "null"),
            Value::Bool(bool) => self.out.push(ctx, if *bool { "true" } else { "false" }),
            Value::Int(int) => self.out.push_fmt(ctx, 20, format_args!("{int}")),
            Value::Uint(uint) => self.out.push_fmt(ctx, 20, format_args!("{uint}")),
            Value::Double(double) if double.is_finite() => push_json_double(ctx, &mut self.out, *double),
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
            Value::String(text) => push_json_string(ctx, &mut self.out, text),
            Value::Bytes(bytes) => {
                self.out.push(ctx, "\"")?;
                push_base64(ctx, &mut self.out, bytes)?;
                self.out.push(ctx, "\"")
            }
            // Go's duration is a number of nanoseconds.
            Value::Duration(nanos) => self.out.push_fmt(ctx, 20, format_args!("{nanos}")),
            Value::Timestamp(time) => self.out.push_fmt(ctx, 48, format_args!("\"{time}\"")),
            Value::Extension(extension) => match extension.text() {
                Some(text) if !matches!(extension, crate::value::Extension::Url(_)) => {
                    let text = ctx.format(format_args!("{text}"))?;
                    push_json_string(ctx, &mut self.out, text)
                }
                _ => Err(Fault::Internal("the JSON of a quantity, a URL or a format was asked for").into()),
            },
            _ => Err(Fault::Internal("the JSON of a value that has none was asked for").into()),
        }
    }

    /// An object by the names that Go's encoder has for its fields.
    fn object(&mut self, ctx: &mut Context<'a>, object: &Object<'a>) -> Result<(), Raise<'a>> {
        match object.ty.name {
            "user.ServiceAccount" => {
                self.out.push(ctx, "{")?;
                let set: Vec<usize> = (0..2).filter(|index| object.is_set(*index)).collect();
                for (at, index) in set.into_iter().enumerate() {
                    self.comma(ctx, at)?;
                    let name = if index == 0 { "name" } else { "namespace" };
                    self.key(ctx, &Value::String(name), false)?;
                    self.plain(ctx, &object.get(index))?;
                }
                self.out.push(ctx, "}")
            }
            "libs.Exception" => {
                self.out.push(ctx, "{")?;
                for (index, field) in object.ty.fields.iter().enumerate() {
                    self.comma(ctx, index)?;
                    self.key(ctx, &Value::String(field.go_name), false)?;
                    match object.fields.get(index).copied().flatten() {
                        Some(Value::List(list)) => self.list(ctx, list, Within::List, 0)?,
                        _ => self.out.push(ctx, "null")?,
                    }
                }
                self.out.push(ctx, "}")
            }
            "google.protobuf.Empty" => self.out.push(ctx, "{}"),
            _ => Err(Fault::Internal("the JSON of an object that has none was asked for").into()),
        }
    }
}

fn deeper(depth: u32) -> Result<u32, Raise<'static>> {
    if depth > MAX_DEPTH { Err(Fault::Depth.into()) } else { Ok(depth.saturating_add(1)) }
}

/// The error of a value that did not convert, with what was converted.
fn prefixed<'a>(ctx: &mut Context<'a>, within: Within, raise: Raise<'a>) -> Raise<'a> {
    let Raise::Error(error) = raise else { return raise };
    let what = match within {
        Within::List => "list to native slice",
        Within::Map => "map to native map",
    };
    ctx.error(format_args!("json: failed to convert CEL {what}: {error}"))
}
