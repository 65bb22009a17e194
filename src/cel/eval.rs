//! The evaluator: walks a [`Program`]'s nodes over one request.
//!
//! It knows neither names nor types. A checked program can fail for these reasons only: a missing key, field, index
//! or variable; an operation that its dynamic operands do not have; arithmetic out of range; a conversion that
//! does not work; a function's own error; and, as a fault, a spent budget. `&&`, `||`, `all` and `exists`
//! absorb errors as cel-go's do; nothing absorbs a fault.

use crate::cel::ast::NodeId;
use crate::cel::budget::Fault;
use crate::cel::error::{CelError, ErrorKind, Plain, Raise, UNHASHABLE};
use crate::cel::plan::Program;
use crate::library::message;
use crate::library::table::{Answer, Context};
use crate::types::ObjectType;
use crate::value::{MapBuilder, Object, Value};

use super::plan::{Call, Dispatch, Element, Entry, FieldInit, Guard, Node};

mod access;
mod fold;

use access::Step;

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
    pub context: Context<'a>,
    inputs: &'a [Value<'a>],
    programs: &'a [Program<'a>],
    variables: &'a mut [Variable<'a>],
    locals: &'a mut [Slot<'a>],
}

impl<'a> Frame<'a> {
    /// A frame for expressions over `inputs`, without policy variables.
    pub fn new(context: Context<'a>, inputs: &'a [Value<'a>]) -> Frame<'a> {
        Frame { context, inputs, programs: &[], variables: &mut [], locals: &mut [] }
    }

    /// Gives the frame a policy's variables; none is evaluated yet.
    pub fn set_variables(&mut self, programs: &'a [Program<'a>]) {
        self.programs = programs;
        self.variables = self.context.arena.alloc_slice_fill_copy(programs.len(), Variable::Fresh);
    }

    /// Evaluates `program`.
    ///
    /// # Errors
    /// The CEL error or fault that ended it.
    pub fn evaluate(&mut self, program: &'a Program<'a>) -> Answer<'a> {
        let locals = self.context.arena.alloc_slice_fill_copy(program.slots, None);
        let outer = std::mem::replace(&mut self.locals, locals);
        let answer = self.eval(program.root);
        self.locals = outer;
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

    fn eval(&mut self, node: &'a Node<'a>) -> Answer<'a> {
        self.context.budget.charge(1)?;
        match node {
            Node::Const(value) => Ok(*value),
            Node::Input(index) => {
                self.inputs.get(*index).copied().ok_or_else(|| Fault::Internal("an input is missing").into())
            }
            Node::Unbound(id, name) => Err(Raise::from(ErrorKind::NoSuchAttribute(name)).at(*id)),
            Node::PolicyVariable(index) => self.variable(*index),
            Node::TestVariable(index) => self.variable(*index).map(|_| Value::Bool(true)),
            Node::OptionalVariable(index) => {
                let value = self.variable(*index)?;
                self.context.some(value)
            }
            Node::Local(slot) => match self.local(*slot) {
                Some(value) => value.map_err(Raise::Error),
                None => Err(Fault::Internal("a local variable without value").into()),
            },
            Node::Lazy { slot, init } => self.lazy(*slot, init),
            Node::Field { .. } | Node::Qualify { .. } => match self.chain(node)? {
                Step::Value(value, false) => Ok(value),
                Step::Value(value, true) => self.context.some(value),
                Step::Absent => Ok(Value::Optional(None)),
            },
            Node::TestField { id, operand, ty, index } => match self.chain(operand)? {
                Step::Value(value, _) => {
                    access::test_field(&value, ty, *index).map_err(|raise| raise.at(*id)).map(Value::Bool)
                }
                Step::Absent => Ok(Value::Bool(false)),
            },
            Node::Test { id, operand, field } => match self.chain(operand)? {
                Step::Value(value, _) => access::test(&value, field).map_err(|raise| raise.at(*id)),
                Step::Absent => Ok(Value::Bool(false)),
            },
            Node::And { id, terms } => self.logical(*id, terms, false),
            Node::Or { id, terms } => self.logical(*id, terms, true),
            Node::Not { id, operand } => match self.eval(operand)? {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
            Node::Conditional { id, condition, then, otherwise } => match self.eval(condition)? {
                Value::Bool(true) => self.eval(then),
                Value::Bool(false) => self.eval(otherwise),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
            Node::Equal { left, right, negate } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                Ok(Value::Bool(self.context.equal(&left, &right)? != *negate))
            }
            Node::Call(call) => self.call(call),
            Node::Dispatch(dispatch) => self.dispatch(dispatch),
            Node::List { id, elements } => self.list(*id, elements),
            Node::Map { id, entries } => self.map(*id, entries),
            Node::Object { id, ty, fields } => self.object(*id, ty, fields),
            Node::All(quantifier) => self.quantifier(quantifier, false),
            Node::Exists(quantifier) => self.quantifier(quantifier, true),
            Node::Collect(collect) => self.collect(collect),
            Node::Fold(fold) => self.fold(fold),
            Node::Bind { slot, body } => {
                self.slot(*slot, None);
                self.eval(body)
            }
            Node::OptionalOr { id, left, right } => match self.eval(left)? {
                Value::Optional(None) => self.eval(right),
                value @ Value::Optional(Some(_)) => Ok(value),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
            Node::OptionalOrValue { id, left, right } => match self.eval(left)? {
                Value::Optional(None) => self.eval(right),
                Value::Optional(Some(value)) => Ok(*value),
                _ => Err(Raise::from(ErrorKind::NoSuchOverload).at(*id)),
            },
        }
    }

    /// A field that was read with its type known passes Kyverno's outermost adapter: from then on, access through
    /// `dyn` takes its Go names.
    fn untagged(&mut self, value: Value<'a>) -> Answer<'a> {
        match value {
            Value::Object(object) if object.tagged => {
                self.context.budget.charge_bytes(size_of::<Object<'_>>())?;
                let object = Object { ty: object.ty, fields: object.fields, tagged: false };
                Ok(Value::Object(self.context.arena.alloc(object)))
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
            // Kyverno evaluates each variable on its own, so a panic ends the variable's evaluation only.
            Err(Raise::Error(error)) if !error.is_absorbable() => {
                let text = self.context.format(format_args!("{error}"))?;
                Err(CelError { kind: ErrorKind::Message(text), node: error.node })
            }
            Err(Raise::Error(error)) => Err(error),
            Err(Raise::Fault(fault)) => return Err(fault.into()),
        };
        self.set_variable(index, Variable::Done(result));
        result.map_err(Raise::Error)
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

    /// Evaluates the arguments in order; the first error is the call's.
    fn call(&mut self, call: &'a Call<'a>) -> Answer<'a> {
        match call.args {
            [] => self.invoke(call, &[]),
            [a] => {
                let args = [self.eval(a)?];
                self.invoke(call, &args)
            }
            [a, b] => {
                let args = [self.eval(a)?, self.eval(b)?];
                self.invoke(call, &args)
            }
            [a, b, c] => {
                let args = [self.eval(a)?, self.eval(b)?, self.eval(c)?];
                self.invoke(call, &args)
            }
            args => {
                let values = self.arguments(args)?;
                self.invoke(call, values)
            }
        }
    }

    fn arguments(&mut self, args: &'a [Node<'a>]) -> Result<&'a [Value<'a>], Raise<'a>> {
        let mut values = self.context.list_builder(args.len())?;
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
        self.context.pattern = call.pattern;
        (call.body)(&mut self.context, args).map_err(|raise| raise.at(call.id))
    }

    fn dispatch(&mut self, dispatch: &'a Dispatch<'a>) -> Answer<'a> {
        let args = self.arguments(dispatch.args)?;
        for (body, guards) in dispatch.candidates {
            if passes(guards, args) {
                self.context.pattern = dispatch.pattern;
                return body(&mut self.context, args).map_err(|raise| raise.at(dispatch.id));
            }
        }
        Err(self.no_matching(dispatch.function, args).at(dispatch.id))
    }

    fn no_matching(&mut self, function: &'a str, args: &[Value<'a>]) -> Raise<'a> {
        match self.context.budget.charge_bytes(size_of_val(args)) {
            Ok(()) => {
                ErrorKind::NoMatchingOverload(function, self.context.arena.alloc_slice_copy(args)).into()
            }
            Err(fault) => fault.into(),
        }
    }

    fn list(&mut self, id: NodeId, elements: &'a [Element<'a>]) -> Answer<'a> {
        let mut list = self.context.list_builder(elements.len())?;
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
                    return Err(self.context.error(text).at(id));
                }
            }
        }
        Ok(self.context.finish_list(list))
    }

    fn map(&mut self, id: NodeId, entries: &'a [Entry<'a>]) -> Answer<'a> {
        self.context.charge(entries.len())?;
        self.context
            .budget
            .charge_bytes(entries.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
        let mut map = MapBuilder::with_capacity(self.context.arena, entries.len());
        for entry in entries {
            let key = self.eval(&entry.key)?;
            let value = self.eval(&entry.value)?;
            let value = match value {
                _ if !entry.optional => Some(value),
                Value::Optional(inner) => inner.copied(),
                other => return Err(self.not_optional(&key, &other).at(id)),
            };
            if let Value::Bytes(_) = key {
                return Err(Raise::from(ErrorKind::Panic(UNHASHABLE)).at(id));
            }
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            }
        }
        Ok(Value::Map(map.finish()))
    }

    /// What cel-go says of an entry or field behind `?` whose value is no optional.
    fn not_optional(&mut self, entry: &Value<'a>, value: &Value<'a>) -> Raise<'a> {
        let (entry, value) = (Plain(entry), Plain(value));
        self.context
            .error(format_args!("cannot initialize optional entry '{entry}' from non-optional value {value}"))
    }

    fn object(&mut self, id: NodeId, ty: &'static ObjectType, inits: &'a [FieldInit<'a>]) -> Answer<'a> {
        self.context.budget.charge_bytes(ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>()))?;
        let fields = self.context.arena.alloc_slice_fill_copy(ty.fields.len(), None);
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
        // All values are there before the first is converted: an error among them comes first.
        for (index, place) in fields.iter_mut().enumerate() {
            if let Some(value) = place {
                *value =
                    access::assign(&mut self.context, ty, index, *value).map_err(|raise| raise.at(id))?;
            }
        }
        if ty.message {
            return message::finish(&mut self.context, ty, fields).map_err(|raise| raise.at(id));
        }
        Ok(Value::Object(self.context.arena.alloc(Object { ty, fields, tagged: true })))
    }
}

fn passes(guards: &[Guard<'_>], args: &[Value<'_>]) -> bool {
    guards.iter().zip(args).all(|(guard, arg)| guard.passes(arg))
}

/// The value of a node without inputs, for the planner.
pub(super) fn constant<'p>(node: &'p Node<'p>, context: Context<'p>) -> Answer<'p> {
    Frame::new(context, &[]).eval(node)
}
