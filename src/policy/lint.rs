//! Warnings: policies that load, as Kyverno loads them, and do less than their author thinks.
//!
//! An expression that can fail under `failurePolicy: Ignore` is a switch in the caller's hand; a header under a
//! name that is not canonical is never there, and a value that no header ever has is never met.

use std::collections::HashSet;

use bumpalo::Bump;

use crate::cel::tree::{Checked, Expr, ExprKind, Failure, FailureKind, Literal, NodeId, Variables, can_fail};
use crate::diag::{Code, Diagnostic};
use crate::library::VARIABLES;
use crate::library::kyverno::http::canonical_key;
use crate::types::Type;

use super::compile::Place;
use super::model::{Expression, FailurePolicy, Mode, Policy};

mod comments;
mod compared;

use compared::{Known, comparisons};

/// The most places of one expression that are warned of.
const MAX_PLACES: usize = 3;

/// Gathers the warnings of one policy, expression by expression in the order of their compilation.
pub(super) struct Lint<'p> {
    policy: &'p Policy,
    variables: Variables,
    known: Known<'p>,
    /// The variables that are the map of headers.
    maps: Vec<&'p str>,
    /// What can fail of each variable.
    failing: Vec<(&'p str, Vec<Diagnostic>, Vec<String>)>,
    /// Variables whose failure reaches a condition or a validation.
    reached: Vec<String>,
    warnings: Vec<Diagnostic>,
}

impl<'p> Lint<'p> {
    pub(super) fn new(policy: &'p Policy) -> Lint<'p> {
        Lint {
            policy,
            variables: Variables::default(),
            known: Known::default(),
            maps: Vec::new(),
            failing: Vec::new(),
            reached: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Looks at one expression.
    pub(super) fn expression(&mut self, place: Place<'_>, expression: &'p Expression, checked: &Checked<'_>) {
        self.headers(place, expression, checked);
        self.compared(place, expression, checked);
        for part in comments::swallowed(place.source, expression) {
            let message = "this belongs to the comment before it: YAML folds the lines of this text into one";
            let warning = Diagnostic::warning(Code::SwallowedText, message)
                .help("write the text with `|-` in place of `>-`, which keeps its lines")
                .path(expression.path.clone())
                .policy(place.name)
                .at(place.source, expression.locate(part.start, part.end));
            self.warnings.push(warning);
        }
        let variable = self
            .policy
            .variables
            .iter()
            .find(|variable| std::ptr::eq(&raw const variable.expression, expression));
        if let Some(variable) = variable {
            self.known.add(&variable.name.value, checked);
            if is_headers(checked, &checked.ast.root, &self.maps) {
                self.maps.push(&variable.name.value);
            }
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

    /// The warnings; a variable's only if something that counts uses it.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        // A variable uses only those before it.
        for (name, found, used) in self.failing.into_iter().rev() {
            if self.reached.iter().any(|reached| reached == name) {
                self.reached.extend(used);
                self.warnings.extend(found);
            }
        }
        self.warnings
    }

    /// Literal keys of the header map that are not spelt as its keys are.
    fn headers(&mut self, place: Place<'_>, expression: &Expression, checked: &Checked<'_>) {
        let mut found = Vec::new();
        visit(&checked.ast.root, &mut |e| keys(checked, e, &self.maps, &mut found));
        for (node, key) in found {
            let (message, help) = match self.policy.mode {
                Mode::Http => {
                    let arena = Bump::new();
                    let canonical = canonical_key(&key, &arena);
                    if canonical == key {
                        continue;
                    }
                    let message =
                        format!("no header is ever called `{key}`: the keys of `header` are canonical");
                    let either = format!("`object.attributes.Header(\"{canonical}\")`, which takes any case");
                    (message, format!("write `{canonical}`, or {either}"))
                }
                Mode::Envoy => {
                    let lower = key.to_ascii_lowercase();
                    if lower == key {
                        continue;
                    }
                    let message =
                        format!("no header is ever called `{key}`: the keys of `headers` are in lower case");
                    (message, format!("write `{lower}`"))
                }
                // It sees no request.
                Mode::Json => continue,
            };
            let warning = at(place, expression, checked, node, Code::HeaderNeverFound, message).help(help);
            self.warnings.push(warning);
        }
    }

    /// Comparisons of headers with values that they never have.
    fn compared(&mut self, place: Place<'_>, expression: &Expression, checked: &Checked<'_>) {
        for (node, never) in comparisons(checked, &self.known) {
            let (message, help) = never.words();
            let warning = at(place, expression, checked, node, Code::ValueNeverGiven, message).help(help);
            self.warnings.push(warning);
        }
    }
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
    Diagnostic::warning(code, message)
        .path(expression.path.clone())
        .policy(place.name)
        .at(place.source, expression.locate(index(span.start), index(span.end)))
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

fn visit<'a>(e: &'a Expr, see: &mut impl FnMut(&'a Expr)) {
    see(e);
    match &e.kind {
        ExprKind::Literal(_) | ExprKind::Ident(_) => {}
        ExprKind::Select { operand, .. } => visit(operand, see),
        ExprKind::Call { target, args, .. } => {
            target.as_deref().into_iter().chain(args).for_each(|inner| visit(inner, see));
        }
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| visit(element, see)),
        ExprKind::Map(entries) => entries.iter().for_each(|entry| {
            visit(&entry.key, see);
            visit(&entry.value, see);
        }),
        ExprKind::Struct { fields, .. } => fields.iter().for_each(|field| visit(&field.value, see)),
        ExprKind::Comprehension(c) => {
            [&c.iter_range, &c.accu_init, &c.condition, &c.step, &c.result]
                .into_iter()
                .for_each(|inner| visit(inner, see));
        }
    }
}

/// The literal keys by which `e` looks into the request's headers.
fn keys(checked: &Checked<'_>, e: &Expr, maps: &[&str], found: &mut Vec<(NodeId, String)>) {
    match &e.kind {
        ExprKind::Select { operand, field, .. } if is_headers(checked, operand, maps) => {
            found.push((e.id, field.clone()));
        }
        ExprKind::Call { function, target: None, args } => {
            let (map, key) = match (function.as_str(), args.as_slice()) {
                ("_[_]" | "_[?_]" | "_?._", [map, key]) | ("@in", [key, map]) => (map, key),
                _ => return,
            };
            if is_headers(checked, map, maps) {
                literals(key, found);
            }
        }
        // `header.exists(k, k == "x-…")`
        ExprKind::Comprehension(c) if is_headers(checked, &c.iter_range, maps) => {
            visit(&c.step, &mut |inner| {
                let ExprKind::Call { function, target: None, args } = &inner.kind else { return };
                let is_key = |e: &Expr| matches!(&e.kind, ExprKind::Ident(name) if *name == c.iter_var);
                match (function.as_str(), args.as_slice()) {
                    ("_==_" | "_!=_", [left, right]) if is_key(left) => literals(right, found),
                    ("_==_" | "_!=_", [left, right]) if is_key(right) => literals(left, found),
                    ("@in", [left, right]) if is_key(left) => literals(right, found),
                    _ => {}
                }
            });
        }
        _ => {}
    }
}

/// The texts that a literal, or a list of literals, holds.
fn literals(e: &Expr, found: &mut Vec<(NodeId, String)>) {
    match &e.kind {
        ExprKind::Literal(Literal::String(text)) => found.push((e.id, text.clone())),
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| literals(element, found)),
        _ => {}
    }
}

/// The text of a literal.
fn text(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether `e` is the header map of the request, of either mode.
fn is_headers(checked: &Checked<'_>, e: &Expr, maps: &[&str]) -> bool {
    let is_variable = matches!(
        &e.kind,
        ExprKind::Select { operand, field, test_only: false }
            if *checked.type_of(operand.id) == Type::Struct(VARIABLES) && maps.contains(&field.as_str())
    );
    is_variable || is_header(checked, e) || is_envoy_header(checked, e)
}

/// Whether `e` is the header map of a request of mode Envoy.
fn is_envoy_header(checked: &Checked<'_>, e: &Expr) -> bool {
    const HTTP: &str = "envoy.service.auth.v3.AttributeContext.HttpRequest";
    match &e.kind {
        ExprKind::Select { operand, field, test_only: false } => {
            field == "headers" && *checked.type_of(operand.id) == Type::Struct(HTTP)
        }
        ExprKind::Call { function, target: None, args } => match (function.as_str(), args.as_slice()) {
            ("_?._", [operand, field]) => {
                let ty = checked.type_of(operand.id);
                text(field) == Some("headers") && *ty.unwrap_optional().unwrap_or(ty) == Type::Struct(HTTP)
            }
            ("dyn", [arg]) => is_envoy_header(checked, arg),
            _ => false,
        },
        _ => false,
    }
}

/// Whether `e` is the header map of the request of mode HTTP, directly or through `dyn`.
fn is_header(checked: &Checked<'_>, e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Select { operand, field, test_only: false } => {
            field.eq_ignore_ascii_case("header")
                && match checked.type_of(operand.id) {
                    Type::Struct(name) => *name == "http.CheckRequestAttributes",
                    // Through `dyn` the struct's fields have Go's names.
                    Type::Dyn => is_attributes(checked, operand),
                    _ => false,
                }
        }
        ExprKind::Call { function, target: None, args } if function == "dyn" => {
            args.iter().all(|arg| is_header(checked, arg))
        }
        _ => false,
    }
}

fn is_attributes(checked: &Checked<'_>, e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { function, target: None, args } if function == "dyn" => {
            args.iter().all(|arg| is_attributes(checked, arg))
        }
        ExprKind::Select { operand, field, .. } if field == "Attributes" => is_attributes(checked, operand),
        _ => {
            matches!(checked.type_of(e.id), Type::Struct("http.CheckRequestAttributes" | "http.CheckRequest"))
        }
    }
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
