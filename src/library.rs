//! The functions of Kyverno's HTTP environment, as tables: the checker reads the signatures, the planner the
//! bodies, the reference documentation the texts, the tests the examples.

pub mod ext;
pub mod k8s;
pub mod optionals;
#[cfg(test)]
pub(crate) mod probe;
pub(crate) mod row;
pub mod stdlib;
pub mod table;
