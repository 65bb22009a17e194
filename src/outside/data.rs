//! What files say of a cluster and of registries. They are read once, when the policies are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{CapabilityConfig, GLOBAL_CONTEXT, IMAGES, RESOURCES};
use crate::diag::{Code, Diagnostic, entry};
use crate::library::capability::{Found, Lookup, Unanswered};
use crate::limit::over;
use crate::source::{Source, Span, read_text, why_unread};
use crate::yaml::{self, Node, NodeKind};

/// Said of a list where the cluster that Kyverno asks may have objects.
const NO_OBJECT: &str =
    "a policy lists a resource of which the files of `capabilities.resources` have no object";
/// Said of an image that Kyverno asks its registry for.
const NO_IMAGE: &str = "a policy asks for an image that the files of `capabilities.images` do not have";
/// How deep folders are read.
const MAX_DEPTH: usize = 16;

/// What a document of a file is given to.
type Take<'t> = dyn FnMut(&Path, Json) -> Result<(), String> + 't;

/// Why a file is not read.
#[derive(Debug)]
pub(super) struct Fault {
    file: PathBuf,
    why: String,
    /// What in the file it is about.
    place: Option<(Arc<Source>, Span)>,
}

impl Fault {
    pub(super) fn of(file: &Path, why: impl Into<String>) -> Fault {
        Fault { file: file.to_owned(), why: why.into(), place: None }
    }

    /// What is told of the setting, or of an entry of it, that names `path`.
    pub(super) fn told(self, setting: &str, entry: Option<usize>, path: &str) -> Diagnostic {
        let Fault { file, why, place } = self;
        let itself = file == Path::new(path);
        let which = if itself { "which".to_owned() } else { format!("in which `{}`", file.display()) };
        let message = format!("`{setting}` names `{path}`, {which} cannot be read: {why}");
        let at = entry.map_or_else(|| setting.to_owned(), |entry| format!("{setting}[{entry}]"));
        let told = Diagnostic::error(Code::CannotAnswer, message).path(at);
        match &place {
            Some((source, span)) => told.label(source, *span, "in that file here"),
            None => told,
        }
    }
}

/// Objects, entries and images.
#[derive(Debug, Default)]
pub struct Data {
    /// By API version and resource.
    objects: BTreeMap<(String, String), Vec<Json>>,
    entries: BTreeMap<String, Json>,
    images: BTreeMap<String, Json>,
}

impl Data {
    /// Reads what the settings name. Of each name the first file that cannot be read, or that holds something else, goes to
    /// `wrong`; what is in a folder and is not read, to `left_out`.
    pub(super) fn read(
        config: &CapabilityConfig,
        wrong: &mut Vec<Diagnostic>,
        left_out: &mut Vec<Diagnostic>,
    ) -> Data {
        let mut data = Data::default();
        let mut read = |setting: &str, paths: &[String], take: &mut Take<'_>| {
            for (entry, path) in paths.iter().enumerate() {
                if let Err(fault) = each(Path::new(path), take, left_out) {
                    wrong.push(fault.told(setting, Some(entry), path));
                }
            }
        };
        read(RESOURCES, &config.resources, &mut |_, value| data.add_object(value));
        read(GLOBAL_CONTEXT, &config.global_context, &mut |name, value| {
            let stem = name.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            data.entries.insert(stem.unwrap_or_default(), value);
            Ok(())
        });
        read(IMAGES, &config.images, &mut |_, value| data.add_images(value));
        data
    }

    /// Adds an object, or those of a list, or those of a `Context` of Kyverno's command line.
    ///
    /// # Errors
    /// It is no object of Kubernetes.
    pub fn add_object(&mut self, object: Json) -> Result<(), String> {
        let text = |name: &str| object.get(name).and_then(Json::as_str);
        let (Some(version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            return Err("an object without `apiVersion` and `kind`".to_owned());
        };
        let items = match (version, kind) {
            (_, "Context") if version.starts_with("cli.kyverno.io/") => {
                Some(object.pointer("/spec/resources").cloned().unwrap_or(json!([])))
            }
            (_, kind) if kind.ends_with("List") => object.get("items").cloned(),
            _ => None,
        };
        if let Some(Json::Array(items)) = items {
            return items.into_iter().try_for_each(|item| self.add_object(item));
        }
        if object.pointer("/metadata/name").and_then(Json::as_str).is_none() {
            return Err(format!("a {kind} without a name"));
        }
        self.objects.entry((version.to_owned(), resource_of(kind))).or_default().push(object);
        Ok(())
    }

    /// Adds an entry of the global context.
    pub fn add_entry(&mut self, name: &str, value: Json) {
        self.entries.insert(name.to_owned(), value);
    }

    /// Adds images: a mapping by reference, or the list in a `Context` of Kyverno's command line.
    ///
    /// # Errors
    /// It is neither.
    pub fn add_images(&mut self, images: Json) -> Result<(), String> {
        if let Some(Json::Array(list)) = images.pointer("/spec/images") {
            for image in list {
                let name = image.get("image").and_then(Json::as_str).ok_or("an image without `image`")?;
                self.images.insert(name.to_owned(), image.clone());
            }
            return Ok(());
        }
        let Json::Object(images) = images else { return Err("no mapping of images".to_owned()) };
        self.images.extend(images);
        Ok(())
    }

    /// What the question finds.
    pub fn look_up(&self, question: &Lookup<'_>) -> Found {
        let text = |value: &Json| Some(Arc::from(value.to_string().into_bytes()));
        let of = |api_version: &str, resource: &str| {
            self.objects.get(&(api_version.to_owned(), resource.to_owned())).map(Vec::as_slice)
        };
        match *question {
            Lookup::Object { api_version, resource, namespace, name } => {
                let is = |object: &&Json| {
                    metadata(object, "namespace") == namespace && metadata(object, "name") == name
                };
                Ok(of(api_version, resource).unwrap_or_default().iter().find(is).and_then(text))
            }
            Lookup::Objects { api_version, resource, namespace, labels } => {
                // What is not in the files at all may be in the cluster: no list of nothing.
                let Some(objects @ [first, ..]) = of(api_version, resource) else {
                    return Err(Unanswered::Withheld(NO_OBJECT));
                };
                if let Some((name, value)) = labels.iter().find(|(name, value)| !is_label(name, value)) {
                    return Err(Unanswered::Failed(format!("invalid selector \"{name}={value}\"")));
                }
                let has = |object: &Json, (name, value): &(&str, &str)| {
                    let labels = object.pointer("/metadata/labels");
                    labels.and_then(|labels| labels.get(name)).and_then(Json::as_str) == Some(value)
                };
                let items: Vec<&Json> = objects
                    .iter()
                    .filter(|object| namespace.is_empty() || metadata(object, "namespace") == namespace)
                    .filter(|object| labels.iter().all(|label| has(object, label)))
                    .collect();
                let kind = first.get("kind").and_then(Json::as_str).unwrap_or_default();
                let list = json!({"apiVersion": api_version, "kind": format!("{kind}List"),
                    "metadata": {"resourceVersion": ""}, "items": items});
                Ok(text(&list))
            }
            Lookup::Entry(name) => match self.entries.get(name) {
                Some(entry) => Ok(text(entry)),
                None => Err(Unanswered::Failed("global context entry not found".to_owned())),
            },
            Lookup::Image(image) => match self.images.get(image) {
                Some(data) => Ok(text(data)),
                None => Err(Unanswered::Withheld(NO_IMAGE)),
            },
        }
    }
}

/// How Kyverno's command line finds things in what its own files give (kyverno `pkg/cel/libs/fake_context.go`).
impl Data {
    /// What the question finds: labels select nothing, no namespace is the objects without one, and an entry that is not
    /// there is null.
    pub(super) fn look_up_mock(&self, question: &Lookup<'_>) -> Found {
        let text = |value: &Json| Some(Arc::from(value.to_string().into_bytes()));
        match *question {
            Lookup::Objects { api_version, resource, namespace, .. } => {
                let Some(objects) = self.objects.get(&(api_version.to_owned(), resource.to_owned())) else {
                    let group =
                        api_version.split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
                    return Err(Unanswered::Failed(format!("{resource}{group} resource not found")));
                };
                let is = |object: &&Json| metadata(object, "namespace") == namespace;
                let items: Vec<&Json> = objects.iter().filter(is).collect();
                Ok(text(&json!({"items": items})))
            }
            Lookup::Entry(name) => Ok(self.entries.get(name).and_then(text)),
            Lookup::Image(image) if !self.images.contains_key(image) => {
                Err(Unanswered::Failed(format!("image data for {image} not found in the context")))
            }
            Lookup::Object { .. } | Lookup::Image(_) => self.look_up(question),
        }
    }
}

fn metadata<'o>(object: &'o Json, field: &str) -> &'o str {
    let metadata = object.get("metadata");
    metadata.and_then(|metadata| metadata.get(field)).and_then(Json::as_str).unwrap_or_default()
}

/// Characters that labels have.
fn is_label(name: &str, value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| plain(byte) || byte == b'/') && value.bytes().all(plain)
}

/// Kubernetes' guess at the resource of a kind (apimachinery's `UnsafeGuessKindToResource`).
fn resource_of(kind: &str) -> String {
    let singular = kind.to_lowercase();
    if singular == "endpoints" {
        return singular;
    }
    match singular.strip_suffix('y') {
        _ if singular.ends_with('s') => format!("{singular}es"),
        Some(stem) => format!("{stem}ies"),
        None => format!("{singular}s"),
    }
}

/// Every document of a file, or of the files of a folder.
fn each(path: &Path, take: &mut Take<'_>, left_out: &mut Vec<Diagnostic>) -> Result<(), Fault> {
    if path.is_dir() { folder(path, 0, take, left_out) } else { file(path, take) }
}

/// As folders of policies are read: what is hidden and what is called otherwise is told.
fn folder(
    path: &Path,
    depth: usize,
    take: &mut Take<'_>,
    left_out: &mut Vec<Diagnostic>,
) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::of(path, format!("folders nest {}", over(MAX_DEPTH, "levels deep"))));
    }
    let unread = |error: std::io::Error| Fault::of(path, why_unread(&error));
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(unread)? {
        paths.push(entry.map_err(unread)?.path());
    }
    paths.sort();
    for path in paths {
        if let Some(note) = entry::hidden(&path) {
            left_out.push(note);
        } else if path.is_dir() {
            folder(&path, depth.saturating_add(1), take, left_out)?;
        } else if let Some(note) = entry::other(&path) {
            left_out.push(note);
        } else {
            file(&path, take)?;
        }
    }
    Ok(())
}

fn file(path: &Path, take: &mut Take<'_>) -> Result<(), Fault> {
    let text = read_text(path).map_err(|error| Fault::of(path, why_unread(&error)))?;
    let source =
        Source::new(path.display().to_string(), text).map_err(|error| Fault::of(path, error.to_string()))?;
    let mut diagnostics = Vec::new();
    let documents = yaml::documents(&source, &mut diagnostics);
    if let Some(Diagnostic { message, span, .. }) = diagnostics.into_iter().next() {
        return Err(Fault { place: span.map(|span| (source, span)), ..Fault::of(path, message) });
    }
    for root in documents.iter().filter_map(|document| document.root.as_ref()) {
        let place = || Some((Arc::clone(&source), root.span));
        take(path, value(root)).map_err(|why| Fault { place: place(), ..Fault::of(path, why) })?;
    }
    Ok(())
}

/// A node as JSON; no node is nested deeper than the reader allows.
pub fn value(node: &Node) -> Json {
    match &node.kind {
        NodeKind::Broken => Json::Null,
        NodeKind::List(items) => Json::Array(items.iter().map(value).collect()),
        NodeKind::Mapping(mapping) => {
            let member = |entry: &yaml::Entry| (entry.key.clone(), value(&entry.value));
            Json::Object(mapping.entries.iter().map(member).collect::<Map<_, _>>())
        }
        NodeKind::Scalar(scalar) => match scalar.value {
            yaml::Value::Null => Json::Null,
            yaml::Value::Bool(bool) => Json::Bool(bool),
            yaml::Value::Integer(int) => json!(int),
            yaml::Value::Unsigned(int) => json!(int),
            yaml::Value::Float(double) => json!(double),
            yaml::Value::Text | yaml::Value::Time(_) => Json::String(scalar.text.clone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_resources_that_kubernetes_guesses() {
        for (kind, due) in [
            ("Pod", "pods"),
            ("Endpoints", "endpoints"),
            ("NetworkPolicy", "networkpolicies"),
            ("Ingress", "ingresses"),
            ("ConfigMap", "configmaps"),
        ] {
            assert_eq!(resource_of(kind), due);
        }
    }

    #[test]
    fn folders_of_objects_and_entries_are_read() {
        let folder = std::env::temp_dir().join(format!("toolgate-data-{}", std::process::id()));
        fs::create_dir_all(folder.join("more")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write(
            "a.yaml",
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: team}}\n---\n{apiVersion: v1, kind: PodList, items: [{apiVersion: v1, kind: Pod, metadata: {name: b}}]}\n",
        );
        write(
            "more/c.JSON",
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c","namespace":"team"}}"#,
        );
        write("notes.txt", "no object");
        write(".hidden.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: h}}");
        let path = folder.display().to_string();
        let config = CapabilityConfig { resources: vec![path.clone()], ..CapabilityConfig::default() };
        let read = |config: &CapabilityConfig| {
            let (mut wrong, mut left_out) = (Vec::new(), Vec::new());
            let data = Data::read(config, &mut wrong, &mut left_out);
            if wrong.is_empty() { Ok((data, left_out)) } else { Err(wrong) }
        };
        let (data, left_out) = read(&config).unwrap();
        let told = left_out.iter().map(|note| (note.code, note.file_name().unwrap()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (Code::HiddenPath, format!("{path}/.hidden.yaml").as_str()),
                (Code::OtherFile, format!("{path}/notes.txt").as_str())
            ]
        );
        let list = |namespace| {
            let question = Lookup::Objects { api_version: "v1", resource: "pods", namespace, labels: &[] };
            let text = data.look_up(&question).unwrap().unwrap();
            serde_json::from_slice::<Json>(&text).unwrap()["items"].as_array().unwrap().len()
        };
        assert_eq!((list(""), list("team"), list("z")), (3, 2, 0));
        let missing = Lookup::Objects { api_version: "v1", resource: "secrets", namespace: "", labels: &[] };
        assert!(data.look_up(&missing).is_err());
        let entries = CapabilityConfig { global_context: vec![path], ..CapabilityConfig::default() };
        let (entries, _) = read(&entries).unwrap();
        assert!(
            entries.look_up(&Lookup::Entry("c")).is_ok() && entries.look_up(&Lookup::Entry("z")).is_err()
        );
        write("broken.yaml", "kind: [");
        let wrong = read(&config).unwrap_err();
        assert!(wrong[0].message.contains("/broken.yaml` cannot be read: "), "{}", wrong[0]);
        assert_eq!((wrong[0].path.as_deref(), wrong[0].labels.len()), (Some("capabilities.resources[0]"), 1));
        fs::remove_dir_all(folder).unwrap();
    }
}
