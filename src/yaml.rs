//! YAML as Kyverno reads it, every value with its place in the file.
//!
//! Kyverno goes from YAML to JSON with sigs.k8s.io/yaml, which is go-yaml v2, which is a port of libyaml: YAML 1.1 with
//! Go's numbers. This module gives the same tree from the events of `granit-parser` (a YAML 1.2 parser with
//! switches for libyaml's habits), reads scalars as YAML 1.1, merges `<<`, and refuses what the two readers could
//! take differently. Knows nothing of policies.
//!
//! | Module | Does |
//! |---|---|
//! | `split` | the documents of a file, as `YAMLReader` of apimachinery splits them |
//! | `build` | events to a tree: anchors, merges, duplicate keys, limits |
//! | `between` | what between scalars libyaml reads otherwise |
//! | `scalar` | the way from a scalar's value back to the file |
//! | `resolve` | what an unquoted scalar means |
//! | `syntax` | the parser's errors in plain words |
//! | `write` | the other way: YAML that is written |

mod between;
mod build;
mod resolve;
mod scalar;
mod split;
mod syntax;
pub mod write;

use std::sync::Arc;

use crate::diag::Diagnostic;
use crate::source::{ScalarMap, Source, Span};
use crate::time::Time;

/// The deepest nesting of a document, aliases included.
pub const MAX_DEPTH: usize = 128;

/// The most values that a document may have; a value that is reached through aliases counts each time, and
/// long text counts more than once.
pub const MAX_NODES: usize = 250_000;

/// The most documents of one file.
pub const MAX_DOCUMENTS: usize = 10_000;

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it is written; for a value that is reached through an alias, where its anchor is.
    pub span: Span,
    /// The alias through which it is reached.
    pub alias: Option<Span>,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Text, a number, true or false, or nothing.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Mapping(Mapping),
    /// Something that was already reported, and that can stand for anything.
    Broken,
}

/// A scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text after quotes, escapes and folding.
    pub text: String,
    /// What it means.
    pub value: Value,
    /// True when it has no quotes, and is no block scalar.
    pub plain: bool,
    /// The way from `text` to the file.
    pub map: ScalarMap,
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; `1.0` and `1e3` are whole, because they pass through JSON as `1` and `1000`.
    Integer(i64),
    /// A whole number that needs all 64 bits; only in a payload, because JSON has none.
    Unsigned(u64),
    /// Any other number.
    Float(f64),
    /// A point in time; only in a payload, elsewhere it is text.
    Time(Time),
    /// Text.
    Text,
}

/// A mapping: its entries in the order of the file, merged ones where the merge stands, no key twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as JSON has it: an unquoted `y` is `true`.
    pub key: String,
    /// The key in the file.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Mapping {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}

impl Node {
    /// The text, if this is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar(Scalar { text, value: Value::Text, .. }) => Some(text),
            _ => None,
        }
    }

    /// The flag, if this is one.
    pub fn as_flag(&self) -> Option<bool> {
        match &self.kind {
            NodeKind::Scalar(Scalar { value: Value::Bool(flag), .. }) => Some(*flag),
            _ => None,
        }
    }

    /// The mapping, if this is one.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match &self.kind {
            NodeKind::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this is nothing: `null`, `~`, or no value at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar(Scalar { value: Value::Null, .. }))
    }
}

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its text in the file.
    pub span: Span,
    /// Its value; none when it is not YAML, which a diagnostic then says.
    pub root: Option<Node>,
    /// Whether the reader has reported something in it, such as a key that stands twice.
    pub faulty: bool,
}

/// The documents of a file that are not empty. A `.json` file is one document, which the YAML reader reads too.
///
/// # Errors
/// Each thing that is wrong is pushed to `diagnostics`; documents are independent of each other.
pub fn documents(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let chunks = if source.name().ends_with(".json") {
        vec![split::Chunk::whole(source)]
    } else {
        split::chunks(source, diagnostics)
    };
    read(source, chunks, build::Habits::STRICT, diagnostics)
}

/// The same for a file with payloads of mode JSON, in which numbers, times and the words `yes` and `no` stay what they are
/// (go-yaml v3).
///
/// # Errors
/// As [`documents`].
pub fn payloads(source: &Arc<Source>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Document> {
    let chunks = split::chunks(source, diagnostics);
    read(source, chunks, build::Habits::PAYLOAD, diagnostics)
}

fn read(
    source: &Arc<Source>,
    chunks: Vec<split::Chunk>,
    habits: build::Habits,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Document> {
    let mut documents = Vec::new();
    for chunk in chunks {
        if chunk.readable && split::is_empty(source, chunk.span) {
            continue;
        }
        let span = split::trimmed(source, chunk.span);
        if !chunk.readable {
            documents.push(Document { span, root: None, faulty: true });
            continue;
        }
        let before = diagnostics.len();
        let root = match build::document(source, chunk.span, habits, diagnostics) {
            build::Outcome::Value(root) => Some(root),
            build::Outcome::Empty => continue,
            build::Outcome::Broken => None,
        };
        documents.push(Document { span, root, faulty: diagnostics.len() > before });
    }
    documents
}

/// A text that is no YAML, or such that Kyverno's reader may take it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is no YAML, or can be read in two ways")]
pub struct Unreadable;

/// The value of the first document of `text`, in which a key may stand twice; nothing if there is no document.
///
/// # Errors
/// See [`Unreadable`].
pub fn first_value(text: &str) -> Result<Option<Node>, Unreadable> {
    let source = Source::new("", text).map_err(|_| Unreadable)?;
    let whole = Span::new(0, text.len());
    let mut diagnostics = Vec::new();
    match build::document(&source, whole, build::Habits::loose(text.len()), &mut diagnostics) {
        _ if !diagnostics.is_empty() => Err(Unreadable),
        build::Outcome::Value(root) => Ok(Some(root)),
        build::Outcome::Empty => Ok(None),
        build::Outcome::Broken => Err(Unreadable),
    }
}

#[cfg(test)]
mod tests;
