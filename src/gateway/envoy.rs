//! What policies of mode Envoy see: an Envoy `CheckRequest`, of a tool call as of any request that a proxy with Envoy's
//! external authorization in front of the tools would have asked about.
//!
//! The headers are those that policies of mode HTTP see, in Envoy's form: names in lower case, the values of one name in
//! one text with commas between them.

mod payload;

use bumpalo::Bump;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};

use super::refusal::{Refusal, Unfit};
use crate::budget::{Budget, Fault};
use crate::cel::Reads;
use crate::library::envoy_messages;
use crate::policy::model::Mode;
use crate::value::{Map, MapBuilder, Object, ObjectRow, ObjectType, Timestamp, Value};

pub use payload::payload;

/// The names of headers as policies write them.
pub const HEADERS: &str = Mode::Envoy.headers();

/// What costs anything to build, and is read by any policy of mode Envoy.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvoyReads {
    headers: bool,
}

impl EnvoyReads {
    /// What the policies read, in the gateway's terms.
    pub fn of(reads: &Reads) -> EnvoyReads {
        EnvoyReads { headers: reads.reads(HEADERS) }
    }
}

/// What an Envoy request is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The target as it was sent, with its query.
    pub path: &'a str,
    /// The host.
    pub host: &'a str,
    /// `HTTP/1.1`
    pub protocol: &'a str,
    /// The headers as policies of mode HTTP see them: lists of values by canonical name.
    pub headers: Map<'a>,
    /// The body.
    pub body: &'a [u8],
    /// The caller, if it is known.
    pub principal: Option<&'a str>,
    /// When the request came, in seconds since the Unix epoch.
    pub time: i64,
}

/// The request that policies see.
///
/// # Errors
/// Several values of one header of which one has a comma: Envoy's form cannot tell them apart. The budget is spent.
pub fn check_request<'a>(
    parts: &Parts<'a>,
    reads: EnvoyReads,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    let headers = if reads.headers { headers(parts, arena, budget)? } else { Map::EMPTY };
    let body = match std::str::from_utf8(parts.body) {
        Ok(text) => ("body", Value::String(text)),
        Err(_) => ("raw_body", Value::Bytes(parts.body)),
    };
    let size = Value::Int(i64::try_from(parts.body.len()).unwrap_or(i64::MAX));
    let mut message = |row, fields: &[(&str, Value<'a>)]| message(row, fields, arena, budget);
    let http = message(
        &envoy_messages::HTTP_REQUEST,
        &[
            ("method", Value::String(parts.method)),
            ("headers", Value::Map(headers)),
            ("path", Value::String(parts.path)),
            ("host", Value::String(parts.host)),
            ("scheme", Value::String(SCHEME)),
            ("size", size),
            ("protocol", Value::String(parts.protocol)),
            body,
        ],
    )?;
    let time = Timestamp { seconds: parts.time, nanos: 0, offset: 0 };
    let request = message(&envoy_messages::REQUEST, &[("time", Value::Timestamp(time)), ("http", http)])?;
    let attributes = &envoy_messages::ATTRIBUTE_CONTEXT;
    let attributes = match parts.principal {
        Some(principal) => {
            let fields = [("principal", Value::String(principal))];
            let source = message(&envoy_messages::PEER, &fields)?;
            message(attributes, &[("source", source), ("request", request)])?
        }
        None => message(attributes, &[("request", request)])?,
    };
    Ok(message(&envoy_messages::CHECK_REQUEST, &[("attributes", attributes)])?)
}

/// A gateway speaks HTTPS only.
const SCHEME: &str = "https";

fn message<'a>(
    row: &'static ObjectRow,
    fields: &[(&str, Value<'a>)],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Fault> {
    let ty: &ObjectType = row;
    let size = ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>());
    budget.charge_bytes(size.saturating_add(size_of::<Object<'_>>()))?;
    let places = arena.alloc_slice_fill_copy(ty.fields.len(), None);
    for (name, value) in fields {
        let place = ty.field(name).and_then(|(index, _)| places.get_mut(index));
        *place.ok_or(Fault::Internal("a message's field is missing"))? = Some(*value);
    }
    Ok(Value::Object(arena.alloc(Object { ty, fields: places, tagged: false })))
}

fn headers<'a>(parts: &Parts<'a>, arena: &'a Bump, budget: &mut Budget) -> Result<Map<'a>, Unfit> {
    let count = parts.headers.len().saturating_add(PSEUDO);
    budget.charge_bytes(count.saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut map = MapBuilder::with_capacity(arena, count);
    for (name, value) in
        [(":authority", parts.host), (":method", parts.method), (":path", parts.path), (":scheme", SCHEME)]
    {
        map.insert(Value::String(name), Value::String(value));
    }
    for (name, values) in parts.headers.entries() {
        let (Value::String(name), Value::List(values)) = (name, values) else {
            return Err(Fault::Internal("a header that is no list of texts").into());
        };
        budget.charge_bytes(name.len())?;
        let mut lower = BumpVec::with_capacity_in(name.len(), arena);
        lower.extend(name.bytes().map(|byte| byte.to_ascii_lowercase()));
        let lower = std::str::from_utf8(lower.into_bump_slice());
        let lower = lower.map_err(|_| Fault::Internal("a header's name that is no text"))?;
        map.insert(Value::String(lower), Value::String(joined(values, arena, budget)?));
    }
    Ok(map.finish())
}

/// How many headers a request has that are none.
const PSEUDO: usize = 4;

fn joined<'a>(values: &'a [Value<'a>], arena: &'a Bump, budget: &mut Budget) -> Result<&'a str, Unfit> {
    if let [Value::String(only)] = values {
        return Ok(only);
    }
    let mut out = BumpString::new_in(arena);
    for (index, value) in values.iter().enumerate() {
        let Value::String(text) = value else {
            return Err(Fault::Internal("a header that is no list of texts").into());
        };
        if text.contains(',') {
            return Err(Refusal::HeaderValue.into());
        }
        budget.charge_bytes(text.len().saturating_add(1).saturating_mul(2))?;
        if index > 0 {
            out.push(',');
        }
        out.push_str(text);
    }
    Ok(out.into_bump_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(roles: &'static [Value<'static>], reads: EnvoyReads) -> Result<String, Unfit> {
        let arena = Bump::new();
        let mut budget = Budget::default();
        let mut map = MapBuilder::with_capacity(&arena, 1);
        map.insert(Value::String("X-User-Roles"), Value::List(roles));
        let parts = Parts {
            method: "POST",
            path: "/mcp?a=%20b",
            host: "gateway",
            protocol: "HTTP/1.1",
            headers: map.finish(),
            body: b"{}",
            principal: Some("alice"),
            time: 1,
        };
        let request = check_request(&parts, reads, &arena, &mut budget)?;
        Ok(format!("{request:?}"))
    }

    #[test]
    fn headers_are_lower_case_and_joined_and_only_there_if_they_are_read() {
        let read = EnvoyReads { headers: true };
        let shown = built(&[Value::String("a"), Value::String("b")], read).unwrap();
        assert!(shown.contains("\"x-user-roles\"") && shown.contains("\"a,b\""), "{shown}");
        assert!(
            shown.contains("\":path\"") && shown.contains("\"/mcp?a=%20b\"") && shown.contains("\"alice\"")
        );
        let unread = built(&[Value::String("a")], EnvoyReads::default()).unwrap();
        assert!(!unread.contains("x-user-roles"));
    }

    #[test]
    fn values_that_their_joined_form_cannot_tell_apart_are_refused() {
        let read = EnvoyReads { headers: true };
        assert!(built(&[Value::String("a,b")], read).is_ok());
        assert!(matches!(
            built(&[Value::String("a,b"), Value::String("c")], read),
            Err(Unfit::Refusal(Refusal::HeaderValue))
        ));
    }
}
