//! From checked tree to nodes.

use crate::cel::ast::{Comprehension, Expr, ExprKind, Literal, Macro, NodeId};
use crate::cel::budget::Budget;
use crate::cel::check::{Checked, Function, Reference, type_named};
use crate::cel::eval;
use crate::library::regex::{self, CompiledPattern};
use crate::library::table::{Body, Context, Implementation, Row};
use crate::types::{ObjectType, Type, VARIABLES, object_type};
use crate::value::{Value, ValueKind};

use super::{Arena, Call, Collect, Dispatch, Element, Entry, FieldInit, Fold, Guard, Loop, Node, PlanError};

/// What a constant expression may use while it is folded; more, and it is evaluated on each request.
const FOLD_BUDGET: Budget = Budget { steps: 10_000, bytes: 64 * 1024 };

pub(super) struct Planner<'c, 'p> {
    checked: &'c Checked<'c>,
    arena: &'p Arena,
    inputs: &'c [&'c str],
    policy_variable: &'c dyn Fn(&str) -> Option<usize>,
    /// The comprehension variables in scope, innermost last.
    locals: Vec<(String, Local<'p>)>,
    next_slot: usize,
    /// The most slots alive at once so far.
    peak: usize,
}

#[derive(Clone, Copy)]
enum Local<'p> {
    Slot(usize),
    Lazy(usize, &'p Node<'p>),
}

impl<'c, 'p> Planner<'c, 'p> {
    pub(super) fn new(
        checked: &'c Checked<'c>,
        arena: &'p Arena,
        inputs: &'c [&'c str],
        policy_variable: &'c dyn Fn(&str) -> Option<usize>,
    ) -> Self {
        Planner { checked, arena, inputs, policy_variable, locals: Vec::new(), next_slot: 0, peak: 0 }
    }

    pub(super) fn slots(&self) -> usize {
        self.peak
    }

    fn boxed(&self, node: Node<'p>) -> &'p Node<'p> {
        self.arena.bump.alloc(node)
    }

    fn str(&self, text: &str) -> &'p str {
        self.arena.bump.alloc_str(text)
    }

    fn slice<T>(&self, items: Vec<T>) -> &'p [T] {
        self.arena.bump.alloc_slice_fill_iter(items)
    }

    fn take_slot(&mut self) -> usize {
        let slot = self.next_slot;
        self.next_slot = slot.saturating_add(1);
        self.peak = self.peak.max(self.next_slot);
        slot
    }

    pub(super) fn plan(&mut self, e: &Expr) -> Result<Node<'p>, PlanError> {
        let id = e.id;
        match &e.kind {
            ExprKind::Literal(literal) => Ok(Node::Const(self.literal(literal))),
            ExprKind::Ident(_) => self.reference(id),
            ExprKind::Select { operand, field, test_only } => {
                if !test_only && self.checked.reference(id).is_some() {
                    return self.reference(id);
                }
                self.select(id, operand, field, *test_only, false)
            }
            ExprKind::Call { function, target, args } => self.call(id, function, target.as_deref(), args),
            ExprKind::List { elements, optional } => self.list(id, elements, optional),
            ExprKind::Map(entries) => {
                let mut planned = Vec::with_capacity(entries.len());
                for entry in entries {
                    let (key, value) = (self.plan(&entry.key)?, self.plan(&entry.value)?);
                    planned.push(Entry { key, value, optional: entry.optional });
                }
                let constant = planned.iter().all(|e| is_const(&e.key) && is_const(&e.value) && !e.optional);
                Ok(self.fold(Node::Map { id, entries: self.slice(planned) }, constant))
            }
            ExprKind::Struct { fields, .. } => {
                let Some(Reference::Type(name)) = self.checked.reference(id) else {
                    return Err(self.internal(id, "a literal of no object type"));
                };
                let ty = self.object(id, name)?;
                if ty.ty == Type::Any && !fields.is_empty() {
                    let message = "google.protobuf.Any with content is not supported yet".to_owned();
                    return Err(PlanError { node: id, message });
                }
                let mut planned = Vec::with_capacity(fields.len());
                for field in fields {
                    let Some((index, _)) = ty.field(&field.field) else {
                        return Err(self.internal(id, "a field that is not of the type"));
                    };
                    planned.push(FieldInit {
                        index,
                        value: self.plan(&field.value)?,
                        optional: field.optional,
                    });
                }
                Ok(Node::Object { id, ty, fields: self.slice(planned) })
            }
            ExprKind::Comprehension(comprehension) => self.comprehension(id, comprehension),
        }
    }

    fn internal(&self, node: NodeId, what: &str) -> PlanError {
        PlanError { node, message: format!("internal error: {what}") }
    }

    fn object(&self, node: NodeId, name: &str) -> Result<&'static ObjectType, PlanError> {
        object_type(name).ok_or_else(|| self.internal(node, "an unknown object type"))
    }

    fn literal(&self, literal: &Literal) -> Value<'p> {
        match literal {
            Literal::Null => Value::Null,
            Literal::Bool(b) => Value::Bool(*b),
            Literal::Int(i) => Value::Int(*i),
            Literal::Uint(u) => Value::Uint(*u),
            Literal::Double(d) => Value::Double(*d),
            Literal::String(s) => Value::String(self.str(s)),
            Literal::Bytes(b) => Value::Bytes(self.arena.bump.alloc_slice_copy(b)),
        }
    }

    /// cel-go takes any name whose type is a type for the name of a type.
    fn type_name(&self, id: NodeId, name: &str) -> Result<Option<Node<'p>>, PlanError> {
        match self.checked.type_of(id) {
            Type::Type(_) if type_named(name).is_some() => Ok(Some(Node::Const(Value::Type(self.str(name))))),
            Type::Type(_) => {
                Err(PlanError { node: id, message: format!("reference to undefined type: {name}") })
            }
            _ => Ok(None),
        }
    }

    fn reference(&mut self, id: NodeId) -> Result<Node<'p>, PlanError> {
        if let Some(Reference::Local(name) | Reference::Shadowed(name)) = self.checked.reference(id)
            && let Some(node) = self.type_name(id, name)?
        {
            return Ok(node);
        }
        match self.checked.reference(id) {
            Some(Reference::Local(name)) => match self.locals.iter().rev().find(|(local, _)| local == name) {
                Some((_, Local::Slot(slot))) => Ok(Node::Local(*slot)),
                Some((_, Local::Lazy(slot, init))) => Ok(Node::Lazy { slot: *slot, init }),
                None => Err(self.internal(id, "a local variable out of scope")),
            },
            Some(Reference::Shadowed(name)) => Ok(Node::Unbound(id, self.str(name))),
            // What it holds exists only field by field; as a whole it is a value with a type and nothing inside.
            Some(Reference::Variable(name)) if name == "variables" => {
                Ok(Node::Const(Value::Opaque(VARIABLES)))
            }
            Some(Reference::Variable(name)) => Ok(match self.inputs.iter().position(|input| input == name) {
                Some(index) => Node::Input(index),
                None => Node::Unbound(id, self.str(name)),
            }),
            Some(Reference::Constant(Value::String(text))) => Ok(Node::Const(Value::String(self.str(text)))),
            Some(Reference::Constant(Value::Int(int))) => Ok(Node::Const(Value::Int(*int))),
            // A message that stands for a type of CEL's own has no value as a type, though the checker takes it.
            Some(Reference::Type(name)) if object_type(name).is_some_and(is_alias) => {
                Err(PlanError { node: id, message: format!("reference to undefined type: {name}") })
            }
            Some(Reference::Type(name)) => Ok(Node::Const(Value::Type(self.str(name)))),
            _ => Err(self.internal(id, "a name without meaning")),
        }
    }

    /// `operand.field`, `has(operand.field)` or `operand.?field`.
    fn select(
        &mut self,
        id: NodeId,
        operand: &Expr,
        field: &str,
        test: bool,
        optional: bool,
    ) -> Result<Node<'p>, PlanError> {
        if self.is_variables(operand)
            && let Some(index) = (self.policy_variable)(field)
        {
            return Ok(match (test, optional) {
                (true, _) => Node::TestVariable(index),
                (false, true) => Node::OptionalVariable(index),
                (false, false) => Node::PolicyVariable(index),
            });
        }
        let planned = self.plan(operand)?;
        let operand_node = self.boxed(planned);
        // A struct's type is trusted only where cel-go does: on a plain selection. `.?` goes by the value.
        if !optional
            && let Type::Struct(name) = self.checked.type_of(operand.id)
            && *name != VARIABLES
        {
            let ty = self.object(id, name)?;
            let Some((index, _)) = ty.field(field) else {
                return Err(self.internal(id, "a field that is not of the type"));
            };
            return Ok(match test {
                true => Node::TestField { id, operand: operand_node, ty, index },
                false => Node::Field { id, operand: operand_node, ty, index, optional },
            });
        }
        if test {
            return Ok(Node::Test { id, operand: operand_node, field: self.str(field) });
        }
        let key = self.boxed(Node::Const(Value::String(self.str(field))));
        Ok(Node::Qualify { id, operand: operand_node, key, optional })
    }

    /// True for `variables` and for `dyn(variables)`: the one value that exists only field by field.
    fn is_variables(&self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Call { function, target: None, args } if function == "dyn" => {
                matches!(args.as_slice(), [inner] if self.is_variables(inner))
            }
            _ => {
                matches!(self.checked.reference(e.id), Some(Reference::Variable(name)) if name == "variables")
            }
        }
    }

    fn list(&mut self, id: NodeId, elements: &[Expr], optional: &[usize]) -> Result<Node<'p>, PlanError> {
        let mut planned = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            planned.push(Element { value: self.plan(element)?, optional: optional.contains(&index) });
        }
        let constant = planned.iter().all(|e| is_const(&e.value) && !e.optional);
        Ok(self.fold(Node::List { id, elements: self.slice(planned) }, constant))
    }

    /// The value of a constant node, unless evaluating it fails or costs too much: then it does so on each request.
    fn fold(&self, node: Node<'p>, constant: bool) -> Node<'p> {
        if !constant {
            return node;
        }
        match eval::constant(self.boxed(node), Context::new(&self.arena.bump, FOLD_BUDGET)) {
            // An optional inside a chain of qualifiers is another thing than one at its root.
            Ok(Value::Optional(_)) if matches!(node, Node::Qualify { .. } | Node::Conditional { .. }) => node,
            Ok(value) => Node::Const(value),
            Err(_) => node,
        }
    }

    fn call(
        &mut self,
        id: NodeId,
        name: &str,
        target: Option<&Expr>,
        args: &[Expr],
    ) -> Result<Node<'p>, PlanError> {
        let Some(Reference::Call { function, overloads, receiver }) = self.checked.reference(id) else {
            return Err(self.internal(id, "a call without overload"));
        };
        let (function, receiver) = (*function, *receiver);
        if let ("_?._", [operand, field]) = (name, args) {
            let ExprKind::Literal(Literal::String(field)) = &field.kind else {
                return Err(self.internal(id, "an optional selection without field"));
            };
            return self.select(id, operand, field, false, true);
        }
        if matches!(function.name.as_str(), "_&&_" | "_||_") {
            return self.logical(id, &function.name, args);
        }
        let mut planned = Vec::with_capacity(args.len().saturating_add(1));
        if receiver && let Some(target) = target {
            planned.push(self.plan(target)?);
        }
        for arg in args {
            planned.push(self.plan(arg)?);
        }
        if let ("_[_]" | "_[?_]", [_, key]) = (name, args) {
            self.check_key(id, key)?;
        }
        if let Some(node) = self.operator(id, &function.name, &mut planned) {
            return Ok(node);
        }
        let literals: Vec<bool> = (if receiver { target } else { None })
            .into_iter()
            .chain(args)
            .map(|arg| matches!(arg.kind, ExprKind::Literal(_)))
            .collect();
        self.function(id, function, overloads, planned, &literals)
    }

    /// cel-go refuses to index by a literal that cannot be a key when it builds the program.
    fn check_key(&self, node: NodeId, key: &Expr) -> Result<(), PlanError> {
        let go_type = match &key.kind {
            ExprKind::Literal(Literal::Null) => "types.Null",
            ExprKind::Literal(Literal::Bytes(_)) => "types.Bytes",
            ExprKind::Ident(_) | ExprKind::Select { .. } => match self.checked.type_of(key.id) {
                Type::Type(Some(of)) if matches!(of.as_ref(), Type::Struct(_)) => "*ext.nativeType",
                Type::Type(_) if self.checked.reference(key.id).is_some() => "*types.Type",
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        Err(PlanError { node, message: format!("invalid qualifier type: {go_type}") })
    }

    /// Chains of one operator become one node: the value of the first that decides, else the first error.
    fn logical(&mut self, id: NodeId, name: &str, args: &[Expr]) -> Result<Node<'p>, PlanError> {
        let mut terms = Vec::new();
        for arg in args {
            match self.plan(arg)? {
                Node::And { terms: inner, .. } if name == "_&&_" => terms.extend_from_slice(inner),
                Node::Or { terms: inner, .. } if name == "_||_" => terms.extend_from_slice(inner),
                node => terms.push(node),
            }
        }
        let terms = self.slice(terms);
        Ok(if name == "_&&_" { Node::And { id, terms } } else { Node::Or { id, terms } })
    }

    /// The operators that are nodes of their own.
    fn operator(&mut self, id: NodeId, name: &str, args: &mut Vec<Node<'p>>) -> Option<Node<'p>> {
        if !matches!(name, "_?_:_" | "_==_" | "_!=_" | "!_" | "_[_]" | "_[?_]" | "or" | "orValue") {
            return None;
        }
        let constant = args.iter().all(is_const);
        let mut args = args.drain(..).map(|node| self.boxed(node));
        let (first, second) = (args.next()?, args.next());
        let node = match (name, second, args.next()) {
            ("_?_:_", Some(then), Some(otherwise)) => {
                Node::Conditional { id, condition: first, then, otherwise }
            }
            ("_==_", Some(right), None) => Node::Equal { left: first, right, negate: false },
            ("_!=_", Some(right), None) => Node::Equal { left: first, right, negate: true },
            ("!_", None, None) => Node::Not { id, operand: first },
            ("_[_]", Some(key), None) => Node::Qualify { id, operand: first, key, optional: false },
            ("_[?_]", Some(key), None) => Node::Qualify { id, operand: first, key, optional: true },
            ("or", Some(right), None) => Node::OptionalOr { id, left: first, right },
            ("orValue", Some(right), None) => Node::OptionalOrValue { id, left: first, right },
            _ => return None,
        };
        Some(self.fold(node, constant))
    }

    fn function(
        &mut self,
        id: NodeId,
        function: &'c Function,
        overloads: &[&'static Row],
        args: Vec<Node<'p>>,
        literals: &[bool],
    ) -> Result<Node<'p>, PlanError> {
        let constant = args.iter().all(is_const);
        let name = self.str(&function.name);
        let certain: Vec<Option<ValueKind>> = args.iter().map(certain_kind).collect();
        let args = self.slice(args);
        let Some(first) = overloads.first() else { return Err(self.internal(id, "a call without overload")) };
        if let Implementation::Shared(shared) = first.implementation {
            let pattern = self.pattern(id, function, shared.pattern, args, literals)?;
            let call = Call {
                id,
                function: name,
                body: shared.body,
                args,
                guards: &[],
                receivers: shared.receivers,
                pattern,
            };
            return Ok(self.fold(Node::Call(self.arena.bump.alloc(call)), constant));
        }
        if overloads.len() == 1 {
            let (body, position) =
                own_body(first).ok_or_else(|| self.internal(id, "a function without body"))?;
            let pattern = self.pattern(id, function, position, args, literals)?;
            // With a literal pattern, cel-go's optimised call has no guard: the body sees a wrong receiver itself.
            let literal = position.and_then(|position| literals.get(position)) == Some(&true);
            let optimised = pattern.is_some() && literal;
            let guards = if optimised { &[] } else { self.guards(function, first, &certain) };
            let call = Call { id, function: name, body, args, guards, receivers: &[], pattern };
            return Ok(self.fold(Node::Call(self.arena.bump.alloc(call)), constant));
        }
        // cel-go tries every overload of the function, also those that the checker ruled out.
        let mut candidates = Vec::new();
        let mut position = None;
        for overload in function.overloads.iter().filter(|o| o.signature.params.len() == args.len()) {
            let Some((body, pattern)) = own_body(overload.row) else { continue };
            position = position.or(pattern);
            candidates.push((body, self.guards(function, overload.row, &[])));
        }
        let pattern = self.pattern(id, function, position, args, literals)?;
        let candidates = self.slice(candidates);
        let dispatch = Dispatch { id, function: name, candidates, args, pattern };
        Ok(self.fold(Node::Dispatch(self.arena.bump.alloc(dispatch)), constant))
    }

    /// The guards of an overload; none if the arguments' kinds are certain to pass.
    fn guards(&self, function: &Function, row: &Row, certain: &[Option<ValueKind>]) -> &'p [Guard<'p>] {
        let Some(overload) = function.overloads.iter().find(|o| std::ptr::eq(o.row, row)) else { return &[] };
        let guards: Vec<Guard<'p>> =
            overload.signature.params.iter().map(|ty| Guard::of(ty, &self.arena.bump)).collect();
        let needless = guards.len() == certain.len()
            && guards.iter().zip(certain).all(|(guard, kind)| match guard {
                Guard::Any => true,
                Guard::Kind(due) => kind.as_ref() == Some(due),
                _ => false,
            });
        if needless { &[] } else { self.slice(guards) }
    }

    /// The compiled pattern, if the argument at `position` is a constant string.
    fn pattern(
        &self,
        id: NodeId,
        function: &Function,
        position: Option<usize>,
        args: &[Node<'p>],
        literals: &[bool],
    ) -> Result<Option<&'p CompiledPattern>, PlanError> {
        let Some(Node::Const(Value::String(text))) = position.and_then(|position| args.get(position)) else {
            return Ok(None);
        };
        match regex::compile(text) {
            Ok(pattern) => Ok(Some(self.arena.patterns.alloc(pattern))),
            // The Kubernetes functions refuse a bad literal pattern when the program is built; `matches` fails
            // when it is evaluated, and so does any pattern that is an expression (kyverno-semantics §2.7).
            Err(error)
                if matches!(function.name.as_str(), "find" | "findAll")
                    && position.and_then(|position| literals.get(position)) == Some(&true) =>
            {
                Err(PlanError { node: id, message: error.to_string() })
            }
            Err(_) => Ok(None),
        }
    }

    fn comprehension(&mut self, id: NodeId, c: &Comprehension) -> Result<Node<'p>, PlanError> {
        let (locals, next_slot) = (self.locals.len(), self.next_slot);
        let node = match c.origin {
            Macro::Bind | Macro::OptMap | Macro::OptFlatMap => self.bind(c)?,
            Macro::All | Macro::Exists => match self.quantifier(id, c)? {
                Some(node) => node,
                None => self.general(id, c)?,
            },
            Macro::Map | Macro::Filter => match self.collect(id, c)? {
                Some(node) => node,
                None => self.general(id, c)?,
            },
            _ if is_bind(c) => self.bind(c)?,
            _ => self.general(id, c)?,
        };
        self.locals.truncate(locals);
        self.next_slot = next_slot;
        Ok(node)
    }

    /// A fold over an empty list: its accumulator is a name for a value that is evaluated when first used.
    fn bind(&mut self, c: &Comprehension) -> Result<Node<'p>, PlanError> {
        let slot = self.take_slot();
        // The value is made in the middle of the body, so its own variables need slots that the body leaves alone.
        let outer_peak = std::mem::replace(&mut self.peak, self.next_slot);
        let init = self.plan(&c.accu_init)?;
        self.type_name(c.step.id, &c.accu_var)?;
        let init = self.boxed(init);
        self.next_slot = self.peak;
        self.peak = self.peak.max(outer_peak);
        self.locals.push((c.accu_var.clone(), Local::Lazy(slot, init)));
        let body = self.plan(&c.result)?;
        Ok(Node::Bind { slot, body: self.boxed(body) })
    }

    /// `@result && p` or `@result || p`.
    fn quantifier(&mut self, id: NodeId, c: &Comprehension) -> Result<Option<Node<'p>>, PlanError> {
        let (operator, all) = match c.origin {
            Macro::All => ("_&&_", true),
            _ => ("_||_", false),
        };
        let predicate = match &c.step.kind {
            ExprKind::Call { function, target: None, args } if function == operator => {
                match args.as_slice() {
                    [accu, predicate] if is_ident(accu, &c.accu_var) => predicate,
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let range = self.plan(&c.iter_range)?;
        let slot = self.take_slot();
        self.locals.push((c.iter_var.clone(), Local::Slot(slot)));
        let predicate = self.plan(predicate)?;
        let node = self.arena.bump.alloc(Loop { id, range, slot, predicate });
        Ok(Some(if all { Node::All(node) } else { Node::Exists(node) }))
    }

    /// `@result + [t]`, or `p ? @result + [t] : @result`.
    fn collect(&mut self, id: NodeId, c: &Comprehension) -> Result<Option<Node<'p>>, PlanError> {
        let (filter, append) = match &c.step.kind {
            ExprKind::Call { function, target: None, args } if function == "_?_:_" => match args.as_slice() {
                [condition, append, accu] if is_ident(accu, &c.accu_var) => (Some(condition), append),
                _ => return Ok(None),
            },
            _ => (None, &c.step),
        };
        let element = match &append.kind {
            ExprKind::Call { function, target: None, args } if function == "_+_" => match args.as_slice() {
                [accu, list] if is_ident(accu, &c.accu_var) => match &list.kind {
                    ExprKind::List { elements, optional } if optional.is_empty() => match elements.as_slice()
                    {
                        [element] => element,
                        _ => return Ok(None),
                    },
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let range = self.plan(&c.iter_range)?;
        let slot = self.take_slot();
        self.locals.push((c.iter_var.clone(), Local::Slot(slot)));
        let filter = filter.map(|filter| self.plan(filter)).transpose()?;
        let is_itself = is_ident(element, &c.iter_var) && self.type_name(element.id, &c.iter_var)?.is_none();
        let transform = if is_itself { None } else { Some(self.plan(element)?) };
        let node = self.arena.bump.alloc(Collect { id, range, slot, filter, transform });
        Ok(Some(Node::Collect(node)))
    }

    fn general(&mut self, id: NodeId, c: &Comprehension) -> Result<Node<'p>, PlanError> {
        let init = self.plan(&c.accu_init)?;
        let range = self.plan(&c.iter_range)?;
        let (accu_slot, iter_slot) = (self.take_slot(), self.take_slot());
        self.locals.push((c.accu_var.clone(), Local::Slot(accu_slot)));
        self.locals.push((c.iter_var.clone(), Local::Slot(iter_slot)));
        let condition = self.plan(&c.condition)?;
        let step = self.plan(&c.step)?;
        self.locals.pop();
        let result = self.plan(&c.result)?;
        let node =
            self.arena.bump.alloc(Fold { id, range, iter_slot, accu_slot, init, condition, step, result });
        Ok(Node::Fold(node))
    }
}

/// True for a message whose literals have a type of another name; cel-go counts `google.protobuf.Any` among them.
fn is_alias(object: &ObjectType) -> bool {
    object.ty == Type::Any || object.ty.runtime_name() != object.name
}

fn own_body(row: &Row) -> Option<(Body, Option<usize>)> {
    match row.implementation {
        Implementation::Own(body) => Some((body, None)),
        Implementation::Pattern(body, position) => Some((body, Some(position))),
        Implementation::Shared(_) | Implementation::Planned => None,
    }
}

fn is_const(node: &Node<'_>) -> bool {
    matches!(node, Node::Const(_))
}

fn is_ident(e: &Expr, name: &str) -> bool {
    matches!(&e.kind, ExprKind::Ident(ident) if ident == name)
}

fn is_bind(c: &Comprehension) -> bool {
    matches!(&c.iter_range.kind, ExprKind::List { elements, .. } if elements.is_empty())
        && matches!(c.condition.kind, ExprKind::Literal(Literal::Bool(false)))
}

/// The kind that a node's values are certain to have, whatever the request holds.
fn certain_kind(node: &Node<'_>) -> Option<ValueKind> {
    match node {
        Node::Const(value) => Some(value.kind()),
        Node::TestField { .. }
        | Node::Test { .. }
        | Node::And { .. }
        | Node::Or { .. }
        | Node::Not { .. } => Some(ValueKind::Bool),
        Node::Equal { .. } | Node::All(_) | Node::Exists(_) => Some(ValueKind::Bool),
        Node::List { .. } | Node::Collect(_) => Some(ValueKind::List),
        Node::Map { .. } => Some(ValueKind::Map),
        Node::Field { ty, index, optional: false, .. } => match ty.fields.get(*index)?.ty.as_ref()? {
            Type::Bool => Some(ValueKind::Bool),
            Type::Int => Some(ValueKind::Int),
            Type::Double => Some(ValueKind::Double),
            Type::String => Some(ValueKind::String),
            Type::Bytes => Some(ValueKind::Bytes),
            Type::List(_) => Some(ValueKind::List),
            Type::Map(_) => Some(ValueKind::Map),
            _ => None,
        },
        _ => None,
    }
}
