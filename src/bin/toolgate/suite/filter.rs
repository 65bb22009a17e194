//! Which cases the user wants to run.

use toolgate::internal::glob::{Case, Globs, Wrong};

/// How much of a filter that is none is told, in characters.
const MAX_SHOWN: usize = 200;

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
}
