//! From checked tree to nodes.

use crate::budget::Budget;
use crate::cel::ast::{Expr, ExprKind, Literal, MapEntry, NodeId, StructField};
use crate::cel::check::{Checked, Env, Function, Overload, Reference};
use crate::cel::eval;
use crate::error::Raise;
use crate::library::VARIABLES;
use crate::library::regex::{self, CompiledPattern, Groups, PatternError};
use crate::library::runtime::Runtime;
use crate::library::table::{Body, Implementation, Row};
use crate::types::Type;
use crate::value::{ObjectType, Value, ValueKind};

use super::PlanError;
use crate::cel::program::{
    Arena, Call, Counted, Dispatch, Element, Entry, FieldInit, Guard, MAX_STATES, MAX_STATES_OF_ONE, Node,
    Shared,
};

/// What a constant expression may use while it is folded; more, and it is evaluated on each request.
pub(super) const FOLD_BUDGET: Budget = Budget { steps: 10_000, bytes: 64 * 1024 };

pub(super) struct Planner<'c, 'p> {
    pub(super) checked: &'c Checked<'c>,
    pub(super) arena: &'p Arena,
    environment: &'c Env<'c>,
    /// The comprehension variables in scope, innermost last.
    pub(super) locals: Vec<(String, Local<'p>)>,
    pub(super) next_slot: usize,
    /// The most slots alive at once so far.
    pub(super) peak: usize,
    /// The expressions that may stand in other programs too.
    pub(super) shared: Vec<&'p Shared<'p>>,
    /// True if something was planned that asks for what is outside.
    pub(super) asks: bool,
    /// True if something was planned that need not cost the same elsewhere.
    pub(super) unlike: bool,
    /// What fails in every evaluation, with the error.
    pub(super) fails: Vec<(NodeId, String)>,
    /// What the constants that were evaluated here cost in Kyverno.
    pub(super) folded: u64,
}

#[derive(Clone, Copy)]
pub(super) enum Local<'p> {
    Slot(usize),
    Lazy(usize, &'p Node<'p>),
}

impl<'c, 'p> Planner<'c, 'p> {
    pub(super) fn new(checked: &'c Checked<'c>, arena: &'p Arena, environment: &'c Env<'c>) -> Self {
        Planner {
            checked,
            arena,
            environment,
            locals: Vec::new(),
            next_slot: 0,
            peak: 0,
            shared: Vec::new(),
            asks: false,
            unlike: false,
            fails: Vec::new(),
            folded: 0,
        }
    }

    pub(super) fn slots(&self) -> usize {
        self.peak
    }

    pub(super) fn boxed(&self, node: Node<'p>) -> &'p Node<'p> {
        self.arena.bump.alloc(node)
    }

    fn str(&self, text: &str) -> &'p str {
        self.arena.bump.alloc_str(text)
    }

    pub(super) fn slice<T>(&self, items: Vec<T>) -> &'p [T] {
        self.arena.bump.alloc_slice_fill_iter(items)
    }

    pub(super) fn take_slot(&mut self) -> usize {
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
            ExprKind::Call { function, target, args } => {
                let node = self.call(id, function, target.as_deref(), args)?;
                Ok(self.shareable(id, node))
            }
            ExprKind::List { elements, optional } => self.list(id, elements, optional),
            ExprKind::Map(entries) => self.map(id, entries),
            ExprKind::Struct { fields, .. } => self.message(id, fields),
            ExprKind::Comprehension(comprehension) => {
                let node = self.comprehension(id, comprehension)?;
                Ok(self.shareable(id, node))
            }
        }
    }

    fn map(&mut self, id: NodeId, entries: &[MapEntry]) -> Result<Node<'p>, PlanError> {
        let mut planned = Vec::with_capacity(entries.len());
        for entry in entries {
            let (key, value) = (self.plan(&entry.key)?, self.plan(&entry.value)?);
            planned.push(Entry { key, value, optional: entry.optional });
        }
        let constant = planned.iter().all(|e| is_const(&e.key) && is_const(&e.value) && !e.optional);
        let node = Node::Map { id, entries: self.slice(planned) };
        self.check_constant_map(id, entries, node)?;
        Ok(self.fold(id, node, constant))
    }

    fn message(&mut self, id: NodeId, fields: &[StructField]) -> Result<Node<'p>, PlanError> {
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
            planned.push(FieldInit { index, value: self.plan(&field.value)?, optional: field.optional });
        }
        Ok(Node::Object { id, ty, fields: self.slice(planned) })
    }

    pub(super) fn internal(&self, node: NodeId, what: &str) -> PlanError {
        PlanError { node, message: format!("internal error: {what}") }
    }

    fn object(&self, node: NodeId, name: &str) -> Result<&'static ObjectType, PlanError> {
        self.environment.object(name).ok_or_else(|| self.internal(node, "an unknown object type"))
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
    pub(super) fn type_name(&self, id: NodeId, name: &str) -> Result<Option<Node<'p>>, PlanError> {
        match self.checked.type_of(id) {
            Type::Type(_) if self.environment.type_named(name).is_some() => {
                Ok(Some(Node::Const(Value::Type(self.str(name)))))
            }
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
            Some(Reference::Variable(name)) if self.environment.unbound_names().contains(&name.as_str()) => {
                Ok(Node::Unbound(id, self.str(name)))
            }
            // What it holds exists only field by field; as a whole it is a value with a type and nothing inside.
            Some(Reference::Variable(name)) if name == "variables" => {
                Ok(Node::Const(Value::Opaque(VARIABLES)))
            }
            Some(Reference::Variable(name)) => {
                Ok(match self.environment.inputs().iter().position(|input| input == name) {
                    Some(index) => Node::Input(index),
                    None => Node::Unbound(id, self.str(name)),
                })
            }
            Some(Reference::Constant(Value::String(text))) => Ok(Node::Const(Value::String(self.str(text)))),
            Some(Reference::Constant(Value::Int(int))) => Ok(Node::Const(Value::Int(*int))),
            // A message that stands for a type of CEL's own has no value as a type, though the checker takes it.
            Some(Reference::Type(name)) if self.environment.object(name).is_some_and(has_no_value) => {
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
            && let Some(index) = self.environment.policy_variable(field).map(|(index, _)| index)
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
            && let ty = self.object(id, name)?
            && !ty.declared
        {
            let Some((index, _)) = ty.field(field) else {
                return Err(self.internal(id, "a field that is not of the type"));
            };
            return Ok(match test {
                true => Node::TestField { id, operand: operand_node, ty, index, wraps: self.wraps(operand) },
                false => Node::Field { id, operand: operand_node, ty, index, optional },
            });
        }
        if test {
            let wraps = self.wraps(operand);
            return Ok(Node::Test { id, operand: operand_node, field: self.str(field), wraps });
        }
        let key = self.boxed(Node::Const(Value::String(self.str(field))));
        Ok(Node::Qualify { id, operand: operand_node, key, optional })
    }

    /// True for `variables` and for `dyn(variables)`: the one value that exists only field by field.
    fn is_variables(&self, e: &Expr) -> bool {
        if self.environment.unbound_names().contains(&"variables") {
            return false;
        }
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
        let list = Node::List { id, elements: self.slice(planned) };
        Ok(self.fold(id, list, constant))
    }

    /// The value of a constant node, unless evaluating it fails or costs too much: then it does so on each request.
    fn fold(&mut self, id: NodeId, node: Node<'p>, constant: bool) -> Node<'p> {
        if !constant {
            return node;
        }
        let (answer, units) = eval::constant(self.boxed(node), Runtime::new(&self.arena.bump, FOLD_BUDGET));
        self.folded = self.folded.saturating_add(units);
        match answer {
            // An optional inside a chain of qualifiers is another thing than one at its root.
            Ok(Value::Optional(_)) if matches!(node, Node::Qualify { .. } | Node::Conditional { .. }) => node,
            // A function may change it, so each evaluation makes its own.
            Ok(Value::Object(object)) if object.ty.message && !object.tagged => node,
            Ok(value) => Node::Const(value),
            Err(Raise::Error(error)) => {
                self.fails(id, error.to_string());
                node
            }
            Err(_) => node,
        }
    }

    /// Notes that a node fails in every evaluation.
    fn fails(&mut self, node: NodeId, error: String) {
        // A constant pattern that does not read fails the call of constants too.
        if self.fails.last().is_none_or(|(last, _)| *last != node) {
            self.fails.push((node, error));
        }
    }

    fn call(
        &mut self,
        id: NodeId,
        name: &str,
        target: Option<&Expr>,
        args: &[Expr],
    ) -> Result<Node<'p>, PlanError> {
        let Some(Reference::Call { function, receiver, .. }) = self.checked.reference(id) else {
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
        let planned = self.arguments(if receiver { target } else { None }, args)?;
        self.planned_call(id, name, target, args, planned)
    }

    fn arguments(&mut self, receiver: Option<&Expr>, args: &[Expr]) -> Result<Vec<Node<'p>>, PlanError> {
        let mut planned = Vec::with_capacity(args.len().saturating_add(1));
        for arg in receiver.into_iter().chain(args) {
            planned.push(self.plan(arg)?);
        }
        Ok(planned)
    }

    /// The call of a function whose arguments are planned.
    fn planned_call(
        &mut self,
        id: NodeId,
        name: &str,
        target: Option<&Expr>,
        args: &[Expr],
        mut planned: Vec<Node<'p>>,
    ) -> Result<Node<'p>, PlanError> {
        let Some(Reference::Call { function, overloads, receiver }) = self.checked.reference(id) else {
            return Err(self.internal(id, "a call without overload"));
        };
        let (function, receiver) = (*function, *receiver);
        if let ("_[_]" | "_[?_]", [_, key]) = (name, args) {
            self.check_key(id, key)?;
            self.check_constant_key(id, key, planned.get(1))?;
        }
        self.check_encoded(id, &function.name, &planned)?;
        let counts = self.compares_unknown(args);
        if let Some(node) = self.operator(id, &function.name, &mut planned, counts) {
            return Ok(node);
        }
        if self.checked.optimizing && is_in_nothing(name, args) {
            return Ok(Node::Const(Value::Bool(false)));
        }
        let literals: Vec<bool> = (if receiver { target } else { None })
            .into_iter()
            .chain(args)
            .map(|arg| matches!(arg.kind, ExprKind::Literal(_)) || self.is_optimized(arg))
            .collect();
        let own = match (name, args, planned.as_slice()) {
            ("@in", [_, set], [_, planned]) => self.in_body(set, planned),
            _ => None,
        };
        let node = self.function(id, function, overloads, planned, &literals, own)?;
        self.converted(id, name, args, node)
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
        let conjunction = name == "_&&_";
        let terms = self.grouped(id, terms, conjunction);
        Ok(match terms.as_slice() {
            [all @ (Node::Matches(_) | Node::Not { .. })] => *all,
            _ if conjunction => Node::And { id, terms: self.slice(terms) },
            _ => Node::Or { id, terms: self.slice(terms) },
        })
    }

    /// The operators that are nodes of their own.
    fn operator(
        &mut self,
        id: NodeId,
        name: &str,
        args: &mut Vec<Node<'p>>,
        counts: bool,
    ) -> Option<Node<'p>> {
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
            ("_==_", Some(right), None) => Node::Equal { left: first, right, negate: false, counts },
            ("_!=_", Some(right), None) => Node::Equal { left: first, right, negate: true, counts },
            ("!_", None, None) => Node::Not { id, operand: first },
            ("_[_]", Some(key), None) => Node::Qualify { id, operand: first, key, optional: false },
            ("_[?_]", Some(key), None) => Node::Qualify { id, operand: first, key, optional: true },
            ("or", Some(right), None) => Node::OptionalOr { id, left: first, right },
            ("orValue", Some(right), None) => Node::OptionalOrValue { id, left: first, right },
            _ => return None,
        };
        Some(self.fold(id, node, constant))
    }

    fn function(
        &mut self,
        id: NodeId,
        function: &'c Function,
        overloads: &[&'static Row],
        args: Vec<Node<'p>>,
        literals: &[bool],
        own: Option<Body>,
    ) -> Result<Node<'p>, PlanError> {
        let asks = |row: &&'static Row| matches!(row.implementation, Implementation::Asking(..));
        self.asks |= function.overloads.iter().any(|overload| asks(&overload.row));
        let constant = args.iter().all(is_const) && !overloads.iter().any(asks);
        let name = self.str(&function.name);
        let certain: Vec<Option<ValueKind>> = args.iter().map(certain_kind).collect();
        let args = self.slice(args);
        let Some(first) = overloads.first() else { return Err(self.internal(id, "a call without overload")) };
        let is_literal =
            |position: Option<usize>| position.and_then(|position| literals.get(position)) == Some(&true);
        let weight = self.weight(name, overloads.len(), own);
        let counted = if overloads.len() == 1 { self.counted(name, args.len()) } else { Counted::Nothing };
        if let Implementation::Shared(shared) = first.implementation {
            let pattern = self.pattern(id, function, shared.pattern, args, literals)?;
            // cel-go's optimised call of a literal pattern takes whatever it is given.
            let optimised = self.checked.optimizing
                && name == "matches"
                && pattern.is_some()
                && is_literal(shared.pattern);
            let call = Call {
                id,
                function: name,
                body: own.unwrap_or(shared.body),
                args,
                guards: &[],
                receivers: if optimised { &[] } else { shared.receivers },
                pattern,
                counted,
                weight,
            };
            return Ok(self.fold(id, Node::Call(self.arena.bump.alloc(call)), constant));
        }
        if overloads.len() == 1 {
            let (body, position) =
                own_body(first).ok_or_else(|| self.internal(id, "a function without body"))?;
            let pattern = self.pattern(id, function, position, args, literals)?;
            // With a literal pattern, cel-go's optimised call has no guard: the body sees a wrong receiver itself.
            let optimised = pattern.is_some()
                && is_literal(position)
                && matches!(first.implementation, Implementation::Pattern(..));
            let guards = if optimised { &[] } else { self.guards(function, first, &certain) };
            let call =
                Call { id, function: name, body, args, guards, receivers: &[], pattern, counted, weight };
            return Ok(self.fold(id, Node::Call(self.arena.bump.alloc(call)), constant));
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
        let dispatch = Dispatch { id, function: name, candidates, args, pattern, weight };
        Ok(self.fold(id, Node::Dispatch(self.arena.bump.alloc(dispatch)), constant))
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
        &mut self,
        id: NodeId,
        function: &Function,
        position: Option<usize>,
        args: &[Node<'p>],
        literals: &[bool],
    ) -> Result<Option<&'p CompiledPattern>, PlanError> {
        let Some(Node::Const(Value::String(text))) = position.and_then(|position| args.get(position)) else {
            return Ok(None);
        };
        let too_many = || PlanError {
            node: id,
            message: format!(
                "the constant regular expressions of all policies have more than {MAX_STATES} states together, the \
                 limit (fixed)"
            ),
        };
        // A set that is over the limit compiles no further pattern: that is what takes the time.
        if self.arena.states.get() > MAX_STATES {
            return Err(too_many());
        }
        let reads_groups = |o: &Overload| matches!(o.row.implementation, Implementation::Groups(..));
        // Of a pattern that turns out too large only the attempt is known, and that takes as long as any.
        let attempted = |states: usize| {
            self.arena.states.set(self.arena.states.get().saturating_add(states));
            if self.arena.states.get() > MAX_STATES { Err(too_many()) } else { Ok(()) }
        };
        let groups = if function.overloads.iter().any(reads_groups) { Groups::Kept } else { Groups::Dropped };
        match regex::compile(text, groups) {
            Ok(pattern) => {
                attempted(pattern.states())?;
                // What finds no room is compiled when it is used, as a pattern that is no constant is.
                let kept = self.arena.patterns.keep(pattern).ok();
                self.unlike |= kept.is_none();
                Ok(kept)
            }
            // It would be a fault of every decision that comes to it.
            Err(error @ PatternError::TooLarge) => {
                attempted(MAX_STATES_OF_ONE)?;
                Err(PlanError { node: id, message: error.to_string() })
            }
            // The row says whether a literal is refused here; a pattern that is an expression fails when it is
            // evaluated (docs/kyverno.md §4).
            Err(error)
                if (self.checked.optimizing && function.name == "matches"
                    || function
                        .overloads
                        .iter()
                        .any(|o| matches!(o.row.implementation, Implementation::Pattern(..))))
                    && position.and_then(|position| literals.get(position)) == Some(&true) =>
            {
                Err(PlanError { node: id, message: error.to_string() })
            }
            Err(error) => {
                self.fails(id, error.to_string());
                Ok(None)
            }
        }
    }
}

/// True for a type whose name has no value: a message whose literals have a type of another name (cel-go counts
/// `google.protobuf.Any` among them), or one that the checker alone knows.
fn has_no_value(object: &ObjectType) -> bool {
    object.declared || object.ty == Type::Any || object.ty.runtime_name() != object.name
}

fn own_body(row: &Row) -> Option<(Body, Option<usize>)> {
    match row.implementation {
        Implementation::Own(body) | Implementation::Lookup(body, _) | Implementation::Asking(body, _) => {
            Some((body, None))
        }
        Implementation::Pattern(body, position) | Implementation::Groups(body, position) => {
            Some((body, Some(position)))
        }
        Implementation::Shared(_) | Implementation::Planned => None,
    }
}

/// True for `x in []`, whose left side is not even evaluated.
fn is_in_nothing(name: &str, args: &[Expr]) -> bool {
    match (name, args) {
        ("@in", [_, list]) => {
            matches!(&list.kind, ExprKind::List { elements, .. } if elements.is_empty())
        }
        _ => false,
    }
}

fn is_const(node: &Node<'_>) -> bool {
    matches!(node, Node::Const(_))
}

/// The kind that a node's values are certain to have, whatever the request holds.
fn certain_kind(node: &Node<'_>) -> Option<ValueKind> {
    match node {
        Node::Shared(shared) => certain_kind(&shared.node),
        Node::Const(value) => Some(value.kind()),
        Node::TestField { .. }
        | Node::Test { .. }
        | Node::And { .. }
        | Node::Or { .. }
        | Node::Matches(_)
        | Node::Not { .. } => Some(ValueKind::Bool),
        Node::Equal { .. } | Node::All(_) | Node::Exists(_) => Some(ValueKind::Bool),
        Node::List { .. } | Node::Collect(_) => Some(ValueKind::List),
        Node::Map { .. } | Node::Gather(_) => Some(ValueKind::Map),
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
