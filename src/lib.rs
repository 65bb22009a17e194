//! Toolgate decides AI agents' tool calls with Kyverno policies, in process.

pub mod cel;
