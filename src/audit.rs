//! The record of a decision: one line of JSON that is an audit entry and, in the same line, the CloudWatch metrics
//! of that decision (embedded metric format).
//!
//! Knows what may stand in a record and how long it may be; not how a decision was made, nor where lines go. Values
//! of arguments never enter a line: only their keyed digest does, and what a policy's own reason quotes. The lines
//! are documented in `docs/audit.md`.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::policy::decide::Effect;
use crate::record::{Outcome, Record};
use crate::time::civil_from_days;
use crate::visible::is_unseen;

/// The longest line in bytes, without the line break. The bounds of the fields add up to less.
pub const MAX_LINE: usize = 8 * 1024;

/// Ends a text that was too long for its field.
pub const CUT: &str = "…";

/// The metric dimension of every target that the configuration does not name, and of messages without a target.
pub const OTHER_TARGET: &str = "other";

/// The bounds of the fields: bytes as they stand in the line, without the quotes and [`CUT`].
mod bound {
    pub(super) const ID: usize = 128;
    pub(super) const WORD: usize = 64;
    pub(super) const METHOD: usize = 128;
    pub(super) const TARGET: usize = 128;
    pub(super) const TOOL: usize = 256;
    pub(super) const CALLER: usize = 256;
    pub(super) const POLICY: usize = 256;
    pub(super) const REASON: usize = 1024;
    pub(super) const ERROR: usize = 1024;
    pub(super) const NAMESPACE: usize = 255;
}

/// The shortest key of a digest, in bytes: what is shorter can be found by trial.
const SHORTEST_KEY: usize = 16;
/// What is wrong with a key that is none.
const BLANK: &str = "must not be empty";

/// What records hold.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::AuditConfig;
///
/// let mut settings = Settings::default();
/// let audit: &mut AuditConfig = &mut settings.audit;
/// audit.digest_key = Some(b"at least sixteen bytes".to_vec());
/// audit.reasons = false;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct AuditConfig {
    /// The key of the digests; no digest without one. Never printed.
    pub digest_key: Option<Vec<u8>>,
    /// The ARN of the secret or parameter that holds the key. The Lambda function fetches it; any other program fetches it
    /// and sets the key, or sets this to none: no engine is made while the digests that are asked for cannot be.
    pub digest_key_arn: Option<String>,
    /// Policies' reasons are in the record.
    pub reasons: bool,
    /// Texts of CEL errors are in the record; they may quote argument values.
    pub error_texts: bool,
    /// Targets that are metric dimensions by their own name; all others are `other`.
    pub metric_targets: Vec<String>,
    /// The namespace of the CloudWatch metrics.
    pub metric_namespace: String,
}

impl Default for AuditConfig {
    fn default() -> Self {
        AuditConfig {
            digest_key: None,
            digest_key_arn: None,
            reasons: true,
            error_texts: false,
            metric_targets: Vec::new(),
            metric_namespace: "Toolgate".to_owned(),
        }
    }
}

impl std::fmt::Debug for AuditConfig {
    /// Without the key, also where it stands in place of its ARN: what is printed for people may end in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditConfig")
            .field("digest_key", &self.digest_key.as_ref().map(|_| "<set>"))
            .field("digest_key_arn", &self.digest_key_arn.as_deref().map(told_arn))
            .field("reasons", &self.reasons)
            .field("error_texts", &self.error_texts)
            .field("metric_targets", &self.metric_targets)
            .field("metric_namespace", &self.metric_namespace)
            .finish()
    }
}

/// An ARN that is one.
fn told_arn(arn: &str) -> &str {
    if KeySource::of(arn).is_some() { arn } else { "<no ARN>" }
}

/// The key of digests that a text is.
///
/// # Errors
/// What is wrong with it, in words that follow its name, without telling the key.
pub fn digest_key(text: &str) -> Result<Vec<u8>, String> {
    // A text may be blank in more ways than bytes are.
    let blank = text.trim().is_empty().then(|| BLANK.to_owned());
    let key = text.as_bytes();
    blank.or_else(|| wrong_key(key)).map_or_else(|| Ok(key.to_vec()), Err)
}

/// What is wrong with the key of digests, as [`digest_key`] says it.
pub fn wrong_key(key: &[u8]) -> Option<String> {
    if key.trim_ascii().is_empty() {
        Some(BLANK.to_owned())
    } else if key.len() < SHORTEST_KEY {
        Some(format!("must have at least {SHORTEST_KEY} bytes"))
    } else {
        None
    }
}

/// Where the key of the digests is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The ARN of a secret of AWS Secrets Manager.
    Secret(String),
    /// The ARN of a parameter of SSM Parameter Store.
    Parameter(String),
}

impl KeySource {
    /// What an ARN names; none if it is of neither kind.
    pub fn of(arn: &str) -> Option<KeySource> {
        let mut parts = arn.splitn(6, ':');
        let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(resource)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let named = |kind: &str| resource.strip_prefix(kind).is_some_and(|name| !name.is_empty());
        let plain = arn.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || !partition.starts_with("aws") || region.is_empty() || account.is_empty() {
            return None;
        }
        match service {
            "secretsmanager" if named("secret:") => Some(KeySource::Secret(arn.to_owned())),
            "ssm" if named("parameter/") => Some(KeySource::Parameter(arn.to_owned())),
            _ => None,
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (KeySource::Secret(arn) | KeySource::Parameter(arn)) = self;
        f.write_str(arn)
    }
}

/// What a record says of an invocation beside its [`Record`]: when it came and what it is about.
///
/// ```
/// let mut invocation = toolgate::Invocation::new(b"{}", std::time::SystemTime::now());
/// invocation.request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
/// invocation.micros = 12;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Invocation<'a> {
    /// When the event arrived: seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within that second, below 1,000,000,000.
    pub nanos: u32,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// How long the decision took, in microseconds.
    pub micros: u64,
    /// The event's bytes; only their keyed digest is written.
    pub event: &'a [u8],
}

impl<'a> Invocation<'a> {
    /// An invocation with this event, which arrived then; it has no id, and its decision took no time yet.
    pub fn new(event: &'a [u8], arrived: SystemTime) -> Invocation<'a> {
        let arrived = arrived.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(arrived.as_secs()).unwrap_or(i64::MAX);
        Invocation { seconds, nanos: arrived.subsec_nanos(), request_id: "", micros: 0, event }
    }
}

/// Writes records as the settings say: one line of JSON each, with the metrics of the decision. Made once, at start.
///
/// ```
/// # let set = toolgate::PolicySet::from_text("policies.yaml", "
/// # apiVersion: policies.kyverno.io/v1
/// # kind: ValidatingPolicy
/// # metadata: {name: nothing}
/// # spec: {evaluation: {mode: HTTP}, validations: [{expression: 'null'}]}
/// # ")?.0;
/// use toolgate::{Context, Engine, Invocation, Scratch, Settings};
///
/// let engine = Engine::new(set, Settings::default())?;
/// let audit = engine.audit();
/// let (mut scratch, mut line) = (Scratch::default(), Vec::new());
/// let event = b"no event";
/// let decision = engine.decide(&mut scratch, event, &Context::at(1_764_000_000));
/// let arrived = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_764_000_000);
/// let invocation = Invocation::new(event, arrived);
/// audit.write(&mut line, &decision.record, &invocation);
/// assert!(line.starts_with(br#"{"time":"2025-11-24T16:00:00.000Z","decisionId":""#));
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
pub struct Audit {
    keyed: Option<Hmac<Sha256>>,
    reasons: bool,
    error_texts: bool,
    metric_targets: Vec<String>,
    /// `,"policySet":…,"version":…,"_aws":{"Timestamp":`
    before_time: Vec<u8>,
    /// The rest of `_aws`, up to the value of `Target`.
    after_time: Vec<u8>,
}

impl std::fmt::Debug for Audit {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit")
            .field("keyed", &self.keyed.is_some())
            .field("reasons", &self.reasons)
            .field("error_texts", &self.error_texts)
            .field("metric_targets", &self.metric_targets)
            .finish_non_exhaustive()
    }
}

impl Audit {
    /// A writer of records for decisions by the policies with the digest `policy_set`.
    /// An empty key counts as none.
    pub fn new(config: &AuditConfig, policy_set: &str) -> Audit {
        let key = config.digest_key.as_deref().filter(|key| !key.is_empty());
        let mut before_time = Vec::new();
        member(&mut before_time, "policySet", Some(policy_set), bound::ID);
        member(&mut before_time, "version", Some(env!("CARGO_PKG_VERSION")), bound::WORD);
        before_time.extend_from_slice(br#","_aws":{"Timestamp":"#);
        let mut after_time = br#","CloudWatchMetrics":[{"Namespace":"#.to_vec();
        string(&mut after_time, &config.metric_namespace, bound::NAMESPACE);
        // The empty set of dimensions is the metric over all targets, which alarms look at.
        after_time.extend_from_slice(
            br#","Dimensions":[[],["Target"]],"Metrics":[{"Name":"Allow","Unit":"Count"},{"Name":"Deny","Unit":"Count"},{"Name":"Error","Unit":"Count"},{"Name":"Fault","Unit":"Count"},{"Name":"DecisionMicros","Unit":"Microseconds"}]}]},"Target":"#,
        );
        Audit {
            keyed: key.and_then(|key| Hmac::new_from_slice(key).ok()),
            reasons: config.reasons,
            error_texts: config.error_texts,
            metric_targets: config.metric_targets.clone(),
            before_time,
            after_time,
        }
    }

    /// Replaces `out` by the record: one line of valid JSON of at most [`MAX_LINE`] bytes, and a line break. Allocates
    /// only if `out` has to grow.
    pub fn write(&self, out: &mut Vec<u8>, record: &Record<'_>, invocation: &Invocation<'_>) {
        out.clear();
        out.extend_from_slice(br#"{"time":""#);
        time(out, invocation.seconds, invocation.nanos);
        out.push(b'"');
        let allowed = record.effect == Effect::Allow;
        let fault = record.outcome == Outcome::Fault;
        let error = record.error.as_deref();
        for (name, value, bound) in [
            ("decisionId", record.decision_id.as_deref(), bound::ID),
            ("requestId", Some(invocation.request_id), bound::ID),
            ("effect", Some(record.effect.as_str()), bound::WORD),
            ("decision", Some(record.outcome.as_str()), bound::WORD),
            ("method", record.method.as_deref(), bound::METHOD),
            ("target", record.target.as_deref(), bound::TARGET),
            ("tool", record.tool.as_deref(), bound::TOOL),
            ("user", record.user.as_deref(), bound::CALLER),
            ("client", record.client.as_deref(), bound::CALLER),
            ("policy", record.policy.as_deref(), bound::POLICY),
            ("rule", record.rule.as_deref(), bound::WORD),
            ("reason", record.reason.as_deref().filter(|_| self.reasons), bound::REASON),
            ("refusal", record.refusal.as_deref(), bound::WORD),
            ("error", error.filter(|_| self.error_texts && !fault), bound::ERROR),
            // A fault's text is one of ours and quotes nothing.
            ("fault", error.filter(|_| fault), bound::ERROR),
        ] {
            member(out, name, value, bound);
        }
        for (index, (_, exception)) in record.exemptions.iter().take(MAX_EXEMPTIONS).enumerate() {
            out.extend_from_slice(if index == 0 { br#","exceptions":["# } else { b"," });
            string(out, exception, bound::ID);
        }
        if !record.exemptions.is_empty() {
            out.push(b']');
        }
        // Whoever reads the record knows that more than the event counted, also where there is no key for a digest of it.
        for (index, (capability, ..)) in record.answers.iter().enumerate() {
            let is_same = |other: &&(Cow<'_, str>, Cow<'_, str>, String)| other.0 == *capability;
            if record.answers.iter().take(index).any(|other| is_same(&other)) {
                continue;
            }
            out.extend_from_slice(if index == 0 { br#","asked":{""# } else { br#",""# });
            out.extend_from_slice(capability.as_bytes());
            // Writing to a vector does not fail.
            let _ = write!(out, "\":{}", record.answers.iter().filter(is_same).count());
        }
        if !record.answers.is_empty() {
            out.push(b'}');
        }
        // Without a key nothing is written: what can be guessed is confirmed by a hash that anybody can compute.
        if let Some(keyed) = &self.keyed {
            let arguments = record.arguments.as_deref().map(|arguments| ("arguments", arguments.as_bytes()));
            for (name, bytes) in [Some(("event", invocation.event)), arguments].into_iter().flatten() {
                let mut mac = keyed.clone();
                mac.update(bytes);
                out.extend_from_slice(b",\"");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(br#"":"hmac-sha256:"#);
                hexadecimal(out, &mac.finalize().into_bytes());
                out.push(b'"');
            }
            for (index, (capability, question, digest)) in record.answers.iter().take(MAX_ANSWERS).enumerate()
            {
                out.extend_from_slice(if index == 0 { br#","answers":[""# } else { br#",""# });
                out.extend_from_slice(capability.as_bytes());
                out.extend_from_slice(b" hmac-sha256:");
                let mut mac = keyed.clone();
                mac.update(question.as_bytes());
                mac.update(&[0]);
                mac.update(digest.as_bytes());
                hexadecimal(out, &mac.finalize().into_bytes());
                out.push(b'"');
            }
            if !record.answers.is_empty() {
                out.push(b']');
            }
        }
        out.extend_from_slice(&self.before_time);
        let millis =
            invocation.seconds.saturating_mul(1_000).saturating_add(i64::from(invocation.nanos / 1_000_000));
        let _ = write!(out, "{millis}");
        out.extend_from_slice(&self.after_time);
        string(out, self.dimension(record.target.as_deref()), bound::TARGET);
        // Writing to a vector does not fail.
        let _ = write!(
            out,
            r#","Allow":{},"Deny":{},"Error":{},"Fault":{},"DecisionMicros":{}}}"#,
            u8::from(allowed),
            u8::from(!allowed),
            u8::from(record.outcome == Outcome::Error),
            u8::from(fault),
            invocation.micros,
        );
        out.push(b'\n');
    }

    /// A target that callers make up must not make a metric, which costs money and hides the others.
    fn dimension(&self, target: Option<&str>) -> &str {
        let configured = |target: &str| self.metric_targets.iter().find(|known| *known == target);
        target.and_then(configured).map_or(OTHER_TARGET, String::as_str)
    }
}

/// A record has the digests of this many answers at most.
const MAX_ANSWERS: usize = 8;

/// A record names this many exceptions at most.
const MAX_EXEMPTIONS: usize = 8;

/// `,"name":"value"`, or nothing.
fn member(out: &mut Vec<u8>, name: &str, value: Option<&str>, bound: usize) {
    if let Some(value) = value {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        string(out, value, bound);
    }
}

/// `text` as a JSON string. What would take more than `bound` bytes inside the quotes is cut before the character
/// that does not fit.
fn string(out: &mut Vec<u8>, text: &str, bound: usize) {
    out.push(b'"');
    let end = out.len().saturating_add(bound);
    for character in text.chars() {
        let start = out.len();
        escape(out, character);
        if out.len() > end {
            out.truncate(start);
            out.extend_from_slice(CUT.as_bytes());
            break;
        }
    }
    out.push(b'"');
}

/// Characters that are not seen, or that move the text around them, are escaped: a record shows what is in it.
fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(br#"\""#),
        '\\' => out.extend_from_slice(br"\\"),
        '\n' => out.extend_from_slice(br"\n"),
        '\r' => out.extend_from_slice(br"\r"),
        '\t' => out.extend_from_slice(br"\t"),
        _ if is_unseen(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// RFC 3339 in UTC with milliseconds.
fn time(out: &mut Vec<u8>, seconds: i64, nanos: u32) {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let millis = nanos / 1_000_000;
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z");
}

fn hexadecimal(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests;
