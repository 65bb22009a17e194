//! A fixture's cases through the function that answers the gateway.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use toolgate::internal::source::{Source, read_text};
use toolgate::{Code, Context, Decision, DecisionId, Diagnostic, Engine, Outcome, Record, Scratch, Severity};

use super::event;
use super::filter::Wanted;
use super::fixture::{Case, Expect, Fixture, Message, shown};
use super::sets::Sets;
use crate::cmd::input;

/// What came of a fixture.
#[derive(Debug)]
pub(crate) struct FixtureResult {
    /// Its name.
    pub(crate) name: String,
    /// What is wrong with its policies, or only warnings.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// What was left out of its policies.
    pub(crate) left_out: Vec<Diagnostic>,
    /// Whether the policies load; if not, no case was run.
    pub(crate) loads: bool,
    /// Its cases, one for each call of a table.
    pub(crate) cases: Vec<CaseResult>,
}

/// What came of one message.
#[derive(Debug)]
pub(crate) struct CaseResult {
    /// The case's name; in a table, with the number of the call.
    pub(crate) name: String,
    /// The line of the message in the fixture's file.
    pub(crate) line: usize,
    /// The call or the event's file, for people.
    pub(crate) message: String,
    /// What is not as expected.
    pub(crate) mismatches: Vec<Mismatch>,
    /// What was decided; nothing if there is no event.
    pub(crate) got: Option<Record<'static>>,
}

impl CaseResult {
    /// `deny by no-deletes, spec.validations[0]: the reason`
    pub(crate) fn sentence(&self) -> String {
        self.got.as_ref().map_or_else(|| "nothing: there is no event".to_owned(), sentence)
    }

    /// What each policy that was asked said.
    pub(crate) fn trace(&self) -> &[(Cow<'static, str>, String)] {
        self.got.as_ref().map_or(&[], |record| &record.trace)
    }
}

/// One part of an expectation that does not hold.
#[derive(Debug)]
pub(crate) struct Mismatch {
    /// The field of `expect`.
    pub(crate) what: &'static str,
    /// What the fixture says.
    pub(crate) expected: String,
    /// What came.
    pub(crate) got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.got)
    }
}

/// Runs the cases that are wanted; none if there are none.
pub(super) fn run(
    source: &Arc<Source>,
    fixture: &Fixture,
    wanted: &Wanted,
    sets: &Sets,
) -> Option<FixtureResult> {
    let wants = |case: &&Case| wanted.filter.wants(source.name(), &fixture.name, &case.name);
    let cases: Vec<&Case> = fixture.cases.iter().filter(wants).collect();
    if cases.is_empty() {
        return None;
    }
    let mut result = FixtureResult {
        name: fixture.name.clone(),
        diagnostics: Vec::new(),
        left_out: Vec::new(),
        loads: false,
        cases: Vec::new(),
    };
    let engine = engine(source, fixture, sets, &mut result.diagnostics);
    let is_note = |told: &mut Diagnostic| told.severity == Severity::Note;
    result.left_out.extend(result.diagnostics.extract_if(.., is_note));
    let Some(engine) = engine else { return Some(result) };
    result.loads = true;
    // The id of a decision is random; that of a fixture's is nought, so that an answer can be written down.
    let mut scratch = Scratch::with_ids(|| DecisionId::from(0));
    let now = fixture.time.map_or_else(|| Context::from(SystemTime::now()), Context::at).traced();
    let now = now.with(&fixture.answers);
    for case in cases {
        for (index, message) in case.messages.iter().enumerate() {
            let line = source.position(message.span.start).line;
            let name = if case.table {
                format!("{}, {}", case.name, index.saturating_add(1))
            } else {
                case.name.clone()
            };
            let (bytes, summary) = match &message.value {
                Message::Call(call) => (Ok(event::event(call)), event::summary(call)),
                Message::Event(path) => (input::file(path), shown(source, path)),
            };
            let mut outcome = CaseResult { name, line, message: summary, mismatches: Vec::new(), got: None };
            match bytes {
                Ok(bytes) => {
                    let decision = engine.decide(&mut scratch, &bytes, &now);
                    outcome.mismatches = compare(source, &case.expect, &decision);
                    // A report says no arguments, and thousands of calls may have large ones.
                    let mut record = decision.record;
                    record.arguments = None;
                    outcome.got = Some(record.into_owned());
                }
                Err(error) => outcome.mismatches.push(Mismatch {
                    what: "event",
                    expected: format!("the file `{}`", outcome.message),
                    got: error.to_string(),
                }),
            }
            let ends = wanted.fail_fast && !outcome.mismatches.is_empty();
            result.cases.push(outcome);
            if ends {
                return Some(result);
            }
        }
    }
    Some(result)
}

/// The engine that decides the fixture's cases; none if its policies do not load.
fn engine(
    source: &Arc<Source>,
    fixture: &Fixture,
    sets: &Sets,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Engine> {
    let mut missing = false;
    for path in fixture.policies.iter().filter(|path| !path.value.exists()) {
        let message = format!("there is no `{}`", path.value.display());
        diagnostics.push(Diagnostic::error(Code::NoSuchPath, message).at(source, path.span).path("policies"));
        missing = true;
    }
    if missing {
        return None;
    }
    let set = sets.load(fixture.policies.iter().map(|path| path.value.clone()).collect());
    let made = set.and_then(|(set, warnings)| {
        diagnostics.extend(warnings);
        let mut config = fixture.config.clone();
        // The key is the function's to fetch, and nothing is recorded here.
        config.audit.digest_key_arn = None;
        Engine::new(set, config)
    });
    match made {
        Ok(engine) => Some(engine),
        Err(mistakes) => {
            diagnostics.extend(mistakes);
            None
        }
    }
}

fn sentence(record: &Record<'_>) -> String {
    let effect = record.effect.as_str();
    let mut text = match record.outcome {
        Outcome::NoOpinion => format!("{effect}: no policy spoke"),
        Outcome::Pass => format!("{effect}: not judged"),
        outcome if outcome.as_str() == effect => effect.to_owned(),
        outcome => format!("{effect}: {}", outcome.as_str()),
    };
    if let Some(policy) = &record.policy {
        text.push_str(&format!(" by {policy}"));
    }
    if let Some(rule) = &record.rule {
        text.push_str(&format!(", {rule}"));
    }
    for why in [&record.reason, &record.error, &record.refusal].into_iter().flatten() {
        text.push_str(&format!(": {why}"));
    }
    text
}

/// Every part of the expectation that does not hold.
fn compare(source: &Source, expect: &Expect, decision: &Decision<'_>) -> Vec<Mismatch> {
    let got = &decision.record;
    let mut mismatches = Vec::new();
    let mut check = |what, expected: Option<&str>, got: Option<&str>| {
        if let Some(expected) = expected.filter(|expected| got != Some(*expected)) {
            let got = got.unwrap_or("none").to_owned();
            mismatches.push(Mismatch { what, expected: expected.to_owned(), got });
        }
    };
    check("effect", expect.effect, Some(got.effect.as_str()));
    check("decision", expect.decision, Some(got.outcome.as_str()));
    check("reason", expect.reason.as_deref(), got.reason.as_deref());
    check("policy", expect.policy.as_deref(), got.policy.as_deref());
    check("rule", expect.rule.as_deref(), got.rule.as_deref());
    check("error", expect.error.as_deref(), got.error.as_deref());
    check("refusal", expect.refusal.as_deref(), got.refusal.as_deref());
    if let Some(path) = &expect.answer {
        let got = String::from_utf8_lossy(decision.answer);
        let mismatch = match read_text(&path.value) {
            Ok(expected) if compact(&expected) == compact(&got) => None,
            Ok(expected) => Some((compact(&expected), got.into_owned())),
            Err(error) => Some((format!("the file `{}`", shown(source, &path.value)), error.to_string())),
        };
        mismatches.extend(mismatch.map(|(expected, got)| Mismatch { what: "answer", expected, got }));
    }
    mismatches
}

/// JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    json.chars()
        .filter(|&character| {
            if quoted {
                quoted = character != '"' || escaped;
                escaped = character == '\\' && !escaped;
                return true;
            }
            quoted = character == '"';
            !matches!(character, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_between_tokens_does_not_count() {
        assert_eq!(compact("{ \"a b\" : \"\\\" \\\\\" ,\n\t\"c\": 1.0 }\n"), r#"{"a b":"\" \\","c":1.0}"#);
    }
}
