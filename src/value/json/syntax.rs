//! The syntax of JSON, checked over all bytes without building anything, with the error texts of Go's scanner.
//!
//! Iterative: the containers that are open are bits of a fixed array, so that nesting costs neither stack nor heap.

use std::fmt;

/// How deep Go lets containers nest.
const MAX_NESTING: usize = 10_000;

/// The words that hold one bit per level of nesting.
const WORDS: usize = MAX_NESTING / 64 + 1;

/// A number with fewer characters than this and no exponent is within the range of a double.
const SAFE_NUMBER: usize = 300;

/// Text that is one JSON value and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'a> {
    pub(super) bytes: &'a [u8],
    /// The same text, when it is known to be UTF-8.
    pub(super) text: Option<&'a str>,
    /// True if there may be a number beyond the range of a double.
    pub(super) wild: bool,
}

impl<'a> Checked<'a> {
    /// The same, when the text is known to be UTF-8: its strings need no second look.
    #[must_use]
    pub fn of(self, text: &'a str) -> Checked<'a> {
        Checked { bytes: text.as_bytes(), text: Some(text), ..self }
    }

    /// Text that the strict reader has read.
    pub(super) fn strict(text: &'a str, wild: bool) -> Checked<'a> {
        Checked { bytes: text.as_bytes(), text: Some(text), wild }
    }
}

/// Where and why text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The offset of the byte that cannot stand where it does; the length of the text if it ends too early.
    pub at: usize,
    what: What,
}

impl SyntaxError {
    /// True if the text ends too early.
    pub(super) fn is_end(&self) -> bool {
        self.what == What::End
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    End,
    Character(u8, &'static str),
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            What::End => f.write_str("unexpected end of JSON input"),
            What::Character(c, context) => write!(f, "invalid character {} {context}", Quoted(c)),
        }
    }
}

/// A byte as Go quotes it in these messages: read as Latin-1, escaped as in a string literal.
struct Quoted(u8);

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\'' => f.write_str(r"'\''"),
            b'\\' => f.write_str(r"'\\'"),
            0x07 => f.write_str(r"'\a'"),
            0x08 => f.write_str(r"'\b'"),
            0x0c => f.write_str(r"'\f'"),
            b'\n' => f.write_str(r"'\n'"),
            b'\r' => f.write_str(r"'\r'"),
            b'\t' => f.write_str(r"'\t'"),
            0x0b => f.write_str(r"'\v'"),
            c @ (0..=0x1f | 0x7f) => write!(f, r"'\x{c:02x}'"),
            c @ (0x80..=0xa0 | 0xad) => write!(f, r"'\u{c:04x}'"),
            c => write!(f, "'{}'", char::from(c)),
        }
    }
}

/// Checks that `bytes` are one JSON value with nothing but blanks around it.
///
/// # Errors
/// Go's message for the first byte that is wrong.
pub fn check(bytes: &[u8]) -> Result<Checked<'_>, SyntaxError> {
    let mut scanner = Scanner::new(bytes, 0);
    scanner.value()?;
    while let Some(c) = bytes.get(scanner.at) {
        if !is_space(*c) {
            return scanner.fail(*c, "after top-level value");
        }
        scanner.step();
    }
    Ok(Checked { bytes, text: None, wild: scanner.wild })
}

/// The end of the value that begins at or after `at`; `true` if it holds a number that may be beyond a double.
///
/// # Errors
/// As [`check`].
pub(super) fn skip(bytes: &[u8], at: usize) -> Result<(usize, bool), SyntaxError> {
    let mut scanner = Scanner::new(bytes, at);
    scanner.value()?;
    Ok((scanner.at, scanner.wild))
}

pub(super) fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// One bit per open container: set for an object.
    objects: [u64; WORDS],
    depth: usize,
    wild: bool,
}

impl<'a> Scanner<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Self {
        Scanner { bytes, at, objects: [0; WORDS], depth: 0, wild: false }
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn fail<T>(&self, c: u8, context: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { at: self.at, what: What::Character(c, context) })
    }

    /// The next byte; at the end of the text Go feeds its scanner a blank.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b' ')
    }

    /// The next byte that is no blank.
    fn token(&mut self) -> Result<u8, SyntaxError> {
        loop {
            match self.bytes.get(self.at) {
                Some(c) if is_space(*c) => self.step(),
                Some(c) => return Ok(*c),
                None => return Err(SyntaxError { at: self.at, what: What::End }),
            }
        }
    }

    fn value(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.token()? {
                c @ b'{' => {
                    self.open(c, true)?;
                    if self.token()? != b'}' {
                        self.key()?;
                        continue;
                    }
                    self.close();
                }
                c @ b'[' => {
                    self.open(c, false)?;
                    if self.token()? != b']' {
                        continue;
                    }
                    self.close();
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal(&TRUE)?,
                b'f' => self.literal(&FALSE)?,
                b'n' => self.literal(&NULL)?,
                c => return self.fail(c, "looking for beginning of value"),
            }
            if !self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Closes what ends here; true if another value follows.
    fn after_value(&mut self) -> Result<bool, SyntaxError> {
        while self.depth > 0 {
            let object = self.in_object();
            match (self.token()?, object) {
                (b',', true) => {
                    self.step();
                    self.key()?;
                    return Ok(true);
                }
                (b',', false) => {
                    self.step();
                    return Ok(true);
                }
                (b'}', true) | (b']', false) => self.close(),
                (c, true) => return self.fail(c, "after object key:value pair"),
                (c, false) => return self.fail(c, "after array element"),
            }
        }
        Ok(false)
    }

    fn open(&mut self, c: u8, object: bool) -> Result<(), SyntaxError> {
        if self.depth >= MAX_NESTING {
            return self.fail(c, "exceeded max depth");
        }
        if let Some(word) = self.objects.get_mut(self.depth >> 6) {
            let bit = 1_u64 << (self.depth & 63);
            *word = if object { *word | bit } else { *word & !bit };
        }
        self.depth = self.depth.saturating_add(1);
        self.step();
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.step();
    }

    fn in_object(&self) -> bool {
        let level = self.depth.saturating_sub(1);
        self.objects.get(level >> 6).is_some_and(|word| word >> (level & 63) & 1 == 1)
    }

    fn key(&mut self) -> Result<(), SyntaxError> {
        match self.token()? {
            b'"' => self.string()?,
            c => return self.fail(c, "looking for beginning of object key string"),
        }
        match self.token()? {
            b':' => self.step(),
            c => return self.fail(c, "after object key"),
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        self.step();
        loop {
            match self.bytes.get(self.at) {
                None => return Err(SyntaxError { at: self.at, what: What::End }),
                Some(b'"') => {
                    self.step();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.step();
                    self.escape()?;
                }
                Some(c @ 0..=0x1f) => return self.fail(*c, "in string literal"),
                Some(_) => self.step(),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
            b'u' => {
                for _ in 0..4 {
                    self.step();
                    let c = self.peek();
                    if !c.is_ascii_hexdigit() {
                        return self.fail(c, r"in \u hexadecimal character escape");
                    }
                }
            }
            c => return self.fail(c, "in string escape code"),
        }
        self.step();
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        if self.peek() == b'-' {
            self.step();
        }
        match self.peek() {
            b'0' => self.step(),
            b'1'..=b'9' => self.digits(),
            c => return self.fail(c, "in numeric literal"),
        }
        if self.peek() == b'.' {
            self.step();
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.wild = true;
            self.step();
            if matches!(self.peek(), b'+' | b'-') {
                self.step();
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        self.wild |= self.at.saturating_sub(start) >= SAFE_NUMBER;
        Ok(())
    }

    fn some_digits(&mut self, context: &'static str) -> Result<(), SyntaxError> {
        match self.peek() {
            b'0'..=b'9' => self.digits(),
            c => return self.fail(c, context),
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.step();
        }
    }

    fn literal(&mut self, rest: &[(u8, &'static str)]) -> Result<(), SyntaxError> {
        self.step();
        for (expected, context) in rest {
            let c = self.peek();
            if c != *expected {
                return self.fail(c, context);
            }
            self.step();
        }
        Ok(())
    }
}

const TRUE: [(u8, &str); 3] = [
    (b'r', "in literal true (expecting 'r')"),
    (b'u', "in literal true (expecting 'u')"),
    (b'e', "in literal true (expecting 'e')"),
];
const FALSE: [(u8, &str); 4] = [
    (b'a', "in literal false (expecting 'a')"),
    (b'l', "in literal false (expecting 'l')"),
    (b's', "in literal false (expecting 's')"),
    (b'e', "in literal false (expecting 'e')"),
];
const NULL: [(u8, &str); 3] = [
    (b'u', "in literal null (expecting 'u')"),
    (b'l', "in literal null (expecting 'l')"),
    (b'l', "in literal null (expecting 'l')"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        check(bytes).map_or_else(|error| error.to_string(), |_| "ok".to_owned())
    }

    #[test]
    fn errors_are_go_s() {
        // Recorded from Go 1.26.8.
        for (input, expected) in [
            ("", "unexpected end of JSON input"),
            (" \n", "unexpected end of JSON input"),
            ("a", "invalid character 'a' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("1 a", "invalid character 'a' after top-level value"),
            ("1a", "invalid character 'a' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-", "invalid character ' ' in numeric literal"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.", "invalid character ' ' after decimal point in numeric literal"),
            ("1e+", "invalid character ' ' in exponent of numeric literal"),
            ("na", "invalid character 'a' in literal null (expecting 'u')"),
            ("tru", "invalid character ' ' in literal true (expecting 'e')"),
            ("fals ", "invalid character ' ' in literal false (expecting 'e')"),
            ("\"\\q\"", "invalid character 'q' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("\"\\u1", "invalid character ' ' in \\u hexadecimal character escape"),
            ("\"a", "unexpected end of JSON input"),
            ("\"a\n\"", "invalid character '\\n' in string literal"),
            ("\"\u{1}\"", "invalid character '\\x01' in string literal"),
            ("\u{feff}1", "invalid character 'ï' looking for beginning of value"),
            ("'", "invalid character '\\'' looking for beginning of value"),
            ("[1}", "invalid character '}' after array element"),
            ("[\"\"\"", "invalid character '\"' after array element"),
            (" [1, {\"a\": [true, null, -0.5e-3]}]\r\n", "ok"),
        ] {
            assert_eq!(text(input.as_bytes()), expected, "{input}");
        }
        assert_eq!(text(b"\xa0"), "invalid character '\\u00a0' looking for beginning of value");
        assert_eq!(text(b"\x7f"), "invalid character '\\x7f' looking for beginning of value");
    }

    #[test]
    fn nesting_ends_where_go_ends_it() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(text(nested(10_000).as_bytes()), "ok");
        assert_eq!(text(nested(10_001).as_bytes()), "invalid character '[' exceeded max depth");
        let objects = "{\"a\":".repeat(10_001);
        assert_eq!(text(objects.as_bytes()), "invalid character '{' exceeded max depth");
        assert_eq!(text(b"[[{\"a\":[1]}],{}]"), "ok");
    }

    #[test]
    fn numbers_that_may_leave_the_range_of_a_double_are_noticed() {
        for (input, wild) in [("[1.5,-3]", false), ("[1e5]", true), ("[1E400]", true)] {
            assert_eq!(check(input.as_bytes()).unwrap().wild, wild, "{input}");
        }
        assert!(check("1".repeat(310).as_bytes()).unwrap().wild);
    }
}
