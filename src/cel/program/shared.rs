//! Expressions that may stand in several programs, and facts: what an expression says of the request in words that an
//! index can look up.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::{Call, Collect, Element, Fold, Loop, Node, Slots};
use crate::value::Value;

/// The deepest expression that is shared: deeper ones are rare, and nothing is lost when they are evaluated each time.
const MAX_DEPTH: usize = 12;

/// The longest description of an expression that is shared.
const MAX_KEY: usize = 4096;

/// An expression that uses nothing but the inputs, and whose value is a scalar or a part of the request. Wherever it
/// stands it has the same value at the same cost, so that it needs to be evaluated only once.
#[derive(Debug)]
pub struct Shared<'p> {
    pub(in crate::cel) node: Node<'p>,
    /// The expression, written out: two with one key have one value and one cost, whatever the request.
    pub(in crate::cel) key: &'p str,
    /// How many comprehension variables its own program may have alive.
    pub(in crate::cel) slots: usize,
    /// True if its static type is bool.
    pub(in crate::cel) is_bool: bool,
    /// True if it looks something up in the request: its value then is a part of it.
    pub(in crate::cel) looks_up: bool,
    pub(in crate::cel) fact: Option<Fact<'p>>,
    /// Where its value is kept. INVARIANT: set once, when the set is whole, and only if it stands in two places.
    pub(in crate::cel) place: OnceLock<usize>,
}

/// A bool that is true exactly if a text of the request, or one of several, is or begins with one of these literals.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'p> {
    /// What gives the text or the list of texts.
    pub(in crate::cel) subject: &'p Node<'p>,
    /// Its key.
    pub subject_key: &'p str,
    /// How a text is compared with the literals.
    pub test: Test,
    /// The literals.
    pub literals: &'p [&'p str],
    /// The expression without its literals, but with their lengths as the budget counts them: two of one shape cost
    /// the same on a request for which both are false.
    pub shape: &'p str,
}

/// How a fact compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The text is a literal.
    Is,
    /// The text begins with a literal.
    Begins,
}

impl<'p> Shared<'p> {
    /// The expression, written out.
    pub fn key(&self) -> &'p str {
        self.key
    }

    /// What it says of the request, if an index can look it up.
    pub fn fact(&self) -> Option<&Fact<'p>> {
        self.fact.as_ref()
    }

    /// Where its value is kept, if it stands in two places.
    pub fn place(&self) -> Option<usize> {
        self.place.get().copied()
    }

    /// Gives it a place, unless it has one.
    pub fn put(&self, place: usize) {
        self.place.get_or_init(|| place);
    }
}

/// What is written of an expression so far.
#[derive(Debug, Default)]
pub(in crate::cel) struct Key {
    pub(in crate::cel) text: String,
    /// Whether it uses an input.
    pub(in crate::cel) reads: bool,
    /// One more than the highest slot in it.
    pub(in crate::cel) slots: usize,
    /// The slots of the comprehension variables in scope.
    bound: Vec<usize>,
}

impl Key {
    /// Writes `node`; none for what is not to be shared: what depends on more than the inputs, what has an identity, and
    /// what is large.
    pub(in crate::cel) fn of(node: &Node<'_>) -> Option<Key> {
        let mut key = Key::default();
        key.node(node, 0)?;
        Some(key)
    }

    fn put(&mut self, part: std::fmt::Arguments<'_>) -> Option<()> {
        self.text.write_fmt(part).ok()?;
        (self.text.len() <= MAX_KEY).then_some(())
    }

    fn all<'n, 'p: 'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node<'p>>, depth: usize) -> Option<()> {
        for node in nodes {
            self.put(format_args!(","))?;
            self.node(node, depth)?;
        }
        self.put(format_args!(")"))
    }

    fn binding(&mut self, slots: impl IntoIterator<Item = Option<usize>>) {
        for slot in slots.into_iter().flatten() {
            self.bound.push(slot);
            self.slots = self.slots.max(slot.saturating_add(1));
        }
    }

    fn node(&mut self, node: &Node<'_>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let below = depth.saturating_add(1);
        match node {
            Node::Const(value) => self.constant(value, below),
            Node::Input(index) => {
                self.reads = true;
                self.put(format_args!("@{index}"))
            }
            Node::Local(slot) => {
                let at = self.bound.iter().rposition(|bound| bound == slot)?;
                self.put(format_args!("${at}"))
            }
            Node::Shared(shared) => {
                self.reads = true;
                self.slots = self.slots.max(shared.slots);
                // Its own variables are counted from the outside of it, so that it reads the same everywhere.
                self.put(format_args!("{}", shared.key))
            }
            Node::Field { operand, ty, index, optional, .. } => {
                self.put(format_args!("field({}.{index}.{optional}", ty.name))?;
                self.all([*operand], below)
            }
            Node::TestField { operand, ty, index, .. } => {
                self.put(format_args!("has({}.{index}", ty.name))?;
                self.all([*operand], below)
            }
            Node::Qualify { operand, key, optional, .. } => {
                self.put(format_args!("at({optional}"))?;
                self.all([*operand, *key], below)
            }
            Node::Test { operand, field, .. } => {
                self.put(format_args!("test({field:?}"))?;
                self.all([*operand], below)
            }
            Node::And { terms, .. } => {
                self.put(format_args!("and("))?;
                self.all(*terms, below)
            }
            Node::Or { terms, .. } => {
                self.put(format_args!("or("))?;
                self.all(*terms, below)
            }
            Node::Not { operand, .. } => {
                self.put(format_args!("not("))?;
                self.all([*operand], below)
            }
            Node::Conditional { condition, then, otherwise, .. } => {
                self.put(format_args!("if("))?;
                self.all([*condition, *then, *otherwise], below)
            }
            Node::Equal { left, right, negate } => {
                self.put(format_args!("equal({negate}"))?;
                self.all([*left, *right], below)
            }
            Node::Call(call) => self.call(call, below),
            Node::List { elements, .. } => {
                self.put(format_args!("list("))?;
                let optional = |element: &&Element<'_>| element.optional;
                if elements.iter().any(|element| optional(&element)) {
                    return None;
                }
                self.all(elements.iter().map(|element| &element.value), below)
            }
            Node::All(quantifier) => self.quantifier("all", quantifier, below),
            Node::Exists(quantifier) => self.quantifier("exists", quantifier, below),
            Node::Collect(collect) => self.collect(collect, below),
            Node::Fold(fold) => self.fold(fold, below),
            Node::Unbound(..)
            | Node::PolicyVariable(_)
            | Node::TestVariable(_)
            | Node::OptionalVariable(_)
            | Node::Lazy { .. }
            | Node::Bind { .. }
            | Node::Dispatch(_)
            | Node::Gather(_)
            | Node::Map { .. }
            | Node::Object { .. }
            | Node::OptionalOr { .. }
            | Node::OptionalOrValue { .. } => None,
        }
    }

    fn constant(&mut self, value: &Value<'_>, depth: usize) -> Option<()> {
        match value {
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::Duration(_)
            | Value::Type(_) => self.put(format_args!("{value:?}")),
            Value::List(list) if depth <= MAX_DEPTH => {
                self.put(format_args!("["))?;
                for element in *list {
                    self.constant(element, depth.saturating_add(1))?;
                    self.put(format_args!(","))?;
                }
                self.put(format_args!("]"))
            }
            _ => None,
        }
    }

    /// A body is told from another by where it is: the same place is the same code.
    fn call(&mut self, call: &Call<'_>, depth: usize) -> Option<()> {
        let Call { function, body, args, guards, receivers, pattern, .. } = call;
        let place = *body as usize;
        let pattern = pattern.is_some();
        self.put(format_args!("call({function}#{place}#{guards:?}#{receivers:?}#{pattern}"))?;
        self.all(*args, depth)
    }

    fn quantifier(&mut self, name: &str, quantifier: &Loop<'_>, depth: usize) -> Option<()> {
        let Loop { range, slots, predicate, .. } = quantifier;
        let Slots { first, second } = *slots;
        self.put(format_args!("{name}({}", second.is_some()))?;
        self.node(range, depth)?;
        self.scope([Some(first), second], [predicate], depth)
    }

    fn collect(&mut self, collect: &Collect<'_>, depth: usize) -> Option<()> {
        let Collect { range, slots, filter, transform, .. } = collect;
        let Slots { first, second } = *slots;
        self.put(format_args!("collect({},{},{}", second.is_some(), filter.is_some(), transform.is_some()))?;
        self.node(range, depth)?;
        self.scope([Some(first), second], filter.iter().chain(transform.iter()), depth)
    }

    fn fold(&mut self, fold: &Fold<'_>, depth: usize) -> Option<()> {
        let Fold { range, slots, accu_slot, init, condition, step, result, .. } = fold;
        let Slots { first, second } = *slots;
        self.put(format_args!("fold({}", second.is_some()))?;
        self.node(range, depth)?;
        self.node(init, depth)?;
        self.scope([Some(*accu_slot), Some(first), second], [condition, step, result], depth)
    }

    fn scope<'n, 'p: 'n>(
        &mut self,
        slots: impl IntoIterator<Item = Option<usize>>,
        nodes: impl IntoIterator<Item = &'n Node<'p>>,
        depth: usize,
    ) -> Option<()> {
        let outer = self.bound.len();
        self.binding(slots);
        self.all(nodes, depth)?;
        self.bound.truncate(outer);
        Some(())
    }
}
