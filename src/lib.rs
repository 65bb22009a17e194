#![doc = include_str!("../README.md")]

mod audit;
mod budget;
mod cel;
mod config;
mod decision_id;
mod diag;
mod engine;
mod error;
mod gateway;
mod glob;
mod library;
mod limit;
mod methods;
mod outside;
mod policy;
mod record;
mod schema;
pub mod settings;
mod source;
mod time;
mod types;
mod value;
mod visible;
mod yaml;

pub use audit::{Audit, Invocation};
pub use config::Settings;
pub use decision_id::DecisionId;
pub use diag::{Code, Diagnostic, Diagnostics, Severity, Warnings};
pub use engine::{Context, Decision, Engine, Scratch};
pub use gateway::http::HttpRequest;
pub use outside::Capabilities;
pub use policy::decide::Effect;
pub use policy::set::PolicySet;
pub use record::{Outcome, Record};

/// **Not part of the library.** What Toolgate's own programs, tests and tools use of its inside; it changes without
/// notice, and nothing else may use it.
#[doc(hidden)]
pub mod internal {
    /// See the module of this name.
    pub mod audit {
        pub use crate::audit::*;
    }
    /// See the module of this name.
    pub mod budget {
        pub use crate::budget::*;
    }
    /// See the module of this name.
    pub mod cel {
        pub use crate::cel::*;
    }
    /// See the module of this name.
    pub mod config {
        pub use crate::config::*;
    }
    /// See the module of this name.
    pub mod diag {
        pub use crate::diag::*;
    }
    /// See the module of this name.
    pub mod error {
        pub use crate::error::*;
    }
    /// See the module of this name.
    pub mod gateway {
        pub use crate::gateway::*;
    }
    /// See the module of this name.
    pub mod glob {
        pub use crate::glob::*;
    }
    /// See the module of this name.
    pub mod library {
        pub use crate::library::*;
    }
    /// See the module of this name.
    pub mod limit {
        pub use crate::limit::*;
    }
    /// See the module of this name.
    pub mod outside {
        pub use crate::outside::*;
    }
    /// See the module of this name.
    pub mod policy {
        pub use crate::policy::*;
    }
    /// See the module of this name.
    pub mod source {
        pub use crate::source::*;
    }
    /// See the module of this name.
    pub mod types {
        pub use crate::types::*;
    }
    /// See the module of this name.
    pub mod value {
        pub use crate::value::*;
    }
    /// See the module of this name.
    pub mod visible {
        pub use crate::visible::*;
    }
    /// See the module of this name.
    pub mod yaml {
        pub use crate::yaml::*;
    }
}
