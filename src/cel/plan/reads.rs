//! What an expression reads of the request: what nobody reads is not built.

use std::collections::BTreeSet;

use crate::cel::ast::{Expr, ExprKind, Literal};
use crate::cel::check::{Checked, Reference};

/// The parts of an input object that expressions read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Paths of fields from the input, `attributes.method`; a path stands for everything below it.
    pub paths: BTreeSet<String>,
    /// Keys read of maps, by the map's path; a map that is also in `paths` is read whole.
    pub keys: BTreeSet<(String, String)>,
    /// True if the object is used in a way that may read anything.
    pub everything: bool,
}

impl Reads {
    /// Adds what `checked` reads of the variable `input`.
    pub fn add(&mut self, checked: &Checked<'_>, input: &str) {
        Reader { checked, input, reads: self }.visit(&checked.ast.root);
    }

    /// True if something at or below or above `path` is read.
    pub fn reads(&self, path: &str) -> bool {
        let covers = |a: &str, b: &str| a == b || b.strip_prefix(a).is_some_and(|rest| rest.starts_with('.'));
        self.everything
            || self.paths.iter().any(|p| covers(p, path) || covers(path, p))
            || self.keys.iter().any(|(p, _)| covers(path, p))
    }

    /// True if the map at `path` is read whole, or by keys that are not constant.
    pub fn reads_whole(&self, path: &str) -> bool {
        let covers = |a: &str| a == path || path.strip_prefix(a).is_some_and(|rest| rest.starts_with('.'));
        self.everything || self.paths.iter().any(|p| covers(p))
    }
}

struct Reader<'r, 'c> {
    checked: &'r Checked<'c>,
    input: &'r str,
    reads: &'r mut Reads,
}

impl Reader<'_, '_> {
    fn visit(&mut self, e: &Expr) {
        if let Some(path) = self.path(e) {
            if path.is_empty() {
                self.reads.everything = true;
            } else {
                self.reads.paths.insert(path);
            }
            return;
        }
        match &e.kind {
            ExprKind::Literal(_) | ExprKind::Ident(_) => {}
            ExprKind::Select { operand, field, .. } => match self.path(operand) {
                // A key of a map, `object.attributes.header.accept`.
                Some(path) if !path.is_empty() => drop(self.reads.keys.insert((path, field.clone()))),
                _ => self.visit(operand),
            },
            ExprKind::Call { function, target, args } => self.visit_call(function, target.as_deref(), args),
            ExprKind::List { elements, .. } => elements.iter().for_each(|element| self.visit(element)),
            ExprKind::Map(entries) => entries.iter().for_each(|entry| {
                self.visit(&entry.key);
                self.visit(&entry.value);
            }),
            ExprKind::Struct { fields, .. } => fields.iter().for_each(|field| self.visit(&field.value)),
            ExprKind::Comprehension(c) => {
                [&c.iter_range, &c.accu_init, &c.condition, &c.step, &c.result]
                    .into_iter()
                    .for_each(|inner| self.visit(inner));
            }
        }
    }

    fn visit_call(&mut self, function: &str, target: Option<&Expr>, args: &[Expr]) {
        let key = |e: &Expr| match &e.kind {
            ExprKind::Literal(Literal::String(key)) => Some(key.clone()),
            _ => None,
        };
        // The map and the key of the calls that look one up.
        let lookup = match (function, target, args) {
            ("_[_]" | "_[?_]" | "_?._", None, [map, name]) => self.path(map).zip(key(name)),
            ("@in", None, [name, map]) => self.path(map).zip(key(name)),
            ("Header", Some(target), [name]) => {
                self.path(target).map(|p| format!("{p}.header")).zip(key(name))
            }
            ("QueryParam", Some(target), [name]) => {
                self.path(target).map(|p| format!("{p}.query")).zip(key(name))
            }
            _ => None,
        };
        if let Some((path, key)) = lookup
            && self.is_map(&path)
        {
            self.reads.keys.insert((path, key));
            return;
        }
        match (function, target) {
            ("Header" | "QueryParam", Some(target)) if self.path(target).is_some() => {
                let field = if function == "Header" { "header" } else { "query" };
                if let Some(path) = self.path(target) {
                    self.reads.paths.insert(format!("{path}.{field}"));
                }
            }
            (_, Some(target)) => self.visit(target),
            (_, None) => {}
        }
        args.iter().for_each(|arg| self.visit(arg));
    }

    /// Only maps are read by key; anything else that is indexed is read whole.
    fn is_map(&self, path: &str) -> bool {
        path.ends_with(".header") || path.ends_with(".query") || path.ends_with("headers")
    }

    /// The path of fields from the input that `e` is; empty for the input itself.
    fn path(&self, e: &Expr) -> Option<String> {
        match &e.kind {
            ExprKind::Ident(_) => match self.checked.reference(e.id) {
                Some(Reference::Variable(name)) if name == self.input => Some(String::new()),
                _ => None,
            },
            ExprKind::Select { operand, field, .. } => {
                let path = self.path(operand)?;
                // Below a map there are keys, not fields.
                let map = matches!(self.checked.type_of(operand.id), crate::types::Type::Map(_));
                match path.as_str() {
                    _ if map => None,
                    "" => Some(field.clone()),
                    _ => Some(format!("{path}.{field}")),
                }
            }
            _ => None,
        }
    }
}
