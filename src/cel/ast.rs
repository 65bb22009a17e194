//! The syntax tree of one CEL expression: nodes with ids, byte spans and macro origin.
//!
//! Knows nothing of the crate that parses, of types or of functions. Macros are already expanded, into the
//! same comprehensions that cel-go builds, because type errors inside them must read the same; each
//! comprehension remembers the macro that made it, so that the planner can do better than a general fold.

use serde::{Deserialize, Serialize};

pub use crate::error::NodeId;

/// A half-open range of byte offsets into the expression's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// What is known of a node's place in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Byte offset of the token that stands for the node: `==` of an equality, `.` of a selection, `(` of a
    /// call. cel-go reports errors at this place.
    pub anchor: u32,
    /// The whole text of the node with its children.
    pub span: Span,
    /// The macro whose expansion made this node, if any.
    pub origin: Option<Macro>,
}

/// Which macros an environment has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Macros {
    /// Those of the authz server's modes.
    #[default]
    OneVariable,
    /// Those with two variables too, as in Kubernetes' environments: mode JSON.
    TwoVariables,
}

/// The macros of Kyverno's environments.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
pub enum Macro {
    /// `has(e.f)`
    Has,
    /// `r.all(x, p)` and `r.all(i, x, p)`
    All,
    /// `r.exists(x, p)` and `r.exists(i, x, p)`
    Exists,
    /// `r.exists_one(x, p)` and `r.exists_one(i, x, p)`; `existsOne` only with two variables
    ExistsOne,
    /// `r.map(x, t)` and `r.map(x, p, t)`
    Map,
    /// `r.filter(x, p)`
    Filter,
    /// `r.transformList(i, x, t)` and `r.transformList(i, x, p, t)`
    TransformList,
    /// `r.transformMap(i, x, t)` and `r.transformMap(i, x, p, t)`
    TransformMap,
    /// `r.transformMapEntry(i, x, {k: v})` and `r.transformMapEntry(i, x, p, {k: v})`
    TransformMapEntry,
    /// `cel.bind(v, init, e)`
    Bind,
    /// `o.optMap(x, e)`
    OptMap,
    /// `o.optFlatMap(x, e)`
    OptFlatMap,
    /// `l.sortBy(x, key)`
    SortBy,
    /// `math.greatest(…)`
    Greatest,
    /// `math.least(…)`
    Least,
    /// `proto.getExt(m, a.b.c)`
    GetExt,
    /// `proto.hasExt(m, a.b.c)`
    HasExt,
}

/// A parsed expression with its source positions.
#[derive(Clone, Debug)]
pub struct Ast {
    /// The text that was parsed.
    pub text: String,
    /// The root node.
    pub root: Expr,
    /// Facts about each node, indexed by id; ids are unique and dense, and entry 0 is unused.
    pub info: Vec<NodeInfo>,
}

impl Ast {
    /// What is known of the node `id`; the start of the text for an id that is not of this tree.
    pub fn info(&self, id: NodeId) -> NodeInfo {
        usize::try_from(id).ok().and_then(|i| self.info.get(i)).copied().unwrap_or_default()
    }
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// The node's number.
    pub id: NodeId,
    /// What the node is.
    pub kind: ExprKind,
}

/// The kinds of nodes, as in cel-go's `ast.ExprKind`.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A simple name, with a leading dot when the source has one.
    Ident(String),
    /// `operand.field`, or `has(operand.field)` when `test_only`.
    Select {
        /// The value whose field is read.
        operand: Box<Expr>,
        /// The field, without backticks.
        field: String,
        /// True under `has()`.
        test_only: bool,
    },
    /// `function(args)` or `target.function(args)`; operators have cel-go's names (`_+_`, `_?_:_`, `_[?_]`).
    Call {
        /// Function name, with a leading dot when the source has one.
        function: String,
        /// The receiver of a member call.
        target: Option<Box<Expr>>,
        /// The arguments without the receiver.
        args: Vec<Expr>,
    },
    /// `[a, ?b]`
    List {
        /// The elements.
        elements: Vec<Expr>,
        /// Indices of the elements that stand behind `?`, ascending.
        optional: Vec<usize>,
    },
    /// `{k: v, ?k: v}`
    Map(Vec<MapEntry>),
    /// `pkg.Type{field: v, ?field: v}`
    Struct {
        /// The type's name as written.
        type_name: String,
        /// The field initialisers.
        fields: Vec<StructField>,
    },
    /// A fold over a range; only macros make these.
    Comprehension(Box<Comprehension>),
}

/// A literal of the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.0`
    Double(f64),
    /// `"s"`
    String(String),
    /// `b"s"`
    Bytes(Vec<u8>),
}

/// `key: value` of a map literal.
#[derive(Clone, Debug, PartialEq)]
pub struct MapEntry {
    /// The entry's own node id.
    pub id: NodeId,
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
    /// True behind `?`.
    pub optional: bool,
}

/// `field: value` of a struct literal.
#[derive(Clone, Debug, PartialEq)]
pub struct StructField {
    /// The initialiser's own node id.
    pub id: NodeId,
    /// The field's name.
    pub field: String,
    /// The value.
    pub value: Expr,
    /// True behind `?`.
    pub optional: bool,
}

/// The fold that macros expand to: `accu = init; for x in range while condition { accu = step }; result`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// The macro that made it.
    pub origin: Macro,
    /// What is iterated.
    pub iter_range: Expr,
    /// The element (lists) or key (maps); of two variables the index or key.
    pub iter_var: String,
    /// Of two variables the element or value.
    pub iter_var2: Option<String>,
    /// The accumulator's name.
    pub accu_var: String,
    /// The accumulator's first value.
    pub accu_init: Expr,
    /// Goes on while this is true.
    pub condition: Expr,
    /// The accumulator's next value.
    pub step: Expr,
    /// The value of the whole.
    pub result: Expr,
}
