//! cel-go's `ext.TwoVarComprehensions`: the function behind its macros `transformMap` and `transformMapEntry`, which no
//! expression can call by name. What the macros become is the front's business.

use crate::library::row::row;
use crate::library::table::{Implementation::Planned, Library};

/// `cel.lib.ext.comprev2`
pub static LIBRARY: Library = Library {
    name: "cel.lib.ext.comprev2",
    version: 0,
    types: &[],
    rows: &[
        row(
            "@mapInsert_map_key_value",
            "cel.@mapInsert(map(K, V), K, V) -> map(K, V)",
            Planned,
            "What `m.transformMap(k, v, x)` adds an entry with: an error if the key is there already.",
            &[
                "{'a': 1, 'b': 2}.transformMap(k, v, v + 1) == {'a': 2, 'b': 3}",
                "['x', 'y'].transformMap(i, v, i > 0, v) == {1: 'y'}",
            ],
        ),
        row(
            "@mapInsert_map_map",
            "cel.@mapInsert(map(K, V), map(K, V)) -> map(K, V)",
            Planned,
            "What `m.transformMapEntry(k, v, {x: y})` adds entries with: an error if a key is there already.",
            &[
                "['x', 'y'].transformMapEntry(i, v, {v: i}) == {'x': 0, 'y': 1}",
                "{'a': 1}.transformMapEntry(k, v, v > 1, {v: k}) == {}",
            ],
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
