//! From an event's bytes to its envelope. Never fails: what is no event is a kind of event.

use bumpalo::Bump;

use super::refusal::Refusal;
use crate::budget::{Budget, Fault};
use crate::value::json::strict::{Document, Kind, Node, ReadError, read_but};

/// How deep a message may nest.
pub const MAX_NESTING: usize = 128;

/// The message is the value of a member of `gatewayRequest` in `mcp` in the event.
const ENVELOPE_NESTING: usize = 3;

/// The client's text of the message, as a string. The gateway's reading of it is what is judged and forwarded, so nobody
/// reads this one.
const CLIENT_TEXT: &[&str] = &["mcp", "rawGatewayRequest"];

/// What came in.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request to an MCP target, before it is forwarded.
    Request(Request<'a>),
    /// What an MCP target answered, or an interceptor in its place: the RESPONSE point.
    Response(Response<'a>),
    /// What an HTTP target answered.
    HttpResponse(Document<'a>),
    /// Anything else; it is denied in the envelope that it came in.
    Other(Envelope, Refusal),
    /// Reading it needs more than a decision may use.
    Fault(Fault),
}

/// The two envelopes of events and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// `mcp`
    Mcp,
    /// `http`
    Http,
}

/// The parts of an MCP request event.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The whole event.
    pub document: Document<'a>,
    /// `mcp.gatewayRequest.path`
    pub path: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.httpMethod`
    pub http_method: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.headers`
    pub headers: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.body`
    pub body: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.context`
    pub context: Option<&'a Node<'a>>,
}

/// The parts of an MCP response event.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The whole event.
    pub document: Document<'a>,
    /// The message that is answered: `mcp.gatewayRequest.body`
    pub message: Option<&'a Node<'a>>,
    /// `mcp.gatewayResponse.statusCode`; later events of a stream have none.
    pub status: Option<&'a Node<'a>>,
    /// `mcp.gatewayResponse.body`
    pub body: Option<&'a Node<'a>>,
}

/// Reads an event.
pub fn event<'a>(bytes: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Event<'a> {
    let limit = MAX_NESTING.saturating_add(ENVELOPE_NESTING);
    let document = match read_but(bytes, CLIENT_TEXT, limit, arena, budget) {
        Ok(document) => document,
        Err(ReadError::Syntax(_)) => return Event::Other(Envelope::Mcp, Refusal::NotJson),
        Err(ReadError::Utf8(_)) => return Event::Other(Envelope::Mcp, Refusal::NotUtf8),
        Err(ReadError::Fault(fault)) => return Event::Fault(fault),
    };
    // A key that is there with null counts as absent: live gateways send it so.
    let member = |name: &str| document_member(&document, name);
    match (member("mcp"), member("http")) {
        (Some(mcp), None) => mcp_event(document, mcp),
        (None, Some(http)) => match phase(http) {
            Phase::Request => Event::Other(Envelope::Http, Refusal::HttpTarget),
            Phase::Response(_) => Event::HttpResponse(document),
            Phase::Neither => Event::Other(Envelope::Http, Refusal::Envelope),
        },
        _ => Event::Other(Envelope::Mcp, Refusal::Envelope),
    }
}

fn document_member<'a>(document: &Document<'a>, name: &str) -> Option<&'a Node<'a>> {
    present(document.root.get(name))
}

fn present<'a>(node: Option<&'a Node<'a>>) -> Option<&'a Node<'a>> {
    node.filter(|node| !matches!(node.kind, Kind::Null))
}

/// Which of the gateway's two points an envelope comes from.
enum Phase<'a> {
    Request,
    Response(&'a Node<'a>),
    Neither,
}

/// An answer that is there makes it the RESPONSE point; the key alone does not, live requests have it with null.
fn phase<'a>(envelope: &'a Node<'a>) -> Phase<'a> {
    match present(envelope.get("gatewayResponse")) {
        None => Phase::Request,
        Some(response) if matches!(response.kind, Kind::Object(_)) => Phase::Response(response),
        Some(_) => Phase::Neither,
    }
}

fn mcp_event<'a>(document: Document<'a>, mcp: &'a Node<'a>) -> Event<'a> {
    let request = mcp.get("gatewayRequest").filter(|node| matches!(node.kind, Kind::Object(_)));
    match (phase(mcp), request) {
        (Phase::Response(response), request) => Event::Response(Response {
            document,
            message: request.and_then(|request| request.get("body")),
            status: present(response.get("statusCode")),
            body: present(response.get("body")),
        }),
        (Phase::Request, Some(request)) => Event::Request(Request {
            document,
            path: present(request.get("path")),
            http_method: present(request.get("httpMethod")),
            headers: present(request.get("headers")),
            body: present(request.get("body")),
            context: present(request.get("context")),
        }),
        _ => Event::Other(Envelope::Mcp, Refusal::Envelope),
    }
}

/// What must hold of an event, whatever it is about: it reads in one way, and its version is one that we know.
///
/// # Errors
/// The refusal that it ends in.
pub fn sound(document: &Document<'_>) -> Result<(), Refusal> {
    if let Some(flaw) = document.flaw {
        return Err(flaw.kind.into());
    }
    let version = document.root.get("interceptorInputVersion").and_then(Node::as_str);
    let minor = version.and_then(|version| version.strip_prefix("1.")).ok_or(Refusal::Version)?;
    let known = (1..=4).contains(&minor.len()) && minor.bytes().all(|c| c.is_ascii_digit());
    if known { Ok(()) } else { Err(Refusal::Version) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &[u8]) -> Result<&'static str, (Envelope, Refusal)> {
        let arena = Bump::new();
        let text: &[u8] = arena.alloc_slice_copy(text);
        match event(text, &arena, &mut Budget::default()) {
            Event::Request(_) => Ok("request"),
            Event::Response(_) => Ok("response"),
            Event::HttpResponse(_) => Ok("http response"),
            Event::Other(envelope, refusal) => Err((envelope, refusal)),
            Event::Fault(_) => Ok("fault"),
        }
    }

    #[test]
    fn an_event_that_needs_too_much_is_a_fault_before_it_takes_more() {
        let arena = Bump::new();
        let names = |count: usize| -> String { (0..count).map(|at| format!("\"{at}\":1,")).collect() };
        let many = format!(r#"{{"mcp":{{{}"x":1}}}}"#, names(100_000));
        let bytes = arena.alloc_str(&many).as_bytes();
        let before = arena.allocated_bytes();
        let mut budget = Budget { bytes: 1_000_000, ..Budget::default() };
        assert!(matches!(event(bytes, &arena, &mut budget), Event::Fault(Fault::Memory)));
        assert!(arena.allocated_bytes() - before < 2_000_000, "{}", arena.allocated_bytes() - before);
    }

    #[test]
    fn every_input_is_some_kind_of_event() {
        let mcp = |refusal| Err((Envelope::Mcp, refusal));
        for (text, expected) in [
            (&br#"{"mcp":{"gatewayRequest":{}}}"#[..], Ok("request")),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":null},"http":null}"#, Ok("request")),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":{"body":null}}}"#, Ok("response")),
            (br#"{"mcp":{"gatewayRequest":null,"gatewayResponse":{}}}"#, Ok("response")),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":"x"}}"#, mcp(Refusal::Envelope)),
            (br#"{"mcp":{"gatewayRequest":null}}"#, mcp(Refusal::Envelope)),
            (br#"{"mcp":[]}"#, mcp(Refusal::Envelope)),
            (br#"{"mcp":{"gatewayRequest":{}},"http":{}}"#, mcp(Refusal::Envelope)),
            (br#"{"http":{"gatewayRequest":{}}}"#, Err((Envelope::Http, Refusal::HttpTarget))),
            (br#"{"http":{"gatewayRequest":null,"gatewayResponse":{}}}"#, Ok("http response")),
            (br#"{"http":{"gatewayRequest":null}}"#, Err((Envelope::Http, Refusal::HttpTarget))),
            (br#"{"http":{"gatewayResponse":5}}"#, Err((Envelope::Http, Refusal::Envelope))),
            (b"{}", mcp(Refusal::Envelope)),
            (b"null", mcp(Refusal::Envelope)),
            (b"[]", mcp(Refusal::Envelope)),
            (b"", mcp(Refusal::NotJson)),
            (b"hello", mcp(Refusal::NotJson)),
            (b"\xff", mcp(Refusal::NotUtf8)),
        ] {
            assert_eq!(kind(text), expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
