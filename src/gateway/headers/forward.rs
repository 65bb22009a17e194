//! The caller's own headers that policies see beside the computed ones, when a deployment wants that.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::budget::Budget;
use crate::gateway::call::Call;
use crate::gateway::refusal::{Refusal, Unfit};
use crate::library::kyverno::http::canonical_key;
use crate::value::Value;
use crate::value::json::strict::{Kind, Node};

/// The canonical names of the caller's headers that policies may see: those that are wanted, but for those that the
/// mapping computes. A computed header that is absent stays absent, whatever the caller sends under its name.
pub fn names_to_forward(wanted: &[String], computed: &[String]) -> Vec<String> {
    let arena = Bump::new();
    let canonical = |names: &[String]| -> Vec<String> {
        names.iter().map(|name| canonical_key(name, &arena).to_owned()).collect()
    };
    let computed = canonical(computed);
    let mut names = canonical(wanted);
    // Go takes `Host` out of the headers before anybody sees them.
    names.retain(|name| !computed.contains(name) && name != "Host");
    names.sort_unstable();
    names.dedup();
    names
}

/// Adds the caller's headers of these canonical names to the mapping's results. A list is several values, as two
/// lines of one header are; a text is one value, whatever commas are in it.
///
/// # Errors
/// A header has different values in two spellings, or is neither text nor a list of texts; the budget is spent.
pub fn forwarded<'a>(
    call: &Call<'a>,
    names: &'a [String],
    results: &mut BumpVec<'a, (&'a str, Value<'a>)>,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<(), Unfit> {
    let members = call.request.headers.map(Node::members).unwrap_or_default();
    for name in names {
        let mut first: Option<&Node<'a>> = None;
        for member in members {
            budget.charge(1)?;
            if !member.name.eq_ignore_ascii_case(name) {
                continue;
            }
            // Which of two spellings another reader would take is anybody's guess.
            if first.is_some_and(|first| first.raw != member.value.raw) {
                return Err(Refusal::HeaderValue.into());
            }
            first = Some(&member.value);
        }
        if let Some(node) = first {
            results.push((name, header_value(node, arena, budget)?));
        }
    }
    Ok(())
}

fn header_value<'a>(node: &Node<'a>, arena: &'a Bump, budget: &mut Budget) -> Result<Value<'a>, Unfit> {
    match node.kind {
        Kind::Null => Ok(Value::Null),
        Kind::String(text) => Ok(Value::String(text)),
        Kind::List(nodes) => {
            budget.charge_bytes(nodes.len().saturating_mul(size_of::<Value<'_>>()))?;
            let mut values = BumpVec::with_capacity_in(nodes.len(), arena);
            for node in nodes {
                values.push(Value::String(node.as_str().ok_or(Refusal::HeaderValue)?));
            }
            Ok(Value::List(values.into_bump_slice()))
        }
        Kind::Bool(_) | Kind::Number | Kind::Object(_) | Kind::Unread => Err(Refusal::HeaderValue.into()),
    }
}

#[cfg(test)]
#[expect(
    clippy::panic_in_result_fn,
    clippy::unwrap_in_result,
    reason = "a test that cannot go on should panic"
)]
mod tests {
    use super::*;
    use crate::gateway::call::{Sorted, sort};
    use crate::gateway::judging::Judging;
    use crate::gateway::judging::Rules;
    use crate::gateway::wire::{Event, event};

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn computed_headers_are_never_forwarded_whatever_their_spelling() {
        let wanted = names(&["x-dept", "X-USER", "x-tool-name", "Host", "X-Dept", "accept"]);
        let computed = names(&["X-User", "X-TOOL-Name"]);
        assert_eq!(names_to_forward(&wanted, &computed), ["Accept", "X-Dept"]);
    }

    fn forward(headers: &str, name: &str) -> Result<Option<String>, Unfit> {
        let text = format!(
            r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"headers":{headers},"body":{{"jsonrpc":"2.0","id":1,"method":"x"}}}}}}}}"#
        );
        let arena = Bump::new();
        let (text, names): (&str, &[String]) = (arena.alloc_str(&text), &[name.to_owned()]);
        let mut budget = Budget::default();
        let Event::Request(request) = event(text.as_bytes(), &arena, &mut budget) else { panic!() };
        let Sorted::Ask(call) = sort(request, &Rules::new(&Judging::default()).unwrap(), &arena) else {
            panic!()
        };
        let mut results = BumpVec::new_in(&arena);
        forwarded(call, names, &mut results, &arena, &mut budget)?;
        assert!(results.iter().all(|(found, _)| *found == name));
        Ok(results.first().map(|(_, value)| format!("{value:?}")))
    }

    #[test]
    fn a_forwarded_header_has_the_caller_s_values() {
        let refused = Err(Unfit::Refusal(Refusal::HeaderValue));
        for (headers, expected) in [
            ("{}", Ok(None)),
            ("null", Ok(None)),
            (r#"{"x-dept":"a, b"}"#, Ok(Some(r#"String("a, b")"#.to_owned()))),
            (r#"{"X-DEPT":["a","b"]}"#, Ok(Some(r#"List([String("a"), String("b")])"#.to_owned()))),
            (r#"{"x-dept":null}"#, Ok(Some("Null".to_owned()))),
            (r#"{"x-dept":"a","X-Dept":"a"}"#, Ok(Some(r#"String("a")"#.to_owned()))),
            (r#"{"x-dept":"a","X-Dept":"b"}"#, refused.clone()),
            (r#"{"x-dept":5}"#, refused.clone()),
            (r#"{"x-dept":["a",5]}"#, refused.clone()),
            (r#"{"x-other":5}"#, Ok(None)),
        ] {
            assert_eq!(forward(headers, "X-Dept"), expected, "{headers}");
        }
    }
}
