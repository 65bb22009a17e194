//! What an expression reads of the request: what nobody reads is not built.

use std::collections::BTreeSet;

use crate::cel::ast::{Expr, ExprKind, Literal, NodeId};
use crate::cel::check::{Checked, Reference};
use crate::library::table::Implementation;
use crate::types::Type;

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

    /// Adds what another expression reads.
    pub fn extend(&mut self, other: Reads) {
        self.paths.extend(other.paths);
        self.keys.extend(other.keys);
        self.everything |= other.everything;
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
            ExprKind::Call { function, target, args } => {
                self.visit_call(e.id, function, target.as_deref(), args);
            }
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

    fn visit_call(&mut self, id: NodeId, function: &str, target: Option<&Expr>, args: &[Expr]) {
        // What is known at run time only is read whole; the key says what of it is meant.
        if let (
            "_[_]" | "_[?_]" | "_?._",
            None,
            [map, Expr { kind: ExprKind::Literal(Literal::String(key)), .. }],
        )
        | ("@in", None, [Expr { kind: ExprKind::Literal(Literal::String(key)), .. }, map]) =
            (function, target, args)
            && let Some(path) = self.path(map).filter(|path| !path.is_empty() && !self.is_map(map))
        {
            self.reads.keys.insert((path, key.clone()));
        }
        // The map, and the key that is looked up in it.
        let lookup = match (function, target, args) {
            ("_[_]" | "_[?_]" | "_?._", None, [map, key]) | ("@in", None, [key, map]) if self.is_map(map) => {
                self.path(map).map(|path| (path, key))
            }
            (_, Some(target), [key]) => match (self.looks_up(id), self.path(target)) {
                (Some(field), Some(path)) => Some((format!("{path}.{field}"), key)),
                _ => None,
            },
            _ => None,
        };
        match lookup {
            Some((path, Expr { kind: ExprKind::Literal(Literal::String(key)), .. })) => {
                self.reads.keys.insert((path, key.clone()));
            }
            Some((path, key)) => {
                self.reads.paths.insert(path);
                self.visit(key);
            }
            None => target.into_iter().chain(args).for_each(|inner| self.visit(inner)),
        }
    }

    /// The field of its receiver that a call looks its argument up in, if its row says so.
    fn looks_up(&self, id: NodeId) -> Option<&'static str> {
        let Some(Reference::Call { overloads, .. }) = self.checked.reference(id) else { return None };
        match overloads.as_slice() {
            [row] => match row.implementation {
                Implementation::Lookup(_, field) => Some(field),
                _ => None,
            },
            _ => None,
        }
    }

    /// Only maps are read by key; anything else that is indexed is read whole.
    fn is_map(&self, e: &Expr) -> bool {
        matches!(self.checked.type_of(e.id), Type::Map(_))
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
                let map = self.is_map(operand);
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
