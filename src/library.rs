//! The functions of Kyverno's HTTP environment, as tables: the checker reads the signatures, the planner the
//! bodies, the reference documentation the texts, the tests the examples.

pub mod kyverno;
pub mod table;
