//! cel-go's extension libraries, at the versions that Kyverno's environment has.

pub mod comprehensions;
pub mod encoders;
pub mod format;
pub mod lists;
pub mod math;
pub mod regex;
pub mod sets;
pub mod strings;
