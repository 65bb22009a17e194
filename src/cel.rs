//! The Common Expression Language: parse, check, plan, evaluate.
//!
//! [`compile()`] is the door: text and an [`Env`] in, a program or all mistakes out. Behind it:
//!
//! `text` → [`front`] → [`ast::Ast`] → [`check`] → [`check::Checked`] → [`plan`] → [`program::Program`] → [`eval`].

pub mod ast;
pub mod check;
pub mod compile;
pub mod eval;
pub mod front;
pub mod plan;
pub mod program;

pub use ast::Macros;
pub use check::flat::{FlatError, Reader, Writer};
pub use check::{Env, Functions, TypeErrorKind};
pub use compile::{
    Compiled, Issue, Issues, Parsed, Stage, compile, compile_seen, compile_written, compile_written_alone,
    parse, write, write_alone,
};
pub use plan::reads::Reads;

/// The checked tree, for those who look at one that [`compile()`] shows them: warnings are made of it, programs are not.
pub mod tree {
    pub use super::ast::{Comprehension, Expr, ExprKind, Literal, NodeId};
    pub use super::check::fallible::{Failure, FailureKind, Variables, can_fail};
    pub use super::check::{Checked, Reference};
}
