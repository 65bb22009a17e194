//! From a request event to one call: what is refused, what passes, what policies are asked about.

use super::refusal::{Id, Refusal};
use super::url::{self, Target};
use super::wire::Request;
use crate::library::kyverno::http::is_token;
use crate::value::json::strict::{Kind, Node};
use crate::value::json::structs::folds_to;
use bumpalo::Bump;

mod attributes;

pub use attributes::{Settings, environment, operation, query};

/// Methods that pass without a policy: refusing them would disconnect the agent instead of refusing an action.
/// A trailing `*` stands for any rest.
pub const PASSED: &[&str] = &[
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
];

/// Notifications that pass; the same names with an `id` are requests that nobody knows, and are judged.
pub const PASSED_NOTIFICATIONS: &[&str] = &["notifications/*"];

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

/// What becomes of a request event. It lives on the stack for a moment: boxing the call would cost more than its size.
#[expect(clippy::large_enum_variant, reason = "a box is a heap allocation on the way of every call")]
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// It is refused.
    Refuse(Refusal, Id<'a>),
    /// It is forwarded without asking a policy; the message.
    Pass(&'a Node<'a>),
    /// Policies decide.
    Ask(Call<'a>),
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
    /// What an answer echoes.
    pub id: Id<'a>,
    /// The HTTP method of the envelope.
    pub http_method: &'a str,
    /// The path of the envelope, read as Go reads a request's target.
    pub target: Target<'a>,
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

/// Decides what becomes of a request event.
pub fn judge<'a>(request: Request<'a>, arena: &'a Bump) -> Verdict<'a> {
    let id = id(request.body);
    // INVARIANT: nothing passes or is asked about unless every check here is done.
    match check(request, id, arena) {
        Ok(verdict) => verdict,
        Err(refusal) => Verdict::Refuse(refusal, if refusal == Refusal::Id { Id::Null } else { id }),
    }
}

/// The id to echo, from a message that may be malformed.
fn id<'a>(body: Option<&'a Node<'a>>) -> Id<'a> {
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

fn is_id(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::String(_) | Kind::Number | Kind::Null) && node.raw.len() <= MAX_ID
}

fn check<'a>(request: Request<'a>, id: Id<'a>, arena: &'a Bump) -> Result<Verdict<'a>, Refusal> {
    check_envelope(&request)?;
    let body = request.body.ok_or(Refusal::NoMessage)?;
    match body.kind {
        Kind::Object(_) => {}
        Kind::List(_) => return Err(Refusal::Batch),
        _ => return Err(Refusal::NoMessage),
    }
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
        return if answers == 1 { Ok(Verdict::Pass(body)) } else { Err(Refusal::Shape) };
    };
    let method = method.as_str().ok_or(Refusal::Method)?;
    if answers > 0 {
        return Err(Refusal::Shape);
    }
    let arguments = params.and_then(|params| params.get("arguments"));
    if arguments.is_some_and(|arguments| !matches!(arguments.kind, Kind::Object(_))) {
        return Err(Refusal::Arguments);
    }
    if passes(method, id) {
        return Ok(Verdict::Pass(body));
    }
    let mut call = Call {
        request,
        body,
        method,
        id,
        http_method: http_method(&request)?,
        target: target(&request, arena)?,
        params,
        arguments,
        tool_target: None,
        tool: None,
        uri: None,
        prompt: None,
    };
    let text = |name: &str| params.and_then(|params| params.get(name)).and_then(Node::as_str);
    match method {
        "tools/call" => {
            if id == Id::Absent {
                return Err(Refusal::CallWithoutId);
            }
            let (target, tool) = split(text("name").ok_or(Refusal::ToolName)?)?;
            call.tool_target = target;
            call.tool = Some(tool);
        }
        "resources/read" => call.uri = text("uri"),
        "prompts/get" => call.prompt = text("name"),
        _ => {}
    }
    Ok(Verdict::Ask(call))
}

/// What must hold of the event around the message.
fn check_envelope(request: &Request<'_>) -> Result<(), Refusal> {
    if let Some(flaw) = request.document.flaw {
        return Err(flaw.kind.into());
    }
    let version = request.version.and_then(Node::as_str).ok_or(Refusal::Version)?;
    let minor = version.strip_prefix("1.").ok_or(Refusal::Version)?;
    let known = (1..=4).contains(&minor.len()) && minor.bytes().all(|c| c.is_ascii_digit());
    if known { Ok(()) } else { Err(Refusal::Version) }
}

/// No name but the exact one that a decoder without regard to case would take for a known one.
fn check_names(object: &Node<'_>, known: &[&str]) -> Result<(), Refusal> {
    let folded = |name: &str| known.iter().any(|known| folds_to(known, name) && *known != name);
    if object.members().iter().any(|member| folded(member.name)) { Err(Refusal::Folded) } else { Ok(()) }
}

fn passes(method: &str, id: Id<'_>) -> bool {
    let listed = |list: &[&str]| {
        list.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => method.starts_with(prefix),
            None => method == *pattern,
        })
    };
    listed(PASSED) || id == Id::Absent && listed(PASSED_NOTIFICATIONS)
}

/// The envelope's HTTP method; the one that gateways document if it is missing.
fn http_method<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    let Some(method) = request.http_method else { return Ok("POST") };
    let method = method.as_str().ok_or(Refusal::Target)?;
    if method.is_empty() || !method.bytes().all(is_token) { Err(Refusal::Target) } else { Ok(method) }
}

/// The envelope's path; the one that gateways document if it is missing.
fn target<'a>(request: &Request<'a>, arena: &'a Bump) -> Result<Target<'a>, Refusal> {
    let Some(path) = request.path else { return url::target("/mcp", arena) };
    url::target(path.as_str().ok_or(Refusal::Target)?, arena)
}

/// A tool's name at its first `___`: the target, if there is one, and the tool.
fn split(name: &str) -> Result<(Option<&str>, &str), Refusal> {
    let fits = (1..=MAX_TOOL_NAME).contains(&name.len());
    let clean = name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'/' | b'-'));
    if !fits || !clean {
        return Err(Refusal::ToolName);
    }
    match name.split_once("___") {
        None => Ok((None, name)),
        Some(("", _) | (_, "")) => Err(Refusal::ToolName),
        Some((target, tool)) => Ok((Some(target), tool)),
    }
}

#[cfg(test)]
mod tests;
