//! The planner: a checked expression becomes a [`Program`], a tree of nodes in an arena.
//!
//! Everything that can be decided before the first request is decided here: names become slots, overloads function
//! pointers, constant expressions values and constant patterns compiled regexes; the macros' folds become
//! nodes that say what they do. The evaluator sees neither names nor types.

use crate::cel::ast::NodeId;
use crate::cel::check::{Checked, Env};
use crate::cel::program::{Arena, MAX_NESTING, Program};

pub mod asks;
mod constants;
mod facts;
mod fold;
mod lower;
mod matches;
pub mod reads;
mod units;

/// An expression that checks but cannot be planned: cel-go's program construction errors.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanError {
    /// The node at fault.
    pub node: NodeId,
    /// cel-go's text.
    pub message: String,
}

/// Plans what was checked in `environment`. What fails in every evaluation of it, with the error, is added to `fails`.
///
/// # Errors
/// See [`PlanError`].
pub fn plan<'p>(
    checked: &Checked<'_>,
    arena: &'p Arena,
    environment: &Env<'_>,
    fails: &mut Vec<(NodeId, String)>,
) -> Result<Program<'p>, PlanError> {
    let mut planner = lower::Planner::new(checked, arena, environment);
    let root = planner.plan(&checked.ast.root)?;
    let root = &*arena.bump.alloc(root);
    fails.append(&mut planner.fails);
    let program = Program::new(root, planner.slots(), checked.output().clone())
        .sharing(arena.bump.alloc_slice_copy(&planner.shared), planner.asks)
        .costing(planner.cost(&checked.ast.root));
    match program.depth > MAX_NESTING {
        true => Err(too_deep("the expression nests", program.depth)),
        false => Ok(program),
    }
}

/// Counts how deep the evaluation of `program` nests when it goes on into `variables`, those that it may use.
///
/// # Errors
/// It is deeper than [`MAX_NESTING`].
pub fn with_variables<'p>(program: Program<'p>, variables: &[Program<'p>]) -> Result<Program<'p>, PlanError> {
    let program = program.nesting_into(variables);
    match program.nesting > MAX_NESTING {
        true => Err(too_deep("the expression and the variables that it uses nest", program.nesting)),
        false => Ok(program),
    }
}

fn too_deep(what: &str, depth: usize) -> PlanError {
    PlanError { node: 0, message: format!("{what} {depth} levels deep; the limit is {MAX_NESTING} (fixed)") }
}
