//! The documents `ValidatingPolicy` and `PolicyException`: which fields they may have, and what is used of them.
//!
//! Knows the schema of Kyverno's custom resource (three versions of the API with one schema) and nothing of CEL: an
//! expression is text with a way back to its file.

mod document;
mod list;
mod metadata;
mod unread;

use std::sync::Arc;

pub use list::{Unpacked, unpack};
use serde::{Deserialize, Serialize};

use crate::diag::{Code, Diagnostic, Severity, did_you_mean};
use crate::schema;
use crate::source::{Located, ScalarMap, Source, Span};
use crate::yaml::{Document, Entry, Mapping, Node, NodeKind, Scalar};

/// The evaluation modes that Toolgate decides, in the order in which they are asked. Each sees a request of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Mode {
    /// An HTTP request, as Kyverno's authz server takes it.
    Http,
    /// An Envoy `CheckRequest`.
    Envoy,
    /// A JSON object, as Kyverno's own engine takes it.
    Json,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 3] = [Mode::Http, Mode::Envoy, Mode::Json];

    /// `HTTP`, `Envoy` or `JSON`, as `spec.evaluation.mode` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Http => "HTTP",
            Mode::Envoy => "Envoy",
            Mode::Json => "JSON",
        }
    }

    /// Where its requests have the headers.
    pub const fn headers(self) -> &'static str {
        match self {
            Mode::Http => "attributes.header",
            Mode::Envoy => "attributes.request.http.headers",
            Mode::Json => "headers",
        }
    }

    fn named(name: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// One policy, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Policy {
    /// `metadata.name`
    pub name: Located<String>,
    /// `metadata.namespace`, which mode JSON alone looks at.
    pub namespace: Option<String>,
    /// `policies.kyverno.io/v1` or an older version
    pub api_version: String,
    /// The file.
    #[serde(skip, default = "Source::nowhere")]
    pub source: Arc<Source>,
    /// The whole document in the file.
    pub span: Span,
    /// `spec.evaluation.mode`
    pub mode: Mode,
    /// `spec.failurePolicy`, `Fail` when absent
    pub failure_policy: FailurePolicy,
    /// `spec.matchConditions`
    pub match_conditions: Vec<NamedExpression>,
    /// `spec.variables`
    pub variables: Vec<NamedExpression>,
    /// `spec.validations[].expression`
    pub validations: Vec<Expression>,
    /// What each validation says when it fails, in the same order; only mode JSON looks at it.
    pub messages: Vec<Message>,
    /// `spec.validationActions`: false if there are some and `Deny` is none of them. Only mode JSON looks at it.
    pub denies: bool,
}

/// What a validation of mode JSON says when it fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Message {
    /// `spec.validations[].message`
    pub text: String,
    /// `spec.validations[].messageExpression`, which counts more
    pub expression: Option<Expression>,
}

/// One exception, as far as a decision needs it: what it names is not judged by the policies that it names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Exception {
    /// `metadata.name`
    pub name: Located<String>,
    /// The file.
    #[serde(skip, default = "Source::nowhere")]
    pub source: Arc<Source>,
    /// The whole document in the file.
    pub span: Span,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// `spec.evaluationMode`, which must be the policy's; mode JSON does not look at it.
    pub mode: Option<String>,
    /// `spec.policyRefs[]`
    pub policies: Vec<PolicyRef>,
    /// What the exception allows in mode JSON, if it does not exempt from the whole policy.
    pub allowed: Allowed,
    /// `spec.reportResult` is `pass`: what mode JSON calls an exemption.
    pub passes: bool,
    /// The label `polex.kyverno.io/priority`: of several exceptions, whose word mode JSON takes.
    pub priority: i64,
    /// `spec.matchConditions`
    pub match_conditions: Vec<NamedExpression>,
    /// `spec.expiresAt`, which these modes do not look at.
    pub expires_at: Option<Span>,
}

/// A policy that an exception names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PolicyRef {
    /// Its name.
    pub name: String,
    /// Its kind, at which only mode JSON looks.
    pub kind: String,
}

/// What a partial exception of mode JSON allows: its policy's expressions see it as `exceptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Allowed {
    /// `spec.images`
    pub images: Vec<String>,
    /// `spec.allowedValues`
    pub values: Vec<String>,
}

impl Allowed {
    /// Whether nothing is allowed in particular: the exception is from the whole policy.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.values.is_empty()
    }
}

/// What an error of evaluation means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum FailurePolicy {
    /// The request fails.
    #[default]
    Fail,
    /// The policy has nothing to say.
    Ignore,
}

/// An expression with a name: a match condition or a variable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NamedExpression {
    /// Its name.
    pub name: Located<String>,
    /// The expression.
    pub expression: Expression,
}

/// The text of one CEL expression and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
pub(super) const KIND: &str = "ValidatingPolicy";
const EXCEPTION: &str = "PolicyException";
/// The label of an exception that says whose word counts.
const PRIORITY: &str = "polex.kyverno.io/priority";
const UNSUPPORTED_KINDS: [&str; 1] = ["NamespacedValidatingPolicy"];
/// The group of documents of Kyverno's command line, which may stand beside policies and are none. What is called a policy
/// is an error all the same: taken for something else, it would be lost.
const KYVERNO_CLI: &str = "cli.kyverno.io";
/// Our own group, and the kinds of it that may stand beside policies: any other is a slip, and would be lost.
pub(super) const OWN: &str = "toolgate.dev";
pub(super) const SETTINGS: &str = "Configuration";
const FIXTURE: &str = "Fixture";
const UNSUPPORTED_MODES: [&str; 1] = ["Kubernetes"];

/// A document that is, or means to be, a policy.
#[derive(Debug, PartialEq)]
pub struct Candidate {
    /// Its name, also when other things in it are wrong.
    pub name: Option<Located<String>>,
    /// The policy, when its expressions can be judged: nothing is wrong in the document, or only things that
    /// the expressions do not depend on, such as its name.
    pub policy: Option<Policy>,
}

/// What a document is.
#[derive(Debug, PartialEq)]
pub enum Content {
    /// A policy, or what means to be one.
    Policy(Candidate),
    /// An exception, when nothing is wrong with it.
    Exception(Option<Exception>),
    /// A document that may stand beside policies and is none.
    Other {
        /// What it is, for people.
        what: String,
        /// Whether it holds settings.
        settings: bool,
    },
    /// There is nothing in it.
    Nothing,
    /// It is an error that it is here.
    Wrong,
}

/// Reads a document.
///
/// # Errors
/// Everything that is wrong is pushed to `diagnostics`: something is, if a document that is not empty is
/// [`Content::Wrong`], or a candidate without a policy.
pub fn read(source: &Arc<Source>, document: &Document, diagnostics: &mut Vec<Diagnostic>) -> Content {
    let Some(root) = &document.root else {
        return if document.faulty { Content::Wrong } else { Content::Nothing };
    };
    let mut found = Vec::new();
    let content = read_root(source, document, root, &mut found);
    let (name, lost) = match &content {
        Content::Policy(candidate) => (candidate.name.as_ref(), candidate.policy.is_none()),
        Content::Wrong => (None, true),
        Content::Exception(exception) => (exception.as_ref().map(|it| &it.name), exception.is_none()),
        Content::Other { .. } | Content::Nothing => (None, false),
    };
    if lost && !document.faulty && !found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        // A document that is lost without a word would open the door that it kept shut.
        let message = "this document cannot be read as a policy";
        found.push(Diagnostic::error(Code::NotAMapping, message).at(source, root.span));
    }
    diagnostics.extend(found.into_iter().map(|diagnostic| match name {
        Some(name) => diagnostic.policy(&name.value),
        None => diagnostic,
    }));
    content
}

fn read_root(source: &Arc<Source>, document: &Document, root: &Node, out: &mut Vec<Diagnostic>) -> Content {
    let NodeKind::Mapping(mapping) = &root.kind else {
        if !matches!(root.kind, NodeKind::Broken) {
            let message = "a document must be a mapping with `apiVersion`, `kind`, `metadata` and `spec`";
            out.push(Diagnostic::error(Code::NotAMapping, message).at(source, root.span));
        }
        return Content::Wrong;
    };
    if !document.faulty && is_data(source, mapping) {
        let what = "JSON without `apiVersion`, `kind` and `spec`".to_owned();
        return Content::Other { what, settings: false };
    }
    let mut absent = Vec::new();
    let api_version = text_field(source, root, mapping, "apiVersion", &mut absent);
    let kind = text_field(source, root, mapping, "kind", &mut absent);
    // In a document that is already known to be broken, what seems to be absent may not be.
    if !document.faulty {
        out.append(&mut absent);
    }
    let (Some(api_version), Some(kind)) = (api_version, kind) else { return Content::Wrong };
    match belongs(source, &api_version, &kind, out) {
        Belongs::Policy => {}
        Belongs::Exception => {
            return Content::Exception(read_exception(source, document, root, mapping, out));
        }
        Belongs::Beside { settings } => {
            let what = format!("`{}` of `{}`", kind.value, api_version.value);
            return Content::Other { what, settings };
        }
        Belongs::Nowhere => return Content::Wrong,
    }
    let name = mapping
        .get("metadata")
        .and_then(Node::as_mapping)
        .and_then(|metadata| located(metadata.get("name")?));
    schema::check(source, "a policy", &document::DOCUMENT, root, "", out);
    metadata::check(source, mapping, out);
    if let Some(spec) = mapping.entries.iter().find(|entry| entry.key == "spec") {
        mode(source, spec, out);
        of_json(source, spec, out);
        unread::of_requests(source, spec, out);
        unread::without_validations(source, spec, out);
    }
    let judgeable = !document.faulty && out.iter().all(|diagnostic| !misleads(diagnostic));
    // INVARIANT: a policy that lacks an expression has a diagnostic, so it is never served; without diagnostics all
    // expressions must be there.
    let partial = out.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let policy = judgeable
        .then(|| policy(source, document.span, mapping, &api_version.value, name.clone(), partial))
        .flatten();
    Content::Policy(Candidate { name, policy })
}

/// Whether this is a JSON file that has nothing of a policy: a payload, which Kyverno's own folders have beside their policies.
/// YAML, in which a policy may have lost its head, is none.
fn is_data(source: &Source, mapping: &Mapping) -> bool {
    let of_policies =
        |key: &str| ["apiVersion", "kind", "spec"].iter().any(|it| it.eq_ignore_ascii_case(key));
    let json = std::path::Path::new(source.name()).extension();
    json.is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
        && !mapping.entries.iter().any(|entry| of_policies(&entry.key))
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

/// Where a document belongs.
enum Belongs {
    /// It is a policy that Toolgate reads.
    Policy,
    /// It is an exception from policies.
    Exception,
    /// It may stand beside policies.
    Beside {
        /// Whether it holds settings.
        settings: bool,
    },
    /// It is an error that it is here.
    Nowhere,
}

fn belongs(
    source: &Arc<Source>,
    api_version: &Located<String>,
    kind: &Located<String>,
    out: &mut Vec<Diagnostic>,
) -> Belongs {
    let (group, version) = api_version.value.split_once('/').unwrap_or(("", &api_version.value));
    let name = kind.value.as_str();
    let known_version = group == GROUP && VERSIONS.contains(&version);
    if known_version && name == KIND {
        return Belongs::Policy;
    }
    if known_version && name == EXCEPTION {
        return Belongs::Exception;
    }
    let called_policy =
        name.to_lowercase().contains("polic") || did_you_mean(name, [KIND].into_iter()).is_some();
    if group == KYVERNO_CLI && !called_policy || group == OWN && matches!(name, SETTINGS | FIXTURE) {
        return Belongs::Beside { settings: group == OWN && name == SETTINGS };
    }
    let versions = VERSIONS.map(|version| format!("`{GROUP}/{version}`")).join(", ");
    let diagnostic = if name == KIND || group == GROUP && !known_version {
        let message = format!("`{}` is not a version of the API that has policies", api_version.value);
        Diagnostic::error(Code::UnknownApiVersion, message)
            .at(source, api_version.span)
            .path("apiVersion")
            .help(format!("the versions are {versions}"))
    } else if group == GROUP && UNSUPPORTED_KINDS.contains(&name) {
        let message = format!("documents of kind `{name}` are not supported yet");
        Diagnostic::error(Code::UnsupportedKind, message).at(source, kind.span).path("kind")
    } else if group == OWN {
        let message = format!("there is no `{name}` of `{}`", api_version.value);
        Diagnostic::error(Code::UnknownKind, message)
            .at(source, kind.span)
            .path("kind")
            .help(format!("documents of this group are of kind `{SETTINGS}` or `{FIXTURE}`"))
            .suggest(name, [SETTINGS, FIXTURE].into_iter())
    } else if group == "kyverno.io" {
        let message = format!("`{name}` of `{}` is not a policy", api_version.value);
        let help =
            format!("the policies of this group are of an older kind; write a `{KIND}` of `{GROUP}/v1`");
        Diagnostic::error(Code::UnknownKind, message).at(source, kind.span).path("kind").help(help)
    } else {
        let message = format!("`{name}` of `{}` is not a policy", api_version.value);
        Diagnostic::error(Code::UnknownKind, message)
            .at(source, kind.span)
            .path("kind")
            .help(format!(
                "only documents of kind `{KIND}` and `{EXCEPTION}` can stand here; keep others in another directory"
            ))
            .suggest(name, [KIND, EXCEPTION].into_iter())
    };
    out.push(diagnostic);
    Belongs::Nowhere
}

/// Reads an exception; none if anything is wrong with it.
fn read_exception(
    source: &Arc<Source>,
    document: &Document,
    root: &Node,
    mapping: &Mapping,
    out: &mut Vec<Diagnostic>,
) -> Option<Exception> {
    schema::check(source, "an exception", &document::EXCEPTION, root, "", out);
    metadata::check(source, mapping, out);
    if document.faulty || !out.is_empty() {
        return None;
    }
    let name = located(mapping.get("metadata")?.as_mapping()?.get("name")?)?;
    let spec = mapping.get("spec")?.as_mapping()?;
    let policy = |(_, item): (String, &Node)| {
        let text = |field| Some(item.as_mapping()?.get(field)?.as_text()?.to_owned());
        Some(PolicyRef { name: text("name")?, kind: text("kind")? })
    };
    let texts = |field| list(spec, field).filter_map(|(_, item)| Some(item.as_text()?.to_owned())).collect();
    let label = mapping
        .get("metadata")
        .and_then(|metadata| metadata.as_mapping()?.get("labels")?.as_mapping()?.get(PRIORITY)?.as_text())
        .and_then(|text| text.parse().ok());
    Some(Exception {
        name,
        namespace: namespace(mapping),
        allowed: Allowed { images: texts("images"), values: texts("allowedValues") },
        passes: spec.get("reportResult").and_then(Node::as_text) == Some("pass"),
        priority: label.unwrap_or_default(),
        source: Arc::clone(source),
        span: document.span,
        mode: spec.get("evaluationMode").and_then(Node::as_text).map(str::to_owned),
        policies: gather(list(spec, "policyRefs").map(policy), false)?,
        match_conditions: gather(list(spec, "matchConditions").map(named), false)?,
        expires_at: spec.get("expiresAt").filter(|node| !node.is_null()).map(|node| node.span),
    })
}

/// The evaluation mode must be one that Toolgate decides. Kyverno loads a policy of any mode and then fails to compile it, with
/// the effect that none of the policies around it is served.
fn mode(source: &Arc<Source>, spec: &Entry, out: &mut Vec<Diagnostic>) {
    const PATH: &str = "spec.evaluation.mode";
    let Some(fields) = spec.value.as_mapping() else { return };
    let evaluation = fields.entries.iter().find(|entry| entry.key == "evaluation");
    if evaluation.is_none() && schema::is_near(fields, &document::SPEC, "evaluation") {
        return;
    }
    let node = match evaluation.map(|entry| &entry.value) {
        None => None,
        Some(evaluation) if evaluation.is_null() => None,
        Some(evaluation) => match evaluation.as_mapping() {
            Some(mapping)
                if mapping.get("mode").is_none()
                    && schema::is_near(mapping, &document::EVALUATION, "mode") =>
            {
                return;
            }
            Some(mapping) => mapping.get("mode").filter(|node| !node.is_null()),
            // Not a mapping: that is already reported.
            None => return,
        },
    };
    let help = format!("Toolgate decides tool calls with `{PATH}: HTTP`, `Envoy` or `JSON`");
    let diagnostic = match node.map(|node| (node, node.as_text())) {
        Some((_, None)) => return,
        Some((_, Some(mode))) if Mode::named(mode).is_some() => return,
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
            let modes = Mode::ALL.into_iter().map(Mode::as_str).chain(UNSUPPORTED_MODES);
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

/// What is to be said of a policy of mode JSON.
fn of_json(source: &Arc<Source>, spec: &Entry, out: &mut Vec<Diagnostic>) {
    let Some(fields) = spec.value.as_mapping() else { return };
    if evaluation_mode(fields) != Some(Mode::Json) {
        return;
    }
    if let Some(constraints) = fields.get("matchConstraints").filter(|_| is_multiplied(fields)) {
        let message =
            "Kyverno asks a policy about pods a second and a third time, as if it were about what makes pods";
        let help = "a JSON object is no pod: remove `matchConstraints`, or write `autogen: {podControllers: {controllers: []}}`";
        let diagnostic = Diagnostic::error(Code::UnsupportedAutogen, message).help(help);
        out.push(diagnostic.at(source, constraints.span).path("spec.matchConstraints"));
    }
    if !denies(fields)
        && let Some(actions) = fields.get("validationActions")
    {
        let message = "the policy denies nothing: `Deny` is not among its actions";
        let help = "what fails is in the trace alone; add `Deny`, or leave `validationActions` out";
        let diagnostic = Diagnostic::warning(Code::DeniesNothing, message).help(help);
        out.push(diagnostic.at(source, actions.span).path("spec.validationActions"));
    }
}

/// Whether a failure counts: without actions, or with `Deny` among them.
fn denies(spec: &Mapping) -> bool {
    let actions = spec.get("validationActions").and_then(Node::as_list).unwrap_or_default();
    actions.is_empty() || actions.iter().any(|action| action.as_text() == Some("Deny"))
}

/// Kyverno's `autogen.CanAutoGen`: whether a policy is about pods and nothing else, and has not asked to be left alone.
fn is_multiplied(spec: &Mapping) -> bool {
    let inside = |mapping: &Mapping, path: &[&str]| -> Option<Node> {
        let (last, path) = path.split_last()?;
        path.iter().try_fold(mapping, |mapping, field| mapping.get(field)?.as_mapping())?.get(last).cloned()
    };
    let controllers = inside(spec, &["autogen", "podControllers", "controllers"]);
    if controllers.is_some_and(|list| list.as_list().is_some_and(<[Node]>::is_empty)) {
        return false;
    }
    let Some(constraints) = spec.get("matchConstraints").and_then(Node::as_mapping) else { return false };
    let empty = |mapping: &Mapping, path: &[&str]| match inside(mapping, path) {
        Some(Node { kind: NodeKind::Mapping(mapping), .. }) => mapping.entries.is_empty(),
        Some(node) => node.as_list().is_none_or(<[Node]>::is_empty),
        None => true,
    };
    let [rule] = constraints.get("resourceRules").and_then(Node::as_list).unwrap_or_default() else {
        return false;
    };
    let Some(rule) = rule.as_mapping() else { return false };
    let is = |field: &str, value: &str| {
        let list = rule.get(field).and_then(Node::as_list).unwrap_or_default();
        matches!(list, [only] if only.as_text() == Some(value))
    };
    empty(constraints, &["objectSelector", "matchLabels"])
        && empty(constraints, &["objectSelector", "matchExpressions"])
        && empty(constraints, &["excludeResourceRules"])
        && empty(rule, &["resourceNames"])
        && is("apiGroups", "")
        && is("apiVersions", "v1")
        && is("resources", "pods")
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
    let validations = list(spec, "validations").map(|(path, item)| {
        let item = item.as_mapping()?;
        Some((expression(&path, "expression", item)?, message(&path, item)))
    });
    let (validations, messages) = gather(validations, partial)?.into_iter().unzip();
    Some(Policy {
        name: name?,
        namespace: namespace(root),
        api_version: api_version.to_owned(),
        source: Arc::clone(source),
        span,
        // A mode that is wrong has a diagnostic, so the policy is never served.
        mode: evaluation_mode(spec).unwrap_or(Mode::Http),
        failure_policy,
        match_conditions: gather(list(spec, "matchConditions").map(named), partial)?,
        variables: gather(list(spec, "variables").map(named), false)?,
        validations,
        messages,
        denies: denies(spec),
    })
}

/// `metadata.namespace`; an empty one is none.
fn namespace(document: &Mapping) -> Option<String> {
    let namespace = document.get("metadata")?.as_mapping()?.get("namespace")?.as_text()?;
    (!namespace.is_empty()).then(|| namespace.to_owned())
}

fn evaluation_mode(spec: &Mapping) -> Option<Mode> {
    Mode::named(spec.get("evaluation")?.as_mapping()?.get("mode")?.as_text()?)
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
    Some(NamedExpression {
        name: located(item.get("name")?)?,
        expression: expression(&path, "expression", item)?,
    })
}

/// What a validation says when it fails. An empty expression is none.
fn message(path: &str, item: &Mapping) -> Message {
    Message {
        text: item.get("message").and_then(Node::as_text).unwrap_or_default().to_owned(),
        expression: expression(path, "messageExpression", item)
            .filter(|expression| !expression.text.is_empty()),
    }
}

fn expression(path: &str, field: &str, item: &Mapping) -> Option<Expression> {
    let node = item.get(field).filter(|node| !node.is_null())?;
    let NodeKind::Scalar(Scalar { text, map, .. }) = &node.kind else { return None };
    Some(Expression {
        text: text.clone(),
        path: format!("{path}.{field}"),
        span: node.span,
        map: map.clone(),
    })
}
