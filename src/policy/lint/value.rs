//! What is known of a value: what a text may be, which object it is, what functions make of texts.
//!
//! Knows no expression and no deployment.

use std::rc::Rc;

use super::given::{Case, Form, Given, Keys};
use crate::cel::tree::NodeId;

/// The most texts that one value is known to be one of, if it is one of several values.
const MAX_ALTERNATIVES: usize = 64;

/// What one text may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alternative {
    /// What a literal says, and the node that has it.
    Literal { node: NodeId, text: Rc<str> },
    /// What a call brings.
    Given(Given),
}

/// A text, or a list or optional of texts, each of which is one of these.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Texts {
    pub(super) of: Rc<[Alternative]>,
    pub(super) is_list: bool,
    /// A list of one text, or none.
    pub(super) is_single: bool,
    /// It may be another as well.
    pub(super) is_open: bool,
    /// The node to blame for a literal that stands elsewhere.
    pub(super) at: Option<NodeId>,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { of: Rc::from([]), is_list: false, is_single: false, is_open: false, at: None }
    }
}

impl Texts {
    pub(super) fn given(given: impl Into<Given>, is_list: bool) -> Texts {
        Texts { of: Rc::from([Alternative::Given(given.into())]), is_list, ..Texts::default() }
    }

    pub(super) fn list(of: Vec<Alternative>) -> Texts {
        Texts { of: of.into(), is_list: true, ..Texts::default() }
    }

    pub(super) fn literal(node: NodeId, text: &str) -> Texts {
        Texts { of: Rc::from([Alternative::Literal { node, text: Rc::from(text) }]), ..Texts::default() }
    }

    pub(super) fn one(self) -> Texts {
        Texts { is_list: false, is_single: false, ..self }
    }

    /// What literals say of it.
    pub(super) fn literals(&self) -> impl Iterator<Item = (NodeId, &Rc<str>)> {
        self.of.iter().filter_map(|alternative| match alternative {
            Alternative::Literal { node, text } => Some((self.at.unwrap_or(*node), text)),
            Alternative::Given(_) => None,
        })
    }

    /// One that is one or the other.
    pub(super) fn or(self, other: Texts) -> Texts {
        let is_open = self.is_open || other.is_open || self.is_list != other.is_list;
        if other.of.is_empty() {
            return Texts { is_open, ..self };
        }
        // Both may be there.
        let is_single = false;
        if Rc::ptr_eq(&self.of, &other.of) {
            return Texts { is_open, is_single, ..self };
        }
        if self.of.is_empty() {
            return Texts { is_open, ..other };
        }
        if self.of.len().saturating_add(other.of.len()) > MAX_ALTERNATIVES {
            return Texts { is_open: true, is_single, ..self };
        }
        let at = self.at.filter(|at| other.at == Some(*at));
        let all = self.placed(at).chain(other.placed(at)).collect();
        Texts { of: all, is_list: self.is_list, is_single, is_open, at }
    }

    /// The alternatives, where all of them are not `at` one node.
    pub(super) fn placed(&self, at: Option<NodeId>) -> impl Iterator<Item = Alternative> {
        self.of.iter().map(move |alternative| match (alternative, self.at) {
            (Alternative::Literal { text, .. }, Some(node)) if at.is_none() => {
                Alternative::Literal { node, text: Rc::clone(text) }
            }
            _ => alternative.clone(),
        })
    }

    /// What becomes of each alternative.
    pub(super) fn each(&self, literal: impl Fn(&str) -> String, given: impl Fn(&Given) -> Given) -> Texts {
        let of = self.of.iter().map(|alternative| match alternative {
            Alternative::Literal { node, text } => {
                Alternative::Literal { node: *node, text: literal(text).into() }
            }
            Alternative::Given(it) => Alternative::Given(given(it)),
        });
        Texts { of: of.collect(), ..self.clone() }
    }
}

/// What is known of a value. An optional is what is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Value {
    #[default]
    Unknown,
    Null,
    Bool(bool),
    /// A response, which is not null.
    Response,
    /// An object that the policy makes itself, or a part of one.
    Made,
    Object(Object),
    Headers(Keys),
    Texts(Texts),
    /// A map with these keys.
    Map(Texts),
}

impl Value {
    /// A value that is one or the other.
    pub(super) fn or(self, other: Value) -> Value {
        match (self, other) {
            (Value::Texts(one), Value::Texts(other)) => Value::Texts(one.or(other)),
            (Value::Texts(texts), Value::Null) | (Value::Null, Value::Texts(texts)) => Value::Texts(texts),
            (Value::Texts(texts), _) | (_, Value::Texts(texts)) => {
                Value::Texts(Texts { is_open: true, ..texts })
            }
            (Value::Headers(keys), Value::Map(none)) | (Value::Map(none), Value::Headers(keys))
                if none.of.is_empty() =>
            {
                Value::Headers(keys)
            }
            (one, other) if one == other => one,
            _ => Value::Unknown,
        }
    }

    /// What it is one of when it is looked into by value, as `in` does.
    pub(super) fn texts(&self) -> Option<&Texts> {
        match self {
            Value::Texts(texts) | Value::Map(texts) => Some(texts),
            _ => None,
        }
    }

    /// The value as an element of a list, or as what a macro gives a name to.
    pub(super) fn element(&self) -> Value {
        match self {
            Value::Texts(texts) => Value::Texts(texts.clone().one()),
            Value::Map(keys) => Value::Texts(keys.clone().one()),
            Value::Headers(keys) => Value::Texts(Texts::given(Form::Key(*keys), false)),
            _ => Value::Unknown,
        }
    }
}

/// An object whose members are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// `variables`
    Variables,
    /// `object` of mode JSON.
    Json,
    /// `call` of the settings.
    Call,
    /// `object` of mode HTTP.
    Http,
    /// `object.attributes` of mode HTTP.
    Attributes,
    /// `object` of mode Envoy.
    Envoy,
    /// `object.attributes` of mode Envoy.
    EnvoyAttributes,
    /// `object.attributes.request` of mode Envoy.
    EnvoyRequest,
    /// `object.attributes.request.http` of mode Envoy.
    EnvoyHttp,
    /// `object.mcp` of mode HTTP.
    Mcp,
    /// A message of MCP.
    McpRequest,
    /// The parameters of a `tools/call`.
    ToolCall,
}

/// All the texts among values.
pub(super) fn gathered(values: Vec<Value>) -> Texts {
    let mut all = Texts::default();
    let mut of = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Texts(texts) => {
                // A list of lists is another than their texts.
                all.is_open |= texts.is_open || texts.is_list;
                of.extend(texts.placed(None));
            }
            Value::Null => {}
            _ => all.is_open = true,
        }
    }
    Texts { of: of.into(), ..all }
}

/// A text in one case.
pub(super) fn in_case(of: &Value, case: Case) -> Value {
    match of {
        Value::Texts(texts) if !texts.is_open => {
            Value::Texts(texts.each(|text| case.of(text), |given| Given { case, ..given.clone() }))
        }
        _ => Value::Texts(Texts::given(Given { case, ..Form::Any.into() }, false)),
    }
}

/// A text without blanks at its ends.
pub(super) fn trimmed(of: &Value) -> Value {
    match of {
        Value::Texts(texts) if !texts.is_open => Value::Texts(
            texts.each(|text| text.trim().to_owned(), |given| Given { is_trimmed: true, ..given.clone() }),
        ),
        _ => Value::Texts(Texts::given(Given { is_trimmed: true, ..Form::Any.into() }, false)),
    }
}

/// A text that is made of parts of these: if all their letters are of one case, so are its.
pub(super) fn pieces(of: &[&Value], is_list: bool) -> Value {
    let all_in = |case: Case| {
        of.iter().all(|value| match value {
            Value::Texts(texts) if !texts.is_open => texts.of.iter().all(|alternative| match alternative {
                Alternative::Literal { text, .. } => case.of(text) == **text,
                Alternative::Given(given) => given.case() == case,
            }),
            _ => false,
        })
    };
    // Of nothing nothing is known.
    let is_some = of.iter().any(|value| value.texts().is_some_and(|texts| !texts.of.is_empty()));
    let case = [Case::Lower, Case::Upper].into_iter().find(|case| is_some && all_in(*case));
    case.map_or(Value::Unknown, |case| {
        Value::Texts(Texts::given(Given { case, ..Form::Any.into() }, is_list))
    })
}
