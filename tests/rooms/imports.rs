//! What the files of `src/` import, read from their text: paths that begin with `crate`, `super` or `self`, in `use` and
//! anywhere else. Comments and unit tests are left out; those may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The names on the way from the crate to a module, or to what is in it.
pub(super) type Way = Vec<String>;

/// The files of Rust below `folder`.
pub(super) fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(path);
        }
    }
}

/// The modules of the library.
#[derive(Clone)]
pub(super) struct Library {
    /// For each module, what its file imports: ways as they are written, but from the crate on.
    pub(super) imports: BTreeMap<Way, Vec<Way>>,
    /// What a module has from elsewhere and hands on, by the module and the name.
    doors: BTreeMap<(Way, String), Way>,
}

impl Library {
    /// Reads the files of `src/`, but for the programs and the crate's own.
    pub(super) fn read() -> Library {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        let mut library = Library { imports: BTreeMap::new(), doors: BTreeMap::new() };
        for file in files {
            let place = file.strip_prefix(&root).unwrap().with_extension("");
            let own: Way = place.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            let first = own.first().map_or("", String::as_str);
            if !matches!(first, "bin" | "lib") && !own.ends_with(&["tests".to_owned()]) {
                library.add(own, &code(&fs::read_to_string(&file).unwrap()));
            }
        }
        library
    }

    /// Adds a module with this code.
    pub(super) fn add(&mut self, own: Way, code: &str) {
        let handed = handed_on(code, &own);
        self.doors.extend(handed.into_iter().map(|(name, way)| ((own.clone(), name), way)));
        self.imports.insert(own.clone(), written(code, &own));
    }

    /// The module that a way leads to: of the names on it, as many as are modules. Where one is none, but the module has it
    /// from elsewhere, it leads on from there.
    pub(super) fn module(&self, way: &[String]) -> Way {
        let (mut module, mut rest): (Way, Way) = (Vec::new(), way.iter().rev().cloned().collect());
        let mut passed = BTreeSet::new();
        while let Some(name) = rest.pop() {
            let inner = [module.as_slice(), std::slice::from_ref(&name)].concat();
            if self.imports.contains_key(&inner) {
                module = inner;
                continue;
            }
            let door = (module.clone(), name);
            match self.doors.get(&door) {
                Some(way) if passed.insert(door) => {
                    rest.extend(way.iter().rev().cloned());
                    module.clear();
                }
                _ => break,
            }
        }
        module
    }
}

/// A file without its unit tests and comments.
fn code(text: &str) -> String {
    let tests = text.find("\nmod tests {").and_then(|at| text.get(..at)?.rfind("#[cfg(test)]"));
    let code = text.get(..tests.unwrap_or(text.len())).unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The ways in the code of the module `own`, as they are written.
fn written(code: &str, own: &[String]) -> Vec<Way> {
    let mut found = Vec::new();
    for first in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(first) {
            let before = code.get(..at).unwrap();
            // `pub(in crate::cel)` says who may look in, and imports nothing; what follows another name is no beginning.
            let is_within = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            if !before.ends_with("(in ") && !before.ends_with(is_within) {
                branches(code.get(at..).unwrap(), &[], &mut found);
            }
        }
    }
    found.into_iter().map(|way| from_crate(&way, own)).collect()
}

/// The names that the module `own` hands on, each with its way.
fn handed_on(code: &str, own: &[String]) -> Vec<(String, Way)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code.get(..at).unwrap().rsplit('\n').next().unwrap().trim();
        if before == "pub" || before.starts_with("pub(") && before.ends_with(')') {
            branches(code.get(at..).unwrap().trim_start_matches("use "), &[], &mut found);
        }
    }
    let named = |way: Way| Some((way.last()?.clone(), from_crate(&way, own)));
    found.into_iter().filter_map(named).collect()
}

/// A way from the crate on; one that begins otherwise begins in the module `own`.
fn from_crate(way: &[String], own: &[String]) -> Way {
    let (mut full, mut rest) = (own.to_vec(), way.iter().peekable());
    while let Some(first) = rest.next_if(|name| matches!(name.as_str(), "crate" | "super" | "self")) {
        match first.as_str() {
            "crate" => full.clear(),
            "super" => drop(full.pop()),
            _ => {}
        }
    }
    full.extend(rest.cloned());
    full
}

/// Adds the ways at the beginning of `text`, each behind `stem`: one, or in braces several. Gives what follows them.
fn branches<'t>(text: &'t str, stem: &[String], out: &mut Vec<Way>) -> &'t str {
    let mut way = stem.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = branches(rest, &way, out).trim_start_matches(|c: char| c == ',' || c.is_whitespace());
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !name.is_empty() {
            way.push(name.to_owned());
        }
        match after.strip_prefix("::") {
            Some(next) if !name.is_empty() => rest = next,
            _ => {
                // `{self, …}` is the module itself.
                if way.last().is_some_and(|last| last == "self") && way.len() > 1 {
                    way.pop();
                }
                out.push(way);
                // Another name and `*` say nothing of the way; in a group the next one stands behind a comma.
                let end = if stem.is_empty() { Some(0) } else { after.find([',', '}']) };
                return after.get(end.unwrap_or(after.len())..).unwrap_or_default();
            }
        }
    }
}
