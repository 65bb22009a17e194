//! Warnings: policies that load, as Kyverno loads them, and do less than their author thinks.
//!
//! An expression that can fail under `failurePolicy: Ignore` is a switch in the caller's hand; a header under a
//! name that no header has is never there, a value that no header ever has is never met, and what says the same of every
//! call says nothing.

use std::collections::{HashMap, HashSet};

use crate::cel::tree::{Checked, Failure, FailureKind, NodeId, Variables, can_fail};
use crate::diag::{Code, Diagnostic};

use super::model::{Expression, FailurePolicy, Mode, NamedExpression, Policy};
use super::place::{Due, Place, located};

mod comments;
mod deployed;
mod follow;
mod given;
mod near;
mod objects;
mod value;

pub use deployed::Deployed;
pub use follow::Found;
use follow::{Around, follow};
use value::Value;

/// The most places of one expression that are warned of.
const MAX_PLACES: usize = 3;

/// Gathers the warnings of one policy, expression by expression in the order of their compilation.
pub(super) struct Lint<'p> {
    policy: &'p Policy,
    deployed: &'p Deployed,
    variables: Variables,
    /// What is known of the variables.
    known: HashMap<&'p str, Value>,
    /// The variables that were not looked at yet.
    rest: std::slice::Iter<'p, NamedExpression>,
    /// What can fail of each variable.
    failing: Vec<(&'p str, Vec<Diagnostic>, Vec<String>)>,
    /// Variables whose failure reaches a condition or a validation.
    reached: Vec<String>,
    /// Whether a condition may be false.
    is_conditional: bool,
    /// The validation that answers every call for which the conditions are true, as the warning of what is behind it.
    answering: Option<Diagnostic>,
    /// Whether a validation behind it was warned of.
    is_told: bool,
    warnings: Vec<Diagnostic>,
}

/// What is to be said of a policy.
#[derive(Default)]
pub(super) struct Said {
    pub(super) warnings: Vec<Diagnostic>,
    /// If it answers every call: the warning of policies behind it, which nobody asks.
    pub(super) answering: Option<Diagnostic>,
}

impl<'p> Lint<'p> {
    pub(super) fn new(policy: &'p Policy, deployed: &'p Deployed) -> Lint<'p> {
        Lint {
            policy,
            deployed,
            variables: Variables::default(),
            known: HashMap::new(),
            rest: policy.variables.iter(),
            failing: Vec::new(),
            reached: Vec::new(),
            is_conditional: false,
            answering: None,
            is_told: false,
            warnings: Vec::new(),
        }
    }

    /// Looks at one expression.
    pub(super) fn expression(
        &mut self,
        place: Place<'_>,
        expression: &'p Expression,
        due: Due,
        checked: &Checked<'_>,
    ) {
        let around = Around { mode: Some(self.policy.mode), deployed: self.deployed, variables: &self.known };
        let (value, found) = follow(checked, around);
        for Found { code, message, help, start, end } in found {
            let warning = Diagnostic::warning(code, message).help(help);
            self.warnings.push(located(place, expression, warning, start, end));
        }
        self.idle(place, expression, due, checked, &value);
        for part in comments::swallowed(place.source, expression) {
            let message = "this belongs to the comment before it: YAML folds the lines of this text into one";
            let warning = Diagnostic::warning(Code::SwallowedText, message)
                .help("write the text with `|-` in place of `>-`, which keeps its lines");
            self.warnings.push(located(place, expression, warning, part.start, part.end));
        }
        let variable = match due {
            Due::Anything => {
                self.rest.find(|variable| std::ptr::eq(&raw const variable.expression, expression))
            }
            _ => None,
        };
        if let Some(variable) = variable {
            self.known.insert(&variable.name.value, value);
        }
        // What can fail takes as long to find as to check, and longer where there are patterns: not for nothing.
        if self.policy.failure_policy != FailurePolicy::Ignore {
            return;
        }
        let failures = match variable {
            Some(variable) => self.variables.add(&variable.name.value, checked),
            None => can_fail(checked, &self.variables),
        };
        let used = failures.iter().filter_map(|failure| match &failure.kind {
            FailureKind::Variable(name) => Some(name.clone()),
            _ => None,
        });
        let used: Vec<String> = used.collect();
        let found = places(place, expression, checked, &failures);
        match variable {
            Some(variable) => self.failing.push((&variable.name.value, found, used)),
            None => {
                self.reached.extend(used);
                self.warnings.extend(found);
            }
        }
    }

    /// What fails in every evaluation of an expression: the errors and their places.
    pub(super) fn failing(
        &mut self,
        place: Place<'_>,
        expression: &Expression,
        fails: Vec<(String, usize, usize)>,
    ) {
        // Where a failure opens the policy, that is told in other words.
        if self.policy.failure_policy == FailurePolicy::Ignore {
            return;
        }
        for (error, start, end) in fails.into_iter().take(MAX_PLACES) {
            let message = format!("this fails for every call that comes to it: {error}");
            let warning = Diagnostic::warning(Code::AlwaysFails, message)
                .help("an error is a denial; write what has a value, or remove it");
            self.warnings.push(located(place, expression, warning, start, end));
        }
    }

    /// What there is to say; of a variable only if something that counts uses it.
    pub(super) fn finish(mut self) -> Said {
        // A variable uses only those before it.
        for (name, found, used) in self.failing.into_iter().rev() {
            if self.reached.iter().any(|reached| reached == name) {
                self.reached.extend(used);
                self.warnings.extend(found);
            }
        }
        let is_sure = !self.is_conditional && self.policy.failure_policy == FailurePolicy::Fail;
        Said { warnings: self.warnings, answering: self.answering.filter(|_| is_sure) }
    }

    /// What says the same of every call.
    fn idle(
        &mut self,
        place: Place<'_>,
        expression: &Expression,
        due: Due,
        checked: &Checked<'_>,
        value: &Value,
    ) {
        let mode = self.policy.mode;
        let (says, help) = match (due, value) {
            (Due::Condition, Value::Bool(true)) => return,
            (Due::Condition, Value::Bool(false)) => {
                self.is_conditional = true;
                (
                    "this condition is false for every call: the policy says nothing",
                    "remove the policy, or the condition",
                )
            }
            (Due::Condition, _) => {
                self.is_conditional = true;
                return;
            }
            (Due::Exemption, Value::Bool(false)) => (
                "this condition is false for every call: the exception exempts nothing",
                "remove the exception, or the condition",
            ),
            (Due::Exemption, Value::Bool(true)) => (
                "this condition is true for every call",
                "remove the condition, if the exception is to hold for every call",
            ),
            (Due::Validation, _) if self.answering.is_some() => {
                if self.is_told {
                    return;
                }
                self.is_told = true;
                (
                    "this is never evaluated: a validation before it answers every call",
                    "put it before that one",
                )
            }
            (Due::Validation, Value::Null) if mode != Mode::Json => {
                ("this is null for every call: it neither allows nor denies", "remove it, or let it answer")
            }
            (Due::Validation, Value::Bool(true)) if mode == Mode::Json => (
                "this is true for every call: it denies nothing",
                "remove it, or let it say what must be true",
            ),
            (Due::Validation, Value::Response) if mode != Mode::Json => {
                let root = checked.ast.root.id;
                let warning = at(place, expression, checked, root, Code::IdleRule, String::new());
                self.answering = Some(warning);
                return;
            }
            _ => return,
        };
        // An error is another answer; what a variable may do is not known here.
        let is_told = matches!(value, Value::Null | Value::Bool(_)) && self.answering.is_none();
        if is_told && !can_fail(checked, &Variables::default()).is_empty() {
            return;
        }
        let root = checked.ast.root.id;
        let warning = at(place, expression, checked, root, Code::IdleRule, says.to_owned()).help(help);
        self.warnings.push(warning);
    }
}

impl Deployed {
    /// Adds a header that it computes with this expression over `call`.
    pub fn add(&mut self, name: &str, checked: &Checked<'_>) {
        let around = Around { mode: None, deployed: self, variables: &HashMap::new() };
        let (value, _) = follow(checked, around);
        self.computes(name, &value);
    }
}

/// What is never found, or never so, in the expression of a header of the settings.
pub fn of_header(checked: &Checked<'_>) -> Vec<Found> {
    let deployed = Deployed::default();
    follow(checked, Around { mode: None, deployed: &deployed, variables: &HashMap::new() }).1
}

/// Where an expression can fail.
fn places(
    place: Place<'_>,
    expression: &Expression,
    checked: &Checked<'_>,
    failures: &[Failure],
) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    failures
        .iter()
        .filter_map(|failure| {
            let (message, help) = words(&failure.kind)?;
            seen.insert(failure.node).then(|| {
                let help = format!("{help}; or use `failurePolicy: Fail`");
                at(place, expression, checked, failure.node, Code::IgnoredFailure, message).help(help)
            })
        })
        .take(MAX_PLACES)
        .collect()
}

/// A warning about a part of an expression.
fn at(
    place: Place<'_>,
    expression: &Expression,
    checked: &Checked<'_>,
    node: NodeId,
    code: Code,
    message: String,
) -> Diagnostic {
    let span = checked.ast.info(node).span;
    let warning = Diagnostic::warning(code, message);
    located(place, expression, warning, index(span.start), index(span.end))
}

/// What can fail and what to write instead; nothing for a variable, which has a warning of its own.
fn words(kind: &FailureKind) -> Option<(String, String)> {
    let (what, help) = match kind {
        FailureKind::Variable(_) => return None,
        FailureKind::Member(field) if field.is_empty() => (
            "a key of a value whose type is not known may be missing".to_owned(),
            "test for it before: `type(x) == map && k in x && x[k] == …`".to_owned(),
        ),
        FailureKind::Member(field) => (
            format!("the member `{field}` may be missing"),
            format!("test for it before: `type(x) == map && has(x.{field}) && x.{field} == …`"),
        ),
        FailureKind::Key => (
            "the map may not have this key".to_owned(),
            "test for it before, `k in m && m[k] == …`, or write `m[?k].orValue(…)`".to_owned(),
        ),
        FailureKind::Index => (
            "the list may be shorter".to_owned(),
            "test its length before, `size(l) > 0 && l[0] == …`, or write `l.exists(x, x == …)` or `l[?0].orValue(…)`"
                .to_owned(),
        ),
        FailureKind::Test => (
            "this fails on a list".to_owned(),
            "test the type before: `type(x) == map && has(x.y)`".to_owned(),
        ),
        FailureKind::Overload(function) if function == "@in" => (
            "`in` fails on what is neither a list nor a map".to_owned(),
            "test the type before: `type(x) == map && k in x`".to_owned(),
        ),
        FailureKind::Overload(function) => (
            format!("{} may get a value of a type that it does not take", shown(function)),
            "test the type before: `type(x) == string && x.startsWith(…)`".to_owned(),
        ),
        FailureKind::Function(function) => (
            format!("{} fails for some values", shown(function)),
            match function.as_str() {
                "int" | "uint" | "double" | "bool" => {
                    "test the text before: `s.matches('^[0-9]{1,9}$') && int(s) == …`".to_owned()
                }
                "string" => "bytes that are no UTF-8 text fail: compare the bytes themselves, `b == b\"…\"`, or read \
                             `object.mcp.request`"
                    .to_owned(),
                "value" => "test it before, `o.hasValue() && o.value() == …`, or write `o.orValue(…)`".to_owned(),
                "_/_" | "_%_" => "divide by a literal that is neither 0 nor -1".to_owned(),
                "_+_" | "_-_" | "_*_" | "-_" => {
                    "integers overflow: compare without calculating, or calculate with doubles".to_owned()
                }
                "Unmarshal" | "Parse" => {
                    "a text that is no JSON fails, and so does a number beyond a double: read \
                     `object.mcp.request`, whose getters do not fail"
                        .to_owned()
                }
                _ => "exclude those values before, with `&&` or `?:`".to_owned(),
            },
        ),
        FailureKind::Range => (
            "the macro fails on what is neither a list nor a map".to_owned(),
            "test the type before: `type(x) == list && x.all(…)`".to_owned(),
        ),
        FailureKind::NotBool => (
            "this may be something other than true or false".to_owned(),
            "compare it: `x == true`".to_owned(),
        ),
        FailureKind::Object => {
            ("this may be null".to_owned(), "compare it with null before, or use an optional".to_owned())
        }
        FailureKind::Other => {
            ("this has no value for some input".to_owned(), "build it from values of known types".to_owned())
        }
    };
    Some((format!("{what}, and then this policy says nothing: `failurePolicy` is `Ignore`"), help))
}

/// A function as a policy writes it.
fn shown(function: &str) -> String {
    format!("`{}`", function.trim_matches('_').trim_start_matches('@'))
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
