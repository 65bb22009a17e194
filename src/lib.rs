//! Toolgate decides AI agents' tool calls with Kyverno policies, in process.

pub mod diag;
pub mod policy;
pub mod source;
