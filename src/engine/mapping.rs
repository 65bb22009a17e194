//! What an engine computes of every call because a policy reads it: the programs of the headers, with the arena they
//! live in.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;
use self_cell::{MutBorrow, self_cell};

use crate::budget::Budget;
use crate::cel::Reads;
use crate::cel::eval::Frame;
use crate::cel::program::{Arena, Program};
use crate::config::{HeaderRule, compile_header};
use crate::diag::{Code, Diagnostic};
use crate::error::Raise;
use crate::gateway::attributes::Deployment;
use crate::gateway::envoy;
use crate::gateway::headers::{Attribute, CALL, CallReads, call_value, plain_value};
use crate::gateway::json::{self, JsonReads};
use crate::gateway::refusal::Unfit;
use crate::gateway::request::{self, HeaderReads};
use crate::gateway::{Call, Refusal};
use crate::library::kyverno::http::canonical_key;
use crate::library::runtime::Runtime;
use crate::policy::model::Mode;
use crate::value::Value;

/// What gives a header its values.
enum Origin<'p> {
    /// An attribute of the call, as it is.
    Attribute(Attribute),
    /// An expression.
    Program(Program<'p>),
}

type Origins<'p> = Vec<(String, Origin<'p>)>;

self_cell!(
    /// What gives the headers their values, and the arena of the programs among it.
    struct Owned {
        owner: MutBorrow<Arena>,

        #[covariant]
        dependent: Origins,
    }
);

/// The headers that any policy reads.
pub(super) struct Mapping {
    origins: Owned,
    /// The attributes of `call` that the expressions read.
    reads: CallReads,
}

impl Mapping {
    /// Compiles those of `rules` that any policy reads, unless they are among those that were `checked` before.
    pub(super) fn new(
        rules: &[HeaderRule],
        checked: &[(String, Vec<u8>)],
        request_reads: &request::Reads,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Mapping {
        let mut reads = Reads::default();
        let origins = Owned::new(MutBorrow::new(Arena::new()), |arena| {
            origins(rules, checked, request_reads, arena.borrow_mut(), &mut reads, diagnostics)
        });
        Mapping { origins, reads: call_reads(&reads) }
    }

    /// How many headers there are.
    pub(super) fn len(&self) -> usize {
        self.origins.borrow_dependent().len()
    }

    /// The headers of a call, by canonical name and in the order of the mapping.
    ///
    /// # Errors
    /// An expression fails, or an attribute that is read cannot be had; the budget is spent.
    pub(super) fn evaluate<'a>(
        &'a self,
        call: &Call<'a>,
        settings: &Deployment<'a>,
        results: &mut BumpVec<'a, (&'a str, Value<'a>)>,
        arena: &'a Bump,
        budget: &mut Budget,
    ) -> Result<(), Unfit> {
        // What expressions see is made for the first of them.
        let mut inputs: Option<&'a [Value<'a>]> = None;
        for (name, origin) in self.origins.borrow_dependent() {
            let value = match origin {
                Origin::Attribute(attribute) => plain_value(call, *attribute, settings, arena, budget)?,
                Origin::Program(program) => {
                    let seen = match inputs {
                        Some(seen) => seen,
                        None => &*arena.alloc([call_value(call, self.reads, settings, arena, budget)?]),
                    };
                    inputs = Some(seen);
                    let mut frame = Frame::new(Runtime::new(arena, *budget), seen);
                    let value = frame.evaluate(program);
                    *budget = frame.runtime.budget;
                    match value {
                        Ok(value) => value,
                        Err(Raise::Fault(fault)) => return Err(fault.into()),
                        Err(Raise::Error(_)) => return Err(Refusal::HeaderValue.into()),
                    }
                }
            };
            results.push((name, value));
        }
        Ok(())
    }
}

/// What a list of the configuration compiles to; its errors become diagnostics.
pub(super) fn fallible<T>(result: Result<T, Vec<String>>, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    result
        .map_err(|errors| {
            diagnostics.extend(errors.into_iter().map(|error| Diagnostic::error(Code::BadFormat, error)));
        })
        .ok()
}

/// What gives the headers that any policy reads their values, by canonical name, and what it reads of `call`.
fn origins<'p>(
    rules: &[HeaderRule],
    checked: &[(String, Vec<u8>)],
    request_reads: &request::Reads,
    arena: &'p Arena,
    reads: &mut Reads,
    diagnostics: &mut Vec<Diagnostic>,
) -> Origins<'p> {
    let mut mapping = Vec::new();
    for HeaderRule { name, expression } in rules {
        let canonical = canonical_key(name, &Bump::new()).to_owned();
        if !request_reads.header(&canonical) {
            continue;
        }
        if let Some(attribute) = Attribute::plain(expression) {
            mapping.push((canonical, Origin::Attribute(attribute)));
            continue;
        }
        match compile_header(expression, checked, arena, reads) {
            Ok(program) => mapping.push((canonical, Origin::Program(program))),
            Err(mistakes) => diagnostics.extend(
                mistakes
                    .into_iter()
                    .map(|mistake| Diagnostic::error(mistake.code, format!("`{name}`: {}", mistake.message))),
            ),
        }
    }
    mapping
}

/// The attributes of `call` that the mapping reads.
fn call_reads(reads: &Reads) -> CallReads {
    if reads.everything {
        return CallReads::ALL;
    }
    let mut attributes = CallReads::default();
    for (index, field) in CALL.fields.iter().enumerate() {
        if let Some(attribute) = Attribute::at(index).filter(|_| reads.reads(field.name)) {
            attributes = attributes.with(attribute);
        }
    }
    attributes
}

/// What policies of mode JSON read of the object, whose members have the names of the attributes.
pub(super) fn json_reads(reads: &Reads) -> JsonReads {
    JsonReads { attributes: call_reads(reads), headers: reads.reads(json::HEADERS) }
}

/// The headers that policies of mode Envoy read. Names that are not in lower case are never there.
pub(super) fn envoy_headers(reads: &Reads) -> request::Reads {
    let headers = if reads.reads_whole(envoy::HEADERS) {
        HeaderReads::All
    } else {
        let names = reads.keys.iter().filter(|(map, _)| map == envoy::HEADERS).map(|(_, name)| name);
        HeaderReads::Names(names.map(|name| canonical_key(name, &Bump::new()).to_owned()).collect())
    };
    request::Reads { headers, ..request::Reads::default() }
}

/// What policies read of the request, in the gateway's terms.
pub(super) fn request_reads(reads: &Reads) -> request::Reads {
    const HEADER: &str = Mode::Http.headers();
    let headers = if reads.reads_whole(HEADER) {
        HeaderReads::All
    } else {
        let names = reads.keys.iter().filter(|(map, _)| map == HEADER);
        HeaderReads::Names(names.map(|(_, name)| canonical_key(name, &Bump::new()).to_owned()).collect())
    };
    request::Reads { headers, query: reads.reads("attributes.query"), mcp: reads.reads("mcp") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::call::{Sorted, sort};
    use crate::gateway::headers::DEFAULT_MAPPING;
    use crate::gateway::judging::{Judging, Rules};
    use crate::gateway::wire::{Event, event};
    use std::collections::HashSet;

    fn message(method: &str, params: &str) -> String {
        format!(
            r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"path":"/mcp","httpMethod":"POST","body":{{"jsonrpc":"2.0",
            "id":1,"method":"{method}","params":{params}}}}}}}}}"#
        )
    }

    /// What is not compiled gives what it would give, and costs the same.
    #[test]
    fn a_plain_attribute_is_what_its_expression_gives() {
        let messages = [
            message(
                "tools/call",
                r#"{"name":"orders___delete_order","arguments":{"environment":["A","b"],"query":"a"}}"#,
            ),
            message("tools/call", r#"{"name":"x"}"#),
            message("resources/read", r#"{"uri":"file:///a"}"#),
            message("prompts/get", r#"{"name":"p"}"#),
            message("unknown/method", "{}"),
        ];
        let rules = Rules::new(&Judging::default()).unwrap();
        let settings = Deployment::default();
        let mut there = HashSet::new();
        for (name, expression) in DEFAULT_MAPPING {
            let attribute = Attribute::plain(expression).unwrap_or_else(|| panic!("{name}"));
            let programs = Arena::new();
            let program = compile_header(expression, &[], &programs, &mut Reads::default()).unwrap();
            for message in &messages {
                let arena = Bump::new();
                let mut budget = Budget::default();
                let Event::Request(request) = event(message.as_bytes(), &arena, &mut budget) else {
                    panic!()
                };
                let Sorted::Ask(call) = sort(request, &rules, &arena) else { panic!("{message}") };
                let mut plain_budget = Budget::default();
                let plain = plain_value(call, attribute, &settings, &arena, &mut plain_budget).unwrap();
                let mut budget = Budget::default();
                let reads = CallReads::default().with(attribute);
                let value = call_value(call, reads, &settings, &arena, &mut budget).unwrap();
                let mut frame = Frame::new(Runtime::new(&arena, budget), arena.alloc([value]));
                let evaluated = frame.evaluate(&program).unwrap();
                assert_eq!(format!("{plain:?}"), format!("{evaluated:?}"), "{name}: {message}");
                assert_eq!(plain_budget.steps, frame.runtime.budget.steps, "{name}: {message}");
                if format!("{plain:?}") != "Null" {
                    there.insert(*name);
                }
            }
        }
        let of_tokens = ["X-User", "X-Client-Id", "X-User-Roles", "X-User-Groups"];
        assert_eq!(there.len() + of_tokens.len(), DEFAULT_MAPPING.len(), "{there:?}");
    }

    #[test]
    fn what_is_written_otherwise_is_an_expression() {
        for expression in [
            "call.tool",
            "has(call.tool) ? dyn(call.target) : null",
            "has(call.claims) ? dyn(call.claims) : null",
            "has(call.nothing) ? dyn(call.nothing) : null",
            "has(call.tool) ? dyn(call.tool) : \"\"",
            " call.method",
        ] {
            assert_eq!(Attribute::plain(expression), None, "{expression}");
        }
    }
}
