//! What Kubernetes asks of metadata beyond the shape of its fields (apimachinery `ValidateObjectMeta`).

use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::limit::over;
use crate::source::{Source, Span};
use crate::yaml::{Mapping, Node, NodeKind, Scalar, Value};

/// The most bytes of all annotations together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// Reports what is wrong in the metadata of a document.
pub(super) fn check(source: &Arc<Source>, document: &Mapping, out: &mut Vec<Diagnostic>) {
    let Some(metadata) = document.get("metadata").and_then(Node::as_mapping) else { return };
    let mut report = |path: &str, place: Span, message: String| {
        let diagnostic = Diagnostic::error(Code::BadFormat, message).at(source, place);
        out.push(diagnostic.path(format!("metadata.{path}")));
    };
    if let Some((annotations, node)) = metadata.get("annotations").and_then(|it| Some((it.as_mapping()?, it)))
    {
        let size = |entry: &crate::yaml::Entry| {
            entry.key.len().saturating_add(entry.value.as_text().unwrap_or_default().len())
        };
        if annotations.entries.iter().map(size).fold(0, usize::saturating_add) > MAX_ANNOTATIONS {
            let message = format!("the annotations have {}", over(MAX_ANNOTATIONS, "bytes together"));
            report("annotations", node.span, message);
        }
    }
    let finalizers = || items(metadata, "finalizers").filter_map(|node| Some((node.as_text()?, node.span)));
    let finalizer = |name: &str| finalizers().find(|(text, _)| *text == name);
    if let (Some((first, _)), Some((second, place))) = (finalizer("foregroundDeletion"), finalizer("orphan"))
    {
        report("finalizers", place, format!("`{first}` and `{second}` cannot stand together"));
    }
    let mut controllers = 0_usize;
    for (index, owner) in items(metadata, "ownerReferences").enumerate() {
        let Some(fields) = owner.as_mapping() else { continue };
        let text = |field| fields.get(field).and_then(Node::as_text);
        let path = format!("ownerReferences[{index}]");
        if text("kind") == Some("Event") && matches!(text("apiVersion"), Some("v1" | "/v1")) {
            report(&path, owner.span, "an `Event` cannot be an owner".to_owned());
        }
        let controls = fields.get("controller").map(|node| &node.kind);
        if matches!(controls, Some(NodeKind::Scalar(Scalar { value: Value::Bool(true), .. }))) {
            controllers = controllers.saturating_add(1);
            if controllers == 2 {
                report(&path, owner.span, "only one owner can be the controller".to_owned());
            }
        }
    }
}

fn items<'m>(mapping: &'m Mapping, field: &str) -> impl Iterator<Item = &'m Node> {
    mapping.get(field).and_then(Node::as_list).unwrap_or_default().iter()
}
