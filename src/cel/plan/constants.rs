//! What cel-go's optimising planner does with constants beyond keeping them, for environments that have it: conversions that
//! fail do so when the program is made, and nothing is looked for in an empty list.

use super::PlanError;
use super::lower::{FOLD_BUDGET, Planner};
use crate::cel::ast::{Expr, ExprKind, MapEntry, NodeId};
use crate::cel::check::Reference;
use crate::cel::eval;
use crate::cel::program::{Counted, Node};
use crate::error::{CelError, ErrorKind, Raise};
use crate::library::runtime::Runtime;
use crate::library::stdlib::arithmetic::{is_in_hashed, is_in_literal};
use crate::library::table::Body;
use crate::value::Value;

/// The functions that convert their one argument.
const CONVERSIONS: &[&str] =
    &["bool", "bytes", "double", "duration", "dyn", "int", "string", "timestamp", "type", "uint"];

/// The function whose cost wraps around.
const ENCODE: &str = "json.encode";

/// True for what Kyverno's engine may count nothing for: constants, and `json.encode`, whose cost takes one unit away.
fn is_free(node: &Node<'_>) -> bool {
    match node {
        Node::Const(_) => true,
        Node::Shared(shared) => is_free(&shared.node),
        Node::Call(call) => call.function == ENCODE,
        Node::Bind { body, .. } => is_free(body),
        Node::And { terms, .. } | Node::Or { terms, .. } => terms.iter().all(is_free),
        Node::Conditional { condition, then, otherwise, .. } => {
            is_free(condition) && (is_free(then) || is_free(otherwise))
        }
        _ => false,
    }
}

impl<'p> Planner<'_, 'p> {
    /// True for what is a constant after cel-go has optimised it, where it does.
    pub(super) fn is_optimized(&self, e: &Expr) -> bool {
        self.checked.optimizing && self.is_constant(e)
    }

    fn is_constant(&self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Literal(_) => true,
            ExprKind::List { elements, .. } => elements.iter().all(|element| self.is_constant(element)),
            ExprKind::Map(entries) => {
                entries.iter().all(|entry| self.is_constant(&entry.key) && self.is_constant(&entry.value))
            }
            ExprKind::Call { function, target: None, args } => match args.as_slice() {
                [arg] => CONVERSIONS.contains(&function.as_str()) && self.is_constant(arg),
                _ => false,
            },
            ExprKind::Ident(_) | ExprKind::Select { .. } => {
                matches!(self.checked.reference(e.id), Some(Reference::Type(_) | Reference::Constant(_)))
            }
            _ => false,
        }
    }

    /// How `in` looks for something in a set that is written there, if otherwise than in any other: in a map, or in a list of
    /// scalars that cel-go makes a map of.
    pub(super) fn in_body(&self, set: &Expr, planned: &Node<'p>) -> Option<Body> {
        let is_scalar = |value: &Value<'_>| {
            use Value::{Bool, Double, Int, String, Uint};
            matches!(value, Bool(_) | Double(_) | Int(_) | String(_) | Uint(_))
        };
        match (&set.kind, planned) {
            (ExprKind::Map(_), _) => Some(is_in_literal),
            (ExprKind::List { .. }, Node::Const(Value::List(list)))
                if self.is_optimized(set) && list.iter().all(is_scalar) =>
            {
                Some(is_in_hashed)
            }
            _ => None,
        }
    }

    /// What Kyverno's counter of the costs of a call needs to be what it should be.
    pub(super) fn counted(&self, function: &str, arguments: usize) -> Counted {
        match (function, arguments) {
            _ if !self.checked.optimizing => Counted::Nothing,
            ("distinct" | "sort", 1) => Counted::Receiver,
            ("@sortByAssociatedKeys", 2) => Counted::Keys,
            ("flatten", 2) => Counted::Depth,
            _ => Counted::Nothing,
        }
    }

    /// Refuses a constant map with a key that cannot be one of Go's: cel-go makes the map with the program, and crashes.
    pub(super) fn check_constant_map(
        &self,
        id: NodeId,
        entries: &[MapEntry],
        map: Node<'p>,
    ) -> Result<(), PlanError> {
        let is_constant = |entry: &MapEntry| {
            !entry.optional && self.is_optimized(&entry.key) && self.is_optimized(&entry.value)
        };
        if !entries.iter().all(is_constant) {
            return Ok(());
        }
        match eval::constant(self.boxed(map), Runtime::new(&self.arena.bump, FOLD_BUDGET)).0 {
            Err(Raise::Error(CelError { kind: ErrorKind::Panic(text), .. })) => {
                Err(PlanError { node: id, message: text.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a constant that cannot be a key.
    pub(super) fn check_constant_key(
        &self,
        node: NodeId,
        key: &Expr,
        planned: Option<&Node<'p>>,
    ) -> Result<(), PlanError> {
        let Some(Node::Const(value)) = planned.filter(|_| self.is_optimized(key)) else { return Ok(()) };
        if matches!(
            value,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::String(_)
        ) {
            return Ok(());
        }
        let message = format!("invalid qualifier type: {}", eval::go_type_of_itself(value));
        Err(PlanError { node, message })
    }

    /// Refuses `json.encode` of what costs nothing to evaluate. Kyverno's engine counts 2^64 - 1 units for the call: with
    /// anything counted before, the sum wraps around to less; with nothing, it is over the limit, and that ends the
    /// expression in an error.
    pub(super) fn check_encoded(
        &self,
        node: NodeId,
        function: &str,
        args: &[Node<'p>],
    ) -> Result<(), PlanError> {
        if !self.checked.optimizing || function != ENCODE || !args.iter().all(is_free) {
            return Ok(());
        }
        let message = "`json.encode` of what costs nothing to evaluate is over the limit of what an expression may cost \
                       in Kyverno";
        Err(PlanError { node, message: message.to_owned() })
    }

    /// The call of a function that may be a conversion of a constant.
    pub(super) fn converted(
        &self,
        id: NodeId,
        name: &str,
        args: &[Expr],
        node: Node<'p>,
    ) -> Result<Node<'p>, PlanError> {
        let [arg] = args else { return Ok(node) };
        if !CONVERSIONS.contains(&name) || !self.is_optimized(arg) || matches!(node, Node::Const(_)) {
            return Ok(node);
        }
        match eval::constant(self.boxed(node), Runtime::new(&self.arena.bump, FOLD_BUDGET)).0 {
            Err(Raise::Error(error)) => Err(PlanError { node: id, message: error.to_string() }),
            _ => Ok(node),
        }
    }
}
