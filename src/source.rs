//! Files, byte spans, line starts, and the way from a YAML scalar's value back to the file.
//!
//! Knows nothing of YAML's structure, of CEL or of diagnostics. Offsets are bytes; lines and columns count from
//! one, and columns count characters, because that is what an editor shows.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::limit::over;

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A half-open range of byte offsets into a [`Source`].
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`; an end before the start gives the empty range at `start`.
    pub fn new(start: usize, end: usize) -> Span {
        let start = narrow(start);
        Span { start, end: narrow(end).max(start) }
    }

    /// The smallest range that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value together with the place where it is written.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands in its file.
    pub span: Span,
}

/// A place as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One file's text.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    /// Whether reports may quote the text.
    shown: bool,
    /// Made when a place is asked for: of most files nothing is ever told.
    places: OnceLock<Places>,
}

/// Where lines and characters are in a text.
#[derive(Debug)]
struct Places {
    line_starts: Vec<u32>,
    /// How many characters begin before each [`BLOCK`] of the text: one long line may be pointed at many times.
    characters: Vec<u32>,
}

impl Places {
    fn of(text: &str) -> Places {
        let mut line_starts = vec![0];
        line_starts.extend(
            text.bytes()
                .enumerate()
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| narrow(at.saturating_add(1))),
        );
        let mut before = 0_usize;
        let characters = text
            .as_bytes()
            .chunks(BLOCK)
            .map(|block| {
                let after = before.saturating_add(beginnings(block));
                narrow(std::mem::replace(&mut before, after))
            })
            .collect();
        Places { line_starts, characters }
    }
}

/// After how many bytes characters are counted once and for all.
const BLOCK: usize = 4096;

/// How many characters begin in these bytes.
fn beginnings(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for Source {}

/// The bytes of a regular file, at most one more than the limit.
///
/// # Errors
/// It cannot be read, or is something else: a device has no end, and a pipe waits for its writer.
pub fn read_file(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    // Asked before the file is opened, because to open a pipe would wait too.
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    read_bounded(fs::File::open(path)?, most)
}

/// Why a file cannot be read, in words that mean the same on every system.
pub fn why_unread(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string().to_lowercase(),
    }
}

/// What a reader gives, at most one byte more than the limit.
///
/// # Errors
/// It cannot be read.
pub fn read_bounded(reader: impl io::Read, most: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What was read with this limit, unless it was more.
///
/// # Errors
/// It is more.
pub fn within(bytes: Vec<u8>, most: usize) -> io::Result<Vec<u8>> {
    if bytes.len() > most {
        Err(io::Error::other(format!("it has {}", over(most, "bytes"))))
    } else {
        Ok(bytes)
    }
}

/// The text of a regular file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// It cannot be read, is larger, or is no UTF-8 text.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = within(read_file(path, MAX_FILE_BYTES)?, MAX_FILE_BYTES)?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

/// A file of more than [`MAX_FILE_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has {bytes} bytes, {}", over(MAX_FILE_BYTES, ""))]
pub struct SourceTooLargeError {
    /// The size of the file.
    pub bytes: usize,
}

impl Source {
    /// A source called `name`: the path as the user gave it.
    ///
    /// # Errors
    /// When the text is larger than [`MAX_FILE_BYTES`].
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Result<Arc<Source>, SourceTooLargeError> {
        let text = text.into();
        if text.len() > MAX_FILE_BYTES {
            return Err(SourceTooLargeError { bytes: text.len() });
        }
        Ok(Arc::new(Source { name: name.into(), text, shown: true, places: OnceLock::new() }))
    }

    /// A source without text, for a file that cannot be read: it names the file in diagnostics.
    pub fn without_text(name: impl Into<String>) -> Arc<Source> {
        Arc::new(Source { name: name.into(), text: String::new(), shown: true, places: OnceLock::new() })
    }

    /// The same file for reports that must not quote it: every place is where it was, and no character is told.
    pub fn veiled(&self) -> Arc<Source> {
        let blank = |c: char| match (c, c.len_utf8()) {
            ('\n' | BYTE_ORDER_MARK, _) => c,
            (_, 1) => ' ',
            (_, 2) => '\u{a0}',
            (_, 3) => '\u{3000}',
            _ => '\u{1f512}',
        };
        let (name, text) = (self.name.clone(), self.text.chars().map(blank).collect());
        Arc::new(Source { name, text, shown: false, places: OnceLock::new() })
    }

    /// Whether reports may quote the text.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// A source for what was read from elsewhere and is not told its file yet.
    pub fn nowhere() -> Arc<Source> {
        Source::without_text("")
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(&self.text))
    }

    /// The path as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of `span`; empty when the span is not in the file or cuts a character.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(wide(span.start)..wide(span.end)).unwrap_or_default()
    }

    /// Line and column of a byte offset; past the end it is the place after the last character.
    pub fn position(&self, offset: u32) -> Position {
        let mut offset = wide(offset).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset = offset.saturating_sub(1);
        }
        let line = self.places().line_starts.partition_point(|start| wide(*start) <= offset);
        let start = self.line_start(line);
        // A byte order mark is not text: no editor shows it, so it has no column.
        let mark = start == 0 && offset > 0 && self.text.starts_with(BYTE_ORDER_MARK);
        let column = self.characters_before(offset).saturating_sub(self.characters_before(start));
        let column = column.saturating_sub(usize::from(mark)).saturating_add(1);
        Position { line, column }
    }

    /// How many characters begin before the byte `offset`.
    fn characters_before(&self, offset: usize) -> usize {
        let counted = offset.checked_div(BLOCK).unwrap_or_default();
        let rest = self.text.as_bytes().get(counted.saturating_mul(BLOCK)..offset).unwrap_or_default();
        let before = self.places().characters.get(counted).map_or(0, |count| wide(*count));
        before.saturating_add(beginnings(rest))
    }

    /// Byte offset of the first character of the line `line` (from 1).
    pub fn line_start(&self, line: usize) -> usize {
        line.checked_sub(1)
            .and_then(|index| self.places().line_starts.get(index))
            .map_or(0, |start| wide(*start))
    }

    /// The text of the line `line` (from 1) without its line break; empty for a line that is not there.
    pub fn line(&self, line: usize) -> &str {
        if line == 0 || line > self.places().line_starts.len() {
            return "";
        }
        let end = self.places().line_starts.get(line).map_or(self.text.len(), |next| wide(*next));
        let line = self.text.get(self.line_start(line)..end).unwrap_or_default();
        let line = line.strip_suffix('\n').unwrap_or(line);
        line.strip_suffix('\r').unwrap_or(line)
    }
}

/// The way from byte offsets in a YAML scalar's value to byte offsets in the file.
///
/// A list of pieces in the order of the value. In a piece whose two lengths are equal each byte of the value
/// stands for one byte of the file; another piece is one unit, such as an escape sequence, a line break with
/// the indentation after it, or a doubled quote.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct ScalarMap {
    pieces: Vec<Piece>,
    /// Where an empty value stands.
    fallback: Span,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Piece {
    value: u32,
    value_len: u32,
    file: u32,
    file_len: u32,
}

impl ScalarMap {
    /// A map without pieces; every offset is at `place`.
    pub fn new(place: Span) -> ScalarMap {
        ScalarMap { pieces: Vec::new(), fallback: place }
    }

    /// A map that knows only the place of the whole: `length` bytes of value are the text of `place`.
    pub fn coarse(length: usize, place: Span) -> ScalarMap {
        let mut map = ScalarMap::new(place);
        map.push(length, place);
        map
    }

    /// Says that the next `length` bytes of the value come from `file`.
    pub fn push(&mut self, length: usize, file: Span) {
        let value_len = narrow(length);
        let file_len = file.end.saturating_sub(file.start);
        if let Some(last) = self.pieces.last_mut() {
            let joins = last.file.saturating_add(last.file_len) == file.start;
            if joins && last.value_len == last.file_len && value_len == file_len {
                last.value_len = last.value_len.saturating_add(value_len);
                last.file_len = last.file_len.saturating_add(file_len);
                return;
            }
        }
        let value = self.value_len();
        self.pieces.push(Piece { value, value_len, file: file.start, file_len });
    }

    /// Forgets everything after the first `length` bytes of the value.
    pub fn truncate(&mut self, length: usize) {
        let length = narrow(length);
        self.pieces.retain(|piece| piece.value < length);
        if let Some(last) = self.pieces.last_mut() {
            let kept = length.saturating_sub(last.value).min(last.value_len);
            if last.value_len == last.file_len {
                last.file_len = kept;
            }
            last.value_len = kept;
        }
    }

    /// Length in bytes of the value that is mapped.
    pub fn value_len(&self) -> u32 {
        self.pieces.last().map_or(0, |last| last.value.saturating_add(last.value_len))
    }

    /// The file's bytes that the value's bytes `start..end` come from. An empty range gives the place before the
    /// byte at `start`; a range past the end is cut to the end.
    pub fn locate(&self, start: usize, end: usize) -> Span {
        let from = self.start_of(narrow(start));
        if end <= start {
            return Span { start: from, end: from };
        }
        Span { start: from, end: self.end_of(narrow(end)).max(from) }
    }

    fn start_of(&self, offset: u32) -> u32 {
        let index = self.pieces.partition_point(|piece| piece.value <= offset);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return self.fallback.start;
        };
        let into = offset.saturating_sub(piece.value);
        if into >= piece.value_len {
            piece.file.saturating_add(piece.file_len)
        } else if piece.value_len == piece.file_len {
            piece.file.saturating_add(into)
        } else {
            piece.file
        }
    }

    fn end_of(&self, offset: u32) -> u32 {
        let index = self.pieces.partition_point(|piece| piece.value < offset);
        let Some(piece) = index.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return self.fallback.start;
        };
        let into = offset.saturating_sub(piece.value);
        if piece.value_len == piece.file_len && into < piece.value_len {
            piece.file.saturating_add(into)
        } else {
            piece.file.saturating_add(piece.file_len)
        }
    }
}

/// `usize` to a file offset. No offset is larger than [`MAX_FILE_BYTES`], so nothing is lost.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// A file offset as an index.
fn wide(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_the_characters_of_every_block() {
        let text = format!("\u{feff}{}\n{}", "aé日".repeat(1_500), "😀b".repeat(1_500));
        let source = Source::new("p.yaml", text.as_str()).unwrap();
        let mut expected = Position { line: 1, column: 1 };
        for (at, character) in text.char_indices() {
            for within in 0..character.len_utf8() {
                assert_eq!(source.position(narrow(at + within)), expected, "{at}+{within}");
            }
            match character {
                '\u{feff}' => {}
                '\n' => expected = Position { line: 2, column: 1 },
                _ => expected.column += 1,
            }
        }
        assert_eq!(source.position(u32::MAX), expected);
    }

    #[test]
    fn columns_count_characters_and_lines_count_line_feeds() {
        let source = Source::new("a.yaml", "a: é!\r\nb: 2\n").unwrap();
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(5), Position { line: 1, column: 5 });
        assert_eq!(source.position(8), Position { line: 2, column: 1 });
        assert_eq!(source.position(1000), Position { line: 3, column: 1 });
        assert_eq!(source.line(1), "a: é!");
        assert_eq!(source.line(2), "b: 2");
        assert_eq!(source.line(3), "");
        assert_eq!(source.line(4), "");
    }

    #[test]
    fn a_byte_order_mark_has_no_column() {
        let source = Source::new("a.yaml", "\u{feff}a: 1").unwrap();
        assert_eq!(source.position(3), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 1, column: 2 });
    }

    #[test]
    fn a_scalar_map_joins_pieces_and_keeps_units_whole() {
        let mut map = ScalarMap::new(Span::new(9, 9));
        map.push(2, Span::new(10, 12));
        map.push(1, Span::new(12, 13));
        map.push(1, Span::new(13, 19));
        map.push(3, Span::new(19, 22));
        assert_eq!(map.pieces.len(), 3);
        assert_eq!(map.locate(0, 3), Span::new(10, 13));
        assert_eq!(map.locate(3, 4), Span::new(13, 19));
        assert_eq!(map.locate(2, 5), Span::new(12, 20));
        assert_eq!(map.locate(7, 7), Span::new(22, 22));
        assert_eq!(map.locate(4, 4), Span::new(19, 19));
        assert_eq!(ScalarMap::new(Span::new(9, 9)).locate(0, 3), Span::new(9, 9));
        map.truncate(5);
        assert_eq!(map.locate(4, 99), Span::new(19, 20));
        assert_eq!(map.value_len(), 5);
    }

    #[test]
    fn a_veiled_file_has_its_places_and_none_of_its_text() {
        let text = "\u{feff}a: é\r\n\u{feff}\u{1f980}: 日本 x\n";
        let source = Source::new("a", text).unwrap();
        let veiled = source.veiled();
        assert!(source.is_shown() && !veiled.is_shown());
        for (at, _) in text.char_indices() {
            let at = u32::try_from(at).unwrap();
            assert_eq!(veiled.position(at), source.position(at));
        }
        assert_eq!(veiled.text().len(), text.len());
        assert!(!veiled.text().contains(|c: char| c.is_alphanumeric()), "{}", veiled.text());
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        assert!(Source::new("a", "x".repeat(MAX_FILE_BYTES)).is_ok());
        assert!(Source::new("a", "x".repeat(MAX_FILE_BYTES + 1)).is_err());
    }
}
