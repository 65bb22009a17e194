//! What an expression costs by Kyverno's counter whatever the request holds: the sum of its nodes, as cel-go has them.

use super::lower::Planner;
use crate::cel::ast::{Comprehension, Expr, ExprKind, Literal};
use crate::cel::program::Weight;
use crate::cel::program::units::{CALL, tenth};
use crate::library::table::Body;

/// What a name costs, each step from it, and what begins at the result of a call.
const ATTRIBUTE: u64 = 1;

/// What the literals of lists, maps and objects cost.
const LIST: u64 = 10;
const MAP: u64 = 30;
const OBJECT: u64 = 40;

impl Planner<'_, '_> {
    /// What all nodes of the expression cost together, without the turns of its loops.
    pub(super) fn cost(&self, root: &Expr) -> Option<u64> {
        self.checked.optimizing.then(|| units(root).saturating_add(self.folded))
    }

    /// What one turn of a loop that is planned costs, without the turns of loops inside it.
    pub(super) fn turn(&self, c: &Comprehension) -> u64 {
        match self.checked.optimizing {
            true => units(&c.condition).saturating_add(units(&c.step)).saturating_add(self.folded),
            false => 0,
        }
    }

    /// True if an error before a test of `operand` may be over the limit: cel-go takes back what the test cost, which a choice by a
    /// constant that is no bool has not cost, and the counter wraps around.
    pub(super) fn wraps(&self, operand: &Expr) -> bool {
        match &operand.kind {
            ExprKind::Call { function, args, .. } if function == "_?_:_" => {
                args.first().is_some_and(|condition| self.is_optimized(condition))
            }
            _ => false,
        }
    }

    /// How the units of a call grow with its arguments.
    pub(super) fn weight(&self, function: &str, overloads: usize, own: Option<Body>) -> Weight {
        match own {
            _ if !self.checked.optimizing => Weight::Fixed,
            // A set that was made with the program costs nothing.
            Some(_) => Weight::Fixed,
            None => Weight::of(function, overloads == 1),
        }
    }

    /// True if the units of a comparison grow with both sides.
    pub(super) fn compares_unknown(&self, args: &[Expr]) -> bool {
        self.checked.optimizing && args.iter().all(|arg| literal(arg).is_none())
    }
}

fn units(e: &Expr) -> u64 {
    let all = |own: u64, parts: &mut dyn Iterator<Item = &Expr>| {
        parts.fold(own, |sum, part| sum.saturating_add(units(part)))
    };
    match &e.kind {
        ExprKind::Literal(_) => 0,
        ExprKind::Ident(_) => ATTRIBUTE,
        ExprKind::Select { operand, .. } => all(step(operand), &mut [&**operand].into_iter()),
        ExprKind::Call { function, target, args } => {
            let own = match (function.as_str(), args.as_slice()) {
                ("_&&_" | "_||_" | "_?_:_", _) => 0,
                ("_[_]" | "_[?_]" | "_?._", [operand, ..]) => step(operand),
                ("_==_" | "_!=_", _) => {
                    CALL.saturating_add(tenth(args.iter().filter_map(literal).min().unwrap_or_default()))
                }
                _ => CALL,
            };
            all(own, &mut target.as_deref().into_iter().chain(args))
        }
        ExprKind::List { elements, .. } => all(LIST, &mut elements.iter()),
        ExprKind::Map(entries) => all(MAP, &mut entries.iter().flat_map(|entry| [&entry.key, &entry.value])),
        ExprKind::Struct { fields, .. } => all(OBJECT, &mut fields.iter().map(|field| &field.value)),
        // The condition is asked once more than there are turns.
        ExprKind::Comprehension(c) => {
            all(CALL, &mut [&c.iter_range, &c.accu_init, &c.condition, &c.result].into_iter())
        }
    }
}

/// What a step from `operand` costs.
fn step(operand: &Expr) -> u64 {
    match &operand.kind {
        ExprKind::Ident(_) | ExprKind::Select { .. } => ATTRIBUTE,
        ExprKind::Call { function, .. } if matches!(function.as_str(), "_[_]" | "_[?_]" | "_?._") => {
            ATTRIBUTE
        }
        _ => ATTRIBUTE.saturating_add(ATTRIBUTE),
    }
}

/// The size of what is written there.
fn literal(e: &Expr) -> Option<u64> {
    let size = match &e.kind {
        ExprKind::Literal(Literal::String(text)) => text.len(),
        ExprKind::Literal(Literal::Bytes(bytes)) => bytes.len(),
        ExprKind::Literal(_) => 1,
        ExprKind::List { elements, .. } => elements.len(),
        ExprKind::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(u64::try_from(size).unwrap_or(u64::MAX))
}
