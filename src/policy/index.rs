//! The index of a set: which policies a request may make speak.
//!
//! Nothing here knows what a policy means. To learn on what a policy's silence hangs, it is evaluated without a request, on
//! assumptions about bools that its expressions share with others or that are facts, such as "one of the values of
//! `X-Tool-Name` is `deploy`". If it says nothing while one of them is false, whatever else the request holds, it needs not
//! be asked where that is so, and what the trial used of the budget is what asking it would use. If it speaks, or needs to
//! know more of the request, it is always asked.
//!
//! Policies that hang on the same kind of fact are found by the text of the request in a map, those that hang on the same
//! first fact have an index of their own for the next one. What that saves is work and nothing else: the budget is charged
//! as if each had been asked, and where it does not suffice they are asked, one after the other.

use std::collections::HashMap;

use bumpalo::Bump;

use super::ask::{Opinion, attempt};
use super::compiled::CompiledPolicy;
use super::model::Mode;
use crate::budget::{Budget, Cost, Fault};
use crate::cel::program::{Shared, Test};

mod select;

/// The most facts that one policy's silence hangs on together: `a || b || …`.
const MAX_SPINE: usize = 8;

/// The most facts in a row that lead to an index.
const MAX_PATH: usize = 6;

/// So few policies are asked in less time than an index is.
const FEW: usize = 3;

/// What a trial may use.
const TRIAL_BUDGET: Budget = Budget { steps: 100_000, bytes: 1024 * 1024 };

/// The steps that all trials of a set may use: about a second's. A policy for which none are left is always asked.
const TRIALS_STEPS: u64 = 20_000_000;

/// The index of all modes.
#[derive(Debug, Default)]
pub struct Index<'p> {
    modes: Vec<(Mode, Level<'p>)>,
    places: usize,
}

/// The policies that may speak while the facts on the way here are true.
#[derive(Debug, Default)]
struct Level<'p> {
    /// Those that are always asked.
    always: Vec<usize>,
    questions: Vec<Question<'p>>,
    groups: Vec<Group<'p>>,
    classes: Vec<Class>,
}

/// What is asked of the request.
#[derive(Debug)]
struct Question<'p> {
    about: About<'p>,
    /// The groups that hang on the answer.
    groups: Vec<usize>,
}

#[derive(Debug)]
enum About<'p> {
    /// A text, or a list of texts, and the groups that hang on what it is.
    Text { of: &'p Shared<'p>, exact: Lookup<'p>, prefixes: Lookup<'p> },
    /// Whether an expression is true.
    Truth(&'p Shared<'p>),
}

/// Groups by the text that they hang on.
#[derive(Debug, Default)]
struct Lookup<'p> {
    groups: HashMap<&'p str, Vec<usize>>,
    /// The lengths of the texts, ascending.
    lengths: Vec<usize>,
}

/// Policies of one class whose silence hangs on the same expressions.
#[derive(Debug)]
struct Group<'p> {
    class: usize,
    /// Ascending.
    members: Vec<usize>,
    /// The group is silent while all of these are false.
    spine: Vec<&'p Shared<'p>>,
    next: Next<'p>,
}

/// What becomes of a group that need not be silent.
#[derive(Debug)]
enum Next<'p> {
    /// Its policies are asked.
    Ask,
    /// Its one expression is true: an index of what they hang on then.
    Level(Box<Level<'p>>),
}

/// Policies whose silence costs the same on every request.
#[derive(Debug)]
struct Class {
    /// Ascending.
    members: Vec<usize>,
    groups: Vec<usize>,
    silence: Silence,
}

/// What a silent policy costs: this, and what the expressions cost that it asks for, so many times.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Silence {
    cost: Cost,
    /// How often it asks for each expression on the way to its level.
    path: Vec<u64>,
    /// How often for each of its spine.
    spine: Vec<u64>,
}

impl<'p> Index<'p> {
    /// The index of `policies`, whose shared expressions get their places.
    pub fn new(policies: &[CompiledPolicy<'p>]) -> Index<'p> {
        let places = put(policies);
        let mut trials = Trials { policies, steps: TRIALS_STEPS };
        let of = |mode: Mode| {
            let members = policies.iter().enumerate().filter(|(_, policy)| policy.mode == mode);
            let members: Vec<usize> = members.map(|(number, _)| number).collect();
            (members.len() > FEW).then(|| (mode, trials.level(&members, &[])))
        };
        Index { modes: Mode::ALL.into_iter().filter_map(of).collect(), places }
    }

    /// How many values of shared expressions are kept for a request.
    pub fn places(&self) -> usize {
        self.places
    }
}

/// Gives a place to every expression that stands in two programs or twice in one; the number of places.
fn put(policies: &[CompiledPolicy<'_>]) -> usize {
    let mut seen: HashMap<&str, &Shared<'_>> = HashMap::new();
    let mut places = 0_usize;
    for shared in policies.iter().flat_map(CompiledPolicy::shared) {
        match seen.get(shared.key()) {
            None => drop(seen.insert(shared.key(), shared)),
            Some(first) => {
                let place = first.place().unwrap_or_else(|| {
                    let next = places;
                    places = places.saturating_add(1);
                    next
                });
                first.put(place);
                shared.put(place);
            }
        }
    }
    places
}

/// What an expression costs when it is false depends on this and on the request.
fn shape<'p>(shared: &'p Shared<'p>) -> &'p str {
    shared.fact().map_or(shared.key(), |fact| fact.shape)
}

/// Finds out what policies are silent on.
struct Trials<'t, 'p> {
    policies: &'t [CompiledPolicy<'p>],
    /// The steps that are left.
    steps: u64,
}

impl<'p> Trials<'_, 'p> {
    /// What a policy is silent on, while the expressions of `path` are true: all of these being false.
    fn silence(
        &mut self,
        policy: &CompiledPolicy<'p>,
        path: &[&'p Shared<'p>],
    ) -> Option<(Vec<&'p Shared<'p>>, Silence)> {
        // What partial exceptions allow differs from policy to policy, so an expression that reads it is not one of others.
        let partial = policy.exceptions.iter().any(|exception| !exception.allowed.is_empty());
        if partial || policy.programs().any(|program| program.asks()) {
            return None;
        }
        let mut spine: Vec<&'p Shared<'p>> = Vec::new();
        loop {
            let arena = Bump::new();
            let known = path.iter().map(|shared| (shared.key(), true));
            let known: Vec<(&str, bool)> =
                known.chain(spine.iter().map(|shared| (shared.key(), false))).collect();
            let budget = Budget { steps: TRIAL_BUDGET.steps.min(self.steps), ..TRIAL_BUDGET };
            let trial = attempt(policy, &arena, budget, arena.alloc_slice_copy(&known));
            self.steps = self.steps.saturating_sub(trial.cost.steps);
            match trial.verdict {
                Ok(verdict)
                    if matches!(verdict.opinion, Opinion::Nothing)
                        && verdict.exceptions.is_empty()
                        && !trial.changes =>
                {
                    let (on_path, on_spine) = trial.asked.split_at_checked(path.len())?;
                    let silence =
                        Silence { cost: trial.cost, path: on_path.to_vec(), spine: on_spine.to_vec() };
                    return Some((spine, silence));
                }
                Err(Fault::Internal(_)) if spine.len() < MAX_SPINE => {
                    let unknown = trial.unknown?;
                    let shared = policy.shared().find(|shared| shared.key() == unknown)?;
                    // What only one policy asks, and no map answers, is asked with the policy.
                    let answered = shared.fact().is_some() || shared.place().is_some();
                    spine.push(Some(shared).filter(|_| answered)?);
                }
                _ => return None,
            }
        }
    }

    fn level(&mut self, members: &[usize], path: &[&'p Shared<'p>]) -> Level<'p> {
        let mut level = Level::default();
        let mut classes: HashMap<(Vec<&'p str>, Silence), usize> = HashMap::new();
        let mut groups: HashMap<(Vec<&'p str>, usize), usize> = HashMap::new();
        for number in members {
            let policy = self.policies.get(*number);
            let Some((spine, silence)) = policy.and_then(|policy| self.silence(policy, path)) else {
                level.always.push(*number);
                continue;
            };
            let shapes = spine.iter().map(|shared| shape(shared)).collect();
            let class = *classes.entry((shapes, silence.clone())).or_insert_with(|| {
                level.classes.push(Class { members: Vec::new(), groups: Vec::new(), silence });
                level.classes.len().saturating_sub(1)
            });
            let keys = spine.iter().map(|shared| shared.key()).collect();
            let group = *groups.entry((keys, class)).or_insert_with(|| {
                level.groups.push(Group { class, members: Vec::new(), spine, next: Next::Ask });
                level.groups.len().saturating_sub(1)
            });
            if let Some(group) = level.groups.get_mut(group) {
                group.members.push(*number);
            }
            if let Some(class) = level.classes.get_mut(class) {
                class.members.push(*number);
                if class.groups.last() != Some(&group) {
                    class.groups.push(group);
                }
            }
        }
        for class in &mut level.classes {
            class.groups.sort_unstable();
            class.groups.dedup();
        }
        for group in &mut level.groups {
            if let ([only], true, true) =
                (group.spine.as_slice(), group.members.len() > FEW, path.len() < MAX_PATH)
            {
                let below = self.level(&group.members, &[path, &[*only]].concat());
                if !below.groups.is_empty() {
                    group.next = Next::Level(Box::new(below));
                }
            }
        }
        level.questions = questions(&level.groups);
        level
    }
}

/// What to ask for the groups of a level: each text once, and each expression that is no fact.
fn questions<'p>(groups: &[Group<'p>]) -> Vec<Question<'p>> {
    let mut questions: Vec<Question<'p>> = Vec::new();
    let mut known: HashMap<&'p str, usize> = HashMap::new();
    for (number, group) in groups.iter().enumerate() {
        for shared in &group.spine {
            let key = shared.fact().map_or(shared.key(), |fact| fact.subject_key);
            let at = *known.entry(key).or_insert_with(|| {
                let about = match shared.fact() {
                    Some(_) => {
                        About::Text { of: shared, exact: Lookup::default(), prefixes: Lookup::default() }
                    }
                    None => About::Truth(shared),
                };
                questions.push(Question { about, groups: Vec::new() });
                questions.len().saturating_sub(1)
            });
            let Some(question) = questions.get_mut(at) else { continue };
            question.groups.push(number);
            if let (About::Text { exact, prefixes, .. }, Some(fact)) = (&mut question.about, shared.fact()) {
                let lookup = match fact.test {
                    Test::Is => exact,
                    Test::Begins => prefixes,
                };
                for literal in fact.literals {
                    lookup.add(literal, number);
                }
            }
        }
    }
    questions
}

impl<'p> Lookup<'p> {
    fn add(&mut self, text: &'p str, group: usize) {
        self.groups.entry(text).or_default().push(group);
        if let Err(at) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(at, text.len());
        }
    }
}
