//! Which cases the user wants to run.

use toolgate::internal::glob::{Case, Globs, Wrong};

/// How much of a filter that is none is told, in characters.
const MAX_SHOWN: usize = 200;

/// What the user wants to run.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Which cases and expectations.
    pub(crate) filter: Filter,
    /// Which expectations of Kyverno's test files, and no fixtures.
    pub(crate) selector: Option<Selector>,
    /// Whether a fixture ends at its first case that fails.
    pub(crate) fail_fast: bool,
}

/// A part of a case's name, or a glob pattern for all of it.
#[derive(Debug, Default)]
pub(crate) enum Filter {
    /// Everything.
    #[default]
    All,
    /// Names that contain this.
    Part(String),
    /// Names that this matches from end to end.
    Glob(Globs),
}

impl Filter {
    /// A filter from the user's text: a glob pattern if it has `*`, `?`, `[` or `{`, else a part of the name.
    ///
    /// # Errors
    /// It has the look of a pattern and is none.
    pub(crate) fn new(text: Option<&str>) -> Result<Filter, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Filter::All) };
        if !text.contains(['*', '?', '[', '{']) {
            return Ok(Filter::Part(text.to_owned()));
        }
        Globs::new([text].into_iter(), Case::Differs).map(Filter::Glob).map_err(|wrong| {
            let why = wrong.into_iter().map(|(Wrong::Pattern(_, why) | Wrong::List(why))| why);
            let start: String = text.chars().take(MAX_SHOWN).collect();
            format!("the filter `{start}` {}", why.collect::<Vec<_>>().join(", "))
        })
    }

    /// Whether a case is wanted. Its full name is `FILE: FIXTURE: CASE`; a pattern may match the case's own name too.
    pub(crate) fn wants(&self, file: &str, fixture: &str, case: &str) -> bool {
        match self {
            Filter::All => true,
            Filter::Part(part) => format!("{file}: {fixture}: {case}").contains(part.as_str()),
            Filter::Glob(glob) => {
                glob.is_match(case)
                    || glob.is_match(fixture)
                    || glob.is_match(&format!("{file}: {fixture}: {case}"))
            }
        }
    }
}

/// Kyverno's `--test-case-selector` (`cmd/cli/kubectl-kyverno/test/filter/filter.go`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    policies: Vec<String>,
    rules: Vec<String>,
    /// One that is `*` and all after it count only for the choice.
    resources: Vec<String>,
}

impl Selector {
    /// Reads `policy=NAME,rule=NAME,resource=NAME`.
    ///
    /// # Errors
    /// It is none. Kyverno goes on without the part that it cannot read, and so with more than was asked for.
    pub(crate) fn new(text: &str) -> Result<Selector, String> {
        let mut selector = Selector::default();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let wrong =
                || format!("the selector `{part}` must be `policy=NAME`, `rule=NAME` or `resource=NAME`");
            let (key, value) =
                part.split_once('=').filter(|(_, value)| !value.contains('=')).ok_or_else(wrong)?;
            let patterns = match key.trim() {
                "policy" => &mut selector.policies,
                "rule" => &mut selector.rules,
                "resource" => &mut selector.resources,
                _ => return Err(wrong()),
            };
            patterns.push(value.trim().to_owned());
        }
        Ok(selector)
    }

    /// Whether an expectation is wanted. What it does not say fits every pattern.
    pub(crate) fn wants(&self, policy: &str, rule: &str, resources: &[String]) -> bool {
        let fits = |patterns: &[String], text: &str| {
            text.is_empty() || patterns.iter().all(|pattern| is_match(pattern, text))
        };
        let one = |pattern: &String| resources.iter().any(|resource| is_match(pattern, resource));
        fits(&self.policies, policy)
            && fits(&self.rules, rule)
            && (resources.is_empty() || self.resources.iter().all(one))
    }

    /// What stands in the place of an expectation's `resources`, if anything does.
    pub(crate) fn resources(&self) -> Option<Vec<String>> {
        let resources: Vec<String> = self.resources.iter().take_while(|it| *it != "*").cloned().collect();
        (!resources.is_empty()).then_some(resources)
    }
}

/// Whether a pattern fits a whole text: `*` is any characters, `?` one.
fn is_match(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when the last `*` must take one character more.
    let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let rest = text.clone();
        match (pattern.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                again = Some((pattern.clone(), rest.clone()));
                text = rest;
            }
            (Some('?'), Some(_)) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => {
                let Some((after, mut from)) = again.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
                again = Some((after, from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_part_or_a_pattern() {
        let wants = |text: &str| Filter::new(Some(text)).unwrap().wants("d/a.yaml", "no-deletes", "a delete");
        for text in ["", "delete", "a.yaml", "deletes: a d", "a del*", "*a.yaml*", "no-[a-z]*"] {
            assert!(wants(text), "{text}");
        }
        for text in ["drop", "del*", "delete?"] {
            assert!(!wants(text), "{text}");
        }
        let nested = format!("{}a{}", "{".repeat(251), "}".repeat(251));
        for text in ["[", &nested, &"*a".repeat(200_000)] {
            let told = Filter::new(Some(text)).unwrap_err();
            assert!(told.contains(" glob pattern") && told.len() < 500, "{told}");
        }
    }

    #[test]
    fn a_selector_is_kyverno_s() {
        let selector = |text: &str| Selector::new(text).unwrap();
        for (text, policy, rule, resources, wanted) in [
            ("", "p", "r", &["a"][..], true),
            ("policy=*,rule=*,resource=*", "p", "r", &["a"], true),
            ("policy=p", "p", "", &[], true),
            ("policy=p", "", "", &[], true),
            ("policy=p", "pp", "", &[], false),
            ("policy=", "p", "", &[], false),
            ("policy=a*c?e", "abbccde", "", &[], true),
            ("policy=a*c?e", "abbcce", "", &[], true),
            ("policy=a*c?e", "abbce", "", &[], false),
            ("policy=a*, rule = r ", "ab", "r", &[], true),
            ("policy=a*,policy=*b", "ab", "", &[], true),
            ("policy=a*,policy=*b", "ac", "", &[], false),
            ("resource=b?d", "p", "", &["x", "bad"], true),
            ("resource=b?d", "p", "", &["x"], false),
            ("resource=b?d", "p", "", &[], true),
        ] {
            let resources: Vec<String> = resources.iter().map(|&it| it.to_owned()).collect();
            assert_eq!(selector(text).wants(policy, rule, &resources), wanted, "{text} {policy} {rule}");
        }
        assert_eq!(selector("resource=*,resource=b").resources(), None);
        assert_eq!(selector("resource=a,resource=*,resource=b").resources().unwrap(), ["a"]);
        for text in ["policy", "policy=a=b", "name=x", "policy=a,", ","] {
            assert!(Selector::new(text).is_err(), "{text}");
        }
        assert!(!is_match(&"*a".repeat(2_000), &"a".repeat(1_999)));
    }
}
