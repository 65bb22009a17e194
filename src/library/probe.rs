//! Calls function bodies in tests and prints what they answer.

use bumpalo::Bump;

use super::runtime::Runtime;
use super::table::{Body, Implementation, Library};
use crate::budget::Budget;
use crate::error::Raise;
use crate::types::Signature;
use crate::value::{ShortestDouble, Value, format_duration};

/// A value as `type text`.
pub(crate) fn show(value: &Value<'_>) -> String {
    format!("{} {}", value.type_name(), inside(value))
}

fn inside(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Uint(u) => u.to_string(),
        Value::Double(d) => ShortestDouble(*d).to_string(),
        Value::String(s) | Value::Type(s) => (*s).to_owned(),
        Value::Bytes(b) => format!("{b:?}"),
        Value::Duration(d) => {
            let mut out = String::new();
            format_duration(*d, &mut out).unwrap();
            out
        }
        Value::Timestamp(t) => t.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(inside).collect::<Vec<_>>().join(", "))
        }
        Value::Optional(Some(v)) => format!("of({})", inside(v)),
        Value::Optional(None) => "none".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What `body` answers to `arguments`: a value as [`show`] prints it, `error …` or `fault …`.
pub(crate) fn call(body: Body, arguments: &[Value<'_>]) -> String {
    call_with(Budget::default(), body, arguments)
}

/// As [`call`], with `budget`.
pub(crate) fn call_with(budget: Budget, body: Body, arguments: &[Value<'_>]) -> String {
    let arena = Bump::new();
    let mut runtime = Runtime::new(&arena, budget);
    match body(&mut runtime, arguments) {
        Ok(value) => show(&value),
        Err(Raise::Error(error)) => format!("error {error}"),
        Err(Raise::Fault(fault)) => format!("fault {fault}"),
    }
}

/// What a function of one argument answers.
pub(crate) fn unary(body: Body, argument: Value<'_>) -> String {
    call(body, &[argument])
}

/// Asserts what holds for every table: signatures read, ids are unique, documentation is there, and no body
/// panics or runs on without arguments.
pub(crate) fn assert_table(library: &Library) {
    let mut ids = std::collections::HashSet::new();
    for row in library.rows {
        assert!(ids.insert(row.id), "{} twice", row.id);
        assert!(!row.doc.is_empty(), "{}", row.id);
        assert!(row.since <= library.version, "{}", row.id);
        let signature = Signature::parse(row.signature, &crate::library::table_type).unwrap();
        let body = match row.implementation {
            Implementation::Own(body)
            | Implementation::Pattern(body, _)
            | Implementation::Groups(body, _)
            | Implementation::Lookup(body, _)
            | Implementation::Asking(body, _) => body,
            Implementation::Shared(shared) => shared.body,
            Implementation::Planned => continue,
        };
        for wrong in [&[][..], &[Value::Opaque("x"); 4][..]] {
            let answer = call(body, wrong);
            let nullary = wrong.is_empty() && signature.params.is_empty();
            assert!(nullary || answer.starts_with("error "), "{}: {answer}", row.id);
        }
    }
}

/// The body of the overload `id`.
pub(crate) fn body(library: &Library, id: &str) -> Body {
    match library.rows.iter().find(|row| row.id == id).unwrap().implementation {
        Implementation::Own(body)
        | Implementation::Pattern(body, _)
        | Implementation::Groups(body, _)
        | Implementation::Lookup(body, _)
        | Implementation::Asking(body, _) => body,
        Implementation::Shared(shared) => shared.body,
        Implementation::Planned => panic!("{id} has no body"),
    }
}

/// Calls the body of the overload `id` with the default budget; an error is its text.
pub(crate) fn call_row(library: &Library, id: &str, args: &[Value<'_>]) -> Result<String, String> {
    call_row_within(Budget::default(), library, id, args)
}

/// As [`call_row`], with a budget of its own; the text of a fault begins with `fault: `.
pub(crate) fn call_row_within(
    budget: Budget,
    library: &Library,
    id: &str,
    args: &[Value<'_>],
) -> Result<String, String> {
    let arena = Bump::new();
    let mut runtime = Runtime::new(&arena, budget);
    match body(library, id)(&mut runtime, args) {
        Ok(value) => Ok(literal(&value)),
        Err(Raise::Error(error)) => Err(error.to_string()),
        Err(Raise::Fault(fault)) => Err(format!("fault: {fault}")),
    }
}

/// A value as CEL would write it, without its type.
fn literal(value: &Value<'_>) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("b\"{}\"", bytes.escape_ascii()),
        Value::List(elements) => {
            format!("[{}]", elements.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}
