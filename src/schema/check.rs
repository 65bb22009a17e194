//! Compares a document with the schema and reports every difference.

use std::collections::HashMap;
use std::sync::Arc;

use super::rules;
use super::{Field, KeyRule, Rule, Shape, Unique};
use crate::diag::{Code, Diagnostic, did_you_mean};
use crate::source::{Source, Span};
use crate::yaml::{Mapping, Node, NodeKind, Scalar, Value};

/// Reports what in `node` does not fit `shape`; `path` is the field's name, empty for the document, which is called
/// `document` (`a policy`).
pub(crate) fn check(
    source: &Arc<Source>,
    document: &str,
    shape: &Shape,
    node: &Node,
    path: &str,
    out: &mut Vec<Diagnostic>,
) {
    Checker { source, document, out }.value(shape, node, path);
}

struct Checker<'a> {
    source: &'a Arc<Source>,
    document: &'a str,
    out: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn report(&mut self, code: Code, span: Span, path: &str, message: String, help: &str) {
        let diagnostic = Diagnostic::error(code, message).at(self.source, span).path(path);
        self.out.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// Recursion is safe: neither the document nor the schema is deep.
    fn value(&mut self, shape: &Shape, node: &Node, path: &str) {
        match (shape, &node.kind) {
            (_, NodeKind::Broken) | (Shape::Anything, _) => {}
            (Shape::Text(rule), NodeKind::Scalar(Scalar { text, value: Value::Text, .. })) => {
                self.text(*rule, text, node, path);
            }
            (Shape::Flag, NodeKind::Scalar(Scalar { value: Value::Bool(_), .. })) => {}
            (Shape::Whole(least, most), NodeKind::Scalar(Scalar { value: Value::Integer(number), .. })) => {
                if number < least || number > most {
                    let message = format!("`{path}` must be from {least} to {most}");
                    self.report(Code::BadFormat, node.span, path, message, "");
                }
            }
            (Shape::List(shape, unique), NodeKind::List(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(shape, item, &format!("{path}[{index}]"));
                }
                self.unique(*unique, items, path);
            }
            (Shape::Map(rule, shape), NodeKind::Mapping(mapping)) => self.map(*rule, shape, mapping, path),
            (Shape::Fields(fields), NodeKind::Mapping(mapping)) => self.fields(fields, mapping, node, path),
            _ => self.wrong_type(shape, node, path),
        }
    }

    fn text(&mut self, rule: Rule, text: &str, node: &Node, path: &str) {
        if let Rule::OneOf(allowed) = rule {
            if !allowed.contains(&text) {
                let message = format!("`{path}` must be {}, not `{text}`", choice(allowed));
                let diagnostic =
                    Diagnostic::error(Code::UnsupportedValue, message).at(self.source, node.span);
                self.out.push(diagnostic.path(path).suggest(text, allowed.iter().copied()));
            }
        } else if let Some(wrong) = rules::broken(rule, text) {
            let code = if rule == Rule::Subdomain { Code::BadName } else { Code::BadFormat };
            if text.is_empty() || rule == Rule::NotBlank {
                self.report(code, node.span, path, format!("`{path}` must not be empty"), "");
            } else {
                self.report(code, node.span, path, format!("`{text}` {wrong}"), "");
            }
        }
    }

    fn fields(&mut self, fields: &[Field], mapping: &Mapping, node: &Node, path: &str) {
        for entry in &mapping.entries {
            let path = join(path, &entry.key);
            match fields.iter().find(|field| field.name == entry.key) {
                Some(field) if entry.value.is_null() && field.required => {
                    self.report(
                        Code::MissingField,
                        entry.key_span,
                        &path,
                        format!("`{path}` has no value"),
                        "",
                    );
                }
                Some(_) if entry.value.is_null() => {}
                Some(field) => self.value(field.shape, &entry.value, &path),
                None => self.unknown(fields, &entry.key, entry.key_span, &path),
            }
        }
        for field in fields.iter().filter(|field| field.required && mapping.get(field.name).is_none()) {
            if is_misspelt(fields, mapping, field.name) {
                continue;
            }
            let path = join(path, field.name);
            let message = format!("the field `{path}` is missing");
            self.report(Code::MissingField, node.span, &path, message, field.absent);
        }
    }

    fn unknown(&mut self, fields: &[Field], key: &str, span: Span, path: &str) {
        let parent = path.strip_suffix(key).unwrap_or(path).trim_end_matches('.');
        let place = if parent.is_empty() { self.document.to_owned() } else { format!("`{parent}`") };
        let diagnostic = Diagnostic::error(Code::UnknownField, format!("{place} has no field `{key}`"))
            .at(self.source, span)
            .path(path)
            .suggest(key, fields.iter().map(|field| field.name));
        let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
        self.out.push(match diagnostic.help {
            Some(_) => diagnostic,
            None => diagnostic.help(format!("the fields here are {}", names.join(", "))),
        });
    }

    fn map(&mut self, rule: KeyRule, shape: &Shape, mapping: &Mapping, path: &str) {
        for entry in &mapping.entries {
            let wrong = match rule {
                KeyRule::Free => None,
                KeyRule::Qualified => rules::qualified(&entry.key),
                KeyRule::QualifiedAnyCase => rules::qualified(&entry.key.to_lowercase()),
            };
            let path = format!("{path}[{}]", entry.key);
            if let Some(wrong) = wrong {
                self.report(Code::BadFormat, entry.key_span, &path, format!("`{}` {wrong}", entry.key), "");
            }
            if !entry.value.is_null() {
                self.value(shape, &entry.value, &path);
            }
        }
    }

    fn unique(&mut self, unique: Unique, items: &[Node], path: &str) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let named = match unique {
                Unique::No => return,
                Unique::Values => Some(item),
                Unique::Names => item.as_mapping().and_then(|mapping| mapping.get("name")),
            };
            let Some((node, text)) = named.and_then(|node| Some((node, node.as_text()?))) else { continue };
            // Through an alias or a merge, both could stand at one place.
            let place = node.alias.or(item.alias).unwrap_or(node.span);
            if let Some(first) = seen.get(text) {
                let (message, path) = match unique {
                    Unique::Names => (
                        format!("the name `{text}` is used twice in `{path}`"),
                        format!("{path}[{index}].name"),
                    ),
                    _ => (format!("`{text}` stands twice in `{path}`"), format!("{path}[{index}]")),
                };
                self.out.push(
                    Diagnostic::error(Code::DuplicateListEntry, message)
                        .at(self.source, place)
                        .path(path)
                        .label(self.source, *first, "first used here"),
                );
            } else {
                seen.insert(text, place);
            }
        }
    }

    fn wrong_type(&mut self, shape: &Shape, node: &Node, path: &str) {
        let wanted = match shape {
            Shape::Text(_) => "text",
            Shape::Flag => "true or false",
            Shape::Whole(..) => "a whole number",
            Shape::List(..) => "a list",
            Shape::Map(..) | Shape::Fields(_) => "a mapping",
            Shape::Anything => "anything",
        };
        let (found, help) = found(shape, node);
        let subject = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
        self.report(
            Code::WrongType,
            node.span,
            path,
            format!("{subject} must be {wanted}, not {found}"),
            &help,
        );
    }
}

/// What a value is, and how it could become what it should be.
fn found(shape: &Shape, node: &Node) -> (String, String) {
    let scalar = match &node.kind {
        NodeKind::List(_) => return ("a list".to_owned(), String::new()),
        NodeKind::Mapping(_) => {
            let help =
                if matches!(shape, Shape::List(..)) { "start each entry of the list with `- `" } else { "" };
            return ("a mapping".to_owned(), help.to_owned());
        }
        NodeKind::Broken => return ("this".to_owned(), String::new()),
        NodeKind::Scalar(scalar) => scalar,
    };
    let text = &scalar.text;
    let quotes = match shape {
        Shape::Text(_) if scalar.plain => format!("put it in quotes: `\"{text}\"`"),
        Shape::List(..) => "start each entry of the list with `- `".to_owned(),
        _ => String::new(),
    };
    match scalar.value {
        Value::Null => ("nothing".to_owned(), String::new()),
        Value::Bool(value) if value.to_string() == *text => (format!("`{text}`"), quotes),
        Value::Bool(value) => (format!("`{text}`, which means {value}"), quotes),
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => (format!("the number `{text}`"), quotes),
        Value::Text | Value::Time(_) => {
            let unquote = match shape {
                Shape::Flag | Shape::Whole(..) if !scalar.plain => "remove the quotes".to_owned(),
                _ => quotes.clone(),
            };
            ("text".to_owned(), unquote)
        }
    }
}

/// Whether a key of `mapping` is no field and was probably meant to be `name`: then one mistake must not be
/// reported as two, an unknown field and a missing one.
fn is_misspelt(fields: &[Field], mapping: &Mapping, name: &str) -> bool {
    let names = || fields.iter().map(|field| field.name);
    mapping.entries.iter().any(|entry| {
        !names().any(|name| name == entry.key) && did_you_mean(&entry.key, names()) == Some(name)
    })
}

/// Whether `mapping`, which has the fields of `shape`, has a misspelling of the field `name`: that is reported as an
/// unknown field already. A field that the shape has is no misspelling, however near (`validations`, `evaluation`).
pub(crate) fn is_near(mapping: &Mapping, shape: &Shape, name: &str) -> bool {
    matches!(shape, Shape::Fields(fields) if is_misspelt(fields, mapping, name))
}

/// `a`, `b` or `c`
fn choice(words: &[&str]) -> String {
    let words: Vec<String> =
        words.iter().filter(|word| !word.is_empty()).map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
