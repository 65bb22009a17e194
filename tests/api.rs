//! What the crate offers to those who build on it: the names of `tests/api.txt`, each with an example that runs.
//!
//! Reads the sources: the compiler's own list of a crate's interface needs a nightly one. `TOOLGATE_UPDATE=1` records
//! the list anew.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test over the repository's own files")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The exports of the crate root and of its module `settings`: the path of the item, and the name that it has outside.
fn exports() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    // Behind this stands what is no part of the library.
    let (public, internal) = text.split_once("#[doc(hidden)]\npub mod internal {").unwrap();
    assert!(
        internal.trim_end().ends_with('}') && !internal.contains("\n}\n\n"),
        "something stands behind it"
    );
    let (before, after) = public.split_once("\npub mod settings;\n").unwrap();
    let settings = fs::read_to_string(root().join("src/settings.rs")).unwrap();
    let mut found = Vec::new();
    for (text, outside) in [(before, ""), (after, ""), (settings.as_str(), "settings::")] {
        for line in text.lines().filter(|line| line.starts_with("pub ")) {
            let path = line.strip_prefix("pub use ").and_then(|rest| rest.strip_suffix(';'));
            let path = path.unwrap_or_else(|| panic!("only `pub use` on one line is read: {line}"));
            let (module, names) = path.trim_start_matches("crate::").rsplit_once("::").unwrap();
            for name in names.trim_matches(['{', '}']).split(", ") {
                let (item, name) = name.split_once(" as ").unwrap_or((name, name));
                found.push((format!("{module}::{item}"), format!("{outside}{name}")));
            }
        }
    }
    found
}

/// The documentation comment of the item at `path`, and its file.
fn documentation(path: &str) -> Option<String> {
    let (module, item) = path.rsplit_once("::")?;
    let file = root().join("src").join(module.replace("::", "/")).with_extension("rs");
    let mut files: Vec<PathBuf> = fs::read_dir(file.with_extension(""))
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
        .unwrap_or_default();
    files.push(file);
    for file in files {
        let text = fs::read_to_string(file).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let declares = |line: &&str| {
            let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
            rest.is_some_and(|rest| rest.split(|c: char| !c.is_alphanumeric()).next() == Some(item))
        };
        if let Some(at) = lines.iter().position(declares) {
            let above = lines.iter().take(at).rev();
            let mut comment: Vec<&str> =
                above.take_while(|line| line.starts_with("///") || line.starts_with("#[")).copied().collect();
            comment.reverse();
            return Some(comment.join("\n"));
        }
    }
    None
}

#[test]
fn the_crate_root_and_the_module_of_settings_export_these_names() {
    let mut names: Vec<String> = exports().into_iter().map(|(_, name)| name).collect();
    names.sort_unstable();
    let now = names.join("\n") + "\n";
    let recorded = root().join("tests/api.txt");
    if std::env::var_os("TOOLGATE_UPDATE").is_some() {
        fs::write(&recorded, &now).unwrap();
    }
    assert_eq!(
        now,
        fs::read_to_string(recorded).unwrap(),
        "a change of the interface is recorded on purpose"
    );
    let at_root = names.iter().filter(|name| !name.contains("::")).count();
    assert!(at_root <= 20, "the crate root is small: {at_root}");
    // One way to one thing.
    let (mut items, all) = (exports(), exports().len());
    items.sort_unstable();
    items.dedup_by(|left, right| left.0 == right.0);
    assert_eq!(items.len(), all, "an item has two names");
}

#[test]
fn every_export_is_documented_with_an_example_that_runs() {
    for (path, name) in exports() {
        let comment = documentation(&path).unwrap_or_else(|| panic!("`{path}` is not found"));
        assert!(comment.contains("/// ```\n") && !comment.contains("```ignore"), "`{name}` has no example");
    }
}

#[test]
fn errors_are_errors_and_the_engine_can_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    shared::<toolgate::Engine>();
    shared::<toolgate::PolicySet>();
    shared::<toolgate::Settings>();
    shared::<toolgate::Context>();
    shared::<toolgate::Record<'static>>();
    sent::<toolgate::Scratch>();
    error::<toolgate::Diagnostics>();
    error::<toolgate::Diagnostic>();
}

#[test]
fn the_version_of_rust_is_that_of_the_manifest_wherever_it_is_told() {
    let due = env!("CARGO_PKG_RUST_VERSION");
    let mut pages: Vec<PathBuf> =
        fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    let mut told = Vec::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(page).unwrap();
        let versions = text.split("[Rust](https://rustup.rs) ").skip(1);
        told.extend(versions.map(|rest| rest.split_whitespace().next().unwrap().to_owned()));
    }
    assert!(told.len() >= 2 && told.iter().all(|version| version == due), "{told:?}");
}
