//! The `Fixture` document: policies, and cases with what is expected of them.
//!
//! A fixture that could not fail is refused: one without cases, and a case that expects nothing.

use std::path::PathBuf;
use std::sync::Arc;

use toolgate::Capabilities;
use toolgate::Settings;
use toolgate::internal::diag::{Code, Diagnostic};
use toolgate::internal::outside::{Fixed, value};
use toolgate::internal::source::{Located, Source, Span};
use toolgate::internal::yaml::{Document, Node, documents};

use super::read::{Fields, Reader, beside};
use super::settings;

const API_VERSION: &str = "toolgate.dev/v1";
const KIND: &str = "Fixture";

/// A fixture without mistakes.
#[derive(Debug)]
pub(crate) struct Fixture {
    /// `metadata.name`, else the file's name.
    pub(crate) name: String,
    /// The policies that decide.
    pub(crate) policies: Vec<Located<PathBuf>>,
    /// The settings under which they do.
    pub(crate) config: Settings,
    /// What policies are answered that ask outside of the call.
    pub(crate) answers: Capabilities,
    /// When the events arrive, in seconds since the Unix epoch; now if absent.
    pub(crate) time: Option<i64>,
    /// The cases.
    pub(crate) cases: Vec<Case>,
}

impl Fixture {
    /// The files beside policies that it reads.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.cases.iter().flat_map(|case| {
            let answer = case.expect.answer.as_ref().map(|answer| answer.value.clone());
            let events = case.messages.iter().filter_map(|message| match &message.value {
                Message::Event(path) => Some(path.clone()),
                Message::Call(_) => None,
            });
            events.chain(answer)
        })
    }
}

/// One expectation and the messages of which it is due.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its name, else `case 1`.
    pub(crate) name: String,
    /// The messages, each with its place.
    pub(crate) messages: Vec<Located<Message>>,
    /// Whether they stand in a table.
    pub(crate) table: bool,
    /// What is expected.
    pub(crate) expect: Expect,
}

/// What comes in.
#[derive(Debug)]
pub(crate) enum Message {
    /// A file with an event, byte for byte.
    Event(PathBuf),
    /// A call, from which an event is made.
    Call(Box<Call>),
}

/// The parts of a call; what is absent is made up, or left out. Those of the defaults are there once, for all calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// The whole JSON-RPC message.
    pub(crate) body: Option<Arc<Node>>,
    /// The JSON-RPC method, `tools/call` if absent.
    pub(crate) method: Option<Arc<Node>>,
    /// All of `params`.
    pub(crate) params: Option<Arc<Node>>,
    /// `params.name`
    pub(crate) tool: Option<Arc<Node>>,
    /// `params.arguments`
    pub(crate) arguments: Option<Arc<Node>>,
    /// The claims of a token.
    pub(crate) claims: Option<Arc<Node>>,
    /// The caller's headers.
    pub(crate) headers: Option<Arc<Node>>,
    /// The path of the request.
    pub(crate) path: Option<String>,
}

/// What is expected; each part that is there must hold.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    /// `allow` or `deny`: whether the message goes on.
    pub(crate) effect: Option<&'static str>,
    /// How it came to that.
    pub(crate) decision: Option<&'static str>,
    /// The deciding policy's reason.
    pub(crate) reason: Option<String>,
    /// The deciding policy.
    pub(crate) policy: Option<String>,
    /// The deciding validation.
    pub(crate) rule: Option<String>,
    /// The text of a CEL error or a fault.
    pub(crate) error: Option<String>,
    /// The name of a refusal.
    pub(crate) refusal: Option<String>,
    /// A file with the answer; white space between its tokens does not count.
    pub(crate) answer: Option<Located<PathBuf>>,
}

const DOCUMENT: &[&str] =
    &["apiVersion", "kind", "metadata", "policies", "config", "answers", "time", "defaults", "cases"];
const METADATA: &[&str] = &["name", "labels", "annotations"];
const CASE: &[&str] = &["name", "event", "events", "call", "calls", "expect"];
const CALL: &[&str] = &["body", "method", "params", "tool", "arguments", "claims", "headers", "path"];
const EXPECT: &[&str] = &["effect", "decision", "reason", "policy", "rule", "error", "refusal", "answer"];
const EFFECTS: &[&str] = &["allow", "deny"];
/// What `toolgate decide --output json` calls `decision`.
const DECISIONS: &[&str] = &["allow", "deny", "error", "none", "fault", "refused", "pass"];

/// The fixtures of a file that can be run. Documents of other groups are passed over.
pub(super) fn read(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Fixture> {
    let mut fixtures = Vec::new();
    for document in documents(source, diagnostics) {
        let mut out = Vec::new();
        let fixture = read_document(source, &document, &mut out);
        if out.is_empty() && !document.faulty {
            fixtures.extend(fixture);
        }
        diagnostics.append(&mut out);
    }
    fixtures
}

fn read_document(source: &Arc<Source>, document: &Document, out: &mut Vec<Diagnostic>) -> Option<Fixture> {
    let root = document.root.as_ref()?;
    let version = root.as_mapping()?.get("apiVersion")?;
    let group = version.as_text()?;
    if !group.starts_with("toolgate.dev/") {
        return None;
    }
    let mut reader = Reader { source, out };
    if group != API_VERSION {
        let message = format!("there is no `{group}`");
        let help = format!("write `apiVersion: {API_VERSION}`");
        reader.report(Code::UnknownApiVersion, version.span, "apiVersion", message, &help);
        return None;
    }
    let kind = root.as_mapping()?.get("kind");
    if let Some(kind) = kind.filter(|kind| kind.as_text() != Some(KIND)) {
        // Configuration is of the same group, and may lie beside fixtures.
        if kind.as_text() != Some("Configuration") {
            let message = "this document is no fixture".to_owned();
            reader.report(Code::UnknownKind, kind.span, "kind", message, "write `kind: Fixture`");
        }
        return None;
    }
    let fields = reader.fields(root, "", DOCUMENT)?;
    reader.required(&fields, "kind", "write `kind: Fixture`");
    let name = metadata(&mut reader, &fields).unwrap_or_else(|| stem(source));
    let policies = policies(&mut reader, &fields);
    let time = time(&mut reader, &fields);
    let defaults = match fields.get("defaults") {
        Some(node) => call(&mut reader, node, "defaults", &Call::default()).unwrap_or_default(),
        None => Call::default(),
    };
    let cases = cases(&mut reader, &fields, &defaults);
    let claims = cases.iter().flat_map(|case| &case.messages).any(|message| match &message.value {
        Message::Call(call) => call.claims.is_some(),
        Message::Event(_) => false,
    });
    let mut config = settings::read(&mut reader, &fields, claims);
    let answers = answers(&mut reader, &fields, &mut config);
    Some(Fixture { name, policies, config, answers, time, cases })
}

/// Who gives answers means that policies may ask for them; whatever is not given is an error, and nothing is asked.
fn answers(reader: &mut Reader<'_>, fields: &Fields<'_>, config: &mut Settings) -> Capabilities {
    let Some(node) = fields.get("answers") else { return Capabilities::default() };
    match Fixed::read(&value(node)) {
        Ok(fixed) => {
            fixed.grant(&mut config.capabilities);
            Capabilities::of(fixed)
        }
        Err(wrong) => {
            let help = "docs/capabilities.md shows what can be given";
            reader.report(Code::BadFormat, node.span, "answers", wrong, help);
            Capabilities::default()
        }
    }
}

fn stem(source: &Source) -> String {
    let path = std::path::Path::new(source.name());
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn metadata(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<String> {
    let node = fields.get("metadata")?;
    let metadata = reader.fields(node, "metadata", METADATA)?;
    reader.text(&metadata, "name").map(|name| name.value)
}

fn policies(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Located<PathBuf>> {
    let help = "name files or directories, relative to this file";
    reader.required(fields, "policies", help);
    let items = reader.list(fields, "policies", help).unwrap_or_default();
    let mut paths = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        paths.extend(reader.file(item, &format!("policies[{index}]")));
    }
    paths
}

fn time(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<i64> {
    let text = reader.text(fields, "time")?;
    match text.value.parse::<jiff::Timestamp>() {
        Ok(time) => Some(time.as_second()),
        Err(_) => {
            let message = format!("`{}` is no point in time", text.value);
            let help = "write it as RFC 3339 has it: `2026-01-31T12:00:00Z`";
            reader.report(Code::BadFormat, text.span, "time", message, help);
            None
        }
    }
}

fn cases(reader: &mut Reader<'_>, fields: &Fields<'_>, defaults: &Call) -> Vec<Case> {
    let help = "a fixture without cases tests nothing";
    reader.required(fields, "cases", help);
    let items = reader.list(fields, "cases", help).unwrap_or_default();
    let mut cases: Vec<Case> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("cases[{index}]");
        let Some(fields) = reader.fields(item, &path, CASE) else { continue };
        let name = reader.text(&fields, "name");
        let twice = |name: &&Located<String>| cases.iter().any(|case| case.name == name.value);
        if let Some(name) = name.as_ref().filter(twice) {
            let message = format!("there are two cases of the name `{}`", name.value);
            reader.report(Code::DuplicateListEntry, name.span, &format!("{path}.name"), message, "");
        }
        let name = name.map_or_else(|| format!("case {}", index.saturating_add(1)), |name| name.value);
        let (messages, table) = messages(reader, &fields, defaults);
        let expect = match reader.required(&fields, "expect", "a case that expects nothing tests nothing") {
            Some(node) => expect(reader, node, &fields.path("expect")),
            None => None,
        };
        cases.push(Case { name, messages, table, expect: expect.unwrap_or_default() });
    }
    cases
}

/// The messages of a case, and whether they stand in a table.
fn messages(reader: &mut Reader<'_>, fields: &Fields<'_>, defaults: &Call) -> (Vec<Located<Message>>, bool) {
    const SOURCES: [&str; 4] = ["event", "events", "call", "calls"];
    let given: Vec<&str> = SOURCES.into_iter().filter(|name| fields.get(name).is_some()).collect();
    if given.is_empty() {
        let message = format!("`{}` has nothing to decide", fields.path);
        let help = "give it an `event`, a `call`, or a list of `events` or `calls`";
        reader.report(Code::MissingField, fields.span, &fields.path, message, help);
    }
    let mut found = Vec::new();
    for name in &given {
        let path = fields.path(name);
        let list = matches!(*name, "events" | "calls");
        let items = if list {
            reader.list(fields, name, "an empty table tests nothing").unwrap_or_default()
        } else {
            fields.get(name).map(std::slice::from_ref).unwrap_or_default()
        };
        for (index, item) in items.iter().enumerate() {
            let path = if list { format!("{path}[{index}]") } else { path.clone() };
            let message = if name.starts_with("event") {
                reader.file(item, &path).map(|file| Message::Event(file.value))
            } else {
                call(reader, item, &path, defaults).map(|call| Message::Call(Box::new(call)))
            };
            // Through an alias several messages stand at one place.
            let span = item.alias.unwrap_or(item.span);
            found.extend(message.map(|value| Located { value, span }));
        }
    }
    let table = given.len() > 1 || given.iter().any(|name| name.ends_with('s'));
    (found, table)
}

fn call(reader: &mut Reader<'_>, node: &Node, path: &str, defaults: &Call) -> Option<Call> {
    let fields = reader.fields(node, path, CALL)?;
    let written = |name: &str| fields.written(name).cloned().map(Arc::new);
    for name in ["claims", "headers"] {
        if let Some(node) = fields.get(name).filter(|node| node.as_mapping().is_none()) {
            reader.wrong_type(node, &fields.path(name), "a mapping");
        }
    }
    let alone: &[(&str, &[&str])] =
        &[("body", &["method", "params", "tool", "arguments"]), ("params", &["tool", "arguments"])];
    for (whole, parts) in alone {
        let both = parts.iter().find(|part| fields.written(part).is_some());
        if let (Some(node), Some(part)) = (fields.written(whole), both) {
            let message =
                format!("`{whole}` stands for all that `{part}` is a part of, so both cannot be given");
            reader.report(Code::BadFormat, node.span, &fields.path(whole), message, "");
        }
    }
    Some(Call {
        body: written("body").or_else(|| defaults.body.clone()),
        method: written("method").or_else(|| defaults.method.clone()),
        params: written("params").or_else(|| defaults.params.clone()),
        tool: written("tool").or_else(|| defaults.tool.clone()),
        arguments: written("arguments").or_else(|| defaults.arguments.clone()),
        // No claims (`claims: null`) is a caller without a token, whatever the defaults say.
        claims: written("claims").or_else(|| defaults.claims.clone()).filter(|claims| !claims.is_null()),
        headers: written("headers").or_else(|| defaults.headers.clone()).filter(|node| !node.is_null()),
        path: reader.text(&fields, "path").map(|path| path.value).or_else(|| defaults.path.clone()),
    })
}

/// An expectation: `allow` or `deny` alone, or its parts.
fn expect(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Expect> {
    if node.as_text().is_some() {
        let effect = reader.word(node, path, EFFECTS)?;
        return Some(Expect { effect: Some(effect.value), ..Expect::default() });
    }
    let fields = reader.fields(node, path, EXPECT)?;
    let mut word = |name: &str, words: &[&'static str]| {
        let node = fields.get(name)?;
        reader.word(node, &fields.path(name), words).map(|word| word.value)
    };
    let (effect, decision) = (word("effect", EFFECTS), word("decision", DECISIONS));
    let mut text = |name: &str| reader.text(&fields, name).map(|text| text.value);
    let (reason, policy, rule) = (text("reason"), text("policy"), text("rule"));
    let (error, refusal) = (text("error"), text("refusal"));
    let answer = fields.get("answer").and_then(|node| reader.file(node, &fields.path("answer")));
    let certain =
        EXPECT.iter().any(|name| fields.get(name).is_some() && *name != "policy" && *name != "rule");
    if !certain {
        report_uncertain(reader, fields.span, path);
    }
    Some(Expect { effect, decision, reason, policy, rule, error, refusal, answer })
}

/// A policy's or a rule's name alone does not say what it decided.
fn report_uncertain(reader: &mut Reader<'_>, span: Span, path: &str) {
    let message = format!("`{path}` does not say what is decided");
    let help = "give it a `decision`, an `effect`, a `reason` or an `answer`";
    reader.report(Code::MissingField, span, path, message, help);
}

/// The file of an answer, as its fixture names it.
pub(super) fn shown(source: &Source, path: &std::path::Path) -> String {
    let directory = beside(source, "");
    let path = path.strip_prefix(directory).unwrap_or(path);
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}
