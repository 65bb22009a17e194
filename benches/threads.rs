//! Many threads on one engine: calls in a second by the number of threads, and how long single calls take, over calls of
//! several kinds and sets of several sizes. Prints two tables, which docs/performance.md has.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench that cannot go on should panic, and prints its tables"
)]
#![expect(dead_code, reason = "the cases have more than is measured here")]

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use toolgate::{Context, Engine, PolicySet, Scratch, Settings};

mod cases;

/// How many calls are timed one by one for a row.
const CALLS: usize = 1_000_000;
/// How long the threads run together.
const SPAN: Duration = Duration::from_millis(500);

/// The events, one after the other: a tool call that policies judge, one of another tool, one that passes, one that is
/// refused, one with large arguments.
fn events() -> Vec<Vec<u8>> {
    let other = String::from_utf8_lossy(cases::EVENT).replace("kubernetes___", "orders___");
    vec![
        cases::EVENT.to_vec(),
        other.into_bytes(),
        include_bytes!("../testdata/events/tools-list.json").to_vec(),
        include_bytes!("../testdata/events/duplicate-member.json").to_vec(),
        cases::large_event(10_000).into_bytes(),
    ]
}

fn engine(shape: cases::Shape, count: usize) -> Engine {
    let (set, _) =
        PolicySet::from_text("policies.yaml", &cases::policies(shape, count)).expect("they compile");
    Engine::new(set, Settings::default()).expect("the settings are valid")
}

/// The calls of all threads together in a second.
fn throughput(engine: &Engine, events: &[Vec<u8>], threads: usize) -> f64 {
    let start = Barrier::new(threads);
    let counts: Vec<u64> = thread::scope(|scope| {
        let run = || {
            let (mut scratch, now, mut count) = (Scratch::default(), Context::at(0), 0);
            start.wait();
            let begin = Instant::now();
            while begin.elapsed() < SPAN {
                for event in events {
                    black_box(engine.decide(&mut scratch, event, &now).answer.len());
                    count += 1;
                }
            }
            count
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    #[expect(clippy::cast_precision_loss, reason = "a table shows three digits")]
    let count = counts.iter().sum::<u64>() as f64;
    count / SPAN.as_secs_f64()
}

fn main() {
    let events = events();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("| policies | threads | calls in a second | against one, per thread |\n|---|---:|---:|---:|");
    let (shipped, _) = PolicySet::from_dir("policies").expect("they compile");
    // Those that ship search texts for patterns, of which each thread keeps what it found out.
    let shipped = Engine::new(shipped, Settings::default()).expect("the settings are valid");
    for (name, engine) in [("100", engine(cases::Shape::AllMatch, 100)), ("shipped", shipped)] {
        let one = throughput(&engine, &events, 1);
        for threads in 1..=cores {
            let calls = throughput(&engine, &events, threads);
            #[expect(clippy::cast_precision_loss, reason = "there are not that many cores")]
            let scaling = calls / one / threads as f64;
            println!("| {name} | {threads} | {calls:.0} | {scaling:.2} |");
        }
    }
    println!("\n| policies | p50, µs | p99, µs | p99.9, µs |\n|---:|---:|---:|---:|");
    for count in [1, 100, 1_000] {
        let engine = engine(cases::Shape::AllMatch, count);
        let (mut scratch, now) = (Scratch::default(), Context::at(0));
        let mut times: Vec<Duration> = Vec::with_capacity(CALLS);
        for event in events.iter().cycle().take(CALLS) {
            let begin = Instant::now();
            black_box(engine.decide(&mut scratch, event, &now).answer.len());
            times.push(begin.elapsed());
        }
        times.sort_unstable();
        let at = |part: usize| times[CALLS * part / 1_000].as_secs_f64() * 1e6;
        println!("| {count} | {:.2} | {:.2} | {:.2} |", at(500), at(990), at(999));
    }
}
