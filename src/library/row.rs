//! Short forms for writing function tables.

use super::table::{Implementation, Row};

/// A row that every version of its library has.
pub(crate) const fn row(
    id: &'static str,
    signature: &'static str,
    implementation: Implementation,
    doc: &'static str,
    examples: &'static [&'static str],
) -> Row {
    Row { id, signature, implementation, doc, examples, since: 0, total: false, json: false }
}

/// A row that its library has from `version` on.
pub(crate) const fn since(version: u8, row: Row) -> Row {
    Row { since: version, ..row }
}
