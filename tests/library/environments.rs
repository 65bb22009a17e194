//! What Kyverno's environments declare, as the oracle wrote it down, beside what ours do: overloads with their signatures,
//! variables, types and fields. What differs is listed with a reason, and a reason that is not needed any more is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value as Json;
use toolgate::internal::cel::program::Arena;
use toolgate::internal::cel::{Functions, compile};
use toolgate::internal::library::object_type;
use toolgate::internal::library::table::TypeRow;
use toolgate::internal::policy::model::Mode;

use crate::MODES;

/// Overloads that Kyverno declares and no table here has: how their ids begin, and why.
pub(crate) const MISSING: &[(&str, &str)] = &[
    ("__not_strictly_false__", "cel-go's own, in what macros become; no expression can call it"),
    ("in_", "old names of the operator `in`, which no expression can call"),
    ("cel_block_list", "cel-go's own, in trees that it has optimised; no expression can call it"),
];

/// Types that Kyverno knows and the tables here do not: how their names begin, and why. No type that is known here has a field
/// of one of them. A policy that names one is refused.
const UNKNOWN_TYPES: &[(&str, &str)] = &[
    (".", "Go's structs without a name in mcp-go's capabilities; no expression can write it"),
    ("impl.", "inside of Go's protobuf, registered with the claims of `jwt.Token`"),
    ("pragma.", "inside of Go's protobuf, registered with the claims of `jwt.Token`"),
    ("structpb.", "inside of Go's protobuf, registered with the claims of `jwt.Token`"),
    ("sync.", "inside of Go's protobuf, registered with the claims of `jwt.Token`"),
    ("envoy.config.core.v3.", "Envoy's configuration, in the files that its CheckRequest imports"),
    ("envoy.service.auth.v3.AttributeContext.", "entries of maps, which no value is"),
    ("envoy.type.v3.", "numbers of Envoy's configuration"),
    ("google.protobuf.", "how protobuf describes its own files, which Envoy's import"),
    ("udpa.annotations.", "remarks in Envoy's files"),
    ("validate.", "remarks in Envoy's files"),
    ("xds.", "remarks in Envoy's files, and parameters of its configuration"),
];

/// Types that are known here, but not all of them: the mode, the name, what differs, and why.
const LESS_OF: &[(Mode, &str, &str, &str)] = &[
    (Mode::Http, "jwk.Set", "literal", "a set without anything in it, on which Go's code panics"),
    (Mode::Envoy, "jwk.Set", "literal", "a set without anything in it, on which Go's code panics"),
    (Mode::Json, "list", "literal", "an error whenever it is evaluated"),
    (Mode::Json, "null_type", "literal", "an error whenever it is evaluated"),
];

/// Enums whose values Kyverno knows and the tables here do not: how their names begin. They are those of the types above.
const UNKNOWN_ENUMS: &[&str] = &["google.protobuf.", "udpa.annotations.", "validate.", "xds."];

fn rows(file: &str) -> Vec<Json> {
    let text = fs::read_to_string(format!("testdata/kyverno/environments/{file}.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_mode(rows: &[Json], mode: Mode) -> impl Iterator<Item = &Json> {
    rows.iter().filter(move |row| row["mode"] == mode.as_str())
}

fn text(row: &Json, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}

/// A signature with the type parameters called by the order in which they come.
fn plain(signature: &str) -> String {
    let mut seen = Vec::new();
    let mut out = String::new();
    let mut word = String::new();
    for character in signature.chars().chain([' ']) {
        if character.is_alphanumeric() || "_.".contains(character) {
            word.push(character);
            continue;
        }
        // The receiver stands before the function's name with a dot between.
        let (parameter, rest) = word.split_at(word.find('.').unwrap_or(word.len()));
        match parameter.len() == 1 && parameter.chars().all(|letter| letter.is_ascii_uppercase()) {
            true => {
                let number = seen.iter().position(|known| known == parameter).unwrap_or(seen.len());
                if number == seen.len() {
                    seen.push(parameter.to_owned());
                }
                out.push_str(&format!("T{number}{rest}"));
            }
            false => out.push_str(&word),
        }
        word.clear();
        out.push(character);
    }
    out.trim_end().to_owned()
}

/// The overloads of an environment here, in the notation of the oracle.
fn overloads(functions: &Functions) -> BTreeMap<(String, String), String> {
    let mut all = BTreeMap::new();
    for function in functions.iter() {
        let name = &function.name;
        for overload in &function.overloads {
            let signature = &overload.signature;
            let mut parameters: Vec<String> = signature.params.iter().map(ToString::to_string).collect();
            let receiver = match signature.member {
                true => format!("{}.", parameters.remove(0)),
                false => String::new(),
            };
            let text = format!("{receiver}{name}({}) -> {}", parameters.join(", "), signature.result);
            all.insert((name.clone(), overload.row.id.to_owned()), plain(&text));
        }
    }
    all
}

#[test]
fn every_overload_of_kyverno_is_in_a_table_with_its_signature_or_listed_with_a_reason() {
    let declared = rows("overloads");
    for (mode, libraries) in MODES {
        let ours = overloads(&Functions::new(libraries));
        let theirs: BTreeMap<(String, String), String> = of_mode(&declared, mode)
            .map(|row| ((text(row, "function"), text(row, "overload")), plain(&text(row, "signature"))))
            .collect();
        assert!(theirs.len() > 400, "{mode:?}: only {} overloads", theirs.len());
        let listed = |id: &str| MISSING.iter().any(|(prefix, _)| id.starts_with(prefix));
        let differ: Vec<String> = theirs
            .iter()
            .filter(|((_, id), _)| !listed(id))
            .filter(|(name, signature)| ours.get(name) != Some(signature))
            .map(|(name, signature)| format!("{} {signature}, here {:?}", name.1, ours.get(name)))
            .collect();
        assert!(differ.is_empty(), "{mode:?}:\n{}", differ.join("\n"));
        let invented: Vec<_> = ours.keys().filter(|name| !theirs.contains_key(name)).collect();
        assert!(invented.is_empty(), "{mode:?}: Kyverno does not declare {invented:?}");
        for (prefix, why) in MISSING {
            let used = theirs.keys().any(|name| name.1.starts_with(*prefix) && !ours.contains_key(name));
            assert!(used, "{mode:?}: nothing is missing that begins with {prefix} ({why})");
        }
    }
}

/// The static type of an expression; nothing if it does not check.
fn type_of(mode: Mode, expression: &str) -> Option<String> {
    let arena = Arena::new();
    compile(expression, &mode.environment(), &arena).ok().map(|made| made.program.output().to_string())
}

#[test]
fn every_variable_of_kyverno_is_here_with_its_type_and_no_other() {
    let declared = rows("variables");
    for (mode, _) in MODES {
        let theirs: BTreeMap<String, String> =
            of_mode(&declared, mode).map(|row| (text(row, "variable"), text(row, "type"))).collect();
        assert!(theirs.len() > 10, "{mode:?}: only {} variables", theirs.len());
        let known = |name: &str| !UNKNOWN_ENUMS.iter().any(|prefix| name.starts_with(prefix));
        let differ: Vec<String> = theirs
            .iter()
            .filter(|(name, _)| known(name) || type_of(mode, name).is_some())
            .filter(|(name, ty)| type_of(mode, name).as_ref() != Some(ty))
            .map(|(name, ty)| format!("{name}: {ty}, here {:?}", type_of(mode, name)))
            .collect();
        assert!(differ.is_empty(), "{mode:?}:\n{}", differ.join("\n"));
        let environment = mode.environment();
        let invented: Vec<_> = environment.names().filter(|name| !theirs.contains_key(*name)).collect();
        assert!(invented.is_empty(), "{mode:?}: Kyverno does not declare {invented:?}");
    }
}

/// The fields of an object type here that an access finds.
fn fields(name: &str) -> Option<BTreeMap<String, String>> {
    let fields = object_type(name)?.fields.iter();
    Some(fields.filter_map(|field| Some((field.name.to_owned(), field.ty.as_ref()?.to_string()))).collect())
}

#[test]
fn every_type_of_kyverno_is_here_with_its_name_its_literal_and_its_fields_or_listed_with_a_reason() {
    let declared = rows("types");
    let mut used = BTreeSet::new();
    let mut less = BTreeSet::new();
    let mut differ = Vec::new();
    for (mode, libraries) in MODES {
        let theirs: BTreeMap<String, &Json> =
            of_mode(&declared, mode).map(|row| (text(row, "type"), row)).collect();
        assert!(theirs.len() > 30, "{mode:?}: only {} types", theirs.len());
        let mut absent = BTreeSet::new();
        for (name, row) in &theirs {
            let here = [type_of(mode, name), type_of(mode, &format!("{name}{{}}"))];
            let due = ["name", "literal"].map(|member| row[member].as_str().map(str::to_owned));
            if let Some((prefix, _)) = UNKNOWN_TYPES.iter().find(|(prefix, _)| name.starts_with(prefix))
                && here == [None, None]
                && (due != here || row["fields"].is_object())
            {
                used.insert(*prefix);
                absent.insert(name.as_str());
                continue;
            }
            for ((what, due), here) in ["name", "literal"].into_iter().zip(due).zip(here) {
                match LESS_OF.iter().find(|(of, known, part, _)| (*of, *known, *part) == (mode, name, what)) {
                    Some(listed) if due != here => drop(less.insert(listed.1)),
                    _ if due == here => {}
                    _ => differ.push(format!("{mode:?} {name}: {what} {due:?}, here {here:?}")),
                }
            }
            if let Some(due) = row["fields"].as_object() {
                let due: BTreeMap<String, String> =
                    due.iter().map(|(field, ty)| (field.clone(), ty.as_str().unwrap().to_owned())).collect();
                let here = fields(name).unwrap_or_default();
                if due != here {
                    differ.push(format!("{mode:?} {name}: fields {due:?}, here {here:?}"));
                }
            }
        }
        // Nothing leads from what is known to what is not.
        let known = theirs.iter().filter(|(name, _)| !absent.contains(name.as_str()));
        for (name, row) in known {
            for (field, ty) in row["fields"].as_object().into_iter().flatten() {
                let parts = ty.as_str().unwrap().split(['(', ')', ',', ' ']);
                if let Some(unknown) = parts.into_iter().find(|part| *part != "." && absent.contains(part)) {
                    differ.push(format!("{mode:?} {name}.{field}: {unknown} is listed as unknown"));
                }
            }
        }
        for row in libraries.iter().flat_map(|library| library.types) {
            let (TypeRow::Named(name) | TypeRow::Opaque(name) | TypeRow::Bare(name)) = *row else {
                let (TypeRow::Object(object) | TypeRow::Hidden(object)) = *row else { continue };
                if type_of(mode, object.name).is_some() && !theirs.contains_key(object.name) {
                    differ.push(format!("{mode:?} {}: Kyverno does not declare it", object.name));
                }
                continue;
            };
            if type_of(mode, name).is_some() && !theirs.contains_key(name) {
                differ.push(format!("{mode:?} {name}: Kyverno does not declare it"));
            }
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
    for (prefix, why) in UNKNOWN_TYPES {
        assert!(used.contains(prefix), "no type is missing that begins with {prefix} ({why})");
    }
    for (_, name, part, why) in LESS_OF {
        assert!(less.contains(name), "the {part} of {name} does not differ ({why})");
    }
}
