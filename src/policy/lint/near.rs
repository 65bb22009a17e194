//! Names that are nearly others: of headers that calls have, and of members of the object of mode JSON.

use crate::diag::edits;

/// Words that say little in the name of a header or a member.
const FILLERS: [&str; 6] = ["x", "mcp", "name", "id", "call", "value"];

/// Words that say of what a member is, where the member's own name says it.
const OWNERS: [&str; 7] = ["user", "tool", "resource", "prompt", "client", "request", "token"];

/// The longest name that is looked at, in bytes.
const MAX_NAME: usize = 64;

/// The header that a name is meant to be, of known ones in canonical form.
pub(super) fn header<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let words = words(name);
    let is_own = words.first().is_some_and(|word| word == "x" || words.len() == 1 && word.starts_with('x'));
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        // What only lacks the `X-` is meant, what has other words in common may be any header.
        let is_same = candidate.strip_prefix("X-").is_some_and(|rest| rest.eq_ignore_ascii_case(name));
        let distance = if is_same { Some(0) } else { is_own.then(|| distance(&words, candidate)).flatten() };
        if let Some(distance) = distance
            && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The member of an object that a name is meant to be.
pub(super) fn member<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Option<&'n str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let all = words(name);
    let without: Vec<String> = all.iter().filter(|word| !OWNERS.contains(&word.as_str())).cloned().collect();
    let of = |words: &[String]| {
        let found = known.clone().filter_map(|candidate| Some((distance(words, candidate)?, candidate)));
        found.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
    };
    of(&all).or_else(|| of(&without))
}

/// How many words of `candidate` are not among `words`, if all of these are among its.
fn distance(words: &[String], candidate: &str) -> Option<usize> {
    let meaning = |words: &[String]| -> Vec<String> {
        words.iter().filter(|word| !FILLERS.contains(&word.as_str())).cloned().collect()
    };
    let own = meaning(words);
    let other = meaning(&self::words(candidate));
    // `X-Toolname`, `xtool`
    let is_joined = || {
        let joined = |words: &[String]| {
            let all = words.concat();
            all.strip_prefix('x').map(str::to_owned).unwrap_or(all)
        };
        let (own, other) = (joined(words), joined(&self::words(candidate)));
        let stem = |name: &str| name.strip_suffix("name").unwrap_or(name).to_owned();
        let is_one = words.iter().filter(|word| *word != "x").count() == 1;
        is_one && own.len() >= 4 && (is_misspelt(&own, &other) || stem(&own) == stem(&other))
    };
    // `X-Tool-Nmae`: word by word, those that say little too.
    let is_alike = || {
        let other = self::words(candidate);
        let is_one =
            |(word, other): (&String, &String)| word == other || word.len() >= 4 && is_misspelt(word, other);
        words.len() == other.len() && words.iter().zip(&other).all(is_one)
    };
    let is_among = !own.is_empty() && own.iter().all(|word| other.iter().any(|other| is_like(word, other)));
    if is_among {
        Some(other.len().saturating_sub(own.len()))
    } else {
        (is_joined() || is_alike()).then_some(0)
    }
}

/// Whether one word is another: misspelt, in the plural or its beginning.
pub(super) fn is_like(word: &str, other: &str) -> bool {
    let one = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let (word, other) = (one(word), one(other));
    let is_beginning = word.len() >= 3 && other.starts_with(&word);
    is_beginning || is_misspelt(&word, &other)
}

/// Whether one word is another but for a few letters.
pub(super) fn is_misspelt(word: &str, other: &str) -> bool {
    let allowed = match word.len() {
        0..=2 => 0,
        3 => usize::from(other.len() > 3),
        4..=7 => 1,
        _ => 2,
    };
    edits(word, other) <= allowed
}

/// The words of a name, in lower case: at `-` and `_`, and where a capital follows a small letter.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = '-';
    for c in name.chars() {
        if before == '-' || before == '_' || c.is_uppercase() && before.is_lowercase() {
            words.push(String::new());
        }
        before = c;
        if let (Some(word), true) = (words.last_mut(), c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_headers_are_near_by_their_words() {
        let known = [
            "X-Mcp-Method",
            "X-Tool-Target",
            "X-Tool-Name",
            "X-Operation",
            "X-Environment",
            "X-Query",
            "X-Resource-Uri",
            "X-Prompt-Name",
            "X-User",
            "X-Client-Id",
            "X-User-Roles",
            "X-User-Groups",
        ];
        for (name, meant) in [
            ("X-Tool", "X-Tool-Name"),
            ("X-Mcp-Tool", "X-Tool-Name"),
            ("X-Tool-Id", "X-Tool-Name"),
            ("X-Toolname", "X-Tool-Name"),
            ("X-Tol-Name", "X-Tool-Name"),
            ("X-Tool-Nmae", "X-Tool-Name"),
            ("X-Tool Name", "X-Tool-Name"),
            ("X-Tool-Name ", "X-Tool-Name"),
            ("X_tool_name", "X-Tool-Name"),
            ("Tool-Name", "X-Tool-Name"),
            ("X-Mcp-Tool-Name", "X-Tool-Name"),
            ("X-Env", "X-Environment"),
            ("X-Enviroment", "X-Environment"),
            ("X-Environments", "X-Environment"),
            ("X-Method", "X-Mcp-Method"),
            ("Mcp-Method", "X-Mcp-Method"),
            ("X-Target", "X-Tool-Target"),
            ("X-Roles", "X-User-Roles"),
            ("X-Role", "X-User-Roles"),
            ("X-Groups", "X-User-Groups"),
            ("X-Client", "X-Client-Id"),
            ("X-User-Id", "X-User"),
            ("X-Username", "X-User"),
            ("X-Uri", "X-Resource-Uri"),
            ("X-Operations", "X-Operation"),
            ("xtool", "X-Tool-Name"),
            ("xToolName", "X-Tool-Name"),
            ("xuser", "X-User"),
        ] {
            assert_eq!(header(name, known.into_iter()), Some(meant), "{name}");
        }
        for name in [
            "X-Tenant",
            "X-Team",
            "X-Api-Key",
            "X-Forwarded-For",
            "X-User-Agent",
            "X-User-Email",
            "X-Request-Id",
            "X-Id",
            "X-Name",
            "X-Path",
            "Accept",
            "User-Agent",
            "Authorization",
            "X-Amzn-Trace-Id",
            "X",
            "",
            "X-Client-Ip",
            "X-Real-Ip",
            "X-Dept",
            "X-Namespace",
            "X-Region",
            "Query-Id",
            "Target",
        ] {
            assert_eq!(header(name, known.into_iter()), None, "{name}");
        }
    }

    #[test]
    fn names_of_members_are_near_by_their_words() {
        let known = || super::super::deployed::members();
        for (name, meant) in [
            ("toolName", "tool"),
            ("tool_name", "tool"),
            ("toolname", "tool"),
            ("Tool", "tool"),
            ("env", "environment"),
            ("envs", "environment"),
            ("args", "arguments"),
            ("argument", "arguments"),
            ("userRoles", "roles"),
            ("role", "roles"),
            ("header", "headers"),
            ("Headers", "headers"),
            ("mcpMethod", "method"),
            ("toolTarget", "target"),
            ("resourceUri", "uri"),
            ("clientId", "client"),
            ("claim", "claims"),
        ] {
            assert_eq!(member(name, known()), Some(meant), "{name}");
        }
        for name in [
            "spec",
            "metadata",
            "kind",
            "apiVersion",
            "name",
            "planned_values",
            "resource_changes",
            "data",
            "id",
            "Stages",
            "root",
            "content",
            "input",
            "items",
            "",
        ] {
            assert_eq!(member(name, known()), None, "{name}");
        }
    }
}
