//! `toolgate inspect`: what is in a bundle.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};
use toolgate::internal::config::{Effective, check_headers};
use toolgate::internal::policy::build::{Beside, make};
use toolgate::internal::policy::bundle::{Contents, MAX_BUNDLE_BYTES};
use toolgate::internal::policy::load::{Loaded, load_sources};
use toolgate::internal::policy::set::{compiled, named};
use toolgate::internal::source::{Source, read_file, within};
use toolgate::internal::visible::printable;
use toolgate::{Diagnostic, PolicySet, Settings};

use crate::args::{Format, Inspect};
use crate::report::{BOLD, GREEN, RED, Report, Status, YELLOW};

/// What is told of a bundle.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    file: String,
    bytes: usize,
    digest: String,
    engine: String,
    build: String,
    this_build: bool,
    /// What records call the set; none if it does not load.
    set: Option<String>,
    programs: Programs,
    program_bytes: usize,
    settings: Option<ToldSettings>,
    sources: Vec<Text>,
    policies: Vec<Policy>,
    exceptions: Vec<Exception>,
    asks: Vec<Ask>,
    /// What is not in it of what was built.
    left_out: Vec<LeftOut>,
    /// How many more files or documents that were left out are not named.
    more_left_out: u64,
}

/// Whether the programs are those of the texts.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Programs {
    /// This build makes the same bytes of the texts.
    OfTheTexts,
    /// It does not.
    Other,
    /// Another build made them, and the texts count.
    NotUsed,
    /// The texts, or the settings, are not well.
    NoTexts,
}

#[derive(Serialize)]
struct ToldSettings {
    name: String,
    digest: String,
    /// As `toolgate config` prints them; the environment does not count. None if something in the bundle does not load.
    effective: Option<Effective>,
}

#[derive(Serialize)]
struct Text {
    name: String,
    bytes: usize,
    digest: String,
}

#[derive(Serialize)]
struct Policy {
    name: String,
    mode: &'static str,
    file: String,
}

#[derive(Serialize)]
struct Exception {
    name: String,
    file: String,
    policies: Vec<String>,
}

/// A file of which something, or all, is not in the bundle.
#[derive(Serialize)]
struct LeftOut {
    file: String,
    why: String,
}

/// What policies ask outside of a call.
#[derive(Serialize)]
struct Ask {
    capability: &'static str,
    function: String,
    subject: Option<String>,
    policy: Option<String>,
    file: Option<String>,
    line: Option<usize>,
}

/// Tells what is in the bundle, or prints one of its texts.
pub(crate) fn run(arguments: &Inspect) -> Report {
    let mut report = Report::default();
    let name = arguments.file.display().to_string();
    let bytes = match read_file(&arguments.file, MAX_BUNDLE_BYTES)
        .and_then(|bytes| within(bytes, MAX_BUNDLE_BYTES))
    {
        Ok(bytes) => bytes,
        Err(error) => {
            report.error(&format!("the bundle `{name}` cannot be read: {error}"));
            return report;
        }
    };
    let contents = match Contents::read(&bytes) {
        Ok(contents) => contents,
        Err(wrong) => return refused(report, &[wrong.told(&name)]),
    };
    if let Some(wanted) = &arguments.source {
        return text(report, &contents, wanted);
    }
    let (told, wrong) = tell(&name, &arguments.file, &bytes, &contents);
    match arguments.output {
        Format::Json => report.json(&told),
        Format::Text => report.text(shown(&told)),
    }
    match told.programs {
        Programs::Other => report.raise(Status::Failed),
        Programs::NoTexts => return refused(report, &wrong),
        Programs::OfTheTexts | Programs::NotUsed => {}
    }
    report
}

fn refused(mut report: Report, wrong: &[Diagnostic]) -> Report {
    report.refuse(wrong);
    report.raise(Status::BadPolicies);
    report
}

/// One of the texts, byte for byte.
fn text(mut report: Report, contents: &Contents<'_>, wanted: &str) -> Report {
    let mut files = contents.sources.iter().chain(&contents.settings);
    match files.find(|(name, _)| *name == wanted) {
        Some((_, text)) => report.bytes(text.as_bytes().to_vec()),
        None => report.error(&format!("there is no file `{wanted}` in the bundle")),
    }
    report
}

/// All that can be told, and what is wrong with the texts.
fn tell(name: &str, path: &Path, bytes: &[u8], contents: &Contents<'_>) -> (Told, Vec<Diagnostic>) {
    let loaded = load_sources(&[path.to_path_buf()], None);
    let file =
        |source: &Source| source.name().strip_prefix(&format!("{name}/")).unwrap_or_default().to_owned();
    let policies = loaded.policies.iter().map(|policy| Policy {
        name: policy.name.value.clone(),
        mode: policy.mode.as_str(),
        file: file(&policy.source),
    });
    let exceptions = loaded.exceptions.iter().map(|exception| Exception {
        name: exception.name.value.clone(),
        file: file(&exception.source),
        policies: exception.policies.iter().map(|of| of.name.clone()).collect(),
    });
    let (policies, exceptions) = (policies.collect(), exceptions.collect());
    let (settings, again) = match again(name, path, contents, loaded) {
        Ok((settings, again, set)) => (settings, Ok((again, set))),
        Err(wrong) => (None, Err(wrong)),
    };
    let asks = again.iter().flat_map(|(_, set)| &compiled(set).asks).map(|(ask, place)| Ask {
        capability: ask.capability.name(),
        function: ask.function.clone(),
        subject: ask.subject.clone(),
        policy: place.policy.clone(),
        file: place.source.as_deref().map(file),
        line: place.position().map(|position| position.line),
    });
    let settings = contents.settings.map(|(name, text)| ToldSettings {
        name: name.to_owned(),
        digest: digest(text.as_bytes()),
        effective: settings.as_ref().map(Settings::effective),
    });
    let text = |(name, text): &(&str, &str)| Text {
        name: (*name).to_owned(),
        bytes: text.len(),
        digest: digest(text.as_bytes()),
    };
    let left_out = contents.left_out.named.iter().map(|omission| LeftOut {
        file: omission.file.clone().into_owned(),
        why: omission.why.clone().into_owned(),
    });
    let told = Told {
        file: name.to_owned(),
        bytes: bytes.len(),
        digest: digest(bytes),
        engine: contents.engine.to_owned(),
        build: contents.build.to_owned(),
        this_build: contents.is_of_this_build(),
        set: again.as_ref().ok().map(|(_, set)| set.digest().to_owned()),
        programs: match &again {
            Err(_) => Programs::NoTexts,
            Ok(_) if !contents.is_of_this_build() => Programs::NotUsed,
            Ok((again, _)) if again == bytes => Programs::OfTheTexts,
            Ok(_) => Programs::Other,
        },
        program_bytes: contents.programs.len(),
        settings,
        sources: contents.sources.iter().map(text).collect(),
        policies,
        exceptions,
        asks: asks.collect(),
        left_out: left_out.collect(),
        more_left_out: contents.left_out.more,
    };
    (told, again.err().unwrap_or_default())
}

/// The settings in a bundle, and the bundle that this build makes of its texts.
fn again(
    name: &str,
    path: &Path,
    contents: &Contents<'_>,
    loaded: Loaded,
) -> Result<(Option<Settings>, Vec<u8>, PolicySet), Vec<Diagnostic>> {
    let settings = contents.settings.map(|(file, text)| (format!("{name}/{file}"), text));
    let source = settings.as_ref().and_then(|(file, text)| Source::new(file.as_str(), *text).ok());
    let settings = settings.map(|(file, text)| Settings::load_text(&file, text, std::iter::empty()));
    let settings = settings.transpose().map_err(|wrong| wrong.to_vec())?.map(|(settings, _)| settings);
    let headers = match &settings {
        Some(settings) => check_headers(&settings.headers),
        None => check_headers(&Settings::default().headers),
    };
    // No text says what was left out.
    let left_out = Some(contents.left_out.clone());
    let beside = Beside { settings: source.as_deref(), headers, left_out };
    let (again, _) = make(loaded, path, &beside).map_err(|wrong| wrong.to_vec())?;
    let (set, _) = PolicySet::from_bundle(name, &again).map_err(|wrong| wrong.to_vec())?;
    Ok((settings, again, set))
}

fn digest(bytes: &[u8]) -> String {
    named(&Sha256::digest(bytes))
}

/// The form for people.
fn shown(told: &Told) -> String {
    let build = if told.this_build { "this build" } else { "another build than this" };
    let programs = match told.programs {
        Programs::OfTheTexts => format!("{GREEN}those of the texts{GREEN:#}"),
        Programs::Other => {
            format!("{RED}not those of the texts{RED:#}: something else than `toolgate build` made this")
        }
        Programs::NotUsed => {
            format!("{YELLOW}not used{YELLOW:#}: another build made them, so the texts are compiled")
        }
        Programs::NoTexts => format!("{RED}not compared{RED:#}: the texts do not load"),
    };
    let set = told.set.as_deref().unwrap_or("none, it does not load");
    let settings = told
        .settings
        .as_ref()
        .map_or("none".to_owned(), |settings| format!("{}, {}", printable(&settings.name), settings.digest));
    let mut text = format!(
        "{BOLD}{}{BOLD:#}: {} bytes, {}\n  made by    Toolgate {}, {build}\n  set        {set}\n  programs   {} bytes, {programs}\n  \
         settings   {settings}\n",
        printable(&told.file),
        told.bytes,
        told.digest,
        printable(&told.engine),
        told.program_bytes,
    );
    text.push_str("policies\n");
    for Policy { name, mode, file } in &told.policies {
        text.push_str(&format!("  {} ({mode}), {}\n", printable(name), printable(file)));
    }
    if !told.exceptions.is_empty() {
        text.push_str("exceptions\n");
    }
    for Exception { name, file, policies } in &told.exceptions {
        let policies: Vec<String> = policies.iter().map(|name| printable(name)).collect();
        text.push_str(&format!("  {} from {}, {}\n", printable(name), policies.join(", "), printable(file)));
    }
    if !told.asks.is_empty() {
        text.push_str("asked outside of a call\n");
    }
    for Ask { capability, function, subject, policy, file, line } in &told.asks {
        let subject =
            subject.as_ref().map(|subject| format!(" `{}`", printable(subject))).unwrap_or_default();
        let policy = policy.as_deref().map(printable).unwrap_or_default();
        let file = file.as_deref().map(printable).unwrap_or_default();
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        text.push_str(&format!("  {capability}{subject} by `{function}` of {policy}, {file}{line}\n"));
    }
    text.push_str("texts\n");
    for Text { name, bytes, digest } in &told.sources {
        text.push_str(&format!("  {}, {bytes} bytes, {digest}\n", printable(name)));
    }
    if !told.left_out.is_empty() {
        text.push_str("left out\n");
    }
    for LeftOut { file, why } in &told.left_out {
        text.push_str(&format!("  {}: {}\n", printable(file), printable(why)));
    }
    if told.more_left_out > 0 {
        text.push_str(&format!("  and {} more\n", told.more_left_out));
    }
    text
}
