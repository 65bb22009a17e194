//! What an expression asks outside of its arguments, and where: a deployment that does not grant it does not load the
//! policy.

use crate::cel::ast::{Expr, ExprKind, Literal, NodeId};
use crate::cel::check::{Checked, Reference};
use crate::library::capability::{Ask, Capability};
use crate::library::table::Implementation;

/// Every call of a function that asks for something that must be granted, with its node, in the order of the text.
pub fn asks(checked: &Checked<'_>) -> Vec<(NodeId, Ask)> {
    let mut found = Vec::new();
    visit(&checked.ast.root, checked, &mut found);
    found
}

fn visit(e: &Expr, checked: &Checked<'_>, found: &mut Vec<(NodeId, Ask)>) {
    match &e.kind {
        ExprKind::Literal(_) | ExprKind::Ident(_) => {}
        ExprKind::Select { operand, .. } => visit(operand, checked, found),
        ExprKind::Call { target, args, .. } => {
            if let Some(target) = target {
                visit(target, checked, found);
            }
            call(e.id, args, checked, found);
            args.iter().for_each(|argument| visit(argument, checked, found));
        }
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| visit(element, checked, found)),
        ExprKind::Map(entries) => entries.iter().for_each(|entry| {
            visit(&entry.key, checked, found);
            visit(&entry.value, checked, found);
        }),
        ExprKind::Struct { fields, .. } => {
            fields.iter().for_each(|field| visit(&field.value, checked, found));
        }
        ExprKind::Comprehension(c) => {
            [&c.iter_range, &c.accu_init, &c.condition, &c.step, &c.result]
                .into_iter()
                .for_each(|inner| visit(inner, checked, found));
        }
    }
}

/// A call whose arguments are known only at run time may ask for what any of its overloads asks for.
fn call(id: NodeId, args: &[Expr], checked: &Checked<'_>, found: &mut Vec<(NodeId, Ask)>) {
    let Some(Reference::Call { function, overloads, .. }) = checked.reference(id) else { return };
    let mut capabilities: Vec<Capability> = overloads
        .iter()
        .filter_map(|row| match row.implementation {
            Implementation::Asking(_, capability) => capability.setting().map(|_| capability),
            _ => None,
        })
        .collect();
    capabilities.sort_unstable();
    capabilities.dedup();
    let subject = args.first().and_then(|first| match &first.kind {
        ExprKind::Literal(Literal::String(text)) => Some(text.clone()),
        _ => None,
    });
    found.extend(capabilities.into_iter().map(|capability| {
        (id, Ask { capability, function: function.name.clone(), subject: subject.clone() })
    }));
}
