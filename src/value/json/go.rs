//! Go's `json.Unmarshal` into an untyped value, and the reader that it shares with [`structs`](super::structs).
//!
//! Objects become maps of strings, numbers doubles; of duplicate members the last one wins; bytes that are not
//! UTF-8 and lone surrogates become U+FFFD. The syntax is checked first, over all bytes, as Go does; so the
//! reader below only has to find its way.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::syntax::{is_space, skip};
use super::{Checked, JsonError, charge_scan, check, format_in, slice, text};
use crate::budget::{Budget, Fault};
use crate::value::MAX_DEPTH;
use crate::value::{MapBuilder, Value};

/// The value of a JSON text.
///
/// # Errors
/// Go's text for a syntax error or a number beyond the range of a double; a fault if the budget is spent or the
/// text is nested deeper than values may be.
pub fn unmarshal<'a>(
    text: &'a str,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, JsonError<'a>> {
    let mut checked = syntax(text.as_bytes(), arena, budget)?;
    checked.text = Some(text);
    let mut reader = Reader::new(checked, arena, budget);
    let value = reader.untyped(None)?;
    reader.end(value)
}

/// The value of a JSON text that may not be UTF-8.
///
/// # Errors
/// As [`unmarshal`]'s.
pub fn value<'a>(json: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, JsonError<'a>> {
    let checked = syntax(json, arena, budget)?;
    let mut reader = Reader::new(checked, arena, budget);
    let value = reader.untyped(None)?;
    reader.end(value)
}

/// What a text begins with, as Go's `json.Decoder` reads it.
#[derive(Debug)]
pub struct First<'a> {
    /// The text of the value, without what stands around it.
    pub raw: &'a [u8],
    /// The members of an object in their order, also those of one name; `None` for any other value.
    pub members: Option<&'a [Member<'a>]>,
}

/// A member of an object whose value has not been read.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// The text of its value.
    pub raw: &'a [u8],
}

/// The value that `bytes` begin with; what follows it is not looked at, as Go's `json.Decoder` does not either.
///
/// # Errors
/// Go's text for a syntax error; `EOF` if there is no value.
pub fn first<'a>(bytes: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Result<First<'a>, JsonError<'a>> {
    charge_scan(budget, bytes.len())?;
    let start = bytes.iter().take_while(|c| is_space(**c)).count();
    let (end, wild) = match skip(bytes, start) {
        Ok(found) => found,
        Err(_) if start == bytes.len() => return Err(JsonError::Text("EOF")),
        Err(error) if error.is_end() => return Err(JsonError::Text("unexpected EOF")),
        Err(error) => return Err(JsonError::Text(format_in(arena, budget, format_args!("{error}"))?)),
    };
    let raw = slice(bytes, start, end);
    if raw.first() != Some(&b'{') {
        return Ok(First { raw, members: None });
    }
    let mut reader = Reader::new(Checked { bytes: raw, text: None, wild }, arena, budget);
    let mut members = BumpVec::new_in(arena);
    let mut begin = true;
    while reader.next(&mut begin, b'}')? {
        let name = reader.name()?;
        let raw = reader.skip()?;
        // Twice: a vector in an arena leaves its old buffer behind when it grows.
        reader.budget.charge_bytes(size_of::<Member<'_>>().saturating_mul(2))?;
        members.push(Member { name, raw });
    }
    Ok(First { raw, members: Some(members.into_bump_slice()) })
}

/// The texts of the elements of a list whose syntax [`first`] has checked; `None` for any other value.
///
/// # Errors
/// The budget is spent.
pub fn elements<'a>(
    raw: &'a [u8],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<&'a [&'a [u8]]>, JsonError<'a>> {
    if raw.first() != Some(&b'[') {
        return Ok(None);
    }
    let mut reader = Reader::new(Checked { bytes: raw, text: None, wild: true }, arena, budget);
    let mut elements = BumpVec::new_in(arena);
    let mut begin = true;
    while reader.next(&mut begin, b']')? {
        let raw = reader.skip()?;
        reader.budget.charge_bytes(size_of::<&[u8]>().saturating_mul(2))?;
        elements.push(raw);
    }
    Ok(Some(elements.into_bump_slice()))
}

/// The value of a text whose syntax [`first`] has checked.
///
/// # Errors
/// Go's text for a number beyond the range of a double; a fault.
pub fn untyped<'a>(raw: &'a [u8], arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, JsonError<'a>> {
    let mut reader = Reader::new(Checked { bytes: raw, text: None, wild: true }, arena, budget);
    let value = reader.untyped(None)?;
    reader.end(value)
}

/// Checks the syntax of `bytes`, charged.
///
/// # Errors
/// Go's text for a syntax error.
pub fn syntax<'a>(
    bytes: &'a [u8],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Checked<'a>, JsonError<'a>> {
    charge_scan(budget, bytes.len())?;
    match check(bytes) {
        Ok(checked) => Ok(checked),
        Err(error) => Err(JsonError::Text(format_in(arena, budget, format_args!("{error}"))?)),
    }
}

/// Where in nested structs a value belongs; Go names it in its errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    /// The struct whose field this is, without package.
    pub(super) object: &'static str,
    /// The name of the embedded struct that the field is part of; empty if it is the struct's own.
    pub(super) embedded: &'static str,
    /// The field's JSON name.
    pub(super) name: &'static str,
    /// The place of the struct itself.
    pub(super) up: Option<&'p Place<'p>>,
}

impl std::fmt::Display for Place<'_> {
    /// The path of the field: all names from the outermost struct on, with dots.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(up) = self.up {
            write!(f, "{up}.")?;
        }
        if !self.embedded.is_empty() {
            write!(f, "{}.", self.embedded)?;
        }
        f.write_str(self.name)
    }
}

/// Reads text whose syntax has been checked.
#[derive(Debug)]
pub(super) struct Reader<'b, 'a> {
    input: Checked<'a>,
    at: usize,
    pub(super) arena: &'a Bump,
    pub(super) budget: &'b mut Budget,
    /// Go's saved error: reading goes on after it, and another one may come first in the end.
    pub(super) saved: Option<&'a str>,
    /// The containers being read, and their elements and entries so far, so that a finished list is one allocation of its exact size.
    open: BumpVec<'a, Open<'a>>,
    elements: BumpVec<'a, Value<'a>>,
    entries: BumpVec<'a, (&'a str, Value<'a>)>,
}

/// A container that is being read.
#[derive(Clone, Copy, Debug)]
struct Open<'a> {
    object: bool,
    /// Where its elements or entries begin among those of all open containers.
    base: usize,
    /// The name of the member being read.
    name: &'a str,
}

/// How many containers may be open: one fewer than comparing follows, so that a list around the value fits too.
const MAX_OPEN: usize = MAX_DEPTH as usize - 1;

/// Text that was checked does not read: a bug in this module.
const OUT_OF_SYNC: Fault = Fault::Internal("the JSON reader is out of step with its syntax check");

impl<'b, 'a> Reader<'b, 'a> {
    pub(super) fn new(input: Checked<'a>, arena: &'a Bump, budget: &'b mut Budget) -> Self {
        Reader {
            input,
            at: 0,
            arena,
            budget,
            saved: None,
            open: BumpVec::new_in(arena),
            elements: BumpVec::new_in(arena),
            entries: BumpVec::new_in(arena),
        }
    }

    /// The result of reading: `value`, unless an error was saved on the way.
    pub(super) fn end<T>(&self, value: T) -> Result<T, JsonError<'a>> {
        match self.saved {
            Some(text) => Err(JsonError::Text(text)),
            None => Ok(value),
        }
    }

    /// The first byte of the value that comes next.
    pub(super) fn token(&mut self) -> Result<u8, JsonError<'a>> {
        loop {
            match self.input.bytes.get(self.at) {
                Some(c) if is_space(*c) => self.step(),
                Some(c) => return Ok(*c),
                None => return Err(OUT_OF_SYNC.into()),
            }
        }
    }

    pub(super) fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Enters a container, or takes the comma before its next element; false at its end, which is taken.
    pub(super) fn next(&mut self, first: &mut bool, end: u8) -> Result<bool, JsonError<'a>> {
        if std::mem::take(first) {
            self.step();
        } else if self.token()? == b',' {
            self.step();
            return Ok(true);
        }
        let more = self.token()? != end;
        if !more {
            self.step();
        }
        Ok(more)
    }

    /// A member's name; the colon is taken.
    pub(super) fn name(&mut self) -> Result<&'a str, JsonError<'a>> {
        self.token()?;
        let name = self.string()?;
        self.token()?;
        self.step();
        Ok(name)
    }

    /// Passes over a value and gives its text.
    pub(super) fn skip(&mut self) -> Result<&'a [u8], JsonError<'a>> {
        self.token()?;
        let start = self.at;
        let (end, _) = skip(self.input.bytes, start).map_err(|_| OUT_OF_SYNC)?;
        charge_scan(self.budget, end.saturating_sub(start))?;
        self.at = end;
        Ok(slice(self.input.bytes, start, end))
    }

    /// The offset of what comes next.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The text read since the offset `start`.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        slice(self.input.bytes, start, self.at)
    }

    /// True if the text may hold a number beyond the range of a double.
    pub(super) fn is_wild(&self) -> bool {
        self.input.wild
    }

    /// The string that begins here.
    pub(super) fn string(&mut self) -> Result<&'a str, JsonError<'a>> {
        self.step();
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.input.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.step();
                }
                Some(_) => {}
                None => return Err(OUT_OF_SYNC.into()),
            }
            self.step();
        }
        let end = self.at;
        self.step();
        charge_scan(self.budget, end.saturating_sub(start))?;
        if !escaped {
            let plain = match self.input.text {
                Some(text) => text.get(start..end),
                None => std::str::from_utf8(slice(self.input.bytes, start, end)).ok(),
            };
            if let Some(plain) = plain {
                return Ok(plain);
            }
        }
        Ok(text::unescape(slice(self.input.bytes, start, end), self.arena, self.budget)?.text)
    }

    /// The text of the number or literal that begins here.
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'a'..=b'z' | b'E') = self.input.bytes.get(self.at)
        {
            self.step();
        }
        std::str::from_utf8(slice(self.input.bytes, start, self.at)).unwrap_or_default()
    }

    /// Saves Go's error for a value that does not fit `ty`: `json: cannot unmarshal <what> into …`.
    pub(super) fn mismatch(
        &mut self,
        place: Option<&Place<'_>>,
        what: std::fmt::Arguments<'_>,
        ty: &str,
    ) -> Result<(), JsonError<'a>> {
        if self.saved.is_some() {
            return Ok(());
        }
        let (arena, budget) = (self.arena, &mut *self.budget);
        let text = match place {
            Some(place) => format_in(
                arena,
                budget,
                format_args!(
                    "json: cannot unmarshal {what} into Go struct field {}.{place} of type {ty}",
                    place.object
                ),
            ),
            None => format_in(
                arena,
                budget,
                format_args!("json: cannot unmarshal {what} into Go value of type {ty}"),
            ),
        }?;
        self.saved = Some(text);
        Ok(())
    }

    /// The value that comes next, untyped. Iterative: how deep a text nests is the caller's choice.
    pub(super) fn untyped(&mut self, place: Option<&Place<'_>>) -> Result<Value<'a>, JsonError<'a>> {
        let outermost = self.open.len();
        loop {
            self.budget.charge(1)?;
            let mut value = match self.token()? {
                c @ (b'{' | b'[') => {
                    self.enter(c)?;
                    if !self.next(&mut true, closing(c))? {
                        self.leave()?
                    } else {
                        self.name_of_member()?;
                        continue;
                    }
                }
                b'"' => Value::String(self.string()?),
                _ => match self.word() {
                    "null" => Value::Null,
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    number => self.double(number, place)?,
                },
            };
            // Hand the value to the container that it is in, and that one to its own if it ends here.
            while self.open.len() > outermost {
                let end = self.keep(value)?;
                if self.next(&mut false, end)? {
                    self.name_of_member()?;
                    break;
                }
                value = self.leave()?;
            }
            if self.open.len() == outermost {
                return Ok(value);
            }
        }
    }

    fn enter(&mut self, c: u8) -> Result<(), JsonError<'a>> {
        // Values are compared and printed by recursion, so their depth is bounded.
        if self.open.len() >= MAX_OPEN {
            return Err(Fault::JsonDepth(MAX_OPEN).into());
        }
        self.budget.charge_bytes(size_of::<Open<'_>>())?;
        let object = c == b'{';
        let base = if object { self.entries.len() } else { self.elements.len() };
        self.open.push(Open { object, base, name: "" });
        Ok(())
    }

    fn name_of_member(&mut self) -> Result<(), JsonError<'a>> {
        if self.open.last().is_some_and(|open| open.object) {
            let name = self.name()?;
            if let Some(open) = self.open.last_mut() {
                open.name = name;
            }
        }
        Ok(())
    }

    /// Adds a value to the innermost container and tells what closes that one.
    fn keep(&mut self, value: Value<'a>) -> Result<u8, JsonError<'a>> {
        match self.open.last() {
            Some(Open { object: true, name, .. }) => {
                // Twice: a map whose names come in no order is sorted into a second buffer.
                self.budget.charge_bytes(size_of::<(Value<'_>, Value<'_>)>().saturating_mul(2))?;
                self.entries.push((name, value));
                Ok(b'}')
            }
            _ => {
                self.budget.charge_bytes(size_of::<Value<'_>>())?;
                self.elements.push(value);
                Ok(b']')
            }
        }
    }

    /// The innermost container, finished.
    fn leave(&mut self) -> Result<Value<'a>, Fault> {
        Ok(match self.open.pop() {
            Some(Open { object: true, base, .. }) => {
                let entries = self.entries.get(base..).unwrap_or_default();
                let mut map = MapBuilder::with_capacity(self.arena, entries.len());
                for (name, value) in entries {
                    map.insert(Value::String(name), *value);
                }
                self.entries.truncate(base);
                Value::Map(map.finish_within(self.budget)?)
            }
            Some(Open { base, .. }) => {
                let elements = self.elements.get(base..).unwrap_or_default();
                let list = self.arena.alloc_slice_copy(elements);
                self.elements.truncate(base);
                Value::List(list)
            }
            None => Value::Null,
        })
    }

    fn double(&mut self, number: &str, place: Option<&Place<'_>>) -> Result<Value<'a>, JsonError<'a>> {
        charge_scan(self.budget, number.len())?;
        match number.parse::<f64>() {
            Ok(double) if double.is_finite() => Ok(Value::Double(double)),
            _ => {
                self.mismatch(place, format_args!("number {number}"), "float64")?;
                Ok(Value::Null)
            }
        }
    }
}

/// What closes a container that `c` opens.
fn closing(c: u8) -> u8 {
    if c == b'{' { b'}' } else { b']' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Map;

    fn show(value: &Value<'_>) -> String {
        match value {
            Value::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(",")),
            Value::Map(map) => {
                let entries = map.entries().iter().map(|(k, v)| format!("{}:{}", show(k), show(v)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
            Value::String(s) => format!("{s:?}"),
            Value::Double(d) => format!("{d:?}"),
            Value::Bool(b) => b.to_string(),
            Value::Null => "null".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn read(text: &str) -> String {
        let arena = Bump::new();
        let copy: &str = arena.alloc_str(text);
        match unmarshal(copy, &arena, &mut Budget::default()) {
            Ok(value) => show(&value),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_read_as_in_go() {
        for (text, expected) in [
            (" [1, -2.5e1, true, null] ", "[1.0,-25.0,true,null]"),
            (r#"{"b":1,"a":{"c":[]},"b":"x"}"#, r#"{"a":{"c":[]},"b":"x"}"#),
            ("9007199254740993", "9007199254740992.0"),
            (r#""\ud800""#, "\"\u{fffd}\""),
            ("{}", "{}"),
            ("[[],[[1]],[]]", "[[],[[1.0]],[]]"),
            ("1e-400", "0.0"),
            ("1e400", "json: cannot unmarshal number 1e400 into Go value of type float64"),
            ("[-1e999,1e400]", "json: cannot unmarshal number -1e999 into Go value of type float64"),
            ("[1", "unexpected end of JSON input"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn strings_without_escapes_are_slices_of_the_input() {
        let arena = Bump::new();
        let text: &str = arena.alloc_str(r#"{"name":"value"}"#);
        let Ok(Value::Map(map)) = unmarshal(text, &arena, &mut Budget::default()) else { panic!() };
        let Some(Value::String(value)) = map.get_str("name") else { panic!() };
        assert!(text.as_bytes().as_ptr_range().contains(&value.as_ptr()));
    }

    #[test]
    fn depth_and_budget_end_in_faults_and_not_in_errors() {
        let deep = "[".repeat(1_500) + &"]".repeat(1_500);
        assert_eq!(read(&deep), Fault::JsonDepth(MAX_OPEN).to_string());
        let fits = "[".repeat(390) + &"]".repeat(390);
        assert!(read(&fits).starts_with("[["));
        let arena = Bump::new();
        let many: &str = arena.alloc_str(&format!("[{}1]", "1,".repeat(100)));
        let mut budget = Budget { steps: 50, bytes: 1 << 20 };
        assert_eq!(unmarshal(many, &arena, &mut budget).unwrap_err(), JsonError::Fault(Fault::Steps));
        let mut budget = Budget { steps: 1_000, bytes: 100 };
        assert_eq!(unmarshal(many, &arena, &mut budget).unwrap_err(), JsonError::Fault(Fault::Memory));
    }

    #[test]
    fn an_empty_object_has_no_entries() {
        let arena = Bump::new();
        assert!(matches!(
            unmarshal("{}", &arena, &mut Budget::default()),
            Ok(Value::Map(map)) if map.len() == Map::EMPTY.len()
        ));
    }
}
