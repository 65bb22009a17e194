//! Rules for names and other text, as Kubernetes has them. Each gives what is wrong, in words that follow
//! "`the value` ".

use super::Rule;
use crate::time;

/// What is wrong with `text`, if anything.
pub(super) fn broken(rule: Rule, text: &str) -> Option<String> {
    match rule {
        Rule::Free | Rule::OneOf(_) => None,
        Rule::Filled => text.is_empty().then(|| "must not be empty".to_owned()),
        Rule::NotBlank => text.trim().is_empty().then(|| "must not be empty".to_owned()),
        Rule::AtMost(limit) => too_long(text, limit),
        Rule::AtMostBytes(limit) => too_many_bytes(text, limit),
        Rule::Printable(limit) => too_many_bytes(text, limit).or_else(|| {
            let unseen = text.chars().find(|character| !is_printable(*character))?;
            Some(format!("has the character `{}`, which cannot be seen", unseen.escape_unicode()))
        }),
        Rule::ApiVersion => {
            let version = match text.split_once('/') {
                Some((_, version)) if !version.contains('/') => version,
                Some(_) => "",
                None => text,
            };
            version.is_empty().then(|| "is not a version like `v1` or `group/v1`".to_owned())
        }
        Rule::Subdomain => subdomain(text),
        Rule::SubdomainPrefix => subdomain(text.strip_suffix('-').unwrap_or(text)),
        Rule::LabelValue => too_long(text, 63).or_else(|| {
            (!text.is_empty() && !is_name(text))
                .then(|| format!("is not the value of a label: it must {NAME}"))
        }),
        Rule::Qualified => qualified(text),
        Rule::Time => time::parse(text).is_err().then(|| NO_TIME.to_owned()),
        Rule::DateTime => {
            let fits = time::parse(text).is_ok() && text.as_bytes().get(13) == Some(&b':');
            (!fits).then(|| NO_TIME.to_owned())
        }
        Rule::ConditionReason => too_long(text, 1024).or_else(|| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b':');
            let ends = !text.ends_with([',', ':']);
            let fits = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(inner) && ends;
            (!fits).then(|| "is not a reason in one word of letters, digits, `_`, `,` and `:`".to_owned())
        }),
        Rule::ConditionType => too_long(text, 316).or_else(|| qualified_with(text, usize::MAX)),
    }
}

const NO_TIME: &str = "is not a time like `2026-01-31T12:30:00Z`";
const NAME: &str = "consist of letters, digits, `-`, `_` and `.`, and start and end with a letter or digit";

fn too_long(text: &str, limit: usize) -> Option<String> {
    (text.chars().count() > limit).then(|| format!("is longer than {limit} characters"))
}

fn too_many_bytes(text: &str, limit: usize) -> Option<String> {
    (text.len() > limit).then(|| format!("is longer than {limit} bytes"))
}

/// Go's `unicode.IsPrint`: Rust's `Debug` escapes what is not, and quotes, and a mark that has nothing before it.
fn is_printable(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\')
        || ['a', character].iter().collect::<String>().escape_debug().count() == 2
}

/// A DNS subdomain: labels of lower case letters, digits and `-`, joined by points.
fn subdomain(text: &str) -> Option<String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(inner)
    };
    if text.len() > 253 {
        return Some("is longer than 253 characters".to_owned());
    }
    (!text.split('.').all(label)).then(|| {
        "is not a name: it must consist of lower case letters, digits, `-` and `.`, and start and end with a letter or digit"
            .to_owned()
    })
}

/// `name` or `prefix/name`; the name has at most 63 characters, the prefix is a DNS subdomain.
pub(super) fn qualified(text: &str) -> Option<String> {
    qualified_with(text, 63)
}

fn qualified_with(text: &str, limit: usize) -> Option<String> {
    let name = match text.split_once('/') {
        Some((prefix, name)) if subdomain(prefix).is_none() => name,
        Some(_) => return Some("must have a DNS name before its `/`".to_owned()),
        None => text,
    };
    too_long(name, limit)
        .or_else(|| (!is_name(name)).then(|| format!("is not a qualified name: it must {NAME}")))
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.bytes().all(inner) && edge(text.bytes().next()) && edge(text.bytes().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_kubernetes() {
        let cases = [
            (Rule::Subdomain, "a-b.c1", true),
            (Rule::Subdomain, "Bad_Name", false),
            (Rule::Subdomain, "a..b", false),
            (Rule::Subdomain, "-a", false),
            (Rule::Subdomain, "1", true),
            (Rule::SubdomainPrefix, "a-", true),
            (Rule::LabelValue, "", true),
            (Rule::LabelValue, "a b", false),
            (Rule::Qualified, "kyverno.io/x_Y", true),
            (Rule::Qualified, "/x", false),
            (Rule::Qualified, "a/b/c", false),
            (Rule::Qualified, "", false),
            (Rule::Time, "2026-01-31T12:30:00Z", true),
            (Rule::Time, "2026-01-31T12:30:00.5+02:00", true),
            (Rule::Time, "2026-01-31T1:30:00.123456789012Z", true),
            (Rule::Time, "9999-12-31T23:59:59Z", true),
            (Rule::Time, "2026-01-31T12:30:60Z", false),
            (Rule::Time, "2026-01-31T12:30:00+25:00", false),
            (Rule::Time, "2026-01-31T12:30Z", false),
            (Rule::Time, "2026-01-31T12:30:00+0530", false),
            (Rule::DateTime, "2026-01-31T01:30:00,5+24:00", true),
            (Rule::DateTime, "2026-01-31T1:30:00Z", false),
            (Rule::Time, "2026-01-31", false),
            (Rule::Time, "2026-01-31 12:30:00Z", false),
            (Rule::ConditionReason, "Ok", true),
            (Rule::ConditionReason, "", false),
            (Rule::ConditionType, "kyverno.io/Ready", true),
            (Rule::AtMost(2), "äöü", false),
            (Rule::AtMost(3), "äöü", true),
            (Rule::AtMostBytes(5), "äöü", false),
            (Rule::AtMostBytes(6), "äöü", true),
            (Rule::Printable(128), "kubectl \\ \"é\" e\u{301} – 漢", true),
            (Rule::Printable(128), "a\u{7f}", false),
            (Rule::Printable(128), "a\tb", false),
            (Rule::Printable(128), "a\u{a0}b", false),
            (Rule::Printable(128), "a\u{200b}b", false),
            (Rule::Printable(128), "\u{e000}", false),
            (Rule::Printable(2), "abc", false),
            (Rule::ApiVersion, "v1", true),
            (Rule::ApiVersion, "apps/v1", true),
            (Rule::ApiVersion, "/v1", true),
            (Rule::ApiVersion, "apps/", false),
            (Rule::ApiVersion, "a/b/c", false),
            (Rule::ApiVersion, "", false),
        ];
        for (rule, text, fits) in cases {
            assert_eq!(broken(rule, text).is_none(), fits, "{text}");
        }
        assert!(broken(Rule::Subdomain, &"a".repeat(254)).is_some());
    }
}
