//! Generated expressions as trees, so that a difference can be shrunk: how they are written, and what is smaller.
//! Knows CEL's spelling, not its meaning.

use toolgate::internal::types::Type;

use super::rng::Rng;

/// Stands for the next child in a node's text.
pub(crate) const HOLE: char = '\u{1}';
/// Stands for all remaining children, joined by commas.
pub(crate) const ITEMS: char = '\u{2}';

/// An expression, or a map entry.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The type it was generated for.
    pub(crate) ty: Type,
    text: String,
    /// The content, if the node is a plain string literal.
    content: Option<String>,
    /// True if the text is whatever chance made of an expression.
    damaged: bool,
    children: Vec<Node>,
}

impl Node {
    /// A node without children.
    pub(crate) fn leaf(ty: Type, text: impl Into<String>) -> Node {
        Node { ty, text: text.into(), content: None, damaged: false, children: Vec::new() }
    }

    /// A node whose text has holes for its children.
    pub(crate) fn new(ty: Type, text: impl Into<String>, children: Vec<Node>) -> Node {
        Node { ty, text: text.into(), content: None, damaged: false, children }
    }

    /// A string literal.
    pub(crate) fn string(content: &str) -> Node {
        Node {
            ty: Type::String,
            text: quote(content),
            content: Some(content.to_owned()),
            damaged: false,
            children: Vec::new(),
        }
    }

    /// The expression with some of its tokens changed by `change`.
    pub(crate) fn damaged(&self, change: impl FnOnce(&mut Vec<String>)) -> Node {
        let mut tokens = tokens(&self.render());
        change(&mut tokens);
        let mut node = Node::leaf(self.ty.clone(), tokens.concat());
        node.damaged = true;
        node
    }

    /// The CEL text.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let mut children = self.children.iter();
        for c in self.text.chars() {
            match c {
                HOLE => {
                    if let Some(child) = children.next() {
                        child.write(out);
                    }
                }
                ITEMS => {
                    for (i, child) in children.by_ref().enumerate() {
                        out.push_str(if i == 0 { "" } else { ", " });
                        child.write(out);
                    }
                }
                c => out.push(c),
            }
        }
    }

    /// True if a member access needs parentheses around it.
    pub(crate) fn is_signed(&self) -> bool {
        self.text.starts_with('-')
    }

    /// Puts one of the leaves in the place of another of its type, if there are two, or takes a leaf's type from it.
    pub(crate) fn vary(&mut self, rng: &mut Rng) {
        let mut leaves = Vec::new();
        self.leaves(&mut leaves);
        let Some(mut chosen) = rng.pick(&leaves).cloned() else { return };
        let untyped = rng.chance(300);
        leaves.retain(|leaf| leaf.ty == chosen.ty && untyped == (leaf.text == chosen.text));
        let Some(other) = rng.pick(&leaves).cloned() else { return };
        if untyped {
            chosen.text = format!("dyn({})", chosen.text);
            chosen.content = None;
        }
        let mut places = Vec::new();
        self.places(&other.text, &mut places);
        let which = rng.below(places.len().max(1));
        if let Some(place) = places.into_iter().nth(which) {
            *place = chosen;
        }
    }

    fn leaves(&self, out: &mut Vec<Node>) {
        if self.children.is_empty() {
            out.push(self.clone());
        }
        self.children.iter().for_each(|child| child.leaves(out));
    }

    /// The leaves with this text.
    fn places<'n>(&'n mut self, text: &str, out: &mut Vec<&'n mut Node>) {
        if self.children.is_empty() {
            if self.text == text {
                out.push(self);
            }
        } else {
            self.children.iter_mut().for_each(|child| child.places(text, out));
        }
    }

    /// Smaller expressions, each one step away.
    pub(crate) fn smaller(&self) -> Vec<Node> {
        if self.damaged {
            let count = tokens(&self.text).len();
            return (0..count).map(|at| self.damaged(|tokens| drop(tokens.remove(at)))).collect();
        }
        let mut out: Vec<Node> = self.children.clone();
        let plain = plain(&self.ty);
        if !self.children.is_empty() || (self.content.is_none() && self.text.len() > plain.len()) {
            out.extend((!plain.is_empty()).then(|| Node::leaf(self.ty.clone(), plain)));
        }
        if let Some(content) = &self.content {
            out.extend(shorter(content).iter().map(|content| Node::string(content)));
        }
        if self.text.contains(ITEMS) {
            let fixed = self.text.chars().filter(|c| *c == HOLE).count();
            for at in fixed..self.children.len() {
                let mut node = self.clone();
                node.children.remove(at);
                out.push(node);
            }
        }
        for (at, child) in self.children.iter().enumerate() {
            for smaller in child.smaller() {
                let mut node = self.clone();
                if let Some(place) = node.children.get_mut(at) {
                    *place = smaller;
                }
                out.push(node);
            }
        }
        out
    }
}

/// The plainest value of a type; empty if there is none.
fn plain(ty: &Type) -> &'static str {
    match ty {
        Type::Null => "null",
        Type::Bool => "true",
        Type::Int | Type::Dyn => "1",
        Type::Uint => "1u",
        Type::Double => "1.0",
        Type::String => "\"\"",
        Type::Bytes => "b\"\"",
        Type::List(_) => "[]",
        Type::Map(_) => "{}",
        Type::Duration => "duration(\"1s\")",
        Type::Timestamp => "timestamp(0)",
        _ if ty.unwrap_optional().is_some() => "optional.none()",
        _ => "",
    }
}

/// Shorter texts, each one step away.
pub(crate) fn shorter(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let half = chars.len() >> 1;
    if half > 0 {
        out.push(chars.iter().take(half).collect());
        out.push(chars.iter().skip(half).collect());
    }
    for at in 0..chars.len().min(60) {
        out.push(chars.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| c).collect());
    }
    out
}

/// A text cut into words, numbers, string literals and signs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        let goes_on = tokens
            .last()
            .is_some_and(|last| word && last.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        match (quote, tokens.last_mut()) {
            (Some(open), Some(last)) => {
                last.push(c);
                if escaped {
                    escaped = false;
                } else if c == '\\' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
            }
            (None, Some(last)) if goes_on => last.push(c),
            _ => {
                quote = (c == '"' || c == '\'').then_some(c);
                tokens.push(c.to_string());
            }
        }
    }
    tokens
}

/// A CEL string literal.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
