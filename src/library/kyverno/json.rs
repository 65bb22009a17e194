//! `json`: JSON texts as dynamic values, and back. The authz server spells it in one way, kyverno/sdk in another.

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Library, Row, TypeRow};
use crate::library::to_go;
use crate::value::json::{JsonError, go};
use crate::value::{ObjectRow, Value};

mod marshal;

/// The helper `json`.
static HELPER: ObjectRow = ObjectRow::structure("json.Json", &[]);

static TYPES: &[TypeRow] = &[TypeRow::Object(&HELPER), TypeRow::Opaque("json.Json")];

/// `kyverno.json` of the authz server.
pub static LIBRARY: Library = Library {
    name: "kyverno.json",
    version: 0,
    types: TYPES,
    rows: &[Row {
        id: "unmarshal_string_dyn",
        signature: "json.Json.Unmarshal(dyn) -> dyn",
        implementation: Implementation::Own(unmarshal),
        doc: "The value of a JSON text. Every number is a double; of members with one name the last one counts.",
        examples: &[
            r#"json.Unmarshal('{"a": [1, "x", null]}').a[1] == "x""#,
            r#"json.Unmarshal('{"n": 1}').n == 1"#,
            r#"type(json.Unmarshal("1")) == double"#,
        ],
        since: 0,
        total: false,
        json: true,
    }],
};

/// `kyverno.json` of kyverno/sdk.
pub static SDK: Library = Library {
    name: "kyverno.json",
    version: 0,
    types: TYPES,
    rows: &[
        row(
            "unmarshal_string_dyn",
            "json.Json.unmarshal(dyn) -> dyn",
            Implementation::Own(unmarshal),
            "The value of a JSON text. Every number is a double; of members with one name the last one counts.",
            &[r#"json.unmarshal('{"a": [1, "x", null]}').a[1] == "x""#],
        )
        .json(),
        row(
            "marshal_dyn_string",
            "json.Json.marshal(dyn) -> string",
            Implementation::Own(marshal::marshal),
            "A value as JSON: members sorted by name, `<`, `>` and `&` escaped, a duration in nanoseconds.",
            &[
                r#"json.marshal({'b': [1, 2], 'a': [3]}) == '{"a":[3],"b":[1,2]}'"#,
                "json.marshal(duration('1s')) == '1000000000'",
            ],
        ),
    ],
};

fn unmarshal<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let Some(value) = arguments.get(1) else { return Err(runtime.no_overload("Unmarshal", arguments)) };
    let text = to_go::string(runtime, value)?;
    Ok(go::unmarshal(text, runtime.arena, &mut runtime.budget)?)
}

impl<'a> From<JsonError<'a>> for Raise<'a> {
    fn from(error: JsonError<'a>) -> Self {
        match error {
            JsonError::Text(text) => ErrorKind::Message(text).into(),
            JsonError::Fault(fault) => fault.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use bumpalo::Bump;

    #[test]
    fn what_is_no_string_is_an_error_in_cel_go_s_words() {
        let arena = Bump::new();
        let mut runtime = Runtime::new(&arena, Budget::default());
        for (value, expected) in [
            (Value::Bytes(b"{}"), "type conversion error from Bytes to 'string'"),
            (Value::Int(1), "unsupported type conversion from 'int' to string"),
            (Value::Uint(1), "unsupported type conversion from 'uint' to string"),
            (Value::Double(1.0), "type conversion error from Double to 'string'"),
            (Value::Bool(true), "type conversion error from bool to 'string'"),
            (Value::Null, "type conversion error from 'null_type' to 'string'"),
            (Value::List(&[]), "type conversion error from list to 'string'"),
            (Value::Optional(None), "optional.none() dereference"),
            (Value::Type("int"), "type conversion not supported for 'type'"),
            (Value::String("{"), "unexpected end of JSON input"),
        ] {
            let Err(Raise::Error(error)) = unmarshal(&mut runtime, &[Value::Opaque("json.Json"), value])
            else {
                panic!("{value:?}")
            };
            assert_eq!(error.to_string(), expected);
        }
        let inside = Value::String("[1]");
        let held = unmarshal(&mut runtime, &[Value::Opaque("json.Json"), Value::Optional(Some(&inside))]);
        assert!(matches!(held, Ok(Value::List([Value::Double(1.0)]))));
    }
}
