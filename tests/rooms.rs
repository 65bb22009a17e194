//! The modules of the library know only those below them, so that a circle or a shortcut fails here and not in a review.
//!
//! Reads the `crate::` and `super::super` paths of `src/`; unit tests are left out, they may use what they like.

#![expect(clippy::unwrap_used, reason = "a test over the repository's own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
    ("cel::ast", "our syntax tree; not the parser that fills it"),
    ("cel::error", "what can go wrong while a program runs"),
    (
        "library",
        "the tables of functions with their bodies, and of types; no syntax tree, no planner, no I/O",
    ),
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

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

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

/// A file without its unit tests and comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms that a file's `crate::` paths lead to; a group in braces leads to each of its members.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        // `pub(in crate::cel)` says who may look in, and imports nothing.
        if code.get(..at).is_some_and(|before| before.ends_with("(in ")) {
            continue;
        }
        let rest = code.get(at..).unwrap().trim_start_matches("crate::");
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        match after.strip_prefix('{').and_then(|group| group.split_once('}')) {
            Some((group, _)) if matches!(path, "" | "cel::") => {
                found.extend(group.split(',').map(|member| room(&format!("{path}{}", member.trim()))));
            }
            _ => found.push(room(path.trim_end_matches(':'))),
        }
    }
    found
}

#[test]
fn a_module_imports_only_those_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let level: BTreeMap<&str, usize> =
        ROOMS.iter().enumerate().map(|(level, (room, _))| (*room, level)).collect();
    let (mut wrong, mut known) = (Vec::new(), Vec::new());
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().with_extension("");
        let name = relative.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "::");
        if name.starts_with("bin::") || matches!(name.as_str(), "lib" | "cel") || name.ends_with("tests") {
            continue;
        }
        let own = room(&name);
        let Some(mine) = level.get(own.as_str()) else {
            wrong.push(format!("`{own}` has no place in the list of rooms"));
            continue;
        };
        for other in imports(&code(&fs::read_to_string(&file).unwrap())) {
            let due = level.get(other.as_str());
            let private = PRIVATE.contains(&other.as_str()) && !own.starts_with("cel::");
            if due.is_some_and(|due| due <= mine) && !private {
                continue;
            }
            match KNOWN.iter().find(|(from, to)| *from == own && *to == other) {
                Some(pair) => known.push(*pair),
                None => wrong.push(format!("src/{}.rs: `{own}` must not know `{other}`", relative.display())),
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stale: Vec<_> = KNOWN.iter().filter(|pair| !known.contains(pair)).collect();
    assert!(stale.is_empty(), "no longer there, so remove it from the list: {stale:?}");
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
