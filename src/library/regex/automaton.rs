//! How large a pattern's automaton is when no choice is left open in it.
//!
//! Where it is small, a search looks once at each byte, whatever the text. Where it is not, the engine makes the states that
//! it comes upon, throws them away when they are too many, and in the end follows all that the pattern leaves open at each
//! byte: `[ab]*a[ab]{24}c` takes a thousand times as long on a text of `a` and `b` as on another.

use regex_automata::dfa::dense;
use regex_automata::dfa::regex::Builder;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;

use super::TRANSLATION_NESTING;

/// The size in bytes up to which an automaton is small. The engine keeps up to two megabytes of it.
const SMALL: usize = 64 * 1024;
/// Of patterns with more states than this nobody tries to find out: each of the automaton's states may be all of them.
const MOST: usize = 1_000;

/// Whether the automaton of a translated pattern is small, in both directions: the engine looks for a match's beginning
/// backwards.
pub(super) fn is_small(translation: &str, states: usize) -> bool {
    states <= MOST
        && Builder::new()
            .syntax(syntax::Config::new().nest_limit(TRANSLATION_NESTING))
            .thompson(thompson::Config::new().nfa_size_limit(Some(SMALL.saturating_mul(4))))
            .dense(
                dense::Config::new()
                    .dfa_size_limit(Some(SMALL))
                    .determinize_size_limit(Some(SMALL.saturating_mul(2))),
            )
            .build(translation)
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Groups, compile};

    #[test]
    fn what_authors_write_is_small_and_what_leaves_much_open_is_not() {
        let open = "[ab]".repeat(24);
        for (pattern, small) in [
            ("", true),
            ("delete", true),
            ("^(delete|remove|purge|drop|truncate)", true),
            ("(?i)delete|remove|purge|drop|truncate|flush|wipe|reset|terminate|kill", true),
            ("^[a-z0-9-]{1,63}$", true),
            ("^[0-9]{3}-[0-9]{2}-[0-9]{4}$", true),
            (r"^\d+(\.\d+)?$", true),
            (r"\b(?:rm|del)\s+-[rf]+\b", true),
            ("(?i)[a-z]+@[a-z]+", true),
            ("[^a-z]+x.*y", true),
            (".*.*=.*x$", true),
            ("(a*)*b$", true),
            ("a[ab]{24}c", false),
            ("[ab]{24}a[ab]*c", false),
            ("a(?:(?:[ab]{9}){9}){3}c", false),
            (&format!("a{open}c"), false),
            (&format!("[ab]*a{open}c|a"), false),
        ] {
            assert_eq!(compile(pattern, Groups::Dropped).unwrap().price == 1, small, "{pattern}");
        }
    }
}
