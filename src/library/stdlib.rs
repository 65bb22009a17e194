//! CEL's standard functions, one module per family.

pub mod arithmetic;
pub mod convert;
pub mod logic;
pub mod relation;
pub mod time;
