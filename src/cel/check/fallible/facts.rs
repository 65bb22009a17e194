//! What conditions say of values: [`Fact`]s, found in a checked expression.

use crate::cel::ast::{Expr, ExprKind, Literal};
use crate::library::VARIABLES;
use crate::types::Type;

use super::fits::quoted;
use super::{Analysis, Reference};

/// Something that is known of a value, which is named by its text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// The container has the key.
    Has(String, String),
    /// The list has more than so many elements.
    Longer(String, i64),
    /// The optional has a value.
    Some(String),
    /// The value is of this type.
    Is(String, Type),
}

/// What an expression says when it is true and when it is false.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) yes: Vec<Fact>,
    pub(super) no: Vec<Fact>,
}

/// Longer texts name no value: a limit on what naming costs.
const MAX_NAME: usize = 512;
/// More facts than this at one time are not remembered.
pub(super) const MAX_FACTS: usize = 512;
/// More facts than this of one condition are not remembered: a variable's are part of those of its users.
const MAX_OF_ONE: usize = 64;
/// Conditions nested deeper say nothing.
const MAX_DEPTH: usize = 32;

/// The facts of two conditions that hold together, each once.
fn joined(mut facts: Vec<Fact>, more: Vec<Fact>) -> Vec<Fact> {
    for fact in more {
        if facts.len() < MAX_OF_ONE && !facts.contains(&fact) {
            facts.push(fact);
        }
    }
    facts
}

impl Analysis<'_, '_> {
    /// A text that names the value of `e`, the same for equal expressions in one scope.
    pub(super) fn name(&self, e: &Expr) -> Option<String> {
        let mut out = String::new();
        self.write(e, &mut out)?;
        Some(out)
    }

    fn write(&self, e: &Expr, out: &mut String) -> Option<()> {
        if out.len() > MAX_NAME {
            return None;
        }
        match &e.kind {
            ExprKind::Literal(Literal::String(text)) => out.push_str(&quoted(text)),
            ExprKind::Literal(literal) => out.push_str(&format!("{literal:?}")),
            ExprKind::Ident(name) => match self.scopes.iter().rev().find(|(local, _)| local == name) {
                Some((_, number)) => out.push_str(&format!("${number}")),
                None => out.push_str(name.strip_prefix('.').unwrap_or(name)),
            },
            ExprKind::Select { operand, field, test_only: false } => {
                self.write(operand, out)?;
                out.push_str(&format!("[{}]", quoted(field)));
            }
            ExprKind::Call { function, target: None, args } if function == "_[_]" => {
                let [container, key] = args.as_slice() else { return None };
                self.write(container, out)?;
                out.push('[');
                self.write(key, out)?;
                out.push(']');
            }
            ExprKind::Call { function, target, args } => {
                if let Some(target) = target {
                    self.write(target, out)?;
                    out.push('.');
                }
                out.push_str(function);
                out.push('(');
                for arg in args {
                    self.write(arg, out)?;
                    out.push(',');
                }
                out.push(')');
            }
            _ => return None,
        }
        (out.len() <= MAX_NAME).then_some(())
    }

    /// What `e` says of values when it is true and when it is false.
    pub(super) fn facts(&self, e: &Expr, depth: usize) -> Facts {
        let mut facts = Facts::default();
        if depth > MAX_DEPTH {
            return facts;
        }
        let next = depth.saturating_add(1);
        match &e.kind {
            ExprKind::Select { operand, field, test_only: true } => {
                facts.yes.extend(self.name(operand).map(|name| Fact::Has(name, quoted(field))));
            }
            ExprKind::Select { operand, field, .. }
                if *self.checked.type_of(operand.id) == Type::Struct(VARIABLES) =>
            {
                return self.variables.known.get(field).map(|v| v.when.clone()).unwrap_or_default();
            }
            ExprKind::Call { function, target, args } => {
                let operands: Vec<&Expr> = target.as_deref().into_iter().chain(args).collect();
                match (function.as_str(), operands.as_slice()) {
                    ("!_", [operand]) => {
                        let inner = self.facts(operand, next);
                        return Facts { yes: inner.no, no: inner.yes };
                    }
                    ("_&&_", [left, right]) => {
                        facts.yes = joined(self.facts(left, next).yes, self.facts(right, next).yes);
                    }
                    ("_||_", [left, right]) => {
                        facts.no = joined(self.facts(left, next).no, self.facts(right, next).no);
                    }
                    ("@in", [key, container]) => {
                        facts.yes.extend(
                            self.name(container)
                                .zip(self.name(key))
                                // What is `in` a value of unknown type may be an element, and no key.
                                .filter(|_| matches!(self.ty(container), Type::Map(_)))
                                .map(|(container, key)| Fact::Has(container, key)),
                        );
                    }
                    ("hasValue", [optional]) => facts.yes.extend(self.name(optional).map(Fact::Some)),
                    (comparison, [left, right]) => self.comparison(comparison, left, right, &mut facts),
                    _ => {}
                }
            }
            _ => {}
        }
        facts
    }

    fn comparison(&self, function: &str, left: &Expr, right: &Expr, facts: &mut Facts) {
        let (function, size, number) = match (&left.kind, &right.kind) {
            (_, ExprKind::Literal(Literal::Int(number))) => (function, left, *number),
            (ExprKind::Literal(Literal::Int(number)), _) => {
                let mirrored = match function {
                    "_<_" => "_>_",
                    "_<=_" => "_>=_",
                    "_>_" => "_<_",
                    "_>=_" => "_<=_",
                    other => other,
                };
                (mirrored, right, *number)
            }
            _ => return self.type_test(function, left, right, facts),
        };
        let list = match &size.kind {
            ExprKind::Call { function, target: Some(list), args }
                if function == "size" && args.is_empty() =>
            {
                list
            }
            ExprKind::Call { function, target: None, args } if function == "size" => match args.as_slice() {
                [list] => list,
                _ => return,
            },
            _ => return,
        };
        let Some(name) = self.name(list) else { return };
        // `more` elements than this, when the comparison is true and when it is false.
        let (yes, no) = match function {
            "_>_" => (Some(number), None),
            "_>=_" => (number.checked_sub(1), None),
            "_<_" => (None, number.checked_sub(1)),
            "_<=_" => (None, Some(number)),
            "_==_" => (number.checked_sub(1), (number == 0).then_some(0)),
            "_!=_" => ((number == 0).then_some(0), number.checked_sub(1)),
            _ => return,
        };
        facts.yes.extend(yes.map(|more| Fact::Longer(name.clone(), more)));
        facts.no.extend(no.map(|more| Fact::Longer(name, more)));
    }

    /// `type(x) == map`
    fn type_test(&self, function: &str, left: &Expr, right: &Expr, facts: &mut Facts) {
        let (call, named) = match (&left.kind, &right.kind) {
            (ExprKind::Call { function, target: None, .. }, _) if function == "type" => (left, right),
            (_, ExprKind::Call { function, target: None, .. }) if function == "type" => (right, left),
            _ => return,
        };
        let ExprKind::Call { args, .. } = &call.kind else { return };
        let ([value], Some(Reference::Type(name))) = (args.as_slice(), self.checked.reference(named.id))
        else {
            return;
        };
        let ty = match name.as_str() {
            "map" => Type::map(Type::Dyn, Type::Dyn),
            "list" => Type::list(Type::Dyn),
            "string" => Type::String,
            "double" => Type::Double,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "bool" => Type::Bool,
            "bytes" => Type::Bytes,
            _ => return,
        };
        let fact = self.name(value).map(|name| Fact::Is(name, ty));
        match function {
            "_==_" => facts.yes.extend(fact),
            "_!=_" => facts.no.extend(fact),
            _ => {}
        }
    }
}
