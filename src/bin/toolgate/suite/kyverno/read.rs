//! A document of a Kyverno test file. Fields that exist and mean nothing for payloads are passed over; a field
//! that does not exist is an error, as it is for Kyverno.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolgate::internal::source::Source;
use toolgate::internal::yaml::{Document, Mapping, Node, NodeKind, documents};

use super::super::read::{beside, clean};
use super::mocks::{self, Mocks};

/// One test.
#[derive(Debug, Default)]
pub(super) struct Test {
    /// `metadata.name`
    pub(super) name: String,
    /// Whether it has no `apiVersion` or `kind`, or a `name` at the top.
    pub(super) deprecated: bool,
    /// Files and directories, each once.
    pub(super) policies: Vec<PathBuf>,
    /// The payloads' files.
    pub(super) payloads: Vec<Payload>,
    /// The Envoy payloads' files.
    pub(super) envoy_payloads: Vec<Payload>,
    /// The JSON payloads' files, each once.
    pub(super) json_payloads: Vec<Payload>,
    /// Files with exceptions, which only policies of mode JSON are given.
    pub(super) exceptions: Vec<PathBuf>,
    /// What policies of mode JSON are answered.
    pub(super) mocks: Mocks,
    /// What is expected.
    pub(super) results: Vec<Expected>,
    /// What it has that means nothing here, in sentences.
    pub(super) ignored: Vec<String>,
}

/// The file of a payload.
#[derive(Debug)]
pub(super) struct Payload {
    /// The name by which expectations know it: for JSON what the test file says, for the others the path (docs/kyverno.md §12).
    pub(super) key: String,
    pub(super) path: PathBuf,
}

/// One expectation.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) policy: String,
    pub(super) rule: String,
    /// `pass`, `fail`, `skip`, `warn` or `error`; any other text never comes.
    pub(super) result: String,
    pub(super) resources: Option<Vec<String>>,
    pub(super) operation: String,
}

/// Fields that hold text, or are not looked into.
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "policies",
    "resources",
    "jsonPayload",
    "jsonPayloads",
    "httpPayloads",
    "envoyPayloads",
    "targetResources",
    "variables",
    "paramResources",
    "userinfo",
    "results",
    "values",
    "exceptions",
    "context",
    "clusterResources",
    "apiCallResponses",
    "globalContextEntries",
];

/// Fields that make Kyverno run something else than payloads.
const OTHER_RUNS: &[&str] = &["resources", "targetResources", "paramResources", "clusterResources"];

/// Fields that payloads do not use.
const UNUSED: &[&str] = &["variables", "userinfo", "values"];

/// Fields that only payloads of mode JSON use.
const OF_JSON: &[&str] = &["exceptions", "context", "apiCallResponses", "globalContextEntries"];

const RESULT: &[&str] = &[
    "policy",
    "rule",
    "isValidatingAdmissionPolicy",
    "isMutatingAdmissionPolicy",
    "isValidatingPolicy",
    "isDeletingPolicy",
    "isImageValidatingPolicy",
    "isGeneratingPolicy",
    "isMutatingPolicy",
    "result",
    "kind",
    "operation",
    "patchedResources",
    "generatedResource",
    "cloneSourceResource",
    "failOnMissingResources",
    "resources",
    "resourceSpecs",
    "generatedResources",
];

/// Fields of an expectation that compare resources, which payloads are none of.
const COMPARISONS: &[&str] = &["patchedResources", "generatedResource", "generatedResources"];

/// The documents of a file; an error is a sentence without the file's name.
pub(super) fn read(source: &Arc<Source>) -> Vec<Result<Test, String>> {
    let mut diagnostics = Vec::new();
    let documents = documents(source, &mut diagnostics);
    // The YAML reader reports in the order of the file, so the first one belongs to the first faulty document.
    let mut faults = diagnostics.into_iter().map(|diagnostic| match diagnostic.position() {
        Some(position) => format!("line {}: {}", position.line, diagnostic.message),
        None => diagnostic.message,
    });
    let mut tests = Vec::new();
    for document in &documents {
        if document.faulty {
            tests.push(Err(faults.next().unwrap_or_else(|| "this is not YAML".to_owned())));
            break;
        }
        tests.push(test(source, document));
    }
    tests
}

fn test(source: &Source, document: &Document) -> Result<Test, String> {
    let Some(root) = &document.root else { return Err("this is not YAML".to_owned()) };
    let reader = Reader { source };
    let mapping = reader.mapping(root, "", FIELDS)?;
    let text = |name: &str| reader.text(mapping, name);
    let name = match mapping.get("metadata").and_then(Node::as_mapping) {
        Some(metadata) => reader.text(metadata, "name")?,
        None => String::new(),
    };
    let deprecated = text("apiVersion")?.is_empty() || text("kind")?.is_empty() || !text("name")?.is_empty();
    let mut policies = Vec::new();
    for path in reader.texts(mapping, "policies")?.unwrap_or_default() {
        // Kyverno compares the texts: `a.yaml` and `./a.yaml` are two, and are loaded twice.
        if !policies.contains(&path) {
            policies.push(path);
        }
    }
    let payloads = reader.texts(mapping, "httpPayloads")?.unwrap_or_default();
    let envoy_payloads = reader.texts(mapping, "envoyPayloads")?.unwrap_or_default();
    if let Some(name) = OTHER_RUNS.iter().find(|name| is_filled(mapping, name)) {
        return Err(format!(
            "`{name}` is not supported: only payloads can be tested (`httpPayloads`, `envoyPayloads`, `jsonPayloads`)"
        ));
    }
    let mut json_payloads = reader.texts(mapping, "jsonPayloads")?.unwrap_or_default();
    // The old name counts where the new one is not used.
    let single = Some(text("jsonPayload")?).filter(|path| !path.is_empty() && json_payloads.is_empty());
    json_payloads.extend(single);
    // Kyverno drops entries without a name and cleans the others, so `./a.json` and `a.json` are one.
    json_payloads.retain(|path| !path.trim().is_empty());
    let mut keys: Vec<String> = Vec::new();
    for path in json_payloads {
        let key = clean(Path::new(&path)).display().to_string();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let exceptions = reader.texts(mapping, "exceptions")?.unwrap_or_default();
    let mut results = Vec::new();
    if let Some(node) = mapping.get("results").filter(|node| !node.is_null()) {
        for (index, item) in reader.list(node, "results")?.iter().enumerate() {
            results.push(expected(&reader, item, &format!("results[{index}]"))?);
        }
    }
    let filled = |names: &'static [&'static str]| names.iter().filter(|name| is_filled(mapping, name));
    let mut ignored: Vec<String> =
        filled(UNUSED).map(|name| format!("`{name}` means nothing for payloads")).collect();
    if keys.is_empty() {
        ignored.extend(
            filled(OF_JSON)
                .map(|name| format!("`{name}` means nothing for payloads of modes HTTP and Envoy")),
        );
    }
    let context = Some(text("context")?).filter(|path| !path.is_empty());
    let mocks = Mocks {
        context: context.map(|path| beside(source, &path)),
        responses: mocks::json(mapping, "apiCallResponses"),
        entries: mocks::json(mapping, "globalContextEntries"),
    };
    let json_payloads = keys.into_iter().map(|key| Payload { path: beside(source, &key), key }).collect();
    let beside = |paths: Vec<String>| paths.iter().map(|path| beside(source, path)).collect::<Vec<_>>();
    let named = |path: PathBuf| Payload { key: path.display().to_string(), path };
    let of_paths = |paths: Vec<String>| beside(paths).into_iter().map(named).collect();
    Ok(Test {
        name,
        deprecated,
        policies: beside(policies),
        payloads: of_paths(payloads),
        envoy_payloads: of_paths(envoy_payloads),
        json_payloads,
        exceptions: beside(exceptions),
        mocks,
        results,
        ignored,
    })
}

fn expected(reader: &Reader<'_>, node: &Node, path: &str) -> Result<Expected, String> {
    let mapping = reader.mapping(node, path, RESULT)?;
    if let Some(name) = COMPARISONS.iter().find(|name| is_filled(mapping, name)) {
        return Err(format!("`{path}.{name}` is not supported: a payload is no resource"));
    }
    Ok(Expected {
        policy: reader.text(mapping, "policy")?,
        rule: reader.text(mapping, "rule")?,
        result: reader.text(mapping, "result")?,
        resources: reader.texts(mapping, "resources")?,
        operation: reader.text(mapping, "operation")?,
    })
}

fn is_filled(mapping: &Mapping, name: &str) -> bool {
    mapping.get(name).is_some_and(|node| {
        !node.is_null() && node.as_text() != Some("") && node.as_list().is_none_or(|list| !list.is_empty())
    })
}

struct Reader<'s> {
    source: &'s Source,
}

impl Reader<'_> {
    fn at(&self, node: &Node, message: &str) -> String {
        format!("line {}: {message}", self.source.position(node.span.start).line)
    }

    fn mapping<'n>(&self, node: &'n Node, path: &str, known: &[&str]) -> Result<&'n Mapping, String> {
        let subject = if path.is_empty() { "the document" } else { path };
        let Some(mapping) = node.as_mapping() else {
            return Err(self.at(node, &format!("{subject} must be a mapping")));
        };
        match mapping.entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            Some(entry) => {
                let line = self.source.position(entry.key_span.start).line;
                Err(format!("line {line}: {subject} has no field `{}`", entry.key))
            }
            None => Ok(mapping),
        }
    }

    fn list<'n>(&self, node: &'n Node, path: &str) -> Result<&'n [Node], String> {
        node.as_list().ok_or_else(|| self.at(node, &format!("`{path}` must be a list")))
    }

    /// Text; empty if there is none.
    fn text(&self, mapping: &Mapping, name: &str) -> Result<String, String> {
        match mapping.get(name).filter(|node| !node.is_null()) {
            None => Ok(String::new()),
            Some(node) => match (node.as_text(), &node.kind) {
                (Some(text), _) => Ok(text.to_owned()),
                (None, NodeKind::Broken) => Ok(String::new()),
                _ => Err(self.at(node, &format!("`{name}` must be text"))),
            },
        }
    }

    fn texts(&self, mapping: &Mapping, name: &str) -> Result<Option<Vec<String>>, String> {
        let Some(node) = mapping.get(name).filter(|node| !node.is_null()) else { return Ok(None) };
        let items = self.list(node, name)?;
        let text = |item: &Node| match item.as_text() {
            Some(text) => Ok(text.to_owned()),
            None if item.is_null() => Ok(String::new()),
            None => Err(self.at(item, &format!("each of `{name}` must be text"))),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }
}
