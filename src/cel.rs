//! The expression language: syntax tree and front; what is type-checked, planned and evaluated comes later.
//!
//! Knows only which modules there are.

pub mod ast;
pub mod front;
