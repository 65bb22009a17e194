//! Comparisons of a header with a value that the mapping of headers never gives (docs/configuration.md): it writes
//! environments and operations in lower case, the names of tools have few characters, and what looks like a method of MCP
//! and is none is refused before any policy is asked.
//!
//! Follows a header's values through variables, macros, optionals and indices, as far as they are known to be the
//! same. What is not known is not warned of.

use std::collections::HashMap;

use bumpalo::Bump;

use crate::cel::tree::{Checked, Expr, ExprKind, Literal, Macro, NodeId};
use crate::library::VARIABLES;
use crate::library::kyverno::http::canonical_key;
use crate::methods::{Known as KnownMethod, known};
use crate::types::Type;

use super::{is_envoy_header, is_header, text};

/// The macros that give one value a name.
const BINDING: [Macro; 3] = [Macro::Bind, Macro::OptMap, Macro::OptFlatMap];

/// A header whose values are of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Environment,
    Method,
    Operation,
    Name(&'static str),
}

/// Which part of a value a text is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Start,
    End,
    Inside,
}

impl Form {
    /// The form of a header's values, by its name in any case.
    fn of(header: &str) -> Option<Form> {
        match canonical_key(header, &Bump::new()) {
            "X-Environment" => Some(Form::Environment),
            "X-Mcp-Method" => Some(Form::Method),
            "X-Operation" => Some(Form::Operation),
            "X-Tool-Name" => Some(Form::Name("tool")),
            "X-Tool-Target" => Some(Form::Name("target")),
            _ => None,
        }
    }

    /// Whether a value may have `text` there.
    fn may_have(self, text: &str, part: Part) -> bool {
        let starts = matches!(part, Part::Whole | Part::Start);
        let ends = matches!(part, Part::Whole | Part::End);
        match self {
            Form::Environment => {
                text.chars().flat_map(char::to_lowercase).eq(text.chars())
                    && (!starts || text.trim_start().len() == text.len())
                    && (!ends || text.trim_end().len() == text.len())
            }
            // A part of a look-alike may be part of a method that nobody has published.
            Form::Method => part != Part::Whole || meant(text).is_none(),
            Form::Operation => text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
            // A tool's target ends where the first `___` begins.
            Form::Name("target") if text.contains("___") => false,
            Form::Name(_) => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte)),
        }
    }
}

/// The method of MCP that a text is taken for and is not.
fn meant(text: &str) -> Option<&'static str> {
    if let KnownMethod::LookAlike(method) = known(text) { Some(method) } else { None }
}

/// A text that no value of a header is, or has.
pub(super) struct Never {
    form: Form,
    text: String,
    part: Part,
}

impl Never {
    /// What is wrong, and what to write instead.
    pub(super) fn words(&self) -> (String, String) {
        let Never { form, text, part } = self;
        let what = match form {
            Form::Environment => "environment",
            Form::Method => "method",
            Form::Operation => "operation",
            Form::Name(what) => what,
        };
        let does = match part {
            Part::Whole => "is ever",
            Part::Start => "ever begins with",
            Part::End => "ever ends with",
            Part::Inside => "ever contains",
        };
        let rule = match form {
            Form::Environment => "environments are in lower case, without blanks at their ends",
            Form::Method => "a call whose method is written otherwise is refused before policies are asked",
            Form::Operation => "an operation is the first word of the tool's name, in lower case",
            Form::Name("target") if text.contains("___") => "a target ends where the first `___` begins",
            Form::Name(_) => "names have letters, digits and `_ . / -` only",
        };
        let normal = text.trim().to_lowercase();
        let help = match form {
            Form::Environment | Form::Operation if form.may_have(&normal, *part) => {
                format!("write `{normal}`")
            }
            Form::Environment => "write it as the header has it".to_owned(),
            Form::Method => format!("write `{}`", meant(text).unwrap_or("the method as MCP has it")),
            Form::Operation => "compare `X-Tool-Name`, which is the tool's whole name".to_owned(),
            Form::Name(_) if text.contains(['*', '?', '[', '^', '$', '(']) => {
                "`==` and `in` know no patterns: use `startsWith`, `endsWith`, `contains` or `matches`"
                    .to_owned()
            }
            Form::Name(_) => "write the name as the gateway lists it".to_owned(),
        };
        (format!("no {what} {does} `{text}`: {rule}"), help)
    }
}

/// Where a value comes from: the values of a header, or one of them. Optional or not is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    form: Form,
    is_list: bool,
}

impl Origin {
    fn one(self) -> Origin {
        Origin { is_list: false, ..self }
    }
}

/// What is known of one variable.
#[derive(Debug, Default)]
struct Variable {
    origin: Option<Origin>,
    /// The texts of a literal.
    texts: Vec<String>,
}

/// What is known of a policy's variables, in the order of their declaration.
#[derive(Debug, Default)]
pub(super) struct Known<'p>(HashMap<&'p str, Variable>);

impl<'p> Known<'p> {
    /// Adds a variable.
    pub(super) fn add(&mut self, name: &'p str, checked: &Checked<'_>) {
        let walk = Walk::new(checked, self);
        let origin = walk.origin(&checked.ast.root);
        let mut texts = Vec::new();
        walk.texts(&checked.ast.root, &mut texts);
        let variable =
            Variable { origin, texts: texts.into_iter().map(|(_, text)| text.to_owned()).collect() };
        self.0.insert(name, variable);
    }
}

/// The comparisons of an expression that never hold, in the order of the text.
pub(super) fn comparisons(checked: &Checked<'_>, variables: &Known<'_>) -> Vec<(NodeId, Never)> {
    let mut walk = Walk::new(checked, variables);
    walk.visit(&checked.ast.root);
    walk.found
}

/// Texts of literals, each with the node that has it.
type Texts<'w> = Vec<(NodeId, &'w str)>;

struct Walk<'w, 'c> {
    checked: &'w Checked<'c>,
    variables: &'w Known<'w>,
    /// The local names, innermost last, with what they are of and the texts that they are one of.
    scope: Vec<(&'w str, Option<Origin>, Texts<'w>)>,
    found: Vec<(NodeId, Never)>,
}

impl<'w, 'c> Walk<'w, 'c> {
    fn new(checked: &'w Checked<'c>, variables: &'w Known<'_>) -> Walk<'w, 'c> {
        Walk { checked, variables, scope: Vec::new(), found: Vec::new() }
    }

    fn visit(&mut self, e: &'w Expr) {
        match &e.kind {
            ExprKind::Literal(_) | ExprKind::Ident(_) => {}
            ExprKind::Select { operand, .. } => self.visit(operand),
            ExprKind::Call { function, target, args } => {
                self.call(function, target.as_deref(), args);
                target.as_deref().into_iter().chain(args).for_each(|inner| self.visit(inner));
            }
            ExprKind::List { elements, .. } => elements.iter().for_each(|element| self.visit(element)),
            ExprKind::Map(entries) => entries.iter().for_each(|entry| {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }),
            ExprKind::Struct { fields, .. } => fields.iter().for_each(|field| self.visit(&field.value)),
            ExprKind::Comprehension(fold) => {
                self.visit(&fold.iter_range);
                self.visit(&fold.accu_init);
                let element = self.origin(&fold.iter_range).filter(|origin| origin.is_list).map(Origin::one);
                let bound = if BINDING.contains(&fold.origin) { self.origin(&fold.accu_init) } else { None };
                let mut texts = Texts::new();
                self.texts(&fold.iter_range, &mut texts);
                let outer = self.scope.len();
                self.scope.push((&fold.accu_var, bound, Texts::new()));
                match &fold.iter_var2 {
                    None => self.scope.push((&fold.iter_var, element, texts)),
                    Some(second) => {
                        self.scope.push((&fold.iter_var, None, Texts::new()));
                        self.scope.push((second, element, texts));
                    }
                }
                self.visit(&fold.condition);
                self.visit(&fold.step);
                self.scope.truncate(outer.saturating_add(1));
                self.visit(&fold.result);
                self.scope.truncate(outer);
            }
        }
    }

    /// What a call compares with what.
    fn call(&mut self, function: &str, target: Option<&'w Expr>, args: &'w [Expr]) {
        match (function, target, args) {
            ("_==_" | "_!=_", None, [left, right]) => {
                self.compare(left, right, Part::Whole);
                self.compare(right, left, Part::Whole);
            }
            ("@in", None, [left, right]) => {
                self.compare(left, right, Part::Whole);
                self.compare(right, left, Part::Whole);
            }
            ("startsWith", Some(target), [arg]) => self.compare(target, arg, Part::Start),
            ("endsWith", Some(target), [arg]) => self.compare(target, arg, Part::End),
            ("contains", Some(target), [arg]) | ("indexOf" | "lastIndexOf", Some(target), [arg, ..]) => {
                self.compare(target, arg, Part::Inside);
            }
            ("intersects" | "contains" | "equivalent", Some(target), [left, right]) if is_sets(target) => {
                self.compare(left, right, Part::Whole);
                self.compare(right, left, Part::Whole);
            }
            _ => {}
        }
    }

    fn compare(&mut self, value: &'w Expr, literal: &'w Expr, part: Part) {
        let Some(Origin { form, .. }) = self.origin(value) else { return };
        let mut texts = Vec::new();
        self.texts(literal, &mut texts);
        for (node, text) in texts {
            if !form.may_have(text, part) {
                self.found.push((node, Never { form, text: text.to_owned(), part }));
            }
        }
    }

    /// The texts of a literal, a list of literals or a variable that is one, each with the node that has it.
    fn texts(&self, e: &'w Expr, out: &mut Texts<'w>) {
        match &e.kind {
            ExprKind::Literal(Literal::String(text)) => out.push((e.id, text)),
            ExprKind::List { elements, .. } => elements.iter().for_each(|element| self.texts(element, out)),
            // `in` looks at the keys.
            ExprKind::Map(entries) => entries.iter().for_each(|entry| self.texts(&entry.key, out)),
            ExprKind::Ident(name) => {
                let local = self.scope.iter().rev().find(|(local, ..)| local == name);
                out.extend(local.into_iter().flat_map(|(.., texts)| texts));
            }
            ExprKind::Select { .. } => {
                let variable = self.variable(e);
                out.extend(variable.into_iter().flat_map(|it| &it.texts).map(|text| (e.id, text.as_str())));
            }
            _ => {}
        }
    }

    fn variable(&self, e: &Expr) -> Option<&'w Variable> {
        match &e.kind {
            ExprKind::Select { operand, field, test_only: false }
                if *self.checked.type_of(operand.id) == Type::Struct(VARIABLES) =>
            {
                self.variables.0.get(field.as_str())
            }
            _ => None,
        }
    }

    /// The header that a value is of.
    fn origin(&self, e: &Expr) -> Option<Origin> {
        match &e.kind {
            ExprKind::Ident(name) => {
                self.scope.iter().rev().find(|(local, ..)| local == name).and_then(|(_, origin, _)| *origin)
            }
            ExprKind::Select { .. } => self.variable(e)?.origin,
            ExprKind::Call { function, target, args } => {
                self.origin_of_call(function, target.as_deref(), args)
            }
            // `values.filter(value, …)` leaves values of the same header.
            ExprKind::Comprehension(fold) if fold.origin == Macro::Filter => self.origin(&fold.iter_range),
            ExprKind::Comprehension(_)
            | ExprKind::Literal(_)
            | ExprKind::List { .. }
            | ExprKind::Map(_)
            | ExprKind::Struct { .. } => None,
        }
    }

    fn origin_of_call(&self, function: &str, target: Option<&Expr>, args: &[Expr]) -> Option<Origin> {
        match (function, target, args) {
            ("Header", Some(_), [name]) => Some(Origin { form: Form::of(text(name)?)?, is_list: true }),
            ("_[_]" | "_[?_]" | "_?._", None, [operand, key]) => {
                if is_header(self.checked, operand) {
                    Some(Origin { form: Form::of(text(key)?)?, is_list: true })
                } else if is_envoy_header(self.checked, operand) {
                    Some(Origin { form: Form::of(text(key)?)?, is_list: false })
                } else {
                    self.origin(operand).filter(|origin| origin.is_list).map(Origin::one)
                }
            }
            ("first" | "last", Some(list), []) => self.origin(list).map(Origin::one),
            ("distinct" | "reverse" | "sort" | "value" | "trim", Some(value), [])
            | ("slice", Some(value), [_, _])
            | ("dyn", None, [value]) => self.origin(value),
            ("of" | "ofNonZeroValue", Some(_), [value])
            | ("optional.of" | "optional.ofNonZeroValue", None, [value]) => self.origin(value),
            // Environments are in lower case together too.
            ("join", Some(list), rest) => {
                let origin = self.origin(list).filter(|origin| origin.form == Form::Environment)?;
                rest.iter()
                    .all(|separator| self.is_harmless(separator, Form::Environment))
                    .then_some(origin.one())
            }
            ("lowerAscii", Some(value), []) => {
                self.origin(value).filter(|origin| matches!(origin.form, Form::Environment | Form::Operation))
            }
            ("orValue" | "or", Some(value), [other]) => self.either(value, other),
            ("_?_:_", None, [_, left, right]) => self.either(left, right),
            ("_+_", None, [left, right]) => self.either(left, right).filter(|origin| origin.is_list),
            _ => None,
        }
    }

    /// The header that one of two values is of, if the other is of it too, or a literal that its values may be.
    fn either(&self, left: &Expr, right: &Expr) -> Option<Origin> {
        match (self.origin(left), self.origin(right)) {
            (Some(left), Some(right)) => (left == right).then_some(left),
            (Some(origin), None) => self.is_harmless(right, origin.form).then_some(origin),
            (None, Some(origin)) => self.is_harmless(left, origin.form).then_some(origin),
            (None, None) => None,
        }
    }

    /// Whether a value adds none to a header's that the header may not have.
    fn is_harmless(&self, e: &Expr, form: Form) -> bool {
        match &e.kind {
            ExprKind::Literal(Literal::String(text)) => form.may_have(text, Part::Whole),
            ExprKind::Literal(Literal::Null) => true,
            ExprKind::List { elements, .. } => elements.iter().all(|element| self.is_harmless(element, form)),
            ExprKind::Call { function, target: None, args } if function == "dyn" => {
                args.iter().all(|arg| self.is_harmless(arg, form))
            }
            ExprKind::Call { function, args, .. } => {
                args.is_empty() && matches!(function.as_str(), "none" | "optional.none")
            }
            _ => false,
        }
    }
}

/// Whether a call's receiver is the name before the functions of the library of sets.
fn is_sets(target: &Expr) -> bool {
    matches!(&target.kind, ExprKind::Ident(name) if name == "sets")
}
