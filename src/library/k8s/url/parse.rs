//! Go's `net/url`: what a URL's parts are, byte by byte, and how it is written anew.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use crate::library::k8s::net::address;
use crate::value::extension::GoQuotedBytes;

/// Which of Go's functions reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `url.ParseRequestURI`: absolute, and `#` means nothing.
    Request,
    /// `url.Parse`: a fragment is split off.
    Any,
}

/// A URL in its parts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parsed<'a> {
    /// In lower case.
    pub(crate) scheme: &'a str,
    /// What follows the scheme where no `/` does.
    pub(crate) opaque: &'a str,
    /// Name and password, decoded.
    pub(crate) user: Option<(&'a [u8], Option<&'a [u8]>)>,
    /// The host with its port, decoded.
    pub(crate) host: &'a [u8],
    /// The path as it was written, and decoded.
    pub(crate) path: (&'a str, &'a [u8]),
    /// True for `scheme:/path`.
    pub(crate) omit_host: bool,
    /// True for a `?` with nothing behind it.
    pub(crate) force_query: bool,
    /// What follows `?`.
    pub(crate) query: &'a str,
    /// The fragment as it was written, and decoded.
    pub(crate) fragment: (&'a str, &'a [u8]),
}

/// Why a text is no URL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mistake<'a> {
    /// The text that Go quotes.
    pub(crate) of: &'a [u8],
    /// What is wrong.
    pub(crate) what: What<'a>,
}

/// What is wrong with a URL; displays as Go's error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'a> {
    /// A fixed text.
    Words(&'static str),
    /// `%` without two hexadecimal digits, or one that may not be.
    Escape(&'a [u8]),
    /// A byte that a host cannot have.
    Host(&'a [u8]),
    /// What follows the host and is no port.
    Port(&'a [u8]),
    /// In brackets, and no address.
    Address(address::Mistake<'a>),
}

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Words(words) => f.write_str(words),
            What::Escape(escape) => write!(f, "invalid URL escape {}", GoQuotedBytes(escape)),
            What::Host(byte) => write!(f, "invalid character {} in host name", GoQuotedBytes(byte)),
            What::Port(port) => write!(f, "invalid port {} after host", GoQuotedBytes(port)),
            What::Address(mistake) => write!(f, "invalid host: {mistake}"),
        }
    }
}

/// Which bytes may stand as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// In a path.
    Path,
    /// In a host.
    Host,
    /// In the zone of an address.
    Zone,
    /// In a user's name or password.
    User,
    /// In a name or value of a query.
    Query,
    /// In a fragment.
    Fragment,
}

fn must_escape(byte: u8, encoding: Encoding) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match encoding {
        Encoding::Host | Encoding::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Encoding::Path => !b"$&+,/:;=@".contains(&byte),
        Encoding::User => !b"$&+,;=".contains(&byte),
        Encoding::Query => true,
        Encoding::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
    }
}

fn hex(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The bytes that `part` stands for.
pub(crate) fn unescape<'a>(
    arena: &'a Bump,
    part: &'a [u8],
    encoding: Encoding,
) -> Result<&'a [u8], What<'a>> {
    let mut out = BumpVec::with_capacity_in(part.len(), arena);
    let mut at = 0_usize;
    while let Some(byte) = part.get(at) {
        let rest = part.get(at..).unwrap_or_default();
        let written = rest.get(..rest.len().min(3)).unwrap_or_default();
        match byte {
            b'%' => {
                let (Some(high), Some(low)) = (hex(written.get(1)), hex(written.get(2))) else {
                    return Err(What::Escape(written));
                };
                let value = high << 4 | low;
                let refused = match encoding {
                    // A host may escape what is no ASCII; `%25` opens the zone of an address.
                    Encoding::Host => high < 8 && written != b"%25",
                    Encoding::Zone => {
                        written != b"%25" && value != b' ' && must_escape(value, Encoding::Host)
                    }
                    _ => false,
                };
                if refused {
                    return Err(What::Escape(written));
                }
                out.push(value);
                at = at.saturating_add(3);
                continue;
            }
            b'+' if encoding == Encoding::Query => out.push(b' '),
            _ if matches!(encoding, Encoding::Host | Encoding::Zone)
                && byte.is_ascii()
                && must_escape(*byte, encoding) =>
            {
                return Err(What::Host(rest.get(..1).unwrap_or_default()));
            }
            _ => out.push(*byte),
        }
        at = at.saturating_add(1);
    }
    Ok(out.into_bump_slice())
}

/// Appends `part` with what must be escaped escaped.
fn escape(out: &mut BumpVec<'_, u8>, part: &[u8], encoding: Encoding) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |bits: u8| DIGITS.get(usize::from(bits)).copied().unwrap_or(b'0');
    for byte in part {
        if must_escape(*byte, encoding) {
            out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
}

/// True for nothing, or a colon and digits.
pub(crate) fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|other| *other == byte)
}

fn cut(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match find(text, byte) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(1)..)),
        None => (text, None),
    }
}

/// A part of the text, which was cut at ASCII characters only.
fn text_of(part: &[u8]) -> &str {
    std::str::from_utf8(part).unwrap_or_default()
}

/// Reads `text`.
pub(crate) fn parse<'a>(arena: &'a Bump, text: &'a [u8], form: Form) -> Result<Parsed<'a>, Mistake<'a>> {
    let (url, fragment) = if form == Form::Any { cut(text, b'#') } else { (text, None) };
    let mut parsed = parse_url(arena, url, form).map_err(|what| Mistake { of: url, what })?;
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
        let decoded =
            unescape(arena, fragment, Encoding::Fragment).map_err(|what| Mistake { of: text, what })?;
        parsed.fragment = (text_of(fragment), decoded);
    }
    Ok(parsed)
}

/// The scheme and what follows its colon; the whole text if there is none.
fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), What<'_>> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(What::Words("missing protocol scheme")),
            b':' => {
                let rest = text.get(at.saturating_add(1)..).unwrap_or_default();
                return Ok((text.get(..at).unwrap_or_default(), rest));
            }
            _ => break,
        }
    }
    Ok((&[], text))
}

fn parse_url<'a>(arena: &'a Bump, text: &'a [u8], form: Form) -> Result<Parsed<'a>, What<'a>> {
    let mut parsed = Parsed::default();
    if text.iter().any(u8::is_ascii_control) {
        return Err(What::Words("net/url: invalid control character in URL"));
    }
    if text.is_empty() && form == Form::Request {
        return Err(What::Words("empty url"));
    }
    if text == b"*" {
        parsed.path = ("*", text);
        return Ok(parsed);
    }
    let (scheme, mut rest) = split_scheme(text)?;
    let lower = arena.alloc_str(text_of(scheme));
    lower.make_ascii_lowercase();
    parsed.scheme = lower;
    let has_scheme = !scheme.is_empty();
    match rest.strip_suffix(b"?") {
        Some(before) if find(before, b'?').is_none() => {
            parsed.force_query = true;
            rest = before;
        }
        _ => {
            let (before, query) = cut(rest, b'?');
            rest = before;
            parsed.query = text_of(query.unwrap_or_default());
        }
    }
    if !rest.starts_with(b"/") {
        if has_scheme {
            parsed.opaque = text_of(rest);
            return Ok(parsed);
        }
        if form == Form::Request {
            return Err(What::Words("invalid URI for request"));
        }
        if cut(rest, b'/').0.contains(&b':') {
            return Err(What::Words("first path segment in URL cannot contain colon"));
        }
    }
    let may_have_authority = has_scheme || form == Form::Any && !rest.starts_with(b"///");
    if let Some(after) = rest.strip_prefix(b"//").filter(|_| may_have_authority) {
        let end = find(after, b'/').unwrap_or(after.len());
        let (authority, path) = after.split_at_checked(end).unwrap_or((after, &[]));
        rest = path;
        authority_of(arena, &mut parsed, authority)?;
    } else if has_scheme {
        parsed.omit_host = true;
    }
    parsed.path = (text_of(rest), unescape(arena, rest, Encoding::Path)?);
    Ok(parsed)
}

fn authority_of<'a>(arena: &'a Bump, parsed: &mut Parsed<'a>, authority: &'a [u8]) -> Result<(), What<'a>> {
    let at = authority.iter().rposition(|byte| *byte == b'@');
    let host = at.map_or(authority, |at| authority.get(at.saturating_add(1)..).unwrap_or_default());
    parsed.host = host_of(arena, parsed.scheme, host)?;
    let Some(user) = at.and_then(|at| authority.get(..at)) else { return Ok(()) };
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(allowed) {
        return Err(What::Words("net/url: invalid userinfo"));
    }
    let (name, password) = cut(user, b':');
    let name = unescape(arena, name, Encoding::User)?;
    let password = password.map(|password| unescape(arena, password, Encoding::User)).transpose()?;
    parsed.user = Some((name, password));
    Ok(())
}

fn host_of<'a>(arena: &'a Bump, scheme: &str, host: &'a [u8]) -> Result<&'a [u8], What<'a>> {
    match host.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return literal(arena, host),
        Some(_) => return Err(What::Words("invalid IP-literal")),
        None => {}
    }
    let first = find(host, b':');
    // Only HTTP's own schemes are strict about colons in a host.
    let colon =
        if matches!(scheme, "http" | "https") { first } else { host.iter().rposition(|byte| *byte == b':') };
    let port = colon.and_then(|at| host.get(at..)).unwrap_or_default();
    if !is_port(port) {
        return Err(What::Port(port));
    }
    unescape(arena, host, Encoding::Host)
}

/// A host in brackets: an IPv6 address, with a zone behind `%25`.
fn literal<'a>(arena: &'a Bump, host: &'a [u8]) -> Result<&'a [u8], What<'a>> {
    let Some(close) = host.iter().rposition(|byte| *byte == b']') else {
        return Err(What::Words("missing ']' in host"));
    };
    let port = host.get(close.saturating_add(1)..).unwrap_or_default();
    if !is_port(port) {
        return Err(What::Port(port));
    }
    let name = host.get(1..close).unwrap_or_default();
    let zone = name.windows(3).position(|window| window == b"%25").unwrap_or(name.len());
    let (name, zone) = name.split_at_checked(zone).unwrap_or((name, &[]));
    let mut out = BumpVec::with_capacity_in(host.len(), arena);
    out.push(b'[');
    out.extend_from_slice(unescape(arena, name, Encoding::Host)?);
    out.extend_from_slice(unescape(arena, zone, Encoding::Zone)?);
    let end = out.len();
    out.push(b']');
    out.extend_from_slice(port);
    let whole = out.into_bump_slice();
    let inside = whole.get(1..end).unwrap_or_default();
    match address::parse(inside) {
        Err(mistake) => Err(What::Address(mistake)),
        Ok(address) if address.ip.is_ipv4() => Err(What::Words("invalid IP-literal")),
        Ok(_) => Ok(whole),
    }
}

/// True if `part` may be kept as it was written: what Go escapes is escaped in it, or it is a delimiter that may stand.
fn is_well_escaped(part: &str, encoding: Encoding) -> bool {
    part.bytes().all(|byte| b"!$&'()*+,;=:@[]%".contains(&byte) || !must_escape(byte, encoding))
}

fn written<'a>(arena: &'a Bump, part: (&'a str, &'a [u8]), encoding: Encoding) -> &'a str {
    let (raw, decoded) = part;
    if is_well_escaped(raw, encoding) {
        return raw;
    }
    let mut out = BumpVec::with_capacity_in(decoded.len().saturating_mul(3), arena);
    escape(&mut out, decoded, encoding);
    text_of(out.into_bump_slice())
}

/// True if a part is written as Go would write what it means.
pub(crate) fn is_default(part: (&str, &[u8]), encoding: Encoding) -> bool {
    let (raw, mut decoded) = part;
    let mut rest = raw.as_bytes();
    while let Some((byte, after)) = decoded.split_first() {
        let same = if must_escape(*byte, encoding) {
            let escaped = rest.split_first_chunk::<3>();
            escaped
                .filter(|([percent, high, low], _)| {
                    let upper = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
                    *percent == b'%'
                        && upper
                        && hex(Some(high)) == Some(byte >> 4)
                        && hex(Some(low)) == Some(byte & 15)
                })
                .map(|(_, rest)| rest)
        } else {
            rest.strip_prefix(&[*byte])
        };
        let Some(left) = same else { return false };
        (rest, decoded) = (left, after);
    }
    rest.is_empty()
}

/// Go's `EscapedPath`.
pub(crate) fn escaped_path<'a>(arena: &'a Bump, url: &Parsed<'a>) -> &'a str {
    written(arena, url.path, Encoding::Path)
}

/// Go's `String`.
pub(crate) fn text<'a>(arena: &'a Bump, url: &Parsed<'a>) -> &'a str {
    let mut out: BumpVec<'a, u8> = BumpVec::new_in(arena);
    if !url.scheme.is_empty() {
        out.extend_from_slice(url.scheme.as_bytes());
        out.push(b':');
    }
    if url.opaque.is_empty() {
        let has_host = !url.host.is_empty() || url.user.is_some();
        let path = escaped_path(arena, url);
        if has_host || !url.scheme.is_empty() && !url.omit_host {
            if has_host || !url.path.1.is_empty() {
                out.extend_from_slice(b"//");
            }
            if let Some((name, password)) = url.user {
                escape(&mut out, name, Encoding::User);
                if let Some(password) = password {
                    out.push(b':');
                    escape(&mut out, password, Encoding::User);
                }
                out.push(b'@');
            }
            escape(&mut out, url.host, Encoding::Host);
        }
        if !path.is_empty() && !path.starts_with('/') && !url.host.is_empty() {
            out.push(b'/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(path.as_bytes());
    } else {
        out.extend_from_slice(url.opaque.as_bytes());
    }
    if url.force_query || !url.query.is_empty() {
        out.push(b'?');
        out.extend_from_slice(url.query.as_bytes());
    }
    if !url.fragment.1.is_empty() {
        out.push(b'#');
        out.extend_from_slice(written(arena, url.fragment, Encoding::Fragment).as_bytes());
    }
    text_of(out.into_bump_slice())
}
