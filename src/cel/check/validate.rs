//! Checks of literals that run over a tree whose types agree, as cel-go's AST validators.
//!
//! Kyverno's HTTP environment has two: lists and maps of mixed types are refused (except inside `format`), and
//! literal format strings are checked against literal argument lists.

use crate::cel::ast::{Expr, ExprKind, Literal, MapEntry, NodeId};
use crate::library::ext::format::{FormatArgument, check_format};
use crate::types::Type;

use super::{Checked, TypeError, TypeErrorKind};

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

    fn format(&mut self, call: NodeId, target: Option<&Expr>, args: &[Expr]) {
        let (Some(target), [list]) = (target, args) else { return };
        let (ExprKind::Literal(Literal::String(format)), ExprKind::List { elements, .. }) =
            (&target.kind, &list.kind)
        else {
            return;
        };
        let arguments: Vec<FormatArgument<'_>> =
            elements.iter().map(|element| self.argument(element)).collect();
        if let Err(mistake) = check_format(format, &arguments) {
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
