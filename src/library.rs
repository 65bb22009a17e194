//! The functions and types of Kyverno's environments, as tables: the checker reads the signatures and types, the planner
//! the bodies, the reference documentation the texts, the tests the examples.

pub mod capability;
pub(crate) mod encode;
pub mod envoy_messages;
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
pub mod runtime;
pub mod stdlib;
pub mod table;
pub(crate) mod to_go;
#[cfg(test)]
mod total;
pub mod types;

/// The libraries of an environment whose answers are those of `$answers`, in the order in which Kyverno registers them:
/// overloads of one function from several libraries are tried in that order.
macro_rules! with_answers {
    ($answers:expr) => {
        &[
            &stdlib::messages::LIBRARY,
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
            &k8s::net::cidr::LIBRARY,
            &k8s::format::LIBRARY,
            &k8s::net::ip::LIBRARY,
            &k8s::lists::LIBRARY,
            &k8s::regex::LIBRARY,
            &k8s::url::LIBRARY,
            &k8s::quantity::LIBRARY,
            &k8s::semver::LIBRARY,
            $answers,
            &kyverno::client::LIBRARY,
            &kyverno::cluster::RESOURCES,
            &kyverno::image::LIBRARY,
            &kyverno::json::LIBRARY,
            &kyverno::jwt::LIBRARY,
            &kyverno::jwt::KEYS,
            &kyverno::mcp::LIBRARY,
            &kyverno::variables::LIBRARY,
        ]
    };
}

/// The libraries of Kyverno's HTTP environment.
pub static HTTP: &[&table::Library] = with_answers!(&kyverno::http::LIBRARY);

/// The libraries of Kyverno's Envoy environment.
pub static ENVOY: &[&table::Library] = with_answers!(&kyverno::envoy::LIBRARY);

/// The libraries of the JSON environment: Kubernetes' base environment, then what Kyverno's engine adds.
pub static JSON: &[&table::Library] = &[
    &stdlib::messages::LIBRARY,
    &stdlib::logic::LIBRARY,
    &stdlib::arithmetic::LIBRARY,
    &stdlib::relation::LIBRARY,
    &stdlib::text::LIBRARY,
    &stdlib::convert::LIBRARY,
    &stdlib::time::LIBRARY,
    &k8s::url::LIBRARY,
    &k8s::regex::LIBRARY,
    &k8s::lists::LIBRARY,
    &k8s::admission::LIBRARY,
    &k8s::authz::LIBRARY,
    &optionals::LIBRARY,
    &k8s::quantity::LIBRARY,
    &ext::strings::VERSION_2,
    &ext::format::OLDER,
    &ext::sets::LIBRARY,
    &k8s::net::ip::LIBRARY,
    &k8s::net::cidr::LIBRARY,
    &k8s::format::LIBRARY,
    &k8s::semver::VERSION_1,
    &ext::lists::LIBRARY,
    &ext::encoders::LIBRARY,
    &ext::math::LIBRARY,
    &ext::comprehensions::LIBRARY,
    &kyverno::client::LIBRARY,
    &kyverno::cluster::GLOBAL_CONTEXT,
    &kyverno::cluster::IMAGES,
    &kyverno::cluster::RESOURCES,
    &ext::regex::LIBRARY,
    &kyverno::or_value::LIBRARY,
    &kyverno::image::LIBRARY,
    &kyverno::user::LIBRARY,
    &kyverno::hash::LIBRARY,
    &kyverno::round::LIBRARY,
    &kyverno::json::SDK,
    &kyverno::yaml::LIBRARY,
    &kyverno::random::LIBRARY,
    &kyverno::x509::LIBRARY,
    &kyverno::time::LIBRARY,
    &kyverno::transform::LIBRARY,
    &kyverno::gzip::LIBRARY,
    &kyverno::variables::LIBRARY,
    &kyverno::variables::EXCEPTIONS,
];

pub use kyverno::mcp::CONSTANTS;
pub use kyverno::variables::VARIABLES;
pub use types::{object_type, object_types, table_type};
