//! What policies of mode JSON see: a JSON object (docs/kyverno.md §15).

use bumpalo::Bump;

use super::call::{Call, Deployment};
use super::headers::{Attribute, CallReads, Unfit, attribute_value};
use crate::budget::Budget;
use crate::policy::model::Mode;
use crate::value::json::{JsonError, go};
use crate::value::{Map, MapBuilder, Value};

/// The name of the member with the headers.
pub const HEADERS: &str = Mode::Json.headers();

/// The members that a tool call's object has for each attribute, in their order; the headers are those that policies of
/// mode HTTP see, never the caller's own.
const MEMBERS: [(&str, Attribute); 16] = [
    ("method", Attribute::Method),
    ("path", Attribute::Path),
    ("target", Attribute::Target),
    ("tool", Attribute::Tool),
    ("arguments", Attribute::Arguments),
    ("claims", Attribute::Claims),
    ("operation", Attribute::Operation),
    ("environment", Attribute::Environment),
    ("query", Attribute::Query),
    ("user", Attribute::User),
    ("roles", Attribute::Roles),
    ("groups", Attribute::Groups),
    ("client", Attribute::Client),
    ("uri", Attribute::Uri),
    ("prompt", Attribute::Prompt),
    ("scopes", Attribute::Scopes),
];

/// What any policy of mode JSON reads of the object.
#[derive(Clone, Copy, Debug)]
pub struct JsonReads {
    /// The attributes.
    pub attributes: CallReads,
    /// The headers.
    pub headers: bool,
}

/// The object of a tool call, as far as policies read it; a member that the call does not have is absent.
///
/// # Errors
/// An attribute that cannot be judged, or the budget is spent.
pub fn object<'a>(
    call: &Call<'a>,
    headers: Map<'a>,
    reads: JsonReads,
    settings: &Deployment<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    let count = MEMBERS.len().saturating_add(1);
    budget.charge_bytes(count.saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut map = MapBuilder::with_capacity(arena, count);
    for (name, attribute) in MEMBERS {
        if reads.attributes.has(attribute)
            && let Some(value) = attribute_value(call, attribute, settings, arena, budget)?
        {
            map.insert(Value::String(name), value);
        }
    }
    if reads.headers {
        map.insert(Value::String(HEADERS), Value::Map(headers));
    }
    Ok(Value::Map(map.finish_within(budget)?))
}

/// Reads a payload file as Kyverno's command line does: every number is a double.
///
/// # Errors
/// Go's text for what does not decode; Kyverno's for what is no object; a fault if the file is larger than the budget
/// allows.
pub fn payload<'a>(json: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, JsonError<'a>> {
    match go::value(json, arena, budget)? {
        object @ Value::Map(_) => Ok(object),
        Value::Null => Err(JsonError::Text("the JSON payload is empty or nil")),
        _ => Err(JsonError::Text("the JSON payload must be a top-level object (map)")),
    }
}
