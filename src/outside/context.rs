//! The `Context` of Kyverno's command line, as Go's strict decoder takes it: names of fields fold, an unknown one is an
//! error, and which document it is nobody asks (`cmd/cli/kubectl-kyverno/apis/v1alpha1/context.go`).

use serde_json::{Map, Value as Json};

use crate::value::json::structs::folds_to;

const DOCUMENT: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
const SPEC: [&str; 2] = ["resources", "images"];
const METADATA: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];
/// The fields of an image: texts, of which the first ones are there even if nothing is in them, and then anything.
const IMAGE: [&str; 9] =
    ["image", "resolvedImage", "registry", "repository", "tag", "digest", "imageIndex", "manifest", "config"];
const ALWAYS: usize = 4;
const TEXTS: usize = 6;

/// What a `Context` gives.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Objects, no two with one name.
    pub(super) objects: Vec<Json>,
    /// Images by their names.
    pub(super) images: Map<String, Json>,
}

/// Whether a document has the head or the body of a `Context`.
pub(super) fn is_one(document: &Json) -> bool {
    document
        .as_object()
        .is_some_and(|members| members.keys().any(|name| DOCUMENT.iter().any(|known| folds_to(known, name))))
}

/// Reads a document.
///
/// # Errors
/// What Go's decoder does not take.
pub(super) fn read(document: &Json) -> Result<Context, String> {
    let mut context = Context::default();
    let [.., metadata, spec] = fields(document, DOCUMENT)?;
    fields(metadata, METADATA)?;
    let [resources, images] = fields(spec, SPEC)?;
    for object in list(resources, "resources")? {
        if object.get("kind").and_then(Json::as_str).is_none_or(str::is_empty) {
            return Err(format!("Object 'Kind' is missing in '{object}'"));
        }
        let name = |object: &Json| {
            ["/apiVersion", "/kind", "/metadata/namespace", "/metadata/name"]
                .map(|path| object.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned())
        };
        // The last one of a name is the one that Kyverno keeps.
        context.objects.retain(|other| name(other) != name(object));
        context.objects.push(object.clone());
    }
    for image in list(images, "images")? {
        let found @ [name, ..] = fields(image, IMAGE)?;
        let mut members = Map::new();
        for (at, (field, value)) in IMAGE.iter().zip(found).enumerate() {
            let value = match value {
                Json::Null if at < ALWAYS => Json::from(""),
                Json::String(text) if (ALWAYS..TEXTS).contains(&at) && text.is_empty() => continue,
                Json::Null => continue,
                Json::String(_) => value.clone(),
                value if at >= TEXTS => value.clone(),
                // The way from YAML to JSON makes texts of these where the field is one.
                Json::Number(_) | Json::Bool(_) => Json::from(value.to_string()),
                value => return Err(wrong_type(value, field, "string")),
            };
            members.insert((*field).to_owned(), value);
        }
        context.images.insert(name.as_str().unwrap_or_default().to_owned(), Json::Object(members));
    }
    Ok(context)
}

/// The fields of a struct of Go, in the order of their names; null for what is not there.
fn fields<'j, const N: usize>(value: &'j Json, known: [&str; N]) -> Result<[&'j Json; N], String> {
    let mut found = [&Json::Null; N];
    let members = match value {
        Json::Object(members) => members,
        Json::Null => return Ok(found),
        other => return Err(wrong_type(other, known.first().unwrap_or(&""), "struct")),
    };
    for (name, member) in members {
        let at = known.iter().position(|it| it == name);
        let at = at.or_else(|| known.iter().position(|it| folds_to(it, name)));
        let Some(place) = at.and_then(|at| found.get_mut(at)) else {
            return Err(format!("json: unknown field {name:?}"));
        };
        *place = member;
    }
    Ok(found)
}

fn list<'j>(value: &'j Json, name: &str) -> Result<&'j [Json], String> {
    match value {
        Json::Null => Ok(&[]),
        Json::Array(items) => Ok(items),
        other => Err(wrong_type(other, name, "list")),
    }
}

fn wrong_type(value: &Json, name: &str, wanted: &str) -> String {
    let found = match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    format!("json: cannot unmarshal {found} into Go struct field of type {wanted} ({name})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_context_is_what_go_decodes() {
        let context = read(&json!({
            "apiVersion": "any/v9", "kind": "Anything", "metadata": {"name": "c"},
            "Spec": {
                "RESOURCES": [
                    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}},
                    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "2"}},
                ],
                "images": [{"image": "nginx", "tag": "", "digest": 5, "config": {"a": 1}}],
            },
        }))
        .unwrap();
        assert_eq!(context.objects.len(), 1);
        assert_eq!(context.objects[0]["data"]["x"], "2");
        let nginx = json!({"image": "nginx", "resolvedImage": "", "registry": "", "repository": "", "digest": "5",
            "config": {"a": 1}});
        assert_eq!(context.images["nginx"], nginx);
        for (wrong, told) in [
            (json!({"spec": {}, "resources": []}), "json: unknown field \"resources\""),
            (json!({"spec": {"objects": []}}), "json: unknown field \"objects\""),
            (json!({"metadata": {"labelz": {}}}), "json: unknown field \"labelz\""),
            (json!({"spec": {"images": [{"name": "x"}]}}), "json: unknown field \"name\""),
            (json!({"spec": {"images": [{"image": []}]}}), "json: cannot unmarshal array"),
            (json!({"spec": {"resources": {}}}), "json: cannot unmarshal object"),
            (json!({"spec": {"resources": [{"apiVersion": "v1"}]}}), "Object 'Kind' is missing"),
            (json!([]), "json: cannot unmarshal array"),
        ] {
            let error = read(&wrong).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
        assert!(read(&Json::Null).unwrap().objects.is_empty());
        assert!(is_one(&json!({"SPEC": {}})) && !is_one(&json!({"resources": []})));
    }
}
