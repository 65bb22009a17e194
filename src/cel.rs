//! The Common Expression Language: parse, check, plan, evaluate.
//!
//! `text` → [`front`] → [`ast::Ast`] → [`check`] → [`check::Checked`] → [`plan`] → [`plan::Program`] → [`eval`].

pub mod ast;
pub mod budget;
pub mod check;
pub mod error;
pub mod eval;
pub mod front;
pub mod plan;
