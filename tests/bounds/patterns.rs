//! Patterns and texts that are made for each other: every byte leads the pattern's automaton to where none has led.

use std::time::{Duration, Instant};

use bumpalo::Bump;
use toolgate::internal::budget::{Budget, DEFAULT_STEPS, Fault};
use toolgate::internal::error::Raise;
use toolgate::internal::library::regex::{Groups, compile};
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::library::table::Body;
use toolgate::internal::library::table_type;
use toolgate::internal::types::{Signature, Type};
use toolgate::internal::value::Value;

use crate::{ALONE, SLACK, plain_step, rows};

/// Each with the characters of its texts.
const PATTERNS: [(&str, &str); 23] = [
    // Forward, backward, in both directions.
    ("[ab]*a[ab]{24}c|a", "ab"),
    ("[ab]*a[ab]{24}c", "ab"),
    ("c[ab]{24}a[ab]*", "abc"),
    ("(?:c|b)[ab]{24}a[ab]*$", "ab"),
    ("b[ab]{24}a[ab]*d|[ab]*a[ab]{24}c|a", "ab"),
    // Written out, without counts.
    (".*a.......|b", "ab"),
    ("(a|b)*a(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)c|a", "ab"),
    (r"[a-z]*a[a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z][a-z]c", "abxyz"),
    (r"(?s)x.*a...............................................c|a", "xab"),
    // Counts within counts, and large ones.
    ("(?:(?:(?:x{10}){10}|.)*y|x)", "x"),
    ("(?:(?:a[ab]{5}){5}|[ab])*c|a", "ab"),
    ("(?:.a?){200}y", "ab"),
    ("(?:a?){500}b", "a"),
    ("[ab]*a[ab]{500}c|a", "ab"),
    ("(?:[ab]*a[ab]{90}c|a){5}", "ab"),
    // Classes of many characters.
    (r"\pL*a\pL{40}1|a", "abé"),
    (
        r"(?i)\b(?:drop|delete|truncate|remove|erase|purge)\b.*\b(?:all|everything|tables?)\b",
        "drop alet\u{17f}",
    ),
    (r"[^\x00-\x{ff}a]*é[^\x00-\x{7f}]{30}x|é", "éèñ"),
    // Each match needs the rest of the text, or all before it.
    ("a(a*b)?", "a"),
    ("(?:a*b)?", "a"),
    (r"\B", "é"),
    // Many groups.
    ("(?:(a)(b)?(a)?(b)?(a)?(b)?(a)?(b)?(a)?(b)?|(b)(a)(a)(b)(b)|(a)(b)(a)(a))*", "ab"),
    ("a|$", "b"),
];

/// The sizes of texts in bytes.
const SIZES: &[usize] =
    if cfg!(debug_assertions) { &[30, 300, 6_000_000] } else { &[30, 300, 3_000, 100_000, 6_000_000] };

/// The longest that a call may take, as the budget promises of a whole decision.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 5_000 } else { 50 });

/// Texts of about `size` bytes by chance, always the same; so many that the smallest are worth measuring, too.
fn texts(alphabet: &str, size: usize) -> Vec<String> {
    let mut seed = 88_172_645_463_325_252_u64;
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut text = || {
        let mut text = String::with_capacity(size + 4);
        while text.len() < size {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push(alphabet[usize::try_from(seed % alphabet.len() as u64).unwrap()]);
        }
        text
    };
    let all = if cfg!(debug_assertions) { 3_000 } else { 50_000 };
    (0..(all / size).max(1)).map(|_| text()).collect()
}

/// What calls of a function with one pattern took.
struct Cost {
    steps: u64,
    time: Duration,
    /// The longest of them.
    longest: Duration,
    /// The most bytes that one held at a time.
    peak: u64,
    /// How many ended with an answer.
    answers: usize,
}

fn cost(body: Body, types: &[Type], place: usize, pattern: &str, texts: &[String]) -> Cost {
    // Compiled for each row: what the searches of one found out is not known to the next one's.
    let compiled = compile(pattern, Groups::Kept).unwrap();
    let replacement = if compiled.groups() == 0 { r"<\0>" } else { r"<\1>" };
    // What is made when a pattern is first used and stays with it is no search's: about a microsecond for each of its states.
    let first: String = texts.iter().flat_map(|text| text.chars().take(1_000)).take(3_000).collect();
    let _found = compiled.find(&mut Budget::default(), &first);
    let mut cost = Cost { steps: 0, time: Duration::ZERO, longest: Duration::ZERO, peak: 0, answers: 0 };
    for text in texts {
        let arguments: Vec<Value<'_>> = types
            .iter()
            .enumerate()
            .map(|(at, ty)| match at {
                _ if *ty == Type::Int => Value::Int(-1),
                0 => Value::String(text),
                _ if at == place => Value::String(pattern),
                _ => Value::String(replacement),
            })
            .collect();
        let (mut taken, mut left) = (Duration::ZERO, Budget::default());
        let held = allocation_counter::measure(|| {
            let arena = Bump::new();
            let mut runtime = Runtime::new(&arena, Budget::default());
            runtime.pattern = Some(&compiled);
            let start = Instant::now();
            let answer = body(&mut runtime, &arguments);
            taken = start.elapsed();
            assert!(
                !matches!(answer, Err(Raise::Fault(fault)) if !matches!(fault, Fault::Steps | Fault::Memory)),
                "{pattern}: {answer:?}"
            );
            cost.answers += usize::from(answer.is_ok());
            left = runtime.budget;
        });
        // The node of the call, and one for each argument.
        cost.steps += DEFAULT_STEPS - left.steps + 1 + types.len() as u64;
        cost.time += taken;
        cost.longest = cost.longest.max(taken);
        cost.peak = cost.peak.max(held.bytes_max);
    }
    cost
}

#[test]
fn searches_cost_what_they_pay_for_with_patterns_and_texts_made_for_each_other() {
    let _alone = ALONE.lock();
    let plain = plain_step();
    // The promise is 50 ns for a step; the machine may be one on which plain steps are faster by more.
    let slack = if cfg!(debug_assertions) { SLACK } else { SLACK.max(50.0 / plain) };
    let only = std::env::var("TOOLGATE_PATTERN").ok();
    let mut wrong = Vec::new();
    let (mut factor, mut longest, mut peak) = ((0.0, String::new()), (Duration::ZERO, String::new()), 0);
    for size in SIZES.iter().copied() {
        for (pattern, alphabet) in PATTERNS {
            if only.as_ref().is_some_and(|only| only != pattern) {
                continue;
            }
            let texts = texts(alphabet, size);
            for (_, row, body, place) in rows() {
                let Some(place) = place else { continue };
                let signature = Signature::parse(row.signature, &table_type).unwrap();
                let name = format!("{} of {pattern} with {size} bytes of {alphabet:?}", row.signature);
                let mut least = (f64::MAX, Duration::MAX);
                for _ in 0..8 {
                    let cost = cost(body, &signature.params, place, pattern, &texts);
                    let times = cost.time.as_secs_f64() * 1e9 / cost.steps as f64 / plain;
                    least = (least.0.min(times), least.1.min(cost.longest));
                    peak = peak.max(cost.peak);
                    if only.is_some() {
                        println!(
                            "{name}: {times:.2} {:?} {} {} {}",
                            cost.longest, cost.steps, cost.peak, cost.answers
                        );
                    }
                    if cost.peak > 64_000_000 {
                        wrong.push(format!("{name}: holds {} bytes", cost.peak));
                    }
                    if least.0 <= slack && least.1 <= LONGEST {
                        break;
                    }
                }
                if least.0 > slack || least.1 > LONGEST {
                    wrong.push(format!(
                        "{name}: takes {:.1} times as long as it pays for, {:?}",
                        least.0, least.1
                    ));
                }
                if least.0 > factor.0 {
                    factor = (least.0, name.clone());
                }
                if least.1 > longest.0 {
                    longest = (least.1, name);
                }
            }
        }
    }
    println!("at most {:.2} times what is paid: {}", factor.0, factor.1);
    println!("at most {:?}: {}", longest.0, longest.1);
    println!("at most {peak} bytes");
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}
