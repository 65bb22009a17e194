//! Better help than the checker's, which knows no requests: a header is a list of texts, and modes have other objects and
//! answers.

use bumpalo::Bump;

use crate::cel::{Env, TypeErrorKind};
use crate::library::kyverno::http::{canonical_key, is_token};
use crate::policy::model::Mode;
use crate::types::Type;

/// What to write in place of `text`, the part of the expression that is wrong.
pub(super) fn help(kind: &TypeErrorKind, text: &str, mode: Mode, environment: &Env<'_>) -> Option<String> {
    match kind {
        TypeErrorKind::NoMatchingOverload { function, arguments, .. } => {
            if function == "@in" && matches!(arguments.as_slice(), [Type::String, Type::String]) {
                return Some("`in` looks into lists and maps; for a part of a text write `text.contains(part)`".to_owned());
            }
            let is_of_request = ["eader", "uery", "variables."].iter().any(|word| text.contains(word));
            (is_of_request && takes_one_text(function, arguments, environment)).then(|| list_of_texts(text))
        }
        TypeErrorKind::UndefinedField { field, object } => match (field.as_str(), object.as_str()) {
            ("request", "http.CheckRequest" | "http.CheckRequestAttributes") => Some(
                "that is mode Envoy; in mode HTTP write `object.attributes.Header(\"X-Tool-Name\")`, `object.attributes.path`"
                    .to_owned(),
            ),
            ("header" | "method" | "path" | "body", "envoy.service.auth.v3.AttributeContext") => {
                let field = if field == "header" { "headers" } else { field };
                Some(format!("that is mode HTTP; in mode Envoy write `object.attributes.request.http.{field}`"))
            }
            _ => None,
        },
        TypeErrorKind::UndeclaredReference { name, receiver, .. } => {
            let is_other = match (mode, receiver) {
                (Mode::Http | Mode::Json, None) => name == "envoy",
                (Mode::Envoy | Mode::Json, Some(Type::Opaque("http.Context", _))) => {
                    matches!(name.as_str(), "Denied" | "Allowed")
                }
                _ => false,
            };
            is_other.then(|| format!("policies of mode {} answer with {}", mode.as_str(), mode.answers()))
        }
        _ => None,
    }
}

/// What to write where a list of texts stands and one text is due; `text` is the expression's, which names the header.
pub(super) fn list_of_texts(text: &str) -> String {
    let header =
        named(text, "eader").map(|name| format!("Header(\"{}\")", canonical_key(name, &Bump::new())));
    let query = || named(text, "ueryParam").or_else(|| named(text, "query"));
    let list = match header.or_else(|| query().map(|name| format!("QueryParam(\"{name}\")"))) {
        Some(call) => format!("object.attributes.{call}"),
        None => "list".to_owned(),
    };
    format!(
        "a header or query parameter is a list of texts, one for each value; test them with \
         `{list}.exists(value, value == \"…\")`"
    )
}

/// The name that is looked up in what ends with `word`: `header["name"]`, `header.?name`, `Header("name")`.
fn named<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(word)?;
    let name = rest.trim_start_matches(['(', '[', '.', '?', '"', '\'', ' ']);
    let name =
        name.split(|c: char| !u8::try_from(c).is_ok_and(is_token) || matches!(c, '.' | '\'')).next()?;
    (!name.is_empty() && name.len() < rest.len()).then_some(name)
}

/// Whether a function would take one text where there is a list of texts, or an optional one: `header[?"k"].orValue("")`.
fn takes_one_text(function: &str, arguments: &[Type], environment: &Env<'_>) -> bool {
    let inner = |ty: &Type| ty.unwrap_optional().unwrap_or(ty).clone();
    let is_texts = |ty: &Type| inner(ty) == Type::list(Type::String);
    let Some(function) = environment.functions().get(function) else { return false };
    let takes = |replaced: &dyn Fn(usize) -> bool| {
        function.overloads.iter().any(|overload| {
            let params = &overload.signature.params;
            let mut bound = None;
            params.len() == arguments.len()
                && params.iter().zip(arguments).enumerate().all(|(at, (param, ty))| {
                    let ty = if is_texts(ty) && replaced(at) { Type::String } else { inner(ty) };
                    fits(param.unwrap_optional().unwrap_or(param), &ty, &mut bound)
                })
        })
    };
    let is_there = arguments.iter().any(is_texts);
    is_there && (takes(&|_| true) || (0..arguments.len()).any(|only| takes(&|at| at == only)))
}

/// Whether a value of type `ty` fits a parameter, whose type parameter is `bound` by those before it.
fn fits(param: &Type, ty: &Type, bound: &mut Option<Type>) -> bool {
    match (param, ty) {
        (Type::Dyn, _) => true,
        (Type::Param(_), _) => *bound.get_or_insert_with(|| ty.clone()) == *ty,
        (Type::List(param), Type::List(element)) => fits(param, element, bound),
        _ => param == ty,
    }
}
