//! Follows values through an expression and through a policy's variables: objects of the request, the map of its headers,
//! and what a text may be. From that it says which keys and members are never found and which comparisons never hold.
//!
//! Every node is looked at once, from the leaves to the root. What is not known is not warned of.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::cel::tree::{Checked, Comprehension, Expr, ExprKind, Literal, NodeId, Reference};
use crate::diag::Code;
use crate::policy::model::Mode;
use crate::types::Type;

use super::deployed::{Deployed, members};
use super::given::{Case, Form, Given, Keys, Part, canonical};
use super::objects::{member, of_type};
use super::value::{Alternative, Object, Texts, Value, gathered, in_case, pieces, trimmed};
use super::{index, near};

/// Something that is never found, or never so.
#[derive(Debug)]
pub struct Found {
    /// Its kind.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// Where it begins, in bytes of the expression.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

/// What surrounds an expression.
#[derive(Clone, Copy)]
pub(super) struct Around<'w> {
    /// The mode of its policy; none for the expressions of the settings.
    pub(super) mode: Option<Mode>,
    pub(super) deployed: &'w Deployed,
    /// The policy's variables before it.
    pub(super) variables: &'w HashMap<&'w str, Value>,
}

/// What an expression gives, and what is wrong with it in the order of evaluation.
pub(super) fn follow(checked: &Checked<'_>, around: Around<'_>) -> (Value, Vec<Found>) {
    let mut walk = Walk { checked, around, scope: Vec::new(), found: Vec::new() };
    let value = walk.value(&checked.ast.root);
    (value, walk.found)
}

struct Walk<'w, 'c> {
    checked: &'w Checked<'c>,
    around: Around<'w>,
    /// The local names, innermost last.
    scope: Vec<(&'w str, Value)>,
    found: Vec<Found>,
}

impl<'w> Walk<'w, '_> {
    fn value(&mut self, e: &'w Expr) -> Value {
        let value = match &e.kind {
            ExprKind::Literal(literal) => match literal {
                Literal::String(text) => Value::Texts(Texts::literal(e.id, text)),
                Literal::Null => Value::Null,
                Literal::Bool(is) => Value::Bool(*is),
                _ => Value::Unknown,
            },
            ExprKind::Ident(name) => self.name(e, name),
            ExprKind::Select { operand, field, test_only } => {
                let of = self.value(operand);
                let found = self.look_up(e, &of, &Value::Texts(Texts::literal(e.id, field)));
                if *test_only { Value::Unknown } else { found }
            }
            ExprKind::Call { function, target, args } => self.call(e, function, target.as_deref(), args),
            ExprKind::List { elements, .. } => self.list(elements),
            ExprKind::Map(entries) => {
                let keys: Vec<Value> = entries
                    .iter()
                    .map(|entry| {
                        let key = self.value(&entry.key);
                        self.value(&entry.value);
                        key
                    })
                    .collect();
                Value::Map(gathered(keys))
            }
            ExprKind::Struct { fields, .. } => {
                for field in fields {
                    self.value(&field.value);
                }
                if self.is_response(e) { Value::Response } else { Value::Made }
            }
            ExprKind::Comprehension(fold) => self.fold(fold),
        };
        match value {
            Value::Unknown => of_type(self.checked.type_of(e.id)).map_or(value, Value::Object),
            known => known,
        }
    }

    fn tell(&mut self, node: NodeId, code: Code, message: String, help: String) {
        let span = self.checked.ast.info(node).span;
        self.found.push(Found { code, message, help, start: index(span.start), end: index(span.end) });
    }

    fn is_response(&self, e: &Expr) -> bool {
        let ty = self.checked.type_of(e.id);
        self.around.mode.is_some_and(|mode| matches!(ty, Type::Struct(name) if *name == mode.response()))
    }

    fn name(&self, e: &Expr, name: &str) -> Value {
        match (self.checked.reference(e.id), self.around.mode) {
            (Some(Reference::Local(_)), _) => {
                let local = self.scope.iter().rev().find(|(local, _)| *local == name);
                local.map(|(_, value)| value.clone()).unwrap_or_default()
            }
            (Some(Reference::Variable(name)), mode) => match (name.as_str(), mode) {
                ("object", Some(Mode::Json)) => Value::Object(Object::Json),
                ("call", None) => Value::Object(Object::Call),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        }
    }

    fn list(&mut self, elements: &'w [Expr]) -> Value {
        let values = elements.iter().map(|element| self.value(element)).collect();
        Value::Texts(Texts { is_list: true, ..gathered(values) })
    }

    fn fold(&mut self, fold: &'w Comprehension) -> Value {
        let range = self.value(&fold.iter_range);
        let init = self.value(&fold.accu_init);
        let outer = self.scope.len();
        self.scope.push((&fold.accu_var, init.clone()));
        match (&fold.iter_var2, &range) {
            (None, _) => self.scope.push((&fold.iter_var, range.element())),
            (Some(second), Value::Texts(_)) => {
                self.scope.push((&fold.iter_var, Value::Unknown));
                self.scope.push((second, range.element()));
            }
            (Some(second), Value::Headers(keys)) => {
                self.scope.push((&fold.iter_var, range.element()));
                self.scope.push((second, Value::Texts(Texts::given(Form::Value, keys.is_canonical()))));
            }
            (Some(second), _) => {
                self.scope.push((&fold.iter_var, range.element()));
                self.scope.push((second, Value::Unknown));
            }
        }
        self.value(&fold.condition);
        let step = self.value(&fold.step);
        self.scope.truncate(outer);
        self.scope.push((&fold.accu_var, init.or(step)));
        let result = self.value(&fold.result);
        self.scope.truncate(outer);
        result
    }

    fn call(&mut self, e: &'w Expr, function: &str, target: Option<&'w Expr>, args: &'w [Expr]) -> Value {
        let receiver = target.map(|target| self.value(target));
        let values: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
        match (function, &receiver, values.as_slice()) {
            ("_&&_", None, [Value::Bool(false), _] | [_, Value::Bool(false)])
            | ("!_", None, [Value::Bool(true)]) => Value::Bool(false),
            ("_||_", None, [Value::Bool(true), _] | [_, Value::Bool(true)])
            | ("!_", None, [Value::Bool(false)]) => Value::Bool(true),
            ("_&&_" | "_||_", None, [Value::Bool(one), Value::Bool(other)]) if one == other => {
                Value::Bool(*one)
            }
            ("_?_:_", None, [condition, then, otherwise]) => match condition {
                Value::Bool(true) => then.clone(),
                Value::Bool(false) => otherwise.clone(),
                _ => then.clone().or(otherwise.clone()),
            },
            ("_[_]" | "_[?_]" | "_?._", None, [of, key]) => self.look_up(e, of, key),
            ("@in", None, [key, of @ (Value::Headers(_) | Value::Object(_))]) => {
                self.look_up(e, of, key);
                Value::Unknown
            }
            ("Header", Some(Value::Object(Object::Attributes)), [Value::Texts(name)]) => {
                for (node, name) in name.literals() {
                    self.unset(node, name, Keys::Http);
                }
                self.header(name, Keys::Http)
            }
            ("Response", Some(_), []) if self.is_response(e) => Value::Response,
            _ => {
                self.unlike(e, function, &values);
                self.compared(function, target, receiver.as_ref(), &values);
                self.text_of(e, function, receiver.as_ref(), &values)
            }
        }
    }

    /// What an index, an optional index or a selection gives, and whether it ever does.
    fn look_up(&mut self, e: &Expr, of: &Value, key: &Value) -> Value {
        match (of, key) {
            (Value::Headers(keys), Value::Texts(names)) => {
                self.keys(*keys, names);
                self.header(names, *keys)
            }
            (Value::Object(object), Value::Texts(names)) => self.member(e, *object, names),
            (Value::Map(keys), Value::Texts(texts)) => {
                self.compare(texts, keys, Part::Whole);
                self.compare(keys, texts, Part::Whole);
                Value::Unknown
            }
            (Value::Texts(texts), _) if texts.is_list => of.element(),
            (Value::Made, _) => Value::Made,
            _ => Value::Unknown,
        }
    }

    /// Names by which a map of headers is asked.
    fn keys(&mut self, keys: Keys, names: &Texts) {
        let form = Given::from(Form::Key(keys));
        for (node, name) in names.literals() {
            if form.may_have(name, Part::Whole) {
                self.unset(node, name, keys);
            } else {
                let (code, message, help) = form.words(name, Part::Whole);
                // One who meant another name need not learn how this one is written.
                let help = self.around.deployed.unset(name, keys).map_or(help, |(_, help)| help);
                self.tell(node, code, message, help);
            }
        }
    }

    /// A header's name that is nearly one of the deployment's.
    fn unset(&mut self, node: NodeId, name: &str, keys: Keys) {
        if let Some((message, help)) = self.around.deployed.unset(name, keys) {
            self.tell(node, Code::UnsetHeader, message, help);
        }
    }

    /// The values of a header.
    fn header(&self, names: &Texts, keys: Keys) -> Value {
        let is_list = keys.is_canonical();
        if keys == Keys::Caller {
            return Value::Texts(Texts::given(Form::Any, false));
        }
        let values = names.literals().map(|(_, name)| self.around.deployed.values(&canonical(name)));
        let is_literal = names.literals().count() == names.of.len() && !names.is_open;
        let one = values.reduce(Texts::or).filter(|_| is_literal);
        Value::Texts(Texts { is_list, ..one.unwrap_or_else(|| Texts::given(Form::Value, is_list)) })
    }

    /// The member of an object.
    fn member(&mut self, e: &Expr, object: Object, names: &Texts) -> Value {
        let mut found: Option<Value> = None;
        for (node, name) in names.literals() {
            if object == Object::Json
                && !members().any(|member| member == &**name)
                && let Some(meant) = near::member(name, members())
            {
                let message = format!("the object of a tool call has no member `{name}`");
                let help = format!("did you mean `{meant}`?");
                self.tell(node, Code::UnknownMember, message, help);
            }
            let value = if object == Object::Variables {
                match self.around.variables.get(&**name) {
                    Some(Value::Texts(texts)) => Value::Texts(Texts { at: Some(e.id), ..texts.clone() }),
                    Some(Value::Map(keys)) => Value::Map(Texts { at: Some(e.id), ..keys.clone() }),
                    other => other.cloned().unwrap_or_default(),
                }
            } else {
                member(object, name, self.around.deployed)
            };
            found = Some(match found {
                Some(before) => before.or(value),
                None => value,
            });
        }
        let is_literal = names.literals().count() == names.of.len() && !names.is_open;
        found.filter(|_| is_literal).unwrap_or_default()
    }

    /// What a call compares with what.
    fn compared(&mut self, function: &str, target: Option<&Expr>, receiver: Option<&Value>, args: &[Value]) {
        let is_sets =
            || matches!(target.map(|target| &target.kind), Some(ExprKind::Ident(name)) if name == "sets");
        let args: Vec<Option<&Texts>> = args.iter().map(Value::texts).collect();
        match (function, receiver.map(Value::texts), args.as_slice()) {
            ("_==_" | "_!=_" | "@in", None, [Some(left), Some(right)]) => self.compare_both(left, right),
            ("intersects" | "contains" | "equivalent", Some(_), [Some(left), Some(right)]) if is_sets() => {
                self.compare_both(left, right);
            }
            ("startsWith", Some(Some(of)), [Some(text)]) => self.compare(of, text, Part::Start),
            ("endsWith", Some(Some(of)), [Some(text)]) => self.compare(of, text, Part::End),
            ("matches" | "find" | "findAll", Some(Some(of)), [Some(text), ..]) => {
                self.compare(of, text, Part::Pattern);
            }
            ("matches", None, [Some(of), Some(text)]) => self.compare(of, text, Part::Pattern),
            ("contains", Some(Some(of)), [Some(text)])
            | ("indexOf" | "lastIndexOf", Some(Some(of)), [Some(text), ..]) => {
                self.compare(of, text, if of.is_list { Part::Whole } else { Part::Inside });
            }
            _ => {}
        }
    }

    /// A list that is compared with a text, which the checker does not see where the type is known at run time only.
    fn unlike(&mut self, e: &Expr, function: &str, args: &[Value]) {
        let [Value::Texts(left), Value::Texts(right)] = args else { return };
        let is_unlike = match function {
            "_==_" | "_!=_" => left.is_list != right.is_list,
            "@in" => left.is_list && right.is_list,
            _ => false,
        };
        let brings = |texts: &Texts| texts.literals().count() < texts.of.len();
        let is_known = !left.is_open && !right.is_open && (brings(left) || brings(right));
        if is_unlike && is_known {
            let message = "a list of texts is never one text".to_owned();
            let help = "look for the text in the list: `list.exists(value, value == \"…\")`".to_owned();
            self.tell(e.id, Code::ValueNeverGiven, message, help);
        }
    }

    fn compare_both(&mut self, left: &Texts, right: &Texts) {
        self.compare(left, right, Part::Whole);
        self.compare(right, left, Part::Whole);
    }

    /// Compares a value with the literals that another may be.
    fn compare(&mut self, value: &Texts, other: &Texts, part: Part) {
        let given = value.of.iter().find_map(|alternative| match alternative {
            Alternative::Given(given) => Some(given),
            Alternative::Literal { .. } => None,
        });
        let Some(given) = given.filter(|_| !value.is_open) else { return };
        for (node, text) in other.literals() {
            let may_have = value.of.iter().any(|alternative| match alternative {
                Alternative::Given(given) => given.may_have(text, part),
                Alternative::Literal { text: own, .. } => part.has(own, text),
            });
            if !may_have {
                let (code, message, help) = given.words(text, part);
                self.tell(node, code, message, help);
            } else if let (Form::Key(keys), Part::Whole, Case::AsIs) = (&given.form, part, given.case) {
                self.unset(node, text, *keys);
            }
        }
        self.with_target(value, other, part);
        // Where one of several texts is given, the others are for other settings.
        let doubts: Vec<_> = other.literals().map(|(node, text)| (node, given.doubt(text))).collect();
        if part == Part::Whole && value.of.len() == 1 && doubts.iter().all(|(_, doubt)| doubt.is_some()) {
            for (node, doubt) in doubts {
                if let Some((code, message, help)) = doubt {
                    self.tell(node, code, message, help);
                }
            }
        }
    }

    /// Names of tools with their targets, where one of the other names is not the same tool's without.
    fn with_target(&mut self, value: &Texts, other: &Texts, part: Part) {
        let is_whole = |(_, text): &(NodeId, &Rc<str>)| !value.is_open && text.contains("___");
        if !other.literals().any(|literal| is_whole(&literal)) {
            return;
        }
        let names: HashSet<&str> = other.literals().map(|(_, text)| &**text).collect();
        let is_without = |text: &str| text.split_once("___").is_some_and(|(_, tool)| names.contains(tool));
        for (node, text) in other.literals().filter(is_whole).filter(|(_, text)| !is_without(text)) {
            let of = value.of.iter().filter_map(|alternative| match alternative {
                Alternative::Given(given) => {
                    given.may_have(text, part).then(|| given.with_target(text, part))
                }
                Alternative::Literal { text: own, .. } => part.has(own, text).then_some(None),
            });
            if let Some(Some((code, message, help))) = of.reduce(Option::and) {
                self.tell(node, code, message, help);
            }
        }
    }

    /// What a function makes of texts.
    fn text_of(&self, e: &Expr, function: &str, receiver: Option<&Value>, args: &[Value]) -> Value {
        let is_text = || *self.checked.type_of(e.id) == Type::String;
        match (function, receiver, args) {
            ("lowerAscii", Some(of), []) => in_case(of, Case::Lower),
            ("upperAscii", Some(of), []) => in_case(of, Case::Upper),
            ("trim", Some(of), []) => trimmed(of),
            ("first" | "last", Some(list), []) => list.element(),
            ("distinct" | "reverse" | "sort" | "flatten", Some(list @ Value::Texts(texts)), [])
                if texts.is_list =>
            {
                list.clone()
            }
            ("slice", Some(list @ Value::Texts(_)), [_, _])
            | ("@sortByAssociatedKeys", Some(list @ Value::Texts(_)), [_]) => list.clone(),
            ("value", Some(of), [])
            | ("dyn", None, [of])
            | ("of" | "ofNonZeroValue", Some(_), [of])
            | ("optional.of" | "optional.ofNonZeroValue", None, [of]) => of.clone(),
            ("string", None, [of @ Value::Texts(texts)]) if !texts.is_list => of.clone(),
            ("none", Some(_), []) | ("optional.none", None, []) => Value::Null,
            ("orValue" | "or", Some(of), [other]) => of.clone().or(other.clone()),
            ("_+_", None, [left, right]) if !is_text() => match (left, right) {
                (Value::Texts(left), Value::Texts(right)) => Value::Texts(left.clone().or(right.clone())),
                _ => Value::Unknown,
            },
            ("_+_", None, [left, right]) => pieces(&[left, right], false),
            ("split", Some(of), [_, ..]) => pieces(&[of], true),
            ("reverse", Some(of), []) | ("substring", Some(of), [_, ..]) | ("charAt", Some(of), [_]) => {
                pieces(&[of], false)
            }
            ("replace", Some(of), [_, with, ..]) => pieces(&[of, with], false),
            ("join", Some(Value::Texts(texts)), _) if texts.is_single => Value::Texts(texts.clone().one()),
            ("join", Some(of), []) => pieces(&[of], false),
            ("join", Some(of), [between]) => pieces(&[of, between], false),
            _ => Value::Unknown,
        }
    }
}
