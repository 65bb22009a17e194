//! `json.Unmarshal`: a JSON text as a dynamic value.

use super::convert;
use crate::cel::error::{ErrorKind, Raise};
use crate::library::table::{Answer, Context, Implementation, Library, Row};
use crate::value::Value;
use crate::value::json::{JsonError, go};

/// Kyverno's `kyverno.json`.
pub static LIBRARY: Library = Library {
    name: "kyverno.json",
    version: 0,
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
    }],
};

fn unmarshal<'a>(context: &mut Context<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let Some(value) = arguments.get(1) else { return Err(context.no_overload("Unmarshal", arguments)) };
    let text = convert::string(context, value)?;
    Ok(go::unmarshal(text, context.arena, &mut context.budget)?)
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
    use crate::cel::budget::Budget;
    use bumpalo::Bump;

    #[test]
    fn what_is_no_string_is_an_error_in_cel_go_s_words() {
        let arena = Bump::new();
        let mut context = Context::new(&arena, Budget::default());
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
            let Err(Raise::Error(error)) = unmarshal(&mut context, &[Value::Opaque("json.Json"), value])
            else {
                panic!("{value:?}")
            };
            assert_eq!(error.to_string(), expected);
        }
        let inside = Value::String("[1]");
        let held = unmarshal(&mut context, &[Value::Opaque("json.Json"), Value::Optional(Some(&inside))]);
        assert!(matches!(held, Ok(Value::List([Value::Double(1.0)]))));
    }
}
