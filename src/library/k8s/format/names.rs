//! Names of Kubernetes' objects and labels (apimachinery `pkg/util/validation` and `pkg/api/validate/content`).

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_TEXT: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_TEXT: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const OLD_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const OLD_LABEL_TEXT: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const KEY_TEXT: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const VALUE_TEXT: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const LONGEST_LABEL: usize = 63;
const LONGEST_SUBDOMAIN: usize = 253;

/// What Kubernetes says of a text that a pattern does not match.
fn unmatched(text: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{text} (e.g. {}regex used for validation is '{pattern}')", examples.join(" or "))
}

/// What a length is counted in: bytes, whatever the older of Kubernetes' two packages calls them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Bytes,
    Characters,
}

fn too_long(text: &[u8], most: usize, unit: Unit) -> Option<String> {
    let unit = match unit {
        Unit::Bytes => "bytes",
        Unit::Characters => "characters",
    };
    (text.len() > most).then(|| format!("must be no more than {most} {unit}"))
}

/// True if the text is not empty, begins with `first`, ends with `last` and has nothing but `inside` between.
fn shaped(
    text: &[u8],
    first: impl Fn(&u8) -> bool,
    inside: impl Fn(&u8) -> bool,
    last: impl Fn(&u8) -> bool,
) -> bool {
    match text {
        [] => false,
        [one] => first(one) && last(one),
        [a, between @ .., z] => first(a) && last(z) && between.iter().all(inside),
    }
}

fn lower(byte: &u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_label(text: &[u8]) -> bool {
    shaped(text, lower, |byte| lower(byte) || *byte == b'-', lower)
}

fn is_subdomain(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'.').all(is_label)
}

fn is_key(text: &[u8]) -> bool {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    shaped(text, u8::is_ascii_alphanumeric, inside, u8::is_ascii_alphanumeric)
}

pub(super) fn dns1123_label(text: &[u8]) -> Vec<String> {
    let mut mistakes: Vec<String> = too_long(text, LONGEST_LABEL, Unit::Characters).into_iter().collect();
    if !is_label(text) {
        mistakes.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            unmatched(LABEL_TEXT, LABEL, &["my-name", "123-abc"])
        });
    }
    mistakes
}

pub(super) fn dns1123_subdomain(text: &[u8], unit: Unit) -> Vec<String> {
    let mut mistakes: Vec<String> = too_long(text, LONGEST_SUBDOMAIN, unit).into_iter().collect();
    if !is_subdomain(text) {
        mistakes.push(unmatched(SUBDOMAIN_TEXT, SUBDOMAIN, &["example.com"]));
    }
    mistakes
}

pub(super) fn dns1035_label(text: &[u8]) -> Vec<String> {
    let mut mistakes: Vec<String> = too_long(text, LONGEST_LABEL, Unit::Characters).into_iter().collect();
    let matches = is_label(text) && text.first().is_some_and(u8::is_ascii_lowercase);
    if !matches {
        mistakes.push(unmatched(OLD_LABEL_TEXT, OLD_LABEL, &["my-name", "abc-123"]));
    }
    mistakes
}

pub(super) fn qualified_name(text: &[u8]) -> Vec<String> {
    let said = || unmatched(KEY_TEXT, KEY, &["MyName", "my.name", "123-abc"]);
    let mut parts = text.split(|byte| *byte == b'/');
    let (name, prefix) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) => (name, None),
        (Some(prefix), Some(name), None) => (name, Some(prefix)),
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                said()
            )];
        }
    };
    let mut mistakes = match prefix {
        Some([]) => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => dns1123_subdomain(prefix, Unit::Bytes)
            .iter()
            .map(|mistake| format!("prefix part {mistake}"))
            .collect(),
        None => Vec::new(),
    };
    if name.is_empty() {
        mistakes.push("name part must be non-empty".to_owned());
    }
    mistakes.extend(too_long(name, LONGEST_LABEL, Unit::Bytes).map(|mistake| format!("name part {mistake}")));
    if !is_key(name) {
        mistakes.push(format!("name part {}", said()));
    }
    mistakes
}

pub(super) fn label_value(text: &[u8]) -> Vec<String> {
    let mut mistakes: Vec<String> = too_long(text, LONGEST_LABEL, Unit::Bytes).into_iter().collect();
    if !text.is_empty() && !is_key(text) {
        mistakes.push(unmatched(VALUE_TEXT, VALUE, &["MyValue", "my_value", "12345"]));
    }
    mistakes
}

/// A prefix may end in a dash: Kubernetes looks at it with an `a` in place of its last two bytes.
pub(super) fn without_dash(text: &[u8]) -> Vec<u8> {
    let mut masked = text.to_vec();
    if text.len() > 1 && text.ends_with(b"-") {
        masked.truncate(text.len().saturating_sub(2));
        masked.push(b'a');
    }
    masked
}
