//! What the tests of functions share: calling a row's body and reading its answer.

use bumpalo::Bump;

use super::table::{Context, Implementation, Library, Row};
use crate::cel::budget::Budget;
use crate::cel::error::Raise;
use crate::types::Signature;
use crate::value::Value;

/// The row with the overload id `id`.
pub(crate) fn row(library: &Library, id: &str) -> &'static Row {
    library.rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no overload {id}"))
}

/// Calls the body of the overload `id` with the default budget; an error is its text.
pub(crate) fn call(library: &Library, id: &str, args: &[Value<'_>]) -> Result<String, String> {
    call_within(Budget::default(), library, id, args)
}

/// As [`call`], with a budget of its own; the text of a fault begins with `fault: `.
pub(crate) fn call_within(
    budget: Budget,
    library: &Library,
    id: &str,
    args: &[Value<'_>],
) -> Result<String, String> {
    let body = match row(library, id).implementation {
        Implementation::Own(body) | Implementation::Pattern(body, _) => body,
        Implementation::Shared(shared) => shared.body,
        Implementation::Planned => return Err(format!("{id} has no body")),
    };
    let arena = Bump::new();
    let mut ctx = Context::new(&arena, budget);
    match body(&mut ctx, args) {
        Ok(value) => Ok(show(&value)),
        Err(Raise::Error(error)) => Err(error.to_string()),
        Err(Raise::Fault(fault)) => Err(format!("fault: {fault}")),
    }
}

/// A short text of a value.
fn show(value: &Value<'_>) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        Value::List(elements) => {
            format!("[{}]", elements.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// Every signature reads and prints again as written, and every row says what it does.
pub(crate) fn assert_rows_are_complete(library: &Library) {
    for row in library.rows {
        let signature = Signature::parse(row.signature).unwrap_or_else(|error| panic!("{}: {error}", row.id));
        assert_eq!(signature.to_string().replace("optional_type", "optional"), row.signature);
        assert!(!row.doc.is_empty() && !row.examples.is_empty(), "{}", row.id);
        assert!(row.since <= library.version, "{}", row.id);
    }
}
