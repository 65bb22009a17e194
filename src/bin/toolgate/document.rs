//! The documents of policies, for what Kyverno's command line reads of them and no decision does.

use std::collections::BTreeMap;
use std::sync::Arc;

use toolgate::internal::policy::model::{Policy, Unpacked, unpack};
use toolgate::internal::source::{Source, Span};
use toolgate::internal::yaml::{Document, Node, documents};

/// The documents of the files of policies, each file read once, however many policies it has.
pub(crate) struct Documents(BTreeMap<*const Source, Vec<(Span, Vec<Document>)>>);

impl Documents {
    /// Reads the files of these policies.
    pub(crate) fn of(policies: &[Policy]) -> Documents {
        let mut files = BTreeMap::new();
        for policy in policies {
            files.entry(Arc::as_ptr(&policy.source)).or_insert_with(|| unpacked(&policy.source));
        }
        Documents(files)
    }

    /// The document of one of the policies, be it one of a list.
    pub(crate) fn get(&self, policy: &Policy) -> Option<&Document> {
        let of_file = self.0.get(&Arc::as_ptr(&policy.source))?.iter();
        of_file.filter(|(span, _)| is_within(policy.span, *span)).flat_map(|(_, documents)| documents).find(
            |document| {
                at(Some(document), &["metadata", "name"]).is_some_and(|name| name.span == policy.name.span)
            },
        )
    }
}

/// The documents of a file by their places, lists unpacked.
fn unpacked(source: &Arc<Source>) -> Vec<(Span, Vec<Document>)> {
    let documents = documents(source, &mut Vec::new()).into_iter();
    documents
        .map(|document| {
            let span = document.span;
            match unpack(source, document, &mut Vec::new()) {
                Unpacked::Single(document) => (span, vec![document]),
                Unpacked::Items(items) => (span, items),
            }
        })
        .collect()
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
