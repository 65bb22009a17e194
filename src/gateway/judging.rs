//! Which messages pass without a policy: the deployment's glob lists, compiled once.
//!
//! Knows names only; that a message is well-formed is [`call`](super::call)'s to say.

use super::refusal::Id;
use crate::glob::{Case, Globs};
use crate::methods::{METHODS, notifications};

/// Methods that pass without a policy unless the configuration says otherwise: refusing them would disconnect the
/// agent instead of refusing an action. Globs, as all in [`Judging`].
pub const PASSED: &[&str] = &[
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
];

/// Which messages policies are asked about: glob patterns (`*`, `?`, `[…]`, `{a,b}`).
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::Judging;
///
/// let mut settings = Settings::default();
/// let judging: &mut Judging = &mut settings.judging;
/// judging.judge_methods = vec!["tools/list".to_owned()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judging {
    /// Requests of these methods pass without a policy.
    pub pass_methods: Vec<String>,
    /// Notifications of these methods pass without a policy.
    pub pass_notifications: Vec<String>,
    /// Requests and notifications of these methods are judged even if a `pass` pattern matches.
    pub judge_methods: Vec<String>,
    /// Calls of these tools, by their whole name, pass without a policy.
    pub pass_tools: Vec<String>,
    /// What it means that no policy speaks of a judged message whose method is none of MCP's.
    pub unknown: UnknownMethods,
}

/// What becomes of a message of an unknown method of which no policy speaks.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::UnknownMethods;
///
/// let mut settings = Settings::default();
/// settings.judging.unknown = UnknownMethods::Judge;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownMethods {
    /// It is denied, whatever the default decision is: nobody can have meant to allow it.
    #[default]
    Deny,
    /// The default decision is its too.
    Judge,
}

impl Default for Judging {
    fn default() -> Self {
        Judging {
            pass_methods: PASSED.iter().map(|&method| method.to_owned()).collect(),
            // Those of MCP, for an unknown one is judged. The same names with an `id` are requests that nobody knows.
            pass_notifications: notifications().map(str::to_owned).collect(),
            judge_methods: Vec::new(),
            pass_tools: Vec::new(),
            unknown: UnknownMethods::default(),
        }
    }
}

/// Compiled [`Judging`].
#[derive(Clone, Debug)]
pub struct Rules {
    pass_methods: Globs,
    pass_notifications: Globs,
    judge_methods: Globs,
    pass_tools: Globs,
    /// What they say of [`METHODS`], so that patterns are for the others.
    known: Vec<Listed>,
}

/// What the lists say of a method.
#[derive(Clone, Copy, Debug)]
struct Listed {
    judged: bool,
    passed: bool,
    passed_notification: bool,
}

impl Rules {
    /// Compiles the lists.
    ///
    /// # Errors
    /// A text for each pattern that is none, and for each list that is too long.
    pub fn new(judging: &Judging) -> Result<Rules, Vec<String>> {
        let mut errors = Vec::new();
        let mut compiled = |list: &[String]| {
            let globs = Globs::new(list.iter().map(String::as_str), Case::Differs);
            globs.unwrap_or_else(|wrong| {
                errors.extend(wrong.iter().map(ToString::to_string));
                Globs::default()
            })
        };
        let mut rules = Rules {
            pass_methods: compiled(&judging.pass_methods),
            pass_notifications: compiled(&judging.pass_notifications),
            judge_methods: compiled(&judging.judge_methods),
            pass_tools: compiled(&judging.pass_tools),
            known: Vec::new(),
        };
        rules.known = METHODS.iter().map(|method| rules.by_patterns(method)).collect();
        if errors.is_empty() { Ok(rules) } else { Err(errors) }
    }

    /// True if a message of `method` passes; `tool` is the whole name of the tool of a `tools/call`.
    pub fn passes(&self, method: &str, id: Id<'_>, tool: Option<&str>) -> bool {
        let known = METHODS.iter().zip(&self.known).find(|(known, _)| **known == method);
        let listed = known.map_or_else(|| self.by_patterns(method), |(_, listed)| *listed);
        let passes = || {
            listed.passed
                || id == Id::Absent && listed.passed_notification
                || tool.is_some_and(|tool| !self.pass_tools.is_empty() && self.pass_tools.is_match(tool))
        };
        !listed.judged && passes()
    }

    fn by_patterns(&self, method: &str) -> Listed {
        Listed {
            judged: self.judge_methods.is_match(method),
            passed: self.pass_methods.is_match(method),
            passed_notification: self.pass_notifications.is_match(method),
        }
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
            ("notifications/initialized", Id::Absent, true),
            ("notifications/roots/list_changed", Id::Absent, true),
            // None of MCP's.
            ("notifications/a/b", Id::Absent, false),
            ("notifications/", Id::Absent, false),
            ("notifications/..", Id::Absent, false),
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
            ..Judging::default()
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
    }
}
