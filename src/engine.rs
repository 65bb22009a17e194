//! The engine: an event's bytes in, the interceptor's answer out. The one way that the Lambda, the command line, the
//! library's users and the tests all take.
//!
//! No async, no I/O, no clock: the same event gets the same answer but for the decision's id. Whatever goes wrong, the answer is a valid
//! denial; a panic is caught here and becomes one.

mod context;
mod mapping;
mod scratch;

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use sha2::{Digest as _, Sha256};

use self::context::Given;
use self::mapping::{Mapping, envoy_headers, fallible, json_reads, request_reads};
use self::scratch::Fresh;
use crate::audit::Audit;
use crate::budget::{Budget, Fault};
use crate::config::{Settings, open};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::gateway::answer::{self, Denial};
use crate::gateway::attributes::Deployment;
use crate::gateway::environment::Environments;
use crate::gateway::envoy::{self, EnvoyReads};
use crate::gateway::headers::{forwarded, header_map, names_to_forward};
use crate::gateway::http::{self, HttpRequest};
use crate::gateway::identity::{Identity, identity};
use crate::gateway::json::{self, JsonReads};
use crate::gateway::judging::{Rules, UnknownMethods};
use crate::gateway::refusal::Unfit;
use crate::gateway::request::{self, HeaderReads, check_request};
use crate::gateway::response::{self, Sent};
use crate::gateway::wire::{self, Envelope, Event, event as read_event};
use crate::gateway::{Call, Id, Refusal, Sorted, sort};
use crate::library::capability::Session;
use crate::outside::{Capabilities, ungranted};
use crate::policy::ask::{ErrorText, Opinion, Verdict};
use crate::policy::compiled::CompiledPolicy;
use crate::policy::decide::{self, DefaultDecision, Effect};
use crate::policy::model::Mode;
use crate::policy::set::{PolicySet, checked_headers, compiled, named};
use crate::record::{Outcome, Record};
use crate::value::Value;

pub use self::context::Context;
pub use self::scratch::Scratch;

/// Decides tool calls by a set of policies, as the settings say. The only thing that decides.
///
/// Owns all that it needs, borrows nothing, is cheap to clone and can be shared by threads; each brings its
/// [`Scratch`].
///
/// ```
/// use toolgate::{Context, Effect, Engine, PolicySet, Scratch, Settings};
///
/// let policies = r#"
/// apiVersion: policies.kyverno.io/v1
/// kind: ValidatingPolicy
/// metadata:
///   name: no-deletes
/// spec:
///   evaluation:
///     mode: HTTP
///   validations:
///   - expression: |
///       object.attributes.Header("X-Operation").exists(verb, verb == "delete")
///       ? http.Denied("Nothing is deleted here.").Response() : null
/// "#;
/// let (set, _warnings) = PolicySet::from_text("policies.yaml", policies)?;
/// let engine = Engine::new(set, Settings::default())?;
///
/// let event = br#"{"interceptorInputVersion":"1.0","mcp":{"gatewayRequest":{"path":"/mcp","httpMethod":"POST",
///     "headers":{},"body":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shop___delete_order"}}}}}"#;
/// let mut scratch = Scratch::default();
/// let decision = engine.decide(&mut scratch, event, &Context::at(1_764_000_000));
/// assert_eq!(decision.record.effect, Effect::Deny);
/// assert_eq!(decision.record.reason.as_deref(), Some("Nothing is deleted here."));
/// assert!(decision.answer.starts_with(br#"{"interceptorOutputVersion":"1.0""#));
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    set: PolicySet,
    /// The headers that any policy reads.
    mapping: Mapping,
    /// The caller's own headers that any policy reads, by canonical name.
    forward: Vec<String>,
    request_reads: request::Reads,
    /// Whether there are policies of mode HTTP.
    http: bool,
    /// What policies of mode Envoy read; none if there are none.
    envoy: Option<EnvoyReads>,
    /// What policies of mode JSON read; none if there are none.
    json: Option<JsonReads>,
    rules: Rules,
    environments: Environments,
    config: Settings,
    /// See [`Engine::digest`].
    digest: String,
}

/// What becomes of one call: what to answer, and why.
///
/// ```
/// # let set = toolgate::PolicySet::from_text("policies.yaml", "
/// # apiVersion: policies.kyverno.io/v1
/// # kind: ValidatingPolicy
/// # metadata: {name: nothing}
/// # spec: {evaluation: {mode: HTTP}, validations: [{expression: 'null'}]}
/// # ")?.0;
/// use toolgate::{Context, Engine, Scratch, Settings};
///
/// let engine = Engine::new(set, Settings::default())?;
/// let mut scratch = Scratch::default();
/// let decision = engine.decide(&mut scratch, b"no event", &Context::at(1_764_000_000));
/// assert!(!decision.is_allowed());
/// assert!(decision.answer.starts_with(b"{") && decision.record.refusal.is_some());
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Decision<'a> {
    /// Of an event: the interceptor's JSON document for the gateway. Of an HTTP request: the body to answer with if it
    /// does not go on.
    pub answer: &'a [u8],
    /// What was decided and why, for people and records.
    pub record: Record<'a>,
}

impl Decision<'_> {
    /// True if the call goes on.
    pub fn is_allowed(&self) -> bool {
        self.record.effect == Effect::Allow
    }
}

/// What policies see of a call, by mode: HTTP, Envoy, JSON.
type Requests<'a> = [Option<Value<'a>>; 3];

/// What to write.
enum Reply<'a> {
    Forward(&'a str),
    Send(Sent<'a>),
    KeepHttp,
    Deny(Denial<'a>),
}

impl Engine {
    /// An engine that decides by `set` as `settings` say.
    ///
    /// # Errors
    /// The set is empty; a policy asks outside of the call for something that the settings do not grant; a setting breaks the
    /// rules that it has in a file, or contradicts another; the key of the digests is where nobody has fetched it; a header's
    /// expression does not compile.
    pub fn new(set: PolicySet, settings: Settings) -> Result<Engine, Diagnostics> {
        let mut diagnostics = Vec::new();
        if set.is_empty() {
            let message = "an engine without policies would allow everything, so there is none";
            diagnostics.push(Diagnostic::error(Code::NoPolicies, message));
        }
        diagnostics.extend(settings.mistakes());
        if settings.audit.digest_key.is_none() && settings.audit.digest_key_arn.is_some() {
            let message =
                "`audit.digestKeyArn` says where the key of the digests is, and nobody has fetched it";
            let help = "set the key beside it, or no ARN: records would lack the digests that were asked for";
            let diagnostic = Diagnostic::error(Code::ConfigMissingValue, message).path("audit.digestKeyArn");
            diagnostics.push(diagnostic.help(help));
        }
        let programs = compiled(&set);
        diagnostics.extend(ungranted(&programs.asks, &settings.capabilities));
        let mut request_reads = request_reads(&programs.reads);
        request_reads.add(&envoy_headers(&programs.envoy_reads));
        let http = programs.has(Mode::Http);
        let envoy = programs.has(Mode::Envoy).then(|| EnvoyReads::of(&programs.envoy_reads));
        let json = programs.has(Mode::Json).then(|| json_reads(&programs.json_reads));
        if json.is_some_and(|json| json.headers) {
            request_reads.headers = HeaderReads::All;
        }
        let headers = settings.headers_within_limits();
        let mapping = Mapping::new(headers, checked_headers(&set), &request_reads, &mut diagnostics);
        let mut unread = Vec::new();
        let rules = fallible(Rules::new(&settings.judging), &mut unread);
        let environments = fallible(Environments::new(&settings.environment), &mut unread);
        // A pattern that is none is among the mistakes already.
        if diagnostics.is_empty() {
            diagnostics.append(&mut unread);
        }
        let (Some(rules), Some(environments), true) = (rules, environments, diagnostics.is_empty()) else {
            return Err(Diagnostics::from(diagnostics));
        };
        let computed: Vec<_> = settings.headers.iter().map(|rule| rule.name.clone()).collect();
        let mut forward = names_to_forward(&settings.forward_headers, &computed);
        forward.retain(|name| request_reads.header(name));
        let digest = digest(set.digest(), &settings.deciding());
        let inner = Inner {
            set,
            mapping,
            forward,
            request_reads,
            http,
            envoy,
            json,
            rules,
            environments,
            config: settings,
            digest,
        };
        Ok(Engine(Arc::new(inner)))
    }

    /// The policies that decide.
    pub fn policies(&self) -> &PolicySet {
        &self.0.set
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.config
    }

    /// A name for the policies and the settings that change a decision: `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// Opens what the policies ask outside of the call and the settings grant: keys are fetched before this returns, as far
    /// as they come in time, and kept fresh in the background for as long as the value lives. Policies that ask nothing
    /// get nobody to ask, at no cost. One value serves all decisions, see [`Context::with`].
    ///
    /// # Errors
    /// A file that cannot be read; this build cannot reach a network and a policy needs it.
    ///
    /// ```
    /// # let set = toolgate::PolicySet::from_text("policies.yaml", "
    /// # apiVersion: policies.kyverno.io/v1
    /// # kind: ValidatingPolicy
    /// # metadata: {name: nothing}
    /// # spec: {evaluation: {mode: HTTP}, validations: [{expression: 'null'}]}
    /// # ")?.0;
    /// use toolgate::{Context, Engine, Settings};
    ///
    /// let engine = Engine::new(set, Settings::default())?;
    /// let capabilities = engine.capabilities()?;
    /// let context = Context::at(1_764_000_000).with(&capabilities);
    /// # Ok::<(), toolgate::Diagnostics>(())
    /// ```
    pub fn capabilities(&self) -> Result<Capabilities, Diagnostics> {
        open(&compiled(&self.0.set).asks, &self.0.config)
    }

    /// A writer of this engine's records.
    pub fn audit(&self) -> Audit {
        Audit::new(&self.0.config.audit, self.digest())
    }

    /// Decides an event of the gateway. Never fails: what cannot be read, judged or decided is denied.
    pub fn decide<'a>(
        &'a self,
        scratch: &'a mut Scratch,
        event: &'a [u8],
        context: &Context,
    ) -> Decision<'a> {
        let Fresh { arena, out, id, session } = scratch.fresh(context, &self.0.config.capabilities);
        let given = context.given(session);
        let judged = catch_unwind(AssertUnwindSafe(|| self.0.decide(arena, event, given)));
        let (reply, mut record) = judged.unwrap_or_else(|_| fault(Id::Null, PANIC, arena));
        record.decision_id = Some(Cow::Borrowed(id));
        record.answers = answers(session);
        match reply {
            Reply::Forward(body) => answer::allow(out, body),
            Reply::Send(sent) => answer::send(out, &sent),
            Reply::KeepHttp => answer::keep_http(out),
            Reply::Deny(denial) => {
                answer::deny(out, &Denial { decision: Some(id), ..denial }, &self.0.config.denial);
            }
        }
        Decision { answer: out, record }
    }

    /// Decides an HTTP request that did not come through a gateway. Policies see what Kyverno's server would show them of
    /// it: the caller's own headers, and none of those that are computed from a gateway's event. The settings that
    /// concern a gateway, identity and messages do not count. Never fails: what cannot be read or decided is denied.
    ///
    /// As in Kyverno's server, nothing is refused for how it is written: of two members of one name the last counts, a name
    /// in other letters is taken for the known one, and a batch is no call. What is judged is what a reader like Go's makes of
    /// the body; whoever forwards it to another reader gives the message to [`Engine::decide`], in an event. Policies
    /// that ask for computed headers (`X-Tool-Name`, `X-Operation` …) have no opinion here: make the default
    /// decision a denial where that must not pass.
    ///
    /// ```
    /// # let set = toolgate::PolicySet::from_text("policies.yaml", "
    /// # apiVersion: policies.kyverno.io/v1
    /// # kind: ValidatingPolicy
    /// # metadata: {name: no-deletes}
    /// # spec:
    /// #   evaluation: {mode: HTTP}
    /// #   validations:
    /// #   - expression: \"object.mcp.request.ToolCall.Name == 'delete' ? http.Denied('no').Response() : null\"
    /// # ")?.0;
    /// use toolgate::{Context, Engine, HttpRequest, Scratch, Settings};
    ///
    /// let engine = Engine::new(set, Settings::default())?;
    /// let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete"}}"#;
    /// let request = HttpRequest::new("POST", "/mcp", body).header("Host", "tools.example.com");
    /// let mut scratch = Scratch::default();
    /// let decision = engine.decide_http(&mut scratch, &request, &Context::at(1_764_000_000));
    /// assert!(!decision.is_allowed());
    /// assert_eq!((decision.record.status, decision.answer), (403, &b"no"[..]));
    /// # Ok::<(), toolgate::Diagnostics>(())
    /// ```
    pub fn decide_http<'a>(
        &'a self,
        scratch: &'a mut Scratch,
        request: &'a HttpRequest<'a>,
        context: &Context,
    ) -> Decision<'a> {
        let Fresh { arena, out, id, session } = scratch.fresh(context, &self.0.config.capabilities);
        let given = context.given(session);
        let judged = catch_unwind(AssertUnwindSafe(|| self.0.decide_http(arena, request, given)));
        let (told, mut record) = judged.unwrap_or_else(|_| {
            let (_, record) = fault(Id::Null, PANIC, arena);
            (UNDECIDED, record)
        });
        record.decision_id = Some(Cow::Borrowed(id));
        record.answers = answers(session);
        if record.effect == Effect::Deny {
            out.extend_from_slice(told.as_bytes());
        }
        Decision { answer: out, record }
    }

    /// The gateway's denial for an event that could not be given to [`Engine::decide`], or whose decision must not be
    /// acted on.
    pub fn undecided(&self) -> Vec<u8> {
        let mut out = Vec::new();
        answer::deny(&mut out, &Denial::denied(Id::Null, UNDECIDED), &self.0.config.denial);
        out
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("policies", &self.0.set)
            .field("settings", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn decide<'a>(&'a self, arena: &'a Bump, event: &'a [u8], given: Given<'a>) -> (Reply<'a>, Record<'a>) {
        let mut budget = self.config.budget;
        let request = match read_event(event, arena, &mut budget) {
            Event::Request(request) => request,
            Event::Response(event) => return answered(&event),
            Event::HttpResponse(document) => {
                return match wire::sound(&document) {
                    Ok(()) => (Reply::KeepHttp, Record::new(Effect::Allow, Outcome::Pass, 200)),
                    Err(refusal) => refused(Envelope::Http, Id::Null, refusal),
                };
            }
            Event::Other(envelope, refusal) => return refused(envelope, Id::Null, refusal),
            Event::Fault(spent) => return fault(Id::Null, spent, arena),
        };
        // Where the event itself reads in two ways, nobody is called its sender.
        let caller = match request.document.flaw {
            None => identity(&request, &self.config.identity, given.now, arena, &mut budget),
            Some(_) => Ok(None),
        };
        let (reply, mut record) = match sort(request, &self.rules, arena) {
            Sorted::Refuse(refusal, id) => refused(Envelope::Mcp, id, refusal),
            Sorted::Pass(passed) => {
                let mut record = Record::new(Effect::Allow, Outcome::Pass, 200);
                record.method = passed.method.map(Cow::Borrowed);
                record.target = passed.tool.and_then(|tool| tool.target).map(Cow::Borrowed);
                record.tool = passed.tool.map(|tool| tool.tool).map(Cow::Borrowed);
                record.arguments =
                    passed.tool.and(passed.arguments).map(|arguments| Cow::Borrowed(arguments.raw));
                (Reply::Forward(passed.body.raw), record)
            }
            Sorted::Ask(call) => self.decide_call(call, caller, arena, &mut budget, given),
        };
        if let Ok(Some(caller)) = caller {
            record.user = caller.user.map(Cow::Borrowed);
            record.client = caller.client.map(Cow::Borrowed);
        }
        (reply, record)
    }

    /// What becomes of an HTTP request, and what its sender is told if it is denied.
    fn decide_http<'a>(
        &'a self,
        arena: &'a Bump,
        request: &'a HttpRequest<'a>,
        given: Given<'a>,
    ) -> (&'a str, Record<'a>) {
        let mut budget = self.config.budget;
        let requests =
            http::check_request(request, &self.request_reads, arena, &mut budget).and_then(|http| {
                let envoy = match self.envoy {
                    Some(reads) => {
                        let parts = http::envoy_parts(request, given.now, arena, &mut budget)?;
                        Some(envoy::check_request(&parts, reads, arena, &mut budget)?)
                    }
                    None => None,
                };
                if self.json.is_some() {
                    return Err(Fault::Internal("policies of mode JSON judge tool calls only").into());
                }
                Ok([self.http.then_some(http), envoy, None])
            });
        match requests {
            Ok(requests) => {
                let record = self.opinion(requests, arena, budget, given, self.config.default_decision);
                (told(&record, arena), record)
            }
            Err(Unfit::Refusal(refusal)) => (refusal.text(), refused(Envelope::Http, Id::Null, refusal).1),
            Err(Unfit::Fault(spent)) => (UNDECIDED, fault(Id::Null, spent, arena).1),
        }
    }

    fn decide_call<'a>(
        &'a self,
        call: &Call<'a>,
        caller: Result<Option<&'a Identity<'a>>, Unfit>,
        arena: &'a Bump,
        budget: &mut Budget,
        given: Given<'a>,
    ) -> (Reply<'a>, Record<'a>) {
        let required = self.config.identity.required;
        let requests = caller.and_then(|caller| {
            if required && !caller.is_some_and(Identity::is_known) {
                return Err(Refusal::NoIdentity.into());
            }
            self.requests(call, caller, arena, budget, given)
        });
        let (mut reply, mut record) = match requests {
            Ok(requests) => self.ask(call, requests, arena, *budget, given),
            Err(Unfit::Refusal(refusal)) => refused(Envelope::Mcp, call.id, refusal),
            Err(Unfit::Fault(spent)) => fault(call.id, spent, arena),
        };
        if let Reply::Deny(denial) = &mut reply {
            denial.tool_call = call.tool.is_some();
        }
        record.method = Some(Cow::Borrowed(call.method));
        record.target = call.tool_target.map(Cow::Borrowed);
        record.tool = call.tool.map(Cow::Borrowed);
        record.arguments = call.arguments.map(|arguments| Cow::Borrowed(arguments.raw));
        (reply, record)
    }

    /// What policies of each mode see of the call, as far as any of them reads it.
    fn requests<'a>(
        &'a self,
        call: &Call<'a>,
        caller: Option<&'a Identity<'a>>,
        arena: &'a Bump,
        budget: &mut Budget,
        given: Given<'a>,
    ) -> Result<Requests<'a>, Unfit> {
        let settings = Deployment {
            host: &self.config.host,
            environment: self.environments.of(call.tool_target),
            identity: caller,
        };
        let room = self.mapping.len().saturating_add(self.forward.len());
        let mut results = BumpVec::with_capacity_in(room, arena);
        self.mapping.evaluate(call, &settings, &mut results, arena, budget)?;
        forwarded(call, &self.forward, &mut results, arena, budget)?;
        let headers = header_map(&results, arena, budget)?;
        let http = match self.http {
            true => Some(check_request(call, headers, &self.request_reads, &settings, arena, budget)?),
            false => None,
        };
        let envoy = match self.envoy {
            Some(reads) => {
                let path = call.request.path.and_then(|path| path.as_str()).unwrap_or_default();
                let parts = envoy::Parts {
                    method: call.http_method,
                    path,
                    host: settings.host,
                    protocol: "HTTP/1.1",
                    headers,
                    body: call.body.raw.as_bytes(),
                    principal: caller.and_then(|caller| caller.user),
                    time: given.now,
                };
                Some(envoy::check_request(&parts, reads, arena, budget)?)
            }
            None => None,
        };
        let json = match self.json {
            Some(reads) => Some(json::object(call, headers, reads, &settings, arena, budget)?),
            None => None,
        };
        Ok([http, envoy, json])
    }

    fn ask<'a>(
        &'a self,
        call: &Call<'a>,
        requests: Requests<'a>,
        arena: &'a Bump,
        budget: Budget,
        given: Given<'a>,
    ) -> (Reply<'a>, Record<'a>) {
        let default = match self.config.judging.unknown {
            UnknownMethods::Deny if !call.known => DefaultDecision::Deny,
            UnknownMethods::Deny | UnknownMethods::Judge => self.config.default_decision,
        };
        let record = self.opinion(requests, arena, budget, given, default);
        let reply = match record.effect {
            Effect::Allow => Reply::Forward(call.body.raw),
            Effect::Deny => Reply::Deny(Denial::denied(call.id, told(&record, arena))),
        };
        (reply, record)
    }

    /// What the policies say of a request: those of each mode of what they see of it, and all modes together; `default` if
    /// they say nothing.
    fn opinion<'a>(
        &'a self,
        requests: Requests<'a>,
        arena: &'a Bump,
        budget: Budget,
        given: Given<'a>,
        default: DefaultDecision,
    ) -> Record<'a> {
        let set = compiled(&self.set);
        let mut trace = Vec::new();
        let mut exemptions = Vec::new();
        let named = |index: usize, at: &usize| {
            set.policies.get(index)?.exceptions.get(*at).map(|exception| exception.name.as_str())
        };
        let mut exempt = |index: usize, verdict: &Verdict<'a>| {
            let exceptions = verdict.exceptions.iter().chain(verdict.allowances);
            for exception in exceptions.filter_map(|at| named(index, at)) {
                exemptions.push((Cow::Borrowed(self.name(index)), Cow::Borrowed(exception)));
            }
        };
        let mut tell = |index: usize, verdict: &Verdict<'a>| {
            let Some(policy) = set.policies.get(index) else { return };
            let names = |of: &[usize]| of.iter().filter_map(|at| named(index, at)).collect::<Vec<_>>();
            let said = match (names(verdict.exceptions).as_slice(), names(verdict.allowances).as_slice()) {
                ([], []) => said(policy, verdict),
                ([], allowed) => {
                    format!(
                        "{}, with what the exception {} allows",
                        said(policy, verdict),
                        allowed.join(", ")
                    )
                }
                (names, _) => format!("no opinion: exempt by the exception {}", names.join(", ")),
            };
            trace.push((Cow::Borrowed(self.name(index)), said));
        };
        let mut rest = budget;
        let rulings = requests.into_iter().flatten().map(|request| {
            let drawn = given.session.drawn();
            let mut ruling = decide::decide(set, request, given.runtime(arena, rest), &mut exempt);
            if given.trace {
                // Who wants to be told what each says asks each, after what decides, and never instead of it.
                given.session.draw_again(drawn);
                let each = decide::decide_one_by_one(set, request, given.runtime(arena, rest), &mut tell);
                if !ruling.is_like(&each) {
                    ruling.opinion = Err(UNLIKE);
                }
            }
            rest = ruling.budget;
            ruling
        });
        let ruling = decide::together(rulings).unwrap_or(decide::Ruling {
            opinion: Err(Fault::Internal("no policy was asked")),
            policy: None,
            validation: None,
            budget,
            status: None,
        });
        let effect = ruling.effect(default);
        let (outcome, status) = match &ruling.opinion {
            Ok(Opinion::Allow) => (Outcome::Allow, 200),
            Ok(Opinion::Deny(_)) => (Outcome::Deny, 403),
            Ok(Opinion::Error(_)) => (Outcome::Error, 500),
            // Kyverno's server lets such a request pass; a deployment that does not answers as it does to any denial.
            Ok(Opinion::Nothing) => (Outcome::NoOpinion, if effect == Effect::Deny { 403 } else { 200 }),
            Err(_) => (Outcome::Fault, 403),
        };
        let mut record = Record::new(effect, outcome, status);
        record.policy = ruling.policy.map(|index| Cow::Borrowed(self.name(index)));
        record.rule = ruling.policy.zip(ruling.validation).and_then(|(policy, validation)| {
            set.policies.get(policy)?.paths.get(validation).map(|path| Cow::Borrowed(path.as_str()))
        });
        match ruling.opinion {
            Ok(Opinion::Deny(reason)) => record.reason = Some(Cow::Borrowed(reason)),
            Ok(Opinion::Error(errors)) => record.error = Some(Cow::Borrowed(text(arena, ErrorText(errors)))),
            Err(fault) => record.error = Some(Cow::Borrowed(text(arena, fault))),
            Ok(Opinion::Allow | Opinion::Nothing) => {}
        }
        record.trace = trace;
        record.exemptions = exemptions;
        record
    }

    fn name(&self, index: usize) -> &str {
        compiled(&self.set).policies.get(index).map(|policy| policy.name.as_str()).unwrap_or_default()
    }
}

/// What is printed of an error.
fn text(arena: &Bump, error: impl fmt::Display) -> &str {
    bumpalo::format!(in arena, "{}", error).into_bump_str()
}

/// What the caller is told of a denial. The text of an error may carry values of the call, so it is not told.
fn told<'a>(record: &Record<'a>, arena: &'a Bump) -> &'a str {
    match (record.outcome, &record.reason) {
        (Outcome::Deny, Some(Cow::Borrowed(reason))) => reason,
        (Outcome::Deny, Some(Cow::Owned(reason))) => arena.alloc_str(reason),
        (Outcome::Error, _) => "denied: the policies failed on this call",
        (Outcome::NoOpinion, _) => "denied: no policy allows this call",
        _ => UNDECIDED,
    }
}

/// The fault of an index that passes over somebody who speaks, or of a value that is taken for another.
const UNLIKE: Fault = Fault::Internal("the policies one by one say something else than all together");

/// The fault of a panic.
const PANIC: Fault = Fault::Internal("a panic while deciding");

/// What the agent is told when the engine could not decide.
const UNDECIDED: &str = "denied: the call could not be judged";

/// The digest of a set and of the settings that change a decision.
fn digest(set: &str, settings: &str) -> String {
    let mut both = Sha256::new();
    both.update(set);
    both.update([0]);
    both.update(settings);
    named(&both.finalize())
}

/// What was asked outside of the call, and a digest of each answer.
fn answers<'a>(session: &'a Session) -> Vec<(Cow<'a, str>, Cow<'a, str>, String)> {
    let answered = session.answered().map(|(capability, question, digest)| {
        (Cow::Borrowed(capability.name()), Cow::Borrowed(question), named(&digest))
    });
    answered.collect()
}

fn refused<'a>(envelope: Envelope, id: Id<'a>, refusal: Refusal) -> (Reply<'a>, Record<'a>) {
    let mut record = Record::new(Effect::Deny, Outcome::Refused, 403);
    record.refusal = Some(Cow::Borrowed(refusal.name()));
    (Reply::Deny(Denial::refused(envelope, id, refusal)), record)
}

/// What becomes of an answer that comes by.
fn answered<'a>(event: &wire::Response<'a>) -> (Reply<'a>, Record<'a>) {
    let (reply, mut record) = match response::response(event) {
        Ok(sent) => (Reply::Send(sent), Record::new(Effect::Allow, Outcome::Pass, 200)),
        Err((refusal, id)) => refused(Envelope::Mcp, id, refusal),
    };
    record.method = event.message.and_then(|message| message.get("method")?.as_str()).map(Cow::Borrowed);
    (reply, record)
}

fn fault<'a>(id: Id<'a>, fault: Fault, arena: &'a Bump) -> (Reply<'a>, Record<'a>) {
    let mut record = Record::new(Effect::Deny, Outcome::Fault, 403);
    record.error = Some(Cow::Borrowed(text(arena, fault)));
    (Reply::Deny(Denial::denied(id, UNDECIDED)), record)
}

fn said(policy: &CompiledPolicy<'_>, verdict: &Verdict<'_>) -> String {
    let said = match verdict.opinion {
        Opinion::Allow => "allow".to_owned(),
        Opinion::Deny(reason) => format!("deny: {reason}"),
        Opinion::Nothing => "no opinion".to_owned(),
        Opinion::Error(errors) => format!("error: {}", ErrorText(errors)),
    };
    match verdict.opinion {
        Opinion::Deny(_) | Opinion::Error(_) if policy.mode == Mode::Json && !policy.denies => {
            format!("no denial, by its validationActions: {said}")
        }
        _ => said,
    }
}
