//! Kubernetes' URLs (k8s.io/apiserver `pkg/cel/library/urls.go`) over Go's `net/url`.

use self::parse::{Encoding, Form, Parsed, unescape};
use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::extension::{Extension, GoQuotedBytes, Url};
use crate::value::{MapBuilder, Value};

pub(crate) mod parse;

/// `kubernetes.urls`
pub static LIBRARY: Library = Library {
    name: "kubernetes.urls",
    version: 0,
    types: &[TypeRow::Bare("kubernetes.URL")],
    rows: &[
        row(
            "string_to_url",
            "url(string) -> kubernetes.URL",
            Own(string_to_url),
            "The URL that a text is: an absolute one or a path that begins with `/`. Nothing is resolved or normalised.",
            &["url('https://user@example.com:80/').getHost() == 'example.com:80'", "url('/a') == url('/a')"],
        ),
        row(
            "is_url_string",
            "isURL(string) -> bool",
            Own(is_url),
            "True if `url` would read the text, whose fragment is not looked at on its own.",
            &["isURL('https://example.com/a')", "!isURL('../relative')"],
        ),
        row(
            "url_get_scheme",
            "kubernetes.URL.getScheme() -> string",
            Own(get_scheme),
            "The scheme in lower case, or nothing.",
            &["url('HTTPS://example.com/').getScheme() == 'https'", "url('/path').getScheme() == ''"],
        ),
        row(
            "url_get_host",
            "kubernetes.URL.getHost() -> string",
            Own(get_host),
            "The host and the port as they are written, without the user.",
            &["url('https://Example.com:80/').getHost() == 'Example.com:80'"],
        ),
        row(
            "url_get_hostname",
            "kubernetes.URL.getHostname() -> string",
            Own(get_hostname),
            "The host without port and brackets.",
            &["url('https://[::1]:80/').getHostname() == '::1'"],
        ),
        row(
            "url_get_port",
            "kubernetes.URL.getPort() -> string",
            Own(get_port),
            "The digits of the port, or nothing.",
            &["url('https://example.com:80/').getPort() == '80'", "url('https://a/').getPort() == ''"],
        ),
        row(
            "url_get_escaped_path",
            "kubernetes.URL.getEscapedPath() -> string",
            Own(get_escaped_path),
            "The path with what must be escaped escaped.",
            &["url('/a b').getEscapedPath() == '/a%20b'", "url('/a%2Fb').getEscapedPath() == '/a%2Fb'"],
        ),
        row(
            "url_get_query",
            "kubernetes.URL.getQuery() -> map(string, list(string))",
            Own(get_query),
            "The values of each name in the query, decoded; pairs with `;` or a bad `%` are left out.",
            &["url('https://a/?k=1&k=%20&x').getQuery() == {'k': ['1', ' '], 'x': ['']}"],
        ),
    ],
};

/// The parts of a URL, or Go's error.
///
/// # Errors
/// The budget is spent.
pub(in crate::library) fn read<'a>(
    rt: &mut Runtime<'a>,
    text: &'a str,
    form: Form,
) -> Result<Result<Parsed<'a>, &'a str>, Raise<'a>> {
    // Scanned for the scheme, the parts, their escapes and what is written anew.
    rt.charge_scan(text.len().saturating_mul(8))?;
    rt.budget.charge_bytes(text.len().saturating_mul(4))?;
    match parse::parse(rt.arena, text.as_bytes(), form) {
        Ok(parsed) => Ok(Ok(parsed)),
        Err(mistake) => {
            let quoted = GoQuotedBytes(mistake.of);
            Ok(Err(rt.format(format_args!("parse {quoted}: {}", mistake.what))?))
        }
    }
}

/// What `url.ParseRequestURI` says of the text; `Some`: Go's error.
pub(super) fn request_mistake<'a>(rt: &mut Runtime<'a>, text: &'a str) -> Result<Option<&'a str>, Raise<'a>> {
    Ok(read(rt, text, Form::Request)?.err())
}

fn string_to_url<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let mistake = match request_mistake(rt, text)? {
        Some(mistake) => mistake,
        None => match read(rt, text, Form::Any)? {
            Ok(parsed) => {
                rt.budget.charge_bytes(text.len().saturating_mul(4).saturating_add(size_of::<Url<'_>>()))?;
                let url = Url {
                    scheme: parsed.scheme,
                    host: parsed.host,
                    escaped_path: parse::escaped_path(rt.arena, &parsed),
                    query: parsed.query,
                    text: parse::text(rt.arena, &parsed),
                };
                return Ok(Value::Extension(Extension::Url(rt.arena.alloc(url))));
            }
            Err(mistake) => mistake,
        },
    };
    Err(rt.error(format_args!("URL parse error during conversion from string: {mistake}")))
}

fn is_url<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Bool(request_mistake(rt, text)?.is_none()))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Url<'a>, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Url(url))] => Ok(url),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// Go has strings of any bytes; what is no text cannot be said here.
fn string<'a>(bytes: &'a [u8]) -> Answer<'a> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Value::String(text)),
        Err(_) => Err(Fault::NotUtf8.into()),
    }
}

fn get_scheme<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::String(receiver(args)?.scheme))
}

fn get_host<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let url = receiver(args)?;
    rt.charge_scan(url.host.len())?;
    string(url.host)
}

/// The host without port and brackets, and the port.
fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    let colon = host.iter().rposition(|byte| *byte == b':');
    let (name, port) = match colon.and_then(|at| host.split_at_checked(at)) {
        Some((name, port)) if parse::is_port(port) => (name, port.strip_prefix(b":").unwrap_or(port)),
        _ => (host, &[][..]),
    };
    let inside = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
    (inside.unwrap_or(name), port)
}

fn get_hostname<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let url = receiver(args)?;
    rt.charge_scan(url.host.len())?;
    string(split_port(url.host).0)
}

fn get_port<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let url = receiver(args)?;
    rt.charge_scan(url.host.len())?;
    string(split_port(url.host).1)
}

fn get_escaped_path<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::String(receiver(args)?.escaped_path))
}

/// Go reads no more pairs than this.
const MOST_PAIRS: usize = 10_000;

fn get_query<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let url = receiver(args)?;
    rt.charge_scan(url.query.len().saturating_mul(4))?;
    let count = url.query.bytes().filter(|byte| *byte == b'&').count().saturating_add(1);
    let pairs = if count > MOST_PAIRS { "" } else { url.query };
    let mut found: Vec<(&'a str, &'a str)> = Vec::new();
    for pair in pairs.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        rt.charge(1)?;
        rt.budget.charge_bytes(pair.len())?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &'a str| unescape(rt.arena, text.as_bytes(), Encoding::Query).ok();
        let (Some(key), Some(value)) = (decode(key), decode(value)) else { continue };
        let (Value::String(key), Value::String(value)) = (string(key)?, string(value)?) else { continue };
        found.push((key, value));
    }
    // The values of one name keep their order.
    rt.charge(found.len().saturating_mul(16))?;
    found.sort_by_key(|(key, _)| *key);
    rt.budget.charge_bytes(found.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
    let mut map = MapBuilder::with_capacity(rt.arena, found.len());
    for group in found.chunk_by(|a, b| a.0 == b.0) {
        let mut values = rt.list_builder(group.len())?;
        values.extend(group.iter().map(|(_, value)| Value::String(value)));
        let values = rt.finish_list(values);
        if let Some((key, _)) = group.first() {
            map.insert(Value::String(key), values);
        }
    }
    Ok(Value::Map(map.finish()))
}

#[cfg(test)]
mod tests;
