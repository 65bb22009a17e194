//! The type checker: a parsed expression and an [`Env`] in, a [`Checked`] expression or all its mistakes
//! out.
//!
//! One method per kind of node, as cel-go's `checker/checker.go`, whose results it repeats: the type of each node,
//! and for names and calls what they mean. It knows signatures, never bodies. A node that does not check gets
//! the error type, which agrees with everything, so that one mistake makes one message.

use crate::cel::ast::{Ast, Comprehension, Expr, ExprKind, Literal, MapEntry, NodeId, StructField};
use crate::library::kyverno::or_value;
use crate::library::table::Row;
use crate::types::{Kind, Type};
use crate::value::Value;

mod assign;
mod env;
mod errors;
pub mod fallible;
pub mod flat;
mod issues;
mod validate;

pub use env::{Env, Function, Functions, Overload, field_names};
pub use errors::{TypeError, TypeErrorKind};
pub use issues::render;

use assign::{Bindings, most_general};
use env::Global;

/// As many mistakes as cel-go reports.
pub const MAX_ERRORS: usize = 100;

/// An expression that checked. Only the checker makes one.
#[derive(Clone, Debug)]
pub struct Checked<'e> {
    /// The expression.
    pub ast: Ast,
    types: Vec<Type>,
    references: Vec<Option<Reference<'e>>>,
    /// As [`Env::optimizing`].
    pub(super) optimizing: bool,
}

/// What a name or a call means.
#[derive(Clone, Debug)]
pub enum Reference<'e> {
    /// The innermost comprehension variable of that name.
    Local(String),
    /// A variable of the environment.
    Variable(String),
    /// `.x` where `x` is also a comprehension variable. cel-go 0.30 checks it as the environment's variable, but
    /// never finds its value.
    Shadowed(String),
    /// A constant.
    Constant(Value<'e>),
    /// A type, or the type of a struct literal; its qualified name.
    Type(String),
    /// A call: the overloads that may apply, in order of declaration.
    Call {
        /// The function.
        function: &'e Function,
        /// The rows of the overloads.
        overloads: Vec<&'static Row>,
        /// False if the call's receiver is not a value but part of the function's name.
        receiver: bool,
    },
}

impl<'e> Checked<'e> {
    /// The type of the whole.
    pub fn output(&self) -> &Type {
        self.type_of(self.ast.root.id)
    }

    /// The type of a node.
    pub fn type_of(&self, node: NodeId) -> &Type {
        usize::try_from(node).ok().and_then(|node| self.types.get(node)).unwrap_or(&Type::Error)
    }

    /// What a name or call means; `None` for other nodes.
    pub fn reference(&self, node: NodeId) -> Option<&Reference<'e>> {
        usize::try_from(node).ok().and_then(|node| self.references.get(node)).and_then(Option::as_ref)
    }
}

/// The mistakes of an expression that does not check.
#[derive(Clone, Debug)]
pub struct Mistakes {
    /// The expression.
    pub ast: Ast,
    /// The mistakes in the order of their place, at most [`MAX_ERRORS`].
    pub errors: Vec<TypeError>,
    /// How many more there are.
    pub more: usize,
}

/// Checks `ast`.
///
/// # Errors
/// All mistakes, with the syntax tree for their positions.
pub fn check<'e>(ast: Ast, environment: &Env<'e>) -> Result<Checked<'e>, Box<Mistakes>> {
    let mut checker = Checker {
        environment,
        types: vec![Type::Error; ast.info.len()],
        references: vec![None; ast.info.len()],
        bindings: Bindings::default(),
        scopes: Vec::new(),
        errors: Vec::new(),
        more: 0,
        too_large: None,
    };
    checker.check(&ast.root);
    let Checker { mut types, references, bindings, mut errors, more, mut too_large, .. } = checker;
    for ty in &mut types {
        *ty = bindings.substitute(ty, true);
    }
    if bindings.is_too_large() {
        too_large = too_large.or(Some(ast.root.id));
    }
    let checked = Checked { ast, types, references, optimizing: environment.is_optimizing() };
    // Whatever else was found was found of types that are not there.
    if let Some(node) = too_large {
        errors = vec![TypeError { node, kind: TypeErrorKind::TooLarge }];
    }
    if errors.is_empty() {
        errors = validate::literals(&checked);
    }
    if let Some(broken) = environment.functions().broken() {
        let kind = TypeErrorKind::Literal(format!("the functions cannot be read: {broken}"));
        errors = vec![TypeError { node: checked.ast.root.id, kind }];
    }
    if errors.is_empty() {
        return Ok(checked);
    }
    errors.sort_by_key(|error| checked.ast.info(error.node).anchor);
    Err(Box::new(Mistakes { ast: checked.ast, errors, more }))
}

struct Checker<'c, 'e> {
    environment: &'c Env<'e>,
    types: Vec<Type>,
    references: Vec<Option<Reference<'e>>>,
    bindings: Bindings,
    /// The comprehension variables in scope, innermost last.
    scopes: Vec<(String, Type)>,
    /// The first mistakes in the order of checking, which are the ones that cel-go keeps.
    errors: Vec<TypeError>,
    more: usize,
    /// The first node whose type is too large. What is above it is not checked, and what is beside it in vain.
    too_large: Option<NodeId>,
}

impl<'e> Checker<'_, 'e> {
    fn error(&mut self, node: NodeId, kind: TypeErrorKind) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(TypeError { node, kind });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn set_type(&mut self, node: NodeId, ty: Type) {
        let ty = self.bindings.bounded(ty);
        if let Some(slot) = usize::try_from(node).ok().and_then(|node| self.types.get_mut(node)) {
            *slot = ty;
        }
    }

    fn type_of(&self, node: NodeId) -> Type {
        usize::try_from(node).ok().and_then(|node| self.types.get(node)).cloned().unwrap_or(Type::Error)
    }

    fn refer(&mut self, node: NodeId, reference: Reference<'e>) {
        if let Some(slot) = usize::try_from(node).ok().and_then(|node| self.references.get_mut(node)) {
            *slot = Some(reference);
        }
    }

    fn check(&mut self, e: &Expr) {
        if self.too_large.is_some() {
            return;
        }
        self.check_kind(e);
        if self.too_large.is_none() && self.bindings.is_too_large() {
            self.too_large = Some(e.id);
        }
    }

    fn check_kind(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Literal(literal) => self.set_type(e.id, literal_type(literal)),
            ExprKind::Ident(name) => self.check_ident(e.id, name),
            ExprKind::Select { operand, field, test_only } => {
                self.check_select(e, operand, field, *test_only)
            }
            ExprKind::Call { function, target, args } => {
                self.check_call(e, function, target.as_deref(), args)
            }
            ExprKind::List { elements, optional } => self.check_list(e.id, elements, optional),
            ExprKind::Map(entries) => self.check_map(e.id, entries),
            ExprKind::Struct { type_name, fields } => self.check_struct(e.id, type_name, fields),
            ExprKind::Comprehension(comprehension) => self.check_comprehension(e.id, comprehension),
        }
    }

    fn check_ident(&mut self, node: NodeId, name: &str) {
        if let Some((_, ty)) = self.scopes.iter().rev().find(|(local, _)| local == name) {
            let ty = ty.clone();
            self.set_type(node, ty);
            self.refer(node, Reference::Local(name.to_owned()));
            return;
        }
        if !self.resolve_global(node, name) {
            self.set_type(node, Type::Error);
            self.undeclared(node, name, None);
        }
    }

    /// Types and refers `node` if `name` is declared.
    fn resolve_global(&mut self, node: NodeId, name: &str) -> bool {
        let Some(global) = self.environment.resolve(name) else { return false };
        let shadowed = name.strip_prefix('.').is_some_and(|rooted| self.is_local(rooted));
        let (ty, reference) = match global {
            Global::Variable { name: variable, ty } => {
                (ty, if shadowed { Reference::Shadowed(variable) } else { Reference::Variable(variable) })
            }
            Global::Constant { value, ty } => (ty, Reference::Constant(value)),
            // cel-go keeps the dot, and has no type of such a name when it plans.
            Global::Type { of, .. } if shadowed => (Type::type_of(of), Reference::Shadowed(name.to_owned())),
            Global::Type { name, of } => (Type::type_of(of), Reference::Type(name)),
        };
        self.set_type(node, ty);
        self.refer(node, reference);
        true
    }

    fn undeclared(&mut self, node: NodeId, name: &str, receiver: Option<Type>) {
        let container = self.environment.container().to_owned();
        self.error(node, TypeErrorKind::UndeclaredReference { name: name.to_owned(), container, receiver });
    }

    fn check_select(&mut self, e: &Expr, operand: &Expr, field: &str, test_only: bool) {
        // `a.b.c` may be one qualified name, unless its first part is a comprehension variable.
        if !test_only
            && let Some(qualified) = qualified_name(e)
            && !self.is_local(&qualified)
            && self.resolve_global(e.id, &qualified)
        {
            return;
        }
        let result = self.check_field(e.id, operand, field, false);
        let ty = if test_only { Type::Bool } else { self.bindings.substitute(&result, false) };
        self.set_type(e.id, ty);
    }

    fn is_local(&self, qualified: &str) -> bool {
        let first = qualified.split('.').next().unwrap_or(qualified);
        !first.is_empty() && self.scopes.iter().any(|(local, _)| local == first)
    }

    fn check_optional_select(&mut self, e: &Expr, target: Option<&Expr>, args: &[Expr]) {
        let (None, [operand, field]) = (target, args) else {
            let member = if target.is_some() { " member call with" } else { "" };
            let text = format!("incorrect signature.{member} argument count: {}", args.len());
            return self.error(e.id, TypeErrorKind::OptionalSelection(text));
        };
        let ExprKind::Literal(Literal::String(name)) = &field.kind else {
            return self.error(field.id, TypeErrorKind::OptionalSelection("not a field name".to_owned()));
        };
        let result = self.check_field(e.id, operand, name, true);
        self.set_type(field.id, Type::String);
        let result = self.bindings.substitute(&result, false);
        self.set_type(e.id, result);
        if let Some(function) = self.environment.functions().get("_?._") {
            let overloads = function.overloads.iter().map(|overload| overload.row).collect();
            self.refer(e.id, Reference::Call { function, overloads, receiver: false });
        }
    }

    fn check_field(&mut self, node: NodeId, operand: &Expr, field: &str, optional: bool) -> Type {
        self.check(operand);
        let operand_type = self.bindings.substitute(&self.type_of(operand.id), false);
        let (target, was_optional) = match operand_type.unwrap_optional() {
            Some(inner) => (inner.clone(), true),
            None => (operand_type.clone(), false),
        };
        let result = match &target {
            Type::Map(entry) => entry.1.clone(),
            Type::Struct(object) => match self.environment.field(object, field) {
                Some(ty) => ty,
                None if self.environment.object(object).is_none() => {
                    self.error(node, TypeErrorKind::FailedResolution((*object).to_owned()));
                    Type::Error
                }
                None => {
                    let (field, object) = (field.to_owned(), (*object).to_owned());
                    self.error(node, TypeErrorKind::UndefinedField { field, object });
                    Type::Error
                }
            },
            Type::Param(_) => {
                // Decided here once and for all: a later use must not bind it to something narrower.
                self.bindings.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            _ => {
                if !target.is_dyn_or_error() {
                    self.error(node, TypeErrorKind::NoFieldSelection(declared(&target)));
                }
                Type::Dyn
            }
        };
        if was_optional || optional { Type::optional(result) } else { result }
    }

    fn check_call(&mut self, e: &Expr, name: &str, target: Option<&Expr>, args: &[Expr]) {
        if name == "_?._" {
            return self.check_optional_select(e, target, args);
        }
        for arg in args {
            self.check(arg);
        }
        let Some(target) = target else {
            return match self.environment.resolve_function(name) {
                Some(function) => self.resolve_overload(e.id, function, None, args),
                None => {
                    self.set_type(e.id, Type::Error);
                    self.undeclared(e.id, name, None);
                }
            };
        };
        // `a.b.f(x)` is a function `a.b.f`, if there is one, before it is a call of `f` on `a.b`.
        let qualified = qualified_name(target).map(|prefix| format!("{prefix}.{name}"));
        if let Some(function) = qualified.as_deref().and_then(|name| self.environment.resolve_function(name))
        {
            return self.resolve_overload(e.id, function, None, args);
        }
        self.check(target);
        // Kyverno's engine has a macro that makes a call of a function without receiver of it.
        if name == "orValue"
            && args.len() == 1
            && let Some(function) = self.environment.resolve_function(or_value::FUNCTION)
        {
            return self.resolve_call(e.id, function, Some(target), args, false);
        }
        match self.environment.resolve_function(name) {
            Some(function) => self.resolve_overload(e.id, function, Some(target), args),
            None => {
                self.set_type(e.id, Type::Error);
                let receiver = self.bindings.substitute(&self.type_of(target.id), true);
                self.undeclared(e.id, name, Some(receiver));
            }
        }
    }

    fn resolve_overload(
        &mut self,
        node: NodeId,
        function: &'e Function,
        target: Option<&Expr>,
        args: &[Expr],
    ) {
        self.resolve_call(node, function, target, args, target.is_some());
    }

    /// The same of a call whose receiver may be an argument of the function.
    fn resolve_call(
        &mut self,
        node: NodeId,
        function: &'e Function,
        target: Option<&Expr>,
        args: &[Expr],
        member: bool,
    ) {
        let arguments: Vec<Type> = target.into_iter().chain(args).map(|arg| self.type_of(arg.id)).collect();
        if matches!(function.name.as_str(), "_&&_" | "_||_") {
            return self.resolve_logical(node, function, args, &arguments);
        }
        let mut overloads = Vec::new();
        let mut result: Option<Type> = None;
        for overload in &function.overloads {
            let signature = &overload.signature;
            if signature.member != member || signature.params.len() != arguments.len() {
                continue;
            }
            let mut instance: Vec<Type> = signature.params.clone();
            instance.push(signature.result.clone());
            if overload.generic {
                instance = self.bindings.instantiate(&instance);
            }
            let Some((overload_result, params)) = instance.split_last() else { continue };
            if !self.bindings.all_assignable(&arguments, params) {
                continue;
            }
            overloads.push(overload.row);
            let overload_result = self.bindings.substitute(overload_result, false);
            result = Some(match result {
                None => overload_result,
                // Several overloads that agree keep their type, else only run time knows.
                Some(ty) if ty.is_dyn() || ty.is_exact(&overload_result) => ty,
                Some(_) => Type::Dyn,
            });
        }
        match result {
            Some(result) => {
                self.set_type(node, result);
                self.refer(node, Reference::Call { function, overloads, receiver: target.is_some() });
            }
            None => {
                self.set_type(node, Type::Error);
                let arguments = arguments.iter().map(|ty| self.bindings.substitute(ty, true)).collect();
                let kind =
                    TypeErrorKind::NoMatchingOverload { function: function.name.clone(), arguments, member };
                self.error(node, kind);
            }
        }
    }

    /// `&&` and `||` say which operand is no bool, instead of that no overload matches.
    fn resolve_logical(&mut self, node: NodeId, function: &'e Function, args: &[Expr], arguments: &[Type]) {
        let mut failed = false;
        for (arg, ty) in args.iter().zip(arguments) {
            if !self.bindings.assignable(ty, &Type::Bool) {
                failed = true;
                let found = declared(ty);
                self.error(arg.id, TypeErrorKind::Mismatch { expected: Type::Bool, found });
            }
        }
        if failed {
            return self.set_type(node, Type::Error);
        }
        self.set_type(node, Type::Bool);
        let overloads = function.overloads.iter().map(|overload| overload.row).collect();
        self.refer(node, Reference::Call { function, overloads, receiver: false });
    }

    /// The type of an element or entry, unwrapped if it stands behind `?`.
    fn element_type(&mut self, value: &Expr, optional: bool) -> Type {
        let ty = self.type_of(value.id);
        if !optional {
            return ty;
        }
        match ty.unwrap_optional() {
            Some(inner) => inner.clone(),
            None => {
                if !ty.is_dyn() {
                    let expected = Type::optional(ty.clone());
                    self.error(value.id, TypeErrorKind::Mismatch { expected, found: ty.clone() });
                }
                ty
            }
        }
    }

    /// Mixed elements make a dyn list here; that Kyverno refuses them is a check of its own, see `validate`.
    fn join(&mut self, previous: Option<Type>, current: Type) -> Option<Type> {
        Some(match previous {
            None => current,
            Some(previous) if self.bindings.assignable(&previous, &current) => {
                most_general(&previous, &current)
            }
            Some(_) => Type::Dyn,
        })
    }

    fn check_list(&mut self, node: NodeId, elements: &[Expr], optional: &[usize]) {
        let mut joined = None;
        for (index, element) in elements.iter().enumerate() {
            self.check(element);
            let ty = self.element_type(element, optional.contains(&index));
            joined = self.join(joined, ty);
        }
        let element = joined.unwrap_or_else(|| self.bindings.fresh());
        self.set_type(node, Type::list(element));
    }

    fn check_map(&mut self, node: NodeId, entries: &[MapEntry]) {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.check(&entry.key);
            let ty = self.type_of(entry.key.id);
            keys = self.join(keys, ty);
            self.check(&entry.value);
            let ty = self.element_type(&entry.value, entry.optional);
            values = self.join(values, ty);
        }
        let key = keys.unwrap_or_else(|| self.bindings.fresh());
        let value = values.unwrap_or_else(|| self.bindings.fresh());
        self.set_type(node, Type::map(key, value));
    }

    fn check_struct(&mut self, node: NodeId, type_name: &str, fields: &[StructField]) {
        let Some((name, ty)) = self.environment.resolve_type(type_name) else {
            self.undeclared(node, type_name, None);
            return self.set_type(node, Type::Error);
        };
        let message = self.environment.object(&name).is_some();
        if message {
            self.set_type(node, ty);
        } else {
            self.set_type(node, Type::Error);
            self.error(node, TypeErrorKind::NotAMessageType(ty.runtime_name().to_owned()));
            for field in fields {
                self.error(field.id, TypeErrorKind::FailedResolution(type_name.to_owned()));
            }
        }
        // The type alone does not tell which message it was: several are wrappers of one type.
        self.refer(node, Reference::Type(name.clone()));
        for field in fields {
            self.check(&field.value);
            let expected = match self.environment.field(&name, &field.field) {
                Some(expected) => expected,
                None if !message => Type::Error,
                None => {
                    let (field_name, object) = (field.field.clone(), name.clone());
                    self.error(field.id, TypeErrorKind::UndefinedField { field: field_name, object });
                    Type::Error
                }
            };
            let found = self.element_type(&field.value, field.optional);
            if !self.bindings.assignable(&expected, &found) {
                let field_name = field.field.clone();
                let found = declared(&found);
                self.error(field.id, TypeErrorKind::FieldMismatch { field: field_name, expected, found });
            }
        }
    }

    fn check_comprehension(&mut self, node: NodeId, comprehension: &Comprehension) {
        self.check(&comprehension.iter_range);
        self.check(&comprehension.accu_init);
        let range = self.bindings.substitute(&self.type_of(comprehension.iter_range.id), false);
        let accu = self.type_of(comprehension.accu_init.id);
        self.scopes.push((comprehension.accu_var.clone(), accu.clone()));
        // What is iterated by one variable, and by the two of a macro that has two.
        let (element, pair) = match &range {
            Type::List(element) => (element.as_ref().clone(), (Type::Int, element.as_ref().clone())),
            Type::Map(entry) => (entry.0.clone(), (entry.0.clone(), entry.1.clone())),
            _ if matches!(range.kind(), Kind::Dyn | Kind::Error | Kind::Param) => {
                self.bindings.assignable(&Type::Dyn, &range);
                (Type::Dyn, (Type::Dyn, Type::Dyn))
            }
            _ => {
                self.error(comprehension.iter_range.id, TypeErrorKind::NotARange(range.clone()));
                (Type::Error, (Type::Error, Type::Error))
            }
        };
        let outer = self.scopes.len();
        match &comprehension.iter_var2 {
            None => self.scopes.push((comprehension.iter_var.clone(), element)),
            Some(second) => {
                self.scopes.push((comprehension.iter_var.clone(), pair.0));
                self.scopes.push((second.clone(), pair.1));
            }
        }
        self.check(&comprehension.condition);
        self.expect(&comprehension.condition, &Type::Bool);
        self.check(&comprehension.step);
        self.expect(&comprehension.step, &accu);
        self.scopes.truncate(outer);
        self.check(&comprehension.result);
        self.scopes.pop();
        let result = self.bindings.substitute(&self.type_of(comprehension.result.id), false);
        self.set_type(node, result);
    }

    fn expect(&mut self, e: &Expr, expected: &Type) {
        let found = self.type_of(e.id);
        if !self.bindings.assignable(expected, &found) {
            self.error(e.id, TypeErrorKind::Mismatch { expected: expected.clone(), found });
        }
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}

/// `a.b.c` for selections on a name; `None` for anything else.
fn qualified_name(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Ident(name) => Some(name.clone()),
        ExprKind::Select { operand, field, test_only: false } => {
            qualified_name(operand).map(|prefix| format!("{prefix}.{field}"))
        }
        _ => None,
    }
}

/// A type as cel-go declares it: `list`, `map` and `optional_type` as values are types of dyn. Here their parameters
/// are free, see `own_type`.
fn declared(ty: &Type) -> Type {
    match ty {
        Type::Param(name) if name.len() == 1 => Type::Dyn,
        _ => assign::rebuild(ty, &mut declared),
    }
}
