//! JSON read once, as a tree over the text, with a note of the first thing that two parsers could read in two ways.
//!
//! Every node knows its own text, so that what was judged can be sent on byte for byte and a number keeps its
//! spelling. The tree lives in the arena; strings without escapes are slices of the text. Iterative.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::syntax::{is_space, skip};
use super::{Checked, SyntaxError, charge_scan, check, slice, text};
use crate::budget::{Budget, Fault};
use crate::value::{MapBuilder, Value};

/// Who comes upon [`Kind::Unread`] where he reads.
pub const UNREAD: Fault = Fault::Internal("what nobody reads was read");

/// Objects up to this many members are searched for duplicates pair by pair; larger ones are sorted.
const FEW: usize = 8;

/// A value and its text.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The value's own text.
    pub raw: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number; its spelling is the node's text.
    Number,
    /// A string, escapes undone.
    String(&'a str),
    /// A string below a member that nobody reads, see [`read_but`]: its escapes are checked and not undone.
    Unread,
    /// An array.
    List(&'a [Node<'a>]),
    /// An object; its members in the order of the text, all of them.
    Object(&'a [Member<'a>]),
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The name, escapes undone.
    pub name: &'a str,
    /// The value.
    pub value: Node<'a>,
}

/// A text that was read.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The outermost value.
    pub root: Node<'a>,
    /// The first thing that makes the text mean one thing to one parser and another to the next.
    pub flaw: Option<Flaw>,
    text: &'a str,
    wild: bool,
}

/// What is wrong with a text that is JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The offset in bytes.
    pub at: usize,
    /// What it is.
    pub kind: FlawKind,
}

/// The kinds of flaws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlawKind {
    /// An object has two members of one name; the offset is the second one's value.
    Duplicate,
    /// An escape is half of a surrogate pair.
    LoneSurrogate,
    /// A number is beyond the range of a double.
    Number,
    /// Containers nest deeper than the limit; the node that is too deep reads as null.
    Depth,
}

/// Why a text is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not JSON.
    Syntax(SyntaxError),
    /// It is not UTF-8; the offset of the first byte that is wrong.
    Utf8(usize),
    /// The budget is spent.
    Fault(Fault),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        ReadError::Fault(fault)
    }
}

/// Reads a text in which containers nest at most `limit` deep.
///
/// # Errors
/// The text is not JSON, not UTF-8, or larger than the budget allows.
pub fn read<'a>(
    bytes: &'a [u8],
    limit: usize,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Document<'a>, ReadError> {
    read_but(bytes, &[], limit, arena, budget)
}

/// The same, where nobody reads the member at the end of the path `unread`: it is as strictly looked at as the rest, and the
/// escapes of its strings stay.
///
/// # Errors
/// As [`read`].
pub fn read_but<'a>(
    bytes: &'a [u8],
    unread: &'static [&'static str],
    limit: usize,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Document<'a>, ReadError> {
    charge_scan(budget, bytes.len())?;
    let text = std::str::from_utf8(bytes).map_err(|error| ReadError::Utf8(error.valid_up_to()))?;
    let mut reader = Reader {
        text,
        at: 0,
        limit,
        unread,
        below: None,
        arena,
        budget,
        fault: None,
        flaw: None,
        wild: false,
        open: BumpVec::with_capacity_in(limit.min(16), arena),
        nodes: BumpVec::new_in(arena),
        members: BumpVec::with_capacity_in(32, arena),
    };
    match reader.document() {
        Ok(root) => Ok(Document { root, flaw: reader.flaw, text, wild: reader.wild }),
        Err(Stop) => match (reader.fault, check(bytes)) {
            (Some(fault), _) => Err(fault.into()),
            // The words come from the one place that has them; this path ends in a refusal anyway.
            (None, Err(error)) => Err(ReadError::Syntax(error)),
            (None, Ok(_)) => Err(Fault::Internal("the strict JSON reader refuses what is JSON").into()),
        },
    }
}

impl<'a> Document<'a> {
    /// The offset of a node of this document.
    pub fn offset(&self, node: &Node<'a>) -> usize {
        offset(self.text, node.raw)
    }

    /// A node's text, for the decoders of Go's structs.
    pub fn checked(&self, node: &Node<'a>) -> Checked<'a> {
        Checked::strict(node.raw, self.wild)
    }
}

impl<'a> Node<'a> {
    /// The members of an object; none for anything else.
    pub fn members(&self) -> &'a [Member<'a>] {
        if let Kind::Object(members) = self.kind { members } else { &[] }
    }

    /// The member called exactly `name`.
    pub fn get(&self, name: &str) -> Option<&'a Node<'a>> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&'a str> {
        if let Kind::String(text) = self.kind { Some(text) } else { None }
    }

    /// The node as a CEL value: numbers are doubles, of members with one name the last one counts.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn value(&self, arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, Fault> {
        budget.charge(1)?;
        Ok(match self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(bool) => Value::Bool(bool),
            Kind::String(text) => Value::String(text),
            Kind::Unread => return Err(UNREAD),
            Kind::Number => {
                charge_scan(budget, self.raw.len())?;
                Value::Double(self.raw.parse().unwrap_or(f64::NAN))
            }
            Kind::List(nodes) => {
                budget.charge_bytes(nodes.len().saturating_mul(size_of::<Value<'_>>()))?;
                let mut list = BumpVec::with_capacity_in(nodes.len(), arena);
                for node in nodes {
                    list.push(node.value(arena, budget)?);
                }
                Value::List(list.into_bump_slice())
            }
            Kind::Object(members) => {
                let entries = members.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>());
                budget.charge_bytes(entries.saturating_mul(2))?;
                let mut map = MapBuilder::with_capacity(arena, members.len());
                for member in members {
                    map.insert(Value::String(member.name), member.value.value(arena, budget)?);
                }
                Value::Map(map.finish_within(budget)?)
            }
        })
    }
}

/// The number of bytes before the first that ends a run of a string's plain text: a quote, a backslash, a control
/// byte. Most of an event is such runs, so eight bytes are looked at together.
#[inline]
pub fn plain(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0_usize;
    for word in words {
        let found = specials(u64::from_le_bytes(*word));
        if found != 0 {
            return at.wrapping_add((found.trailing_zeros() as usize) >> 3);
        }
        at = at.wrapping_add(8);
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..=0x1f);
    at.wrapping_add(rest.iter().position(special).unwrap_or(rest.len()))
}

/// The high bit of each byte of `word` that is a quote, a backslash or a control byte; above the first there may be false
/// ones.
fn specials(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is below `limit`, unless it is above 0x7f.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES.wrapping_mul(limit)) & !word;
    // Exchanging 0x20 and 0x22, and others below 0x20 among themselves, brings the quote next to the control bytes.
    (below(word ^ ONES.wrapping_mul(0x02), 0x21) | below(word ^ ONES.wrapping_mul(0x5c), 1)) & HIGHS
}

fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// The text is not JSON, or the budget is spent: then [`Reader::fault`] says so, and not this, which almost every step may
/// give and none does.
struct Stop;

/// A container that is being read.
struct Open<'a> {
    object: bool,
    /// Its own offset.
    start: usize,
    /// Where its nodes or members begin among those of all open containers.
    base: usize,
    /// The name of the member being read.
    name: &'a str,
}

/// The escapes of a string.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Escapes {
    None,
    /// Those of one letter.
    Short,
    /// Those with a character's number, which may be half of one.
    Unicode,
}

struct Reader<'b, 'a> {
    text: &'a str,
    at: usize,
    limit: usize,
    /// The path of the member that nobody reads.
    unread: &'static [&'static str],
    /// While that member is read: how many containers it is in.
    below: Option<usize>,
    arena: &'a Bump,
    budget: &'b mut Budget,
    /// Why reading stopped, unless it was the text.
    fault: Option<Fault>,
    flaw: Option<Flaw>,
    wild: bool,
    open: BumpVec<'a, Open<'a>>,
    nodes: BumpVec<'a, Node<'a>>,
    members: BumpVec<'a, Member<'a>>,
}

impl<'a> Reader<'_, 'a> {
    fn document(&mut self) -> Result<Node<'a>, Stop> {
        let root = self.value()?;
        self.space();
        if self.at < self.text.len() { Err(Stop) } else { Ok(root) }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Past a byte that was looked at; the offset of one is below the length, so that nothing wraps.
    fn step(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    fn space(&mut self) {
        let Some(c @ ..=b' ') = self.byte() else { return };
        // A new line is mostly followed by blanks.
        if c == b'\n' {
            self.step();
            let (words, _) = self.text.as_bytes().get(self.at..).unwrap_or_default().as_chunks::<8>();
            for word in words {
                let other = u64::from_le_bytes(*word) ^ u64::from_le_bytes([b' '; 8]);
                self.at = self.at.wrapping_add((other.trailing_zeros() as usize) >> 3);
                if other != 0 {
                    break;
                }
            }
        }
        while self.byte().is_some_and(is_space) {
            self.step();
        }
    }

    /// The next byte that is no blank.
    fn token(&mut self) -> Result<u8, Stop> {
        self.space();
        self.byte().ok_or(Stop)
    }

    fn expect(&mut self, c: u8) -> Result<(), Stop> {
        if self.byte() != Some(c) {
            return Err(Stop);
        }
        self.step();
        Ok(())
    }

    /// What is given within the budget.
    #[inline]
    fn within<T>(&mut self, given: Result<T, Fault>) -> Result<T, Stop> {
        given.map_err(|fault| {
            self.fault = Some(fault);
            Stop
        })
    }

    fn note(&mut self, at: usize, kind: FlawKind) {
        self.flaw = self.flaw.or(Some(Flaw { at, kind }));
    }

    fn node(&self, start: usize, kind: Kind<'a>) -> Node<'a> {
        Node { raw: self.text.get(start..self.at).unwrap_or_default(), kind }
    }

    fn value(&mut self) -> Result<Node<'a>, Stop> {
        loop {
            let charged = self.budget.charge(1);
            self.within(charged)?;
            let first = self.token()?;
            let start = self.at;
            let kind = match first {
                b'{' | b'[' if self.open.len() >= self.limit => self.too_deep()?,
                b'{' => {
                    self.enter(true);
                    if self.token()? == b'}' {
                        self.step();
                        self.leave()?.kind
                    } else {
                        self.name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.enter(false);
                    if self.token()? == b']' {
                        self.step();
                        self.leave()?.kind
                    } else {
                        continue;
                    }
                }
                b'"' if self.below.is_some() => self.unread_string()?,
                b'"' => Kind::String(self.string()?),
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.literal("true", Kind::Bool(true))?,
                b'f' => self.literal("false", Kind::Bool(false))?,
                b'n' => self.literal("null", Kind::Null)?,
                _ => return Err(Stop),
            };
            let node = self.node(start, kind);
            if let Some(root) = self.place(node)? {
                return Ok(root);
            }
        }
    }

    /// Hands a value to the container that it is in, and that one to its own if it ends here; gives the
    /// outermost one back.
    fn place(&mut self, mut node: Node<'a>) -> Result<Option<Node<'a>>, Stop> {
        while let Some(open) = self.open.last() {
            let (object, name) = (open.object, open.name);
            if object {
                if self.members.len() == self.members.capacity() {
                    let room = grow(&mut self.members, self.budget);
                    self.within(room)?;
                }
                self.members.push(Member { name, value: node });
            } else {
                if self.nodes.len() == self.nodes.capacity() {
                    let room = grow(&mut self.nodes, self.budget);
                    self.within(room)?;
                }
                self.nodes.push(node);
            }
            match (self.token()?, object) {
                (b',', true) => {
                    self.step();
                    self.name()?;
                    return Ok(None);
                }
                (b',', false) => {
                    self.step();
                    return Ok(None);
                }
                (b'}', true) | (b']', false) => {
                    self.step();
                    node = self.leave()?;
                }
                _ => return Err(Stop),
            }
        }
        Ok(Some(node))
    }

    fn enter(&mut self, object: bool) {
        let base = if object { self.members.len() } else { self.nodes.len() };
        self.open.push(Open { object, start: self.at, base, name: "" });
        self.step();
    }

    /// The innermost container, finished.
    fn leave(&mut self) -> Result<Node<'a>, Stop> {
        let Some(Open { object, start, base, .. }) = self.open.pop() else { return Err(Stop) };
        let kind = if object {
            let members = self.members.get(base..).unwrap_or_default();
            let charged = self.budget.charge_bytes(size_of_val(members));
            self.within(charged)?;
            let members = self.members.get(base..).unwrap_or_default();
            let members: &'a [Member<'a>] = self.arena.alloc_slice_copy(members);
            self.members.truncate(base);
            let second = duplicate(members, self.arena, self.budget);
            if let Some(second) = self.within(second)? {
                self.note(offset(self.text, second.raw), FlawKind::Duplicate);
            }
            Kind::Object(members)
        } else {
            let nodes = self.nodes.get(base..).unwrap_or_default();
            let charged = self.budget.charge_bytes(size_of_val(nodes));
            self.within(charged)?;
            let nodes = self.nodes.get(base..).unwrap_or_default();
            let nodes: &'a [Node<'a>] = self.arena.alloc_slice_copy(nodes);
            self.nodes.truncate(base);
            Kind::List(nodes)
        };
        Ok(self.node(start, kind))
    }

    /// Passes over a container that nests too deep, without following it.
    fn too_deep(&mut self) -> Result<Kind<'a>, Stop> {
        self.note(self.at, FlawKind::Depth);
        let (end, _) = skip(self.text.as_bytes(), self.at).map_err(|_| Stop)?;
        self.at = end;
        Ok(Kind::Null)
    }

    fn name(&mut self) -> Result<(), Stop> {
        if self.token()? != b'"' {
            return Err(Stop);
        }
        let name = self.string()?;
        self.space();
        self.expect(b':')?;
        if let Some(open) = self.open.last_mut() {
            open.name = name;
        }
        let depth = self.open.len();
        if self.below.is_none_or(|below| depth <= below) {
            // INVARIANT: what is below the path has more containers around it, so it ends where the next name has as few.
            let path = self.open.iter().map(|open| open.name);
            self.below =
                (depth == self.unread.len() && path.eq(self.unread.iter().copied())).then_some(depth);
        }
        Ok(())
    }

    fn string(&mut self) -> Result<&'a str, Stop> {
        self.step();
        let start = self.at;
        self.run();
        if self.byte() == Some(b'"') {
            let text = self.text.get(start..self.at).unwrap_or_default();
            self.step();
            return Ok(text);
        }
        self.escaped(start)
    }

    /// The rest of a string that has escapes or is wrong; apart, so that the ordinary string stays a small function.
    #[inline(never)]
    fn escaped(&mut self, start: usize) -> Result<&'a str, Stop> {
        let (end, _) = self.quoted()?;
        let raw = slice(self.text.as_bytes(), start, end);
        let unescaped = text::unescape(raw, self.arena, self.budget);
        let unescaped = self.within(unescaped)?;
        if unescaped.lone_surrogate {
            self.note(start, FlawKind::LoneSurrogate);
        }
        Ok(unescaped.text)
    }

    fn unread_string(&mut self) -> Result<Kind<'a>, Stop> {
        self.step();
        let start = self.at;
        let (end, escapes) = self.quoted()?;
        if escapes == Escapes::Unicode && text::has_lone_surrogate(slice(self.text.as_bytes(), start, end)) {
            self.note(start, FlawKind::LoneSurrogate);
        }
        Ok(Kind::Unread)
    }

    /// Past the plain text that comes next in a string.
    #[inline]
    fn run(&mut self) {
        self.at = self.at.wrapping_add(plain(self.text.as_bytes().get(self.at..).unwrap_or_default()));
    }

    /// Past the rest of a string: where it ends, and which escapes there are in it.
    fn quoted(&mut self) -> Result<(usize, Escapes), Stop> {
        let bytes = self.text.as_bytes();
        let (mut at, mut escapes) = (self.at, Escapes::None);
        loop {
            // No offset is beyond the length by more than an escape's, so that nothing wraps.
            let rest = bytes.get(at..).unwrap_or_default();
            at = at.wrapping_add(plain(rest));
            match bytes.get(at..) {
                Some([b'"', ..]) => break,
                Some([b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..]) => {
                    at = at.wrapping_add(2);
                    escapes = escapes.max(Escapes::Short);
                }
                Some([b'\\', b'u', digits @ ..])
                    if digits
                        .first_chunk::<4>()
                        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) =>
                {
                    at = at.wrapping_add(6);
                    escapes = Escapes::Unicode;
                }
                _ => return Err(Stop),
            }
        }
        self.at = at.wrapping_add(1);
        Ok((at, escapes))
    }

    fn number(&mut self) -> Result<Kind<'a>, Stop> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.step();
        }
        if self.byte() == Some(b'0') {
            self.step();
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        let exponent = matches!(self.byte(), Some(b'e' | b'E'));
        if exponent {
            self.step();
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.step();
            }
            self.digits()?;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        // Without an exponent it takes more than 300 digits to leave the range of a double.
        if (exponent || raw.len() > 300) && !raw.parse::<f64>().is_ok_and(f64::is_finite) {
            self.wild = true;
            self.note(start, FlawKind::Number);
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), Stop> {
        if !self.byte().is_some_and(|c| c.is_ascii_digit()) {
            return Err(Stop);
        }
        while self.byte().is_some_and(|c| c.is_ascii_digit()) {
            self.step();
        }
        Ok(())
    }

    fn literal(&mut self, word: &str, kind: Kind<'a>) -> Result<Kind<'a>, Stop> {
        let end = self.at.saturating_add(word.len());
        if self.text.get(self.at..end) != Some(word) {
            return Err(Stop);
        }
        self.at = end;
        Ok(kind)
    }
}

/// Room for more in what is being read, paid for before it is taken: an arena does not take the smaller buffer back.
#[cold]
fn grow<T>(buffer: &mut BumpVec<'_, T>, budget: &mut Budget) -> Result<(), Fault> {
    let more = buffer.capacity().max(16);
    budget.charge_bytes(buffer.capacity().saturating_add(more).saturating_mul(size_of::<T>()))?;
    buffer.reserve_exact(more);
    Ok(())
}

/// The value of a member whose name an earlier member has.
fn duplicate<'m, 'a>(
    members: &'m [Member<'a>],
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<&'m Node<'a>>, Fault> {
    if members.len() <= FEW {
        let mut rest = members;
        while let Some((last, before)) = rest.split_last() {
            if before.iter().any(|member| member.name == last.name) {
                return Ok(Some(&last.value));
            }
            rest = before;
        }
        return Ok(None);
    }
    budget.charge(u64::try_from(members.len()).unwrap_or(u64::MAX))?;
    budget.charge_bytes(members.len().saturating_mul(size_of::<&Member<'_>>()))?;
    let mut sorted: BumpVec<'_, &'m Member<'a>> = BumpVec::with_capacity_in(members.len(), arena);
    sorted.extend(members.iter());
    sorted.sort_unstable_by(|a, b| a.name.cmp(b.name));
    let twice = sorted.windows(2).find(|pair| matches!(pair, [a, b] if a.name == b.name));
    Ok(twice
        .and_then(|pair| pair.iter().max_by_key(|member| member.value.raw.as_ptr().addr()))
        .map(|m| &m.value))
}

#[cfg(test)]
mod tests;
