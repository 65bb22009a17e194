//! cel-go's extension libraries.

pub mod lists;
pub mod math;
pub mod sets;
