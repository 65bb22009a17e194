//! Which headers the calls of a deployment have, and what is in them, as far as its settings say so.

use std::rc::Rc;

use super::given::{Form, Given, Keys, TARGET, TOOL, canonical};
use super::near;
use super::value::{Alternative, Texts, Value};

/// What the built-in mapping of headers makes of a call's attributes.
const MAPPING: [(&str, &str); 12] = [
    ("X-Mcp-Method", "method"),
    ("X-Tool-Target", "target"),
    ("X-Tool-Name", "tool"),
    ("X-Operation", "operation"),
    ("X-Environment", "environment"),
    ("X-Query", "query"),
    ("X-Resource-Uri", "uri"),
    ("X-Prompt-Name", "prompt"),
    ("X-User", "user"),
    ("X-Client-Id", "client"),
    ("X-User-Roles", "roles"),
    ("X-User-Groups", "groups"),
];

/// The attributes of a call that are texts or lists of texts, for the settings and for mode JSON, and whether they are
/// lists.
const ATTRIBUTES: [(&str, bool); 14] = [
    ("method", false),
    ("path", false),
    ("target", false),
    ("tool", false),
    ("operation", false),
    ("environment", true),
    ("query", false),
    ("user", false),
    ("roles", true),
    ("groups", true),
    ("client", false),
    ("uri", false),
    ("prompt", false),
    ("scopes", true),
];

/// The members of the object of mode JSON.
pub(super) fn members() -> impl Iterator<Item = &'static str> + Clone {
    ATTRIBUTES.iter().map(|(name, _)| *name).chain(["arguments", "claims", "headers"])
}

/// What is known of the deployment that policies are for. Without its settings nothing is said of the names of headers, and
/// the values are those that the built-in mapping gives.
#[derive(Clone, Debug, Default)]
pub struct Deployed {
    settings: Option<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    /// The computed headers by canonical name, with their values.
    headers: Vec<(String, Texts)>,
    /// The canonical names of the caller's headers that are seen.
    forwarded: Vec<String>,
    /// The environments that there are, if the settings say so.
    environments: Option<Rc<[String]>>,
}

impl Deployed {
    /// A deployment that forwards the caller's headers of these names, and whose calls are for one of these environments if
    /// it says so. It computes no header yet.
    pub fn new(forwarded: &[String], environments: Option<&[String]>) -> Deployed {
        let forwarded = forwarded.iter().map(|name| canonical(name)).collect();
        let environments = environments.map(Rc::from);
        Deployed { settings: Some(Known { headers: Vec::new(), forwarded, environments }) }
    }

    /// Adds a header whose expression has this value.
    pub(super) fn computes(&mut self, name: &str, value: &Value) {
        let values = match value {
            Value::Texts(texts) => as_header(texts),
            _ => Texts::given(Form::Value, true),
        };
        if let Some(known) = &mut self.settings {
            known.headers.push((canonical(name), values));
        }
    }

    /// What an attribute of a call may be, for expressions of the settings and for mode JSON.
    pub(super) fn attribute(&self, name: &str) -> Option<Texts> {
        let (_, is_list) = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name)?;
        let environments = self.settings.as_ref().and_then(|known| known.environments.clone());
        let form = match (name, environments) {
            ("environment", Some(environments)) => Form::OneOf(true, environments),
            ("environment", None) => Form::Environment,
            ("method", _) => Form::Method,
            ("operation", _) => Form::Operation,
            ("tool", _) => Form::Name(TOOL),
            ("target", _) => Form::Name(TARGET),
            _ => Form::Any,
        };
        Some(Texts::given(form, *is_list))
    }

    /// The values of a header, by its canonical name.
    pub(super) fn values(&self, name: &str) -> Texts {
        let values = match &self.settings {
            Some(known) => {
                known.headers.iter().find(|(own, _)| own == name).map(|(_, values)| values.clone())
            }
            None => {
                let attribute = MAPPING.iter().find(|(own, _)| *own == name);
                attribute.and_then(|(_, attribute)| self.attribute(attribute)).map(|texts| as_header(&texts))
            }
        };
        values.unwrap_or_else(|| Texts::given(Form::Value, true))
    }

    /// Why no call has the header of this name, and what to do, if it is nearly one that calls have. It is a key of such a
    /// map.
    pub(super) fn unset(&self, written: &str, keys: Keys) -> Option<(String, String)> {
        let name = canonical(written);
        // A caller may send any.
        let known = self.settings.as_ref().filter(|_| keys != Keys::Caller)?;
        let set = || known.headers.iter().map(|(own, _)| own.as_str());
        // What the settings remove is told of the settings.
        let is_built_in = MAPPING.iter().any(|(own, _)| *own == name);
        if is_built_in || set().any(|own| own == name) || known.forwarded.contains(&name) {
            return None;
        }
        let shown =
            |name: &str| if keys.is_canonical() { name.to_owned() } else { name.to_ascii_lowercase() };
        let meant = shown(near::header(written, set())?);
        let message = format!(
            "no call of the gateway has the header `{}`: it is neither computed nor forwarded",
            shown(&name)
        );
        let help =
            format!("did you mean `{meant}`? A caller's own header is seen if `forwardHeaders` names it");
        Some((message, help))
    }
}

/// The values of a header with such a result: without blanks at their ends, and the literals are what the settings give.
fn as_header(values: &Texts) -> Texts {
    let (mut literals, mut given) = (Vec::new(), Vec::new());
    for alternative in values.of.iter() {
        match alternative {
            Alternative::Literal { text, .. } => literals.push(text.trim_matches([' ', '\t']).to_owned()),
            Alternative::Given(Given { form: Form::Any, case, is_trimmed }) => {
                given.push(Alternative::Given(Given {
                    form: Form::Value,
                    case: *case,
                    is_trimmed: *is_trimmed,
                }));
            }
            Alternative::Given(_) => given.push(alternative.clone()),
        }
    }
    if !literals.is_empty() {
        given.push(Alternative::Given(Form::OneOf(false, literals.into()).into()));
    }
    if values.is_open {
        return Texts::given(Form::Value, true);
    }
    let mut all = Texts::list(given);
    all.is_single = !values.is_list;
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, deployed};
    use crate::gateway::headers::{CALL, DEFAULT_MAPPING};

    #[test]
    fn the_built_in_mapping_is_what_its_expressions_say() {
        let followed = deployed(&Settings::default());
        for (name, _) in DEFAULT_MAPPING {
            assert!(MAPPING.iter().any(|(own, _)| own == name), "{name}");
            assert_eq!(followed.values(name), Deployed::default().values(name), "{name}");
            assert!(followed.unset(name, Keys::Http).is_none());
        }
        assert_eq!(MAPPING.len(), DEFAULT_MAPPING.len());
    }

    #[test]
    fn members_are_the_attributes_of_a_call() {
        let mut due: Vec<&str> = CALL.fields.iter().map(|field| field.name).collect();
        let mut members: Vec<&str> = members().collect();
        due.sort_unstable();
        members.sort_unstable();
        assert_eq!(members, due);
    }
}
