//! What an engine computes of every call because a policy reads it: the programs of the headers, with the arena they
//! live in.

use bumpalo::Bump;
use self_cell::{MutBorrow, self_cell};

use crate::cel::Reads;
use crate::cel::program::{Arena, Program};
use crate::config::{HeaderRule, compile_header};
use crate::diag::{Code, Diagnostic};
use crate::gateway::envoy;
use crate::gateway::headers::{Attribute, CALL, CallReads};
use crate::gateway::json::{self, JsonReads};
use crate::gateway::request::{self, HeaderReads};
use crate::library::kyverno::http::canonical_key;

type Programs<'p> = Vec<(String, Program<'p>)>;

self_cell!(
    /// Programs and the arena they live in.
    struct Owned {
        owner: MutBorrow<Arena>,

        #[covariant]
        dependent: Programs,
    }
);

/// The headers that any policy reads.
pub(super) struct Mapping {
    programs: Owned,
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
        let programs = Owned::new(MutBorrow::new(Arena::new()), |arena| {
            programs(rules, checked, request_reads, arena.borrow_mut(), &mut reads, diagnostics)
        });
        Mapping { programs, reads: call_reads(&reads) }
    }

    /// The headers by canonical name, in the order of the mapping.
    pub(super) fn programs(&self) -> &[(String, Program<'_>)] {
        self.programs.borrow_dependent()
    }

    /// The attributes of `call` that they read.
    pub(super) fn reads(&self) -> CallReads {
        self.reads
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

/// The programs of the headers that any policy reads, by canonical name, and what they read of `call`.
fn programs<'p>(
    rules: &[HeaderRule],
    checked: &[(String, Vec<u8>)],
    request_reads: &request::Reads,
    arena: &'p Arena,
    reads: &mut Reads,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(String, Program<'p>)> {
    let mut mapping = Vec::new();
    for HeaderRule { name, expression } in rules {
        let canonical = canonical_key(name, &Bump::new()).to_owned();
        if !request_reads.header(&canonical) {
            continue;
        }
        match compile_header(expression, checked, arena, reads) {
            Ok(program) => mapping.push((canonical, program)),
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
    const HEADER: &str = "attributes.header";
    let headers = if reads.reads_whole(HEADER) {
        HeaderReads::All
    } else {
        let names = reads.keys.iter().filter(|(map, _)| map == HEADER);
        HeaderReads::Names(names.map(|(_, name)| canonical_key(name, &Bump::new()).to_owned()).collect())
    };
    request::Reads { headers, query: reads.reads("attributes.query"), mcp: reads.reads("mcp") }
}
