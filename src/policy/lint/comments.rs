//! Comments in expressions that go on where their author ended them: YAML folded several lines into one.

use std::ops::Range;

use crate::source::Source;

use crate::policy::model::Expression;

/// The parts of an expression's text that its comments swallow though they stand on later lines of the file.
pub(super) fn swallowed(source: &Source, expression: &Expression) -> Vec<Range<usize>> {
    let line_of = |at: usize| source.position(expression.locate(at, at).start).line;
    let part = |comment: Range<usize>| {
        let text = expression.text.get(comment.clone())?;
        let first = line_of(comment.start);
        if line_of(comment.end) == first {
            return None;
        }
        let is_later = |(at, c): &(usize, char)| {
            !c.is_whitespace() && line_of(comment.start.saturating_add(*at)) > first
        };
        let (after, _) = text.char_indices().find(is_later)?;
        Some(comment.start.saturating_add(after)..comment.end)
    };
    comments(&expression.text).into_iter().filter_map(part).collect()
}

/// Where CEL's comments stand in a text, each from its `//` to the end of its line.
fn comments(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0_usize);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with("//") {
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            found.push(at..at.saturating_add(length));
            length
        } else {
            let one = rest.chars().next().map_or(rest.len(), char::len_utf8);
            literal(text.get(..at).unwrap_or_default(), rest).unwrap_or(one)
        };
        at = at.saturating_add(length);
    }
    found
}

/// The length of the literal that `rest` begins with, if it begins with one that ends; `before` is what stands before it.
fn literal(before: &str, rest: &str) -> Option<usize> {
    let quote = [r#"""""#, "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let word = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
    let prefix = before.get(word..).unwrap_or_default();
    let is_raw = prefix.len() <= 2
        && prefix.bytes().all(|c| matches!(c, b'r' | b'R' | b'b' | b'B'))
        && prefix.bytes().any(|c| matches!(c, b'r' | b'R'));
    let mut inside = rest.get(quote.len()..)?;
    loop {
        if let Some(after) = inside.strip_prefix(quote) {
            return Some(rest.len().saturating_sub(after.len()));
        }
        let mut chars = inside.chars();
        if chars.next()? == '\\' && !is_raw {
            chars.next()?;
        }
        inside = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_what_stands_behind_two_slashes_outside_of_texts() {
        let found = |text: &str| -> Vec<String> {
            comments(text).into_iter().map(|comment| text.get(comment).unwrap().to_owned()).collect()
        };
        for (text, expected) in [
            ("a // b\nc // d", &["// b", "// d"][..]),
            ("'//' + \"//\" + '''//''' + \"\"\"//\"\"\" // x", &["// x"]),
            (r"'\'//' // x", &["// x"]),
            (r"r'\' // x", &["// x"]),
            (r"br'\' + bar'\'//' // x", &["// x"]),
            ("a / b", &[]),
            ("'not closed // x", &["// x"]),
            ("//", &["//"]),
            ("", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
