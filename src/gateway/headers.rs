//! The headers that policies see: what the mapping may read of a call, the built-in mapping, and the rules by
//! which its results become header values.
//!
//! The mapping is CEL over `call`, an object of type `toolgate.Call`; compiling and evaluating it is not done here.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::attributes::{Deployment, operation, query};
use super::call::Call;
use super::environment::environments;
use super::refusal::{Refusal, Unfit};
use crate::budget::Budget;
use crate::value::json::strict::Kind;
use crate::value::object_type::{FieldRow, field};
use crate::value::{Map, MapBuilder, Object, ObjectRow, ObjectType, Value};

mod forward;

pub use forward::{forwarded, names_to_forward};

/// The built-in mapping: a header's name, and the CEL expression over `call` that gives its value: a string, a list
/// of strings (one header value each), or null or an empty list (the header is absent).
///
/// An absent attribute is an unset field, so `has(call.tool)` is false; the type checker wants both branches of a
/// conditional to be of one type, hence `dyn`.
pub const DEFAULT_MAPPING: &[(&str, &str)] = &[
    ("X-Mcp-Method", "call.method"),
    ("X-Tool-Target", "has(call.target) ? dyn(call.target) : null"),
    ("X-Tool-Name", "has(call.tool) ? dyn(call.tool) : null"),
    ("X-Operation", "has(call.operation) ? dyn(call.operation) : null"),
    ("X-Environment", "has(call.environment) ? dyn(call.environment) : null"),
    ("X-Query", "has(call.query) ? dyn(call.query) : null"),
    ("X-Resource-Uri", "has(call.uri) ? dyn(call.uri) : null"),
    ("X-Prompt-Name", "has(call.prompt) ? dyn(call.prompt) : null"),
    ("X-User", "has(call.user) ? dyn(call.user) : null"),
    ("X-Client-Id", "has(call.client) ? dyn(call.client) : null"),
    ("X-User-Roles", "has(call.roles) ? dyn(call.roles) : null"),
    ("X-User-Groups", "has(call.groups) ? dyn(call.groups) : null"),
];

/// A header that policies see.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::HeaderRule;
///
/// let mut settings = Settings::default();
/// let (name, expression) = ("X-Path".to_owned(), "call.path".to_owned());
/// settings.headers.push(HeaderRule { name, expression });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// The header's name.
    pub name: String,
    /// A CEL expression over `call` that gives a string, a list of strings, or null.
    pub expression: String,
}

/// The built-in mapping as settings.
pub fn default_mapping() -> Vec<HeaderRule> {
    let rule = |(name, expression): &(&str, &str)| HeaderRule {
        name: (*name).to_owned(),
        expression: (*expression).to_owned(),
    };
    DEFAULT_MAPPING.iter().map(rule).collect()
}

/// The fields of `toolgate.Call`, in the order of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Attribute {
    /// The JSON-RPC method.
    Method,
    /// The path of the envelope, decoded.
    Path,
    /// A tool's target.
    Target,
    /// A tool's name without its target.
    Tool,
    /// The arguments, as values.
    Arguments,
    /// The caller's headers, names in lower case.
    Headers,
    /// The token's claims; unset unless the deployment trusts them.
    Claims,
    /// The verb of the tool.
    Operation,
    /// The environments that the call may be for.
    Environment,
    /// The query.
    Query,
    /// The user, from trusted claims.
    User,
    /// The user's roles.
    Roles,
    /// The user's groups.
    Groups,
    /// The client.
    Client,
    /// A resource's URI.
    Uri,
    /// A prompt's name.
    Prompt,
    /// The token's scopes.
    Scopes,
}

impl Attribute {
    /// All attributes, in the order of the type.
    pub const ALL: [Attribute; 17] = [
        Attribute::Method,
        Attribute::Path,
        Attribute::Target,
        Attribute::Tool,
        Attribute::Arguments,
        Attribute::Headers,
        Attribute::Claims,
        Attribute::Operation,
        Attribute::Environment,
        Attribute::Query,
        Attribute::User,
        Attribute::Roles,
        Attribute::Groups,
        Attribute::Client,
        Attribute::Uri,
        Attribute::Prompt,
        Attribute::Scopes,
    ];

    /// The attribute that the field at `index` of `toolgate.Call` is.
    pub fn at(index: usize) -> Option<Attribute> {
        Attribute::ALL.get(index).copied()
    }

    /// The attribute whose value, or null, an expression of a mapping is, if it is written to the letter as those of
    /// [`DEFAULT_MAPPING`]: nothing needs to be compiled and evaluated for that.
    pub fn plain(expression: &str) -> Option<Attribute> {
        if expression == "call.method" {
            return Some(Attribute::Method);
        }
        let (tested, taken) = expression.strip_prefix("has(call.")?.split_once(") ? dyn(call.")?;
        let name = taken.strip_suffix(") : null").filter(|taken| *taken == tested)?;
        let (index, field) = CALL.field(name)?;
        // A map is no header's value.
        Attribute::at(index).filter(|_| field.pointer)
    }

    /// The steps that evaluating the expression takes of which this is the [plain](Attribute::plain) value.
    fn steps(self, is_there: bool) -> u64 {
        match (self, is_there) {
            (Attribute::Method, _) => 3,
            (_, true) => 7,
            (_, false) => 4,
        }
    }
}

/// Which attributes a mapping reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallReads(u32);

impl CallReads {
    /// All of them.
    pub const ALL: CallReads = CallReads(u32::MAX);

    /// These and one more.
    #[must_use]
    pub fn with(self, attribute: Attribute) -> CallReads {
        CallReads(self.0 | bit(attribute))
    }

    /// True if `attribute` is among them.
    pub fn has(self, attribute: Attribute) -> bool {
        self.0 & bit(attribute) != 0
    }
}

fn bit(attribute: Attribute) -> u32 {
    1_u32.checked_shl(u32::from(attribute as u8)).unwrap_or_default()
}

/// What the mapping sees of a call (docs/configuration.md), in the order of [`Attribute::ALL`]. It is in no library: the
/// expressions of headers know it, and policies do not. Pointers, so that `has()` tells an absent attribute from an empty one.
pub static CALL: ObjectRow = ObjectRow::structure(
    "toolgate.Call",
    &[
        attribute("method", "*string"),
        attribute("path", "*string"),
        attribute("target", "*string"),
        attribute("tool", "*string"),
        attribute("arguments", "map(string, dyn)"),
        attribute("headers", "map(string, string)"),
        attribute("claims", "map(string, dyn)"),
        attribute("operation", "*string"),
        attribute("environment", "*list(string)"),
        attribute("query", "*string"),
        attribute("user", "*string"),
        attribute("roles", "*list(string)"),
        attribute("groups", "*list(string)"),
        attribute("client", "*string"),
        attribute("uri", "*string"),
        attribute("prompt", "*string"),
        attribute("scopes", "*list(string)"),
    ],
);

const fn attribute(name: &'static str, ty: &'static str) -> FieldRow {
    field(name, name, ty)
}

/// The `call` of a mapping, with the attributes that it reads.
///
/// # Errors
/// Two of the caller's headers have one name and different values, the caller's groups or roles are read and the token
/// does not have them all, or the budget is spent.
pub fn call_value<'a>(
    call: &Call<'a>,
    reads: CallReads,
    settings: &Deployment<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    let ty: &ObjectType = &CALL;
    budget.charge_bytes(size_of::<[Option<Value<'_>>; Attribute::ALL.len()]>())?;
    let fields = arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (attribute, field) in Attribute::ALL.into_iter().zip(fields.iter_mut()) {
        if reads.has(attribute) {
            *field = attribute_value(call, attribute, settings, arena, budget)?;
        }
    }
    Ok(Value::Object(arena.alloc(Object { ty, fields, tagged: false })))
}

/// One attribute of a call; none if it is absent.
///
/// # Errors
/// As [`call_value`].
pub fn attribute_value<'a>(
    call: &Call<'a>,
    attribute: Attribute,
    settings: &Deployment<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<Value<'a>>, Unfit> {
    let tool = call.tool;
    let text = match attribute {
        Attribute::Method => Some(call.method),
        Attribute::Path => Some(call.url.path),
        Attribute::Target => call.tool_target,
        Attribute::Tool => tool,
        Attribute::Operation => tool.and_then(|tool| operation(tool, arena)),
        Attribute::Environment => {
            if tool.is_none() {
                return Ok(None);
            }
            return Ok(environments(call, settings.environment, arena, budget)?.map(Value::List));
        }
        Attribute::Query => tool.and_then(|_| query(call, arena)),
        Attribute::Uri => call.uri,
        Attribute::Prompt => call.prompt,
        Attribute::Arguments => {
            return Ok(call.arguments.map(|arguments| arguments.value(arena, budget)).transpose()?);
        }
        Attribute::Headers => return caller_headers(call, arena, budget).map(Some),
        Attribute::User => settings.identity.and_then(|identity| identity.user),
        Attribute::Client => settings.identity.and_then(|identity| identity.client),
        Attribute::Claims | Attribute::Roles | Attribute::Groups | Attribute::Scopes => {
            let Some(identity) = settings.identity else { return Ok(None) };
            return match attribute {
                Attribute::Roles => identity.roles(arena, budget),
                Attribute::Groups => identity.groups(arena, budget),
                Attribute::Scopes => identity.scopes(arena, budget),
                _ => identity.claims(arena, budget),
            };
        }
    };
    if let Some(text) = text {
        budget.charge_bytes(text.len())?;
    }
    Ok(text.map(Value::String))
}

/// The value of the [plain](Attribute::plain) expression of an attribute, at its price.
///
/// # Errors
/// As [`call_value`].
pub fn plain_value<'a>(
    call: &Call<'a>,
    attribute: Attribute,
    settings: &Deployment<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    let value = attribute_value(call, attribute, settings, arena, budget)?;
    budget.charge(attribute.steps(value.is_some()))?;
    Ok(value.unwrap_or(Value::Null))
}

/// The caller's headers, names in lower case, those with a text as value.
fn caller_headers<'a>(call: &Call<'a>, arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, Unfit> {
    let members = call.request.headers.map(|headers| headers.members()).unwrap_or_default();
    let mut headers: BumpVec<'a, (&'a str, &'a str)> = BumpVec::with_capacity_in(members.len(), arena);
    for member in members {
        budget.charge(1)?;
        budget.charge_bytes(member.name.len().saturating_add(size_of::<(Value<'_>, Value<'_>)>()))?;
        if let Kind::String(value) = member.value.kind {
            let name = arena.alloc_str(member.name);
            name.make_ascii_lowercase();
            headers.push((name, value));
        }
    }
    headers.sort_unstable();
    let mut map = MapBuilder::with_capacity(arena, headers.len());
    let mut last = None;
    for (name, value) in headers {
        // Two spellings of one header with two values: no reading of it is the right one.
        if last.is_some_and(|(before, other)| before == name && other != value) {
            return Err(Refusal::HeaderValue.into());
        }
        last = Some((name, value));
        map.insert(Value::String(name), Value::String(value));
    }
    Ok(Value::Map(map.finish()))
}

/// The header map that policies see, from the mapping's results: `(canonical name, value)` with values as
/// [`DEFAULT_MAPPING`] says. Blanks at both ends of a value go.
///
/// # Errors
/// A value has a control character (a tab inside is none) or is of another type; the budget is spent.
pub fn header_map<'a>(
    results: &[(&'a str, Value<'a>)],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Map<'a>, Unfit> {
    let mut map = MapBuilder::with_capacity(arena, results.len());
    for (index, (key, _)) in results.iter().enumerate() {
        let same = |(other, _): &&(&'a str, Value<'a>)| other == key;
        if results.iter().take(index).any(|earlier| same(&earlier)) {
            continue;
        }
        let mut values = BumpVec::new_in(arena);
        for (_, value) in results.iter().skip(index).filter(same) {
            collect(value, &mut values, budget)?;
        }
        if !values.is_empty() {
            budget.charge_bytes(size_of::<(Value<'_>, Value<'_>)>())?;
            map.insert(Value::String(key), Value::List(values.into_bump_slice()));
        }
    }
    Ok(map.finish())
}

/// Adds the header values that a result of the mapping stands for.
fn collect<'a>(
    value: &Value<'a>,
    values: &mut BumpVec<'a, Value<'a>>,
    budget: &mut Budget,
) -> Result<(), Unfit> {
    let one = std::slice::from_ref(value);
    let list = match value {
        Value::Null => return Ok(()),
        Value::List(list) => list,
        _ => one,
    };
    for item in list {
        let Value::String(text) = item else { return Err(Refusal::HeaderValue.into()) };
        budget.charge(u64::try_from(text.len() >> 4).unwrap_or(u64::MAX).saturating_add(1))?;
        budget.charge_bytes(size_of::<Value<'_>>().saturating_mul(2))?;
        values.push(Value::String(clean(text)?));
    }
    Ok(())
}

/// A header's value as it arrives: without blanks at its ends; one that cannot be sent is refused.
fn clean(text: &str) -> Result<&str, Refusal> {
    let blank = |c: Option<&u8>| matches!(c, Some(b' ' | b'\t'));
    let is_trim = !blank(text.as_bytes().first()) && !blank(text.as_bytes().last());
    let text = if is_trim { text } else { text.trim_matches([' ', '\t']) };
    // Without branches: nearly no value has one.
    let control = |c: u8| (c < b' ') & (c != b'\t') | (c == 0x7f);
    let is_wrong = text.bytes().fold(false, |found, c| found | control(c));
    if is_wrong { Err(Refusal::HeaderValue) } else { Ok(text) }
}

#[cfg(test)]
#[expect(clippy::panic_in_result_fn, reason = "a test that cannot go on should panic")]
mod tests {
    use super::*;

    fn headers(results: &[(&'static str, Value<'static>)]) -> Result<Vec<(String, Vec<String>)>, Unfit> {
        let arena = Bump::new();
        let map = header_map(results, &arena, &mut Budget::default())?;
        let text = |value: &Value<'_>| if let Value::String(s) = value { (*s).to_owned() } else { panic!() };
        Ok(map
            .entries()
            .iter()
            .map(|(key, values)| {
                let Value::List(values) = values else { panic!() };
                (text(key), values.iter().map(text).collect())
            })
            .collect())
    }

    #[test]
    fn results_of_the_mapping_become_header_values() {
        let list = [Value::String("a"), Value::String(" b\t")];
        let made = headers(&[
            ("X-User-Roles", Value::List(Vec::leak(list.to_vec()))),
            ("X-Tool-Name", Value::String("  get Pod \t x ")),
            ("X-Absent", Value::Null),
            ("X-Empty", Value::List(&[])),
            ("X-Blank", Value::String(" ")),
            ("X-User-Roles", Value::String("c")),
        ])
        .unwrap();
        let expected = [
            ("X-Blank", vec![""]),
            ("X-Tool-Name", vec!["get Pod \t x"]),
            ("X-User-Roles", vec!["a", "b", "c"]),
        ];
        assert_eq!(made, expected.map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect())));
    }

    #[test]
    fn a_value_that_no_header_can_carry_is_refused() {
        for value in [
            Value::String("a\nb"),
            Value::String("a\r"),
            Value::String("\0"),
            Value::String("a\u{7f}"),
            Value::Int(1),
            Value::List(&[Value::Null]),
        ] {
            assert_eq!(headers(&[("X", value)]), Err(Unfit::Refusal(Refusal::HeaderValue)), "{value:?}");
        }
    }

    #[test]
    fn attributes_have_the_order_of_the_object_type() {
        let ty = &CALL;
        assert_eq!(ty.fields.len(), Attribute::ALL.len());
        for (index, attribute) in Attribute::ALL.into_iter().enumerate() {
            assert_eq!(Attribute::at(index), Some(attribute));
            assert_eq!(ty.fields[index].name, format!("{attribute:?}").to_lowercase());
            assert!(CallReads::default().with(attribute).has(attribute));
            assert!(!CallReads::default().has(attribute));
        }
    }
}
