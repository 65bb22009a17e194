//! What a call's attributes are: the verb of its tool, the query it makes; and what a deployment says of it better than
//! the call itself.

use bumpalo::Bump;
use bumpalo::collections::String as BumpString;

use super::call::Call;
use super::environment::EnvironmentOf;
use super::identity::Identity;

/// What a deployment knows better than the caller.
#[derive(Clone, Copy, Debug)]
pub struct Deployment<'s> {
    /// The host that policies see; the gateway's own name is not in the event.
    pub host: &'s str,
    /// Who says what the environment is.
    pub environment: EnvironmentOf<'s>,
    /// The caller, if the deployment believes anybody.
    pub identity: Option<&'s Identity<'s>>,
}

impl Default for Deployment<'_> {
    fn default() -> Self {
        Deployment { host: "gateway", environment: EnvironmentOf::Caller, identity: None }
    }
}

/// The verb of a tool's name in lower case: leading separators skipped, up to the next separator (`_`, `-`, `.`,
/// `/`) or change from lower to upper case. None if the name has nothing but separators.
pub fn operation<'a>(tool: &str, arena: &'a Bump) -> Option<&'a str> {
    let is_separator = |c: char| matches!(c, '_' | '-' | '.' | '/');
    let name = tool.trim_start_matches(is_separator);
    let mut lower = false;
    let end = name.find(|c: char| {
        let change = lower && c.is_ascii_uppercase();
        lower = c.is_ascii_lowercase();
        change || is_separator(c)
    });
    let verb = end.map_or(name, |end| name.get(..end).unwrap_or_default());
    (!verb.is_empty()).then(|| lower_case(verb, arena))
}

/// The string argument `query`, on one line: a line break or a tab becomes one blank.
pub fn query<'a>(call: &Call<'a>, arena: &'a Bump) -> Option<&'a str> {
    let text = argument(call, "query")?;
    if !text.contains(['\n', '\r', '\t']) {
        return Some(text);
    }
    let mut line = BumpString::with_capacity_in(text.len(), arena);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                rest.next_if_eq(&'\n');
                line.push(' ');
            }
            '\n' | '\t' => line.push(' '),
            c => line.push(c),
        }
    }
    Some(line.into_bump_str())
}

fn argument<'a>(call: &Call<'a>, name: &str) -> Option<&'a str> {
    call.arguments?.get(name)?.as_str()
}

fn lower_case<'a>(text: &str, arena: &'a Bump) -> &'a str {
    if text.is_ascii() {
        let lower = arena.alloc_str(text);
        lower.make_ascii_lowercase();
        return lower;
    }
    let mut lower = BumpString::with_capacity_in(text.len(), arena);
    lower.extend(text.chars().flat_map(char::to_lowercase));
    lower.into_bump_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_is_the_verb_of_the_tool() {
        let arena = Bump::new();
        for (tool, expected) in [
            ("deletePod", Some("delete")),
            ("DELETE_POD", Some("delete")),
            ("delete.pod", Some("delete")),
            ("delete-pod", Some("delete")),
            ("delete/pod", Some("delete")),
            ("__delete_pod", Some("delete")),
            ("Delete", Some("delete")),
            ("DELETEPod", Some("deletepod")),
            ("delete2Pods", Some("delete2pods")),
            ("d", Some("d")),
            ("_", None),
        ] {
            assert_eq!(operation(tool, &arena), expected, "{tool}");
        }
    }
}
