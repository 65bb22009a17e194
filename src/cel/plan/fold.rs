//! Comprehensions: the macros' common shapes become nodes of their own, any other the general fold.

use super::PlanError;
use super::lower::{Local, Planner};
use crate::cel::ast::{Comprehension, Expr, ExprKind, Literal, Macro, NodeId};
use crate::cel::program::{Collect, Fold, Gather, Loop, Node, Slots};

impl<'p> Planner<'_, 'p> {
    pub(super) fn comprehension(&mut self, id: NodeId, c: &Comprehension) -> Result<Node<'p>, PlanError> {
        let (locals, next_slot) = (self.locals.len(), self.next_slot);
        let range = self.plan(&c.iter_range)?;
        // What constants in the loop cost is paid in each of its turns.
        let folded = std::mem::take(&mut self.folded);
        let node = match c.origin {
            Macro::Bind | Macro::OptMap | Macro::OptFlatMap => self.bind(c)?,
            Macro::All | Macro::Exists => match self.quantifier(id, c, range)? {
                Some(node) => node,
                None => self.general(id, c, range)?,
            },
            Macro::Map | Macro::Filter | Macro::TransformList => match self.collect(id, c, range)? {
                Some(node) => node,
                None => self.general(id, c, range)?,
            },
            Macro::TransformMap | Macro::TransformMapEntry => self.gather(id, c, range)?,
            _ if is_bind(c) => self.bind(c)?,
            _ => self.general(id, c, range)?,
        };
        self.locals.truncate(locals);
        self.next_slot = next_slot;
        self.folded = self.folded.saturating_add(folded);
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
    fn quantifier(
        &mut self,
        id: NodeId,
        c: &Comprehension,
        range: Node<'p>,
    ) -> Result<Option<Node<'p>>, PlanError> {
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
        let slots = self.loop_variables(c);
        let predicate = self.plan(predicate)?;
        let node = self.arena.bump.alloc(Loop { id, range, slots, predicate, units: self.turn(c) });
        Ok(Some(if all { Node::All(node) } else { Node::Exists(node) }))
    }

    /// `@result + [t]`, or `p ? @result + [t] : @result`.
    fn collect(
        &mut self,
        id: NodeId,
        c: &Comprehension,
        range: Node<'p>,
    ) -> Result<Option<Node<'p>>, PlanError> {
        let (filter, append) = filtered(c);
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
        let slots = self.loop_variables(c);
        let filter = filter.map(|filter| self.plan(filter)).transpose()?;
        let is_itself = is_ident(element, &c.iter_var) && self.type_name(element.id, &c.iter_var)?.is_none();
        let transform = if is_itself { None } else { Some(self.plan(element)?) };
        let units = self.turn(c);
        let node = self.arena.bump.alloc(Collect { id, range, slots, filter, transform, units });
        Ok(Some(Node::Collect(node)))
    }

    /// `cel.@mapInsert(@result, key, t)` or `cel.@mapInsert(@result, entries)`, with or without a condition.
    fn gather(&mut self, id: NodeId, c: &Comprehension, range: Node<'p>) -> Result<Node<'p>, PlanError> {
        let (filter, insert) = filtered(c);
        let ExprKind::Call { args, .. } = &insert.kind else {
            return Err(self.internal(id, "a map that nothing is put into"));
        };
        let (Some(transform), entries) = (args.last(), c.origin == Macro::TransformMapEntry) else {
            return Err(self.internal(id, "a map that nothing is put into"));
        };
        let slots = self.loop_variables(c);
        let filter = filter.map(|filter| self.plan(filter)).transpose()?;
        let transform = self.plan(transform)?;
        let gather =
            Gather { id, insert: insert.id, range, slots, filter, transform, entries, units: self.turn(c) };
        Ok(Node::Gather(self.arena.bump.alloc(gather)))
    }

    /// The slots of a fold's variables, which are in scope from here.
    fn loop_variables(&mut self, c: &Comprehension) -> Slots {
        let slot = |planner: &mut Self, name: &String| {
            let slot = planner.take_slot();
            planner.locals.push((name.clone(), Local::Slot(slot)));
            slot
        };
        let first = slot(self, &c.iter_var);
        Slots { first, second: c.iter_var2.as_ref().map(|name| slot(self, name)) }
    }

    fn general(&mut self, id: NodeId, c: &Comprehension, range: Node<'p>) -> Result<Node<'p>, PlanError> {
        let init = self.plan(&c.accu_init)?;
        let accu_slot = self.take_slot();
        self.locals.push((c.accu_var.clone(), Local::Slot(accu_slot)));
        let outer = self.locals.len();
        let slots = self.loop_variables(c);
        let condition = self.plan(&c.condition)?;
        let step = self.plan(&c.step)?;
        self.locals.truncate(outer);
        let result = self.plan(&c.result)?;
        let units = self.turn(c);
        let fold = Fold { id, range, slots, accu_slot, init, condition, step, result, units };
        Ok(Node::Fold(self.arena.bump.alloc(fold)))
    }
}

fn is_ident(e: &Expr, name: &str) -> bool {
    matches!(&e.kind, ExprKind::Ident(ident) if ident == name)
}

/// The condition of a fold's step, and what it does where that is true.
fn filtered(c: &Comprehension) -> (Option<&Expr>, &Expr) {
    if let ExprKind::Call { function, target: None, args } = &c.step.kind
        && function == "_?_:_"
        && let [condition, step, accu] = args.as_slice()
        && is_ident(accu, &c.accu_var)
    {
        return (Some(condition), step);
    }
    (None, &c.step)
}

fn is_bind(c: &Comprehension) -> bool {
    matches!(&c.iter_range.kind, ExprKind::List { elements, .. } if elements.is_empty())
        && matches!(c.condition.kind, ExprKind::Literal(Literal::Bool(false)))
}
