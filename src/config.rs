//! What a deployment can set: plain data with its defaults, for everything that is not policy.
//!
//! The data knows nothing of files, events or policies. The interceptor is made of a [`Config`] and a compiled set.
//!
//! | Module | Does |
//! |---|---|
//! | `table` | every setting once: its name, variable, rules, meaning and place in [`Config`] |
//! | `read` | `toolgate.yaml` by that table, with places |
//! | `variables` | the environment variables by that table |
//! | `headers` | the mapping: what overrides what, and its expressions |
//! | `load` | file, then environment, then what must hold together |
//! | `print` | the effective configuration as a file that reads back |

mod headers;
mod load;
mod print;
mod read;
mod table;
mod variables;

use std::fmt;

pub use headers::{HeaderMistake, compile_header};
pub use load::process_environment;
pub use print::Effective;
pub use table::{PROCESS_VARIABLES, SETTINGS, Setting, Value};

use crate::cel::budget::Budget;
use crate::gateway::headers::DEFAULT_MAPPING;
use crate::policy::decide::DefaultDecision;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it means that no policy answers.
    pub default_decision: DefaultDecision,
    /// What one decision may use.
    pub budget: Budget,
    /// The host that policies see as `object.attributes.host`: the gateway's own name is not in its events.
    pub host: String,
    /// Where `X-Environment` comes from.
    pub environment: EnvironmentSource,
    /// How a denial is written.
    pub denial: DenialConfig,
    /// Which MCP methods and tools are judged, and which pass.
    pub judging: Judging,
    /// Whom the deployment believes.
    pub identity: IdentityConfig,
    /// The headers that policies see: name and CEL expression over `call`, in order.
    pub headers: Vec<HeaderRule>,
    /// Names of the caller's own headers that policies see too, unless the mapping computes them.
    pub forward_headers: Vec<String>,
    /// What records hold.
    pub audit: AuditConfig,
}

/// Where the environment of a call comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EnvironmentSource {
    /// The string argument `environment`, else `env`: the caller's word.
    #[default]
    Argument,
    /// One environment for all calls.
    Fixed(String),
    /// By the tool's target: glob and environment, the first that matches; no match, no environment.
    Targets(Vec<(String, String)>),
}

/// How a denial is written (agentcore-interceptor §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenialConfig {
    /// The form.
    pub form: DenialForm,
    /// The HTTP status of [`DenialForm::Status`].
    pub status: u16,
    /// The JSON-RPC code of a denial by policy, an error or a fault.
    pub code: i32,
}

/// The forms of a denial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DenialForm {
    /// An HTTP error status with a JSON-RPC error.
    #[default]
    Status,
    /// HTTP 200 with a JSON-RPC error.
    OkError,
    /// HTTP 200 with a tool result that has `isError: true`; for anything but a well-formed `tools/call` as `OkError`.
    OkResult,
}

/// Which messages policies are asked about: glob patterns (`*`, `?`, `[…]`, `{a,b}`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judging {
    /// Requests of these methods pass without a policy.
    pub pass_methods: Vec<String>,
    /// Notifications of these methods pass without a policy.
    pub pass_notifications: Vec<String>,
    /// Requests and notifications of these methods are judged even if a `pass` pattern matches.
    pub judge_methods: Vec<String>,
    /// Calls of these tools, by their whole name, pass without a policy.
    pub pass_tools: Vec<String>,
}

/// Whom the deployment believes (agentcore-interceptor §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityConfig {
    /// The deployment asserts that the gateway has verified the JWT of the `Authorization` header.
    pub trust_jwt: bool,
    /// A judged message without a trusted identity is denied.
    pub required: bool,
    /// The family of the issuer, for the names of claims.
    pub provider: Provider,
    /// If not empty: the `iss` claim must be one of these.
    pub issuers: Vec<String>,
    /// If not empty: the `aud` claim must hold one of these.
    pub audiences: Vec<String>,
    /// If not empty: the client's claim must be one of these.
    pub clients: Vec<String>,
    /// The `exp` claim must be there and lie in the future.
    pub check_expiry: bool,
    /// Other claims than the provider's table for the user, the roles, the groups and the client; literal names.
    pub claims: ClaimNames,
    /// On an `AWS_IAM` gateway, `context.identity.awsPrincipalArn` is the user.
    pub iam_principal: bool,
}

/// Families of token issuers with their names of claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// Told from the issuer.
    #[default]
    Auto,
    /// Amazon Cognito.
    Cognito,
    /// Okta.
    Okta,
    /// Microsoft Entra ID.
    Entra,
}

/// Literal names of claims that replace those of the provider's table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimNames {
    /// The user.
    pub user: Option<String>,
    /// The roles.
    pub roles: Option<String>,
    /// The groups.
    pub groups: Option<String>,
    /// The client.
    pub client: Option<String>,
}

/// A header that policies see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    /// The header's name.
    pub name: String,
    /// A CEL expression over `call` that gives a string, a list of strings, or null.
    pub expression: String,
}

/// What records hold.
#[derive(Clone)]
pub struct AuditConfig {
    /// The key of the digest of the arguments; no digest without one. Never printed.
    pub digest_key: Option<Vec<u8>>,
    /// Policies' reasons are in the record.
    pub reasons: bool,
    /// Texts of CEL errors are in the record; they may quote argument values.
    pub error_texts: bool,
    /// Targets that are metric dimensions by their own name; all others are `other`.
    pub metric_targets: Vec<String>,
    /// The namespace of the CloudWatch metrics.
    pub metric_namespace: String,
}

impl fmt::Debug for AuditConfig {
    /// Without the key: what is printed for people may end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditConfig")
            .field("digest_key", &self.digest_key.as_ref().map(|_| table::HIDDEN))
            .field("reasons", &self.reasons)
            .field("error_texts", &self.error_texts)
            .field("metric_targets", &self.metric_targets)
            .field("metric_namespace", &self.metric_namespace)
            .finish()
    }
}

impl Default for Config {
    fn default() -> Self {
        let headers = DEFAULT_MAPPING
            .iter()
            .map(|(name, expression)| HeaderRule {
                name: (*name).to_owned(),
                expression: (*expression).to_owned(),
            })
            .collect();
        Config {
            default_decision: DefaultDecision::default(),
            budget: Budget::default(),
            host: "gateway".to_owned(),
            environment: EnvironmentSource::default(),
            denial: DenialConfig::default(),
            judging: Judging::default(),
            identity: IdentityConfig::default(),
            headers,
            forward_headers: Vec::new(),
            audit: AuditConfig::default(),
        }
    }
}

impl Default for DenialConfig {
    fn default() -> Self {
        use crate::gateway::answer::{DENIED, STATUS};
        DenialConfig { form: DenialForm::default(), status: STATUS, code: DENIED }
    }
}

impl Default for Judging {
    fn default() -> Self {
        use crate::gateway::call::{PASSED, PASSED_NOTIFICATIONS};
        let owned = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Judging {
            pass_methods: owned(PASSED),
            pass_notifications: owned(PASSED_NOTIFICATIONS),
            judge_methods: Vec::new(),
            pass_tools: Vec::new(),
        }
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        AuditConfig {
            digest_key: None,
            reasons: true,
            error_texts: false,
            metric_targets: Vec::new(),
            metric_namespace: "Toolgate".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
