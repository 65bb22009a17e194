//! The `http.CheckRequest` that policies see of a call, as the Kyverno server builds it from an HTTP request.

use std::collections::BTreeSet;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::attributes::Deployment;
use super::call::Call;
use super::refusal::Unfit;
use super::url;
use crate::budget::{Budget, Fault};
use crate::library::kyverno::http::objects::{CHECK_REQUEST, CHECK_REQUEST_ATTRIBUTES, MCP_CHECK_DATA};
use crate::library::kyverno::mcp;
use crate::value::{Map, MapBuilder, Object, ObjectRow, Value};

/// What of the request costs anything to build, and is read by any policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Which headers.
    pub headers: HeaderReads,
    /// `object.attributes.query` or `QueryParam`.
    pub query: bool,
    /// `object.mcp`.
    pub mcp: bool,
}

/// Which headers are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HeaderReads {
    /// None at all, the header map neither.
    #[default]
    None,
    /// Those with these canonical names.
    Names(BTreeSet<String>),
    /// Any: the map as a whole, or a name that is not constant.
    All,
}

impl Reads {
    /// Everything: the request is used as a whole.
    pub const ALL: Reads = Reads { headers: HeaderReads::All, query: true, mcp: true };

    /// Adds what `other` reads.
    pub fn add(&mut self, other: &Reads) {
        self.query |= other.query;
        self.mcp |= other.mcp;
        match (&mut self.headers, &other.headers) {
            (_, HeaderReads::None) | (HeaderReads::All, _) => {}
            (HeaderReads::Names(mine), HeaderReads::Names(theirs)) => mine.extend(theirs.iter().cloned()),
            (mine, theirs) => *mine = theirs.clone(),
        }
    }

    /// True if the header with this canonical name is read.
    pub fn header(&self, name: &str) -> bool {
        match &self.headers {
            HeaderReads::None => false,
            HeaderReads::Names(names) => names.contains(name),
            HeaderReads::All => true,
        }
    }
}

/// The request that policies see. `headers` is what [`header_map`](super::headers::header_map) made of the
/// headers that are read. The scalars are always there: they cost nothing.
///
/// # Errors
/// The query is not UTF-8, or the budget is spent.
pub fn check_request<'a>(
    call: &Call<'a>,
    headers: Map<'a>,
    reads: &Reads,
    settings: &Deployment<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Unfit> {
    let query = if reads.query { query_map(call.url.raw_query, arena, budget)? } else { Map::EMPTY };
    let mcp = if reads.mcp {
        let body = call.request.document.checked(call.body);
        Some(mcp::parse_body(Ok(body), arena, budget)?)
    } else {
        None
    };
    let parts = Parts {
        method: call.http_method,
        headers,
        host: settings.host,
        protocol: "HTTP/1.1",
        body: call.body.raw.as_bytes(),
        path: call.url.path,
        query,
        mcp,
    };
    Ok(assemble(&parts, arena, budget)?)
}

/// What a request is made of.
pub(super) struct Parts<'a> {
    pub(super) method: &'a str,
    pub(super) headers: Map<'a>,
    pub(super) host: &'a str,
    pub(super) protocol: &'a str,
    pub(super) body: &'a [u8],
    pub(super) path: &'a str,
    pub(super) query: Map<'a>,
    /// The parsed MCP request; none if no policy reads it.
    pub(super) mcp: Option<Value<'a>>,
}

/// The object, from its parts.
pub(super) fn assemble<'a>(
    parts: &Parts<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Fault> {
    // In the order of the type; the scheme is empty, as for every request in origin form, and so is the fragment.
    let attributes = [
        Some(Value::String(parts.method)),
        Some(Value::Map(parts.headers)),
        Some(Value::String(parts.host)),
        Some(Value::String(parts.protocol)),
        Some(Value::Int(i64::try_from(parts.body.len()).unwrap_or(i64::MAX))),
        Some(Value::Bytes(parts.body)),
        Some(Value::String("")),
        Some(Value::String(parts.path)),
        Some(Value::Map(parts.query)),
        Some(Value::String("")),
    ];
    let attributes = object(&CHECK_REQUEST_ATTRIBUTES, &attributes, arena, budget)?;
    let mcp = match parts.mcp {
        Some(request) => Some(object(&MCP_CHECK_DATA, &[Some(request)], arena, budget)?),
        None => None,
    };
    object(&CHECK_REQUEST, &[Some(attributes), mcp], arena, budget)
}

fn object<'a>(
    ty: &'static ObjectRow,
    fields: &[Option<Value<'a>>],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, Fault> {
    budget.charge_bytes(size_of_val(fields).saturating_add(size_of::<Object<'_>>()))?;
    let fields = arena.alloc_slice_copy(fields);
    Ok(Value::Object(arena.alloc(Object { ty, fields, tagged: false })))
}

/// A query as Go's map: the values of one name together, in order.
pub(super) fn query_map<'a>(text: &'a str, arena: &'a Bump, budget: &mut Budget) -> Result<Map<'a>, Unfit> {
    budget.charge(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    budget.charge_bytes(text.len().saturating_mul(size_of::<Value<'_>>()))?;
    let mut pairs = url::query(text, arena)?;
    // A stable sort keeps the order of one name's values; Go bounds the number of pairs.
    pairs.sort_by(|a, b| a.0.cmp(b.0));
    let mut map = MapBuilder::with_capacity(arena, pairs.len());
    for group in pairs.chunk_by(|a, b| a.0 == b.0) {
        if let Some((name, _)) = group.first() {
            let mut values = BumpVec::with_capacity_in(group.len(), arena);
            values.extend(group.iter().map(|(_, value)| Value::String(value)));
            map.insert(Value::String(name), Value::List(values.into_bump_slice()));
        }
    }
    Ok(map.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::call::{Sorted, sort};
    use crate::gateway::judging::Judging;
    use crate::gateway::judging::Rules;
    use crate::gateway::wire::{Event, event};

    const EVENT: &[u8] = br#"{"interceptorInputVersion":"1.0","mcp":{"gatewayRequest":{"path":"/mcp?b=1&a=x&b=2","httpMethod":"POST",
        "body":{"jsonrpc":"2.0", "id":1,"method":"tools/call","params":{"name":"t___get_pod","arguments":{"env":" Prod "}}}}}}"#;

    fn built(reads: &Reads, then: impl FnOnce(&Object<'_>)) {
        let arena = Bump::new();
        let mut budget = Budget::default();
        let Event::Request(request) = event(EVENT, &arena, &mut budget) else { panic!() };
        let rules = Rules::new(&Judging::default()).unwrap();
        let Sorted::Ask(call) = sort(request, &rules, &arena) else { panic!() };
        let settings = Deployment::default();
        let value = check_request(call, Map::EMPTY, reads, &settings, &arena, &mut budget).unwrap();
        let Value::Object(request) = value else { panic!() };
        then(request);
    }

    fn text<'a>(object: &Object<'a>, name: &str) -> Value<'a> {
        object.get(object.ty.field(name).unwrap().0)
    }

    #[test]
    fn the_request_is_what_kyverno_would_have_built() {
        built(&Reads::ALL, |request| {
            let Value::Object(attributes) = text(request, "attributes") else { panic!() };
            for (name, expected) in [
                ("method", "POST"),
                ("host", "gateway"),
                ("protocol", "HTTP/1.1"),
                ("scheme", ""),
                ("path", "/mcp"),
                ("fragment", ""),
            ] {
                assert!(matches!(text(attributes, name), Value::String(s) if s == expected), "{name}");
            }
            let Value::Bytes(body) = text(attributes, "body") else { panic!() };
            assert!(body.starts_with(br#"{"jsonrpc":"2.0", "id":1"#) && body.ends_with(b"}}}"));
            assert!(
                matches!(text(attributes, "contentLength"), Value::Int(n) if n == i64::try_from(body.len()).unwrap())
            );
            let Value::Map(query) = text(attributes, "query") else { panic!() };
            assert!(matches!(
                query.get_str("b"),
                Some(Value::List([Value::String("1"), Value::String("2")]))
            ));
            let Value::Object(mcp) = text(request, "mcp") else { panic!() };
            let Value::Object(parsed) = text(mcp, "request") else { panic!() };
            assert!(matches!(text(parsed, "Method"), Value::String("tools/call")));
            let Value::Object(tool) = text(parsed, "ToolCall") else { panic!() };
            assert!(matches!(text(tool, "Name"), Value::String("t___get_pod")));
        });
    }

    #[test]
    fn what_nobody_reads_is_not_built() {
        built(&Reads::default(), |request| {
            assert!(request.fields[1].is_none());
            let Value::Object(attributes) = text(request, "attributes") else { panic!() };
            assert!(matches!(text(attributes, "query"), Value::Map(map) if map.is_empty()));
        });
    }

    #[test]
    fn reads_add_up() {
        let names = |names: &[&str]| HeaderReads::Names(names.iter().map(|n| (*n).to_owned()).collect());
        let mut reads = Reads::default();
        assert!(!reads.header("A"));
        reads.add(&Reads { headers: names(&["A"]), ..Reads::default() });
        reads.add(&Reads { headers: names(&["B"]), query: true, mcp: false });
        assert!(reads.header("A") && reads.header("B") && !reads.header("C") && reads.query && !reads.mcp);
        reads.add(&Reads::ALL);
        reads.add(&Reads { headers: names(&["A"]), ..Reads::default() });
        assert_eq!(reads, Reads::ALL);
    }
}
