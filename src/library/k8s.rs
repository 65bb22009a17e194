//! The CEL libraries of Kubernetes' API server that Kyverno's environment has.

pub mod lists;
pub mod regex;
