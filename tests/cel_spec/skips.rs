//! The list of cases that do not apply, each with its reason.

use std::path::Path;

use serde_json::Value as Json;

/// `testdata/cel/conformance-skips.json`.
pub(crate) struct Skips {
    groups: Vec<Group>,
}

/// Cases with one reason: their names, `*` standing for any text.
struct Group {
    reason: String,
    tests: Vec<String>,
}

impl Skips {
    /// Reads the list.
    pub(crate) fn read() -> Skips {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/cel/conformance-skips.json");
        let groups: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let groups = groups
            .iter()
            .map(|group| {
                assert!(group["why"].is_string(), "a reason without explanation");
                Group {
                    reason: text(&group["reason"]).unwrap(),
                    tests: group["tests"].as_array().into_iter().flatten().filter_map(text).collect(),
                }
            })
            .collect();
        Skips { groups }
    }

    /// Why the case does not apply; `None` if it does.
    pub(crate) fn reason(&self, id: &str) -> Option<&str> {
        let mut listed = self.groups.iter().filter(|group| group.tests.iter().any(|name| matches(name, id)));
        let group = listed.next()?;
        assert!(listed.next().is_none(), "{id} is listed twice");
        Some(&group.reason)
    }

    /// The names and patterns that match none of `ids`.
    pub(crate) fn without_test(&self, ids: &[&str]) -> Vec<&str> {
        let patterns = self.groups.iter().flat_map(|group| &group.tests).map(String::as_str);
        patterns.filter(|pattern| !ids.iter().any(|id| matches(pattern, id))).collect()
    }
}

/// True if `text` is `pattern`, with any text for each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}
