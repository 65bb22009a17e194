//! Each condition of each shipped policy matters: with any one of them negated, its fixtures fail.
//!
//! A condition is a part of an expression whose type is bool: a match condition, an operand of `&&`, `||`, `!` and
//! `?:`, the body of `all` and `exists`.

use std::fs;
use std::path::Path;

use toolgate::cel::ast::{Ast, Expr, ExprKind, Span};
use toolgate::cel::check::check;
use toolgate::cel::front::parse;
use toolgate::policy::compile::http_environment;
use toolgate::policy::load::load;
use toolgate::policy::model::{Expression, Policy};
use toolgate::types::Type;

use crate::{Scratch, root, run};

/// Calls of these functions result in a bool.
const CONDITIONS: &[&str] = &[
    "_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_in_", "in", "contains",
    "startsWith", "endsWith", "matches",
];

/// The places of all conditions in an expression. Without types (variables are not known here), by what results in a
/// bool whatever its operands are, and by where a bool must stand.
fn conditions(expression: &Expression) -> Vec<Span> {
    let ast = parse(&expression.text).expect("a shipped policy parses");
    let mut found = Vec::new();
    visit(&ast, &ast.root, &mut found);
    if check(parse(&expression.text).unwrap(), &http_environment())
        .is_ok_and(|checked| matches!(checked.output(), Type::Bool))
    {
        found.push(Span { start: 0, end: u32::try_from(expression.text.len()).unwrap() });
    }
    found.sort_by_key(|span| (span.start, span.end));
    found.dedup();
    found
}

fn visit(ast: &Ast, node: &Expr, found: &mut Vec<Span>) {
    let span = ast.info(node.id).span;
    let mut add = |expr: &Expr| found.push(ast.info(expr.id).span);
    match &node.kind {
        ExprKind::Call { function, target, args } => {
            if CONDITIONS.contains(&function.as_str()) {
                found.push(span);
            }
            // Where a bool must stand: operands of the logical operators and the question of a conditional.
            match function.as_str() {
                "_&&_" | "_||_" | "!_" => args.iter().for_each(&mut add),
                "_?_:_" => args.iter().take(1).for_each(&mut add),
                _ => {}
            }
            target.iter().for_each(|target| visit(ast, target, found));
            args.iter().for_each(|arg| visit(ast, arg, found));
        }
        ExprKind::Select { operand, .. } => visit(ast, operand, found),
        ExprKind::List { elements, .. } => elements.iter().for_each(|element| visit(ast, element, found)),
        ExprKind::Comprehension(_) => comprehension(ast, node, found),
        _ => {}
    }
}
