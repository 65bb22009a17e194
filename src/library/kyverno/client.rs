//! kyverno/sdk's `http`: requests that a policy makes (`extensions/cel/libs/http`). What is wrong with one before it is
//! sent is said here, in Go's words; sending it is the capability's.

use bumpalo::collections::Vec as BumpVec;

use super::http::{canonical_key, is_token};
use crate::error::{CelError, ErrorKind, Raise};
use crate::library::capability::{Capability, Request};
use crate::library::encode::encode;
use crate::library::k8s::url::parse::{self, Form, Parsed};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Body, Implementation, Library, TypeRow};
use crate::library::to_go::{self, inner};
use crate::value::base64::{self, Alphabet};
use crate::value::json::{JsonError, go};
use crate::value::{GoQuoted, MapBuilder, ObjectRow, Value};

const GET: &str = "What a URL answers to a GET request: the members of the JSON object with `statusCode` added, or any other \
     JSON as `body` (null if it is none) beside `statusCode`.";
const POST: &str = "What a URL answers when a value is posted to it as JSON, in the form of `Get`.";
const CLIENT: &str = "A client that trusts the authorities of these PEM certificates. As in Kyverno, nothing can be called on it.";

/// The helper `http`.
static CONTEXT: ObjectRow = ObjectRow::structure("http.Context", &[]);

/// Kyverno's `kyverno.http`.
pub static LIBRARY: Library = Library {
    name: "kyverno.http",
    version: 0,
    types: &[TypeRow::Object(&CONTEXT), TypeRow::Opaque("http.Context")],
    rows: &[
        row("http_get_string_pascal", "http.Context.Get(string) -> any", asking(get), GET, &[]),
        row(
            "http_get_string_headers_pascal",
            "http.Context.Get(string, map(string, string)) -> any",
            asking(get),
            "The same with headers.",
            &[],
        ),
        row("http_get_string_camel", "http.Context.get(string) -> any", asking(get), GET, &[]),
        row(
            "http_get_string_headers_camel",
            "http.Context.get(string, map(string, string)) -> any",
            asking(get),
            "The same with headers.",
            &[],
        ),
        row("http_post_string_any_pascal", "http.Context.Post(string, any) -> any", asking(post), POST, &[]),
        row(
            "http_post_string_any_headers_pascal",
            "http.Context.Post(string, any, map(string, string)) -> any",
            asking(post),
            "The same with headers.",
            &[],
        ),
        row("http_post_string_any_camel", "http.Context.post(string, any) -> any", asking(post), POST, &[]),
        row(
            "http_post_string_any_headers_camel",
            "http.Context.post(string, any, map(string, string)) -> any",
            asking(post),
            "The same with headers.",
            &[],
        ),
        row(
            "http_client_string_pascal",
            "http.Context.Client(string) -> http.Context",
            Implementation::Own(client),
            CLIENT,
            &["http.Client('') != http"],
        ),
        row(
            "http_client_string_camel",
            "http.Context.client(string) -> http.Context",
            Implementation::Own(client),
            CLIENT,
            &["http.client('') != http"],
        ),
    ],
};

const fn asking(body: Body) -> Implementation {
    Implementation::Asking(body, Capability::Http)
}

fn get<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (url, headers) = match arguments {
        [Value::Opaque(_), url] => (url, None),
        [Value::Opaque(_), url, headers] => (url, Some(headers)),
        _ => return Err(runtime.no_overload("Get", arguments)),
    };
    let url = to_go::string(runtime, url)?;
    let headers = headers_of(runtime, headers)?;
    ask(runtime, "Get", url, headers, None)
}

fn post<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (url, data, headers) = match arguments {
        [Value::Opaque(_), url, data] => (url, data, None),
        [Value::Opaque(_), url, data, headers] => (url, data, Some(headers)),
        _ => return Err(runtime.no_overload("Post", arguments)),
    };
    let url = to_go::string(runtime, url)?;
    let (body, not_finite) = match encode(runtime, data) {
        Ok(encoded) => encoded,
        Err(Raise::Error(CelError { kind: ErrorKind::Panic(text), .. })) => {
            return Err(ErrorKind::Panic(text).into());
        }
        Err(Raise::Error(error)) => return Err(runtime.error(format_args!("invalid arg 2: {error}"))),
        Err(fault) => return Err(fault),
    };
    let headers = headers_of(runtime, headers)?;
    if let Some(why) = not_finite {
        let data = match inner(data)? {
            Value::Double(double) if double.is_nan() => "number_value:nan",
            Value::Double(double) if double > 0.0 => "number_value:inf",
            Value::Double(_) => "number_value:-inf",
            // Go prints the message in a form that differs from run to run.
            _ => "",
        };
        return Err(runtime.error(format_args!(
            "request failed: failed to encode request data: failed to encode HTTP POST data {data}: json: error calling \
             MarshalJSON for type *structpb.Value: {why}"
        )));
    }
    let body = runtime.format(format_args!("{body}\n"))?;
    ask(runtime, "Post", url, headers, Some(body.as_bytes()))
}

/// Canonical names and values, sorted.
fn headers_of<'a>(
    runtime: &mut Runtime<'a>,
    headers: Option<&Value<'a>>,
) -> Result<&'a [(&'a str, &'a str)], Raise<'a>> {
    let Some(headers) = headers else { return Ok(&[]) };
    let Value::Map(map) = inner(headers)? else { return Err(ErrorKind::NoSuchOverload.into()) };
    runtime.charge(map.len())?;
    runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(&str, &str)>()))?;
    let mut out = BumpVec::with_capacity_in(map.len(), runtime.arena);
    for (name, value) in map.entries() {
        let (name, value) = (to_go::string(runtime, name)?, to_go::string(runtime, value)?);
        runtime.charge_scan(name.len())?;
        out.push((canonical_key(name, runtime.arena), value));
    }
    out.sort_unstable();
    Ok(out.into_bump_slice())
}

/// Go's client computes these itself, whatever the policy says.
const OWN_HEADERS: [&str; 4] = ["Host", "Content-Length", "Transfer-Encoding", "Trailer"];

fn ask<'a>(
    runtime: &mut Runtime<'a>,
    verb: &str,
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: Option<&'a [u8]>,
) -> Answer<'a> {
    runtime.charge_scan(url.len().saturating_mul(8).saturating_add(64))?;
    runtime.budget.charge_bytes(url.len().saturating_mul(4))?;
    let parsed = match parse::parse(runtime.arena, url.as_bytes(), Form::Any) {
        Ok(parsed) => parsed,
        Err(mistake) => {
            let of = String::from_utf8_lossy(mistake.of);
            let (of, what) = (GoQuoted(&of), mistake.what);
            return Err(
                runtime.error(format_args!("request failed: failed to create request: parse {of}: {what}"))
            );
        }
    };
    let url = parse::text(runtime.arena, &parsed);
    if let Some(wrong) = unsendable(runtime, &parsed, headers)? {
        let url = GoQuoted(url);
        return Err(runtime.error(format_args!("request failed: request failed: {verb} {url}: {wrong}")));
    }
    let mut sent = BumpVec::with_capacity_in(headers.len(), runtime.arena);
    sent.extend(headers.iter().copied().filter(|(name, _)| !OWN_HEADERS.contains(name)));
    let method = if body.is_some() { "POST" } else { "GET" };
    let request = Request { method, url, headers: sent.into_bump_slice(), body };
    let response = match runtime.session()?.http(&request) {
        Ok(response) => response,
        Err(why) => return Err(runtime.unanswered("request failed: ", why)),
    };
    answered(runtime, response.status, &response.body)
}

/// What Go's client says of a request before it sends it.
fn unsendable<'a>(
    runtime: &mut Runtime<'a>,
    url: &Parsed<'a>,
    headers: &[(&str, &str)],
) -> Result<Option<&'a str>, Raise<'a>> {
    let web = matches!(url.scheme, "http" | "https");
    for (name, value) in headers.iter().filter(|_| web) {
        runtime.charge_scan(name.len().saturating_add(value.len()))?;
        if name.is_empty() || !name.bytes().all(is_token) {
            let name = GoQuoted(name);
            return runtime.format(format_args!("net/http: invalid header field name {name}")).map(Some);
        }
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            let name = GoQuoted(name);
            return runtime.format(format_args!("net/http: invalid header field value for {name}")).map(Some);
        }
    }
    if !web {
        let scheme = GoQuoted(url.scheme);
        return runtime.format(format_args!("unsupported protocol scheme {scheme}")).map(Some);
    }
    if url.host.is_empty() {
        return Ok(Some("http: no Host in request URL"));
    }
    let host = std::str::from_utf8(url.host).unwrap_or_default();
    match host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && !port.contains(']')) {
        Some((_, port)) if port.parse::<u16>().is_err() => {
            runtime.format(format_args!("dial tcp: address {port}: invalid port")).map(Some)
        }
        _ => Ok(None),
    }
}

/// The answer as the policy sees it.
fn answered<'a>(runtime: &mut Runtime<'a>, status: u16, body: &'a [u8]) -> Answer<'a> {
    let (arena, budget) = (runtime.arena, &mut runtime.budget);
    let read = go::first(body, arena, budget).and_then(|first| go::untyped(first.raw, arena, budget));
    let value = match read {
        Ok(value) => value,
        Err(JsonError::Text(_)) => Value::Null,
        Err(JsonError::Fault(fault)) => return Err(fault.into()),
    };
    let entries = match &value {
        Value::Map(map) => map.entries(),
        other => &[(Value::String("body"), *other)],
    };
    let count = entries.len().saturating_add(1);
    runtime.charge(count)?;
    runtime.budget.charge_bytes(count.saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut out = MapBuilder::with_capacity(runtime.arena, count);
    entries.iter().for_each(|(key, value)| out.insert(*key, *value));
    out.insert(Value::String("statusCode"), Value::Int(i64::from(status)));
    Ok(Value::Map(out.finish()))
}

fn client<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Opaque(_), bundle] = arguments else { return Err(runtime.no_overload("Client", arguments)) };
    let bundle = to_go::string(runtime, bundle)?;
    runtime.charge_scan(bundle.len())?;
    if bundle.is_empty() || has_certificate(runtime, bundle)? {
        return Ok(Value::Opaque("http.contextImpl"));
    }
    Err(runtime.error(format_args!("request failed: failed to parse PEM CA bundle for APICall")))
}

/// True if a PEM block of the text looks like a certificate: a sequence of ASN.1 that fills it.
fn has_certificate<'a>(runtime: &mut Runtime<'a>, bundle: &'a str) -> Result<bool, Raise<'a>> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    for block in bundle.split(begin).skip(1) {
        let Some((block, _)) = block.split_once(end) else { continue };
        runtime.charge_scan(block.len())?;
        runtime.budget.charge_bytes(block.len().saturating_mul(2))?;
        let digits: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let mut der = BumpVec::with_capacity_in(digits.len(), runtime.arena);
        let read = base64::decode(&digits, Alphabet::Standard, true, &mut der).is_ok();
        // Every certificate is longer than what one byte of length can say.
        if let (true, [0x30, 0x82, high, low, rest @ ..]) = (read, der.as_slice())
            && rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
