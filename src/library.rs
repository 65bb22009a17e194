//! The functions of Kyverno's HTTP environment, as tables: the checker reads the signatures, the planner the
//! bodies, the reference documentation the texts, the tests the examples.

pub mod ext;
pub mod k8s;
pub mod regex;
pub mod stdlib;
pub mod table;
#[cfg(test)]
mod testing;
mod text_builder;
