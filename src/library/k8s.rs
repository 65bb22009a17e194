//! The CEL libraries of Kubernetes' API server that Kyverno's environment has.

pub mod admission;
pub mod authz;
pub mod format;
pub mod lists;
pub mod net;
mod order;
pub mod quantity;
pub mod regex;
pub mod semver;
pub mod url;
