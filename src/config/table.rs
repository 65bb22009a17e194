//! Every setting once: its name in `toolgate.yaml`, its environment variable, what it may be, what it means and where
//! it stands in [`Settings`].
//!
//! The reader, the variables, the printer, the JSON Schema and the documentation all read this table. The mapping of
//! headers is not in it: its names are the user's.

use super::fits::{
    self, Fits, any, host, issuer, key_arn, method_glob, namespace, shown, url, whole_header_name,
};
use super::headers::{self, HEADERS, canonical};
use super::{DenialForm, EnvironmentSource, HeaderRule, Provider, Settings, UnknownMethods};
use crate::audit;
use crate::diag::{Code, Diagnostic};
use crate::gateway::environment::Environment;
use crate::gateway::identity::wrong_claim;
use crate::glob::Case;
use crate::policy::decide::DefaultDecision;
use crate::schema::{Field, Rule, Shape, Unique};

/// The API that a configuration file names.
pub(super) const API_VERSION: &str = "toolgate.dev/v1";
/// The kind that a configuration file names.
pub(super) const KIND: &str = "Configuration";
/// What is printed in place of a secret.
pub(super) const HIDDEN: &str = "<set>";

/// The groups in which no setting closes anything beyond its default: what got lost in one of them changes how a denial is
/// written or what is recorded, takes grants away, or gives a decision the default budget. A loss in any other may open.
const MAY_HAVE_NO_VALUE: [&str; 6] =
    ["denial", "budget", "capabilities", "capabilities.keySets", "capabilities.http", "audit"];

/// Whether a group of settings may stand there without a value, as one does whose settings are commented out.
pub(super) fn may_have_no_value(group: &str) -> bool {
    MAY_HAVE_NO_VALUE.contains(&group)
}

/// The name of the setting that says where the key of the digest is.
const KEY_ARN: &str = "audit.digestKeyArn";
/// What is wrong with a list of targets without any, in words that follow its name.
pub(super) const NO_TARGETS: &str = "is empty, so that no call would have an environment";
/// What to write in its place.
pub(super) const TARGETS_HELP: &str = "end it with `{target: \"*\", environment: …}`, or remove it to have what the \
     arguments of a call say";

/// Variables that name files for a program and are no settings.
pub const PROCESS_VARIABLES: [(&str, &str); 2] = [
    ("TOOLGATE_CONFIG", "the configuration file, when the command line names none"),
    (
        "TOOLGATE_POLICIES",
        "the policies of the Lambda function: files, directories and bundles, separated by `:`",
    ),
];

/// One setting.
pub struct Setting {
    /// Its name with the sections around it: `identity.trustJwt`.
    pub path: &'static str,
    /// The environment variable that overrides it.
    pub variable: &'static str,
    /// What it means, in one or two sentences.
    pub meaning: &'static str,
    /// A value, as it is written in YAML.
    pub example: &'static str,
    pub(super) kind: Kind,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// One of a setting's words.
    Word(&'static str),
    /// Text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// An environment.
    Environment(Environment),
    /// Globs of targets, each with its environment.
    Targets(Vec<(String, Environment)>),
}

/// What a setting may be, and where it stands.
pub(super) enum Kind {
    /// True or false.
    Flag(fn(&mut Settings) -> &mut bool),
    /// One of these words.
    Choice(&'static [&'static str], fn(&Settings) -> &'static str, fn(&mut Settings, &str)),
    /// A whole number of this range.
    Whole(i64, i64, fn(&Settings) -> i64, fn(&mut Settings, i64)),
    /// Text that is not empty.
    Text(Fits, fn(&mut Settings) -> &mut String),
    /// The same, or nothing.
    Optional(Fits, fn(&mut Settings) -> &mut Option<String>),
    /// A list of texts, none empty and none twice.
    Texts(Fits, fn(&mut Settings) -> &mut Vec<String>),
    /// The same, of glob patterns.
    Globs(Fits, fn(&mut Settings) -> &mut Vec<String>),
    /// [`EnvironmentSource::Fixed`]
    Environment,
    /// [`EnvironmentSource::Targets`]
    Targets,
    /// The key of the digest.
    Key,
}

static TEXT: Shape = Shape::Text(Rule::NotBlank);
static TARGET: Shape = Shape::Fields(&[
    Field { name: "target", shape: &TEXT, required: true, absent: "" },
    Field { name: "environment", shape: &TEXT, required: true, absent: "" },
]);

impl Kind {
    /// The shape of its value, for the checker that policies are checked with.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Kind::Flag(_) => Shape::Flag,
            Kind::Choice(words, ..) => Shape::Text(Rule::OneOf(words)),
            Kind::Whole(least, most, ..) => Shape::Whole(*least, *most),
            Kind::Text(..) | Kind::Optional(..) | Kind::Environment | Kind::Key => {
                Shape::Text(Rule::NotBlank)
            }
            Kind::Texts(..) | Kind::Globs(..) => Shape::List(&TEXT, Unique::Values),
            Kind::Targets => Shape::List(&TARGET, Unique::No),
        }
    }

    /// What is wrong with one of its texts.
    pub(super) fn wrong(&self, text: &str) -> Option<String> {
        match self {
            Kind::Text(fits, _) | Kind::Optional(fits, _) | Kind::Texts(fits, _) | Kind::Globs(fits, _) => {
                fits::untidy(text).or_else(|| fits(text))
            }
            Kind::Environment => fits::environment(text),
            Kind::Targets => fits::glob(text),
            Kind::Flag(_) | Kind::Choice(..) | Kind::Whole(..) | Kind::Key => None,
        }
    }

    /// What is wrong with all of its texts together, in words that follow its name.
    pub(super) fn wrong_list<'a>(&self, texts: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
        match self {
            Kind::Globs(..) => fits::globs(texts, Case::Differs),
            Kind::Targets => fits::globs(texts.map(str::trim), Case::Ignored),
            _ => None,
        }
    }

    /// Sets the value. A value of another kind changes nothing; what reads values makes none.
    pub(super) fn set(&self, config: &mut Settings, value: Value) {
        match (self, value) {
            (Kind::Flag(place), Value::Flag(value)) => *place(config) = value,
            (Kind::Choice(_, _, set), Value::Word(word)) => set(config, word),
            (Kind::Whole(_, _, _, set), Value::Whole(value)) => set(config, value),
            (Kind::Text(_, place), Value::Text(value)) => *place(config) = value,
            (Kind::Optional(_, place), Value::Text(value)) => *place(config) = Some(value),
            (Kind::Texts(_, place) | Kind::Globs(_, place), Value::Texts(value)) => *place(config) = value,
            (Kind::Environment, Value::Environment(value)) => {
                config.environment = EnvironmentSource::Fixed(value)
            }
            (Kind::Targets, Value::Targets(value)) => config.environment = EnvironmentSource::Targets(value),
            (Kind::Key, Value::Text(value)) => config.audit.digest_key = Some(value.into_bytes()),
            _ => {}
        }
    }
}

impl Settings {
    /// What breaks this table's rules in settings that were made without a file or a variable: what is read from those is
    /// checked by the same rules, with its place. The expressions of headers are checked where they are compiled.
    pub(crate) fn mistakes(&self) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        for setting in SETTINGS {
            let path = setting.path;
            let mut report = |message: String| {
                mistakes.push(Diagnostic::error(Code::ConfigBadValue, message).path(path));
            };
            let value = setting.get(self);
            if let (Kind::Whole(least, most, ..), Some(Value::Whole(number))) = (&setting.kind, &value)
                && !(*least..=*most).contains(number)
            {
                report(format!("`{path}` must be a whole number from {least} to {most}, not `{number}`"));
            }
            let key = self.audit.digest_key.as_deref().filter(|key| *key != HIDDEN.as_bytes());
            if let (Kind::Key, Some(wrong)) = (&setting.kind, key.and_then(audit::wrong_key)) {
                report(format!("`{path}` {wrong}"));
            }
            let texts = match value {
                Some(Value::Text(text)) => vec![text],
                Some(Value::Texts(texts)) => texts,
                Some(Value::Targets(targets)) => {
                    if targets.is_empty() {
                        report(format!("`{path}` {NO_TARGETS}: {TARGETS_HELP}"));
                    }
                    targets.into_iter().map(|(target, _)| target).collect()
                }
                _ => Vec::new(),
            };
            if let Some(wrong) = setting.kind.wrong_list(texts.iter().map(String::as_str)) {
                report(format!("`{path}` {wrong}"));
                continue;
            }
            let blank = |text: &str| text.trim().is_empty().then(|| "must not be empty".to_owned());
            for text in texts {
                if let Some(wrong) = blank(&text).or_else(|| setting.kind.wrong(&text)) {
                    report(format!("`{path}`: {} {wrong}", setting.quoted(&text)));
                }
            }
        }
        if let Some(wrong) = headers::too_many(&self.headers) {
            mistakes.push(Diagnostic::error(Code::ConfigBadValue, wrong).path(HEADERS));
        }
        mistakes.extend(self.contradictions().into_iter().map(|(path, wrong)| wrong.path(path)));
        mistakes
    }

    /// The headers, unless there are so many that they are a mistake by themselves and are not to be compiled.
    pub(crate) fn headers_within_limits(&self) -> &[HeaderRule] {
        if headers::too_many(&self.headers).is_some() { &[] } else { &self.headers }
    }

    /// What must hold of settings together, wherever they come from: the setting to blame, and what is wrong.
    pub(super) fn contradictions(&self) -> Vec<(&'static str, Diagnostic)> {
        let mut found = Vec::new();
        let identity = &self.identity;
        if identity.required && !identity.trust_jwt && !identity.iam_principal {
            let message = "`identity.required` without a trusted identity denies every call";
            let help =
                "set `identity.trustJwt` or `identity.iamPrincipal` to say whom the gateway has verified";
            found.push(("identity.required", Diagnostic::error(Code::ConfigConflict, message).help(help)));
        }
        if self.audit.digest_key.as_deref() == Some(HIDDEN.as_bytes()) {
            let message =
                format!("`{HIDDEN}` is not a key: it says that the key is set elsewhere, and it is not");
            let is_key = |setting: &&Setting| matches!(setting.kind, Kind::Key);
            let variable = SETTINGS.iter().find(is_key).map_or("", |setting| setting.variable);
            let diagnostic = Diagnostic::error(Code::ConfigMissingValue, message);
            found.push(("audit.digestKey", diagnostic.help(format!("set the variable `{variable}`"))));
        }
        let keys = &self.capabilities.key_sets;
        if keys.max_stale < keys.max_age {
            let message = "`capabilities.keySets.maxStale` is below `maxAge`, so keys would be too old before they are fetched again";
            let help =
                format!("give it at least {}, the seconds of `capabilities.keySets.maxAge`", keys.max_age);
            let diagnostic = Diagnostic::error(Code::ConfigConflict, message).help(help);
            found.push(("capabilities.keySets.maxStale", diagnostic));
        }
        for name in &self.forward_headers {
            let name = canonical(name);
            if self.headers.iter().any(|rule| rule.name == name) {
                let message = format!("`{name}` is computed, so the caller's own is never seen");
                let help =
                    format!("forward another header, or remove this one with `headers: {{{name}: null}}`");
                found.push(("forwardHeaders", Diagnostic::error(Code::ConfigConflict, message).help(help)));
            }
        }
        found
    }
}

impl Setting {
    /// A text that it does not take, for a message. What was pasted in place of an ARN may be the key itself.
    pub(super) fn quoted(&self, text: &str) -> String {
        if self.path == KEY_ARN { format!("the value of `{KEY_ARN}`") } else { format!("`{}`", shown(text)) }
    }

    /// Its value in `config`; none if it is not set. A secret is not told.
    pub fn get(&self, config: &Settings) -> Option<Value> {
        // The places are for writing too; what is read is a copy.
        let copy = &mut config.clone();
        match &self.kind {
            Kind::Flag(place) => Some(Value::Flag(*place(copy))),
            Kind::Choice(_, get, _) => Some(Value::Word(get(copy))),
            Kind::Whole(_, _, get, _) => Some(Value::Whole(get(copy))),
            Kind::Text(_, place) => Some(Value::Text(place(copy).clone())),
            Kind::Optional(fits, place) => place(copy).clone().map(|text| {
                let is_secret = self.path == KEY_ARN && fits(&text).is_some();
                Value::Text(if is_secret { HIDDEN.to_owned() } else { text })
            }),
            Kind::Texts(_, place) | Kind::Globs(_, place) => Some(Value::Texts(place(copy).clone())),
            Kind::Environment => match &config.environment {
                EnvironmentSource::Fixed(environment) => Some(Value::Environment(environment.clone())),
                EnvironmentSource::Argument | EnvironmentSource::Targets(_) => None,
            },
            Kind::Targets => match &config.environment {
                EnvironmentSource::Targets(targets) => Some(Value::Targets(targets.clone())),
                EnvironmentSource::Argument | EnvironmentSource::Fixed(_) => None,
            },
            Kind::Key => config.audit.digest_key.as_ref().map(|_| Value::Text(HIDDEN.to_owned())),
        }
    }
}

macro_rules! settings {
    ($($path:literal, $variable:literal, $kind:expr, $example:literal, $meaning:literal;)*) => {
        /// Every setting, in the order in which it is printed. Those of one section stand together.
        pub static SETTINGS: &[Setting] = &[
            $(Setting { path: $path, variable: $variable, meaning: $meaning, example: $example, kind: $kind },)*
        ];
    };
}

settings! {
    "defaultDecision", "TOOLGATE_DEFAULT_DECISION",
    Kind::Choice(
        &["allow", "deny"],
        |config| match config.default_decision {
            DefaultDecision::Allow => "allow",
            DefaultDecision::Deny => "deny",
        },
        |config, word| {
            config.default_decision = if word == "allow" { DefaultDecision::Allow } else { DefaultDecision::Deny };
        },
    ),
    "deny", "What happens to a call of which no policy speaks. Kyverno allows it.";

    "host", "TOOLGATE_HOST", Kind::Text(host, |config| &mut config.host),
    "gateway.example.com",
    "The host that policies see as `object.attributes.host`: the gateway's own name is not in its events.";

    "forwardHeaders", "TOOLGATE_FORWARD_HEADERS",
    Kind::Texts(whole_header_name, |config| &mut config.forward_headers),
    "[User-Agent, X-Request-Id]",
    "Names of the caller's own headers that policies see too: the caller's word. Headers that the mapping computes cannot be among them.";

    "environment.value", "TOOLGATE_ENVIRONMENT", Kind::Environment,
    "production",
    "The environment of every call. Without this and `environment.targets` it is what the call's arguments `environment` and `env` say, which is the caller's word. Blanks at its ends and capitals do not count.";

    "environment.targets", "TOOLGATE_ENVIRONMENT_TARGETS", Kind::Targets,
    r#"[{target: "prod-*", environment: production}, {target: "*", environment: staging}]"#,
    "The environment by the tool's target: the first glob that matches, in upper or lower case. A call to which none applies has no environment. In the variable: `prod-*=production,*=staging`.";

    "denial.form", "TOOLGATE_DENIAL_FORM",
    Kind::Choice(
        &["httpStatus", "jsonRpcError", "toolResult"],
        |config| match config.denial.form {
            DenialForm::Status => "httpStatus",
            DenialForm::OkError => "jsonRpcError",
            DenialForm::OkResult => "toolResult",
        },
        |config, word| {
            config.denial.form = match word {
                "jsonRpcError" => DenialForm::OkError,
                "toolResult" => DenialForm::OkResult,
                _ => DenialForm::Status,
            };
        },
    ),
    "toolResult",
    "How a denial is written: an HTTP error status with a JSON-RPC error; HTTP 200 with a JSON-RPC error; or HTTP 200 with a tool result that has `isError: true` (for anything but `tools/call` as `jsonRpcError`). A session of Python's `mcp` before version 2 ends with the first.";

    "denial.status", "TOOLGATE_DENIAL_STATUS",
    Kind::Whole(
        400,
        599,
        |config| i64::from(config.denial.status),
        |config, value| config.denial.status = u16::try_from(value).unwrap_or(config.denial.status),
    ),
    "403", "The HTTP status of the form `httpStatus`.";

    "denial.code", "TOOLGATE_DENIAL_CODE",
    Kind::Whole(
        i32::MIN as i64,
        i32::MAX as i64,
        |config| i64::from(config.denial.code),
        |config, value| config.denial.code = i32::try_from(value).unwrap_or(config.denial.code),
    ),
    "-32600", "The JSON-RPC code of a denial by policy, an error or a fault.";

    "judging.passMethods", "TOOLGATE_PASS_METHODS",
    Kind::Globs(method_glob, |config| &mut config.judging.pass_methods),
    r#"[initialize, ping, server/discover, "*/list", resources/templates/list]"#,
    "Requests of these methods pass without a policy (globs). A list here replaces the default one.";

    "judging.passNotifications", "TOOLGATE_PASS_NOTIFICATIONS",
    Kind::Globs(method_glob, |config| &mut config.judging.pass_notifications),
    r#"["notifications/*"]"#, "Notifications of these methods pass without a policy (globs).";

    "judging.judgeMethods", "TOOLGATE_JUDGE_METHODS",
    Kind::Globs(method_glob, |config| &mut config.judging.judge_methods),
    "[tools/list]",
    "Requests and notifications of these methods are judged even if a list above lets them pass (globs).";

    "judging.passTools", "TOOLGATE_PASS_TOOLS",
    Kind::Globs(fits::glob, |config| &mut config.judging.pass_tools),
    "[x_amz_bedrock_agentcore_search]",
    "Calls of these tools pass without a policy (globs, compared with the whole name, `target___tool`).";

    "methods.unknown", "TOOLGATE_METHODS_UNKNOWN",
    Kind::Choice(
        &["deny", "judge"],
        |config| match config.judging.unknown {
            UnknownMethods::Deny => "deny",
            UnknownMethods::Judge => "judge",
        },
        |config, word| {
            config.judging.unknown =
                if word == "judge" { UnknownMethods::Judge } else { UnknownMethods::Deny };
        },
    ),
    "judge",
    "What happens to a judged message of a method that no revision of MCP has, when no policy speaks of it: `deny` whatever `defaultDecision` says, or `judge` as any other.";

    "identity.trustJwt", "TOOLGATE_TRUST_JWT", Kind::Flag(|config| &mut config.identity.trust_jwt),
    "true",
    "Asserts that the gateway has verified the JWT of the `Authorization` header. Only true of a gateway with the authorizer `CUSTOM_JWT` that passes request headers; on any other the caller writes its own claims.";

    "identity.required", "TOOLGATE_IDENTITY_REQUIRED", Kind::Flag(|config| &mut config.identity.required),
    "true", "A judged message without a trusted identity is denied. Needs `identity.trustJwt` or `identity.iamPrincipal`.";

    "identity.provider", "TOOLGATE_PROVIDER",
    Kind::Choice(
        &["auto", "cognito", "okta", "entra"],
        |config| match config.identity.provider {
            Provider::Auto => "auto",
            Provider::Cognito => "cognito",
            Provider::Okta => "okta",
            Provider::Entra => "entra",
        },
        |config, word| {
            config.identity.provider = match word {
                "cognito" => Provider::Cognito,
                "okta" => Provider::Okta,
                "entra" => Provider::Entra,
                _ => Provider::Auto,
            };
        },
    ),
    "cognito", "The issuer's family, which says what the claims are called. `auto` tells it from the issuer.";

    "identity.issuers", "TOOLGATE_ISSUERS", Kind::Texts(issuer, |config| &mut config.identity.issuers),
    r#"["https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc"]"#,
    "If not empty: the claim `iss` must be one of these.";

    "identity.audiences", "TOOLGATE_AUDIENCES", Kind::Texts(any, |config| &mut config.identity.audiences),
    r#"["api://tools"]"#,
    "If not empty: the claim `aud` must hold one of these. Access tokens of Cognito have no `aud`.";

    "identity.clients", "TOOLGATE_CLIENTS", Kind::Texts(any, |config| &mut config.identity.clients),
    "[agent-frontend]", "If not empty: the client's claim must be one of these.";

    "identity.checkExpiry", "TOOLGATE_CHECK_EXPIRY", Kind::Flag(|config| &mut config.identity.check_expiry),
    "true", "The claim `exp` must be there and lie in the future.";

    "identity.claims.user", "TOOLGATE_USER_CLAIM", Kind::Optional(wrong_claim, |config| &mut config.identity.claims.user),
    "sub",
    "The claim that names the user, in place of the provider's. A literal name, or, if it begins with `/`, a JSON Pointer (RFC 6901) into the token's claims.";

    "identity.claims.roles", "TOOLGATE_ROLES_CLAIM", Kind::Optional(wrong_claim, |config| &mut config.identity.claims.roles),
    "/realm_access/roles",
    "The claim that holds the roles, in place of the provider's. A literal name such as `https://example.com/roles`, or, if it begins with `/`, a JSON Pointer (RFC 6901): in it `~1` is a `/` and `~0` a `~` of a name. A name with points is a name; Toolgate warns of it and suggests the pointer.";

    "identity.claims.groups", "TOOLGATE_GROUPS_CLAIM",
    Kind::Optional(wrong_claim, |config| &mut config.identity.claims.groups),
    r#""cognito:groups""#, "The claim that holds the groups, in place of the provider's: a name or a JSON Pointer, as `identity.claims.roles`.";

    "identity.claims.client", "TOOLGATE_CLIENT_CLAIM",
    Kind::Optional(wrong_claim, |config| &mut config.identity.claims.client),
    "azp", "The claim that names the client, in place of the provider's: a name or a JSON Pointer, as `identity.claims.roles`.";

    "identity.iamPrincipal", "TOOLGATE_IAM_PRINCIPAL", Kind::Flag(|config| &mut config.identity.iam_principal),
    "true",
    "On a gateway with the authorizer `AWS_IAM`, `context.identity.awsPrincipalArn` of the event is the user. AWS does not document that field.";

    "budget.steps", "TOOLGATE_BUDGET_STEPS",
    Kind::Whole(
        1_000,
        1_000_000_000,
        |config| i64::try_from(config.budget.steps).unwrap_or(i64::MAX),
        |config, value| config.budget.steps = u64::try_from(value).unwrap_or(config.budget.steps),
    ),
    "500000", "The steps that one decision may take; one that needs more is a denial. One million are about 50 ms.";

    "budget.bytes", "TOOLGATE_BUDGET_BYTES",
    Kind::Whole(
        65_536,
        1_073_741_824,
        |config| i64::try_from(config.budget.bytes).unwrap_or(i64::MAX),
        |config, value| config.budget.bytes = u64::try_from(value).unwrap_or(config.budget.bytes),
    ),
    "16777216", "The bytes of memory that one decision may use; one that needs more is a denial.";

    "capabilities.clock", "TOOLGATE_CAPABILITIES_CLOCK", Kind::Flag(|config| &mut config.capabilities.clock),
    "true", "Policies may ask for the time (`time.now`). Every call has its time, so nothing outside is asked; but the same call gets another answer at another time.";

    "capabilities.random", "TOOLGATE_CAPABILITIES_RANDOM", Kind::Flag(|config| &mut config.capabilities.random),
    "true", "Policies may ask for random texts (`random`). They are made of the decision's id, so that a record can be decided again: nothing that must stay secret may depend on them.";

    "capabilities.keySets.urls", "TOOLGATE_KEY_SET_URLS",
    Kind::Texts(url, |config| &mut config.capabilities.key_sets.urls),
    r#"["https://login.example.com/"]"#,
    "What the URLs begin with whose keys policies may ask for (`jwks.Fetch`). Scheme, host and port must be the same, and the path is compared by whole segments. Keys are fetched at the start and in the background, never while a call waits.";

    "capabilities.keySets.maxAge", "TOOLGATE_KEY_SET_MAX_AGE",
    Kind::Whole(
        1,
        86400,
        |config| i64::try_from(config.capabilities.key_sets.max_age).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.key_sets.max_age = u64::try_from(value).unwrap_or(config.capabilities.key_sets.max_age);
        },
    ),
    "600", "Seconds after which a set of keys is fetched again. A token with a key that is not in its set has the set fetched again at once, at most every 10 seconds.";

    "capabilities.keySets.maxStale", "TOOLGATE_KEY_SET_MAX_STALE",
    Kind::Whole(
        1,
        604800,
        |config| i64::try_from(config.capabilities.key_sets.max_stale).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.key_sets.max_stale = u64::try_from(value).unwrap_or(config.capabilities.key_sets.max_stale);
        },
    ),
    "3600", "Seconds for which the last set counts that could be fetched. When it is older, the call is denied. Not below `maxAge`.";

    "capabilities.keySets.maxBytes", "TOOLGATE_KEY_SET_MAX_BYTES",
    Kind::Whole(
        1024,
        16777216,
        |config| i64::try_from(config.capabilities.key_sets.max_bytes).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.key_sets.max_bytes = u64::try_from(value).unwrap_or(config.capabilities.key_sets.max_bytes);
        },
    ),
    "65536", "The largest answer that is read as a set of keys, in bytes.";

    "capabilities.keySets.timeLimit", "TOOLGATE_KEY_SET_TIME_LIMIT",
    Kind::Whole(
        10,
        60000,
        |config| i64::try_from(config.capabilities.key_sets.time_limit).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.key_sets.time_limit = u64::try_from(value).unwrap_or(config.capabilities.key_sets.time_limit);
        },
    ),
    "5000", "The milliseconds that fetching a set of keys may take.";

    "capabilities.http.urls", "TOOLGATE_HTTP_URLS",
    Kind::Texts(url, |config| &mut config.capabilities.http.urls),
    r#"["https://inventory.example.com/v1/"]"#,
    "What the URLs begin with that policies may ask (`http.Get`, `http.Post`), compared as those of key sets. The call waits for the answer. A redirect to another host denies the call, and so does a name of an address that is link-local or of a cloud's metadata; such an address can be asked only where it is itself the host of a URL here.";

    "capabilities.http.timeLimit", "TOOLGATE_HTTP_TIME_LIMIT",
    Kind::Whole(
        10,
        60000,
        |config| i64::try_from(config.capabilities.http.time_limit).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.http.time_limit = u64::try_from(value).unwrap_or(config.capabilities.http.time_limit);
        },
    ),
    "500", "The milliseconds that one request may take.";

    "capabilities.http.maxBytes", "TOOLGATE_HTTP_MAX_BYTES",
    Kind::Whole(
        1024,
        16777216,
        |config| i64::try_from(config.capabilities.http.max_bytes).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.http.max_bytes = u64::try_from(value).unwrap_or(config.capabilities.http.max_bytes);
        },
    ),
    "65536", "The largest answer that is read, in bytes. A larger one denies the call.";

    "capabilities.http.maxAge", "TOOLGATE_HTTP_MAX_AGE",
    Kind::Whole(
        0,
        86400,
        |config| i64::try_from(config.capabilities.http.max_age).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.http.max_age = u64::try_from(value).unwrap_or(config.capabilities.http.max_age);
        },
    ),
    "30", "Seconds for which the answer to a GET request is used again, if its status is from 200 to 299; 0 asks every time. Within one decision the same question has one answer in any case.";

    "capabilities.resources", "TOOLGATE_RESOURCES",
    Kind::Texts(any, |config| &mut config.capabilities.resources),
    "[cluster/]",
    "Files, and folders with all below them, that hold the Kubernetes objects policies may ask for (`resource.Get`, `resource.List`), in YAML or JSON. A relative path counts from the directory of the configuration file. They are read when the policies are.";

    "capabilities.globalContext", "TOOLGATE_GLOBAL_CONTEXT",
    Kind::Texts(any, |config| &mut config.capabilities.global_context),
    "[globals/]",
    "Files and folders with the entries of the global context (`globalContext.Get`): the name of a file without its ending is the name of the entry.";

    "capabilities.images", "TOOLGATE_IMAGES", Kind::Texts(any, |config| &mut config.capabilities.images),
    "[images.yaml]",
    "Files and folders with data of container images (`image.GetMetadata`): a mapping from references to what is answered for them.";

    "capabilities.timeLimit", "TOOLGATE_CAPABILITIES_TIME_LIMIT",
    Kind::Whole(
        10,
        60000,
        |config| i64::try_from(config.capabilities.time_limit).unwrap_or(i64::MAX),
        |config, value| {
            config.capabilities.time_limit = u64::try_from(value).unwrap_or(config.capabilities.time_limit);
        },
    ),
    "1000", "The milliseconds that the requests of one decision may take together. One that would need more denies the call.";

    "capabilities.certificates", "TOOLGATE_CERTIFICATES",
    Kind::Optional(any, |config| &mut config.capabilities.certificates),
    "authorities.pem",
    "A file with certificates in PEM: authorities that are trusted in place of those of the web.";

    "audit.digestKey", "TOOLGATE_AUDIT_KEY", Kind::Key,
    r#""<set>""#,
    "The key of the digest (HMAC) of the event and of the arguments in the audit record, at least 16 bytes of text. Without one there is no digest. Better in the variable than in a file, and better than there in `audit.digestKeyArn`: who may read the function's settings can read its variables, so the function warns of it; `<set>` in a file says that the variable has it.";

    "audit.digestKeyArn", "TOOLGATE_AUDIT_KEY_ARN",
    Kind::Optional(key_arn, |config| &mut config.audit.digest_key_arn),
    r#""arn:aws:secretsmanager:eu-central-1:123456789012:secret:toolgate-a1b2c3""#,
    "In place of `audit.digestKey`: the ARN of the secret (Secrets Manager) or parameter (SSM Parameter Store) whose text is the key. The Lambda function reads it at its start, by way of the AWS Parameters and Secrets Lambda Extension, and does not start without it.";

    "audit.reasons", "TOOLGATE_AUDIT_REASONS", Kind::Flag(|config| &mut config.audit.reasons),
    "false", "The policy's reason is in the audit record. It may quote values of the call.";

    "audit.errorTexts", "TOOLGATE_AUDIT_ERROR_TEXTS", Kind::Flag(|config| &mut config.audit.error_texts),
    "true", "The texts of CEL errors are in the audit record. They may quote values of the call.";

    "audit.metricTargets", "TOOLGATE_METRIC_TARGETS", Kind::Texts(any, |config| &mut config.audit.metric_targets),
    "[kubernetes, orders]", "Targets that are a metric's dimension by their own name; all others are `other`.";

    "audit.metricNamespace", "TOOLGATE_METRIC_NAMESPACE",
    Kind::Text(namespace, |config| &mut config.audit.metric_namespace),
    "Team/Toolgate", "The CloudWatch namespace of the metrics.";
}
