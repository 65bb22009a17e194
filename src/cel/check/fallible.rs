//! Which parts of a checked expression can raise an error for some input, guards taken into account.
//!
//! The answer is on the safe side: an expression without a [`Failure`] has a value for every input of the types that
//! its environment declares. Operators that absorb errors are followed as cel-go evaluates them: an operand of `&&`
//! matters only where those before it are true, of `||` where they are false, a branch of `?:` where its condition
//! chose it. What such a condition says of a value (`has(x.y)`, `"y" in x`, `size(l) > 0`, `o.hasValue()`,
//! `type(x) == map`) is then known. Budgets and depth limits are faults, not errors, and no concern of this module.

use std::collections::HashMap;

use crate::cel::ast::{Comprehension, Expr, ExprKind, Literal, Macro, NodeId};
use crate::library::{VARIABLES, table::Implementation, table::Row, table_type};
use crate::types::{Signature, Type};

use super::{Checked, Reference};

mod facts;
mod fits;

use facts::{Fact, Facts, MAX_FACTS};
use fits::{flatten, has_dyn, is_small, is_surely, may_be, may_refuse_pattern, quoted};

/// A place that can raise an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The node that raises it.
    pub node: NodeId,
    /// Why.
    pub kind: FailureKind,
}

/// The kinds of errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A member of a value whose type is known only at run time.
    Member(String),
    /// A key that a map need not have.
    Key,
    /// An index that a list need not reach.
    Index,
    /// A test or an optional access on what may be a list or another type without such members.
    Test,
    /// A function or operator on a value whose type is known only at run time.
    Overload(String),
    /// A function that has no value for some arguments of its types.
    Function(String),
    /// A macro over what may be neither list nor map.
    Range,
    /// A condition that may be no bool.
    NotBool,
    /// A field of what may be null or another object.
    Object,
    /// A name without a value, or a literal that may have a bad element.
    Other,
    /// A variable of the policy that can fail itself.
    Variable(String),
}

/// What is known of the variables of a policy, in the order of their declaration.
#[derive(Debug, Default)]
pub struct Variables {
    known: HashMap<String, Variable>,
}

#[derive(Debug)]
struct Variable {
    fails: bool,
    when: Facts,
    real: bool,
}

impl Variables {
    /// Adds a variable that did check, and returns what can fail in it.
    pub fn add(&mut self, name: &str, checked: &Checked<'_>) -> Vec<Failure> {
        let mut analysis = Analysis::new(checked, self);
        let root = &checked.ast.root;
        analysis.visit(root);
        let when = analysis.facts(root, 0);
        let real = analysis.is_real(root);
        let failures = analysis.failures;
        self.known.insert(name.to_owned(), Variable { fails: !failures.is_empty(), when, real });
        failures
    }
}

/// What can fail in `checked`, in the order of evaluation.
pub fn can_fail(checked: &Checked<'_>, variables: &Variables) -> Vec<Failure> {
    let mut analysis = Analysis::new(checked, variables);
    analysis.visit(&checked.ast.root);
    analysis.failures
}

struct Analysis<'a, 'e> {
    checked: &'a Checked<'e>,
    variables: &'a Variables,
    known: Vec<Fact>,
    /// Comprehension variables in scope with a number that no other has.
    scopes: Vec<(String, usize)>,
    next_scope: usize,
    failures: Vec<Failure>,
}

impl<'a, 'e> Analysis<'a, 'e> {
    fn new(checked: &'a Checked<'e>, variables: &'a Variables) -> Self {
        Analysis {
            checked,
            variables,
            known: Vec::new(),
            scopes: Vec::new(),
            next_scope: 0,
            failures: Vec::new(),
        }
    }

    fn fail(&mut self, node: NodeId, kind: FailureKind) {
        self.failures.push(Failure { node, kind });
    }

    /// Visits `e` where `facts` hold too.
    fn visit_where(&mut self, e: &Expr, facts: Vec<Fact>) {
        let before = self.known.len();
        self.learn(facts);
        self.visit(e);
        self.known.truncate(before);
    }

    fn learn(&mut self, facts: Vec<Fact>) {
        let room = MAX_FACTS.saturating_sub(self.known.len());
        self.known.extend(facts.into_iter().take(room));
    }

    fn visit(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Ident(_) => match self.checked.reference(e.id) {
                Some(Reference::Shadowed(_)) => self.fail(e.id, FailureKind::Other),
                Some(Reference::Variable(name)) if name == "image" => self.fail(e.id, FailureKind::Other),
                _ => {}
            },
            ExprKind::Select { operand, field, test_only } => self.select(e, operand, field, *test_only),
            ExprKind::Call { function, target, args } => self.call(e, function, target.as_deref(), args),
            ExprKind::List { elements, optional } => {
                for (index, element) in elements.iter().enumerate() {
                    self.visit(element);
                    let opened = self.ty(element).unwrap_optional().is_some();
                    if optional.contains(&index) && !opened {
                        self.fail(element.id, FailureKind::Other);
                    }
                }
            }
            ExprKind::Map(entries) => {
                for entry in entries {
                    self.visit(&entry.key);
                    self.visit(&entry.value);
                    let key =
                        matches!(self.ty(&entry.key), Type::String | Type::Int | Type::Uint | Type::Bool);
                    let opened = self.ty(&entry.value).unwrap_optional().is_some();
                    if !key || (entry.optional && !opened) {
                        self.fail(entry.id, FailureKind::Other);
                    }
                }
            }
            ExprKind::Struct { fields, .. } => {
                for field in fields {
                    self.visit(&field.value);
                    let plain = matches!(
                        (self.ty(&field.value), field.optional),
                        (Type::String | Type::Bool | Type::Struct(_) | Type::List(_) | Type::Map(_), false)
                    );
                    if !plain || has_dyn(&self.ty(&field.value)) {
                        self.fail(field.id, FailureKind::Other);
                    }
                }
            }
            ExprKind::Comprehension(c) => self.comprehension(c),
        }
    }

    /// The type of a node, narrowed by what is known.
    fn ty(&self, e: &Expr) -> Type {
        let ty = self.checked.type_of(e.id);
        if ty.is_dyn_or_error()
            && let Some(name) = self.name(e)
            && let Some(narrow) = self.known.iter().rev().find_map(|fact| match fact {
                Fact::Is(of, ty) if *of == name => Some(ty.clone()),
                _ => None,
            })
        {
            return narrow;
        }
        ty.clone()
    }

    fn has(&self, container: &Expr, key: &str) -> bool {
        self.name(container).is_some_and(|name| {
            self.known.iter().any(|fact| matches!(fact, Fact::Has(of, has) if *of == name && has == key))
        })
    }

    fn select(&mut self, e: &Expr, operand: &Expr, field: &str, test: bool) {
        match self.checked.reference(e.id) {
            // A qualified name is one name.
            Some(Reference::Shadowed(_)) => return self.fail(e.id, FailureKind::Other),
            Some(_) => return,
            None => {}
        }
        if *self.checked.type_of(operand.id) == Type::Struct(VARIABLES) {
            if !self.is_input(operand) {
                self.visit(operand);
                return self.fail(e.id, FailureKind::Object);
            }
            let fails = self.variables.known.get(field).is_none_or(|variable| variable.fails);
            if fails {
                self.fail(e.id, FailureKind::Variable(field.to_owned()));
            }
            return;
        }
        self.visit(operand);
        let quoted = quoted(field);
        match self.ty(operand) {
            Type::Struct(_) if self.is_real(operand) => {}
            Type::Struct(_) => self.fail(e.id, FailureKind::Object),
            Type::Map(_) if test => {}
            Type::Map(_) if self.has(operand, &quoted) => {}
            Type::Map(_) => self.fail(e.id, FailureKind::Key),
            Type::Opaque("optional_type", parameters)
                if parameters.iter().all(|inner| matches!(inner, Type::Map(_)))
                    && (test || self.is_optional_chain(operand)) => {}
            _ if test => {
                self.fail(e.id, FailureKind::Test);
                self.suppose_map(operand);
            }
            _ if self.has(operand, &quoted) => {}
            ty if ty.unwrap_optional().is_some() => self.fail(e.id, FailureKind::Test),
            _ => {
                self.fail(e.id, FailureKind::Member(field.to_owned()));
                // Said once: what comes later is reported as if this had not failed.
                let fact = self.name(operand).map(|name| Fact::Has(name, quoted));
                self.learn(fact.into_iter().collect());
            }
        }
    }

    /// Whether a missing member ends in nothing, because the chain has become optional.
    fn is_optional_chain(&self, e: &Expr) -> bool {
        self.checked.type_of(e.id).unwrap_optional().is_some()
    }

    fn is_input(&self, e: &Expr) -> bool {
        matches!(self.checked.reference(e.id), Some(Reference::Variable(_)))
    }

    /// Whether an object is surely one of its type: a choice between null and an object has the object's type.
    fn is_real(&self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Ident(_) => self.is_input(e),
            ExprKind::Select { operand, field, .. } => match self.checked.type_of(operand.id) {
                ty if *ty == Type::Struct(VARIABLES) => {
                    self.variables.known.get(field).is_some_and(|variable| variable.real)
                }
                Type::Struct(_) => self.is_real(operand),
                _ => false,
            },
            ExprKind::Call { .. } => matches!(
                self.checked.reference(e.id),
                Some(Reference::Call { overloads, .. })
                    if overloads.iter().all(|row| !matches!(row.implementation, Implementation::Planned))
                        && !matches!(self.checked.type_of(e.id), Type::Dyn)
                        && overloads.iter().all(|row| row.id != "optional_value")
            ),
            ExprKind::Struct { .. } => true,
            _ => false,
        }
    }

    fn call(&mut self, e: &Expr, function: &str, target: Option<&Expr>, args: &[Expr]) {
        match (function, args) {
            ("_&&_" | "_||_", [..]) => return self.logical(e, function == "_&&_"),
            ("_?:_" | "_?_:_", [condition, then, otherwise]) => {
                self.boolean(condition);
                let facts = self.facts(condition, 0);
                self.visit_where(then, facts.yes);
                return self.visit_where(otherwise, facts.no);
            }
            ("@not_strictly_false", [operand]) => {
                // It is true for an error.
                let before = self.failures.len();
                self.visit(operand);
                return self.failures.truncate(before);
            }
            _ => {}
        }
        let Some(Reference::Call { overloads, receiver, .. }) = self.checked.reference(e.id) else {
            return self.fail(e.id, FailureKind::Other);
        };
        // The receiver of a namespaced function is part of its name.
        let target = target.filter(|_| *receiver);
        let of_optional = overloads.iter().all(|row| row.id.starts_with("optional_"));
        if let ("or" | "orValue", Some(target), [other], true) = (function, target, args, of_optional) {
            self.visit(target);
            if self.ty(target).unwrap_optional().is_none() {
                self.fail(e.id, FailureKind::Overload(function.to_owned()));
            }
            return self.visit(other);
        }
        let operands: Vec<&Expr> = target.into_iter().chain(args).collect();
        for operand in &operands {
            self.visit(operand);
        }
        match (function, operands.as_slice()) {
            ("_[_]", [container, key]) => self.index(e, container, key),
            ("_[?_]" | "_?._", [container, key]) => self.optional_index(e, container, key),
            ("value", [optional]) if self.is_some(optional) => {}
            _ => self.invoke(e, function, &operands, overloads),
        }
    }

    fn is_some(&self, optional: &Expr) -> bool {
        self.checked.type_of(optional.id).unwrap_optional().is_some()
            && self.name(optional).is_some_and(|name| self.known.contains(&Fact::Some(name)))
    }

    /// A condition: what it does itself, and that it may be something else than a bool.
    fn boolean(&mut self, e: &Expr) {
        self.visit(e);
        if self.ty(e) != Type::Bool {
            self.fail(e.id, FailureKind::NotBool);
        }
    }

    /// The first operand that raises an error counts only where all before it say nothing: in a conjunction
    /// they are true, in a disjunction false. Those behind it that cannot fail do the same.
    fn logical(&mut self, e: &Expr, and: bool) {
        let function = if and { "_&&_" } else { "_||_" };
        let mut terms = Vec::new();
        flatten(e, function, &mut terms);
        let before = self.known.len();
        for term in terms {
            self.boolean(term);
            let facts = self.facts(term, 0);
            self.learn(if and { facts.yes } else { facts.no });
        }
        self.known.truncate(before);
    }

    fn index(&mut self, e: &Expr, container: &Expr, key: &Expr) {
        let (ty, key_ty) = (self.ty(container), self.ty(key));
        match &ty {
            Type::List(_) => {
                let long = match (&key.kind, self.name(container)) {
                    (ExprKind::Literal(Literal::Int(index)), Some(name)) if *index >= 0 => self
                        .known
                        .iter()
                        .any(|fact| matches!(fact, Fact::Longer(of, more) if *of == name && more >= index)),
                    _ => false,
                };
                let literal = match (&container.kind, &key.kind) {
                    (ExprKind::List { elements, optional }, ExprKind::Literal(Literal::Int(index))) => {
                        optional.is_empty()
                            && usize::try_from(*index).is_ok_and(|index| index < elements.len())
                    }
                    _ => false,
                };
                if !long && !literal {
                    self.fail(e.id, FailureKind::Index);
                }
            }
            _ => {
                let has = self.name(key).is_some_and(|key| self.has(container, &key));
                let scalar = matches!(key_ty, Type::String | Type::Int | Type::Uint | Type::Bool);
                if has && scalar {
                    return;
                }
                let kind = match ty {
                    Type::Map(_) => FailureKind::Key,
                    _ => FailureKind::Member(String::new()),
                };
                self.fail(e.id, kind);
            }
        }
    }

    fn optional_index(&mut self, e: &Expr, container: &Expr, key: &Expr) {
        let ty = self.ty(container);
        let inner = ty.unwrap_optional().unwrap_or(&ty);
        let key_ty = self.ty(key);
        let safe = match inner {
            Type::Map(_) => {
                matches!(key_ty, Type::String | Type::Int | Type::Uint | Type::Bool | Type::Double)
            }
            Type::List(_) => key_ty == Type::Int,
            Type::Struct(_) => self.is_real(container),
            _ => false,
        };
        if !safe {
            self.fail(e.id, FailureKind::Test);
        }
    }

    fn invoke(&mut self, e: &Expr, function: &str, operands: &[&Expr], overloads: &[&'static Row]) {
        let types: Vec<Type> = operands.iter().map(|operand| self.ty(operand)).collect();
        let mut fits = false;
        for row in overloads {
            let Ok(signature) = Signature::parse(row.signature, &table_type) else { continue };
            if signature.params.len() != types.len() {
                continue;
            }
            if types.iter().zip(&signature.params).any(|(ty, param)| !may_be(ty, param)) {
                continue;
            }
            let certain = types.iter().zip(&signature.params).all(|(ty, param)| is_surely(ty, param));
            let null = operands
                .iter()
                .zip(&types)
                .any(|(operand, ty)| matches!(ty, Type::Struct(_)) && !self.is_real(operand))
                && signature.params.iter().any(|param| matches!(param, Type::Struct(_)));
            if !row.total && !self.is_harmless(function, row, operands) || may_refuse_pattern(row, operands) {
                return self.fail(e.id, FailureKind::Function(function.to_owned()));
            }
            if certain && !null {
                fits = true;
                break;
            }
        }
        if !fits {
            self.fail(e.id, FailureKind::Overload(function.to_owned()));
            if let ("@in", [_, container]) = (function, operands) {
                self.suppose_map(container);
            }
        }
    }

    /// What failed on a value that is no map has been reported: what follows is, as if it were one.
    fn suppose_map(&mut self, e: &Expr) {
        let fact = self.name(e).map(|name| Fact::Is(name, Type::map(Type::Dyn, Type::Dyn)));
        self.learn(fact.into_iter().collect());
    }

    /// Calls that cannot fail although their row can.
    fn is_harmless(&self, function: &str, row: &Row, operands: &[&Expr]) -> bool {
        match (function, operands) {
            // The count of `exists_one` never exceeds the length of what it counts.
            ("_+_", [left, _]) if row.id == "add_int64" => {
                self.checked.ast.info(left.id).origin == Some(Macro::ExistsOne)
                    && matches!(&left.kind, ExprKind::Ident(name) if name.starts_with('@'))
            }
            // Indices and the keys of a map are distinct; of numbers only those of one type are sure to be.
            ("cel.@mapInsert", [_, key, _]) => {
                matches!(self.ty(key), Type::String | Type::Int | Type::Uint | Type::Bool)
            }
            // The default must fit the getter's 32 bits; the argument itself never fails.
            ("GetIntArgument", [_, _, default]) => is_small(default),
            ("GetIntSliceArgument", [_, _, default]) => match &default.kind {
                ExprKind::List { elements, optional } => optional.is_empty() && elements.iter().all(is_small),
                _ => false,
            },
            ("_/_" | "_%_", [_, right]) => match right.kind {
                ExprKind::Literal(Literal::Int(divisor)) => divisor != 0 && divisor != -1,
                ExprKind::Literal(Literal::Uint(divisor)) => divisor != 0,
                _ => false,
            },
            _ => false,
        }
    }

    fn comprehension(&mut self, c: &Comprehension) {
        self.visit(&c.iter_range);
        if !matches!(self.ty(&c.iter_range), Type::List(_) | Type::Map(_)) {
            self.fail(c.iter_range.id, FailureKind::Range);
        }
        self.visit(&c.accu_init);
        let facts = self.known.len();
        let range = self.name(&c.iter_range).filter(|_| matches!(self.ty(&c.iter_range), Type::Map(_)));
        self.enter(&c.accu_var);
        self.enter(&c.iter_var);
        // A map is iterated by its keys.
        if let Some(range) = range
            && let Some((_, number)) = self.scopes.last()
        {
            let key = format!("${number}");
            self.learn(vec![Fact::Has(range, key)]);
        }
        let outer = self.scopes.len();
        if let Some(second) = &c.iter_var2 {
            self.enter(second);
        }
        self.visit(&c.condition);
        self.visit(&c.step);
        self.known.truncate(facts);
        self.scopes.truncate(outer.saturating_sub(1));
        self.visit(&c.result);
        self.scopes.pop();
    }

    fn enter(&mut self, name: &str) {
        self.next_scope = self.next_scope.saturating_add(1);
        self.scopes.push((name.to_owned(), self.next_scope));
    }
}
