//! The Common Expression Language: parse, check, plan, evaluate.

pub mod ast;
pub mod budget;
pub mod error;
