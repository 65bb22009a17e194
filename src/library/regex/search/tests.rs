use regex_automata::Span;

use super::super::{Groups, compile};
use super::*;
use crate::budget::DEFAULT_STEPS;

/// Enough for every search here.
const PLENTY: Budget = Budget { steps: u64::MAX, bytes: u64::MAX };

/// Patterns whose automata have a state for each text, in one direction or both, and what is special in them.
const PATTERNS: [&str; 34] = [
    "[ab]*a[ab]{24}c|a",
    "c[ab]{24}a[ab]*",
    ".*a.......|b",
    "(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)c|a",
    "(?:(?:a{3}){2}|.)*b",
    "(?:.a?){20}b",
    "a(a*b)?",
    "",
    "a*",
    "a*?",
    "(?:)|b",
    "^",
    "$",
    "^$",
    "(?m)^",
    "(?m)$",
    "(?m)^a*$",
    r"\b",
    r"\B",
    r"\B|é",
    r"\Bé?",
    r"a\b|b\B",
    r"\b\w+\b",
    "é|b",
    "[^a]",
    "(?s).",
    "a|ab|abc",
    "(?:a|ab)(?:c|bcd)?",
    "ab+?",
    "^a",
    "c$",
    "^(?:a|b)*c$",
    r"(?i)\pL{2}",
    "[^\\x00-\\x{10FFFF}]",
];

fn all(matches: &mut Matches<'_, '_>) -> Vec<Span> {
    let budget = &mut PLENTY.clone();
    std::iter::from_fn(|| matches.next(budget).unwrap()).collect()
}

/// Texts of `length` characters by chance, always the same.
fn texts(length: usize, count: usize) -> Vec<String> {
    let mut seed = 88_172_645_463_325_252_u64;
    let mut any = |of: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed.checked_rem(of).unwrap()).unwrap()
    };
    let alphabets: [&[char]; 4] = [
        &['a', 'b'],
        &['a', 'b', 'c'],
        &['a', 'b', 'c', 'd', '\n', ' '],
        &['a', 'é', '\u{1F600}', 'b', '\n'],
    ];
    (0..count)
        .map(|at| (0..length).map(|_| alphabets[at % 4][any(alphabets[at % 4].len() as u64)]).collect())
        .collect()
}

#[test]
fn both_ways_find_what_the_engine_finds() {
    let texts: Vec<String> =
        (0..8).flat_map(|length| texts(length, 40)).chain(texts(60, 40)).chain(texts(3_000, 4)).collect();
    for source in PATTERNS {
        let pattern = compile(source, Groups::Dropped).unwrap();
        for text in &texts {
            let expected: Vec<Span> = pattern.regex.find_iter(text).map(|found| found.span()).collect();
            for short in [SHORT, 0, 300] {
                let mut matches = Matches { short, ..pattern.matches(text) };
                assert_eq!(all(&mut matches), expected, "{source:?} {text:?} {short}");
            }
            let mut walks = Walks::new(&pattern, &mut PLENTY.clone()).unwrap();
            let found = walks.ends.end(&mut PLENTY.clone(), text.as_bytes(), 0, true).unwrap();
            if !pattern.not_boundary {
                assert_eq!(found.is_some(), !expected.is_empty(), "{source:?} {text:?}");
            }
            assert_eq!(pattern.is_match(&mut PLENTY.clone(), text).unwrap(), !expected.is_empty());
        }
    }
}

/// The literal patterns of a file.
fn patterns(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for call in ["matches(", "find(", "findAll("] {
        for rest in text.split(call).skip(1) {
            let (raw, rest) = rest.strip_prefix('r').map_or((false, rest), |rest| (true, rest));
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            let mut pattern = String::new();
            let mut chars = rest.chars().skip(1);
            while let Some(c) = chars.next().filter(|&c| c != quote) {
                pattern.push(if c == '\\' && !raw { chars.next().unwrap() } else { c });
            }
            found.push(pattern);
        }
    }
    found
}

/// The files in and below a folder.
fn files(folder: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

#[test]
fn patterns_as_people_write_them_are_cheap_on_texts_as_people_write_them() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&root.join("policies"), &mut all);
    files(&root.join("testdata"), &mut all);
    all.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let mut patterns: Vec<String> =
        all.iter().flat_map(|path| patterns(&std::fs::read_to_string(path).unwrap())).collect();
    patterns.sort_unstable();
    patterns.dedup();
    assert!(patterns.len() > 50, "{}", patterns.len());
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let text = [read("docs/functions.md"), read("docs/configuration.md")].concat();
    let text: String = text.chars().take(100_000).collect();
    let text = text.as_str();
    assert!(text.len() > 99_000);
    let (mut most, mut together) = ((0, ""), 0);
    for source in &patterns {
        let Ok(pattern) = compile(source, Groups::Dropped) else { continue };
        let mut budget = PLENTY;
        pattern.is_match(&mut budget, text).unwrap();
        together += PLENTY.steps.saturating_sub(budget.steps);
        most = most.max((PLENTY.steps.saturating_sub(budget.steps), source));
        let mut budget = PLENTY;
        pattern.find(&mut budget, text).unwrap();
        most = most.max((PLENTY.steps.saturating_sub(budget.steps), source));
        let mut matches = pattern.matches(text);
        let mut budget = Budget::default();
        while matches.next(&mut budget).unwrap().is_some() {}
    }
    println!("{} patterns, at most {} steps: {}", patterns.len(), most.0, most.1);
    let mean = together / u64::try_from(patterns.len()).unwrap();
    println!("{mean} steps in the mean");
    assert!(most.0 < DEFAULT_STEPS / 16 && mean < DEFAULT_STEPS / 100, "{most:?} {mean}");
}

#[test]
fn a_search_costs_the_same_whatever_was_searched_before() {
    for source in PATTERNS {
        let spend = |pattern: &CompiledPattern, text: &str| {
            let mut budget = Budget::default();
            let mut matches = pattern.matches(text);
            let ended = std::iter::from_fn(|| matches.next(&mut budget).transpose()).find(Result::is_err);
            (budget.steps, ended)
        };
        let texts = [texts(1_000, 4), texts(30_000, 2), texts(1_000, 8)].concat();
        let used = compile(source, Groups::Dropped).unwrap();
        for text in &texts {
            let fresh = compile(source, Groups::Dropped).unwrap();
            assert_eq!(spend(&used, text), spend(&fresh, text), "{source:?}");
        }
    }
}
