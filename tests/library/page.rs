//! `docs/functions.md`: the reference of all functions, written from the tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use toolgate::internal::library::table::{Implementation, Library, Row};
use toolgate::internal::library::table_type;
use toolgate::internal::policy::model::Mode;
use toolgate::internal::types::Signature;

/// `HTTP, Envoy and JSON`
fn listed(modes: &[&str]) -> String {
    match modes.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}

/// The page: the overloads with their libraries, and the libraries of each mode. `missing` is what Kyverno declares beside this: how the ids of the overloads begin, and why.
pub(crate) fn page(
    declared: &[(Mode, &Library, &Row)],
    modes: &[(Mode, &[&Library])],
    missing: &[(&str, &str)],
) -> String {
    let mut out = String::from(
        "# Functions\n\n\
         Written from the tables of `src/library/` by `TOOLGATE_UPDATE=1 cargo test --test library`; `cargo test` fails when it is \
         stale, and evaluates every example: each is true. Signatures are CEL's: what stands before the dot is the \
         receiver; an operator has its name in CEL, `_+_`.\n",
    );
    // cel-go's standard library is one; its tables are several.
    let mut seen = BTreeSet::new();
    for (_, library, _) in declared.iter().filter(|(_, library, _)| seen.insert(library.name)) {
        let having = |has: &dyn Fn(&Library) -> bool| -> Vec<&str> {
            let modes = modes.iter().filter(|(_, libraries)| libraries.iter().any(|library| has(library)));
            modes.map(|(mode, _)| mode.as_str()).collect()
        };
        let modes = having(&|other| other.name == library.name);
        write!(out, "\n## {}\n\nIn policies of mode {}.\n", library.name, listed(&modes)).unwrap();
        let rows =
            || declared.iter().filter(|(_, other, _)| other.name == library.name).map(|(_, _, row)| *row);
        let mut names: Vec<String> = rows().map(name).collect();
        names.sort();
        names.dedup();
        for function in names {
            write!(out, "\n### `{function}`\n\n").unwrap();
            for row in rows().filter(|row| name(row) == function) {
                write!(out, "- `{}`: {}", row.signature, row.doc).unwrap();
                if let Implementation::Asking(_, capability) = row.implementation {
                    match capability.setting() {
                        Some((setting, _)) => write!(out, " Needs the setting `{setting}`.").unwrap(),
                        None => out.push_str(" It asks for the time of the call."),
                    }
                }
                let of = having(&|other| {
                    let has = |of: &Row| of.signature == row.signature && of.since <= other.version;
                    other.name == library.name && other.rows.iter().any(has)
                });
                if of != modes {
                    write!(out, " Only in mode {}.", listed(&of)).unwrap();
                }
                out.push('\n');
                for example in row.examples {
                    writeln!(out, "  - `{example}`").unwrap();
                }
            }
        }
    }
    out.push_str("\n## What Kyverno has beside these\n\nA policy that uses one of these does not load.\n\n");
    for (id, why) in missing {
        writeln!(out, "- `{id}…`: {why}").unwrap();
    }
    out
}

/// The name of the function that a row is an overload of.
fn name(row: &Row) -> String {
    Signature::parse(row.signature, &table_type).unwrap().name
}
