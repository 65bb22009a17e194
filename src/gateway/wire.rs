//! From an event's bytes to its envelope. Never fails: what is no event is a kind of event.

use bumpalo::Bump;

use super::refusal::Refusal;
use crate::cel::budget::Budget;
use crate::value::json::strict::{Document, Kind, Node, ReadError, read};

/// How deep a message may nest.
pub const MAX_NESTING: usize = 128;

/// The message is the value of a member of `gatewayRequest` in `mcp` in the event.
const ENVELOPE_NESTING: usize = 3;

/// What came in.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A request to an MCP target, before it is forwarded.
    Request(Request<'a>),
    /// Anything else; it is denied in the envelope that it came in.
    Other(Envelope, Refusal),
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
    /// `interceptorInputVersion`
    pub version: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.path`
    pub path: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.httpMethod`
    pub http_method: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.headers`
    pub headers: Option<&'a Node<'a>>,
    /// `mcp.gatewayRequest.body`
    pub body: Option<&'a Node<'a>>,
}

/// Reads an event.
pub fn event<'a>(bytes: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Event<'a> {
    let limit = MAX_NESTING.saturating_add(ENVELOPE_NESTING);
    let document = match read(bytes, limit, arena, budget) {
        Ok(document) => document,
        Err(ReadError::Syntax(_)) => return Event::Other(Envelope::Mcp, Refusal::NotJson),
        Err(ReadError::Utf8(_)) => return Event::Other(Envelope::Mcp, Refusal::NotUtf8),
        Err(ReadError::Fault(_)) => return Event::Other(Envelope::Mcp, Refusal::TooLarge),
    };
    // A key that is there with null counts as absent: live gateways send it so.
    let member = |name: &str| document_member(&document, name);
    match (member("mcp"), member("http")) {
        (Some(mcp), None) => request(document, mcp),
        (None, Some(_)) => Event::Other(Envelope::Http, Refusal::HttpTarget),
        _ => Event::Other(Envelope::Mcp, Refusal::Envelope),
    }
}

fn document_member<'a>(document: &Document<'a>, name: &str) -> Option<&'a Node<'a>> {
    present(document.root.get(name))
}

fn present<'a>(node: Option<&'a Node<'a>>) -> Option<&'a Node<'a>> {
    node.filter(|node| !matches!(node.kind, Kind::Null))
}

fn request<'a>(document: Document<'a>, mcp: &'a Node<'a>) -> Event<'a> {
    if present(mcp.get("gatewayResponse")).is_some() {
        return Event::Other(Envelope::Mcp, Refusal::Response);
    }
    let Some(request) = mcp.get("gatewayRequest").filter(|node| matches!(node.kind, Kind::Object(_))) else {
        return Event::Other(Envelope::Mcp, Refusal::Envelope);
    };
    Event::Request(Request {
        document,
        version: document.root.get("interceptorInputVersion"),
        path: present(request.get("path")),
        http_method: present(request.get("httpMethod")),
        headers: present(request.get("headers")),
        body: present(request.get("body")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &[u8]) -> Result<(), (Envelope, Refusal)> {
        let arena = Bump::new();
        let text: &[u8] = arena.alloc_slice_copy(text);
        match event(text, &arena, &mut Budget::default()) {
            Event::Request(_) => Ok(()),
            Event::Other(envelope, refusal) => Err((envelope, refusal)),
        }
    }

    #[test]
    fn every_input_is_some_kind_of_event() {
        let mcp = |refusal| Err((Envelope::Mcp, refusal));
        for (text, expected) in [
            (&br#"{"mcp":{"gatewayRequest":{}}}"#[..], Ok(())),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":null},"http":null}"#, Ok(())),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":{"body":null}}}"#, mcp(Refusal::Response)),
            (br#"{"mcp":{"gatewayRequest":{},"gatewayResponse":"x"}}"#, mcp(Refusal::Response)),
            (br#"{"mcp":{"gatewayRequest":null}}"#, mcp(Refusal::Envelope)),
            (br#"{"mcp":[]}"#, mcp(Refusal::Envelope)),
            (br#"{"mcp":{"gatewayRequest":{}},"http":{}}"#, mcp(Refusal::Envelope)),
            (br#"{"http":{"gatewayRequest":{}}}"#, Err((Envelope::Http, Refusal::HttpTarget))),
            (
                br#"{"http":{"gatewayRequest":null,"gatewayResponse":{}}}"#,
                Err((Envelope::Http, Refusal::HttpTarget)),
            ),
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
