//! What environment a call is for: the deployment's word, or else the caller's, both normalised by one function.
//!
//! Owns the settings of it; the configuration only reads and prints them.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::{String as BumpString, Vec as BumpVec};

use super::call::Call;
use crate::budget::{Budget, Fault};
use crate::glob::{Case, Globs};
use crate::value::Value;
use crate::value::json::strict::{Kind, Node, UNREAD};
use crate::value::json::structs::folds_to;

/// The arguments that name an environment, in any case.
const ARGUMENTS: [&str; 2] = ["environment", "env"];

/// Where the environment of a call comes from.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::{Environment, EnvironmentSource};
///
/// let mut settings = Settings::default();
/// let production = Environment::new("Production")?;
/// settings.environment = EnvironmentSource::Targets(vec![("*".to_owned(), production)]);
/// # Ok::<(), toolgate::settings::NoEnvironment>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvironmentSource {
    /// The arguments `environment` and `env`: the caller's word.
    #[default]
    Argument,
    /// One environment for all calls.
    Fixed(Environment),
    /// By the tool's target: glob and environment, the first that matches; no match, no environment.
    Targets(Vec<(String, Environment)>),
}

/// The name of an environment that a deployment configures: trimmed, in lower case and not empty, as policies compare
/// it.
///
/// ```
/// let environment = toolgate::settings::Environment::new(" Production ")?;
/// assert_eq!(environment.as_str(), "production");
/// # Ok::<(), toolgate::settings::NoEnvironment>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment(String);

/// Why a text names no environment, in words that follow the text.
///
/// ```
/// use toolgate::settings::{Environment, NoEnvironment};
///
/// assert_eq!(Environment::new(" "), Err(NoEnvironment::Empty));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEnvironment {
    /// Nothing is left of it.
    #[error("must not be empty")]
    Empty,
    /// A header cannot carry it.
    #[error("must be one line")]
    Control,
}

impl Environment {
    /// The environment that `text` names, normalised as a caller's argument is.
    ///
    /// # Errors
    /// Nothing is left of the text, or no header could carry it.
    pub fn new(text: &str) -> Result<Environment, NoEnvironment> {
        let name: String = normal(text).collect();
        if name.is_empty() {
            Err(NoEnvironment::Empty)
        } else if name.chars().any(char::is_control) {
            Err(NoEnvironment::Control)
        } else {
            Ok(Environment(name))
        }
    }

    /// The name as policies see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name as policies see it: without white space at its ends (Unicode's), every character in lower case by itself.
fn normal(text: &str) -> impl Iterator<Item = char> {
    text.trim().chars().flat_map(char::to_lowercase)
}

/// Who says what environment a call is for.
#[derive(Clone, Copy, Debug)]
pub enum EnvironmentOf<'s> {
    /// The caller, in the arguments.
    Caller,
    /// The deployment, which may have none for this call; the caller's word does not count.
    Deployment(Option<&'s str>),
}

/// Compiled [`EnvironmentSource`].
#[derive(Clone, Debug, Default)]
pub enum Environments {
    /// The caller's word.
    #[default]
    Caller,
    /// One environment for all calls.
    Fixed(Environment),
    /// By the tool's target.
    Targets(Vec<(Globs, Environment)>),
}

impl Environments {
    /// Compiles the globs of a table.
    ///
    /// # Errors
    /// A text for each pattern that is none, and one if there are too many.
    pub fn new(source: &EnvironmentSource) -> Result<Environments, Vec<String>> {
        let table = match source {
            EnvironmentSource::Argument => return Ok(Environments::Caller),
            EnvironmentSource::Fixed(environment) => return Ok(Environments::Fixed(environment.clone())),
            EnvironmentSource::Targets(table) => table,
        };
        let patterns = table.iter().map(|(pattern, _)| pattern.trim());
        // A target is one whatever its capitals: a row that is passed over for them would open what it closes.
        match Globs::each(patterns, Case::Ignored) {
            Ok(globs) => {
                let environments = table.iter().map(|(_, environment)| environment.clone());
                Ok(Environments::Targets(globs.into_iter().zip(environments).collect()))
            }
            Err(wrong) => Err(wrong.iter().map(ToString::to_string).collect()),
        }
    }

    /// Who says what the environment of a call of this target is. A tool without a target has the empty one, so that
    /// `*` is for every call.
    pub fn of(&self, target: Option<&str>) -> EnvironmentOf<'_> {
        match self {
            Environments::Caller => EnvironmentOf::Caller,
            Environments::Fixed(environment) => EnvironmentOf::Deployment(Some(environment.as_str())),
            Environments::Targets(rows) => {
                let target = target.unwrap_or_default();
                let row = rows.iter().find(|(globs, _)| globs.is_match(target));
                EnvironmentOf::Deployment(row.map(|(_, environment)| environment.as_str()))
            }
        }
    }
}

/// The environments that a call may be for: the deployment's one, else every one that an argument names, in the order
/// of the body and without repeats. None if there is none.
///
/// An argument that is an empty text, or blank, names the empty environment: a tool may take that for its default, so
/// a list of safe environments must not hold it, and beside another argument it must not vanish.
///
/// # Errors
/// The budget is spent.
pub fn environments<'a>(
    call: &Call<'a>,
    settings: EnvironmentOf<'a>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<&'a [Value<'a>]>, Fault> {
    if let EnvironmentOf::Deployment(configured) = settings {
        return Ok(configured.map(|name| &*arena.alloc_slice_copy(&[Value::String(name)])));
    }
    let members = call.arguments.map(Node::members).unwrap_or_default();
    budget.charge(u64::try_from(members.len()).unwrap_or(u64::MAX))?;
    let mut names: BumpVec<'a, (&'a str, usize)> = BumpVec::new_in(arena);
    for member in members {
        if !ARGUMENTS.iter().any(|known| folds_to(known, member.name)) {
            continue;
        }
        match member.value.kind {
            Kind::String(text) => add(&mut names, text, arena, budget)?,
            Kind::Number | Kind::Bool(_) => add(&mut names, member.value.raw, arena, budget)?,
            Kind::List(items) => {
                budget.charge(u64::try_from(items.len()).unwrap_or(u64::MAX))?;
                for text in items.iter().filter_map(Node::as_str) {
                    add(&mut names, text, arena, budget)?;
                }
            }
            Kind::Null | Kind::Object(_) => {}
            Kind::Unread => return Err(UNREAD),
        }
    }
    // Of equal names the first stays: sorted by name, then by place, then back.
    names.sort_unstable();
    names.dedup_by_key(|(name, _)| *name);
    names.sort_unstable_by_key(|(_, place)| *place);
    let mut values = BumpVec::with_capacity_in(names.len(), arena);
    values.extend(names.iter().map(|(name, _)| Value::String(name)));
    Ok((!values.is_empty()).then(|| values.into_bump_slice()))
}

fn add<'a>(
    names: &mut BumpVec<'a, (&'a str, usize)>,
    text: &'a str,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<(), Fault> {
    budget.charge(u64::try_from(text.len() >> 4).unwrap_or(u64::MAX).saturating_add(1))?;
    budget.charge_bytes(
        text.len().saturating_add(size_of::<(&str, usize)>()).saturating_add(size_of::<Value<'_>>()),
    )?;
    let trimmed = text.trim();
    let name = if trimmed.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        trimmed
    } else {
        let mut name = BumpString::with_capacity_in(trimmed.len(), arena);
        name.extend(normal(text));
        name.into_bump_str()
    };
    names.push((name, names.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_environment_is_trimmed_and_in_lower_case() {
        for (text, expected) in [
            ("production", Ok("production")),
            ("Production", Ok("production")),
            ("\u{a0} PRODUCTION\u{3000}\u{85}\n", Ok("production")),
            ("ÄRZTE", Ok("ärzte")),
            ("", Err(NoEnvironment::Empty)),
            (" \t\u{2003}", Err(NoEnvironment::Empty)),
            ("a\nb", Err(NoEnvironment::Control)),
        ] {
            let found = Environment::new(text);
            assert_eq!(found.as_ref().map(Environment::as_str), expected.as_ref().copied(), "{text:?}");
        }
    }

    fn row(glob: &str, environment: &str) -> (String, Environment) {
        (glob.to_owned(), Environment::new(environment).unwrap())
    }

    #[test]
    fn the_first_row_that_matches_the_target_in_any_case_is_its_environment() {
        let table = [row("prod-*", "Production"), row(" *-Dev", "development"), row("a", "x")];
        let table = Environments::new(&EnvironmentSource::Targets(table.to_vec())).unwrap();
        for (target, expected) in [
            (Some("prod-orders"), Some("production")),
            (Some("prod-dev"), Some("production")),
            (Some("orders-dev"), Some("development")),
            (Some("PROD-orders"), Some("production")),
            (Some("A"), Some("x")),
            (Some("b"), None),
            (None, None),
        ] {
            let EnvironmentOf::Deployment(found) = table.of(target) else { panic!() };
            assert_eq!(found, expected, "{target:?}");
        }
        let all = Environments::new(&EnvironmentSource::Targets(vec![row("*", "all")])).unwrap();
        assert!(matches!(all.of(None), EnvironmentOf::Deployment(Some("all"))));
        assert!(Environments::new(&EnvironmentSource::Targets(vec![row("a[", "x")])).is_err());
    }
}
