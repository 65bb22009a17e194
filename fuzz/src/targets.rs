//! What is asked, and what must hold of every answer.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bumpalo::Bump;
use serde::Deserialize as _;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use toolgate::internal::budget::{Budget, Fault};
use toolgate::internal::cel;
use toolgate::internal::cel::eval::Frame;
use toolgate::internal::cel::program::Arena;
use toolgate::internal::config::check_headers;
use toolgate::internal::error::Raise;
use toolgate::internal::library::object_type;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::bundle::{Contents, LeftOut, Omission};
use toolgate::internal::policy::load::load_text;
use toolgate::internal::policy::model::Mode;
use toolgate::internal::value::{Object, Value};
use toolgate::{Code, Context, DecisionId, Effect, Engine, Outcome, PolicySet, Scratch, Settings};

/// The targets' names, which are those of their folders in `corpus/`.
pub(crate) const TARGETS: [&str; 6] = ["expression", "policy", "event", "jwt", "settings", "bundle"];

/// The bytes of a bundle before its contents: what it is, the version of its format, and the digest of that and the contents.
const BUNDLE_HEAD: usize = 44;
const BUNDLE_VERSION: usize = 8;
const BUNDLE_DIGEST: usize = 12;

/// When all calls are made.
const NOW: i64 = 1_790_000_000;
/// Lambda's quota for an answer.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// What settings a deployment may have that give an event different ways through the engine.
const SETTINGS: [&str; 5] = [
    "{}",
    "{defaultDecision: deny, denial: {form: toolResult}, judging: {judgeMethods: [prompts/list]}}",
    "{identity: {trustJwt: true, required: true}}",
    "{identity: {trustJwt: true, required: true, provider: entra}, denial: {form: httpStatus}}",
    "{identity: {trustJwt: true, required: true, claims: {user: sub, roles: roles, groups: groups}, checkExpiry: true}}",
];

/// A finding: what does not hold.
pub(crate) type Found = Result<(), String>;

/// What a target needs for all of its inputs.
pub(crate) struct Target {
    name: &'static str,
    set: PolicySet,
    engines: Vec<Engine>,
    events: Vec<Vec<u8>>,
    /// Kept from input to input: what is left of the last one must not show.
    scratch: Scratch,
}

impl Target {
    /// The target called `name`; `root` is the repository, whose policies and events it uses.
    pub(crate) fn new(name: &str, root: &Path) -> Result<Target, String> {
        let name = TARGETS.into_iter().find(|target| *target == name).ok_or("there is no such target")?;
        let policies = ["policies", "testdata/gateway/policies/reading.yaml"].map(|path| root.join(path));
        let (set, _) = PolicySet::from_files(policies).map_err(|error| error.to_string())?;
        let engine = |settings: &&str| {
            let text = format!(
                "{{apiVersion: toolgate.dev/v1, kind: Configuration, {}",
                &settings.get(1..).unwrap_or_default()
            );
            let (settings, _) = Settings::load_text("toolgate.yaml", &text, std::iter::empty())
                .map_err(|error| format!("{settings}: {error:?}"))?;
            Engine::new(set.clone(), settings).map_err(|error| error.to_string())
        };
        let engines = SETTINGS.iter().map(engine).collect::<Result<_, _>>()?;
        let mut events = Vec::new();
        for file in
            ["delete-pod-in-production", "delete-pod-in-staging", "tools-list", "response", "prompts-get"]
        {
            let file = root.join(format!("testdata/events/{file}.json"));
            events.push(std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?);
        }
        Ok(Target { name, set, engines, events, scratch: scratch() })
    }

    /// Asks about one input.
    pub(crate) fn run(&mut self, input: &[u8]) -> Found {
        match self.name {
            "expression" => expression(&String::from_utf8_lossy(input)),
            "policy" => self.policy(&String::from_utf8_lossy(input)),
            "event" => self.event(input),
            "jwt" => self.jwt(input),
            "bundle" => self.bundle(input),
            _ => self.settings(&String::from_utf8_lossy(input)),
        }
    }

    fn policy(&mut self, text: &str) -> Found {
        let (_, diagnostics) = PolicySet::lenient_text("policies.yaml", text);
        // Written for people, with the lines that they point at.
        let told = diagnostics.to_string();
        let set = match PolicySet::from_text("policies.yaml", text) {
            Err(_) if told.is_empty() => {
                return Err("policies that do not load, and nobody says why".to_owned());
            }
            Err(_) => return Ok(()),
            Ok((set, _)) => set,
        };
        let engine =
            Engine::new(set, Settings::default()).map_err(|error| format!("no engine of a set: {error}"))?;
        self.events.iter().try_for_each(|event| decide(&engine, &mut self.scratch, event).map(drop))
    }

    /// The input as it is, and as somebody would forge it: with the right digest and this build's name, and with another's, whose
    /// texts count: then it says what they say.
    fn bundle(&mut self, input: &[u8]) -> Found {
        let told = |set: Result<(PolicySet, _), toolgate::Diagnostics>| match set {
            Err(wrong) if wrong.to_string().is_empty() => {
                Err("a bundle is refused, and nobody says why".to_owned())
            }
            Err(_) => Ok(None),
            Ok((set, _)) => Ok(Some(set)),
        };
        told(PolicySet::from_bundle("p.bundle", input))?;
        let (head, contents) = input.split_at_checked(BUNDLE_HEAD).unwrap_or((input, &[]));
        let what = head.get(..BUNDLE_DIGEST).unwrap_or_default();
        let version = what.get(BUNDLE_VERSION..).unwrap_or_default();
        let digest = Sha256::new().chain_update(version).chain_update(contents).finalize();
        let sealed = [what, &digest, contents].concat();
        let Ok(contents) = Contents::read(&sealed) else { return Ok(()) };
        let foreign = Contents { build: "another", ..contents.clone() };
        let foreign = foreign.encode().map_err(|error| error.to_string())?;
        if let ([(file, text)], Some(set)) =
            (&*contents.sources, told(PolicySet::from_bundle("p.bundle", &foreign))?)
        {
            let (texts, _) = PolicySet::from_text(&format!("p.bundle/{file}"), text)
                .map_err(|wrong| format!("a bundle loads, and its text does not: {wrong}"))?;
            let engines = [set, texts].map(|set| Engine::new(set, Settings::default()));
            let [Ok(foreign), Ok(texts)] = engines else { return Ok(()) };
            self.events.iter().try_for_each(|event| same(&foreign, &texts, event))?;
        }
        let forged = contents.by_this_build().encode().map_err(|error| error.to_string())?;
        let Some(set) = told(PolicySet::from_bundle("p.bundle", &forged))? else { return Ok(()) };
        let Ok(engine) = Engine::new(set, Settings::default()) else { return Ok(()) };
        self.events.iter().try_for_each(|event| {
            let mut fresh = scratch();
            let decision = engine.decide(&mut fresh, event, &Context::at(NOW));
            contract(event, decision.answer, decision.record.effect)
        })
    }

    fn event(&mut self, event: &[u8]) -> Found {
        self.engines.iter().try_for_each(|engine| decide(engine, &mut self.scratch, event).map(drop))
    }

    /// The input is a token's claims if it is an object, else the header's value.
    fn jwt(&mut self, input: &[u8]) -> Found {
        let value = match input.first() {
            Some(b'{') => {
                format!("Bearer eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", BASE64_URL_SAFE_NO_PAD.encode(input))
            }
            _ => String::from_utf8_lossy(input).into_owned(),
        };
        let value = Json::from(value);
        let event = format!(
            r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","headers":{{"Authorization":{value}}},"body":{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"payments___refund","arguments":{{"amount":1}}}}}}}}}}}}"#
        );
        for engine in &self.engines {
            let known = decide(engine, &mut self.scratch, event.as_bytes())?;
            if known == Some(false) && engine.settings().identity.required {
                return Err("a call of nobody is allowed where the caller must be known".to_owned());
            }
        }
        Ok(())
    }

    fn settings(&mut self, text: &str) -> Found {
        let mut settings = match Settings::load_text("toolgate.yaml", text, std::iter::empty()) {
            Err(diagnostics) if diagnostics.is_empty() => {
                return Err("settings that do not load, and nobody says why".to_owned());
            }
            Err(diagnostics) => {
                let _told: String = diagnostics.iter().map(ToString::to_string).collect();
                return Ok(());
            }
            Ok((settings, _)) => settings,
        };
        if settings.audit.digest_key_arn.is_some() {
            // As the function does before it has an engine: it fetches the key.
            settings.audit.digest_key = Some(b"a key that was fetched".to_vec());
        }
        let engine = Engine::new(self.set.clone(), settings)
            .map_err(|error| format!("settings without an engine: {error}"))?;
        self.events.iter().try_for_each(|event| decide(&engine, &mut self.scratch, event).map(drop))
    }
}

fn scratch() -> Scratch {
    Scratch::with_ids(|| DecisionId::from(0xfeed))
}

/// Whether both answer an event the same.
fn same(one: &Engine, other: &Engine, event: &[u8]) -> Found {
    let [mut first, mut second] = [scratch(), scratch()];
    let one = one.decide(&mut first, event, &Context::at(NOW));
    let other = other.decide(&mut second, event, &Context::at(NOW));
    let (left, right) = (format!("{:?}", one.record), format!("{:?}", other.record));
    if (one.answer, &left) == (other.answer, &right) {
        Ok(())
    } else {
        Err(format!("a bundle says {left}, and its text {right}"))
    }
}

/// Bundles of this build's of all policies that load: one that lies in a folder is another build's.
pub(crate) fn bundles(policies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let note =
        Omission { file: "notes.txt".into(), code: Code::OtherFile.number(), why: "it is left out".into() };
    let beside = Beside {
        settings: None,
        headers: check_headers(&Settings::default().headers),
        left_out: Some(LeftOut { named: vec![note], more: 1 }),
    };
    let bundle = |text: &Vec<u8>| {
        let loaded = load_text("policies.yaml", &String::from_utf8_lossy(text));
        if loaded.has_errors() {
            None
        } else {
            make(loaded, Path::new(""), &beside).ok().map(|(bytes, _)| bytes)
        }
    };
    policies.iter().filter_map(bundle).collect()
}

/// Decides, and checks what holds of every answer. If the call is allowed: whether its caller is known.
fn decide(engine: &Engine, scratch_of_all: &mut Scratch, event: &[u8]) -> Result<Option<bool>, String> {
    let context = Context::at(NOW);
    let mut fresh = scratch();
    let first = engine.decide(&mut fresh, event, &context);
    let (answer, record) = (first.answer, &first.record);
    if record.outcome == Outcome::Fault
        && record.error.as_deref().is_some_and(|error| error.starts_with("internal"))
    {
        return Err(format!("{:?}", record.error));
    }
    if engine.decide(scratch_of_all, event, &context).answer != answer {
        return Err("another answer with used memory".to_owned());
    }
    contract(event, answer, record.effect)?;
    let known = record.user.is_some() || record.client.is_some();
    Ok((record.effect == Effect::Allow).then_some(known))
}

/// The answer is the gateway's JSON, and either lets the message go on byte for byte or denies it.
fn contract(event: &[u8], answer: &[u8], effect: Effect) -> Found {
    let wrong = |what: &str| Err(format!("{what}: {:.2000}", String::from_utf8_lossy(answer)));
    let Ok(text) = std::str::from_utf8(answer) else { return wrong("the answer is no UTF-8") };
    if answer.len() > LARGEST_ANSWER {
        return wrong("the answer is larger than Lambda's quota");
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    // A message may be nested deeper than serde_json reads by default.
    reader.disable_recursion_limit();
    if Json::deserialize(&mut reader).is_err() || reader.end().is_err() {
        return wrong("the answer is no JSON");
    }
    let outer = members(text).unwrap_or_default();
    let envelope = if outer.contains_key("mcp") { "mcp" } else { "http" };
    let (Some(version), Some(inner), 2) = (
        outer.get("interceptorOutputVersion"),
        outer.get(envelope).and_then(|inner| members(inner.get())),
        outer.len(),
    ) else {
        return wrong("the answer is no interceptor's");
    };
    if version.get() != "\"1.0\"" || inner.len() > 1 {
        return wrong("the answer is no interceptor's");
    }
    let sent =
        |kind: &str| std::str::from_utf8(event).ok().and_then(|event| raw(event, &["mcp", kind, "body"]));
    let (request, response) = ("transformedGatewayRequest", "transformedGatewayResponse");
    match (effect, inner.first_key_value().map(|(kind, value)| (kind.as_str(), value.get()))) {
        (Effect::Allow, Some((kind, value))) if kind == request => {
            let body = raw(value, &["body"]);
            if body.is_none()
                || body != sent("gatewayRequest")
                || members(value).is_none_or(|members| members.len() != 1)
            {
                return wrong("another request goes on than came");
            }
        }
        (Effect::Allow, Some((kind, value))) if kind == response => {
            if raw(value, &["body"]) != sent("gatewayResponse") {
                return wrong("another response goes on than came");
            }
        }
        (Effect::Allow, None) if envelope == "http" => {}
        (Effect::Deny, Some((kind, value))) if kind == response => {
            let body = raw(value, &["body"]).unwrap_or_default();
            let status = raw(value, &["statusCode"]).and_then(|status| status.parse::<u16>().ok());
            let version = raw(body, &["jsonrpc"]);
            if status.is_none() || envelope == "mcp" && version != Some("\"2.0\"") {
                return wrong("a denial without a status or a JSON-RPC message");
            }
        }
        _ => return wrong("the answer is not what the record says"),
    }
    Ok(())
}

/// The members of an object with their own texts.
fn members(text: &str) -> Option<BTreeMap<String, &RawValue>> {
    serde_json::from_str(text).ok()
}

fn raw<'t>(text: &'t str, path: &[&str]) -> Option<&'t str> {
    path.iter().try_fold(text, |text, name| Some(members(text)?.get(*name)?.get()))
}

/// Compiles the text for policies of each mode, and evaluates it on a request with nothing but a body.
fn expression(text: &str) -> Found {
    for mode in [Mode::Http, Mode::Envoy, Mode::Json] {
        evaluate(text, mode)?;
    }
    Ok(())
}

fn evaluate(text: &str, mode: Mode) -> Found {
    let arena = Arena::new();
    let compiled = match cel::compile(text, &mode.environment(), &arena) {
        Ok(compiled) => compiled,
        Err(issues) => {
            return match issues.text.is_empty() {
                true => Err("an expression that does not compile, and nobody says why".to_owned()),
                false => Ok(()),
            };
        }
    };
    let bump = Bump::new();
    let Some(attributes) = object_type("http.CheckRequestAttributes") else { return Ok(()) };
    let Some(request) = object_type("http.CheckRequest") else { return Ok(()) };
    let mut fields = vec![None; attributes.fields.len()];
    if let Some(body) = attributes.field("body").and_then(|(index, _)| fields.get_mut(index)) {
        *body = Some(Value::Bytes(br#"{"a":[1,2.5,"x",null,{"b":true}],"c":"d"}"#));
    }
    let attributes = Object { ty: attributes, fields: &fields, tagged: false };
    let fields = [Some(Value::Object(&attributes))];
    let request = Object { ty: request, fields: &fields, tagged: false };
    let inputs = mode.inputs(Value::Object(&request), &bump);
    let mut frame = Frame::new(Runtime::new(&bump, Budget::default()), inputs);
    match frame.evaluate(&compiled.program).and_then(|value| frame.runtime.settled(value)) {
        Err(Raise::Fault(Fault::Internal(what))) => Err(format!("internal error: {what}")),
        Err(Raise::Error(error)) => {
            let _told = error.to_string();
            Ok(())
        }
        Ok(_) | Err(Raise::Fault(_)) => Ok(()),
    }
}

/// Words that a target's inputs are made of.
pub(crate) fn words(target: &str) -> &'static [&'static str] {
    match target {
        "expression" => &[
            "object",
            "object.attributes",
            ".body",
            ".Header('X-Tool')",
            "object.mcp",
            "variables",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "?",
            ":",
            ".?",
            "[?",
            ".orValue(",
            ".all(x, ",
            ".exists(x, ",
            ".map(x, ",
            ".filter(x, ",
            "cel.bind(y, ",
            " && ",
            " || ",
            "!",
            "-",
            " + ",
            " * ",
            " / ",
            " % ",
            " == ",
            " < ",
            " in ",
            "null",
            "true",
            "1",
            "1u",
            "1.5",
            "0x7fffffffffffffff",
            "-9223372036854775808",
            "9223372036854775807",
            "1e308",
            "'x'",
            "b'\\xff'",
            "r'a'",
            "'''",
            "\"\\u{1F600}\"",
            "size(",
            "string(",
            "int(",
            "uint(",
            "double(",
            "bytes(",
            "dyn(",
            "type(",
            "timestamp(",
            "duration('1h')",
            "'a'.matches(",
            "'%s %d'.format([",
            "'a,b'.split(',')",
            ".substring(",
            ".replace(",
            ".join(",
            "lists.range(",
            ".flatten(",
            ".sort()",
            ".slice(",
            "math.greatest(",
            "math.bitShiftLeft(",
            "sets.contains(",
            "base64.decode(",
            "json.Unmarshal(",
            "quantity(",
            "semver(",
            "ip(",
            "cidr(",
            "url(",
            "http.Denied(",
            ".Response()",
            "envoy.Denied(403)",
            "optional.of(",
            "optional.none()",
            "has(",
            "image(",
            "\n",
            "//",
        ],
        "policy" => &[
            "apiVersion: ",
            "policies.kyverno.io/v1",
            "kind: ValidatingPolicy",
            "metadata:",
            "name: ",
            "spec:",
            "evaluation:",
            "mode: HTTP",
            "mode: Envoy",
            "mode: MCP",
            "failurePolicy: Ignore",
            "failurePolicy: Fail",
            "matchConditions:",
            "validations:",
            "variables:",
            "- expression: ",
            "expression: |",
            "expression: >-",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "&a ",
            "*a",
            "<<: *a",
            "!!str ",
            "!!binary ",
            "? ",
            "{",
            "}",
            "[",
            "]",
            "'",
            "\"",
            "#",
            "\t",
            "\r\n",
            "\u{feff}",
            "null",
            "~",
            "yes",
            "0x10",
            "1e3",
            "http.Denied('no').Response()",
            "http.Allowed().Response()",
            "object.mcp.request.ToolCall.Name",
            "variables.a",
            ": null\n",
        ],
        "settings" => &[
            "apiVersion: toolgate.dev/v1",
            "kind: Configuration",
            "defaultDecision: ",
            "allow",
            "deny",
            "host: ",
            "environment: ",
            "targets: ",
            "denial: ",
            "form: ",
            "toolResult",
            "httpStatus",
            "jsonRpcError",
            "status: ",
            "code: ",
            "judging: ",
            "passMethods: ",
            "judgeMethods: ",
            "passTools: ",
            "identity: ",
            "trustJwt: ",
            "required: ",
            "provider: ",
            "entra",
            "okta",
            "issuers: ",
            "audiences: ",
            "clients: ",
            "checkExpiry: ",
            "claims: ",
            "iamPrincipal: ",
            "forwardHeaders: ",
            "budget: ",
            "steps: ",
            "bytes: ",
            "audit: ",
            "digestKey: ",
            "headers: ",
            "X-Tool-Name: ",
            "call.tool",
            "true",
            "false",
            "null",
            "[",
            "]",
            "{",
            "}",
            "\"*\"",
            "{a,b}",
            "\t",
            "---\n",
            "&a ",
            "*a",
            "!!str ",
            "9223372036854775808",
            "-1",
            "''",
        ],
        _ => &[
            "interceptorInputVersion",
            "1.0",
            "mcp",
            "http",
            "gatewayRequest",
            "rawGatewayRequest",
            "gatewayResponse",
            "body",
            "headers",
            "path",
            "httpMethod",
            "jsonrpc",
            "2.0",
            "id",
            "method",
            "tools/call",
            "tools/list",
            "params",
            "name",
            "arguments",
            "___",
            "payments___refund",
            "Authorization",
            "authorization",
            "Bearer ",
            "bearer ",
            ".",
            "=",
            "sub",
            "iss",
            "aud",
            "exp",
            "client_id",
            "azp",
            "cognito:groups",
            "groups",
            "roles",
            "scope",
            "token_use",
            "_claim_names",
            "null",
            "true",
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "\\u0000",
            "\\ud83d",
            "\u{200b}",
            "\u{202e}",
            " ",
            "\n",
            "1e999",
            "-0",
            "9007199254740993",
            "initialize",
            "notifications/initialized",
            "isBase64Encoded",
            "statusCode",
        ],
    }
}
