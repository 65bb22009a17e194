//! The `http.CheckRequest` of an HTTP request that did not come through a gateway, as the Kyverno server would build it
//! (docs/kyverno.md §8).
//!
//! Knows a request whose line and headers were read already, by a server of the caller's.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::envoy;
use super::headers::header_map;
use super::refusal::{Refusal, Unfit};
use super::request::{Parts, Reads, assemble, query_map};
use super::url;
use crate::budget::Budget;
use crate::library::kyverno::http::canonical_key;
use crate::library::kyverno::mcp;
use crate::value::json::go;
use crate::value::{Map, Value};

/// An HTTP request, for [`Engine::decide_http`](crate::Engine::decide_http).
///
/// ```
/// use toolgate::HttpRequest;
///
/// let request = HttpRequest::new("POST", "/mcp?session=1", br#"{"jsonrpc":"2.0"}"#)
///     .header("Host", "tools.example.com")
///     .header("content-type", "application/json");
/// ```
#[derive(Clone, Debug)]
pub struct HttpRequest<'a> {
    method: &'a str,
    target: &'a str,
    protocol: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
}

impl<'a> HttpRequest<'a> {
    /// A request without headers. `target` is the path with its query, as the request line has it.
    pub fn new(method: &'a str, target: &'a str, body: &'a [u8]) -> HttpRequest<'a> {
        HttpRequest { method, target, protocol: "HTTP/1.1", headers: Vec::new(), body }
    }

    /// With one more header. Of HTTP/2's `:authority` make a `Host`.
    #[must_use]
    pub fn header(mut self, name: &'a str, value: &'a str) -> HttpRequest<'a> {
        self.headers.push((name, value));
        self
    }

    /// With another protocol than `HTTP/1.1`.
    #[must_use]
    pub fn protocol(self, protocol: &'a str) -> HttpRequest<'a> {
        HttpRequest { protocol, ..self }
    }
}

/// The request that policies see.
///
/// # Errors
/// The request is none that Go's server would take, or the budget is spent.
pub fn check_request<'a>(
    request: &'a HttpRequest<'a>,
    reads: &Reads,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    if !is_token(request.method) {
        return Err(Refusal::Target.into());
    }
    let url = url::read(request.target, arena)?;
    let (host, headers) = headers(request, arena, budget)?;
    let query = if reads.query { query_map(url.raw_query, arena, budget)? } else { Map::EMPTY };
    let mcp = match reads.mcp {
        true => Some(mcp::parse_body(go::syntax(request.body, arena, budget), arena, budget)?),
        false => None,
    };
    let parts = Parts {
        method: request.method,
        headers,
        host,
        protocol: request.protocol,
        body: request.body,
        path: url.path,
        query,
        mcp,
    };
    Ok(assemble(&parts, arena, budget)?)
}

/// The same request for policies of mode Envoy.
///
/// # Errors
/// As for [`check_request`].
pub fn envoy_parts<'a>(
    request: &'a HttpRequest<'a>,
    time: i64,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<envoy::Parts<'a>, Unfit> {
    let (host, headers) = headers(request, arena, budget)?;
    Ok(envoy::Parts {
        method: request.method,
        path: request.target,
        host,
        protocol: request.protocol,
        headers,
        body: request.body,
        principal: None,
        time,
    })
}

/// The host, and the headers that are left once Go's server has taken those that are its own business.
fn headers<'a>(
    request: &'a HttpRequest<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<(&'a str, Map<'a>), Unfit> {
    let mut host = None;
    let mut found: BumpVec<'a, (&'a str, Value<'a>)> =
        BumpVec::with_capacity_in(request.headers.len().saturating_add(1), arena);
    budget.charge_bytes(request.headers.len().saturating_mul(size_of::<(&str, Value<'_>)>()))?;
    for (name, value) in &request.headers {
        // Each name is compared with all others.
        budget.charge(u64::try_from(name.len().saturating_add(request.headers.len())).unwrap_or(u64::MAX))?;
        if !is_token(name) {
            return Err(Refusal::HeaderValue.into());
        }
        match canonical_key(name, arena) {
            "Host" if host.is_some() => return Err(Refusal::HeaderValue.into()),
            "Host" => host = Some(value.trim_matches([' ', '\t'])),
            name => found.push((name, Value::String(value))),
        }
    }
    let has = |name: &str| found.iter().any(|(other, _)| *other == name);
    let is_chunked = has("Transfer-Encoding");
    let no_cache = found.iter().find(|(name, _)| *name == "Pragma");
    let no_cache = matches!(no_cache, Some((_, Value::String("no-cache")))) && !has("Cache-Control");
    if is_chunked {
        found.retain(|(name, _)| !matches!(*name, "Transfer-Encoding" | "Content-Length" | "Trailer"));
    }
    if no_cache {
        found.push(("Cache-Control", Value::String("no-cache")));
    }
    Ok((host.unwrap_or_default(), header_map(&found, arena, budget)?))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
