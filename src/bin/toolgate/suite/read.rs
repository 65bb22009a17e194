//! Strict reading of a YAML mapping: a field that does not exist, is missing, or is of another type, is a diagnostic
//! at its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toolgate::internal::diag::{Code, Diagnostic};
use toolgate::internal::source::{Located, Source, Span};
use toolgate::internal::yaml::{Mapping, Node, NodeKind, Value};

/// Where diagnostics go, and the file that they speak of.
pub(super) struct Reader<'r> {
    pub(super) source: &'r Arc<Source>,
    pub(super) out: &'r mut Vec<Diagnostic>,
}

/// A mapping of which every field is known, at `path`; empty for the document.
#[derive(Clone)]
pub(super) struct Fields<'n> {
    pub(super) mapping: &'n Mapping,
    pub(super) span: Span,
    pub(super) path: String,
}

impl<'n> Fields<'n> {
    /// The value of a field. One without a value counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.written(name).filter(|node| !node.is_null())
    }

    /// The value of a field, also when it is null.
    pub(super) fn written(&self, name: &str) -> Option<&'n Node> {
        self.mapping.get(name)
    }

    /// The name of a field in messages.
    pub(super) fn path(&self, name: &str) -> String {
        join(&self.path, name)
    }
}

impl Reader<'_> {
    /// One more thing that is wrong.
    pub(super) fn report(&mut self, code: Code, span: Span, path: &str, message: String, help: &str) {
        let diagnostic = Diagnostic::error(code, message).at(self.source, span).path(path);
        self.out.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// The mapping at `node`, whose fields must be among `known`.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Some(mapping) = node.as_mapping() else {
            self.wrong_type(node, path, "a mapping");
            return None;
        };
        for entry in mapping.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let place = if path.is_empty() { "a fixture".to_owned() } else { format!("`{path}`") };
            let diagnostic =
                Diagnostic::error(Code::UnknownField, format!("{place} has no field `{}`", entry.key))
                    .at(self.source, entry.key_span)
                    .path(join(path, &entry.key))
                    .suggest(&entry.key, known.iter().copied());
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            self.out.push(match diagnostic.help {
                Some(_) => diagnostic,
                None => diagnostic.help(format!("the fields here are {}", names.join(", "))),
            });
        }
        Some(Fields { mapping, span: node.span, path: path.to_owned() })
    }

    /// A field that must be there.
    pub(super) fn required<'n>(&mut self, fields: &Fields<'n>, name: &str, help: &str) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            let path = fields.path(name);
            self.report(
                Code::MissingField,
                fields.span,
                &path,
                format!("the field `{path}` is missing"),
                help,
            );
        }
        node
    }

    /// The text of a field, if it is there.
    pub(super) fn text(&mut self, fields: &Fields<'_>, name: &str) -> Option<Located<String>> {
        let node = fields.get(name)?;
        self.as_text(node, &fields.path(name))
    }

    /// The text at `node`.
    pub(super) fn as_text(&mut self, node: &Node, path: &str) -> Option<Located<String>> {
        let Some(text) = node.as_text() else {
            self.wrong_type(node, path, "text");
            return None;
        };
        Some(Located { value: text.to_owned(), span: node.span })
    }

    /// The elements of a field, which must not be empty when it is there.
    pub(super) fn list<'n>(&mut self, fields: &Fields<'n>, name: &str, help: &str) -> Option<&'n [Node]> {
        let node = fields.get(name)?;
        let path = fields.path(name);
        let Some(items) = node.as_list() else {
            self.wrong_type(node, &path, "a list");
            return None;
        };
        if items.is_empty() {
            self.report(Code::BadFormat, node.span, &path, format!("`{path}` must not be empty"), help);
            return None;
        }
        Some(items)
    }

    /// One of `words`.
    pub(super) fn word(
        &mut self,
        node: &Node,
        path: &str,
        words: &[&'static str],
    ) -> Option<Located<&'static str>> {
        let text = self.as_text(node, path)?;
        if let Some(word) = words.iter().find(|word| **word == text.value) {
            return Some(Located { value: *word, span: text.span });
        }
        let names: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        let message = format!("`{path}` must be one of {}, not `{}`", names.join(", "), text.value);
        self.out.push(
            Diagnostic::error(Code::UnsupportedValue, message)
                .at(self.source, text.span)
                .path(path)
                .suggest(&text.value, words.iter().copied()),
        );
        None
    }

    /// A path, taken from the directory of the file.
    pub(super) fn file(&mut self, node: &Node, path: &str) -> Option<Located<PathBuf>> {
        let text = self.as_text(node, path)?;
        Some(Located { value: beside(self.source, &text.value), span: text.span })
    }

    /// A value of another type than it must be.
    pub(super) fn wrong_type(&mut self, node: &Node, path: &str, wanted: &str) {
        let found = match &node.kind {
            NodeKind::Broken => return,
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Mapping(_) => "a mapping".to_owned(),
            NodeKind::Scalar(scalar) => match scalar.value {
                Value::Null => "nothing".to_owned(),
                Value::Text | Value::Time(_) => "text".to_owned(),
                Value::Bool(value) => format!("`{value}`"),
                Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => {
                    format!("the number `{}`", scalar.text)
                }
            },
        };
        let subject = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
        self.report(Code::WrongType, node.span, path, format!("{subject} must be {wanted}, not {found}"), "");
    }
}

/// `path`, as a file that lies in the directory of `source` names it.
pub(super) fn beside(source: &Source, path: &str) -> PathBuf {
    let directory = Path::new(source.name()).parent().unwrap_or(Path::new(""));
    clean(&directory.join(path))
}

/// Without `.` and without `name/..`, as Go's `filepath.Join` leaves a path.
pub(super) fn clean(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if matches!(out.components().next_back(), Some(Component::Normal(_))) {
                    out.pop();
                } else if out.components().next_back() != Some(Component::RootDir) {
                    out.push(component);
                }
            }
            _ => out.push(component),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("../../a/b/..", "../../a"),
            ("/../a", "/a"),
            ("a/..", "."),
            (".", "."),
        ] {
            assert_eq!(clean(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
