use super::*;

fn refused(pattern: &str) -> String {
    compile(pattern, Groups::Dropped).unwrap_err().to_string()
}

fn matches(pattern: &CompiledPattern, text: &str) -> bool {
    pattern.is_match(&mut Budget::default(), text).unwrap()
}

#[test]
fn classes_are_ascii_unless_they_say_unicode() {
    for (pattern, yes, no) in [
        (r"^\d$", "5", "٣"),
        (r"^\w$", "_", "é"),
        (r"^\s$", "\u{c}", "\u{b}"),
        (r"^[[:space:]]$", "\u{b}", "\u{a0}"),
        (r"a\b", "aé", "ab"),
        (r"^\pL$", "é", "1"),
        (r"^\p{greek}$", "σ", "s"),
        (r"^\P{^Lu}$", "É", "é"),
        (r"^(?i)k$", "\u{212a}", "c"),
        (r"^(?i:[[:^lower:]])$", "1", "K"),
        (r"^[^\x{0}-\x{60}]$", "a", "A"),
    ] {
        let regex = compile(pattern, Groups::Dropped).unwrap();
        assert!(matches(&regex, yes) && !matches(&regex, no), "{pattern}");
    }
}

#[test]
fn what_rust_reads_in_another_way_means_what_it_means_in_go() {
    for (pattern, text) in [
        ("^[a&&b]$", "&"),
        ("^[+--]$", ","),
        ("^[[a]$", "["),
        ("^[]a]$", "]"),
        (r"^\Qa.b*\E+$", "a.b**"),
        (r"^\Q.", "."),
        ("^a{,2}$", "a{,2}"),
        ("^a{01}$", "a{01}"),
        ("^# $", "# "),
        (r"^\012\x41\x{e9}\_$", "\nAé_"),
        ("^(?<n>a)(?P<n>b)$", "ab"),
        ("^a(?i)*$", "aaa"),
        (r"(?m)^b$", "a\nb\nc"),
        ("(?s)^.$", "\n"),
    ] {
        assert!(matches(&compile(pattern, Groups::Dropped).unwrap(), text), "{pattern}");
    }
}

#[test]
fn greed_can_be_swapped_and_the_first_alternative_wins() {
    for (pattern, expected) in
        [("a+", "aaa"), ("a+?", "a"), ("(?U)a+", "a"), ("(?U:a+?)", "aaa"), ("a|aa", "a")]
    {
        let regex = compile(pattern, Groups::Dropped).unwrap();
        let found = regex.find(&mut Budget::default(), "aaa").unwrap().unwrap();
        assert_eq!("aaa".get(found.range()), Some(expected), "{pattern}");
    }
}

#[test]
fn mistakes_have_gos_text() {
    for (pattern, expected) in [
        ("(", "missing closing ): `(`"),
        ("a)b", "unexpected ): `a)b`"),
        ("[a", "missing closing ]: `[a`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        (r"\p{Old_Italic}", r"invalid character class range: `\p{Old_Italic}`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2}{3}?", "invalid nested repetition operator: `{2}{3}?`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(a{40}){30}", "invalid repeat count: `{30}`"),
        ("(?<=a)b", "invalid named capture: `(?<=a)b`"),
        ("(?P<é>a)", "invalid named capture: `(?P<é>`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\<", "ok"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"\u0041", r"invalid escape sequence: `\u`"),
        (r"a\", "trailing backslash at end of expression: ``"),
    ] {
        if expected == "ok" {
            assert!(matches(&compile(pattern, Groups::Dropped).unwrap(), "<"), "{pattern}");
        } else {
            assert_eq!(refused(pattern), format!("error parsing regexp: {expected}"), "{pattern}");
        }
    }
}

#[test]
fn what_go_takes_and_we_do_not_compile_is_no_mistake_of_the_pattern() {
    let deep = format!("{}a{}", "(".repeat(201), ")".repeat(201));
    for pattern in [deep.as_str(), r"(\pL{100}){10}", &"a".repeat(MAX_PATTERN + 1)] {
        assert_eq!(compile(pattern, Groups::Dropped).unwrap_err(), PatternError::TooLarge);
        assert!(matches!(
            make(pattern, Groups::Dropped, &mut Budget::default()).unwrap_err(),
            MakeError::Fault(_)
        ));
    }
    let deep = format!("{}a{}", "(".repeat(190), ")".repeat(190));
    assert!(matches(&compile(&deep, Groups::Dropped).unwrap(), "a"));
}

#[test]
fn groups_are_counted_only_when_they_are_kept_and_match_what_they_match_in_go() {
    for (pattern, text, groups) in [
        ("(a)(?P<n>b)?(?:c)", "ac", &[Some("ac"), Some("a"), None][..]),
        ("(?i)(K|k)+", "kK", &[Some("kK"), Some("K")]),
        ("((a)|b)*", "ab", &[Some("ab"), Some("b"), Some("a")]),
        ("(a){0}b", "b", &[Some("b"), None]),
    ] {
        let regex = compile(pattern, Groups::Kept).unwrap();
        assert_eq!(regex.groups() + 1, groups.len(), "{pattern}");
        assert_eq!(compile(pattern, Groups::Dropped).unwrap().groups(), 0);
        let budget = &mut Budget::default();
        let found = regex.find(budget, text).unwrap().unwrap();
        let parts = regex.parts(budget, text, found).unwrap();
        let texts: Vec<_> = (0..groups.len()).map(|group| parts.get(group)).collect();
        assert_eq!(texts, groups, "{pattern}");
    }
}

#[test]
fn patterns_together_match_what_one_of_them_does() {
    const PATTERNS: [&str; 8] = ["^a", "b+c", "(?i)delete|drop", r"\bx\b", "é.$", "a.*z", "[0-9]{3}", r"q\B"];
    const PARTS: [&str; 9] = ["a", "bbc", "DROP ", " x ", "éa", "z", "123", "q", "ordinary words "];
    let mut seed = 7_usize;
    let mut below = |end: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % end
    };
    let (mut some, mut none) = (0, 0);
    for _ in 0..300 {
        let patterns: Vec<CompiledPattern> = (0..2 + below(4))
            .map(|_| compile(PATTERNS[below(PATTERNS.len())], Groups::Dropped).unwrap())
            .collect();
        let any = AnyOf::new(&patterns.iter().collect::<Vec<_>>());
        let text = "o".repeat(below(3) * 3_000) + PARTS[below(PARTS.len())] + &"-".repeat(below(2) * 4_000);
        let mut budget = Budget::default();
        let single = patterns.iter().any(|pattern| pattern.is_match(&mut budget, &text).unwrap());
        let together = any.may_match(&mut budget, &text).unwrap();
        assert!(together || !single, "{patterns:?} {text:?}");
        if text.len() > 2_000 && !patterns.iter().any(|pattern| pattern.not_boundary) {
            assert_eq!(together, single, "{patterns:?} {text:?}");
            *(if single { &mut some } else { &mut none }) += 1;
        }
    }
    assert!(some > 20 && none > 20, "{some} {none}");
}
