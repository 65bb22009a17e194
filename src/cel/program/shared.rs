//! Expressions that may stand in several programs, and facts: what an expression says of the request in words that an
//! index can look up.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::{Call, Collect, Element, Fold, Loop, Matches, Node, Slots};
use crate::value::Value;

/// The deepest expression that is shared: deeper ones are rare, and nothing is lost when they are evaluated each time.
const MAX_DEPTH: usize = 12;

/// The longest description of an expression that is shared.
const MAX_KEY: usize = 4096;

/// Most descriptions are shorter.
const USUAL_KEY: usize = 256;

/// An expression that uses nothing but the inputs, and whose value is data or a part of the request. Wherever it stands it
/// has the same value at the same cost, so that it needs to be evaluated only once.
#[derive(Debug)]
pub struct Shared<'p> {
    pub(in crate::cel) node: Node<'p>,
    /// The expression, written out: two with one key have one value and one cost, whatever the request.
    pub(in crate::cel) key: &'p str,
    /// How many comprehension variables its own program may have alive.
    pub(in crate::cel) slots: usize,
    /// True if its static type is bool.
    pub(in crate::cel) is_bool: bool,
    /// True if its value can be kept also if it is a list or a map: there is no message in it that a function could change, or
    /// it is a part of the request.
    pub(in crate::cel) kept: bool,
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
    /// what is large. Everything of a node is written that its value, its error or its cost depends on, also what only the static type
    /// decided: the patterns name each field, so that one more does not compile until it is written, too.
    pub(in crate::cel) fn of(node: &Node<'_>) -> Option<Key> {
        let mut key = Key { text: String::with_capacity(USUAL_KEY), ..Key::default() };
        key.node(node, 0)?;
        Some(key)
    }

    fn put(&mut self, part: std::fmt::Arguments<'_>) -> Option<()> {
        self.text.write_fmt(part).ok()?;
        (self.text.len() <= MAX_KEY).then_some(())
    }

    /// As [`Key::put`], without the formatter: a key is written for every expression of a set.
    fn word(&mut self, word: &str) -> Option<()> {
        self.text.push_str(word);
        (self.text.len() <= MAX_KEY).then_some(())
    }

    /// A number and its end.
    fn number(&mut self, mut number: usize) -> Option<()> {
        loop {
            self.text.push(char::from_digit(u32::try_from(number & 15).ok()?, 16)?);
            number >>= 4;
            if number == 0 {
                return self.word(".");
            }
        }
    }

    fn flag(&mut self, flag: bool) -> Option<()> {
        self.word(if flag { "+" } else { "-" })
    }

    /// What a turn costs. The plan may have less than the expression: what is never evaluated is left out of it.
    fn units(&mut self, units: u64) -> Option<()> {
        self.number(usize::try_from(units).ok()?)
    }

    /// A text and where it ends.
    fn quoted(&mut self, text: &str) -> Option<()> {
        self.number(text.len())?;
        self.word(text)
    }

    fn all<'n, 'p: 'n>(&mut self, nodes: impl IntoIterator<Item = &'n Node<'p>>, depth: usize) -> Option<()> {
        for node in nodes {
            self.word(",")?;
            self.node(node, depth)?;
        }
        self.word(")")
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
                self.word("@")?;
                self.number(*index)
            }
            Node::Local(slot) => {
                // Counted from the inside, so that a part of an expression without variables from around it reads the same
                // wherever it stands, and as none that has some.
                let outwards = self.bound.iter().rev().position(|bound| bound == slot)?;
                self.word("$")?;
                self.number(outwards)
            }
            Node::Shared(shared) => {
                self.reads = true;
                self.slots = self.slots.max(shared.slots);
                // None of its variables comes from around it.
                self.word(shared.key)
            }
            Node::Field { id: _, operand, ty, index, optional } => {
                self.word("field(")?;
                self.word(ty.name)?;
                self.word(".")?;
                self.number(*index)?;
                self.flag(*optional)?;
                self.all([*operand], below)
            }
            Node::TestField { id: _, operand, ty, index, wraps } => {
                self.word("has(")?;
                self.flag(*wraps)?;
                self.word(ty.name)?;
                self.word(".")?;
                self.number(*index)?;
                self.all([*operand], below)
            }
            Node::Qualify { id: _, operand, key, optional } => {
                self.word("at(")?;
                self.flag(*optional)?;
                self.all([*operand, *key], below)
            }
            Node::Test { id: _, operand, field, wraps } => {
                self.word("test(")?;
                self.flag(*wraps)?;
                self.quoted(field)?;
                self.all([*operand], below)
            }
            Node::And { id: _, terms } => {
                self.word("and(")?;
                self.all(*terms, below)
            }
            Node::Or { id: _, terms } => {
                self.word("or(")?;
                self.all(*terms, below)
            }
            // The terms say all: what they search, and for what.
            Node::Matches(Matches { id: _, subject: _, any: _, terms, units: _ }) => {
                self.word("any(")?;
                self.all(*terms, below)
            }
            Node::Not { id: _, operand } => {
                self.word("not(")?;
                self.all([*operand], below)
            }
            Node::Conditional { id: _, condition, then, otherwise } => {
                self.word("if(")?;
                self.all([*condition, *then, *otherwise], below)
            }
            Node::Equal { left, right, negate, counts } => {
                self.word("equal(")?;
                self.flag(*negate)?;
                self.flag(*counts)?;
                self.all([*left, *right], below)
            }
            Node::Call(call) => self.call(call, below),
            Node::List { id: _, elements } => {
                self.word("list(")?;
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
            Value::String(text) => {
                self.word("'")?;
                self.quoted(text)
            }
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Uint(_)
            | Value::Double(_)
            | Value::Bytes(_)
            | Value::Duration(_)
            | Value::Type(_) => self.put(format_args!("{value:?}")),
            Value::List(list) if depth <= MAX_DEPTH => {
                self.word("[")?;
                for element in *list {
                    self.constant(element, depth.saturating_add(1))?;
                    self.word(",")?;
                }
                self.word("]")
            }
            _ => None,
        }
    }

    /// A body is told from another by where it is: the same place is the same code.
    fn call(&mut self, call: &Call<'_>, depth: usize) -> Option<()> {
        let Call { id: _, function, body, args, guards, receivers, pattern, counted, weight } = call;
        self.word("call(")?;
        self.word(function)?;
        self.word("#")?;
        self.number(*body as usize)?;
        if !guards.is_empty() {
            self.put(format_args!("{guards:?}"))?;
        }
        for receiver in *receivers {
            self.number(*receiver as usize)?;
        }
        self.flag(pattern.is_some())?;
        self.number(*counted as usize)?;
        self.number(*weight as usize)?;
        self.all(*args, depth)
    }

    fn quantifier(&mut self, name: &str, quantifier: &Loop<'_>, depth: usize) -> Option<()> {
        let Loop { id: _, range, slots, predicate, units } = quantifier;
        let Slots { first, second } = *slots;
        self.word(name)?;
        self.word("(")?;
        self.units(*units)?;
        self.flag(second.is_some())?;
        self.node(range, depth)?;
        self.scope([Some(first), second], [predicate], depth)
    }

    fn collect(&mut self, collect: &Collect<'_>, depth: usize) -> Option<()> {
        let Collect { id: _, range, slots, filter, transform, units } = collect;
        let Slots { first, second } = *slots;
        self.word("collect(")?;
        self.units(*units)?;
        self.flag(second.is_some())?;
        self.flag(filter.is_some())?;
        self.flag(transform.is_some())?;
        self.node(range, depth)?;
        self.scope([Some(first), second], filter.iter().chain(transform.iter()), depth)
    }

    fn fold(&mut self, fold: &Fold<'_>, depth: usize) -> Option<()> {
        let Fold { id: _, range, slots, accu_slot, init, condition, step, result, units } = fold;
        let Slots { first, second } = *slots;
        self.word("fold(")?;
        self.units(*units)?;
        self.flag(second.is_some())?;
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
