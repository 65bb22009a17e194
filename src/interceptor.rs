//! An event's bytes in, the interceptor's answer out: the one way that the Lambda, the command line and the tests
//! all take.
//!
//! No async, no I/O, no clock: the same event gets the same answer. Whatever goes wrong, the answer is a valid
//! denial; a panic is caught here and becomes one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::audit::Entry;
use crate::cel::budget::{Budget, Fault};
use crate::cel::eval::Frame;
use crate::cel::plan::{Arena, Program, reads::Reads};
use crate::config::{Config, EnvironmentSource, HeaderRule, compile_header};
use crate::diag::{Code, Diagnostic};
use crate::gateway::answer::{self, Denial};
use crate::gateway::call::{self, EnvironmentOf};
use crate::gateway::headers::{
    Attribute, CallReads, Unfit, call_value, forwarded, header_map, names_to_forward,
};
use crate::gateway::identity::{Identity, identity};
use crate::gateway::judging::{Environments, Rules};
use crate::gateway::request::{self, HeaderReads, check_request};
use crate::gateway::response::{self, Sent};
use crate::gateway::wire::{self, Envelope, Event, event as read_event};
use crate::gateway::{Call, Id, Refusal, Verdict as Judgement, judge};
use crate::library::kyverno::http::canonical_key;
use crate::library::table::Context;
use crate::policy::compile::CompiledSet;
use crate::policy::decide::{Effect, ErrorText, Opinion, Outcome, Verdict, decide};
use crate::types::object_type;
use crate::value::Value;

/// An arena larger than this is given back after the call that needed it.
const KEPT_ARENA: usize = 4 * 1024 * 1024;

/// Compiled policies with all that is needed to answer events. Shared by threads; each brings its [`Scratch`].
#[derive(Debug)]
pub struct Interceptor<'p> {
    set: CompiledSet<'p>,
    /// The headers that any policy reads, by canonical name.
    mapping: Vec<(String, Program<'p>)>,
    /// The caller's own headers that any policy reads, by canonical name.
    forward: Vec<String>,
    call_reads: CallReads,
    request_reads: request::Reads,
    rules: Rules,
    environments: Environments,
    config: Config,
    trace: bool,
}

/// Memory that calls use one after the other.
#[derive(Debug, Default)]
pub struct Scratch {
    arena: Bump,
    out: Vec<u8>,
}

/// The answer to one event.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The interceptor's JSON document.
    pub bytes: &'a [u8],
    /// What was decided and why, for people and records.
    pub record: Record<'a>,
}

/// What was decided and why.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// What happens to the message.
    pub effect: Effect,
    /// `allow`, `deny`, `error` or `none` by the policies; `fault` when the engine could not decide; `refused` and
    /// `pass` when no policy was asked.
    pub outcome: &'static str,
    /// The HTTP status that Kyverno's server would have answered; 403 where it would not have been asked.
    pub status: u16,
    /// The deciding policy's reason.
    pub reason: Option<&'a str>,
    /// The deciding policy.
    pub policy: Option<&'a str>,
    /// The deciding validation, `spec.validations[0]`.
    pub rule: Option<&'a str>,
    /// The text of the CEL errors, as Kyverno's, or of the fault. It may carry argument values.
    pub error: Option<String>,
    /// Why the message was refused.
    pub refusal: Option<&'static str>,
    /// What the denial carries for people to find this record by; the same for the same event.
    pub decision_id: Option<&'a str>,
    /// The JSON-RPC method, when the message could be read.
    pub method: Option<&'a str>,
    /// The target of a tool call.
    pub target: Option<&'a str>,
    /// The tool of a tool call.
    pub tool: Option<&'a str>,
    /// The arguments of a tool call, in the event's own bytes. They never go into a record but as a digest.
    pub arguments: Option<&'a str>,
    /// The trusted user.
    pub user: Option<&'a str>,
    /// The trusted client.
    pub client: Option<&'a str>,
    /// What each policy that was asked said, with [`Interceptor::with_trace`].
    pub verdicts: Vec<(&'a str, String)>,
}

impl Record<'_> {
    fn new(effect: Effect, outcome: &'static str, status: u16) -> Self {
        Record {
            effect,
            outcome,
            status,
            reason: None,
            policy: None,
            rule: None,
            error: None,
            refusal: None,
            decision_id: None,
            method: None,
            target: None,
            tool: None,
            arguments: None,
            user: None,
            client: None,
            verdicts: Vec::new(),
        }
    }

    /// The decision as the audit knows it; an allow has no id of its own, see [`decision_id`].
    pub fn entry<'e>(&'e self, decision_id: &'e str) -> Entry<'e> {
        Entry {
            effect: self.effect,
            decision: self.outcome,
            decision_id: self.decision_id.unwrap_or(decision_id),
            method: self.method,
            target: self.target,
            tool: self.tool,
            arguments: self.arguments,
            user: self.user,
            client: self.client,
            policy: self.policy,
            rule: self.rule,
            reason: self.reason,
            refusal: self.refusal,
            error: self.error.as_deref(),
        }
    }
}

/// What to write.
enum Reply<'a> {
    Forward(&'a str),
    Send(Sent<'a>),
    KeepHttp,
    Deny(Denial<'a>),
}

impl<'p> Interceptor<'p> {
    /// An interceptor that decides by `set` as `config` says.
    ///
    /// # Errors
    /// A header's expression does not compile, a pattern is no glob, or a denial's status is no error.
    pub fn new(set: CompiledSet<'p>, arena: &'p Arena, config: Config) -> Result<Self, Vec<Diagnostic>> {
        let request_reads = request_reads(&set.reads);
        let mut reads = Reads::default();
        let mut diagnostics = Vec::new();
        let mapping = mapping(&config.headers, &request_reads, arena, &mut reads, &mut diagnostics);
        let rules = fallible(Rules::new(&config.judging), &mut diagnostics);
        let environments = match &config.environment {
            EnvironmentSource::Targets(table) => fallible(Environments::new(table), &mut diagnostics),
            EnvironmentSource::Argument | EnvironmentSource::Fixed(_) => Some(Environments::default()),
        };
        if !(400..=599).contains(&config.denial.status) {
            let message =
                format!("the status of a denial must be from 400 to 599, not {}", config.denial.status);
            diagnostics.push(Diagnostic::error(Code::BadFormat, message));
        }
        let (Some(rules), Some(environments), true) = (rules, environments, diagnostics.is_empty()) else {
            return Err(diagnostics);
        };
        let computed: Vec<String> = config.headers.iter().map(|rule| rule.name.clone()).collect();
        let mut forward = names_to_forward(&config.forward_headers, &computed);
        forward.retain(|name| request_reads.header(name));
        let call_reads = call_reads(&reads);
        Ok(Interceptor {
            set,
            mapping,
            forward,
            call_reads,
            request_reads,
            rules,
            environments,
            config,
            trace: false,
        })
    }

    /// The same, with what each policy said noted in [`Record::verdicts`].
    #[must_use]
    pub fn with_trace(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }

    /// The policies that decide.
    pub fn policies(&self) -> &CompiledSet<'p> {
        &self.set
    }

    /// Answers an event that arrived `now`, in seconds since the Unix epoch. Never fails: what cannot be read, judged
    /// or decided is denied.
    pub fn intercept<'a>(&'a self, scratch: &'a mut Scratch, event: &'a [u8], now: i64) -> Answer<'a> {
        if scratch.arena.allocated_bytes() > KEPT_ARENA {
            scratch.arena = Bump::new();
        }
        scratch.arena.reset();
        let Scratch { arena, out } = scratch;
        let arena: &'a Bump = arena;
        let (reply, mut record) = match catch_unwind(AssertUnwindSafe(|| self.judge(arena, event, now))) {
            Ok(judged) => judged,
            Err(_) => fault(Id::Null, Fault::Internal("a panic while deciding")),
        };
        match reply {
            Reply::Forward(body) => answer::allow(out, body),
            Reply::Send(sent) => answer::send(out, &sent),
            Reply::KeepHttp => answer::keep_http(out),
            Reply::Deny(denial) => {
                let id = bumpalo::format!(in arena, "{}", decision_id(event)).into_bump_str();
                record.decision_id = Some(id);
                answer::deny(out, &Denial { decision: Some(id), ..denial }, &self.config.denial);
            }
        }
        Answer { bytes: out, record }
    }

    fn judge<'a>(&'a self, arena: &'a Bump, event: &'a [u8], now: i64) -> (Reply<'a>, Record<'a>) {
        let mut budget = self.config.budget;
        let request = match read_event(event, arena, &mut budget) {
            Event::Request(request) => request,
            Event::Response(event) => return answered(&event),
            Event::HttpResponse(document) => {
                return match wire::sound(&document) {
                    Ok(()) => (Reply::KeepHttp, Record::new(Effect::Allow, "pass", 200)),
                    Err(refusal) => refused(Envelope::Http, Id::Null, refusal),
                };
            }
            Event::Other(envelope, refusal) => return refused(envelope, Id::Null, refusal),
        };
        // Where the event itself reads in two ways, nobody is called its sender.
        let caller = match request.document.flaw {
            None => identity(&request, &self.config.identity, now, arena, &mut budget),
            Some(_) => Ok(None),
        };
        let (reply, mut record) = match judge(request, &self.rules, arena) {
            Judgement::Refuse(refusal, id) => refused(Envelope::Mcp, id, refusal),
            Judgement::Pass(passed) => {
                let mut record = Record::new(Effect::Allow, "pass", 200);
                record.method = passed.method;
                record.target = passed.tool.and_then(|tool| tool.target);
                record.tool = passed.tool.map(|tool| tool.tool);
                record.arguments = passed.tool.and(passed.arguments).map(|arguments| arguments.raw);
                (Reply::Forward(passed.body.raw), record)
            }
            Judgement::Ask(call) => self.judge_call(call, caller, arena, &mut budget),
        };
        if let Ok(Some(caller)) = caller {
            record.user = caller.user;
            record.client = caller.client;
        }
        (reply, record)
    }

    fn judge_call<'a>(
        &'a self,
        call: &Call<'a>,
        caller: Result<Option<&'a Identity<'a>>, Unfit>,
        arena: &'a Bump,
        budget: &mut Budget,
    ) -> (Reply<'a>, Record<'a>) {
        let required = self.config.identity.required;
        let object = caller.and_then(|caller| {
            if required && !caller.is_some_and(Identity::is_known) {
                return Err(Refusal::NoIdentity.into());
            }
            self.request(call, caller, arena, budget)
        });
        let (mut reply, mut record) = match object {
            Ok(object) => self.ask(call, object, arena, *budget),
            Err(Unfit::Refusal(refusal)) => refused(Envelope::Mcp, call.id, refusal),
            Err(Unfit::Fault(spent)) => fault(call.id, spent),
        };
        if let Reply::Deny(denial) = &mut reply {
            denial.tool_call = call.tool.is_some();
        }
        record.method = Some(call.method);
        record.target = call.tool_target;
        record.tool = call.tool;
        record.arguments = call.arguments.map(|arguments| arguments.raw);
        (reply, record)
    }

    /// What policies see of the call, as far as any of them reads it.
    fn request<'a>(
        &'a self,
        call: &Call<'a>,
        caller: Option<&'a Identity<'a>>,
        arena: &'a Bump,
        budget: &mut Budget,
    ) -> Result<Value<'a>, Unfit> {
        let settings = call::Settings {
            host: &self.config.host,
            environment: match &self.config.environment {
                EnvironmentSource::Argument => EnvironmentOf::Caller,
                EnvironmentSource::Fixed(environment) => EnvironmentOf::Deployment(Some(environment)),
                EnvironmentSource::Targets(_) => {
                    EnvironmentOf::Deployment(self.environments.of(call.tool_target))
                }
            },
            identity: caller,
        };
        let mut results: BumpVec<'a, (&'a str, Value<'a>)> =
            BumpVec::with_capacity_in(self.mapping.len().saturating_add(self.forward.len()), arena);
        if !self.mapping.is_empty() {
            let value = call_value(call, self.call_reads, &settings, arena, budget)?;
            let mut frame = Frame::new(Context::new(arena, *budget), arena.alloc([value]));
            for (name, program) in &self.mapping {
                match frame.evaluate(program) {
                    Ok(value) => results.push((name, value)),
                    Err(crate::cel::error::Raise::Fault(fault)) => return Err(fault.into()),
                    Err(crate::cel::error::Raise::Error(_)) => return Err(Refusal::HeaderValue.into()),
                }
            }
            *budget = frame.context.budget;
        }
        forwarded(call, &self.forward, &mut results, arena, budget)?;
        let headers = header_map(&results, arena, budget)?;
        check_request(call, headers, &self.request_reads, &settings, arena, budget)
    }

    fn ask<'a>(
        &'a self,
        call: &Call<'a>,
        object: Value<'a>,
        arena: &'a Bump,
        budget: Budget,
    ) -> (Reply<'a>, Record<'a>) {
        let mut verdicts = Vec::new();
        let mut observe = |index: usize, verdict: &Verdict<'a>| {
            if self.trace {
                verdicts.push((self.name(index), verdict_text(verdict)));
            }
        };
        let decision = decide(&self.set, object, arena, budget, &mut observe);
        let effect = decision.effect(self.config.default_decision);
        let (outcome, status, message) = match &decision.outcome {
            Outcome::Allow => ("allow", 200, ""),
            Outcome::Deny(reason) => ("deny", 403, *reason),
            Outcome::Error(_) => ("error", 500, "denied: the policies failed on this call"),
            Outcome::Nothing => ("none", 200, "denied: no policy allows this call"),
            Outcome::Fault(_) => ("fault", 403, UNDECIDED),
        };
        let mut record = Record::new(effect, outcome, status);
        record.policy = decision.policy.map(|index| self.name(index));
        record.rule = decision.policy.zip(decision.validation).and_then(|(policy, validation)| {
            self.set.policies.get(policy)?.paths.get(validation).map(String::as_str)
        });
        match decision.outcome {
            Outcome::Deny(reason) => record.reason = Some(reason),
            Outcome::Error(errors) => record.error = Some(ErrorText(errors).to_string()),
            Outcome::Fault(fault) => record.error = Some(fault.to_string()),
            Outcome::Allow | Outcome::Nothing => {}
        }
        record.verdicts = verdicts;
        let reply = match effect {
            Effect::Allow => Reply::Forward(call.body.raw),
            Effect::Deny => Reply::Deny(Denial::denied(call.id, message)),
        };
        (reply, record)
    }

    fn name(&self, index: usize) -> &str {
        self.set.policies.get(index).map(|policy| policy.name.as_str()).unwrap_or_default()
    }
}

/// What the agent is told when the engine could not decide.
const UNDECIDED: &str = "denied: the call could not be judged";

fn refused<'a>(envelope: Envelope, id: Id<'a>, refusal: Refusal) -> (Reply<'a>, Record<'a>) {
    let mut record = Record::new(Effect::Deny, "refused", 403);
    record.refusal = Some(refusal.name());
    (Reply::Deny(Denial::refused(envelope, id, refusal)), record)
}

/// What becomes of an answer that comes by.
fn answered<'a>(event: &wire::Response<'a>) -> (Reply<'a>, Record<'a>) {
    let (reply, mut record) = match response::response(event) {
        Ok(sent) => (Reply::Send(sent), Record::new(Effect::Allow, "pass", 200)),
        Err((refusal, id)) => refused(Envelope::Mcp, id, refusal),
    };
    record.method = event.message.and_then(|message| message.get("method")?.as_str());
    (reply, record)
}

fn fault<'a>(id: Id<'a>, fault: Fault) -> (Reply<'a>, Record<'a>) {
    let mut record = Record::new(Effect::Deny, "fault", 403);
    record.error = Some(fault.to_string());
    (Reply::Deny(Denial::denied(id, UNDECIDED)), record)
}

fn verdict_text(verdict: &Verdict<'_>) -> String {
    match verdict.opinion {
        Opinion::Allow => "allow".to_owned(),
        Opinion::Deny(reason) => format!("deny: {reason}"),
        Opinion::Nothing => "no opinion".to_owned(),
        Opinion::Error(errors) => format!("error: {}", ErrorText(errors)),
    }
}

/// What a decision is found by, printed as sixteen hexadecimal digits: the event's FNV-1a hash. Not a secret and not
/// a proof, but the same for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionId(u64);

impl std::fmt::Display for DecisionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The id of the decision on `event`. A denial carries it; for an allow only a record needs it.
pub fn decision_id(event: &[u8]) -> DecisionId {
    DecisionId(event.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}

/// What a list of the configuration compiles to; its errors become diagnostics.
fn fallible<T>(result: Result<T, Vec<String>>, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    result
        .map_err(|errors| {
            diagnostics.extend(errors.into_iter().map(|error| Diagnostic::error(Code::BadFormat, error)));
        })
        .ok()
}

/// The programs of the headers that any policy reads, by canonical name, and what they read of `call`.
fn mapping<'p>(
    rules: &[HeaderRule],
    request_reads: &request::Reads,
    arena: &'p Arena,
    reads: &mut Reads,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(String, Program<'p>)> {
    let mut mapping = Vec::new();
    for HeaderRule { name, expression } in rules {
        let canonical = canonical_key(name, &Bump::new()).to_owned();
        if !request_reads.header(&canonical) {
            continue;
        }
        match compile_header(expression, arena, reads) {
            Ok(program) => mapping.push((canonical, program)),
            Err(mistakes) => diagnostics.extend(
                mistakes
                    .into_iter()
                    .map(|mistake| Diagnostic::error(mistake.code, format!("`{name}`: {}", mistake.message))),
            ),
        }
    }
    mapping
}

/// The attributes of `call` that the mapping reads.
fn call_reads(reads: &Reads) -> CallReads {
    let Some(ty) = object_type("toolgate.Call").filter(|_| !reads.everything) else { return CallReads::ALL };
    let mut attributes = CallReads::default();
    for (index, field) in ty.fields.iter().enumerate() {
        if let Some(attribute) = Attribute::at(index).filter(|_| reads.reads(field.name)) {
            attributes = attributes.with(attribute);
        }
    }
    attributes
}

/// What policies read of the request, in the gateway's terms.
fn request_reads(reads: &Reads) -> request::Reads {
    const HEADER: &str = "attributes.header";
    let headers = if reads.reads_whole(HEADER) {
        HeaderReads::All
    } else {
        let names = reads.keys.iter().filter(|(map, _)| map == HEADER);
        HeaderReads::Names(names.map(|(_, name)| canonical_key(name, &Bump::new()).to_owned()).collect())
    };
    request::Reads { headers, query: reads.reads("attributes.query"), mcp: reads.reads("mcp") }
}
