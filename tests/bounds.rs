//! What a call of a function costs is what the budget takes for it: of every row of the tables, on arguments from the
//! smallest to as large as an event may be. Then no use of any function, however often a policy calls it, makes a
//! decision longer or larger than the budget promises (about 50 ms and 64 MB, [`toolgate::internal::budget`]).
//!
//! Time is compared with what plain operations take for as many steps in the same run.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "the lints against panics are for code that runs on requests; a test that cannot go on should panic"
)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

use bumpalo::Bump;
use toolgate::PolicySet;
use toolgate::internal::budget::{Budget, DEFAULT_STEPS, Fault};
use toolgate::internal::library::regex::{CompiledPattern, Groups, compile};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::library::table::{Body, Implementation, Row};
use toolgate::internal::library::table_type;
use toolgate::internal::library::{ENVOY, HTTP, JSON};
use toolgate::internal::policy::decide::decide;
use toolgate::internal::policy::set::compiled;
use toolgate::internal::types::{Signature, Type};
use toolgate::internal::value::Value;

mod bounds {
    pub(crate) mod patterns;
    pub(crate) mod values;
}
#[path = "limits/request.rs"]
mod request;

use bounds::values::{Pools, key_sets};
use request::with_body;

/// Held by a test that measures time: beside another it would measure that, too.
static ALONE: Mutex<()> = Mutex::new(());

/// Sizes of arguments in bytes of an event.
const SIZES: [usize; 4] = [4, 1_000, 30_000, 6_000_000];

/// Calls per row with arguments of `size` bytes that are tried, at most, of either sort of [`combinations`]. Without
/// optimisation the largest take too long for all of them.
fn calls(size: usize) -> usize {
    match size {
        100_000.. if cfg!(debug_assertions) => 3,
        10_000.. if cfg!(debug_assertions) => 8,
        _ if cfg!(debug_assertions) => 36,
        _ => 60,
    }
}

/// How much longer than a plain operation a step of a function may take.
///
/// Without optimisation loops over bytes are slower by far more than the evaluator is (18 times a step, in what crates leave
/// to their callers to compile), so only what is not charged at all is seen then, which takes hundreds of times as long;
/// `cargo test --release --test bounds` sees the rest. There it is what keeps the promise: a plain step takes 5 to 6 ns where 50 ms
/// are promised for 1,000,000, and the rest is for machines that have other work.
const SLACK: f64 = if cfg!(debug_assertions) { 64.0 } else { 6.0 };
/// What a call may hold until it ends and give back: a pattern that is compiled at run time, for which there must be room in
/// the budget, and copies of a text of an event.
const TRANSIENT: u64 = 20_000_000;

/// Constant patterns, which a policy's author writes.
const PATTERNS: [&str; 6] = ["a|(b)*", "(a*)*b$", "(?i)[a-z]+@x", ".*.*.*=.*x$", "(?:a?){300}", "^$"];

/// The time of one step of plain operations, in nanoseconds: the least of some runs, for other work shares the machine.
fn plain_step() -> f64 {
    let text = "apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {name: p}\nspec:\n  evaluation: {mode: HTTP}\n  \
        validations:\n  - expression: 'lists.range(1000000 + size(object.attributes.body)).all(i, i * 2 + 1 > i && [i, i + 1].size() == 2 && string(i).startsWith(\"x\") == false) \
        ? null : null'\n";
    let (set, _) = PolicySet::from_text("p.yaml", text).unwrap();
    let run = || {
        let bump = Bump::new();
        let start = Instant::now();
        let runtime = Runtime::new(&bump, Budget { bytes: u64::MAX, ..Budget::default() });
        with_body("", |request| {
            let decision = decide(compiled(&set), request, runtime, &mut |_, _| {});
            let took = start.elapsed();
            assert!(matches!(decision.opinion, Err(Fault::Steps)), "{:?}", decision.opinion);
            took
        })
    };
    let least = (0..5).map(|_| run()).min().unwrap();
    least.as_secs_f64() * 1e9 / DEFAULT_STEPS as f64
}

/// What a call costs.
#[derive(Debug)]
struct Cost {
    steps: u64,
    bytes: u64,
    /// Nanoseconds.
    time: f64,
    /// The most bytes that it held at a time.
    peak: u64,
}

struct Call<'a> {
    body: Body,
    arguments: Vec<Value<'a>>,
    pattern: Option<&'a CompiledPattern>,
}

impl<'a> Call<'a> {
    /// Calls once; what is left of the budget.
    fn run<'s>(&self, arena: &'s Bump, budget: Budget) -> Budget
    where
        'a: 's,
    {
        let mut runtime: Runtime<'s> = Runtime::new(arena, budget);
        runtime.pattern = self.pattern;
        let arguments: &[Value<'s>] = &self.arguments;
        let _answer = std::hint::black_box((self.body)(&mut runtime, arguments));
        runtime.budget
    }

    /// Calls often enough to see how long it takes.
    fn cost(&self, budget: Budget) -> Cost {
        let mut left = budget;
        let mut times = |count: u32| {
            let arena = Bump::new();
            let start = Instant::now();
            (0..count).for_each(|_| left = self.run(&arena, budget));
            start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
        };
        let mut time = 0.0;
        let peak = allocation_counter::measure(|| time = times(1)).bytes_max;
        if time < 50_000.0 {
            time = times(20);
        }
        Cost { steps: budget.steps - left.steps, bytes: budget.bytes - left.bytes, time, peak }
    }

    /// What of the promise does not hold. Time is the least of some calls: others share the machine.
    fn wrong(&self, size: usize, plain: f64) -> Option<String> {
        let budget = budget(size);
        let mut least = f64::MAX;
        for _ in 0..12 {
            let cost = self.cost(budget);
            // The node of the call, and one for each argument.
            let steps = cost.steps as f64 + 1.0 + self.arguments.len() as f64;
            let large = cost.peak > cost.bytes * 5 / 2 + TRANSIENT;
            if large || cost.peak > 64_000_000 {
                return Some(format!("holds {} bytes, and {} are charged", cost.peak, cost.bytes));
            }
            least = least.min(cost.time / steps / plain);
            if least <= SLACK {
                return None;
            }
        }
        Some(format!("takes {least:.1} times as long as it pays for"))
    }
}

/// The budget of a call with arguments of `size` bytes. The largest would keep an unoptimised test for minutes if it spent
/// all steps on each: what is charged ends earlier with fewer, and what is not, does not.
fn budget(size: usize) -> Budget {
    let steps = if cfg!(debug_assertions) && size > 100_000 { 50_000 } else { DEFAULT_STEPS };
    Budget { steps, ..Budget::default() }
}

/// Sorts out what a row is called with: of all combinations of arguments the first of each parameter together, the second,
/// and so on, from `start`, then some across.
fn combinations<'a>(pools: &[Vec<Value<'a>>], size: usize, start: usize) -> Vec<Vec<Value<'a>>> {
    let longest = pools.iter().map(Vec::len).max().unwrap_or(1);
    let all: usize = pools.iter().map(Vec::len).product();
    let mut chosen = Vec::new();
    for at in (start..).take(longest.min(calls(size))) {
        chosen.push(pools.iter().map(|pool| pool[at % pool.len()]).collect());
    }
    // A stride that has no factor in common with the lengths of most pools.
    for at in (start..).take(all.min(calls(size) / 2)) {
        let mut rest = at.wrapping_mul(7_919) % all;
        chosen.push(
            pools
                .iter()
                .map(|pool| {
                    let value = pool[rest % pool.len()];
                    rest /= pool.len();
                    value
                })
                .collect(),
        );
    }
    chosen
}

/// Every row once, that has a body of its own.
fn rows() -> Vec<(&'static str, &'static Row, Body, Option<usize>)> {
    let mut rows = BTreeMap::new();
    for library in HTTP.iter().chain(ENVOY).chain(JSON) {
        for row in library.rows {
            let (body, pattern) = match row.implementation {
                Implementation::Own(body)
                | Implementation::Lookup(body, _)
                | Implementation::Asking(body, _) => (body, None),
                Implementation::Pattern(body, at) | Implementation::Groups(body, at) => (body, Some(at)),
                Implementation::Shared(shared) => (shared.body, shared.pattern),
                Implementation::Planned => continue,
            };
            rows.insert((library.name, row.id), (library.name, row, body, pattern));
        }
    }
    rows.into_values().collect()
}

/// The values of each type, by its name.
type Made<'a> = BTreeMap<String, Vec<Value<'a>>>;

/// Values of `ty`, made by functions where nothing else makes them.
fn values<'a>(
    ty: &Type,
    size: usize,
    pools: &Pools<'a>,
    arena: &'a Bump,
    known: &mut Made<'a>,
) -> Vec<Value<'a>> {
    let name = ty.to_string();
    if let Some(known) = known.get(&name) {
        return known.clone();
    }
    let plain = pools.of(ty);
    let made = if plain.is_empty() { made(ty, size, pools, arena) } else { plain };
    known.insert(name, made.clone());
    made
}

fn made<'a>(ty: &Type, size: usize, pools: &Pools<'a>, arena: &'a Bump) -> Vec<Value<'a>> {
    let mut made = Vec::new();
    for (_, row, body, _) in rows() {
        let signature = Signature::parse(row.signature, &table_type).unwrap();
        if signature.result != *ty || signature.params.contains(ty) {
            continue;
        }
        let pools: Vec<_> = signature.params.iter().map(|ty| pools.of(ty)).collect();
        if pools.iter().any(Vec::is_empty) {
            continue;
        }
        // All texts: only few of them are an address, a version or a URL.
        for arguments in combinations(&pools, 0, 0).into_iter().chain(combinations(&pools, 0, 20)) {
            let mut runtime = Runtime::new(arena, budget(size));
            made.extend(body(&mut runtime, &arguments));
        }
    }
    made
}

#[test]
fn every_function_costs_what_it_pays_for() {
    let _alone = ALONE.lock();
    let start = Instant::now();
    let plain = plain_step();
    println!("a plain step takes {plain:.1} ns");
    let only = std::env::var("TOOLGATE_ROW").ok();
    let patterns: Vec<CompiledPattern> =
        PATTERNS.iter().map(|pattern| compile(pattern, Groups::Kept).unwrap()).collect();
    let (key_sets, mut wrong, mut calls) = (key_sets(), Vec::new(), 0);
    let mut uncalled = Vec::new();
    for size in SIZES {
        println!("{size} {:?}", start.elapsed());
        let arena = Bump::new();
        let pools = Pools::new(&arena, size, &key_sets);
        let mut known = Made::new();
        for (at, (library, row, body, pattern)) in rows().into_iter().enumerate() {
            if only.as_ref().is_some_and(|only| only != row.id) {
                continue;
            }
            let signature = Signature::parse(row.signature, &table_type).unwrap();
            let arguments: Vec<_> =
                signature.params.iter().map(|ty| values(ty, size, &pools, &arena, &mut known)).collect();
            if arguments.iter().any(Vec::is_empty) {
                uncalled.push(row.signature);
                continue;
            }
            let name = |arguments: &[Value<'_>]| {
                let shown: Vec<String> = arguments.iter().map(shown).collect();
                format!("{library}: {} with {size}: {}", row.signature, shown.join(", "))
            };
            let mut found = None;
            for arguments in combinations(&arguments, size, at) {
                let call = Call { body, arguments, pattern: None };
                calls += 1;
                found = call.wrong(size, plain).map(|wrong| format!("{}: {wrong}", name(&call.arguments)));
                if found.is_some() {
                    break;
                }
            }
            if let Some(place) = pattern.filter(|_| found.is_none()) {
                for (text, pattern) in PATTERNS.iter().zip(&patterns) {
                    for mut arguments in combinations(&arguments, size, at) {
                        arguments[place] = Value::String(text);
                        let call = Call { body, arguments, pattern: Some(pattern) };
                        calls += 1;
                        found = found.or_else(|| {
                            call.wrong(size, plain).map(|wrong| format!("{}: {wrong}", name(&call.arguments)))
                        });
                    }
                }
            }
            wrong.extend(found);
        }
    }
    println!("{:?}", start.elapsed());
    println!("{calls} calls");
    uncalled.sort_unstable();
    uncalled.dedup();
    // No function makes one of these; what is asked with it is answered from outside.
    uncalled.retain(|signature| !signature.contains("schema.GroupVersionResource"));
    // There is no authorizer in any mode, so that nothing of its library has a value to be called on.
    uncalled.retain(|signature| !signature.starts_with("kubernetes.authorization."));
    assert_eq!(uncalled, [""; 0], "no arguments are known for these");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

/// The beginning of a value, for people.
fn shown(value: &Value<'_>) -> String {
    let text = match value {
        Value::List(list) => format!("{} × {:?}…", list.len(), list.first()),
        Value::Map(map) => format!("{} entries", map.len()),
        Value::Object(object) => object.ty.name.to_owned(),
        Value::String(text) => {
            format!("{} bytes {:?}", text.len(), text.chars().take(30).collect::<String>())
        }
        Value::Bytes(bytes) => {
            format!("{} bytes {:?}", bytes.len(), bytes.iter().take(9).collect::<Vec<_>>())
        }
        other => format!("{other:?}"),
    };
    text.chars().take(90).collect()
}
