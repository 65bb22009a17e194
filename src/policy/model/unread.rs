//! Fields of policies that do nothing, and one without which they do nothing.
//!
//! At some the modes HTTP and Envoy do not look: Kyverno's authz server reads of a policy its conditions,
//! variables, failure policy and the expressions of its validations, and nothing else (docs/kyverno.md §4).
//!
//! Told of are those whose author waits for something. `autogen` and `webhookConfiguration` say how a policy is asked in
//! Kubernetes, and what they leave undone changes no answer.

use std::sync::Arc;

use super::{Mode, denies, evaluation_mode};
use crate::diag::{Code, Diagnostic, Severity};
use crate::source::{Source, Span};
use crate::yaml::{Entry, Mapping, Node};

/// Warns of each of these fields once.
pub(super) fn of_requests(source: &Arc<Source>, spec: &Entry, out: &mut Vec<Diagnostic>) {
    let Some(fields) = spec.value.as_mapping() else { return };
    let Some(mode) = evaluation_mode(fields).filter(|mode| *mode != Mode::Json) else { return };
    let mut tell = |path: String, span: Span, does: &str, help: &str| {
        let field = path.rsplit_once("spec.").map_or(path.as_str(), |(_, field)| field);
        let message = format!("mode {} does not look at `{field}`: {does}", mode.as_str());
        out.push(Diagnostic::warning(Code::IgnoredField, message).at(source, span).path(path).help(help));
    };
    if let Some((_, span)) = entry(fields, "validationActions").filter(|_| !denies(fields)) {
        let help = "remove it; a policy that only watches answers `null`";
        tell("spec.validationActions".to_owned(), span, "what the policy denies is denied", help);
    }
    if let Some((_, span)) = entry(fields, "matchConstraints") {
        let help = "write `matchConditions`, which are expressions";
        tell("spec.matchConstraints".to_owned(), span, "every request is judged", help);
    }
    if let Some((_, span)) = entry(fields, "auditAnnotations") {
        let help = "remove it; the audit record says what was decided and by which policy";
        tell("spec.auditAnnotations".to_owned(), span, "nothing is written", help);
    }
    let admission = fields.get("evaluation").and_then(|it| it.as_mapping()?.get("admission")?.as_mapping());
    if let Some((node, span)) = admission.and_then(|admission| entry(admission, "enabled"))
        && node.as_flag() == Some(false)
    {
        let help = "remove the policy where it is not to be asked";
        tell("spec.evaluation.admission.enabled".to_owned(), span, "the policy is asked", help);
    }
    let validations = fields.get("validations").and_then(Node::as_list).unwrap_or_default();
    for field in ["message", "messageExpression", "reason"] {
        let first = validations
            .iter()
            .enumerate()
            .find_map(|(at, validation)| Some((at, entry(validation.as_mapping()?, field)?)));
        if let Some((at, (_, span))) = first {
            let answer = match mode {
                Mode::Envoy => "`envoy.Denied(403).WithBody(\"…\").Response()`",
                Mode::Http | Mode::Json => "`http.Denied(\"…\").Response()`",
            };
            let help = format!("write what callers are to see into the answer: {answer}");
            tell(
                format!("spec.validations[{at}].{field}"),
                span,
                "callers see the expression's answer",
                &help,
            );
        }
    }
}

/// Warns of a policy in which nothing else is wrong and that has nothing to say.
pub(super) fn without_validations(source: &Arc<Source>, spec: &Entry, out: &mut Vec<Diagnostic>) {
    let Some(fields) = spec.value.as_mapping() else { return };
    let Some(mode) = evaluation_mode(fields) else { return };
    let is_wrong = out.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let validations = entry(fields, "validations");
    if is_wrong || validations.is_some_and(|(list, _)| list.as_list().is_none_or(|list| !list.is_empty())) {
        return;
    }
    let message = match mode {
        Mode::Json => "the policy has no validations: it passes every call that it is asked about",
        Mode::Http | Mode::Envoy => "the policy has no validations: it neither allows nor denies",
    };
    let place = validations.map_or(spec.key_span, |(_, span)| span);
    let warning = Diagnostic::warning(Code::IdleRule, message).at(source, place).path("spec.validations");
    out.push(warning.help("write `validations`, or remove the policy"));
}

/// The value of a field that is there and not null, and the place of its name.
fn entry<'m>(mapping: &'m Mapping, field: &str) -> Option<(&'m Node, Span)> {
    let entry = mapping.entries.iter().find(|entry| entry.key == field && !entry.value.is_null())?;
    Some((&entry.value, entry.key_span))
}
