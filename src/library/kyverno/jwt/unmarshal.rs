//! Members of tokens and keys as Go's decoder reads them into its types, and what it says where they do not fit.

use bumpalo::Bump;

use crate::budget::Budget;
use crate::value::Value;
use crate::value::json::go;

/// Go's text for a JSON value that does not fit a Go type.
pub(super) fn mismatch(raw: &[u8], ty: &str) -> String {
    let kind = match raw.first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {kind} into Go value of type {ty}")
}

/// A JSON string; null is the empty one, as Go has it.
pub(super) fn text(raw: &[u8], arena: &Bump, budget: &mut Budget) -> Result<String, String> {
    match raw.first() {
        Some(b'"') => match go::untyped(raw, arena, budget) {
            Ok(Value::String(text)) => Ok(text.to_owned()),
            Ok(_) => Err(mismatch(raw, "string")),
            Err(error) => Err(error.to_string()),
        },
        Some(b'n') => Ok(String::new()),
        _ => Err(mismatch(raw, "string")),
    }
}
