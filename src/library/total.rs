//! Holds the tables to what their rows promise: a row marked total has a value for every argument of its types.

use bumpalo::Bump;

use super::runtime::Runtime;
use super::table::{Implementation, Row};
use crate::budget::Budget;
use crate::error::Raise;
use crate::library::types::{object_type, table_type};
use crate::types::{Signature, Type};
use crate::value::{MapBuilder, Object, Timestamp, Value};

/// The extremes of a type. A parameter stands for the simplest types and for lists.
fn extremes<'a>(ty: &Type, arena: &'a Bump) -> Vec<Value<'a>> {
    let texts = [
        "",
        "a",
        "é",
        "x-foo",
        "1",
        "NaN",
        "-9223372036854775808",
        "a,b,,",
        "𝔘𝔫\u{0}",
        "%s",
        "(",
        "\u{202e}",
    ];
    match ty {
        Type::Null => vec![Value::Null],
        Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
        Type::Int => [i64::MIN, i64::MIN + 1, -64, -1, 0, 1, 2, 63, 64, i64::MAX].map(Value::Int).to_vec(),
        Type::Uint => [0, 1, 63, 64, 1 << 63, u64::MAX].map(Value::Uint).to_vec(),
        Type::Double => [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -0.0,
            0.0,
            5e-324,
            1e15 + 0.3,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ]
        .map(Value::Double)
        .to_vec(),
        Type::String => texts.map(Value::String).to_vec(),
        Type::Bytes => [&b""[..], b"a", b"\xff\xfe", "é".as_bytes()].map(Value::Bytes).to_vec(),
        Type::Duration => [i64::MIN, -1, 0, 1, i64::MAX].map(Value::Duration).to_vec(),
        Type::Timestamp => [Timestamp::MIN_SECONDS, 0, Timestamp::MAX_SECONDS]
            .map(|seconds| Value::Timestamp(Timestamp { seconds, nanos: 999_999_999, offset: 0 }))
            .to_vec(),
        Type::List(element) => {
            let elements = extremes(element, arena);
            let mut lists = vec![Value::List(&[])];
            for element in &elements {
                lists.push(Value::List(arena.alloc_slice_copy(&[*element])));
            }
            lists.push(Value::List(arena.alloc_slice_copy(&elements)));
            let twice: Vec<_> = elements.iter().rev().chain(&elements).copied().collect();
            lists.push(Value::List(arena.alloc_slice_copy(&twice)));
            lists
        }
        Type::Map(entry) => {
            let key = extremes(&entry.0, arena)
                .into_iter()
                .find(|key| !matches!(key, Value::List(_) | Value::Null));
            let mut map = MapBuilder::with_capacity(arena, 1);
            map.insert(key.unwrap(), extremes(&entry.1, arena)[0]);
            vec![Value::Map(MapBuilder::with_capacity(arena, 0).finish()), Value::Map(map.finish())]
        }
        Type::Opaque("optional_type", inner) => extremes(&inner[0], arena)
            .into_iter()
            .map(|inner| Value::Optional(Some(arena.alloc(inner))))
            .chain([Value::Optional(None)])
            .collect(),
        Type::Opaque(name, _) => vec![Value::Opaque(name)],
        Type::Struct(name) => {
            let ty = object_type(name).unwrap();
            let fields = arena.alloc_slice_fill_copy(ty.fields.len(), None);
            [true, false].map(|tagged| Value::Object(arena.alloc(Object { ty, fields, tagged }))).to_vec()
        }
        Type::Param(_) | Type::Dyn => {
            [Type::Null, Type::Bool, Type::Int, Type::Double, Type::String, Type::list(Type::Int)]
                .iter()
                .flat_map(|ty| extremes(ty, arena))
                .collect()
        }
        other => panic!("no values of {other}"),
    }
}

/// Calls a row with all combinations of extremes, up to a bound; what it raises.
fn failures(row: &Row) -> Vec<String> {
    let arena = Bump::new();
    let signature = Signature::parse(row.signature, &table_type).unwrap();
    let (body, pattern) = match row.implementation {
        Implementation::Own(body) | Implementation::Lookup(body, _) | Implementation::Asking(body, _) => {
            (body, None)
        }
        Implementation::Pattern(body, index) | Implementation::Groups(body, index) => (body, Some(index)),
        Implementation::Shared(shared) => (shared.body, shared.pattern),
        Implementation::Planned => return Vec::new(),
    };
    let compiled = crate::library::regex::compile("a|(b)*", crate::library::regex::Groups::Dropped).unwrap();
    let compiled = arena.alloc(compiled);
    let mut pools: Vec<_> = signature.params.iter().map(|ty| extremes(ty, &arena)).collect();
    if let Some(index) = pattern {
        pools[index] = vec![Value::String("a|(b)*")];
    }
    let combinations: usize = pools.iter().map(Vec::len).product();
    let mut failures = Vec::new();
    for combination in 0..combinations.min(20_000) {
        let mut rest = combination;
        let arguments: Vec<Value<'_>> = pools
            .iter()
            .map(|pool| {
                let value = pool[rest.checked_rem(pool.len()).unwrap()];
                rest = rest.checked_div(pool.len()).unwrap();
                value
            })
            .collect();
        let mut runtime = Runtime::new(&arena, Budget::default());
        runtime.pattern = pattern.map(|_| &*compiled);
        if let Err(Raise::Error(error)) = body(&mut runtime, &arguments) {
            failures.push(format!("{}: {error} for {arguments:?}", row.id));
        }
    }
    failures
}

#[test]
fn a_total_row_has_a_value_for_all_arguments_of_its_types() {
    let mut wrong = Vec::new();
    let mut called = 0;
    for row in super::HTTP.iter().flat_map(|library| library.rows).filter(|row| row.total) {
        called += usize::from(!matches!(row.implementation, Implementation::Planned));
        wrong.extend(failures(row).into_iter().take(1));
    }
    assert!(called > 100, "{called} rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_that_parse_divide_or_index_are_seen_to_fail() {
    for id in [
        "string_to_int",
        "divide_int64",
        "substring",
        "optional_value",
        "unmarshal_string_dyn",
        "lists_range",
    ] {
        let row = super::HTTP.iter().flat_map(|library| library.rows).find(|row| row.id.contains(id));
        let row = row.unwrap_or_else(|| panic!("{id}"));
        assert!(!row.total && !failures(row).is_empty(), "{id}");
    }
}
