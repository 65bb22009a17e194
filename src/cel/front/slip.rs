//! What an author who knows other languages probably meant, where the text is no CEL.

/// How to write it, by what stands at the mistake.
pub(in crate::cel) fn slip(text: &str, at: usize) -> Option<&'static str> {
    let (before, rest) = text.split_at_checked(at)?;
    let written = before.trim_end();
    let word = leading(rest);
    Some(match word {
        "and" => "`and` is written `&&`",
        "or" => "`or` is written `||`",
        "is" => "equality is written `==`",
        "mod" => "the remainder is written `%`",
        "like" => {
            "a text is searched with `.contains(…)`, `.startsWith(…)` or, for regular expressions, `.matches(…)`"
        }
        "if" | "then" | "else" => "a choice is written `condition ? this : that`",
        _ if trailing(written) == "not" => "`not` is written `!`",
        _ => match rest.chars().next() {
            Some('=') if before.ends_with("==") => "equality is written `==`, inequality `!=`",
            Some('=') if before.ends_with('~') => MATCHES,
            Some('=') if rest.starts_with("=>") => {
                "a function of an element is written `.map(x, …)`, `.exists(x, …)` or `.all(x, …)`"
            }
            Some('=') if rest.starts_with("=~") => MATCHES,
            Some('=') => "equality is written `==`; a value gets a name in `spec.variables`",
            Some('~') => MATCHES,
            Some('&') => "`and` is written `&&`",
            Some('|') => "`or` is written `||`",
            Some('>') if written.ends_with('<') => "inequality is written `!=`",
            Some('?') if written.ends_with('?') => {
                "what may be missing is read with `.?name` or `[?\"key\"]` and `.orValue(…)`"
            }
            Some('\'' | '"') if is_open(rest) => {
                "a text ends on its line with the quote that it begins with; `\"\"\"` begins and ends one of several lines"
            }
            Some('#') => "a comment begins with `//` and ends with the line",
            Some(';') => "an expression is one value, without `;`; values get names in `spec.variables`",
            Some('\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}') => "texts are quoted with `'` or `\"`",
            None if text.contains("//") => {
                "`//` begins a comment up to the end of the line; lines that YAML folds (`>`) are one line"
            }
            _ => return None,
        },
    })
}

const MATCHES: &str = "a regular expression is searched for with `.matches(…)`";

/// The word that the text begins with.
fn leading(text: &str) -> &str {
    let end = text.find(|c: char| !is_of_word(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The word that the text ends with.
fn trailing(text: &str) -> &str {
    text.rsplit(|c: char| !is_of_word(c)).next().unwrap_or_default()
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// True if no quote on the line ends the text that the first begins.
fn is_open(text: &str) -> bool {
    let mut characters = text.chars();
    let Some(quote) = characters.next() else { return false };
    let mut escaped = false;
    for c in characters.take_while(|c| *c != '\n') {
        if c == quote && !escaped {
            return false;
        }
        escaped = c == '\\' && !escaped;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::slip;
    use crate::cel::ast::Macros;
    use crate::cel::front::parse;

    #[test]
    fn slips_from_other_languages_are_told_how_they_are_written() {
        for (text, due) in [
            ("a = 1", "equality is written `==`;"),
            ("a === 1", "equality is written `==`, "),
            ("a and b", "`and` is written `&&`"),
            ("a or b", "`or` is written `||`"),
            ("not a", "`not` is written `!`"),
            ("a & b", "`and` is written `&&`"),
            ("a | b", "`or` is written `||`"),
            ("if a then b", "a choice is written"),
            ("l.map(a => a)", "a function of an element"),
            ("a ~= 'x'", "a regular expression"),
            ("a =~ 'x'", "a regular expression"),
            ("a <> b", "inequality is written `!=`"),
            ("a ?? b", "what may be missing"),
            ("'a", "a text ends on its line"),
            ("a == \"b", "a text ends on its line"),
            ("a # b", "a comment begins with `//`"),
            ("a;", "an expression is one value"),
            ("a == \u{201c}b\u{201d}", "texts are quoted with"),
            ("a && // b == 1", "`//` begins a comment"),
            ("a is b", "equality is written"),
            ("a like 'b'", "a text is searched with"),
        ] {
            let errors = parse(text, Macros::OneVariable).unwrap_err();
            let first = errors.iter().find_map(|error| slip(text, error.offset));
            assert!(first.is_some_and(|told| told.starts_with(due)), "{text}: {first:?} of {errors:?}");
        }
        for text in ["(a", "{'a': 1", "a &&", "a b", "1..2", ")", ""] {
            let errors = parse(text, Macros::OneVariable).unwrap_err();
            assert!(errors.iter().all(|error| slip(text, error.offset).is_none()), "{text}: {errors:?}");
        }
    }
}
