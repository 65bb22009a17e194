//! Kyverno's own functions in HTTP mode: requests and answers, JSON, MCP; and the names of what comes later.

pub mod client;
pub mod cluster;
pub mod envoy;
pub mod gzip;
pub mod hash;
pub mod http;
pub mod image;
pub mod json;
pub mod jwt;
pub mod mcp;
pub mod or_value;
pub mod random;
pub mod round;
pub mod time;
pub mod transform;
pub mod user;
pub mod variables;
pub mod x509;
pub mod yaml;
