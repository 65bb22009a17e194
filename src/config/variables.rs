//! The environment variables `TOOLGATE_*`: each overrides a setting of the file.
//!
//! A pure function of names and values: whose environment they are is the caller's business.

use std::collections::BTreeMap;

use super::fits;
use super::table::{Kind, PROCESS_VARIABLES, SETTINGS, Setting, Value};
use super::{EnvironmentSource, Settings};
use crate::diag::{Code, Diagnostic};
use crate::gateway::environment::Environment;

/// What the names of all variables begin with.
pub(super) const PREFIX: &str = "TOOLGATE_";

/// Applies the variables to `config`. An empty value is an error: a deployment that
/// sets a variable means to say something, and what is lost on the way must not turn into the default.
///
/// # Errors
/// Everything that is wrong is pushed to `out`.
pub(super) fn apply(config: &mut Settings, variables: &BTreeMap<String, String>, out: &mut Vec<Diagnostic>) {
    let mut environment: Option<&str> = None;
    for (name, value) in variables {
        if !name.starts_with(PREFIX) {
            out.push(in_another_case(name));
            continue;
        }
        let setting = SETTINGS.iter().find(|setting| setting.variable == name);
        if setting.is_none() && !PROCESS_VARIABLES.iter().any(|(known, _)| known == name) {
            out.push(unknown(name));
            continue;
        }
        if value.trim().is_empty() {
            let message = format!("`{name}` is empty");
            let help = "give it a value, or unset it to have the file's or the default";
            out.push(Diagnostic::error(Code::BadVariable, message).help(help));
            continue;
        }
        let Some(setting) = setting else { continue };
        if matches!(setting.kind, Kind::Environment | Kind::Targets) {
            if let Some(other) = environment {
                let message = format!("`{other}` and `{name}` cannot both be set");
                out.push(Diagnostic::error(Code::ConfigConflict, message));
                continue;
            }
            environment = Some(setting.variable);
        }
        match parse(setting, value) {
            Ok(value) => {
                // What the file has of the other way to name an environment is overridden too.
                if matches!(setting.kind, Kind::Environment | Kind::Targets) {
                    config.environment = EnvironmentSource::Argument;
                }
                setting.kind.set(config, value);
            }
            Err(wrong) => out.push(*wrong),
        }
    }
}

/// The variables of the environment that are ours, or would be but for their capitals, by name.
pub(super) fn ours(environment: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let is_ours =
        |name: &str| name.get(..PREFIX.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(PREFIX));
    environment.filter(|(name, _)| is_ours(name)).collect()
}

/// What is said of a variable that is not ours, because names of variables have their capitals. It may be somebody else's, so
/// it is no error.
fn in_another_case(name: &str) -> Diagnostic {
    let message = format!("the variable `{name}` is not in force: its name must be in capitals");
    Diagnostic::warning(Code::UnknownVariable, message).help(format!("write `{}`", name.to_ascii_uppercase()))
}

fn unknown(name: &str) -> Diagnostic {
    let names = SETTINGS
        .iter()
        .map(|setting| setting.variable)
        .chain(PROCESS_VARIABLES.iter().map(|(name, _)| *name))
        .filter_map(|name| name.strip_prefix(PREFIX));
    let rest = name.strip_prefix(PREFIX).unwrap_or(name);
    let diagnostic =
        Diagnostic::error(Code::UnknownVariable, format!("there is no setting for the variable `{name}`"));
    match crate::diag::did_you_mean(rest, names) {
        Some(near) => diagnostic.help(format!("did you mean `{PREFIX}{near}`?")),
        None => diagnostic.help(format!("variables that begin with `{PREFIX}` are settings of Toolgate")),
    }
}

fn parse(setting: &Setting, value: &str) -> Result<Value, Box<Diagnostic>> {
    let name = setting.variable;
    let wrong =
        |message: String| Box::new(Diagnostic::error(Code::BadVariable, format!("`{name}` {message}")));
    let unfit = |text: &str, found: String| match text {
        "" => wrong("has an empty entry".to_owned()),
        _ => wrong(format!("is not valid: {} {found}", setting.quoted(text))),
    };
    let fit = |text: &str, found: Option<String>| match found {
        Some(found) => Err(unfit(text, found)),
        None => Ok(text.to_owned()),
    };
    let environment = |text: &str| {
        fit(text, fits::environment(text))?;
        Environment::new(text).map_err(|error| unfit(text, error.to_string()))
    };
    let kind = &setting.kind;
    // Bytes of the environment that are no text arrive as this character.
    if value.contains('\u{fffd}') {
        return Err(wrong("is not UTF-8 text".to_owned()));
    }
    if let Kind::Key = kind {
        return match fits::key(value) {
            Some(short) => Err(wrong(short)),
            None => Ok(Value::Text(value.to_owned())),
        };
    }
    let value = value.trim();
    match kind {
        Kind::Flag(_) => match value {
            "true" => Ok(Value::Flag(true)),
            "false" => Ok(Value::Flag(false)),
            _ => Err(wrong(format!("must be `true` or `false`, not `{value}`"))),
        },
        Kind::Choice(words, ..) => {
            words.iter().find(|word| **word == value).map(|word| Value::Word(word)).ok_or_else(|| {
                let list = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                let wrong = wrong(format!("must be one of {list}, not `{value}`"));
                Box::new(wrong.suggest(value, words.iter().copied()))
            })
        }
        Kind::Whole(least, most, ..) => match value.parse::<i64>() {
            Ok(number) if (*least..=*most).contains(&number) => Ok(Value::Whole(number)),
            _ => Err(wrong(format!("must be a whole number from {least} to {most}, not `{value}`"))),
        },
        Kind::Environment => Ok(Value::Environment(environment(value)?)),
        Kind::Text(..) | Kind::Optional(..) => {
            Ok(Value::Text(fit(value, kind.wrong(value).or_else(|| empty(value)))?))
        }
        Kind::Texts(..) | Kind::Globs(..) => {
            let text = |text: &str| fit(text, kind.wrong(text).or_else(|| empty(text)));
            let texts: Vec<String> = entries(value).into_iter().map(text).collect::<Result<_, _>>()?;
            match kind.wrong_list(texts.iter().map(String::as_str)) {
                Some(found) => Err(wrong(found)),
                None => Ok(Value::Texts(texts)),
            }
        }
        Kind::Targets | Kind::Key => {
            let target = |entry: &str| -> Result<_, Box<Diagnostic>> {
                let (target, name) = entry
                    .rsplit_once('=')
                    .ok_or_else(|| wrong(format!("must be entries `target=environment`, not `{entry}`")))?;
                let (target, name) = (target.trim(), name.trim());
                let target = fit(target, fits::glob(target).or_else(|| empty(target)))?;
                Ok((target, environment(name)?))
            };
            let rows: Vec<_> = entries(value).into_iter().map(target).collect::<Result<_, _>>()?;
            match kind.wrong_list(rows.iter().map(|(target, _)| target.as_str())) {
                Some(found) => Err(wrong(found)),
                None => Ok(Value::Targets(rows)),
            }
        }
    }
}

fn empty(text: &str) -> Option<String> {
    text.is_empty().then(|| "must not be empty".to_owned())
}

/// The entries of a list, between commas; a comma within the braces of a glob, `{a,b}`, separates none.
fn entries(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let separates = |c: char| {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    text.split(separates).map(str::trim).collect()
}
