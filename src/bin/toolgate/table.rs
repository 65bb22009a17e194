//! Tables of text, framed as those of Kyverno's command line are.

use anstyle::Style;
use toolgate::internal::visible::printable;

use crate::report::BOLD;

/// A cell: its text, which may have several lines, and its style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    lines: Vec<String>,
    style: Style,
}

impl Cell {
    /// A cell in the terminal's own colour. The text is sanitised.
    pub(crate) fn plain(text: &str) -> Cell {
        Cell::styled(text, Style::new())
    }

    /// A cell in `style`. The text is sanitised.
    pub(crate) fn styled(text: &str, style: Style) -> Cell {
        Cell { lines: text.split('\n').map(|line| printable(line.trim_end_matches('\r'))).collect(), style }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
    }
}

/// Renders `rows` below `header`.
pub(crate) fn render<const N: usize>(header: [&str; N], rows: &[[Cell; N]]) -> String {
    let header = header.map(|text| Cell::styled(text, BOLD));
    let mut widths = header.each_ref().map(Cell::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut rule = String::from("│");
    for width in widths {
        rule.push_str(&"─".repeat(width.saturating_add(2)));
        rule.push('│');
    }
    rule.push('\n');
    let mut out = rule.clone();
    push_row(&mut out, &header, &widths);
    out.push_str(&rule);
    for row in rows {
        push_row(&mut out, row, &widths);
    }
    out.push_str(&rule);
    out
}

fn push_row(out: &mut String, row: &[Cell], widths: &[usize]) {
    let height = row.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    for line in 0..height {
        out.push('│');
        for (cell, width) in row.iter().zip(widths) {
            let text = cell.lines.get(line).map_or("", String::as_str);
            let padding = " ".repeat(width.saturating_sub(text.chars().count()));
            let style = cell.style;
            out.push_str(&format!(" {style}{text}{style:#}{padding} │"));
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_line_and_cells_may_have_several() {
        let rows = [[Cell::plain("é"), Cell::plain("two\nlines\u{1b}[1m")]];
        let text = render(["A", "B"], &rows);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(
            plain,
            "\
│───│────────────────│
│ A │ B              │
│───│────────────────│
│ é │ two            │
│   │ lines\\u{1b}[1m │
│───│────────────────│
"
        );
    }
}
