//! The functions of Kyverno's HTTP environment, as tables: the checker reads the signatures, the planner the
//! bodies, the reference documentation the texts, the tests the examples.

pub mod ext;
pub mod k8s;
pub mod kyverno;
pub(crate) mod message;
pub(crate) mod native;
pub mod optionals;
#[cfg(test)]
pub(crate) mod probe;
pub mod regex;
pub(crate) mod row;
pub mod stdlib;
pub mod table;
mod text_builder;

/// The libraries of Kyverno's HTTP environment, in the order in which it registers them: overloads of one function
/// from several libraries are tried in that order.
pub static HTTP: &[&table::Library] = &[
    &stdlib::logic::LIBRARY,
    &stdlib::arithmetic::LIBRARY,
    &stdlib::relation::LIBRARY,
    &stdlib::text::LIBRARY,
    &stdlib::convert::LIBRARY,
    &stdlib::time::LIBRARY,
    &optionals::LIBRARY,
    &ext::encoders::LIBRARY,
    &ext::lists::LIBRARY,
    &ext::math::LIBRARY,
    &ext::sets::LIBRARY,
    &ext::strings::LIBRARY,
    &k8s::lists::LIBRARY,
    &k8s::regex::LIBRARY,
    &kyverno::http::LIBRARY,
    &kyverno::json::LIBRARY,
    &kyverno::mcp::LIBRARY,
];

pub use kyverno::mcp::CONSTANTS;
pub use kyverno::unsupported::unsupported;
