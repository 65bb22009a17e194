//! Mistakes as cel-go prints them; goldens compare this text and Kyverno's messages hold it.

use std::fmt::Write;

use super::Mistakes;

/// cel-go does not print longer source lines.
const MAX_SNIPPET: usize = 16_384;

/// `ERROR: <input>:1:5: message` with the source line and a pointer, one block per mistake.
pub fn render(mistakes: &Mistakes) -> String {
    let Mistakes { ast, errors, more } = mistakes;
    let mut out = String::new();
    for (i, error) in errors.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        block(&mut out, &ast.text, ast.info(error.node).anchor, &error.kind.to_string());
    }
    if *more > 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "\n{more} more errors were truncated");
    }
    out
}

fn block(out: &mut String, text: &str, anchor: u32, message: &str) {
    let anchor = usize::try_from(anchor).unwrap_or(usize::MAX);
    let before = text.get(..anchor).unwrap_or(text);
    let line_number = before.matches('\n').count().saturating_add(1);
    let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let line = text.get(line_start..).unwrap_or_default().split('\n').next().unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let _ = write!(out, "ERROR: <input>:{line_number}:{}: {message}", column.saturating_add(1));
    if line.len() > MAX_SNIPPET {
        return;
    }
    let _ = write!(out, "\n | {}\n | ", line.replace('\t', " "));
    let mut characters = line.chars();
    for c in characters.by_ref().take(column) {
        // cel-go points under characters of more than one byte with full-width marks.
        out.push(if c.len_utf8() > 1 { '．' } else { '.' });
    }
    out.push(if characters.next().is_some_and(|c| c.len_utf8() > 1) { '＾' } else { '^' });
}
