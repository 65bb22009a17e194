//! CEL's standard functions and operators.

pub mod text;
