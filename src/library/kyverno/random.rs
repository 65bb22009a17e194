//! kyverno/sdk's `random`: texts that a pattern matches, chosen as goregen chooses them (`extensions/cel/libs/random`). What is
//! drawn comes from the decision's seed, so that a record can be decided again.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::budget::Fault;
use crate::error::Raise;
use crate::library::capability::Capability;
use crate::library::regex::{PatternError, generated};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime, TextBuilder};
use crate::library::table::{Body, Implementation, Library};
use crate::value::Value;

use crate::library::to_go;

const DEFAULT: &str = "Eight letters and digits by chance.";
const PATTERN: &str = "A text by chance that the pattern matches: one of POSIX, without `\\d` and its like. `*` and `+` mean up to 4,096.";

/// Kyverno's `kyverno.random`.
pub static LIBRARY: Library = Library {
    name: "kyverno.random",
    version: 0,
    types: &[],
    rows: &[
        row("random_string_default_expr_non_prefixed", "random() -> string", asking(random), DEFAULT, &[]),
        row("random_string_non_prefixed", "random(string) -> string", asking(random), PATTERN, &[]),
        row("random_string_default_expr_prefixed", "random.random() -> string", asking(random), DEFAULT, &[]),
        row("random_string_prefixed", "random.random(string) -> string", asking(random), PATTERN, &[]),
    ],
};

const fn asking(body: Body) -> Implementation {
    Implementation::Asking(body, Capability::Random)
}

/// How often what has no bound is repeated at most, as by goregen.
const MAX_REPEAT: u64 = 4_096;

fn random<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let pattern = match arguments {
        [] => "[0-9a-z]{8}",
        [pattern] => to_go::string(runtime, pattern)?,
        _ => return Err(runtime.no_overload("random", arguments)),
    };
    // Read twice, as Go's pattern and as its tree; measured, that is up to thirty steps for each byte.
    runtime.charge(pattern.len().saturating_mul(30).saturating_add(200))?;
    if let Some(error) = perl(pattern) {
        return Err(runtime.error(format_args!("error parsing regexp: {error}")));
    }
    let tree = match generated(pattern) {
        Ok(tree) => tree,
        Err(PatternError::TooLarge) => return Err(Fault::Memory.into()),
        Err(error) => return Err(runtime.error(format_args!("{error}"))),
    };
    let mut text = TextBuilder::new(runtime);
    generate(runtime, &tree, &mut text)?;
    Ok(Value::String(text.finish()))
}

/// What Go says without Perl's syntax, which goregen does not turn on.
fn perl(pattern: &str) -> Option<String> {
    let mut rest = pattern.char_indices();
    while let Some((at, c)) = rest.next() {
        let next = pattern.get(at.saturating_add(1)..).and_then(|rest| rest.chars().next());
        match (c, next) {
            ('\\', Some(escaped)) => {
                if "dDwWsSbBAzQEpPC".contains(escaped) {
                    return Some(format!("invalid escape sequence: `\\{escaped}`"));
                }
                rest.next();
            }
            ('(', Some('?')) => return Some("missing argument to repetition operator: `?`".to_owned()),
            _ => {}
        }
    }
    None
}

/// A number below `bound`, which is not nought.
fn below(runtime: &mut Runtime<'_>, bound: u64) -> Result<u64, Fault> {
    runtime.budget.charge(16)?;
    let drawn = match runtime.session() {
        Ok(session) => session.draw(),
        Err(_) => return Err(Fault::Internal("nothing to draw from")),
    };
    drawn.checked_rem(bound).ok_or(Fault::Internal("nothing to choose from"))
}

fn generate<'a>(runtime: &mut Runtime<'a>, tree: &Hir, out: &mut TextBuilder<'a>) -> Result<(), Raise<'a>> {
    runtime.charge(1)?;
    match tree.kind() {
        HirKind::Empty | HirKind::Look(_) => Ok(()),
        HirKind::Literal(literal) => out.push(runtime, &String::from_utf8_lossy(&literal.0)),
        HirKind::Class(Class::Unicode(class)) => {
            // No null is made.
            let ranges = || {
                class.ranges().iter().map(|range| (u32::from(range.start()).max(1), u32::from(range.end())))
            };
            let size = |(start, end): (u32, u32)| u64::from(end.saturating_sub(start)).saturating_add(1);
            let all = ranges().map(size).fold(0_u64, u64::saturating_add);
            let mut chosen = below(runtime, all)?;
            for range in ranges() {
                if let Some(offset) = u32::try_from(chosen).ok().filter(|_| chosen < size(range)) {
                    // Surrogates are no characters; Go writes U+FFFD for them too.
                    let c =
                        char::from_u32(range.0.saturating_add(offset)).unwrap_or(char::REPLACEMENT_CHARACTER);
                    return out.push(runtime, c.encode_utf8(&mut [0; 4]));
                }
                chosen = chosen.saturating_sub(size(range));
            }
            Ok(())
        }
        HirKind::Class(Class::Bytes(_)) => Err(Fault::Internal("a class of bytes").into()),
        HirKind::Repetition(repetition) => {
            let least = u64::from(repetition.min);
            let most = repetition.max.map_or(MAX_REPEAT, u64::from).max(least);
            let more = below(runtime, most.saturating_sub(least).saturating_add(1))?;
            for _ in 0..least.saturating_add(more) {
                generate(runtime, &repetition.sub, out)?;
            }
            Ok(())
        }
        HirKind::Capture(capture) => generate(runtime, &capture.sub, out),
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| generate(runtime, part, out)),
        HirKind::Alternation(choices) => {
            let count = u64::try_from(choices.len()).unwrap_or(u64::MAX);
            let chosen = usize::try_from(below(runtime, count)?).unwrap_or_default();
            choices.get(chosen).map_or(Ok(()), |choice| generate(runtime, choice, out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::library::capability::Session;
    use bumpalo::Bump;
    use std::time::Duration;

    /// Two texts of one decision.
    fn texts(pattern: &str, seed: u128) -> Vec<String> {
        let arena = Bump::new();
        let session = Session::new(None, seed, Duration::ZERO);
        let mut runtime = Runtime::new(&arena, Budget::default()).asking(&session);
        let mut text = || match random(&mut runtime, &[Value::String(pattern)]) {
            Ok(Value::String(text)) => text.to_owned(),
            other => format!("{other:?}"),
        };
        vec![text(), text()]
    }

    #[test]
    fn a_decision_that_is_made_again_has_the_same_texts_and_they_match() {
        for pattern in ["[0-9a-z]{8}", "(a|bc|[^d]){1,9}x?", "[[:alpha:]]+", "..", "é|[€-₭]"] {
            let first = texts(pattern, 7);
            assert_eq!(first, texts(pattern, 7), "{pattern}");
            let whole = regex::Regex::new(&format!("^(?s:{pattern})$")).unwrap();
            for seed in 0..50 {
                for text in texts(pattern, seed) {
                    assert!(whole.is_match(&text), "{pattern} {text:?}");
                }
            }
        }
        assert_ne!(texts("[0-9a-z]{8}", 7), texts("[0-9a-z]{8}", 8));
        let two = texts("[0-9a-z]{8}", 7);
        assert_ne!(two.first(), two.last());
    }
}
