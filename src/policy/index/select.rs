//! The index on one request.

use std::ops::Range;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::{About, Class, Group, Index, Level, Lookup, Next, Question};
use crate::budget::{Budget, Cost, MAX_UNITS};
use crate::cel::eval::Frame;
use crate::error::Raise;
use crate::policy::model::Mode;
use crate::value::Value;

/// The policies to ask about a request, and what those cost that are not.
#[derive(Debug)]
pub struct Selection<'a> {
    /// By number, ascending.
    pub asks: &'a [usize],
    silent: BumpVec<'a, Silent<'a>>,
}

/// The silent policies of a class.
#[derive(Debug)]
struct Silent<'a> {
    /// Those of the class.
    members: &'a [usize],
    /// Those of them that are not silent.
    but: &'a [&'a [usize]],
    /// What each costs.
    cost: Cost,
}

/// A group that need not be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    group: usize,
    /// True if its expressions could not be evaluated; its policies tell what becomes of that.
    failed: bool,
}

/// Why a level has no answer: its policies have to be asked one by one.
struct NoAnswer;

impl From<Raise<'_>> for NoAnswer {
    fn from(_: Raise<'_>) -> Self {
        NoAnswer
    }
}

impl<'a> Index<'a> {
    /// Which policies of `mode` to ask about the request of `frame`. None if the index cannot tell, as when the budget does
    /// not suffice. Nothing is charged.
    pub fn select(&'a self, mode: Mode, frame: &mut Frame<'a>) -> Option<Selection<'a>> {
        let (_, level) = self.modes.iter().find(|(of, _)| *of == mode)?;
        let arena = frame.runtime.arena;
        let budget: Budget = frame.runtime.budget;
        let mut selector = Selector {
            frame,
            path: BumpVec::new_in(arena),
            asks: BumpVec::new_in(arena),
            silent: BumpVec::new_in(arena),
            arena,
        };
        // The work is bounded by the same budget, which is then given back: what is charged is what asking would cost.
        let answered = selector.level(level);
        let Selector { mut asks, silent, .. } = selector;
        frame.runtime.budget = budget;
        // An expression that changes a message is not to be evaluated before its time.
        if frame.runtime.undo_changes() || answered.is_err() {
            return None;
        }
        asks.sort_unstable();
        Some(Selection { asks: asks.into_bump_slice(), silent })
    }
}

impl Selection<'_> {
    /// What the policies with the numbers of `range` cost, none of which is to be asked.
    pub fn cost(&self, range: &Range<usize>) -> Cost {
        let within = |members: &[usize]| {
            let before = |end: usize| members.partition_point(|member| *member < end);
            before(range.end).saturating_sub(before(range.start))
        };
        self.silent.iter().fold(Cost::default(), |sum, silent| {
            let but = silent.but.iter().map(|members| within(members)).fold(0, usize::saturating_add);
            let count = within(silent.members).saturating_sub(but);
            sum.and(silent.cost, u64::try_from(count).unwrap_or(u64::MAX))
        })
    }
}

struct Selector<'f, 'a> {
    frame: &'f mut Frame<'a>,
    /// What the expressions on the way to the level cost.
    path: BumpVec<'a, Cost>,
    asks: BumpVec<'a, usize>,
    silent: BumpVec<'a, Silent<'a>>,
    arena: &'a Bump,
}

impl<'a> Selector<'_, 'a> {
    fn level(&mut self, level: &'a Level<'a>) -> Result<(), NoAnswer> {
        self.asks.extend_from_slice(&level.always);
        let mut hits = BumpVec::new_in(self.arena);
        for question in &level.questions {
            self.question(question, &mut hits)?;
        }
        hits.sort_unstable();
        // Of one group the one that failed comes last.
        hits.dedup_by(|later, earlier| {
            let same = later.group == earlier.group;
            earlier.failed |= same && later.failed;
            same
        });
        for (number, class) in level.classes.iter().enumerate() {
            self.class(level, number, class, &hits)?;
        }
        for hit in &hits {
            let Some(group) = level.groups.get(hit.group) else { continue };
            match &group.next {
                Next::Level(below) if !hit.failed => self.below(group, below)?,
                _ => self.asks.extend_from_slice(&group.members),
            }
        }
        Ok(())
    }

    /// The groups that need not be silent, by the answer to a question.
    fn question(&mut self, question: &'a Question<'a>, hits: &mut BumpVec<'a, Hit>) -> Result<(), NoAnswer> {
        let answered = match &question.about {
            About::Truth(shared) => match self.frame.weigh(shared) {
                Ok((Value::Bool(false), _)) => true,
                Ok((Value::Bool(true), _)) => {
                    hits.extend(question.groups.iter().map(|group| Hit { group: *group, failed: false }));
                    true
                }
                Err(Raise::Fault(_)) => return Err(NoAnswer),
                Ok(_) | Err(Raise::Error(_)) => false,
            },
            About::Text { of, exact, prefixes } => match of.fact().map(|fact| self.frame.subject(of, fact)) {
                Some(Ok(Value::String(text))) => {
                    self.text(text, exact, prefixes, hits)?;
                    true
                }
                Some(Ok(Value::List(list))) => {
                    let mut all = true;
                    for value in list {
                        match value {
                            Value::String(text) => self.text(text, exact, prefixes, hits)?,
                            _ => all = false,
                        }
                    }
                    all
                }
                Some(Err(Raise::Fault(_))) => return Err(NoAnswer),
                Some(Ok(_) | Err(Raise::Error(_))) | None => false,
            },
        };
        if !answered {
            hits.extend(question.groups.iter().map(|group| Hit { group: *group, failed: true }));
        }
        Ok(())
    }

    fn text(
        &mut self,
        text: &str,
        exact: &'a Lookup<'a>,
        prefixes: &'a Lookup<'a>,
        hits: &mut BumpVec<'a, Hit>,
    ) -> Result<(), NoAnswer> {
        self.frame.runtime.charge_scan(text.len())?;
        if exact.lengths.last().is_some_and(|longest| text.len() <= *longest) {
            self.found(exact, text, hits)?;
        }
        for length in prefixes.lengths.iter().take_while(|length| **length <= text.len()) {
            self.frame.runtime.charge_scan(*length)?;
            if let Some(prefix) = text.get(..*length) {
                self.found(prefixes, prefix, hits)?;
            }
        }
        Ok(())
    }

    fn found(
        &mut self,
        lookup: &'a Lookup<'a>,
        text: &str,
        hits: &mut BumpVec<'a, Hit>,
    ) -> Result<(), NoAnswer> {
        let Some(found) = lookup.groups.get(text) else { return Ok(()) };
        // One text may come many times, and each time it is found it is noted.
        self.frame.runtime.charge(found.len())?;
        hits.extend(found.iter().map(|group| Hit { group: *group, failed: false }));
        Ok(())
    }

    /// What the silent ones of a class cost, by one of them.
    fn class(
        &mut self,
        level: &'a Level<'a>,
        number: usize,
        class: &'a Class,
        hits: &[Hit],
    ) -> Result<(), NoAnswer> {
        let is_hit = |group: &usize| hits.binary_search_by_key(group, |hit| hit.group).is_ok();
        let Some(one) = class.groups.iter().find(|group| !is_hit(group)) else { return Ok(()) };
        let one = level.groups.get(*one).ok_or(NoAnswer)?;
        let mut cost = class.silence.cost;
        for (on_path, times) in self.path.iter().zip(&class.silence.path) {
            cost = cost.and(*on_path, *times);
        }
        for (shared, times) in one.spine.iter().zip(&class.silence.spine) {
            let (Value::Bool(false), each) = self.frame.weigh(shared)? else { return Err(NoAnswer) };
            cost = cost.and(each, *times);
        }
        // In Kyverno such an expression may be an error.
        if cost.units > MAX_UNITS {
            return Err(NoAnswer);
        }
        let mut but = BumpVec::new_in(self.arena);
        let hit = hits.iter().filter_map(|hit| level.groups.get(hit.group));
        but.extend(hit.filter(|group| group.class == number).map(|group| group.members.as_slice()));
        self.silent.push(Silent { members: &class.members, but: but.into_bump_slice(), cost });
        Ok(())
    }

    /// Goes on to what a group hangs on while its expression is true.
    fn below(&mut self, group: &'a Group<'a>, level: &'a Level<'a>) -> Result<(), NoAnswer> {
        let [shared] = group.spine.as_slice() else { return Err(NoAnswer) };
        let (Value::Bool(true), cost) = self.frame.weigh(shared)? else { return Err(NoAnswer) };
        self.path.push(cost);
        let answered = self.level(level);
        self.path.pop();
        answered
    }
}
