//! Kyverno's own functions in HTTP mode: requests and answers, JSON, MCP; and the names of what comes later.

pub mod convert;
pub mod http;
pub mod json;
pub mod mcp;
pub mod unsupported;
