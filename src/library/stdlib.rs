//! CEL's standard functions and operators, one module per family.

pub mod arithmetic;
pub mod convert;
pub mod logic;
pub mod messages;
pub mod relation;
pub mod text;
pub mod time;
