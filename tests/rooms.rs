//! The modules of the library know only those below them, so that a circle or a shortcut fails here and not in a review.
//!
//! [`imports`] says what is read of `src/`; unit tests are left out, they may use what they like.

#![expect(clippy::unwrap_used, reason = "a test over the repository's own files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use imports::{Library, sources};

#[path = "rooms/imports.rs"]
mod imports;

/// The rooms from the ground up. A module may import those that stand before it, and itself.
const ROOMS: &[(&str, &str)] = &[
    ("budget", "steps, bytes and faults: everything that runs is charged, so nothing is below it"),
    ("limit", "how a limit is told; not which there are"),
    ("visible", "which characters are not seen, and how they are escaped"),
    ("methods", "which methods MCP has; not what a call of one does"),
    ("time", "the days of the calendar, and times as Go reads them; no value, no clock"),
    ("glob", "patterns of names, their limits and what they match; not whose names"),
    ("source", "files, spans and the way from a YAML scalar back to its file"),
    ("diag", "codes and the form of a diagnostic; not who raised it"),
    ("yaml", "YAML as Kyverno reads it; no policies, no settings"),
    ("schema", "the check of a document against a table of shapes"),
    ("types", "CEL's types; no values, no functions, no syntax, and no type that a library declares"),
    (
        "value",
        "the one value, what object types are, comparison, JSON; no programs, no requests, no object type of its own",
    ),
    ("error", "what can go wrong while a program runs; no program, no tree"),
    (
        "library",
        "the tables of functions with their bodies, and of types; no syntax tree, no planner, no I/O",
    ),
    ("cel::ast", "our syntax tree; not the parser that fills it"),
    ("cel::front", "text to syntax tree; the only user of the `cel` crate"),
    ("cel::check", "syntax tree and an environment to types and overloads; no bodies"),
    ("cel::program", "what the planner makes and the evaluator walks"),
    ("cel::eval", "a program over one request; no names, no types, no policies"),
    ("cel::plan", "checked tree to program; folds constants with the evaluator"),
    ("cel::compile", "text and environment to program or mistakes: the door that the rest uses"),
    ("cel", "the door, re-exported"),
    ("policy", "documents to compiled sets, and the decision over a request; no wire, no clock"),
    ("gateway", "the gateway's messages and what policies see of them; not how they are decided"),
    ("outside", "what policies may ask outside of a call, and who answers; no programs"),
    ("record", "what is told of a decision"),
    ("audit", "a record as a line of JSON"),
    ("config", "reads and prints the settings that the modules below own"),
    ("settings", "the types of settings under one name outside; nothing of its own"),
    ("decision_id", "what a decision is found by, and where that comes from"),
    ("engine", "owns a set and its settings: bytes in, bytes out"),
];

/// What only `cel` itself may import: who compiles expressions uses the door, who runs them programs and frames.
const PRIVATE: &[&str] = &["cel::ast", "cel::front", "cel::check", "cel::plan", "cel::compile"];

/// Imports upwards that are known and on their way out; an entry without such an import fails too.
const KNOWN: &[(&str, &str)] = &[];

/// Imports between modules side by side that close a circle by nature, with the reason; one that closes none fails too.
const NATURAL: &[(&str, &str, &str)] = &[
    (
        "cel::front::macros",
        "cel::front::lower",
        "a macro's arguments are expressions, and an expression may be a macro",
    ),
    (
        "value::object_type",
        "value::object",
        "an object has its type, and a type the object of which nothing is set",
    ),
];

/// The room of a path below `crate`: `cel` has several, the others are one each.
fn room(path: &str) -> String {
    let mut parts = path.split("::");
    match (parts.next().unwrap_or_default(), parts.next()) {
        // A type or function of the door itself.
        ("cel", Some(inner)) if !ROOMS.iter().any(|(room, _)| room.strip_prefix("cel::") == Some(inner)) => {
            "cel".to_owned()
        }
        ("cel", Some(inner)) => format!("cel::{inner}"),
        (outer, _) => outer.to_owned(),
    }
}

#[test]
fn a_module_imports_only_those_below_it() {
    let level: BTreeMap<&str, usize> =
        ROOMS.iter().enumerate().map(|(level, (room, _))| (*room, level)).collect();
    let (mut wrong, mut known) = (Vec::new(), Vec::new());
    for (module, imports) in Library::read().imports {
        let name = module.join("::");
        // The door of `cel` hands on what is behind it.
        if name == "cel" {
            continue;
        }
        let own = room(&name);
        let Some(mine) = level.get(own.as_str()) else {
            wrong.push(format!("`{own}` has no place in the list of rooms"));
            continue;
        };
        for other in imports.iter().map(|way| room(&way.join("::"))) {
            let due = level.get(other.as_str());
            let private = PRIVATE.contains(&other.as_str()) && !own.starts_with("cel::");
            if due.is_some_and(|due| due <= mine) && !private {
                continue;
            }
            match KNOWN.iter().find(|(from, to)| *from == own && *to == other) {
                Some(pair) => known.push(*pair),
                None => wrong.push(format!("src/{}.rs: `{own}` must not know `{other}`", module.join("/"))),
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stale: Vec<_> = KNOWN.iter().filter(|pair| !known.contains(pair)).collect();
    assert!(stale.is_empty(), "no longer there, so remove it from the list: {stale:?}");
}

/// Of modules side by side, which imports which, for what is in them too, and a file that does.
type Edges = BTreeMap<String, BTreeMap<String, String>>;

fn edges(library: &Library) -> Edges {
    let mut edges = Edges::new();
    for (module, imports) in &library.imports {
        for way in imports {
            let other = library.module(way);
            let shared = module.iter().zip(&other).take_while(|(one, other)| one == other).count();
            // What a module has itself, and not one of its parts, belongs to all of them.
            if let (Some(from), Some(to)) = (module.get(..=shared), other.get(..=shared)) {
                edges.entry(from.join("::")).or_default().insert(to.join("::"), module.join("/"));
            }
        }
    }
    edges
}

/// Whether a module leads to another.
fn leads(edges: &Edges, from: &str, to: &str) -> bool {
    let (mut passed, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        let imported = edges.get(module).into_iter().flat_map(BTreeMap::keys);
        next.extend(imported.map(String::as_str).filter(|module| passed.insert(*module)));
    }
    passed.contains(to)
}

/// The imports that close a circle, but for those that are natural; and what is in the list for nothing.
fn circles(library: &Library, natural: &[(&str, &str, &str)]) -> Vec<String> {
    let mut edges = edges(library);
    let is_there = |(from, to, _): &(&str, &str, &str)| {
        edges.get_mut(*from).is_some_and(|to_all| to_all.remove(*to).is_some())
    };
    let there: Vec<bool> = natural.iter().map(is_there).collect();
    let mut wrong = Vec::new();
    for ((from, to, _), is_there) in natural.iter().zip(there) {
        if !is_there || !leads(&edges, to, from) {
            wrong.push(format!("`{from}` closes no circle with `{to}`, so remove it from the list"));
        }
    }
    for (from, imported) in &edges {
        for (to, file) in imported.iter().filter(|(to, _)| leads(&edges, to, from)) {
            wrong.push(format!("src/{file}.rs: `{from}` knows `{to}`, and is known there"));
        }
    }
    wrong
}

#[test]
fn modules_side_by_side_do_not_know_each_other_in_a_circle() {
    let wrong = circles(&Library::read(), NATURAL);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found_whatever_way_it_takes() {
    let way = |path: &str| -> Vec<String> { path.split("::").map(str::to_owned).collect() };
    let tree = Library::read();
    let found = |code: &str, natural: &[(&str, &str, &str)]| {
        let mut library = tree.clone();
        library.add(way("budget"), "pub use self::above::{A, C};");
        library.add(way("budget::above"), "use super::{below::{self, B}, Unknown};");
        library.add(way("budget::below"), code);
        library.add(way("budget::below::inner"), "");
        let is_of_these = |wrong: &String| wrong.contains("budget");
        circles(&library, natural).into_iter().filter(is_of_these).count()
    };
    let natural = ("budget::below", "budget::above", "here");
    assert_eq!(found("use crate::visible::shown;", &[]), 0);
    assert_eq!(found("use crate::visible::shown;", &[natural]), 1);
    for circle in [
        "use super::above::A;",
        "use crate::{visible::shown, budget::{Budget, above::{A as Other, C}}};",
        "fn f(a: &super::above::A) {}",
        "pub(super) use super::{inner, C as Other};",
    ] {
        assert_eq!(found(circle, &[]), 2, "{circle}");
        assert_eq!(found(circle, &[natural]), 0, "{circle}");
    }
}

/// The comments of a file as words, with the line of each.
fn comment_words(text: &str) -> Vec<(usize, &str)> {
    let comments = text
        .lines()
        .enumerate()
        .filter_map(|(at, line)| Some((at.saturating_add(1), line.trim_start().strip_prefix("//")?)));
    comments.flat_map(|(at, comment)| comment.split_whitespace().map(move |word| (at, word))).collect()
}

#[test]
fn a_comment_cites_only_documents_and_sections_that_are_in_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "tools", "benches"] {
        sources(&root.join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    let mut sections = 0_usize;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // The last document that was named, and how many words ago.
        let mut cited: Option<(String, usize)> = None;
        for (line, word) in comment_words(&text) {
            let place = format!("{}:{line}", file.strip_prefix(root).unwrap().display());
            let word = word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '§'));
            if word.strip_suffix(".md").is_some_and(|stem| stem.contains(char::is_alphanumeric)) {
                if root.join(word).is_file() {
                    cited = Some((fs::read_to_string(root.join(word)).unwrap(), 0));
                } else {
                    wrong.push(format!("{place}: there is no `{word}`"));
                }
            } else if let Some(section) = word.strip_prefix('§') {
                sections = sections.saturating_add(1);
                let heading = format!("\n## {section}. ");
                match &mut cited {
                    Some((document, distance)) if *distance < 4 && document.contains(&heading) => {
                        *distance = 0
                    }
                    _ => wrong.push(format!("{place}: `§{section}` is no section of a document in the tree")),
                }
            } else if let Some((_, distance)) = &mut cited {
                *distance = distance.saturating_add(1);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sections > 20, "the citations are not found any more");
}
