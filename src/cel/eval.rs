//! The evaluator: walks a [`Program`]'s nodes over one request.
//!
//! It knows neither names nor types. A checked program can fail for these reasons only: a missing key, field, index
//! or variable; an operation that its dynamic operands do not have; arithmetic out of range; a conversion that
//! does not work; a function's own error; and, as a fault, a spent budget. `&&`, `||`, `all` and `exists`
//! absorb errors as cel-go's do; nothing absorbs a fault.

use crate::budget::{Fault, MAX_UNITS};
use crate::cel::ast::NodeId;
use crate::cel::program::{MAX_NESTING, Program};
use crate::error::{CelError, ErrorKind, Plain, Raise, UNHASHABLE_TO_REMOVE};
use crate::library::VARIABLES;
use crate::library::message;
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::arithmetic::{is_unhashable, unhashable};
use crate::value::{MapBuilder, Object, ObjectType, Sameness, Value};

use super::program::units::{Weight, searched, size};
use super::program::{Call, Counted, Dispatch, Element, Entry, FieldInit, Guard, Matches, Node};

mod access;
mod fold;
pub(crate) use fold::{go_type, go_type_of_itself};
mod shared;

use access::Step;
use shared::Memo;

pub use shared::Trial;

/// A comprehension variable's place: empty, a value, or the error that an accumulator holds.
type Slot<'a> = Option<Result<Value<'a>, CelError<'a>>>;

/// The state of a policy's variable.
#[derive(Clone, Copy, Debug)]
enum Variable<'a> {
    Fresh,
    Running,
    Done(Result<Value<'a>, CelError<'a>>),
}

/// The evaluation of one policy's expressions over one request: inputs, variables, budget.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The arena and the budget.
    pub runtime: Runtime<'a>,
    inputs: &'a [Value<'a>],
    programs: &'a [Program<'a>],
    variables: &'a mut [Variable<'a>],
    locals: &'a mut [Slot<'a>],
    /// How deep the programs under way nest together.
    depth: usize,
    memo: Memo<'a>,
}

impl<'a> Frame<'a> {
    /// A frame for expressions over `inputs`, without policy variables.
    pub fn new(runtime: Runtime<'a>, inputs: &'a [Value<'a>]) -> Frame<'a> {
        Frame {
            runtime,
            inputs,
            programs: &[],
            variables: &mut [],
            locals: &mut [],
            depth: 0,
            memo: Memo::Off,
        }
    }

    /// The inputs.
    pub fn inputs(&self) -> &'a [Value<'a>] {
        self.inputs
    }

    /// Puts other inputs in the place of the frame's.
    pub fn set_inputs(&mut self, inputs: &'a [Value<'a>]) {
        self.inputs = inputs;
    }

    /// Gives the frame a policy's variables; none is evaluated yet.
    pub fn set_variables(&mut self, programs: &'a [Program<'a>]) {
        self.programs = programs;
        self.variables = self.runtime.arena.alloc_slice_fill_copy(programs.len(), Variable::Fresh);
    }

    /// Evaluates `program`.
    ///
    /// # Errors
    /// The CEL error or fault that ended it.
    pub fn evaluate(&mut self, program: &'a Program<'a>) -> Answer<'a> {
        // What is known by name was counted when the set was loaded; `dyn(variables)[…]` finds its variable only here.
        let depth = self.depth.saturating_add(program.depth);
        if depth > MAX_NESTING {
            return Err(Fault::Depth.into());
        }
        self.runtime.budget.charge_bytes(program.slots.saturating_mul(size_of::<Slot<'_>>()))?;
        let locals = self.runtime.arena.alloc_slice_fill_copy(program.slots, None);
        let outer = std::mem::replace(&mut self.locals, locals);
        let around = std::mem::replace(&mut self.depth, depth);
        let before = std::mem::replace(&mut self.runtime.units, program.units.unwrap_or_default());
        let answer = self.eval(program.root);
        let units = std::mem::replace(&mut self.runtime.units, before);
        self.depth = around;
        self.locals = outer;
        // Each expression has a counter of its own, a variable's too, and an error does not come before the limit.
        if program.units.is_some() && units > MAX_UNITS && !matches!(answer, Err(Raise::Fault(_))) {
            return Err(Fault::Units.into());
        }
        answer
    }

    fn slot(&mut self, slot: usize, value: Slot<'a>) {
        if let Some(place) = self.locals.get_mut(slot) {
            *place = value;
        }
    }

    fn local(&self, slot: usize) -> Slot<'a> {
        self.locals.get(slot).copied().flatten()
    }

    /// One level of the recursion. Each kind of node has a method of its own, so that without optimisation too this one
    /// needs little stack: what a policy may nest is counted in levels (`plan::MAX_NESTING`).
    fn eval(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        if let Node::Shared(shared) = node {
            return self.shared(shared);
        }
        self.runtime.budget.charge(1)?;
        match node {
            Node::Const(value) => Ok(*value),
            Node::Input(_) | Node::Unbound(..) | Node::Local(_) => self.name(node),
            Node::PolicyVariable(index) => self.variable(*index),
            Node::TestVariable(_) | Node::OptionalVariable(_) => self.tested_variable(node),
            Node::Lazy { slot, init } => self.lazy(*slot, init),
            Node::Field { .. } | Node::Qualify { .. } => self.qualified(node),
            Node::TestField { .. } | Node::Test { .. } => self.presence(node),
            Node::And { id, terms } => self.logical(*id, terms, false),
            Node::Or { id, terms } => self.logical(*id, terms, true),
            Node::Matches(matches) => self.matches(matches),
            Node::Not { id, operand } => self.not(*id, operand),
            Node::Conditional { id, condition, then, otherwise } => {
                self.conditional(*id, condition, then, otherwise)
            }
            Node::Equal { left, right, negate, counts } => self.equality(left, right, *negate, *counts),
            Node::Call(call) => self.call(call),
            Node::Dispatch(dispatch) => self.dispatch(dispatch),
            Node::List { id, elements } => self.list(*id, elements),
            Node::Map { id, entries } => self.map(*id, entries),
            Node::Object { id, ty, fields } => self.object(*id, ty, fields),
            Node::All(quantifier) => self.quantifier(quantifier, false),
            Node::Exists(quantifier) => self.quantifier(quantifier, true),
            Node::Collect(collect) => self.collect(collect),
            Node::Gather(gather) => self.gather(gather),
            Node::Fold(fold) => self.fold(fold),
            Node::Bind { slot, body } => {
                self.slot(*slot, None);
                self.eval(body)
            }
            Node::OptionalOr { id, left, right } => self.optional_or(*id, left, right, false),
            Node::OptionalOrValue { id, left, right } => self.optional_or(*id, left, right, true),
            Node::Shared(shared) => self.shared(shared),
        }
    }

    #[inline]
    fn name(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        match node {
            Node::Input(index) => {
                self.inputs.get(*index).copied().ok_or_else(|| Fault::Internal("an input is missing").into())
            }
            Node::Unbound(id, name) => Err(Raise::from(ErrorKind::NoSuchAttribute(name)).at(*id)),
            Node::Local(slot) => match self.local(*slot) {
                Some(value) => value.map_err(Raise::Error),
                None => Err(Fault::Internal("a local variable without value").into()),
            },
            _ => Err(Fault::Internal("a node that is no name").into()),
        }
    }

    fn tested_variable(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        match node {
            Node::TestVariable(index) => self.variable(*index).map(|_| Value::Bool(true)),
            Node::OptionalVariable(index) => {
                let value = self.variable(*index)?;
                self.runtime.some(value)
            }
            _ => Err(Fault::Internal("a node that is no variable").into()),
        }
    }

    #[inline]
    fn qualified(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        match self.chain(node)? {
            Step::Value(value, false) => Ok(value),
            Step::Value(value, true) => self.runtime.some(value),
            Step::Absent => Ok(Value::Optional(None)),
        }
    }

    fn presence(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        match node {
            Node::TestField { id, operand, ty, index, wraps } => match self.tested(operand, *wraps)? {
                Step::Value(value, _) => access::test_field(&self.runtime, &value, ty, *index)
                    .map_err(|raise| raise.at(*id))
                    .map(Value::Bool),
                Step::Absent => Ok(Value::Bool(false)),
            },
            Node::Test { id, operand, field, wraps } => match self.tested(operand, *wraps)? {
                Step::Value(value, _) => self.test(&value, field).map_err(|raise| raise.at(*id)),
                Step::Absent => Ok(Value::Bool(false)),
            },
            _ => Err(Fault::Internal("a node that is no test").into()),
        }
    }

    /// What a test is made of.
    fn tested(&mut self, operand: &'a Node<'a>, wraps: bool) -> Result<Step<'a>, Raise<'a>> {
        match self.chain(operand) {
            Err(Raise::Error(_)) if wraps => Err(Fault::Units.into()),
            step => step,
        }
    }

    #[inline]
    fn not(&mut self, id: NodeId, operand: &'a Node<'a>) -> Answer<'a> {
        match self.eval(operand)? {
            Value::Bool(b) => Ok(Value::Bool(!b)),
            _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(id)),
        }
    }

    #[inline]
    fn conditional(
        &mut self,
        id: NodeId,
        condition: &'a Node<'a>,
        then: &'a Node<'a>,
        otherwise: &'a Node<'a>,
    ) -> Answer<'a> {
        match self.eval(condition)? {
            Value::Bool(true) => self.eval(then),
            Value::Bool(false) => self.eval(otherwise),
            _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(id)),
        }
    }

    #[inline]
    fn equality(
        &mut self,
        left: &'a Node<'a>,
        right: &'a Node<'a>,
        negate: bool,
        counts: bool,
    ) -> Answer<'a> {
        let left = self.eval(left)?;
        let right = self.eval(right)?;
        if counts {
            self.weigh_call(Weight::Shorter, &[left, right])?;
        }
        let sameness = self.runtime.sameness(&left, &right)?;
        if sameness == Sameness::Incomparable && !negate {
            return Err(ErrorKind::NoSuchOverload.into());
        }
        let equal = sameness == Sameness::Equal;
        // Kyverno's lazy map can be compared with itself only.
        if !equal && !negate && matches!(left, Value::Opaque(VARIABLES)) && !matches!(right, Value::Null) {
            return Err(ErrorKind::NoSuchOverload.into());
        }
        Ok(Value::Bool(equal != negate))
    }

    /// `or`, and `orValue` if `open`.
    fn optional_or(&mut self, id: NodeId, left: &'a Node<'a>, right: &'a Node<'a>, open: bool) -> Answer<'a> {
        match self.eval(left)? {
            Value::Optional(None) => self.eval(right),
            Value::Optional(Some(value)) if open => Ok(*value),
            value @ Value::Optional(Some(_)) => Ok(value),
            _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(id)),
        }
    }

    /// A field that was read with its type known passes Kyverno's outermost adapter: from then on, access through
    /// `dyn` takes its Go names.
    fn untagged(&mut self, value: Value<'a>) -> Answer<'a> {
        match value {
            Value::Object(object) if object.tagged && !object.ty.message => {
                self.runtime.budget.charge_bytes(size_of::<Object<'_>>())?;
                let object = Object { ty: object.ty, fields: object.fields, tagged: false };
                Ok(Value::Object(self.runtime.arena.alloc(object)))
            }
            _ => Ok(value),
        }
    }

    /// The variable's value, evaluated on first use; its value or error is kept for the rest of the request.
    fn variable(&mut self, index: usize) -> Answer<'a> {
        match self.variables.get(index).copied() {
            Some(Variable::Done(result)) => return result.map_err(Raise::Error),
            Some(Variable::Running) | None => {
                return Err(Fault::Internal("a variable that needs itself").into());
            }
            Some(Variable::Fresh) => {}
        }
        let Some(program) = self.programs.get(index) else {
            return Err(Fault::Internal("a variable without program").into());
        };
        self.set_variable(index, Variable::Running);
        let result = match self.evaluate(program) {
            Ok(value) => Ok(value),
            Err(Raise::Error(error)) if !error.is_absorbable() => Err(self.panicked(error)?),
            Err(Raise::Error(error)) => Err(error),
            Err(Raise::Fault(fault)) => return Err(fault.into()),
        };
        self.set_variable(index, Variable::Done(result));
        result.map_err(Raise::Error)
    }

    /// Kyverno evaluates each variable on its own, so a panic ends the variable's evaluation only.
    fn panicked(&mut self, error: CelError<'a>) -> Result<CelError<'a>, Raise<'a>> {
        let text = self.runtime.format(format_args!("{error}"))?;
        Ok(CelError { kind: ErrorKind::Message(text), node: error.node })
    }

    /// The value of the variable called `name`, if the policy has one.
    fn variable_named(&mut self, name: &str) -> Result<Option<Value<'a>>, Raise<'a>> {
        self.runtime.charge(self.programs.len())?;
        match self.programs.iter().rposition(|program| program.name == name) {
            Some(index) => self.variable(index).map(Some),
            None => Ok(None),
        }
    }

    fn set_variable(&mut self, index: usize, state: Variable<'a>) {
        if let Some(place) = self.variables.get_mut(index) {
            *place = state;
        }
    }

    fn lazy(&mut self, slot: usize, init: &'a Node<'a>) -> Answer<'a> {
        if let Some(result) = self.local(slot) {
            return result.map_err(Raise::Error);
        }
        let result = match self.eval(init) {
            Ok(value) => Ok(value),
            Err(Raise::Error(error)) => Err(error),
            Err(fault) => return Err(fault),
        };
        self.slot(slot, Some(result));
        result.map_err(Raise::Error)
    }

    /// `&&` (`decides` is false) or `||` (true): the first term with the deciding value wins over any error; else
    /// the first error; a term that is no bool counts as an error.
    fn logical(&mut self, id: NodeId, terms: &'a [Node<'a>], decides: bool) -> Answer<'a> {
        let mut error: Option<Raise<'a>> = None;
        for term in terms {
            match self.eval(term) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => error = error.or(Some(Raise::from(ErrorKind::NoSuchOverload).at(id))),
                Err(Raise::Error(raised)) if raised.is_absorbable() => {
                    error = error.or(Some(Raise::Error(raised)));
                }
                Err(final_one) => return Err(final_one),
            }
        }
        match error {
            Some(raise) => Err(raise),
            None => Ok(Value::Bool(!decides)),
        }
    }

    /// A chain of searches of one text: usually none finds anything.
    fn matches(&mut self, matches: &'a Matches<'a>) -> Answer<'a> {
        match self.eval(&matches.subject) {
            Ok(Value::String(text)) if !matches.any.may_match(&mut self.runtime.budget, text)? => {
                if matches.units > 0 {
                    self.runtime.count(matches.units.saturating_mul(searched(size(&Value::String(text)))));
                }
                Ok(Value::Bool(false))
            }
            Ok(_) | Err(Raise::Error(_)) => self.logical(matches.id, matches.terms, true),
            Err(fault) => Err(fault),
        }
    }

    /// Evaluates the arguments in order; the first error is the call's.
    fn call(&mut self, call: &'a Call<'a>) -> Answer<'a> {
        match call.args {
            [] => self.invoke(call, &[]),
            [a] => self.call_with_one(call, a),
            [a, b] => self.call_with_two(call, a, b),
            [a, b, c] => self.call_with_three(call, a, b, c),
            args => {
                let values = self.arguments(args)?;
                self.invoke(call, values)
            }
        }
    }

    #[inline]
    fn call_with_one(&mut self, call: &'a Call<'a>, a: &'a Node<'a>) -> Answer<'a> {
        let a = self.eval(a);
        let args = [if call.counted == Counted::Receiver { self.counted_list(call.id, a)? } else { a? }];
        self.invoke(call, &args)
    }

    /// Two arguments the second of which Kyverno counts.
    #[cold]
    fn counted_pair(
        &mut self,
        call: &'a Call<'a>,
        a: &'a Node<'a>,
        b: &'a Node<'a>,
    ) -> Result<[Value<'a>; 2], Raise<'a>> {
        let a = self.eval(a)?;
        let b = self.eval(b);
        let b = match call.counted {
            Counted::Depth => self.counted_int(call.id, b)?,
            _ => self.counted_list(call.id, b)?,
        };
        Ok([a, b])
    }

    /// An int that Kyverno counts.
    fn counted_int(&mut self, id: NodeId, answer: Answer<'a>) -> Answer<'a> {
        let ty = match &answer {
            Ok(Value::Int(_)) | Err(Raise::Fault(_)) => return answer,
            Err(Raise::Error(error)) if !error.is_absorbable() => return answer,
            Err(Raise::Error(_)) => "*types.Err",
            Ok(value) => go_type_of_itself(value),
        };
        let text =
            self.runtime.format(format_args!("interface conversion: ref.Val is {ty}, not types.Int"))?;
        Err(Raise::from(ErrorKind::Panic(text)).at(id))
    }

    /// A list that Kyverno counts the elements of.
    fn counted_list(&mut self, id: NodeId, answer: Answer<'a>) -> Answer<'a> {
        // Go names the first method, in the order of the alphabet, that the type does not have.
        let (ty, method) = match &answer {
            Ok(Value::List(_)) | Err(Raise::Fault(_)) => return answer,
            Err(Raise::Error(error)) if !error.is_absorbable() => return answer,
            Err(Raise::Error(_)) => ("*types.Err", "Add"),
            Ok(Value::Map(_)) => ("*types.baseMap", "Add"),
            Ok(
                value @ (Value::Int(_)
                | Value::Uint(_)
                | Value::Double(_)
                | Value::String(_)
                | Value::Bytes(_)
                | Value::Duration(_)
                | Value::Timestamp(_)),
            ) => (go_type(value), "Contains"),
            Ok(value) => (go_type(value), "Add"),
        };
        let text = format_args!("interface conversion: {ty} is not traits.Lister: missing method {method}");
        let text = self.runtime.format(text)?;
        Err(Raise::from(ErrorKind::Panic(text)).at(id))
    }

    #[inline]
    fn call_with_two(&mut self, call: &'a Call<'a>, a: &'a Node<'a>, b: &'a Node<'a>) -> Answer<'a> {
        let args = match call.counted {
            Counted::Keys | Counted::Depth => self.counted_pair(call, a, b)?,
            Counted::Nothing | Counted::Receiver => [self.eval(a)?, self.eval(b)?],
        };
        self.invoke(call, &args)
    }

    #[inline]
    fn call_with_three(
        &mut self,
        call: &'a Call<'a>,
        a: &'a Node<'a>,
        b: &'a Node<'a>,
        c: &'a Node<'a>,
    ) -> Answer<'a> {
        let args = [self.eval(a)?, self.eval(b)?, self.eval(c)?];
        self.invoke(call, &args)
    }

    fn arguments(&mut self, args: &'a [Node<'a>]) -> Result<&'a [Value<'a>], Raise<'a>> {
        let mut values = self.runtime.list_builder(args.len())?;
        for arg in args {
            values.push(self.eval(arg)?);
        }
        Ok(values.into_bump_slice())
    }

    fn invoke(&mut self, call: &'a Call<'a>, args: &[Value<'a>]) -> Answer<'a> {
        if let (Some(receiver), [_, ..]) = (args.first(), call.receivers)
            && !call.receivers.contains(&receiver.kind())
        {
            return Err(Raise::from(ErrorKind::NoSuchFunction(call.function)).at(call.id));
        }
        if !passes(call.guards, args) {
            return Err(self.no_matching(call.function, args).at(call.id));
        }
        if call.weight != Weight::Fixed {
            self.weigh_call(call.weight, args)?;
        }
        self.runtime.pattern = call.pattern;
        (call.body)(&mut self.runtime, args).map_err(|raise| raise.at(call.id))
    }

    fn dispatch(&mut self, dispatch: &'a Dispatch<'a>) -> Answer<'a> {
        let args = self.arguments(dispatch.args)?;
        if dispatch.weight != Weight::Fixed {
            self.weigh_call(dispatch.weight, args)?;
        }
        for (body, guards) in dispatch.candidates {
            if passes(guards, args) {
                self.runtime.pattern = dispatch.pattern;
                return body(&mut self.runtime, args).map_err(|raise| raise.at(dispatch.id));
            }
        }
        Err(self.no_matching(dispatch.function, args).at(dispatch.id))
    }

    /// Counts what Kyverno's counter takes for a call; cold, since only mode JSON has one.
    #[cold]
    fn weigh_call(&mut self, weight: Weight, args: &[Value<'a>]) -> Result<(), Raise<'a>> {
        let units = weight.units(args, &mut self.runtime.budget)?;
        self.runtime.count(units);
        Ok(())
    }

    fn no_matching(&mut self, function: &'a str, args: &[Value<'a>]) -> Raise<'a> {
        match self.runtime.budget.charge_bytes(size_of_val(args)) {
            Ok(()) => {
                ErrorKind::NoMatchingOverload(function, self.runtime.arena.alloc_slice_copy(args)).into()
            }
            Err(fault) => fault.into(),
        }
    }

    fn list(&mut self, id: NodeId, elements: &'a [Element<'a>]) -> Answer<'a> {
        let mut list = self.runtime.list_builder(elements.len())?;
        for element in elements {
            let value = self.eval(&element.value)?;
            match value {
                _ if !element.optional => list.push(value),
                Value::Optional(Some(value)) => list.push(*value),
                Value::Optional(None) => {}
                other => {
                    let value = Plain(&other);
                    let text = format_args!(
                        "cannot initialize optional list element from non-optional value {value}"
                    );
                    return Err(self.runtime.error(text).at(id));
                }
            }
        }
        Ok(self.runtime.finish_list(list))
    }

    fn map(&mut self, id: NodeId, entries: &'a [Entry<'a>]) -> Answer<'a> {
        self.runtime.charge(entries.len())?;
        // Entries that do not come in order are sorted into a second list, by way of a list of places.
        let entry = size_of::<(Value<'_>, Value<'_>)>().saturating_mul(2).saturating_add(size_of::<usize>());
        self.runtime.budget.charge_bytes(entries.len().saturating_mul(entry))?;
        let mut map = MapBuilder::with_capacity(self.runtime.arena, entries.len());
        for entry in entries {
            let key = self.eval(&entry.key)?;
            let value = self.eval(&entry.value)?;
            let value = match value {
                _ if !entry.optional => Some(value),
                Value::Optional(inner) => inner.copied(),
                other => return Err(self.not_optional(&key, &other).at(id)),
            };
            match key {
                Value::Bytes(_) if value.is_none() => {
                    return Err(Raise::from(ErrorKind::Panic(UNHASHABLE_TO_REMOVE)).at(id));
                }
                key if is_unhashable(&key) => return Err(unhashable(&mut self.runtime, &key).at(id)),
                _ => {}
            }
            map.sure_of(&key, &mut self.runtime.budget)?;
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            }
        }
        Ok(Value::Map(map.finish_within(&mut self.runtime.budget)?))
    }

    /// What cel-go says of an entry or field behind `?` whose value is no optional.
    fn not_optional(&mut self, entry: &Value<'a>, value: &Value<'a>) -> Raise<'a> {
        let (entry, value) = (Plain(entry), Plain(value));
        self.runtime
            .error(format_args!("cannot initialize optional entry '{entry}' from non-optional value {value}"))
    }

    fn object(&mut self, id: NodeId, ty: &'static ObjectType, inits: &'a [FieldInit<'a>]) -> Answer<'a> {
        self.runtime.budget.charge_bytes(ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>()))?;
        let fields = self.runtime.arena.alloc_slice_fill_copy(ty.fields.len(), None);
        for init in inits {
            let value = self.eval(&init.value)?;
            let value = match value {
                _ if !init.optional => Some(value),
                Value::Optional(inner) => inner.copied(),
                other => {
                    let name = ty.fields.get(init.index).map(|field| field.name).unwrap_or_default();
                    return Err(self.not_optional(&Value::String(name), &other).at(id));
                }
            };
            if let Some(place) = fields.get_mut(init.index) {
                *place = value;
            }
        }
        if ty.declared {
            return Err(self.runtime.error(format_args!("unknown type '{}'", ty.name)).at(id));
        }
        // All values are there before the first is converted: an error among them comes first.
        for (index, place) in fields.iter_mut().enumerate() {
            if let Some(value) = place {
                let stored =
                    access::assign(&mut self.runtime, ty, index, *value).map_err(|raise| raise.at(id))?;
                *place = Some(stored).filter(|stored| !message::is_unset(ty, index, stored));
            }
        }
        if ty.message {
            return message::finish(&mut self.runtime, ty, fields).map_err(|raise| raise.at(id));
        }
        Ok(Value::Object(self.runtime.arena.alloc(Object { ty, fields, tagged: true })))
    }
}

fn passes(guards: &[Guard<'_>], args: &[Value<'_>]) -> bool {
    guards.iter().zip(args).all(|(guard, arg)| guard.passes(arg))
}

/// The value of a node without inputs, for the planner, and what it costs in Kyverno beside its nodes.
pub(super) fn constant<'p>(node: &'p Node<'p>, runtime: Runtime<'p>) -> (Answer<'p>, u64) {
    let mut frame = Frame::new(runtime, &[]);
    (frame.eval(node), frame.runtime.units)
}
