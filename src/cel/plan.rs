//! The planner: a checked expression becomes a [`Program`], a tree of nodes in an arena.
//!
//! Everything that can be decided before the first request is decided here: names become slots, overloads function
//! pointers, constant expressions values and constant patterns compiled regexes; the macros' folds become
//! nodes that say what they do. The evaluator sees neither names nor types.

use std::fmt;

use bumpalo::Bump;
use typed_arena::Arena as DropArena;

use crate::cel::ast::NodeId;
use crate::cel::check::Checked;
use crate::library::regex::CompiledPattern;
use crate::library::table::Body;
use crate::types::{ObjectType, Type};
use crate::value::{Value, ValueKind};

mod guard;
mod lower;
pub mod reads;

pub use guard::Guard;

/// Where programs live: nodes and constants in a bump arena, and compiled patterns, which must be dropped.
#[derive(Default)]
pub struct Arena {
    bump: Bump,
    patterns: DropArena<CompiledPattern>,
}

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
    output: Type,
}

impl Program<'_> {
    /// The static type of the result.
    pub fn output(&self) -> &Type {
        &self.output
    }
}

/// An expression that checks but cannot be planned: cel-go's program construction errors.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanError {
    /// The node at fault.
    pub node: NodeId,
    /// cel-go's text.
    pub message: String,
}

/// Variables of the environment that a value is given for, by position in the frame.
pub const INPUT_OBJECT: usize = 0;

/// Plans `checked`. `inputs` names the environment's variables in the order of the frame's inputs;
/// `policy_variable` gives the index of a policy's variable.
///
/// # Errors
/// See [`PlanError`].
pub fn plan<'p>(
    checked: &Checked<'_>,
    arena: &'p Arena,
    inputs: &[&str],
    policy_variable: &dyn Fn(&str) -> Option<usize>,
) -> Result<Program<'p>, PlanError> {
    let mut planner = lower::Planner::new(checked, arena, inputs, policy_variable);
    let root = planner.plan(&checked.ast.root)?;
    let root = &*arena.bump.alloc(root);
    Ok(Program { root, slots: planner.slots(), output: checked.output().clone() })
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
    /// `has()` of a field of an object whose type is known.
    TestField { id: NodeId, operand: &'p Node<'p>, ty: &'static ObjectType, index: usize },
    /// Selection or indexing by what the operand is at run time.
    Qualify { id: NodeId, operand: &'p Node<'p>, key: &'p Node<'p>, optional: bool },
    /// `has()` by what the operand is at run time.
    Test { id: NodeId, operand: &'p Node<'p>, field: &'p str },
    /// `a && b && …`
    And { id: NodeId, terms: &'p [Node<'p>] },
    /// `a || b || …`
    Or { id: NodeId, terms: &'p [Node<'p>] },
    /// `!a`
    Not { id: NodeId, operand: &'p Node<'p> },
    /// `c ? t : f`
    Conditional { id: NodeId, condition: &'p Node<'p>, then: &'p Node<'p>, otherwise: &'p Node<'p> },
    /// `a == b`, or `a != b` if `negate`.
    Equal { left: &'p Node<'p>, right: &'p Node<'p>, negate: bool },
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
    /// `r.map(…)` and `r.filter(…)`
    Collect(&'p Collect<'p>),
    /// Any other fold.
    Fold(&'p Fold<'p>),
    /// `cel.bind(v, init, body)`: empties the slot, then evaluates the body.
    Bind { slot: usize, body: &'p Node<'p> },
    /// `a.or(b)`
    OptionalOr { id: NodeId, left: &'p Node<'p>, right: &'p Node<'p> },
    /// `a.orValue(b)`
    OptionalOrValue { id: NodeId, left: &'p Node<'p>, right: &'p Node<'p> },
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
}

/// A call whose overload is chosen at run time, by the first that fits, in order of declaration.
#[derive(Debug)]
pub(super) struct Dispatch<'p> {
    pub(super) id: NodeId,
    pub(super) function: &'p str,
    pub(super) candidates: &'p [(Body, &'p [Guard<'p>])],
    pub(super) args: &'p [Node<'p>],
    pub(super) pattern: Option<&'p CompiledPattern>,
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

/// `all` and `exists`.
#[derive(Debug)]
pub(super) struct Loop<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slot: usize,
    pub(super) predicate: Node<'p>,
}

/// `map` and `filter`: elements that pass the filter, transformed.
#[derive(Debug)]
pub(super) struct Collect<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) slot: usize,
    pub(super) filter: Option<Node<'p>>,
    /// `None`: the element itself.
    pub(super) transform: Option<Node<'p>>,
}

/// The general comprehension.
#[derive(Debug)]
pub(super) struct Fold<'p> {
    pub(super) id: NodeId,
    pub(super) range: Node<'p>,
    pub(super) iter_slot: usize,
    pub(super) accu_slot: usize,
    pub(super) init: Node<'p>,
    pub(super) condition: Node<'p>,
    pub(super) step: Node<'p>,
    pub(super) result: Node<'p>,
}
