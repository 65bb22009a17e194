//! Types as the converted data have them: `[name, parameter, …]`.

use serde_json::Value as Json;
use toolgate::internal::library::object_type;
use toolgate::internal::types::Type;

/// The type; the error names what Toolgate has no type for.
pub(crate) fn read(json: &Json) -> Result<Type, String> {
    let [name, parameters @ ..] = json.as_array().unwrap().as_slice() else { panic!("no type: {json}") };
    let parameter = |index: usize| read(&parameters[index]);
    Ok(match name.as_str().unwrap() {
        "any" => Type::Any,
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "duration" => Type::Duration,
        "dyn" => Type::Dyn,
        "error" => Type::Error,
        "int" => Type::Int,
        "null" => Type::Null,
        "string" => Type::String,
        "timestamp" => Type::Timestamp,
        "uint" => Type::Uint,
        "list" => Type::list(parameter(0)?),
        "map" => Type::map(parameter(0)?, parameter(1)?),
        "type" if parameters.is_empty() => Type::Type(None),
        "type" => Type::type_of(parameter(0)?),
        "wrapper" => Type::Wrapper(parameter(0)?.into()),
        "param" => Type::param(name_of(&parameters[0])),
        "abstract" => {
            let name = leak(name_of(&parameters[0]));
            Type::Opaque(name, parameters[1..].iter().map(read).collect::<Result<Vec<_>, _>>()?.into())
        }
        "message" => {
            let name = name_of(&parameters[0]);
            // A message of the tests: a type by name, but without fields.
            Type::Struct(object_type(name).map_or_else(|| leak(name), |object| object.name))
        }
        other => return Err(format!("has the type {other}")),
    })
}

fn name_of(json: &Json) -> &str {
    json[0].as_str().unwrap()
}

/// Names of types live as long as the process; a test run has a handful.
pub(crate) fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}
