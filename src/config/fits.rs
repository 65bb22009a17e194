//! What the texts of settings may be.
//!
//! Each rule says what is wrong with a text, in words that follow "`the text` "; none if nothing is.

use crate::audit;
use crate::gateway::environment::Environment;
use crate::glob::{self, Case, Globs, Wrong};
use crate::library::kyverno::http::is_token;
use crate::methods::{Known, METHODS, known};
use crate::outside::Prefix;
use crate::visible::is_unseen;

/// What is wrong with a text.
pub(super) type Fits = fn(&str) -> Option<String>;

/// Every text.
pub(super) fn any(_: &str) -> Option<String> {
    None
}

/// What no text of a setting may be: with blanks at its ends it is compared with what has none, and never met.
pub(super) fn untidy(text: &str) -> Option<String> {
    let padded = || (text.trim().len() != text.len()).then(|| "has blanks at its ends".to_owned());
    unseen(text).or_else(padded)
}

/// A text with a character that nobody sees is not the text that whoever wrote it sees, and never met.
fn unseen(text: &str) -> Option<String> {
    let character = text.chars().find(|c| is_unseen(*c))?;
    Some(format!("has a character that is not seen, U+{:04X}", u32::from(character)))
}

/// A pattern, as the lists of methods and tools and the targets of environments have it.
pub(super) fn glob(text: &str) -> Option<String> {
    unseen(text).or_else(|| glob::wrong(text))
}

/// A pattern of methods. One that would match a method of MCP if it were spelt like it matches nothing that a client sends.
pub(super) fn method_glob(text: &str) -> Option<String> {
    glob(text).or_else(|| {
        let meant = match known(text) {
            Known::Method => None,
            Known::LookAlike(method) => Some(method),
            Known::No => in_another_case(text),
        };
        meant
            .map(|method| format!("is not the method `{method}` of MCP, but looks like it: write `{method}`"))
    })
}

/// The first method of MCP that a pattern matches only where capitals do not matter.
fn in_another_case(text: &str) -> Option<&'static str> {
    let matcher = |case| Globs::new([text].into_iter(), case).ok();
    let (exact, folded) = (matcher(Case::Differs)?, matcher(Case::Ignored)?);
    if METHODS.iter().any(|method| exact.is_match(method)) {
        return None;
    }
    METHODS.iter().copied().find(|method| folded.is_match(method))
}

/// What is wrong with patterns as a list, in words that follow its name. What is wrong with one of them is
/// [`glob`]'s to say.
pub(super) fn globs<'a>(patterns: impl ExactSizeIterator<Item = &'a str>, case: Case) -> Option<String> {
    Globs::new(patterns, case).err()?.into_iter().find_map(|wrong| match wrong {
        Wrong::List(wrong) => Some(wrong),
        Wrong::Pattern(..) => None,
    })
}

/// A text in a message, which is one line, and not a long one.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 200;
    let cut = text.char_indices().nth(MOST).and_then(|(at, _)| text.get(..at));
    let (text, more) = cut.map_or((text, ""), |start| (start, "…"));
    if text.chars().any(char::is_control) {
        format!("{}{more}", text.escape_debug())
    } else {
        format!("{text}{more}")
    }
}

/// What URLs begin with.
pub(super) fn url(text: &str) -> Option<String> {
    Prefix::of(text).err()
}

/// The name of a header.
pub(super) fn header_name(text: &str) -> Option<String> {
    (text.is_empty() || !text.bytes().all(is_token)).then(|| {
        "is not the name of a header: it has letters, digits and signs such as `-` and `_`".to_owned()
    })
}

/// The whole name of a header, in a list beside lists of patterns.
pub(super) fn whole_header_name(text: &str) -> Option<String> {
    header_name(text).or_else(|| {
        text.contains('*').then(|| "is a pattern, and here stand whole names of headers".to_owned())
    })
}

/// An issuer, which `iss` must be.
pub(super) fn issuer(text: &str) -> Option<String> {
    let sign = text.chars().find(|c| "*[]{}\"',".contains(*c) || c.is_whitespace())?;
    Some(format!("is no issuer: it has `{sign}`, and is compared with `iss` as it is"))
}

/// The name of an environment.
pub(super) fn environment(text: &str) -> Option<String> {
    Environment::new(text).err().map(|wrong| wrong.to_string()).or_else(|| unseen(text))
}

/// What stands in a `Host` header.
pub(super) fn host(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (text.len() > 255 || !text.bytes().all(fits))
        .then(|| "is not the name of a host, with or without a port".to_owned())
}

/// CloudWatch's rule for namespaces.
pub(super) fn namespace(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#: ".contains(&byte);
    let wrong = text.len() > 255
        || text.starts_with(':')
        || text.trim().is_empty()
        || text.starts_with("AWS/")
        || !text.bytes().all(fits);
    wrong.then(|| {
        "is not a namespace of metrics: it may have letters, digits and `. - _ / # :`, and not begin with `:` or `AWS/`"
            .to_owned()
    })
}

/// The ARN of a secret or a parameter.
pub(super) fn key_arn(text: &str) -> Option<String> {
    audit::KeySource::of(text).is_none().then(|| {
        "is not the ARN of a secret of Secrets Manager or of a parameter of SSM Parameter Store".to_owned()
    })
}

/// What is wrong with the key of a digest, without telling the key.
pub(super) fn key(text: &str) -> Option<String> {
    // That it is blank is reported already.
    audit::digest_key(text).err().filter(|_| !text.trim().is_empty())
}
