//! Events to a tree: anchors and aliases, merges, duplicate keys, and the limits that keep all of it small.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{
    ErrorKind, Event, ParseResult, Parser, ScalarStyle, Span as EventSpan, Tag as EventTag, options,
};

use super::resolve::{self, Reader, Tag};
use super::{Entry, MAX_DEPTH, MAX_NODES, Mapping, Node, NodeKind, Scalar, Value, between, scalar, syntax};
use crate::diag::{Code, Diagnostic};
use crate::limit::over;
use crate::source::{Source, Span};

/// The namespace of YAML's own tags.
const CORE: &str = "tag:yaml.org,2002:";

/// What became of a document.
pub(super) enum Outcome {
    /// Its value.
    Value(Node),
    /// There is no value.
    Empty,
    /// It cannot be read, as a diagnostic says.
    Broken,
}

/// What a document may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// The most values that it may have.
    most_nodes: usize,
    /// The most values that aliases may repeat: go-yaml refuses a document that is made of little else.
    most_repeated: usize,
    /// Whether a key may stand twice, the last one counting, and other documents may follow, which nobody reads.
    loose: bool,
    /// What scalars mean.
    reader: Reader,
}

impl Habits {
    /// Those of a file with policies.
    pub(super) const STRICT: Habits =
        Habits { most_nodes: MAX_NODES, most_repeated: MAX_NODES, loose: false, reader: Reader::Json };

    /// Those of a file with a payload.
    pub(super) const PAYLOAD: Habits = Habits { reader: Reader::Plain, ..Habits::STRICT };

    /// Those of a text of `length` bytes that a policy reads.
    pub(super) fn loose(length: usize) -> Habits {
        let most_nodes = length.saturating_add(1_000).min(MAX_NODES);
        Habits { most_nodes, most_repeated: 1_000, loose: true, reader: Reader::Json }
    }
}

/// Reads the document at `chunk`.
pub(super) fn document(
    source: &Arc<Source>,
    chunk: Span,
    habits: Habits,
    diagnostics: &mut Vec<Diagnostic>,
) -> Outcome {
    let text = source.slice(chunk);
    let base = usize::try_from(chunk.start).unwrap_or(usize::MAX);
    if let Some(diagnostic) = forbidden_character(source, text, base) {
        diagnostics.push(diagnostic);
        return Outcome::Broken;
    }
    if let Some(place) = leading_end(text, base) {
        let message = "a document cannot start with `...`";
        diagnostics
            .push(Diagnostic::error(Code::YamlSyntax, message).at(source, place).help("remove the line"));
        return Outcome::Broken;
    }
    // The switches make the parser read as libyaml does where the two differ.
    let options = options! {
        disallow_directives: true,
        bom_inside_document_as_content: true,
        block_scalar_eof_without_line_feed: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        source,
        base,
        end: base.saturating_add(text.len()),
        habits,
        diagnostics,
        anchors: HashMap::new(),
        open: Vec::new(),
        stack: Vec::new(),
        root: None,
        spent: 0,
        repeated: 0,
        carrier: false,
        covered: Vec::new(),
        scalars: Vec::new(),
    };
    if builder.read(Parser::new_from_str_with_options(text, options)).is_none() {
        return Outcome::Broken;
    }
    builder.tabs(text);
    builder.between(text);
    builder.root.map_or(Outcome::Empty, Outcome::Value)
}

/// Characters that YAML forbids, and those that libyaml takes for line breaks and other readers do not: with
/// them a reviewer could see another document than the one that is served.
fn forbidden_character(source: &Arc<Source>, text: &str, base: usize) -> Option<Diagnostic> {
    let forbidden = |(at, character): &(usize, char)| match character {
        '\t' | '\n' | '\r' | ' '..='~' => false,
        '\u{feff}' => *at > 0,
        '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => false,
        _ => true,
    };
    let (at, character) = text.char_indices().find(forbidden)?;
    let start = base.saturating_add(at);
    let message = format!("the character `{}` is not allowed here", character.escape_unicode());
    Some(
        Diagnostic::error(Code::ForbiddenCharacter, message)
            .at(source, Span::new(start, start.saturating_add(character.len_utf8())))
            .help("remove it; inside double quotes it can be written as an escape sequence"),
    )
}

/// The parser notices a tab in the indentation only when it looks back from the value before it.
fn tab_after(source: &Source, place: Span) -> Option<Span> {
    let from = index(place.start);
    let rest = source.text().get(from..)?;
    if rest.starts_with('\t') {
        return None;
    }
    let (at, _) = rest.match_indices('\t').find(|(at, _)| {
        let line = rest.get(..*at).and_then(|before| before.rsplit_once('\n')).map(|(_, line)| line);
        line.is_some_and(|line| line.trim().is_empty())
    })?;
    let tab = from.saturating_add(at);
    Some(Span::new(tab, tab.saturating_add(1)))
}

/// A line `...` before anything else, which libyaml does not take.
fn leading_end(text: &str, base: usize) -> Option<Span> {
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    let rest = line.strip_prefix("...")?;
    let at = base.saturating_add(text.find("...")?);
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| Span::new(at, at.saturating_add(3)))
}

/// A collection whose end is not reached yet.
struct Frame {
    start: Span,
    anchor: usize,
    /// Keys and values in turn, if this is a mapping; else elements.
    items: Vec<Node>,
    mapping: bool,
    /// Whether it stands inside `[` or `{`.
    flow: bool,
    /// Which keys are a plain `<<`, by index into `items`.
    merges: Vec<usize>,
}

/// An anchored value and what an alias to it costs.
struct Anchored {
    node: Node,
    cost: usize,
    height: usize,
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    /// Where the document starts in the file.
    base: usize,
    /// Where it ends.
    end: usize,
    habits: Habits,
    diagnostics: &'a mut Vec<Diagnostic>,
    anchors: HashMap<usize, Anchored>,
    /// Anchors of collections that are not complete.
    open: Vec<usize>,
    stack: Vec<Frame>,
    root: Option<Node>,
    spent: usize,
    /// How many values aliases have repeated.
    repeated: usize,
    /// Whether the scalar at hand is a merge key.
    carrier: bool,
    /// Scalars and outermost `[…]` and `{…}`, in the order of the file: inside them tabs are harmless.
    covered: Vec<Span>,
    /// The scalars that are written, in the order of the file.
    scalars: Vec<between::Scalar>,
}

impl Builder<'_> {
    fn place(&self, span: &EventSpan) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span::new(self.base.saturating_add(range.start), self.base.saturating_add(range.end))
    }

    /// Takes all events; none when the document cannot be read to its end.
    fn read<'input>(&mut self, events: impl Iterator<Item = ParseResult<'input>>) -> Option<()> {
        let mut ended = false;
        for event in events {
            match event {
                Ok((Event::DocumentEnd, _)) => ended = true,
                Ok((Event::DocumentStart(..), span)) if ended && self.habits.loose => {
                    self.end = index(self.place(&span).start);
                    return Some(());
                }
                Ok((Event::DocumentStart(..), span)) if ended => {
                    let place = self.place(&span);
                    self.after_the_end(place);
                    return None;
                }
                Ok((event, span)) => self.event(event, &span)?,
                Err(error) => {
                    let at = self.base.saturating_add(error.marker().byte_offset().unwrap_or(0));
                    let place = Span::new(at, at.saturating_add(1));
                    if ended && self.only_directives_from(at) {
                        return Some(());
                    } else if ended {
                        self.after_the_end(place);
                    } else {
                        let diagnostic = syntax::diagnostic(error.kind());
                        let about_tabs = syntax::is_about_tabs(error.kind());
                        let tab = about_tabs.then(|| tab_after(self.source, place)).flatten();
                        self.diagnostics.push(diagnostic.at(self.source, tab.unwrap_or(place)));
                    }
                    return None;
                }
            }
        }
        Some(())
    }

    fn report(&mut self, code: Code, place: Span, message: impl Into<String>, help: &str) {
        let diagnostic = Diagnostic::error(code, message).at(self.source, place);
        self.diagnostics.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    /// Whether nothing follows but directives, which no document after a `---` is concerned by: Kyverno's reader passes
    /// over them behind `...`, and nothing is lost.
    fn only_directives_from(&self, at: usize) -> bool {
        let rest = self.source.text().get(at..self.end).unwrap_or("no text");
        rest.lines().map(str::trim_end).all(|line| line.is_empty() || line.starts_with(['%', '#']))
    }

    fn after_the_end(&mut self, place: Span) {
        self.report(
            Code::ContentAfterDocument,
            place,
            "the document has already ended before this text",
            "start another document with a line `---`; Kyverno's reader passes over this text in silence",
        );
    }

    /// Takes one event; none when the document cannot be read on.
    fn event(&mut self, event: Event<'_>, span: &EventSpan) -> Option<()> {
        let place = self.place(span);
        let tag_place = span.tag_span().map(|span| self.place(&span));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(1_usize.saturating_add(text.len() / 256), place)?;
                let node = self.scalar(
                    &text,
                    style,
                    tag.as_deref().map(|tag| (tag, tag_place.unwrap_or(place))),
                    place,
                );
                self.complete(node, anchor);
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                self.charge(1, place)?;
                if self.stack.len() >= MAX_DEPTH {
                    self.too_deep(place);
                    return None;
                }
                self.open.push(anchor);
                let mapping = matches!(event, Event::MappingStart(..));
                let flow = place.end > place.start || self.in_flow();
                self.stack.push(Frame {
                    start: place,
                    anchor,
                    items: Vec::new(),
                    mapping,
                    flow,
                    merges: Vec::new(),
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let frame = self.stack.pop()?;
                self.open.pop();
                let flow = place.end > place.start;
                if flow {
                    self.cover(frame.start.to(place));
                }
                let end = if flow { Some(place) } else { frame.items.last().map(|node| node.span) };
                let span =
                    end.map_or(frame.start, |end| Span { end: end.end.max(frame.start.end), ..frame.start });
                let anchor = frame.anchor;
                let kind = if frame.mapping { self.mapping(frame) } else { NodeKind::List(frame.items) };
                self.complete(Node { span, alias: None, kind }, anchor);
            }
            Event::Alias(anchor) => self.alias(anchor, place)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` before this alias");
                self.report(Code::UnknownAnchor, place, message, "text that starts with `*` needs quotes");
                self.complete(Node { span: place, alias: None, kind: NodeKind::Broken }, 0);
            }
            _ => {}
        }
        Some(())
    }

    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.flow)
    }

    fn cover(&mut self, place: Span) {
        while self.covered.last().is_some_and(|last| last.start >= place.start) {
            self.covered.pop();
        }
        self.covered.push(place);
    }

    /// libyaml takes no tab for indentation, not even in front of a comment; the parser does.
    fn tabs(&mut self, text: &str) {
        let mut at = self.base;
        for line in text.split_inclusive(['\n', '\r']) {
            let start = Span::new(at, at).start;
            at = at.saturating_add(line.len());
            let Some(before) = between::before_tab(line) else { continue };
            let after = self.covered.partition_point(|place| place.start < start);
            let covering = after.checked_sub(1).and_then(|index| self.covered.get(index));
            if covering.is_none_or(|place| place.end <= start) {
                let tab = index(start).saturating_add(before);
                let diagnostic = syntax::diagnostic(&ErrorKind::TabInIndentation);
                self.diagnostics.push(diagnostic.at(self.source, Span::new(tab, tab.saturating_add(1))));
                return;
            }
        }
    }

    /// What the parser reads between scalars and libyaml otherwise.
    fn between(&mut self, text: &str) {
        let read = text.get(..self.end.saturating_sub(self.base)).unwrap_or(text);
        if let Some((bytes, message)) = between::unlike(read, &self.scalars) {
            let place = Span::new(self.base.saturating_add(bytes.start), self.base.saturating_add(bytes.end));
            let help = "Kyverno's YAML reader takes it otherwise";
            self.report(Code::YamlSyntax, place, message, help);
        }
    }

    fn charge(&mut self, cost: usize, place: Span) -> Option<()> {
        self.spent = self.spent.saturating_add(cost);
        if self.spent > self.habits.most_nodes || self.repeated > self.habits.most_repeated {
            let most = match self.spent > self.habits.most_nodes {
                true => over(self.habits.most_nodes, "values"),
                false => over(self.habits.most_repeated, "values that aliases repeat"),
            };
            let message = format!("the document has {most}");
            self.report(Code::TooManyNodes, place, message, "a value counts each time an alias uses it");
            return None;
        }
        Some(())
    }

    fn too_deep(&mut self, place: Span) {
        self.report(Code::TooDeep, place, syntax::too_deep(), "");
    }

    fn alias(&mut self, anchor: usize, place: Span) -> Option<()> {
        if self.open.contains(&anchor) {
            self.report(
                Code::SelfContainingAnchor,
                place,
                "this alias stands inside the value that it names",
                "",
            );
            self.complete(Node { span: place, alias: None, kind: NodeKind::Broken }, 0);
            return Some(());
        }
        let (cost, height) = self.anchors.get(&anchor).map_or((0, 0), |found| (found.cost, found.height));
        self.repeated = self.repeated.saturating_add(cost);
        self.charge(cost, place)?;
        if self.stack.len().saturating_add(height) > MAX_DEPTH {
            self.too_deep(place);
            return None;
        }
        let node = match self.anchors.get(&anchor) {
            Some(found) => Node { alias: Some(place), ..found.node.clone() },
            None => Node { span: place, alias: None, kind: NodeKind::Broken },
        };
        self.complete(node, 0);
        Some(())
    }

    /// Gives a complete value to the collection around it.
    fn complete(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            let (cost, height) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), cost, height });
        }
        let carrier = std::mem::take(&mut self.carrier);
        let is_key =
            self.stack.last().is_some_and(|frame| frame.mapping && frame.items.len().is_multiple_of(2));
        if let NodeKind::Scalar(Scalar { value: Value::Float(number), text, .. }) = &node.kind
            && !is_key
            && !number.is_finite()
            && self.habits.reader == Reader::Json
        {
            let message = format!("`{text}` is not a number that JSON can hold");
            self.report(Code::NotAJsonNumber, node.span, message, "put it in quotes if it is text");
        }
        match self.stack.last_mut() {
            Some(frame) => {
                if carrier && is_key {
                    frame.merges.push(frame.items.len());
                }
                frame.items.push(node);
            }
            None => self.root = Some(node),
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<(&EventTag, Span)>,
        place: Span,
    ) -> Node {
        let plain = matches!(style, ScalarStyle::Plain);
        // The parser gives `~` for a value that is not written.
        let text = if plain && place.start == place.end { "" } else { text };
        let tag_place = tag.map_or(place, |(_, place)| place);
        let tag =
            tag.map(|(tag, _)| tag.suffix_in_namespace(CORE).map_or(Tag::Other, |suffix| Tag::core(&suffix)));
        // A lone `!` says nothing to go-yaml v3.
        let lone = self.habits.reader == Reader::Plain && file_text(self.source, tag_place) == "!";
        let tag = tag.filter(|_| !lone);
        let file = self.source.text();
        let (start, end) = (index(place.start), index(place.end));
        self.cover(place);
        if start < end {
            let bytes = start.saturating_sub(self.base)..end.saturating_sub(self.base);
            self.scalars.push(between::Scalar { bytes, plain });
        }
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let line = file.get(self.base..start).unwrap_or_default();
        if block && !text.is_empty() && (line.is_empty() || line.ends_with(['\n', '\r'])) {
            self.report(
                Code::YamlSyntax,
                place,
                "the lines of a block that starts with `|` or `>` are indented",
                "Kyverno's YAML reader takes this block for empty",
            );
        }
        self.carrier = plain && text == "<<" && tag.is_none();
        if matches!(style, ScalarStyle::DoubleQuoted)
            && let Some(escape) = scalar::foreign_escape(file, start, end)
        {
            self.report(
                Code::YamlSyntax,
                escape,
                "Kyverno's YAML reader does not know this escape sequence",
                "write the character itself, or `\\U` with eight hexadecimal digits",
            );
        }
        if plain && self.in_flow() && (text.contains('?') || text.starts_with(':')) {
            self.report(
                Code::YamlSyntax,
                place,
                "text inside `[` or `{` that starts with `:` or has a `?` needs quotes",
                "Kyverno's YAML reader takes these characters for signs of its own",
            );
        }
        if text.is_empty() && plain && tag == Some(Tag::Other) {
            let message = "a word that starts with `!` is a tag, and no value follows it";
            self.report(Code::YamlSyntax, tag_place, message, "text that starts with `!` needs quotes");
        }
        let value = match tag {
            None if !plain => Some(Value::Text),
            Some(Tag::Binary) => {
                self.report(
                    Code::UnsupportedBinary,
                    place,
                    "values with the tag `!!binary` are not supported",
                    "",
                );
                Some(Value::Text)
            }
            tag => resolve::resolve(self.habits.reader, tag.unwrap_or(Tag::None), text),
        };
        let Some(value) = value else {
            let message = format!("`{text}` is not of the type that its tag names");
            self.report(Code::BadTaggedValue, place, message, "");
            return Node { span: place, alias: None, kind: NodeKind::Broken };
        };
        let map = scalar::map(file, start, end, style, text);
        let end = file
            .get(start..end)
            .map_or(end, |text| start.saturating_add(text.trim_end_matches(['\r', '\n']).len()));
        let kind = NodeKind::Scalar(Scalar { text: text.to_owned(), value, plain, map });
        Node { span: Span::new(start, end), alias: None, kind }
    }

    fn mapping(&mut self, frame: Frame) -> NodeKind {
        if self.habits.reader == Reader::Plain {
            return self.plain_mapping(frame);
        }
        let mut mapping = Mapping::default();
        let mut seen = HashMap::new();
        let mut items = frame.items.into_iter().enumerate();
        while let (Some((index, key)), Some((_, value))) = (items.next(), items.next()) {
            if frame.merges.contains(&index) {
                for mut entry in self.merged(key.span, value) {
                    entry.value.alias = Some(key.span);
                    self.insert(&mut mapping, &mut seen, entry, Some(key.span));
                }
            } else if let Some(name) = self.key(&key) {
                self.insert(&mut mapping, &mut seen, Entry { key: name, key_span: key.span, value }, None);
            }
        }
        NodeKind::Mapping(mapping)
    }

    /// A mapping as go-yaml v3 makes it: its own keys come before merged ones, and of those the first.
    fn plain_mapping(&mut self, frame: Frame) -> NodeKind {
        let mut mapping = Mapping::default();
        let (mut seen, mut merges) = (HashMap::new(), Vec::new());
        let mut items = frame.items.into_iter().enumerate();
        while let (Some((index, key)), Some((_, value))) = (items.next(), items.next()) {
            if frame.merges.contains(&index) {
                merges.push((key.span, value));
            } else if let Some(name) = self.plain_key(&key) {
                self.insert(&mut mapping, &mut seen, Entry { key: name, key_span: key.span, value }, None);
            }
        }
        if let Some((second, _)) = merges.get(1) {
            self.report(Code::DuplicateKey, *second, "the key `<<` is already set in this mapping", "");
        }
        for (key, value) in merges {
            let entries = self.merged(key, value);
            for entry in entries {
                if !seen.contains_key(&entry.key) {
                    self.insert(&mut mapping, &mut seen, entry, None);
                }
            }
        }
        NodeKind::Mapping(mapping)
    }

    /// A key is text. Kyverno keeps others, but no policy finds a number there; those of the document itself become text.
    fn plain_key(&mut self, node: &Node) -> Option<String> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.value == Value::Text => Some(scalar.text.clone()),
            NodeKind::Scalar(scalar) if self.stack.is_empty() && scalar.value != Value::Null => {
                Some(scalar.text.clone())
            }
            NodeKind::Broken => None,
            _ => {
                self.report(Code::BadKey, node.span, "a key must be text", "put it in quotes");
                None
            }
        }
    }

    fn insert(
        &mut self,
        mapping: &mut Mapping,
        seen: &mut HashMap<String, (usize, Span)>,
        entry: Entry,
        merge: Option<Span>,
    ) {
        let Some((at, first)) = seen.get(&entry.key).copied() else {
            seen.insert(entry.key.clone(), (mapping.entries.len(), entry.key_span));
            mapping.entries.push(entry);
            return;
        };
        if self.habits.loose {
            if let Some(before) = mapping.entries.get_mut(at) {
                *before = entry;
            }
            return;
        }
        let merged = merge.is_some();
        let help = if merged {
            "Kyverno's reader does not let a key and a merge (`<<`) set the same key; keep one of them"
        } else {
            "keep one of them"
        };
        self.diagnostics.push(
            Diagnostic::error(
                Code::DuplicateKey,
                format!("the key `{}` is already set in this mapping", entry.key),
            )
            .at(self.source, merge.unwrap_or(entry.key_span))
            .label(self.source, first, "first set here")
            .help(help),
        );
    }

    /// The entries that `<<: value` adds: of a mapping, or of the mappings of a list, the last first, but in a payload the
    /// first.
    fn merged(&mut self, key: Span, value: Node) -> Vec<Entry> {
        let aliased = value.alias.is_some();
        match value.kind {
            NodeKind::Mapping(mapping) => return mapping.entries,
            NodeKind::Broken => return Vec::new(),
            NodeKind::List(items) if !aliased && items.iter().all(|item| item.as_mapping().is_some()) => {
                let mappings = items.into_iter().filter_map(|item| match item.kind {
                    NodeKind::Mapping(mapping) => Some(mapping.entries),
                    _ => None,
                });
                return match self.habits.reader {
                    Reader::Json => mappings.rev().flatten().collect(),
                    Reader::Plain => mappings.flatten().collect(),
                };
            }
            _ => {}
        }
        self.report(Code::BadMerge, key, "`<<` needs a mapping, or a list of mappings", "");
        Vec::new()
    }

    /// The text that a key has in JSON.
    fn key(&mut self, node: &Node) -> Option<String> {
        let NodeKind::Scalar(scalar) = &node.kind else {
            if !matches!(node.kind, NodeKind::Broken) {
                self.report(Code::BadKey, node.span, "a key must be text, not a list or a mapping", "");
            }
            return None;
        };
        Some(match scalar.value {
            Value::Text => scalar.text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) if !is_fraction(&scalar.text) => value.to_string(),
            Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) | Value::Time(_) => {
                let message = format!("the number `{}` cannot be a key", scalar.text);
                self.report(Code::BadKey, node.span, message, "put it in quotes");
                return None;
            }
            Value::Null => {
                self.report(
                    Code::BadKey,
                    node.span,
                    "a key is missing here, or it is `null`",
                    "put it in quotes if it is text",
                );
                return None;
            }
        })
    }
}

/// Whether a number is written with a point or an exponent. As a key it would be rounded and spelt anew.
fn is_fraction(text: &str) -> bool {
    let hexadecimal = text.trim_start_matches(['+', '-']).to_lowercase().starts_with("0x");
    !hexadecimal && text.contains(['.', 'e', 'E'])
}

/// What a value costs and how deep it is. Recursion is safe: no value is deeper than [`MAX_DEPTH`].
fn measure(node: &Node) -> (usize, usize) {
    let join = |(cost, height): (usize, usize), node: &Node| {
        let (more, deep) = measure(node);
        (cost.saturating_add(more), height.max(deep))
    };
    let (cost, height) = match &node.kind {
        NodeKind::Scalar(scalar) => return (1_usize.saturating_add(scalar.text.len() / 256), 0),
        NodeKind::Broken => return (1, 0),
        NodeKind::List(items) => items.iter().fold((1, 0), join),
        NodeKind::Mapping(mapping) => {
            mapping.entries.iter().map(|entry| &entry.value).fold((mapping.entries.len(), 0), join)
        }
    };
    (cost.saturating_add(1), height.saturating_add(1))
}

fn file_text(source: &Source, place: Span) -> &str {
    source.slice(place).trim_end()
}

fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
