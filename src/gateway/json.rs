//! What policies of mode JSON see: a JSON object (docs/kyverno.md §15).

use std::path::Path;

use bumpalo::Bump;

use super::attributes::Deployment;
use super::call::Call;
use super::headers::{Attribute, CallReads, attribute_value};
use super::refusal::Unfit;
use crate::budget::{Budget, Fault};
use crate::error::Raise;
use crate::library::kyverno::yaml::{Numbers, charge_tree, value};
use crate::library::runtime::Runtime;
use crate::policy::model::Mode;
use crate::source::Source;
use crate::value::json::{JsonError, go};
use crate::value::{Map, MapBuilder, Value};
use crate::yaml::{self, Document};

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

/// How a payload is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON: every number is a double.
    Json,
    /// YAML: numbers are what they are, and so are times without quotes.
    Yaml,
}

impl Form {
    /// What Kyverno takes from the ending of a file's name; none for another one, which it does not read.
    pub fn of(path: &Path) -> Option<Form> {
        match path.extension()?.to_str()? {
            "json" => Some(Form::Json),
            "yaml" | "yml" => Some(Form::Yaml),
            _ => None,
        }
    }
}

/// Reads a payload file as Kyverno's command line does.
///
/// # Errors
/// Go's text for what does not decode; Kyverno's for what is no object; a fault if the file is larger than the budget
/// allows.
pub fn payload<'a>(
    bytes: &'a [u8],
    form: Form,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, JsonError<'a>> {
    let value = match form {
        Form::Json => go::value(bytes, arena, budget)?,
        Form::Yaml => from_yaml(bytes, arena, budget)?,
    };
    match value {
        object @ Value::Map(_) => Ok(object),
        Value::Null => Err(JsonError::Text("the JSON payload is empty or nil")),
        _ => Err(JsonError::Text("the JSON payload must be a top-level object (map)")),
    }
}

/// The only document of a YAML text.
fn from_yaml<'a>(bytes: &[u8], arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, JsonError<'a>> {
    let text = |text: &str| JsonError::Text(arena.alloc_str(text));
    charge_tree(bytes.len(), budget).map_err(JsonError::Fault)?;
    let written = std::str::from_utf8(bytes).map_err(|_| text("yaml: invalid Unicode character"))?;
    // Kyverno splits the file into lines and ends each with a line feed, which a block scalar at the end shows.
    let end = if written.ends_with('\n') { "" } else { "\n" };
    let source =
        Source::new("", format!("{written}{end}")).map_err(|_| text("yaml: the text is too large"))?;
    let mut diagnostics = Vec::new();
    let documents = yaml::payloads(&source, &mut diagnostics);
    if let Some(wrong) = diagnostics.first() {
        let line = wrong.position().map(|place| format!("line {}: ", place.line)).unwrap_or_default();
        return Err(text(&format!("yaml: {line}{}", wrong.message)));
    }
    let [Document { root: Some(root), .. }] = documents.as_slice() else {
        return Err(JsonError::Text("the JSON payload must be a top-level object (map)"));
    };
    let mut runtime = Runtime::new(arena, std::mem::take(budget));
    let value = value(&mut runtime, root, Numbers::Whole);
    *budget = runtime.budget;
    value.map_err(|raised| match raised {
        Raise::Fault(fault) => JsonError::Fault(fault),
        Raise::Error(_) => JsonError::Fault(Fault::Yaml),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_how_a_payload_is_written() {
        for (name, form) in [
            ("a.json", Some(Form::Json)),
            ("d.x/a.yaml", Some(Form::Yaml)),
            ("a.yml", Some(Form::Yaml)),
            ("a.YAML", None),
            ("a.txt", None),
            ("a", None),
        ] {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }
}
