//! YAML that is written: every text in quotes, so that it reads back to what it was.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use crate::visible::is_unseen;

/// What is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// A number.
    Whole(i64),
    /// A word that needs no quotes.
    Word(&'static str),
    /// Any text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping, in this order. Its keys are written as they are: no text of a user's.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Whether it is a list or a mapping.
    fn is_nested(&self) -> bool {
        matches!(self, Tree::List(_) | Tree::Map(_))
    }
}

/// A document of our own: its keys are no text of a user's, and its numbers whole.
impl From<&Json> for Tree {
    fn from(json: &Json) -> Tree {
        match json {
            Json::Null => Tree::Null,
            Json::Bool(flag) => Tree::Flag(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Tree::Whole(number),
                None => Tree::Text(number.to_string()),
            },
            Json::String(text) => Tree::Text(text.clone()),
            Json::Array(items) => Tree::List(items.iter().map(Tree::from).collect()),
            Json::Object(members) => {
                Tree::Map(members.iter().map(|(key, value)| (key.clone(), Tree::from(value))).collect())
            }
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Null => serializer.serialize_unit(),
            Tree::Flag(flag) => serializer.serialize_bool(*flag),
            Tree::Whole(number) => serializer.serialize_i64(*number),
            Tree::Word(word) => serializer.serialize_str(word),
            Tree::Text(text) => serializer.serialize_str(text),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::Map(entries) if !entries.is_empty() => block(f, entries, 0, 0),
            value => {
                flow(f, value)?;
                writeln!(f)
            }
        }
    }
}

/// A mapping, one entry on each line. The first stands at its own place: behind the dash of a list, if it is in one.
fn block(f: &mut fmt::Formatter<'_>, entries: &[(String, Tree)], first: usize, indent: usize) -> fmt::Result {
    let mut at = first;
    for (key, value) in entries {
        write!(f, "{:at$}{key}:", "")?;
        at = indent;
        match value {
            Tree::Map(inner) if !inner.is_empty() => {
                writeln!(f)?;
                let inside = indent.saturating_add(2);
                block(f, inner, inside, inside)?;
            }
            Tree::List(items) if !items.is_empty() => {
                writeln!(f)?;
                for item in items {
                    write!(f, "{:indent$}  - ", "")?;
                    match item {
                        Tree::Map(inner) if inner.iter().any(|(_, value)| value.is_nested()) => {
                            block(f, inner, 0, indent.saturating_add(4))?;
                        }
                        item => {
                            flow(f, item)?;
                            writeln!(f)?;
                        }
                    }
                }
            }
            value => {
                f.write_str(" ")?;
                flow(f, value)?;
                writeln!(f)?;
            }
        }
    }
    Ok(())
}

/// A value on one line.
fn flow(f: &mut fmt::Formatter<'_>, value: &Tree) -> fmt::Result {
    match value {
        Tree::Null => f.write_str("null"),
        Tree::Flag(flag) => write!(f, "{flag}"),
        Tree::Whole(number) => write!(f, "{number}"),
        Tree::Word(word) => f.write_str(word),
        Tree::Text(text) => quote(f, text),
        Tree::List(items) => {
            f.write_str("[")?;
            for (index, item) in items.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                flow(f, item)?;
            }
            f.write_str("]")
        }
        Tree::Map(entries) => {
            f.write_str("{")?;
            for (index, (key, value)) in entries.iter().enumerate() {
                write!(f, "{}{key}: ", if index > 0 { ", " } else { "" })?;
                flow(f, value)?;
            }
            f.write_str("}")
        }
    }
}

/// Text is always quoted, since an unquoted one may mean something else: `no`, `1e3`, `null`. Single quotes where
/// nothing needs an escape, because expressions are full of double ones.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let plain = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{d7ff}') && !is_unseen(c);
    if text.chars().all(plain) {
        return write!(f, "'{}'", text.replace('\'', "''"));
    }
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c if plain(c) => write!(f, "{c}")?,
            c => write!(f, "\\U{:08x}", u32::from(c))?,
        }
    }
    f.write_str("\"")
}
