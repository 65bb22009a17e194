//! Documents in a `List` of Kubernetes (`v1`), which `kubectl get -o yaml` writes and Kyverno's command line unpacks.

use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::schema::{self, Shape, Unique, optional, required};
use crate::source::Source;
use crate::yaml::{Document, Entry, Mapping, Node, NodeKind};

static ANYTHING: Shape = Shape::Anything;

/// A misspelt `items` would lose everything in it, so the fields are checked, unlike Kyverno does.
static LIST: Shape = Shape::Fields(&[
    required("apiVersion", &ANYTHING),
    required("kind", &ANYTHING),
    optional("metadata", &ANYTHING),
    required("items", &Shape::List(&ANYTHING, Unique::No)),
]);

/// What a document of a file gives.
pub enum Unpacked {
    /// Itself: it is no list.
    Single(Document),
    /// The documents in it, each at the place of the whole, because an anchor may stand in another one. A list in a list
    /// is none, as in Kyverno.
    Items(Vec<Document>),
}

/// Takes a document out of its `List`, if it is one.
///
/// # Errors
/// Each thing that is wrong with the list is pushed to `diagnostics`.
pub fn unpack(source: &Arc<Source>, document: Document, diagnostics: &mut Vec<Diagnostic>) -> Unpacked {
    let Some(root) = document.root.as_ref().filter(|root| is_list(root)) else {
        return Unpacked::Single(document);
    };
    schema::check(source, "a list", &LIST, root, "", diagnostics);
    let (span, faulty) = (document.span, document.faulty);
    let Some(Node { kind: NodeKind::Mapping(Mapping { entries }), .. }) = document.root else {
        return Unpacked::Items(Vec::new());
    };
    let items = entries.into_iter().find(|entry| entry.key == "items");
    let Some(Entry { value: Node { kind: NodeKind::List(items), .. }, .. }) = items else {
        return Unpacked::Items(Vec::new());
    };
    let document = |item| Document { span, root: Some(item), faulty };
    Unpacked::Items(items.into_iter().map(document).collect())
}

fn is_list(root: &Node) -> bool {
    let text = |field| root.as_mapping()?.get(field)?.as_text();
    text("apiVersion") == Some("v1") && text("kind") == Some("List")
}
