//! Headers of the built-in mapping that policies read and that settings take from them: removed, made the same for every call, or
//! left to the caller. Each by itself is well, and together they are policies that never match, or whenever the caller likes.

use super::headers::{canonical, is_callers_word, literals};
use super::{HeaderRule, Settings};
use crate::diag::{Code, Diagnostic};
use crate::gateway::headers::DEFAULT_MAPPING;
use crate::policy::set::{PolicySet, compiled};

/// The header that a deployment may well make the same for every call, if it is what policies look for.
const ENVIRONMENT: &str = "X-Environment";

/// Those that say who calls: a deployment for one caller has one.
const IDENTITY: [&str; 4] = ["X-User", "X-Client-Id", "X-User-Roles", "X-User-Groups"];

/// How many policies are named.
const TOLD: usize = 4;

/// Warns of each such header.
pub fn unfit(set: &PolicySet, settings: &Settings) -> Vec<Diagnostic> {
    let computed: Vec<(String, &HeaderRule)> =
        settings.headers.iter().map(|rule| (canonical(&rule.name), rule)).collect();
    let mut out = Vec::new();
    for (name, built_in) in DEFAULT_MAPPING {
        let rule = computed.iter().find(|(own, _)| own == name).map(|(_, rule)| *rule);
        if rule.is_some_and(|rule| rule.expression == *built_in) {
            continue;
        }
        let policies = compiled(set).policies.iter();
        let readers = policies.filter(|policy| policy.headers.contains(*name));
        let readers: Vec<String> = readers.map(|policy| format!("`{}`", policy.name)).collect();
        if readers.is_empty() {
            continue;
        }
        let Some((message, help)) = words(name, rule) else { continue };
        let more = if readers.len() > TOLD { ", …" } else { "" };
        let some = readers.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
        let verb = if readers.len() == 1 { "reads" } else { "read" };
        let warning =
            Diagnostic::warning(Code::UnfitHeader, format!("{message}, and {some}{more} {verb} it"));
        out.push(warning.path(format!("headers.{name}")).help(help));
    }
    out
}

/// What is wrong with a header, and what to do.
fn words(name: &str, rule: Option<&HeaderRule>) -> Option<(String, String)> {
    if IDENTITY.contains(&name) && rule.is_some_and(|rule| is_callers_word(&rule.expression)) {
        let message = format!("the header `{name}` is what callers say of themselves by the settings");
        let help = "compute it from `call.claims`, which the gateway has verified, or remove it from `headers` for what is built in";
        return Some((message, help.to_owned()));
    }
    let texts = rule.map_or_else(|| Some(Vec::new()), |rule| literals(&rule.expression))?;
    if texts.is_empty() {
        let message = format!("no call has the header `{name}` by the settings");
        return Some((message, format!("remove `{name}` from `headers` of the settings")));
    }
    let shown: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
    let message = format!("the header `{name}` is {} in every call by the settings", shown.join(", "));
    if name == ENVIRONMENT {
        let small = |text: &String| text.trim().to_lowercase();
        let is_fit = texts.iter().all(|text| small(text) == *text);
        let help = format!(
            "policies look for environments in lower case: write `{}`, or set `environment.value`",
            texts.first().map(small).unwrap_or_default()
        );
        return (!is_fit).then_some((message, help));
    }
    let help = "compute it from `call`, or remove it from `headers` for what is built in".to_owned();
    (!IDENTITY.contains(&name)).then_some((message, help))
}
