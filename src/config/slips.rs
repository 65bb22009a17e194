//! What may be a slip in settings that are well each by itself: what counts for nothing beside the others, and what opens
//! more than it seems to.
//!
//! Warns only: a deployment may mean it.

use std::collections::BTreeMap;

use super::fits::shown;
use super::places::Places;
use super::table::{SETTINGS, Setting};
use super::{EnvironmentSource, Settings, Value};
use crate::diag::{Code, Diagnostic, did_you_mean};
use crate::gateway::identity::meant_pointer;
use crate::glob::{Case, Globs};
use crate::methods::METHODS;

/// Warns of everything that may be a slip in `config`, which `variables` have had their word in.
pub(super) fn slips(
    config: &Settings,
    places: &Places<'_>,
    variables: &BTreeMap<String, String>,
    out: &mut Vec<Diagnostic>,
) {
    let mut slips = Slips { config, places, variables, out };
    slips.claims();
    slips.untrusted();
    slips.unjudged();
    slips.methods();
    slips.targets();
}

struct Slips<'a> {
    config: &'a Settings,
    places: &'a Places<'a>,
    variables: &'a BTreeMap<String, String>,
    out: &'a mut Vec<Diagnostic>,
}

/// Whether a glob is more than a name.
fn is_pattern(glob: &str) -> bool {
    glob.contains(['*', '?', '[', '{', '\\'])
}

/// The first character of a pattern that no target has and that is no sign of patterns there: `,` is one between braces, `!` and
/// `^` are in a class.
fn stray(pattern: &str) -> Option<char> {
    let (mut braces, mut class) = (0_usize, false);
    let mut rest = pattern.chars();
    rest.find(|c| {
        match (c, class) {
            ('[', false) => class = true,
            (']', true) => class = false,
            ('{', false) => braces = braces.saturating_add(1),
            ('}', false) => braces = braces.saturating_sub(1),
            (',', false) => return braces == 0,
            ('!' | '^', false) => return true,
            _ => {}
        }
        !c.is_ascii_alphanumeric() && !"_./-*?[]{},!^\\".contains(*c)
    })
}

impl Slips<'_> {
    /// A warning about the setting `path`, or about an entry of its list. `subject` is what the warning says something of.
    fn warn(
        &mut self,
        code: Code,
        path: &'static str,
        entry: Option<usize>,
        subject: &str,
        says: &str,
        help: String,
    ) {
        let setting = SETTINGS.iter().find(|setting| setting.path == path);
        let variable = setting.map(|setting| setting.variable);
        let variable = variable.filter(|variable| self.variables.contains_key(*variable));
        // A variable's text is not the file's.
        self.out.push(match variable {
            Some(variable) => {
                Diagnostic::warning(code, format!("{subject} in `{variable}` {says}")).path(path).help(help)
            }
            None => {
                let warning = Diagnostic::warning(code, format!("{subject} {says}")).help(help);
                match entry {
                    Some(entry) => self.places.at(&format!("{path}[{entry}]"), warning),
                    None => self.places.at(path, warning),
                }
            }
        });
    }

    /// Names of claims that look like paths.
    fn claims(&mut self) {
        for setting in SETTINGS.iter().filter(|setting| setting.path.starts_with("identity.claims.")) {
            let Some(Value::Text(name)) = setting.get(self.config) else { continue };
            let Some(pointer) = meant_pointer(&name) else { continue };
            let help = format!("if `{name}` is a path, write the JSON Pointer `{pointer}`");
            let says = if name.starts_with('/') {
                "is a JSON Pointer, in which only `/` parts names, and what is behind the last one is a name too"
            } else {
                "is the claim of that whole name, and not a path"
            };
            self.warn(Code::ClaimPath, setting.path, None, &format!("`{name}`"), says, help);
        }
    }

    /// What is asked of tokens where none is believed.
    fn untrusted(&mut self) {
        let identity = &self.config.identity;
        if identity.trust_jwt {
            return;
        }
        let defaults = Settings::default();
        let of_tokens = |setting: &&Setting| {
            setting.path.starts_with("identity.")
                && !matches!(
                    setting.path,
                    "identity.trustJwt" | "identity.required" | "identity.iamPrincipal"
                )
        };
        for setting in SETTINGS.iter().filter(of_tokens) {
            if setting.get(self.config) == setting.get(&defaults) {
                continue;
            }
            let says = "counts for nothing without `identity.trustJwt`: no token is read";
            let help = "set `identity.trustJwt` if the gateway verifies the tokens, or remove this";
            self.warn(
                Code::IdleSetting,
                setting.path,
                None,
                &format!("`{}`", setting.path),
                says,
                help.into(),
            );
        }
    }

    /// Patterns by which calls of tools pass without a policy, whatever the tool is.
    fn unjudged(&mut self) {
        let judging = &self.config.judging;
        let all = |patterns: &[String], question: fn(&Globs) -> bool| {
            let globs = Globs::new(patterns.iter().map(String::as_str), Case::Differs);
            globs.is_ok_and(|globs| question(&globs))
        };
        let calls: fn(&Globs) -> bool = |globs| globs.is_match("tools/call");
        // Judging wins over both lists.
        if all(&judging.judge_methods, calls) {
            return;
        }
        let open = |patterns: &[String], question| -> Vec<(Option<usize>, String)> {
            let each = patterns.iter().enumerate();
            let found = each.filter(|(_, pattern)| all(std::slice::from_ref(pattern), question));
            let found: Vec<_> = found.map(|(entry, pattern)| (Some(entry), pattern.clone())).collect();
            // What no pattern does alone, several may do together.
            if found.is_empty() && all(patterns, question) {
                vec![(None, patterns.join("`, `"))]
            } else {
                found
            }
        };
        let methods = open(&judging.pass_methods, calls);
        let tools = open(&judging.pass_tools, Globs::match_every_tool);
        for (path, found) in [("judging.passMethods", methods), ("judging.passTools", tools)] {
            for (entry, pattern) in found {
                let says = if entry.is_some() {
                    "lets every call of a tool pass without a policy"
                } else {
                    "together let every call of a tool pass without a policy"
                };
                let help = "name the methods and tools that need no policy, one by one".to_owned();
                self.warn(Code::OpenDoor, path, entry, &format!("`{}`", shown(&pattern)), says, help);
            }
        }
    }

    /// Misspelt methods, which are those of no message.
    fn methods(&mut self) {
        let judging = &self.config.judging;
        let lists = [
            ("judging.passMethods", &judging.pass_methods),
            ("judging.judgeMethods", &judging.judge_methods),
        ];
        for (path, methods) in lists {
            let names = methods.iter().enumerate().filter(|(_, method)| !is_pattern(method));
            for (entry, method) in names.filter(|(_, method)| !METHODS.contains(&method.as_str())) {
                if let Some(meant) = did_you_mean(method, METHODS.iter().copied()) {
                    let subject = format!("`{}`", shown(method));
                    let help = format!("did you mean `{meant}`?");
                    self.warn(Code::IdleSetting, path, Some(entry), &subject, "is no method of MCP", help);
                }
            }
        }
    }

    /// Rows of the targets' environments that no call meets.
    fn targets(&mut self) {
        const PATH: &str = "environment.targets";
        let EnvironmentSource::Targets(rows) = &self.config.environment else { return };
        let mut everything: Option<&str> = None;
        let mut earlier: Vec<(&str, Globs)> = Vec::new();
        for (entry, (target, _)) in rows.iter().enumerate() {
            let target = target.trim();
            let subject = format!("`{target}`");
            if let Some(before) = everything {
                let says = format!("is never reached: `{before}` before it matches every target");
                let help = "put the row for all others at the end".to_owned();
                self.warn(Code::IdleSetting, PATH, Some(entry), &subject, &says, help);
                continue;
            }
            // A glob is met only where it is the same one; a name also where one matches it.
            let takes = |(before, globs): &&(&str, Globs)| {
                before.eq_ignore_ascii_case(target) || !is_pattern(target) && globs.is_match(target)
            };
            if let Some((before, _)) = earlier.iter().find(takes) {
                let says = format!(
                    "is never reached: `{before}` before it matches the same, capitals do not matter"
                );
                let help = "the first row that matches counts; remove this one, or put it first".to_owned();
                self.warn(Code::IdleSetting, PATH, Some(entry), &subject, &says, help);
                continue;
            }
            if let Ok(globs) = Globs::new([target].into_iter(), Case::Ignored) {
                if globs.match_every_target() {
                    everything = Some(target);
                }
                earlier.push((target, globs));
            }
            if let Some(character) = stray(target) {
                let says = format!("cannot match: no target has the character `{character}`");
                let help = "targets have letters, digits and `_ . / -`".to_owned();
                self.warn(Code::IdleSetting, PATH, Some(entry), &subject, &says, help);
            } else if target.contains("___") {
                let says = "cannot match: a target ends where the first `___` of the tool's name begins";
                let help = "the target of `a___b` is `a`".to_owned();
                self.warn(Code::IdleSetting, PATH, Some(entry), &subject, says, help);
            }
        }
    }
}
