//! What was decided and why: one account of a decision, for records, for programs and for people.
//!
//! Knows what is told of a decision; not how it was made, nor where it is written.

use std::borrow::Cow;

use serde::Serialize;

use crate::policy::decide::Effect;

/// How a decision came about.
///
/// ```
/// use toolgate::Outcome;
///
/// assert_eq!(Outcome::NoOpinion.as_str(), "none");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A policy allows.
    Allow,
    /// A policy denies.
    Deny,
    /// A policy failed before any other answered. Kyverno answers with the HTTP status 500; it is a denial.
    Error,
    /// No policy had an opinion: the default decides.
    NoOpinion,
    /// The engine could not decide, for one because the budget was spent: a denial.
    Fault,
    /// The message was refused before any policy was asked: a denial.
    Refused,
    /// The message is none that policies are asked about: it goes on.
    Pass,
}

impl Outcome {
    /// `allow`, `deny`, `error`, `none`, `fault`, `refused` or `pass`, as in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Allow => "allow",
            Outcome::Deny => "deny",
            Outcome::Error => "error",
            Outcome::NoOpinion => "none",
            Outcome::Fault => "fault",
            Outcome::Refused => "refused",
            Outcome::Pass => "pass",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Effect {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What was decided and why. Serialised as `toolgate decide --output json` writes it; what there is not is null.
///
/// ```
/// # let set = toolgate::PolicySet::from_text("policies.yaml", "
/// # apiVersion: policies.kyverno.io/v1
/// # kind: ValidatingPolicy
/// # metadata: {name: nothing}
/// # spec: {evaluation: {mode: HTTP}, validations: [{expression: 'null'}]}
/// # ").unwrap().0;
/// use toolgate::{Context, Engine, Outcome, Scratch, Settings};
///
/// let engine = Engine::new(set, Settings::default())?;
/// let mut scratch = Scratch::default();
/// let decision = engine.decide(&mut scratch, b"no event", &Context::at(1_764_000_000));
/// assert_eq!(decision.record.outcome, Outcome::Refused);
/// assert_eq!(decision.record.refusal.as_deref(), Some("not-json"));
/// // What is kept must not borrow from the call.
/// let kept: toolgate::Record<'static> = decision.record.into_owned();
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Record<'a> {
    /// What happens to the message.
    pub effect: Effect,
    /// How that came about.
    #[serde(rename = "decision")]
    pub outcome: Outcome,
    /// The HTTP status that Kyverno's server would have answered; 403 where only Toolgate denies: by default, because of a
    /// fault, or because the message is refused.
    pub status: u16,
    /// The deciding policy's reason.
    pub reason: Option<Cow<'a, str>>,
    /// The deciding policy.
    pub policy: Option<Cow<'a, str>>,
    /// The deciding validation, `spec.validations[0]`.
    pub rule: Option<Cow<'a, str>>,
    /// The text of the CEL errors, as Kyverno's, or of the fault. It may carry argument values.
    pub error: Option<Cow<'a, str>>,
    /// Why the message was refused.
    pub refusal: Option<Cow<'a, str>>,
    /// What the denial carries for people to find this record by.
    #[serde(rename = "decisionId")]
    pub decision_id: Option<Cow<'a, str>>,
    /// The JSON-RPC method, when the message could be read.
    pub method: Option<Cow<'a, str>>,
    /// The target of a tool call.
    pub target: Option<Cow<'a, str>>,
    /// The tool of a tool call.
    pub tool: Option<Cow<'a, str>>,
    /// The arguments of a tool call, in the event's own bytes. They never go into a record but as a digest.
    #[serde(skip)]
    pub arguments: Option<Cow<'a, str>>,
    /// The trusted user.
    #[serde(skip)]
    pub user: Option<Cow<'a, str>>,
    /// The trusted client.
    #[serde(skip)]
    pub client: Option<Cow<'a, str>>,
    /// The policies that did not judge because of an exception, or judged with what it allows, each with that exception.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// What policies asked outside of the call: the capability, the question, and a digest of the answer, `sha256:…`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<(Cow<'a, str>, Cow<'a, str>, String)>,
    /// What each policy that was asked said, for people; with [`Context::traced`](crate::Context::traced).
    #[serde(skip)]
    pub trace: Vec<(Cow<'a, str>, String)>,
}

impl<'a> Record<'a> {
    /// A record with nothing but the decision.
    pub(crate) fn new(effect: Effect, outcome: Outcome, status: u16) -> Record<'a> {
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
            exemptions: Vec::new(),
            answers: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// The same without what it borrows from the call.
    #[must_use]
    pub fn into_owned(self) -> Record<'static> {
        fn own(text: Option<Cow<'_, str>>) -> Option<Cow<'static, str>> {
            text.map(|text| Cow::Owned(text.into_owned()))
        }
        Record {
            effect: self.effect,
            outcome: self.outcome,
            status: self.status,
            reason: own(self.reason),
            policy: own(self.policy),
            rule: own(self.rule),
            error: own(self.error),
            refusal: own(self.refusal),
            decision_id: own(self.decision_id),
            method: own(self.method),
            target: own(self.target),
            tool: own(self.tool),
            arguments: own(self.arguments),
            user: own(self.user),
            client: own(self.client),
            exemptions: self
                .exemptions
                .into_iter()
                .map(|(policy, exception)| {
                    (Cow::Owned(policy.into_owned()), Cow::Owned(exception.into_owned()))
                })
                .collect(),
            answers: self
                .answers
                .into_iter()
                .map(|(capability, question, digest)| {
                    (Cow::Owned(capability.into_owned()), Cow::Owned(question.into_owned()), digest)
                })
                .collect(),
            trace: self
                .trace
                .into_iter()
                .map(|(policy, said)| (Cow::Owned(policy.into_owned()), said))
                .collect(),
        }
    }
}
