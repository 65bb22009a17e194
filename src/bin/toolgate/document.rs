//! The documents of policies, for what Kyverno's command line reads of them and no decision does.

use toolgate::internal::policy::model::{Policy, Unpacked, unpack};
use toolgate::internal::source::Span;
use toolgate::internal::yaml::{Document, Node, documents};

/// The document of a policy, be it one of a list.
pub(crate) fn document(policy: &Policy) -> Option<Document> {
    let documents = documents(&policy.source, &mut Vec::new()).into_iter();
    documents
        .filter(|document| is_within(policy.span, document.span))
        .flat_map(|document| match unpack(&policy.source, document, &mut Vec::new()) {
            Unpacked::Single(document) => vec![document],
            Unpacked::Items(items) => items,
        })
        .find(|document| {
            at(Some(document), &["metadata", "name"]).is_some_and(|name| name.span == policy.name.span)
        })
}

/// Whether one place is within another.
pub(crate) fn is_within(inner: Span, outer: Span) -> bool {
    inner.start >= outer.start && inner.end <= outer.end
}

/// False for a policy with the annotation `policies.kyverno.io/scored: "false"`.
pub(crate) fn is_scored(document: Option<&Document>) -> bool {
    annotation(document, "scored") != Some("false")
}

/// The annotation `policies.kyverno.io/<name>` of a policy.
pub(crate) fn annotation<'n>(document: Option<&'n Document>, name: &str) -> Option<&'n str> {
    at(document, &["metadata", "annotations", &format!("policies.kyverno.io/{name}")])?.as_text()
}

/// Whether a policy is for this way of evaluation, `admission` or `background`: it is unless it says that it is not.
pub(crate) fn is_enabled(document: Option<&Document>, way: &str) -> bool {
    at(document, &["spec", "evaluation", way, "enabled"]).and_then(Node::as_flag) != Some(false)
}

fn at<'n>(document: Option<&'n Document>, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(document?.root.as_ref()?, |node, name| node.as_mapping()?.get(name))
}
