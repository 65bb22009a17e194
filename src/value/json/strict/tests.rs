#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test that cannot go on should panic"
)]

use super::*;

const LIMIT: usize = 64;

fn with<T>(text: &[u8], then: impl FnOnce(Result<Document<'_>, ReadError>) -> T) -> T {
    let arena = Bump::new();
    let text: &[u8] = arena.alloc_slice_copy(text);
    then(read(text, LIMIT, &arena, &mut Budget::default()))
}

/// The tree as serde_json has it.
fn tree(node: &Node<'_>) -> serde_json::Value {
    match node.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(bool) => bool.into(),
        Kind::Number => serde_json::from_str(node.raw).unwrap(),
        Kind::String(text) => text.into(),
        Kind::Unread => serde_json::from_str(node.raw).unwrap(),
        Kind::List(nodes) => nodes.iter().map(tree).collect(),
        Kind::Object(members) => {
            serde_json::Value::Object(members.iter().map(|m| (m.name.to_owned(), tree(&m.value))).collect())
        }
    }
}

/// A xorshift generator: the tests are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }

    fn json(&mut self, depth: usize, out: &mut String) {
        out.push_str(self.pick(&["", "", " ", "\n\t"]));
        match self.below(if depth == 0 { 4 } else { 7 }) {
            0 => out.push_str(self.pick(&["null", "true", "false"])),
            1 => out.push_str(self.pick(&["0", "-1", "1.5", "1e3", "-0.25E-2", "123456789012345678901"])),
            2 | 3 => self.string(out),
            4 => {
                out.push('[');
                for i in 0..self.below(5) {
                    out.push_str(if i > 0 { "," } else { "" });
                    self.json(depth - 1, out);
                }
                out.push(']');
            }
            _ => {
                out.push('{');
                for i in 0..self.below(14) {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(&format!("\"{i}"));
                    let mut rest = String::new();
                    self.string(&mut rest);
                    out.push_str(&rest[1..]);
                    out.push(':');
                    self.json(depth - 1, out);
                }
                out.push('}');
            }
        }
        out.push_str(self.pick(&["", "", " "]));
    }

    fn string(&mut self, out: &mut String) {
        out.push('"');
        for _ in 0..self.below(6) {
            out.push_str(self.pick(&[
                "a",
                "é",
                "😀",
                "\\n",
                "\\u00e9",
                "\\ud83d\\ude00",
                "\\\"",
                "\\/",
                "€",
                "long text",
            ]));
        }
        out.push('"');
    }
}

#[test]
fn valid_text_reads_as_serde_json_reads_it() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..2_000 {
        let mut text = String::new();
        random.json(5, &mut text);
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        with(text.as_bytes(), |document| {
            let document = document.unwrap();
            assert_eq!(tree(&document.root), expected, "{text}");
            assert_eq!(document.flaw, None, "{text}");
            assert_eq!(document.root.raw, text.trim_matches([' ', '\n', '\t']));
        });
    }
}

#[test]
fn damaged_text_is_refused_exactly_when_serde_json_refuses_it() {
    let mut random = Random(42);
    for _ in 0..4_000 {
        let mut text = String::new();
        random.json(3, &mut text);
        let mut bytes = text.into_bytes();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = b"{}[]\",:0e-\\u\x01 \xff"[random.below(15)],
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
            if bytes.is_empty() {
                bytes.push(b'0');
            }
        }
        with(&bytes, |document| {
            let flawed = matches!(&document, Ok(document) if document.flaw.is_some());
            let serde = serde_json::from_slice::<serde_json::Value>(&bytes);
            assert!(flawed || document.is_ok() == serde.is_ok(), "{}", String::from_utf8_lossy(&bytes));
            if std::str::from_utf8(&bytes).is_ok() {
                assert_eq!(document.is_ok(), check(&bytes).is_ok(), "{}", String::from_utf8_lossy(&bytes));
            }
        });
    }
}

#[test]
fn what_two_parsers_may_read_in_two_ways_is_noted_with_its_place() {
    let many: String = (0..20).map(|i| format!("\"m{i}\":{i},")).collect();
    for (text, kind, at) in [
        (r#"{"a":1,"b":2}"#.to_owned(), None, 0),
        (r#"{"a":1,"a":2}"#.to_owned(), Some(FlawKind::Duplicate), 11),
        (r#"[{"x":{"a":1,"\u0061":2}}]"#.to_owned(), Some(FlawKind::Duplicate), 22),
        (format!("{{{many}\"m7\":0}}"), Some(FlawKind::Duplicate), many.len() + 6),
        (format!("{{{many}\"m20\":0}}"), None, 0),
        (r#"["\ud800"]"#.to_owned(), Some(FlawKind::LoneSurrogate), 2),
        ("[1e400]".to_owned(), Some(FlawKind::Number), 1),
        ("[1e308]".to_owned(), None, 0),
        (format!("[-{}]", "9".repeat(400)), Some(FlawKind::Number), 1),
        ("[".repeat(LIMIT) + &"]".repeat(LIMIT), None, 0),
        ("[".repeat(LIMIT + 1) + &"]".repeat(LIMIT + 1), Some(FlawKind::Depth), LIMIT),
        ("[".repeat(5_000) + &"]".repeat(5_000), Some(FlawKind::Depth), LIMIT),
    ] {
        with(text.as_bytes(), |document| {
            assert_eq!(document.unwrap().flaw, kind.map(|kind| Flaw { at, kind }), "{text}");
        });
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    with(b"{\"a\":\xff}", |document| assert_eq!(document.unwrap_err(), ReadError::Utf8(5)));
    with(b"{\"a\":x}", |document| {
        let Err(ReadError::Syntax(error)) = document else { panic!() };
        assert_eq!(
            (error.at, error.to_string()),
            (5, "invalid character 'x' looking for beginning of value".into())
        );
    });
    for text in
        ["", "{} {}", "[1,]", "{\"a\"}", "01", "1.", "\"\\x\"", "\"\\u+123\"", "nul", "[\"a]", "\u{feff}{}"]
    {
        with(text.as_bytes(), |document| assert!(matches!(document, Err(ReadError::Syntax(_))), "{text}"));
    }
    let nested = "[".repeat(20_000);
    with(nested.as_bytes(), |document| assert!(document.is_err()));
}

#[test]
fn nodes_know_their_text_and_become_values() {
    with(br#" {"id": 1.50, "body" : {"k":[ 1 , "\u00e9" ]} } "#, |document| {
        let document = document.unwrap();
        assert_eq!(document.root.get("id").unwrap().raw, "1.50");
        let body = document.root.get("body").unwrap();
        assert_eq!(body.raw, r#"{"k":[ 1 , "\u00e9" ]}"#);
        assert_eq!(document.offset(body), 23);
        let arena = Bump::new();
        let value = body.value(&arena, &mut Budget::default()).unwrap();
        let Value::Map(map) = value else { panic!() };
        assert!(matches!(map.get_str("k"), Some(Value::List([Value::Double(1.0), Value::String("é")]))));
    });
}

#[test]
fn a_text_larger_than_the_budget_is_a_fault() {
    let arena = Bump::new();
    let text: &str = arena.alloc_str(&format!("[{}0]", "0,".repeat(1_000)));
    let mut budget = Budget { steps: 100, bytes: 1 << 20 };
    assert_eq!(
        read(text.as_bytes(), LIMIT, &arena, &mut budget).unwrap_err(),
        ReadError::Fault(Fault::Steps)
    );
    let mut budget = Budget { steps: 1 << 20, bytes: 100 };
    assert_eq!(
        read(text.as_bytes(), LIMIT, &arena, &mut budget).unwrap_err(),
        ReadError::Fault(Fault::Memory)
    );
}

#[test]
fn the_end_of_a_plain_run_is_found_wherever_it_is() {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    for byte in 0..=u8::MAX {
        for at in 0..20 {
            // What follows the byte must not hide it, nor what comes before it pretend.
            for filler in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'[', b' '] {
                let mut bytes = [filler; 20];
                bytes[at] = byte;
                let due = if special(byte) { at } else { 20 };
                assert_eq!(plain(&bytes), due, "{byte:#x} at {at} among {filler:#x}");
            }
        }
    }
    assert_eq!(plain(b"ab\"\\\x00cdefgh"), 2);
    assert_eq!(plain(b""), 0);
}

/// What nobody reads is looked at as strictly as the rest, and only the member at the end of the path is unread.
#[test]
fn an_unread_member_is_as_strictly_read() {
    const PATH: &[&str] = &["a", "b"];
    let read_both = |text: &str| {
        let arena = Bump::new();
        let text: &[u8] = arena.alloc_slice_copy(text.as_bytes());
        let whole = read(text, LIMIT, &arena, &mut Budget::default());
        let but = read_but(text, PATH, LIMIT, &arena, &mut Budget::default());
        match (whole, but) {
            (Ok(whole), Ok(but)) => {
                assert_eq!(whole.flaw, but.flaw);
                if whole.flaw.is_none() {
                    assert_eq!(tree(&whole.root), tree(&but.root));
                }
                Some((
                    but.flaw.map(|flaw| flaw.kind),
                    format!("{:?}", but.root.kind).matches("Unread").count(),
                ))
            }
            (whole, but) => {
                assert_eq!(whole.unwrap_err(), but.unwrap_err());
                None
            }
        }
    };
    for (text, expected) in [
        (r#"{"a":{"b":"x\n","c":"y"},"b":"z"}"#, Some((None, 1))),
        (
            r#"{"a":{"c":"y","b":{"d":["x",{"b":"\u00e9\ud83d\ude00"}],"e":"f"},"g":{"b":"h"}},"i":["j"]}"#,
            Some((None, 3)),
        ),
        (r#"{"c":{"b":"x"},"a":{"b":"y"}}"#, Some((None, 1))),
        (r#"{"a":[{"b":"x"}],"b":"y"}"#, Some((None, 0))),
        (r#"[{"a":{"b":"x"}}]"#, Some((None, 0))),
        (r#"{"a":{"b":"x\ud83d\n"}}"#, Some((Some(FlawKind::LoneSurrogate), 1))),
        (r#"{"a":{"b":"\\ud83d"}}"#, Some((None, 1))),
        (r#"{"a":{"b":"\ud83d\\ude00"}}"#, Some((Some(FlawKind::LoneSurrogate), 1))),
        (r#"{"a":{"b":{"\u0063":1,"c":2}}}"#, Some((Some(FlawKind::Duplicate), 0))),
        (r#"{"a":{"b":{"c":1e999}}}"#, Some((Some(FlawKind::Number), 0))),
        (r#"{"a":{"b":"\x"}}"#, None),
        (r#"{"a":{"b":"\u12"}}"#, None),
        ("{\"a\":{\"b\":\"\n\"}}", None),
    ] {
        assert_eq!(read_both(text), expected, "{text}");
    }
}
