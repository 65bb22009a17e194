//! Comprehensions. The macros' common shapes have loops of their own, which answer what the general fold would.

use crate::cel::ast::NodeId;
use crate::cel::program::{Collect, Fold, Gather, Loop, Node, Slots};
use crate::error::{CelError, ErrorKind, Raise};
use crate::library::runtime::Answer;
use crate::value::{Map, MapBuilder, Sameness, Value};

use super::Frame;

/// What a comprehension runs over: a list's elements or a map's keys.
#[derive(Clone, Copy)]
enum Range<'a> {
    List(&'a [Value<'a>]),
    Keys(&'a [(Value<'a>, Value<'a>)]),
}

impl<'a> Range<'a> {
    fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Range::List(list) => list.get(index).copied(),
            Range::Keys(entries) => entries.get(index).map(|(key, _)| *key),
        }
    }

    /// What two variables have: an index and an element, or a key and a value.
    fn pair(&self, index: usize) -> Option<(Value<'a>, Value<'a>)> {
        match self {
            Range::List(list) => Some((Value::Int(i64::try_from(index).ok()?), *list.get(index)?)),
            Range::Keys(entries) => entries.get(index).copied(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Range::List(list) => list.len(),
            Range::Keys(entries) => entries.len(),
        }
    }
}

/// What becomes of an element of a range.
enum Turn {
    /// It is transformed and added.
    Take,
    /// Nothing.
    Leave,
    /// Nothing, nor of those behind it.
    End,
}

/// Splits what an operand raised into what ends everything, and an error, which is kept.
fn keep<'a>(answer: Answer<'a>) -> Result<Result<Value<'a>, CelError<'a>>, Raise<'a>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Raise::Error(error)) if error.is_absorbable() => Ok(Err(error)),
        Err(final_one) => Err(final_one),
    }
}

/// The constant that the predicate compares its element with, and whether it is `!=`.
fn compared<'a>(quantifier: &'a Loop<'a>) -> Option<(&'a Value<'a>, bool)> {
    match &quantifier.predicate {
        Node::Equal { left: Node::Local(slot), right: Node::Const(constant), negate, counts: false }
        | Node::Equal { left: Node::Const(constant), right: Node::Local(slot), negate, counts: false }
            if Some(*slot) == quantifier.slots.only() =>
        {
            Some((constant, *negate))
        }
        _ => None,
    }
}

impl<'a> Frame<'a> {
    fn range(&mut self, node: &'a Node<'a>, id: NodeId, slots: Slots) -> Result<Range<'a>, Raise<'a>> {
        let value = self.eval(node)?;
        match value {
            Value::List(list) => Ok(Range::List(list)),
            Value::Map(map) => Ok(Range::Keys(map.entries())),
            other => {
                let name = go_type(&other);
                let error = match slots.second {
                    None => self.runtime.error(format_args!("got '{name}', expected iterable type")),
                    Some(_) => {
                        self.runtime.error(format_args!("unsupported comprehension range type: {name}"))
                    }
                };
                Err(error.at(id))
            }
        }
    }

    /// Gives the variables of a loop the values of its next turn, and returns the first's.
    fn next(&mut self, range: Range<'a>, index: usize, slots: Slots) -> Option<Value<'a>> {
        let first = match slots.second {
            None => range.get(index)?,
            Some(second) => {
                let (first, value) = range.pair(index)?;
                self.slot(second, Some(Ok(value)));
                first
            }
        };
        self.slot(slots.first, Some(Ok(first)));
        Some(first)
    }

    /// `all` (`decides` is false) and `exists` (true): a deciding element wins over errors of others; else the
    /// first error.
    pub(super) fn quantifier(&mut self, quantifier: &'a Loop<'a>, decides: bool) -> Answer<'a> {
        let range = self.range(&quantifier.range, quantifier.id, quantifier.slots)?;
        if let (Range::List(list), Some((constant, negate))) = (range, compared(quantifier)) {
            return self.any_equal(list, constant, decides == negate, decides, quantifier.units);
        }
        let mut error: Option<CelError<'a>> = None;
        for index in 0..range.len() {
            if self.next(range, index, quantifier.slots).is_none() {
                break;
            }
            self.runtime.count(quantifier.units);
            match keep(self.eval(&quantifier.predicate))? {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(_) => {
                    let no_bool = CelError { kind: ErrorKind::NoSuchOverload, node: quantifier.id };
                    error = error.or(Some(no_bool));
                }
                Err(raised) => error = error.or(Some(raised)),
            }
        }
        match error {
            Some(error) => Err(Raise::Error(error)),
            None => Ok(Value::Bool(!decides)),
        }
    }

    /// The quantifier over elements that are compared with `constant`, which cannot fail: what most conditions on
    /// headers are. `unequal`: an unequal element decides, not an equal one. Charged as the nodes it stands for.
    fn any_equal(
        &mut self,
        list: &'a [Value<'a>],
        constant: &Value<'a>,
        unequal: bool,
        decides: bool,
        units: u64,
    ) -> Answer<'a> {
        let negated = unequal == decides;
        let mut failed = false;
        for element in list {
            self.runtime.charge(3)?;
            self.runtime.count(units);
            match self.runtime.sameness(element, constant)? {
                Sameness::Incomparable if !negated => failed = true,
                sameness if (sameness == Sameness::Equal) != unequal => return Ok(Value::Bool(decides)),
                _ => {}
            }
        }
        if failed { Err(ErrorKind::NoSuchOverload.into()) } else { Ok(Value::Bool(!decides)) }
    }

    /// `map`, `filter` and `transformList`. As in cel-go's fold, a failing filter goes on and a later failure of the filter replaces
    /// the error; a failing transformation ends the growth of the list.
    pub(super) fn collect(&mut self, collect: &'a Collect<'a>) -> Answer<'a> {
        let range = self.range(&collect.range, collect.id, collect.slots)?;
        let capacity = if collect.filter.is_none() { range.len() } else { 0 };
        let mut list = self.runtime.list_builder(capacity)?;
        let mut error: Option<CelError<'a>> = None;
        for index in 0..range.len() {
            let Some(element) = self.next(range, index, collect.slots) else { break };
            self.runtime.count(collect.units);
            match self.turn(collect.filter.as_ref(), collect.id, &mut error)? {
                Turn::Take => {}
                Turn::Leave => continue,
                Turn::End => break,
            }
            let value = match &collect.transform {
                None => Ok(element),
                Some(transform) => keep(self.eval(transform))?,
            };
            match value {
                Ok(value) => self.runtime.push(&mut list, value)?,
                Err(raised) => error = Some(raised),
            }
        }
        match error {
            Some(error) => Err(Raise::Error(error)),
            None => Ok(self.runtime.finish_list(list)),
        }
    }

    /// What becomes of an element, after the filter and the errors so far.
    fn turn(
        &mut self,
        filter: Option<&'a Node<'a>>,
        id: NodeId,
        error: &mut Option<CelError<'a>>,
    ) -> Result<Turn, Raise<'a>> {
        let Some(filter) = filter else {
            return Ok(if error.is_some() { Turn::End } else { Turn::Take });
        };
        match keep(self.eval(filter))? {
            Ok(Value::Bool(true)) if error.is_none() => return Ok(Turn::Take),
            Ok(Value::Bool(_)) => {}
            Ok(_) => *error = Some(CelError { kind: ErrorKind::NoSuchOverload, node: id }),
            Err(raised) => *error = Some(raised),
        }
        Ok(Turn::Leave)
    }

    /// `transformMap` and `transformMapEntry`, with errors as those of [`collect`](Self::collect). A key that is there
    /// already, as an index finds it, is an error too.
    pub(super) fn gather(&mut self, gather: &'a Gather<'a>) -> Answer<'a> {
        let range = self.range(&gather.range, gather.id, gather.slots)?;
        let mut map = MapBuilder::with_capacity(self.runtime.arena, 0);
        let mut error: Option<CelError<'a>> = None;
        for index in 0..range.len() {
            let Some(first) = self.next(range, index, gather.slots) else { break };
            self.runtime.count(gather.units);
            match self.turn(gather.filter.as_ref(), gather.id, &mut error)? {
                Turn::Take => {}
                Turn::Leave => continue,
                Turn::End => break,
            }
            let added = match self.eval(&gather.transform) {
                Ok(Value::Map(entries)) if gather.entries => self.add(&mut map, entries.entries()),
                Ok(value) if gather.entries => {
                    Err(self.runtime.no_overload("cel.@mapInsert", &[Value::Map(Map::EMPTY), value]))
                }
                Ok(value) => self.add(&mut map, &[(first, value)]),
                Err(raise) => Err(raise),
            };
            let added = added.map(|()| Value::Null).map_err(|raise| raise.at(gather.insert));
            error = keep(added)?.err();
        }
        match error {
            Some(error) => Err(Raise::Error(error)),
            None => Ok(Value::Map(map.finish())),
        }
    }

    /// Puts new entries into a map.
    fn add(&mut self, map: &mut MapBuilder<'a>, entries: &[(Value<'a>, Value<'a>)]) -> Result<(), Raise<'a>> {
        for (key, value) in entries {
            self.runtime.charge(1)?;
            if !map.insert_new(*key, *value, &mut self.runtime.budget)? {
                return Err(ErrorKind::KeyExists(*key).into());
            }
        }
        Ok(())
    }

    /// The fold as cel-go does it: the accumulator may hold an error, and the loop goes on unless the condition is
    /// a bool that is not true.
    pub(super) fn fold(&mut self, fold: &'a Fold<'a>) -> Answer<'a> {
        let range = self.range(&fold.range, fold.id, fold.slots)?;
        let init = keep(self.eval(&fold.init))?;
        self.slot(fold.accu_slot, Some(init));
        for index in 0..range.len() {
            if self.next(range, index, fold.slots).is_none() {
                break;
            }
            self.runtime.count(fold.units);
            if let Ok(Value::Bool(false)) = keep(self.eval(&fold.condition))? {
                break;
            }
            let step = keep(self.eval(&fold.step))?;
            self.slot(fold.accu_slot, Some(step));
        }
        self.eval(&fold.result)
    }
}

/// The Go type of a value where it stands for itself: a list or a map of the interpreter is named by its pointer.
pub(crate) fn go_type_of_itself(value: &Value<'_>) -> &'static str {
    match value {
        Value::List(_) => "*types.baseList",
        Value::Map(_) => "*types.baseMap",
        value => go_type(value),
    }
}

/// The Go type that cel-go names when a value cannot be iterated.
pub(crate) fn go_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "types.Null",
        Value::Bool(_) => "types.Bool",
        Value::Int(_) => "types.Int",
        Value::Uint(_) => "types.Uint",
        Value::Double(_) => "types.Double",
        Value::String(_) => "types.String",
        Value::Bytes(_) => "types.Bytes",
        Value::Duration(_) => "types.Duration",
        Value::Timestamp(_) => "types.Timestamp",
        Value::List(_) => "types.baseList",
        Value::Map(_) => "types.baseMap",
        Value::Optional(_) => "*types.Optional",
        Value::Type(_) => "*types.Type",
        Value::Object(object) if object.ty.message => "*types.protoObj",
        Value::Object(_) | Value::Opaque(_) | Value::Keys(_) => "*ext.nativeObj",
        Value::Extension(value) => value.go_type(),
    }
}
