//! The effective configuration: all settings and the whole mapping, as YAML or JSON that reads back to the same
//! configuration. Secrets are not printed.

use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::Settings;
use super::headers::HEADERS;
use super::table::{API_VERSION, KIND, SETTINGS, Value};
use crate::gateway::environment::Environment;
use crate::gateway::headers::DEFAULT_MAPPING;
use crate::yaml::write::Tree;

/// What is in force. `Display` is YAML, `Serialize` the same tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    root: Tree,
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

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}
