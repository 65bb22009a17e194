//! The small language in which function tables write signatures: `list(T).slice(int, int) -> list(T)`.

use std::fmt;
use std::sync::Arc;

use super::Type;

/// A parsed signature: one overload's function name, call style, parameters and result.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// The function's name; qualified for namespaced functions (`math.abs`).
    pub name: String,
    /// True for `receiver.name(…)`; then the receiver is the first of `params`.
    pub member: bool,
    /// The parameters' types.
    pub params: Vec<Type>,
    /// The result's type.
    pub result: Type,
}

/// A signature that does not read; names the text and the byte where reading stopped.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("bad signature `{text}` at byte {at}")]
pub struct SignatureError {
    text: String,
    at: usize,
}

impl Signature {
    /// Reads `name(params) -> result` or `receiver.name(params) -> result`.
    ///
    /// A receiver is told from a namespace by its spelling: it is a type (`string`, `list(T)`, `A`, an object
    /// type's name); anything else before the last dot is part of the name (`math.abs`, `lists.range`). `names` are
    /// those of [`Type::parse`].
    ///
    /// # Errors
    /// The text does not follow the grammar or names an unknown type.
    pub fn parse(text: &str, names: &dyn Fn(&str) -> Option<Type>) -> Result<Signature, SignatureError> {
        let fail = |at| SignatureError { text: text.to_owned(), at };
        let (head, result) = text.split_once(" -> ").ok_or_else(|| fail(text.len()))?;
        let result = parse_type(result, names).ok_or_else(|| fail(head.len()))?;
        let open = open_of_arguments(head).ok_or_else(|| fail(0))?;
        let (callee, arguments) = head.split_at(open);
        let arguments =
            arguments.strip_prefix('(').and_then(|a| a.strip_suffix(')')).ok_or_else(|| fail(open))?;
        let mut params = Vec::new();
        let mut member = false;
        let mut name = callee;
        if let Some((receiver, function)) = callee.rsplit_once('.')
            && let Some(receiver) = parse_type(receiver, names)
        {
            params.push(receiver);
            member = true;
            name = function;
        }
        for argument in split_top_level(arguments) {
            params.push(parse_type(argument, names).ok_or_else(|| fail(open))?);
        }
        Ok(Signature { name: name.to_owned(), member, params, result })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut params = self.params.iter();
        if self.member
            && let Some(receiver) = params.next()
        {
            write!(f, "{receiver}.")?;
        }
        write!(f, "{}(", self.name)?;
        for (i, param) in params.enumerate() {
            write!(f, "{}{param}", if i == 0 { "" } else { ", " })?;
        }
        write!(f, ") -> {}", self.result)
    }
}

/// The byte of the `(` that opens the argument list: the last one at depth zero.
fn open_of_arguments(head: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in head.char_indices().rev() {
        match c {
            ')' => depth = depth.checked_add(1)?,
            '(' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Splits on commas that stand outside parentheses; an empty text gives nothing.
fn split_top_level(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default().trim());
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    let last = text.get(start..).unwrap_or_default().trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

/// See [`Type::parse`].
pub(super) fn parse_type(text: &str, names: &dyn Fn(&str) -> Option<Type>) -> Option<Type> {
    let text = text.trim();
    if let Some((head, rest)) = text.split_once('(') {
        let parameters = split_top_level(rest.strip_suffix(')')?);
        let types = parameters.into_iter().map(|text| parse_type(text, names)).collect::<Option<Vec<_>>>()?;
        return match (head, types.as_slice()) {
            ("list", [element]) => Some(Type::list(element.clone())),
            ("map", [key, value]) => Some(Type::map(key.clone(), value.clone())),
            ("optional", [value]) => Some(Type::optional(value.clone())),
            ("type", [of]) => Some(Type::type_of(of.clone())),
            ("wrapper", [of]) => Some(Type::Wrapper(Arc::new(of.clone()))),
            _ => None,
        };
    }
    match text {
        "dyn" => Some(Type::Dyn),
        "any" => Some(Type::Any),
        "null" => Some(Type::Null),
        "bool" => Some(Type::Bool),
        "int" => Some(Type::Int),
        "uint" => Some(Type::Uint),
        "double" => Some(Type::Double),
        "string" => Some(Type::String),
        "bytes" => Some(Type::Bytes),
        "duration" => Some(Type::Duration),
        "timestamp" => Some(Type::Timestamp),
        "type" => Some(Type::Type(None)),
        _ if text.len() == 1 && text.bytes().all(|b| b.is_ascii_uppercase()) => Some(Type::param(text)),
        _ => names(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Signature, SignatureError> {
        let names = |name: &str| match name {
            "http.CheckRequestAttributes" => Some(Type::Struct("http.CheckRequestAttributes")),
            "http.CheckResponseOk" => Some(Type::Struct("http.CheckResponseOk")),
            _ => None,
        };
        Signature::parse(text, &names)
    }

    #[test]
    fn a_signature_prints_as_it_was_written() {
        for text in [
            "size(string) -> int",
            "list(T).slice(int, int) -> list(T)",
            "math.abs(int) -> int",
            "map(K, V).f(list(map(K, V)), optional(V)) -> bool",
            "http.CheckRequestAttributes.Header(string) -> list(string)",
            "http.Allowed() -> http.CheckResponseOk",
            "_+_(int, int) -> int",
        ] {
            let printed = parse(text).unwrap().to_string();
            assert_eq!(printed.replace("optional_type", "optional"), text);
        }
    }

    #[test]
    fn a_receiver_is_a_type_and_a_namespace_is_not() {
        assert!(parse("string.size() -> int").unwrap().member);
        assert!(!parse("strings.quote(string) -> string").unwrap().member);
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for text in ["", "f", "f(int)", "f(nope) -> int", "f(int) -> nope", "f)( -> int"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
