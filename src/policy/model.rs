//! The `ValidatingPolicy` document: which fields it may have, and what the HTTP mode uses of them.
//!
//! Knows the schema of Kyverno's custom resource (three versions of the API with one schema) and nothing of CEL: an
//! expression is text with a way back to its file.

pub(crate) mod check;
mod rules;
pub(crate) mod schema;

use std::sync::Arc;

use crate::diag::{Code, Diagnostic, did_you_mean};
use crate::policy::yaml::{Document, Entry, Mapping, Node, NodeKind, Scalar};
use crate::source::{Located, ScalarMap, Source, Span};

/// One policy in HTTP mode, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `metadata.name`
    pub name: Located<String>,
    /// `policies.kyverno.io/v1` or an older version
    pub api_version: String,
    /// The file.
    pub source: Arc<Source>,
    /// The whole document in the file.
    pub span: Span,
    /// `spec.failurePolicy`, `Fail` when absent
    pub failure_policy: FailurePolicy,
    /// `spec.matchConditions`
    pub match_conditions: Vec<NamedExpression>,
    /// `spec.variables`
    pub variables: Vec<NamedExpression>,
    /// `spec.validations[].expression`
    pub validations: Vec<Expression>,
}

/// What an error of evaluation means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The request fails.
    #[default]
    Fail,
    /// The policy has nothing to say.
    Ignore,
}

/// An expression with a name: a match condition or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedExpression {
    /// Its name.
    pub name: Located<String>,
    /// The expression.
    pub expression: Expression,
}

/// The text of one CEL expression and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The text, as the YAML reader gives it.
    pub text: String,
    /// The field: `spec.validations[0].expression`.
    pub path: String,
    /// The scalar in the file.
    pub span: Span,
    /// The way from the text to the file.
    pub map: ScalarMap,
}

impl Expression {
    /// The place in the file of the bytes `start..end` of [`Expression::text`].
    pub fn locate(&self, start: usize, end: usize) -> Span {
        self.map.locate(start, end)
    }
}

/// The group of the API that policies belong to.
const GROUP: &str = "policies.kyverno.io";
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha1"];
const KIND: &str = "ValidatingPolicy";
const UNSUPPORTED_KINDS: [&str; 2] = ["NamespacedValidatingPolicy", "PolicyException"];
/// Groups of documents that may stand beside policies and are none: Kyverno's test files, and our own.
const OTHER_GROUPS: [&str; 2] = ["cli.kyverno.io", "toolgate.dev"];
const HTTP: &str = "HTTP";
const UNSUPPORTED_MODES: [&str; 3] = ["Envoy", "JSON", "Kubernetes"];

/// A document that is, or means to be, a policy.
#[derive(Debug, PartialEq)]
pub struct Candidate {
    /// Its name, also when other things in it are wrong.
    pub name: Option<Located<String>>,
    /// The policy, when its expressions can be judged: nothing is wrong in the document, or only things that
    /// the expressions do not depend on, such as its name.
    pub policy: Option<Policy>,
}

/// Reads a document. None when it is no policy: a document of another group that may stand beside policies, or one
/// of which it is already an error that it is here.
///
/// # Errors
/// Everything that is wrong is pushed to `diagnostics`.
pub fn read(
    source: &Arc<Source>,
    document: &Document,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Candidate> {
    let root = document.root.as_ref()?;
    let mut found = Vec::new();
    let candidate = read_root(source, document, root, &mut found);
    let name = candidate.as_ref().and_then(|candidate| candidate.name.as_ref());
    diagnostics.extend(found.into_iter().map(|diagnostic| match name {
        Some(name) => diagnostic.policy(&name.value),
        None => diagnostic,
    }));
    candidate
}

fn read_root(
    source: &Arc<Source>,
    document: &Document,
    root: &Node,
    out: &mut Vec<Diagnostic>,
) -> Option<Candidate> {
    let NodeKind::Mapping(mapping) = &root.kind else {
        if !matches!(root.kind, NodeKind::Broken) {
            let message = "a document must be a mapping with `apiVersion`, `kind`, `metadata` and `spec`";
            out.push(Diagnostic::error(Code::NotAMapping, message).at(source, root.span));
        }
        return None;
    };
    let mut absent = Vec::new();
    let api_version = text_field(source, root, mapping, "apiVersion", &mut absent);
    let kind = text_field(source, root, mapping, "kind", &mut absent);
    // In a document that is already known to be broken, what seems to be absent may not be.
    if !document.faulty {
        out.append(&mut absent);
    }
    let (api_version, kind) = (api_version?, kind?);
    if !is_policy(source, &api_version, &kind, out) {
        return None;
    }
    let name = mapping
        .get("metadata")
        .and_then(Node::as_mapping)
        .and_then(|metadata| located(metadata.get("name")?));
    check::check(source, &schema::DOCUMENT, root, "", out);
    if let Some(spec) = mapping.entries.iter().find(|entry| entry.key == "spec") {
        mode(source, spec, out);
    }
    let judgeable = !document.faulty && out.iter().all(|diagnostic| !misleads(diagnostic));
    // INVARIANT: a policy that lacks an expression has a diagnostic, so it is never served; without diagnostics all
    // expressions must be there.
    let partial = !out.is_empty();
    let policy = judgeable
        .then(|| policy(source, document.span, mapping, &api_version.value, name.clone(), partial))
        .flatten();
    Some(Candidate { name, policy })
}

/// Whether a fault could make expressions look wrong that are not: they lack a variable, or belong to an environment
/// that Toolgate does not have. Expressions beside any other fault are judged, so that all mistakes come together.
fn misleads(diagnostic: &Diagnostic) -> bool {
    let path = diagnostic.path.as_deref().unwrap_or_default();
    let variables = path.starts_with("spec.variables")
        || diagnostic.code == Code::UnknownField
            && did_you_mean(path.trim_start_matches("spec."), ["variables"].into_iter()).is_some();
    variables
        || matches!(path, "" | "spec") && diagnostic.code != Code::UnknownField
        || diagnostic.code == Code::UnsupportedMode
}

/// `apiVersion` or `kind`: without them a document is nothing, so their faults are reported before all others.
fn text_field(
    source: &Arc<Source>,
    root: &Node,
    mapping: &Mapping,
    field: &str,
    out: &mut Vec<Diagnostic>,
) -> Option<Located<String>> {
    let node = mapping.get(field).filter(|node| !node.is_null());
    if let Some(text) = node.and_then(located) {
        return Some(text);
    }
    let diagnostic = match node {
        Some(node) => {
            Diagnostic::error(Code::WrongType, format!("`{field}` must be text")).at(source, node.span)
        }
        None => {
            let mut keys = mapping.entries.iter().map(|entry| entry.key.as_str());
            let near = keys.find(|key| *key != field && key.eq_ignore_ascii_case(field));
            let missing = Diagnostic::error(Code::MissingField, format!("the field `{field}` is missing"));
            let missing = missing.at(source, root.span);
            match near {
                Some(key) => missing.help(format!("write `{field}`, not `{key}`")),
                None => missing,
            }
        }
    };
    out.push(diagnostic.path(field));
    None
}

/// Whether a document is a policy that Toolgate reads; if it should not be here at all, that is an error.
fn is_policy(
    source: &Arc<Source>,
    api_version: &Located<String>,
    kind: &Located<String>,
    out: &mut Vec<Diagnostic>,
) -> bool {
    let (group, version) = api_version.value.split_once('/').unwrap_or(("", &api_version.value));
    if OTHER_GROUPS.contains(&group) {
        return false;
    }
    let name = kind.value.as_str();
    let known_version = group == GROUP && VERSIONS.contains(&version);
    let versions = VERSIONS.map(|version| format!("`{GROUP}/{version}`")).join(", ");
    let diagnostic = if known_version && name == KIND {
        return true;
    } else if name == KIND || group == GROUP && !known_version {
        let message = format!("`{}` is not a version of the API that has policies", api_version.value);
        Diagnostic::error(Code::UnknownApiVersion, message)
            .at(source, api_version.span)
            .path("apiVersion")
            .help(format!("the versions are {versions}"))
    } else if group == GROUP && UNSUPPORTED_KINDS.contains(&name) {
        let message = format!("documents of kind `{name}` are not supported yet");
        Diagnostic::error(Code::UnsupportedKind, message).at(source, kind.span).path("kind")
    } else {
        let message = format!("`{name}` of `{}` is not a policy", api_version.value);
        Diagnostic::error(Code::UnknownKind, message)
            .at(source, kind.span)
            .path("kind")
            .help(format!("only documents of kind `{KIND}` can stand here; keep others in another directory"))
            .suggest(name, [KIND].into_iter())
    };
    out.push(diagnostic);
    false
}

/// The evaluation mode must be HTTP. Kyverno loads a policy of any mode and then fails to compile it, with
/// the effect that none of the policies around it is served.
fn mode(source: &Arc<Source>, spec: &Entry, out: &mut Vec<Diagnostic>) {
    const PATH: &str = "spec.evaluation.mode";
    let Some(fields) = spec.value.as_mapping() else { return };
    let evaluation = fields.entries.iter().find(|entry| entry.key == "evaluation");
    if evaluation.is_none() && check::is_near(fields, &schema::SPEC, "evaluation") {
        return;
    }
    let node = match evaluation.map(|entry| &entry.value) {
        None => None,
        Some(evaluation) if evaluation.is_null() => None,
        Some(evaluation) => match evaluation.as_mapping() {
            Some(mapping)
                if mapping.get("mode").is_none() && check::is_near(mapping, &schema::EVALUATION, "mode") =>
            {
                return;
            }
            Some(mapping) => mapping.get("mode").filter(|node| !node.is_null()),
            // Not a mapping: that is already reported.
            None => return,
        },
    };
    let help = format!("Toolgate decides tool calls with `{PATH}: {HTTP}`");
    let diagnostic = match node.map(|node| (node, node.as_text())) {
        Some((_, Some(HTTP) | None)) => return,
        None | Some((_, Some(""))) => {
            let place = node
                .map_or_else(|| evaluation.map_or(spec.key_span, |entry| entry.key_span), |node| node.span);
            let message =
                "a policy without an evaluation mode is for Kubernetes admission, which is not supported yet";
            Diagnostic::error(Code::UnsupportedMode, message).at(source, place).help(help)
        }
        Some((node, Some(mode))) if UNSUPPORTED_MODES.contains(&mode) => {
            let message = format!("the evaluation mode `{mode}` is not supported yet");
            Diagnostic::error(Code::UnsupportedMode, message).at(source, node.span).help(help)
        }
        Some((node, Some(mode))) => {
            let modes = [HTTP].into_iter().chain(UNSUPPORTED_MODES);
            Diagnostic::error(Code::UnknownMode, format!("there is no evaluation mode `{mode}`"))
                .at(source, node.span)
                .help(help)
                .suggest(mode, modes)
        }
    };
    out.push(diagnostic.path(PATH));
}

fn located(node: &Node) -> Option<Located<String>> {
    Some(Located { value: node.as_text()?.to_owned(), span: node.span })
}

/// What is used of a document in which nothing is wrong.
fn policy(
    source: &Arc<Source>,
    span: Span,
    root: &Mapping,
    api_version: &str,
    name: Option<Located<String>>,
    partial: bool,
) -> Option<Policy> {
    let spec = root.get("spec")?.as_mapping()?;
    let failure_policy = match spec.get("failurePolicy").and_then(Node::as_text) {
        Some("Ignore") => FailurePolicy::Ignore,
        _ => FailurePolicy::Fail,
    };
    Some(Policy {
        name: name?,
        api_version: api_version.to_owned(),
        source: Arc::clone(source),
        span,
        failure_policy,
        match_conditions: gather(list(spec, "matchConditions").map(named), partial)?,
        variables: gather(list(spec, "variables").map(named), false)?,
        validations: gather(
            list(spec, "validations").map(|(path, item)| expression(&path, item.as_mapping()?)),
            partial,
        )?,
    })
}

/// All items; or, of a partial document, those that are there.
fn gather<T>(items: impl Iterator<Item = Option<T>>, partial: bool) -> Option<Vec<T>> {
    if partial { Some(items.flatten().collect()) } else { items.collect() }
}

/// The elements of a list of `spec` with their paths.
fn list<'a>(spec: &'a Mapping, field: &'a str) -> impl Iterator<Item = (String, &'a Node)> {
    let items = spec.get(field).and_then(Node::as_list).unwrap_or_default();
    items.iter().enumerate().map(move |(index, item)| (format!("spec.{field}[{index}]"), item))
}

fn named((path, item): (String, &Node)) -> Option<NamedExpression> {
    let item = item.as_mapping()?;
    Some(NamedExpression { name: located(item.get("name")?)?, expression: expression(&path, item)? })
}

fn expression(path: &str, item: &Mapping) -> Option<Expression> {
    let node = item.get("expression").filter(|node| !node.is_null())?;
    let NodeKind::Scalar(Scalar { text, map, .. }) = &node.kind else { return None };
    Some(Expression {
        text: text.clone(),
        path: format!("{path}.expression"),
        span: node.span,
        map: map.clone(),
    })
}
