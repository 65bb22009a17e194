//! Toolgate decides tool calls of AI agents in process, with Kyverno `ValidatingPolicy` YAML, as Kyverno would.

pub mod cel;
pub mod gateway;
pub mod library;
pub mod types;
pub mod value;
