//! Between an AgentCore Gateway and the policies: the events that come in, what policies see of a tool call, and
//! the answers that go out.
//!
//! Knows the envelopes and how a denial is worded; knows nothing of policies or CEL's syntax.
//! The way of an event: [`wire`] finds the message in it, [`call`] decides whether it is refused, passed on or
//! judged (by the lists in [`judging`] and MCP's methods), [`identity`] says who calls, [`environment`] for where, [`attributes`] what for, [`headers`] and [`request`] make what policies see, [`answer`] writes the bytes.

pub mod answer;
pub mod attributes;
pub mod call;
pub mod environment;
pub mod envoy;
pub mod headers;
pub mod http;
pub mod identity;
pub mod json;
pub mod judging;
pub mod payload;
pub mod refusal;
pub mod request;
pub mod response;
mod url;
pub mod wire;

pub use call::{Call, Sorted, sort};
pub use refusal::{Id, Refusal};
