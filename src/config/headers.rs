//! The mapping of headers: what a file changes of the built-in one, and what an expression of it must be.
//!
//! Does not evaluate it: that is the interceptor's.

use std::sync::Arc;

use bumpalo::Bump;

use super::{EnvironmentSource, HeaderRule, Settings};
use crate::cel::program::{Arena, Program};
use crate::cel::tree::{Checked, Expr, ExprKind, Literal};
use crate::cel::{self, Env, Issue, Reads, TypeErrorKind};
use crate::diag::{Code, Diagnostic};
use crate::gateway::headers::CALL;
use crate::library::kyverno::http::canonical_key;
use crate::library::table::TypeRow;
use crate::limit::over;
use crate::policy::bundle::CheckedHeaders;
use crate::policy::environment;
use crate::policy::lint::{Deployed, Found, of_header};
use crate::source::{ScalarMap, Source, Span};
use crate::types::Type;
use crate::yaml::Scalar;

/// The name of the mapping of headers.
pub(super) const HEADERS: &str = "headers";
/// The most headers of a mapping, those counted that a file removes.
pub(super) const MAX_HEADERS: usize = 200;
/// The most bytes of all expressions of a mapping together: each is compiled at every start.
pub(super) const MAX_EXPRESSION_BYTES: usize = 128 * 1024;

/// What is wrong with a mapping of so many headers, whose expressions have so many bytes together.
pub(super) fn too_large(headers: usize, bytes: usize) -> Option<String> {
    if headers > MAX_HEADERS {
        return Some(format!("`{HEADERS}` has {headers} headers, {}", over(MAX_HEADERS, "")));
    }
    (bytes > MAX_EXPRESSION_BYTES).then(|| {
        let over = over(MAX_EXPRESSION_BYTES, "");
        format!("`{HEADERS}` has expressions of {bytes} bytes together, {over}")
    })
}

/// As [`too_large`], of a whole mapping.
pub(super) fn too_many(rules: &[HeaderRule]) -> Option<String> {
    let bytes = rules.iter().map(|rule| rule.expression.len()).fold(0, usize::saturating_add);
    too_large(rules.len(), bytes)
}

/// What a file says of one header.
#[derive(Debug)]
pub(super) struct Override {
    /// Its name, as policies see it.
    pub(super) name: String,
    /// Where its name stands.
    pub(super) key: Span,
    /// `headers.X-Tool-Name`
    path: String,
    /// The expression and the way back to the file; without one the header is removed.
    expression: Option<(String, ScalarMap)>,
}

impl Override {
    pub(super) fn new(name: &str, key: Span, path: String) -> Override {
        Override { name: canonical(name), key, path, expression: None }
    }

    pub(super) fn with_expression(self, scalar: &Scalar) -> Override {
        Override { expression: Some((scalar.text.clone(), scalar.map.clone())), ..self }
    }
}

/// A header's name in the form in which policies see it.
pub(super) fn canonical(name: &str) -> String {
    canonical_key(name, &Bump::new()).to_owned()
}

/// Applies `overrides` to `mapping`: an expression under a name that is there replaces it in its place, one under a
/// new name is added, and nothing removes. Those among `checked` were compiled before.
///
/// # Errors
/// Every mistake of every expression is pushed to `out`, and so is the removal of a header that is not there.
pub(super) fn apply(
    mapping: &mut Vec<HeaderRule>,
    overrides: Vec<Override>,
    checked: &[(String, Vec<u8>)],
    source: &Arc<Source>,
    out: &mut Vec<Diagnostic>,
) {
    for Override { name, key, path, expression } in overrides {
        let place = mapping.iter_mut().find(|rule| rule.name == name);
        let Some((text, map)) = expression else {
            if place.is_none() {
                let names = mapping.iter().map(|rule| rule.name.as_str());
                let message = format!("there is no header `{name}` to remove");
                let diagnostic =
                    Diagnostic::error(Code::ConfigUnknownField, message).at(source, key).path(path);
                out.push(diagnostic.suggest(&name, names));
            }
            mapping.retain(|rule| rule.name != name);
            continue;
        };
        let mut slips = Vec::new();
        let (arena, mut reads) = (Arena::new(), Reads::default());
        let compiled =
            compiled(&text, checked, &arena, &mut reads, &mut |checked| slips = of_header(checked));
        out.extend(slips.into_iter().map(|Found { code, message, help, start, end }| {
            let slip = Diagnostic::warning(code, message).help(help);
            slip.at(source, map.locate(start, end)).path(&path)
        }));
        if let Err(mistakes) = compiled {
            out.extend(mistakes.into_iter().map(|mistake| {
                let span = map.locate(mistake.start, mistake.end);
                let diagnostic =
                    Diagnostic::error(mistake.code, mistake.message).at(source, span).path(&path);
                match mistake.help {
                    Some(help) => diagnostic.help(help),
                    None => diagnostic,
                }
            }));
        }
        match place {
            Some(rule) => rule.expression = text,
            None => mapping.push(HeaderRule { name, expression: text }),
        }
    }
}

/// One mistake in a header's expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMistake {
    /// Its kind.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// How to repair it.
    pub help: Option<String>,
    /// Where it begins, in bytes of the expression.
    pub start: usize,
    /// Where it ends, in bytes of the expression.
    pub end: usize,
}

/// Compiles a header's expression over `call` and adds what it reads of `call` to `reads`. Its result must be a
/// string, a list of strings or null, as far as the type checker can know. If it is among those that were `checked`
/// before, it is neither parsed nor checked.
///
/// # Errors
/// Every mistake in it, by place.
pub fn compile_header<'p>(
    expression: &str,
    checked: &[(String, Vec<u8>)],
    arena: &'p Arena,
    reads: &mut Reads,
) -> Result<Program<'p>, Vec<HeaderMistake>> {
    compiled(expression, checked, arena, reads, &mut |_| {})
}

/// What policies may know of a deployment with these settings.
pub fn deployed(settings: &Settings) -> Deployed {
    let mut environments: Vec<String> = match &settings.environment {
        EnvironmentSource::Argument => Vec::new(),
        EnvironmentSource::Fixed(environment) => vec![environment.to_string()],
        EnvironmentSource::Targets(rows) => {
            rows.iter().map(|(_, environment)| environment.to_string()).collect()
        }
    };
    environments.sort_unstable();
    environments.dedup();
    let is_known = settings.environment != EnvironmentSource::Argument;
    let mut deployed = Deployed::new(&settings.forward_headers, is_known.then_some(environments.as_slice()));
    for HeaderRule { name, expression } in &settings.headers {
        let mut look = |checked: &Checked<'_>| deployed.add(name, checked);
        // One that does not compile is a mistake of the settings, told as such.
        drop(compiled(expression, &[], &Arena::new(), &mut Reads::default(), &mut look));
    }
    deployed
}

/// The texts that a header always has: those of a literal, none if it is null or empty. Nothing if it depends on the call, or
/// is a mistake.
pub(super) fn literals(expression: &str) -> Option<Vec<String>> {
    let mut texts = None;
    let mut look = |checked: &Checked<'_>| {
        let elements = match &checked.ast.root.kind {
            ExprKind::Literal(Literal::Null) => &[],
            ExprKind::List { elements, .. } => elements.as_slice(),
            _ => std::slice::from_ref(&checked.ast.root),
        };
        let text = |element: &Expr| match &element.kind {
            ExprKind::Literal(Literal::String(text)) => Some(text.clone()),
            _ => None,
        };
        texts = elements.iter().map(text).collect();
    };
    let compiled = compiled(expression, &[], &Arena::new(), &mut Reads::default(), &mut look).is_ok();
    texts.filter(|_| compiled)
}

/// What the caller alone says of a call.
const CALLERS: [&str; 4] = ["headers", "arguments", "environment", "query"];

/// Whether a header is made of what the caller alone says.
pub(super) fn is_callers_word(expression: &str) -> bool {
    let mut reads = Reads::default();
    let compiled = compiled(expression, &[], &Arena::new(), &mut reads, &mut |_| {}).is_ok();
    compiled && CALLERS.iter().any(|of| reads.reads(of))
}

/// As [`compile_header`]; `look` is shown the checked tree of one that was not checked before.
fn compiled<'p>(
    expression: &str,
    checked: &[(String, Vec<u8>)],
    arena: &'p Arena,
    reads: &mut Reads,
    look: &mut dyn FnMut(&Checked<'_>),
) -> Result<Program<'p>, Vec<HeaderMistake>> {
    let environment = environment_of_headers();
    let checked = checked.iter().find(|(text, _)| text == expression);
    let compiled = match checked {
        Some((_, written)) => cel::compile_written_alone(written, &environment, arena),
        None => cel::compile_seen(expression, &environment, arena, look),
    };
    let compiled = compiled.map_err(|wrong| {
        let mistake = |issue: Issue| HeaderMistake {
            code: issue.code,
            help: {
                let own = issue.kind.as_ref().and_then(|kind| own_help(kind, expression));
                own.or_else(|| issue.help(expression, &environment))
            },
            message: issue.message,
            start: issue.start,
            end: issue.end,
        };
        wrong.issues.into_iter().map(mistake).collect::<Vec<_>>()
    })?;
    if let Some((ask, start, end)) = compiled.asks.first() {
        let message = format!(
            "`{}` asks outside of the call, and a header is computed from the call alone",
            ask.function
        );
        return Err(vec![HeaderMistake {
            code: Code::NotGranted,
            message,
            help: None,
            start: *start,
            end: *end,
        }]);
    }
    let output = compiled.program.output();
    if !is_header(output) {
        let message = format!("a header must be a string, a list of strings or null, not `{output}`");
        let help = Some(remedy(output).to_owned());
        let (start, end) = (0, expression.len());
        return Err(vec![HeaderMistake { code: Code::HeaderType, message, help, start, end }]);
    }
    reads.extend(compiled.reads);
    Ok(compiled.program)
}

/// The expressions of `rules` and what each checks to, without those in which something is wrong.
pub fn check_headers(rules: &[HeaderRule]) -> CheckedHeaders {
    let environment = environment_of_headers();
    let check = |HeaderRule { expression, .. }: &HeaderRule| {
        Some((expression.clone(), cel::write_alone(expression, &environment)?))
    };
    rules.iter().filter_map(check).collect()
}

fn environment_of_headers() -> Env<'static> {
    Env::new(environment::functions())
        .with_types(&[TypeRow::Object(&CALL)])
        .with_input("call", Type::Struct(CALL.name))
}

/// Whether a value of this type can be a header. What is known only at run time is looked at then, and a call whose
/// header is something else is refused.
fn is_header(ty: &Type) -> bool {
    match ty {
        Type::String | Type::Null | Type::Dyn => true,
        Type::List(element) => matches!(**element, Type::String | Type::Dyn),
        _ => false,
    }
}

fn remedy(found: &Type) -> &'static str {
    match found {
        Type::Bool | Type::Int | Type::Uint | Type::Double | Type::Timestamp | Type::Duration => {
            "`string(…)` makes it text"
        }
        Type::Opaque(..) => "write `has(…) ? dyn(…) : null` for what may be absent",
        Type::List(_) => "`.map(item, string(item))` makes texts of its elements",
        _ => "choose a field of it",
    }
}

/// What authors of headers get wrong and authors of policies do not: a fixed text without its own quotes, and a
/// conditional of a text and null.
fn own_help(kind: &TypeErrorKind, expression: &str) -> Option<String> {
    match kind {
        TypeErrorKind::UndeclaredReference { name, .. } if name == expression.trim() && name != "call" => {
            Some(format!("`{HEADERS}` hold expressions; the text is `'\"{name}\"'`"))
        }
        TypeErrorKind::NoMatchingOverload { function, .. } if function == "_?_:_" => {
            Some("both sides must be of one type, or one of them `dyn`: `has(…) ? dyn(…) : null`".to_owned())
        }
        TypeErrorKind::UndeclaredReference { name, .. } if name == "http" || name == "envoy" => Some(
            "a header is computed from `call` alone: nothing is asked for it, and only policies answer"
                .to_owned(),
        ),
        TypeErrorKind::UndeclaredReference { name, .. } if name == "object" => Some(
            "a header is computed from `call`; `object` is what policies see of it afterwards".to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::headers::DEFAULT_MAPPING;

    fn wrong(expression: &str) -> Vec<(Code, usize, usize)> {
        match compile_header(expression, &[], &Arena::new(), &mut Reads::default()) {
            Ok(_) => Vec::new(),
            Err(mistakes) => mistakes.iter().map(|m| (m.code, m.start, m.end)).collect(),
        }
    }

    #[test]
    fn every_header_of_the_default_mapping_compiles_and_has_its_canonical_name() {
        for (name, expression) in DEFAULT_MAPPING {
            assert_eq!(wrong(expression), [], "{name}");
            assert_eq!(canonical(name), *name);
        }
    }

    #[test]
    fn a_header_is_a_string_a_list_of_strings_null_or_known_at_run_time() {
        for expression in [
            "call.method",
            "null",
            "[]",
            "['a', call.tool]",
            "call.arguments.tenant",
            "call.claims['https://example.com/roles']",
            "call.arguments.tags.map(tag, tag)",
            "has(call.user) ? dyn(call.user) : null",
        ] {
            assert_eq!(wrong(expression), [], "{expression}");
        }
        for expression in ["1", "true", "[1]", "call", "call.headers", "{'a': 'b'}", "call.arguments[?'a']"] {
            assert_eq!(wrong(expression), [(Code::HeaderType, 0, expression.len())], "{expression}");
        }
    }

    #[test]
    fn mistakes_have_their_place_in_the_expression() {
        assert_eq!(wrong("call.tol"), [(Code::CelUndefinedField, 0, 8)]);
        assert_eq!(wrong("call.tool + call.roles").len(), 1);
        assert_eq!(wrong("call.tool == ")[0].0, Code::CelSyntax);
        assert_eq!(wrong("object.attributes.method")[0], (Code::CelUndeclared, 0, 6));
    }
}
