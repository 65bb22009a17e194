//! Which expressions may stand in several programs, and what an index can look up: bools of the forms in which authors
//! ask for a tool, a target, an operation.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::lower::Planner;
use crate::cel::ast::NodeId;
use crate::cel::check::Reference;
use crate::cel::program::{Arena, Collect, Fact, Key, Loop, Node, Shared, Slots, Test};
use crate::library::table::Implementation;
use crate::types::Type;
use crate::value::Value;

/// The most literals of one fact.
const MAX_LITERALS: usize = 64;

impl<'p> Planner<'_, 'p> {
    /// The node, marked if it may stand in other programs too and is worth to be evaluated only once: its value is data, or
    /// a part of the request that is looked up.
    pub(super) fn shareable(&mut self, id: NodeId, node: Node<'p>) -> Node<'p> {
        let kept = is_data(self.checked.type_of(id)) || self.gives_data(id);
        let worth = match node {
            Node::Call(_) | Node::Collect(_) => kept,
            Node::Equal { .. } | Node::All(_) | Node::Exists(_) | Node::Matches(_) => true,
            _ => false,
        };
        if !worth || self.asks || self.unlike {
            return node;
        }
        let Some(key) = Key::of(&node).filter(|key| key.reads) else { return node };
        let is_bool = *self.checked.type_of(id) == Type::Bool;
        let shared = &*self.arena.bump.alloc(Shared {
            node,
            key: self.arena.bump.alloc_str(&key.text),
            slots: key.slots,
            is_bool,
            kept,
            fact: if is_bool { fact(&node, self.arena) } else { None },
            place: OnceLock::new(),
        });
        self.shared.push(shared);
        Node::Shared(shared)
    }

    /// True for a call whose result is JSON or a part of the request, whatever its type.
    fn gives_data(&self, id: NodeId) -> bool {
        let Some(Reference::Call { overloads, .. }) = self.checked.reference(id) else { return false };
        matches!(
            overloads.as_slice(),
            [row] if row.json || matches!(row.implementation, Implementation::Lookup(..))
        )
    }
}

/// True if there is no message in any value of the type: functions change messages, so that each has an identity.
fn is_data(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Int | Type::Uint | Type::Double | Type::String => true,
        Type::List(element) => is_data(element),
        Type::Map(entry) => is_data(&entry.0) && is_data(&entry.1),
        _ => false,
    }
}

/// A comparison of `subject` with literals.
struct Comparison<'p> {
    subject: &'p Node<'p>,
    test: Test,
    literals: Vec<&'p str>,
    /// The form of the expression: with the lengths of the literals, what it costs when it is false.
    form: &'static str,
}

/// The fact that `node` is, if it is one: `s == "a"`, `s in ["a", "b"]`, `s.startsWith("a")`, `"a" in l`, and
/// `l.exists(x, …)` of these or of several `==` in a row; `x` may stand in a function that has one argument.
pub(super) fn fact<'p>(node: &Node<'p>, arena: &'p Arena) -> Option<Fact<'p>> {
    let (comparison, quantified) = match node {
        Node::Exists(Loop { id, range, slots, predicate, units: _ }) => {
            let only = slots.only()?;
            let compared = alternatives(predicate).or_else(|| comparison(predicate))?;
            // A function of the element costs something else than the same function on the way to the list.
            let (subject, quantified) = match compared.subject {
                Node::Local(local) if *local == only => (&*arena.bump.alloc(*range), "exists"),
                element => (each(*id, range, *slots, element, arena)?, "exists of each"),
            };
            (Comparison { subject, ..compared }, quantified)
        }
        _ => (comparison(node).or_else(|| membership(node))?, ""),
    };
    let Comparison { subject, test, literals, form } = comparison;
    if literals.len() > MAX_LITERALS {
        return None;
    }
    let subject_key = match subject {
        Node::Shared(shared) => shared.key,
        _ => arena.bump.alloc_str(&Key::of(subject).filter(|key| key.reads)?.text),
    };
    let mut shape =
        bumpalo::collections::String::with_capacity_in(subject_key.len().saturating_add(32), &arena.bump);
    for part in [quantified, " ", form, " "] {
        shape.push_str(part);
    }
    for literal in &literals {
        // The budget counts sixteen bytes of a literal as one.
        write!(shape, "{} ", literal.len() >> 4).ok()?;
    }
    shape.push_str(subject_key);
    Some(Fact {
        subject,
        subject_key,
        test,
        literals: arena.bump.alloc_slice_copy(&literals),
        shape: shape.into_bump_str(),
    })
}

/// The list of what a function makes of the elements of `range`.
fn each<'p>(
    id: NodeId,
    range: &Node<'p>,
    slots: Slots,
    element: &'p Node<'p>,
    arena: &'p Arena,
) -> Option<&'p Node<'p>> {
    match element {
        Node::Call(call) if matches!(call.args, [Node::Local(local)] if *local == slots.first) => {
            // It is looked at, and what asking costs is charged as it stands.
            let collect =
                Collect { id, range: *range, slots, filter: None, transform: Some(*element), units: 0 };
            Some(arena.bump.alloc(Node::Collect(arena.bump.alloc(collect))))
        }
        _ => None,
    }
}

fn comparison<'p>(node: &Node<'p>) -> Option<Comparison<'p>> {
    match node {
        Node::Equal { left: subject, right: Node::Const(Value::String(literal)), negate: false, .. } => {
            Some(Comparison { subject, test: Test::Is, literals: vec![literal], form: "s==l" })
        }
        Node::Equal { left: Node::Const(Value::String(literal)), right: subject, negate: false, .. } => {
            Some(Comparison { subject, test: Test::Is, literals: vec![literal], form: "l==s" })
        }
        Node::Call(call) => match (call.function, call.args) {
            ("@in", [subject, Node::Const(Value::List(list))]) => {
                let literals = list.iter().map(|value| match value {
                    Value::String(literal) => Some(*literal),
                    _ => None,
                });
                let literals = literals.collect::<Option<Vec<&'p str>>>()?;
                Some(Comparison { subject, test: Test::Is, literals, form: "in" })
            }
            ("startsWith", [subject, Node::Const(Value::String(literal))]) => {
                Some(Comparison { subject, test: Test::Begins, literals: vec![literal], form: "starts" })
            }
            _ => None,
        },
        _ => None,
    }
}

/// `x == "a" || x == "b"`
fn alternatives<'p>(node: &Node<'p>) -> Option<Comparison<'p>> {
    let Node::Or { terms, .. } = node else { return None };
    let mut found: Option<Comparison<'p>> = None;
    for term in *terms {
        let Node::Equal {
            left: subject @ Node::Local(slot),
            right: Node::Const(Value::String(literal)),
            negate: false,
            ..
        } = term
        else {
            return None;
        };
        match &mut found {
            None => {
                found = Some(Comparison { subject, test: Test::Is, literals: vec![literal], form: "s==l||" });
            }
            Some(found) if matches!(found.subject, Node::Local(other) if other == slot) => {
                found.literals.push(literal);
            }
            Some(_) => return None,
        }
    }
    found
}

/// `"a" in list`
fn membership<'p>(node: &Node<'p>) -> Option<Comparison<'p>> {
    match node {
        Node::Call(call) if call.function == "@in" => match call.args {
            [Node::Const(Value::String(literal)), subject] => {
                Some(Comparison { subject, test: Test::Is, literals: vec![literal], form: "l in" })
            }
            _ => None,
        },
        _ => None,
    }
}
