//! From a request event to one call: what is refused, what passes, what policies are asked about.

use super::judging::Rules;
use super::refusal::{Id, Refusal};
use super::url::{self, Url};
use super::wire::{self, Request};
use crate::library::kyverno::http::is_token;
use crate::methods::{Known, known};
use crate::value::json::strict::{Kind, Node};
use crate::value::json::structs::folds_to;
use bumpalo::Bump;

/// The longest tool name, in bytes: the gateway's quota.
pub const MAX_TOOL_NAME: usize = 256;

/// The longest id that is accepted, in bytes of its JSON text: the answer echoes it.
pub const MAX_ID: usize = 1024;

/// Members of a JSON-RPC message.
const MESSAGE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

/// Members of the parameters of any MCP method that Kyverno's parser knows.
const PARAMS: &[&str] = &[
    "name",
    "arguments",
    "_meta",
    "task",
    "uri",
    "cursor",
    "level",
    "protocolVersion",
    "capabilities",
    "clientInfo",
    "mode",
    "message",
    "requestedSchema",
    "elicitationId",
    "url",
];

/// What becomes of a request event.
#[derive(Clone, Copy, Debug)]
pub enum Sorted<'a> {
    /// It is refused.
    Refuse(Refusal, Id<'a>),
    /// It is forwarded without asking a policy.
    Pass(Passed<'a>),
    /// Policies decide.
    Ask(&'a Call<'a>),
}

/// A message that passes.
#[derive(Clone, Copy, Debug)]
pub struct Passed<'a> {
    /// The message; its `raw` are the exact bytes.
    pub body: &'a Node<'a>,
    /// The JSON-RPC method; an answer has none.
    pub method: Option<&'a str>,
    /// The tool of a `tools/call`.
    pub tool: Option<ToolCall<'a>>,
    /// The parameters' `arguments`, if there are any.
    pub arguments: Option<&'a Node<'a>>,
}

/// What a `tools/call` is about.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall<'a> {
    /// The name's part before the first `___`.
    pub target: Option<&'a str>,
    /// The part after it, or the whole name.
    pub tool: &'a str,
}

/// A message that policies decide about.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The event that it came in.
    pub request: Request<'a>,
    /// The message; its `raw` are the exact bytes.
    pub body: &'a Node<'a>,
    /// The JSON-RPC method.
    pub method: &'a str,
    /// True if that is a method of MCP.
    pub known: bool,
    /// What an answer echoes.
    pub id: Id<'a>,
    /// The HTTP method of the envelope.
    pub http_method: &'a str,
    /// The path of the envelope, read as Go reads a request's target.
    pub url: Url<'a>,
    /// The parameters, if there are any.
    pub params: Option<&'a Node<'a>>,
    /// The parameters' `arguments`, if there are any.
    pub arguments: Option<&'a Node<'a>>,
    /// `tools/call`: the name's part before the first `___`.
    pub tool_target: Option<&'a str>,
    /// `tools/call`: the part after it, or the whole name.
    pub tool: Option<&'a str>,
    /// `resources/read`: `params.uri`, if it is a string.
    pub uri: Option<&'a str>,
    /// `prompts/get`: `params.name`, if it is a string.
    pub prompt: Option<&'a str>,
}

/// Sorts a request event: policies are asked only of what is not refused and does not pass.
pub fn sort<'a>(request: Request<'a>, rules: &Rules, arena: &'a Bump) -> Sorted<'a> {
    let id = id(request.body);
    // INVARIANT: nothing passes or is asked about unless every check here is done.
    match check(request, id, rules, arena) {
        Ok(sorted) => sorted,
        Err(refusal) => Sorted::Refuse(refusal, if refusal == Refusal::Id { Id::Null } else { id }),
    }
}

/// The id to echo, from a message that may be malformed.
pub(super) fn id<'a>(body: Option<&'a Node<'a>>) -> Id<'a> {
    let Some(body) = body.filter(|body| matches!(body.kind, Kind::Object(_))) else { return Id::Null };
    if body.get("method").is_none() && (body.get("result").is_some() || body.get("error").is_some()) {
        // An answer's id belongs to the other side's request: nothing answers it.
        return Id::Absent;
    }
    let mut ids = body.members().iter().filter(|member| member.name == "id");
    match (ids.next(), ids.next()) {
        (None, _) => Id::Absent,
        (Some(id), None) if is_id(&id.value) => Id::Raw(id.value.raw),
        _ => Id::Null,
    }
}

/// True for an id that every reader of the answer can read: what is refused in a message must not come back in the refusal.
fn is_id(node: &Node<'_>) -> bool {
    if node.raw.len() > MAX_ID {
        return false;
    }
    match node.kind {
        // Only an escape can be half of a pair.
        Kind::String(_) => !node.raw.contains('\\') || serde_json::from_str::<String>(node.raw).is_ok(),
        Kind::Number => node.raw.parse::<f64>().is_ok_and(f64::is_finite),
        Kind::Null => true,
        Kind::Bool(_) | Kind::List(_) | Kind::Object(_) | Kind::Unread => false,
    }
}

fn check<'a>(
    request: Request<'a>,
    id: Id<'a>,
    rules: &Rules,
    arena: &'a Bump,
) -> Result<Sorted<'a>, Refusal> {
    wire::sound(&request.document)?;
    let body = request.body.ok_or(Refusal::NoMessage)?;
    match body.kind {
        Kind::Object(_) => {}
        Kind::List(_) => return Err(Refusal::Batch),
        _ => return Err(Refusal::NoMessage),
    }
    let (method, params) = check_message(body)?;
    let arguments = params.and_then(|params| params.get("arguments"));
    let Some(method) = method else {
        return Ok(Sorted::Pass(Passed { body, method, tool: None, arguments }));
    };
    // Before any list is asked: what passes a look-alike passes the method that the other side takes it for.
    let known = match known(method) {
        Known::LookAlike(_) => return Err(Refusal::MethodSpelling),
        known => known == Known::Method,
    };
    if arguments.is_some_and(|arguments| !matches!(arguments.kind, Kind::Object(_))) {
        return Err(Refusal::Arguments);
    }
    let text = |name: &str| params.and_then(|params| params.get(name)).and_then(Node::as_str);
    // Even a tool that passes by its name must have one.
    let name = if method == "tools/call" { Some(tool_name(id, text("name"))?) } else { None };
    let tool = name.map(split).transpose()?;
    if rules.passes(method, id, name) {
        return Ok(Sorted::Pass(Passed { body, method: Some(method), tool, arguments }));
    }
    Ok(Sorted::Ask(arena.alloc(Call {
        request,
        body,
        method,
        known,
        id,
        http_method: http_method(&request)?,
        url: url(&request, arena)?,
        params,
        arguments,
        tool_target: tool.and_then(|tool| tool.target),
        tool: tool.map(|tool| tool.tool),
        uri: if method == "resources/read" { text("uri") } else { None },
        prompt: if method == "prompts/get" { text("name") } else { None },
    })))
}

/// The method, unless the message is an answer, and the parameters of a JSON-RPC message.
fn check_message<'a>(body: &'a Node<'a>) -> Result<(Option<&'a str>, Option<&'a Node<'a>>), Refusal> {
    check_names(body, MESSAGE)?;
    if body.get("jsonrpc").and_then(Node::as_str) != Some("2.0") {
        return Err(Refusal::JsonRpc);
    }
    if body.get("id").is_some_and(|id| !is_id(id)) {
        return Err(Refusal::Id);
    }
    let params = body.get("params");
    if params.is_some_and(|params| !matches!(params.kind, Kind::Object(_))) {
        return Err(Refusal::Params);
    }
    if let Some(params) = params {
        check_names(params, PARAMS)?;
    }
    let answers = [body.get("result"), body.get("error")].into_iter().flatten().count();
    let Some(method) = body.get("method") else {
        return if answers == 1 { Ok((None, params)) } else { Err(Refusal::Shape) };
    };
    let method = method.as_str().ok_or(Refusal::Method)?;
    if answers > 0 { Err(Refusal::Shape) } else { Ok((Some(method), params)) }
}

/// No name but the exact one that a decoder without regard to case, or one whose texts end at a NUL, would take for a known
/// one. No two known ones fold to one, so that an exact one needs no second look.
fn check_names(object: &Node<'_>, known: &[&str]) -> Result<(), Refusal> {
    let folded = |name: &str| {
        let read = name.split('\0').next().unwrap_or(name);
        known.iter().any(|known| folds_to(known, read))
    };
    let wrong = |name: &str| !known.contains(&name) && folded(name);
    if object.members().iter().any(|member| wrong(member.name)) { Err(Refusal::Folded) } else { Ok(()) }
}

/// The envelope's HTTP method; the one that gateways document if it is missing.
fn http_method<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    let Some(method) = request.http_method else { return Ok("POST") };
    let method = method.as_str().ok_or(Refusal::Target)?;
    if method.is_empty() || !method.bytes().all(is_token) { Err(Refusal::Target) } else { Ok(method) }
}

/// The envelope's path; the one that gateways document if it is missing.
fn url<'a>(request: &Request<'a>, arena: &'a Bump) -> Result<Url<'a>, Refusal> {
    let Some(path) = request.path else { return url::read("/mcp", arena) };
    url::read(path.as_str().ok_or(Refusal::Target)?, arena)
}

/// The whole name of a tool that is called.
fn tool_name<'a>(id: Id<'_>, name: Option<&'a str>) -> Result<&'a str, Refusal> {
    if id == Id::Absent { Err(Refusal::CallWithoutId) } else { name.ok_or(Refusal::ToolName) }
}

/// What stands between a target's name and a tool's.
const SEPARATOR: &str = "___";

/// A tool's name at its first [`SEPARATOR`].
fn split(name: &str) -> Result<ToolCall<'_>, Refusal> {
    let fits = (1..=MAX_TOOL_NAME).contains(&name.len());
    // Without branches: nearly every name is one.
    let allowed = |c: u8| c.is_ascii_alphanumeric() | (c == b'_') | (c == b'.') | (c == b'/') | (c == b'-');
    let clean = name.bytes().fold(true, |clean, c| clean & allowed(c));
    if !fits || !clean {
        return Err(Refusal::ToolName);
    }
    // A search made for longer needles takes longer to set up than to look through a name.
    let at = name.as_bytes().windows(SEPARATOR.len()).position(|part| part == SEPARATOR.as_bytes());
    match at.and_then(|at| Some((name.get(..at)?, name.get(at..)?.strip_prefix(SEPARATOR)?))) {
        None => Ok(ToolCall { target: None, tool: name }),
        Some(("", _) | (_, "")) => Err(Refusal::ToolName),
        Some((target, tool)) => Ok(ToolCall { target: Some(target), tool }),
    }
}

#[cfg(test)]
mod tests;
