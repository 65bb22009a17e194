//! From an expression's text to its tree, with cel-go 0.30's results: same nodes, same positions, same words.
//!
//! The one module that knows the `cel` crate, and of that only the parser. The crate reads the grammar, which
//! is cel-go's; the limits (`depth`), the positions (`scan`, `lower`) and the macros (`macros`) are
//! ours. Knows no types, no functions and no policies.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, ScopedJoinHandle};

use cel::{Env, IdedExpr, ParseError};

use self::depth::Depth;
use self::lower::Reading;
use self::scan::{Kind, Tokens};
use super::ast::{Ast, Macros};

pub(in crate::cel) use self::lower::{NODE_LIMIT, TREE_LIMIT};
pub(in crate::cel) use self::slip::slip;

mod depth;
mod lower;
mod macros;
mod scan;
mod slip;
#[cfg(test)]
mod tests;

/// Code points in one expression, cel-go's default.
const CODE_POINT_LIMIT: usize = 100_000;

/// Errors reported for one expression, cel-go's default.
const ERROR_LIMIT: usize = 100;

/// The parser calls itself for each level of nesting and of the grammar. Within the limits on depth less than 8 MiB of stack
/// suffice where the crate is optimised, and most of this where it is not: 200 KiB for a level. Address space costs nothing until it is
/// touched.
const STACK_BYTES: usize = 64 << 20;

/// One fault in an expression's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Where, in bytes from the start of the text; 0 without a position.
    pub offset: usize,
    /// Where the character there ends.
    pub end: usize,
    /// What is wrong, in cel-go's words.
    pub message: String,
    /// False for limits that concern the whole text; cel-go prints `-1:0` for them.
    pub has_position: bool,
}

impl SyntaxError {
    fn at(offset: usize, message: String) -> SyntaxError {
        SyntaxError { offset, end: offset, message, has_position: true }
    }

    fn without_position(message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset: 0, end: 0, message: message.into(), has_position: false }
    }
}

/// Parses one expression, macros expanded: those of its environment.
///
/// # Errors
///
/// All faults found, ordered by position; those without one come first.
pub fn parse(text: &str, macros: Macros) -> Result<Ast, Vec<SyntaxError>> {
    parse_all(&[(text, macros)]).pop().unwrap_or_else(|| Err(vec![failure()]))
}

/// Parses expressions on threads with a stack that suffices for the limits; each as [`parse`] does. A text that stands
/// several times is parsed once: policies repeat each other, and reading them is most of what loading them takes.
///
/// Those behind the most nodes that a set may have together are mistakes.
pub fn parse_all(texts: &[(&str, Macros)]) -> Vec<Result<Ast, Vec<SyntaxError>>> {
    parse_within(SET_NODE_LIMIT, texts)
}

/// As [`parse_all`], with at most so many nodes.
fn parse_within(most: usize, texts: &[(&str, Macros)]) -> Vec<Result<Ast, Vec<SyntaxError>>> {
    let mut distinct: Vec<(&str, Macros)> = Vec::new();
    let mut known: HashMap<(&str, Macros), usize> = HashMap::new();
    let mut places = Vec::with_capacity(texts.len());
    for text in texts {
        places.push(*known.entry(*text).or_insert_with(|| {
            distinct.push(*text);
            distinct.len().saturating_sub(1)
        }));
    }
    let mut parsed = Vec::with_capacity(distinct.len());
    let mut nodes = 0_usize;
    for wave in distinct.chunk_by(waves(WAVE)) {
        if nodes > most {
            break;
        }
        let trees = parse_wave(wave);
        nodes = trees.iter().map(nodes_of).fold(nodes, usize::saturating_add);
        parsed.extend(trees);
    }
    let mut nodes = 0_usize;
    let result = |place: usize| {
        let parsed = parsed.get(place);
        nodes = nodes.saturating_add(parsed.map_or(most, nodes_of));
        let parsed = parsed.filter(|_| nodes <= most);
        parsed.cloned().unwrap_or_else(|| Err(vec![SyntaxError::without_position(too_many_nodes(most))]))
    };
    places.into_iter().map(result).collect()
}

fn too_many_nodes(most: usize) -> String {
    format!("the expressions of all policies have more than {most} nodes together, the limit (fixed)")
}

fn nodes_of(parsed: &Result<Ast, Vec<SyntaxError>>) -> usize {
    parsed.as_ref().map_or(1, |ast| ast.info.len())
}

/// Divides texts so that those of one part have about so many bytes together.
fn waves(most: usize) -> impl FnMut(&(&str, Macros), &(&str, Macros)) -> bool {
    let mut bytes = 0_usize;
    move |(text, _), _| {
        bytes = bytes.saturating_add(text.len());
        let goes_on = bytes < most;
        bytes = if goes_on { bytes } else { 0 };
        goes_on
    }
}

fn parse_wave(texts: &[(&str, Macros)]) -> Vec<Result<Ast, Vec<SyntaxError>>> {
    let threads = match texts.len() {
        0..MANY => 1,
        _ => thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
    };
    let share = texts.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let mut parsers = Vec::with_capacity(threads);
        for texts in texts.chunks(share) {
            let parser = thread::Builder::new().name("cel-parser".to_owned()).stack_size(STACK_BYTES);
            let parse_each = || texts.iter().map(|(text, macros)| guarded(text, *macros)).collect::<Vec<_>>();
            parsers.push((texts.len(), parser.spawn_scoped(scope, parse_each)));
        }
        let join = |(count, parser): (usize, io::Result<ScopedJoinHandle<'_, _>>)| {
            let parsed = parser.ok().and_then(|parser| parser.join().ok());
            parsed.unwrap_or_else(|| vec![Err(vec![failure()]); count])
        };
        parsers.into_iter().flat_map(join).collect()
    })
}

/// The most nodes of all expressions of a set together, macros expanded, each as often as it is compiled: what they become
/// takes about a second and half a gigabyte. Ten thousand policies of twenty lines have fewer.
pub(in crate::cel) const SET_NODE_LIMIT: usize = 2_000_000;

/// The bytes of the texts that are parsed before their nodes are counted.
const WAVE: usize = 1 << 20;

/// So many texts are worth more than one thread.
const MANY: usize = 64;

/// More threads than this wait for memory rather than for a core. The allocator of the static function has one lock: two
/// threads on two cores took three times as long as one.
const MAX_THREADS: usize = if cfg!(target_env = "musl") { 1 } else { 8 };

/// What is said when the parser itself fails, which no known text achieves.
fn failure() -> SyntaxError {
    SyntaxError::without_position("the expression cannot be parsed")
}

fn guarded(text: &str, macros: Macros) -> Result<Ast, Vec<SyntaxError>> {
    let parsed =
        catch_unwind(AssertUnwindSafe(|| parse_here(text, macros))).unwrap_or_else(|_| Err(vec![failure()]));
    parsed.map_err(|errors| in_order(text, errors))
}

/// Stable by position, each with the end of its character, and no more than cel-go reports.
fn in_order(text: &str, mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.has_position, error.offset));
    errors.truncate(ERROR_LIMIT);
    for error in &mut errors {
        let width = text.get(error.offset..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        error.end = error.offset.saturating_add(width);
    }
    errors
}

fn parse_here(text: &str, macros: Macros) -> Result<Ast, Vec<SyntaxError>> {
    let size = text.chars().count();
    if size > CODE_POINT_LIMIT {
        let message =
            format!("expression code point size exceeds limit: size: {size}, limit {CODE_POINT_LIMIT}");
        return Err(vec![SyntaxError::without_position(message)]);
    }
    let tokens = Tokens::read(text);
    match depth::exceeded(&tokens) {
        Some(Depth::Rules) => {
            let message = format!("expression recursion limit exceeded: {}", depth::LIMIT);
            return Err(vec![SyntaxError::without_position(message)]);
        }
        Some(Depth::Tree) => return Err(vec![SyntaxError::without_position("max recursion depth exceeded")]),
        None => {}
    }
    let errors = match parse_tree(text) {
        Ok((tree, source)) => {
            let reading = Reading { macros, refused: &BTreeSet::new() };
            return lower::lower(text, &tokens, tree, &source, reading);
        }
        Err(errors) => errors,
    };
    Err(errors_of(text, macros, &tokens, errors))
}

/// The crate's tree of the text, as written.
fn parse_tree(text: &str) -> Result<(IdedExpr, cel::common::ast::SourceInfo), Vec<ParseError>> {
    Env::default()
        .parser()
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true)
        // Depth was judged before, in cel-go's terms; the crate counts otherwise.
        .max_recursion_depth(u16::MAX)
        .parse_with_source_info(text)
        .map_err(|errors| errors.errors)
}

/// The crate's errors with our positions and cel-go's words.
///
/// Syntax errors end the matter. Reserved words and literals that cannot be do not: macros around them may be
/// wrong as well, so the text is parsed once more with the faulty tokens masked.
fn errors_of(text: &str, macros: Macros, tokens: &Tokens, errors: Vec<ParseError>) -> Vec<SyntaxError> {
    let lines = line_starts(text);
    let mut found = Vec::new();
    let mut refused = BTreeSet::new();
    let mut is_syntax = false;
    // The crate sorts them by position; there may be one for each character.
    for error in errors.into_iter().take(ERROR_LIMIT) {
        let offset = offset_of(text, &lines, error.pos);
        if let Some(message) = error.msg.strip_prefix("Syntax error: ") {
            is_syntax = true;
            let message = format!("Syntax error: {}", syntax_message(message, tokens, offset));
            found.push(SyntaxError::at(offset, message));
            continue;
        }
        let at = scan::u32_of(offset);
        if let Some((index, message)) = tokens.index_at(at).zip(refusal_message(text, &error.msg, offset)) {
            let shown = usize::try_from(refused_at(tokens, index)).unwrap_or(offset);
            found.push(SyntaxError::at(shown, message));
            refused.insert(at);
        }
    }
    if !is_syntax
        && !refused.is_empty()
        && let Ok((tree, source)) = parse_tree(&masked(text, tokens, &refused))
    {
        let reading = Reading { macros, refused: &refused };
        found.extend(lower::lower(text, tokens, tree, &source, reading).err().unwrap_or_default());
    }
    if found.is_empty() {
        found.push(failure());
    }
    found
}

/// Where cel-go has a refused token: with the leading dot of a name and the sign of a number.
fn refused_at(tokens: &Tokens, index: usize) -> u32 {
    let token = tokens.get(index);
    let start = token.map_or(0, |token| token.start);
    match token.map(|token| token.kind) {
        Some(Kind::Ident) => {
            tokens.before(index).filter(|token| token.kind == Kind::Dot).map_or(start, |dot| dot.start)
        }
        Some(Kind::Int | Kind::Float) => tokens.sign_of(index).map_or(start, |sign| sign.start),
        _ => start,
    }
}

/// The text with each refused token replaced by one of the same length that passes: a name, which
/// [`lower`] knows to be faulty, or a string in the place of a string, since cel-go goes on with one. A number's
/// sign goes with it, as do the arguments of a function that is refused, which cel-go does not look at.
fn masked(text: &str, tokens: &Tokens, refused: &BTreeSet<u32>) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for (index, token) in tokens.iter().enumerate().filter(|(_, token)| refused.contains(&token.start)) {
        let place = scan::range(token.start, token.end);
        if place.start < from {
            continue;
        }
        let sign = match token.kind {
            Kind::Int | Kind::Float => tokens.sign_of(index),
            _ => None,
        };
        let start = sign.map_or(place.start, |sign| scan::range(sign.start, sign.end).start);
        masked.push_str(text.get(from..start).unwrap_or_default());
        masked.extend(std::iter::repeat_n(' ', place.start.saturating_sub(start)));
        let (before, after) = match token.kind {
            Kind::Text if is_bytes(text, place.start) => ("b\"", "\""),
            Kind::Text => ("\"", "\""),
            _ => ("", ""),
        };
        let length = place.len().saturating_sub(before.len()).saturating_sub(after.len());
        masked.push_str(before);
        masked.extend(std::iter::repeat_n('_', length));
        masked.push_str(after);
        from = place.end;
        let next = tokens.get(index.saturating_add(1)).filter(|next| next.kind == Kind::Open(b'('));
        if let Some((open, closed_at)) = next.and_then(|open| Some((open, open.closed_at?))) {
            let inside = scan::range(open.end, closed_at.saturating_sub(1));
            masked.push_str(text.get(from..inside.start).unwrap_or_default());
            masked.extend(std::iter::repeat_n(' ', inside.len()));
            from = inside.end;
        }
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    masked
}

/// Whether the literal at `offset` is one of bytes.
fn is_bytes(text: &str, offset: usize) -> bool {
    text.get(offset..).is_some_and(|rest| rest.starts_with(['b', 'B']))
}

/// cel-go's words for what the crate refuses beyond the grammar; none for the crate's remarks on syntax errors
/// that it has reported already.
fn refusal_message(text: &str, message: &str, offset: usize) -> Option<String> {
    if let Some(word) = message.strip_prefix("reserved identifier: ") {
        return Some(format!("reserved identifier: {}", word.trim_start_matches('.')));
    }
    match message {
        "invalid int literal" | "invalid uint literal" | "invalid double literal" => Some(message.to_owned()),
        _ if message.starts_with("invalid string literal")
            || message.starts_with("invalid bytes literal") =>
        {
            // All else that can be wrong with an escape is caught by the lexer.
            let message = if is_bytes(text, offset) {
                "unable to unescape string"
            } else {
                "invalid unicode code point"
            };
            Some(message.to_owned())
        }
        _ => None,
    }
}

/// The grammar's errors as cel-go has them: white space of the parser's errors escaped, keywords that are used as names reworded, and
/// behind a complete operand only what would end it, where the crate lists all operators as well.
fn syntax_message(message: &str, tokens: &Tokens, offset: usize) -> String {
    if message.starts_with("token recognition error") {
        return message.to_owned();
    }
    let message = message.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    for word in ["true", "false", "null"] {
        if message == format!("no viable alternative at input '.{word}'") {
            return format!("mismatched input '{word}' expecting IDENTIFIER");
        }
    }
    match message.split_once(" expecting {") {
        Some((found, expected)) if found.starts_with("mismatched") && expected.contains("'&&'") => {
            let end = tokens.expected_at(scan::u32_of(offset));
            // What is expected and yet refused: an earlier error has ended the brackets.
            let end = if found.ends_with(end) { "<EOF>" } else { end };
            format!("{found} expecting {end}")
        }
        _ => message,
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let after = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
    std::iter::once(0).chain(after).collect()
}

/// The byte offset of a line (from 1) and a column (from 1, in characters).
fn offset_of(text: &str, lines: &[usize], (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or_default().saturating_sub(1);
    let column = usize::try_from(column).unwrap_or_default().saturating_sub(1);
    let start = lines.get(line).copied().unwrap_or(text.len());
    let rest = text.get(start..).unwrap_or_default();
    rest.char_indices().nth(column).map_or(text.len(), |(at, _)| start.saturating_add(at))
}
