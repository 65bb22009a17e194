//! Reads a configuration file by the table of settings and reports everything that is wrong with it.
//!
//! Knows documents and places. Does not know files, the environment, or what settings mean together.

use std::collections::HashMap;
use std::sync::Arc;

use super::Settings;
use super::fits::{self, Fits};
use super::headers::{self, HEADERS, Override};
use super::table::{self, API_VERSION, HIDDEN, KIND, Kind, SETTINGS, Setting, Value};
use crate::diag::{Code, Diagnostic};
use crate::gateway::environment::Environment;
use crate::schema;
use crate::source::{Source, Span};
use crate::yaml::{self, Entry, Mapping, Node, NodeKind, Value as Meaning};

/// What a file says besides settings, and where it says what.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The headers, in the order of the file.
    pub(super) headers: Vec<Override>,
    /// The place of each setting that the file has, and of the entries of its lists: `judging.passMethods[0]`.
    pub(super) places: HashMap<String, Span>,
}

/// Reads `source` into `config`.
///
/// # Errors
/// Everything that is wrong is pushed to `out`.
pub(super) fn read(source: &Arc<Source>, config: &mut Settings, out: &mut Vec<Diagnostic>) -> Found {
    let mut reader = Reader { source, config, out, found: Found::default() };
    let documents = yaml::documents(source, reader.out);
    match documents.as_slice() {
        [] => reader.not_a_configuration(Span::new(0, 0), "there is no configuration in this file"),
        [document] => {
            if let Some(root) = &document.root {
                reader.root(root);
            }
        }
        [_, second, ..] => {
            reader.not_a_configuration(
                second.span,
                "a configuration file is one document, and here is another",
            );
        }
    }
    reader.found
}

/// Reads the settings of `mapping`, which is a part of `source`, into `config`.
///
/// # Errors
/// As [`read`].
pub(super) fn read_mapping(
    source: &Arc<Source>,
    mapping: &Mapping,
    config: &mut Settings,
    out: &mut Vec<Diagnostic>,
) -> Found {
    let mut reader = Reader { source, config, out, found: Found::default() };
    reader.section("", mapping);
    reader.found
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    config: &'a mut Settings,
    out: &'a mut Vec<Diagnostic>,
    found: Found,
}

impl Reader<'_> {
    fn not_a_configuration(&mut self, place: Span, message: &str) {
        let help = format!("it begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`");
        self.out.push(Diagnostic::error(Code::NotAConfiguration, message).at(self.source, place).help(help));
    }

    fn report(&mut self, code: Code, place: Span, path: &str, message: String) {
        self.out.push(Diagnostic::error(code, message).at(self.source, place).path(path));
    }

    fn root(&mut self, root: &Node) {
        let mapping = match &root.kind {
            NodeKind::Mapping(mapping) => mapping,
            NodeKind::Broken => return,
            NodeKind::Scalar(_) | NodeKind::List(_) => {
                return self.not_a_configuration(root.span, "a configuration must be a mapping");
            }
        };
        for (field, due) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            match mapping.get(field) {
                Some(node) if node.as_text() == Some(due) => {}
                Some(node) => {
                    self.not_a_configuration(node.span, &format!("`{field}` must be `{due}`"));
                }
                None => {
                    let place = Span::new(index(root.span.start), index(root.span.start));
                    self.not_a_configuration(place, &format!("the field `{field}` is missing"));
                }
            }
        }
        self.section("", mapping);
    }

    /// The entries of a section; recursion is as deep as the table's names.
    fn section(&mut self, section: &str, mapping: &Mapping) {
        for entry in &mapping.entries {
            let path = join(section, &entry.key);
            if section.is_empty() && matches!(entry.key.as_str(), "apiVersion" | "kind") {
                continue;
            }
            if path == HEADERS {
                self.headers(entry);
            } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.path == path) {
                self.setting(setting, entry);
            } else if SETTINGS.iter().any(|setting| child(setting.path, &path).is_some()) {
                self.subsection(&path, entry);
            } else {
                self.unknown(section, entry, &path);
            }
        }
    }

    fn subsection(&mut self, path: &str, entry: &Entry) {
        match &entry.value.kind {
            NodeKind::Mapping(mapping) => self.section(path, mapping),
            _ if entry.value.is_null() => self.without_value(path, entry),
            NodeKind::Broken => {}
            NodeKind::Scalar(_) | NodeKind::List(_) => {
                let message = format!("`{path}` must be a mapping");
                let names = fields(path).into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                self.report(Code::ConfigWrongType, entry.value.span, path, message);
                self.help(format!("its settings are {}", names.join(", ")));
            }
        }
    }

    /// A group without a value: its settings are commented out, or got lost on the way into the file. It is an error where
    /// the defaults may be more open than what got lost.
    fn without_value(&mut self, path: &str, entry: &Entry) {
        let told = if table::may_have_no_value(path) {
            let message = format!("`{path}` has no settings, so that all in it have their defaults");
            Diagnostic::warning(Code::EmptyGroup, message)
                .help("give it settings, or remove it; `{}` says that it is meant to have none")
        } else {
            let message =
                format!("`{path}` has no value, and its defaults may be more open than what was meant");
            Diagnostic::error(Code::ConfigMissingValue, message)
                .help("give it settings, or remove it to have the defaults")
        };
        self.out.push(told.at(self.source, entry.key_span).path(path));
    }

    /// Adds a help to what was reported last.
    fn help(&mut self, help: String) {
        if let Some(last) = self.out.last_mut() {
            last.help = Some(help);
        }
    }

    fn unknown(&mut self, section: &str, entry: &Entry, path: &str) {
        let place = if section.is_empty() { "a configuration".to_owned() } else { format!("`{section}`") };
        let names = fields(section);
        let message = format!("{place} has no setting `{}`", entry.key);
        let mut diagnostic = Diagnostic::error(Code::ConfigUnknownField, message)
            .at(self.source, entry.key_span)
            .path(path)
            .suggest(&entry.key, names.iter().copied());
        if diagnostic.help.is_none() {
            // The same name in another section is likelier than any other.
            let elsewhere =
                SETTINGS.iter().find(|setting| setting.path.rsplit('.').next() == Some(&entry.key));
            diagnostic = diagnostic.help(match elsewhere {
                Some(setting) => format!("there is `{}`", setting.path),
                None => {
                    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                    format!("the settings here are {}", names.join(", "))
                }
            });
        }
        self.out.push(diagnostic);
    }

    fn setting(&mut self, setting: &'static Setting, entry: &Entry) {
        let (path, node) = (setting.path, &entry.value);
        if node.is_null() {
            // What got lost on the way into the file must not turn into the default.
            let message = format!("`{path}` has no value");
            self.report(Code::ConfigMissingValue, entry.key_span, path, message);
            return self.help("give it one, or remove it to have the default".to_owned());
        }
        let before = self.out.len();
        schema::check(self.source, "the settings", &setting.kind.shape(), node, path, self.out);
        for diagnostic in self.out.iter_mut().skip(before) {
            diagnostic.code = code(diagnostic.code);
        }
        self.texts(setting, node);
        self.list(setting, node);
        if let (Kind::Targets, Some([])) = (&setting.kind, node.as_list()) {
            let message = format!("`{path}` {}", table::NO_TARGETS);
            self.report(Code::ConfigBadValue, node.span, path, message);
            self.help(table::TARGETS_HELP.to_owned());
        }
        if self.out.len() > before || matches!(node.kind, NodeKind::Broken) {
            return;
        }
        match value(&setting.kind, node) {
            Some(value) => {
                setting.kind.set(self.config, value);
                for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
                    self.found.places.insert(format!("{path}[{index}]"), item.span);
                }
                self.found.places.insert(path.to_owned(), node.span);
            }
            // The rules above should have said why; a setting that is not read must not pass for one that is not there.
            None => {
                let message = format!("the value of `{path}` cannot be read");
                self.report(Code::ConfigBadValue, node.span, path, message);
            }
        }
    }

    /// The rules for texts, wherever in the value they stand.
    fn texts(&mut self, setting: &Setting, node: &Node) {
        let (kind, path) = (&setting.kind, setting.path);
        if let Kind::Key = kind {
            if let Some(wrong) = node.as_text().filter(|text| *text != HIDDEN).and_then(fits::key) {
                self.report(Code::ConfigBadValue, node.span, path, format!("`{path}` {wrong}"));
            }
            return;
        }
        if let Some(text) = node.as_text() {
            self.text(kind.wrong(text), text, &setting.quoted(text), node, path);
        }
        for (index, item) in node.as_list().unwrap_or_default().iter().enumerate() {
            let path = format!("{path}[{index}]");
            if let Some(text) = item.as_text() {
                self.text(kind.wrong(text), text, &setting.quoted(text), item, &path);
            }
            let rules: [(&str, Fits); 2] = [("target", fits::glob), ("environment", fits::environment)];
            for (field, fits) in rules {
                let node = item.as_mapping().and_then(|mapping| mapping.get(field));
                if let Some((node, text)) = node.and_then(|node| Some((node, node.as_text()?))) {
                    self.text(fits(text), text, &setting.quoted(text), node, &format!("{path}.{field}"));
                }
            }
        }
    }

    /// The rules for a list as a whole.
    fn list(&mut self, setting: &Setting, node: &Node) {
        let text = |item: &Node| match item.as_mapping() {
            Some(mapping) => mapping.get("target").and_then(Node::as_text).map(str::to_owned),
            None => item.as_text().map(str::to_owned),
        };
        let texts: Vec<String> = node.as_list().unwrap_or_default().iter().filter_map(text).collect();
        if let Some(wrong) = setting.kind.wrong_list(texts.iter().map(String::as_str)) {
            let path = setting.path;
            self.report(Code::ConfigBadValue, node.span, path, format!("`{path}` {wrong}"));
        }
    }

    fn text(&mut self, wrong: Option<String>, text: &str, quoted: &str, node: &Node, path: &str) {
        // That a text is empty is reported already.
        if let Some(wrong) = wrong.filter(|_| !text.trim().is_empty()) {
            self.report(Code::ConfigBadValue, node.span, path, format!("{quoted} {wrong}"));
        }
    }

    fn headers(&mut self, entry: &Entry) {
        let mapping = match &entry.value.kind {
            NodeKind::Mapping(mapping) => mapping,
            _ if entry.value.is_null() => return self.without_value(HEADERS, entry),
            NodeKind::Broken => return,
            NodeKind::Scalar(_) | NodeKind::List(_) => {
                let message = format!("`{HEADERS}` must be a mapping");
                self.report(Code::ConfigWrongType, entry.value.span, HEADERS, message);
                return self
                    .help("write the name of a header, `:` and a CEL expression over `call`".to_owned());
            }
        };
        let length = |entry: &Entry| entry.value.as_text().map_or(0, str::len);
        let bytes = mapping.entries.iter().map(length).fold(0, usize::saturating_add);
        if let Some(wrong) = headers::too_large(mapping.entries.len(), bytes) {
            return self.report(Code::ConfigBadValue, entry.key_span, HEADERS, wrong);
        }
        self.found.places.insert(HEADERS.to_owned(), entry.key_span);
        for entry in &mapping.entries {
            self.header(entry);
        }
    }

    fn header(&mut self, entry: &Entry) {
        let path = format!("{HEADERS}.{}", entry.key);
        if let Some(wrong) = fits::header_name(&entry.key) {
            return self.report(
                Code::ConfigBadValue,
                entry.key_span,
                &path,
                format!("`{}` {wrong}", fits::shown(&entry.key)),
            );
        }
        let header = Override::new(&entry.key, entry.key_span, path.clone());
        if let Some(first) = self.found.headers.iter().find(|other| other.name == header.name) {
            let message = format!("the header `{}` stands twice, capitals do not matter", header.name);
            let diagnostic = Diagnostic::error(Code::ConfigDuplicate, message)
                .at(self.source, entry.key_span)
                .path(path)
                .label(self.source, first.key, "first used here");
            return self.out.push(diagnostic);
        }
        match &entry.value.kind {
            NodeKind::Broken => {}
            NodeKind::Scalar(scalar) if scalar.value == Meaning::Text => {
                if scalar.text.trim().is_empty() {
                    let message = format!("`{path}` must not be empty");
                    self.report(Code::ConfigBadValue, entry.value.span, &path, message);
                    return self.help("write `null` to remove the header".to_owned());
                }
                self.found.headers.push(header.with_expression(scalar));
            }
            NodeKind::Scalar(_) if entry.value.is_null() => self.found.headers.push(header),
            NodeKind::Scalar(scalar) => {
                let message = format!("`{path}` must be a CEL expression in text");
                self.report(Code::ConfigWrongType, entry.value.span, &path, message);
                self.help(format!("a fixed value is a text in the expression: `'\"{}\"'`", scalar.text));
            }
            NodeKind::List(_) | NodeKind::Mapping(_) => {
                let message = format!("`{path}` must be a CEL expression in text");
                self.report(Code::ConfigWrongType, entry.value.span, &path, message);
                self.help("several values are a list in the expression: `'[\"a\", \"b\"]'`".to_owned());
            }
        }
    }
}

/// The value of a node in which nothing is wrong.
fn value(kind: &Kind, node: &Node) -> Option<Value> {
    let scalar = || match &node.kind {
        NodeKind::Scalar(scalar) => Some(scalar.value),
        _ => None,
    };
    let text = |node: &Node| node.as_text().map(str::to_owned);
    match kind {
        Kind::Flag(_) => match scalar()? {
            Meaning::Bool(flag) => Some(Value::Flag(flag)),
            _ => None,
        },
        Kind::Whole(..) => match scalar()? {
            Meaning::Integer(number) => Some(Value::Whole(number)),
            _ => None,
        },
        Kind::Choice(words, ..) => {
            words.iter().find(|word| node.as_text() == Some(**word)).map(|word| Value::Word(word))
        }
        Kind::Text(..) | Kind::Optional(..) | Kind::Key => Some(Value::Text(text(node)?)),
        Kind::Environment => Some(Value::Environment(Environment::new(node.as_text()?).ok()?)),
        Kind::Texts(..) | Kind::Globs(..) => {
            Some(Value::Texts(node.as_list()?.iter().map(text).collect::<Option<_>>()?))
        }
        Kind::Targets => {
            let target = |item: &Node| {
                let item = item.as_mapping()?;
                let environment = item.get("environment")?.as_text()?;
                Some((text(item.get("target")?)?, Environment::new(environment).ok()?))
            };
            Some(Value::Targets(node.as_list()?.iter().map(target).collect::<Option<_>>()?))
        }
    }
}

/// The names that a section has, `headers` and what stands before them included.
fn fields(section: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    if section.is_empty() {
        names.extend(["apiVersion", "kind"]);
    }
    for setting in SETTINGS {
        let name = child(setting.path, section).and_then(|rest| rest.split('.').next());
        names.extend(name.filter(|name| names.last() != Some(name)));
    }
    if section.is_empty() {
        names.push(HEADERS);
    }
    names
}

/// The rest of `path` below `section`.
fn child<'p>(path: &'p str, section: &str) -> Option<&'p str> {
    if section.is_empty() { Some(path) } else { path.strip_prefix(section)?.strip_prefix('.') }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The code that a fault of a policy's structure has in a configuration.
fn code(code: Code) -> Code {
    match code {
        Code::WrongType => Code::ConfigWrongType,
        Code::UnknownField => Code::ConfigUnknownField,
        Code::MissingField => Code::ConfigMissingValue,
        Code::UnsupportedValue => Code::ConfigUnsupportedValue,
        Code::BadFormat | Code::BadName => Code::ConfigBadValue,
        Code::DuplicateListEntry => Code::ConfigDuplicate,
        other => other,
    }
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
