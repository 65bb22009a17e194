//! The record of a decision: one line of JSON that is an audit entry and, in the same line, the CloudWatch metrics
//! of that decision (embedded metric format).
//!
//! Knows what may stand in a record and how long it may be; not how a decision was made, nor where lines go. Values
//! of arguments never enter a line: only their keyed digest does, and what a policy's own reason quotes. The lines
//! are documented in `docs/audit.md`.

use std::io::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::config::AuditConfig;
use crate::policy::decide::Effect;
use crate::value::civil_from_days;

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

/// What was decided: the part of a record that the same event always gives.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What happens to the message.
    pub effect: Effect,
    /// `allow`, `deny`, `error`, `none`, `fault`, `refused` or `pass`.
    pub decision: &'a str,
    /// What a denial carries for people to find this record by.
    pub decision_id: &'a str,
    /// The JSON-RPC method.
    pub method: Option<&'a str>,
    /// The target of a tool call.
    pub target: Option<&'a str>,
    /// The tool of a tool call.
    pub tool: Option<&'a str>,
    /// The arguments of a tool call, in the event's own bytes; only their digest is written.
    pub arguments: Option<&'a str>,
    /// The trusted user.
    pub user: Option<&'a str>,
    /// The trusted client.
    pub client: Option<&'a str>,
    /// The deciding policy.
    pub policy: Option<&'a str>,
    /// The deciding validation, `spec.validations[0]`.
    pub rule: Option<&'a str>,
    /// The deciding policy's reason.
    pub reason: Option<&'a str>,
    /// Why the message was refused before any policy was asked.
    pub refusal: Option<&'a str>,
    /// The text of a CEL error, which may quote argument values, or of a fault, which does not.
    pub error: Option<&'a str>,
}

/// What else a record says: the part that differs when the same event comes again.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// When the event arrived: seconds since the Unix epoch.
    pub seconds: i64,
    /// Nanoseconds within that second, below 1,000,000,000.
    pub nanos: u32,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// How long the decision took, in microseconds.
    pub micros: u64,
}

/// Writes records as the configuration says. Made once, at start.
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
    /// A writer of records for decisions by the policies with the digest `policy_set`, see [`policy_set_digest`].
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
    pub fn write(&self, out: &mut Vec<u8>, entry: &Entry<'_>, invocation: &Invocation<'_>) {
        out.clear();
        out.extend_from_slice(br#"{"time":""#);
        time(out, invocation.seconds, invocation.nanos);
        out.push(b'"');
        let allowed = entry.effect == Effect::Allow;
        let fault = entry.decision == "fault";
        for (name, value, bound) in [
            ("decisionId", Some(entry.decision_id), bound::ID),
            ("requestId", Some(invocation.request_id), bound::ID),
            ("effect", Some(if allowed { "allow" } else { "deny" }), bound::WORD),
            ("decision", Some(entry.decision), bound::WORD),
            ("method", entry.method, bound::METHOD),
            ("target", entry.target, bound::TARGET),
            ("tool", entry.tool, bound::TOOL),
            ("user", entry.user, bound::CALLER),
            ("client", entry.client, bound::CALLER),
            ("policy", entry.policy, bound::POLICY),
            ("rule", entry.rule, bound::WORD),
            ("reason", entry.reason.filter(|_| self.reasons), bound::REASON),
            ("refusal", entry.refusal, bound::WORD),
            ("error", entry.error.filter(|_| self.error_texts && !fault), bound::ERROR),
            // A fault's text is one of ours and quotes nothing.
            ("fault", entry.error.filter(|_| fault), bound::ERROR),
        ] {
            member(out, name, value, bound);
        }
        if let (Some(keyed), Some(arguments)) = (&self.keyed, entry.arguments) {
            let mut mac = keyed.clone();
            mac.update(arguments.as_bytes());
            out.extend_from_slice(br#","arguments":"hmac-sha256:"#);
            hexadecimal(out, &mac.finalize().into_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(&self.before_time);
        let millis =
            invocation.seconds.saturating_mul(1_000).saturating_add(i64::from(invocation.nanos / 1_000_000));
        let _ = write!(out, "{millis}");
        out.extend_from_slice(&self.after_time);
        string(out, self.dimension(entry.target), bound::TARGET);
        // Writing to a vector does not fail.
        let _ = write!(
            out,
            r#","Allow":{},"Deny":{},"Error":{},"Fault":{},"DecisionMicros":{}}}"#,
            u8::from(allowed),
            u8::from(!allowed),
            u8::from(entry.decision == "error"),
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

/// A name for a set of policies, given the text of each: `sha256:` and 64 hexadecimal digits. The same texts in any
/// order have the same digest.
pub fn policy_set_digest<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut digests: Vec<_> = texts.into_iter().map(|text| Sha256::digest(text.as_bytes())).collect();
    digests.sort_unstable();
    let mut set = Sha256::new();
    for digest in &digests {
        set.update(digest);
    }
    let mut out = b"sha256:".to_vec();
    hexadecimal(&mut out, &set.finalize());
    String::from_utf8_lossy(&out).into_owned()
}

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
        _ if character.is_control() || is_unseen(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn is_unseen(character: char) -> bool {
    matches!(u32::from(character),
        0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff
        | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
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
