//! Opens what policies ask outside of a call, and says of a file that cannot be opened where the settings name it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::sync::Arc;

use super::Settings;
use super::table::{SETTINGS, Setting};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::library::capability::Ask;
use crate::outside::{Capabilities, FILE_SETTINGS, unopened as unread};
use crate::source::{Source, Span};

/// Where settings were read, for what is found out only when more than they is known.
#[derive(Clone, Default)]
pub(crate) struct Origin {
    /// The file.
    file: Option<String>,
    /// Where those stand that name files.
    named: Vec<(String, Stands)>,
}

#[derive(Clone)]
enum Stands {
    In(Arc<Source>, Span),
    Variable(&'static str),
}

impl fmt::Debug for Origin {
    /// Nothing: the same settings may be read anywhere, and there may be a key in the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}

impl Origin {
    /// The file, what `places` finds in it, which is `source` as far as it may be quoted, and what comes of `variables`.
    pub(super) fn new<'p>(
        file: Option<&Source>,
        places: impl Iterator<Item = (&'p str, Span)>,
        source: impl FnOnce() -> Option<Arc<Source>>,
        variables: &BTreeMap<String, String>,
    ) -> Origin {
        let mut found = Vec::new();
        let of = |path: &str| path.split('[').next().and_then(|name| file_setting(name));
        let in_file: Vec<(&str, Span)> = places.filter(|(path, _)| of(path).is_some()).collect();
        if !in_file.is_empty()
            && let Some(source) = source()
        {
            let stands =
                |(path, span): (&str, Span)| (path.to_owned(), Stands::In(Arc::clone(&source), span));
            found.extend(in_file.into_iter().map(stands));
        }
        for setting in FILE_SETTINGS.iter().filter_map(|name| file_setting(name)) {
            if variables.contains_key(setting.variable) {
                // A variable's value stands for the whole of the file's.
                found.retain(|(path, _)| path.split('[').next() != Some(setting.path));
                found.push((setting.path.to_owned(), Stands::Variable(setting.variable)));
            }
        }
        Origin { file: file.map(|file| file.name().to_owned()), named: found }
    }

    /// The diagnostic where the setting stands that it is about.
    fn placed(&self, diagnostic: Diagnostic) -> Diagnostic {
        let Some(path) = diagnostic.path.clone() else { return diagnostic };
        let setting = path.split('[').next().unwrap_or_default();
        let found =
            |wanted: &str| self.named.iter().find(|(path, _)| path == wanted).map(|(_, stands)| stands);
        match found(&path).or_else(|| found(setting)) {
            Some(Stands::In(source, span)) => diagnostic.at(source, *span),
            Some(Stands::Variable(name)) => diagnostic.help(format!("the variable `{name}` sets it")),
            None => diagnostic,
        }
    }
}

/// Takes out of `told` that the file of these settings is no policy: it is not left out, it is in force.
pub fn in_force(settings: &Settings, told: &mut Vec<Diagnostic>) {
    let Some(file) = &settings.origin.file else { return };
    let real = |name: &str| fs::canonicalize(name).ok();
    told.retain(|note| {
        let is_it = |name: &str| name == file || real(name).is_some_and(|name| Some(name) == real(file));
        note.code != Code::OtherDocument || !note.file_name().is_some_and(is_it)
    });
}

fn file_setting(name: &str) -> Option<&'static Setting> {
    let of_file = FILE_SETTINGS.contains(&name);
    SETTINGS.iter().find(|setting| of_file && setting.path == name)
}

/// Opens what is `asked` and the settings grant.
///
/// # Errors
/// What cannot be opened, where the settings name it.
pub fn open(asked: &[(Ask, Diagnostic)], settings: &Settings) -> Result<Capabilities, Diagnostics> {
    let Settings { capabilities, origin, .. } = settings;
    Capabilities::open(asked, capabilities).map_err(|wrong| {
        Diagnostics::from(wrong.into_iter().map(|wrong| origin.placed(wrong)).collect::<Vec<_>>())
    })
}

/// What cannot be read of the files that [`open`] would read for what is `asked`, and notes of what would be left out. Nothing is asked over a network.
pub fn unopened(asked: &[(Ask, Diagnostic)], settings: &Settings) -> Vec<Diagnostic> {
    let wrong = unread(asked, &settings.capabilities);
    wrong.into_iter().map(|wrong| settings.origin.placed(wrong)).collect()
}
