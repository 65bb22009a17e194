//! How deep the evaluation of a program calls itself, known before the first request.

use std::collections::HashMap;

use super::{Collect, Fold, Gather, Loop, Matches, Node};

/// The deepest that one evaluation may nest, the variables included that it uses: with it, evaluation fits a stack of
/// [`STACK_BYTES`], also without optimisation. A fixed limit: no policy that a person wrote comes near.
pub const MAX_NESTING: usize = 400;

/// The stack that checking, planning and evaluating need at the limits, in a build without optimisation: what Rust gives a
/// thread that asks for nothing. Optimised code needs far less.
pub const STACK_BYTES: usize = 2 << 20;

/// What a variable adds to the nesting of its expression: keeping its value and its comprehensions' slots.
const VARIABLE: usize = 2;

/// The nesting of nodes. An initialiser of `cel.bind` counts where it is used, because it is evaluated there.
pub(super) struct Depth<'v> {
    /// The nesting of each variable of the policy.
    variables: &'v dyn Fn(usize) -> usize,
    /// Initialisers that were counted before, by address: without it, chains of them take exponential time.
    known: HashMap<usize, usize>,
}

impl<'v> Depth<'v> {
    pub(super) fn new(variables: &'v dyn Fn(usize) -> usize) -> Depth<'v> {
        Depth { variables, known: HashMap::new() }
    }

    pub(super) fn of(&mut self, node: &Node<'_>) -> usize {
        let below = match node {
            // What is shared is not deep, so that its own level does not count.
            Node::Shared(shared) => return self.of(&shared.node),
            Node::Const(_) | Node::Input(_) | Node::Unbound(..) | Node::Local(_) => 0,
            Node::PolicyVariable(index) | Node::TestVariable(index) | Node::OptionalVariable(index) => {
                (self.variables)(*index).saturating_add(VARIABLE)
            }
            Node::Lazy { init, .. } => {
                let place = std::ptr::from_ref(*init).addr();
                match self.known.get(&place) {
                    Some(depth) => *depth,
                    None => {
                        let depth = self.of(init);
                        self.known.insert(place, depth);
                        depth
                    }
                }
            }
            Node::Field { operand, .. }
            | Node::TestField { operand, .. }
            | Node::Test { operand, .. }
            | Node::Not { operand, .. } => self.of(operand),
            // A key is asked for its type in Go before its value.
            Node::Qualify { operand, key, .. } => self.of(operand).max(self.of(key).saturating_add(1)),
            Node::And { terms, .. } | Node::Or { terms, .. } | Node::Matches(Matches { terms, .. }) => {
                self.all(terms)
            }
            Node::Conditional { condition, then, otherwise, .. } => {
                self.of(condition).max(self.of(then)).max(self.of(otherwise))
            }
            Node::Equal { left, right, .. }
            | Node::OptionalOr { left, right, .. }
            | Node::OptionalOrValue { left, right, .. } => self.of(left).max(self.of(right)),
            Node::Call(call) => self.all(call.args),
            Node::Dispatch(dispatch) => self.all(dispatch.args),
            Node::List { elements, .. } => self.greatest(elements.iter().map(|element| &element.value)),
            Node::Map { entries, .. } => {
                self.greatest(entries.iter().flat_map(|entry| [&entry.key, &entry.value]))
            }
            Node::Object { fields, .. } => self.greatest(fields.iter().map(|field| &field.value)),
            Node::All(Loop { range, predicate, .. }) | Node::Exists(Loop { range, predicate, .. }) => {
                self.of(range).max(self.of(predicate))
            }
            Node::Collect(Collect { range, filter, transform, .. }) => {
                self.greatest([Some(range), filter.as_ref(), transform.as_ref()].into_iter().flatten())
            }
            Node::Gather(Gather { range, filter, transform, .. }) => {
                self.greatest([Some(range), filter.as_ref(), Some(transform)].into_iter().flatten())
            }
            Node::Fold(Fold { range, init, condition, step, result, .. }) => {
                self.greatest([range, init, condition, step, result].into_iter())
            }
            Node::Bind { body, .. } => self.of(body),
        };
        below.saturating_add(1)
    }

    fn all(&mut self, nodes: &[Node<'_>]) -> usize {
        self.greatest(nodes.iter())
    }

    fn greatest<'n, 'p: 'n>(&mut self, nodes: impl Iterator<Item = &'n Node<'p>>) -> usize {
        nodes.map(|node| self.of(node)).max().unwrap_or(0)
    }
}
