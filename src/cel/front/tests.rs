//! The table `testdata/cel/parse.txt` was made with cel-go 0.30.0; its head says how a tree is written down.

use std::fmt::Write as _;

use super::*;
use crate::cel::ast::{Expr, ExprKind, Literal, NodeId};

/// A tree as the table has it: each node followed by `^` and its position in characters.
struct Dump<'a> {
    ast: &'a Ast,
    out: String,
}

impl Dump<'_> {
    fn of(ast: &Ast) -> String {
        let mut dump = Dump { ast, out: String::new() };
        dump.expr(&ast.root);
        dump.out
    }

    fn at(&mut self, id: NodeId) {
        let anchor = self.ast.info(id).anchor as usize;
        write!(self.out, "^{}", self.ast.text[..anchor].chars().count()).unwrap();
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn bytes(&mut self, prefix: char, bytes: &[u8]) {
        self.out.push(prefix);
        for byte in bytes {
            write!(self.out, "{byte:02x}").unwrap();
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(Literal::Null) => self.text("null"),
            ExprKind::Literal(Literal::Bool(v)) => self.text(&v.to_string()),
            ExprKind::Literal(Literal::Int(v)) => self.text(&v.to_string()),
            ExprKind::Literal(Literal::Uint(v)) => self.text(&format!("{v}u")),
            ExprKind::Literal(Literal::Double(v)) => self.text(&format!("d{:x}", v.to_bits())),
            ExprKind::Literal(Literal::String(v)) => self.bytes('s', v.as_bytes()),
            ExprKind::Literal(Literal::Bytes(v)) => self.bytes('b', v),
            ExprKind::Ident(name) => self.text(name),
            ExprKind::Select { operand, field, test_only } => {
                self.text(if *test_only { "has" } else { "" });
                self.text(&format!("(.{field} "));
                self.expr(operand);
                self.text(")");
            }
            ExprKind::Call { function, target, args } => {
                self.text("(");
                if let Some(target) = target {
                    self.text("@");
                    self.expr(target);
                    self.text(".");
                }
                self.text(function);
                for arg in args {
                    self.text(" ");
                    self.expr(arg);
                }
                self.text(")");
            }
            ExprKind::List { elements, optional } => {
                self.text("[");
                for (i, element) in elements.iter().enumerate() {
                    self.text(if i > 0 { " " } else { "" });
                    self.text(if optional.contains(&i) { "?" } else { "" });
                    self.expr(element);
                }
                self.text("]");
            }
            ExprKind::Map(entries) => {
                self.text("{");
                for entry in entries {
                    self.text(if entry.optional { "?" } else { "" });
                    self.expr(&entry.key);
                    self.text(":");
                    self.at(entry.id);
                    self.expr(&entry.value);
                    self.text(" ");
                }
                self.text("}");
            }
            ExprKind::Struct { type_name, fields } => {
                self.text(&format!("{type_name}{{"));
                for field in fields {
                    self.text(if field.optional { "?" } else { "" });
                    self.text(&format!("{}:", field.field));
                    self.at(field.id);
                    self.expr(&field.value);
                    self.text(" ");
                }
                self.text("}");
            }
            ExprKind::Comprehension(fold) => {
                self.text(&format!("fold<{} {} ", fold.iter_var, fold.accu_var));
                let parts = [&fold.iter_range, &fold.accu_init, &fold.condition, &fold.step, &fold.result];
                for (i, part) in parts.into_iter().enumerate() {
                    self.text(if i > 0 { " | " } else { "" });
                    self.expr(part);
                }
                self.text(">");
            }
        }
        self.at(expr.id);
    }
}

fn errors_as_in_table(text: &str, errors: &[SyntaxError]) -> String {
    let one = |error: &SyntaxError| {
        if !error.has_position {
            return format!("-1:-1 {}", error.message);
        }
        let before = &text[..error.offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        format!("{line}:{column} {}", error.message)
    };
    format!("ERR {}", errors.iter().map(one).collect::<Vec<_>>().join(" ;; "))
}

fn as_in_table(text: &str, parsed: &Result<Ast, Vec<SyntaxError>>) -> String {
    match parsed {
        Ok(ast) => Dump::of(ast),
        Err(errors) => errors_as_in_table(text, errors),
    }
}

#[test]
fn trees_positions_and_errors_are_those_of_cel_go() {
    let table = include_str!("../../../testdata/cel/parse.txt");
    let cases: Vec<(String, String)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').expect("an expression and its tree"))
        .map(|(text, tree)| (serde_json::from_str(text).unwrap(), serde_json::from_str(tree).unwrap()))
        .collect();
    let texts: Vec<&str> = cases.iter().map(|(text, _)| text.as_str()).collect();
    let mut wrong = String::new();
    for ((text, expected), parsed) in cases.iter().zip(parse_all(&texts)) {
        let got = as_in_table(text, &parsed);
        if got != *expected {
            let text: String = text.chars().take(300).collect();
            writeln!(wrong, "{text:?}\n  cel-go {expected}\n  ours   {got}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases.len() > 300);
}
