//! Follows a pattern's automaton through a text and pays for each state and way that the text leads to first.
//!
//! The automaton is that of `regex-automata`, which finds out where a state leads when a text first leads there. That takes
//! as long as everything in the pattern that is under way, a hundred times as long as to go where one has been. For some
//! patterns every byte of a text can lead to where none has led, so whoever calls may make a search as slow as that:
//! a search pays for what it would have to find out, and the budget ends it before it takes longer.
//!
//! It pays as if nothing had been known, though what one search found out is kept for the next. What a decision costs, and so
//! whether it ends within its budget, must not depend on the calls before it, nor on the thread that they were on. That is
//! why ways and states bear the number of the search that last went there, and why a search that goes to more
//! states than are kept pays for each byte from then on.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::NFA;
use regex_automata::util::pool::{Pool, PoolGuard};
use regex_automata::{Anchored, Input, MatchKind};

use crate::budget::{Budget, Fault};

/// About the bytes that the states take which a search may go to at the price of those that are new.
const ROOM: usize = 2 * 1024 * 1024;

/// The most bytes that stay with a pattern between searches, or with each of several together.
const KEPT: usize = 128 * 1024;

/// Bytes that are looked at before they are paid.
const UNPAID: usize = 4_096;

/// Steps for a state, and for a way from one to another, with little under way. Measured: a new way to a new state takes 400 to
/// 800 ns, one to a known state 150 to 250 ns.
const STATE: u64 = 20;
const WAY: u64 = 8;

/// Marks a state into which a match led.
const MATCH: u32 = 1 << 31;

/// Marks the state from which there is no match.
const DEAD: u32 = 1 << 30;

/// A pattern's automaton in one direction.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    /// Its states before it is made deterministic.
    states: usize,
    /// Steps for finding out where a state leads, beside what it takes with little under way.
    wide: u64,
    /// The most states that a search goes to at the price of new ones.
    most: usize,
    /// The most bytes that stay between searches.
    kept: usize,
    /// What the last searches found out: one place for each thread, more or less, and no thread waits for another.
    known: Places,
}

/// Where what was found out stays between searches.
type Places = Pool<Option<Box<Known>>, NewPlace>;
type NewPlace = fn() -> Option<Box<Known>>;

impl Automaton {
    /// Finds where the leftmost match ends. `width` is about how much of the pattern can be under way at once.
    pub(super) fn forward(nfa: NFA, width: usize) -> Option<Automaton> {
        Automaton::new(nfa, width, MatchKind::LeftmostFirst)
    }

    /// Finds where the longest match begins that ends where it starts; `nfa` is reversed.
    pub(super) fn backward(nfa: NFA, width: usize) -> Option<Automaton> {
        Automaton::new(nfa, width, MatchKind::All)
    }

    fn new(nfa: NFA, width: usize, kind: MatchKind) -> Option<Automaton> {
        let states = nfa.states().len();
        // A row for the classes of bytes, at most 257, rounded up; the states under way, in up to three bytes each; the rest.
        let stride = nfa.byte_classes().alphabet_len().next_power_of_two();
        let state = stride.saturating_mul(4).saturating_add(states.saturating_mul(3)).saturating_add(100);
        let most = ROOM.checked_div(state).unwrap_or(0).max(8);
        // Twice as many, those that were known before the search and those that it finds out, and what is there at any time.
        let capacity = most.saturating_add(8).saturating_mul(state.saturating_mul(2));
        let capacity = capacity.saturating_add(states.saturating_mul(40));
        let config = DFA::config().match_kind(kind).cache_capacity(capacity).skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        // Measured: up to 2 ns more for each, and three times that for a state.
        let wide = u64::try_from(width >> 4).unwrap_or(u64::MAX);
        Some(Automaton { dfa, states, wide, most, kept: KEPT, known: Pool::new(|| None) })
    }

    /// The automaton of so many patterns together.
    pub(super) fn of(self, patterns: usize) -> Automaton {
        Automaton { kept: KEPT.saturating_mul(patterns), ..self }
    }

    /// Begins a search.
    pub(super) fn walk(&self, budget: &mut Budget) -> Result<Walk<'_>, Fault> {
        // Measured: what is empty takes 16 bytes for each state, half a nanosecond for each, and 1 µs at least.
        budget.charge_scan(self.states.saturating_mul(2).saturating_add(1_000))?;
        let mut place = self.known.get();
        // The number of a search is never used again.
        place.take_if(|known| known.last >= WILD.saturating_sub(1));
        let known = place.get_or_insert_with(|| Box::new(Known::new(&self.dfa)));
        known.last = known.last.saturating_add(1);
        known.search = known.last;
        known.met = 0;
        Ok(Walk { automaton: self, known: place })
    }
}

/// A search of one text, which may go over it more than once.
#[derive(Debug)]
pub(super) struct Walk<'p> {
    automaton: &'p Automaton,
    /// What this search finds out stays there, unless it is too much.
    known: PoolGuard<'p, Option<Box<Known>>, NewPlace>,
}

impl Walk<'_> {
    /// The end of the leftmost match that begins at `from` or later; of the one that ends first if that is enough.
    pub(super) fn end(
        &mut self,
        budget: &mut Budget,
        text: &[u8],
        from: usize,
        earliest: bool,
    ) -> Result<Option<usize>, Fault> {
        self.known.as_mut().ok_or(LOST)?.end(self.automaton, budget, text, from, earliest)
    }

    /// The beginning, at `from` or later, of the longest match that ends at `to`.
    pub(super) fn begin(
        &mut self,
        budget: &mut Budget,
        text: &[u8],
        from: usize,
        to: usize,
    ) -> Result<Option<usize>, Fault> {
        self.known.as_mut().ok_or(LOST)?.begin(self.automaton, budget, text, from, to)
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        let automaton = self.automaton;
        self.known.take_if(|known| {
            known.states.len() > automaton.most || known.cache.memory_usage() > automaton.kept
        });
    }
}

/// What has been found out of an automaton.
#[derive(Debug)]
struct Known {
    cache: Cache,
    /// How often the cache was full.
    clears: usize,
    /// The classes of bytes, and the end of a text.
    classes: usize,
    /// For each state and class the way from there.
    ///
    /// The cache has them, too, but does not say which it had to find out.
    ways: Vec<Way>,
    /// The cache's name of each state, and the last search that went there; the first is none.
    states: Vec<(LazyStateID, u32)>,
    /// The place of each state's ways, with its marks.
    places: HashMap<LazyStateID, u32, BuildHasherDefault<Mixed>>,
    /// The number of the last search.
    last: u32,
    /// The same, or [`WILD`] when the search under way has gone to too many states.
    search: u32,
    /// The states that the search has gone to.
    met: usize,
}

/// Where a state leads.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// The place of the state's ways, with its marks; 0 if nobody knows.
    to: u32,
    /// The last search that went this way and paid.
    search: u32,
}

impl Known {
    fn new(dfa: &DFA) -> Known {
        let cache = dfa.create_cache();
        let mut known = Known {
            clears: 0,
            cache,
            classes: dfa.byte_classes().alphabet_len(),
            ways: Vec::new(),
            states: Vec::new(),
            places: HashMap::default(),
            last: 0,
            search: 0,
            met: 0,
        };
        known.forget();
        known
    }

    /// Forgets which state has which place.
    fn forget(&mut self) {
        self.clears = self.cache.clear_count();
        self.places.clear();
        self.states.clear();
        self.states.push((LazyStateID::default(), 0));
        self.ways.clear();
        self.ways.resize(self.classes, Way::default());
    }

    fn end(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        text: &[u8],
        from: usize,
        earliest: bool,
    ) -> Result<Option<usize>, Fault> {
        let input = Input::new(text).range(from..);
        let start = automaton.dfa.start_state_forward(&mut self.cache, &input);
        let state = self.arrive(automaton, budget, start.ok())?;
        let rest = text.get(from..).unwrap_or_default();
        let (state, matched) = self.run::<false>(automaton, budget, rest, state, earliest)?;
        let end = matched.map(|taken| from.saturating_add(taken));
        if state & DEAD != 0 || earliest && end.is_some() {
            return Ok(end);
        }
        let ended = self.step(automaton, budget, state, None)? & MATCH != 0;
        Ok(if ended { Some(text.len()) } else { end })
    }

    fn begin(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        text: &[u8],
        from: usize,
        to: usize,
    ) -> Result<Option<usize>, Fault> {
        let input = Input::new(text).range(from..to).anchored(Anchored::Yes);
        let start = automaton.dfa.start_state_reverse(&mut self.cache, &input);
        let state = self.arrive(automaton, budget, start.ok())?;
        let part = text.get(from..to).unwrap_or_default();
        let (state, matched) = self.run::<true>(automaton, budget, part, state, false)?;
        let begin = matched.map(|taken| to.saturating_sub(taken));
        if state & DEAD != 0 {
            return Ok(begin);
        }
        // What stands before `from` may be looked at and not taken.
        let before = from.checked_sub(1).and_then(|before| text.get(before));
        let begins = self.step(automaton, budget, state, before.copied())? & MATCH != 0;
        Ok(if begins { Some(from) } else { begin })
    }

    /// Goes over `part`, from its end if `BACK`, until its other end, or a match if any is enough, or until there can be none.
    /// The state there, and how many bytes the last match took.
    fn run<const BACK: bool>(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        part: &[u8],
        mut state: u32,
        earliest: bool,
    ) -> Result<(u32, Option<usize>), Fault> {
        let end = DEAD | if earliest { MATCH } else { 0 };
        // No branch tells a match from none: in some texts, chance does.
        let mut matched = usize::MAX;
        let mut taken = 0_usize;
        while taken < part.len() && state & end == 0 {
            let begin = taken;
            let stop = begin.saturating_add(UNPAID).min(part.len());
            while taken < stop {
                let at = if BACK { part.len().wrapping_sub(taken).wrapping_sub(1) } else { taken };
                state = self.step(automaton, budget, state, part.get(at).copied())?;
                // A match shows one byte late.
                matched = if state & MATCH == 0 { matched } else { taken };
                taken = taken.wrapping_add(1);
                if state & end != 0 {
                    break;
                }
            }
            // Measured: 1.7 ns for a byte, so twelve for a step.
            let taken = taken.saturating_sub(begin);
            budget.charge_scan(taken.saturating_add(taken / 3))?;
        }
        Ok((state, Some(matched).filter(|&matched| matched != usize::MAX)))
    }

    /// Where `state` leads with a byte, or with the end of the text.
    #[inline]
    fn step(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        state: u32,
        byte: Option<u8>,
    ) -> Result<u32, Fault> {
        let class = match byte {
            Some(byte) => usize::from(automaton.dfa.byte_classes().get(byte)),
            None => self.classes.saturating_sub(1),
        };
        let at = place(state).wrapping_add(class);
        match self.ways.get(at) {
            Some(way) if way.search == self.search => Ok(way.to),
            way => {
                let to = way.map_or(0, |way| way.to);
                self.first_step(automaton, budget, (state, at, to), byte)
            }
        }
    }

    /// A step that no other step of the search has paid for; `way` is from which state it goes, its place, and where to if that
    /// is known.
    #[cold]
    fn first_step(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        way: (u32, usize, u32),
        byte: Option<u8>,
    ) -> Result<u32, Fault> {
        let (state, at, mut to) = way;
        budget.charge(WAY.saturating_add(automaton.wide))?;
        let mut stays = true;
        if to == 0 {
            let name = self.states.get(self.number(state)).map(|(name, _)| *name).unwrap_or_default();
            let next = match byte {
                Some(byte) => automaton.dfa.next_state(&mut self.cache, name, byte),
                None => automaton.dfa.next_eoi_state(&mut self.cache, name),
            };
            stays = self.clears == self.cache.clear_count();
            to = self.enter(next.ok())?;
        }
        if stays && let Some(way) = self.ways.get_mut(at) {
            *way = Way { to, search: if self.search == WILD { 0 } else { self.search } };
        }
        self.meet(automaton, budget, to)?;
        Ok(to)
    }

    /// The state that a search starts in.
    fn arrive(
        &mut self,
        automaton: &Automaton,
        budget: &mut Budget,
        name: Option<LazyStateID>,
    ) -> Result<u32, Fault> {
        let state = self.enter(name)?;
        self.meet(automaton, budget, state)?;
        Ok(state)
    }

    /// The state that the cache has just given.
    fn enter(&mut self, name: Option<LazyStateID>) -> Result<u32, Fault> {
        let name = name.ok_or(LOST)?;
        if self.clears != self.cache.clear_count() {
            // It was full and has been emptied: its other names mean other states now.
            self.forget();
        }
        if let Some(&state) = self.places.get(&name) {
            return Ok(state);
        }
        let place = u32::try_from(self.ways.len()).ok().filter(|&place| place < DEAD).ok_or(LOST)?;
        let marks = if name.is_match() { MATCH } else { 0 } | if name.is_dead() { DEAD } else { 0 };
        self.states.push((name, 0));
        self.places.insert(name, place | marks);
        self.ways.resize(self.ways.len().saturating_add(self.classes), Way::default());
        Ok(place | marks)
    }

    /// The number of a state.
    fn number(&self, state: u32) -> usize {
        place(state).checked_div(self.classes).unwrap_or(0)
    }

    /// Pays for a state that the search has not gone to.
    fn meet(&mut self, automaton: &Automaton, budget: &mut Budget, state: u32) -> Result<(), Fault> {
        let number = self.number(state);
        let Some((_, search)) = self.states.get_mut(number) else { return Err(LOST) };
        if *search == self.search {
            return Ok(());
        }
        if self.search != WILD {
            *search = self.search;
            self.met = self.met.saturating_add(1);
            if self.met > automaton.most {
                self.search = WILD;
            }
        }
        budget.charge(STATE.saturating_add(automaton.wide.saturating_mul(3)))
    }
}

/// The automaton has no such state, or there is no room for one.
const LOST: Fault = Fault::Internal("a search lost its way");

/// The number of a search that pays for every step as if it were the first; no way and no state bears it.
const WILD: u32 = u32::MAX;

/// The place of a state's ways, without its marks.
#[inline]
fn place(state: u32) -> usize {
    usize::try_from(state & !(MATCH | DEAD)).unwrap_or(usize::MAX)
}

/// A hash of names that the cache chooses, and no caller.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, name: u32) {
        // The golden ratio: what differs in a few low bits differs in the high ones then.
        self.0 = (self.0 ^ u64::from(name)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
