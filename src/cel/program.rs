//! What a program is: a tree of nodes in an arena. The planner makes it and the evaluator walks it; neither knows the
//! other's work from here.

use std::cell::Cell;
use std::fmt;

use bumpalo::Bump;

use crate::cel::ast::NodeId;
use crate::library::regex::{AnyOf, CompiledPattern};
use crate::library::table::Body;
use crate::types::Type;
use crate::value::ObjectType;
use crate::value::{Value, ValueKind};

mod depth;
mod guard;
mod keep;
mod shared;
pub(in crate::cel) mod units;

pub use depth::{MAX_NESTING, STACK_BYTES};
pub use guard::Guard;
use keep::Keep;
pub(in crate::cel) use shared::Key;
pub use shared::{Fact, Shared, Test};
pub(super) use units::Weight;

/// Where programs live: nodes and constants in a bump arena, and compiled patterns, which must be dropped.
#[derive(Default)]
pub struct Arena {
    pub(super) bump: Bump,
    pub(super) patterns: Keep<CompiledPattern>,
    pub(super) alternatives: Keep<AnyOf>,
    /// The states of the patterns together.
    pub(super) states: Cell<usize>,
}

/// The most states that the constant patterns of all programs in an arena have together: about a second of compiling
/// and some hundred megabytes.
pub(super) const MAX_STATES: usize = 400_000;

/// What a pattern counts that is too large to be compiled.
pub(super) const MAX_STATES_OF_ONE: usize = 40_000;

impl Arena {
    /// An empty arena.
    pub fn new() -> Arena {
        Arena::default()
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("bytes", &self.bump.allocated_bytes()).finish_non_exhaustive()
    }
}

/// An expression that can be evaluated, any number of times, from any thread.
#[derive(Debug)]
pub struct Program<'p> {
    pub(super) root: &'p Node<'p>,
    /// The number of comprehension variables that can be alive at once.
    pub(super) slots: usize,
    /// Of a policy's variable: its name, by which `dyn(variables)[…]` finds it.
    pub(super) name: &'p str,
    /// How deep its own nodes nest.
    pub(super) depth: usize,
    /// The same with the variables that it uses.
    pub(super) nesting: usize,
    pub(super) output: Type,
    /// Its expressions that may stand elsewhere too.
    shared: &'p [&'p Shared<'p>],
    /// True if it asks for what is outside of the request and of itself.
    asks: bool,
    /// What Kyverno's counter takes for its nodes; none where Kyverno has no counter.
    pub(super) units: Option<u64>,
}

impl<'p> Program<'p> {
    pub(super) fn new(root: &'p Node<'p>, slots: usize, output: Type) -> Program<'p> {
        let depth = depth::Depth::new(&|_| 0).of(root);
        Program {
            root,
            slots,
            name: "",
            depth,
            nesting: depth,
            output,
            shared: &[],
            asks: false,
            units: None,
        }
    }

    /// The program with what Kyverno's counter takes for its nodes.
    #[must_use]
    pub(super) fn costing(self, units: Option<u64>) -> Program<'p> {
        Program { units, ..self }
    }

    /// The program with its expressions that may stand elsewhere too, and whether it asks for what is outside.
    #[must_use]
    pub(super) fn sharing(self, shared: &'p [&'p Shared<'p>], asks: bool) -> Program<'p> {
        Program { shared, asks, ..self }
    }

    /// The program with its nesting counted through `variables`, those that it may use.
    #[must_use]
    pub(super) fn nesting_into(self, variables: &[Program<'p>]) -> Program<'p> {
        let of_variable = |index: usize| variables.get(index).map_or(0, |variable| variable.nesting);
        Program { nesting: depth::Depth::new(&of_variable).of(self.root), ..self }
    }

    /// The program of the policy's variable `name`.
    #[must_use]
    pub fn named(self, name: &str, arena: &'p Arena) -> Program<'p> {
        Program { name: arena.bump.alloc_str(name), ..self }
    }

    /// The static type of the result.
    pub fn output(&self) -> &Type {
        &self.output
    }

    /// Its expressions that may stand elsewhere too, those inside others before them.
    pub fn shared(&self) -> &'p [&'p Shared<'p>] {
        self.shared
    }

    /// True if it asks for what is outside of the request and of itself, such as the time.
    pub fn asks(&self) -> bool {
        self.asks
    }
}

/// One step of a program.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node<'p> {
    /// A constant.
    Const(Value<'p>),
    /// A variable of the environment.
    Input(usize),
    /// A variable that is declared but never has a value; using it is an error that names it.
    Unbound(NodeId, &'p str),
    /// A policy's variable, evaluated on first use.
    PolicyVariable(usize),
    /// `has(variables.x)`: evaluates the variable; it is there unless it fails.
    TestVariable(usize),
    /// `variables.?x`
    OptionalVariable(usize),
    /// A comprehension variable or accumulator.
    Local(usize),
    /// The variable of `cel.bind`: `init` is evaluated on first use into the slot.
    Lazy { slot: usize, init: &'p Node<'p> },
    /// A field of an object whose type is known.
    Field { id: NodeId, operand: &'p Node<'p>, ty: &'static ObjectType, index: usize, optional: bool },
    /// `has()` of a field of an object whose type is known. `wraps`: an error before the test may be over Kyverno's limit of costs.
    TestField { id: NodeId, operand: &'p Node<'p>, ty: &'static ObjectType, index: usize, wraps: bool },
    /// Selection or indexing by what the operand is at run time.
    Qualify { id: NodeId, operand: &'p Node<'p>, key: &'p Node<'p>, optional: bool },
    /// `has()` by what the operand is at run time.
    Test { id: NodeId, operand: &'p Node<'p>, field: &'p str, wraps: bool },
    /// `a && b && …`
    And { id: NodeId, terms: &'p [Node<'p>] },
    /// `a || b || …`
    Or { id: NodeId, terms: &'p [Node<'p>] },
    /// `s.matches(a) || s.findAll(b).exists(…) || …` with constant patterns
    Matches(&'p Matches<'p>),
    /// `!a`
    Not { id: NodeId, operand: &'p Node<'p> },
    /// `c ? t : f`
    Conditional { id: NodeId, condition: &'p Node<'p>, then: &'p Node<'p>, otherwise: &'p Node<'p> },
    /// `a == b`, or `a != b` if `negate`.
    ///
    /// `counts`: what it costs in Kyverno depends on both.
    Equal { left: &'p Node<'p>, right: &'p Node<'p>, negate: bool, counts: bool },
    /// A function with one possible overload.
    Call(&'p Call<'p>),
    /// A function whose overload depends on the values.
    Dispatch(&'p Dispatch<'p>),
    /// `[a, ?b]`
    List { id: NodeId, elements: &'p [Element<'p>] },
    /// `{k: v, ?k: v}`
    Map { id: NodeId, entries: &'p [Entry<'p>] },
    /// `Type{field: v}`
    Object { id: NodeId, ty: &'static ObjectType, fields: &'p [FieldInit<'p>] },
    /// `r.all(x, p)`
    All(&'p Loop<'p>),
    /// `r.exists(x, p)`
    Exists(&'p Loop<'p>),
    /// `r.map(…)`, `r.filter(…)` and `r.transformList(…)`
    Collect(&'p Collect<'p>),
    /// `r.transformMap(…)` and `r.transformMapEntry(…)`
    Gather(&'p Gather<'p>),
    /// Any other fold.
    Fold(&'p Fold<'p>),
    /// `cel.bind(v, init, body)`: empties the slot, then evaluates the body.
    Bind { slot: usize, body: &'p Node<'p> },
    /// `a.or(b)`
    OptionalOr { id: NodeId, left: &'p Node<'p>, right: &'p Node<'p> },
    /// `a.orValue(b)`
    OptionalOrValue { id: NodeId, left: &'p Node<'p>, right: &'p Node<'p> },
    /// An expression that may stand in several programs; nothing is charged for this node itself.
    Shared(&'p Shared<'p>),
}

/// A call with its body chosen.
#[derive(Debug)]
pub(super) struct Call<'p> {
    pub(super) id: NodeId,
    pub(super) function: &'p str,
    pub(super) body: Body,
    pub(super) args: &'p [Node<'p>],
    /// What to check of the values before the call; empty if their types are certain.
    pub(super) guards: &'p [Guard<'p>],
    /// For a body shared by all overloads: the kinds of first arguments that know the function.
    pub(super) receivers: &'static [ValueKind],
    pub(super) pattern: Option<&'p CompiledPattern>,
    /// What must be of its type before the call.
    pub(super) counted: Counted,
    /// What it costs in Kyverno.
    pub(super) weight: Weight,
}

/// The argument that Kyverno's counter of costs takes to be of its type, where a call has but one overload. It crashes on
/// anything else, an error too, and no operator absorbs that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// None.
    Nothing,
    /// The first and only one, a list: `distinct`, `sort`.
    Receiver,
    /// The second of two, a list: what `sortBy` expands to.
    Keys,
    /// The second of two, an int: `flatten`.
    Depth,
}

/// Searches of one text for constant patterns, each false if its pattern matches nothing, of which any decides.
#[derive(Debug)]
pub(super) struct Matches<'p> {
    pub(super) id: NodeId,
    pub(super) subject: Node<'p>,
    /// The patterns together.
    pub(super) any: &'p AnyOf,
    /// The searches, for where one of them may match and for what is no text.
    pub(super) terms: &'p [Node<'p>],
    /// What the searches cost in Kyverno for each ten characters of the text.
    pub(super) units: u64,
}

/// A call whose overload is chosen at run time, by the first that fits, in order of declaration.
#[derive(Debug)]
pub(super) struct Dispatch<'p> {
    pub(super) id: NodeId,
    pub(super) function: &'p str,
    pub(super) candidates: &'p [(Body, &'p [Guard<'p>])],
    pub(super) args: &'p [Node<'p>],
    pub(super) pattern: Option<&'p CompiledPattern>,
    /// What it costs in Kyverno.
    pub(super) weight: Weight,
}

#[derive(Debug)]
pub(super) struct Element<'p> {
    pub(super) value: Node<'p>,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) struct Entry<'p> {
    pub(super) key: Node<'p>,
    pub(super) value: Node<'p>,
    pub(super) optional: bool,
}

#[derive(Debug)]
pub(super) struct FieldInit<'p> {
    pub(super) index: usize,
    pub(super) value: Node<'p>,
    pub(super) optional: bool,
}

/// The slots of a loop's variables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots {
    /// The element of a list or the key of a map; of two variables the index or the key.
    pub(super) first: usize,
    /// Of two variables the element or the value.
    pub(super) second: Option<usize>,
}

impl Slots {
    /// The slot, if it is that of a loop's only variable.
    pub(super) fn only(self) -> Option<usize> {
        match self.second {
            None => Some(self.first),
            Some(_) => None,
        }
    }
}

/// `all` and `exists`.
#[derive(Debug)]
pub(super) struct Loop<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slots: Slots,
    pub(super) predicate: Node<'p>,
    /// What a turn costs in Kyverno.
    pub(super) units: u64,
}

/// `map`, `filter` and `transformList`: elements that pass the filter, transformed.
#[derive(Debug)]
pub(super) struct Collect<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slots: Slots,
    pub(super) filter: Option<Node<'p>>,
    /// `None`: the element itself.
    pub(super) transform: Option<Node<'p>>,
    /// What a turn costs in Kyverno.
    pub(super) units: u64,
}

/// `transformMap` and `transformMapEntry`: a map of what passes the filter.
#[derive(Debug)]
pub(super) struct Gather<'p> {
    pub(super) id: NodeId,
    /// The call that adds to the map.
    pub(super) insert: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slots: Slots,
    pub(super) filter: Option<Node<'p>>,
    /// What is put under the first variable, or the entries that are added.
    pub(super) transform: Node<'p>,
    /// Whether it is the entries.
    pub(super) entries: bool,
    /// What a turn costs in Kyverno.
    pub(super) units: u64,
}

/// The general comprehension.
#[derive(Debug)]
pub(super) struct Fold<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slots: Slots,
    pub(super) accu_slot: usize,
    pub(super) init: Node<'p>,
    pub(super) condition: Node<'p>,
    pub(super) step: Node<'p>,
    pub(super) result: Node<'p>,
    /// What a turn costs in Kyverno.
    pub(super) units: u64,
}
