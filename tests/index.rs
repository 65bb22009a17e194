//! An index and shared expressions change nothing but the time: not a decision, not a reason, not what is left of the
//! budget. Sets are made at random from what authors write, and asked with and without.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on should panic"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bumpalo::Bump;
use serde_json::json;
use toolgate::internal::budget::Budget;
use toolgate::internal::gateway::payload::payload;
use toolgate::internal::library::runtime::Runtime;
use toolgate::internal::policy::decide::{decide, decide_one_by_one};
use toolgate::internal::policy::set::compiled;
use toolgate::{Engine, PolicySet, Scratch, Settings};

#[expect(dead_code, reason = "the events are for the benches")]
#[path = "../benches/cases.rs"]
mod cases;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }

    fn of<'t, T: ?Sized>(&mut self, choices: &[&'t T]) -> &'t T {
        choices[self.below(choices.len())]
    }
}

const HEADERS: [&str; 4] = ["X-Tool-Name", "X-Tool-Target", "X-Operation", "X-User-Roles"];

const TEXTS: [&str; 12] = [
    "a",
    "b",
    "get",
    "getPod",
    "delete",
    "deletePod",
    "Delete",
    "",
    "prod",
    "é",
    "a-name-of-sixteen",
    "a-name-of-seventeen",
];

/// What a condition is made of.
struct Written<'r> {
    /// Everything but names of elements.
    random: &'r mut Random,
    /// Which of the elements around is meant: another source gives the same condition about another element.
    names: &'r mut Random,
    /// `variables.v0` and on may be used up to this.
    variables: usize,
}

impl Written<'_> {
    /// A condition as authors write them, inside so many comprehensions over `x0` and on.
    fn condition(&mut self, around: usize, depth: usize) -> String {
        let header = format!("object.attributes.Header(\"{}\")", self.random.of(&HEADERS));
        let (text, other) = (self.random.of(&TEXTS), self.random.of(&TEXTS));
        let path = "object.attributes.path";
        match self.random.below(if depth > 2 { 24 } else { 38 }) {
            0..3 => format!("{header}.exists(x, x == \"{text}\")"),
            3 => format!("{header}.exists(x, \"{text}\" == x)"),
            4 => format!("{header}.exists(x, x in [\"{text}\", \"{other}\"])"),
            5 => format!("{header}.exists(x, x == \"{text}\" || x == \"{other}\")"),
            6 => format!("{header}.exists(x, x.startsWith(\"{text}\"))"),
            7 => format!("{header}.exists(x, x.lowerAscii() == \"{text}\")"),
            8 => format!("\"{text}\" in {header}"),
            9 => format!("object.attributes.method == \"{}\"", self.random.of(&["POST", "GET"])),
            10 => format!("object.attributes.path.startsWith(\"/{text}\")"),
            11 => format!("{header}.all(x, x != \"{text}\")"),
            12 => format!("{header}.exists(x, x.matches(\"^{text}\"))"),
            // Fails on most requests.
            13 => format!("{header}[0] == \"{text}\""),
            14 => format!(
                "dyn(object.attributes.header)[\"{}\"].exists(x, x == \"{text}\")",
                self.random.of(&HEADERS)
            ),
            15 if self.variables > 0 => format!("variables.v{}", self.random.below(self.variables)),
            15 => "object.attributes.contentLength > 3".to_owned(),
            16 => format!("json.Unmarshal('{{\"a\":\"' + {path} + '\"}}').a == \"/{text}\""),
            17 => format!("{path}.split(\"/\").exists(x, x == \"{text}\")"),
            18 => format!("{path}.findAll(\"[a-z]+\").map(x, x + \"!\").exists(x, x == \"{text}!\")"),
            // Chains of patterns.
            19 => format!(
                "({path}.matches(\"^/{text}$\") || {path}.matches(\"{other}.t\") || {path}.findAll(\"e.e\").exists(x, x != \"e e\"))"
            ),
            20 => format!(
                "(!{path}.matches(\"{text}P\") && !{path}.matches(\"P.d$\") && !{path}.matches(\"(e+){{2}}\"))"
            ),
            // About an element from around, if there is one.
            21..24 if around > 0 => {
                let element = format!("x{}", self.names.below(around));
                match self.random.below(5) {
                    0 => format!("{element} == \"{text}\""),
                    1 => format!("{element}.startsWith(\"{text}\")"),
                    2 => format!("{header}.exists(x, x == {element})"),
                    3 => format!("{header}.map(x, {element} + x).exists(x, x == \"{text}{other}\")"),
                    _ => format!("({element}.matches(\"^{text}\") || {element}.matches(\"{other}$\"))"),
                }
            }
            21..24 => format!("{header}.size() > 0"),
            24..27 => {
                format!("{} && {}", self.condition(around, depth + 1), self.condition(around, depth + 1))
            }
            27..29 => {
                format!("({} || {})", self.condition(around, depth + 1), self.condition(around, depth + 1))
            }
            29 => format!("!({})", self.condition(around, depth + 1)),
            30 => format!(
                "({} ? {} : {})",
                self.condition(around, depth + 1),
                self.condition(around, depth + 1),
                self.condition(around, depth + 1)
            ),
            31 => format!("{header}.map(x, x.lowerAscii()).exists(x, x == \"{text}\")"),
            _ => {
                let quantifier = self.random.of(&["exists", "exists", "all", "exists_one"]);
                format!("{header}.{quantifier}(x{around}, {})", self.condition(around + 1, depth + 1))
            }
        }
    }
}

/// A condition; `variables.v0` and on may be used up to `variables`.
fn condition(random: &mut Random, variables: usize) -> String {
    let mut names = Random(random.0 | 1);
    Written { random, names: &mut names, variables }.condition(0, 0)
}

fn policy(random: &mut Random, number: usize) -> String {
    let mut text = format!(
        "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: p{number}\nspec:\n  \
         evaluation:\n    mode: HTTP\n  failurePolicy: {}\n",
        random.of(&["Fail", "Fail", "Ignore"])
    );
    let conditions = random.below(3);
    if conditions > 0 {
        text.push_str("  matchConditions:\n");
    }
    for name in 0..conditions {
        let expression = condition(random, 0);
        writeln!(text, "  - name: c{name}\n    expression: |-\n      {expression}").unwrap();
    }
    let variables = random.below(3);
    if variables > 0 {
        text.push_str("  variables:\n");
    }
    for name in 0..variables {
        let expression = condition(random, name);
        writeln!(text, "  - name: v{name}\n    expression: |-\n      {expression}").unwrap();
    }
    text.push_str("  validations:\n");
    for _ in 0..=random.below(3) {
        let guard = condition(random, variables);
        let answer = random.of(&["http.Denied(\"no\").Response()", "http.Denied(\"no\").Response()", "null"]);
        writeln!(text, "  - expression: |-\n      {guard} ? {answer} : null").unwrap();
    }
    text
}

fn exception(random: &mut Random, policy: usize, number: usize) -> String {
    let expression = condition(random, 0);
    format!(
        "---\napiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata:\n  name: e{number}\nspec:\n  \
         policyRefs:\n  - name: p{policy}\n    kind: ValidatingPolicy\n  matchConditions:\n  - name: c\n    \
         expression: |-\n      {expression}\n"
    )
}

fn request(random: &mut Random) -> String {
    let mut header = serde_json::Map::new();
    for name in HEADERS {
        let values: Vec<&str> = (0..random.below(3)).map(|_| random.of(&TEXTS)).collect();
        if !values.is_empty() {
            header.insert(name.to_owned(), json!(values));
        }
    }
    // Long ones are searched by another way.
    let path = format!("/{}", random.of(&TEXTS).repeat([1, 1, 900][random.below(3)]));
    json!({"attributes": {"method": random.of(&["POST", "GET"]), "path": path, "header": header, "contentLength": 5}})
        .to_string()
}

/// Compares both ways, with an ample budget and with such that are spent on the way.
fn compare(set: &PolicySet, request: &str) {
    let set = compiled(set);
    let arena = Bump::new();
    let object = payload(request.as_bytes(), &arena, &mut Budget::default()).unwrap().request;
    let ample = Budget::default();
    let ask = |budget: Budget| {
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        let indexed = decide(set, object, Runtime::new(&arena, budget), &mut |number, verdict| {
            asked.push((number, format!("{verdict:?}")));
        });
        let plain = decide_one_by_one(set, object, Runtime::new(&arena, budget), &mut |number, verdict| {
            told.push((number, format!("{verdict:?}")));
        });
        assert_eq!(format!("{indexed:?}"), format!("{plain:?}"), "{budget:?} {request}");
        // Who is not asked says nothing, for no reason that is told.
        told.retain(|said| said.1.contains("exception: Some") || !said.1.contains("opinion: Nothing"));
        asked.retain(|said| said.1.contains("exception: Some") || !said.1.contains("opinion: Nothing"));
        assert_eq!(asked, told, "{request}");
        plain.budget
    };
    let left = ask(ample);
    let (steps, bytes) = (ample.steps - left.steps, ample.bytes - left.bytes);
    for part in 0..12 {
        ask(Budget { steps: steps * part / 11, bytes: ample.bytes });
        ask(Budget { steps: ample.steps, bytes: bytes * part / 11 });
    }
}

#[test]
fn sets_made_at_random_decide_the_same_with_and_without() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..60 {
        let count = 1 + random.below(30);
        let mut text: String = (0..count).map(|number| policy(&mut random, number)).collect();
        for number in 0..random.below(3) {
            text.push_str(&exception(&mut random, number % count, number));
        }
        let (set, _) = PolicySet::from_text("policies.yaml", &text).unwrap();
        for _ in 0..25 {
            compare(&set, &request(&mut random));
        }
    }
}

/// Conditions that are alike but for the elements that they are about, in loops of which some are shared and some are not.
#[test]
fn what_is_about_another_element_is_something_else() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let (mut sets, mut loops) = (0, 0);
    while sets < 250 {
        let shape = random.below(usize::MAX);
        let mut texts = Vec::new();
        for _ in 0..6 {
            let mut same = Random(u64::try_from(shape).unwrap() | 1);
            let mut written = Written { random: &mut same, names: &mut random, variables: 0 };
            let header = "object.attributes.Header(\"X-Tool-Name\")";
            let text = format!("{header}.exists(x0, {})", written.condition(1, 0));
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        if texts.len() == 1 {
            continue;
        }
        sets += 1;
        loops += usize::from(texts.iter().any(|text| text.contains("(x1, ")));
        let policies = texts.iter().enumerate().map(|(number, text)| {
            format!(
                "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata: {{name: p{number}}}\nspec:\n  \
                 evaluation: {{mode: HTTP}}\n  validations:\n  - expression: |-\n      {text} ? \
                 http.Denied(\"p{number}\").Response() : null\n"
            )
        });
        let (set, _) = PolicySet::from_text("policies.yaml", &policies.collect::<String>()).unwrap();
        for _ in 0..10 {
            compare(&set, &request(&mut random));
        }
    }
    assert!(loops > 200, "{loops}");
}

/// The policies that are asked of a set of this shape.
fn asked(shape: cases::Shape, count: usize) -> usize {
    let (set, _) = PolicySet::from_text("policies.yaml", &cases::policies(shape, count)).unwrap();
    let arena = Bump::new();
    let request = json!({"attributes": {"header": {"X-Tool-Target": ["kubernetes"], "X-Operation": ["delete"],
        "X-Environment": ["production"]}}});
    let request = request.to_string();
    let object = payload(request.as_bytes(), &arena, &mut Budget::default()).unwrap().request;
    let mut asked = 0;
    decide(compiled(&set), object, Runtime::new(&arena, Budget::default()), &mut |_, _| asked += 1);
    asked
}

#[test]
fn rulings_are_alike_if_they_leave_the_same_too() {
    let (set, _) =
        PolicySet::from_text("policies.yaml", &cases::policies(cases::Shape::AllMatch, 5)).unwrap();
    let arena = Bump::new();
    let object = payload(b"{}", &arena, &mut Budget::default()).unwrap().request;
    let ample = Budget::default();
    let asked = |budget: Budget| decide(compiled(&set), object, Runtime::new(&arena, budget), &mut |_, _| {});
    let one_by_one = decide_one_by_one(compiled(&set), object, Runtime::new(&arena, ample), &mut |_, _| {});
    assert!(asked(ample).is_like(&one_by_one));
    assert!(!asked(Budget { steps: ample.steps - 1, ..ample }).is_like(&one_by_one));
    assert!(!asked(Budget { steps: 1, ..ample }).is_like(&one_by_one));
}

#[test]
fn who_cannot_speak_is_not_asked() {
    assert_eq!(asked(cases::Shape::NoneMatches, 1_000), 0);
    // The target of all is that of the call, and so is the operation; the environment is not.
    assert_eq!(asked(cases::Shape::AllMatch, 100), 0);
    assert_eq!(asked(cases::Shape::FirstDenies, 100), 1);
}

fn events() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/events");
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_shipped_policies_decide_all_events_the_same_with_and_without() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (set, _) = PolicySet::from_dir(root.join("policies")).unwrap();
    let engine = Engine::new(set, Settings::default()).unwrap();
    let fixed = || Scratch::with_ids(|| toolgate::DecisionId::from(7));
    let mut count = 0;
    for event in events() {
        let text = String::from_utf8_lossy(&event).into_owned();
        let others =
            ["storage___delete_bucket", "crm___exportAll", "payments___refund", "kubernetes___getPod"];
        let changed = others.iter().map(|name| text.replace("kubernetes___delete_pod", name).into_bytes());
        for event in [event.clone()].into_iter().chain(changed) {
            let now = toolgate::Context::at(1_764_000_000);
            let (mut first, mut second) = (fixed(), fixed());
            let indexed = engine.decide(&mut first, &event, &now);
            let traced = now.clone().traced();
            let mut plain = engine.decide(&mut second, &event, &traced);
            plain.record.trace.clear();
            assert_eq!(indexed.answer, plain.answer);
            assert_eq!(format!("{:?}", indexed.record), format!("{:?}", plain.record));
            count += 1;
        }
    }
    assert!(count >= 50, "{count}");
}
