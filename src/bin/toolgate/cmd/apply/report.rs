//! `toolgate apply --policy-report`: Kyverno's report of what policies say, a document of openreports.io.

use std::collections::BTreeMap;

use toolgate::internal::policy::model::{Mode, Policy};
use toolgate::internal::yaml::Document;
use toolgate::internal::yaml::write::Tree;

use super::{Line, Row};
use crate::document::{Documents, annotation, is_enabled, is_scored};

const SEVERITIES: [&str; 5] = ["critical", "high", "medium", "low", "info"];

/// One report of all policies without a namespace, then one for each result of a policy with one.
pub(super) fn reports(lines: &[Line], policies: &[Policy], documents: &Documents, seconds: u64) -> Vec<Tree> {
    let mut merged = Report::default();
    let mut namespaced = Vec::new();
    let rows = lines.iter().flat_map(|line| &line.policies);
    for policy in policies {
        let name = &policy.name.value;
        let document = documents.get(policy);
        for row in rows.clone().filter(|row| row.policy == *name) {
            let Some(namespace) = &policy.namespace else {
                merged.add(policy, document, row, seconds);
                continue;
            };
            let mut report = Report::default();
            report.add(policy, document, row, seconds);
            let metadata = vec![("name", text(name)), ("namespace", text(namespace))];
            namespaced.push(report.tree("PolicyReport", metadata));
        }
    }
    let is_empty = merged.results.is_empty();
    let merged = (!is_empty).then(|| merged.tree("ClusterReport", vec![("name", text("merged"))]));
    merged.into_iter().chain(namespaced).collect()
}

#[derive(Default)]
struct Report {
    results: Vec<Tree>,
    /// How often each result came.
    summary: BTreeMap<&'static str, i64>,
}

impl Report {
    fn add(&mut self, policy: &Policy, document: Option<&Document>, row: &Row, seconds: u64) {
        let name = &policy.name.value;
        let qualified = match &policy.namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.clone(),
        };
        let count = self.summary.entry(row.result).or_default();
        *count = count.saturating_add(1);
        let rule = match policy.mode {
            Mode::Json => row.rule,
            Mode::Http | Mode::Envoy => name,
        };
        let severity = annotation(document, "severity").filter(|severity| SEVERITIES.contains(severity));
        let optional = [
            ("category", annotation(document, "category")),
            ("message", Some(row.message.as_str())),
            ("rule", Some(rule)),
            ("severity", severity),
        ];
        let mut entries = vec![
            ("policy", Tree::Text(qualified)),
            ("properties", properties(document, row)),
            // Kyverno gives no name to what comes from a file of its own.
            ("resources", Tree::List(vec![Tree::Map(Vec::new())])),
            ("result", Tree::Word(row.result)),
            ("source", Tree::Word("KyvernoValidatingPolicy")),
            (
                "timestamp",
                map(vec![
                    ("nanos", Tree::Whole(0)),
                    ("seconds", Tree::Whole(i64::try_from(seconds).unwrap_or(i64::MAX))),
                ]),
            ),
        ];
        if is_scored(document) {
            entries.push(("scored", Tree::Flag(true)));
        }
        let given = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
        entries.extend(given.filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, text(value))));
        entries.sort_unstable_by_key(|(key, _)| *key);
        self.results.push(map(entries));
    }

    fn tree(self, kind: &'static str, metadata: Vec<(&str, Tree)>) -> Tree {
        let count = |result: &'static str| {
            (result, Tree::Whole(self.summary.get(result).copied().unwrap_or_default()))
        };
        let summary = map(["error", "fail", "pass", "skip", "warn"].map(count).into());
        map(vec![
            ("apiVersion", Tree::Word("openreports.io/v1alpha1")),
            ("kind", Tree::Word(kind)),
            ("metadata", map(metadata)),
            ("results", Tree::List(self.results)),
            ("source", text("")),
            ("summary", summary),
        ])
    }
}

/// What Kyverno says beside a result.
fn properties(document: Option<&Document>, row: &Row) -> Tree {
    let mut properties = Vec::new();
    if let Some(validation) = row.validation {
        properties.push(("cel.validationIndex", Tree::Text(validation.to_string())));
    }
    if !row.exceptions.is_empty() {
        properties.push(("exceptions", Tree::Text(row.exceptions.join(","))));
    }
    // What its cluster does with such a policy; here each is asked the same.
    let process = match document {
        document if is_enabled(document, "background") => "background scan",
        document if is_enabled(document, "admission") => "admission review",
        _ => "",
    };
    properties.push(("process", text(process)));
    map(properties)
}

fn map(entries: Vec<(&str, Tree)>) -> Tree {
    Tree::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn text(text: &str) -> Tree {
    Tree::Text(text.to_owned())
}
