//! Why a message is refused before any policy is asked, with the fixed text that the agent is told.

use std::fmt;

use crate::budget::Fault;
use crate::value::json::strict::FlawKind;

/// A reason to refuse a message without asking a policy (docs/configuration.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The event is not JSON.
    NotJson,
    /// The event is not UTF-8.
    NotUtf8,
    /// The event has neither envelope, or both, or one of an unknown shape.
    Envelope,
    /// `interceptorInputVersion` is not 1.x.
    Version,
    /// The event is for the RESPONSE point and has no answer that could be sent on.
    Response,
    /// The event is for an HTTP target.
    HttpTarget,
    /// `path` or `httpMethod` is none that an HTTP request can have.
    Target,
    /// An object has two members of one name.
    Duplicate,
    /// A string has half of a surrogate pair.
    LoneSurrogate,
    /// A number is beyond the range of a double.
    Number,
    /// Nested deeper than [`MAX_NESTING`](super::wire::MAX_NESTING).
    Nesting,
    /// A batch.
    Batch,
    /// There is no message, or it is no object.
    NoMessage,
    /// A member's name is a known one but for its spelling.
    Folded,
    /// `jsonrpc` is not `"2.0"`.
    JsonRpc,
    /// Neither a request, nor a notification, nor an answer; or two of them.
    Shape,
    /// `method` is not a string.
    Method,
    /// `method` is none of MCP's but for its spelling.
    MethodSpelling,
    /// `id` is not a string, a number or null, or is longer than [`MAX_ID`](super::call::MAX_ID).
    Id,
    /// `params` is not an object.
    Params,
    /// `params.arguments` is not an object.
    Arguments,
    /// `tools/call` without an `id`.
    CallWithoutId,
    /// The tool's name is not `[A-Za-z0-9_./-]{1,256}`, or has an empty target or tool beside `___`.
    ToolName,
    /// A header's value has a control character, or is no text, or has two values in two spellings.
    HeaderValue,
    /// Two spellings of `Authorization` have different values.
    TwoTokens,
    /// The token is not one that this deployment takes: another issuer, audience or client, or expired.
    Token,
    /// The token or the principal names the caller, a role or a group with blanks at the ends or with characters that
    /// are not seen.
    IdentityValue,
    /// The deployment wants to know the caller of every judged message, and this one's is not known.
    NoIdentity,
    /// A policy asks for groups or roles, and the token says that it does not have them all.
    GroupsUnknown,
}

/// What the answer to a message carries as its `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id<'a> {
    /// The id in its own spelling: JSON text of the event.
    Raw(&'a str),
    /// The id could not be read.
    Null,
    /// The message is a notification or an answer; the error goes out without an id.
    Absent,
}

impl Refusal {
    /// All of them, in the order of the enum.
    pub const ALL: [Refusal; 29] = [
        Refusal::NotJson,
        Refusal::NotUtf8,
        Refusal::Envelope,
        Refusal::Version,
        Refusal::Response,
        Refusal::HttpTarget,
        Refusal::Target,
        Refusal::Duplicate,
        Refusal::LoneSurrogate,
        Refusal::Number,
        Refusal::Nesting,
        Refusal::Batch,
        Refusal::NoMessage,
        Refusal::Folded,
        Refusal::JsonRpc,
        Refusal::Shape,
        Refusal::Method,
        Refusal::MethodSpelling,
        Refusal::Id,
        Refusal::Params,
        Refusal::Arguments,
        Refusal::CallWithoutId,
        Refusal::ToolName,
        Refusal::HeaderValue,
        Refusal::TwoTokens,
        Refusal::Token,
        Refusal::IdentityValue,
        Refusal::NoIdentity,
        Refusal::GroupsUnknown,
    ];

    /// The name by which records and tests know it; never changes.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What the agent is told.
    pub fn text(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Refusal::NotJson => ("not-json", "refused: the event is not JSON"),
            Refusal::NotUtf8 => ("not-utf8", "refused: the event is not UTF-8"),
            Refusal::Envelope => ("envelope", "refused: the event is not one that a gateway sends"),
            Refusal::Version => ("version", "refused: the event has an unknown version"),
            Refusal::Response => ("response", "refused: the response has no body that can be sent on"),
            Refusal::HttpTarget => ("http-target", "refused: requests to HTTP targets are not judged here"),
            Refusal::Target => ("target", "refused: the path or the HTTP method is malformed"),
            Refusal::Duplicate => ("duplicate-member", "refused: an object has two members of one name"),
            Refusal::LoneSurrogate => ("lone-surrogate", "refused: a string is not Unicode"),
            Refusal::Number => ("number-range", "refused: a number is out of range"),
            Refusal::Nesting => {
                ("nesting", "refused: the message is nested deeper than the limit of 128 levels")
            }
            Refusal::Batch => ("batch", "refused: batches are not accepted"),
            Refusal::NoMessage => ("no-message", "refused: there is no JSON-RPC message"),
            Refusal::Folded => {
                ("folded-name", "refused: a member's name is spelt differently from the known one")
            }
            Refusal::JsonRpc => ("jsonrpc-version", "refused: jsonrpc is not \"2.0\""),
            Refusal::Shape => ("shape", "refused: the message is neither a request nor an answer"),
            Refusal::Method => ("method", "refused: the method is not a string"),
            Refusal::MethodSpelling => {
                ("method-spelling", "refused: the method is spelt differently from the known one")
            }
            Refusal::Id => ("id", "refused: the id is not a string or a number"),
            Refusal::Params => ("params", "refused: params is not an object"),
            Refusal::Arguments => ("arguments", "refused: arguments is not an object"),
            Refusal::CallWithoutId => ("call-without-id", "refused: a tool call needs an id"),
            Refusal::ToolName => ("tool-name", "refused: the tool's name is missing or malformed"),
            Refusal::HeaderValue => ("header-value", "refused: a value cannot be sent in a header"),
            Refusal::TwoTokens => {
                ("two-tokens", "refused: the request has two different Authorization headers")
            }
            Refusal::Token => ("token", "refused: the caller's token is not accepted here"),
            Refusal::IdentityValue => (
                "identity-value",
                "refused: the caller's identity has blanks at its ends or invisible characters",
            ),
            Refusal::NoIdentity => ("no-identity", "refused: the caller is not known"),
            Refusal::GroupsUnknown => {
                ("groups-unknown", "refused: the caller's token does not hold all groups or roles")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<FlawKind> for Refusal {
    fn from(flaw: FlawKind) -> Self {
        match flaw {
            FlawKind::Duplicate => Refusal::Duplicate,
            FlawKind::LoneSurrogate => Refusal::LoneSurrogate,
            FlawKind::Number => Refusal::Number,
            FlawKind::Depth => Refusal::Nesting,
        }
    }
}

/// Why headers, or the request that carries them, cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The call is refused.
    Refusal(Refusal),
    /// The budget is spent.
    Fault(Fault),
}

impl From<Refusal> for Unfit {
    fn from(refusal: Refusal) -> Self {
        Unfit::Refusal(refusal)
    }
}

impl From<Fault> for Unfit {
    fn from(fault: Fault) -> Self {
        Unfit::Fault(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_texts_are_distinct_and_say_nothing_of_the_request() {
        let names: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
        let texts: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.text()).collect();
        assert_eq!((names.len(), texts.len()), (Refusal::ALL.len(), Refusal::ALL.len()));
        assert!(texts.iter().all(|text| text.starts_with("refused: ") && !text.ends_with('.')));
    }
}
