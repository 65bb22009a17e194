//! The tokens of an expression: kind, byte range and matching bracket.
//!
//! The parser of the `cel` crate keeps one token per node; a sign before a literal, the name before a call's
//! bracket and the bracket that closes it are found here. The rules are those of CEL's lexer grammar. Text
//! that the grammar has no token for is skipped, as the crate's lexer does after it has reported it: this
//! module finds no errors and knows nothing of syntax beyond single tokens.

/// What a token is, as far as nesting and positions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, reserved words included.
    Ident,
    /// A name in backticks.
    Escaped,
    /// A decimal or hexadecimal integer.
    Int,
    /// An integer with the suffix `u`.
    Uint,
    /// A floating point number.
    Float,
    /// A string or bytes literal.
    Text,
    /// `true`, `false` or `null`.
    Constant,
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `:`
    Colon,
    /// `?`
    Question,
    /// `!`
    Not,
    /// `-`, as a sign or between operands.
    Minus,
    /// `+`
    Plus,
    /// `*`, `/`, `%`
    Times,
    /// `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`
    Relation,
    /// `&&`, `||`
    Logic,
}

impl Kind {
    /// Whether an operand may end with such a token, so that a `-` behind it stands between operands.
    pub(super) fn ends_operand(self) -> bool {
        use Kind::{Close, Constant, Escaped, Float, Ident, Int, Text, Uint};
        matches!(self, Ident | Escaped | Int | Uint | Float | Text | Constant | Close)
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// First byte.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
    /// Of an opening bracket: one past the last byte of the bracket that closes it.
    pub(super) closed_at: Option<u32>,
}

/// All tokens of one text, in order.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    list: Vec<Token>,
}

impl Tokens {
    /// Reads the tokens of `text`, which is shorter than 4 GiB.
    pub(super) fn read(text: &str) -> Tokens {
        let bytes = text.as_bytes();
        let mut tokens = Tokens::default();
        let mut open = Vec::new();
        let mut at = 0_usize;
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let (length, kind) = token(rest);
            let end = at.saturating_add(length.max(1));
            if let Some(kind) = kind {
                tokens.push(kind, at, end, &mut open);
            }
            at = end;
        }
        tokens
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize, open: &mut Vec<usize>) {
        let (start, end) = (u32_of(start), u32_of(end));
        match kind {
            Kind::Open(_) => open.push(self.list.len()),
            Kind::Close => {
                if let Some(token) = open.pop().and_then(|i| self.list.get_mut(i)) {
                    token.closed_at = Some(end);
                }
            }
            _ => {}
        }
        self.list.push(Token { kind, start, end, closed_at: None });
    }

    /// Every token.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Token> {
        self.list.iter()
    }

    /// The index of the token that starts at byte `start`.
    pub(super) fn index_at(&self, start: u32) -> Option<usize> {
        self.list.binary_search_by_key(&start, |token| token.start).ok()
    }

    /// The token with the index `index`.
    pub(super) fn get(&self, index: usize) -> Option<Token> {
        self.list.get(index).copied()
    }

    /// The token before that with the index `index`.
    pub(super) fn before(&self, index: usize) -> Option<Token> {
        index.checked_sub(1).and_then(|i| self.get(i))
    }

    /// What ends the operand before byte `offset`, as the grammar spells it: the bracket that is open, or the
    /// `:` of a conditional or of an entry.
    pub(super) fn expected_at(&self, offset: u32) -> &'static str {
        let mut outer = Vec::new();
        let (mut end, mut colons) = ("<EOF>", 0_u32);
        let mut previous: Option<Kind> = None;
        for token in self.list.iter().take_while(|token| token.start < offset) {
            match token.kind {
                Kind::Open(bracket) => {
                    outer.push((end, colons));
                    (end, colons) = match bracket {
                        b'(' => ("')'", 0),
                        b'[' => ("']'", 0),
                        _ => ("'}'", 1),
                    };
                }
                Kind::Close => (end, colons) = outer.pop().unwrap_or(("<EOF>", 0)),
                Kind::Question if previous.is_some_and(Kind::ends_operand) => {
                    colons = colons.saturating_add(1)
                }
                Kind::Colon => colons = colons.saturating_sub(1),
                Kind::Comma => colons = u32::from(end == "'}'"),
                _ => {}
            }
            previous = Some(token.kind);
        }
        if colons > 0 { "':'" } else { end }
    }

    /// The sign that belongs to the number with the index `index`. The grammar makes a single `-` part of the
    /// literal; of several, all are operators.
    pub(super) fn sign_of(&self, index: usize) -> Option<Token> {
        let sign = index.checked_sub(1)?;
        let found = self.get(sign).filter(|token| token.kind == Kind::Minus)?;
        if !self.is_prefix(sign) {
            return None;
        }
        let doubled = sign
            .checked_sub(1)
            .is_some_and(|i| self.get(i).is_some_and(|t| t.kind == Kind::Minus) && self.is_prefix(i));
        (!doubled).then_some(found)
    }

    fn is_prefix(&self, index: usize) -> bool {
        self.before(index).is_none_or(|token| !token.kind.ends_operand())
    }
}

/// A byte offset; expressions are far shorter than 4 GiB.
pub(super) fn u32_of(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Byte offsets as a range of a text.
pub(super) fn range(start: u32, end: u32) -> std::ops::Range<usize> {
    let of = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    of(start)..of(end)
}

/// The length of the token at the start of `rest`, with its kind; no kind for blanks, comments and what is no
/// token.
fn token(rest: &[u8]) -> (usize, Option<Kind>) {
    let first = rest.first().copied().unwrap_or_default();
    let second = rest.get(1).copied().unwrap_or_default();
    let kind = match (first, second) {
        (b'/', b'/') => return (count(rest, |b| b != b'\n'), None),
        (b'=' | b'!' | b'<' | b'>', b'=') => return (2, Some(Kind::Relation)),
        (b'&', b'&') | (b'|', b'|') => return (2, Some(Kind::Logic)),
        (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => return number(rest),
        (b'a'..=b'z' | b'A'..=b'Z' | b'_', _) => return word(rest),
        (b'"' | b'\'', _) => return text(rest, 0, false),
        (b'`', _) => return escaped(rest),
        (b'(' | b'[' | b'{', _) => Kind::Open(first),
        (b')' | b']' | b'}', _) => Kind::Close,
        (b'.', _) => Kind::Dot,
        (b',', _) => Kind::Comma,
        (b':', _) => Kind::Colon,
        (b'?', _) => Kind::Question,
        (b'!', _) => Kind::Not,
        (b'-', _) => Kind::Minus,
        (b'+', _) => Kind::Plus,
        (b'*' | b'/' | b'%', _) => Kind::Times,
        (b'<' | b'>', _) => Kind::Relation,
        _ => return (1, None),
    };
    (1, Some(kind))
}

fn count(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|&&b| wanted(b)).count()
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn digits_from(rest: &[u8], at: usize) -> usize {
    count(rest.get(at..).unwrap_or_default(), is_digit)
}

fn number(rest: &[u8]) -> (usize, Option<Kind>) {
    if rest.starts_with(b"0x") {
        let digits = count(rest.get(2..).unwrap_or_default(), |b| b.is_ascii_hexdigit());
        if digits > 0 {
            return integer(rest, digits.saturating_add(2));
        }
    }
    let whole = digits_from(rest, 0);
    let mut end = whole;
    if rest.get(end) == Some(&b'.') {
        let fraction = digits_from(rest, end.saturating_add(1));
        if fraction > 0 {
            end = end.saturating_add(fraction).saturating_add(1);
        }
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let mut at = end.saturating_add(1);
        if matches!(rest.get(at), Some(b'+' | b'-')) {
            at = at.saturating_add(1);
        }
        let exponent = digits_from(rest, at);
        if exponent > 0 {
            end = at.saturating_add(exponent);
        }
    }
    if end > whole { (end, Some(Kind::Float)) } else { integer(rest, end) }
}

fn integer(rest: &[u8], end: usize) -> (usize, Option<Kind>) {
    if matches!(rest.get(end), Some(b'u' | b'U')) {
        (end.saturating_add(1), Some(Kind::Uint))
    } else {
        (end, Some(Kind::Int))
    }
}

/// A name, a keyword, or a string behind the prefixes `b` and `r`.
fn word(rest: &[u8]) -> (usize, Option<Kind>) {
    let bytes = usize::from(matches!(rest.first(), Some(b'b' | b'B')));
    let raw = matches!(rest.get(bytes), Some(b'r' | b'R'));
    let prefix = bytes.saturating_add(usize::from(raw));
    if matches!(rest.get(prefix), Some(b'"' | b'\''))
        && let (length, Some(kind)) = text(rest, prefix, raw)
    {
        return (length, Some(kind));
    }
    let length = count(rest, |b| b.is_ascii_alphanumeric() || b == b'_');
    let kind = match rest.get(..length).unwrap_or_default() {
        b"in" => Kind::Relation,
        b"true" | b"false" | b"null" => Kind::Constant,
        _ => Kind::Ident,
    };
    (length, Some(kind))
}

fn escaped(rest: &[u8]) -> (usize, Option<Kind>) {
    let inner = count(rest.get(1..).unwrap_or_default(), |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/' | b' ')
    });
    let end = inner.saturating_add(1);
    if inner > 0 && rest.get(end) == Some(&b'`') {
        (end.saturating_add(1), Some(Kind::Escaped))
    } else {
        (1, None)
    }
}

/// A string whose opening quote stands at `at`: the longest of the forms that close.
fn text(rest: &[u8], at: usize, raw: bool) -> (usize, Option<Kind>) {
    let quote = rest.get(at).copied().unwrap_or_default();
    let triple = [quote; 3];
    let body = rest.get(at..).unwrap_or_default();
    let long = if body.starts_with(&triple) { closing(body, 3, &triple, raw) } else { None };
    match long.or_else(|| closing(body, 1, &[quote], raw)) {
        Some(length) => (at.saturating_add(length), Some(Kind::Text)),
        None => (1, None),
    }
}

fn closing(body: &[u8], from: usize, quotes: &[u8], raw: bool) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = body.get(at..)?;
        let byte = *rest.first()?;
        if rest.starts_with(quotes) {
            return Some(at.saturating_add(quotes.len()));
        }
        match byte {
            b'\n' | b'\r' if quotes.len() == 1 => return None,
            b'\\' if !raw => at = at.saturating_add(2),
            _ => at = at.saturating_add(1),
        }
    }
}
