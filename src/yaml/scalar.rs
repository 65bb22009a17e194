//! The way from a scalar's value back to the file.
//!
//! Reads the scalar's text a second time, next to the value that the parser gave, and notes which bytes became
//! which. The parser's value is the truth: should the two readings differ, the map knows only the place of the whole.

use granit_parser::ScalarStyle;

use crate::source::{ScalarMap, Span};

/// The map of a scalar whose text is `text[start..end]`; a block scalar starts at its first character
/// that is not indentation.
pub(super) fn map(text: &str, start: usize, end: usize, style: ScalarStyle, value: &str) -> ScalarMap {
    let whole = Span::new(start, end);
    let mut reading = Reading { out: String::with_capacity(value.len()), map: ScalarMap::new(whole) };
    match style {
        ScalarStyle::Plain => reading.flow(Cursor::new(text, start, end), Quote::None),
        ScalarStyle::SingleQuoted => reading.flow(Cursor::inside(text, start, end), Quote::Single),
        ScalarStyle::DoubleQuoted => reading.flow(Cursor::inside(text, start, end), Quote::Double),
        ScalarStyle::Literal => reading.block(text, start, end, value, false),
        ScalarStyle::Folded => reading.block(text, start, end, value, true),
    }
    // The parser has already dropped the line breaks that chomping takes away.
    if reading.out.len() > value.len() && reading.out.starts_with(value) {
        reading.map.truncate(value.len());
        reading.out.truncate(value.len());
    }
    if reading.out == value { reading.map } else { ScalarMap::coarse(value.len(), whole) }
}

/// The first escape sequence of a double-quoted scalar that the parser takes and Kyverno's reader does not:
/// `\/` and the two halves of a surrogate pair.
pub(super) fn foreign_escape(text: &str, start: usize, end: usize) -> Option<Span> {
    let mut cursor = Cursor::inside(text, start, end);
    while let Some((at, character)) = cursor.next() {
        if character != '\\' {
            continue;
        }
        let (_, escaped) = cursor.next()?;
        if escaped == '/' {
            return Some(Span::new(at, cursor.at));
        }
        if escaped == 'u' && matches!(cursor.peek(), Some('d' | 'D')) {
            let digits = cursor.hex(4)?;
            if (0xd800..0xe000).contains(&digits) {
                return Some(Span::new(at, cursor.at));
            }
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// A place in the text and what is left of the scalar.
#[derive(Clone)]
struct Cursor<'a> {
    rest: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str, start: usize, end: usize) -> Cursor<'a> {
        Cursor { rest: text.get(start..end).unwrap_or_default(), at: start }
    }

    /// Between the quotes.
    fn inside(text: &'a str, start: usize, end: usize) -> Cursor<'a> {
        Cursor::new(text, start.saturating_add(1), end.saturating_sub(1))
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<(usize, char)> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        let at = self.at;
        self.rest = characters.as_str();
        self.at = at.saturating_add(character.len_utf8());
        Some((at, character))
    }

    /// Takes a line break, `\r\n` as one.
    fn line_break(&mut self) -> Option<Span> {
        let at = self.at;
        if !matches!(self.peek(), Some('\n' | '\r')) {
            return None;
        }
        let (_, character) = self.next()?;
        if character == '\r' && self.peek() == Some('\n') {
            self.next();
        }
        Some(Span::new(at, self.at))
    }

    /// Takes `count` hexadecimal digits.
    fn hex(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest.get(..count)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        self.rest = self.rest.get(count..)?;
        self.at = self.at.saturating_add(count);
        Some(number)
    }
}

struct Reading {
    out: String,
    map: ScalarMap,
}

impl Reading {
    fn push(&mut self, character: char, file: Span) {
        self.out.push(character);
        self.map.push(character.len_utf8(), file);
    }

    /// A plain or quoted scalar.
    fn flow(&mut self, mut cursor: Cursor<'_>, quote: Quote) {
        while let Some(character) = cursor.peek() {
            if matches!(character, ' ' | '\t' | '\n' | '\r') {
                self.blanks(&mut cursor, false);
                continue;
            }
            let Some((at, character)) = cursor.next() else { break };
            match (quote, character) {
                (Quote::Single, '\'') => {
                    cursor.next();
                    self.push('\'', Span::new(at, cursor.at));
                }
                (Quote::Double, '\\') if cursor.line_break().is_some() => self.blanks(&mut cursor, true),
                (Quote::Double, '\\') => {
                    let Some(escaped) = escape(&mut cursor) else { return };
                    self.push(escaped, Span::new(at, cursor.at));
                }
                _ => self.push(character, Span::new(at, cursor.at)),
            }
        }
    }

    /// Blanks and line breaks between two characters: one break folds into a blank, more lose the first.
    /// After an escaped break, which itself is nothing, all further ones count.
    fn blanks(&mut self, cursor: &mut Cursor<'_>, escaped: bool) {
        let mut blanks = Vec::new();
        let mut breaks = Vec::new();
        loop {
            if let Some(place) = cursor.line_break() {
                breaks.push(place);
            } else if let Some(' ' | '\t') = cursor.peek() {
                let Some((at, character)) = cursor.next() else { break };
                blanks.push((character, Span::new(at, cursor.at)));
            } else {
                break;
            }
        }
        match breaks.as_slice() {
            [] if !escaped => {
                for (character, place) in blanks {
                    self.push(character, place);
                }
            }
            [only] if !escaped => self.push(' ', Span { end: Span::new(0, cursor.at).end, ..*only }),
            _ => {
                for place in breaks.iter().skip(usize::from(!escaped)) {
                    self.push('\n', *place);
                }
            }
        }
    }

    /// A block scalar. All line breaks at the end are kept here; the caller cuts them to the parser's value.
    fn block(&mut self, text: &str, start: usize, end: usize, value: &str, folded: bool) {
        let line_start =
            text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at.saturating_add(1));
        let indent = start.saturating_sub(line_start);
        let blank_lines = value.bytes().take_while(|byte| *byte == b'\n').count();
        let mut lines = Lines {
            folded,
            pending: None,
            breaks: breaks_before(text, line_start, blank_lines),
            blank: false,
        };
        let mut cursor = Cursor::new(text, line_start, end);
        while cursor.peek().is_some() {
            for _ in 0..indent {
                if cursor.peek() == Some(' ') {
                    cursor.next();
                }
            }
            if let Some(place) = cursor.line_break() {
                lines.breaks.push(place);
                continue;
            }
            // The scalar's range can go on over the indentation of what follows.
            if cursor.peek().is_none() {
                break;
            }
            lines.join(self, matches!(cursor.peek(), Some(' ' | '\t')));
            while let Some(character) = cursor.peek().filter(|character| !matches!(character, '\n' | '\r')) {
                let at = cursor.at;
                cursor.next();
                self.push(character, Span::new(at, cursor.at));
            }
            lines.pending = cursor.line_break();
        }
        for place in lines.pending.into_iter().chain(lines.breaks) {
            self.push('\n', place);
        }
    }
}

/// What stands between two lines of a block scalar that have text.
struct Lines {
    folded: bool,
    /// The line break after the last line that has text.
    pending: Option<Span>,
    /// Those of the empty lines since.
    breaks: Vec<Span>,
    /// Whether the last line that has text starts with a blank: such lines do not fold.
    blank: bool,
}

impl Lines {
    fn join(&mut self, reading: &mut Reading, starts_with_blank: bool) {
        let folds = self.folded && !self.blank && !starts_with_blank;
        if let Some(place) = self.pending.take() {
            match (folds, self.breaks.is_empty()) {
                (true, true) => reading.push(' ', place),
                (true, false) => {}
                (false, _) => reading.push('\n', place),
            }
        }
        for place in std::mem::take(&mut self.breaks) {
            reading.push('\n', place);
        }
        self.blank = starts_with_blank;
    }
}

/// The last `count` line breaks before the line that starts at `line_start`, in the order of the file.
fn breaks_before(text: &str, line_start: usize, count: usize) -> Vec<Span> {
    let before = text.get(..line_start).unwrap_or_default();
    let mut places: Vec<Span> = before
        .rmatch_indices('\n')
        .take(count)
        .map(|(at, _)| {
            let carriage_return = before.get(..at).is_some_and(|text| text.ends_with('\r'));
            Span::new(at.saturating_sub(usize::from(carriage_return)), at.saturating_add(1))
        })
        .collect();
    places.reverse();
    places
}

/// The character of an escape sequence whose backslash is already taken; none for one that does not exist.
fn escape(cursor: &mut Cursor<'_>) -> Option<char> {
    let (_, letter) = cursor.next()?;
    Some(match letter {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '\'' | '\\' => letter,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => char::from_u32(cursor.hex(2)?)?,
        'u' => char::from_u32(cursor.hex(4)?)?,
        'U' => char::from_u32(cursor.hex(8)?)?,
        _ => return None,
    })
}
