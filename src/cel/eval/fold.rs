//! Comprehensions. The macros' common shapes have loops of their own, which answer what the general fold would.

use crate::cel::error::{CelError, ErrorKind, Raise};
use crate::cel::plan::{Collect, Fold, Loop, Node};
use crate::library::table::Answer;
use crate::value::Value;

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

    fn len(&self) -> usize {
        match self {
            Range::List(list) => list.len(),
            Range::Keys(entries) => entries.len(),
        }
    }
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
        Node::Equal { left: Node::Local(slot), right: Node::Const(constant), negate }
        | Node::Equal { left: Node::Const(constant), right: Node::Local(slot), negate }
            if *slot == quantifier.slot =>
        {
            Some((constant, *negate))
        }
        _ => None,
    }
}

impl<'a> Frame<'a> {
    fn range(&mut self, node: &'a Node<'a>, id: crate::cel::ast::NodeId) -> Result<Range<'a>, Raise<'a>> {
        let value = self.eval(node)?;
        match value {
            Value::List(list) => Ok(Range::List(list)),
            Value::Map(map) => Ok(Range::Keys(map.entries())),
            other => {
                let name = go_type(&other);
                Err(self.context.error(format_args!("got '{name}', expected iterable type")).at(id))
            }
        }
    }

    /// `all` (`decides` is false) and `exists` (true): a deciding element wins over errors of others; else the
    /// first error.
    pub(super) fn quantifier(&mut self, quantifier: &'a Loop<'a>, decides: bool) -> Answer<'a> {
        let range = self.range(&quantifier.range, quantifier.id)?;
        if let (Range::List(list), Some((constant, negate))) = (range, compared(quantifier)) {
            return self.any_equal(list, constant, decides == negate, decides);
        }
        let mut error: Option<CelError<'a>> = None;
        for index in 0..range.len() {
            let Some(element) = range.get(index) else { break };
            self.slot(quantifier.slot, Some(Ok(element)));
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
    ) -> Answer<'a> {
        for element in list {
            self.context.charge(3)?;
            if self.context.equal(element, constant)? != unequal {
                return Ok(Value::Bool(decides));
            }
        }
        Ok(Value::Bool(!decides))
    }

    /// `map` and `filter`. As in cel-go's fold, a failing filter goes on and a later failure of the filter replaces
    /// the error; a failing transformation ends the growth of the list.
    pub(super) fn collect(&mut self, collect: &'a Collect<'a>) -> Answer<'a> {
        let range = self.range(&collect.range, collect.id)?;
        let capacity = if collect.filter.is_none() { range.len() } else { 0 };
        let mut list = self.context.list_builder(capacity)?;
        let mut error: Option<CelError<'a>> = None;
        for index in 0..range.len() {
            let Some(element) = range.get(index) else { break };
            self.slot(collect.slot, Some(Ok(element)));
            match &collect.filter {
                None if error.is_some() => break,
                None => {}
                Some(filter) => match keep(self.eval(filter))? {
                    Ok(Value::Bool(true)) => {}
                    Ok(Value::Bool(false)) => continue,
                    Ok(_) => {
                        error = Some(CelError { kind: ErrorKind::NoSuchOverload, node: collect.id });
                        continue;
                    }
                    Err(raised) => {
                        error = Some(raised);
                        continue;
                    }
                },
            }
            if error.is_some() {
                continue;
            }
            let value = match &collect.transform {
                None => Ok(element),
                Some(transform) => keep(self.eval(transform))?,
            };
            match value {
                Ok(value) => self.context.push(&mut list, value)?,
                Err(raised) => error = Some(raised),
            }
        }
        match error {
            Some(error) => Err(Raise::Error(error)),
            None => Ok(self.context.finish_list(list)),
        }
    }

    /// The fold as cel-go does it: the accumulator may hold an error, and the loop goes on unless the condition is
    /// a bool that is not true.
    pub(super) fn fold(&mut self, fold: &'a Fold<'a>) -> Answer<'a> {
        let range = self.range(&fold.range, fold.id)?;
        let init = keep(self.eval(&fold.init))?;
        self.slot(fold.accu_slot, Some(init));
        for index in 0..range.len() {
            let Some(element) = range.get(index) else { break };
            self.slot(fold.iter_slot, Some(Ok(element)));
            if let Ok(Value::Bool(false)) = keep(self.eval(&fold.condition))? {
                break;
            }
            let step = keep(self.eval(&fold.step))?;
            self.slot(fold.accu_slot, Some(step));
        }
        self.eval(&fold.result)
    }
}

/// The Go type that cel-go names when a value cannot be iterated.
fn go_type(value: &Value<'_>) -> &'static str {
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
        Value::Object(_) | Value::Opaque(_) => "*ext.nativeObj",
    }
}
