use super::*;
use crate::diag::Code;

fn read(name: &str, text: &str) -> (Arc<Source>, Vec<Document>, Vec<Diagnostic>) {
    let source = Source::new(name, text).unwrap();
    let mut diagnostics = Vec::new();
    let documents = documents(&source, &mut diagnostics);
    (source, documents, diagnostics)
}

fn one(text: &str) -> (Arc<Source>, Node) {
    let (source, mut documents, diagnostics) = read("a.yaml", text);
    assert_eq!(diagnostics, [], "{text}");
    assert_eq!(documents.len(), 1, "{text}");
    (source, documents.remove(0).root.unwrap())
}

fn codes(name: &str, text: &str) -> Vec<Code> {
    read(name, text).2.iter().map(|diagnostic| diagnostic.code).collect()
}

/// The text of the file under the first occurrence of `needle` in the value of `k`.
fn under(text: &str, needle: &str) -> String {
    let (source, root) = one(text);
    let NodeKind::Scalar(scalar) = &root.as_mapping().unwrap().get("k").unwrap().kind else {
        panic!("{text}")
    };
    let at = scalar.text.find(needle).unwrap_or_else(|| panic!("`{needle}` is not in {:?}", scalar.text));
    source.slice(scalar.map.locate(at, at.saturating_add(needle.len()))).to_owned()
}

#[test]
fn every_character_of_a_scalar_leads_back_to_the_file() {
    let cases = [
        ("k: foo bar\n", "bar", "bar"),
        ("k: foo\n   bar\n\n   baz\n", "bar", "bar"),
        ("k: foo\n   bar\n\n   baz\n", "o b", "o\n   b"),
        ("k: foo\n   bar\n\n   baz\n", "baz", "baz"),
        ("k: 'it''s'\n", "'s", "''s"),
        ("k: 'a\n\n  b c'\n", "b c", "b c"),
        ("k: \"a\\u00e9\\n\\x41 z\"\n", "\u{e9}", "\\u00e9"),
        ("k: \"a\\u00e9\\n\\x41 z\"\n", "A z", "\\x41 z"),
        ("k: \"a \\\n   b\\\"c\"\n", "b\"c", "b\\\"c"),
        ("k: \"a  \n\n\n  \\  b\"\n", "b", "b"),
        ("k: |\n  foo\n    bar\n\n  baz\n", "  bar", "  bar"),
        ("k: |\n  foo\n    bar\n\n  baz\n", "baz\n", "baz\n"),
        ("k: |2-  # comment\n\n    foo\n   bar\n", " bar", " bar"),
        ("k: |\n\n\n  foo\n", "\n\nfoo", "\n\n  foo"),
        ("k: >\n  foo\n  bar\n\n  baz\n    more\n  end\n", "bar", "bar"),
        ("k: >\n  foo\n  bar\n\n  baz\n    more\n  end\n", "more\nend", "more\n  end"),
        ("k: >+\n  foo\n\n\n", "\n\n", "\n\n"),
        ("k: >-\n\n  foo\n  bar", "bar", "bar"),
        ("k: |\r\n  foo\r\n  bar\r\n", "o\nb", "o\r\n  b"),
        ("k: foo\r\n  bar\r\n", "bar", "bar"),
        ("{\"k\": \"a\\tb\"}", "b", "b"),
        ("- x\n---\nk: é\"ü\n", "ü", "ü"),
        ("k: >\n  é\n  ü b\n", "ü b", "ü b"),
    ];
    for (text, needle, expected) in cases {
        if let Some((_, second)) = text.split_once("---\n") {
            assert_eq!(under(second, needle), expected, "{text}");
        } else {
            assert_eq!(under(text, needle), expected, "{text}");
        }
    }
}

#[test]
fn the_second_reading_of_a_scalar_agrees_with_the_parser() {
    // Every combination of a few pieces in every style: a map of one piece that is not the scalar's own text
    // would mean that the two readings differ.
    let pieces = ["a", " b", "\n", "\n\n", "  c", "\n   d", "é"];
    let mut checked = 0;
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let body = format!("x{first}{second}{third}y");
                let indented = body.replace('\n', "\n  ");
                for (style, text) in [
                    ("plain", format!("k: {indented}\n")),
                    ("single", format!("k: '{indented}'\n")),
                    ("double", format!("k: \"{indented}\"\n")),
                    ("literal", format!("k: |\n  {indented}\n")),
                    ("folded", format!("k: >-\n  {indented}\n")),
                    ("folded", format!("k: >\n  {indented}\nl: end\n")),
                ] {
                    let (source, root) = one(&text);
                    let NodeKind::Scalar(scalar) = &root.as_mapping().unwrap().get("k").unwrap().kind else {
                        panic!("{text}")
                    };
                    for (at, character) in scalar.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
                        let place = scalar.map.locate(at, at + character.len_utf8());
                        assert_eq!(source.slice(place), character.to_string(), "{style}: {text:?}");
                    }
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 7 * 7 * 7 * 6);
}

#[test]
fn documents_are_split_as_kyverno_splits_them() {
    let count = |text| read("a.yaml", text).1.len();
    assert_eq!(count("---\na: 1\n---  # two\n---\n# only a comment\n---\r\nb: 2\n"), 2);
    assert_eq!(count("\u{feff}# nothing\n"), 0);
    assert_eq!(count("\u{feff}a: 1\n"), 1);
    assert_eq!(count("a: |\n  x\n  ---\n"), 1);
    assert_eq!(codes("a.yaml", "--- {a: 1}\n---\nb: 1\n"), [Code::BadDocumentSeparator]);
    assert_eq!(codes("a.yaml", "a: 1\n----\nb: 1\n"), [Code::BadDocumentSeparator]);
    assert_eq!(codes("a.yaml", "a: 1\n...\nb: 1\n"), [Code::ContentAfterDocument]);
    assert_eq!(codes("a.json", "{\"a\":1}\n{\"b\":2}"), [Code::ContentAfterDocument]);
    assert_eq!(codes("a.yaml", "a: 1\n...\n# comment\n"), []);
}

#[test]
fn positions_are_those_of_the_file_in_every_document() {
    let (source, documents, diagnostics) = read("a.yaml", "a: [\n---\nb: x\n");
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(documents[0].root, None);
    let root = documents[1].root.clone().unwrap();
    assert_eq!(source.slice(root.as_mapping().unwrap().get("b").unwrap().span), "x");
}

#[test]
fn aliases_and_merges_are_resolved() {
    let (_, root) =
        one("base: &b {x: 1, y: [2]}\nsame: *b\nmore:\n  <<: *b\n  z: 3\nall: {<<: [{p: 1}, {q: 2}]}\n");
    let mapping = root.as_mapping().unwrap();
    let keys = |name: &str| -> Vec<String> {
        mapping
            .get(name)
            .unwrap()
            .as_mapping()
            .unwrap()
            .entries
            .iter()
            .map(|entry| entry.key.clone())
            .collect()
    };
    assert_eq!(keys("same"), ["x", "true"]);
    assert_eq!(keys("more"), ["x", "true", "z"]);
    assert_eq!(keys("all"), ["q", "p"]);
}

#[test]
fn what_kyvernos_reader_refuses_is_refused() {
    let cases = [
        ("a: 1\na: 2\n", Code::DuplicateKey),
        ("{y: 1, true: 2}\n", Code::DuplicateKey),
        ("b: &b {x: 1}\nc: {<<: *b, x: 2}\n", Code::DuplicateKey),
        ("b: &b {x: 1}\nc: {x: 2, <<: *b}\n", Code::DuplicateKey),
        ("a: *x\n", Code::UnknownAnchor),
        ("a: &x [*x]\n", Code::SelfContainingAnchor),
        ("<<: 1\n", Code::BadMerge),
        ("b: &b [{x: 1}]\nc: {<<: *b}\n", Code::BadMerge),
        ("null: 1\n", Code::BadKey),
        ("[a]: 1\n", Code::BadKey),
        ("a: !!int x\n", Code::BadTaggedValue),
        ("a: .inf\n", Code::NotAJsonNumber),
        ("a: \"\\/\"\n", Code::YamlSyntax),
        ("a: \"\\ud83d\\ude00\"\n", Code::YamlSyntax),
        ("a: \u{7}\n", Code::ForbiddenCharacter),
        ("a: x\u{2028}b\n", Code::ForbiddenCharacter),
        ("# c\n\u{feff}a: x\n", Code::ForbiddenCharacter),
        ("%YAML 1.1\n", Code::YamlDirective),
        ("a: b: c\n", Code::YamlSyntax),
        ("\ta: b\n", Code::YamlSyntax),
        ("a:\n  b: 1\n\t# c\n", Code::YamlSyntax),
        ("-\ta: 1\n", Code::YamlSyntax),
        ("a: @b\n", Code::YamlSyntax),
        ("a: 'b\n", Code::YamlSyntax),
        ("a: !!binary aGk=\n", Code::UnsupportedBinary),
    ];
    for (text, expected) in cases {
        assert_eq!(codes("a.yaml", text), [expected], "{text}");
    }
    assert_eq!(codes("a.yaml", "c: |\n  x\n  \ty\nd: 'x\n\ty'\n"), []);
    assert_eq!(codes("a.yaml", "a: !custom [1]\nb: !foo x\nc: '<<'\n"), []);
}

#[test]
fn aliases_cannot_blow_up_a_document() {
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert_eq!(codes("a.yaml", &bomb), [Code::TooManyNodes]);
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        deep.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert_eq!(codes("a.yaml", &deep), [Code::TooDeep]);
    assert_eq!(codes("a.yaml", &"[".repeat(100_000)), [Code::TooDeep]);
    assert_eq!(codes("a.yaml", &format!("{}x", "- ".repeat(100_000))), [Code::TooDeep]);
}
