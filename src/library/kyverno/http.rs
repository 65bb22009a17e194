//! The authz server's `http` functions: what a policy answers, and headers and query parameters of the request.

use crate::error::Raise;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Library, Row};
use crate::library::to_go;
use crate::value::{Object, ObjectRow, Value};

mod canonical;
pub mod objects;

pub use canonical::{canonical_key, is_token};
use objects::{CHECK_RESPONSE, CHECK_RESPONSE_DENIED, CHECK_RESPONSE_OK};

/// Kyverno's `kyverno.authz.http`.
pub static LIBRARY: Library = Library {
    name: "kyverno.authz.http",
    version: 0,
    types: objects::TYPES,
    rows: &[
        Row {
            id: "http_allowed",
            signature: "http.Allowed() -> http.CheckResponseOk",
            implementation: Implementation::Own(allowed),
            doc: "The answer that allows the request; `.Response()` makes it a rule's result.",
            examples: &["has(http.Allowed().Response().ok)"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "http_denied_string",
            signature: "http.Denied(string) -> http.CheckResponseDenied",
            implementation: Implementation::Own(denied),
            doc: "The answer that refuses the request, with the reason that the caller is told.",
            examples: &["http.Denied('no').reason == 'no'", "has(http.Denied('no').Response().denied)"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "http_get_header_string",
            signature: "http.CheckRequestAttributes.Header(string) -> list(string)",
            implementation: Implementation::Lookup(header, "header"),
            doc: "All values of a header; the name may have any case. An absent header has none.",
            examples: &[
                "http.CheckRequestAttributes{header: {'X-Foo': ['a', 'b']}}.Header('x-foo') == ['a', 'b']",
                "http.CheckRequestAttributes{header: {'a': ['b']}}.Header('a') == []",
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "http_get_queryparam_string",
            signature: "http.CheckRequestAttributes.QueryParam(string) -> list(string)",
            implementation: Implementation::Lookup(query_param, "query"),
            doc: "All values of a query parameter; an absent one has none.",
            examples: &[
                "http.CheckRequestAttributes{query: {'a': ['1', '2']}}.QueryParam('a') == ['1', '2']",
            ],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "http_response_ok",
            signature: "http.CheckResponseOk.Response() -> http.CheckResponse",
            implementation: Implementation::Own(response),
            doc: "The response that allows.",
            examples: &["has(http.Allowed().Response().ok) && !has(http.Allowed().Response().denied)"],
            since: 0,
            total: true,
            json: false,
        },
        Row {
            id: "http_response_denied",
            signature: "http.CheckResponseDenied.Response() -> http.CheckResponse",
            implementation: Implementation::Own(response),
            doc: "The response that refuses.",
            examples: &["http.Denied('no').Response().denied.reason == 'no'"],
            since: 0,
            total: true,
            json: false,
        },
    ],
};

/// The index of `header` in `http.CheckRequestAttributes`.
const HEADER: usize = 1;
/// The index of `query` in `http.CheckRequestAttributes`.
const QUERY: usize = 8;

/// An object with CEL names, as Kyverno's own functions make them.
fn object<'a>(runtime: &mut Runtime<'a>, ty: &'static ObjectRow, fields: &[Option<Value<'a>>]) -> Answer<'a> {
    runtime.charge(1)?;
    runtime.budget.charge_bytes(size_of_val(fields).saturating_add(size_of::<Object<'_>>()))?;
    let fields = runtime.arena.alloc_slice_copy(fields);
    Ok(Value::Object(runtime.arena.alloc(Object { ty, fields, tagged: true })))
}

fn allowed<'a>(runtime: &mut Runtime<'a>, _: &[Value<'a>]) -> Answer<'a> {
    object(runtime, &CHECK_RESPONSE_OK, &[])
}

fn denied<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [reason @ Value::String(_)] => object(runtime, &CHECK_RESPONSE_DENIED, &[Some(*reason)]),
        _ => Err(runtime.no_overload("http.Denied", arguments)),
    }
}

fn response<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Object(answer)] if answer.is(&CHECK_RESPONSE_OK) => {
            object(runtime, &CHECK_RESPONSE, &[Some(Value::Object(answer)), None])
        }
        [Value::Object(answer)] if answer.is(&CHECK_RESPONSE_DENIED) => {
            object(runtime, &CHECK_RESPONSE, &[None, Some(Value::Object(answer))])
        }
        _ => Err(runtime.no_overload("Response", arguments)),
    }
}

fn header<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Object(attributes), key] = arguments else {
        return Err(runtime.no_overload("Header", arguments));
    };
    let key = to_go::string(runtime, key)?;
    runtime.charge_scan(key.len())?;
    // Looked at once more where it is written anew.
    runtime.charge(key.len() >> 4)?;
    runtime.budget.charge_bytes(key.len())?;
    lookup(attributes, HEADER, canonical_key(key, runtime.arena))
}

fn query_param<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Object(attributes), key] = arguments else {
        return Err(runtime.no_overload("QueryParam", arguments));
    };
    let key = to_go::string(runtime, key)?;
    runtime.charge_scan(key.len())?;
    lookup(attributes, QUERY, key)
}

fn lookup<'a>(attributes: &Object<'a>, field: usize, key: &str) -> Result<Value<'a>, Raise<'a>> {
    let Value::Map(map) = attributes.get(field) else { return Ok(Value::List(&[])) };
    Ok(map.get_str(key).unwrap_or(Value::List(&[])))
}

#[cfg(test)]
mod tests {
    use super::objects::CHECK_REQUEST_ATTRIBUTES;
    use super::*;
    use crate::budget::Budget;
    use crate::library::types::table_type;
    use crate::types::Signature;
    use crate::value::MapBuilder;
    use bumpalo::Bump;

    #[test]
    fn signatures_read_and_field_indices_are_those_of_the_type() {
        for row in LIBRARY.rows {
            Signature::parse(row.signature, &table_type).unwrap();
        }
        let ty = &CHECK_REQUEST_ATTRIBUTES;
        assert_eq!(ty.field("header").unwrap().0, HEADER);
        assert_eq!(ty.field("query").unwrap().0, QUERY);
    }

    #[test]
    fn a_header_is_found_under_its_canonical_name_only() {
        let arena = Bump::new();
        let mut runtime = Runtime::new(&arena, Budget::default());
        let mut map = MapBuilder::with_capacity(&arena, 2);
        map.insert(Value::String("X-Foo"), Value::List(&[Value::String("v")]));
        map.insert(Value::String("lower"), Value::List(&[Value::String("w")]));
        let fields = [None, Some(Value::Map(map.finish()))];
        let attributes =
            Object { ty: &CHECK_REQUEST_ATTRIBUTES, fields: arena.alloc_slice_copy(&fields), tagged: false };
        let attributes = Value::Object(arena.alloc(attributes));
        for (key, found) in [("x-foo", true), ("X-FOO", true), ("lower", false), ("x foo", false)] {
            let Ok(Value::List(values)) = header(&mut runtime, &[attributes, Value::String(key)]) else {
                panic!("{key}")
            };
            assert_eq!(!values.is_empty(), found, "{key}");
        }
    }

    #[test]
    fn a_response_sets_exactly_one_side() {
        let arena = Bump::new();
        let mut runtime = Runtime::new(&arena, Budget::default());
        let ok = allowed(&mut runtime, &[]).unwrap();
        let no = denied(&mut runtime, &[Value::String("r")]).unwrap();
        for (answer, sides) in [(ok, [true, false]), (no, [false, true])] {
            let Ok(Value::Object(object)) = response(&mut runtime, &[answer]) else { panic!() };
            assert_eq!([object.is_set(0), object.is_set(1)], sides);
            assert!(object.tagged);
        }
        assert!(denied(&mut runtime, &[Value::Int(1)]).is_err());
    }
}
