//! Whether operands fit a row's parameters, and small questions about syntax.

use crate::cel::ast::{Expr, ExprKind, Literal};
use crate::library::regex;
use crate::library::table::{Implementation, Row};
use crate::types::Type;

/// The operands of a chain of one operator, in their order.
pub(super) fn flatten<'a>(e: &'a Expr, operator: &str, out: &mut Vec<&'a Expr>) {
    match &e.kind {
        ExprKind::Call { function, target: None, args } if function == operator => {
            args.iter().for_each(|arg| flatten(arg, operator, out));
        }
        _ => out.push(e),
    }
}

/// A literal int of 32 bits.
pub(super) fn is_small(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Literal(Literal::Int(number)) if i32::try_from(number).is_ok())
}

pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

pub(super) fn has_dyn(ty: &Type) -> bool {
    ty.is_dyn_or_error()
        || matches!(ty, Type::Param(_) | Type::Any)
        || ty.parameters().into_iter().any(has_dyn)
}

pub(super) fn is_open(ty: &Type) -> bool {
    ty.is_dyn_or_error() || matches!(ty, Type::Any | Type::Param(_))
}

/// Whether a value of type `ty` may be one of a parameter's type.
pub(super) fn may_be(ty: &Type, param: &Type) -> bool {
    if is_open(ty) || is_open(param) {
        return true;
    }
    match (ty, param) {
        (Type::Null, _) => true,
        (Type::Wrapper(inner), _) => may_be(inner, param),
        _ => ty.kind() == param.kind() && ty.runtime_name() == param.runtime_name(),
    }
}

/// Whether every value of type `ty` is one of a parameter's type.
pub(super) fn is_surely(ty: &Type, param: &Type) -> bool {
    if is_open(param) {
        return true;
    }
    if is_open(ty) || ty.kind() != param.kind() || ty.runtime_name() != param.runtime_name() {
        return false;
    }
    let (inner, due) = (ty.parameters(), param.parameters());
    // An empty literal's element type is free; it has no element that could be wrong.
    inner.len() == due.len()
        && inner.iter().zip(due).all(|(ty, param)| matches!(ty, Type::Param(_)) || is_surely(ty, param))
}

/// Whether a row takes a regular expression that may be none: one that is not constant, or that does not read.
pub(super) fn may_refuse_pattern(row: &Row, operands: &[&Expr]) -> bool {
    let index = match row.implementation {
        Implementation::Pattern(_, index) | Implementation::Groups(_, index) => Some(index),
        Implementation::Shared(shared) => shared.pattern,
        _ => None,
    };
    index.and_then(|index| operands.get(index)).is_some_and(
        |pattern| !matches!(&pattern.kind, ExprKind::Literal(Literal::String(text)) if regex::reads(text)),
    )
}
