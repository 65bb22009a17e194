//! Reads a pattern as Go's `regexp/syntax` does, with its errors, and writes it in Rust's syntax.
//!
//! Like Go's parser, this one keeps a stack of finished pieces; a repetition applies to whatever lies on top, which
//! need not be what stands before it in the text. A piece is kept as its translation.

use regex_syntax::hir::ClassUnicode;

use super::class;
use super::{Groups, PatternError, Translation};

/// How deep groups and repetitions may nest. Go allows 1,000; nobody writes 200, and a deep pattern costs stack.
pub(super) const MAX_DEPTH: u32 = 200;

/// The most copies of a piece that counted repetitions may ask for, all nested ones multiplied.
const MAX_COPIES: u32 = 1_000;

/// What the first use of a Unicode group takes off the length of the translation.
const GROUP_COST: usize = 4_096;

const INVALID_CHAR_RANGE: &str = "invalid character class range";
const INVALID_ESCAPE: &str = "invalid escape sequence";
const INVALID_NAMED_CAPTURE: &str = "invalid named capture";
const INVALID_PERL_OP: &str = "invalid or unsupported Perl syntax";
const INVALID_REPEAT_OP: &str = "invalid nested repetition operator";
const INVALID_REPEAT_SIZE: &str = "invalid repeat count";
const MISSING_BRACKET: &str = "missing closing ]";
const MISSING_PAREN: &str = "missing closing )";
const MISSING_REPEAT_ARGUMENT: &str = "missing argument to repetition operator";
const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
const UNEXPECTED_PAREN: &str = "unexpected )";

/// The flags that a pattern can set.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `i`
    fold_case: bool,
    /// `m`
    multi_line: bool,
    /// `s`
    dot_all: bool,
    /// `U`
    swap_greed: bool,
}

/// A finished part of a pattern.
#[derive(Debug)]
struct Piece {
    /// The translation.
    text: String,
    /// True if a repetition may follow the text as it is.
    atom: bool,
    /// How deep it nests.
    depth: u32,
    /// The product of its nested counted repetitions.
    copies: u32,
    /// About how many states it needs.
    weight: usize,
    /// About how many of them can be under way at once.
    width: usize,
}

/// What lies on the stack.
#[derive(Debug)]
enum Item {
    Piece(Piece),
    /// An open group, with the flags that hold again after it, and whether its match is wanted.
    Paren(Flags, bool),
    Bar,
}

struct Parser<'p> {
    whole: &'p str,
    flags: Flags,
    stack: Vec<Item>,
    /// The bytes that the translation may still grow by.
    room: usize,
    /// The Unicode groups met so far, by name and case folding: their tables are slow to read.
    groups: Vec<(&'p str, bool, ClassUnicode)>,
    /// Whether groups capture.
    captures: bool,
    /// How many do.
    captured: usize,
}

fn syntax(code: &'static str, part: &str) -> PatternError {
    PatternError::Syntax(code, part.to_owned())
}

/// The part of `text` that was read when `rest` is left.
fn consumed<'p>(text: &'p str, rest: &str) -> &'p str {
    text.get(..text.len().saturating_sub(rest.len())).unwrap_or(text)
}

/// The first character and the rest; the replacement character at the end, as Go's decoder gives.
fn next(text: &str) -> (char, &str) {
    let mut chars = text.chars();
    match chars.next() {
        Some(c) => (c, chars.as_str()),
        None => (char::REPLACEMENT_CHARACTER, ""),
    }
}

/// Translates a pattern to about `longest` bytes at most.
pub(super) fn parse(pattern: &str, longest: usize, groups: Groups) -> Result<Translation, PatternError> {
    let mut parser = Parser {
        whole: pattern,
        flags: Flags::default(),
        stack: Vec::new(),
        room: longest,
        groups: Vec::new(),
        captures: groups == Groups::Kept,
        captured: 0,
    };
    let mut rest = pattern;
    // The text from the repetition operator just read, while nothing else was read since.
    let mut last_repeat = None;
    while !rest.is_empty() {
        let before = rest;
        let mut repeat = None;
        let (c, after) = next(rest);
        rest = match c {
            '(' => parser.open(rest)?,
            '|' => {
                parser.concat()?;
                parser.stack.push(Item::Bar);
                after
            }
            ')' => {
                parser.close()?;
                after
            }
            '^' => {
                parser.push_raw(if parser.flags.multi_line { "(?m:^)" } else { r"\A" })?;
                after
            }
            '$' => {
                parser.push_raw(if parser.flags.multi_line { "(?m:$)" } else { r"\z" })?;
                after
            }
            '.' => {
                parser.push_raw(if parser.flags.dot_all { "(?s:.)" } else { "(?-s:.)" })?;
                after
            }
            '[' => parser.class(rest)?,
            '*' | '+' | '?' => {
                repeat = Some(before);
                let (min, max) = match c {
                    '*' => (0, None),
                    '+' => (1, None),
                    _ => (0, Some(1)),
                };
                parser.repeat(Repeat { min, max, counted: false }, before, after, last_repeat)?
            }
            '{' => match counts(rest)? {
                None => {
                    parser.literal('{')?;
                    after
                }
                Some((min, max, after)) => {
                    repeat = Some(before);
                    parser.repeat(Repeat { min, max, counted: true }, before, after, last_repeat)?
                }
            },
            '\\' => parser.backslash(rest)?,
            _ => {
                parser.literal(c)?;
                after
            }
        };
        last_repeat = repeat;
    }
    parser.concat()?;
    parser.alternate()?;
    match (parser.stack.pop(), parser.stack.is_empty()) {
        (Some(Item::Piece(piece)), true) => Ok(Translation {
            text: piece.text,
            weight: piece.weight,
            // What begins anew at each character, and the end.
            width: piece.width.saturating_add(4),
            cost: longest.saturating_sub(parser.room),
            groups: parser.captured,
        }),
        _ => Err(syntax(MISSING_PAREN, pattern)),
    }
}

/// A repetition operator.
#[derive(Clone, Copy)]
struct Repeat {
    min: u32,
    max: Option<u32>,
    /// True for `{…}`.
    counted: bool,
}

/// Reads `{n}`, `{n,}` or `{n,m}`; `None` if it is something else, and so a literal brace.
type Counts<'p> = Option<(u32, Option<u32>, &'p str)>;

fn counts(text: &str) -> Result<Counts<'_>, PatternError> {
    let Some((min, max, after)) = read_counts(text) else { return Ok(None) };
    let most = max.unwrap_or(min);
    if min > MAX_COPIES || most > MAX_COPIES || min > most {
        return Err(syntax(INVALID_REPEAT_SIZE, consumed(text, after)));
    }
    Ok(Some((min, max, after)))
}

fn read_counts(text: &str) -> Counts<'_> {
    let (min, rest) = integer(text.strip_prefix('{')?)?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((min, Some(min), after));
    }
    let rest = rest.strip_prefix(',')?;
    if let Some(after) = rest.strip_prefix('}') {
        return Some((min, None, after));
    }
    let (max, rest) = integer(rest)?;
    Some((min, Some(max), rest.strip_prefix('}')?))
}

/// A decimal number without leading zeros; one that does not fit is as good as any that is too big.
fn integer(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() || digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}

impl<'p> Parser<'p> {
    fn push(&mut self, piece: Piece) -> Result<(), PatternError> {
        if piece.depth > MAX_DEPTH {
            return Err(PatternError::TooLarge);
        }
        self.stack.push(Item::Piece(piece));
        Ok(())
    }

    fn push_raw(&mut self, text: &str) -> Result<(), PatternError> {
        self.push(Piece { text: text.to_owned(), atom: true, depth: 1, copies: 1, weight: 10, width: 3 })
    }

    fn push_class(&mut self, set: &ClassUnicode) -> Result<(), PatternError> {
        let mut text = String::new();
        // Each range of characters beyond ASCII becomes a few ranges of bytes.
        let wide = set.ranges().last().is_some_and(|range| !range.end().is_ascii());
        let weight = set.ranges().len().saturating_mul(2).saturating_add(if wide { 10 } else { 0 });
        match set.ranges() {
            [] => text.push_str(r"[^\x{0}-\x{10FFFF}]"),
            [one] if one.start() == one.end() => push_char(&mut text, one.start()),
            ranges => {
                text.push('[');
                for range in ranges {
                    push_char(&mut text, range.start());
                    if range.start() != range.end() {
                        text.push('-');
                        push_char(&mut text, range.end());
                    }
                }
                text.push(']');
            }
        }
        self.room = self.room.checked_sub(text.len()).ok_or(PatternError::TooLarge)?;
        // Of the states of one class a single one is under way, and looks through its ranges.
        let width = (set.ranges().len().min(64) >> 3).saturating_add(if wide { 3 } else { 1 });
        self.push(Piece { text, atom: true, depth: 1, copies: 1, weight: weight.max(1), width })
    }

    fn literal(&mut self, c: char) -> Result<(), PatternError> {
        self.code_point(u32::from(c))
    }

    fn code_point(&mut self, c: u32) -> Result<(), PatternError> {
        let set = class::code_points(c, c);
        self.push_class(&if self.flags.fold_case { class::folded(set) } else { set })
    }

    /// Joins the pieces above the topmost bar or open group to one.
    fn concat(&mut self) -> Result<(), PatternError> {
        let from = self.stack.iter().rposition(|item| !matches!(item, Item::Piece(_)));
        let from = from.map_or(0, |at| at.saturating_add(1));
        let mut pieces = self.stack.drain(from..).filter_map(|item| match item {
            Item::Piece(piece) => Some(piece),
            _ => None,
        });
        let mut whole = match pieces.next() {
            None => Piece { text: String::new(), atom: false, depth: 1, copies: 1, weight: 1, width: 1 },
            Some(first) => first,
        };
        for piece in pieces {
            whole.atom = false;
            whole.text.push_str(&piece.text);
            whole.absorb(&piece);
        }
        self.push(whole)
    }

    /// Joins the alternatives above the topmost open group to one piece, which can stand in a concatenation.
    fn alternate(&mut self) -> Result<(), PatternError> {
        let from = self.stack.iter().rposition(|item| matches!(item, Item::Paren(..)));
        let from = from.map_or(0, |at| at.saturating_add(1));
        let mut pieces = self.stack.drain(from..).filter_map(|item| match item {
            Item::Piece(piece) => Some(piece),
            _ => None,
        });
        let Some(first) = pieces.next() else { return Ok(()) };
        let Some(second) = pieces.next() else {
            drop(pieces);
            return self.push(first);
        };
        let mut whole = Piece { text: String::from("(?:"), atom: true, ..first };
        whole.text.push_str(&first.text);
        for piece in [second].into_iter().chain(pieces) {
            whole.text.push('|');
            whole.text.push_str(&piece.text);
            whole.absorb(&piece);
        }
        whole.text.push(')');
        whole.depth = whole.depth.saturating_add(1);
        whole.width = whole.width.saturating_add(1);
        self.push(whole)
    }

    fn close(&mut self) -> Result<(), PatternError> {
        self.concat()?;
        self.alternate()?;
        let (piece, paren) = (self.stack.pop(), self.stack.pop());
        let (Some(Item::Piece(mut piece)), Some(Item::Paren(flags, captures))) = (piece, paren) else {
            return Err(syntax(UNEXPECTED_PAREN, self.whole));
        };
        self.flags = flags;
        if captures {
            piece.capture();
            self.captured = self.captured.saturating_add(1);
        } else {
            piece.group();
        }
        piece.depth = piece.depth.saturating_add(1);
        self.push(piece)
    }

    /// Reads what `(` begins: a group, a named group, flags.
    fn open<'t>(&mut self, text: &'t str) -> Result<&'t str, PatternError> {
        let Some(inside) = text.strip_prefix("(?") else {
            self.stack.push(Item::Paren(self.flags, self.captures));
            return Ok(text.get(1..).unwrap_or_default());
        };
        let name = inside.strip_prefix("P<").filter(|_| text.len() > 4);
        if let Some(named) = name.or_else(|| inside.strip_prefix('<').filter(|_| text.len() > 3)) {
            let Some((name, rest)) = named.split_once('>') else {
                return Err(syntax(INVALID_NAMED_CAPTURE, text));
            };
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(syntax(INVALID_NAMED_CAPTURE, consumed(text, rest)));
            }
            self.stack.push(Item::Paren(self.flags, self.captures));
            return Ok(rest);
        }
        let mut rest = inside;
        let mut flags = self.flags;
        let (mut value, mut saw_flag) = (true, false);
        while !rest.is_empty() {
            let (c, after) = next(rest);
            rest = after;
            match c {
                'i' => flags.fold_case = value,
                'm' => flags.multi_line = value,
                's' => flags.dot_all = value,
                'U' => flags.swap_greed = value,
                '-' if value => {
                    (value, saw_flag) = (false, false);
                    continue;
                }
                ':' | ')' if value || saw_flag => {
                    if c == ':' {
                        self.stack.push(Item::Paren(self.flags, false));
                    }
                    self.flags = flags;
                    return Ok(rest);
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(syntax(INVALID_PERL_OP, consumed(text, rest)))
    }

    /// Repeats the top of the stack; gives what comes after the operator.
    fn repeat<'t>(
        &mut self,
        repeat: Repeat,
        before: &'t str,
        after: &'t str,
        last: Option<&'t str>,
    ) -> Result<&'t str, PatternError> {
        let (after, lazy) = match after.strip_prefix('?') {
            Some(after) => (after, !self.flags.swap_greed),
            None => (after, self.flags.swap_greed),
        };
        if let Some(last) = last {
            return Err(syntax(INVALID_REPEAT_OP, consumed(last, after)));
        }
        let Some(Item::Piece(_)) = self.stack.last() else {
            return Err(syntax(MISSING_REPEAT_ARGUMENT, consumed(before, after)));
        };
        let Some(Item::Piece(mut piece)) = self.stack.pop() else { return Err(PatternError::TooLarge) };
        let most = repeat.max.unwrap_or(repeat.min);
        if !piece.atom {
            piece.group();
        }
        match (repeat.counted, repeat.min, repeat.max) {
            (true, min, Some(max)) => piece.text.push_str(&format!("{{{min},{max}}}")),
            (true, min, None) => piece.text.push_str(&format!("{{{min},}}")),
            (false, 0, None) => piece.text.push('*'),
            (false, _, None) => piece.text.push('+'),
            (false, ..) => piece.text.push('?'),
        }
        if lazy {
            piece.text.push('?');
        }
        piece.atom = false;
        piece.depth = piece.depth.saturating_add(1);
        let times = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        piece.weight = piece.weight.saturating_mul(times).saturating_add(2);
        piece.width = piece.width.saturating_add(1).saturating_mul(times);
        if repeat.counted {
            piece.copies = match repeat.max {
                // Nothing is copied, however often its parts are.
                Some(0) => 0,
                _ => piece.copies.saturating_mul(most.max(1)),
            };
            if most >= 2 && piece.copies > MAX_COPIES {
                return Err(syntax(INVALID_REPEAT_SIZE, consumed(before, after)));
            }
        }
        self.push(piece)?;
        Ok(after)
    }

    /// Reads what a backslash outside a class begins.
    fn backslash(&mut self, text: &'p str) -> Result<&'p str, PatternError> {
        let (c, after) = next(text.get(1..).unwrap_or_default());
        match c {
            'A' => self.push_raw(r"\A")?,
            'z' => self.push_raw(r"\z")?,
            'b' => self.push_raw(r"(?-u:\b)")?,
            'B' => self.push_raw(r"(?-u:\B)")?,
            'C' => return Err(syntax(INVALID_ESCAPE, consumed(text, after))),
            'Q' => {
                let (quoted, rest) = after.split_once(r"\E").unwrap_or((after, ""));
                for c in quoted.chars() {
                    self.literal(c)?;
                }
                return Ok(rest);
            }
            _ => {
                if let Some((set, rest)) = self.group_escape(text)? {
                    self.push_class(&set)?;
                    return Ok(rest);
                }
                let (c, rest) = escape(text)?;
                self.code_point(c)?;
                return Ok(rest);
            }
        }
        Ok(after)
    }

    /// Reads `\d` and its kin, and `\pL`, `\p{Greek}` and theirs.
    fn group_escape(&mut self, text: &'p str) -> Result<Option<(ClassUnicode, &'p str)>, PatternError> {
        let Some(inside) = text.strip_prefix('\\') else { return Ok(None) };
        let (c, after) = next(inside);
        if c != 'p' && c != 'P' {
            return Ok(class::perl_group(c).map(|(set, negated)| (self.in_case(set, negated), after)));
        }
        // A lone `\p` reads the end of the text as the replacement character, and names no group.
        let (first, rest) = next(after);
        let (name, rest) = if first == '{' {
            let end = after.find('}').ok_or_else(|| syntax(INVALID_CHAR_RANGE, text))?;
            let name = after.get(1..end).unwrap_or_default();
            (name, after.get(end.saturating_add(1)..).unwrap_or_default())
        } else {
            (consumed(after, rest), rest)
        };
        let mut negated = c == 'P';
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let fold = self.flags.fold_case;
        let known = self.groups.iter().find(|(known, folded, _)| *known == name && *folded == fold);
        let mut set = match known {
            Some((_, _, set)) => set.clone(),
            None => {
                let set = class::unicode_group(name, fold)
                    .ok_or_else(|| syntax(INVALID_CHAR_RANGE, consumed(text, rest)))?;
                // Reading a table costs about as much as writing a large one.
                self.room = self.room.checked_sub(GROUP_COST).ok_or(PatternError::TooLarge)?;
                self.groups.push((name, fold, set.clone()));
                set
            }
        };
        if negated {
            set.negate();
        }
        Ok(Some((set, rest)))
    }

    /// The set under the flags: folded first, then negated.
    fn in_case(&self, set: ClassUnicode, negated: bool) -> ClassUnicode {
        let mut set = if self.flags.fold_case { class::folded(set) } else { set };
        if negated {
            set.negate();
        }
        set
    }

    /// Reads a class in brackets.
    fn class(&mut self, text: &'p str) -> Result<&'p str, PatternError> {
        let mut rest = text.get(1..).unwrap_or_default();
        let negated = rest.starts_with('^');
        rest = rest.strip_prefix('^').unwrap_or(rest);
        let mut set = ClassUnicode::empty();
        let mut first = true;
        while first || !rest.starts_with(']') {
            first = false;
            if let Some((group, after)) = self.named_class(rest)? {
                set.union(&group);
                rest = after;
                continue;
            }
            if let Some((group, after)) = self.group_escape(rest)? {
                set.union(&group);
                rest = after;
                continue;
            }
            let range = rest;
            let (lo, after) = class_char(rest, text)?;
            let mut hi = lo;
            rest = after;
            if let Some(after) =
                rest.strip_prefix('-').filter(|after| !after.is_empty() && !after.starts_with(']'))
            {
                (hi, rest) = class_char(after, text)?;
                if hi < lo {
                    return Err(syntax(INVALID_CHAR_RANGE, consumed(range, rest)));
                }
            }
            set.union(&self.in_case(class::code_points(lo, hi), false));
        }
        if negated {
            set.negate();
        }
        self.push_class(&set)?;
        Ok(rest.get(1..).unwrap_or_default())
    }

    /// Reads `[:alpha:]` and its kin.
    fn named_class<'t>(&self, text: &'t str) -> Result<Option<(ClassUnicode, &'t str)>, PatternError> {
        let Some((name, rest)) = text.strip_prefix("[:").and_then(|inside| inside.split_once(":]")) else {
            return Ok(None);
        };
        let (set, negated) =
            class::posix_group(name).ok_or_else(|| syntax(INVALID_CHAR_RANGE, consumed(text, rest)))?;
        Ok(Some((self.in_case(set, negated), rest)))
    }
}

impl Piece {
    /// Takes on what it costs to stand beside `other`.
    fn absorb(&mut self, other: &Piece) {
        self.depth = self.depth.max(other.depth);
        self.copies = self.copies.max(other.copies);
        self.weight = self.weight.saturating_add(other.weight);
        self.width = self.width.saturating_add(other.width);
    }

    /// Puts the text in a group, so that what surrounds it cannot get between its parts.
    fn group(&mut self) {
        if !self.atom {
            self.text.insert_str(0, "(?:");
            self.text.push(')');
            self.atom = true;
        }
    }

    /// Puts the text in a group whose match is wanted.
    fn capture(&mut self) {
        self.text.insert(0, '(');
        self.text.push(')');
        self.atom = true;
        self.weight = self.weight.saturating_add(2);
        self.width = self.width.saturating_add(2);
    }
}

/// A character as it stands in a class or alone, always the same: letters and digits plain, all else by number.
fn push_char(text: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        text.push(c);
    } else {
        text.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
    }
}

/// One character of a class, plain or escaped.
fn class_char<'t>(text: &'t str, whole: &str) -> Result<(u32, &'t str), PatternError> {
    if text.is_empty() {
        return Err(syntax(MISSING_BRACKET, whole));
    }
    if text.starts_with('\\') {
        return escape(text);
    }
    let (c, rest) = next(text);
    Ok((u32::from(c), rest))
}

/// Reads an escape that stands for one code point, which may be a surrogate.
fn escape(text: &str) -> Result<(u32, &str), PatternError> {
    let inside = text.get(1..).unwrap_or_default();
    if inside.is_empty() {
        return Err(syntax(TRAILING_BACKSLASH, ""));
    }
    let (c, rest) = next(inside);
    let refused = |rest: &str| Err(syntax(INVALID_ESCAPE, consumed(text, rest)));
    let value = match c {
        // A single digit but zero would be a back reference.
        '1'..='7' if !rest.starts_with(|c: char| c.is_digit(8)) => return refused(rest),
        '0'..='7' => {
            let digits = inside.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let (octal, rest) = inside.split_at_checked(digits).unwrap_or((inside, ""));
            return Ok((u32::from_str_radix(octal, 8).unwrap_or(0), rest));
        }
        'x' => return hexadecimal(text, rest),
        'a' => 0x7,
        'f' => 0xc,
        'n' => 0xa,
        'r' => 0xd,
        't' => 0x9,
        'v' => 0xb,
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => u32::from(c),
        _ => return refused(rest),
    };
    Ok((value, rest))
}

/// Reads what follows `\x`: two digits, or any number of them in braces.
fn hexadecimal<'t>(text: &'t str, inside: &'t str) -> Result<(u32, &'t str), PatternError> {
    let refused = |rest: &str| Err(syntax(INVALID_ESCAPE, consumed(text, rest)));
    if inside.is_empty() {
        return refused(inside);
    }
    let (first, mut rest) = next(inside);
    if first != '{' {
        let (second, rest) = next(rest);
        return match (first.to_digit(16), second.to_digit(16)) {
            (Some(high), Some(low)) => Ok((high << 4 | low, rest)),
            _ => refused(rest),
        };
    }
    let (mut value, mut digits) = (0_u32, 0_usize);
    loop {
        if rest.is_empty() {
            return refused(rest);
        }
        let (c, after) = next(rest);
        rest = after;
        if c == '}' {
            return if digits == 0 { refused(rest) } else { Ok((value, rest)) };
        }
        let Some(digit) = c.to_digit(16) else { return refused(rest) };
        value = value.saturating_mul(16).saturating_add(digit);
        if value > u32::from(char::MAX) {
            return refused(rest);
        }
        digits = digits.saturating_add(1);
    }
}
