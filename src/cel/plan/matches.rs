//! Chains of searches with constant patterns in one text, which one automaton can answer for.

use super::lower::Planner;
use crate::cel::ast::NodeId;
use crate::cel::program::units::{searcher, size};
use crate::cel::program::{Call, Loop, Matches, Node, Weight};
use crate::library::regex::{AnyOf, CompiledPattern};
use crate::value::Value;

impl<'p> Planner<'_, 'p> {
    /// The terms of `||` with neighbours together that search the same text, or those of `&&` that deny it:
    /// `!s.matches(a) && !s.matches(b)` is `!(s.matches(a) || s.matches(b))`.
    pub(super) fn grouped(&self, id: NodeId, terms: Vec<Node<'p>>, conjunction: bool) -> Vec<Node<'p>> {
        // A chain of chains: the inner ones are taken apart, so that there is one of all.
        let mut flat = Vec::with_capacity(terms.len());
        for term in terms {
            match positive(&term, conjunction).map(unshared) {
                Some(Node::Matches(inner)) if conjunction => {
                    flat.extend(inner.terms.iter().map(|term| self.not(id, *term)));
                }
                Some(Node::Matches(inner)) => flat.extend_from_slice(inner.terms),
                _ => flat.push(term),
            }
        }
        let mut grouped: Vec<Node<'p>> = Vec::with_capacity(flat.len());
        let mut rest = flat.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let of = |term| positive(term, conjunction).and_then(search);
            let found = of(first);
            let mut states = found.map_or(0, |(_, pattern)| pattern.states());
            let others = after.iter().take_while(|term| {
                let Some(((other, pattern), (subject, _))) = of(term).zip(found) else { return false };
                states = states.saturating_add(pattern.states());
                same(other, subject) && states <= AnyOf::MOST
            });
            let (run, behind) = rest.split_at(others.count().saturating_add(1));
            match found.and_then(|(subject, _)| self.group(id, subject, run, conjunction)) {
                Some(node) => grouped.push(node),
                None => grouped.extend_from_slice(run),
            }
            rest = behind;
        }
        grouped
    }

    /// One node for a chain, if it is one.
    fn group(&self, id: NodeId, subject: &Node<'p>, run: &[Node<'p>], conjunction: bool) -> Option<Node<'p>> {
        if run.len() < 2 {
            return None;
        }
        let searches: Vec<Node<'p>> =
            run.iter().filter_map(|term| positive(term, conjunction)).copied().collect();
        let patterns: Vec<&CompiledPattern> =
            searches.iter().filter_map(search).map(|(_, pattern)| pattern).collect();
        let any = self.arena.alternatives.keep(AnyOf::new(&patterns)).ok()?;
        let units = searches.iter().filter_map(search_call).map(weighed).fold(0, u64::saturating_add);
        let matches = Matches { id, subject: *subject, any, terms: self.slice(searches), units };
        let node = Node::Matches(self.arena.bump.alloc(matches));
        Some(if conjunction { self.not(id, node) } else { node })
    }

    fn not(&self, id: NodeId, operand: Node<'p>) -> Node<'p> {
        Node::Not { id, operand: self.boxed(operand) }
    }
}

/// The term, or in `&&` what it denies.
fn positive<'n, 'p>(term: &'n Node<'p>, conjunction: bool) -> Option<&'n Node<'p>> {
    match unshared(term) {
        Node::Not { operand, .. } if conjunction => Some(operand),
        _ if conjunction => None,
        _ => Some(term),
    }
}

/// The node itself of one that may stand elsewhere, too.
fn unshared<'n, 'p>(node: &'n Node<'p>) -> &'n Node<'p> {
    match node {
        Node::Shared(shared) => &shared.node,
        node => node,
    }
}

/// The text that a term searches, and the constant pattern without a match of which it is false: `s.matches(p)` and
/// `s.findAll(p).exists(…)`.
fn search<'n, 'p>(node: &'n Node<'p>) -> Option<(&'n Node<'p>, &'p CompiledPattern)> {
    match search_call(node)? {
        Call { args: [subject, options @ ..], pattern: Some(pattern), .. } => {
            // Anything else might fail.
            let sound = matches!(options, [_] | [_, Node::Const(Value::Int(_))]);
            sound.then_some((subject, *pattern))
        }
        _ => None,
    }
}

/// The call of a term that may be a search.
fn search_call<'p>(node: &Node<'p>) -> Option<&'p Call<'p>> {
    let (call, function) = match unshared(node) {
        Node::Exists(Loop { range, .. }) => (unshared(range), "findAll"),
        node => (node, "matches"),
    };
    match call {
        Node::Call(call) if call.function == function => Some(*call),
        _ => None,
    }
}

/// What a search costs in Kyverno for each ten characters of the text.
fn weighed(call: &Call<'_>) -> u64 {
    match (call.weight, call.args) {
        (Weight::Pattern, [_, pattern, ..]) => match pattern {
            Node::Const(pattern) => searcher(size(pattern)),
            _ => u64::MAX,
        },
        _ => 0,
    }
}

/// True if both are the same name or the same part of the request, whose value does not change between them.
fn same(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (a, b) {
        (Node::PolicyVariable(a), Node::PolicyVariable(b))
        | (Node::Local(a), Node::Local(b))
        | (Node::Input(a), Node::Input(b)) => a == b,
        (Node::Shared(a), Node::Shared(b)) => a.key == b.key,
        _ => false,
    }
}
