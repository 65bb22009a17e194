//! Which messages pass without a policy: the deployment's glob lists, compiled once.
//!
//! Knows names only; that a message is well-formed is [`call`](super::call)'s to say.

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::refusal::Id;
use crate::config::Judging;

/// Compiled [`Judging`].
#[derive(Clone, Debug)]
pub struct Rules {
    pass_methods: GlobSet,
    pass_notifications: GlobSet,
    judge_methods: GlobSet,
    pass_tools: GlobSet,
}

impl Rules {
    /// Compiles the lists.
    ///
    /// # Errors
    /// A text for each pattern that is none.
    pub fn new(judging: &Judging) -> Result<Rules, Vec<String>> {
        let mut errors = Vec::new();
        let mut compiled = |list: &[String]| {
            let mut set = GlobSetBuilder::new();
            for pattern in list {
                match glob(pattern) {
                    Ok(glob) => drop(set.add(glob)),
                    Err(error) => errors.push(error),
                }
            }
            set.build().unwrap_or_else(|error| {
                errors.push(error.to_string());
                GlobSet::empty()
            })
        };
        let rules = Rules {
            pass_methods: compiled(&judging.pass_methods),
            pass_notifications: compiled(&judging.pass_notifications),
            judge_methods: compiled(&judging.judge_methods),
            pass_tools: compiled(&judging.pass_tools),
        };
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// True if a message of `method` passes; `tool` is the whole name of the tool of a `tools/call`.
    pub fn passes(&self, method: &str, id: Id<'_>, tool: Option<&str>) -> bool {
        if self.judge_methods.is_match(method) {
            return false;
        }
        self.pass_methods.is_match(method)
            || id == Id::Absent && self.pass_notifications.is_match(method)
            || tool.is_some_and(|tool| self.pass_tools.is_match(tool))
    }
}

/// One glob for names without a path's structure: `*` and `?` match `/` too, and upper and lower case differ.
fn glob(pattern: &str) -> Result<globset::Glob, String> {
    GlobBuilder::new(pattern).literal_separator(false).build().map_err(|error| error.to_string())
}

/// A table of target globs to environments, [`crate::config::EnvironmentSource::Targets`].
#[derive(Clone, Debug, Default)]
pub struct Environments(Vec<(GlobMatcher, String)>);

impl Environments {
    /// Compiles a table.
    ///
    /// # Errors
    /// A text for each pattern that is none.
    pub fn new(table: &[(String, String)]) -> Result<Environments, Vec<String>> {
        let mut errors = Vec::new();
        let mut rows = Vec::with_capacity(table.len());
        for (pattern, environment) in table {
            match glob(pattern) {
                Ok(glob) => rows.push((glob.compile_matcher(), environment.clone())),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Environments(rows)) } else { Err(errors) }
    }

    /// The environment of a tool's target, by the first row that matches. A tool without a target has the empty one,
    /// so that `*` is for every call.
    pub fn of(&self, target: Option<&str>) -> Option<&str> {
        let target = target.unwrap_or_default();
        self.0.iter().find(|(glob, _)| glob.is_match(target)).map(|(_, environment)| environment.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
    }

    #[test]
    fn the_default_passes_what_keeps_the_agent_connected() {
        let rules = Rules::new(&Judging::default()).unwrap();
        for (method, id, expected) in [
            ("initialize", Id::Raw("0"), true),
            ("tools/list", Id::Raw("1"), true),
            ("tools/listx", Id::Raw("1"), false),
            ("xtools/list", Id::Raw("1"), false),
            ("Tools/list", Id::Raw("1"), false),
            ("tools/list ", Id::Raw("1"), false),
            ("notifications/a/b", Id::Absent, true),
            ("notifications/", Id::Absent, true),
            ("notifications/..", Id::Absent, true),
            ("notifications", Id::Absent, false),
            ("notifications/initialized", Id::Raw("1"), false),
            ("notifications/initialized", Id::Raw("null"), false),
            ("tools/call", Id::Raw("1"), false),
            ("", Id::Absent, false),
        ] {
            assert_eq!(rules.passes(method, id, None), expected, "{method} {id:?}");
        }
    }

    #[test]
    fn lists_are_globs_and_judging_wins() {
        let rules = Rules::new(&Judging {
            pass_methods: list(&["resources/{list,templates/*}", "x/?", "tools/call"]),
            pass_notifications: list(&["*"]),
            judge_methods: list(&["notifications/message", "tools/*"]),
            pass_tools: list(&["x_amz_bedrock_agentcore_search", "docs___*", "[ab]___get"]),
        })
        .unwrap();
        let id = Id::Raw("1");
        for (method, id, tool, expected) in [
            ("resources/list", id, None, true),
            ("resources/templates/list", id, None, true),
            ("resources/read", id, None, false),
            ("x/y", id, None, true),
            ("x/yy", id, None, false),
            ("notifications/message", Id::Absent, None, false),
            ("notifications/progress", Id::Absent, None, true),
            ("tools/call", id, Some("docs___read"), false),
        ] {
            assert_eq!(rules.passes(method, id, tool), expected, "{method} {tool:?}");
        }
        let rules =
            Rules::new(&Judging { pass_tools: list(&["docs___*", "[ab]___get"]), ..Judging::default() })
                .unwrap();
        for (tool, expected) in
            [("docs___read", true), ("xdocs___read", false), ("a___get", true), ("c___get", false)]
        {
            assert_eq!(rules.passes("tools/call", id, Some(tool)), expected, "{tool}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_is_an_error() {
        let judging = Judging { pass_methods: list(&["a[", "ok", "{a"]), ..Judging::default() };
        assert_eq!(Rules::new(&judging).unwrap_err().len(), 2);
        assert!(Environments::new(&[("a[".to_owned(), "x".to_owned())]).is_err());
    }

    #[test]
    fn the_first_row_that_matches_the_target_is_its_environment() {
        let row = |glob: &str, environment: &str| (glob.to_owned(), environment.to_owned());
        let table =
            Environments::new(&[row("prod-*", "production"), row("*-dev", "development"), row("a", "x")])
                .unwrap();
        for (target, expected) in [
            (Some("prod-orders"), Some("production")),
            (Some("prod-dev"), Some("production")),
            (Some("orders-dev"), Some("development")),
            (Some("PROD-orders"), None),
            (Some("b"), None),
            (None, None),
        ] {
            assert_eq!(table.of(target), expected, "{target:?}");
        }
        assert_eq!(Environments::new(&[row("*", "all")]).unwrap().of(None), Some("all"));
    }
}
