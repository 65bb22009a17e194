//! Checks of literals that run over a tree whose types agree, as cel-go's AST validators.
//!
//! All environments have two: lists and maps of mixed types are refused (except inside `format`), and literal format strings
//! are checked against literal argument lists. Kubernetes' environments check literal durations, times and patterns, too.

use crate::cel::ast::{Expr, ExprKind, Literal, MapEntry, NodeId};
use crate::library::ext::format::{FormatArgument, Rules, check_format};
use crate::library::regex::{self, Groups, PatternError};
use crate::library::stdlib::convert::text::{parse_duration, parse_timestamp};
use crate::types::Type;
use crate::value::Timestamp;

use super::{Checked, Reference, TypeError, TypeErrorKind};

/// All mistakes in the literals of `checked`.
pub(super) fn literals(checked: &Checked<'_>) -> Vec<TypeError> {
    let mut validator = Validator { checked, aggregates: Vec::new(), formats: Vec::new() };
    validator.visit(&checked.ast.root, false);
    let Validator { mut aggregates, formats, .. } = validator;
    aggregates.extend(formats);
    aggregates
}

struct Validator<'v, 'e> {
    checked: &'v Checked<'e>,
    aggregates: Vec<TypeError>,
    formats: Vec<TypeError>,
}

impl Validator<'_, '_> {
    fn visit(&mut self, e: &Expr, in_format: bool) {
        match &e.kind {
            ExprKind::Literal(_) | ExprKind::Ident(_) => {}
            ExprKind::Select { operand, .. } => self.visit(operand, in_format),
            ExprKind::Call { function, target, args } => {
                let exempt = in_format || function == "format";
                for inner in target.as_deref().into_iter().chain(args) {
                    self.visit(inner, exempt);
                }
                if self.checked.optimizing {
                    self.literal_argument(function, args);
                }
                if function == "format" {
                    self.format(e.id, target.as_deref(), args);
                }
            }
            ExprKind::List { elements, optional } => {
                if !in_format {
                    self.list(elements, optional);
                }
                elements.iter().for_each(|element| self.visit(element, in_format));
            }
            ExprKind::Map(entries) => {
                if !in_format {
                    self.map(entries);
                }
                for entry in entries {
                    self.visit(&entry.key, in_format);
                    self.visit(&entry.value, in_format);
                }
            }
            ExprKind::Struct { fields, .. } => {
                fields.iter().for_each(|field| self.visit(&field.value, in_format));
            }
            ExprKind::Comprehension(c) => {
                for inner in [&c.iter_range, &c.accu_init, &c.condition, &c.step, &c.result] {
                    self.visit(inner, in_format);
                }
            }
        }
    }

    fn mismatch(&mut self, e: &Expr, expected: &Type, found: &Type) {
        let kind = TypeErrorKind::Mismatch { expected: expected.clone(), found: found.clone() };
        self.aggregates.push(TypeError { node: e.id, kind });
    }

    /// The type of an element. Kyverno crashes on an element behind `?` whose type is only known at run time; no
    /// policy with one can be served there, so it is refused here.
    fn element(&mut self, e: &Expr, optional: bool) -> Type {
        let ty = self.checked.type_of(e.id);
        match ty.unwrap_optional() {
            Some(inner) if optional => inner.clone(),
            None if optional => {
                let kind = TypeErrorKind::Mismatch { expected: Type::optional(Type::Dyn), found: ty.clone() };
                self.aggregates.push(TypeError { node: e.id, kind });
                ty.clone()
            }
            _ => ty.clone(),
        }
    }

    fn list(&mut self, elements: &[Expr], optional: &[usize]) {
        let mut first: Option<Type> = None;
        for (index, element) in elements.iter().enumerate() {
            let ty = self.element(element, optional.contains(&index));
            match &first {
                None => first = Some(ty),
                Some(first) if first.is_equivalent(&ty) => {}
                Some(first) => {
                    let first = first.clone();
                    return self.mismatch(element, &first, &ty);
                }
            }
        }
    }

    fn map(&mut self, entries: &[MapEntry]) {
        let mut first: Option<(Type, Type)> = None;
        for entry in entries {
            let key = self.element(&entry.key, false);
            let value = self.element(&entry.value, entry.optional);
            let Some((first_key, first_value)) = first.clone() else {
                first = Some((key, value));
                continue;
            };
            if !first_key.is_equivalent(&key) {
                self.mismatch(&entry.key, &first_key, &key);
            }
            if !first_value.is_equivalent(&value) {
                self.mismatch(&entry.value, &first_value, &value);
            }
        }
    }

    /// The literal that a function takes as its first argument besides a receiver.
    fn literal_argument(&mut self, function: &str, args: &[Expr]) {
        let Some(Expr { id, kind: ExprKind::Literal(literal) }) = args.first() else { return };
        let valid = match (function, literal) {
            ("duration", Literal::String(text)) => parse_duration(text).is_some(),
            ("timestamp", Literal::String(text)) => parse_timestamp(text).is_ok(),
            ("timestamp", Literal::Int(seconds)) => {
                (Timestamp::MIN_SECONDS..=Timestamp::MAX_SECONDS).contains(seconds)
            }
            // It takes the place of a value of the type, and has none of its texts.
            ("duration" | "timestamp", Literal::Null) => false,
            ("matches", Literal::String(pattern)) => {
                !matches!(regex::compile(pattern, Groups::Dropped), Err(PatternError::Syntax(..)))
            }
            _ => return,
        };
        if !valid {
            let kind = TypeErrorKind::Literal(format!("invalid {function} argument"));
            self.formats.push(TypeError { node: *id, kind });
        }
    }

    fn format(&mut self, call: NodeId, target: Option<&Expr>, args: &[Expr]) {
        let (Some(target), [list]) = (target, args) else { return };
        let (ExprKind::Literal(Literal::String(format)), ExprKind::List { elements, .. }) =
            (&target.kind, &list.kind)
        else {
            return;
        };
        // Another row stands for the function in environments with an older strings library.
        let older = match self.checked.reference(call) {
            Some(Reference::Call { overloads, .. }) => overloads.iter().any(|row| row.since < 4),
            _ => false,
        };
        let rules = if older { Rules::Older } else { Rules::Newer };
        let arguments: Vec<FormatArgument<'_>> =
            elements.iter().map(|element| self.argument(element)).collect();
        if let Err(mistake) = check_format(format, &arguments, rules) {
            let node = mistake.node.unwrap_or(call);
            self.formats.push(TypeError { node, kind: TypeErrorKind::Literal(mistake.text) });
        }
    }

    fn argument(&self, e: &Expr) -> FormatArgument<'_> {
        let parts = match &e.kind {
            ExprKind::List { elements, .. } => {
                elements.iter().map(|element| self.argument(element)).collect()
            }
            ExprKind::Map(entries) => entries
                .iter()
                .flat_map(|entry| [&entry.key, &entry.value])
                .map(|e| self.argument(e))
                .collect(),
            _ => Vec::new(),
        };
        FormatArgument { node: e.id, ty: self.checked.type_of(e.id), parts }
    }
}
