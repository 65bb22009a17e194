//! What a test file answers to policies of mode JSON in place of a cluster, a registry and the network, checked as Kyverno
//! checks it (`cmd/cli/kubectl-kyverno/apis/v1alpha1/test.go`, `store/gctx_*.go`).

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde_json::Value as Json;
use toolgate::internal::outside::{Fixed, Mock, value};
use toolgate::internal::source::{Source, read_text};
use toolgate::internal::yaml::{Mapping, Node, documents};

/// What a test file says of it.
#[derive(Debug, Default)]
pub(super) struct Mocks {
    /// A file with a `Context`.
    pub(super) context: Option<PathBuf>,
    /// `apiCallResponses`
    pub(super) responses: Vec<Json>,
    /// `globalContextEntries`
    pub(super) entries: Vec<Json>,
}

/// The items of a list.
pub(super) fn json(mapping: &Mapping, name: &str) -> Vec<Json> {
    mapping.get(name).and_then(Node::as_list).unwrap_or_default().iter().map(value).collect()
}

impl Mocks {
    /// The answers; `source` is the test file. Kyverno opens the file with the `Context` only if it is `used`.
    ///
    /// # Errors
    /// What Kyverno stops at, in its words.
    pub(super) fn answers(&self, source: &Source, used: bool) -> Result<Fixed, String> {
        let mut responses = Vec::new();
        let mut seen = BTreeSet::new();
        for (at, response) in self.responses.iter().enumerate() {
            let mock = mock(at, response)?;
            let key =
                mock.method.as_ref().map_or(mock.url.clone(), |method| format!("{method}:{}", mock.url));
            if !seen.insert(key.clone()) {
                return Err(format!(
                    "apiCallResponses: duplicate entry for {:?} (key {key:?}) — each method+url combination must be unique",
                    mock.url
                ));
            }
            responses.push(mock);
        }
        let directory = Path::new(source.name()).parent().unwrap_or(Path::new(""));
        let mut entries: Vec<(String, Json)> = Vec::new();
        for entry in &self.entries {
            let (name, value) = self::entry(entry, directory)?;
            if entries.iter().any(|(known, _)| known.trim() == name.trim()) {
                return Err(format!("globalContextEntries: duplicate name {:?}", name.trim()));
            }
            entries.push((name, value));
        }
        let context = self.context.as_deref().filter(|_| used).map(read).transpose()?;
        Fixed::mocks(context.as_ref().and_then(|all| all.first()), responses, entries)
    }
}

fn text<'j>(value: &'j Json, name: &str) -> &'j str {
    value.get(name).and_then(Json::as_str).unwrap_or_default().trim()
}

fn mock(at: usize, entry: &Json) -> Result<Mock, String> {
    let wrong = |what: String| Err(format!("apiCallResponses[{at}]{what}"));
    let (url, path) = (text(entry, "url"), text(entry, "urlPath"));
    match (url.is_empty(), path.is_empty()) {
        (true, true) => return wrong(": either url or urlPath is required".to_owned()),
        (false, false) => return wrong(": url and urlPath are mutually exclusive".to_owned()),
        (false, true) => {
            let rest = url.strip_prefix("http://").or(url.strip_prefix("https://"));
            let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
            match host {
                None => return wrong(format!(": url {url:?} must be an absolute https/http URL")),
                Some("") => return wrong(format!(": url {url:?} has scheme but no host")),
                Some(_) => {}
            }
        }
        (true, false) if !path.starts_with('/') => {
            return wrong(format!(": urlPath {path:?} must be an absolute path starting with '/'"));
        }
        (true, false) => {}
    }
    let method = text(entry, "method").to_uppercase();
    if !["", "GET", "POST"].contains(&method.as_str()) {
        return wrong(": method must be GET or POST".to_owned());
    }
    let url = if url.is_empty() { path } else { url };
    let response = entry.get("response").unwrap_or(&Json::Null);
    let body = match response.get("body") {
        None | Some(Json::Null) => return wrong(format!(" {url:?}: response.body is required")),
        Some(body @ Json::Object(_)) => body.clone(),
        Some(_) => return wrong(format!(" {url:?}: response.body must be a JSON object")),
    };
    let status = response.get("statusCode").and_then(Json::as_i64).unwrap_or_default();
    let status = match u16::try_from(status) {
        Ok(0) => 200,
        Ok(status @ 100..=599) => status,
        _ => return wrong(format!(" {url:?}: statusCode {status} must be between 100 and 599")),
    };
    Ok(Mock { method: Some(method).filter(|method| !method.is_empty()), url: url.to_owned(), status, body })
}

/// The name and the value of an entry of the global context.
fn entry(entry: &Json, directory: &Path) -> Result<(String, Json), String> {
    let name = entry.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
    if name.trim().is_empty() {
        return Err("globalContextEntries: name is required".to_owned());
    }
    let wrong = |what: String| format!("globalContextEntries entry {name:?}{what}");
    let given = |member: &str| entry.get(member).filter(|value| !value.is_null());
    let root = match (given("data"), given("resources"), given("resourceFiles")) {
        (Some(data @ Json::Object(_)), None, None) => data.clone(),
        (Some(_), None, None) => return Err(wrong(": data must be a JSON object".to_owned())),
        (None, Some(Json::Array(objects)), None) => {
            if let Some(at) = objects.iter().position(|object| !object.is_object()) {
                let what = "must be a JSON object (Kubernetes resource manifest)";
                return Err(wrong(format!(" resources[{at}]: {what}")));
            }
            Json::Array(objects.clone())
        }
        (None, None, Some(Json::Array(files))) => {
            let mut objects = Vec::new();
            for (at, file) in files.iter().enumerate() {
                let path = Path::new(file.as_str().unwrap_or_default().trim());
                let outside = path.components().any(|part| part == Component::ParentDir);
                if path.as_os_str().is_empty() || path.is_absolute() || outside {
                    return Err(wrong(format!(
                        " resourceFiles[{at}]: file path must stay in the test directory"
                    )));
                }
                objects.extend(read(&directory.join(path))?.into_iter().filter(Json::is_object));
            }
            Json::Array(objects)
        }
        (None, None, None) => {
            return Err(wrong(": one of data, resources, or resourceFiles is required".to_owned()));
        }
        _ => return Err(wrong(": data, resources, and resourceFiles are mutually exclusive".to_owned())),
    };
    let root = match given("fieldPath").and_then(Json::as_str).filter(|path| !path.is_empty()) {
        Some(path) => search(&root, path).map_err(|why| wrong(format!(" fieldPath: {why}")))?,
        None => root,
    };
    let projections = given("projections").and_then(Json::as_array).cloned().unwrap_or_default();
    if projections.is_empty() {
        return Ok((name, root));
    }
    let mut out = serde_json::Map::new();
    for projection in &projections {
        let (of, path) = (text(projection, "name"), text(projection, "path"));
        if of.is_empty() || path.is_empty() {
            return Err(wrong(": a projection needs a name and a path".to_owned()));
        }
        let found = search(&root, path);
        let found = found.map_err(|why| wrong(format!(" projection {of:?} path {path:?}: {why}")))?;
        out.insert(of.to_owned(), found);
    }
    Ok((name, Json::Object(out)))
}

/// What a JMESPath finds that is names with dots between them; a larger language is not spoken here.
fn search(root: &Json, path: &str) -> Result<Json, String> {
    let mut found = root;
    for name in path.split('.') {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err("only names with dots between them are supported".to_owned());
        }
        found = match found.get(name) {
            Some(member) => member,
            None => return Err(format!("Unknown key \"{name}\" in path")),
        };
    }
    Ok(found.clone())
}

/// The documents of a YAML file.
fn read(path: &Path) -> Result<Vec<Json>, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("`{}` cannot be read: {why}", path.display());
    let text = read_text(path).map_err(|error| wrong(&error))?;
    let source = Source::new(path.display().to_string(), text).map_err(|error| wrong(&error))?;
    let mut diagnostics = Vec::new();
    let documents = documents(&source, &mut diagnostics);
    match diagnostics.first() {
        Some(diagnostic) => Err(wrong(&diagnostic.message)),
        None => Ok(documents.iter().filter_map(|document| document.root.as_ref()).map(value).collect()),
    }
}
