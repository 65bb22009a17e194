//! The run: batches of cases to the oracle and to the engine, the differences counted by kind, then shrunk.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value as Json, json};

use super::cases::{Case, Kind, generate, set};
use super::compare::{Verdict, compare, shape};
use super::engine;
use super::oracle::Oracle;
use super::tables::Tables;
use toolgate::internal::policy::model::Mode;

/// What a run was told to do.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many cases.
    pub(crate) cases: u64,
    /// The number of the first case.
    pub(crate) from: u64,
    /// The seed.
    pub(crate) seed: u64,
    /// The oracle's program.
    pub(crate) oracle: PathBuf,
    /// How many requests meet one policy.
    pub(crate) requests: usize,
    /// Whether differences are shrunk.
    pub(crate) shrink: bool,
    /// How many oracles work at a time.
    pub(crate) jobs: u64,
    /// Which questions are asked.
    pub(crate) kind: Kind,
    /// In which mode's environment.
    pub(crate) mode: Mode,
}

/// How many cases are under way.
const BATCH: u64 = 32;
/// How often a differing case is asked again, to find answers that depend on Go's map order.
const AGAIN: usize = 40;

/// How often it compiles the case for that.
const COMPILED: usize = 8;
/// How many differences of one kind are kept and shrunk.
const PER_KIND: usize = 4;

/// What one worker found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Questions that were answered.
    cases: u64,
    /// Pairs of question and input that were compared.
    pairs: u64,
    /// Pairs whose question did not compile on either side, by what Kyverno says.
    refused: BTreeMap<String, u64>,
    /// Pairs that could not be compared, by reason.
    passed: BTreeMap<String, u64>,
    /// Differences by kind: how many, and the first few.
    kinds: BTreeMap<String, (u64, Vec<(u64, Case)>)>,
}

impl Found {
    fn pass(&mut self, reason: &str) {
        let count = self.passed.entry(reason.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    fn add(&mut self, other: Found) {
        self.cases = self.cases.saturating_add(other.cases);
        self.pairs = self.pairs.saturating_add(other.pairs);
        for (reason, more) in other.refused {
            let count = self.refused.entry(reason).or_default();
            *count = count.saturating_add(more);
        }
        for (reason, more) in other.passed {
            let count = self.passed.entry(reason).or_default();
            *count = count.saturating_add(more);
        }
        for (kind, (more, cases)) in other.kinds {
            let (count, kept) = self.kinds.entry(kind).or_default();
            *count = count.saturating_add(more);
            kept.extend(cases);
            kept.sort_by_key(|(index, _)| *index);
            kept.truncate(PER_KIND);
        }
    }
}

/// Runs everything and prints the summary; true if there was no difference.
///
/// # Errors
/// The oracle does not start or does not answer.
pub(crate) fn run(options: &Options) -> io::Result<bool> {
    let tables = Tables::new(options.mode);
    let started = Instant::now();
    let mut found = Found::default();
    let workers: Vec<io::Result<Found>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..options.jobs)
            .map(|job| {
                let tables = &tables;
                // Deeply nested values need the stack of a main thread, and more.
                std::thread::Builder::new()
                    .stack_size(256 << 20)
                    .spawn_scoped(scope, move || work(options, job, tables))
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| match handle?.join() {
                Ok(found) => found,
                Err(_) => Err(io::Error::other("a worker crashed")),
            })
            .collect()
    });
    for worker in workers {
        found.add(worker?);
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "seed {}: {} cases, {} pairs compared ({} refused by both) in {:.0} s",
        options.seed,
        found.cases,
        found.pairs,
        found.refused.values().sum::<u64>(),
        started.elapsed().as_secs_f64()
    )?;
    let mut refused: Vec<_> = found.refused.iter().collect();
    refused.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (reason, count) in refused.iter().take(6) {
        writeln!(out, "{count:8} refused by both: {reason}")?;
    }
    for (reason, count) in &found.passed {
        writeln!(out, "{count:8} not compared: {reason}")?;
    }
    let mut kinds: Vec<_> = found.kinds.iter().collect();
    kinds.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    writeln!(out, "{} kinds of difference", kinds.len())?;
    for (kind, (count, _)) in &kinds {
        writeln!(out, "{count:8} {kind}")?;
    }
    let mut oracle = Oracle::start(&options.oracle)?;
    let mut printed = BTreeSet::new();
    for (kind, (_, cases)) in kinds {
        for (index, case) in cases {
            let case = if options.shrink { shrink(&mut oracle, case, kind)? } else { case.clone() };
            let line = case.line(&format!("diff-{}-{index}", options.seed), case.inputs.first());
            let mut content = line.clone();
            set(&mut content, "id", Json::Null);
            if printed.insert(content.to_string()) {
                let (due, got) = ask(&mut oracle, &case)?;
                writeln!(out, "\n{line}\n  Kyverno  {due}\n  Toolgate {got}")?;
                out.flush()?;
            }
        }
    }
    Ok(found.kinds.is_empty())
}

fn work(options: &Options, job: u64, tables: &Tables) -> io::Result<Found> {
    let mut oracle = Oracle::start(&options.oracle)?;
    let mut checker = Oracle::start(&options.oracle)?;
    let mut found = Found::default();
    let mut under_way: Vec<(u64, Case, Json)> = Vec::new();
    let end = options.from.saturating_add(options.cases);
    let mut indices = (options.from..end).filter(|index| index.checked_rem(options.jobs) == Some(job));
    let started = Instant::now();
    loop {
        let batch: Vec<(u64, Case, Json)> = indices
            .by_ref()
            .take(usize::try_from(BATCH).unwrap_or(1))
            .map(|index| {
                let case = generate(options.seed, index, options.kind, options.requests, tables);
                let line = case.line(&index.to_string(), None);
                (index, case, line)
            })
            .collect();
        for (_, _, line) in &batch {
            oracle.ask(line);
        }
        for (index, case, line) in std::mem::replace(&mut under_way, batch) {
            let answer = oracle.answer()?;
            judge(&mut found, &mut checker, index, &case, &line, answer)?;
        }
        if job == 0 {
            progress(&found, options, started);
        }
        if under_way.is_empty() {
            return Ok(found);
        }
    }
}

fn judge(
    found: &mut Found,
    checker: &mut Oracle,
    index: u64,
    case: &Case,
    line: &Json,
    answer: Option<Json>,
) -> io::Result<()> {
    found.cases = found.cases.saturating_add(1);
    let Some(answer) = answer else {
        found.pass("the oracle's process ended");
        return Ok(());
    };
    if let Some(failure) = answer.get("failure").and_then(Json::as_str) {
        let reason = if failure.contains("the engine says") { "Kyverno's answer is random" } else { failure };
        found.pass(&reason.chars().take(60).collect::<String>());
        return Ok(());
    }
    let (objects, due) = answers(&answer, case.inputs.len());
    for (at, (got, due)) in engine::answers(line, &objects).iter().zip(&due).enumerate() {
        match compare(due, got) {
            Verdict::Same => {
                found.pairs = found.pairs.saturating_add(1);
                if due["broken"].is_array() || due["decision"] == "compile-error" {
                    let count = found.refused.entry(shape(due)).or_default();
                    *count = count.saturating_add(1);
                }
            }
            Verdict::Passed(reason) => found.pass(reason),
            Verdict::Differs(kind) => {
                found.pairs = found.pairs.saturating_add(1);
                let case = case.only(at);
                if !stable(checker, &case)? {
                    found.pass("Kyverno's answer is random");
                    continue;
                }
                let (count, kept) = found.kinds.entry(kind).or_default();
                *count = count.saturating_add(1);
                if kept.len() < PER_KIND && kept.last().is_none_or(|(last, _)| *last != index) {
                    kept.push((index, case));
                }
            }
        }
    }
    Ok(())
}

/// The objects and answers of a reply, `count` of each.
fn answers(reply: &Json, count: usize) -> (Vec<Json>, Vec<Json>) {
    let list = |field: &str| -> Vec<Json> {
        let known = reply[field].as_array().cloned().unwrap_or_default();
        known.into_iter().chain(std::iter::repeat(Json::Null)).take(count).collect()
    };
    (list("objects"), list("answers"))
}

/// Whether Kyverno says the same again and again; it visits maps in random order, also once for all when it compiles.
fn stable(oracle: &mut Oracle, case: &Case) -> io::Result<bool> {
    let Some(input) = case.inputs.first() else { return Ok(true) };
    let mut line = case.line("again", None);
    set(&mut line, "requests", Json::from(vec![input.clone(); AGAIN]));
    (0..COMPILED).for_each(|_| oracle.ask(&line));
    let mut answers = Vec::new();
    for _ in 0..COMPILED {
        let Some(reply) = oracle.answer()? else { return Ok(false) };
        answers.extend(reply.get("answers").and_then(Json::as_array).cloned().unwrap_or_default());
    }
    Ok(!answers.is_empty() && answers.iter().all(|answer| answers.first() == Some(answer)))
}

/// Both answers to a case with one input.
fn ask(oracle: &mut Oracle, case: &Case) -> io::Result<(Json, Json)> {
    let line = case.line("ask", None);
    oracle.ask(&line);
    let reply = oracle.answer()?.unwrap_or_default();
    let (objects, due) = answers(&reply, 1);
    let got = engine::answers(&line, &objects);
    Ok((due.into_iter().next().unwrap_or_default(), got.into_iter().next().unwrap_or_default()))
}

/// The smallest case that is found step by step and still differs in the same kind of way.
fn shrink(oracle: &mut Oracle, case: &Case, kind: &str) -> io::Result<Case> {
    let mut smallest = case.clone();
    let coarse = |kind: &str| -> Vec<String> {
        kind.split(" | ").map(|side| side.chars().take(24).collect()).collect()
    };
    for _ in 0..200 {
        let mut next = None;
        let candidates = smallest.smaller();
        'chunks: for chunk in candidates.chunks(24) {
            let lines: Vec<Json> = chunk.iter().map(|case| case.line("shrink", None)).collect();
            lines.iter().for_each(|line| oracle.ask(line));
            let mut replies = Vec::new();
            for _ in &lines {
                replies.push(oracle.answer()?.unwrap_or(json!({"failure": "ended"})));
            }
            for ((case, line), reply) in chunk.iter().zip(&lines).zip(&replies) {
                if reply["failure"].is_string() {
                    continue;
                }
                let (objects, due) = answers(reply, 1);
                let got = engine::answers(line, &objects);
                let (Some(due), Some(got)) = (due.first(), got.first()) else { continue };
                if let Verdict::Differs(now) = compare(due, got)
                    && coarse(&now) == coarse(kind)
                    && stable(oracle, case)?
                {
                    next = Some(case.clone());
                    break 'chunks;
                }
            }
        }
        match next {
            Some(case) => smallest = case,
            None => break,
        }
    }
    Ok(smallest)
}

/// A bar on standard error, if somebody looks at it. It shows the first worker, who has as much to do as the others.
fn progress(found: &Found, options: &Options, started: Instant) {
    let mut err = io::stderr().lock();
    if !err.is_terminal() {
        return;
    }
    let done = found.cases.saturating_mul(options.jobs).min(options.cases);
    let width = 40_u64;
    let full = done.saturating_mul(width).checked_div(options.cases).unwrap_or(width);
    let bar: String = (0..width).map(|at| if at < full { '#' } else { '.' }).collect();
    let _ = write!(
        err,
        "\r[{bar}] {done}/{} cases, {} kinds, {:.0} s{}",
        options.cases,
        found.kinds.len(),
        started.elapsed().as_secs_f64(),
        if done == options.cases { "\n" } else { "" }
    );
}
