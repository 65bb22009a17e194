//! The answers, as bytes. Only what no report of a live gateway disputes is written: a forwarded body, or a status
//! with a body (docs/agentcore.md §2).

use std::io::Write;

use super::refusal::{Id, Refusal};
use super::response::Sent;
use super::wire::Envelope;
use crate::value::base64::{self, Alphabet};
use crate::value::json::strict::plain;

/// The HTTP status of a denial, unless the configuration says otherwise.
pub const STATUS: u16 = 403;

/// The JSON-RPC code of a denial by policy, an error or a fault, unless the configuration says otherwise. MCP asks
/// for application codes outside the range that JSON-RPC reserves; inside it clients have meanings of their own (one
/// takes -32600 for the end of the session), and a number that repeats the status needs no explanation.
pub const DENIED: i32 = 403;

/// The JSON-RPC code of a message that is refused because it is malformed: `Invalid Request`.
pub const INVALID_REQUEST: i32 = -32600;

/// The JSON-RPC code of an event that cannot be read: `Parse error`.
pub const PARSE_ERROR: i32 = -32700;

/// How a denial is written (docs/agentcore.md §3).
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::DenialConfig;
///
/// let mut settings = Settings::default();
/// let denial: &mut DenialConfig = &mut settings.denial;
/// denial.status = 401;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DenialConfig {
    /// The form.
    pub form: DenialForm,
    /// The HTTP status of [`DenialForm::Status`].
    pub status: u16,
    /// The JSON-RPC code of a denial by policy, an error or a fault.
    pub code: i32,
}

/// The forms of a denial.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::DenialForm;
///
/// let mut settings = Settings::default();
/// settings.denial.form = DenialForm::OkResult;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialForm {
    /// An HTTP error status with a JSON-RPC error.
    #[default]
    Status,
    /// HTTP 200 with a JSON-RPC error.
    OkError,
    /// HTTP 200 with a tool result that has `isError: true`; for anything but a well-formed `tools/call` as `OkError`.
    OkResult,
}

impl Default for DenialConfig {
    fn default() -> Self {
        DenialConfig { form: DenialForm::default(), status: STATUS, code: DENIED }
    }
}

/// A denial.
#[derive(Clone, Copy, Debug)]
pub struct Denial<'d> {
    /// The envelope that the event came in.
    pub envelope: Envelope,
    /// What the answer echoes.
    pub id: Id<'d>,
    /// The JSON-RPC code; none for the configured one.
    pub code: Option<i32>,
    /// What the agent is told.
    pub message: &'d str,
    /// The record that says more, for people.
    pub decision: Option<&'d str>,
    /// True if the message is a well-formed `tools/call`, whose answer may be a tool's result.
    pub tool_call: bool,
}

impl<'d> Denial<'d> {
    /// A policy's denial, or a decision that failed, with the text that the agent may see.
    pub fn denied(id: Id<'d>, message: &'d str) -> Denial<'d> {
        Denial { envelope: Envelope::Mcp, id, code: None, message, decision: None, tool_call: false }
    }

    /// A refusal before any policy was asked.
    pub fn refused(envelope: Envelope, id: Id<'d>, refusal: Refusal) -> Denial<'d> {
        let code = match refusal {
            Refusal::NotJson | Refusal::NotUtf8 => Some(PARSE_ERROR),
            // These are well-formed; Toolgate does not take them.
            Refusal::Response
            | Refusal::HttpTarget
            | Refusal::HeaderValue
            | Refusal::TwoTokens
            | Refusal::Token
            | Refusal::IdentityValue
            | Refusal::NoIdentity
            | Refusal::GroupsUnknown => None,
            _ => Some(INVALID_REQUEST),
        };
        Denial { envelope, id, code, message: refusal.text(), decision: None, tool_call: false }
    }

    /// The form in which this denial reaches the client: an answer with HTTP 200 is only seen by a request that
    /// waits for its id, and for notifications MCP wants an error status (docs/agentcore.md §3).
    fn form(&self, configured: DenialForm) -> DenialForm {
        let awaited = matches!(self.id, Id::Raw(id) if id != "null");
        match configured {
            _ if !awaited || self.envelope == Envelope::Http => DenialForm::Status,
            DenialForm::OkResult if !self.tool_call => DenialForm::OkError,
            form => form,
        }
    }
}

/// Replaces `out` by the answer that forwards `body`, the exact bytes of the message.
pub fn allow(out: &mut Vec<u8>, body: &str) {
    out.clear();
    out.extend_from_slice(
        br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayRequest":{"body":"#,
    );
    out.extend_from_slice(body.as_bytes());
    out.extend_from_slice(b"}}}");
}

/// Replaces `out` by the answer that sends on what a target answered.
pub fn send(out: &mut Vec<u8>, sent: &Sent<'_>) {
    out.clear();
    out.extend_from_slice(br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayResponse":{"#);
    if let Some(status) = sent.status {
        out.extend_from_slice(br#""statusCode":"#);
        out.extend_from_slice(status.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(br#""body":"#);
    out.extend_from_slice(sent.body.as_bytes());
    out.extend_from_slice(b"}}}");
}

/// Replaces `out` by the answer that leaves what an HTTP target answered alone: what is omitted stays as it is.
pub fn keep_http(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(br#"{"interceptorOutputVersion":"1.0","http":{}}"#);
}

/// Replaces `out` by the answer that denies.
pub fn deny(out: &mut Vec<u8>, denial: &Denial<'_>, config: &DenialConfig) {
    out.clear();
    let form = denial.form(config.form);
    let status = if form == DenialForm::Status { config.status } else { 200 };
    let code = denial.code.unwrap_or(config.code);
    match denial.envelope {
        Envelope::Mcp => {
            out.extend_from_slice(
                br#"{"interceptorOutputVersion":"1.0","mcp":{"transformedGatewayResponse":{"statusCode":"#,
            );
            number(out, i64::from(status));
            out.extend_from_slice(br#","body":{"jsonrpc":"2.0","#);
            match denial.id {
                Id::Raw(id) => {
                    out.extend_from_slice(br#""id":"#);
                    out.extend_from_slice(id.as_bytes());
                    out.push(b',');
                }
                Id::Null => out.extend_from_slice(br#""id":null,"#),
                Id::Absent => {}
            }
            if form == DenialForm::OkResult {
                result(out, denial)
            } else {
                error(out, denial, code)
            }
            out.extend_from_slice(b"}}}}");
        }
        Envelope::Http => {
            let mut body = Vec::new();
            body.push(b'{');
            error(&mut body, denial, code);
            body.push(b'}');
            out.extend_from_slice(
                br#"{"interceptorOutputVersion":"1.0","http":{"transformedGatewayResponse":{"contentType":"application/json","statusCode":"#,
            );
            number(out, i64::from(status));
            out.extend_from_slice(br#","body":""#);
            out.extend(base64::encode(&body, Alphabet::Standard, true));
            out.extend_from_slice(br#""}}}"#);
        }
    }
}

/// `"error":{…}`
fn error(out: &mut Vec<u8>, denial: &Denial<'_>, code: i32) {
    out.extend_from_slice(br#""error":{"code":"#);
    number(out, i64::from(code));
    out.extend_from_slice(br#","message":"#);
    string(out, denial.message);
    if let Some(decision) = denial.decision {
        out.extend_from_slice(br#","data":{"decisionId":"#);
        string(out, decision);
        out.push(b'}');
    }
    out.push(b'}');
}

/// `"result":{…}`, a tool's result that says that it failed. Clients of the protocol 2026-07-28 refuse a result without
/// `resultType`, and Python's then ends its session; older ones pass over it.
fn result(out: &mut Vec<u8>, denial: &Denial<'_>) {
    out.extend_from_slice(br#""result":{"content":[{"type":"text","text":"#);
    string(out, denial.message);
    out.extend_from_slice(br#"}],"isError":true,"resultType":"complete""#);
    if let Some(decision) = denial.decision {
        out.extend_from_slice(br#","_meta":{"toolgate.dev/decisionId":"#);
        string(out, decision);
        out.push(b'}');
    }
    out.push(b'}');
}

fn number(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `text` as a JSON string.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((run, after)) = rest.split_at_checked(plain(rest)) {
        out.extend_from_slice(run);
        let Some((special, after)) = after.split_first() else { break };
        match special {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = after;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
