//! Makes a bundle of what was loaded.

use std::path::Path;
use std::sync::Arc;

use super::bundle::{CheckedHeaders, Contents, LeftOut, Model, way};
use crate::cel::Writer;
use crate::cel::program::Arena;
use crate::diag::{Code, Diagnostic, Diagnostics, Severity, Warnings};
use crate::policy::compile::{Origin, compile};
use crate::policy::lint::Deployed;
use crate::policy::load::Loaded;
use crate::policy::set;
use crate::source::Source;

/// What a bundle holds beside policies.
#[derive(Debug, Default)]
pub struct Beside<'s> {
    /// The file of the settings.
    pub settings: Option<&'s Source>,
    /// The expressions of the headers that those settings, or the defaults, map.
    pub headers: CheckedHeaders,
    /// What was left out, where a bundle says it; else it is what the notes of the load name.
    pub left_out: Option<LeftOut<'s>>,
}

/// The bundle of `loaded`, whose files are told by their ways from `root`, and of what stands beside it. The same
/// documents make the same bytes.
///
/// # Errors
/// Everything that is wrong with the documents: there is no bundle of half a set.
pub fn make(
    loaded: Loaded,
    root: &Path,
    Beside { settings, headers, left_out }: &Beside<'_>,
) -> Result<(Vec<u8>, Warnings), Diagnostics> {
    let Loaded { policies, exceptions, mut diagnostics, sources, .. } = loaded;
    let left_out = left_out.clone().unwrap_or_else(|| LeftOut::of(&diagnostics, root, *settings));
    let mut writer = Writer::default();
    let origin = Origin::Recorded(&mut writer);
    let (_, mistakes) = compile(&policies, &exceptions, &Arena::new(), origin, &Deployed::default());
    diagnostics.extend(mistakes);
    // Compiled for nothing if a document is not well, so that all mistakes are told together.
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Err(Diagnostics::from(diagnostics));
    }
    let digest = set::digest(&policies, &exceptions);
    let in_use = |source: &Arc<Source>| {
        let mut users = policies.iter().map(|it| &it.source).chain(exceptions.iter().map(|it| &it.source));
        users.any(|user| Arc::ptr_eq(user, source))
    };
    let sources: Vec<Arc<Source>> = sources.into_iter().filter(in_use).collect();
    let number = |source: &Arc<Source>| {
        let at = sources.iter().position(|other| Arc::ptr_eq(other, source));
        at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    };
    let model = Model {
        policies: policies.iter().map(|policy| (number(&policy.source), policy.clone())).collect(),
        exceptions: exceptions.iter().map(|it| (number(&it.source), it.clone())).collect(),
    };
    let names: Vec<String> = sources.iter().map(|source| way(root, source.name())).collect();
    let encoded = || -> Result<Vec<u8>, String> {
        let mut programs = postcard::to_allocvec(&model).map_err(|error| error.to_string())?;
        programs.extend(writer.finish().map_err(|error| error.to_string())?);
        let texts = names.iter().zip(&sources).map(|(name, source)| (name.as_str(), source.text()));
        let settings = settings.map(|source| (way(root, source.name()), source.text()));
        if let Some((name, _)) = settings.as_ref().filter(|(name, _)| names.contains(name)) {
            return Err(format!("the settings and policies would both be called `{name}` in it"));
        }
        let contents = Contents {
            digest: &digest,
            sources: texts.collect(),
            settings: settings.as_ref().map(|(name, text)| (name.as_str(), *text)),
            programs: &programs,
            headers: headers.iter().map(|(text, checked)| (text.as_str(), checked.as_slice())).collect(),
            left_out: left_out.clone(),
            ..Contents::default()
        };
        contents.by_this_build().encode().map_err(|error| error.to_string())
    };
    match encoded() {
        Ok(bytes) => Diagnostics::from(diagnostics).into_warnings().map(|warnings| (bytes, warnings)),
        Err(why) => {
            let file = Source::without_text(root.display().to_string());
            let message = format!("this cannot be bundled: {why}");
            diagnostics.push(Diagnostic::error(Code::BadBundle, message).file(&file));
            Err(Diagnostics::from(diagnostics))
        }
    }
}
