//! What a verified token says: its claims as CEL values, and whether it is in force (`jwt.Validate`).

use super::compact;
use crate::error::Raise;
use crate::library::runtime::Runtime;
use crate::library::stdlib::convert::text::why_no_integer;
use crate::time;
use crate::value::json::{JsonError, go};
use crate::value::{GoQuoted, Map, MapBuilder, Value, i64_as_f64};

/// Seconds from Go's year 1 to 1970: where Go's times overflow depends on it.
const GO_EPOCH: i64 = 62_135_596_800;

/// A token's claims.
pub(super) struct Claims<'a> {
    /// All of them, as `google.protobuf.Struct` holds them.
    pub(super) map: Map<'a>,
    /// True if no time in it says that it is not in force.
    pub(super) valid: bool,
}

/// How a list of audiences gets into the claims: Kyverno cannot convert it when the token was verified with a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// As a list of texts.
    List,
    /// Not at all.
    Refused,
}

/// Reads the payload of a token at the time `now`, in seconds since the Unix epoch.
///
/// # Errors
/// jwx's text for a claim of a wrong type.
pub(super) fn read<'a>(
    runtime: &mut Runtime<'a>,
    payload: &'a [u8],
    audience: Audience,
    now: i64,
) -> Result<Claims<'a>, Raise<'a>> {
    let mut claims = match collect(runtime, payload) {
        Ok(claims) => claims,
        Err(JsonError::Text(text)) => {
            return Err(runtime
                .error(format_args!("jwt.Parse: failed to parse token: failed to parse token: {text}")));
        }
        Err(JsonError::Fault(fault)) => return Err(fault.into()),
    };
    let moment = |name: &str| {
        let found = claims.iter().rev().find(|(claim, _)| *claim == name);
        found.and_then(|(_, claim)| match claim {
            Claim::Time(seconds) => Some(seconds.wrapping_add(GO_EPOCH)),
            Claim::Value(_) => None,
        })
    };
    let now = now.wrapping_add(GO_EPOCH);
    let valid = moment("exp").is_none_or(|exp| now < exp)
        && moment("nbf").is_none_or(|nbf| now >= nbf)
        && moment("iat").is_none_or(|iat| now >= iat);
    runtime
        .budget
        .charge_bytes(claims.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>().saturating_mul(2)))?;
    runtime.charge(claims.len())?;
    let mut map = MapBuilder::with_capacity(runtime.arena, claims.len());
    for (name, claim) in claims.drain(..) {
        let value = match claim {
            Claim::Time(seconds) => Value::Double(i64_as_f64(seconds)),
            Claim::Value(value) => value,
        };
        map.insert(Value::String(name), value);
    }
    let map = map.finish();
    // Kyverno takes each claim out of the token before it converts any, and a null cannot be taken out.
    if map.entries().iter().any(|(_, claim)| matches!(claim, Value::Null)) {
        return Err(runtime.error(format_args!(
            "failed to assign value to dst: source value is invalid (<nil>): invalid value (probably an untyped nil)"
        )));
    }
    if audience == Audience::Refused && map.get_str("aud").is_some() {
        return Err(runtime.error(format_args!("proto: invalid type: []string")));
    }
    Ok(Claims { map, valid })
}

enum Claim<'a> {
    Time(i64),
    Value(Value<'a>),
}

fn collect<'a>(
    runtime: &mut Runtime<'a>,
    payload: &'a [u8],
) -> Result<Vec<(&'a str, Claim<'a>)>, JsonError<'a>> {
    let arena = runtime.arena;
    let text = |text: String| JsonError::Text(arena.alloc_str(&text));
    let first = go::first(payload, arena, &mut runtime.budget)?;
    let Some(members) = first.members else { return Err(text(compact::not_an_object(first.raw))) };
    let mut claims = Vec::new();
    for member in members {
        let failed = |error: String| text(format!("failed to decode value for key {}: {error}", member.name));
        let value = go::untyped(member.raw, arena, &mut runtime.budget);
        let claim = match member.name {
            "iss" | "sub" | "jti" => match value {
                Ok(value @ Value::String(_)) => Claim::Value(value),
                Ok(Value::Null) => Claim::Value(Value::String("")),
                Err(fault @ JsonError::Fault(_)) => return Err(fault),
                // A number may be beyond what a double holds; Go does not look at it.
                Ok(_) | Err(JsonError::Text(_)) => {
                    let kind = json_kind(member.raw);
                    return Err(failed(format!(
                        "error reading next value: json: cannot unmarshal {kind} into Go value of type string"
                    )));
                }
            },
            "aud" => match value {
                Ok(value) => Claim::Value(audiences(runtime, value)?.map_err(failed)?),
                Err(JsonError::Text(error)) => {
                    return Err(failed(format!("failed to unmarshal data: {error}")));
                }
                Err(fault) => return Err(fault),
            },
            "exp" | "nbf" | "iat" => match value {
                Ok(value) => Claim::Time(
                    date(&value)
                        .map_err(|error| failed(format!("invalid value for NumericDate: {error}")))?,
                ),
                Err(JsonError::Text(error)) => {
                    return Err(failed(format!("failed to unmarshal date: {error}")));
                }
                Err(fault) => return Err(fault),
            },
            name => match value {
                Ok(value) => Claim::Value(value),
                Err(JsonError::Text(error)) => {
                    return Err(text(format!(
                        "could not decode field {name}: failed to decode field {name}: {error}"
                    )));
                }
                Err(fault) => return Err(fault),
            },
        };
        claims.push((member.name, claim));
    }
    Ok(claims)
}

/// `aud` as a list of texts, also when it is one text.
fn audiences<'a>(
    runtime: &mut Runtime<'a>,
    value: Value<'a>,
) -> Result<Result<Value<'a>, String>, JsonError<'a>> {
    Ok(match value {
        Value::String(_) => {
            runtime.budget.charge_bytes(size_of::<Value<'_>>())?;
            Ok(Value::List(runtime.arena.alloc_slice_copy(&[value])))
        }
        Value::List(list) => match list.iter().find(|element| !matches!(element, Value::String(_))) {
            None => Ok(value),
            Some(other) => Err(format!("invalid list element type {}", go_kind(other))),
        },
        other => Err(format!("invalid type: {}", go_kind(&other))),
    })
}

fn json_kind(raw: &[u8]) -> &'static str {
    match raw.first() {
        Some(b't' | b'f') => "bool",
        Some(b'[') => "array",
        Some(b'{') => "object",
        _ => "number",
    }
}

fn go_kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        _ => "float64",
    }
}

/// The whole seconds of a date: a number, a text of digits, or a text as of RFC 3339.
fn date(value: &Value<'_>) -> Result<i64, String> {
    match value {
        Value::Double(number) => {
            let text = format!("{number:.9}");
            seconds(&text).map_err(|error| format!("failed to accept float32 {text}: {error}"))
        }
        Value::String(text) => {
            seconds(text).map_err(|error| format!("failed to accept string {}: {error}", GoQuoted(text)))
        }
        other => Err(format!("invalid type {}", go_kind(other))),
    }
}

fn seconds(text: &str) -> Result<i64, String> {
    if text.bytes().any(|c| !c.is_ascii_digit() && c != b'.') {
        return time::parse(text).map(|time| time.seconds).map_err(|error| {
            format!(
                "value is not number of seconds since the epoch, and attempt to parse it as RFC3339 timestamp failed: \
                 {error}"
            )
        });
    }
    let whole = match text.find('.') {
        Some(at) if at > 0 => text.get(..at).unwrap_or_default(),
        _ => text,
    };
    whole.parse().map_err(|_| {
        let why = why_no_integer(whole);
        let quoted = GoQuoted(whole);
        format!("failed to parse whole value {quoted}: strconv.ParseInt: parsing {quoted}: {why}")
    })
}
