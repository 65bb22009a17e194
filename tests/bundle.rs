//! Bundles: the same decisions as from the texts, the same bytes each time, and nothing but a refusal of what is damaged.
//!
//! That every recorded case of Kyverno's is decided the same from a bundle is in `tests/kyverno.rs`.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on should panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

use toolgate::internal::config::check_headers;
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::bundle::Contents;
use toolgate::internal::policy::load::{load_sources, load_text};
use toolgate::internal::policy::set::compiled;
use toolgate::internal::source::Source;
use toolgate::{Code, Context, DecisionId, Diagnostic, Engine, PolicySet, Scratch, Settings, Severity};

#[expect(dead_code, reason = "the mutations of others need more")]
#[path = "../tools/src/bin/differential/rng.rs"]
mod rng;

#[expect(dead_code, reason = "what is due is compared by tests/gateway.rs")]
mod gateway {
    pub(crate) mod case;
}

#[expect(dead_code, clippy::print_stdout, reason = "Cargo runs it and reads what it prints")]
#[path = "../build.rs"]
mod build_script;

use rng::Rng;

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("toolgate-bundle-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The bundle of a folder.
fn bundle_of(folder: &Path) -> Vec<u8> {
    make(load_sources(&[folder.to_path_buf()], None), folder, &beside(&Settings::default())).unwrap().0
}

/// The bundle of one text.
fn bundle(text: &str) -> Vec<u8> {
    let loaded = load_text("policies.yaml", text);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    make(loaded, Path::new(""), &beside(&Settings::default())).unwrap().0
}

/// The headers of these settings.
fn beside(settings: &Settings) -> Beside<'static> {
    Beside { settings: None, headers: check_headers(&settings.headers), left_out: None }
}

/// One policy.
fn policy(name: &str, validation: &str) -> String {
    format!(
        "---\napiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicy\nmetadata:\n  name: {name}\nspec:\n  evaluation:\n    \
         mode: HTTP\n  variables:\n  - name: tool\n    expression: object.attributes.Header(\"X-Tool-Name\")\n  \
         validations:\n  - expression: |\n      {validation}\n"
    )
}

/// A policy with something of everything that expressions are made of.
const RICH: &str = r#"{"a": 1u, ?"b": optional.of(2u)}.size() > 3 || has(object.attributes.path) && [1.5, ?optional.none()].size() == 0 || "x".matches("^[a-z]+$") && b"\x01" == b"\x02" || variables.tool.map(t, t.lowerAscii()).exists(t, t in ["delete", "drop"]) && type(null) == null_type && !(cel.bind(n, 3, n - 1 < 0) || [3, 1].sortBy(i, -i)[0] < 0) ? http.Denied("no").Response() : null"#;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn refusal(bytes: &[u8]) -> Option<Diagnostic> {
    PolicySet::from_bundle("p.bundle", bytes).err().and_then(|wrong| wrong.into_iter().next())
}

#[test]
fn every_case_of_the_gateway_is_answered_the_same() {
    let mut count = 0;
    for case in gateway::case::cases() {
        let (texts, _) = PolicySet::from_text("policies.yaml", &case.policies()).unwrap();
        let settings = Settings::load_text("toolgate.yaml", &case.settings(), std::iter::empty()).unwrap().0;
        let loaded = load_text("policies.yaml", &case.policies());
        let (bytes, _) = make(loaded, Path::new(""), &beside(&settings)).unwrap();
        let (bundled, warnings) = PolicySet::from_bundle("p.bundle", &bytes).unwrap();
        assert!(warnings.is_empty(), "{warnings}");
        let decide = |set: PolicySet| {
            let engine = Engine::new(set, settings.clone()).unwrap();
            let mut scratch = Scratch::with_ids(|| DecisionId::from(7));
            let event = case.event();
            let decision = engine.decide(&mut scratch, &event, &Context::at(case.now()).traced());
            (decision.answer.to_vec(), format!("{:?} {}", decision.record, engine.digest()))
        };
        assert_eq!(decide(texts), decide(bundled), "{}", case.name);
        count += 1;
    }
    assert!(count > 100, "{count}");
}

/// What runs is the same to the last node, its numbers included.
#[test]
fn programs_are_the_same() {
    let rich = policy("rich", RICH);
    let (plain, _) = PolicySet::from_text("policies.yaml", &rich).unwrap();
    let (bundled, _) = PolicySet::from_bundle("p.bundle", &bundle(&rich)).unwrap();
    assert_eq!(format!("{:?}", compiled(&plain).policies), format!("{:?}", compiled(&bundled).policies));
    assert_eq!(plain.digest(), bundled.digest());
    let (plain, _) = PolicySet::from_dir(shipped()).unwrap();
    let (bundled, _) = PolicySet::from_bundle("p.bundle", &bundle_of(&shipped())).unwrap();
    assert_eq!(format!("{:?}", compiled(&plain).policies), format!("{:?}", compiled(&bundled).policies));
    assert!(plain.len() > 3);
}

#[test]
fn the_same_files_make_the_same_bytes_wherever_they_are() {
    let (here, there) = (Folder::new("here"), Folder::new("there/deeper"));
    for folder in [&there, &here] {
        folder.write("team/b.yaml", policy("b", "null"));
        folder.write("a.yaml", policy("a", RICH));
        folder.write("notes.txt", "not a policy");
    }
    let bytes = bundle_of(&here.0);
    assert_eq!(bytes, bundle_of(&here.0));
    assert_eq!(bytes, bundle_of(&there.0));
    let contents = Contents::read(&bytes).unwrap();
    assert_eq!(contents.sources.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a.yaml", "team/b.yaml"]);
    here.write("a.yaml", policy("a", "null"));
    assert_ne!(bytes, bundle_of(&here.0));
    assert!(!String::from_utf8_lossy(&bytes).contains(&*here.0.to_string_lossy()), "a path of this machine");
}

/// A bundle that was built in one folder starts without compiling in a function that was built in another.
#[test]
fn the_number_of_a_build_says_nothing_of_its_place() {
    let number = |folder: &Folder| build_script::number(&folder.0).unwrap().0;
    let (here, there) = (Folder::new("number"), Folder::new("number-elsewhere/deeper"));
    for folder in [&here, &there] {
        folder.write("src/lib.rs", "mod a;");
        folder.write("src/a.rs", "");
        folder.write("Cargo.lock", "version = 4");
        folder.write("src/bin/program/main.rs", &*folder.0.to_string_lossy());
    }
    assert_eq!(number(&here), number(&there));
    for (file, text) in [("src/a.rs", "// another"), ("Cargo.lock", "version = 3")] {
        let before = number(&here);
        here.write(file, text);
        assert_ne!(number(&here), before, "{file}");
    }
}

#[test]
fn what_is_not_whole_is_not_bundled() {
    for text in [policy("a", "null").replace("null", "nothing"), policy("a", "null").replace("kind", "kynd")]
    {
        let wrong = make(load_text("p.yaml", &text), Path::new(""), &Beside::default()).unwrap_err();
        assert!(wrong.has_errors());
    }
    assert!(make(load_text("p.yaml", ""), Path::new(""), &Beside::default()).is_err());
}

#[test]
fn a_bundle_with_any_bit_changed_is_refused() {
    let bytes = bundle(&policy("a", RICH));
    assert_eq!(refusal(&bytes), None);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let refusal = refusal(&damaged).unwrap();
        assert_eq!(refusal.code, Code::BadBundle, "byte {at}");
        assert!(refusal.message.starts_with("this bundle cannot be read: it"), "{}", refusal.message);
    }
}

#[test]
fn a_bundle_that_is_cut_or_goes_on_is_refused() {
    let bytes = bundle(&policy("a", "null"));
    for end in 0..bytes.len() {
        assert_eq!(refusal(&bytes[..end]).map(|wrong| wrong.code), Some(Code::BadBundle), "{end} bytes");
    }
    assert_eq!(refusal(&[&bytes[..], b"\n"].concat()).map(|wrong| wrong.code), Some(Code::BadBundle));
}

/// The same bytes with the digest that they should have.
fn forged(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::Digest as _;
    let digest = sha2::Sha256::new().chain_update(&bytes[8..12]).chain_update(&bytes[44..]).finalize();
    bytes[12..44].copy_from_slice(&digest);
    bytes
}

/// Who can write a bundle can write policies. But what no build writes is refused or it is a set; it is never a panic.
#[test]
fn what_no_build_writes_is_refused_or_runs() {
    let folder = Folder::new("forged");
    folder.write("a.yaml", policy("a", RICH));
    folder.write(
        "b.yaml",
        policy("b", "variables.tool.exists(t, t == 'b') ? http.Denied('b').Response() : null"),
    );
    let bytes = bundle_of(&folder.0);
    let (mut refused, mut served) = (0, 0);
    for round in 0..4_000 {
        let mut rng = Rng::new(7, round);
        let mut damaged = bytes.clone();
        for _ in 0..=rng.below(3) {
            let at = 44 + rng.below(damaged.len() - 44);
            damaged[at] = u8::try_from(rng.below(256)).unwrap();
        }
        match PolicySet::from_bundle("p.bundle", &forged(damaged)) {
            Err(_) => refused += 1,
            Ok((set, _)) => {
                served += 1;
                if let Ok(engine) = Engine::new(set, Settings::default()) {
                    let event = include_bytes!("../testdata/events/delete-pod-in-production.json");
                    let mut scratch = Scratch::default();
                    let decision = engine.decide(&mut scratch, event, &Context::at(1_764_000_000));
                    assert!(!decision.answer.is_empty());
                }
            }
        }
    }
    assert!(refused > 500 && served > 100, "{refused} {served}");
}

/// The contents with another build's name.
fn of_another_build(bytes: &[u8], engine: &str) -> Vec<u8> {
    let contents = Contents::read(bytes).unwrap();
    // Nothing that another build wrote is looked at.
    Contents { engine, build: "1", programs: b"something else", ..contents }.encode().unwrap()
}

#[test]
fn a_bundle_of_another_build_is_compiled_and_says_so() {
    let bytes = bundle(&policy("a", RICH));
    let (plain, _) = PolicySet::from_bundle("p.bundle", &bytes).unwrap();
    for (engine, told) in [
        ("0.0.1", "Toolgate 0.0.1 made this bundle, and this is "),
        (env!("CARGO_PKG_VERSION"), "another build of Toolgate "),
    ] {
        let (set, warnings) = PolicySet::from_bundle("p.bundle", &of_another_build(&bytes, engine)).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings}");
        assert_eq!(warnings[0].code, Code::OtherPrograms);
        assert!(warnings[0].message.starts_with(told), "{}", warnings[0].message);
        assert_eq!(set.digest(), plain.digest());
        assert_eq!(format!("{:?}", compiled(&set).policies), format!("{:?}", compiled(&plain).policies));
    }
}

#[test]
fn programs_of_this_build_that_are_none_are_refused() {
    let bytes = bundle(&policy("a", RICH));
    let contents = Contents::read(&bytes).unwrap();
    let refused = |contents: Contents<'_>| refusal(&contents.encode().unwrap()).unwrap();
    let cut = &contents.programs[..contents.programs.len() - 1];
    for programs in [&b""[..], b"\x00\x00", cut, &[contents.programs, b"\x00"].concat()] {
        let wrong = refused(Contents { programs, ..contents.clone() });
        assert!(matches!(wrong.code, Code::BadBundle | Code::NoPolicies), "{wrong}");
    }
    assert_eq!(refused(Contents { sources: Vec::new(), ..contents.clone() }).code, Code::BadBundle);
}

/// What the mapping's expressions checked to is what runs, unless the settings that count have another expression.
#[test]
fn headers_are_those_that_were_checked() {
    let text = policy(
        "a",
        r#"variables.tool.exists(t, t == "from the bundle") ? http.Denied("no").Response() : null"#,
    );
    let settings = |tool: &str| {
        let text = format!(
            "apiVersion: toolgate.dev/v1\nkind: Configuration\nheaders:\n  X-Tool-Name: \"{tool}\"\n"
        );
        Settings::load_text("toolgate.yaml", &text, std::iter::empty()).unwrap().0
    };
    let bytes = bundle(&text);
    let contents = Contents::read(&bytes).unwrap();
    let other = check_headers(&settings("'from the bundle'").headers);
    let (_, program) = other.iter().find(|(text, _)| text.contains("from the bundle")).unwrap();
    let decide = |headers: Vec<(&str, &[u8])>, settings: Settings| {
        let bytes = Contents { headers, ..contents.clone() }.encode().unwrap();
        let (set, _) = PolicySet::from_bundle("p.bundle", &bytes).unwrap();
        let event = include_bytes!("../testdata/events/delete-pod-in-production.json");
        let engine = Engine::new(set, settings)?;
        let mut scratch = Scratch::default();
        Ok::<bool, toolgate::Diagnostics>(
            engine.decide(&mut scratch, event, &Context::at(1_764_000_000)).is_allowed(),
        )
    };
    let mine = settings("call.tool + 'mine'");
    for (headers, settings, allowed) in [
        (vec![], mine.clone(), true),
        (vec![("call.tool + 'mine'", program.as_slice())], mine.clone(), false),
        (vec![("call.tool + 'mine'", program.as_slice())], settings("call.tool"), true),
    ] {
        assert_eq!(decide(headers, settings).unwrap(), allowed);
    }
    for wrong in [&b""[..], &program[..program.len() - 1], &[program, &b"\0"[..]].concat()] {
        let wrong = decide(vec![("call.tool + 'mine'", wrong)], mine.clone()).unwrap_err();
        assert_eq!(wrong[0].code, Code::BadBundle, "{wrong}");
    }
}

#[test]
fn a_bundle_beside_other_paths_is_its_texts() {
    let folder = Folder::new("beside");
    let one = folder.write("one.bundle", bundle(&policy("a", RICH)));
    let two = folder.write("more/b.yaml", policy("b", RICH));
    let (set, warnings) = PolicySet::from_files([&one, &two]).unwrap();
    assert_eq!(set.names().collect::<Vec<_>>(), ["a", "b"]);
    assert!(warnings.is_empty(), "{warnings}");
    // Twice the same file is once; the same policy in two files is a mistake.
    assert_eq!(PolicySet::from_files([&one, &one]).unwrap().0.len(), 1);
    let again = folder.write("more/a.yaml", policy("a", RICH));
    let wrong = PolicySet::from_files([&one, &again]).unwrap_err();
    assert_eq!(wrong[0].code, Code::DuplicatePolicy, "{wrong}");
    // In a folder a bundle is one of the files that are left out, with a note.
    let (_, notes) = PolicySet::lenient([&folder.0.join("more"), &folder.0]);
    assert!(notes.into_iter().any(|note| note.code == Code::OtherFile));
}

#[test]
fn a_bundle_that_cannot_be_read_is_told_with_its_name() {
    let folder = Folder::new("unreadable");
    let missing = folder.0.join("missing.bundle");
    assert_eq!(PolicySet::from_files([&missing]).unwrap_err()[0].code, Code::NoSuchPath);
    let wrong = folder.write("wrong.bundle", "apiVersion: policies.kyverno.io/v1");
    let wrong = PolicySet::from_files([&wrong]).unwrap_err();
    assert_eq!(wrong[0].code, Code::BadBundle);
    assert!(wrong[0].file_name().unwrap().ends_with("wrong.bundle"), "{wrong}");
    let mut older = bundle(&policy("a", "null"));
    older[8] = 2;
    let older = refusal(&older).unwrap();
    assert_eq!(
        older.message,
        "this bundle cannot be read: its format is 2, and this version of Toolgate reads formats from 3 on"
    );
}

/// A later version may write anything behind the texts, and this one compiles them.
#[test]
fn a_bundle_of_a_later_format_is_its_texts() {
    let text = policy("a", RICH);
    let bytes = bundle(&text);
    let (plain, _) = PolicySet::from_bundle("p.bundle", &bytes).unwrap();
    let contents = Contents::read(&bytes).unwrap();
    let texts = Contents { engine: "9.1.0", sources: contents.sources.clone(), ..Contents::default() };
    let texts = texts.encode().unwrap();
    // Of what stands behind the texts nothing is empty but in this one.
    for behind in [&b""[..], b"\0\0", b"what a later version writes"] {
        let end = texts.len() - 6;
        let mut later = [&texts[..end], behind].concat();
        later[8] = 4;
        let later = forged(later);
        let read = Contents::read(&later).unwrap();
        assert_eq!((read.engine, &read.sources), ("9.1.0", &contents.sources));
        let (set, warnings) = PolicySet::from_bundle("p.bundle", &later).unwrap();
        assert_eq!(warnings[0].code, Code::OtherPrograms);
        assert!(
            warnings[0].message.starts_with("Toolgate 9.1.0 made this bundle, and this is "),
            "{warnings}"
        );
        assert_eq!(format!("{:?}", compiled(&set).policies), format!("{:?}", compiled(&plain).policies));
        let mut damaged = later.clone();
        damaged[60] ^= 1;
        assert_eq!(refusal(&damaged).map(|wrong| wrong.code), Some(Code::BadBundle));
    }
}

#[test]
fn what_is_asked_outside_is_told_at_its_place_in_the_text() {
    let text = policy("a", "http.Get(\"https://example.com\").size() == 0 ? null : null");
    let ungranted = |set: PolicySet| Engine::new(set, Settings::default()).unwrap_err();
    let plain = ungranted(PolicySet::from_text("p.bundle/policies.yaml", &text).unwrap().0);
    let bundled = ungranted(PolicySet::from_bundle("p.bundle", &bundle(&text)).unwrap().0);
    assert_eq!(plain.to_string(), bundled.to_string());
    assert_eq!(bundled[0].position().map(|place| place.line), Some(14), "{bundled}");
}

/// The notes of a load, without the name of what was loaded.
fn notes(path: &Path) -> Vec<(Code, String, String)> {
    let (_, warnings) = PolicySet::from_files([path]).unwrap();
    let root = format!("{}/", path.display());
    let told = warnings.into_iter().filter(|told| told.severity == Severity::Note).map(|note| {
        let file = note.file_name().unwrap();
        (note.code, file.strip_prefix(&root).unwrap_or("").to_owned(), note.message.clone())
    });
    told.collect()
}

#[test]
fn a_bundle_names_what_was_left_out_as_its_files_do() {
    let folder = Folder::new("left-out");
    folder.write("p/a.yaml", policy("a", RICH) + "---\napiVersion: cli.kyverno.io/v1alpha1\nkind: Test\n");
    folder.write("p/.b.yaml", policy("b", "null"));
    folder.write("p/deep/notes.txt", "");
    folder.write("p/empty.yaml", "# nothing\n");
    folder.write("p/case.yaml", "apiVersion: toolgate.dev/v1\nkind: Fixture\n");
    let files = folder.0.join("p");
    let bytes = bundle_of(&files);
    let bundle = folder.write("p.bundle", &bytes);
    let due = notes(&files);
    let codes: Vec<Code> = due.iter().map(|(code, ..)| *code).collect();
    let [hidden, other, empty, end] =
        [Code::HiddenPath, Code::OtherDocument, Code::EmptyFile, Code::OtherFile];
    assert_eq!(codes, [hidden, other, other, end, empty]);
    assert_eq!(notes(&bundle), due);
    // Where its texts are compiled, what reading them tells is not told twice.
    let foreign = folder.write("o.bundle", of_another_build(&bytes, "0.0.1"));
    assert_eq!(notes(&foreign), due);
    // And a bundle that is made of a bundle says it again.
    assert_eq!(bundle_of(&bundle), bytes);
}

#[test]
fn what_a_bundle_names_is_bounded() {
    let folder = Folder::new("left-out-bound");
    folder.write("p/a.yaml", policy("a", "null"));
    for index in 0..1_003 {
        folder.write(&format!("p/n{index:04}.txt"), "");
    }
    let bytes = bundle_of(&folder.0.join("p"));
    let told = notes(&folder.write("p.bundle", &bytes));
    assert_eq!(told.len(), 1_001);
    assert_eq!(told[0].2, "3 more files or documents were left out of it");
    let contents = Contents::read(&bytes).unwrap();
    let mut left_out = contents.left_out.clone();
    left_out.named.extend_from_within(..1);
    let refused = refusal(&Contents { left_out, ..contents }.encode().unwrap()).unwrap();
    assert!(refused.message.ends_with("left out, the limit (fixed)"), "{refused}");
}

#[test]
fn the_settings_in_a_bundle_are_not_told_as_left_out() {
    let folder = Folder::new("left-out-settings");
    folder.write("p/a.yaml", policy("a", "null"));
    let text = "apiVersion: toolgate.dev/v1\nkind: Configuration\n";
    let file = folder.write("p/toolgate.yaml", text);
    let settings = Source::new(file.display().to_string(), text).unwrap();
    let files = folder.0.join("p");
    let beside = Beside { settings: Some(&settings), ..beside(&Settings::default()) };
    let (bytes, _) = make(load_sources(std::slice::from_ref(&files), None), &files, &beside).unwrap();
    assert_eq!(notes(&folder.write("p.bundle", bytes)), []);
}
