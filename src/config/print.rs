//! The effective configuration: all settings and the whole mapping, as YAML or JSON that reads back to the same
//! configuration. Secrets are not printed.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Settings;
use super::headers::HEADERS;
use super::table::{API_VERSION, KIND, SETTINGS, Value};
use crate::gateway::environment::Environment;
use crate::gateway::headers::DEFAULT_MAPPING;
use crate::visible::is_unseen;

/// What is in force. `Display` is YAML, `Serialize` the same tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    root: Tree,
}

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Null,
    Flag(bool),
    Whole(i64),
    /// A word that needs no quotes.
    Word(&'static str),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Settings {
    /// What is in force, for people to read and for a file to begin with.
    pub fn effective(&self) -> Effective {
        let mut root =
            vec![("apiVersion".to_owned(), Tree::Word(API_VERSION)), ("kind".to_owned(), Tree::Word(KIND))];
        for setting in SETTINGS {
            // A setting without a value is none, and would not read back.
            if let Some(value) = setting.get(self) {
                insert(&mut root, setting.path, tree(Some(value)));
            }
        }
        let mut headers: Vec<(String, Tree)> = self
            .headers
            .iter()
            .map(|rule| (rule.name.clone(), Tree::Text(rule.expression.clone())))
            .collect();
        let removed =
            DEFAULT_MAPPING.iter().filter(|(name, _)| !self.headers.iter().any(|rule| rule.name == *name));
        headers.extend(removed.map(|(name, _)| ((*name).to_owned(), Tree::Null)));
        root.push((HEADERS.to_owned(), Tree::Map(headers)));
        Effective { root: Tree::Map(root) }
    }
}

impl Settings {
    /// The settings that change decisions, as text that is equal where they mean the same: not how a denial is written
    /// nor what is recorded, and lists and headers without their order, where order has no meaning.
    pub fn deciding(&self) -> String {
        let mut root = Vec::new();
        for setting in SETTINGS {
            if setting.path.starts_with("denial.") || setting.path.starts_with("audit.") {
                continue;
            }
            let value = match setting.get(self) {
                Some(Value::Texts(mut texts)) => {
                    texts.sort_unstable();
                    texts.dedup();
                    Some(Value::Texts(texts))
                }
                value => value,
            };
            insert(&mut root, setting.path, tree(value));
        }
        let mut headers: Vec<(String, Tree)> = self
            .headers
            .iter()
            .map(|rule| (rule.name.clone(), Tree::Text(rule.expression.trim().to_owned())))
            .collect();
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        root.push((HEADERS.to_owned(), Tree::Map(headers)));
        Effective { root: Tree::Map(root) }.to_string()
    }
}

/// Puts a value at its path. The settings of a section stand together in the table, so a section is always the last.
fn insert(map: &mut Vec<(String, Tree)>, path: &str, value: Tree) {
    let Some((section, rest)) = path.split_once('.') else {
        map.push((path.to_owned(), value));
        return;
    };
    if let Some((last, Tree::Map(inner))) = map.last_mut()
        && last == section
    {
        return insert(inner, rest, value);
    }
    let mut inner = Vec::new();
    insert(&mut inner, rest, value);
    map.push((section.to_owned(), Tree::Map(inner)));
}

fn tree(value: Option<Value>) -> Tree {
    match value {
        None => Tree::Null,
        Some(Value::Flag(flag)) => Tree::Flag(flag),
        Some(Value::Whole(number)) => Tree::Whole(number),
        Some(Value::Word(word)) => Tree::Word(word),
        Some(Value::Text(text)) => Tree::Text(text),
        Some(Value::Environment(environment)) => Tree::Text(environment.to_string()),
        Some(Value::Texts(texts)) => Tree::List(texts.into_iter().map(Tree::Text).collect()),
        Some(Value::Targets(targets)) => {
            let target = |(target, environment): (String, Environment)| {
                Tree::Map(vec![
                    ("target".to_owned(), Tree::Text(target)),
                    ("environment".to_owned(), Tree::Text(environment.to_string())),
                ])
            };
            Tree::List(targets.into_iter().map(target).collect())
        }
    }
}

impl Serialize for Effective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root.serialize(serializer)
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

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Tree::Map(entries) = &self.root { block(f, entries, 0) } else { Ok(()) }
    }
}

/// A mapping, one entry on each line.
fn block(f: &mut fmt::Formatter<'_>, entries: &[(String, Tree)], indent: usize) -> fmt::Result {
    for (key, value) in entries {
        write!(f, "{:indent$}{key}:", "")?;
        match value {
            Tree::Map(inner) if !inner.is_empty() => {
                writeln!(f)?;
                block(f, inner, indent.saturating_add(2))?;
            }
            Tree::List(items) if !items.is_empty() => {
                writeln!(f)?;
                for item in items {
                    write!(f, "{:indent$}  - ", "")?;
                    flow(f, item)?;
                    writeln!(f)?;
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
